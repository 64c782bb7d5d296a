// Tracee: the tracer's record of one host thread of a stub. Plain data for the tracer thread; the atomics are what other threads touch.
#pragma once

#include <atomic>
#include <cstdint>

#include "arch/x86_64/registers.h"
#include "base/ref/ref.h"
#include "platform/platform.h"

namespace ringwall::platform::ptrace {

class PtraceAddressSpace;

enum class RunState : uint8_t {
  kParked,   // in a ptrace stop; the sentry owns the registers
  kStopped,  // in a ptrace stop, with an event that waits for its turn
  kInEvent,  // in a ptrace stop; the sink is being called
  kRunning,  // guest code
  kEnded,    // no guest thread any more; the host thread exits, or stays stopped if it leads its process
  kDead,     // the host reported its death
};

class Tracee : public RefCounted {
 public:
  Tracee(int32_t tid_in, int32_t tgid_in, PtraceAddressSpace* space_in) : tid(tid_in), tgid(tgid_in), space(space_in) {}

  bool leader() const { return tid == tgid; }
  bool Stopped() const {
    const RunState s = state.load(std::memory_order_relaxed);
    return s == RunState::kParked || s == RunState::kStopped || s == RunState::kInEvent || (s == RunState::kEnded && leader());
  }

  const int32_t tid;
  const int32_t tgid;
  // Written by the tracer only. Interrupt() of other threads reads it after setting interrupt_wanted; see Tracer::Interrupt.
  std::atomic<RunState> state{RunState::kParked};
  std::atomic<bool> interrupt_wanted{false};

  // Everything below: tracer thread only, except that regs belong to the sentry during an event and while parked.
  PtraceAddressSpace* space;  // null once the address space is gone
  EventSink* sink = nullptr;  // null once the guest thread is gone
  GuestThread* facade = nullptr;
  arch::Registers regs{};       // what the guest thread is to have
  arch::Registers host_regs{};  // what the host has, when host_regs_valid
  bool host_regs_valid = false;
  Event event{};  // for kReadyEvent

  // Queues. A tracee is in each at most once and holds a reference for it.
  enum Ready : uint8_t { kReadyEvent = 1, kReadyPost = 2, kReadyResume = 4 };
  uint8_t ready = 0;
  Tracee* next_ready = nullptr;
  enum Inbox : uint8_t { kInboxPost = 1, kInboxResume = 2 };
  uint8_t inbox = 0;             // guarded by the tracer's inbox mutex
  Tracee* next_inbox = nullptr;  // the same

  // Placement (placement.h).
  uint32_t running_index = 0;  // position in Placement's list, when running
  bool listed = false;
  bool free = true;  // may run on every CPU; as its creator, pinned when it comes from the pinned zygote
  uint8_t quiet_ticks = 0;
  uint8_t short_gaps = 0;
  uint32_t epoch = 0;
  uint32_t events_in_epoch = 0;
  int64_t resumed_at_ns = 0;  // only kept while free
};

}  // namespace ringwall::platform::ptrace
