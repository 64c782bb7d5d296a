// ThreadGroup: a process (tgid). Sessions and process groups; the family tree. Links are guarded by the PidTable's lock, as Linux's
// tasklist_lock.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <set>
#include <vector>

#include "abi/resource.h"
#include "abi/signal.h"
#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/signal/pending.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::tty {
class Terminal;
}

namespace ringwall::ns {
class PidNamespace;
}

namespace ringwall::ptrace {
class Engine;
}

namespace ringwall::task {

class Task;
class PidTable;

class Session : public RefCounted {
 public:
  explicit Session(int32_t sid) : sid(sid) {}
  const int32_t sid;
  // Controlling terminal; guarded by the PidTable's lock. The tty room keeps the other direction.
  RefPtr<RefCounted> terminal;
};

class ProcessGroup : public RefCounted {
 public:
  ProcessGroup(int32_t pgid, Ref<Session> session) : pgid(pgid), session(std::move(session)) {}
  const int32_t pgid;
  const Ref<Session> session;
};

// Sums that wait4 and getrusage report.
struct Usage {
  uint64_t user_ns = 0, system_ns = 0, max_rss_kib = 0, minor_faults = 0, major_faults = 0, voluntary = 0, involuntary = 0;
  void Add(const Usage& other);
};

class ThreadGroup final : public RefCounted, public wait::Waitable {
 public:
  ThreadGroup(PidTable& pids, Ref<signal::SignalHandlers> handlers);

  int32_t pid() const { return pid_; }  // tgid
  PidTable& pids() const { return pids_; }
  // The pid namespace that it was born in; null is the initial one.
  ns::PidNamespace* pid_ns() const { return pid_ns_.get(); }

  // ---- signals (sentry/task/signals.cc) ----
  // Group-directed (kill): queued once, taken by any thread that does not block it.
  Result<void> SendSignal(const abi::SigInfo& info);
  Ref<signal::SignalHandlers> handlers() const;
  void SetHandlers(Ref<signal::SignalHandlers> handlers);  // CLONE_SIGHAND broken by exec

  // ---- exit and wait ----
  // exit_group(2) or a fatal signal: every thread dies with this status (wait(2) form). The first caller wins.
  void RequestGroupExit(int32_t wait_status);
  bool group_exiting() const { return group_exiting_.load(std::memory_order_acquire); }
  // What wait4(2) callers of this process park on. A caller reads child_events() before it looks at the children, so that no change is
  // missed.
  void NotifyChildChanged();
  uint64_t child_events() const { return child_events_.load(std::memory_order_seq_cst); }
  wait::Waitable& children_waitable() { return children_waitable_; }
  // pidfd readiness: kPOLLIN once the process is a zombie or gone.
  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override { exited_.Add(waiter, mask, exclusive); }
  void RemoveWaiter(wait::Waiter& waiter) override { exited_.Remove(waiter); }

  // ---- limits ----
  abi::Rlimit GetLimit(int resource) const;
  void SetLimit(int resource, abi::Rlimit limit);

  // ---- job control: all under the PidTable's lock ----
  struct Family {
    ThreadGroup* parent = nullptr;        // null for init
    const Task* parent_thread = nullptr;  // the thread of `parent` that made this process, or its heir (__WNOTHREAD); never followed
    std::set<ThreadGroup*> children;
    RefPtr<ProcessGroup> group;
    std::vector<Task*> threads;  // live threads, leader first while it lives
    Task* leader = nullptr;
    Task* exec_task = nullptr;  // the thread that waits in execve for the others to end
    bool child_subreaper = false;
    bool execed = false;  // setpgid(2): EACCES after exec
    // Exit and stop state as wait(2) reports it.
    bool zombie = false;
    int32_t wait_status = 0;
    bool stopped = false, stop_reported = false, continued_unreported = false;
    int32_t stop_signal = 0;
    Usage dead_threads{};  // of threads that have ended
    Usage reaped_children{};
  };

 private:
  friend class PidTable;
  friend class Task;
  friend class ExitPath;
  friend class TaskBuilder;
  friend class ExecSwap;
  friend class SignalPath;
  friend class SigLock;
  friend class ProcessTimers;
  friend class ptrace::Engine;
  ~ThreadGroup() override;

  PidTable& pids_;
  int32_t pid_ = 0;
  RefPtr<ns::PidNamespace> pid_ns_;  // set before it is published
  Family family_;                    // guarded by PidTable::mu()

  mutable Mutex<LockRank::kThreadGroup> mu_;
  Ref<signal::SignalHandlers> handlers_ ABSL_GUARDED_BY(mu_);
  // handlers_.get(); changes under mu_ and the old one's lock, so that SigLock can tell whether the lock it took is still the right one.
  std::atomic<signal::SignalHandlers*> siglock_;
  RefPtr<RefCounted> timers_ ABSL_GUARDED_BY(mu_);  // ProcessTimers, made when first used
  mutable Mutex<LockRank::kLimits> limits_mu_;
  std::array<abi::Rlimit, 16> limits_ ABSL_GUARDED_BY(limits_mu_);

