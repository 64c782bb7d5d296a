// Checks the system call numbers that the host's unistd.h defines; newer ones are ours alone.
#include <asm/unistd.h>

#include "abi/sysno_x86_64.h"

namespace ringwall::abi {

#define SAME(name) static_assert(kSys_##name == __NR_##name, #name)

SAME(read); SAME(write); SAME(open); SAME(close); SAME(stat); SAME(fstat); SAME(lstat); SAME(poll); SAME(lseek); SAME(mmap);
SAME(mprotect); SAME(munmap); SAME(brk); SAME(rt_sigaction); SAME(rt_sigprocmask); SAME(rt_sigreturn); SAME(ioctl);
SAME(pread64); SAME(pwrite64); SAME(readv); SAME(writev); SAME(access); SAME(pipe); SAME(select); SAME(sched_yield);
SAME(mremap); SAME(msync); SAME(mincore); SAME(madvise); SAME(shmget); SAME(shmat); SAME(shmctl); SAME(dup); SAME(dup2);
SAME(pause); SAME(nanosleep); SAME(getitimer); SAME(alarm); SAME(setitimer); SAME(getpid); SAME(sendfile); SAME(socket);
SAME(connect); SAME(accept); SAME(sendto); SAME(recvfrom); SAME(sendmsg); SAME(recvmsg); SAME(shutdown); SAME(bind);
SAME(listen); SAME(getsockname); SAME(getpeername); SAME(socketpair); SAME(setsockopt); SAME(getsockopt); SAME(clone);
SAME(fork); SAME(vfork); SAME(execve); SAME(exit); SAME(wait4); SAME(kill); SAME(uname); SAME(semget); SAME(semop);
SAME(semctl); SAME(shmdt); SAME(msgget); SAME(msgsnd); SAME(msgrcv); SAME(msgctl); SAME(fcntl); SAME(flock); SAME(fsync);
SAME(fdatasync); SAME(truncate); SAME(ftruncate); SAME(getdents); SAME(getcwd); SAME(chdir); SAME(fchdir); SAME(rename);
SAME(mkdir); SAME(rmdir); SAME(creat); SAME(link); SAME(unlink); SAME(symlink); SAME(readlink); SAME(chmod); SAME(fchmod);
SAME(chown); SAME(fchown); SAME(lchown); SAME(umask); SAME(gettimeofday); SAME(getrlimit); SAME(getrusage); SAME(sysinfo);
SAME(times); SAME(ptrace); SAME(getuid); SAME(syslog); SAME(getgid); SAME(setuid); SAME(setgid); SAME(geteuid); SAME(getegid);
SAME(setpgid); SAME(getppid); SAME(getpgrp); SAME(setsid); SAME(setreuid); SAME(setregid); SAME(getgroups); SAME(setgroups);
SAME(setresuid); SAME(getresuid); SAME(setresgid); SAME(getresgid); SAME(getpgid); SAME(setfsuid); SAME(setfsgid); SAME(getsid);
SAME(capget); SAME(capset); SAME(rt_sigpending); SAME(rt_sigtimedwait); SAME(rt_sigqueueinfo); SAME(rt_sigsuspend);
SAME(sigaltstack); SAME(utime); SAME(mknod); SAME(uselib); SAME(personality); SAME(ustat); SAME(statfs); SAME(fstatfs);
SAME(sysfs); SAME(getpriority); SAME(setpriority); SAME(sched_setparam); SAME(sched_getparam); SAME(sched_setscheduler);
SAME(sched_getscheduler); SAME(sched_get_priority_max); SAME(sched_get_priority_min); SAME(sched_rr_get_interval); SAME(mlock);
SAME(munlock); SAME(mlockall); SAME(munlockall); SAME(vhangup); SAME(modify_ldt); SAME(pivot_root); SAME(_sysctl); SAME(prctl);
SAME(arch_prctl); SAME(adjtimex); SAME(setrlimit); SAME(chroot); SAME(sync); SAME(acct); SAME(settimeofday); SAME(mount);
SAME(umount2); SAME(swapon); SAME(swapoff); SAME(reboot); SAME(sethostname); SAME(setdomainname); SAME(iopl); SAME(ioperm);
SAME(create_module); SAME(init_module); SAME(delete_module); SAME(get_kernel_syms); SAME(query_module); SAME(quotactl);
SAME(nfsservctl); SAME(getpmsg); SAME(putpmsg); SAME(afs_syscall); SAME(tuxcall); SAME(security); SAME(gettid); SAME(readahead);
SAME(setxattr); SAME(lsetxattr); SAME(fsetxattr); SAME(getxattr); SAME(lgetxattr); SAME(fgetxattr); SAME(listxattr);
SAME(llistxattr); SAME(flistxattr); SAME(removexattr); SAME(lremovexattr); SAME(fremovexattr); SAME(tkill); SAME(time);
SAME(futex); SAME(sched_setaffinity); SAME(sched_getaffinity); SAME(set_thread_area); SAME(io_setup); SAME(io_destroy);
SAME(io_getevents); SAME(io_submit); SAME(io_cancel); SAME(get_thread_area); SAME(lookup_dcookie); SAME(epoll_create);
SAME(epoll_ctl_old); SAME(epoll_wait_old); SAME(remap_file_pages); SAME(getdents64); SAME(set_tid_address);
SAME(restart_syscall); SAME(semtimedop); SAME(fadvise64); SAME(timer_create); SAME(timer_settime); SAME(timer_gettime);
SAME(timer_getoverrun); SAME(timer_delete); SAME(clock_settime); SAME(clock_gettime); SAME(clock_getres); SAME(clock_nanosleep);
SAME(exit_group); SAME(epoll_wait); SAME(epoll_ctl); SAME(tgkill); SAME(utimes); SAME(vserver); SAME(mbind);
SAME(set_mempolicy); SAME(get_mempolicy); SAME(mq_open); SAME(mq_unlink); SAME(mq_timedsend); SAME(mq_timedreceive);
SAME(mq_notify); SAME(mq_getsetattr); SAME(kexec_load); SAME(waitid); SAME(add_key); SAME(request_key); SAME(keyctl);
SAME(ioprio_set); SAME(ioprio_get); SAME(inotify_init); SAME(inotify_add_watch); SAME(inotify_rm_watch); SAME(migrate_pages);
SAME(openat); SAME(mkdirat); SAME(mknodat); SAME(fchownat); SAME(futimesat); SAME(newfstatat); SAME(unlinkat); SAME(renameat);
SAME(linkat); SAME(symlinkat); SAME(readlinkat); SAME(fchmodat); SAME(faccessat); SAME(pselect6); SAME(ppoll); SAME(unshare);
SAME(set_robust_list); SAME(get_robust_list); SAME(splice); SAME(tee); SAME(sync_file_range); SAME(vmsplice); SAME(move_pages);
SAME(utimensat); SAME(epoll_pwait); SAME(signalfd); SAME(timerfd_create); SAME(eventfd); SAME(fallocate); SAME(timerfd_settime);
SAME(timerfd_gettime); SAME(accept4); SAME(signalfd4); SAME(eventfd2); SAME(epoll_create1); SAME(dup3); SAME(pipe2);
SAME(inotify_init1); SAME(preadv); SAME(pwritev); SAME(rt_tgsigqueueinfo); SAME(perf_event_open); SAME(recvmmsg);
SAME(fanotify_init); SAME(fanotify_mark); SAME(prlimit64); SAME(name_to_handle_at); SAME(open_by_handle_at);
SAME(clock_adjtime); SAME(syncfs); SAME(sendmmsg); SAME(setns); SAME(getcpu); SAME(process_vm_readv); SAME(process_vm_writev);
SAME(kcmp); SAME(finit_module); SAME(sched_setattr); SAME(sched_getattr); SAME(renameat2); SAME(seccomp); SAME(getrandom);
SAME(memfd_create); SAME(kexec_file_load); SAME(bpf); SAME(execveat); SAME(userfaultfd); SAME(membarrier); SAME(mlock2);
SAME(copy_file_range); SAME(preadv2); SAME(pwritev2); SAME(pkey_mprotect); SAME(pkey_alloc); SAME(pkey_free); SAME(statx);
SAME(io_pgetevents); SAME(rseq); SAME(pidfd_send_signal); SAME(io_uring_setup); SAME(io_uring_enter); SAME(io_uring_register);
SAME(open_tree); SAME(move_mount); SAME(fsopen); SAME(fsconfig); SAME(fsmount); SAME(fspick); SAME(pidfd_open); SAME(clone3);
SAME(close_range); SAME(openat2); SAME(pidfd_getfd); SAME(faccessat2); SAME(process_madvise); SAME(epoll_pwait2);
SAME(mount_setattr); SAME(quotactl_fd); SAME(landlock_create_ruleset); SAME(landlock_add_rule); SAME(landlock_restrict_self);
SAME(memfd_secret); SAME(process_mrelease); SAME(futex_waitv); SAME(set_mempolicy_home_node);

}  // namespace ringwall::abi
