// Listener: receiving notifications, and the state of the threads that send them.
#include "platform/systrap/listener.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/log/log.h"
#include "platform/systrap/address_space.h"
#include "platform/systrap/filter.h"
#include "platform/systrap/frame.h"
#include "platform/systrap/seccomp_abi.h"

namespace ringwall::platform::systrap {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// So long may a thread compute with an interrupt waiting for it: an honest one takes it at once, when it runs.
constexpr milliseconds kPatience{500};

// A polling worker gives the other threads' notifications a turn so often.
constexpr uint32_t kTurns = 16;

int32_t ThisTid() {
  static thread_local int32_t tid = 0;
  if (tid == 0) tid = static_cast<int32_t>(syscall(SYS_gettid));
  return tid;
}

// What the stub does for an operation, as the host sees it.
void HostCall(const Op& op, uint64_t* number, uint64_t arguments[6]) {
  *number = op.number;
  std::memcpy(arguments, op.arguments, sizeof(op.arguments));
  if (op.number != kOpClone) return;
  *number = SYS_clone;
  const uint64_t child = op.arguments[1];
  const bool shares_memory = (op.arguments[0] & CLONE_VM) != 0;
  arguments[1] = shares_memory ? child + kContextBytes - 0x2000 : 0;
  arguments[2] = arguments[3] = arguments[4] = arguments[5] = 0;
}

}  // namespace

StubThread::StubThread(Listener& of, uint32_t context_slot, Context* shared) : listener(of), slot(context_slot), context(shared) {
  context->mark = kMark;
}
StubThread::~StubThread() { listener->ReleasePins(*this); }

// ---- receiving ------------------------------------------------------------------------------------------------------------

void Listener::Wait(absl::FunctionRef<bool()> ready) {
  while (!ready()) {
    if (!receiving_ && !hung_up_) {
      ReceiveOne();
      continue;
    }
    ++sleepers_;
    changed_.WaitFor(mu_, hours(1), [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return (!receiving_ && !hung_up_) || ready(); });
    --sleepers_;
  }
}

void Listener::NotifyWaiters() {
  if (sleepers_ > 0) changed_.NotifyAll();
}

void Listener::ReceiveOne() {
  receiving_ = true;
  receiver_ = ThisTid();
  RefPtr<StubThread> whose;
  After after;
  if (hot_ && !hot_->asking()) StopPolling();
  const bool somebody_sleeps = (receive_first_ || polled_in_a_row_ % kTurns == kTurns - 1) && Readable();
  receive_first_ = false;
  ++polled_in_a_row_;
  if (hot_ && !somebody_sleeps) {
    const Ref<StubThread> hot = hot_.ToRef();
    const uint32_t handled = hot->handled;
    mu_.Unlock();
    bool asked = Poll(*hot, handled);
    mu_.Lock();
    if (!asked && hot_.get() == hot.get()) StopPolling();
    // Again, now that its stub has been told: what it asked before must not be waited for asleep.
    const uint32_t number = __atomic_load_n(&hot->context->asked, __ATOMIC_SEQ_CST);
    asked = number != handled && hot->asking() && !hot->died;
    if (asked) {
      whose = hot;
      after = TakeRequest(*hot, number, 0);
    }
  } else {
    mu_.Unlock();
    seccomp_notif notification{};
    const bool got = ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, &notification) == 0;
    // ENOENT: the caller was killed meanwhile, or nobody is left; the reaper tells us soon.
    const bool hung_up = !got && errno != EINTR && HungUp();
    mu_.Lock();
    hung_up_ = hung_up_ || hung_up;
    if (got) after = Handle(notification, &whose);
  }
  receiving_ = false;
  ++receptions_;
  if (whose) {
    mu_.Unlock();
    Do(after, *whose);
    whose.reset();
    mu_.Lock();
  }
  NotifyWaiters();
}

