// Task: one guest thread. It is the platform's event sink (run_loop.cc), the Context of the lower rooms, and a timer (its park deadline).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "abi/fd.h"
#include "abi/signal.h"
#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "platform/platform.h"
#include "sentry/context/context.h"
#include "sentry/mm/user_memory.h"
#include "sentry/task/call_state.h"
#include "sentry/task/syscall_table.h"
#include "sentry/time/clock.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall {
namespace kernel {
class Kernel;
}
namespace mm {
class MemoryManager;
struct MemoryLimits;
}  // namespace mm
namespace vfs {
class File;
class FdTable;
class FsContext;
struct WalkStart;
}  // namespace vfs
namespace ns {
class Namespaces;
}
namespace signal {
class SignalHandlers;
class PendingSet;
}  // namespace signal
namespace seccomp {
class Listener;
class TaskSeccomp;
}  // namespace seccomp
namespace ptrace {
class Engine;
class TaskPtrace;
}  // namespace ptrace
}  // namespace ringwall

namespace ringwall::task {

class ThreadGroup;
struct CloneRequest;

// One thing to wait on.
struct ParkOn {
  wait::Waitable* object;
  wait::EventMask mask;
  RefPtr<RefCounted> keep_alive;  // keeps `object` alive while parked
};

class Task final : public time::Timer, public platform::EventSink, public Context {
 public:
  // ---- identity ----
  kernel::Kernel& kernel() const { return kernel_; }
  ThreadGroup& thread_group() const { return *thread_group_; }
  const Ref<ThreadGroup>& thread_group_ref() const { return thread_group_; }
  int32_t tid() const { return tid_.load(std::memory_order_relaxed); }  // changes once, when a non-leader execs
  std::string comm() const;                                             // at most 15 bytes
  void SetComm(std::string_view name);

  // ---- the parts a thread may share. Own thread: these accessors. Other threads: the Share* ones (null once the task has exited). ----
  mm::MemoryManager& mm() const { return *mm_; }
  vfs::FdTable& fds() const { return *fds_; }
  vfs::FsContext& fs() const { return *fs_; }
  RefPtr<mm::MemoryManager> ShareMm() const;
  RefPtr<vfs::FdTable> ShareFds() const;
  RefPtr<vfs::FsContext> ShareFs() const;
  RefPtr<const cred::Credentials> ShareCreds() const;
  void SetMm(RefPtr<mm::MemoryManager> mm);
  void SetFds(Ref<vfs::FdTable> fds);
  void SetFs(Ref<vfs::FsContext> fs);
  void SetCreds(Ref<const cred::Credentials> creds);
  // uts, ipc, net, cgroup, time, and where children are born (sentry/ns/namespaces.h).
  const ns::Namespaces& namespaces() const { return *namespaces_; }
  RefPtr<const ns::Namespaces> ShareNamespaces() const;
  void SetNamespaces(Ref<const ns::Namespaces> namespaces);
  // Numbers of processes, threads, groups and sessions between the kernel's (tid(), tgid(), ...) and those of this task's pid namespace:
  // every number that a guest gives or gets goes through here. For one that is not known there, 0; and back, a number that nobody
  // has. 0 and below stay what they are.
  int32_t ToGuestPid(int32_t kernel_id) const;
  int32_t ToKernelPid(int32_t guest_id) const;
  platform::GuestThread& thread() const { return *thread_; }
  arch::Registers& regs() const { return thread_->regs(); }

  // ---- Context ----
  const cred::Credentials& creds() const override { return *creds_; }
  mm::UserMemory& memory() override { return memory_; }
  abi::Timespec Now() const override;
  bool SignalPending() const override;  // a signal that is not blocked, or a stop/exit request: a blocked call gives up
  int32_t tgid() const override;
  uint64_t FileSizeLimit() const override;
  Task* AsTask() override { return this; }
  cred::Namespace* net_ns() override;
  cred::Namespace* ipc_ns() override;

  // ---- conveniences for handlers ----
  uint64_t Limit(int resource) const;  // RLIMIT_*: soft value
  mm::MemoryLimits MemoryLimits() const;
  // Start of a path walk for (dirfd, path): EBADF, ENOTDIR. Holds what it needs by reference: keep it in a local.
  struct PathStart;
  Result<std::unique_ptr<PathStart>> StartOf(abi::Fd dirfd, std::string_view path);

