// open(2), openat2(2): creation, truncation, permissions, O_PATH, O_TMPFILE; opening for execve(2).
#include <utility>

#include "abi/capability.h"
#include "abi/fcntl.h"
#include "sentry/vfs/lookup.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/operations.h"

namespace ringwall::vfs {

namespace {

// O_PATH: a place, not an open file (open(2)).
class PathFile final : public File {
 public:
  static constexpr FileKind kKind = FileKind::kPath;
  PathFile(Path path, uint32_t flags) : File(kKind, std::move(path), flags) {}
  Result<size_t> Read(Context&, mm::IoSink&) override { return Errno::kEBADF; }
  Result<size_t> Write(Context&, mm::IoSource&) override { return Errno::kEBADF; }
  Result<int64_t> Seek(Context&, int64_t, int32_t) override { return Errno::kEBADF; }
  Result<void> ReadDir(Context&, DirSink&) override { return Errno::kEBADF; }
  Result<int64_t> Ioctl(Context&, uint32_t, uint64_t) override { return Errno::kEBADF; }
  Result<void> Sync(Context&, bool) override { return Errno::kEBADF; }
  Result<void> Allocate(Context&, int32_t, uint64_t, uint64_t) override { return Errno::kEBADF; }
  Result<Ref<mm::Mappable>> Mmap(Context&) override { return Errno::kEBADF; }
  Result<void> SetAttributes(Context&, const AttributeChange&) override { return Errno::kEBADF; }
};

// Access mode 3 checks for both and allows neither (open(2), BUGS).
uint32_t AccessBits(uint32_t flags) {
  uint32_t access = 0;
  const uint32_t mode = flags & abi::kO_ACCMODE;
  if (mode != abi::kO_WRONLY) access |= abi::kR_OK;
  if (mode != abi::kO_RDONLY) access |= abi::kW_OK;
  if ((flags & abi::kO_TRUNC) != 0) access |= abi::kW_OK;
  return access;
}

// i_writecount as a claim: taken before the inode's Open makes a File that counts for itself.
class WriteClaim {
 public:
  WriteClaim() = default;
  WriteClaim(const WriteClaim&) = delete;
  WriteClaim& operator=(const WriteClaim&) = delete;
  ~WriteClaim() {
    if (inode_) inode_->write_count.fetch_sub(1, std::memory_order_acq_rel);
  }
  Result<void> Take(Inode& inode) {
    if (!inode.IsRegular()) return {};
    int32_t n = inode.write_count.load(std::memory_order_relaxed);
    do {
      if (n < 0) return Errno::kETXTBSY;
    } while (!inode.write_count.compare_exchange_weak(n, n + 1, std::memory_order_acq_rel));
    inode_ = RefPtr<Inode>::Share(&inode);
    return {};
  }

 private:
  RefPtr<Inode> inode_;
};

class ExecClaim final : public RefCounted {
 public:
  explicit ExecClaim(Ref<Inode> inode) : inode_(std::move(inode)) {}

