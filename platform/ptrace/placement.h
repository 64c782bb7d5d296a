// Which CPU a guest thread runs on. A ptrace round trip costs about 10 us when tracer and tracee share a CPU and 70 us when the wake-up
// crosses CPUs, so threads that make calls sit on the tracer's CPU and threads that compute are let go. Tracer thread only.
#pragma once

#include <sched.h>

#include <cstdint>
#include <vector>

#include "platform/ptrace/tracee.h"

namespace ringwall::platform::ptrace {

class Placement {
 public:
  // Length of a tick, nanoseconds.
  static constexpr int64_t kTickNs = 4'000'000;

  Placement() = default;
  Placement(const Placement&) = delete;
  Placement& operator=(const Placement&) = delete;

  // Pins the calling thread, the tracer, to `cpu` or (-1, or not ours) to the one it is on. Off (everything stays where it is) with one CPU
  // or when the host refuses.
  void Start(int cpu);
  // Gives the tracer its CPUs back.
  void Stop();
  bool on() const { return on_; }
  // A host thread that shall stay on the tracer's CPU (zygote: its children inherit).
  void Pin(int32_t tid);

  void OnResume(Tracee& tracee);
  void OnStop(Tracee& tracee);
  // Every kTickNs while WantsTick().
  void OnTick();
  // True while a thread runs that a tick could let go.
  bool WantsTick() const { return on_ && pinned_running_ > 0; }
  size_t running() const { return running_.size(); }

 private:
  void SetFree(Tracee& tracee, bool free);

  bool on_ = false;
  cpu_set_t all_{};
  cpu_set_t pinned_{};
  std::vector<Tracee*> running_;
  size_t pinned_running_ = 0;
  uint32_t epoch_ = 1;
};

}  // namespace ringwall::platform::ptrace
