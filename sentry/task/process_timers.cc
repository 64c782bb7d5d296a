// Interval timers (setitimer(2)) and POSIX timers (timer_create(2)) over the kernel's timer queue.
// CPU-time timers are sampled: the queue looks again after half of what is missing, at least a millisecond and at most kLongestSample
// later. So they fire late by a few milliseconds, never early.
#include "sentry/task/process_timers.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "abi/resource.h"
#include "abi/time.h"
#include "sentry/context/machine.h"
#include "sentry/kernel/kernel.h"
#include "sentry/signal/timer_entry.h"
#include "sentry/task/cpu_clock.h"
#include "sentry/task/signal_path.h"

namespace ringwall::task {
namespace {

constexpr int64_t kShortestSample = 1'000'000;
constexpr int64_t kLongestSample = 100'000'000;
// A guest may ask for an interval of one nanosecond; the timer thread does not follow it there.
constexpr int64_t kShortestPeriod = 100'000;
constexpr size_t kMostTimers = 16384;
constexpr int64_t kShortestLimitSample = 5'000'000;

// The next point of RLIMIT_CPU, in nanoseconds of CPU time.
int64_t CpuLimitNs(uint64_t seconds) {
  constexpr uint64_t kNsPerSecond = 1'000'000'000;
  return seconds > static_cast<uint64_t>(time::kNever) / kNsPerSecond ? time::kNever : static_cast<int64_t>(seconds * kNsPerSecond);
}

}  // namespace

// One timer. All but the constants is guarded by the owner's lock.
class ProcessTimer final : public time::Timer {
 public:
  ProcessTimer(Ref<ProcessTimers> owner, ClockRef clock) : owner_(std::move(owner)), clock_(std::move(clock)) {}
  void OnTimer(int64_t deadline_ns) override;

 private:
  friend class ProcessTimers;
  const Ref<ProcessTimers> owner_;
  // CPU clocks count themselves; all others run on CLOCK_MONOTONIC here, absolute times are converted when set.
  // Differs from Linux: an absolute CLOCK_REALTIME timer does not follow when the host's clock is set.
  const ClockRef clock_;
  bool posix_ = false;
  bool cpu_limit_ = false;  // RLIMIT_CPU
  int32_t id_ = -1;
  int32_t notify_ = abi::kSIGEV_SIGNAL;
  int32_t signo_ = 0;
  int32_t tid_ = 0;
  uint64_t value_ = 0;

  int64_t deadline_ns_ = time::kNever;  // of the next expiration, or of the one whose signal waits; kNever: disarmed
  int64_t interval_ns_ = 0;
  bool signal_waits_ = false;    // POSIX: its signal was sent; the next interval starts when the signal is taken
  bool signal_dropped_ = false;  // ... and became ignored while it waited
  int32_t overrun_ = 0;

  int64_t Now() const { return clock_.is_cpu() ? clock_.Now() : time::MonotonicNs(); }
  // Moves the deadline past `now`; the expirations skipped.
  int64_t Forward(int64_t now) {
    if (now < deadline_ns_) return 0;
    const int64_t missed = (now - deadline_ns_) / interval_ns_;
    deadline_ns_ = time::SaturatingAdd(deadline_ns_, (missed + 1) * interval_ns_);
    return missed;
  }
  TimerSetting Left(int64_t now) const {
    if (deadline_ns_ == time::kNever) return {};
    int64_t next = deadline_ns_;
    if (next <= now) {
      if (interval_ns_ == 0) return {.value_ns = notify_ == abi::kSIGEV_NONE ? 0 : 1, .interval_ns = 0};
      next = time::SaturatingAdd(next, ((now - next) / interval_ns_ + 1) * interval_ns_);
    }
    return {.value_ns = next - now, .interval_ns = interval_ns_};
  }
};

// A timer refers to its process's timers and they to it; CancelAll and Delete cut the circle.
class ProcessTimers final : public RefCounted {
 public:
  ProcessTimers(time::TimerQueue& queue, ThreadGroup& group) : queue_(queue), group_(&group) {}

