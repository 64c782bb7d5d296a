// Attributes, lookup and merged listings; xattrs. Copying up is in copy_up.cc, changes of names in tree.cc.
#include "sentry/fs/overlay/inode.h"

#include "abi/fcntl.h"
#include "abi/statfs.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/flat_delete.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/special.h"

namespace ringwall::overlay {

namespace {

constexpr std::string_view kPrivateXattrs = "trusted.overlay.";
constexpr std::string_view kOpaqueXattr = "trusted.overlay.opaque";
constexpr uint8_t kDtChr = 2;

class CollectSink final : public vfs::DirSink {
 public:
  explicit CollectSink(std::vector<Listed>& out) : out_(out) {}
  bool Add(std::string_view name, uint64_t ino, uint8_t type, int64_t) override {
    if (taken_ == kBatch) return false;
    ++taken_;
    if (name != "." && name != "..") out_.push_back({std::string(name), ino, type});
    return true;
  }
  size_t taken() const { return taken_; }

 private:
  static constexpr size_t kBatch = 4096;
  std::vector<Listed>& out_;
  size_t taken_ = 0;
};

}  // namespace

Result<Ref<vfs::File>> OpenLayer(Context& ctx, vfs::Inode& inode, uint32_t flags) {
  return inode.Open(ctx, vfs::AnonymousPath(Ref<vfs::Inode>(inode), "overlay"), vfs::OpenRequest{.flags = flags});
}

Result<std::vector<Listed>> ListLayer(Context& ctx, vfs::Inode& directory) {
  const Ref<vfs::File> file = TRY(OpenLayer(ctx, directory, abi::kO_RDONLY | abi::kO_DIRECTORY));
  std::vector<Listed> out;
  for (uint64_t position = 0;;) {
    CollectSink sink(out);
    TRY(file->ReadDirAt(ctx, sink, position));
    if (sink.taken() == 0) return out;
  }
}

bool IsWhiteout(Context& ctx, vfs::Inode& upper) {
  if (upper.type() != abi::kS_IFCHR) return false;
  const Result<vfs::Attributes> attributes = upper.GetAttributes(ctx);
  return attributes.ok() && attributes->rdev == 0;
}

OverlayInode::OverlayInode(OverlayFs& fs, uint32_t type, RefPtr<vfs::Inode> upper, RefPtr<vfs::Inode> lower, const Origin& origin,
                           RefPtr<OverlayInode> parent, std::string_view name)
    : Inode(fs, type),
      lower_(std::move(lower)),
      upper_(upper ? std::move(upper).ToRef().Leak() : nullptr),
      origin_dev_(origin.dev),
      origin_ino_(origin.ino),
      parent_(std::move(parent)),
      name_(name) {}

OverlayInode::~OverlayInode() {
  if (vfs::Inode* inode = upper()) inode->Release();
}

void OverlayInode::OnLastRef() const {
  fs().Forget(*this);
  // A child holds its parent: chains may be as deep as a tree.
  vfs::FlatDelete::Run(this, [](const RefCounted* object) { delete static_cast<const OverlayInode*>(object); });
}

bool OverlayInode::dead() const {
  MutexLock lock(mu_);
  return dead_;
}

void OverlayInode::MarkDead() {
  MutexLock lock(mu_);
  dead_ = true;
}

Result<vfs::Attributes> OverlayInode::GetAttributes(Context& ctx) {
  vfs::Inode* up = upper();
  vfs::Attributes attributes = TRY((up != nullptr ? up : lower_.get())->GetAttributes(ctx));
  const Origin from = origin();
  if (up == nullptr) {
    attributes.dev = fs().GuestDev(attributes.dev);
    if (dead()) attributes.nlink = 0;
  } else if (from) {
    // A file keeps its number over the copy-up.
    attributes.dev = from.dev;
    attributes.ino = from.ino;
  } else {
    attributes.dev = fs().dev();
    attributes.ino |= kUpperInoBit;
  }
  if (IsDirectory()) {
    // Nobody counts the subdirectories of a merged directory: 1 tells find(1) and fts(3) not to rely on it.
    if (up != nullptr && lower_) attributes.nlink = dead() ? 0 : 1;
  } else if (from) {
    if (const std::optional<OverlayFs::Linked> linked = fs().FindLinked(from)) attributes.nlink = linked->names;
  }
  return attributes;
}

Result<void> OverlayInode::SetAttributes(Context& ctx, const vfs::AttributeChange& change) {
  // open(2) with O_TRUNC of a large lower file copies nothing.
  const bool resize = (change.mask & vfs::AttributeChange::kSize) != 0;
  const Ref<vfs::Inode> up = TRY(CopyUp(ctx, resize ? change.size : ~uint64_t{0}));
  return up->SetAttributes(ctx, change);
}

Result<std::shared_ptr<const OverlayInode::LowerNames>> OverlayInode::Names(Context& ctx) {
  {
    MutexLock lock(mu_);
    if (lower_names_ != nullptr) return lower_names_;
  }
  auto names = std::make_shared<LowerNames>();
  if (lower_) {
    names->entries = TRY(ListLayer(ctx, *lower_));
    for (const Listed& entry : names->entries) names->names.insert(entry.name);
  }
  MutexLock lock(mu_);
  if (lower_names_ == nullptr) lower_names_ = std::move(names);
  return lower_names_;
}

Result<bool> OverlayInode::LowerHas(Context& ctx, std::string_view name) {
  if (!lower_) return false;
  const std::shared_ptr<const LowerNames> names = TRY(Names(ctx));
  return names->Has(name);
}

Result<Ref<vfs::Inode>> OverlayInode::LowerChild(Context& ctx, std::string_view name) {
  if (!lower_) return Errno::kENOENT;
  if (upper() != nullptr) {
    // Most new names of a changed directory are only above: no request for each of those.
    const bool there = TRY(LowerHas(ctx, name));
    if (!there) return Errno::kENOENT;
  }
  return lower_->Lookup(ctx, name);
}

Result<RefPtr<vfs::Inode>> OverlayInode::UpperChild(Context& ctx, std::string_view name) {
  vfs::Inode* up = upper();
  if (up == nullptr) return RefPtr<vfs::Inode>();
  Result<Ref<vfs::Inode>> found = up->Lookup(ctx, name);
  if (found.ok()) return RefPtr<vfs::Inode>(std::move(found).value());
  if (found.error() == Errno::kENOENT) return RefPtr<vfs::Inode>();
  return found.error();
}

Result<Ref<vfs::Inode>> OverlayInode::Lookup(Context& ctx, std::string_view name) {
  if (!IsDirectory()) return Errno::kENOTDIR;
  RefPtr<vfs::Inode> above = TRY(UpperChild(ctx, name));
  RefPtr<vfs::Inode> below;
  if (above) {
    if (IsWhiteout(ctx, *above)) return Errno::kENOENT;
    if (above->IsDirectory()) {
      below = fs().Redirected(above.get());
      if (!below && lower_ && !above->GetXattr(ctx, kOpaqueXattr).ok()) {
        Result<Ref<vfs::Inode>> found = LowerChild(ctx, name);
        if (!found.ok()) {
          if (found.error() != Errno::kENOENT) return found.error();
        } else if ((*found)->IsDirectory()) {
          below = std::move(found).value();
        }
      }
    }
  } else {
    below = TRY(LowerChild(ctx, name));
  }
  Ref<OverlayInode> inode = TRY(fs().Wrap(ctx, std::move(above), std::move(below), RefPtr<OverlayInode>::Share(this), name));
  return Ref<vfs::Inode>(std::move(inode));
}

std::vector<Ref<vfs::Inode>> OverlayInode::LookupMany(Context& ctx, absl::Span<const std::string_view> names) {
  std::vector<Ref<vfs::Inode>> out;
  RefPtr<OverlayInode> at = RefPtr<OverlayInode>::Share(this);
  while (out.size() < names.size() && at->IsDirectory()) {
    const absl::Span<const std::string_view> rest = names.subspan(out.size());
    Result<RefPtr<vfs::Inode>> above = at->UpperChild(ctx, rest[0]);
    if (!above.ok()) return out;
    if (*above) {
      Result<Ref<vfs::Inode>> found = at->Lookup(ctx, rest[0]);
      if (!found.ok()) return out;
      at = RefPtr<OverlayInode>::Share(static_cast<OverlayInode*>(found->get()));
      out.push_back(std::move(found).value());
      continue;
    }
    // Below a directory without an upper half nothing has one: the whole run is one question to the lower layer.
    if (!at->lower_) return out;
    if (at->upper() != nullptr) {
      const Result<bool> there = at->LowerHas(ctx, rest[0]);
      if (!there.ok() || !*there) return out;
    }
    std::vector<Ref<vfs::Inode>> run = at->lower_->LookupMany(ctx, rest);
    if (run.empty()) return out;
    for (size_t i = 0; i < run.size(); ++i) {
      Result<Ref<OverlayInode>> wrapped = fs().Wrap(ctx, nullptr, std::move(run[i]), at, rest[i]);
      if (!wrapped.ok()) return out;
      at = *wrapped;
      out.push_back(std::move(wrapped).value());
      // Copied up meanwhile: what the lower layer says of its children is not the whole truth.
      if (at->IsDirectory() && at->upper() != nullptr) break;
      if (i + 1 == run.size()) return out;
    }
  }
  return out;
}

Result<std::vector<Listed>> OverlayInode::ListMerged(Context& ctx) {
  std::vector<Listed> out;
  const std::shared_ptr<const LowerNames> names = TRY(Names(ctx));
  vfs::Inode* up = upper();
  absl::flat_hash_set<std::string> above;
  if (up != nullptr) {
    std::vector<Listed> listed = TRY(ListLayer(ctx, *up));
    for (Listed& entry : listed) {
      if (lower_) above.insert(entry.name);
      Result<Ref<vfs::Inode>> child = up->Lookup(ctx, entry.name);
      if (!child.ok() || (entry.type == kDtChr && IsWhiteout(ctx, **child))) continue;
      // The number that stat will give: of the lower file it once was, or marked as the upper layer's.
      Result<Ref<vfs::Inode>> mine = Lookup(ctx, entry.name);
      if (!mine.ok()) continue;
      const Origin from = static_cast<OverlayInode&>(**mine).origin();
      entry.ino = from ? from.ino : entry.ino | kUpperInoBit;
      out.push_back(std::move(entry));
    }
  }
  for (const Listed& entry : names->entries) {
    if (!above.contains(entry.name)) out.push_back(entry);
  }
  return out;
}

Result<std::string> OverlayInode::ReadLink(Context& ctx) { return real().ReadLink(ctx); }

Result<Ref<vfs::File>> OverlayInode::Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) {
  switch (type()) {
    case abi::kS_IFDIR: return MakeDirectory(path, request.flags);
    case abi::kS_IFREG: {
      if (request.write()) TRY(CopyUp(ctx));
      vfs::Inode* up = upper();
      Ref<vfs::File> inner = TRY(OpenLayer(ctx, up != nullptr ? *up : *lower_, request.flags & ~abi::kO_APPEND));
      return MakeFile(path, request.flags, std::move(inner), up != nullptr);
    }
    case abi::kS_IFLNK: return Errno::kELOOP;
    default: return vfs::OpenSpecial(ctx, *this, path, request);
  }
}

