// Listener: looking for a thread's next request in shared memory instead of sleeping in the host until it is notified. Two microseconds a
// call instead of seven, while a CPU is free and calls come fast; a waste of a CPU otherwise (pace.h decides).
#include <poll.h>
#include <sched.h>

#include "platform/systrap/core.h"
#include "platform/systrap/listener.h"

namespace ringwall::platform::systrap {
namespace {

// The stub looks longer: we may be on our way to another CPU.
constexpr uint64_t kStubWindow = 4 * Pace::kWindow;

thread_local const Listener* serving = nullptr;

uint64_t Ticks() { return __builtin_ia32_rdtsc(); }

}  // namespace

void Listener::Serve(bool begin) { serving = begin ? this : nullptr; }

bool Listener::ServedHere() const { return serving == this; }

void Listener::MeasureGap(StubThread& thread) { thread.pace.Asked(Ticks()); }

void Listener::ConsiderPolling(StubThread& thread) {
  thread.pace.Answered(Ticks());
  const bool hot = hot_.get() == &thread;
  const bool crowded = core_.Crowded(hot ? 0 : 1);
  if (crowded) thread.pace.Disturb();
  // Only our own worker comes back to look; the stub must not sleep in a notification that nobody has received.
  if (serving != this || crowded || !thread.pace.poll()) {
    if (hot) StopPolling();
    if (serving == this) MoveBack();
    return;
  }
  if (hot) return;
  if (hot_ || !core_.BecomePoller()) return;
  hot_ = RefPtr<StubThread>::Share(&thread);
  polled_in_a_row_ = 0;
  __atomic_store_n(&thread.context->spin, static_cast<uint32_t>(kStubWindow >> 10), __ATOMIC_SEQ_CST);
}

void Listener::StopPolling() {
  if (!hot_) return;
  __atomic_store_n(&hot_->context->spin, 0, __ATOMIC_SEQ_CST);
  hot_.reset();
  core_.CeasePolling();
}

bool Listener::Readable() const {
  pollfd wait{fd_.get(), POLLIN, 0};
  return poll(&wait, 1, 0) > 0;
}

bool Listener::HungUp() const {
  pollfd wait{fd_.get(), 0, 0};
  if (poll(&wait, 1, 0) > 0 && (wait.revents & POLLHUP) != 0) return true;
  sched_yield();
  return false;
}

bool Listener::Poll(StubThread& thread, uint32_t handled) {
  // The host woke the stub on our CPU, and it can't run while we look. One of us has to go.
  const int cpu = sched_getcpu();
  const bool together = woke_here_ || __atomic_load_n(&thread.context->cpu, __ATOMIC_RELAXED) == static_cast<uint32_t>(cpu);
  woke_here_ = false;
  if (cpu >= 0 && together) {
    cpu_set_t others = core_.cpus();
    CPU_CLR(static_cast<size_t>(cpu), &others);
    moved_ = CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof(others), &others) == 0;
  }
  const uint64_t start = Ticks();
  do {
    for (int i = 0; i < 16; ++i) {
      if (__atomic_load_n(&thread.context->asked, __ATOMIC_ACQUIRE) != handled) return true;
      __builtin_ia32_pause();
    }
  } while (Ticks() - start < Pace::kWindow && !core_.Crowded(0));
  return false;
}

void Listener::MoveBack() {
  if (!moved_) return;
  moved_ = false;
  sched_setaffinity(0, sizeof(cpu_set_t), &core_.cpus());
}

}  // namespace ringwall::platform::systrap
