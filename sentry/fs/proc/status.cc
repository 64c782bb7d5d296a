// proc_pid_stat(5), proc_pid_status(5), proc_pid_statm(5), proc_pid_limits(5): a task in numbers.
#include <algorithm>
#include <atomic>
#include <bit>
#include <utility>
#include <vector>

#include "abi/device.h"
#include "abi/resource.h"
#include "abi/sched.h"
#include "absl/strings/str_format.h"
#include "sentry/context/machine.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/proc/instance.h"
#include "sentry/ptrace/engine.h"
#include "sentry/seccomp/task_seccomp.h"
#include "sentry/signal/pending.h"
#include "sentry/task/cpu_clock.h"
#include "sentry/task/signal_path.h"
#include "sentry/tty/tty.h"

namespace ringwall::proc {
namespace {

constexpr uint64_t kTickNs = 10'000'000;  // USER_HZ is 100
constexpr uint64_t kPage = 4096;

struct FamilyView {
  int32_t parent = 0, pgid = 0, sid = 0;  // as the mount's pid namespace has them
  int32_t kernel_pgid = 0, kernel_sid = 0;
  size_t threads = 0;
  int32_t wait_status = 0;
  task::Usage dead_threads{}, reaped{};
  RefPtr<RefCounted> terminal;
};

FamilyView ViewOf(const Subject& subject) {
  FamilyView view;
  task::PidTable& pids = subject.kernel().pids();
  MutexLock lock(pids.mu());
  const task::ThreadGroup::Family& family = pids.FamilyOf(subject.group());
  if (family.parent != nullptr) view.parent = pids.ToGuestLocked(subject.view(), family.parent->pid());
  if (family.group) {
    view.pgid = pids.ToGuestLocked(subject.view(), family.group->pgid);
    view.sid = pids.ToGuestLocked(subject.view(), family.group->session->sid);
    view.kernel_pgid = family.group->pgid;
    view.kernel_sid = family.group->session->sid;
    view.terminal = family.group->session->terminal;
  }
  view.threads = std::max<size_t>(family.threads.size(), 1);
  view.wait_status = family.wait_status;
  view.dead_threads = family.dead_threads;
  view.reaped = family.reaped_children;
  return view;
}

struct SignalView {
  abi::SigSet pending = 0, shared_pending = 0, blocked = 0, ignored = 0, caught = 0;
};

SignalView SignalsOf(const Subject& subject, const task::Task& task) {
  SignalView view;
  for (int signo = 1; signo <= 64; ++signo) {
    if (task::SignalPath::GroupPending(subject.group(), signal::Bit(signo))) view.shared_pending |= signal::Bit(signo);
  }
  view.pending = task.PendingSignals() & ~view.shared_pending;
  view.blocked = task.signal_mask();
  const Ref<signal::SignalHandlers> handlers = subject.group().handlers();
  MutexLock lock(handlers->mu);
  for (int signo = 1; signo <= 64; ++signo) {
    const uint64_t handler = handlers->actions[static_cast<size_t>(signo)].handler;
    if (handler == abi::kSIG_IGN) {
      view.ignored |= signal::Bit(signo);
    } else if (handler != abi::kSIG_DFL) {
      view.caught |= signal::Bit(signo);
    }
  }
  return view;
}

const char* StateName(char letter) {
  switch (letter) {
    case 'R': return "R (running)";
    case 'T': return "T (stopped)";
    case 't': return "t (tracing stop)";
    case 'Z': return "Z (zombie)";
    default: return "S (sleeping)";
  }
}

bool Allows(uint64_t affinity, uint32_t cpu) { return cpu < machine::CpuCount() && (cpu >= 64 || (affinity >> cpu & 1) != 0); }

// "0-3,5"
std::string CpuList(uint64_t affinity) {
  std::string out;
  for (uint32_t i = 0; i < machine::CpuCount(); ++i) {
    if (!Allows(affinity, i)) continue;
    uint32_t last = i;
    while (Allows(affinity, last + 1)) ++last;
    absl::StrAppendFormat(&out, "%s%u", out.empty() ? "" : ",", i);
    if (last > i) absl::StrAppendFormat(&out, "-%u", last);
    i = last;
  }
  return out;
}

// "f", "ffffffff,ffffffff": groups of 32 CPUs, the highest first.
std::string CpuMask(uint64_t affinity) {
  const uint32_t cpus = machine::CpuCount();
  std::vector<uint32_t> words((cpus + 31) / 32, 0);
  for (uint32_t i = 0; i < cpus; ++i) {
    if (Allows(affinity, i)) words[i / 32] |= 1u << (i % 32);
  }
  std::string out;
  for (size_t i = words.size(); i-- > 0;) {
    // The first word has as many digits as there are CPUs in it.
    const uint32_t digits = out.empty() && cpus % 32 != 0 ? (cpus % 32 + 3) / 4 : 8;
    absl::StrAppendFormat(&out, "%s%0*x", out.empty() ? "" : ",", static_cast<int>(digits), words[i]);
  }
  return out;
}

bool IsRealtime(const task::Task::Scheduling& s) { return s.policy == abi::kSCHED_FIFO || s.policy == abi::kSCHED_RR; }
// As the kernel counts it: 20 + nice for normal tasks, -2..-100 for real-time ones.
int32_t KernelPriority(const task::Task::Scheduling& s) { return IsRealtime(s) ? -1 - s.priority : 20 + s.nice; }

uint64_t TextBytes(const mm::Layout& layout) { return layout.end_code > layout.start_code ? layout.end_code - layout.start_code : 0; }

}  // namespace

Result<std::string> StatText(Context& ctx, const Subject& subject) {
  const Ref<task::Task> task = TRY(subject.Task());
  const FamilyView family = ViewOf(subject);
  const SignalView signals = SignalsOf(subject, *task);
  // Addresses and exit codes are for those who could trace it; others see zeros.
  const bool may_look = subject.CheckReadable(ctx).ok();
  mm::MemoryUsage usage;
  mm::Layout layout;
  if (const RefPtr<mm::MemoryManager> mm = task->ShareMm()) {
    usage = mm->Usage();
    if (may_look) layout = mm->layout();
  }
  const task::CpuTimes cpu = subject.is_thread() ? task::ThreadCpu(*task) : task::ProcessCpu(subject.group());
  const task::Task::Scheduling sched = task->scheduling();
  uint64_t tty_number = 0;
  int32_t tty_group = -1;
  if (family.terminal) {
    // A session's terminal is nothing else (task/thread_group.h). The number is in the old 32-bit form.
    const auto& terminal = static_cast<const tty::Terminal&>(*family.terminal);
    const uint64_t minor = abi::Minor(terminal.device());
    tty_number = (minor & 0xff) | uint64_t{abi::Major(terminal.device())} << 8 | (minor & ~uint64_t{0xff}) << 12;
    tty_group = subject.Shown(terminal.foreground_group());
  }
  const auto start_ns = static_cast<uint64_t>(std::max<int64_t>(0, task->start_time_ns() - subject.kernel().boot_monotonic_ns()));
  const auto ticks = [](uint64_t ns) { return ns / kTickNs; };

  std::string out = absl::StrFormat("%d (%s) %c %d %d %d %u %d 0 ", subject.Shown(subject.id()), task->comm(), task->StateLetter(),
                                    family.parent, family.pgid, family.sid, tty_number, tty_group);
  absl::StrAppendFormat(&out, "%u %u %u %u ", family.dead_threads.minor_faults, family.reaped.minor_faults,
                        family.dead_threads.major_faults, family.reaped.major_faults);
  absl::StrAppendFormat(&out, "%u %u %u %u ", ticks(cpu.user_ns), ticks(cpu.system_ns), ticks(family.reaped.user_ns),
                        ticks(family.reaped.system_ns));
  absl::StrAppendFormat(&out, "%d %d %u 0 %u ", KernelPriority(sched), sched.nice, family.threads, ticks(start_ns));
  absl::StrAppendFormat(&out, "%u %u %u ", usage.total_bytes, usage.resident_bytes / kPage,
                        subject.group().GetLimit(abi::kRLIMIT_RSS).rlim_cur);
  absl::StrAppendFormat(&out, "%u %u %u 0 0 ", layout.start_code, layout.end_code, layout.start_stack);
  // Obsolete in Linux too: the first 31 signals only.
  constexpr uint64_t kOld = 0x7fffffff;
  absl::StrAppendFormat(&out, "%u %u %u %u ", signals.pending & kOld, signals.blocked & kOld, signals.ignored & kOld,
                        signals.caught & kOld);
  // wchan, nswap, cnswap, exit_signal, processor, rt_priority, policy, block I/O delay, guest times
  const bool is_leader = subject.id() == subject.group().pid();
  absl::StrAppendFormat(&out, "0 0 0 %d 0 %d %d 0 0 0 ", is_leader ? task->exit_signal : -1, IsRealtime(sched) ? sched.priority : 0,
                        sched.policy);
  absl::StrAppendFormat(&out, "%u %u %u %u %u %u %u %d\n", layout.start_data, layout.end_data, layout.start_brk, layout.arg_start,
                        layout.arg_end, layout.env_start, layout.env_end, may_look ? family.wait_status : 0);
  return out;
}

Result<std::string> StatmText(Context&, const Subject& subject) {
  const Ref<task::Task> task = TRY(subject.Task());
  const RefPtr<mm::MemoryManager> mm = task->ShareMm();
  if (!mm) return std::string("0 0 0 0 0 0 0\n");
  const mm::MemoryUsage usage = mm->Usage();
  const uint64_t resident = std::min(usage.resident_bytes, usage.total_bytes) / kPage;
  return absl::StrFormat("%u %u %u %u 0 %u 0\n", usage.total_bytes / kPage, resident, std::min(usage.shared_bytes / kPage, resident),
                         (TextBytes(mm->layout()) + kPage - 1) / kPage, (usage.data_bytes + usage.stack_bytes) / kPage);
}

Result<std::string> StatusText(Context& ctx, const Subject& subject) {
  const Ref<task::Task> task = TRY(subject.Task());
  const FamilyView family = ViewOf(subject);
  const SignalView signals = SignalsOf(subject, *task);
  const RefPtr<const cred::Credentials> creds = task->ShareCreds();
  if (!creds) return Errno::kESRCH;
  std::string out = absl::StrFormat("Name:\t%s\n", Escape(task->comm(), "\n\\"));
  if (const RefPtr<vfs::FsContext> fs = task->ShareFs()) absl::StrAppendFormat(&out, "Umask:\t%04o\n", fs->umask());
  absl::StrAppendFormat(&out, "State:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n", StateName(task->StateLetter()),
                        subject.Shown(subject.group().pid()), subject.Shown(subject.id()), family.parent,
                        subject.Shown(ptrace::Engine::TracerPid(*task)));
  const cred::UserNamespace& ids = *ctx.creds().user_ns;
  const auto uid = [&](uint32_t id) { return ids.Show(cred::IdKind::kUid, id); };
  const auto gid = [&](uint32_t id) { return ids.Show(cred::IdKind::kGid, id); };
  absl::StrAppendFormat(&out, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\n", uid(creds->uid), uid(creds->euid), uid(creds->suid),
                        uid(creds->fsuid), gid(creds->gid), gid(creds->egid), gid(creds->sgid), gid(creds->fsgid));
  const RefPtr<vfs::FdTable> fds = task->ShareFds();
  absl::StrAppendFormat(&out, "FDSize:\t%u\nGroups:\t", fds ? fds->Capacity() : 0u);
  for (const uint32_t group : creds->groups) absl::StrAppendFormat(&out, "%u ", gid(group));
  // From the mount's namespace inwards.
  const auto numbers = [&](const char* name, int32_t id) {
    absl::StrAppendFormat(&out, "\n%s:", name);
    for (const int32_t number : subject.kernel().pids().NumbersFrom(subject.view(), id)) absl::StrAppendFormat(&out, "\t%d", number);
  };
  numbers("NStgid", subject.group().pid());
  numbers("NSpid", subject.id());
  numbers("NSpgid", family.kernel_pgid);
  numbers("NSsid", family.kernel_sid);
  out += "\nKthread:\t0\n";
  if (const RefPtr<mm::MemoryManager> mm = task->ShareMm()) {
    const mm::MemoryUsage usage = mm->Usage();
    const uint64_t text = TextBytes(mm->layout());
    const uint64_t resident = std::min(usage.resident_bytes, usage.total_bytes);
    const auto kib = [&](const char* name, uint64_t bytes) { absl::StrAppendFormat(&out, "%s:\t%8u kB\n", name, bytes / 1024); };
    kib("VmPeak", std::max(usage.peak_bytes, usage.total_bytes));
    kib("VmSize", usage.total_bytes);
    kib("VmLck", usage.locked_bytes);
    kib("VmPin", 0);
    // Differs from Linux: the peak is not kept; the kinds of resident memory are not told apart.
    kib("VmHWM", resident);
    kib("VmRSS", resident);
    kib("RssAnon", resident);
    kib("RssFile", 0);
    kib("RssShmem", 0);
    kib("VmData", usage.data_bytes);
    kib("VmStk", usage.stack_bytes);
    kib("VmExe", text);
    kib("VmLib", usage.exec_bytes > text ? usage.exec_bytes - text : 0);
    kib("VmPTE", 0);
    kib("VmSwap", 0);
    out += "HugetlbPages:\t       0 kB\nCoreDumping:\t0\nTHP_enabled:\t1\n";
  }
  absl::StrAppendFormat(&out, "Threads:\t%u\nSigQ:\t%d/%u\n", family.threads, std::popcount(signals.pending | signals.shared_pending),
                        subject.group().GetLimit(abi::kRLIMIT_SIGPENDING).rlim_cur);
  absl::StrAppendFormat(&out, "SigPnd:\t%016x\nShdPnd:\t%016x\nSigBlk:\t%016x\nSigIgn:\t%016x\nSigCgt:\t%016x\n", signals.pending,
                        signals.shared_pending, signals.blocked, signals.ignored, signals.caught);
  absl::StrAppendFormat(&out, "CapInh:\t%016x\nCapPrm:\t%016x\nCapEff:\t%016x\nCapBnd:\t%016x\nCapAmb:\t%016x\n", creds->inheritable,
                        creds->permitted, creds->effective, creds->bounding, creds->ambient);
  const RefPtr<seccomp::Filter> filter = task->seccomp().filter();
  absl::StrAppendFormat(&out, "NoNewPrivs:\t%d\nSeccomp:\t%u\nSeccomp_filters:\t%u\n", creds->no_new_privs ? 1 : 0, task->seccomp().mode(),
                        filter ? filter->depth() : 0u);
  const uint64_t affinity = task->scheduling().affinity;
  absl::StrAppendFormat(&out, "Cpus_allowed:\t%s\nCpus_allowed_list:\t%s\nMems_allowed:\t1\nMems_allowed_list:\t0\n", CpuMask(affinity),
                        CpuList(affinity));
  absl::StrAppendFormat(&out, "voluntary_ctxt_switches:\t%u\nnonvoluntary_ctxt_switches:\t%u\n", family.dead_threads.voluntary,
                        family.dead_threads.involuntary);
  return out;
}

Result<std::string> LimitsText(Context&, const Subject& subject) {
  TRY(subject.Task());
  struct Row {
    const char* name;
    const char* unit;
    int resource;
  };
  static constexpr Row kRows[] = {
      {"Max cpu time", "seconds", abi::kRLIMIT_CPU},         {"Max file size", "bytes", abi::kRLIMIT_FSIZE},
      {"Max data size", "bytes", abi::kRLIMIT_DATA},         {"Max stack size", "bytes", abi::kRLIMIT_STACK},
      {"Max core file size", "bytes", abi::kRLIMIT_CORE},    {"Max resident set", "bytes", abi::kRLIMIT_RSS},
      {"Max processes", "processes", abi::kRLIMIT_NPROC},    {"Max open files", "files", abi::kRLIMIT_NOFILE},
      {"Max locked memory", "bytes", abi::kRLIMIT_MEMLOCK},  {"Max address space", "bytes", abi::kRLIMIT_AS},
      {"Max file locks", "locks", abi::kRLIMIT_LOCKS},       {"Max pending signals", "signals", abi::kRLIMIT_SIGPENDING},
      {"Max msgqueue size", "bytes", abi::kRLIMIT_MSGQUEUE}, {"Max nice priority", "", abi::kRLIMIT_NICE},
      {"Max realtime priority", "", abi::kRLIMIT_RTPRIO},    {"Max realtime timeout", "us", abi::kRLIMIT_RTTIME},
  };
  const auto amount = [](uint64_t value) { return value == abi::kRLIM_INFINITY ? std::string("unlimited") : std::to_string(value); };
  std::string out = absl::StrFormat("%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
  for (const Row& row : kRows) {
    const abi::Rlimit limit = subject.group().GetLimit(row.resource);
    absl::StrAppendFormat(&out, "%-25s %-20s %-20s %-10s\n", row.name, amount(limit.rlim_cur), amount(limit.rlim_max), row.unit);
  }
  return out;
}

Result<std::string> CommText(Context&, const Subject& subject) {
  const Ref<task::Task> task = TRY(subject.Task());
  return task->comm() + "\n";
}

Result<std::string> SchedText(Context&, const Subject& subject) {
  const Ref<task::Task> task = TRY(subject.Task());
  const uint64_t ran_ns = task::ThreadCpu(*task).total_ns();
  const task::Task::Scheduling sched = task->scheduling();
  std::string out = absl::StrFormat("%s (%d, #threads: %u)\n", task->comm(), subject.Shown(subject.id()), ViewOf(subject).threads);
  out.append(67, '-').append("\n");
  absl::StrAppendFormat(&out, "%-45s:%21u.%06u\n", "se.sum_exec_runtime", ran_ns / 1'000'000, ran_ns % 1'000'000);
  absl::StrAppendFormat(&out, "%-45s:%21d\n%-45s:%21d\n", "policy", sched.policy, "prio", 100 + KernelPriority(sched));
  return out;
}

// Time on a CPU; time waiting for one and the number of turns are the host's business.
Result<std::string> SchedstatText(Context&, const Subject& subject) {
  const Ref<task::Task> task = TRY(subject.Task());
  return absl::StrFormat("%u 0 0\n", task::ThreadCpu(*task).total_ns());
}

Result<std::string> ChildrenText(Context&, const Subject& subject) {
  TRY(subject.Task());
  // Differs from Linux: children belong to the process, so its leader lists them all.
  if (subject.id() != subject.group().pid()) return std::string();
  std::vector<int32_t> children;
  task::PidTable& pids = subject.kernel().pids();
  {
    MutexLock lock(pids.mu());
    for (const task::ThreadGroup* child : pids.FamilyOf(subject.group()).children)
      children.push_back(pids.ToGuestLocked(subject.view(), child->pid()));
  }
  std::sort(children.begin(), children.end());
  std::string out;
  for (const int32_t pid : children) absl::StrAppendFormat(&out, "%d ", pid);
  return out;
}

Result<std::string> PersonalityText(Context&, const Subject& subject) {
  const Ref<task::Task> task = TRY(subject.Task());
  return absl::StrFormat("%08x\n", std::atomic_ref<uint32_t>(task->persona).load(std::memory_order_relaxed));
}

}  // namespace ringwall::proc
