// Checks every layout and number of abi/ that the kernel's own uapi headers also define. The only uapi user here.

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

#include <asm/fcntl.h>
#include <linux/types.h>
#include <linux/posix_types.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <asm/stat.h>
#include <linux/openat2.h>
#include <linux/close_range.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <asm/statfs.h>
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <asm/mman.h>
#include <linux/mman.h>
#include <linux/wait.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <linux/futex.h>
#include <asm/poll.h>
#include <linux/eventpoll.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/timex.h>
#include <linux/times.h>
#include <linux/resource.h>
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <asm/termios.h>
#include <linux/tty.h>
#include <asm/socket.h>
#include <asm/sockios.h>
#include <linux/sockios.h>
#include <linux/un.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_link.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/auxvec.h>
#include <asm/auxvec.h>
#include <linux/elf.h>
#include <linux/elf-em.h>
#include <linux/prctl.h>
#include <asm/prctl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <linux/seccomp.h>
#include <linux/filter.h>
#include <linux/audit.h>
#include <linux/utsname.h>
#include <linux/sysinfo.h>
#include <linux/signalfd.h>
#include <linux/timerfd.h>
#include <linux/inotify.h>
#include <linux/fanotify.h>
#include <linux/memfd.h>
#include <linux/mount.h>
#include <linux/xattr.h>
#include <linux/personality.h>
#include <linux/membarrier.h>
#include <linux/rseq.h>
#include <linux/ipc.h>
#include <linux/shm.h>
#include <linux/sem.h>
#include <linux/msg.h>
#include <linux/mqueue.h>
#include <linux/ptrace.h>
#include <asm/ptrace-abi.h>
#include <linux/random.h>
#include <linux/keyctl.h>
#include <linux/limits.h>
#include <linux/pidfd.h>
#include <linux/kcmp.h>
#include <linux/reboot.h>
#include <linux/utime.h>
#include <linux/mempolicy.h>
#include <linux/ioprio.h>
#include <linux/landlock.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <linux/fadvise.h>
#include <linux/net_tstamp.h>
#include <linux/quota.h>

