// The probes: each does the thing that a sandbox will do, in a child that is gone afterwards.
#include <elf.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string_view>

#include "arch/x86_64/fpstate.h"
#include "base/fd/unique_fd.h"
#include "host/namespaces/mounts.h"
#include "host/namespaces/namespaces.h"
#include "runsc-cli/doctor/facts.h"
#include "runsc-cli/doctor/in_child.h"
#include "runsc-cli/doctor/trap_probes.h"

namespace ringwall::doctor {
namespace {

std::optional<long> ReadNumber(const char* path) {
  const UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC));
  char text[64] = {};
  if (!file.valid() || ::read(file.get(), text, sizeof text - 1) <= 0) return std::nullopt;
  return std::strtol(text, nullptr, 10);
}

int HostErrno(const Result<void>& result) { return result.ok() ? 0 : static_cast<int>(result.error()); }

KernelFacts ProbeKernel() {
  struct Call {
    const char* name;
    long number;
    bool privileged;  // EPERM is also the answer to an ordinary user
  };
  // With arguments that every kernel which knows the call refuses.
  static constexpr Call kCalls[] = {
      {"openat2", SYS_openat2, false},       {"open_tree", SYS_open_tree, false},
      {"fsopen", SYS_fsopen, true},          {"mount_setattr", SYS_mount_setattr, false},
      {"pidfd_open", SYS_pidfd_open, false}, {"process_vm_readv", SYS_process_vm_readv, false},
      {"execveat", SYS_execveat, false},     {"memfd_create", SYS_memfd_create, false},
  };
  KernelFacts facts;
  utsname name{};
  if (::uname(&name) == 0) facts.release = name.release;
  const auto note = [&facts](const char* call, long rc, bool privileged) {
    if (rc >= 0) return;
    if (errno == ENOSYS) facts.missing.emplace_back(call);
    if (errno == EPERM && !privileged) facts.refused.emplace_back(call);
  };
  for (const Call& call : kCalls) note(call.name, ::syscall(call.number, -1L, 0L, 0L, 0L, 0L, 0L), call.privileged);
  note("close_range", ::syscall(SYS_close_range, 2u, 1u, 0u), false);
  return facts;
}

CpuFacts ProbeCpu() {
  CpuFacts facts;
  struct Executed {
    bool done;
  };
  // SIGILL where the kernel has not turned the instruction on.
  facts.fsgsbase = InChild<Executed>([] {
                     unsigned long base = 0;
                     __asm__ volatile("rdfsbase %0" : "=r"(base));
                     return Executed{.done = true};
                   }).has_value();
  facts.xsave_bytes = arch::FpStateFeatures() == 0 ? 0 : arch::FpStateSize();
  constexpr uint64_t kZmm = 0xe0;
  facts.avx512 = (arch::FpStateFeatures() & kZmm) == kZmm;
  facts.signal_frame_bytes = ::getauxval(AT_MINSIGSTKSZ);
  return facts;
}

// As the sandbox's own start (runsc-cli/boot/startup.cc): a proc of this pid namespace, without the rest of /proc.
int TryDetachedProc() {
  const UniqueFd context(static_cast<int>(::syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC)));
  if (!context.valid()) return errno;
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_SET_STRING, "subset", "pid", 0) != 0) return errno;
  if (::syscall(SYS_fsconfig, context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return errno;
  const UniqueFd mount(static_cast<int>(::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC,
                                                  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)));
  return mount.valid() ? 0 : errno;
}

struct NamespaceErrors {
  int user = 0, others = 0, empty_root = 0, proc = 0;
};

int EnterUserNamespace() {
  const uid_t uid = ::geteuid();
  const gid_t gid = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0) return errno;
  const host::IdMapping users[] = {{.inside = 0, .outside = uid, .count = 1}};
  const host::IdMapping groups[] = {{.inside = 0, .outside = gid, .count = 1}};
  return HostErrno(host::WriteIdMaps(0, users, groups, /*deny_setgroups=*/true));
}