Result<std::string> OverlayInode::GetXattr(Context& ctx, std::string_view name) {
  if (name.starts_with(kPrivateXattrs)) return Errno::kENODATA;
  return real().GetXattr(ctx, name);
}

Result<void> OverlayInode::SetXattr(Context& ctx, std::string_view name, std::string_view value, uint32_t flags) {
  if (name.starts_with(kPrivateXattrs)) return Errno::kEPERM;
  const Ref<vfs::Inode> up = TRY(CopyUp(ctx));
  return up->SetXattr(ctx, name, value, flags);
}

Result<std::vector<std::string>> OverlayInode::ListXattr(Context& ctx) {
  std::vector<std::string> names = TRY(real().ListXattr(ctx));
  std::erase_if(names, [](const std::string& name) { return name.starts_with(kPrivateXattrs); });
  return names;
}

Result<void> OverlayInode::RemoveXattr(Context& ctx, std::string_view name) {
  if (name.starts_with(kPrivateXattrs)) return Errno::kEPERM;
  // Nothing is copied only to find out that the name is not there.
  if (upper() == nullptr) TRY(lower_->GetXattr(ctx, name));
  const Ref<vfs::Inode> up = TRY(CopyUp(ctx));
  return up->RemoveXattr(ctx, name);
}

Result<vfs::FileSystemStats> OverlayInode::StatFs(Context& ctx) {
  vfs::FileSystemStats stats = TRY(fs().work()->StatFs(ctx));
  stats.type = static_cast<uint64_t>(abi::kOVERLAYFS_SUPER_MAGIC);
  stats.id = fs().dev();
  return stats;
}

}  // namespace ringwall::overlay