  // ---- parking: the only way to wait ----
  // Ends the handler's run. Usage: `return task.Park(...)`. The call is run again from its registers when one of `what` may be ready,
  // Wake() was called, or the deadline (absolute monotonic ns) passed: the handler looks for itself. When a signal is pending, gives
  // `when_interrupted` (kRestartSys, kRestartNoHand, kRestartBlock or kEINTR) instead of parking; so the handler finishes partial work
  // before it returns Park.
  Errno Park(absl::Span<const ParkOn> what, int64_t deadline_ns, Errno when_interrupted);
  Errno ParkOnFile(vfs::File& file, wait::EventMask mask, Errno when_interrupted = Errno::kRestartSys, int64_t deadline_ns = time::kNever);
  // Waits for Wake() (futex, wait4, sigsuspend) or the deadline only.
  Errno ParkUntilWoken(int64_t deadline_ns, Errno when_interrupted);
  // Waits for Wake() whatever signals come, short of the task's own end (vfork(2)'s parent).
  Errno ParkUnlessExiting();
  Errno ParkIgnoringSignals(absl::Span<const ParkOn> what, int64_t deadline_ns);  // the same with things to wait on
  // wait4(2): until the process's child_events() differs from `seen`.
  Errno ParkOnChildren(uint64_t seen, Errno when_interrupted);
  // Any thread, under locks below kReady. Makes a parked task run its call again; a task about to park sees it and does not sleep.
  void Wake();
  // The absolute deadline of this call: now + relative_ns at its first run, the same value at every further run. Negative = never.
  int64_t DeadlineAfter(int64_t relative_ns);
  bool DeadlinePassed() const;
  // True from the second run of the current call on.
  bool IsRerun() const { return rerun_; }
  // Typed state of the current call: null until made. Dropped when the call ends.
  template <typename T>
  T* call_state() const {
    return call_state_ != nullptr && call_state_->tag() == T::Tag() ? static_cast<T*>(call_state_.get()) : nullptr;
  }
  template <typename T, typename... Args>
  T& MakeCallState(Args&&... args) {
    auto state = std::make_unique<T>(std::forward<Args>(args)...);
    T& ref = *state;
    call_state_ = std::move(state);
    return ref;
  }
  // For kRestartBlock: what restart_syscall(2) runs when no handler ran. Reads the state it needs from restart_data.
  using RestartFn = Result<int64_t> (*)(Task&);
  void SetRestart(RestartFn fn) { restart_fn_ = fn; }
  RestartFn restart_fn() const { return restart_fn_; }
  // The deadline and arguments that survive into restart_syscall.
  struct RestartData {
    int64_t deadline_ns = 0;
    uint64_t args[6] = {};
  } restart_data;
  // A handler that would block in the host for long calls this first: kRunOnWorker (run me again on a helper thread) or success.
  Result<void> MayBlockInHost();

  // ---- signals (task/signals.cc) ----
  // To this thread (tgkill, faults). SendToGroup is on ThreadGroup. The sender's permission has been checked.
  Result<void> SendSignal(const abi::SigInfo& info);
  // A fault of the current instruction: cannot be blocked or ignored (force_sig).
  void ForceSignal(const abi::SigInfo& info);
  abi::SigSet signal_mask() const { return blocked_.load(std::memory_order_relaxed); }
  void SetSignalMask(abi::SigSet mask);
  // sigsuspend, ppoll, pselect, epoll_pwait: the mask for the duration of the call; the old one comes back when the call ends, after a
  // handler has been set up if a signal interrupted it. Idempotent over re-runs.
  void SetTemporaryMask(abi::SigSet mask);
  bool HasPending(abi::SigSet set) const;  // thread's and group's, blocked or not; a hint
  abi::SigSet PendingSignals() const;      // thread's and group's, blocked ones (sigpending)
  // Dequeues a signal of `set` for sigtimedwait and signalfd; signo 0 when none.
  abi::SigInfo TakeSignal(abi::SigSet set);
  // Wakes when a signal of any kind arrives: signalfd and sigtimedwait wait here.
  wait::WaitQueue& signal_queue() { return signal_arrived_; }
  abi::StackT alt_stack{};  // task thread only; ss_flags SS_DISABLE when none
  // rt_sigreturn(2): restores registers, mask and FPU state from the frame; a bad frame is SIGSEGV.
  Result<void> SignalReturn();

  // ---- life (task/exit.cc, clone.cc, exec.cc) ----
  // exit(2): the thread ends when its handler has returned. `status` in wait(2) form.
  void RequestExit(int32_t wait_status);
  bool exiting() const { return exit_requested_.load(std::memory_order_acquire); }
  // set_tid_address(2) / CLONE_CHILD_CLEARTID; set_robust_list(2). Task thread only.
  uint64_t clear_child_tid = 0;
  uint64_t robust_list_head = 0;
  RefPtr<RefCounted> sem_undo;  // semop(2), SEM_UNDO: an ipc::UndoList, shared with CLONE_SYSVSEM
  // PR_SET_PDEATHSIG, nice value, scheduling values, timer slack, personality, no-new-privs is in creds. Task thread only.
  int32_t parent_death_signal = 0;
  uint32_t persona = 0;                 // personality(2)
  std::atomic<int32_t> io_priority{0};  // ioprio_set(2)
  int32_t exit_signal = 0;              // what the parent gets when the group leader dies (clone's low byte)
  struct Scheduling {
    int32_t policy = 0;
    int32_t priority = 0;
    int32_t nice = 0;
    uint64_t affinity = ~uint64_t{0};
    uint64_t timer_slack_ns = 50'000;
  };
  Scheduling scheduling() const;
  void SetScheduling(const Scheduling& s);