namespace ringwall::abi {
namespace {

// Equal as the host header writes it, converted to our type (the host mixes int, unsigned and long).
template <typename T>
constexpr bool Same(T ours, auto host) {
  return ours == static_cast<T>(host);
}
#define SAME(name) static_assert(Same(k##name, name), #name)

template <typename Ours, typename Host>
constexpr bool kSameSize = sizeof(Ours) == sizeof(Host);

// AT(Ours, our field, host type, host field): the field starts at the same byte and has the same width.
#define AT(ours, field, host, host_field)                                  \
  static_assert(offsetof(ours, field) == offsetof(host, host_field) &&     \
                sizeof(ours::field) == sizeof(std::declval<host&>().host_field))

static_assert(kSameSize<Timespec, ::timespec> && kSameSize<Timeval, ::timeval> && kSameSize<Itimerval, ::itimerval>);
static_assert(kSameSize<Timezone, ::timezone> && kSameSize<Itimerspec, ::itimerspec> && kSameSize<Tms, ::tms>);
static_assert(kSameSize<Timex, ::__kernel_timex> && kSameSize<Rlimit, ::rlimit64> && kSameSize<Rusage, ::rusage>);
AT(Timex, constant, ::__kernel_timex, constant);
AT(Timex, time, ::__kernel_timex, time);
AT(Timex, stabil, ::__kernel_timex, stabil);
AT(Timex, tai, ::__kernel_timex, tai);
AT(Rusage, ru_maxrss, ::rusage, ru_maxrss);
AT(Rusage, ru_nivcsw, ::rusage, ru_nivcsw);

using HostStat = struct ::stat;
static_assert(kSameSize<Stat, HostStat>);
AT(Stat, st_nlink, HostStat, st_nlink);
AT(Stat, st_mode, HostStat, st_mode);
AT(Stat, st_rdev, HostStat, st_rdev);
AT(Stat, st_size, HostStat, st_size);
AT(Stat, st_blksize, HostStat, st_blksize);
AT(Stat, st_blocks, HostStat, st_blocks);
static_assert(offsetof(Stat, st_atim) == offsetof(HostStat, st_atime) && offsetof(Stat, st_ctim) == offsetof(HostStat, st_ctime));

using HostStatx = struct ::statx;
static_assert(kSameSize<Statx, HostStatx>);
AT(Statx, stx_attributes, HostStatx, stx_attributes);
AT(Statx, stx_mode, HostStatx, stx_mode);
AT(Statx, stx_ino, HostStatx, stx_ino);
AT(Statx, stx_attributes_mask, HostStatx, stx_attributes_mask);
AT(Statx, stx_atime, HostStatx, stx_atime);
AT(Statx, stx_btime, HostStatx, stx_btime);
AT(Statx, stx_ctime, HostStatx, stx_ctime);
AT(Statx, stx_mtime, HostStatx, stx_mtime);
AT(Statx, stx_rdev_major, HostStatx, stx_rdev_major);
AT(Statx, stx_dev_minor, HostStatx, stx_dev_minor);
AT(Statx, stx_mnt_id, HostStatx, stx_mnt_id);
AT(Statx, stx_dio_offset_align, HostStatx, stx_dio_offset_align);

using HostStatfs = struct ::statfs;
static_assert(kSameSize<Statfs, HostStatfs>);
AT(Statfs, f_fsid, HostStatfs, f_fsid);
AT(Statfs, f_namelen, HostStatfs, f_namelen);
AT(Statfs, f_flags, HostStatfs, f_flags);

using HostFlock = struct ::flock;
static_assert(kSameSize<Flock, HostFlock> && kSameSize<FOwnerEx, ::f_owner_ex> && kSameSize<OpenHow, ::open_how>);
static_assert(kSameSize<Utimbuf, ::utimbuf>);
AT(Flock, l_whence, HostFlock, l_whence);
AT(Flock, l_start, HostFlock, l_start);
AT(Flock, l_pid, HostFlock, l_pid);

using HostSigaction = struct ::sigaction;
static_assert(kSameSize<SigAction, HostSigaction> && kSameSize<SigInfo, ::siginfo_t> && kSameSize<StackT, ::stack_t>);
AT(SigAction, flags, HostSigaction, sa_flags);
AT(SigAction, restorer, HostSigaction, sa_restorer);
AT(SigAction, mask, HostSigaction, sa_mask);
AT(StackT, ss_flags, ::stack_t, ss_flags);
AT(StackT, ss_size, ::stack_t, ss_size);
static_assert(offsetof(SigInfo, fields_) == offsetof(::siginfo_t, _sifields));

// The siginfo layouts, relative to the union.
#define INFO(ours, field, host_field)                                                                      \
  static_assert(offsetof(SigInfo, fields_) + offsetof(SigInfo::ours, field) == offsetof(::siginfo_t, host_field) && \
                sizeof(SigInfo::ours::field) == sizeof(std::declval<::siginfo_t&>().host_field))
INFO(Kill, uid, _sifields._kill._uid);
INFO(Timer, overrun, _sifields._timer._overrun);
INFO(Timer, value, _sifields._timer._sigval);
INFO(Rt, value, _sifields._rt._sigval);
INFO(Child, status, _sifields._sigchld._status);
INFO(Child, utime, _sifields._sigchld._utime);
INFO(Child, stime, _sifields._sigchld._stime);
INFO(Fault, addr, _sifields._sigfault._addr);
INFO(Fault, addr_lsb, _sifields._sigfault._addr_lsb);
INFO(Fault, lower, _sifields._sigfault._addr_bnd._lower);
INFO(Fault, upper, _sifields._sigfault._addr_bnd._upper);
INFO(Poll, fd, _sifields._sigpoll._fd);
INFO(Sys, call_addr, _sifields._sigsys._call_addr);
INFO(Sys, arch, _sifields._sigsys._arch);

static_assert(kSameSize<Sigevent, ::sigevent>);
AT(Sigevent, signo, ::sigevent, sigev_signo);
AT(Sigevent, notify, ::sigevent, sigev_notify);
AT(Sigevent, tid, ::sigevent, _sigev_un._tid);

using HostSigcontext = struct ::sigcontext;
static_assert(kSameSize<SigContext, HostSigcontext> && kSameSize<UContext, struct ::ucontext>);
static_assert(kSameSize<FpxSwBytes, ::_fpx_sw_bytes>);
AT(SigContext, rdi, HostSigcontext, rdi);
AT(SigContext, rip, HostSigcontext, rip);
AT(SigContext, cs, HostSigcontext, cs);
AT(SigContext, ss, HostSigcontext, ss);
AT(SigContext, cr2, HostSigcontext, cr2);
AT(SigContext, fpstate, HostSigcontext, fpstate);
AT(UContext, uc_mcontext, struct ::ucontext, uc_mcontext);
AT(UContext, uc_sigmask, struct ::ucontext, uc_sigmask);
AT(FpxSwBytes, xfeatures, ::_fpx_sw_bytes, xfeatures);
AT(FpxSwBytes, xstate_size, ::_fpx_sw_bytes, xstate_size);

static_assert(kSameSize<CloneArgs, ::clone_args> && kSameSize<RobustListHead, ::robust_list_head>);
static_assert(kSameSize<FutexWaitv, ::futex_waitv> && kSameSize<Pollfd, ::pollfd> && kSameSize<EpollEvent, ::epoll_event>);
AT(CloneArgs, set_tid, ::clone_args, set_tid);
AT(CloneArgs, cgroup, ::clone_args, cgroup);
AT(RobustListHead, list_op_pending, ::robust_list_head, list_op_pending);
AT(FutexWaitv, uaddr, ::futex_waitv, uaddr);
AT(FutexWaitv, flags, ::futex_waitv, flags);
AT(EpollEvent, data, ::epoll_event, data);

static_assert(kSameSize<SchedParam, ::sched_param> && kSameSize<SchedAttr, ::sched_attr>);
AT(SchedAttr, sched_runtime, ::sched_attr, sched_runtime);
AT(SchedAttr, sched_util_max, ::sched_attr, sched_util_max);

using HostTermios = struct ::termios;
static_assert(kSameSize<Termios, HostTermios> && kSameSize<Termios2, ::termios2> && kSameSize<Termio, ::termio>);
static_assert(kSameSize<Winsize, ::winsize>);
AT(Termios, c_cc, HostTermios, c_cc);
AT(Termios2, c_ospeed, ::termios2, c_ospeed);

static_assert(kSameSize<SockaddrUn, ::sockaddr_un> && kSameSize<SockaddrIn, ::sockaddr_in>);
static_assert(kSameSize<SockaddrIn6, ::sockaddr_in6> && kSameSize<IpMreqn, ::ip_mreqn> && kSameSize<InPktinfo, ::in_pktinfo>);
static_assert(kSameSize<Ipv6Mreq, ::ipv6_mreq> && kSameSize<SockaddrLl, ::sockaddr_ll>);
AT(SockaddrIn6, sin6_addr, ::sockaddr_in6, sin6_addr);
AT(SockaddrIn6, sin6_scope_id, ::sockaddr_in6, sin6_scope_id);
AT(SockaddrLl, sll_addr, ::sockaddr_ll, sll_addr);

static_assert(kSameSize<SockaddrNl, ::sockaddr_nl> && kSameSize<Nlmsghdr, ::nlmsghdr> && kSameSize<Nlmsgerr, ::nlmsgerr>);
static_assert(kSameSize<Rtattr, ::rtattr> && kSameSize<Rtgenmsg, ::rtgenmsg> && kSameSize<Ifinfomsg, ::ifinfomsg>);
static_assert(kSameSize<Ifaddrmsg, ::ifaddrmsg> && kSameSize<Rtmsg, ::rtmsg> && kSameSize<Ndmsg, ::ndmsg>);
static_assert(kSameSize<IfaCacheinfo, ::ifa_cacheinfo>);
AT(Nlmsghdr, nlmsg_type, ::nlmsghdr, nlmsg_type);
AT(Nlmsghdr, nlmsg_seq, ::nlmsghdr, nlmsg_seq);
AT(Ifinfomsg, ifi_type, ::ifinfomsg, ifi_type);
AT(Ifinfomsg, ifi_flags, ::ifinfomsg, ifi_flags);
AT(Ifaddrmsg, ifa_scope, ::ifaddrmsg, ifa_scope);
AT(Rtmsg, rtm_type, ::rtmsg, rtm_type);
AT(Ndmsg, ndm_state, ::ndmsg, ndm_state);

static_assert(kSameSize<Elf64Ehdr, ::Elf64_Ehdr> && kSameSize<Elf64Phdr, ::Elf64_Phdr> && kSameSize<Elf64Shdr, ::Elf64_Shdr>);
static_assert(kSameSize<Elf64Dyn, ::Elf64_Dyn> && kSameSize<Elf64Sym, ::Elf64_Sym> && kSameSize<Elf64Rela, ::Elf64_Rela>);
AT(Elf64Ehdr, e_phoff, ::Elf64_Ehdr, e_phoff);
AT(Elf64Ehdr, e_phnum, ::Elf64_Ehdr, e_phnum);
AT(Elf64Phdr, p_filesz, ::Elf64_Phdr, p_filesz);
AT(Elf64Phdr, p_align, ::Elf64_Phdr, p_align);
AT(Elf64Shdr, sh_size, ::Elf64_Shdr, sh_size);
AT(Elf64Sym, st_value, ::Elf64_Sym, st_value);

static_assert(kSameSize<PrctlMmMap, ::prctl_mm_map> && kSameSize<VfsNsCapData, ::vfs_ns_cap_data>);
static_assert(kSameSize<CapUserHeader, ::__user_cap_header_struct> && kSameSize<CapUserData, ::__user_cap_data_struct>);
AT(PrctlMmMap, brk, ::prctl_mm_map, brk);
AT(PrctlMmMap, auxv_size, ::prctl_mm_map, auxv_size);

static_assert(kSameSize<SeccompData, ::seccomp_data> && kSameSize<SeccompNotif, ::seccomp_notif>);
static_assert(kSameSize<SeccompNotifResp, ::seccomp_notif_resp> && kSameSize<SeccompNotifSizes, ::seccomp_notif_sizes>);
static_assert(kSameSize<SeccompNotifAddfd, ::seccomp_notif_addfd>);
static_assert(kSameSize<SockFilter, ::sock_filter> && kSameSize<SockFprog, ::sock_fprog>);
AT(SeccompNotif, data, ::seccomp_notif, data);
AT(SeccompNotifResp, error, ::seccomp_notif_resp, error);
AT(SockFprog, filter, ::sock_fprog, filter);

using HostSysinfo = struct ::sysinfo;
static_assert(kSameSize<Sysinfo, HostSysinfo> && kSameSize<Utsname, ::new_utsname>);
AT(Sysinfo, procs, HostSysinfo, procs);
AT(Sysinfo, totalhigh, HostSysinfo, totalhigh);
AT(Sysinfo, mem_unit, HostSysinfo, mem_unit);

static_assert(kSameSize<SignalfdSiginfo, ::signalfd_siginfo> && kSameSize<InotifyEvent, ::inotify_event>);
AT(SignalfdSiginfo, ssi_ptr, ::signalfd_siginfo, ssi_ptr);
AT(SignalfdSiginfo, ssi_syscall, ::signalfd_siginfo, ssi_syscall);
AT(SignalfdSiginfo, ssi_arch, ::signalfd_siginfo, ssi_arch);

static_assert(kSameSize<MountAttr, ::mount_attr> && kSameSize<RseqCs, ::rseq_cs> && kSameSize<Rseq, struct ::rseq>);
AT(Rseq, flags, struct ::rseq, flags);
AT(RseqCs, abort_ip, ::rseq_cs, abort_ip);

static_assert(kSameSize<IpcPerm, ::ipc64_perm> && kSameSize<ShmidDs, ::shmid64_ds> && kSameSize<SemidDs, ::semid64_ds>);
static_assert(kSameSize<MsqidDs, ::msqid64_ds> && kSameSize<ShmInfoLimits, ::shminfo64> && kSameSize<ShmInfo, ::shm_info>);
static_assert(kSameSize<Sembuf, ::sembuf> && kSameSize<Seminfo, ::seminfo> && kSameSize<Msginfo, ::msginfo>);
AT(IpcPerm, mode, ::ipc64_perm, mode);
AT(IpcPerm, seq, ::ipc64_perm, seq);
AT(ShmidDs, shm_ctim, ::shmid64_ds, shm_ctime);
AT(ShmidDs, shm_nattch, ::shmid64_ds, shm_nattch);
AT(SemidDs, sem_ctim, ::semid64_ds, sem_ctime);
AT(SemidDs, sem_nsems, ::semid64_ds, sem_nsems);
AT(MsqidDs, current_bytes, ::msqid64_ds, msg_cbytes);
AT(MsqidDs, msg_lrpid, ::msqid64_ds, msg_lrpid);
AT(Seminfo, semvmx, ::seminfo, semvmx);
AT(Msginfo, msgseg, ::msginfo, msgseg);

static_assert(kSameSize<MqAttr, ::mq_attr> && kSameSize<PtracePeeksiginfoArgs, ::ptrace_peeksiginfo_args>);
static_assert(kSameSize<PtraceSyscallInfo, ::ptrace_syscall_info>);
AT(PtraceSyscallInfo, arch, ::ptrace_syscall_info, arch);
AT(PtraceSyscallInfo, stack_pointer, ::ptrace_syscall_info, stack_pointer);
static_assert(offsetof(PtraceSyscallInfo, data) == offsetof(::ptrace_syscall_info, entry));


// arch_prctl.h
SAME(ARCH_SET_GS); SAME(ARCH_SET_FS); SAME(ARCH_GET_FS); SAME(ARCH_GET_GS); SAME(ARCH_GET_CPUID); SAME(ARCH_SET_CPUID);
SAME(ARCH_GET_XCOMP_SUPP); SAME(ARCH_GET_XCOMP_PERM); SAME(ARCH_REQ_XCOMP_PERM); SAME(ARCH_MAP_VDSO_X32);
SAME(ARCH_MAP_VDSO_32); SAME(ARCH_MAP_VDSO_64);

// auxvec.h
SAME(AT_NULL); SAME(AT_IGNORE); SAME(AT_EXECFD); SAME(AT_PHDR); SAME(AT_PHENT); SAME(AT_PHNUM); SAME(AT_PAGESZ); SAME(AT_BASE);
SAME(AT_FLAGS); SAME(AT_ENTRY); SAME(AT_NOTELF); SAME(AT_UID); SAME(AT_EUID); SAME(AT_GID); SAME(AT_EGID); SAME(AT_PLATFORM);
SAME(AT_HWCAP); SAME(AT_CLKTCK); SAME(AT_SECURE); SAME(AT_BASE_PLATFORM); SAME(AT_RANDOM); SAME(AT_HWCAP2); SAME(AT_EXECFN);
SAME(AT_SYSINFO_EHDR); SAME(AT_MINSIGSTKSZ);

// bpf.h
SAME(BPF_LD); SAME(BPF_LDX); SAME(BPF_ST); SAME(BPF_STX); SAME(BPF_ALU); SAME(BPF_JMP); SAME(BPF_RET); SAME(BPF_MISC);
SAME(BPF_W); SAME(BPF_H); SAME(BPF_B); SAME(BPF_IMM); SAME(BPF_ABS); SAME(BPF_IND); SAME(BPF_MEM); SAME(BPF_LEN); SAME(BPF_MSH);
SAME(BPF_ADD); SAME(BPF_SUB); SAME(BPF_MUL); SAME(BPF_DIV); SAME(BPF_OR); SAME(BPF_AND); SAME(BPF_LSH); SAME(BPF_RSH);
SAME(BPF_NEG); SAME(BPF_MOD); SAME(BPF_XOR); SAME(BPF_JA); SAME(BPF_JEQ); SAME(BPF_JGT); SAME(BPF_JGE); SAME(BPF_JSET);
SAME(BPF_K); SAME(BPF_X); SAME(BPF_A); SAME(BPF_TAX); SAME(BPF_TXA); SAME(BPF_MAXINSNS); SAME(BPF_MEMWORDS);

// capability.h
SAME(CAP_CHOWN); SAME(CAP_DAC_OVERRIDE); SAME(CAP_DAC_READ_SEARCH); SAME(CAP_FOWNER); SAME(CAP_FSETID); SAME(CAP_KILL);
SAME(CAP_SETGID); SAME(CAP_SETUID); SAME(CAP_SETPCAP); SAME(CAP_LINUX_IMMUTABLE); SAME(CAP_NET_BIND_SERVICE);
SAME(CAP_NET_BROADCAST); SAME(CAP_NET_ADMIN); SAME(CAP_NET_RAW); SAME(CAP_IPC_LOCK); SAME(CAP_IPC_OWNER); SAME(CAP_SYS_MODULE);
SAME(CAP_SYS_RAWIO); SAME(CAP_SYS_CHROOT); SAME(CAP_SYS_PTRACE); SAME(CAP_SYS_PACCT); SAME(CAP_SYS_ADMIN); SAME(CAP_SYS_BOOT);
SAME(CAP_SYS_NICE); SAME(CAP_SYS_RESOURCE); SAME(CAP_SYS_TIME); SAME(CAP_SYS_TTY_CONFIG); SAME(CAP_MKNOD); SAME(CAP_LEASE);
SAME(CAP_AUDIT_WRITE); SAME(CAP_AUDIT_CONTROL); SAME(CAP_SETFCAP); SAME(CAP_MAC_OVERRIDE); SAME(CAP_MAC_ADMIN);
SAME(CAP_SYSLOG); SAME(CAP_WAKE_ALARM); SAME(CAP_BLOCK_SUSPEND); SAME(CAP_AUDIT_READ); SAME(CAP_PERFMON); SAME(CAP_BPF);
SAME(CAP_CHECKPOINT_RESTORE); SAME(CAP_LAST_CAP); SAME(_LINUX_CAPABILITY_VERSION_1); SAME(_LINUX_CAPABILITY_VERSION_2);
SAME(_LINUX_CAPABILITY_VERSION_3); SAME(VFS_CAP_REVISION_MASK); SAME(VFS_CAP_FLAGS_MASK); SAME(VFS_CAP_FLAGS_EFFECTIVE);
SAME(VFS_CAP_REVISION_1); SAME(VFS_CAP_REVISION_2); SAME(VFS_CAP_REVISION_3); SAME(SECBIT_NOROOT); SAME(SECBIT_NOROOT_LOCKED);
SAME(SECBIT_NO_SETUID_FIXUP); SAME(SECBIT_NO_SETUID_FIXUP_LOCKED); SAME(SECBIT_KEEP_CAPS); SAME(SECBIT_KEEP_CAPS_LOCKED);
SAME(SECBIT_NO_CAP_AMBIENT_RAISE); SAME(SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED);

// clone.h
SAME(CSIGNAL); SAME(CLONE_NEWTIME); SAME(CLONE_VM); SAME(CLONE_FS); SAME(CLONE_FILES); SAME(CLONE_SIGHAND); SAME(CLONE_PIDFD);
SAME(CLONE_PTRACE); SAME(CLONE_VFORK); SAME(CLONE_PARENT); SAME(CLONE_THREAD); SAME(CLONE_NEWNS); SAME(CLONE_SYSVSEM);
SAME(CLONE_SETTLS); SAME(CLONE_PARENT_SETTID); SAME(CLONE_CHILD_CLEARTID); SAME(CLONE_DETACHED); SAME(CLONE_UNTRACED);
SAME(CLONE_CHILD_SETTID); SAME(CLONE_NEWCGROUP); SAME(CLONE_NEWUTS); SAME(CLONE_NEWIPC); SAME(CLONE_NEWUSER);
SAME(CLONE_NEWPID); SAME(CLONE_NEWNET); SAME(CLONE_IO); SAME(CLONE_CLEAR_SIGHAND); SAME(CLONE_INTO_CGROUP);
SAME(CLONE_ARGS_SIZE_VER0); SAME(CLONE_ARGS_SIZE_VER1); SAME(CLONE_ARGS_SIZE_VER2); SAME(PIDFD_NONBLOCK); SAME(KCMP_FILE);
SAME(KCMP_VM); SAME(KCMP_FILES); SAME(KCMP_FS); SAME(KCMP_SIGHAND); SAME(KCMP_IO); SAME(KCMP_SYSVSEM); SAME(KCMP_EPOLL_TFD);

// elf.h
SAME(EI_CLASS); SAME(EI_DATA); SAME(EI_VERSION); SAME(EI_OSABI); SAME(EI_NIDENT); SAME(ELFCLASS32); SAME(ELFCLASS64);
SAME(ELFDATA2LSB); SAME(ELFDATA2MSB); SAME(EV_CURRENT); SAME(ELFOSABI_NONE); SAME(ET_NONE); SAME(ET_REL); SAME(ET_EXEC);
SAME(ET_DYN); SAME(ET_CORE); SAME(EM_386); SAME(EM_X86_64); SAME(EM_AARCH64); SAME(PN_XNUM); SAME(PT_NULL); SAME(PT_LOAD);
SAME(PT_DYNAMIC); SAME(PT_INTERP); SAME(PT_NOTE); SAME(PT_SHLIB); SAME(PT_PHDR); SAME(PT_TLS); SAME(PT_GNU_EH_FRAME);
SAME(PT_GNU_STACK); SAME(PT_GNU_RELRO); SAME(PT_GNU_PROPERTY); SAME(PF_X); SAME(PF_W); SAME(PF_R); SAME(DT_NULL);
SAME(DT_NEEDED); SAME(DT_HASH); SAME(DT_STRTAB); SAME(DT_SYMTAB); SAME(DT_RELA); SAME(DT_STRSZ); SAME(DT_SONAME);
SAME(DT_VERSYM); SAME(DT_VERDEF); SAME(DT_VERDEFNUM); SAME(SHT_NULL); SAME(SHT_PROGBITS); SAME(SHT_SYMTAB); SAME(SHT_STRTAB);
SAME(SHT_RELA); SAME(SHT_DYNAMIC); SAME(SHT_NOTE); SAME(SHT_NOBITS); SAME(SHT_DYNSYM); SAME(NT_PRSTATUS); SAME(NT_PRFPREG);
SAME(NT_PRPSINFO); SAME(NT_TASKSTRUCT); SAME(NT_AUXV); SAME(NT_SIGINFO); SAME(NT_FILE); SAME(NT_X86_XSTATE);

// epoll.h
SAME(EPOLL_CLOEXEC); SAME(EPOLL_CTL_ADD); SAME(EPOLL_CTL_DEL); SAME(EPOLL_CTL_MOD); SAME(EPOLLIN); SAME(EPOLLPRI);
SAME(EPOLLOUT); SAME(EPOLLERR); SAME(EPOLLHUP); SAME(EPOLLNVAL); SAME(EPOLLRDNORM); SAME(EPOLLRDBAND); SAME(EPOLLWRNORM);
SAME(EPOLLWRBAND); SAME(EPOLLMSG); SAME(EPOLLRDHUP); SAME(EPOLLEXCLUSIVE); SAME(EPOLLWAKEUP); SAME(EPOLLONESHOT); SAME(EPOLLET);

// fcntl.h
SAME(O_RDONLY); SAME(O_WRONLY); SAME(O_RDWR); SAME(O_ACCMODE); SAME(O_CREAT); SAME(O_EXCL); SAME(O_NOCTTY); SAME(O_TRUNC);
SAME(O_APPEND); SAME(O_NONBLOCK); SAME(O_DSYNC); SAME(FASYNC); SAME(O_DIRECT); SAME(O_DIRECTORY); SAME(O_NOFOLLOW);
SAME(O_NOATIME); SAME(O_CLOEXEC); SAME(O_SYNC); SAME(__O_SYNC); SAME(O_PATH); SAME(O_TMPFILE); SAME(__O_TMPFILE);
SAME(O_NDELAY); SAME(AT_FDCWD); SAME(AT_SYMLINK_NOFOLLOW); SAME(AT_EACCESS); SAME(AT_REMOVEDIR); SAME(AT_SYMLINK_FOLLOW);
SAME(AT_NO_AUTOMOUNT); SAME(AT_EMPTY_PATH); SAME(AT_STATX_SYNC_TYPE); SAME(AT_STATX_SYNC_AS_STAT); SAME(AT_STATX_FORCE_SYNC);
SAME(AT_STATX_DONT_SYNC); SAME(AT_RECURSIVE); SAME(F_DUPFD); SAME(F_GETFD); SAME(F_SETFD); SAME(F_GETFL); SAME(F_SETFL);
SAME(F_GETLK); SAME(F_SETLK); SAME(F_SETLKW); SAME(F_SETOWN); SAME(F_GETOWN); SAME(F_SETSIG); SAME(F_GETSIG); SAME(F_SETOWN_EX);
SAME(F_GETOWN_EX); SAME(F_GETOWNER_UIDS); SAME(F_OFD_GETLK); SAME(F_OFD_SETLK); SAME(F_OFD_SETLKW); SAME(F_SETLEASE);
SAME(F_GETLEASE); SAME(F_NOTIFY); SAME(F_CANCELLK); SAME(F_DUPFD_CLOEXEC); SAME(F_SETPIPE_SZ); SAME(F_GETPIPE_SZ);
SAME(F_ADD_SEALS); SAME(F_GET_SEALS); SAME(F_GET_RW_HINT); SAME(F_SET_RW_HINT); SAME(F_GET_FILE_RW_HINT);
SAME(F_SET_FILE_RW_HINT); SAME(FD_CLOEXEC); SAME(F_RDLCK); SAME(F_WRLCK); SAME(F_UNLCK); SAME(F_EXLCK); SAME(F_SHLCK);
SAME(F_OWNER_TID); SAME(F_OWNER_PID); SAME(F_OWNER_PGRP); SAME(F_SEAL_SEAL); SAME(F_SEAL_SHRINK); SAME(F_SEAL_GROW);
SAME(F_SEAL_WRITE); SAME(F_SEAL_FUTURE_WRITE); SAME(DN_ACCESS); SAME(DN_MODIFY); SAME(DN_CREATE); SAME(DN_DELETE);
SAME(DN_RENAME); SAME(DN_ATTRIB); SAME(DN_MULTISHOT); SAME(RWH_WRITE_LIFE_NOT_SET); SAME(RWH_WRITE_LIFE_NONE);
SAME(RWH_WRITE_LIFE_SHORT); SAME(RWH_WRITE_LIFE_MEDIUM); SAME(RWH_WRITE_LIFE_LONG); SAME(RWH_WRITE_LIFE_EXTREME); SAME(LOCK_SH);
SAME(LOCK_EX); SAME(LOCK_NB); SAME(LOCK_UN); SAME(LOCK_MAND); SAME(LOCK_READ); SAME(LOCK_WRITE); SAME(LOCK_RW); SAME(SEEK_SET);
SAME(SEEK_CUR); SAME(SEEK_END); SAME(SEEK_DATA); SAME(SEEK_HOLE); SAME(F_OK); SAME(X_OK); SAME(W_OK); SAME(R_OK);
SAME(FALLOC_FL_KEEP_SIZE); SAME(FALLOC_FL_PUNCH_HOLE); SAME(FALLOC_FL_NO_HIDE_STALE); SAME(FALLOC_FL_COLLAPSE_RANGE);
SAME(FALLOC_FL_ZERO_RANGE); SAME(FALLOC_FL_INSERT_RANGE); SAME(FALLOC_FL_UNSHARE_RANGE); SAME(POSIX_FADV_NORMAL);
SAME(POSIX_FADV_RANDOM); SAME(POSIX_FADV_SEQUENTIAL); SAME(POSIX_FADV_WILLNEED); SAME(POSIX_FADV_DONTNEED);
SAME(POSIX_FADV_NOREUSE); SAME(SYNC_FILE_RANGE_WAIT_BEFORE); SAME(SYNC_FILE_RANGE_WRITE); SAME(SYNC_FILE_RANGE_WAIT_AFTER);
SAME(CLOSE_RANGE_UNSHARE); SAME(CLOSE_RANGE_CLOEXEC); SAME(RENAME_NOREPLACE); SAME(RENAME_EXCHANGE); SAME(RENAME_WHITEOUT);
SAME(RESOLVE_NO_XDEV); SAME(RESOLVE_NO_MAGICLINKS); SAME(RESOLVE_NO_SYMLINKS); SAME(RESOLVE_BENEATH); SAME(RESOLVE_IN_ROOT);
SAME(RESOLVE_CACHED);

// futex.h
SAME(FUTEX_WAIT); SAME(FUTEX_WAKE); SAME(FUTEX_FD); SAME(FUTEX_REQUEUE); SAME(FUTEX_CMP_REQUEUE); SAME(FUTEX_WAKE_OP);
SAME(FUTEX_LOCK_PI); SAME(FUTEX_UNLOCK_PI); SAME(FUTEX_TRYLOCK_PI); SAME(FUTEX_WAIT_BITSET); SAME(FUTEX_WAKE_BITSET);
SAME(FUTEX_WAIT_REQUEUE_PI); SAME(FUTEX_CMP_REQUEUE_PI); SAME(FUTEX_LOCK_PI2); SAME(FUTEX_PRIVATE_FLAG);
SAME(FUTEX_CLOCK_REALTIME); SAME(FUTEX_CMD_MASK); SAME(FUTEX_WAITERS); SAME(FUTEX_OWNER_DIED); SAME(FUTEX_TID_MASK);
SAME(FUTEX_BITSET_MATCH_ANY); SAME(ROBUST_LIST_LIMIT); SAME(FUTEX_WAITV_MAX); SAME(FUTEX_32); SAME(FUTEX_OP_SET);
SAME(FUTEX_OP_ADD); SAME(FUTEX_OP_OR); SAME(FUTEX_OP_ANDN); SAME(FUTEX_OP_XOR); SAME(FUTEX_OP_OPARG_SHIFT);
SAME(FUTEX_OP_CMP_EQ); SAME(FUTEX_OP_CMP_NE); SAME(FUTEX_OP_CMP_LT); SAME(FUTEX_OP_CMP_LE); SAME(FUTEX_OP_CMP_GT);
SAME(FUTEX_OP_CMP_GE);

// inet.h
SAME(IPPROTO_IP); SAME(IPPROTO_ICMP); SAME(IPPROTO_IGMP); SAME(IPPROTO_TCP); SAME(IPPROTO_UDP); SAME(IPPROTO_IPV6);
SAME(IPPROTO_ICMPV6); SAME(IPPROTO_SCTP); SAME(IPPROTO_UDPLITE); SAME(IPPROTO_RAW); SAME(IPPROTO_MPTCP); SAME(IP_TOS);
SAME(IP_TTL); SAME(IP_HDRINCL); SAME(IP_OPTIONS); SAME(IP_ROUTER_ALERT); SAME(IP_RECVOPTS); SAME(IP_RETOPTS); SAME(IP_PKTINFO);
SAME(IP_PKTOPTIONS); SAME(IP_MTU_DISCOVER); SAME(IP_RECVERR); SAME(IP_RECVTTL); SAME(IP_RECVTOS); SAME(IP_MTU);
SAME(IP_FREEBIND); SAME(IP_TRANSPARENT); SAME(IP_RECVORIGDSTADDR); SAME(IP_MINTTL); SAME(IP_NODEFRAG); SAME(IP_CHECKSUM);
SAME(IP_BIND_ADDRESS_NO_PORT); SAME(IP_RECVFRAGSIZE); SAME(IP_MULTICAST_IF); SAME(IP_MULTICAST_TTL); SAME(IP_MULTICAST_LOOP);
SAME(IP_ADD_MEMBERSHIP); SAME(IP_DROP_MEMBERSHIP); SAME(IP_MULTICAST_ALL); SAME(IP_UNICAST_IF); SAME(IP_PMTUDISC_DONT);
SAME(IP_PMTUDISC_WANT); SAME(IP_PMTUDISC_DO); SAME(IP_PMTUDISC_PROBE); SAME(IP_PMTUDISC_INTERFACE); SAME(IP_PMTUDISC_OMIT);
SAME(IPV6_ADDRFORM); SAME(IPV6_CHECKSUM); SAME(IPV6_UNICAST_HOPS); SAME(IPV6_MULTICAST_IF); SAME(IPV6_MULTICAST_HOPS);
SAME(IPV6_MULTICAST_LOOP); SAME(IPV6_ADD_MEMBERSHIP); SAME(IPV6_DROP_MEMBERSHIP); SAME(IPV6_MTU_DISCOVER); SAME(IPV6_MTU);
SAME(IPV6_RECVERR); SAME(IPV6_V6ONLY); SAME(IPV6_RECVPKTINFO); SAME(IPV6_PKTINFO); SAME(IPV6_RECVHOPLIMIT); SAME(IPV6_HOPLIMIT);
SAME(IPV6_RECVTCLASS); SAME(IPV6_TCLASS); SAME(IPV6_DONTFRAG); SAME(IPV6_FREEBIND); SAME(IPV6_TRANSPARENT); SAME(TCP_NODELAY);
SAME(TCP_MAXSEG); SAME(TCP_CORK); SAME(TCP_KEEPIDLE); SAME(TCP_KEEPINTVL); SAME(TCP_KEEPCNT); SAME(TCP_SYNCNT);
SAME(TCP_LINGER2); SAME(TCP_DEFER_ACCEPT); SAME(TCP_WINDOW_CLAMP); SAME(TCP_INFO); SAME(TCP_QUICKACK); SAME(TCP_CONGESTION);
SAME(TCP_USER_TIMEOUT); SAME(TCP_FASTOPEN); SAME(TCP_TIMESTAMP); SAME(TCP_NOTSENT_LOWAT); SAME(TCP_FASTOPEN_CONNECT);
SAME(TCP_ULP); SAME(TCP_INQ); SAME(TCP_TX_DELAY); SAME(UDP_CORK); SAME(UDP_ENCAP); SAME(UDP_NO_CHECK6_TX);
SAME(UDP_NO_CHECK6_RX); SAME(UDP_SEGMENT); SAME(UDP_GRO); SAME(ETH_P_ALL); SAME(ETH_P_IP); SAME(ETH_P_ARP); SAME(ETH_P_IPV6);
SAME(ETH_P_LOOP);

// inotify.h
SAME(IN_ACCESS); SAME(IN_MODIFY); SAME(IN_ATTRIB); SAME(IN_CLOSE_WRITE); SAME(IN_CLOSE_NOWRITE); SAME(IN_OPEN);
SAME(IN_MOVED_FROM); SAME(IN_MOVED_TO); SAME(IN_CREATE); SAME(IN_DELETE); SAME(IN_DELETE_SELF); SAME(IN_MOVE_SELF);
SAME(IN_UNMOUNT); SAME(IN_Q_OVERFLOW); SAME(IN_IGNORED); SAME(IN_CLOSE); SAME(IN_MOVE); SAME(IN_ONLYDIR); SAME(IN_DONT_FOLLOW);
SAME(IN_EXCL_UNLINK); SAME(IN_MASK_CREATE); SAME(IN_MASK_ADD); SAME(IN_ISDIR); SAME(IN_ONESHOT); SAME(IN_ALL_EVENTS);
SAME(IN_CLOEXEC); SAME(IN_NONBLOCK);

// ioctl.h
SAME(FIOCLEX); SAME(FIONCLEX); SAME(FIONBIO); SAME(FIOASYNC); SAME(FIONREAD); SAME(FIOQSIZE); SAME(FIBMAP); SAME(FIGETBSZ);
SAME(FIFREEZE); SAME(FITHAW); SAME(FICLONE); SAME(FICLONERANGE); SAME(FIDEDUPERANGE); SAME(FS_IOC_GETFLAGS);
SAME(FS_IOC_SETFLAGS); SAME(FS_IOC_GETVERSION); SAME(FS_IOC_SETVERSION); SAME(FS_IOC_FSGETXATTR); SAME(FS_IOC_FSSETXATTR);
SAME(FS_IOC_GETFSLABEL); SAME(FS_IOC_SETFSLABEL); SAME(TCGETS); SAME(TCSETS); SAME(TCSETSW); SAME(TCSETSF); SAME(TCGETA);
SAME(TCSETA); SAME(TCSETAW); SAME(TCSETAF); SAME(TCSBRK); SAME(TCXONC); SAME(TCFLSH); SAME(TIOCEXCL); SAME(TIOCNXCL);
SAME(TIOCSCTTY); SAME(TIOCGPGRP); SAME(TIOCSPGRP); SAME(TIOCOUTQ); SAME(TIOCSTI); SAME(TIOCGWINSZ); SAME(TIOCSWINSZ);
SAME(TIOCMGET); SAME(TIOCMBIS); SAME(TIOCMBIC); SAME(TIOCMSET); SAME(TIOCGSOFTCAR); SAME(TIOCSSOFTCAR); SAME(TIOCINQ);
SAME(TIOCLINUX); SAME(TIOCCONS); SAME(TIOCGSERIAL); SAME(TIOCSSERIAL); SAME(TIOCPKT); SAME(TIOCNOTTY); SAME(TIOCSETD);
SAME(TIOCGETD); SAME(TCSBRKP); SAME(TIOCSBRK); SAME(TIOCCBRK); SAME(TIOCGSID); SAME(TCGETS2); SAME(TCSETS2); SAME(TCSETSW2);
SAME(TCSETSF2); SAME(TIOCGPTN); SAME(TIOCSPTLCK); SAME(TIOCGDEV); SAME(TCGETX); SAME(TCSETX); SAME(TIOCSIG); SAME(TIOCVHANGUP);
SAME(TIOCGPKT); SAME(TIOCGPTLCK); SAME(TIOCGEXCL); SAME(TIOCGPTPEER); SAME(TIOCPKT_DATA); SAME(TIOCPKT_FLUSHREAD);
SAME(TIOCPKT_FLUSHWRITE); SAME(TIOCPKT_STOP); SAME(TIOCPKT_START); SAME(TIOCPKT_NOSTOP); SAME(TIOCPKT_DOSTOP);
SAME(TIOCPKT_IOCTL); SAME(FIOSETOWN); SAME(SIOCSPGRP); SAME(FIOGETOWN); SAME(SIOCGPGRP); SAME(SIOCATMARK); SAME(SIOCGSTAMP_OLD);
SAME(SIOCGSTAMPNS_OLD); SAME(SIOCINQ); SAME(SIOCOUTQ); SAME(SIOCADDRT); SAME(SIOCDELRT); SAME(SIOCGIFNAME); SAME(SIOCGIFCONF);
SAME(SIOCGIFFLAGS); SAME(SIOCSIFFLAGS); SAME(SIOCGIFADDR); SAME(SIOCSIFADDR); SAME(SIOCGIFDSTADDR); SAME(SIOCGIFBRDADDR);
SAME(SIOCSIFBRDADDR); SAME(SIOCGIFNETMASK); SAME(SIOCSIFNETMASK); SAME(SIOCGIFMETRIC); SAME(SIOCGIFMTU); SAME(SIOCSIFMTU);
SAME(SIOCSIFNAME); SAME(SIOCSIFHWADDR); SAME(SIOCGIFHWADDR); SAME(SIOCGIFINDEX); SAME(SIOCGIFTXQLEN); SAME(SIOCGIFMAP);
SAME(SIOCETHTOOL); SAME(SIOCGARP); SAME(SIOCSARP); SAME(SIOCDARP); SAME(SIOCGSKNS); SAME(BLKROSET); SAME(BLKROGET);
SAME(BLKGETSIZE); SAME(BLKFLSBUF); SAME(BLKSSZGET); SAME(BLKGETSIZE64); SAME(BLKPBSZGET); SAME(BLKDISCARD);

// ipc.h
SAME(IPC_CREAT); SAME(IPC_EXCL); SAME(IPC_NOWAIT); SAME(IPC_RMID); SAME(IPC_SET); SAME(IPC_STAT); SAME(IPC_INFO); SAME(IPC_64);
SAME(IPC_PRIVATE); SAME(SHM_LOCK); SAME(SHM_UNLOCK); SAME(SHM_STAT); SAME(SHM_INFO); SAME(SHM_STAT_ANY); SAME(SEM_STAT);
SAME(SEM_INFO); SAME(SEM_STAT_ANY); SAME(MSG_STAT); SAME(MSG_INFO); SAME(MSG_STAT_ANY); SAME(GETPID); SAME(GETVAL);
SAME(GETALL); SAME(GETNCNT); SAME(GETZCNT); SAME(SETVAL); SAME(SETALL); SAME(SHM_RDONLY); SAME(SHM_RND); SAME(SHM_REMAP);
SAME(SHM_EXEC); SAME(SHM_HUGETLB); SAME(SHM_NORESERVE); SAME(SEM_UNDO); SAME(MSG_NOERROR); SAME(MSG_EXCEPT); SAME(MSG_COPY);
SAME(SHMMIN); SAME(SHMMNI); SAME(SEMMNI); SAME(SEMMSL); SAME(SEMMNS); SAME(SEMOPM); SAME(SEMVMX); SAME(SEMAEM); SAME(MSGMNI);
SAME(MSGMAX); SAME(MSGMNB);

// keyctl.h
SAME(KEYCTL_GET_KEYRING_ID); SAME(KEYCTL_JOIN_SESSION_KEYRING); SAME(KEYCTL_UPDATE); SAME(KEYCTL_REVOKE); SAME(KEYCTL_CHOWN);
SAME(KEYCTL_SETPERM); SAME(KEYCTL_DESCRIBE); SAME(KEYCTL_CLEAR); SAME(KEYCTL_LINK); SAME(KEYCTL_UNLINK); SAME(KEYCTL_SEARCH);
SAME(KEYCTL_READ); SAME(KEYCTL_SET_TIMEOUT); SAME(KEYCTL_SESSION_TO_PARENT); SAME(KEYCTL_INVALIDATE);
SAME(KEY_SPEC_THREAD_KEYRING); SAME(KEY_SPEC_PROCESS_KEYRING); SAME(KEY_SPEC_SESSION_KEYRING); SAME(KEY_SPEC_USER_KEYRING);
SAME(KEY_SPEC_USER_SESSION_KEYRING);

// membarrier.h
SAME(MEMBARRIER_CMD_QUERY); SAME(MEMBARRIER_CMD_GLOBAL); SAME(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
SAME(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED); SAME(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
SAME(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED); SAME(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE);
SAME(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE); SAME(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ);
SAME(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ); SAME(MEMBARRIER_CMD_FLAG_CPU);

// memfd.h
SAME(MFD_CLOEXEC); SAME(MFD_ALLOW_SEALING); SAME(MFD_HUGETLB); SAME(MFD_HUGE_SHIFT); SAME(MFD_HUGE_MASK);

// mman.h
SAME(PROT_NONE); SAME(PROT_READ); SAME(PROT_WRITE); SAME(PROT_EXEC); SAME(PROT_SEM); SAME(PROT_GROWSDOWN); SAME(PROT_GROWSUP);
SAME(MAP_SHARED); SAME(MAP_PRIVATE); SAME(MAP_SHARED_VALIDATE); SAME(MAP_TYPE); SAME(MAP_FIXED); SAME(MAP_ANONYMOUS);
SAME(MAP_32BIT); SAME(MAP_GROWSDOWN); SAME(MAP_DENYWRITE); SAME(MAP_EXECUTABLE); SAME(MAP_LOCKED); SAME(MAP_NORESERVE);
SAME(MAP_POPULATE); SAME(MAP_NONBLOCK); SAME(MAP_STACK); SAME(MAP_HUGETLB); SAME(MAP_SYNC); SAME(MAP_FIXED_NOREPLACE);
SAME(MAP_UNINITIALIZED); SAME(MAP_HUGE_SHIFT); SAME(MAP_HUGE_MASK); SAME(MAP_HUGE_2MB); SAME(MAP_HUGE_1GB);
SAME(MREMAP_MAYMOVE); SAME(MREMAP_FIXED); SAME(MREMAP_DONTUNMAP); SAME(MS_ASYNC); SAME(MS_INVALIDATE); SAME(MS_SYNC);
SAME(MLOCK_ONFAULT); SAME(MCL_CURRENT); SAME(MCL_FUTURE); SAME(MCL_ONFAULT); SAME(MADV_NORMAL); SAME(MADV_RANDOM);
SAME(MADV_SEQUENTIAL); SAME(MADV_WILLNEED); SAME(MADV_DONTNEED); SAME(MADV_FREE); SAME(MADV_REMOVE); SAME(MADV_DONTFORK);
SAME(MADV_DOFORK); SAME(MADV_HWPOISON); SAME(MADV_SOFT_OFFLINE); SAME(MADV_MERGEABLE); SAME(MADV_UNMERGEABLE);
SAME(MADV_HUGEPAGE); SAME(MADV_NOHUGEPAGE); SAME(MADV_DONTDUMP); SAME(MADV_DODUMP); SAME(MADV_WIPEONFORK);
SAME(MADV_KEEPONFORK); SAME(MADV_COLD); SAME(MADV_PAGEOUT); SAME(MADV_POPULATE_READ); SAME(MADV_POPULATE_WRITE);
SAME(MADV_DONTNEED_LOCKED); SAME(MADV_COLLAPSE); SAME(PKEY_DISABLE_ACCESS); SAME(PKEY_DISABLE_WRITE); SAME(PKEY_ACCESS_MASK);
SAME(OVERCOMMIT_GUESS); SAME(OVERCOMMIT_ALWAYS); SAME(OVERCOMMIT_NEVER); SAME(MPOL_DEFAULT); SAME(MPOL_PREFERRED);
SAME(MPOL_BIND); SAME(MPOL_INTERLEAVE); SAME(MPOL_LOCAL); SAME(MPOL_PREFERRED_MANY); SAME(MPOL_F_STATIC_NODES);
SAME(MPOL_F_RELATIVE_NODES); SAME(MPOL_F_NUMA_BALANCING); SAME(MPOL_MODE_FLAGS); SAME(MPOL_F_NODE); SAME(MPOL_F_ADDR);
SAME(MPOL_F_MEMS_ALLOWED); SAME(MPOL_MF_STRICT); SAME(MPOL_MF_MOVE); SAME(MPOL_MF_MOVE_ALL); SAME(MPOL_MF_VALID);

// mount.h
SAME(MS_RDONLY); SAME(MS_NOSUID); SAME(MS_NODEV); SAME(MS_NOEXEC); SAME(MS_SYNCHRONOUS); SAME(MS_REMOUNT); SAME(MS_MANDLOCK);
SAME(MS_DIRSYNC); SAME(MS_NOSYMFOLLOW); SAME(MS_NOATIME); SAME(MS_NODIRATIME); SAME(MS_BIND); SAME(MS_MOVE); SAME(MS_REC);
SAME(MS_SILENT); SAME(MS_POSIXACL); SAME(MS_UNBINDABLE); SAME(MS_PRIVATE); SAME(MS_SLAVE); SAME(MS_SHARED); SAME(MS_RELATIME);
SAME(MS_KERNMOUNT); SAME(MS_I_VERSION); SAME(MS_STRICTATIME); SAME(MS_LAZYTIME); SAME(MS_NOUSER); SAME(MS_RMT_MASK);
SAME(MS_MGC_VAL); SAME(MS_MGC_MSK); SAME(OPEN_TREE_CLONE); SAME(OPEN_TREE_CLOEXEC); SAME(MOVE_MOUNT_F_SYMLINKS);
SAME(MOVE_MOUNT_F_AUTOMOUNTS); SAME(MOVE_MOUNT_F_EMPTY_PATH); SAME(MOVE_MOUNT_T_SYMLINKS); SAME(MOVE_MOUNT_T_AUTOMOUNTS);
SAME(MOVE_MOUNT_T_EMPTY_PATH); SAME(MOVE_MOUNT_SET_GROUP); SAME(FSOPEN_CLOEXEC); SAME(FSPICK_CLOEXEC);
SAME(FSPICK_SYMLINK_NOFOLLOW); SAME(FSPICK_NO_AUTOMOUNT); SAME(FSPICK_EMPTY_PATH); SAME(FSMOUNT_CLOEXEC);
SAME(FSCONFIG_SET_FLAG); SAME(FSCONFIG_SET_STRING); SAME(FSCONFIG_SET_BINARY); SAME(FSCONFIG_SET_PATH);
SAME(FSCONFIG_SET_PATH_EMPTY); SAME(FSCONFIG_SET_FD); SAME(FSCONFIG_CMD_CREATE); SAME(FSCONFIG_CMD_RECONFIGURE);
SAME(MOUNT_ATTR_RDONLY); SAME(MOUNT_ATTR_NOSUID); SAME(MOUNT_ATTR_NODEV); SAME(MOUNT_ATTR_NOEXEC); SAME(MOUNT_ATTR__ATIME);
SAME(MOUNT_ATTR_RELATIME); SAME(MOUNT_ATTR_NOATIME); SAME(MOUNT_ATTR_STRICTATIME); SAME(MOUNT_ATTR_NODIRATIME);
SAME(MOUNT_ATTR_IDMAP); SAME(MOUNT_ATTR_NOSYMFOLLOW);

// netlink.h
SAME(NETLINK_ROUTE); SAME(NETLINK_USERSOCK); SAME(NETLINK_SOCK_DIAG); SAME(NETLINK_XFRM); SAME(NETLINK_AUDIT);
SAME(NETLINK_FIB_LOOKUP); SAME(NETLINK_CONNECTOR); SAME(NETLINK_NETFILTER); SAME(NETLINK_KOBJECT_UEVENT); SAME(NETLINK_GENERIC);
SAME(NLMSG_NOOP); SAME(NLMSG_ERROR); SAME(NLMSG_DONE); SAME(NLMSG_OVERRUN); SAME(NLMSG_MIN_TYPE); SAME(NLM_F_REQUEST);
SAME(NLM_F_MULTI); SAME(NLM_F_ACK); SAME(NLM_F_ECHO); SAME(NLM_F_DUMP_INTR); SAME(NLM_F_DUMP_FILTERED); SAME(NLM_F_ROOT);
SAME(NLM_F_MATCH); SAME(NLM_F_ATOMIC); SAME(NLM_F_DUMP); SAME(NLM_F_REPLACE); SAME(NLM_F_EXCL); SAME(NLM_F_CREATE);
SAME(NLM_F_APPEND); SAME(NLM_F_NONREC); SAME(NLM_F_CAPPED); SAME(NLM_F_ACK_TLVS); SAME(NLA_F_NESTED); SAME(NLA_F_NET_BYTEORDER);
SAME(NLMSGERR_ATTR_MSG); SAME(NLMSGERR_ATTR_OFFS); SAME(NETLINK_ADD_MEMBERSHIP); SAME(NETLINK_DROP_MEMBERSHIP);
SAME(NETLINK_PKTINFO); SAME(NETLINK_BROADCAST_ERROR); SAME(NETLINK_NO_ENOBUFS); SAME(NETLINK_LIST_MEMBERSHIPS);
SAME(NETLINK_CAP_ACK); SAME(NETLINK_EXT_ACK); SAME(NETLINK_GET_STRICT_CHK); SAME(RTM_NEWLINK); SAME(RTM_DELLINK);
SAME(RTM_GETLINK); SAME(RTM_SETLINK); SAME(RTM_NEWADDR); SAME(RTM_DELADDR); SAME(RTM_GETADDR); SAME(RTM_NEWROUTE);
SAME(RTM_DELROUTE); SAME(RTM_GETROUTE); SAME(RTM_NEWNEIGH); SAME(RTM_DELNEIGH); SAME(RTM_GETNEIGH); SAME(RTM_NEWRULE);
SAME(RTM_DELRULE); SAME(RTM_GETRULE); SAME(RTM_NEWQDISC); SAME(RTM_GETQDISC); SAME(RTM_GETNEIGHTBL); SAME(RTM_GETNETCONF);
SAME(RTM_GETNSID); SAME(RTM_GETSTATS); SAME(RTMGRP_LINK); SAME(RTMGRP_NEIGH); SAME(RTMGRP_IPV4_IFADDR); SAME(RTMGRP_IPV4_ROUTE);
SAME(RTMGRP_IPV6_IFADDR); SAME(RTMGRP_IPV6_ROUTE); SAME(IFLA_ADDRESS); SAME(IFLA_BROADCAST); SAME(IFLA_IFNAME); SAME(IFLA_MTU);
SAME(IFLA_LINK); SAME(IFLA_QDISC); SAME(IFLA_STATS); SAME(IFLA_MASTER); SAME(IFLA_TXQLEN); SAME(IFLA_MAP); SAME(IFLA_OPERSTATE);
SAME(IFLA_LINKMODE); SAME(IFLA_LINKINFO); SAME(IFLA_NET_NS_PID); SAME(IFLA_IFALIAS); SAME(IFLA_NUM_VF); SAME(IFLA_STATS64);
SAME(IFLA_AF_SPEC); SAME(IFLA_GROUP); SAME(IFLA_NET_NS_FD); SAME(IFLA_EXT_MASK); SAME(IFLA_PROMISCUITY);
SAME(IFLA_NUM_TX_QUEUES); SAME(IFLA_NUM_RX_QUEUES); SAME(IFLA_CARRIER); SAME(IFLA_CARRIER_CHANGES); SAME(IFLA_LINK_NETNSID);
SAME(IFLA_MIN_MTU); SAME(IFLA_MAX_MTU); SAME(IFLA_ALT_IFNAME); SAME(IFLA_PERM_ADDRESS); SAME(IFA_ADDRESS); SAME(IFA_LOCAL);
SAME(IFA_LABEL); SAME(IFA_BROADCAST); SAME(IFA_ANYCAST); SAME(IFA_CACHEINFO); SAME(IFA_MULTICAST); SAME(IFA_FLAGS);
SAME(IFA_RT_PRIORITY); SAME(IFA_F_SECONDARY); SAME(IFA_F_NODAD); SAME(IFA_F_DADFAILED); SAME(IFA_F_TENTATIVE);
SAME(IFA_F_PERMANENT); SAME(IFA_F_NOPREFIXROUTE); SAME(RTA_DST); SAME(RTA_SRC); SAME(RTA_IIF); SAME(RTA_OIF); SAME(RTA_GATEWAY);
SAME(RTA_PRIORITY); SAME(RTA_PREFSRC); SAME(RTA_METRICS); SAME(RTA_MULTIPATH); SAME(RTA_FLOW); SAME(RTA_CACHEINFO);
SAME(RTA_TABLE); SAME(RTA_MARK); SAME(RTA_PREF); SAME(NDA_DST); SAME(NDA_LLADDR); SAME(NDA_CACHEINFO); SAME(NDA_PROBES);
SAME(RTN_UNSPEC); SAME(RTN_UNICAST); SAME(RTN_LOCAL); SAME(RTN_BROADCAST); SAME(RTN_MULTICAST); SAME(RTN_BLACKHOLE);
SAME(RTN_UNREACHABLE); SAME(RT_SCOPE_UNIVERSE); SAME(RT_SCOPE_SITE); SAME(RT_SCOPE_LINK); SAME(RT_SCOPE_HOST);
SAME(RT_SCOPE_NOWHERE); SAME(RTPROT_UNSPEC); SAME(RTPROT_REDIRECT); SAME(RTPROT_KERNEL); SAME(RTPROT_BOOT); SAME(RTPROT_STATIC);
SAME(RTPROT_DHCP); SAME(RTPROT_RA); SAME(RT_TABLE_UNSPEC); SAME(RT_TABLE_DEFAULT); SAME(RT_TABLE_MAIN); SAME(RT_TABLE_LOCAL);

// personality.h
SAME(PER_LINUX); SAME(PER_LINUX32); SAME(PER_MASK); SAME(UNAME26); SAME(ADDR_NO_RANDOMIZE); SAME(FDPIC_FUNCPTRS);
SAME(MMAP_PAGE_ZERO); SAME(ADDR_COMPAT_LAYOUT); SAME(READ_IMPLIES_EXEC); SAME(ADDR_LIMIT_32BIT); SAME(SHORT_INODE);
SAME(WHOLE_SECONDS); SAME(STICKY_TIMEOUTS); SAME(ADDR_LIMIT_3GB);

// poll.h
SAME(POLLIN); SAME(POLLPRI); SAME(POLLOUT); SAME(POLLERR); SAME(POLLHUP); SAME(POLLNVAL); SAME(POLLRDNORM); SAME(POLLRDBAND);
SAME(POLLWRNORM); SAME(POLLWRBAND); SAME(POLLMSG); SAME(POLLREMOVE); SAME(POLLRDHUP);

// prctl.h
SAME(PR_SET_PDEATHSIG); SAME(PR_GET_PDEATHSIG); SAME(PR_GET_DUMPABLE); SAME(PR_SET_DUMPABLE); SAME(PR_GET_UNALIGN);
SAME(PR_SET_UNALIGN); SAME(PR_GET_KEEPCAPS); SAME(PR_SET_KEEPCAPS); SAME(PR_GET_FPEMU); SAME(PR_SET_FPEMU); SAME(PR_GET_FPEXC);
SAME(PR_SET_FPEXC); SAME(PR_GET_TIMING); SAME(PR_SET_TIMING); SAME(PR_SET_NAME); SAME(PR_GET_NAME); SAME(PR_GET_ENDIAN);
SAME(PR_SET_ENDIAN); SAME(PR_GET_SECCOMP); SAME(PR_SET_SECCOMP); SAME(PR_CAPBSET_READ); SAME(PR_CAPBSET_DROP); SAME(PR_GET_TSC);
SAME(PR_SET_TSC); SAME(PR_GET_SECUREBITS); SAME(PR_SET_SECUREBITS); SAME(PR_SET_TIMERSLACK); SAME(PR_GET_TIMERSLACK);
SAME(PR_TASK_PERF_EVENTS_DISABLE); SAME(PR_TASK_PERF_EVENTS_ENABLE); SAME(PR_MCE_KILL); SAME(PR_MCE_KILL_GET); SAME(PR_SET_MM);
SAME(PR_SET_CHILD_SUBREAPER); SAME(PR_GET_CHILD_SUBREAPER); SAME(PR_SET_NO_NEW_PRIVS); SAME(PR_GET_NO_NEW_PRIVS);
SAME(PR_GET_TID_ADDRESS); SAME(PR_SET_THP_DISABLE); SAME(PR_GET_THP_DISABLE); SAME(PR_MPX_ENABLE_MANAGEMENT);
SAME(PR_MPX_DISABLE_MANAGEMENT); SAME(PR_SET_FP_MODE); SAME(PR_GET_FP_MODE); SAME(PR_CAP_AMBIENT); SAME(PR_SVE_SET_VL);
SAME(PR_SVE_GET_VL); SAME(PR_GET_SPECULATION_CTRL); SAME(PR_SET_SPECULATION_CTRL); SAME(PR_PAC_RESET_KEYS);
SAME(PR_SET_TAGGED_ADDR_CTRL); SAME(PR_GET_TAGGED_ADDR_CTRL); SAME(PR_SET_IO_FLUSHER); SAME(PR_GET_IO_FLUSHER);
SAME(PR_SET_SYSCALL_USER_DISPATCH); SAME(PR_SCHED_CORE); SAME(PR_SME_SET_VL); SAME(PR_SME_GET_VL); SAME(PR_SET_VMA);
SAME(PR_SET_PTRACER); SAME(PR_TSC_ENABLE); SAME(PR_TSC_SIGSEGV); SAME(PR_CAP_AMBIENT_IS_SET); SAME(PR_CAP_AMBIENT_RAISE);
SAME(PR_CAP_AMBIENT_LOWER); SAME(PR_CAP_AMBIENT_CLEAR_ALL); SAME(PR_SET_VMA_ANON_NAME); SAME(PR_SYS_DISPATCH_OFF);
SAME(PR_SYS_DISPATCH_ON); SAME(PR_MCE_KILL_DEFAULT); SAME(PR_SET_MM_START_CODE); SAME(PR_SET_MM_END_CODE);
SAME(PR_SET_MM_START_DATA); SAME(PR_SET_MM_END_DATA); SAME(PR_SET_MM_START_STACK); SAME(PR_SET_MM_START_BRK);
SAME(PR_SET_MM_BRK); SAME(PR_SET_MM_ARG_START); SAME(PR_SET_MM_ARG_END); SAME(PR_SET_MM_ENV_START); SAME(PR_SET_MM_ENV_END);
SAME(PR_SET_MM_AUXV); SAME(PR_SET_MM_EXE_FILE); SAME(PR_SET_MM_MAP); SAME(PR_SET_MM_MAP_SIZE); SAME(PR_SPEC_STORE_BYPASS);
SAME(PR_SPEC_INDIRECT_BRANCH); SAME(PR_SPEC_L1D_FLUSH); SAME(PR_SPEC_PRCTL); SAME(PR_SPEC_ENABLE); SAME(PR_SPEC_DISABLE);
SAME(PR_SPEC_FORCE_DISABLE);

// ptrace.h
SAME(PTRACE_TRACEME); SAME(PTRACE_PEEKTEXT); SAME(PTRACE_PEEKDATA); SAME(PTRACE_PEEKUSR); SAME(PTRACE_POKETEXT);
SAME(PTRACE_POKEDATA); SAME(PTRACE_POKEUSR); SAME(PTRACE_CONT); SAME(PTRACE_KILL); SAME(PTRACE_SINGLESTEP);
SAME(PTRACE_GETREGS); SAME(PTRACE_SETREGS); SAME(PTRACE_GETFPREGS); SAME(PTRACE_SETFPREGS); SAME(PTRACE_ATTACH);
SAME(PTRACE_DETACH); SAME(PTRACE_SYSCALL); SAME(PTRACE_ARCH_PRCTL); SAME(PTRACE_SYSEMU); SAME(PTRACE_SYSEMU_SINGLESTEP);
SAME(PTRACE_SINGLEBLOCK); SAME(PTRACE_SETOPTIONS); SAME(PTRACE_GETEVENTMSG); SAME(PTRACE_GETSIGINFO); SAME(PTRACE_SETSIGINFO);
SAME(PTRACE_GETREGSET); SAME(PTRACE_SETREGSET); SAME(PTRACE_SEIZE); SAME(PTRACE_INTERRUPT); SAME(PTRACE_LISTEN);
SAME(PTRACE_PEEKSIGINFO); SAME(PTRACE_GETSIGMASK); SAME(PTRACE_SETSIGMASK); SAME(PTRACE_SECCOMP_GET_FILTER);
SAME(PTRACE_SECCOMP_GET_METADATA); SAME(PTRACE_GET_SYSCALL_INFO); SAME(PTRACE_GET_RSEQ_CONFIGURATION);
SAME(PTRACE_O_TRACESYSGOOD); SAME(PTRACE_O_TRACEFORK); SAME(PTRACE_O_TRACEVFORK); SAME(PTRACE_O_TRACECLONE);
SAME(PTRACE_O_TRACEEXEC); SAME(PTRACE_O_TRACEVFORKDONE); SAME(PTRACE_O_TRACEEXIT); SAME(PTRACE_O_TRACESECCOMP);
SAME(PTRACE_O_EXITKILL); SAME(PTRACE_O_SUSPEND_SECCOMP); SAME(PTRACE_O_MASK); SAME(PTRACE_EVENT_FORK); SAME(PTRACE_EVENT_VFORK);
SAME(PTRACE_EVENT_CLONE); SAME(PTRACE_EVENT_EXEC); SAME(PTRACE_EVENT_VFORK_DONE); SAME(PTRACE_EVENT_EXIT);
SAME(PTRACE_EVENT_SECCOMP); SAME(PTRACE_EVENT_STOP); SAME(PTRACE_EVENTMSG_SYSCALL_ENTRY); SAME(PTRACE_EVENTMSG_SYSCALL_EXIT);
SAME(PTRACE_SYSCALL_INFO_NONE); SAME(PTRACE_SYSCALL_INFO_ENTRY); SAME(PTRACE_SYSCALL_INFO_EXIT);
SAME(PTRACE_SYSCALL_INFO_SECCOMP);

// random.h
SAME(GRND_NONBLOCK); SAME(GRND_RANDOM); SAME(GRND_INSECURE); SAME(RNDGETENTCNT); SAME(RNDADDTOENTCNT); SAME(RNDADDENTROPY);
SAME(RNDZAPENTCNT); SAME(RNDCLEARPOOL); SAME(RNDRESEEDCRNG);

// resource.h
SAME(RLIMIT_CPU); SAME(RLIMIT_FSIZE); SAME(RLIMIT_DATA); SAME(RLIMIT_STACK); SAME(RLIMIT_CORE); SAME(RLIMIT_RSS);
SAME(RLIMIT_NPROC); SAME(RLIMIT_NOFILE); SAME(RLIMIT_MEMLOCK); SAME(RLIMIT_AS); SAME(RLIMIT_LOCKS); SAME(RLIMIT_SIGPENDING);
SAME(RLIMIT_MSGQUEUE); SAME(RLIMIT_NICE); SAME(RLIMIT_RTPRIO); SAME(RLIMIT_RTTIME); SAME(RLIM_NLIMITS); SAME(RUSAGE_SELF);
SAME(RUSAGE_CHILDREN); SAME(RUSAGE_BOTH); SAME(RUSAGE_THREAD);

// rseq.h
SAME(RSEQ_FLAG_UNREGISTER); SAME(RSEQ_CS_FLAG_NO_RESTART_ON_PREEMPT); SAME(RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL);
SAME(RSEQ_CS_FLAG_NO_RESTART_ON_MIGRATE);

// sched.h
SAME(SCHED_NORMAL); SAME(SCHED_FIFO); SAME(SCHED_RR); SAME(SCHED_BATCH); SAME(SCHED_IDLE); SAME(SCHED_DEADLINE);
SAME(SCHED_RESET_ON_FORK); SAME(SCHED_FLAG_RESET_ON_FORK); SAME(SCHED_FLAG_RECLAIM); SAME(SCHED_FLAG_DL_OVERRUN);
SAME(SCHED_FLAG_KEEP_POLICY); SAME(SCHED_FLAG_KEEP_PARAMS); SAME(SCHED_FLAG_UTIL_CLAMP_MIN); SAME(SCHED_FLAG_UTIL_CLAMP_MAX);
SAME(SCHED_FLAG_ALL); SAME(PRIO_MIN); SAME(PRIO_MAX); SAME(PRIO_PROCESS); SAME(PRIO_PGRP); SAME(PRIO_USER);
SAME(IOPRIO_CLASS_SHIFT); SAME(IOPRIO_CLASS_NONE); SAME(IOPRIO_CLASS_RT); SAME(IOPRIO_CLASS_BE); SAME(IOPRIO_CLASS_IDLE);
SAME(IOPRIO_WHO_PROCESS); SAME(IOPRIO_WHO_PGRP); SAME(IOPRIO_WHO_USER); SAME(IOPRIO_NR_LEVELS);

// seccomp.h
SAME(SECCOMP_MODE_DISABLED); SAME(SECCOMP_MODE_STRICT); SAME(SECCOMP_MODE_FILTER); SAME(SECCOMP_SET_MODE_STRICT);
SAME(SECCOMP_SET_MODE_FILTER); SAME(SECCOMP_GET_ACTION_AVAIL); SAME(SECCOMP_GET_NOTIF_SIZES); SAME(SECCOMP_FILTER_FLAG_TSYNC);
SAME(SECCOMP_FILTER_FLAG_LOG); SAME(SECCOMP_FILTER_FLAG_SPEC_ALLOW); SAME(SECCOMP_FILTER_FLAG_NEW_LISTENER);
SAME(SECCOMP_FILTER_FLAG_TSYNC_ESRCH); SAME(SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV); SAME(SECCOMP_RET_KILL_PROCESS);
SAME(SECCOMP_RET_KILL_THREAD); SAME(SECCOMP_RET_KILL); SAME(SECCOMP_RET_TRAP); SAME(SECCOMP_RET_ERRNO);
SAME(SECCOMP_RET_USER_NOTIF); SAME(SECCOMP_RET_TRACE); SAME(SECCOMP_RET_LOG); SAME(SECCOMP_RET_ALLOW);
SAME(SECCOMP_RET_ACTION_FULL); SAME(SECCOMP_RET_ACTION); SAME(SECCOMP_RET_DATA); SAME(AUDIT_ARCH_X86_64); SAME(AUDIT_ARCH_I386);
SAME(AUDIT_ARCH_AARCH64); SAME(SECCOMP_USER_NOTIF_FLAG_CONTINUE); SAME(SECCOMP_ADDFD_FLAG_SETFD); SAME(SECCOMP_ADDFD_FLAG_SEND);
SAME(SECCOMP_IOCTL_NOTIF_RECV); SAME(SECCOMP_IOCTL_NOTIF_SEND); SAME(SECCOMP_IOCTL_NOTIF_ID_VALID);
SAME(SECCOMP_IOCTL_NOTIF_ADDFD);

// signal.h
SAME(SIGHUP); SAME(SIGINT); SAME(SIGQUIT); SAME(SIGILL); SAME(SIGTRAP); SAME(SIGABRT); SAME(SIGIOT); SAME(SIGBUS); SAME(SIGFPE);
SAME(SIGKILL); SAME(SIGUSR1); SAME(SIGSEGV); SAME(SIGUSR2); SAME(SIGPIPE); SAME(SIGALRM); SAME(SIGTERM); SAME(SIGSTKFLT);
SAME(SIGCHLD); SAME(SIGCONT); SAME(SIGSTOP); SAME(SIGTSTP); SAME(SIGTTIN); SAME(SIGTTOU); SAME(SIGURG); SAME(SIGXCPU);
SAME(SIGXFSZ); SAME(SIGVTALRM); SAME(SIGPROF); SAME(SIGWINCH); SAME(SIGIO); SAME(SIGPOLL); SAME(SIGPWR); SAME(SIGSYS);
SAME(SIGRTMIN); SAME(SA_NOCLDSTOP); SAME(SA_NOCLDWAIT); SAME(SA_SIGINFO); SAME(SA_EXPOSE_TAGBITS); SAME(SA_RESTORER);
SAME(SA_ONSTACK); SAME(SA_RESTART); SAME(SA_NODEFER); SAME(SA_RESETHAND); SAME(SA_NOMASK); SAME(SA_ONESHOT); SAME(SIG_BLOCK);
SAME(SIG_UNBLOCK); SAME(SIG_SETMASK); SAME(MINSIGSTKSZ); SAME(SIGSTKSZ); SAME(SI_USER); SAME(SI_KERNEL); SAME(SI_QUEUE);
SAME(SI_TIMER); SAME(SI_MESGQ); SAME(SI_ASYNCIO); SAME(SI_SIGIO); SAME(SI_TKILL); SAME(SI_DETHREAD); SAME(SI_ASYNCNL);
SAME(ILL_ILLOPC); SAME(ILL_ILLOPN); SAME(ILL_ILLADR); SAME(ILL_ILLTRP); SAME(ILL_PRVOPC); SAME(ILL_PRVREG); SAME(ILL_COPROC);
SAME(ILL_BADSTK); SAME(FPE_INTDIV); SAME(FPE_INTOVF); SAME(FPE_FLTDIV); SAME(FPE_FLTOVF); SAME(FPE_FLTUND); SAME(FPE_FLTRES);
SAME(FPE_FLTINV); SAME(FPE_FLTSUB); SAME(FPE_FLTUNK); SAME(FPE_CONDTRAP); SAME(SEGV_MAPERR); SAME(SEGV_ACCERR);
SAME(SEGV_BNDERR); SAME(SEGV_PKUERR); SAME(BUS_ADRALN); SAME(BUS_ADRERR); SAME(BUS_OBJERR); SAME(BUS_MCEERR_AR);
SAME(BUS_MCEERR_AO); SAME(TRAP_BRKPT); SAME(TRAP_TRACE); SAME(TRAP_BRANCH); SAME(TRAP_HWBKPT); SAME(TRAP_UNK); SAME(TRAP_PERF);
SAME(CLD_EXITED); SAME(CLD_KILLED); SAME(CLD_DUMPED); SAME(CLD_TRAPPED); SAME(CLD_STOPPED); SAME(CLD_CONTINUED); SAME(POLL_IN);
SAME(POLL_OUT); SAME(POLL_MSG); SAME(POLL_ERR); SAME(POLL_PRI); SAME(POLL_HUP); SAME(SYS_SECCOMP); SAME(SYS_USER_DISPATCH);
SAME(SIGEV_SIGNAL); SAME(SIGEV_NONE); SAME(SIGEV_THREAD); SAME(SIGEV_THREAD_ID); SAME(UC_FP_XSTATE); SAME(UC_SIGCONTEXT_SS);
SAME(UC_STRICT_RESTORE_SS); SAME(FP_XSTATE_MAGIC1); SAME(FP_XSTATE_MAGIC2);

// signalfd.h
SAME(SFD_CLOEXEC); SAME(SFD_NONBLOCK);

// socket.h
SAME(SOL_SOCKET); SAME(SO_DEBUG); SAME(SO_RCVTIMEO); SAME(SO_SNDTIMEO); SAME(SO_TIMESTAMP); SAME(SO_TIMESTAMPNS);
SAME(SO_TIMESTAMPING); SAME(SO_REUSEADDR); SAME(SO_TYPE); SAME(SO_ERROR); SAME(SO_DONTROUTE); SAME(SO_BROADCAST);
SAME(SO_SNDBUF); SAME(SO_RCVBUF); SAME(SO_SNDBUFFORCE); SAME(SO_RCVBUFFORCE); SAME(SO_KEEPALIVE); SAME(SO_OOBINLINE);
SAME(SO_NO_CHECK); SAME(SO_PRIORITY); SAME(SO_LINGER); SAME(SO_BSDCOMPAT); SAME(SO_REUSEPORT); SAME(SO_PASSCRED);
SAME(SO_PEERCRED); SAME(SO_RCVLOWAT); SAME(SO_SNDLOWAT); SAME(SO_RCVTIMEO_OLD); SAME(SO_SNDTIMEO_OLD); SAME(SO_BINDTODEVICE);
SAME(SO_ATTACH_FILTER); SAME(SO_DETACH_FILTER); SAME(SO_GET_FILTER); SAME(SO_PEERNAME); SAME(SO_TIMESTAMP_OLD);
SAME(SO_ACCEPTCONN); SAME(SO_PEERSEC); SAME(SO_PASSSEC); SAME(SO_TIMESTAMPNS_OLD); SAME(SO_MARK); SAME(SO_TIMESTAMPING_OLD);
SAME(SO_PROTOCOL); SAME(SO_DOMAIN); SAME(SO_RXQ_OVFL); SAME(SO_WIFI_STATUS); SAME(SO_PEEK_OFF); SAME(SO_NOFCS);
SAME(SO_LOCK_FILTER); SAME(SO_SELECT_ERR_QUEUE); SAME(SO_BUSY_POLL); SAME(SO_MAX_PACING_RATE); SAME(SO_BPF_EXTENSIONS);
SAME(SO_INCOMING_CPU); SAME(SO_ATTACH_BPF); SAME(SO_ATTACH_REUSEPORT_CBPF); SAME(SO_ATTACH_REUSEPORT_EBPF); SAME(SO_CNX_ADVICE);
SAME(SO_MEMINFO); SAME(SO_INCOMING_NAPI_ID); SAME(SO_COOKIE); SAME(SO_PEERGROUPS); SAME(SO_ZEROCOPY); SAME(SO_TXTIME);
SAME(SO_BINDTOIFINDEX); SAME(SO_TIMESTAMP_NEW); SAME(SO_TIMESTAMPNS_NEW); SAME(SO_TIMESTAMPING_NEW); SAME(SO_RCVTIMEO_NEW);
SAME(SO_SNDTIMEO_NEW); SAME(SO_DETACH_REUSEPORT_BPF); SAME(SO_PREFER_BUSY_POLL); SAME(SO_BUSY_POLL_BUDGET);
SAME(SO_NETNS_COOKIE); SAME(SO_BUF_LOCK); SAME(SO_RESERVE_MEM); SAME(SO_TXREHASH); SAME(SO_RCVMARK);

// stat.h
SAME(STATX_TYPE); SAME(STATX_MODE); SAME(STATX_NLINK); SAME(STATX_UID); SAME(STATX_GID); SAME(STATX_ATIME); SAME(STATX_MTIME);
SAME(STATX_CTIME); SAME(STATX_INO); SAME(STATX_SIZE); SAME(STATX_BLOCKS); SAME(STATX_BASIC_STATS); SAME(STATX_BTIME);
SAME(STATX_ALL); SAME(STATX_MNT_ID); SAME(STATX_DIOALIGN); SAME(STATX__RESERVED); SAME(STATX_ATTR_COMPRESSED);
SAME(STATX_ATTR_IMMUTABLE); SAME(STATX_ATTR_APPEND); SAME(STATX_ATTR_NODUMP); SAME(STATX_ATTR_ENCRYPTED);
SAME(STATX_ATTR_AUTOMOUNT); SAME(STATX_ATTR_MOUNT_ROOT); SAME(STATX_ATTR_VERITY); SAME(STATX_ATTR_DAX); SAME(FS_SECRM_FL);
SAME(FS_UNRM_FL); SAME(FS_COMPR_FL); SAME(FS_SYNC_FL); SAME(FS_IMMUTABLE_FL); SAME(FS_APPEND_FL); SAME(FS_NODUMP_FL);
SAME(FS_NOATIME_FL); SAME(FS_DIRSYNC_FL); SAME(FS_TOPDIR_FL); SAME(FS_EXTENT_FL); SAME(FS_NOCOW_FL); SAME(FS_PROJINHERIT_FL);
SAME(FS_FL_USER_VISIBLE); SAME(FS_FL_USER_MODIFIABLE);

// statfs.h
SAME(TMPFS_MAGIC); SAME(PROC_SUPER_MAGIC); SAME(SYSFS_MAGIC); SAME(DEVPTS_SUPER_MAGIC); SAME(OVERLAYFS_SUPER_MAGIC);
SAME(EXT4_SUPER_MAGIC); SAME(XFS_SUPER_MAGIC); SAME(BTRFS_SUPER_MAGIC); SAME(RAMFS_MAGIC); SAME(NFS_SUPER_MAGIC);
SAME(V9FS_MAGIC); SAME(SOCKFS_MAGIC); SAME(PIPEFS_MAGIC); SAME(ANON_INODE_FS_MAGIC); SAME(CGROUP_SUPER_MAGIC);
SAME(CGROUP2_SUPER_MAGIC); SAME(NSFS_MAGIC); SAME(DEBUGFS_MAGIC); SAME(TRACEFS_MAGIC); SAME(SECURITYFS_MAGIC);
SAME(BPF_FS_MAGIC); SAME(HUGETLBFS_MAGIC); SAME(EROFS_SUPER_MAGIC_V1); SAME(SQUASHFS_MAGIC); SAME(BINFMTFS_MAGIC);
SAME(SELINUX_MAGIC); SAME(SECRETMEM_MAGIC);

// sysinfo.h
SAME(SI_LOAD_SHIFT); SAME(LINUX_REBOOT_MAGIC1); SAME(LINUX_REBOOT_MAGIC2); SAME(LINUX_REBOOT_MAGIC2A);
SAME(LINUX_REBOOT_MAGIC2B); SAME(LINUX_REBOOT_MAGIC2C); SAME(LINUX_REBOOT_CMD_RESTART); SAME(LINUX_REBOOT_CMD_HALT);
SAME(LINUX_REBOOT_CMD_CAD_ON); SAME(LINUX_REBOOT_CMD_CAD_OFF); SAME(LINUX_REBOOT_CMD_POWER_OFF);
SAME(LINUX_REBOOT_CMD_RESTART2);

// termios.h
SAME(VINTR); SAME(VQUIT); SAME(VERASE); SAME(VKILL); SAME(VEOF); SAME(VTIME); SAME(VMIN); SAME(VSWTC); SAME(VSTART);
SAME(VSTOP); SAME(VSUSP); SAME(VEOL); SAME(VREPRINT); SAME(VDISCARD); SAME(VWERASE); SAME(VLNEXT); SAME(VEOL2); SAME(IGNBRK);
SAME(BRKINT); SAME(IGNPAR); SAME(PARMRK); SAME(INPCK); SAME(ISTRIP); SAME(INLCR); SAME(IGNCR); SAME(ICRNL); SAME(IUCLC);
SAME(IXON); SAME(IXANY); SAME(IXOFF); SAME(IMAXBEL); SAME(IUTF8); SAME(OPOST); SAME(OLCUC); SAME(ONLCR); SAME(OCRNL);
SAME(ONOCR); SAME(ONLRET); SAME(OFILL); SAME(OFDEL); SAME(NLDLY); SAME(CRDLY); SAME(TABDLY); SAME(TAB0); SAME(TAB1); SAME(TAB2);
SAME(TAB3); SAME(XTABS); SAME(BSDLY); SAME(VTDLY); SAME(FFDLY); SAME(CBAUD); SAME(B0); SAME(B50); SAME(B75); SAME(B110);
SAME(B134); SAME(B150); SAME(B200); SAME(B300); SAME(B600); SAME(B1200); SAME(B1800); SAME(B2400); SAME(B4800); SAME(B9600);
SAME(B19200); SAME(B38400); SAME(CBAUDEX); SAME(BOTHER); SAME(B57600); SAME(B115200); SAME(B230400); SAME(CSIZE); SAME(CS5);
SAME(CS6); SAME(CS7); SAME(CS8); SAME(CSTOPB); SAME(CREAD); SAME(PARENB); SAME(PARODD); SAME(HUPCL); SAME(CLOCAL); SAME(CIBAUD);
SAME(CMSPAR); SAME(CRTSCTS); SAME(ISIG); SAME(ICANON); SAME(XCASE); SAME(ECHO); SAME(ECHOE); SAME(ECHOK); SAME(ECHONL);
SAME(NOFLSH); SAME(TOSTOP); SAME(ECHOCTL); SAME(ECHOPRT); SAME(ECHOKE); SAME(FLUSHO); SAME(PENDIN); SAME(IEXTEN); SAME(EXTPROC);
SAME(TCOOFF); SAME(TCOON); SAME(TCIOFF); SAME(TCION); SAME(TCIFLUSH); SAME(TCOFLUSH); SAME(TCIOFLUSH); SAME(N_TTY);
SAME(TIOCM_LE); SAME(TIOCM_DTR); SAME(TIOCM_RTS); SAME(TIOCM_CTS); SAME(TIOCM_CAR); SAME(TIOCM_RNG); SAME(TIOCM_DSR);

// time.h
SAME(CLOCK_REALTIME); SAME(CLOCK_MONOTONIC); SAME(CLOCK_PROCESS_CPUTIME_ID); SAME(CLOCK_THREAD_CPUTIME_ID);
SAME(CLOCK_MONOTONIC_RAW); SAME(CLOCK_REALTIME_COARSE); SAME(CLOCK_MONOTONIC_COARSE); SAME(CLOCK_BOOTTIME);
SAME(CLOCK_REALTIME_ALARM); SAME(CLOCK_BOOTTIME_ALARM); SAME(CLOCK_TAI); SAME(MAX_CLOCKS); SAME(TIMER_ABSTIME);
SAME(ITIMER_REAL); SAME(ITIMER_VIRTUAL); SAME(ITIMER_PROF); SAME(ADJ_OFFSET); SAME(ADJ_FREQUENCY); SAME(ADJ_MAXERROR);
SAME(ADJ_ESTERROR); SAME(ADJ_STATUS); SAME(ADJ_TIMECONST); SAME(ADJ_TAI); SAME(ADJ_SETOFFSET); SAME(ADJ_MICRO); SAME(ADJ_NANO);
SAME(ADJ_TICK); SAME(ADJ_OFFSET_SINGLESHOT); SAME(ADJ_OFFSET_SS_READ); SAME(STA_PLL); SAME(STA_PPSFREQ); SAME(STA_PPSTIME);
SAME(STA_FLL); SAME(STA_INS); SAME(STA_DEL); SAME(STA_UNSYNC); SAME(STA_FREQHOLD); SAME(STA_PPSSIGNAL); SAME(STA_PPSJITTER);
SAME(STA_PPSWANDER); SAME(STA_PPSERROR); SAME(STA_CLOCKERR); SAME(STA_NANO); SAME(STA_MODE); SAME(STA_CLK); SAME(STA_RONLY);
SAME(TIME_OK); SAME(TIME_INS); SAME(TIME_DEL); SAME(TIME_OOP); SAME(TIME_WAIT); SAME(TIME_ERROR);

// timerfd.h
SAME(TFD_CLOEXEC); SAME(TFD_NONBLOCK); SAME(TFD_TIMER_ABSTIME); SAME(TFD_TIMER_CANCEL_ON_SET); SAME(TFD_IOC_SET_TICKS);

// uio.h
SAME(RWF_HIPRI); SAME(RWF_DSYNC); SAME(RWF_SYNC); SAME(RWF_NOWAIT); SAME(RWF_APPEND);

// wait.h
SAME(WNOHANG); SAME(WUNTRACED); SAME(WSTOPPED); SAME(WEXITED); SAME(WCONTINUED); SAME(WNOWAIT); SAME(__WNOTHREAD); SAME(__WALL);
SAME(__WCLONE); SAME(P_ALL); SAME(P_PID); SAME(P_PGID); SAME(P_PIDFD);

// xattr.h
SAME(XATTR_CREATE); SAME(XATTR_REPLACE);

}  // namespace
}  // namespace ringwall::abi
