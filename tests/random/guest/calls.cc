// Which calls are made, with which types of arguments. What is not here: calls that only end the process or wait for ever (exit, pause,
// rt_sigreturn, vfork), that act on the machine (and are refused), and whose every result is a matter of time (getrusage's times).
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/mempolicy.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "tests/random/guest/makers.h"

namespace ringwall::random_calls {
namespace {

constexpr bool kSame = true, kOwn = false;
constexpr auto kNumber = Kind::kNumber, kIgnored = Kind::kIgnored, kAddress = Kind::kAddress, kPid = Kind::kPid;

constexpr Maker AtFlags = FlagsOf<AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH>;
constexpr Maker MoreAtFlags = FlagsOf<AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_EACCESS>;
constexpr Maker Protection = FlagsOf<PROT_READ, PROT_READ, PROT_WRITE, PROT_EXEC>;
constexpr Maker WaitFlags = FlagsOf<WNOHANG, WNOHANG, WNOHANG, WNOHANG, WUNTRACED, WCONTINUED>;
constexpr Maker SendFlags = FlagsOf<MSG_DONTWAIT, MSG_NOSIGNAL, MSG_PEEK, MSG_TRUNC, MSG_OOB, MSG_EOR>;
constexpr Maker Which = OneOf<PRIO_PROCESS, PRIO_PROCESS, PRIO_PGRP, PRIO_USER>;
constexpr Maker AnyClock = Only<0, 1, 2, 3, 4, 5, 6, 7, 11, 12, 16, -6, -2>;  // the two alarm clocks need a hardware clock
constexpr Maker Limit = Only<0xffffffff, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 99>;
constexpr Maker SockLevel = OneOf<SOL_SOCKET, SOL_SOCKET, SOL_SOCKET, 6, 0, 17, 41>;
constexpr Maker SockOption =
    Only<1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 16, 17, 18, 19, 20, 21, 25, 29, 30, 34, 38, 39, 42, 48, 60, 200>;
constexpr Maker SpliceFlags = FlagsOf<1, 2, 2, 2, 4, 8>;
constexpr Maker CloneFlags = OneOf<SIGCHLD, SIGCHLD, 0, SIGUSR1, CLONE_FILES | SIGCHLD, CLONE_FS | SIGCHLD, CLONE_SIGHAND, CLONE_THREAD,
                                   CLONE_NEWNS | CLONE_FS, CLONE_PARENT | SIGCHLD>;
constexpr Maker FutexOps =
    Only<FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE,
         FUTEX_WAKE_OP, FUTEX_WAKE_BITSET, FUTEX_UNLOCK_PI, FUTEX_TRYLOCK_PI, 2, 99, FUTEX_WAIT | FUTEX_CLOCK_REALTIME>;
constexpr Maker Prctl =
    Only<PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_DUMPABLE, PR_GET_KEEPCAPS, PR_SET_KEEPCAPS, PR_SET_NAME, PR_GET_NAME,
         PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_GET_SECUREBITS, PR_SET_SECUREBITS, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS,
         PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER, PR_CAP_AMBIENT, PR_GET_TIMERSLACK, PR_GET_SECCOMP, PR_GET_TIMING, 999>;
constexpr Maker Ioctls = Only<FIONBIO, FIONREAD, FIOCLEX, FIONCLEX, FIOASYNC, TCGETS, TIOCGWINSZ, 0x1234>;
constexpr Maker FcntlOps = Only<F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLK, F_OFD_GETLK,
                                F_OFD_SETLK, F_GETPIPE_SZ, F_SETPIPE_SZ, F_ADD_SEALS, F_GET_SEALS, 999>;
constexpr Maker SocketTypes = FlagsOf<SOCK_STREAM, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_NONBLOCK, SOCK_CLOEXEC, 4>;
constexpr Maker MmapFlags =
    FlagsOf<MAP_SHARED, MAP_PRIVATE, MAP_PRIVATE, MAP_ANONYMOUS, MAP_ANONYMOUS, MAP_FIXED, MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_NORESERVE>;
constexpr Maker MountFlags =
    FlagsOf<MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_BIND, MS_REMOUNT, MS_MOVE, MS_PRIVATE, MS_SHARED, MS_REC>;
// Not from a namespace of its own: there it would not be seen what the episode did to its tree.
constexpr Maker UnshareFlags = OneOf<CLONE_FILES, CLONE_FS, CLONE_SYSVSEM, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWUSER,
                                     CLONE_NEWPID, 0, CLONE_VM, CLONE_THREAD>;

uint64_t FileSystem() {
  static const char* const kTypes[] = {"tmpfs", "ramfs", "proc", "nofs", "mqueue", "sysfs"};
  const char* type = kTypes[random.Below(6)];
  auto* room = static_cast<char*>(NewStruct(8));
  for (int i = 0; type[i] != 0; ++i) room[i] = type[i];
  Note("\"%s\"", type);
  return MaybeBad(room, 8);
}

}  // namespace

#define ROW(name, weight, kind, compare, ...)                 \
  {                                                           \
#name, SYS_##name, weight, kind, compare, { __VA_ARGS__ } \
  }
#define NEW_ROW(name, number, weight, kind, compare, ...) \
  {                                                       \
#name, number, weight, kind, compare, { __VA_ARGS__ } \
  }

const CallRow kCalls[] = {
    // ---- descriptors ----
    ROW(read, 20, kNumber, kOwn, Fd, Out, Size),
    ROW(write, 20, kNumber, kOwn, Fd, In, Size),
    ROW(readv, 8, kNumber, kOwn, Fd, Iovec, Small),
    ROW(writev, 8, kNumber, kOwn, Fd, Iovec, Small),
    ROW(pread64, 10, kNumber, kSame, Fd, Out, Size, Offset),
    ROW(pwrite64, 10, kNumber, kSame, Fd, In, Size, Offset),
    ROW(preadv, 6, kNumber, kSame, Fd, Iovec, Small, Offset),
    ROW(pwritev, 6, kNumber, kSame, Fd, Iovec, Small, Offset),
    ROW(preadv2, 5, kNumber, kOwn, Fd, Iovec, Small, Offset, Null, FlagsOf<1, 8>),
    ROW(pwritev2, 5, kNumber, kOwn, Fd, Iovec, Small, Offset, Null, FlagsOf<2, 4, 8, 16>),
    ROW(lseek, 10, kNumber, kSame, Fd, Offset, Only<0, 1, 2, 3, 4, 5, 9>),
    ROW(close, 4, kNumber, kSame, NewFd),
    ROW(close_range, 2, kNumber, kSame, NewFd, NewFd, FlagsOf<2, 4>),
    ROW(dup, 6, kNumber, kSame, Fd),
    ROW(dup2, 6, kNumber, kSame, Fd, NewFd),
    ROW(dup3, 6, kNumber, kSame, Fd, NewFd, FlagsOf<O_CLOEXEC>),
    ROW(fcntl, 30, kNumber, kOwn, Fd, FcntlOps, FcntlArgument),
    ROW(ioctl, 10, kNumber, kOwn, Fd, Ioctls, IoctlArgument),
    ROW(flock, 6, kNumber, kSame, Fd, OneOf<LOCK_SH | LOCK_NB, LOCK_EX | LOCK_NB, LOCK_UN, LOCK_NB, 0, 32>),
    ROW(ftruncate, 8, kNumber, kSame, Fd, Offset),
    ROW(fallocate, 8, kNumber, kSame, Fd, FlagsOf<1, 2, 8, 16>, Offset, Offset),
    ROW(fsync, 3, kNumber, kSame, Fd),
    ROW(fdatasync, 3, kNumber, kSame, Fd),
    ROW(syncfs, 2, kNumber, kSame, Fd),
    ROW(sync_file_range, 3, kNumber, kSame, Fd, Offset, Offset, FlagsOf<1, 2, 4>),
    ROW(readahead, 2, kNumber, kSame, Fd, Offset, Size),
    ROW(fadvise64, 3, kNumber, kSame, Fd, Offset, Offset, OneOf<0, 1, 2, 3, 4, 5, 6>),
    ROW(sendfile, 8, kNumber, kOwn, Fd, Fd, OffsetPointer, Size),
    ROW(splice, 8, kNumber, kOwn, Fd, OffsetPointer, Fd, OffsetPointer, Size, SpliceFlags),
    ROW(tee, 4, kNumber, kSame, Fd, Fd, Size, SpliceFlags),
    ROW(vmsplice, 4, kNumber, kOwn, Fd, Iovec, Small, SpliceFlags),
    ROW(copy_file_range, 8, kNumber, kSame, Fd, OffsetPointer, Fd, OffsetPointer, Size, OneOf<0, 0, 0, 1>),
    ROW(pipe, 4, kNumber, kSame, BigOut),
    ROW(pipe2, 4, kNumber, kSame, BigOut, FlagsOf<O_CLOEXEC, O_NONBLOCK, O_NONBLOCK, O_DIRECT>),
    ROW(eventfd, 2, kNumber, kSame, Small),
    ROW(eventfd2, 3, kNumber, kSame, Small, FlagsOf<EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE>),
    ROW(memfd_create, 3, kNumber, kSame, AttributeName, FlagsOf<MFD_CLOEXEC, MFD_ALLOW_SEALING, 8, 16>),
    ROW(signalfd, 3, kNumber, kSame, Only<-1, 19, 3, 9999>, SignalSet, SetSize),
    ROW(signalfd4, 3, kNumber, kSame, Only<-1, 19, 3, 9999>, SignalSet, SetSize, FlagsOf<O_CLOEXEC, O_NONBLOCK>),
    ROW(inotify_init, 1, kNumber, kSame),
    ROW(inotify_init1, 2, kNumber, kSame, FlagsOf<IN_CLOEXEC, IN_NONBLOCK>),
    ROW(inotify_add_watch, 6, kNumber, kSame, Only<20, 20, 20, 3, 9999>, Path,
        FlagsOf<IN_MODIFY, IN_CREATE, IN_DELETE, IN_ONLYDIR, IN_MASK_ADD, IN_MASK_CREATE, IN_DONT_FOLLOW>),
    ROW(inotify_rm_watch, 3, kNumber, kSame, Only<20, 20, 3, 9999>, WatchId),
    // ---- paths ----
    ROW(open, 16, kNumber, kSame, Path, OpenFlags, PermissionBits),
    ROW(openat, 16, kNumber, kSame, DirFd, Path, OpenFlags, PermissionBits),
    ROW(openat2, 10, kNumber, kSame, DirFd, Path, OpenHow, Only<24, 24, 24, 24, 16, 32, 0>),
    ROW(creat, 3, kNumber, kSame, Path, PermissionBits),
    ROW(stat, 6, kNumber, kOwn, Path, BigOut),
    ROW(lstat, 6, kNumber, kOwn, Path, BigOut),
    ROW(fstat, 4, kNumber, kOwn, Fd, BigOut),
    ROW(newfstatat, 8, kNumber, kOwn, DirFd, Path, BigOut, AtFlags),
    ROW(statx, 8, kNumber, kOwn, DirFd, Path, FlagsOf<AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, 0x2000, 0x4000>,
        OneOf<0x7ff, 0xfff, 0, 0x80000000>, BigOut),
    ROW(statfs, 3, kNumber, kOwn, Path, BigOut),
    ROW(fstatfs, 3, kNumber, kOwn, Fd, BigOut),
    ROW(access, 6, kNumber, kSame, Path, OneOf<0, 1, 2, 4, 6, 7, 8>),
    ROW(faccessat, 4, kNumber, kSame, DirFd, Path, OneOf<0, 1, 2, 4, 6, 7, 8>),
    ROW(faccessat2, 6, kNumber, kSame, DirFd, Path, OneOf<0, 1, 2, 4, 6, 7, 8>, MoreAtFlags),
    ROW(mkdir, 8, kNumber, kSame, Path, PermissionBits),
    ROW(mkdirat, 5, kNumber, kSame, DirFd, Path, PermissionBits),
    ROW(mknod, 5, kNumber, kSame, Path, FileType, OneOf<0, 0x103, 0x501>),
    ROW(mknodat, 4, kNumber, kSame, DirFd, Path, FileType, OneOf<0, 0x103, 0x501>),
    ROW(rmdir, 8, kNumber, kSame, Path),
    ROW(unlink, 6, kNumber, kSame, Path),
    ROW(unlinkat, 6, kNumber, kSame, DirFd, Path, OneOf<0, 0, AT_REMOVEDIR, 1>),
    ROW(rename, 8, kNumber, kSame, Path, Path),
    ROW(renameat, 5, kNumber, kSame, DirFd, Path, DirFd, Path),
    ROW(renameat2, 8, kNumber, kSame, DirFd, Path, DirFd, Path, FlagsOf<1, 2, 4>),
    ROW(link, 6, kNumber, kSame, Path, Path),
    ROW(linkat, 6, kNumber, kSame, DirFd, Path, DirFd, Path, FlagsOf<AT_SYMLINK_FOLLOW, AT_EMPTY_PATH>),
    ROW(symlink, 5, kNumber, kSame, Path, Path),
    ROW(symlinkat, 5, kNumber, kSame, Path, DirFd, Path),
    ROW(readlink, 5, kNumber, kSame, Path, Out, Size),
    ROW(readlinkat, 5, kNumber, kSame, DirFd, Path, Out, Size),
    ROW(chmod, 6, kNumber, kSame, Path, PermissionBits),
    ROW(fchmod, 5, kNumber, kSame, Fd, PermissionBits),
    ROW(fchmodat, 4, kNumber, kSame, DirFd, Path, PermissionBits),
    NEW_ROW(fchmodat2, 452, 5, kNumber, kSame, DirFd, Path, PermissionBits, AtFlags),
    ROW(chown, 5, kNumber, kSame, Path, Id, Id),
    ROW(lchown, 5, kNumber, kSame, Path, Id, Id),
    ROW(fchown, 4, kNumber, kSame, Fd, Id, Id),
    ROW(fchownat, 5, kNumber, kSame, DirFd, Path, Id, Id, AtFlags),
    ROW(umask, 3, kNumber, kSame, PermissionBits),
    ROW(truncate, 8, kNumber, kSame, Path, Offset),
    ROW(utime, 3, kNumber, kSame, Path, Utimbuf),
    ROW(utimes, 3, kNumber, kSame, Path, TimevalPair),
    ROW(futimesat, 3, kNumber, kSame, DirFd, Path, TimevalPair),
    ROW(utimensat, 6, kNumber, kSame, DirFd, Path, TimespecPair, AtFlags),
    ROW(getcwd, 4, kNumber, kSame, Out, Size),
    ROW(chdir, 5, kNumber, kSame, Path),
    ROW(fchdir, 3, kNumber, kSame, Only<6, 22, 3, 9999, 21>),
    ROW(chroot, 1, kNumber, kSame, Path),
    ROW(getdents, 4, kNumber, kOwn, Only<6, 6, 22, 3, 7, 9999>, Out, Only<0, 20, 65536, 65536>),
    ROW(getdents64, 4, kNumber, kOwn, Only<6, 6, 22, 3, 7, 9999>, Out, Only<0, 20, 65536, 65536>),
    ROW(setxattr, 5, kNumber, kSame, Path, AttributeName, In, Size, OneOf<0, 0, 1, 2, 3, 4>),
    ROW(lsetxattr, 3, kNumber, kSame, Path, AttributeName, In, Size, OneOf<0, 0, 1, 2>),
    ROW(fsetxattr, 4, kNumber, kSame, Fd, AttributeName, In, Size, OneOf<0, 0, 1, 2>),
    ROW(getxattr, 5, kNumber, kSame, Path, AttributeName, Out, Size),
    ROW(lgetxattr, 3, kNumber, kSame, Path, AttributeName, Out, Size),
    ROW(fgetxattr, 4, kNumber, kSame, Fd, AttributeName, Out, Size),
    ROW(listxattr, 3, kNumber, kSame, Path, Out, Size),
    ROW(llistxattr, 2, kNumber, kSame, Path, Out, Size),
    ROW(flistxattr, 3, kNumber, kSame, Fd, Out, Size),
    ROW(removexattr, 3, kNumber, kSame, Path, AttributeName),
    ROW(lremovexattr, 2, kNumber, kSame, Path, AttributeName),
    ROW(fremovexattr, 3, kNumber, kSame, Fd, AttributeName),
    NEW_ROW(setxattrat, 463, 3, kNumber, kSame, DirFd, Path, AtFlags, AttributeName, XattrArgs, Only<16, 16, 16, 8, 24>),
    NEW_ROW(getxattrat, 464, 3, kNumber, kSame, DirFd, Path, AtFlags, AttributeName, XattrArgs, Only<16, 16, 16, 8, 24>),
    NEW_ROW(listxattrat, 465, 3, kNumber, kSame, DirFd, Path, AtFlags, Out, Size),
    NEW_ROW(removexattrat, 466, 3, kNumber, kSame, DirFd, Path, AtFlags, AttributeName),
    ROW(mount, 4, kNumber, kSame, Path, Path, FileSystem, MountFlags, Null),
    ROW(umount2, 3, kNumber, kSame, Path, FlagsOf<MNT_DETACH, MNT_EXPIRE, 8>),
    ROW(pivot_root, 1, kNumber, kSame, Path, Path),
    // ---- memory ----
    ROW(mmap, 20, kAddress, kSame, Pages, PageBytes, Protection, MmapFlags, Fd, Only<0, 0, 0, 4096, 8192, 1, 0x7ffffffffffff000>),
    ROW(munmap, 6, kNumber, kSame, Pages, PageBytes),
    ROW(mprotect, 10, kNumber, kSame, Pages, PageBytes, Protection),
    ROW(pkey_mprotect, 3, kNumber, kSame, Pages, PageBytes, Protection, OneOf<-1, -1, -1, 1, 16>),
    ROW(mremap, 8, kAddress, kSame, Pages, PageBytes, PageBytes, FlagsOf<1, 1, 2, 4>, Pages),
    ROW(msync, 5, kNumber, kSame, Pages, PageBytes, FlagsOf<1, 2, 4>),
    ROW(mincore, 4, kNumber, kOwn, Pages, PageBytes, Out),
    ROW(madvise, 10, kNumber, kSame, Pages, PageBytes, Only<0, 1, 2, 3, 4, 8, 9, 10, 11, 16, 17, 18, 19, 20, 21, 22, 23, 24, 99>),
    ROW(mlock, 4, kNumber, kSame, Pages, PageBytes),
    ROW(mlock2, 4, kNumber, kSame, Pages, PageBytes, OneOf<0, 1, 2>),
    ROW(munlock, 4, kNumber, kSame, Pages, PageBytes),
    ROW(munlockall, 1, kNumber, kSame),
    ROW(mbind, 3, kNumber, kSame, Pages, PageBytes, OneOf<0, 1, 2, 3, 4, 99>, IntPointer, OneOf<0, 1, 8, 64>, OneOf<0, 1, 2, 4>),
    NEW_ROW(mseal, 462, 1, kNumber, kSame, Pages, PageBytes, OneOf<0, 0, 0, 1>),
    ROW(remap_file_pages, 2, kNumber, kSame, Pages, PageBytes, OneOf<0, 0, 1>, OneOf<0, 1, 2>, OneOf<0, 0x10000>),
    ROW(brk, 4, kAddress, kSame, Break),
    ROW(process_vm_readv, 4, kNumber, kOwn, Process, Iovec, Small, Iovec, Small, OneOf<0, 0, 0, 1>),
    ROW(process_vm_writev, 4, kNumber, kOwn, Process, Iovec, Small, Iovec, Small, OneOf<0, 0, 0, 1>),
    ROW(membarrier, 3, kNumber, kSame, OneOf<0, 1, 2, 4, 8, 16, 999>, OneOf<0, 0, 1>, Only<0>),
    // ---- waiting ----
    ROW(poll, 8, kNumber, kSame, PollFds, Small, Only<0, 0, 0, 1>),
    ROW(ppoll, 8, kNumber, kOwn, PollFds, Small, Timespec, SignalSet, SetSize),
    ROW(select, 6, kNumber, kOwn, Only<0, 10, 34, 34, 64, -1>, FdSet, FdSet, FdSet, Timeval),
    ROW(pselect6, 6, kNumber, kOwn, Only<0, 10, 34, 34, 64, -1>, FdSet, FdSet, FdSet, Timespec, Null),
    ROW(epoll_create, 2, kNumber, kSame, Small),
    ROW(epoll_create1, 2, kNumber, kSame, FlagsOf<O_CLOEXEC>),
    ROW(epoll_ctl, 16, kNumber, kSame, Only<18, 18, 18, 18, 3, 9999>, OneOf<1, 2, 3, 1, 4>, Fd, EpollEvent),
    ROW(epoll_wait, 6, kNumber, kOwn, Only<18, 18, 18, 3, 9999>, BigOut, Small, Only<0, 0, 1>),
    ROW(epoll_pwait, 4, kNumber, kOwn, Only<18, 18, 18, 3, 9999>, BigOut, Small, Only<0, 0, 1>, SignalSet, SetSize),
    ROW(epoll_pwait2, 4, kNumber, kOwn, Only<18, 18, 18, 3, 9999>, BigOut, Small, Timespec, SignalSet, SetSize),
    ROW(futex, 12, kNumber, kSame, Futex, FutexOps, OneOf<0x64636261, 0, 1, 5>, Timespec, Futex, OneOf<0, 1, 0x64636261, ~0u>),
    NEW_ROW(futex_wake, 454, 3, kNumber, kSame, Futex, OneOf<1, ~0u, 0>, OneOf<1, 0, -1>, OneOf<2, 0x82, 0, 0x10>),
    NEW_ROW(futex_wait, 455, 3, kNumber, kSame, Futex, OneOf<0x64636261, 0>, OneOf<1, ~0u, 0>, OneOf<2, 0x82, 0>, Timespec, OneOf<0, 1, 7>),
    ROW(set_robust_list, 1, kNumber, kSame, Null, OneOf<24, 24, 0, 23>),
    // ---- signals ----
    ROW(rt_sigaction, 10, kNumber, kOwn, Signal, SignalAction, Null, SetSize),
    ROW(rt_sigprocmask, 8, kNumber, kSame, OneOf<0, 1, 2, 3>, SignalSet, BigOut, SetSize),
    ROW(rt_sigpending, 3, kNumber, kSame, BigOut, SetSize),
    ROW(rt_sigtimedwait, 4, kNumber, kOwn, SignalSet, BigOut, Timespec, SetSize),
    ROW(rt_sigqueueinfo, 5, kNumber, kSame, Process, Signal, SignalInfo),
    ROW(rt_tgsigqueueinfo, 5, kNumber, kSame, Process, Thread, Signal, SignalInfo),
    ROW(sigaltstack, 4, kNumber, kSame, SignalStack, BigOut),
    ROW(kill, 5, kNumber, kSame, Process, Signal),
    ROW(tkill, 5, kNumber, kSame, Thread, Signal),
    ROW(tgkill, 5, kNumber, kSame, Process, Thread, Signal),
    ROW(pidfd_open, 3, kNumber, kSame, Process, FlagsOf<O_NONBLOCK>),
    ROW(pidfd_send_signal, 5, kNumber, kSame, Only<29, 29, 3, 9999>, Signal, SignalInfo, OneOf<0, 0, 0, 1>),
    ROW(pidfd_getfd, 4, kNumber, kSame, Only<29, 29, 3, 9999>, Fd, OneOf<0, 0, 0, 1>),
    // ---- processes ----
    NEW_ROW(fork, SYS_fork, 2, Kind::kBirth, kSame),
    NEW_ROW(clone, SYS_clone, 2, Kind::kBirth, kSame, CloneFlags, Null, Null, Null, Null),
    ROW(wait4, 6, kPid, kSame, OneOf<-1, 0, -1>, IntPointer, WaitFlags, Null),
    ROW(waitid, 6, kNumber, kOwn, OneOf<P_ALL, P_PID, P_PGID, 3, 9>, Process, BigOut, FlagsOf<WNOHANG, WEXITED, WEXITED, WSTOPPED, WNOWAIT>,
        Null),
    ROW(getpgid, 3, kPid, kSame, Process),
    ROW(getsid, 3, kPid, kSame, Process),
    ROW(setpgid, 4, kNumber, kSame, Process, Process),
    ROW(setsid, 1, kPid, kSame),
    ROW(getpriority, 3, kNumber, kSame, Which, Process),
    ROW(setpriority, 3, kNumber, kSame, Which, Process, OneOf<0, 5, 10, 19, 30, -1>),
    ROW(sched_getparam, 2, kNumber, kSame, Process, BigOut),
    ROW(sched_setparam, 2, kNumber, kSame, Process, SchedParam),
    ROW(sched_getscheduler, 2, kNumber, kSame, Process),
    ROW(sched_setscheduler, 3, kNumber, kSame, Process, OneOf<0, 1, 2, 3, 5, 4, 99>, SchedParam),
    ROW(sched_getattr, 2, kNumber, kOwn, Process, BigOut, Only<48, 56, 40, 0, 5000>, OneOf<0, 0, 0, 1>),
    ROW(sched_setattr, 3, kNumber, kSame, Process, SchedAttr, OneOf<0, 0, 0, 1>),
    ROW(sched_get_priority_max, 1, kNumber, kSame, OneOf<0, 1, 2, 3, 5, 6, 9>),
    ROW(sched_get_priority_min, 1, kNumber, kSame, OneOf<0, 1, 2, 3, 5, 6, 9>),
    ROW(sched_rr_get_interval, 2, kNumber, kOwn, Process, BigOut),
    ROW(sched_getaffinity, 2, kIgnored, kOwn, Process, Only<0, 4, 8, 128>, BigOut),
    ROW(sched_yield, 1, kNumber, kSame),
    ROW(ioprio_get, 2, kNumber, kSame, OneOf<1, 1, 2, 3, 0>, Process),
    ROW(ioprio_set, 2, kNumber, kSame, OneOf<1, 1, 2, 3, 0>, Process, OneOf<0, 0x4004, 0x6000, 0x2000, 1, 0x8000>),
    ROW(getrlimit, 3, kNumber, kSame, Limit, BigOut),
    ROW(setrlimit, 4, kNumber, kSame, Only<1, 2, 4, 7, 8, 10, 11, 12, 13, 14, 16>, Rlimit),
    ROW(prlimit64, 5, kNumber, kSame, Only<0>, Limit, Null, BigOut),
    ROW(prctl, 12, kNumber, kOwn, Prctl, OneOf<0, 1, 2, 10, 3, 64>, Only<0, 0, 0, 1>, Only<0, 0, 0, 0, 1>, Only<0>),
    ROW(personality, 2, kNumber, kSame, Only<0xffffffff, 0>),
    ROW(kcmp, 4, kIgnored, kSame, Process, Process, OneOf<0, 1, 2, 3, 4, 5, 6, 9>, Fd, Fd),
    ROW(set_tid_address, 1, kPid, kSame, Null),
    ROW(unshare, 2, kNumber, kSame, UnshareFlags),
    ROW(setns, 2, kNumber, kSame, Fd, OneOf<0, CLONE_NEWNET, CLONE_NEWPID, 1>),
    ROW(execve, 3, kNumber, kSame, Path, Null, Null),
    ROW(execveat, 3, kNumber, kSame, DirFd, Path, Null, Null, AtFlags),
    // ---- who ----
    ROW(setuid, 2, kNumber, kSame, Id),
    ROW(setgid, 2, kNumber, kSame, Id),
    ROW(setreuid, 2, kNumber, kSame, Id, Id),
    ROW(setregid, 3, kNumber, kSame, Id, Id),
    ROW(setresuid, 2, kNumber, kSame, Id, Id, Id),
    ROW(setresgid, 3, kNumber, kSame, Id, Id, Id),
    ROW(setfsuid, 2, kNumber, kSame, Id),
    ROW(setfsgid, 2, kNumber, kSame, Id),
    ROW(getgroups, 3, kNumber, kSame, Small, BigOut),
    ROW(setgroups, 3, kNumber, kSame, Small, Groups),
    ROW(capget, 4, kNumber, kSame, CapHeader, BigOut),
    ROW(capset, 4, kNumber, kSame, CapHeader, CapData),
    ROW(sethostname, 2, kNumber, kSame, In, Only<0, 5, 64, 65, -1>),
    ROW(setdomainname, 2, kNumber, kSame, In, Only<0, 5, 64, 65, -1>),
    // ---- time ----
    ROW(clock_gettime, 4, kNumber, kOwn, AnyClock, BigOut),
    ROW(clock_getres, 3, kNumber, kSame, AnyClock, BigOut),
    ROW(clock_nanosleep, 4, kNumber, kOwn, AnyClock, OneOf<0, 1, 0>, Timespec, BigOut),
    ROW(nanosleep, 4, kNumber, kOwn, Timespec, BigOut),
    ROW(gettimeofday, 2, kNumber, kOwn, BigOut, BigOut),
    ROW(time, 1, kIgnored, kOwn, BigOut),
    ROW(times, 1, kIgnored, kOwn, BigOut),
    ROW(getitimer, 2, kNumber, kOwn, OneOf<0, 1, 2, 3>, BigOut),
    ROW(setitimer, 4, kNumber, kOwn, OneOf<0, 1, 2, 3>, Itimerval, BigOut),
    ROW(alarm, 2, kIgnored, kSame, Only<0, 100000>),
    ROW(timer_create, 5, kNumber, kOwn, AnyClock, SignalEvent, BigOut),
    ROW(timer_settime, 4, kNumber, kOwn, TimerId, OneOf<0, 1>, Itimerspec, BigOut),
    ROW(timer_gettime, 3, kNumber, kOwn, TimerId, BigOut),
    ROW(timer_getoverrun, 2, kNumber, kSame, TimerId),
    ROW(timer_delete, 2, kNumber, kSame, TimerId),
    ROW(timerfd_create, 3, kNumber, kSame, AnyClock, FlagsOf<O_CLOEXEC, O_NONBLOCK>),
    ROW(timerfd_settime, 4, kNumber, kOwn, Only<16, 16, 16, 3, 9999>, OneOf<0, 1, 2, 3>, Itimerspec, BigOut),
    ROW(timerfd_gettime, 3, kNumber, kOwn, Only<16, 16, 16, 3, 9999>, BigOut),
    ROW(getrusage, 2, kNumber, kOwn, OneOf<0, -1, 1, 5>, BigOut),
    ROW(sysinfo, 1, kNumber, kOwn, BigOut),
    ROW(uname, 1, kNumber, kOwn, BigOut),
    ROW(getcpu, 1, kNumber, kOwn, BigOut, Null),
    ROW(getrandom, 3, kNumber, kOwn, Out, Size, FlagsOf<1, 2, 4>),
    ROW(syslog, 1, kIgnored, kOwn, Only<2, 3, 5, 9, 10, 11, -1>, Out, Only<0, 10, -1>),
    // ---- System V and POSIX IPC ----
    {"shmget",
     SYS_shmget,
     5,
     Kind::kShm,
     kSame,
     {Key, Only<0, 100, 4096, 8192, 100000>, FlagsOf<IPC_CREAT, IPC_CREAT, IPC_EXCL, 0600, 0600>}},
    ROW(shmat, 4, kAddress, kSame, ShmId, Only<0>, FlagsOf<SHM_RDONLY, SHM_RND, SHM_EXEC>),
    ROW(shmdt, 2, kNumber, kSame, Pages),
    ROW(shmctl, 4, kNumber, kOwn, ShmId, OneOf<IPC_STAT, IPC_RMID, SHM_LOCK, SHM_UNLOCK, 99>, BigOut),
    {"semget", SYS_semget, 5, Kind::kSem, kSame, {Key, Only<0, 1, 3, 4, -1, 40000>, FlagsOf<IPC_CREAT, IPC_CREAT, IPC_EXCL, 0600, 0600>}},
    ROW(semop, 5, kNumber, kSame, SemId, SemOps, OneOf<1, 2, 1, 0, 501>),
    ROW(semtimedop, 4, kNumber, kSame, SemId, SemOps, OneOf<1, 2, 1, 0>, Timespec),
    ROW(semctl, 5, kPid, kOwn, SemId, Only<0, 1, 3, 9, -1>, OneOf<GETVAL, GETNCNT, GETZCNT, SETVAL, IPC_RMID, 99>, OneOf<0, 1, 5, 40000>),
    {"msgget", SYS_msgget, 5, Kind::kMsg, kSame, {Key, FlagsOf<IPC_CREAT, IPC_CREAT, IPC_EXCL, 0600, 0600>}},
    ROW(msgsnd, 5, kNumber, kSame, MsgId, MessageText, Only<0, 7, 100, 120, -1, 10000>, Only<IPC_NOWAIT>),
    ROW(msgrcv, 5, kNumber, kSame, MsgId, MessageText, Only<0, 7, 100, 120, -1>, OneOf<0, 1, 2, -2>,
        Only<IPC_NOWAIT, IPC_NOWAIT | MSG_NOERROR, IPC_NOWAIT | MSG_EXCEPT>),
    ROW(msgctl, 3, kNumber, kOwn, MsgId, OneOf<IPC_STAT, IPC_RMID, 99>, BigOut),
    ROW(mq_open, 5, kNumber, kSame, QueueName, FlagsOf<O_RDWR, O_CREAT, O_CREAT, O_EXCL, O_NONBLOCK, O_NONBLOCK>, PermissionBits,
        QueueAttributes),
    ROW(mq_unlink, 2, kNumber, kSame, QueueName),
    ROW(mq_timedsend, 6, kNumber, kSame, Only<30, 30, 30, 3, 9999>, In, Only<0, 1, 10, 64, 65>, OneOf<0, 1, 5, 32768>, Timespec),
    ROW(mq_timedreceive, 6, kNumber, kSame, Only<30, 30, 30, 3, 9999>, Out, Only<0, 10, 64, 100>, BigOut, Timespec),
    ROW(mq_getsetattr, 4, kNumber, kSame, Only<30, 30, 30, 3, 9999>, QueueAttributes, BigOut),
    ROW(mq_notify, 2, kNumber, kSame, Only<30, 30, 3, 9999>, SignalEvent),
    // ---- sockets ----
    ROW(socket, 6, kNumber, kSame, OneOf<AF_UNIX, AF_INET, AF_INET6, 0, 99>, SocketTypes, OneOf<0, 0, 0, 6, 17, 99>),
    ROW(socketpair, 4, kNumber, kSame, OneOf<AF_UNIX, AF_UNIX, AF_INET, 99>, SocketTypes, OneOf<0, 0, 1>, BigOut),
    ROW(bind, 8, kNumber, kSame, Fd, SocketAddress, AddressLength),
    ROW(connect, 8, kNumber, kSame, Fd, SocketAddress, AddressLength),
    ROW(listen, 4, kNumber, kSame, Fd, Small),
    ROW(accept, 4, kNumber, kOwn, Only<23, 24, 9, 3, 9999, 25>, BigOut, LengthPointer),
    ROW(accept4, 4, kNumber, kOwn, Only<23, 24, 9, 3, 9999, 25>, BigOut, LengthPointer, FlagsOf<SOCK_CLOEXEC, SOCK_NONBLOCK>),
    ROW(getsockname, 5, kNumber, kOwn, Fd, BigOut, LengthPointer),
    ROW(getpeername, 5, kNumber, kOwn, Fd, BigOut, LengthPointer),
    ROW(sendto, 8, kNumber, kSame, Fd, In, Size, SendFlags, SocketAddress, AddressLength),
    ROW(recvfrom, 8, kNumber, kOwn, Fd, Out, Size, SendFlags, BigOut, LengthPointer),
    ROW(sendmsg, 8, kNumber, kSame, Fd, MessageHeader, SendFlags),
    ROW(recvmsg, 8, kNumber, kOwn, Fd, MessageHeader, SendFlags),
    ROW(shutdown, 3, kNumber, kSame, Fd, OneOf<0, 1, 2, 3>),
    ROW(setsockopt, 10, kNumber, kSame, Fd, SockLevel, SockOption, OptionValue, Only<4, 4, 4, 8, 1, 0, 16>),
    ROW(getsockopt, 10, kNumber, kOwn, Fd, SockLevel, SockOption, BigOut, LengthPointer),
};
const size_t kCallCount = sizeof(kCalls) / sizeof(kCalls[0]);

}  // namespace ringwall::random_calls