void Listener::Do(const After& after, StubThread& thread) {
  if (after.add_process && !core_.AddProcess(thread.pid, Ref<Listener>(*this), thread.slot)) ProcessDied(thread.pid);
  if (after.start_worker && !has_worker_.exchange(true)) core_.StartWorker(Ref<Listener>(*this));
  // A thread that ends does so while we go on.
  if (after.retire_slot) core_.SendAway(thread.tid);
  if (after.answer != 0) {
    seccomp_notif_resp response{};
    response.id = after.answer;
    response.flags = after.carry_on ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    // The host puts it on our CPU.
    if (ServedHere()) woke_here_ = true;
    // ENOENT: it was killed.
    (void)ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response);
  }
  if (after.retire_slot) core_.RetireSlot(thread.pid, thread.tid, thread.slot);
  if (after.dispatch != nullptr)
    core_.RunSoon([t = Ref<StubThread>(thread), event = *after.dispatch] { t->listener->Dispatch(*t, event); });
}

Listener::After Listener::Handle(const seccomp_notif& n, RefPtr<StubThread>* whose) {
  const int32_t tid = static_cast<int32_t>(n.pid);
  auto found = threads_.find(tid);
  After after;
  if (found == threads_.end() && n.data.nr == static_cast<int>(kHandOverCall)) {
    // It was told to exit while it was on its way to sleep.
    auto leaving = leaving_.find(tid);
    if (leaving != leaving_.end() && leaving->second->handled == static_cast<uint32_t>(n.data.args[0])) {
      *whose = leaving->second;
      leaving_.erase(leaving);
      after.answer = n.id;
      return after;
    }
  }
  if (found == threads_.end()) {
    // A newborn's first words; anything else is no thread that we know.
    if (!ApproveBirth(n)) {
      Violation(tid, "a thread that nobody asked for");
      return after;
    }
    found = threads_.find(tid);
    if (n.data.nr != static_cast<int>(kHandOverCall)) {
      *whose = found->second;
      return After{.answer = n.id, .carry_on = true, .add_process = true};
    }
  }
  StubThread& thread = *found->second;
  *whose = RefPtr<StubThread>::Share(&thread);
  if (n.data.nr == static_cast<int>(kHandOverCall)) return TakeRequest(thread, static_cast<uint32_t>(n.data.args[0]), n.id);
  if (!Approve(thread, n)) {
    Violation(thread.pid, "a system call that the sentry did not ask for");
    return after;
  }
  return After{.answer = n.id, .carry_on = true};
}

void Listener::Violation(int32_t pid, const char* what) {
  LOG(kWarning) << "systrap: guest process " << pid << " tampered with its stub (" << what << "): killed";
  // It waits for our answer, so the id is still its own.
  (void)kill(pid, SIGKILL);
}

bool Listener::Approve(StubThread& thread, const seccomp_notif& n) {
  // Under way in a stopped thread, or on a thread's way back to guest code, until its next request.
  const bool finishing = thread.finishing && thread.state == RunState::kRunning;
  if (!finishing && (!thread.ops_running || thread.ops_done)) return false;
  while (thread.next_notified < thread.ops.size()) {
    uint64_t number, arguments[6];
    HostCall(thread.ops[thread.next_notified++], &number, arguments);
    if (!IsNotified(number, arguments)) continue;
    return static_cast<uint64_t>(n.data.nr) == number && std::memcmp(n.data.args, arguments, sizeof(arguments)) == 0;
  }
  return false;
}

bool Listener::ApproveBirth(const seccomp_notif& n) {
  if (!birth_ || birth_failed_) return false;
  StubThread& child = *birth_;
  const int32_t tid = static_cast<int32_t>(n.pid);
  const uint64_t address = ContextAddress(child.slot);
  if (birth_thread_) {
    if (n.data.nr != static_cast<int>(kHandOverCall)) return false;
  } else {
    const uint64_t expected[6] = {
        address, kContextBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, kZygoteMemory, child.slot * kContextBytes};
    if (n.data.nr != SYS_mmap || std::memcmp(n.data.args, expected, sizeof(expected)) != 0) return false;
    child.pid = tid;
    child.sealed = false;
    if (child.space != nullptr) child.space->set_pid(tid);
    ++processes_;
  }
  child.tid = tid;
  leaving_.erase(tid);
  threads_.insert_or_assign(tid, birth_.ToRef());
  if (child.space != nullptr) child.space->threads().push_back(&child);
  birth_.reset();
  return true;
}

void Listener::Enter(StubThread& thread, RunState state) {
  const int change = (state == RunState::kRunning) - (thread.state == RunState::kRunning);
  if (change != 0) core_.CountRunning(change);
  thread.state = state;
}

// ---- requests ---------------------------------------------------------------------------------------------------------------

