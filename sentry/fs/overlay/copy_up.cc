// Copying up: the first change of a lower file makes its upper twin, with data, owner, mode, times and extended attributes.
#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "abi/fcntl.h"
#include "sentry/fs/overlay/inode.h"
#include "sentry/vfs/file.h"

namespace ringwall::overlay {

namespace {

constexpr std::string_view kOriginXattr = "trusted.overlay.origin";
constexpr size_t kPiece = 128 << 10;

Result<void> CopyData(Context& ctx, vfs::Inode& from, vfs::Inode& to, uint64_t size) {
  if (size == 0) return {};
  const Ref<vfs::File> in = TRY(OpenLayer(ctx, from, abi::kO_RDONLY));
  const Ref<vfs::File> out = TRY(OpenLayer(ctx, to, abi::kO_WRONLY));
  std::vector<std::byte> buffer(std::min<uint64_t>(kPiece, size));
  uint64_t written = 0;
  for (uint64_t offset = 0; offset < size;) {
    mm::KernelSink sink(absl::MakeSpan(buffer).subspan(0, std::min<uint64_t>(buffer.size(), size - offset)));
    const size_t n = TRY(in->PRead(ctx, sink, offset));
    if (n == 0) break;
    // Holes stay holes.
    if (std::all_of(buffer.begin(), buffer.begin() + static_cast<ptrdiff_t>(n), [](std::byte b) { return b == std::byte{0}; })) {
      offset += n;
      continue;
    }
    mm::KernelSource source(absl::MakeConstSpan(buffer).subspan(0, n));
    while (source.remaining() != 0) {
      const size_t moved = TRY(out->PWrite(ctx, source, offset));
      if (moved == 0) return Errno::kENOSPC;
      offset += moved;
    }
    written = offset;
  }
  if (written < size) return to.SetAttributes(ctx, {.mask = vfs::AttributeChange::kSize, .size = size});
  return {};
}

Result<void> Remove(Context& ctx, vfs::Inode& directory, const std::string& name, vfs::Inode& child) {
  return child.IsDirectory() ? directory.Rmdir(ctx, name, child) : directory.Unlink(ctx, name, child);
}

}  // namespace

// The upper twin under its name. `unnamed` is a regular file with its data, which only lacks the name; an empty name leaves it so.
Result<Ref<vfs::Inode>> OverlayInode::MakeUpperLocked(Context& ctx, vfs::Inode& directory, const std::string& name,
                                                      const vfs::Attributes& from, RefPtr<vfs::Inode> unnamed) {
  RefPtr<vfs::Inode> made = std::move(unnamed);
  const uint32_t bits = from.mode & abi::kS_IALLUGO;
  const bool regular = static_cast<bool>(made);
  if (IsDirectory()) {
    made = TRY(directory.Mkdir(ctx, name, abi::kS_IFDIR | bits));
  } else if (IsSymlink()) {
    const std::string target = TRY(lower_->ReadLink(ctx));
    made = TRY(directory.Symlink(ctx, name, target));
  } else if (!regular) {
    made = TRY(directory.Mknod(ctx, name, type() | bits, from.rdev));
  }
  const auto finish = [&]() -> Result<void> {
    if (!IsDirectory()) {
      const Origin mine = origin();
      std::string text(sizeof mine.dev + sizeof mine.ino, '\0');
      std::memcpy(text.data(), &mine.dev, sizeof mine.dev);
      std::memcpy(text.data() + sizeof mine.dev, &mine.ino, sizeof mine.ino);
      TRY(made->SetXattr(ctx, kOriginXattr, text, 0));
    }
    using Change = vfs::AttributeChange;
    Change change{.mask = Change::kUid | Change::kGid | Change::kAtime | Change::kMtime,
                  .mode = bits,
                  .uid = from.uid,
                  .gid = from.gid,
                  .atime = from.atime,
                  .mtime = from.mtime};
    if (!IsSymlink()) change.mask |= Change::kMode;
    TRY(made->SetAttributes(ctx, change));
    if (regular && !name.empty()) TRY(directory.Link(ctx, name, *made));
    return {};
  };
  const Result<void> finished = finish();
  if (!finished.ok()) {
    if (!regular) (void)Remove(ctx, directory, name, *made).ok();
    return finished.error();
  }
  return std::move(made).ToRef();
}

Result<Ref<vfs::Inode>> OverlayInode::CopyUp(Context& caller, uint64_t data_limit) {
  if (vfs::Inode* up = upper()) return Ref<vfs::Inode>(*up);
  CopyContext ctx(caller);
  const vfs::Attributes from = TRY(lower_->GetAttributes(ctx));
  // All names of the file lead to one copy, which lives in the work directory.
  const bool linked = !IsDirectory() && from.nlink > 1;
  RefPtr<vfs::Inode> directory = fs().work();
  std::string name = name_;
  if (linked) {
    name = fs().UniqueName();
  } else if (!dead()) {
    directory = TRY(parent_->CopyUp(caller));
  }
  std::vector<std::pair<std::string, std::string>> xattrs;
  const Result<std::vector<std::string>> names = lower_->ListXattr(ctx);
  if (names.ok()) {
    for (const std::string& xattr : *names) {
      if (xattr.starts_with("trusted.overlay.")) continue;
      Result<std::string> value = lower_->GetXattr(ctx, xattr);
      if (value.ok()) xattrs.emplace_back(xattr, std::move(value).value());
    }
  }
  RefPtr<vfs::Inode> unnamed;
  if (IsRegular()) {
    // The data goes into a file without a name, so that no lock is held meanwhile; of two that copy, one copy is dropped.
    unnamed = TRY(fs().work()->Tmpfile(ctx, abi::kS_IFREG | 0600));
    TRY(CopyData(ctx, *lower_, *unnamed, std::min(from.size, data_limit)));
  }
  // A symlink's text and a child's lookups in the lower layer may ask the gofer: before the lock.
  if (IsSymlink()) TRY(lower_->ReadLink(ctx));

  RefPtr<vfs::Inode> fresh;  // outlives the lock
  vfs::FileSystem::NameChange change(fs());
  MutexLockNested lock(fs().copy_up_mutex());
  if (vfs::Inode* up = upper()) return Ref<vfs::Inode>(*up);
  if (dead()) {
    // Differs from Linux: a removed directory, symlink or special file that was never changed can't be changed any more.
    if (!unnamed) return Errno::kENOENT;
    name.clear();
  }
  const vfs::Attributes above = TRY(directory->GetAttributes(ctx));
  fresh = TRY(MakeUpperLocked(ctx, *directory, name, from, std::move(unnamed)));
  for (const auto& [xattr, value] : xattrs) {
    // What the upper layer has no room or no place for is lost, as between file systems.
    (void)fresh->SetXattr(ctx, xattr, value, 0).ok();
  }
  // The directory did not change as far as guests can tell.
  using Change = vfs::AttributeChange;
  TRY(directory->SetAttributes(ctx, {.mask = Change::kAtime | Change::kMtime, .atime = above.atime, .mtime = above.mtime}));
  if (linked && !name.empty()) fs().SetLinkedUpper(origin(), from.nlink, fresh.ToRef(), name);
  vfs::Inode* raw = fresh.ToRef().Leak();
  fs().AddUpper(*this, *raw);
  upper_.store(raw, std::memory_order_release);
  return fresh.ToRef();
}

}  // namespace ringwall::overlay