  // ---- seccomp(2), ptrace(2): sentry/seccomp, sentry/ptrace ----
  seccomp::TaskSeccomp& seccomp() const { return *seccomp_; }
  ptrace::TaskPtrace& ptrace() const { return *ptrace_; }
  // Why this task's calls leave the straight way through the run loop. Zero for nearly all tasks: one look per call.
  static constexpr uint32_t kWorkFilter = 1, kWorkTraced = 2, kWorkStepping = 4, kWorkBarrier = 8;
  uint32_t call_work() const { return call_work_.load(std::memory_order_relaxed); }
  void AddCallWork(uint32_t bits);
  void DropCallWork(uint32_t bits) { call_work_.fetch_and(~bits, std::memory_order_seq_cst); }
  // Results that the platform gives by itself (GuestThread::Remember) are wrong from now on. Under any lock that Kick() may be called
  // under.
  void ForgetAnswers();
  // membarrier(2): sends the task through the run loop when it runs guest code now. False when it does not; else passes() changes once it
  // was here, and those who wait on signal_queue() for POLLMSG are told.
  bool SendThroughRunLoop();
  uint64_t passes() const { return passes_.load(std::memory_order_seq_cst); }

  // ---- platform::EventSink (run_loop.cc) ----
  platform::Verdict OnEvent(platform::GuestThread& thread, const platform::Event& event) override;
  // Starts a task whose guest thread is parked at its first instruction.
  void Start();
  // Makes the task notice signals/stop/exit: wakes it when parked, interrupts it when it runs guest code. Any thread.
  void Kick();

  // ---- time::Timer: the park deadline ----
  void OnTimer(int64_t deadline_ns) override;

  // ---- accounting and debugging ----
  uint64_t UserTimeNs() const;
  // The time that workers spent in this task's events.
  uint64_t SystemTimeNs() const { return system_ns_.load(std::memory_order_relaxed); }
  int64_t start_time_ns() const { return start_ns_; }
  // 'R', 'S', 'T', 'Z', 'X' as /proc shows it.
  char StateLetter() const;
  // Number of the system call being handled or parked in; -1 in guest code. For --tasks and /proc/PID/syscall.
  int32_t current_syscall() const { return current_syscall_.load(std::memory_order_relaxed); }

  // The parent that waits in vfork for this task, while it does.
  const Task* vfork_parent() const;

  // Made by kernel (init) and clone only.
  Task(kernel::Kernel& kernel, Ref<ThreadGroup> group, int32_t tid);

 private:
  friend class TaskBuilder;  // clone.cc, kernel: sets the parts of a new task
  friend class ExecSwap;     // exec.cc: replaces thread, mm
  friend class ThreadGroup;  // membership and group-wide stop/exit
  friend class ExitPath;     // exit.cc
  friend class SignalPath;   // send.cc, stop.cc: pending signals and group stops
  friend class ptrace::Engine;

  ~Task() override;

  // run_loop.cc
  // kRunning: a worker handles an event, or the task waits on a ready list for one.
  enum class RunState : uint8_t { kNew, kRunning, kGuest, kParked, kStopped, kDead };
  friend class BlockingPool;
  platform::Verdict HandleEvent(const platform::Event& event);
  // A stop among rewritten calls (mm/call_sites.h): true when *verdict is the answer. Otherwise the event is the guest's, where it would be
  // without them.
  bool ResolveRewrittenCall(const platform::Event& event, platform::Verdict* verdict);
  void LeaveTrampoline();
  platform::Verdict RunSyscall();
  platform::Verdict RunReady();
  void Remember(uint64_t number, int64_t result, uint32_t epoch);
  platform::Verdict RunHandler();
  // trace_path.cc: calls of traced and filtered tasks.
  uint64_t CountSystemTime(uint64_t began);
  void NotePass();
  void PrepareSteps();
  platform::Verdict EnterCall();
  platform::Verdict AnswerCall(uint64_t value);
  platform::Verdict AskListener(seccomp::Listener& listener, bool killable);
  platform::Verdict FilterCall(bool after_trace_stop);
  platform::Verdict FinishCall(const CallOutcome& outcome);
  platform::Verdict LeaveCall();
  void ShowRestart();
  void HideRestart();
  platform::Verdict StopForPendingEvent(const CallOutcome* outcome);
  platform::Verdict ParkInStop();
  platform::Verdict AfterStop();
  bool StopForExit();
  void RunOnBlockingThread();
  void Answer(platform::Verdict verdict);  // for tasks whose event is not the platform's current one
  void Enqueue();                          // kRunning: hands the task to a worker
  void FinishSyscall(const CallOutcome& outcome);
  platform::Verdict PrepareToReturn();
  bool jumped_ = false;  // the call set the registers: rip may lie among the bytes of a rewritten one
  bool CommitPark();
  void ClearPark();
  void HandleFault(const platform::Event& event);
  // signals.cc
  // Takes and acts on pending signals; resolves restart_code_ and the saved mask. kLookAgain: exit was requested or state changed.
  // kTraced: in a ptrace-stop.
  enum class Delivery : uint8_t { kContinue, kLookAgain, kStop, kTraced };
  Delivery DeliverSignals();
  Delivery EnterGroupStop();
  void SetUpHandler(const abi::SigInfo& info, const abi::SigAction& action);
  void ResolveRestart(bool handler_runs, bool sa_restart);

