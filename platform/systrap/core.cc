// Core: processes, their reaper, the workers.
#include "platform/systrap/core.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "base/log/check.h"
#include "platform/systrap/filter.h"
#include "platform/systrap/systrap_platform.h"

namespace ringwall::platform::systrap {
namespace {

thread_local bool on_worker = false;
// Workers without a listener that wait for the next one; a thread is cheaper to wake than to make.
constexpr int kIdleWorkers = 8;

}  // namespace

bool Core::OnWorker() { return on_worker; }

Result<void> Core::Start(absl::Span<const CallShape> shapes, std::string* why) {
  // Only its arrival matters: it ends the wait in the host with EINTR.
  struct sigaction action {};
  action.sa_handler = [](int) {};
  sigemptyset(&action.sa_mask);
  if (sigaction(kKickSignal, &action, nullptr) != 0) return ErrnoFromHost(errno);
  if (const Result<void> made = contexts_.Create(); !made.ok()) {
    *why = "systrap: cannot make the memory that stubs share with the sentry";
    return made;
  }
  if (!CpuFits(why)) return Errno::kENOSYS;
  cpus_.Load();
  answer_indices_ = IndexAnswers(shapes);
  TRY(zygote_.Create(shapes, why));
  uint64_t word = 0;
  iovec local{&word, sizeof(word)};
  iovec remote{reinterpret_cast<void*>(kCodeAddress), sizeof(word)};
  if (process_vm_readv(zygote_.pid(), &local, 1, &remote, 1, 0) != static_cast<ssize_t>(sizeof(word))) {
    *why = "systrap: process_vm_readv(2) of our own stubs is refused; set kernel.yama.ptrace_scope to 0 or 1, or use --platform=ptrace";
    return Errno::kEPERM;
  }
  reaper_ = std::thread([this] { Reap(); });
  return {};
}

// ---- processes ----------------------------------------------------------------------------------------------------------------

bool Core::AddProcess(int32_t pid, Ref<Listener> listener, uint32_t slot) {
  MutexLock lock(process_mu_);
  processes_.insert_or_assign(pid, Process{std::move(listener), {slot}, {}});
  // The reaper holds the lock from its look into the table to the end of the process id: this one is alive, or gone for good.
  if (kill(pid, 0) == 0) return true;
  processes_.erase(pid);
  return false;
}

Result<Core::ThreadSlot> Core::SlotForThread(int32_t pid) {
  {
    MutexLock lock(process_mu_);
    auto found = processes_.find(pid);
    if (found == processes_.end()) return Errno::kESRCH;
    std::vector<Retired>& retired = found->second.retired;
    for (auto it = retired.begin(); it != retired.end(); ++it) {
      if (syscall(SYS_tgkill, pid, it->tid, 0) == 0 || errno != ESRCH) continue;
      const uint32_t slot = it->slot;
      retired.erase(it);
      contexts_.Clear(slot);
      return ThreadSlot{slot, true};
    }
  }
  const uint32_t slot = TRY(contexts_.Allocate());
  MutexLock lock(process_mu_);
  auto found = processes_.find(pid);
  if (found != processes_.end()) {
    found->second.slots.push_back(slot);
    return ThreadSlot{slot, false};
  }
  contexts_.Free(slot);
  return Errno::kESRCH;
}

void Core::RetireSlot(int32_t pid, int32_t tid, uint32_t slot) {
  MutexLock lock(process_mu_);
  auto found = processes_.find(pid);
  if (found != processes_.end()) found->second.retired.push_back({tid, slot});
}

void Core::Kill(int32_t pid) {
  MutexLock lock(process_mu_);
  if (!processes_.contains(pid)) return;
  // It takes its memory apart first of all.
  cpus_.SendAway(pid);
  (void)kill(pid, SIGKILL);
}

void Core::Reap() {
  for (;;) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | __WALL) != 0) {
      if (errno == EINTR) continue;
      return;  // ECHILD: the platform is closing, even the zygote is gone
    }
    const int32_t pid = info.si_pid;
    if (pid == zygote_.pid() && !closing_.load()) HostFatal("the zygote was killed", ECHILD);
    RefPtr<Listener> listener;
    std::vector<uint32_t> slots;
    std::vector<Ref<Listener>> all;
    {
      MutexLock lock(process_mu_);
      auto found = processes_.find(pid);
      if (found != processes_.end()) {
        listener = found->second.listener;
        slots = std::move(found->second.slots);
        processes_.erase(found);
      } else {
        for (auto& [other, process] : processes_) all.push_back(process.listener);
      }
      int raw = 0;
      while (waitpid(pid, &raw, __WALL) < 0 && errno == EINTR) {
      }
    }
    if (listener) listener->ProcessDied(pid);
    // Nobody's: perhaps a child that did not live to say its name.
    for (const Ref<Listener>& one : all) one->CheckBirth();
    for (uint32_t slot : slots) contexts_.Free(slot);
    zygote_.Replenish();
  }
}

