// StubThread: one host thread of a stub and the guest thread that lives on it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "arch/x86_64/registers.h"
#include "base/ref/ref.h"
#include "platform/platform.h"
#include "platform/systrap/guest/layout.h"
#include "platform/systrap/pace.h"

namespace ringwall::platform::systrap {

class Listener;
class SystrapAddressSpace;

// What the sentry is doing with the guest thread.
enum class RunState : uint8_t {
  kParked,   // stopped; nobody works on it
  kInEvent,  // a worker is in its sink, or will be soon
  kRunning,  // guest code, or on its way to or from it
  kHeld,     // it had an event while somebody had borrowed it; dispatched when it is put back
  kDead,     // the host took it away
};

class StubThread : public RefCounted {
 public:
  StubThread(Listener& of, uint32_t context_slot, Context* shared);
  ~StubThread() override;

  const Ref<Listener> listener;
  const uint32_t slot;
  Context* const context;  // shared with the stub: every read is of a claim

  // The sentry's, while the thread is stopped.
  arch::Registers regs{};
  uint64_t frame = 0;  // offset of the signal frame in the context, checked
  // Guest memory that came along with the call: claims, checked to lie in the context.
  uint32_t brought_count = 0;
  std::array<Brought, kMaxBrought> brought{};
  bool fp_live = false;  // the vector registers are in the CPU, not yet in the frame (Listener::SaveFp)

  // ---- the rest is guarded by the listener's lock ----
  SystrapAddressSpace* space = nullptr;  // null when the space is gone
  EventSink* sink = nullptr;             // null when the guest thread was destroyed
  GuestThread* facade = nullptr;
  int32_t tid = 0;
  int32_t pid = 0;  // of the process: the leader's tid
  RunState state = RunState::kParked;

  // The conversation. The stub waits for an answer while handled != answered.
  uint32_t handled = 0;   // number of the latest request taken
  uint32_t answered = 0;  // number of the latest answer given
  uint64_t sleeping = 0;  // notification in which it sleeps; 0: none
  bool sealed = true;     // no child can inherit its context; a forked child's is sealed before it has a child
  bool born = false;      // its first request was taken

  Pace pace;

  // Operations under way.
  bool ops_running = false;
  bool ops_done = false;
  bool ops_quiet = false;  // none of them is notified
  uint32_t ops_succeeded = 0;
  std::vector<Op> ops;       // our copy: notifications are compared with it
  size_t next_notified = 0;  // the next of them that may be notified

  uint64_t window_used = 0;  // by deferred copies

  // Done on the way back to guest code, or before anybody looks (SystrapAddressSpace::Defer).
  std::vector<Op> deferred;
  std::vector<int> pins;   // numbers of files that these name, held until the next request after they were done
  bool finishing = false;  // they are `ops` now, and the stub does them before it leaves the handler

  Event held_event{};
  int borrowers = 0;
  bool pending_resume = false;
  bool pending_post = false;
  bool interrupt_wanted = false;
  // Since when, and since which CPU time of its own, the thread has not answered an interrupt; 0: it owes no answer.
  int64_t unheard_since_ns = 0;
  uint64_t unheard_cpu_ns = 0;
  bool died = false;    // kExited is to be delivered
  bool ending = false;  // destroyed while it ran: ends at its next event
  bool ended = false;   // nobody will resume it
  bool leader = false;  // stays until its process ends, so that the process id is good for copies

  // A request of its may come any moment.
  bool asking() const { return state == RunState::kRunning || (ops_running && !ops_done && ops_quiet); }
  bool stopped() const { return born && handled != answered && !died; }
  // It stands in its exit, and has brought along what it used.
  bool told_usage() const { return stopped() && __atomic_load_n(&context->usage_of, __ATOMIC_RELAXED) == handled; }
};

}  // namespace ringwall::platform::systrap