  static Ref<ProcessTimers> Of(Task& task) { return Of(task.kernel(), task.thread_group()); }
  static Ref<ProcessTimers> Of(kernel::Kernel& kernel, ThreadGroup& group) {
    MutexLock lock(group.mu_);
    if (!group.timers_) group.timers_ = MakeRef<ProcessTimers>(kernel.timers(), group);
    return Ref<ProcessTimers>(static_cast<ProcessTimers&>(*group.timers_));
  }
  static RefPtr<ProcessTimers> IfAny(ThreadGroup& group) {
    MutexLock lock(group.mu_);
    return RefPtr<ProcessTimers>::Share(static_cast<ProcessTimers*>(group.timers_.get()));
  }
  static RefPtr<ProcessTimers> TakeFrom(ThreadGroup& group) {
    RefPtr<RefCounted> taken;
    MutexLock lock(group.mu_);
    std::swap(taken, group.timers_);
    return RefPtr<ProcessTimers>::Share(static_cast<ProcessTimers*>(taken.get()));
  }

  Ref<ProcessTimer> Itimer(Task& task, int32_t which);
  RefPtr<ProcessTimer> Find(int32_t id);
  Result<int32_t> Add(Ref<ProcessTimer> timer, uint64_t most);
  Ref<ProcessTimer> Make(ClockRef clock) { return MakeRef<ProcessTimer>(Ref<ProcessTimers>(*this), std::move(clock)); }
  static void Describe(ProcessTimer& timer, const abi::Sigevent& event);

  TimerSetting Get(ProcessTimer& timer);
  TimerSetting Set(ProcessTimer& timer, bool absolute, const TimerSetting& setting);
  int32_t Overrun(ProcessTimer& timer) {
    MutexLock lock(mu_);
    return timer.overrun_;
  }
  Result<void> Delete(int32_t id);
  void DeletePosix();
  void CancelAll();
  void Fire(ProcessTimer& timer);
  bool SignalTaken(ProcessTimer& timer, abi::SigInfo& info);
  void SignalIgnored(int32_t signo, bool ignored);
  void WatchCpuLimit(ThreadGroup& group);

 private:
  void CheckCpuLimit(ProcessTimer& timer, int64_t now);
  void ArmLocked(ProcessTimer& timer, int64_t now, int64_t not_before_ns = 0) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Drop(const std::vector<Ref<ProcessTimer>>& timers);
  void Restart(ProcessTimer& timer);

