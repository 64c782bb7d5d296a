// Tracer: its loop, inbox and queue of events.
#include "platform/ptrace/tracer.h"

#include <errno.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log/check.h"
#include "base/log/log.h"
#include "platform/ptrace/address_space.h"

namespace ringwall::platform::ptrace {
namespace {

thread_local int32_t this_tid = 0;
int32_t ThisTid() {
  if (this_tid == 0) this_tid = static_cast<int32_t>(syscall(SYS_gettid));
  return this_tid;
}

// __WNOTHREAD: children of the sentry's other threads are not ours to reap.
constexpr int kWaitOptions = __WALL | __WNOTHREAD;

}  // namespace

Result<void> Tracer::Start(std::string* why) {
  tracer_tid_ = ThisTid();
  const Result<void> memory = memory_.Create();
  if (!memory.ok()) {
    *why = "cannot make the stubs' shared memory";
    return memory.error();
  }
  const Result<void> created = zygote_.Create(why);
  zygote_pid_ = zygote_.pid();
  if (zygote_pid_ != 0) processes_.insert(zygote_pid_);
  return created;
}

bool Tracer::OnTracer() const { return tracer_tid_ == ThisTid(); }

// ---- inbox ------------------------------------------------------------------------------------------------------------

bool Tracer::Push(std::function<void()> work) {
  bool ring = false;
  {
    MutexLock lock(inbox_mu_);
    if (closed_) return false;
    inbox_calls_.push_back(std::move(work));
    inbox_filled_.store(true, std::memory_order_release);
    ring = !doorbell_rung_;
    doorbell_rung_ = true;
  }
  Ring(ring);
  return true;
}

void Tracer::PushTracee(Tracee& tracee, Tracee::Inbox what) {
  bool ring = false;
  {
    MutexLock lock(inbox_mu_);
    if (closed_) return;
    if (tracee.inbox == 0) {
      tracee.AddRef();
      tracee.next_inbox = nullptr;
      (inbox_tail_ == nullptr ? inbox_head_ : inbox_tail_->next_inbox) = &tracee;
      inbox_tail_ = &tracee;
    }
    tracee.inbox |= what;
    inbox_filled_.store(true, std::memory_order_release);
    ring = !doorbell_rung_;
    doorbell_rung_ = true;
  }
  Ring(ring);
}

// One token in flight: doorbell_rung_ falls only when the tracer has seen the doorbell's stop, and it looks into the inbox after that.
void Tracer::Ring(bool needed) {
  if (needed && !OnTracer()) syscall(SYS_tgkill, zygote_pid_, zygote_.doorbell(), kDoorbellSignal);
}

void Tracer::DrainInbox() {
  Tracee* tracee;
  std::vector<std::function<void()>> calls;
  {
    MutexLock lock(inbox_mu_);
    inbox_filled_.store(false, std::memory_order_relaxed);
    tracee = inbox_head_;
    inbox_head_ = inbox_tail_ = nullptr;
    calls.swap(inbox_calls_);
  }
  while (tracee != nullptr) {
    uint8_t what;
    Tracee* next;
    {
      MutexLock lock(inbox_mu_);
      what = tracee->inbox;
      tracee->inbox = 0;
      next = tracee->next_inbox;
    }
    if ((what & Tracee::kInboxPost) != 0) Post(*tracee);
    if ((what & Tracee::kInboxResume) != 0) Resume(*tracee);
    tracee->Release();
    tracee = next;
  }
  for (auto& call : calls) call();
}

void Tracer::Shutdown() {
  shutdown_.store(true, std::memory_order_release);
  (void)Push([] {});
}

// ---- ready queue ------------------------------------------------------------------------------------------------------

void Tracer::PushReady(Tracee& tracee, Tracee::Ready what) {
  if (tracee.ready == 0) {
    tracee.AddRef();
    tracee.next_ready = nullptr;
    (ready_tail_ == nullptr ? ready_head_ : ready_tail_->next_ready) = &tracee;
    ready_tail_ = &tracee;
  }
  tracee.ready |= what;
}

void Tracer::RunReady() {
  // Only what is ready now: threads that became ready meanwhile wait for the next stops.
  Tracee* tracee = ready_head_;
  ready_head_ = ready_tail_ = nullptr;
  while (tracee != nullptr) {
    Tracee* next = tracee->next_ready;
    const uint8_t what = tracee->ready;
    tracee->ready = 0;
    if (tracee->sink != nullptr) {
      const RunState state = tracee->state.load(std::memory_order_relaxed);
      if ((what & Tracee::kReadyEvent) != 0) {
        Dispatch(*tracee, tracee->event);
      } else if (state == RunState::kParked && (what & Tracee::kReadyPost) != 0) {
        Dispatch(*tracee, Event{EventKind::kReady});
      } else if (state == RunState::kParked && (what & Tracee::kReadyResume) != 0) {
        ResumeNow(*tracee);
      }
    }
    tracee->Release();
    tracee = next;
  }
}

void Tracer::Dispatch(Tracee& tracee, const Event& event) {
  const Ref<Tracee> keep(tracee);
  // A copy: the sink may cause a new event in the same record.
  const Event copy = event;
  if (copy.kind != EventKind::kExited) tracee.state.store(RunState::kInEvent, std::memory_order_relaxed);
  const Verdict verdict = tracee.sink->OnEvent(*tracee.facade, copy);
  // The sink may have destroyed the guest thread, and the host may have killed the stub.
  if (tracee.sink == nullptr) return;
  const RunState state = tracee.state.load(std::memory_order_relaxed);
  if (state == RunState::kDead || state == RunState::kEnded) return;
  switch (verdict) {
    case Verdict::kResume: ResumeNow(tracee); break;
    case Verdict::kPark:
      // Resume() or Post() from within the sink wait in the ready queue.
      tracee.state.store(RunState::kParked, std::memory_order_relaxed);
      break;
    case Verdict::kExit:
      tracee.sink = nullptr;
      EndThread(tracee);
      break;
  }
}

void Tracer::Resume(Tracee& tracee) {
  if (!OnTracer()) return PushTracee(tracee, Tracee::kInboxResume);
  if (tracee.sink == nullptr) return;
  const RunState state = tracee.state.load(std::memory_order_relaxed);
  if (state == RunState::kParked && tracee.ready == 0) {
    ResumeNow(tracee);
  } else if (state == RunState::kParked || state == RunState::kInEvent) {
    PushReady(tracee, Tracee::kReadyResume);
  }
}

void Tracer::Post(Tracee& tracee) {
  if (!OnTracer()) return PushTracee(tracee, Tracee::kInboxPost);
  if (tracee.sink == nullptr) return;
  const RunState state = tracee.state.load(std::memory_order_relaxed);
  if (state == RunState::kParked || state == RunState::kInEvent) PushReady(tracee, Tracee::kReadyPost);
}

// Interrupt sets the wish and then looks whether the thread runs; ResumeNow says that it runs and then looks for the wish. Sequential
// consistency makes one of the two see the other.
void Tracer::Interrupt(Tracee& tracee) {
  if (tracee.interrupt_wanted.exchange(true)) return;
  if (tracee.state.load() == RunState::kRunning) syscall(SYS_tgkill, tracee.tgid, tracee.tid, kInterruptSignal);
}

// ---- the loop ---------------------------------------------------------------------------------------------------------

void Tracer::Run() {
  CHECK(OnTracer());
  placement_.Start(cpu_);
  placement_.Pin(zygote_pid_);
  placement_.Pin(zygote_.doorbell());
  placement_.Pin(zygote_.ticker());
  for (;;) {
    if (inbox_filled_.load(std::memory_order_acquire)) DrainInbox();
    if (ready_head_ != nullptr) RunReady();
    if (shutdown_.load(std::memory_order_acquire) && guest_threads_ == 0) break;
    if (placement_.WantsTick() && !ticker_armed_) {
      zygote_.ArmTicker();
      ticker_armed_ = true;
    }
    const bool busy = ready_head_ != nullptr || inbox_filled_.load(std::memory_order_acquire);
    int raw = 0;
    pid_t tid = wait4(-1, &raw, kWaitOptions | (busy ? WNOHANG : 0), nullptr);
    if (tid < 0) {
      if (errno == EINTR) continue;
      HostFatal("wait4", errno);  // the zygote is always there
    }
    // All stops that are there, before any is answered: the host reports its oldest child first, and an answered one could come back for
    // ever.
    while (tid > 0) {
      HandleStatus(tid, WaitStatus(raw));
      if (placement_.running() == 0) break;
      tid = wait4(-1, &raw, kWaitOptions | WNOHANG, nullptr);
    }
  }
  placement_.Stop();
  Close();
}

void Tracer::HandleStatus(int32_t tid, WaitStatus status) {
  auto found = tracees_.find(tid);
  if (found != tracees_.end()) {
    Tracee& tracee = *found->second;
    placement_.OnStop(tracee);
    if (status.gone()) {
      const Ref<Tracee> keep(tracee);
      HandleDeath(tracee);
    } else if (tracee.state.load(std::memory_order_relaxed) == RunState::kRunning) {
      HandleStop(tracee, status);
    }
    return;
  }
  if (status.gone()) {
    if (tid == zygote_pid_ || tid == zygote_.doorbell() || tid == zygote_.ticker()) {
      if (!closed_tracer_) HostFatal("the zygote was killed", ECHILD);
    }
    processes_.erase(tid);
    return;
  }
  if (tid == zygote_.doorbell()) {
    const bool rung = status.signal() == kDoorbellSignal;
    zygote_.RearmDoorbell();
    if (!rung) return;
    MutexLock lock(inbox_mu_);
    doorbell_rung_ = false;
    // The hint is set under this lock before the doorbell rings, so the loop drains after this.
    return;
  }
  if (tid == zygote_.ticker()) {
    if (status.signal() == SIGTRAP) {
      ticker_armed_ = false;
      placement_.OnTick();
    } else {
      ::ptrace(PTRACE_CONT, tid, nullptr, nullptr);
    }
    return;
  }
  // A thread on its way out, or a process that is being killed.
  if (tid != zygote_pid_) ::ptrace(PTRACE_CONT, tid, nullptr, nullptr);
}

void Tracer::HandleDeath(Tracee& tracee) {
  tracee.state.store(RunState::kDead);
  if (tracee.leader()) processes_.erase(tracee.tid);
  if (tracee.space != nullptr) tracee.space->set_dead();
  Forget(tracee);
  if (tracee.sink == nullptr) return;
  tracee.event = Event{EventKind::kExited};
  PushReady(tracee, Tracee::kReadyEvent);
}

void Tracer::Forget(Tracee& tracee) {
  placement_.OnStop(tracee);
  if (tracee.space != nullptr) std::erase(tracee.space->threads(), &tracee);
  // The reference in the map may be the last.
  auto found = tracees_.find(tracee.tid);
  if (found == tracees_.end() || found->second.get() != &tracee) return;
  const Ref<Tracee> last = found->second;
  tracees_.erase(found);
}

void Tracer::Close() {
  if (closed_tracer_ || tracer_tid_ == 0) return;
  CHECK(OnTracer());
  closed_tracer_ = true;
  std::vector<std::function<void()>> calls;
  Tracee* tracee;
  {
    MutexLock lock(inbox_mu_);
    closed_ = true;
    calls.swap(inbox_calls_);
    tracee = inbox_head_;
    inbox_head_ = inbox_tail_ = nullptr;
  }
  // Somebody may be waiting for these.
  for (auto& call : calls) call();
  while (tracee != nullptr) {
    Tracee* next = tracee->next_inbox;
    tracee->Release();
    tracee = next;
  }
  for (int32_t pid : processes_) kill(pid, SIGKILL);
  while (!processes_.empty()) {
    int raw = 0;
    const pid_t tid = wait4(-1, &raw, kWaitOptions, nullptr);
    if (tid < 0 && errno == EINTR) continue;
    if (tid < 0) break;
    if (WaitStatus(raw).gone()) processes_.erase(tid);
  }
  while (ready_head_ != nullptr) {
    Tracee* next = ready_head_->next_ready;
    ready_head_->Release();
    ready_head_ = next;
  }
  ready_tail_ = nullptr;
  for (auto& [tid, one] : tracees_) {
    one->state.store(RunState::kDead);
    if (one->space != nullptr) one->space->set_dead();
  }
  tracees_.clear();
}

}  // namespace ringwall::platform::ptrace
