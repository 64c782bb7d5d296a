// What the path calls do, with permission checks, mount flags, dentry upkeep and time stamps: handlers only decode and call these.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error/result.h"
#include "sentry/context/context.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/path_walk.h"
#include "sentry/vfs/permission.h"

namespace ringwall::vfs {

// ---- opening ----
struct OpenHow {
  uint32_t flags = 0;  // O_*
  uint32_t mode = 0;   // for O_CREAT/O_TMPFILE, umask already applied by the vfs
  WalkOptions walk{};
};
// The whole of open(2): O_CREAT/O_EXCL/O_TRUNC/O_DIRECTORY/O_NOFOLLOW/O_PATH/O_TMPFILE/O_NOATIME, permissions, ETXTBSY, EISDIR, ENXIO...
// A FIFO's open may have to wait for its other end: the file returned then tells so by File::OpenPending (pipe room).
Result<Ref<File>> Open(Context& ctx, const WalkStart& start, std::string_view path, const OpenHow& how, uint32_t umask);
// Opens a place that was already found (exec, /proc magic links, re-open).
Result<Ref<File>> OpenPath(Context& ctx, const Path& path, uint32_t flags);
// Opens for execve(2): a regular file with execute permission on a mount without noexec (EACCES), that nobody writes (ETXTBSY). The file
// returned denies writers for as long as DenyWrite holds.
Result<Ref<File>> OpenForExec(Context& ctx, const Path& path);
// While it lives, opening the inode for writing gives ETXTBSY: the executable of a process.
class DenyWrite {
 public:
  // ETXTBSY when it is open for writing.
  static Result<Ref<RefCounted>> Take(Ref<Inode> inode);
};

// ---- names ----
Result<void> Mkdir(Context& ctx, const WalkStart& start, std::string_view path, uint32_t mode, uint32_t umask);
// mknod(2): regular, FIFO, socket; character and block devices need CAP_MKNOD.
Result<Path> Mknod(Context& ctx, const WalkStart& start, std::string_view path, uint32_t mode, uint64_t rdev, uint32_t umask);
Result<void> Symlink(Context& ctx, std::string_view target, const WalkStart& start, std::string_view path);
Result<void> Link(Context& ctx, const Path& old_path, const WalkStart& new_start, std::string_view new_path);
Result<void> Unlink(Context& ctx, const WalkStart& start, std::string_view path);
Result<void> Rmdir(Context& ctx, const WalkStart& start, std::string_view path);
Result<void> Rename(Context& ctx, const WalkStart& old_start, std::string_view old_path, const WalkStart& new_start,
                    std::string_view new_path, uint32_t flags);

// ---- attributes ----
Result<Attributes> GetAttributes(Context& ctx, const Path& path);
// chmod(2), chown(2), utimensat(2), truncate(2): the whole rules incl. clearing of set-ID bits, CAP_CHOWN, CAP_FSETID, sticky and group
// rules.
Result<void> Chmod(Context& ctx, const Path& path, uint32_t mode);
Result<void> Chown(Context& ctx, const Path& path, uint32_t uid, uint32_t gid);  // ~0u leaves
struct TimeChange {
  enum class Kind : uint8_t { kOmit, kNow, kSet } kind = Kind::kOmit;
  abi::Timespec time{};
};
Result<void> SetTimes(Context& ctx, const Path& path, const TimeChange& atime, const TimeChange& mtime);
Result<void> Truncate(Context& ctx, const Path& path, uint64_t size);
// ftruncate(2): no permission check, the description was opened for writing (EINVAL else).
Result<void> TruncateFile(Context& ctx, File& file, uint64_t size);
Result<std::string> ReadLink(Context& ctx, const Path& path);
Result<std::string> GetXattr(Context& ctx, const Path& path, std::string_view name);
Result<void> SetXattr(Context& ctx, const Path& path, std::string_view name, std::string_view value, uint32_t flags);
Result<std::vector<std::string>> ListXattr(Context& ctx, const Path& path);
Result<void> RemoveXattr(Context& ctx, const Path& path, std::string_view name);

// An unconnected dentry for anonymous files: pipes ("pipe:[7]"), sockets, memfds; the mount is null. dev/ino come from the inode.
Path AnonymousPath(Ref<Inode> inode, std::string name);

}  // namespace ringwall::vfs
