// The same check for numbers that only the C library writes down (address families, message flags, ...).

#include <cstddef>
#include <cstdint>
#include <utility>

#include "abi/arch_prctl.h"
#include "abi/auxvec.h"
#include "abi/bpf.h"
#include "abi/capability.h"
#include "abi/clone.h"
#include "abi/device.h"
#include "abi/dirent.h"
#include "abi/elf.h"
#include "abi/epoll.h"
#include "abi/eventfd.h"
#include "abi/fcntl.h"
#include "abi/fd.h"
#include "abi/futex.h"
#include "abi/inet.h"
#include "abi/inotify.h"
#include "abi/ioctl.h"
#include "abi/ipc.h"
#include "abi/keyctl.h"
#include "abi/layout.h"
#include "abi/limits.h"
#include "abi/membarrier.h"
#include "abi/memfd.h"
#include "abi/mman.h"
#include "abi/mount.h"
#include "abi/mqueue.h"
#include "abi/netlink.h"
#include "abi/personality.h"
#include "abi/poll.h"
#include "abi/prctl.h"
#include "abi/ptrace.h"
#include "abi/random.h"
#include "abi/resource.h"
#include "abi/rseq.h"
#include "abi/sched.h"
#include "abi/seccomp.h"
#include "abi/signal.h"
#include "abi/signalfd.h"
#include "abi/socket.h"
#include "abi/splice.h"
#include "abi/stat.h"
#include "abi/statfs.h"
#include "abi/sysinfo.h"
#include "abi/termios.h"
#include "abi/time.h"
#include "abi/timerfd.h"
#include "abi/uio.h"
#include "abi/un.h"
#include "abi/utsname.h"
#include "abi/wait.h"
#include "abi/xattr.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include <termios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/uio.h>
#include <sys/ucontext.h>
#include <sys/user.h>