Listener::After Listener::TakeRequest(StubThread& thread, uint32_t number, uint64_t id) {
  if (number == thread.handled && thread.born) {
    // It went to sleep over a request that we have taken already.
    if (thread.handled == thread.answered) return After{.answer = id};
    thread.sleeping = id;
    return {};
  }
  if (number != thread.handled + 1 || thread.handled != thread.answered) {
    Violation(thread.pid, "requests out of order");
    return {};
  }
  thread.handled = number;
  thread.sleeping = id;
  thread.unheard_since_ns = 0;
  const uint32_t request = __atomic_load_n(&thread.context->request, __ATOMIC_RELAXED);
  if (!thread.born) {
    thread.born = true;
    if (request == kRequestEvent) {
      // A blank stub at its first call: the frame is real, the registers are not yet the guest's.
      Event event;
      const arch::Registers initial = thread.regs;
      if (!ReadFrame(thread, &event)) Violation(thread.pid, "a frame out of its context");
      thread.regs = initial;
    }
    NotifyWaiters();
    return {};
  }
  if (request == kRequestDone && thread.ops_running && !thread.ops_done) {
    thread.ops_succeeded = __atomic_load_n(&thread.context->done, __ATOMIC_RELAXED);
    thread.ops_done = true;
    NotifyWaiters();
    return {};
  }
  const bool event = request == kRequestEvent || request == kRequestCall || request == kRequestInterrupted;
  if (event && !thread.ops_running && thread.state == RunState::kRunning) {
    MeasureGap(thread);
    return TakeEvent(thread, request);
  }
  // Only after kCommandFinish can an honest stub get here.
  Violation(thread.pid, request == kRequestDone ? "the host refused memory that was promised" : "a request out of turn");
  return {};
}

Listener::After Listener::TakeEvent(StubThread& thread, uint32_t request) {
  if (thread.finishing) {
    thread.finishing = false;
    ReleasePins(thread);
  }
  Event event;
  if (request != kRequestEvent) {
    ReadCall(thread, request == kRequestInterrupted, &event);
  } else if (!ReadFrame(thread, &event)) {
    Violation(thread.pid, "a frame out of its context");
    return {};
  }
  if (thread.ending) return EndLocked(thread);
  // Stopped by a signal that nobody sent for an event's sake.
  const bool nothing = event.kind == EventKind::kInterrupt && !thread.interrupt_wanted;
  if (nothing && thread.borrowers == 0) return ResumeLocked(thread);
  if (thread.borrowers > 0) {
    Enter(thread, RunState::kHeld);
    thread.held_event = event;
    NotifyWaiters();
    return {};
  }
  Enter(thread, RunState::kInEvent);
  waiting_.push_back({Ref<StubThread>(thread), event});
  NotifyWaiters();
  return {};
}

uint64_t Listener::AnswerLocked(StubThread& thread, uint32_t command) {
  thread.context->command = command;
  thread.answered = thread.handled;
  __atomic_store_n(&thread.context->answered, thread.answered, __ATOMIC_SEQ_CST);
  // It sleeps in a notification that is still to be received: no time to look elsewhere.
  if (thread.sleeping == 0 && hot_.get() == &thread && __atomic_load_n(&thread.context->asleep, __ATOMIC_SEQ_CST) == thread.handled)
    receive_first_ = true;
  return std::exchange(thread.sleeping, 0);
}

Listener::After Listener::ResumeLocked(StubThread& thread) {
  // Another task has operations running in it (a look into its memory, say): it goes on when they are done.
  if (thread.born && !thread.died && !thread.ended && (thread.ops_running || thread.borrowers > 0)) {
    Enter(thread, RunState::kRunning);
    return {};
  }
  if (!thread.stopped() || thread.ended) return {};
  if (!CanReturn(thread.regs)) {
    static constexpr Event kRefused{EventKind::kFault, SIGSEGV, 128 /*SI_KERNEL*/, 0, 13, 0};
    thread.state = RunState::kInEvent;
    return After{.dispatch = &kRefused};
  }
  WriteFrame(thread);
  Enter(thread, RunState::kRunning);
  ConsiderPolling(thread);
  uint64_t answer;
  if (thread.deferred.empty()) {
    answer = AnswerLocked(thread, kCommandReturn);
  } else {
    thread.ops = TakeDeferred(thread);
    thread.finishing = true;
    // What the host asks us about is not to be seen in the context.
    if (hot_.get() == &thread && !thread.pins.empty()) StopPolling();
    answer = StartOps(thread, kCommandFinish);
  }
  return After{.answer = answer, .start_worker = !has_worker_.load(std::memory_order_relaxed)};
}

