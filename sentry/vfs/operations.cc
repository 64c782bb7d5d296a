// Making and removing names: mkdir(2), mknod(2), symlink(2), link(2), unlink(2), rmdir(2). rename(2) is in rename.cc.
#include "sentry/vfs/operations.h"

#include <utility>

#include "abi/capability.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "sentry/vfs/lookup.h"
#include "sentry/vfs/notify.h"

namespace ringwall::vfs {

namespace {

// Finds out that the name is free and may be made, then calls `make` on the directory, all with its names held still.
// Order of errors as Linux has it: existence, then read-only mount, then permission.
// kTry: `make` itself says EEXIST, before any error that is not the directory's.
enum class Naming : uint8_t { kTry, kLookFirst };
// What watches hear of it.
enum class Told : uint8_t { kNew, kLink };

template <typename Make>
Result<Path> MakeName(Context& ctx, const LastComponent& last, bool directory, Naming how, Make make, Told told = Told::kNew) {
  if (last.kind != LastComponent::Kind::kNormal) return Errno::kEEXIST;
  Dentry& parent = *last.parent.dentry;
  Inode& inode = *parent.inode_raw();
  if (!inode.IsDirectory()) return Errno::kENOTDIR;
  if (!inode.ChangesNames()) {
    Result<Ref<Dentry>> there = FindOrLookUp(ctx, parent, last.name, {}, nullptr);
    if (there.ok()) return Errno::kEEXIST;
    if (there.error() != Errno::kENOENT) return there.error();
    TRY(CheckWritable(last.parent));
    TRY(CheckAccess(ctx, inode, abi::kW_OK | abi::kX_OK));
    Result<Ref<Inode>> refused = make(inode);
    return refused.ok() ? Errno::kEPERM : refused.error();
  }
  MutexLock lock(parent.directory_mutex());
  if (parent.IsUnlinked()) return Errno::kENOENT;
  Result<Ref<Dentry>> there = how == Naming::kLookFirst ? LookUpLocked(ctx, parent, last.name) : LookUpToCreate(ctx, last);
  if (there.ok()) return Errno::kEEXIST;
  if (there.error() != Errno::kENOENT) return there.error();
  // "name/" names a directory that is not there, unless one is being made.
  if (last.trailing_slash && !directory) return Errno::kENOENT;
  TRY(CheckWritable(last.parent));
  TRY(CheckAccess(ctx, inode, abi::kW_OK | abi::kX_OK));
  FileSystem::NameChange change(inode.file_system());
  Ref<Inode> made = TRY(make(inode));
  Ref<Dentry> child = parent.AddChild(last.name, made);
  // link(2) counts a link more on a file that is there already.
  if (told == Told::kLink) NotifyInode(made, abi::kIN_ATTRIB);
  NotifyName(inode, abi::kIN_CREATE | NotifyDirBit(made), last.name);
  return Path{last.parent.mount, std::move(child)};
}

enum class Victim : uint8_t { kFile, kDirectory };

Result<void> RemoveName(Context& ctx, const LastComponent& last, Victim kind) {
  TRY(CheckWritable(last.parent));
  Dentry& parent = *last.parent.dentry;
  Inode& directory = *parent.inode_raw();
  if (!directory.IsDirectory()) return Errno::kENOTDIR;
  if (!directory.ChangesNames()) {
    TRY(FindOrLookUp(ctx, parent, last.name, {}, nullptr));
    TRY(CheckAccess(ctx, directory, abi::kW_OK | abi::kX_OK));
    return Errno::kEPERM;
  }
  // All outlive the locks: the file may die with its name.
  NotifyGrave grave;
  RefPtr<Dentry> victim;
  RefPtr<Inode> inode;
  MutexLock lock(parent.directory_mutex());
  victim = TRY(LookUpLocked(ctx, parent, last.name));
  inode = victim->inode();
  if (kind == Victim::kFile && last.trailing_slash) return inode->IsDirectory() ? Errno::kEISDIR : Errno::kENOTDIR;
  const Attributes attributes = TRY(inode->GetAttributes(ctx));
  TRY(CheckRemoval(ctx, directory, attributes));
  if (kind == Victim::kFile) {
    if (inode->IsDirectory()) return Errno::kEISDIR;
  } else if (!inode->IsDirectory()) {
    return Errno::kENOTDIR;
  }
  if (victim->mounted_here.load(std::memory_order_acquire) > 0) return Errno::kEBUSY;
  FileSystem::NameChange change(directory.file_system());
  if (kind == Victim::kFile) {
    TRY(directory.Unlink(ctx, last.name, *inode));
  } else {
    // Creation in the victim and its removal exclude each other: parent before child.
    MutexLockNested victim_lock(victim->directory_mutex());
    TRY(directory.Rmdir(ctx, last.name, *inode));
    victim->MarkUnlinked();
  }
  if (kind == Victim::kFile) victim->MarkUnlinked();
  NotifyUnlinked(*victim, kind == Victim::kDirectory || attributes.nlink <= 1, kind == Victim::kFile, grave);
  NotifyName(directory, abi::kIN_DELETE | NotifyDirBit(*inode), last.name);
  return {};
}

}  // namespace

Result<void> Mkdir(Context& ctx, const WalkStart& start, std::string_view path, uint32_t mode, uint32_t umask) {
  const LastComponent last = TRY(WalkParent(ctx, start, path, {}));
  // mkdir(2): rwx and the sticky bit; set-ID bits are not taken from the caller.
  const uint32_t bits = (mode & (abi::kS_IRWXUGO | abi::kS_ISVTX) & ~umask) | abi::kS_IFDIR;
  TRY(MakeName(ctx, last, true, Naming::kTry, [&](Inode& dir) { return dir.Mkdir(ctx, last.name, bits); }));
  return {};
}

Result<Path> Mknod(Context& ctx, const WalkStart& start, std::string_view path, uint32_t mode, uint64_t rdev, uint32_t umask) {
  uint32_t type = mode & abi::kS_IFMT;
  if (type == 0) type = abi::kS_IFREG;
  switch (type) {
    case abi::kS_IFREG:
    case abi::kS_IFIFO:
    case abi::kS_IFSOCK:
    case abi::kS_IFCHR:
    case abi::kS_IFBLK: break;
    case abi::kS_IFDIR: return Errno::kEPERM;
    default: return Errno::kEINVAL;
  }
  const LastComponent last = TRY(WalkParent(ctx, start, path, {}));
  const uint32_t bits = (mode & abi::kS_IALLUGO & ~umask) | type;
  const bool device = type == abi::kS_IFCHR || type == abi::kS_IFBLK;
  return MakeName(ctx, last, false, device ? Naming::kLookFirst : Naming::kTry, [&](Inode& dir) -> Result<Ref<Inode>> {
    // 0:0 is overlayfs's whiteout, which anybody may make (mknod(2)).
    if (device && !(type == abi::kS_IFCHR && rdev == 0) && !ctx.creds().Has(abi::kCAP_MKNOD)) return Errno::kEPERM;
    if (type == abi::kS_IFREG) return dir.Create(ctx, last.name, bits);
    return dir.Mknod(ctx, last.name, bits, device ? rdev : 0);
  });
}

Result<void> Symlink(Context& ctx, std::string_view target, const WalkStart& start, std::string_view path) {
  if (target.empty()) return Errno::kENOENT;
  if (target.size() >= abi::kPATH_MAX) return Errno::kENAMETOOLONG;
  const LastComponent last = TRY(WalkParent(ctx, start, path, {}));
  TRY(MakeName(ctx, last, false, Naming::kTry, [&](Inode& dir) { return dir.Symlink(ctx, last.name, target); }));
  return {};
}

Result<void> Link(Context& ctx, const Path& old_path, const WalkStart& new_start, std::string_view new_path) {
  const LastComponent last = TRY(WalkParent(ctx, new_start, new_path, {}));
  if (!(old_path.mount == last.parent.mount) || !old_path.mount) {
    // An existing target name is the older error.
    if (last.kind != LastComponent::Kind::kNormal) return Errno::kEEXIST;
    return Errno::kEXDEV;
  }
  const Ref<Inode> inode(old_path.inode());
  const bool plain = !inode->IsDirectory() && &inode->file_system() == &last.parent.inode().file_system();
  const auto make = [&](Inode& dir) -> Result<Ref<Inode>> {
    if (&dir.file_system() != &inode->file_system()) return Errno::kEXDEV;
    if (inode->IsDirectory()) return Errno::kEPERM;
    TRY(dir.Link(ctx, last.name, *inode));
    return inode;
  };
  TRY(MakeName(ctx, last, false, plain ? Naming::kTry : Naming::kLookFirst, make, Told::kLink));
  return {};
}

Result<void> Unlink(Context& ctx, const WalkStart& start, std::string_view path) {
  const LastComponent last = TRY(WalkParent(ctx, start, path, {}));
  if (last.kind != LastComponent::Kind::kNormal) return Errno::kEISDIR;
  return RemoveName(ctx, last, Victim::kFile);
}

Result<void> Rmdir(Context& ctx, const WalkStart& start, std::string_view path) {
  const LastComponent last = TRY(WalkParent(ctx, start, path, {}));
  switch (last.kind) {
    case LastComponent::Kind::kDot: return Errno::kEINVAL;
    case LastComponent::Kind::kDotDot: return Errno::kENOTEMPTY;
    case LastComponent::Kind::kRoot: return Errno::kEBUSY;
    case LastComponent::Kind::kNormal: break;
  }
  return RemoveName(ctx, last, Victim::kDirectory);
}

Path AnonymousPath(Ref<Inode> inode, std::string name) { return Path{nullptr, Dentry::MakeRoot(std::move(inode), std::move(name))}; }

}  // namespace ringwall::vfs
