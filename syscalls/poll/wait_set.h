// One look at many descriptors, and parking on all of them: shared by poll(2) and select(2).
#pragma once

#include <cstdint>
#include <vector>

#include "abi/poll.h"
#include "abi/signal.h"
#include "sentry/task/task.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

class WaitSet {
 public:
  // The events of `mask` (and errors, hang-ups) that hold now; joins the set otherwise.
  wait::EventMask Look(vfs::File& file, wait::EventMask mask) {
    const wait::EventMask all = mask | abi::kPOLLERR | abi::kPOLLHUP;
    const wait::EventMask now = file.Readiness(all) & all;
    if (now == 0) on_.push_back({&file, mask, RefPtr<RefCounted>::Share(&file)});
    return now;
  }
  Errno Park(task::Task& task, int64_t deadline_ns, Errno when_interrupted) const { return task.Park(on_, deadline_ns, when_interrupted); }

 private:
  std::vector<task::ParkOn> on_;
};

// Installs the mask of ppoll, pselect and epoll_pwait at the call's first run; EINVAL for a wrong size.
inline Result<void> UseMask(task::Task& task, UserIn<abi::SigSet> mask, uint64_t set_size) {
  if (mask.is_null() || task.IsRerun()) return {};
  if (set_size != sizeof(abi::SigSet)) return Errno::kEINVAL;
  const abi::SigSet wanted = TRY(mask.Read(task.memory()));
  task.SetTemporaryMask(wanted & ~(abi::SigMask(abi::kSIGKILL) | abi::SigMask(abi::kSIGSTOP)));
  return {};
}

// Milliseconds as poll(2) has them: negative = for ever.
inline int64_t MsToNs(int32_t timeout_ms) { return timeout_ms < 0 ? -1 : int64_t{timeout_ms} * 1'000'000; }

}  // namespace ringwall::syscalls
