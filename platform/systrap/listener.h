// Listener: the seccomp notifications of one exec'd process and what was forked from it, and the conversation with their threads.
//
// At most one thread receives at a time (all waiters of a listener wake on each notification). Whoever waits for something of this listener
// (its worker for the next event, anybody for the end of operations) receives if nobody does, and sleeps otherwise; so a worker that is
// busy in a handler never keeps another from finishing its operations.
//
// Locks: mu_ (LockRank::kPlatform) guards the listener and the conversations of all its threads; nothing is locked under it.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "base/fd/unique_fd.h"
#include "base/sync/condition.h"
#include "base/sync/mutex.h"
#include "platform/systrap/stub_thread.h"

struct seccomp_notif;  // linux/seccomp.h

namespace ringwall::platform::systrap {

class Core;

class Listener : public RefCounted {
 public:
  Listener(Core& core, UniqueFd fd) : core_(core), fd_(std::move(fd)) {}

  // ---- threads ----
  void Add(Ref<StubThread> thread);
  // The guest thread is gone (facade destroyed, kExit answered).
  void EndThread(StubThread& thread);
  // The host process is gone: its threads are dead, waiters hear of it. With the last the worker ends.
  void ProcessDied(int32_t pid);
  // A child may have died before it registered.
  void CheckBirth();

  void Resume(StubThread& thread);
  void Post(StubThread& thread);
  // True: the thread has not answered an earlier one for long. Then Unheard(), which ends its process if it has computed all the time.
  bool Interrupt(StubThread& thread);
  void Unheard(StubThread& thread, uint64_t cpu_ns);

  // ---- work in a stopped thread ----
  struct OpsResult {
    uint32_t done = 0;  // that succeeded
    int64_t value = 0;  // result of the last one that ran: a claim of the stub's
    bool dead = false;
  };
  // Runs operations in a stopped thread and waits. At most kMaxOps.
  OpsResult RunOps(StubThread& thread, absl::Span<const Op> ops);
  // Leaves an operation for later: the next RunOps(), or the thread's way back to guest code. False: run it now. Only without other threads
  // in the address space, whose operations could overtake it.
  // `pin`: the number of the file that it maps, or -1; released when it is done.
  bool Defer(StubThread& thread, const Op& op, int pin);
  // The same for a copy to guest memory, also with other threads. False: no room.
  bool DeferCopy(StubThread& thread, uint64_t address, absl::Span<const std::byte> from);
  // What was left for later in this address space is done when this returns.
  void Flush(SystrapAddressSpace& space);
  // The vector registers are in the frame when this returns, unless the thread is dead. It is stopped.
  void SaveFp(StubThread& thread);
  // The same, with a child: `child` is in the listener when this returns true, and stopped. `ops` end in a kOpClone.
  bool RunBirth(StubThread& creator, absl::Span<const Op> ops, Ref<StubThread> child, OpsResult* result);
  // The thread of this process whose context a child would inherit, or null: only the first of a forked process can be one.
  RefPtr<StubThread> Unsealed(SystrapAddressSpace& space);
  void Sealed(StubThread& thread);
  // Waits for the first request of a blank stub's thread. False: it died.
  bool WaitBorn(StubThread& thread);

  // A stopped thread of `space` for remote work: `via`, or any, or one that is stopped for it. Null when all are dead.
  RefPtr<StubThread> Borrow(SystrapAddressSpace& space, StubThread* via);
  void PutBack(StubThread& thread);
  // Is there one that is stopped anyway?
  RefPtr<StubThread> AnyStopped(SystrapAddressSpace& space);

  // ---- workers ----
  // Receives and dispatches until all processes are gone.
  void Work();
  // One event of a thread in state kInEvent, and what follows from its verdict. No locks held.
  void Dispatch(StubThread& thread, Event event);

  Mutex<LockRank::kPlatform>& mu() ABSL_LOCK_RETURNED(mu_) { return mu_; }

 private:
  struct Waiting {
    Ref<StubThread> thread;
    Event event;
  };
  // What is to be done when the lock is dropped.
  struct After {
    uint64_t answer = 0;    // notification to be answered
    bool carry_on = false;  // ... by letting the host execute the call
    bool start_worker = false;
    const Event* dispatch = nullptr;  // for the platform's own thread: the worker may be in the host
    bool add_process = false;
    bool retire_slot = false;
  };
  void Do(const After& after, StubThread& thread);