  time::TimerQueue& queue_;
  Mutex<LockRank::kProcessTimers> mu_;
  ThreadGroup* group_ ABSL_GUARDED_BY(mu_);  // null once the process has ended; it is alive until then
  std::array<RefPtr<ProcessTimer>, 3> itimers_ ABSL_GUARDED_BY(mu_);
  RefPtr<ProcessTimer> cpu_limit_ ABSL_GUARDED_BY(mu_);
  std::map<int32_t, Ref<ProcessTimer>> posix_ ABSL_GUARDED_BY(mu_);
  int32_t next_id_ ABSL_GUARDED_BY(mu_) = 0;
};

void ProcessTimer::OnTimer(int64_t) { owner_->Fire(*this); }

void ProcessTimers::ArmLocked(ProcessTimer& timer, int64_t now, int64_t not_before_ns) {
  if (timer.deadline_ns_ == time::kNever || timer.notify_ == abi::kSIGEV_NONE) {
    queue_.Cancel(timer);
    return;
  }
  int64_t at = timer.deadline_ns_;
  if (timer.clock_.is_cpu()) {
    int64_t sample = std::clamp((timer.deadline_ns_ - now) / 2, kShortestSample, kLongestSample);
    // A limit is far away most of the time: no look before it could be reached with all CPUs.
    if (timer.cpu_limit_) {
      sample = std::max((timer.deadline_ns_ - now) / std::max<int64_t>(machine::CpuCount(), 1), kShortestLimitSample);
    }
    at = time::SaturatingAdd(time::MonotonicNs(), sample);
  }
  queue_.Arm(timer, std::max(at, not_before_ns));
}

void ProcessTimers::WatchCpuLimit(ThreadGroup& group) {
  const abi::Rlimit limit = group.GetLimit(abi::kRLIMIT_CPU);
  const int64_t deadline = CpuLimitNs(std::min(limit.rlim_cur, limit.rlim_max));
  ClockRef clock{.id = abi::kCLOCK_PROCESS_CPUTIME_ID, .which = abi::kCPUCLOCK_PROF, .thread = {}, .process = {}};
  clock.process = RefPtr<ThreadGroup>::Share(&group);
  const Ref<ProcessTimer> fresh = Make(std::move(clock));
  const int64_t now = fresh->Now();
  MutexLock lock(mu_);
  if (group_ == nullptr) return;
  if (!cpu_limit_) {
    if (deadline == time::kNever) return;
    fresh->cpu_limit_ = true;
    cpu_limit_ = fresh;
  }
  cpu_limit_->deadline_ns_ = deadline;
  ArmLocked(*cpu_limit_, now);
}

void ProcessTimers::CheckCpuLimit(ProcessTimer& timer, int64_t now) {
  RefPtr<ThreadGroup> group;
  {
    MutexLock lock(mu_);
    group = RefPtr<ThreadGroup>::Share(group_);
  }
  if (!group) return;
  abi::Rlimit limit = group->GetLimit(abi::kRLIMIT_CPU);
  abi::SigInfo info{};
  info.si_code = abi::kSI_KERNEL;
  if (now >= CpuLimitNs(limit.rlim_max)) {
    info.si_signo = abi::kSIGKILL;
  } else if (now >= CpuLimitNs(limit.rlim_cur)) {
    info.si_signo = abi::kSIGXCPU;
    // Linux raises the limit itself: once more in a second.
    ++limit.rlim_cur;
    group->SetLimit(abi::kRLIMIT_CPU, limit);
  }
  if (info.si_signo != 0) (void)SignalPath::Send(*group, nullptr, info).ok();
  MutexLock lock(mu_);
  if (group_ == nullptr || info.si_signo == abi::kSIGKILL) return;
  timer.deadline_ns_ = CpuLimitNs(std::min(limit.rlim_cur, limit.rlim_max));
  ArmLocked(timer, now);
}

void ProcessTimers::Fire(ProcessTimer& timer) {
  const int64_t now = timer.Now();
  if (timer.cpu_limit_) return CheckCpuLimit(timer, now);
  RefPtr<ThreadGroup> group;
  abi::SigInfo info{};
  int32_t tid = 0;
  {
    MutexLock lock(mu_);
    if (group_ == nullptr || timer.deadline_ns_ == time::kNever || timer.signal_waits_) return;  // disarmed meanwhile, or told already
    if (now < timer.deadline_ns_) {
      ArmLocked(timer, now);
      return;
    }
    group = RefPtr<ThreadGroup>::Share(group_);
    info.si_signo = timer.signo_;
    if (timer.posix_) {
      info.si_code = abi::kSI_TIMER;
      info.pad0_ = signal::kTimerEntryMark;
      info.Set(abi::SigInfo::Timer{.timerid = timer.id_, .overrun = 0, .value = timer.value_});
      if (timer.notify_ == (abi::kSIGEV_SIGNAL | abi::kSIGEV_THREAD_ID)) tid = timer.tid_;
      // overrun_ stays that of the last delivery until this one is taken (timer_getoverrun(2)).
      timer.signal_waits_ = true;
      timer.signal_dropped_ = false;
      if (timer.interval_ns_ == 0) timer.deadline_ns_ = time::kNever;
    } else {
      info.si_code = abi::kSI_KERNEL;
      if (timer.interval_ns_ != 0) {
        timer.Forward(now);
        ArmLocked(timer, now, time::MonotonicNs() + kShortestPeriod);
      } else {
        timer.deadline_ns_ = time::kNever;
      }
    }
  }
  RefPtr<Task> target;
  if (tid != 0) {
    target = group->pids().FindTask(tid);
    if (target && &target->thread_group() != group.get()) target.reset();
    if (!target) return;  // its thread is gone: nobody to tell
  }
  const auto sent = SignalPath::Send(*group, target.get(), info);
  if (timer.posix_ && (!sent.ok() || *sent == SignalPath::Outcome::kIgnored)) Restart(timer);
}

void ProcessTimers::Restart(ProcessTimer& timer) {
  const int64_t now = timer.Now();
  MutexLock lock(mu_);
  if (group_ == nullptr || !timer.signal_waits_) return;
  timer.signal_waits_ = false;
  if (timer.deadline_ns_ == time::kNever) return;  // it expired once
  timer.Forward(now);
  // Nobody sees these expirations: no need to hurry.
  ArmLocked(timer, now, time::MonotonicNs() + kShortestSample);
}

bool ProcessTimers::SignalTaken(ProcessTimer& timer, abi::SigInfo& info) {
  const int64_t now = timer.Now();
  MutexLock lock(mu_);
  if (group_ == nullptr || !timer.signal_waits_) return false;
  timer.signal_waits_ = false;
  if (timer.deadline_ns_ == time::kNever) {
    timer.overrun_ = 0;
    return true;
  }
  timer.overrun_ = static_cast<int32_t>(std::min<int64_t>(timer.Forward(now), INT32_MAX));
  abi::SigInfo::Timer fields = info.timer();
  fields.overrun = timer.overrun_;
  info.Set(fields);
  ArmLocked(timer, now, time::MonotonicNs() + kShortestPeriod / 2);
  return true;
}

void ProcessTimers::SignalIgnored(int32_t signo, bool ignored) {
  std::vector<Ref<ProcessTimer>> resting;
  {
    MutexLock lock(mu_);
    for (auto& [id, timer] : posix_) {
      if (timer->signo_ != signo || !timer->signal_waits_) continue;
      if (!ignored && timer->signal_dropped_) resting.push_back(timer);
      timer->signal_dropped_ = ignored;
    }
  }
  for (const Ref<ProcessTimer>& timer : resting) Restart(*timer);
}

Ref<ProcessTimer> ProcessTimers::Itimer(Task& task, int32_t which) {
  ClockRef clock{.id = abi::kCLOCK_MONOTONIC, .which = abi::kCPUCLOCK_PROF, .thread = {}, .process = {}};
  int32_t signo = abi::kSIGALRM;
  if (which != abi::kITIMER_REAL) {
    clock.process = task.thread_group_ref();
    clock.which = which == abi::kITIMER_VIRTUAL ? abi::kCPUCLOCK_VIRT : abi::kCPUCLOCK_PROF;
    signo = which == abi::kITIMER_VIRTUAL ? abi::kSIGVTALRM : abi::kSIGPROF;
  }
  Ref<ProcessTimer> fresh = Make(std::move(clock));
  fresh->signo_ = signo;
  MutexLock lock(mu_);
  RefPtr<ProcessTimer>& slot = itimers_[static_cast<size_t>(which)];
  if (!slot) slot = fresh;
  return slot.ToRef();
}

RefPtr<ProcessTimer> ProcessTimers::Find(int32_t id) {
  MutexLock lock(mu_);
  auto it = posix_.find(id);
  return it == posix_.end() ? nullptr : RefPtr<ProcessTimer>(it->second);
}

Result<int32_t> ProcessTimers::Add(Ref<ProcessTimer> timer, uint64_t most) {
  MutexLock lock(mu_);
  if (posix_.size() >= most || posix_.size() >= kMostTimers) return Errno::kEAGAIN;
  while (posix_.contains(next_id_)) next_id_ = next_id_ == INT32_MAX ? 0 : next_id_ + 1;
  timer->id_ = next_id_;
  next_id_ = next_id_ == INT32_MAX ? 0 : next_id_ + 1;
  const int32_t id = timer->id_;
  posix_.emplace(id, std::move(timer));
  return id;
}

void ProcessTimers::Describe(ProcessTimer& timer, const abi::Sigevent& event) {
  timer.posix_ = true;
  timer.notify_ = event.notify;
  timer.signo_ = event.signo;
  timer.tid_ = event.tid;
  timer.value_ = event.value;
}

TimerSetting ProcessTimers::Get(ProcessTimer& timer) {
  const int64_t now = timer.Now();
  MutexLock lock(mu_);
  return timer.Left(now);
}

TimerSetting ProcessTimers::Set(ProcessTimer& timer, bool absolute, const TimerSetting& setting) {
  const int64_t now = timer.Now();
  int64_t deadline = time::kNever;
  if (setting.value_ns != 0) {
    int64_t relative = setting.value_ns;
    if (absolute) relative = setting.value_ns - timer.clock_.Now();
    deadline = time::SaturatingAdd(now, relative);
  }
  MutexLock lock(mu_);
  const TimerSetting old = timer.Left(now);
  timer.deadline_ns_ = group_ == nullptr ? time::kNever : deadline;
  timer.interval_ns_ = deadline == time::kNever ? 0 : setting.interval_ns;
  timer.signal_waits_ = false;
  timer.overrun_ = 0;
  ArmLocked(timer, now);
  return old;
}

void ProcessTimers::Drop(const std::vector<Ref<ProcessTimer>>& timers) {
  for (const Ref<ProcessTimer>& timer : timers) {
    {
      MutexLock lock(mu_);
      timer->deadline_ns_ = time::kNever;
      timer->signal_waits_ = false;
    }
    queue_.Cancel(*timer);
  }
}

Result<void> ProcessTimers::Delete(int32_t id) {
  std::vector<Ref<ProcessTimer>> gone;
  {
    MutexLock lock(mu_);
    auto it = posix_.find(id);
    if (it == posix_.end()) return Errno::kEINVAL;
    gone.push_back(std::move(it->second));
    posix_.erase(it);
  }
  Drop(gone);
  return {};
}

void ProcessTimers::DeletePosix() {
  std::vector<Ref<ProcessTimer>> gone;
  {
    MutexLock lock(mu_);
    for (auto& [id, timer] : posix_) gone.push_back(timer);
    posix_.clear();
    next_id_ = 0;
  }
  Drop(gone);
}

void ProcessTimers::CancelAll() {
  std::vector<Ref<ProcessTimer>> gone;
  {
    MutexLock lock(mu_);
    group_ = nullptr;
    for (RefPtr<ProcessTimer>& timer : itimers_) {
      if (timer) gone.push_back(std::move(timer).ToRef());
    }
    if (cpu_limit_) gone.push_back(std::move(cpu_limit_).ToRef());
  }
  Drop(gone);
  DeletePosix();
}

// ---- setitimer(2) ---------------------------------------------------------------------------------------------------------

Result<TimerSetting> GetItimer(Task& task, int32_t which) {
  if (which < 0 || which > abi::kITIMER_PROF) return Errno::kEINVAL;
  const Ref<ProcessTimers> timers = ProcessTimers::Of(task);
  return timers->Get(*timers->Itimer(task, which));
}

Result<TimerSetting> SetItimer(Task& task, int32_t which, const TimerSetting& setting) {
  if (which < 0 || which > abi::kITIMER_PROF) return Errno::kEINVAL;
  const Ref<ProcessTimers> timers = ProcessTimers::Of(task);
  return timers->Set(*timers->Itimer(task, which), /*absolute=*/false, setting);
}

// ---- timer_create(2) ------------------------------------------------------------------------------------------------------

Result<int32_t> CreateTimer(Task& task, int32_t clock_id, const abi::Sigevent* event) {
  ClockRef clock = TRY(FindClock(task, clock_id));
  switch (clock_id) {
    case abi::kCLOCK_MONOTONIC_RAW:
    case abi::kCLOCK_REALTIME_COARSE:
    case abi::kCLOCK_MONOTONIC_COARSE:
    // A sandbox has no alarm clock that could wake the machine.
    case abi::kCLOCK_REALTIME_ALARM:
    case abi::kCLOCK_BOOTTIME_ALARM: return Errno::kEOPNOTSUPP;
    default: break;
  }
  abi::Sigevent wanted{};
  if (event != nullptr) {
    wanted = *event;
    switch (wanted.notify) {
      case abi::kSIGEV_NONE: break;
      case abi::kSIGEV_SIGNAL | abi::kSIGEV_THREAD_ID: {
        wanted.tid = task.ToKernelPid(wanted.tid);
        const RefPtr<Task> target = task.thread_group().pids().FindTask(wanted.tid);
        if (!target || &target->thread_group() != &task.thread_group()) return Errno::kEINVAL;
        [[fallthrough]];
      }
      case abi::kSIGEV_SIGNAL:
      case abi::kSIGEV_THREAD:
        if (!abi::IsValidSignal(wanted.signo)) return Errno::kEINVAL;
        break;
      default: return Errno::kEINVAL;
    }
  } else {
    wanted.notify = abi::kSIGEV_SIGNAL;
    wanted.signo = abi::kSIGALRM;
  }
  const Ref<ProcessTimers> timers = ProcessTimers::Of(task);
  const Ref<ProcessTimer> timer = timers->Make(std::move(clock));
  ProcessTimers::Describe(*timer, wanted);
  const int32_t id = TRY(timers->Add(timer, task.Limit(abi::kRLIMIT_SIGPENDING)));
  if (event == nullptr) {
    // The value defaults to the timer's id (timer_create(2)); nothing is armed yet.
    wanted.value = static_cast<uint32_t>(id);
    ProcessTimers::Describe(*timer, wanted);
  }
  return id;
}

Result<TimerSetting> GetTimer(Task& task, int32_t id) {
  const Ref<ProcessTimers> timers = ProcessTimers::Of(task);
  const RefPtr<ProcessTimer> timer = timers->Find(id);
  if (!timer) return Errno::kEINVAL;
  return timers->Get(*timer);
}

Result<TimerSetting> SetTimer(Task& task, int32_t id, bool absolute, const TimerSetting& setting) {
  const Ref<ProcessTimers> timers = ProcessTimers::Of(task);
  const RefPtr<ProcessTimer> timer = timers->Find(id);
  if (!timer) return Errno::kEINVAL;
  return timers->Set(*timer, absolute, setting);
}

Result<int32_t> GetTimerOverrun(Task& task, int32_t id) {
  const Ref<ProcessTimers> timers = ProcessTimers::Of(task);
  const RefPtr<ProcessTimer> timer = timers->Find(id);
  if (!timer) return Errno::kEINVAL;
  return timers->Overrun(*timer);
}

Result<void> DeleteTimer(Task& task, int32_t id) { return ProcessTimers::Of(task)->Delete(id); }

void WatchCpuLimit(kernel::Kernel& kernel, ThreadGroup& group) {
  if (group.GetLimit(abi::kRLIMIT_CPU).rlim_cur == abi::kRLIM_INFINITY && !ProcessTimers::IfAny(group)) return;
  ProcessTimers::Of(kernel, group)->WatchCpuLimit(group);
}

// ---- life -----------------------------------------------------------------------------------------------------------------

void DeletePosixTimers(ThreadGroup& group) {
  if (const RefPtr<ProcessTimers> timers = ProcessTimers::IfAny(group)) timers->DeletePosix();
}

void CancelProcessTimers(ThreadGroup& group) {
  if (const RefPtr<ProcessTimers> timers = ProcessTimers::TakeFrom(group)) timers->CancelAll();
}

bool OnTimerSignalTaken(ThreadGroup& group, abi::SigInfo& info) {
  info.pad0_ = 0;
  const RefPtr<ProcessTimers> timers = ProcessTimers::IfAny(group);
  if (!timers) return false;
  const RefPtr<ProcessTimer> timer = timers->Find(info.timer().timerid);
  return timer && timers->SignalTaken(*timer, info);
}

void OnSignalIgnored(ThreadGroup& group, int32_t signo, bool ignored) {
  if (const RefPtr<ProcessTimers> timers = ProcessTimers::IfAny(group)) timers->SignalIgnored(signo, ignored);
}

}  // namespace ringwall::task
