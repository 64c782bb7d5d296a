// Cpus: which CPUs are ours, and where host threads may run.
#pragma once

#include <sched.h>

namespace ringwall::platform::systrap {

class Cpus {
 public:
  void Load() {
    CPU_ZERO(&all_);
    if (sched_getaffinity(0, sizeof(all_), &all_) == 0) count_ = CPU_COUNT(&all_);
  }
  const cpu_set_t& all() const { return all_; }
  int count() const { return count_; }

  // The thread runs on another CPU than the caller from now on: what it is about to do is long, and nobody waits for it. The host would
  // start it on ours otherwise, in front of us. Nothing where there is one CPU only.
  void SendAway(int tid) const {
    const int cpu = sched_getcpu();
    if (cpu < 0 || count_ < 2) return;
    cpu_set_t others = all_;
    CPU_CLR(static_cast<size_t>(cpu), &others);
    if (CPU_COUNT(&others) > 0) (void)sched_setaffinity(tid, sizeof(others), &others);
  }
  void Release(int tid) const { (void)sched_setaffinity(tid, sizeof(all_), &all_); }

 private:
  cpu_set_t all_{};
  int count_ = 1;
};

}  // namespace ringwall::platform::systrap