  // Until ready(): receives, or sleeps while somebody else does.
  void Wait(absl::FunctionRef<bool()> ready) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReceiveOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  After Handle(const seccomp_notif& notification, RefPtr<StubThread>* whose) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  After TakeRequest(StubThread& thread, uint32_t number, uint64_t id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  After TakeEvent(StubThread& thread, uint32_t request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The stub did what it was not asked to: its process dies.
  void Violation(int32_t pid, const char* what);
  bool Approve(StubThread& thread, const seccomp_notif& notification) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool ApproveBirth(const seccomp_notif& notification) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  friend class StubThread;
  void ReleasePins(StubThread& thread);
  uint64_t AnswerLocked(StubThread& thread, uint32_t command) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Writes `ops` into the context and answers; the notification as in AnswerLocked().
  uint64_t StartOps(StubThread& thread, uint32_t command) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  After ResumeLocked(StubThread& thread) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What was to go on while somebody had operations running in it.
  After ResumeHeldBackLocked(StubThread& thread) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  OpsResult ResultOfOps(StubThread& thread, size_t before, size_t count) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  After EndLocked(StubThread& thread) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What was left for later is to be done now.
  static std::vector<Op> TakeDeferred(StubThread& thread);
  // The only way into and out of kRunning: the platform counts the threads that run.
  void Enter(StubThread& thread, RunState state) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // ---- polling (polling.cc) ----
  // The thread was just told to go on: is it worth looking for its next request instead of sleeping?
  void ConsiderPolling(StubThread& thread) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Looks for the hot thread's next request for a while. False: sleep.
  bool Poll(StubThread& thread, uint32_t handled);
  // A request came: how long after the answer before it?
  static void MeasureGap(StubThread& thread);
  // The calling thread begins or ends being this listener's worker.
  void Serve(bool begin);
  bool ServedHere() const;
  void MoveBack();
  void StopPolling() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Readable() const;
  // No process is left that could ask (Linux 6.11 and later tell).
  bool HungUp() const;

  void NotifyWaiters() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Gets the receiving thread out of the host. Drops the lock meanwhile.
  void Kick() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Core& core_;
  const UniqueFd fd_;
  Mutex<LockRank::kPlatform> mu_;
  CondVar<LockRank::kPlatform> changed_;
  absl::flat_hash_map<int32_t, Ref<StubThread>> threads_ ABSL_GUARDED_BY(mu_);  // by host thread id
  absl::flat_hash_map<int32_t, Ref<StubThread>> leaving_ ABSL_GUARDED_BY(mu_);  // told to exit, perhaps with a notification to come
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mu_);                            // events for the worker
  RefPtr<StubThread> birth_ ABSL_GUARDED_BY(mu_);                               // the child that one approved clone is making
  bool birth_thread_ ABSL_GUARDED_BY(mu_) = false;
  bool birth_failed_ ABSL_GUARDED_BY(mu_) = false;
  RefPtr<StubThread> hot_ ABSL_GUARDED_BY(mu_);  // whose requests come fast: its stub knows that we look for the next one
  uint32_t polled_in_a_row_ ABSL_GUARDED_BY(mu_) = 0;
  bool receive_first_ ABSL_GUARDED_BY(mu_) = false;  // the hot thread sleeps in a notification that has its answer already
  bool receiving_ ABSL_GUARDED_BY(mu_) = false;
  int32_t receiver_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t receptions_ ABSL_GUARDED_BY(mu_) = 0;
  int waits_ ABSL_GUARDED_BY(mu_) = 0;  // threads that wait for something else than the next event
  int sleepers_ ABSL_GUARDED_BY(mu_) = 0;
  int processes_ ABSL_GUARDED_BY(mu_) = 0;
  bool closing_ ABSL_GUARDED_BY(mu_) = false;
  bool hung_up_ ABSL_GUARDED_BY(mu_) = false;
  std::atomic<bool> has_worker_{false};
  // The worker's own.
  bool moved_ = false;      // it has left some CPU
  bool woke_here_ = false;  // it woke a stub, which is on its CPU now
};

}  // namespace ringwall::platform::systrap
