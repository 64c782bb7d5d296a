// Listener: work that the sentry has done in stopped threads.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "platform/systrap/address_space.h"
#include "platform/systrap/filter.h"
#include "platform/systrap/listener.h"

namespace ringwall::platform::systrap {
namespace {

constexpr size_t kMaxDeferred = 8;
static_assert(kMaxDeferred < kMaxOps);

}  // namespace

Listener::OpsResult Listener::RunOps(StubThread& thread, absl::Span<const Op> ops) {
  const OpsResult dead{.dead = true};
  After after;
  size_t before;
  {
    MutexLock lock(mu_);
    ++waits_;
    Wait([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !thread.ops_running || thread.died; });
    --waits_;
    before = thread.deferred.size();
    if (!thread.stopped() || ops.size() + before > kMaxOps) return dead;
    if (ops.size() + before == 0) return {};
    thread.ops = TakeDeferred(thread);
    thread.ops.insert(thread.ops.end(), ops.begin(), ops.end());
    after.answer = StartOps(thread, kCommandRun);
    thread.ops_running = true;
    thread.ops_done = false;
  }
  Do(after, thread);
  OpsResult result;
  {
    MutexLock lock(mu_);
    ++waits_;
    Wait([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return thread.ops_done || thread.died; });
    --waits_;
    thread.ops_running = false;
    if (!thread.died) ReleasePins(thread);
    NotifyWaiters();
    if (thread.died) return dead;
    result = ResultOfOps(thread, before, ops.size());
    // It was to end while they ran: nobody else tells it now.
    after = thread.ended ? EndLocked(thread) : ResumeHeldBackLocked(thread);
  }
  Do(after, thread);
  return result;
}

Listener::OpsResult Listener::ResultOfOps(StubThread& thread, size_t before, size_t count) {
  const size_t done = std::min<size_t>(thread.ops_succeeded, before + count);
  if (done < before) {
    Violation(thread.pid, "the host refused memory that was promised");
    return OpsResult{.dead = true};
  }
  OpsResult result;
  result.done = static_cast<uint32_t>(done - before);
  if (count != 0) result.value = __atomic_load_n(&thread.context->ops[std::min(done, before + count - 1)].result, __ATOMIC_RELAXED);
  return result;
}

uint64_t Listener::StartOps(StubThread& thread, uint32_t command) {
  thread.next_notified = 0;
  thread.ops_quiet = std::none_of(thread.ops.begin(), thread.ops.end(),
                                  [](const Op& op) { return op.number == kOpClone || IsNotified(op.number, op.arguments); });
  std::memcpy(thread.context->ops, thread.ops.data(), thread.ops.size() * sizeof(Op));
  thread.context->op_count = static_cast<uint32_t>(thread.ops.size());
  return AnswerLocked(thread, command);
}

void Listener::ReleasePins(StubThread& thread) {
  for (const int number : thread.pins) core_.zygote().ReleaseNumber(number);
  thread.pins.clear();
}

bool Listener::Defer(StubThread& thread, const Op& op, int pin) {
  MutexLock lock(mu_);
  if (!thread.stopped() || thread.ops_running || thread.state != RunState::kInEvent || thread.space == nullptr) return false;
  if (thread.space->threads().size() != 1 || thread.deferred.size() >= kMaxDeferred) return false;
  if (thread.deferred.empty()) thread.space->CountDeferring(1);
  thread.deferred.push_back(op);
  if (pin >= 0) thread.pins.push_back(pin);
  return true;
}

bool Listener::DeferCopy(StubThread& thread, uint64_t address, absl::Span<const std::byte> from) {
  MutexLock lock(mu_);
  // Parked: another thread finishes its call.
  const bool ours = thread.state == RunState::kInEvent || thread.state == RunState::kParked;
  if (!thread.stopped() || thread.ops_running || !ours || thread.ended || thread.space == nullptr) return false;
  if (thread.deferred.size() >= kMaxDeferred || from.size() > kWindowBytes - thread.window_used) return false;
  // The call may read it again.
  thread.brought_count = 0;
  const uint64_t offset = kWindowOffset + thread.window_used;
  std::memcpy(reinterpret_cast<std::byte*>(thread.context) + offset, from.data(), from.size());
  thread.window_used += from.size();
  if (thread.deferred.empty()) thread.space->CountDeferring(1);
  thread.deferred.push_back(Op{kOpCopyOut, {address, offset, from.size()}, 0});
  return true;
}

std::vector<Op> Listener::TakeDeferred(StubThread& thread) {
  if (!thread.deferred.empty() && thread.space != nullptr) thread.space->CountDeferring(-1);
  thread.window_used = 0;
  return std::exchange(thread.deferred, {});
}

void Listener::Flush(SystrapAddressSpace& space) {
  std::vector<Ref<StubThread>> threads;
  {
    MutexLock lock(mu_);
    for (StubThread* one : space.threads()) {
      if (!one->deferred.empty()) threads.emplace_back(*one);
    }
  }
  for (const Ref<StubThread>& thread : threads) (void)RunOps(*thread, {});
}

void Listener::SaveFp(StubThread& thread) {
  if (!thread.fp_live) return;
  const Op save{kOpSaveFp, {}, 0};
  if (!RunOps(thread, absl::MakeConstSpan(&save, 1)).dead) thread.fp_live = false;
}

bool Listener::RunBirth(StubThread& creator, absl::Span<const Op> ops, Ref<StubThread> child, OpsResult* result) {
  {
    MutexLock lock(mu_);
    ++waits_;
    Wait([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !birth_ || creator.died; });
    --waits_;
    if (creator.died) {
      result->dead = true;
      return false;
    }
    birth_ = child;
    birth_thread_ = !child->leader;
    birth_failed_ = false;
  }
  *result = RunOps(creator, ops);
  MutexLock lock(mu_);
  const bool cloned = !result->dead && result->done == ops.size();
  if (cloned) {
    ++waits_;
    Wait([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return child->born || child->died || birth_failed_ || creator.died; });
    --waits_;
  }
  if (birth_.get() == child.get()) birth_.reset();
  birth_failed_ = false;
  NotifyWaiters();
  return cloned && child->born && !child->died;
}

RefPtr<StubThread> Listener::Unsealed(SystrapAddressSpace& space) {
  MutexLock lock(mu_);
  for (StubThread* thread : space.threads()) {
    if (!thread->sealed) return RefPtr<StubThread>::Share(thread);
  }
  return nullptr;
}

void Listener::Sealed(StubThread& thread) {
  MutexLock lock(mu_);
  thread.sealed = true;
}

RefPtr<StubThread> Listener::AnyStopped(SystrapAddressSpace& space) {
  MutexLock lock(mu_);
  for (StubThread* thread : space.threads()) {
    if (thread->stopped() && !thread->ops_running) return RefPtr<StubThread>::Share(thread);
  }
  return nullptr;
}

RefPtr<StubThread> Listener::Borrow(SystrapAddressSpace& space, StubThread* via) {
  MutexLock lock(mu_);
  RefPtr<StubThread> chosen;
  if (via != nullptr && via->stopped() && via->space == &space) {
    chosen = RefPtr<StubThread>::Share(via);
  } else {
    for (StubThread* thread : space.threads()) {
      if (thread->stopped()) {
        chosen = RefPtr<StubThread>::Share(thread);
        break;
      }
    }
  }
  if (chosen) {
    ++chosen->borrowers;
    return chosen;
  }
  if (space.threads().empty()) return nullptr;
  chosen = RefPtr<StubThread>::Share(space.threads().front());
  ++chosen->borrowers;
  syscall(SYS_tgkill, chosen->pid, chosen->tid, kInterruptSignal);
  StubThread& thread = *chosen;
  ++waits_;
  Wait([&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return thread.stopped() || thread.died; });
  --waits_;
  if (!thread.died) return chosen;
  --thread.borrowers;
  return nullptr;
}

void Listener::PutBack(StubThread& thread) {
  After after;
  Event held;
  {
    MutexLock lock(mu_);
    if (--thread.borrowers > 0) return;
    if (thread.ending && !thread.ended && thread.state != RunState::kRunning) {
      after = EndLocked(thread);
    } else if (thread.state == RunState::kHeld && thread.held_event.kind == EventKind::kInterrupt && !thread.interrupt_wanted) {
      after = ResumeLocked(thread);
    } else if (thread.state == RunState::kHeld) {
      thread.state = RunState::kInEvent;
      held = thread.held_event;
      after.dispatch = &held;
    } else {
      after = ResumeHeldBackLocked(thread);
    }
  }
  Do(after, thread);
}

}  // namespace ringwall::platform::systrap
