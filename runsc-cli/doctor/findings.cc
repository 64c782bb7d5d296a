// What each fact means for a sandbox, and what an operator can do about it.
#include "runsc-cli/doctor/findings.h"

#include <cerrno>
#include <cstring>

#include "runsc-cli/oci/text.h"

namespace ringwall::doctor {
namespace {

std::string Join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string Outcome(int error) { return error == 0 ? std::string("works") : std::string(std::strerror(error)); }

Finding JudgeKernel(const KernelFacts& f) {
  Finding out{.check = "kernel", .evidence = Cat("Linux ", f.release)};
  if (!f.missing.empty()) {
    out.grade = Grade::kFail;
    out.evidence += Cat(", without ", Join(f.missing));
    out.cause = "the kernel is too old: these calls confine the sandbox and its file server";
    out.fix = "boot Linux 5.12 or newer";
  } else if (!f.refused.empty()) {
    out.grade = Grade::kFail;
    out.evidence += Cat(", refuses ", Join(f.refused));
    out.cause = "a seccomp filter of the surrounding container forbids these calls";
    out.fix = "run outside of that container, or with a seccomp profile that allows them";
  } else {
    out.evidence += ", has every call that is needed";
  }
  return out;
}

Finding JudgeCpu(const CpuFacts& f) {
  Finding out{.check = "cpu",
              .evidence = Cat("FSGSBASE ", f.fsgsbase ? "works" : "traps", ", ", f.xsave_bytes, " bytes of FPU state",
                              f.avx512 ? " (with AVX-512)" : "", ", signal frame of ", f.signal_frame_bytes, " bytes")};
  if (f.xsave_bytes == 0) {
    out.grade = Grade::kFail;
    out.cause = "the CPU or its hypervisor offers no XSAVE: the FPU state of guest threads cannot be kept";
    out.fix = "use a machine type with XSAVE";
  } else if (!f.fsgsbase) {
    out.grade = Grade::kWarn;
    out.cause = "the CPU is too old for FSGSBASE, the hypervisor hides it, or the kernel was booted with nofsgsbase";
    out.fix = "Linux 5.9 or newer without nofsgsbase; until then systrap is not available or slower";
  }
  return out;
}

Finding JudgeYama(const PtraceFacts& f) {
  static constexpr const char* kMeaning[] = {"anybody may trace their own processes", "parents may trace their children",
                                             "only administrators may trace", "nobody may trace"};
  Finding out{.check = "yama"};
  if (f.yama_scope < 0) {
    out.evidence = "no Yama";
    return out;
  }
  out.evidence = Cat("ptrace_scope ", f.yama_scope, f.yama_scope <= 3 ? Cat(": ", kMeaning[f.yama_scope]) : "");
  if (f.yama_scope >= 2 && f.seize != 0) {
    out.grade = Grade::kWarn;
    out.cause = "kernel.yama.ptrace_scope keeps the ptrace platform from its own children";
    out.fix = f.yama_scope == 3 ? "use systrap, or boot with kernel.yama.ptrace_scope at most 1 (3 cannot be undone while running)"
                                : "use systrap, or sysctl kernel.yama.ptrace_scope=1";
  }
  return out;
}

Finding JudgePtrace(const PtraceFacts& f) {
  Finding out{.check = "ptrace",
              .evidence = Cat("seizing a child: ", Outcome(f.seize), "; catching its calls: ",
                              f.seize != 0 ? "not tried"
                              : f.caught   ? "works"
                                           : Outcome(f.sysemu != 0 ? f.sysemu : EIO),
                              "; reading its memory: ", Outcome(f.read_memory))};
  if (f.seize != 0 || f.sysemu != 0 || !f.caught) {
    out.grade = Grade::kWarn;
    out.cause = f.seize == EPERM ? "this process is being traced itself, or Yama, a security module or a seccomp filter forbids ptrace"
                                 : "the kernel, or a filter of the surrounding container, has no PTRACE_SYSEMU for us";
    out.fix = "do not run under strace or gdb; in a container add the capability SYS_PTRACE or a seccomp profile that allows ptrace";
  }
  if (f.read_memory != 0) {
    out.grade = Grade::kFail;
    out.cause = "process_vm_readv(2) of our own children is forbidden: no platform can read a guest's memory";
    out.fix =
        "allow process_vm_readv and process_vm_writev in the seccomp profile of the surrounding container; set kernel.yama.ptrace_scope "
        "to at most 1";
  }
  return out;
}

Finding JudgeSeccomp(const SeccompFacts& f) {
  Finding out{.check = "seccomp",
              .evidence = Cat("a filter of our own: ", Outcome(f.install), "; ",
                              f.above == 0 ? std::string("no filter above us") : Cat("filters above us: ", f.above))};
  if (f.install != 0) {
    out.grade = Grade::kFail;
    out.cause = f.install == EINVAL ? "the kernel was built without CONFIG_SECCOMP_FILTER"
                                    : "the surrounding container forbids seccomp(2): the sandbox could not lock itself in";
    out.fix = f.install == EINVAL ? "boot a kernel with CONFIG_SECCOMP_FILTER" : "allow seccomp(2) and prctl(2) in its profile";
  } else if (!f.missing_actions.empty()) {
    out.grade = Grade::kFail;
    out.evidence += Cat("; without the actions ", Join(f.missing_actions));
    out.cause = "the kernel is too old, or /proc/sys/kernel/seccomp/actions_logged shows that they are compiled out";
    out.fix = "boot Linux 5.12 or newer";
  }
  return out;
}

Finding JudgeNotification(const NotificationFacts& f) {
  Finding out{.check = "notification",
              .evidence = Cat("listener: ", Outcome(f.listener),
                              f.listener != 0 ? std::string()
                                              : Cat(", answering: ", f.answered ? "works" : "failed", ", WAIT_KILLABLE_RECV: ",
                                                    Outcome(f.wait_killable), ", SYNC_WAKE_UP: ", Outcome(f.sync_wake_up)),
                              ", pidfd_getfd: ", Outcome(f.pidfd_getfd))};
  if (f.listener == EBUSY) {
    out.grade = Grade::kWarn;
    out.cause =
        "a seccomp listener is above us already (a container engine's notifications, or another sandbox), and there can be only one";
    out.fix = "remove the notify actions from the surrounding container's profile, or use ptrace";
  } else if (f.listener != 0 || !f.answered) {
    out.grade = Grade::kWarn;
    out.cause = "seccomp user notification is not available: kernel before 5.5, or forbidden by a filter above us";
    out.fix = "boot a newer kernel, or allow it in the surrounding container's profile; until then the platform is ptrace";
  } else if (f.wait_killable != 0) {
    out.grade = Grade::kWarn;
    out.cause = "the kernel has no WAIT_KILLABLE_RECV: a signal would tear a guest's call in two";
    out.fix = "boot Linux 5.19 or newer; until then the platform is ptrace";
  } else if (f.sync_wake_up != 0) {
    out.grade = Grade::kWarn;
    out.cause = "the kernel has no synchronous wake-up of listeners: every call that is not polled for costs several times as much";
    out.fix = "boot Linux 6.6 or newer";
  } else if (f.pidfd_getfd != 0) {
    out.grade = Grade::kWarn;
    out.cause = "pidfd_getfd(2) of our own children is forbidden, by Yama or by a filter above us";
    out.fix = "set kernel.yama.ptrace_scope to at most 1, or allow pidfd_getfd in the surrounding container's profile";
  }
  return out;
}

Finding JudgeNamespaces(const NamespaceFacts& f) {
  Finding out{.check = "namespaces",
              .evidence = Cat("user: ", Outcome(f.user), f.max_user >= 0 ? Cat(" (at most ", f.max_user, ")") : std::string(),
                              "; mount, pid, ipc, uts, net: ", f.user != 0 && !f.root ? std::string("not tried") : Outcome(f.others),
                              "; empty root: ", Outcome(f.empty_root), "; proc: ", Outcome(f.proc))};
  if (f.user != 0) {
    // Root's sandbox gives up its rights without one, too.
    out.grade = f.root ? Grade::kWarn : Grade::kFail;
    if (f.max_user == 0) {
      out.cause = "user namespaces are switched off: user.max_user_namespaces is 0";
      out.fix = "sysctl user.max_user_namespaces=10000";
    } else if (f.clone_switch_off) {
      out.cause = "ordinary users may not make user namespaces: kernel.unprivileged_userns_clone is 0";
      out.fix = "sysctl kernel.unprivileged_userns_clone=1, or run as root";
    } else if (f.apparmor_restricts) {
      out.cause = "AppArmor restricts user namespaces: kernel.apparmor_restrict_unprivileged_userns is 1";
      out.fix = "give the ringwall binary an AppArmor profile with userns, or run as root";
    } else {
      out.cause = "user namespaces are forbidden here: by the surrounding container, or because we are in a chroot";
      out.fix = f.root ? "nothing must be done: the sandbox then runs as user nobody" : "run as root, or outside of that container";
    }
  }
  if ((f.root || f.user == 0) && (f.others != 0 || f.empty_root != 0)) {
    out.grade = Grade::kFail;
    out.cause =
        f.others != 0 ? "the sandbox may not make namespaces of its own" : "mounts cannot be changed in the sandbox's own mount namespace";
    out.fix = "run as root with CAP_SYS_ADMIN, or in a container whose profile allows unshare, mount and pivot_root (--privileged does)";
  } else if (out.grade == Grade::kOk && f.proc != 0) {
    out.grade = Grade::kWarn;
    out.cause =
        "a proc of the new pid namespace cannot be made, because parts of the /proc that we see are covered: guests' CPU time and memory "
        "are not told";
    out.fix = "run in a container that leaves /proc uncovered (--privileged does)";
  }
  return out;
}

Finding JudgeKvm(const MachineFacts& f) {
  Finding out{.check = "kvm", .evidence = f.kvm_open == 0 ? Cat("/dev/kvm, API ", f.kvm_api) : Cat("/dev/kvm: ", Outcome(f.kvm_open))};
  if (f.kvm_open != 0) {
    out.grade = Grade::kWarn;
    out.cause = f.kvm_open == EACCES ? "this user may not open /dev/kvm" : "no virtualization here; no platform of this version needs it";
    out.fix = f.kvm_open == EACCES ? "add the user to the group kvm" : "none needed";
  }
  return out;
}

Finding JudgeCgroups(const MachineFacts& f) {
  Finding out{.check = "cgroups"};
  switch (f.cgroups) {
    case MachineFacts::Cgroups::kV2: out.evidence = "version 2"; break;
    case MachineFacts::Cgroups::kV1: out.evidence = "version 1"; break;
    case MachineFacts::Cgroups::kHybrid: out.evidence = "version 1, with version 2 beside it (hybrid)"; break;
    case MachineFacts::Cgroups::kNone:
      out.grade = Grade::kWarn;
      out.evidence = "nothing at /sys/fs/cgroup";
      out.cause = "no cgroup file system is mounted here: limits that an engine sets have nowhere to go";
      out.fix = "mount -t cgroup2 none /sys/fs/cgroup";
      break;
  }
  return out;
}

Finding JudgeMemory(const MachineFacts& f) {
  Finding out{.check = "memfd", .evidence = Cat("memfd_create, sealing, mapping: ", Outcome(f.memfd))};
  if (f.memfd != 0) {
    out.grade = Grade::kFail;
    out.cause = "memory files are forbidden or limited to nothing: shared guest memory lives in them";
    out.fix = "allow memfd_create in the surrounding container's profile; raise RLIMIT_FSIZE if it is 0";
  }
  return out;
}

Finding JudgeLimits(const MachineFacts& f) {
  Finding out{.check = "limits",
              .evidence = Cat("open files ", f.open_files == ~uint64_t{0} ? std::string("unlimited") : Cat(f.open_files), ", processes ",
                              f.processes == ~uint64_t{0} ? std::string("unlimited") : Cat(f.processes), ", mappings ", f.map_count)};
  if (f.open_files < 4096) {
    out.grade = Grade::kWarn;
    out.cause = "every file that guests hold open costs the sandbox a descriptor of its own: RLIMIT_NOFILE is low";
    out.fix = "ulimit -Hn 65536, or LimitNOFILE= in the service's unit";
  } else if (f.processes < 256) {
    out.grade = Grade::kWarn;
    out.cause = "every guest thread is a thread on the host, too: RLIMIT_NPROC is low";
    out.fix = "ulimit -Hu 4096, or TasksMax= in the service's unit";
  }
  return out;
}

}  // namespace

const char* GradeName(Grade grade) {
  switch (grade) {
    case Grade::kOk: return "ok";
    case Grade::kWarn: return "warn";
    case Grade::kFail: return "fail";
  }
  return "fail";
}

std::vector<Finding> Judge(const Facts& f) {
  return {JudgeKernel(f.kernel),         JudgeCpu(f.cpu),         JudgeYama(f.ptrace),
          JudgePtrace(f.ptrace),         JudgeSeccomp(f.seccomp), JudgeNotification(f.notification),
          JudgeNamespaces(f.namespaces), JudgeMemory(f.machine),  JudgeLimits(f.machine),
          JudgeCgroups(f.machine),       JudgeKvm(f.machine)};
}

Choice Choose(const std::vector<PlatformState>& platforms) {
  Choice choice;
  for (const PlatformState& platform : platforms) {
    if (platform.Works()) {
      choice.platform = platform.name;
      choice.why = choice.why.empty() ? "it is the fastest that this version has" : Cat("because ", choice.why);
      return choice;
    }
    if (!choice.why.empty()) choice.why += "; ";
    choice.why += Cat(platform.name, platform.available ? " does not start: " : " is not available: ", platform.reason);
  }
  return choice;
}

Report MakeReport(const Facts& facts, std::vector<PlatformState> platforms) {
  Report report{.findings = Judge(facts), .platforms = std::move(platforms), .choice = {}};
  report.choice = Choose(report.platforms);
  return report;
}

}  // namespace ringwall::doctor