  kernel::Kernel& kernel_;
  const Ref<ThreadGroup> thread_group_;
  std::atomic<int32_t> tid_;
  const int64_t start_ns_;

  // Written by the own thread under mu_; read by the own thread without it, by others under it.
  mutable Mutex<LockRank::kTask> mu_;
  RefPtr<mm::MemoryManager> mm_;
  RefPtr<vfs::FdTable> fds_;
  RefPtr<vfs::FsContext> fs_;
  RefPtr<const cred::Credentials> creds_;
  RefPtr<const ns::Namespaces> namespaces_;
  std::unique_ptr<platform::GuestThread> thread_;      // replaced by exec; Kick() uses it under mu_
  std::unique_ptr<platform::GuestThread> old_thread_;  // execve: the one left behind, until its event ends (task thread only)
  bool swapped_ = false;                               // task thread only
  RefPtr<Task> vfork_parent_ ABSL_GUARDED_BY(mu_);
  std::string comm_ ABSL_GUARDED_BY(mu_);
  Scheduling scheduling_ ABSL_GUARDED_BY(mu_);

  // Task thread only.
  mm::UserMemory memory_;
  std::unique_ptr<CallState> call_state_;
  int64_t call_deadline_ns_ = time::kNever;
  bool call_deadline_set_ = false;
  bool rerun_ = false;
  RestartFn restart_fn_ = nullptr;
  Errno restart_code_{};  // of the call that just ended, until signals are delivered
  uint64_t restart_number_ = 0;
  uint64_t fault_trap_number_ = 0, fault_error_code_ = 0, fault_address_ = 0;  // of the last fault, for the signal frame
  bool saved_mask_valid_ = false;
  abi::SigSet saved_mask_ = 0;

  // Park state: task thread only, except what is atomic.
  class ParkWaiter final : public wait::Waiter {
   public:
    explicit ParkWaiter(Task& task) : task_(task) {}
    void OnEvent(wait::EventMask) override { task_.Wake(); }

   private:
    Task& task_;
  };
  struct ParkEntry {
    ParkOn on;
    std::unique_ptr<ParkWaiter> waiter;
  };
  absl::InlinedVector<ParkEntry, 2> park_entries_;
  int64_t park_deadline_ns_ = time::kNever;
  bool park_ignores_signals_ = false;
  bool park_on_children_ = false;
  uint64_t children_seen_ = 0;
  std::atomic<RunState> run_state_{RunState::kNew};
  std::atomic<bool> woken_{false};

  // Signals. blocked_ is written by the own thread only, under the siglock; pending_ is guarded by the siglock (SignalHandlers::mu).
  std::atomic<abi::SigSet> blocked_{0};
  std::unique_ptr<signal::PendingSet> pending_;
  bool in_group_stop_ = false;  // has answered the group's stop request; guarded by the siglock
  wait::WaitQueue signal_arrived_;
  // Set (any thread) when SignalPending() may have become true, so that the hot path looks at one word. A new task looks once: a signal or
  // stop for its group may have come before it existed.
  mutable std::atomic<bool> attention_{true};

  std::atomic<bool> exit_requested_{false};
  std::atomic<int32_t> exit_status_{0};
  std::atomic<int32_t> current_syscall_{-1};
  std::atomic<uint64_t> system_ns_{0};
  std::atomic<uint64_t> dead_user_ns_{0};  // CPU time of guest threads left behind by exec

  std::atomic<uint32_t> call_work_{0};
  std::atomic<uint32_t> answers_epoch_{0};  // counts ForgetAnswers()
  std::atomic<uint64_t> passes_{0};
  const std::unique_ptr<seccomp::TaskSeccomp> seccomp_;
  const std::unique_ptr<ptrace::TaskPtrace> ptrace_;
};

}  // namespace ringwall::task