  signal::PendingSet pending_;  // guarded by handlers()->mu (the siglock)
  std::atomic<bool> group_exiting_{false};
  std::atomic<int32_t> group_exit_status_{0};
  // Stop request in progress: threads park in the stopped state when they see it. Guarded by the siglock.
  std::atomic<bool> stop_pending_{false};  // read without the lock as a hint
  int32_t stop_signal_ = 0;
  bool stop_dequeued_ = false;  // a stop signal was taken and no SIGCONT came since
  // pid 1 only: a fault of its own has taken away its protection from default actions, or it was started without.
  std::atomic<bool> init_unprotected_{false};
  class ChildrenWaitable final : public wait::Waitable {
   public:
    wait::EventMask Readiness(wait::EventMask) override { return 0; }
    void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override { queue.Add(waiter, mask, exclusive); }
    void RemoveWaiter(wait::Waiter& waiter) override { queue.Remove(waiter); }
    wait::WaitQueue queue;
  };
  ChildrenWaitable children_waitable_;
  std::atomic<uint64_t> child_events_{0};
  wait::WaitQueue exited_;
};

// All tids, tgids, pgids and sids of the sandbox's pid namespace.
class PidTable {
 public:
  PidTable();
  ~PidTable();
  static constexpr int32_t kMaxPid = 32768;  // kernel.pid_max default
  Mutex<LockRank::kPidTable>& mu() ABSL_LOCK_RETURNED(mu_) { return mu_; }

  // EAGAIN when none is free or RLIMIT_NPROC/task limit is hit. Released by the exit path.
  // The number is the initial namespace's; in `born` and the namespaces between it gets further ones. ENOMEM when the namespace's init has
  // ended (pid_namespaces(7)). `wanted`: clone3(2)'s set_tid, innermost first; EEXIST, EINVAL.
  Result<int32_t> Allocate(ns::PidNamespace* born = nullptr, absl::Span<const int32_t> wanted = {});
  void Release(int32_t id);
  // ---- pid namespaces: null is the initial one ----
  // The number that `ns` knows a kernel id by, 0 when it does not; and back: kMaxPid, which nobody has, when it does not.
  int32_t ToGuest(const ns::PidNamespace* ns, int32_t id);
  int32_t ToGuestLocked(const ns::PidNamespace* ns, int32_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int32_t ToKernel(const ns::PidNamespace* ns, int32_t guest_id);
  int32_t ToKernelLocked(const ns::PidNamespace* ns, int32_t guest_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Its numbers from `ns` inwards (NSpid of proc_pid_status(5)).
  std::vector<int32_t> NumbersFrom(const ns::PidNamespace* ns, int32_t id);
  // The reaper of orphans in `ns`: its pid 1, null when that has gone.
  ThreadGroup* InitOfLocked(const ns::PidNamespace* ns) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether `group` is pid 1 of its namespace.
  static bool IsInit(const ThreadGroup& group);
  // The init of a namespace ends: nobody is born there any more; returns the others in it and below.
  std::vector<Ref<ThreadGroup>> CloseNamespace(ThreadGroup& init);
  bool IsClosedLocked(const ns::PidNamespace* ns) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // For the init of a nested namespace: whether others are left in it, so that its end (with `status`) has to wait; and, after a process of
  // `ns` has been reaped, the inits whose end need wait no more.
  bool DeferEndOfInit(ThreadGroup& init, int32_t status);
  struct EndedInit {
    Ref<ThreadGroup> init;
    int32_t status;
  };
  std::vector<EndedInit> TakeEndedInits(ns::PidNamespace* ns);
  RefPtr<Task> FindTask(int32_t tid);
  RefPtr<ThreadGroup> FindGroup(int32_t pid);
  std::vector<Ref<ThreadGroup>> AllGroups();  // sorted by pid
  std::vector<Ref<Task>> ThreadsOf(ThreadGroup& group);
  std::vector<Ref<ThreadGroup>> MembersOf(int32_t pgid);

  ThreadGroup::Family& FamilyOf(ThreadGroup& group) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return group.family_; }
  // For callers that hold mu(): nothing is referenced, the pointers are good until it is released.
  ThreadGroup* FindGroupLocked(int32_t pid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  ThreadGroup* FindGroupOrThreadLocked(int32_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  RefPtr<ProcessGroup> FindProcessGroupLocked(int32_t pgid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  RefPtr<Session> FindSessionLocked(int32_t sid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // After a process left a group or session: frees their numbers when nobody bears them any more.
  void DropStaleIdsLocked(int32_t pgid, int32_t sid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  size_t task_count() const { return task_count_.load(std::memory_order_relaxed); }
  void SetTaskLimit(size_t limit) { task_limit_ = limit; }

 private:
  friend class TaskBuilder;
  friend class ExecSwap;
  friend class ExitPath;
  friend class ptrace::Engine;
  void ReleaseLocked(int32_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Mutex<LockRank::kPidTable> mu_;
  absl::flat_hash_map<int32_t, Task*> tasks_ ABSL_GUARDED_BY(mu_);          // each holds one reference
  absl::flat_hash_map<int32_t, ThreadGroup*> groups_ ABSL_GUARDED_BY(mu_);  // each holds one reference, zombies included
  std::set<int32_t> used_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<int32_t, Ref<ns::PidNamespace>> nested_ ABSL_GUARDED_BY(mu_);  // ids that are in more than the initial namespace
  void FreeIdLocked(int32_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  int32_t last_ ABSL_GUARDED_BY(mu_) = 0;
  std::atomic<size_t> task_count_{0};
  size_t task_limit_ = 30000;
};

}  // namespace ringwall::task