Listener::After Listener::ResumeHeldBackLocked(StubThread& thread) {
  const bool due = thread.state == RunState::kRunning && thread.stopped() && !thread.ops_running && thread.borrowers == 0;
  return due ? ResumeLocked(thread) : After{};
}

Listener::After Listener::EndLocked(StubThread& thread) {
  thread.ended = true;
  (void)TakeDeferred(thread);
  Enter(thread, RunState::kParked);
  if (thread.leader || !thread.stopped()) return {};
  if (thread.sleeping == 0) leaving_.insert_or_assign(thread.tid, Ref<StubThread>(thread));
  threads_.erase(thread.tid);
  if (thread.space != nullptr) std::erase(thread.space->threads(), &thread);
  return After{.answer = AnswerLocked(thread, kCommandExit), .retire_slot = true};
}

// ---- what the sentry does with threads ------------------------------------------------------------------------------------------

void Listener::Add(Ref<StubThread> thread) {
  MutexLock lock(mu_);
  ++processes_;
  if (thread->space != nullptr) thread->space->threads().push_back(thread.get());
  threads_.insert_or_assign(thread->tid, std::move(thread));
}

bool Listener::WaitBorn(StubThread& thread) {
  MutexLock lock(mu_);
  ++waits_;
  Wait([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return thread.born || thread.died; });
  --waits_;
  return !thread.died;
}

void Listener::Resume(StubThread& thread) {
  // The caller may serve another listener, and the thread may run and its process end before we are done.
  const Ref<Listener> keep(*this);
  const Ref<StubThread> keep_thread(thread);
  After after;
  {
    MutexLock lock(mu_);
    if (thread.state == RunState::kInEvent) {
      thread.pending_resume = true;
    } else if (thread.state == RunState::kParked && !thread.ended) {
      after = ResumeLocked(thread);
    }
  }
  Do(after, thread);
}

void Listener::Post(StubThread& thread) {
  {
    MutexLock lock(mu_);
    if (thread.state == RunState::kInEvent) {
      thread.pending_post = true;
      return;
    }
    if (thread.state != RunState::kParked || thread.ended) return;
    thread.state = RunState::kInEvent;
  }
  const Event ready{EventKind::kReady};
  Do(After{.dispatch = &ready}, thread);
}

bool Listener::Interrupt(StubThread& thread) {
  MutexLock lock(mu_);
  // Stopped, it finds the signal when it goes on: at worst one spurious event.
  if (thread.tid == 0 || thread.died || thread.ended) return false;
  thread.interrupt_wanted = true;
  syscall(SYS_tgkill, thread.pid, thread.tid, kInterruptSignal);
  if (thread.state != RunState::kRunning && (!thread.ops_running || thread.ops_done)) return false;
  const int64_t now = steady_clock::now().time_since_epoch() / nanoseconds(1);
  if (thread.unheard_since_ns == 0) {
    thread.unheard_since_ns = now;
    thread.unheard_cpu_ns = 0;
  }
  return now - thread.unheard_since_ns >= nanoseconds(kPatience).count();
}

void Listener::Unheard(StubThread& thread, uint64_t cpu_ns) {
  int32_t pid;
  {
    MutexLock lock(mu_);
    if (thread.unheard_since_ns == 0 || thread.died || thread.ended) return;
    if (thread.unheard_cpu_ns == 0) thread.unheard_cpu_ns = std::max<uint64_t>(cpu_ns, 1);
    // One that was kept from running has used no CPU meanwhile.
    if (cpu_ns < thread.unheard_cpu_ns + static_cast<uint64_t>(nanoseconds(kPatience).count())) return;
    pid = thread.pid;
  }
  LOG(kWarning) << "systrap: guest process " << pid << " has made itself deaf to interrupts: killed";
  core_.Kill(pid);
}

