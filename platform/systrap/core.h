// Core: what all of one systrap platform's parts share: contexts, zygote, the table of stub processes and the thread that reaps them, the
// workers.
//
// Locks: process_mu_ and work_mu_ (LockRank::kPlatform) are leaves.
#pragma once

#include <sched.h>

#include <atomic>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "base/fd/unique_fd.h"
#include "base/sync/condition.h"
#include "base/sync/mutex.h"
#include "platform/systrap/contexts.h"
#include "platform/systrap/cpus.h"
#include "platform/systrap/listener.h"
#include "platform/systrap/stub_blob.h"
#include "platform/systrap/zygote.h"

namespace ringwall::platform::systrap {

class Core : public RefCounted {
 public:
  Core(UniqueFd proc_fd, bool rewrite_calls) : proc_fd_(std::move(proc_fd)), rewrite_calls_(rewrite_calls), zygote_(contexts_, cpus_) {}

  Result<void> Start(absl::Span<const CallShape> shapes, std::string* why);
  // Ends every stub and all threads of the platform. Idempotent.
  void Close();

  Contexts& contexts() { return contexts_; }
  Zygote& zygote() { return zygote_; }
  int proc_fd() const { return proc_fd_.get(); }
  bool rewrite_calls() const { return rewrite_calls_; }
  const AnswerIndices& answer_indices() const { return answer_indices_; }

  // ---- processes ----
  // A stub process exists. False: it is dead already.
  bool AddProcess(int32_t pid, Ref<Listener> listener, uint32_t slot);
  // A slot for a further thread. Slots stay with their process, which has them mapped, until it is dead: a new one, or that of a thread
  // that the host says is gone.
  struct ThreadSlot {
    uint32_t slot;
    bool mapped;  // in that process already
  };
  Result<ThreadSlot> SlotForThread(int32_t pid);
  // The thread was told to exit.
  void RetireSlot(int32_t pid, int32_t tid, uint32_t slot);
  void Kill(int32_t pid);

  // ---- polling ----
  // At most one thread fewer than there are CPUs looks for requests at a time.
  bool BecomePoller();
  void CeasePolling() { pollers_.fetch_sub(1, std::memory_order_relaxed); }
  // Guest threads that were told to go on, and have not asked for anything since.
  void CountRunning(int change) { running_.fetch_add(change, std::memory_order_relaxed); }
  // More want to run than there are CPUs, `more` to come included: whoever looks for a request takes the CPU of one who has work.
  bool Crowded(int more) const {
    return running_.load(std::memory_order_relaxed) + pollers_.load(std::memory_order_relaxed) + more > cpus_.count();
  }
  const cpu_set_t& cpus() const { return cpus_.all(); }
  void SendAway(int32_t tid) const { cpus_.SendAway(tid); }

  // ---- workers ----
  static bool OnWorker();
  void RunSoon(std::function<void()> work);
  void StartWorker(Ref<Listener> listener);
  void Run();
  void Shutdown();
  void CountGuestThread(int change);

 private:
  struct Retired {
    int32_t tid;
    uint32_t slot;
  };
  struct Process {
    Ref<Listener> listener;
    std::vector<uint32_t> slots;
    std::vector<Retired> retired;
  };
  ~Core() override = default;
  void Reap();
  void WorkerMain(Ref<Listener> first);

  const UniqueFd proc_fd_;
  const bool rewrite_calls_;
  AnswerIndices answer_indices_{};
  Cpus cpus_;
  Contexts contexts_;
  Zygote zygote_;
  std::atomic<int> pollers_{0};
  std::atomic<int> running_{0};
  std::thread reaper_;
  bool closed_ = false;
  std::atomic<bool> closing_{false};

  Mutex<LockRank::kPlatform> process_mu_;
  absl::flat_hash_map<int32_t, Process> processes_ ABSL_GUARDED_BY(process_mu_);

  Mutex<LockRank::kPlatform> work_mu_;
  CondVar<LockRank::kPlatform> work_changed_;
  std::deque<std::function<void()>> work_ ABSL_GUARDED_BY(work_mu_);
  CondVar<LockRank::kPlatform> worker_wanted_;
  std::deque<Ref<Listener>> unserved_ ABSL_GUARDED_BY(work_mu_);
  int idle_workers_ ABSL_GUARDED_BY(work_mu_) = 0;
  int workers_ ABSL_GUARDED_BY(work_mu_) = 0;
  bool shutdown_ ABSL_GUARDED_BY(work_mu_) = false;
  int guest_threads_ ABSL_GUARDED_BY(work_mu_) = 0;
};

}  // namespace ringwall::platform::systrap
