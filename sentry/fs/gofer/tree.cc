// Changes of names, through the gofer; every reply carries the directory's new attributes.
#include "abi/fcntl.h"
#include "sentry/fs/gofer/inode.h"

namespace ringwall::goferfs {

Result<vfs::NewFileOwner> GoferInode::OwnerOf(Context& ctx, uint32_t mode) {
  const vfs::Attributes mine = TRY(GetAttributes(ctx));
  return vfs::OwnerOfNewFile(ctx, mine, mode);
}

namespace {
gofer::NewFileOwner ToRequest(const vfs::NewFileOwner& owner) { return {owner.mode & abi::kS_IALLUGO, owner.uid, owner.gid}; }
}  // namespace

Ref<GoferInode> GoferInode::Made(Context& ctx, uint64_t seen, const gofer::NewNode& made, std::string_view name) {
  const int64_t now = NowNs(ctx);
  StoreIfUnchanged(seen, Convert(made.directory), now);
  return fs().Adopt({made.node, made.attributes}, RefPtr<GoferInode>::Share(this), name, now);
}

Result<Ref<vfs::Inode>> GoferInode::Create(Context& ctx, std::string_view name, uint32_t mode) {
  const vfs::NewFileOwner owner = TRY(OwnerOf(ctx, mode));
  const uint64_t seen = BeginChange();
  const Prefetch::NameChange change(fs().prefetch(), node().id().value, name);
  gofer::NewNode made = TRY(client().Create(node(), name, ToRequest(owner), gofer::OpenFlag::kRead | gofer::OpenFlag::kWrite));
  Ref<GoferInode> inode = Made(ctx, seen, made, name);
  // open(2) comes next.
  if (made.file.valid()) fs().descriptors().Insert(inode.get(), true, MakeRef<SharedFd>(std::move(made.file)));
  return Ref<vfs::Inode>(std::move(inode));
}

Result<Ref<vfs::Inode>> GoferInode::Mkdir(Context& ctx, std::string_view name, uint32_t mode) {
  const vfs::NewFileOwner owner = TRY(OwnerOf(ctx, mode));
  const uint64_t seen = BeginChange();
  const Prefetch::NameChange change(fs().prefetch(), node().id().value, name);
  const gofer::NewNode made = TRY(client().Mkdir(node(), name, ToRequest(owner)));
  return Ref<vfs::Inode>(Made(ctx, seen, made, name));
}

Result<Ref<vfs::Inode>> GoferInode::Mknod(Context& ctx, std::string_view name, uint32_t mode, uint64_t) {
  const uint32_t type = mode & abi::kS_IFMT;
  // Differs from Linux: no device nodes on host file systems, whatever the guest's capabilities.
  if (type != abi::kS_IFREG && type != abi::kS_IFIFO && type != abi::kS_IFSOCK) return Errno::kEPERM;
  const vfs::NewFileOwner owner = TRY(OwnerOf(ctx, mode));
  const uint64_t seen = BeginChange();
  const Prefetch::NameChange change(fs().prefetch(), node().id().value, name);
  const gofer::NewNode made = TRY(client().Mknod(node(), name, ToRequest(owner), type));
  Ref<GoferInode> inode = Made(ctx, seen, made, name);
  if (type != abi::kS_IFREG) fs().Pin(inode);
  return Ref<vfs::Inode>(std::move(inode));
}

Result<Ref<vfs::Inode>> GoferInode::Symlink(Context& ctx, std::string_view name, std::string_view target) {
  const vfs::NewFileOwner owner = TRY(OwnerOf(ctx, abi::kS_IFLNK | 0777));
  const uint64_t seen = BeginChange();
  const Prefetch::NameChange change(fs().prefetch(), node().id().value, name);
  const gofer::NewNode made = TRY(client().Symlink(node(), name, ToRequest(owner), target));
  Ref<GoferInode> inode = Made(ctx, seen, made, name);
  inode->KeepTarget(std::string(target));
  return Ref<vfs::Inode>(std::move(inode));
}

Result<void> GoferInode::Link(Context& ctx, std::string_view name, vfs::Inode& target) {
  auto& file = static_cast<GoferInode&>(target);
  const uint64_t seen = BeginChange();
  const uint64_t file_seen = file.BeginChange();
  const Prefetch::NameChange change(fs().prefetch(), node().id().value, name);
  const gofer::LinkedFile linked = TRY(client().Link(file.node(), node(), name));
  StoreIfUnchanged(seen, Convert(linked.directory), NowNs(ctx));
  file.StoreIfUnchanged(file_seen, file.Convert(linked.file), NowNs(ctx));
  return {};
}

Result<void> GoferInode::Remove(Context& ctx, std::string_view name, vfs::Inode& victim, gofer::UnlinkKind kind) {
  auto& gone = static_cast<GoferInode&>(victim);
  const uint64_t seen = BeginChange();
  const Prefetch::NameChange change(fs().prefetch(), node().id().value, name);
  const gofer::Attributes directory = TRY(client().Unlink(node(), name, kind));
  gone.Changed();
  if (!gone.IsDirectory()) gone.removed_.store(true, std::memory_order_relaxed);
  fs().Unpin(gone);
  StoreIfUnchanged(seen, Convert(directory), NowNs(ctx));
  return {};
}

Result<void> GoferInode::Unlink(Context& ctx, std::string_view name, vfs::Inode& victim) {
  return Remove(ctx, name, victim, gofer::UnlinkKind::kFile);
}

Result<void> GoferInode::Rmdir(Context& ctx, std::string_view name, vfs::Inode& victim) {
  return Remove(ctx, name, victim, gofer::UnlinkKind::kDirectory);
}

Result<void> GoferInode::Rename(Context& ctx, std::string_view name, vfs::Inode& moved, vfs::Inode& new_dir, std::string_view new_name,
                                vfs::Inode* replaced, uint32_t flags) {
  gofer::Mask<gofer::RenameFlag> how;
  if ((flags & abi::kRENAME_WHITEOUT) != 0) return Errno::kEINVAL;
  const bool exchange = (flags & abi::kRENAME_EXCHANGE) != 0;
  if (exchange) how = gofer::RenameFlag::kExchange;
  auto& target_dir = static_cast<GoferInode&>(new_dir);
  auto& file = static_cast<GoferInode&>(moved);
  auto* other = static_cast<GoferInode*>(replaced);
  const uint64_t old_seen = BeginChange();
  const uint64_t new_seen = &target_dir == this ? old_seen : target_dir.BeginChange();
  const Prefetch::NameChange change(fs().prefetch(), node().id().value, name);
  const Prefetch::NameChange new_change(fs().prefetch(), target_dir.node().id().value, new_name);
  const gofer::RenamedDirectories renamed = TRY(client().Rename(node(), name, target_dir.node(), new_name, how));
  const int64_t now = NowNs(ctx);
  StoreIfUnchanged(old_seen, Convert(renamed.old_directory), now);
  target_dir.StoreIfUnchanged(new_seen, target_dir.Convert(renamed.new_directory), now);
  file.Changed();
  file.Moved(RefPtr<GoferInode>::Share(&target_dir), new_name);
  if (other != nullptr) {
    other->Changed();
    if (exchange) {
      other->Moved(RefPtr<GoferInode>::Share(this), name);
    } else {
      fs().Unpin(*other);
    }
  }
  return {};
}

}  // namespace ringwall::goferfs
