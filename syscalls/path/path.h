// Handlers of the path family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "abi/fcntl.h"
#include "abi/stat.h"
#include "abi/statfs.h"
#include "abi/time.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

// open(2), openat2(2)
Result<Fd> SysOpen(Task& task, UserPath path, RawFlags flags, Mode mode);
Result<Fd> SysOpenat(Task& task, Fd dirfd, UserPath path, RawFlags flags, Mode mode);
Result<Fd> SysOpenat2(Task& task, Fd dirfd, UserPath path, UserAddr how, uint64_t size);
Result<Fd> SysCreat(Task& task, UserPath path, Mode mode);
// stat(2), statx(2)
Result<void> SysStat(Task& task, UserPath path, UserOut<abi::Stat> out);
Result<void> SysLstat(Task& task, UserPath path, UserOut<abi::Stat> out);
Result<void> SysFstat(Task& task, Fd fd, UserOut<abi::Stat> out);
Result<void> SysNewfstatat(Task& task, Fd dirfd, UserPath path, UserOut<abi::Stat> out, RawFlags flags);
Result<void> SysStatx(Task& task, Fd dirfd, UserPath path, RawFlags flags, uint32_t mask, UserOut<abi::Statx> out);
// access(2)
Result<void> SysAccess(Task& task, UserPath path, int32_t mode);
Result<void> SysFaccessat(Task& task, Fd dirfd, UserPath path, int32_t mode);
Result<void> SysFaccessat2(Task& task, Fd dirfd, UserPath path, int32_t mode, RawFlags flags);
// mkdir(2), rmdir(2), unlink(2), rename(2), link(2), symlink(2), readlink(2), mknod(2)
Result<void> SysMkdir(Task& task, UserPath path, Mode mode);
Result<void> SysMkdirat(Task& task, Fd dirfd, UserPath path, Mode mode);
Result<void> SysRmdir(Task& task, UserPath path);
Result<void> SysUnlink(Task& task, UserPath path);
Result<void> SysUnlinkat(Task& task, Fd dirfd, UserPath path, RawFlags flags);
Result<void> SysRename(Task& task, UserPath old_path, UserPath new_path);
Result<void> SysRenameat(Task& task, Fd old_dirfd, UserPath old_path, Fd new_dirfd, UserPath new_path);
Result<void> SysRenameat2(Task& task, Fd old_dirfd, UserPath old_path, Fd new_dirfd, UserPath new_path, RawFlags flags);
Result<void> SysLink(Task& task, UserPath old_path, UserPath new_path);
Result<void> SysLinkat(Task& task, Fd old_dirfd, UserPath old_path, Fd new_dirfd, UserPath new_path, RawFlags flags);
Result<void> SysSymlink(Task& task, UserPath target, UserPath path);
Result<void> SysSymlinkat(Task& task, UserPath target, Fd dirfd, UserPath path);
Result<int64_t> SysReadlink(Task& task, UserPath path, UserBuffer buffer, int32_t size);
Result<int64_t> SysReadlinkat(Task& task, Fd dirfd, UserPath path, UserBuffer buffer, int32_t size);
Result<void> SysMknod(Task& task, UserPath path, Mode mode, uint32_t dev);
Result<void> SysMknodat(Task& task, Fd dirfd, UserPath path, Mode mode, uint32_t dev);
// chmod(2), chown(2), umask(2), utimensat(2), truncate(2)
Result<void> SysChmod(Task& task, UserPath path, Mode mode);
Result<void> SysFchmod(Task& task, Fd fd, Mode mode);
Result<void> SysFchmodat(Task& task, Fd dirfd, UserPath path, Mode mode);
Result<void> SysFchmodat2(Task& task, Fd dirfd, UserPath path, Mode mode, RawFlags flags);
Result<void> SysChown(Task& task, UserPath path, uint32_t uid, uint32_t gid);
Result<void> SysLchown(Task& task, UserPath path, uint32_t uid, uint32_t gid);
Result<void> SysFchown(Task& task, Fd fd, uint32_t uid, uint32_t gid);
Result<void> SysFchownat(Task& task, Fd dirfd, UserPath path, uint32_t uid, uint32_t gid, RawFlags flags);
Result<uint32_t> SysUmask(Task& task, Mode mask);
Result<void> SysUtime(Task& task, UserPath path, UserIn<abi::Utimbuf> times);
Result<void> SysUtimes(Task& task, UserPath path, UserArray<abi::Timeval> times);
Result<void> SysFutimesat(Task& task, Fd dirfd, UserPath path, UserArray<abi::Timeval> times);
Result<void> SysUtimensat(Task& task, Fd dirfd, UserPath path, UserArray<abi::Timespec> times, RawFlags flags);
Result<void> SysTruncate(Task& task, UserPath path, int64_t length);
// getcwd(2), chdir(2), chroot(2)
Result<int64_t> SysGetcwd(Task& task, UserBuffer buffer, ByteCount size);
Result<void> SysChdir(Task& task, UserPath path);
Result<void> SysFchdir(Task& task, Fd fd);
Result<void> SysChroot(Task& task, UserPath path);
// getdents(2)
Result<int64_t> SysGetdents(Task& task, Fd fd, UserBuffer buffer, uint32_t size);
Result<int64_t> SysGetdents64(Task& task, Fd fd, UserBuffer buffer, uint32_t size);
// statfs(2)
Result<void> SysStatfs(Task& task, UserPath path, UserOut<abi::Statfs> out);
Result<void> SysFstatfs(Task& task, Fd fd, UserOut<abi::Statfs> out);
// xattr(7)
Result<int64_t> SysGetxattr(Task& task, UserPath path, UserString name, UserBuffer value, ByteCount size);
Result<int64_t> SysLgetxattr(Task& task, UserPath path, UserString name, UserBuffer value, ByteCount size);
Result<int64_t> SysFgetxattr(Task& task, Fd fd, UserString name, UserBuffer value, ByteCount size);
Result<void> SysSetxattr(Task& task, UserPath path, UserString name, UserBuffer value, ByteCount size, RawFlags flags);
Result<void> SysLsetxattr(Task& task, UserPath path, UserString name, UserBuffer value, ByteCount size, RawFlags flags);
Result<void> SysFsetxattr(Task& task, Fd fd, UserString name, UserBuffer value, ByteCount size, RawFlags flags);
Result<int64_t> SysListxattr(Task& task, UserPath path, UserBuffer list, ByteCount size);
Result<int64_t> SysLlistxattr(Task& task, UserPath path, UserBuffer list, ByteCount size);
Result<int64_t> SysFlistxattr(Task& task, Fd fd, UserBuffer list, ByteCount size);
Result<void> SysRemovexattr(Task& task, UserPath path, UserString name);
Result<void> SysLremovexattr(Task& task, UserPath path, UserString name);
Result<void> SysFremovexattr(Task& task, Fd fd, UserString name);
Result<int64_t> SysGetxattrat(Task& task, Fd dirfd, UserPath path, RawFlags at_flags, UserString name, UserAddr args, uint64_t size);
Result<void> SysSetxattrat(Task& task, Fd dirfd, UserPath path, RawFlags at_flags, UserString name, UserAddr args, uint64_t size);
Result<int64_t> SysListxattrat(Task& task, Fd dirfd, UserPath path, RawFlags at_flags, UserBuffer list, ByteCount size);
Result<void> SysRemovexattrat(Task& task, Fd dirfd, UserPath path, RawFlags at_flags, UserString name);

// mount(2), umount2(2), pivot_root(2)
Result<void> SysMount(Task& task, UserString source, UserPath target, UserString type, uint64_t flags, UserAddr data);
Result<void> SysUmount2(Task& task, UserPath target, RawFlags flags);
Result<void> SysPivotRoot(Task& task, UserPath new_root, UserPath put_old);

}  // namespace ringwall::syscalls