NamespaceErrors TryNamespaces() {
  NamespaceErrors errors;
  // Root's sandbox makes the others first, an ordinary user's needs the user namespace for them.
  if (::geteuid() != 0) {
    errors.user = EnterUserNamespace();
    if (errors.user != 0) return errors;
  }
  if (::unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET) != 0) {
    errors.others = errno;
    return errors;
  }
  // The first process of the new pid namespace.
  const auto inner = InChild<NamespaceErrors>([] {
    NamespaceErrors e;
    e.empty_root = HostErrno(host::MakePrivate("/"));
    if (e.empty_root != 0) return e;
    e.proc = TryDetachedProc();
    e.empty_root = HostErrno(host::PivotIntoEmptyRoot());
    return e;
  });
  if (!inner.has_value()) {
    errors.others = ECHILD;
  } else {
    errors.empty_root = inner->empty_root;
    errors.proc = inner->proc;
  }
  return errors;
}

NamespaceFacts ProbeNamespaces() {
  NamespaceFacts facts;
  facts.root = ::geteuid() == 0;
  facts.max_user = ReadNumber("/proc/sys/user/max_user_namespaces").value_or(-1);
  facts.clone_switch_off = ReadNumber("/proc/sys/kernel/unprivileged_userns_clone").value_or(1) == 0;
  facts.apparmor_restricts = ReadNumber("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").value_or(0) == 1;
  const auto errors = InChild<NamespaceErrors>(TryNamespaces);
  if (!errors.has_value()) {
    facts.others = ECHILD;
    return facts;
  }
  facts.user = errors->user;
  facts.others = errors->others;
  facts.empty_root = errors->empty_root;
  facts.proc = errors->proc;
  if (facts.root) {
    struct Error {
      int value;
    };
    const auto user = InChild<Error>([] { return Error{EnterUserNamespace()}; });
    facts.user = user.has_value() ? user->value : ECHILD;
  }
  return facts;
}

int TryMemfd() {
  const UniqueFd fd(::memfd_create("ringwall-doctor", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd.valid() || ::ftruncate(fd.get(), 4096) != 0) return errno;
  void* mapped = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (mapped == MAP_FAILED) return errno;
  static_cast<volatile char*>(mapped)[0] = 1;
  ::munmap(mapped, 4096);
  return ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0 ? 0 : errno;
}

MachineFacts ProbeMachine() {
  MachineFacts facts;
  const UniqueFd kvm(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  facts.kvm_open = kvm.valid() ? 0 : errno;
  if (kvm.valid()) facts.kvm_api = ::ioctl(kvm.get(), KVM_GET_API_VERSION, 0);
  struct statfs fs {};
  if (::statfs("/sys/fs/cgroup", &fs) == 0) {
    struct statfs unified {};
    if (fs.f_type == CGROUP2_SUPER_MAGIC) {
      facts.cgroups = MachineFacts::Cgroups::kV2;
    } else if (::statfs("/sys/fs/cgroup/unified", &unified) == 0 && unified.f_type == CGROUP2_SUPER_MAGIC) {
      facts.cgroups = MachineFacts::Cgroups::kHybrid;
    } else if (::access("/sys/fs/cgroup/memory", F_OK) == 0 || ::access("/sys/fs/cgroup/pids", F_OK) == 0) {
      facts.cgroups = MachineFacts::Cgroups::kV1;
    }
  }
  facts.memfd = TryMemfd();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.open_files = limit.rlim_max;
  if (::getrlimit(RLIMIT_NPROC, &limit) == 0) facts.processes = limit.rlim_max;
  facts.map_count = static_cast<uint64_t>(ReadNumber("/proc/sys/vm/max_map_count").value_or(0));
  return facts;
}

}  // namespace

Facts Probe() {
  Facts facts;
  facts.kernel = ProbeKernel();
  facts.cpu = ProbeCpu();
  facts.ptrace = ProbePtrace();
  facts.ptrace.yama_scope = static_cast<int>(ReadNumber("/proc/sys/kernel/yama/ptrace_scope").value_or(-1));
  facts.seccomp = ProbeSeccomp();
  facts.notification = ProbeNotification();
  facts.namespaces = ProbeNamespaces();
  facts.machine = ProbeMachine();
  return facts;
}

}  // namespace ringwall::doctor