namespace ringwall::abi {
namespace {

// Equal as the host header writes it, converted to our type (the host mixes int, unsigned and long).
template <typename T>
constexpr bool Same(T ours, auto host) {
  return ours == static_cast<T>(host);
}
#define SAME(name) static_assert(Same(k##name, name), #name)

static_assert(sizeof(Iovec) == sizeof(::iovec) && sizeof(Msghdr) == sizeof(::msghdr) && sizeof(Mmsghdr) == sizeof(::mmsghdr));
static_assert(offsetof(Msghdr, msg_iov) == offsetof(::msghdr, msg_iov));
static_assert(offsetof(Msghdr, msg_flags) == offsetof(::msghdr, msg_flags));
static_assert(offsetof(Mmsghdr, msg_len) == offsetof(::mmsghdr, msg_len));
static_assert(sizeof(Cmsghdr) == sizeof(::cmsghdr) && offsetof(Cmsghdr, cmsg_type) == offsetof(::cmsghdr, cmsg_type));
static_assert(CmsgSpace(5) == CMSG_SPACE(5) && CmsgLen(5) == CMSG_LEN(5));
static_assert(sizeof(Ucred) == sizeof(::ucred) && sizeof(Linger) == sizeof(::linger) && sizeof(Ifreq) == sizeof(::ifreq));
static_assert(sizeof(Ifconf) == sizeof(::ifconf) && sizeof(UserRegs) == sizeof(::user_regs_struct));
static_assert(offsetof(UserRegs, orig_rax) == offsetof(::user_regs_struct, orig_rax));
static_assert(offsetof(UserRegs, fs_base) == offsetof(::user_regs_struct, fs_base));
static_assert(offsetof(Dirent64, d_type) == offsetof(::dirent64, d_type) && kFD_SETSIZE == FD_SETSIZE);

// Status words of wait(2) read by the C library's macros.
static_assert(WIFEXITED(ExitStatus(300)) && WEXITSTATUS(ExitStatus(300)) == 44 && StatusExitCode(ExitStatus(300)) == 44);
static_assert(WIFSIGNALED(SignalStatus(9, true)) && WTERMSIG(SignalStatus(9, true)) == 9 && WCOREDUMP(SignalStatus(9, true)));
static_assert(WIFSTOPPED(StopStatus(19)) && WSTOPSIG(StopStatus(19)) == 19 && WIFCONTINUED(kContinuedStatus));


// dirent.h
SAME(DT_UNKNOWN); SAME(DT_FIFO); SAME(DT_CHR); SAME(DT_DIR); SAME(DT_BLK); SAME(DT_REG); SAME(DT_LNK); SAME(DT_SOCK);
SAME(DT_WHT);

// elf.h
SAME(DT_GNU_HASH);

// eventfd.h
SAME(EFD_SEMAPHORE); SAME(EFD_CLOEXEC); SAME(EFD_NONBLOCK);

// inet.h
SAME(TCP_ESTABLISHED); SAME(TCP_SYN_SENT); SAME(TCP_SYN_RECV); SAME(TCP_FIN_WAIT1); SAME(TCP_FIN_WAIT2); SAME(TCP_TIME_WAIT);
SAME(TCP_CLOSE); SAME(TCP_CLOSE_WAIT); SAME(TCP_LAST_ACK); SAME(TCP_LISTEN); SAME(TCP_CLOSING); SAME(IFF_UP);
SAME(IFF_BROADCAST); SAME(IFF_DEBUG); SAME(IFF_LOOPBACK); SAME(IFF_POINTOPOINT); SAME(IFF_NOTRAILERS); SAME(IFF_RUNNING);
SAME(IFF_NOARP); SAME(IFF_PROMISC); SAME(IFF_ALLMULTI); SAME(IFF_MASTER); SAME(IFF_SLAVE); SAME(IFF_MULTICAST);
SAME(IFF_PORTSEL); SAME(IFF_AUTOMEDIA); SAME(IFF_DYNAMIC); SAME(ARPHRD_ETHER); SAME(ARPHRD_LOOPBACK); SAME(ARPHRD_NONE);
SAME(ARPHRD_TUNNEL); SAME(ARPHRD_VOID);

// signal.h
SAME(SS_ONSTACK); SAME(SS_DISABLE);

// socket.h
SAME(AF_UNSPEC); SAME(AF_UNIX); SAME(AF_LOCAL); SAME(AF_INET); SAME(AF_INET6); SAME(AF_NETLINK); SAME(AF_PACKET); SAME(AF_ALG);
SAME(AF_VSOCK); SAME(AF_XDP); SAME(AF_BLUETOOTH); SAME(AF_CAN); SAME(AF_KEY); SAME(SOCK_STREAM); SAME(SOCK_DGRAM);
SAME(SOCK_RAW); SAME(SOCK_RDM); SAME(SOCK_SEQPACKET); SAME(SOCK_DCCP); SAME(SOCK_PACKET); SAME(SOCK_CLOEXEC);
SAME(SOCK_NONBLOCK); SAME(SHUT_RD); SAME(SHUT_WR); SAME(SHUT_RDWR); SAME(MSG_OOB); SAME(MSG_PEEK); SAME(MSG_DONTROUTE);
SAME(MSG_CTRUNC); SAME(MSG_PROXY); SAME(MSG_TRUNC); SAME(MSG_DONTWAIT); SAME(MSG_EOR); SAME(MSG_WAITALL); SAME(MSG_FIN);
SAME(MSG_SYN); SAME(MSG_CONFIRM); SAME(MSG_RST); SAME(MSG_ERRQUEUE); SAME(MSG_NOSIGNAL); SAME(MSG_MORE); SAME(MSG_WAITFORONE);
SAME(MSG_BATCH); SAME(MSG_ZEROCOPY); SAME(MSG_FASTOPEN); SAME(MSG_CMSG_CLOEXEC); SAME(SOL_IP); SAME(SOL_TCP); SAME(SOL_IPV6);
SAME(SOL_ICMPV6); SAME(SOL_RAW); SAME(SOL_PACKET); SAME(SCM_RIGHTS); SAME(SCM_CREDENTIALS);

// splice.h
SAME(SPLICE_F_MOVE); SAME(SPLICE_F_NONBLOCK); SAME(SPLICE_F_MORE); SAME(SPLICE_F_GIFT);

// stat.h
SAME(S_IFMT); SAME(S_IFSOCK); SAME(S_IFLNK); SAME(S_IFREG); SAME(S_IFBLK); SAME(S_IFDIR); SAME(S_IFCHR); SAME(S_IFIFO);
SAME(S_ISUID); SAME(S_ISGID); SAME(S_ISVTX); SAME(S_IRWXU); SAME(S_IRUSR); SAME(S_IWUSR); SAME(S_IXUSR); SAME(S_IRWXG);
SAME(S_IRGRP); SAME(S_IWGRP); SAME(S_IXGRP); SAME(S_IRWXO); SAME(S_IROTH); SAME(S_IWOTH); SAME(S_IXOTH); SAME(UTIME_NOW);
SAME(UTIME_OMIT);

// statfs.h
SAME(ST_RDONLY); SAME(ST_NOSUID); SAME(ST_NODEV); SAME(ST_NOEXEC); SAME(ST_SYNCHRONOUS); SAME(ST_MANDLOCK); SAME(ST_NOATIME);
SAME(ST_NODIRATIME); SAME(ST_RELATIME);

}  // namespace
}  // namespace ringwall::abi