bool Core::BecomePoller() {
  if (pollers_.fetch_add(1, std::memory_order_relaxed) + 1 < cpus_.count()) return true;
  CeasePolling();
  return false;
}

// ---- workers ------------------------------------------------------------------------------------------------------------------

void Core::RunSoon(std::function<void()> work) {
  MutexLock lock(work_mu_);
  work_.push_back(std::move(work));
  work_changed_.NotifyOne();
}

void Core::Shutdown() {
  MutexLock lock(work_mu_);
  shutdown_ = true;
  work_changed_.NotifyOne();
}

void Core::CountGuestThread(int change) {
  MutexLock lock(work_mu_);
  guest_threads_ += change;
  if (guest_threads_ == 0) work_changed_.NotifyOne();
}

void Core::Run() {
  on_worker = true;
  for (;;) {
    std::function<void()> next;
    {
      MutexLock lock(work_mu_);
      while (work_.empty() && !(shutdown_ && guest_threads_ == 0)) {
        work_changed_.WaitFor(work_mu_, std::chrono::hours(1), [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(work_mu_) {
          return !work_.empty() || (shutdown_ && guest_threads_ == 0);
        });
      }
      if (work_.empty()) break;
      next = std::move(work_.front());
      work_.pop_front();
    }
    next();
  }
  Close();
  on_worker = false;
}

void Core::StartWorker(Ref<Listener> listener) {
  {
    MutexLock lock(work_mu_);
    if (idle_workers_ > static_cast<int>(unserved_.size())) {
      unserved_.push_back(std::move(listener));
      worker_wanted_.NotifyOne();
      return;
    }
    ++workers_;
  }
  std::thread([this, first = std::move(listener)]() mutable { WorkerMain(std::move(first)); }).detach();
}

void Core::WorkerMain(Ref<Listener> first) {
  on_worker = true;
  RefPtr<Listener> listener = std::move(first);
  for (;;) {
    listener->Work();
    listener.reset();
    MutexLock lock(work_mu_);
    if (idle_workers_ < kIdleWorkers || !unserved_.empty()) {
      ++idle_workers_;
      while (unserved_.empty() && !closing_.load()) {
        worker_wanted_.WaitFor(work_mu_, std::chrono::hours(1),
                               [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(work_mu_) { return !unserved_.empty() || closing_.load(); });
      }
      --idle_workers_;
    }
    if (unserved_.empty()) {
      --workers_;
      work_changed_.NotifyOne();
      return;
    }
    listener = RefPtr<Listener>(std::move(unserved_.front()));
    unserved_.pop_front();
  }
}

void Core::Close() {
  if (closed_) return;
  closed_ = true;
  closing_.store(true);
  {
    MutexLock lock(process_mu_);
    for (auto& [pid, process] : processes_) (void)kill(pid, SIGKILL);
  }
  // Blank stubs that nobody took die with the listeners that only the zygote's conversation knows.
  zygote_.Close();
  if (reaper_.joinable()) reaper_.join();
  std::deque<std::function<void()>> dropped;
  {
    MutexLock lock(work_mu_);
    worker_wanted_.NotifyAll();
    while (workers_ > 0) {
      work_changed_.WaitFor(work_mu_, std::chrono::hours(1), [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(work_mu_) { return workers_ == 0; });
    }
    dropped.swap(work_);
  }
  // Somebody may be waiting for these.
  for (std::function<void()>& work : dropped) work();
}

}  // namespace ringwall::platform::systrap
