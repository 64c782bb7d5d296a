// Tracer: the one host thread that may ptrace. It waits for stops, calls the sinks, and does all remote work; other threads reach it
// through an inbox and the doorbell.
//
// Locks: inbox_mu_ (LockRank::kPlatform) guards the inbox only and is a leaf; everything else belongs to the tracer thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "base/sync/mutex.h"
#include "base/sync/notification.h"
#include "platform/platform.h"
#include "platform/ptrace/placement.h"
#include "platform/ptrace/stub_call.h"
#include "platform/ptrace/tracee.h"
#include "platform/ptrace/wait_status.h"
#include "platform/ptrace/zygote.h"

namespace ringwall::platform::ptrace {

class Tracer : public RefCounted {
 public:
  Tracer(UniqueFd proc_fd, int cpu) : proc_fd_(std::move(proc_fd)), cpu_(cpu), caller_(memory_), zygote_(memory_, caller_) {}

  // The calling thread becomes the tracer.
  Result<void> Start(std::string* why);
  bool OnTracer() const;
  void Run();
  void Shutdown();
  // Ends every stub and reaps it. Tracer thread. Idempotent.
  void Close();

  // ---- any thread ----
  void Resume(Tracee& tracee);
  void Post(Tracee& tracee);
  void Interrupt(Tracee& tracee);
  // False when the tracer has closed: the work is dropped.
  bool RunSoon(std::function<void()> work) { return Push(std::move(work)); }
  // Runs `work` on the tracer and waits; false when the tracer has closed (it did not run).
  template <typename F>
  bool RunAndWait(F&& work) {
    if (OnTracer()) {
      work();
      return true;
    }
    Notification done;
    if (!Push([&] {
          work();
          done.Notify();
        })) {
      return false;
    }
    done.WaitForNotification();
    return true;
  }
  int proc_fd() const { return proc_fd_.get(); }

  // ---- tracer thread: threads ----
  Result<Ref<Tracee>> NewProcess(RefPtr<PtraceAddressSpace>* space);
  Result<Ref<Tracee>> NewThread(Tracee& creator);
  Result<Ref<Tracee>> Fork(Tracee& creator, RefPtr<PtraceAddressSpace>* space);
  // The guest thread is gone: ends the host thread, or keeps it stopped if it leads its process.
  void EndThread(Tracee& tracee);
  // The address space is gone: kills the process.
  void KillProcess(PtraceAddressSpace& space);
  // Guest threads that exist; Run() ends when there are none after Shutdown().
  void CountGuestThread(int change) { guest_threads_ += change; }

  // ---- tracer thread: remote work ----
  // A stopped thread of the address space: `via`, or its leader, or any; stops one if it must. Null when all are dead. The caller ends with
  // PutBack(), which lets a thread that was stopped for this run on.
  struct Borrowed {
    Tracee* tracee = nullptr;
    bool resume = false;
  };
  Borrowed Borrow(PtraceAddressSpace& space, Tracee* via);
  void PutBack(const Borrowed& borrowed);
  StubCaller::OpsResult RunOps(Tracee& tracee, absl::Span<const Op> ops);
  StubOutcome RunRoutine(Tracee& tracee, const StubRoutine& routine, arch::Registers& regs);
  Zygote& zygote() { return zygote_; }
  StubMemory& memory() { return memory_; }

 private:
  ~Tracer() override = default;

  bool Push(std::function<void()> work);
  void PushTracee(Tracee& tracee, Tracee::Inbox what);
  void Ring(bool needed);
  void DrainInbox();

  void PushReady(Tracee& tracee, Tracee::Ready what);
  void RunReady();
  void Dispatch(Tracee& tracee, const Event& event);

  void ResumeNow(Tracee& tracee);
  // PTRACE_SETREGS when the guest's registers are not the host's. False: the host refused them (see ResumeNow).
  bool SyncRegisters(Tracee& tracee);
  void HandleStatus(int32_t tid, WaitStatus status);
  // A stop of a running tracee: fills event and queues it, or lets the thread go on. True if queued.
  bool HandleStop(Tracee& tracee, WaitStatus status);
  void HandleDeath(Tracee& tracee);
  bool DecodeSystemCall(Tracee& tracee);
  bool DecodeSignal(Tracee& tracee, int signal);
  void Continue(Tracee& tracee);
  // Gets a running thread into a stop; false if it died.
  bool StopNow(Tracee& tracee);
  Result<Ref<Tracee>> Adopt(int32_t tid, int32_t tgid, PtraceAddressSpace& space, bool free);
  void Forget(Tracee& tracee);

  const UniqueFd proc_fd_;
  const int cpu_;
  StubMemory memory_;
  StubCaller caller_;
  Zygote zygote_;
  Placement placement_;
  int32_t tracer_tid_ = 0;
  int32_t zygote_pid_ = 0;
  bool ticker_armed_ = false;
  bool closed_tracer_ = false;
  int guest_threads_ = 0;
  absl::flat_hash_map<int32_t, Ref<Tracee>> tracees_;
  absl::flat_hash_set<int32_t> processes_;  // not reaped yet
  Tracee* ready_head_ = nullptr;
  Tracee* ready_tail_ = nullptr;

  std::atomic<bool> shutdown_{false};
  std::atomic<bool> inbox_filled_{false};  // a hint that spares the tracer the lock
  Mutex<LockRank::kPlatform> inbox_mu_;
  bool closed_ ABSL_GUARDED_BY(inbox_mu_) = false;
  bool doorbell_rung_ ABSL_GUARDED_BY(inbox_mu_) = false;
  Tracee* inbox_head_ ABSL_GUARDED_BY(inbox_mu_) = nullptr;
  Tracee* inbox_tail_ ABSL_GUARDED_BY(inbox_mu_) = nullptr;
  std::vector<std::function<void()>> inbox_calls_ ABSL_GUARDED_BY(inbox_mu_);
};

// Signals that only ever reach stubs, where every signal is swallowed by the tracer.
inline constexpr int kInterruptSignal = 60;
inline constexpr int kDoorbellSignal = 61;

}  // namespace ringwall::platform::ptrace