void Listener::EndThread(StubThread& thread) {
  After after;
  {
    MutexLock lock(mu_);
    thread.sink = nullptr;
    thread.facade = nullptr;
    if (thread.ended || thread.died) return;
    if (thread.state == RunState::kRunning) {
      thread.ending = true;
      if (thread.tid != 0) syscall(SYS_tgkill, thread.pid, thread.tid, kInterruptSignal);
      return;
    }
    if (thread.borrowers > 0) {
      thread.ending = true;
      return;
    }
    after = EndLocked(thread);
  }
  Do(after, thread);
}

void Listener::Dispatch(StubThread& thread, Event event) {
  const Ref<StubThread> keep(thread);
  for (;;) {
    EventSink* sink;
    GuestThread* facade;
    {
      MutexLock lock(mu_);
      if (thread.sink == nullptr) return;
      if (event.kind == EventKind::kExited) thread.state = RunState::kDead;
      if (event.kind == EventKind::kInterrupt) thread.interrupt_wanted = false;
      sink = thread.sink;
      facade = thread.facade;
    }
    const Verdict verdict = sink->OnEvent(*facade, event);
    After after;
    {
      MutexLock lock(mu_);
      // The sink may have destroyed the guest thread.
      if (thread.sink == nullptr || thread.state == RunState::kDead) return;
      if (thread.died && verdict != Verdict::kExit) {
        event = Event{EventKind::kExited};
        continue;
      }
      switch (verdict) {
        case Verdict::kResume: after = ResumeLocked(thread); break;
        case Verdict::kPark:
          if (std::exchange(thread.pending_post, false)) {
            event = Event{EventKind::kReady};
            continue;
          }
          if (std::exchange(thread.pending_resume, false)) {
            after = ResumeLocked(thread);
          } else {
            thread.state = RunState::kParked;
          }
          break;
        case Verdict::kExit:
          thread.sink = nullptr;
          after = EndLocked(thread);
          break;
      }
    }
    Do(after, thread);
    return;
  }
}

void Listener::Work() {
  Serve(true);
  mu_.Lock();
  for (;;) {
    Wait([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !waiting_.empty() || closing_; });
    if (waiting_.empty()) break;
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    mu_.Unlock();
    Dispatch(*next.thread, next.event);
    mu_.Lock();
  }
  StopPolling();
  mu_.Unlock();
  MoveBack();
  Serve(false);
}

// ---- death ------------------------------------------------------------------------------------------------------------------

void Listener::ProcessDied(int32_t pid) {
  std::vector<Ref<StubThread>> dead, exited;
  {
    MutexLock lock(mu_);
    for (auto it = threads_.begin(); it != threads_.end();) {
      StubThread& thread = *it->second;
      if (thread.pid != pid) {
        ++it;
        continue;
      }
      thread.died = true;
      if (thread.space != nullptr) {
        thread.space->set_dead();
        std::erase(thread.space->threads(), &thread);
      }
      // In an event it hears of it afterwards.
      const bool in_event = thread.state == RunState::kInEvent;
      if (!in_event) Enter(thread, thread.sink != nullptr ? RunState::kInEvent : RunState::kDead);
      if (!in_event && thread.sink != nullptr) exited.emplace_back(thread);
      dead.push_back(it->second);
      threads_.erase(it++);
    }
    absl::erase_if(leaving_, [pid](const auto& entry) { return entry.second->pid == pid; });
    if (--processes_ == 0) closing_ = true;
    changed_.NotifyAll();
    if (receiving_ && (closing_ || waits_ > 0)) Kick();
  }
  const Event gone{EventKind::kExited};
  for (const Ref<StubThread>& thread : exited) Do(After{.dispatch = &gone}, *thread);
}

void Listener::CheckBirth() {
  MutexLock lock(mu_);
  if (!birth_ || birth_thread_) return;
  birth_failed_ = true;
  changed_.NotifyAll();
  if (receiving_) Kick();
}

void Listener::Kick() {
  const uint64_t seen = receptions_;
  const auto gone = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !receiving_ || receptions_ != seen; };
  // Since Linux 6.11 the end of a listener's last process ends the wait by itself.
  if (closing_) changed_.WaitFor(mu_, microseconds(500), gone);
  while (receiving_ && receptions_ == seen) {
    // It may be on its way into the host: then the signal came too early, and the next one is for it.
    syscall(SYS_tgkill, getpid(), receiver_, kKickSignal);
    changed_.WaitFor(mu_, microseconds(200), gone);
  }
}

}  // namespace ringwall::platform::systrap