 private:
  ~ExecClaim() override { inode_->write_count.fetch_add(1, std::memory_order_acq_rel); }
  const Ref<Inode> inode_;
};

Result<void> TruncateLocked(Context& ctx, Inode& inode, uint64_t size) {
  const Attributes attributes = TRY(inode.GetAttributes(ctx));
  AttributeChange change{.mask = AttributeChange::kSize, .size = size};
  const uint32_t mode = ModeAfterWrite(ctx, attributes.mode);
  if (mode != attributes.mode) {
    change.mask |= AttributeChange::kMode;
    change.mode = mode & abi::kS_IALLUGO;
  }
  return inode.SetAttributes(ctx, change);
}

// Everything after the place is known. `created`: the caller just made the file, which needs no permission and no truncation.
Result<Ref<File>> OpenFound(Context& ctx, const Path& path, uint32_t flags, bool created) {
  Inode& inode = path.inode();
  const uint32_t type = inode.type();
  if ((flags & abi::kO_PATH) != 0) {
    const uint32_t kept = flags & (abi::kO_PATH | abi::kO_DIRECTORY | abi::kO_NOFOLLOW | abi::kO_CLOEXEC);
    return Ref<File>(MakeRef<PathFile>(path, kept));
  }
  if (type == abi::kS_IFLNK) return Errno::kELOOP;
  uint32_t access = created ? 0 : AccessBits(flags);
  if (type == abi::kS_IFDIR && (AccessBits(flags) & abi::kW_OK) != 0) return Errno::kEISDIR;
  if ((type == abi::kS_IFCHR || type == abi::kS_IFBLK) && path.mount && path.mount->flags().no_dev) return Errno::kEACCES;
  // Truncation is about regular files (open(2): "otherwise ... unspecified"; Linux ignores it).
  if (type != abi::kS_IFREG) flags &= ~abi::kO_TRUNC;
  const bool writes = type == abi::kS_IFREG && ((flags & abi::kO_ACCMODE) != abi::kO_RDONLY || (flags & abi::kO_TRUNC) != 0);
  if (writes) TRY(CheckWritable(path));
  if (access != 0) TRY(CheckAccess(ctx, inode, access));
  if ((flags & abi::kO_NOATIME) != 0 && !created) {
    const Attributes attributes = TRY(inode.GetAttributes(ctx));
    TRY(CheckOwner(ctx, attributes));
  }
  WriteClaim claim;
  if (writes) TRY(claim.Take(inode));
  const bool truncates = (flags & abi::kO_TRUNC) != 0 && !created;
  if (truncates) TRY(TruncateLocked(ctx, inode, 0));
  Ref<File> file = TRY(inode.Open(ctx, path, OpenRequest{.flags = flags}));
  NotifyFile(file, abi::kIN_OPEN);
  if (truncates) NotifyDentry(*path.dentry, abi::kIN_MODIFY);
  return file;
}

Result<Ref<File>> OpenTmpfile(Context& ctx, const WalkStart& start, std::string_view path, const OpenHow& how, uint32_t umask) {
  if ((AccessBits(how.flags) & abi::kW_OK) == 0) return Errno::kEINVAL;
  WalkOptions options = how.walk;
  options.must_be_directory = true;
  options.last = (how.flags & abi::kO_NOFOLLOW) != 0 ? LastSymlink::kKeep : LastSymlink::kFollow;
  const Path directory = TRY(Walk(ctx, start, path, options));
  TRY(CheckWritable(directory));
  TRY(CheckAccess(ctx, directory.inode(), abi::kW_OK | abi::kX_OK));
  Ref<Inode> inode = TRY(directory.inode().Tmpfile(ctx, (how.mode & abi::kS_IALLUGO & ~umask) | abi::kS_IFREG));
  // On the directory's mount, but in no directory: /proc shows "#ino (deleted)".
  Ref<Dentry> dentry = Dentry::MakeRoot(inode, "#unnamed");
  const Path place{directory.mount, std::move(dentry)};
  place.dentry->MarkUnlinked();
  return OpenFound(ctx, place, how.flags & ~(abi::kO_TMPFILE | abi::kO_CREAT), true);
}

// Makes the file `last` names. EEXIST when somebody else was faster.
Result<Path> CreateChild(Context& ctx, const LastComponent& last, uint32_t mode) {
  Dentry& parent = *last.parent.dentry;
  Inode& directory = *parent.inode_raw();
  if (!directory.ChangesNames()) {
    // The caller has just seen that the name is not there.
    TRY(CheckWritable(last.parent));
    TRY(CheckAccess(ctx, directory, abi::kW_OK | abi::kX_OK));
    Result<Ref<Inode>> refused = directory.Create(ctx, last.name, mode);
    return refused.ok() ? Errno::kEACCES : refused.error();
  }
  MutexLock lock(parent.directory_mutex());
  if (parent.IsUnlinked()) return Errno::kENOENT;
  Result<Ref<Dentry>> there = LookUpToCreate(ctx, last);
  if (there.ok()) return Errno::kEEXIST;
  if (there.error() != Errno::kENOENT) return there.error();
  TRY(CheckWritable(last.parent));
  TRY(CheckAccess(ctx, directory, abi::kW_OK | abi::kX_OK));
  FileSystem::NameChange change(directory.file_system());
  Ref<Inode> inode = TRY(directory.Create(ctx, last.name, mode));
  Ref<Dentry> child = parent.AddChild(last.name, inode);
  NotifyName(directory, abi::kIN_CREATE, last.name);
  return Path{last.parent.mount, std::move(child)};
}

Result<Ref<File>> OpenOrCreate(Context& ctx, const WalkStart& start, std::string_view path, const OpenHow& how, uint32_t umask) {
  const uint32_t flags = how.flags;
  const bool exclusive = (flags & abi::kO_EXCL) != 0;
  const bool keep_link = exclusive || (flags & abi::kO_NOFOLLOW) != 0;
  const uint32_t mode = (how.mode & abi::kS_IALLUGO & ~umask) | abi::kS_IFREG;
  Walker walker(ctx, start, how.walk);
  LastComponent last = TRY(walker.Parent(path));
  // Twice: a name that was there for Create and gone for the lookup. Only a racing pair of threads could make it go on.
  for (int attempt = 0; attempt < 100;) {
    if (last.kind != LastComponent::Kind::kNormal) return exclusive ? Errno::kEEXIST : Errno::kEISDIR;
    // A slash behind the name asks for a directory, which O_CREAT does not make.
    if (last.trailing_slash) return Errno::kEISDIR;
    TRY(CheckAccess(ctx, last.parent.inode(), abi::kX_OK));
    Result<Path> found = walker.Child(last);
    if (!found.ok()) {
      if (found.error() != Errno::kENOENT) return found.error();
      Result<Path> made = CreateChild(ctx, last, mode);
      if (made.ok()) return OpenFound(ctx, made.value(), flags, true);
      if (made.error() != Errno::kEEXIST || exclusive) return made.error();
      ++attempt;
      continue;
    }
    if (exclusive) return Errno::kEEXIST;
    if (!found->inode().IsSymlink()) {
      if (found->inode().IsDirectory()) return Errno::kEISDIR;
      return OpenFound(ctx, found.value(), flags, false);
    }
    if (keep_link) return Errno::kELOOP;
    Path magic;
    const Path link = std::move(found).value();
    last = TRY(walker.FollowLast(last, link, magic));
    if (magic) {
      if (magic.inode().IsDirectory()) return Errno::kEISDIR;
      return OpenFound(ctx, magic, flags, false);
    }
  }
  return Errno::kEAGAIN;
}

}  // namespace

Result<Ref<File>> Open(Context& ctx, const WalkStart& start, std::string_view path, const OpenHow& how, uint32_t umask) {
  uint32_t flags = how.flags;
  // open(2): O_PATH ignores everything but O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW.
  if ((flags & abi::kO_PATH) != 0) flags &= abi::kO_PATH | abi::kO_DIRECTORY | abi::kO_NOFOLLOW | abi::kO_CLOEXEC;
  OpenHow effective = how;
  effective.flags = flags;
  if ((flags & abi::k__O_TMPFILE) != 0) {
    if ((flags & abi::kO_DIRECTORY) == 0 || (flags & abi::kO_CREAT) != 0) return Errno::kEINVAL;
    return OpenTmpfile(ctx, start, path, effective, umask);
  }
  if ((flags & abi::kO_CREAT) != 0) {
    if ((flags & abi::kO_DIRECTORY) != 0) return Errno::kEINVAL;
    return OpenOrCreate(ctx, start, path, effective, umask);
  }
  WalkOptions options = how.walk;
  options.must_be_directory = (flags & abi::kO_DIRECTORY) != 0;
  options.last = (flags & abi::kO_NOFOLLOW) != 0 ? LastSymlink::kKeep : LastSymlink::kFollow;
  const Path place = TRY(Walk(ctx, start, path, options));
  return OpenFound(ctx, place, flags, false);
}

Result<Ref<File>> OpenPath(Context& ctx, const Path& path, uint32_t flags) {
  if (!path || path.dentry->IsNegative()) return Errno::kENOENT;
  return OpenFound(ctx, path, flags & ~(abi::kO_CREAT | abi::kO_EXCL | abi::kO_TMPFILE), false);
}

Result<Ref<File>> OpenForExec(Context& ctx, const Path& path) {
  Inode& inode = path.inode();
  if (!inode.IsRegular() || (path.mount && path.mount->flags().no_exec)) return Errno::kEACCES;
  TRY(CheckAccess(ctx, inode, abi::kX_OK));
  if (inode.write_count.load(std::memory_order_acquire) > 0) return Errno::kETXTBSY;
  Ref<File> file = TRY(inode.Open(ctx, path, OpenRequest{.flags = abi::kO_RDONLY}));
  NotifyFile(file, abi::kIN_OPEN);
  NotifyFile(file, abi::kIN_ACCESS);  // the loader reads its head
  return file;
}

Result<Ref<RefCounted>> DenyWrite::Take(Ref<Inode> inode) {
  int32_t n = inode->write_count.load(std::memory_order_relaxed);
  do {
    if (n > 0) return Errno::kETXTBSY;
  } while (!inode->write_count.compare_exchange_weak(n, n - 1, std::memory_order_acq_rel));
  return Ref<RefCounted>(MakeRef<ExecClaim>(std::move(inode)));
}

}  // namespace ringwall::vfs
