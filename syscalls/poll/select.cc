// select(2), pselect(2).
#include <algorithm>
#include <array>
#include <vector>

#include "syscalls/poll/poll.h"
#include "syscalls/poll/wait_set.h"

namespace ringwall::syscalls {
namespace {

// What each set asks for, and which events make its bit come back (poll(2), NOTES).
struct SetRule {
  uint32_t ask;
  uint32_t answer;
};
constexpr std::array<SetRule, 3> kRules = {{{abi::kPOLLIN | abi::kPOLLRDNORM | abi::kPOLLRDBAND, abi::kPOLLIN_SET},
                                            {abi::kPOLLOUT | abi::kPOLLWRNORM | abi::kPOLLWRBAND, abi::kPOLLOUT_SET},
                                            {abi::kPOLLPRI, abi::kPOLLEX_SET}}};

using Words = std::vector<uint64_t>;

Result<int64_t> DoSelect(Task& task, int32_t count, const std::array<UserAddr, 3>& sets, int64_t deadline_ns) {
  if (count < 0) return Errno::kEINVAL;
  // Bits beyond the table can't be open.
  const uint32_t n = std::min<uint32_t>(static_cast<uint32_t>(count), vfs::FdTable::kMaxFds);
  const size_t words = (n + 63) / 64;
  std::array<Words, 3> asked;
  std::array<Words, 3> answer;
  for (size_t s = 0; s < 3; ++s) {
    asked[s].assign(words, 0);
    answer[s].assign(words, 0);
    if (!sets[s].is_null()) TRY(task.memory().ReadArray<uint64_t>(sets[s].value, absl::MakeSpan(asked[s])));
  }
  WaitSet set;
  int64_t ready = 0;
  for (uint32_t fd = 0; fd < n; ++fd) {
    const size_t word = fd / 64;
    const uint64_t bit = uint64_t{1} << (fd % 64);
    uint32_t mask = 0;
    for (size_t s = 0; s < 3; ++s) {
      if ((asked[s][word] & bit) != 0) mask |= kRules[s].ask;
    }
    if (mask == 0) continue;
    const Ref<vfs::File> file = TRY(task.fds().Get(Fd{static_cast<int32_t>(fd)}));
    // An O_PATH descriptor is open, and ready for an error in every way.
    const wait::EventMask events = file->kind() == vfs::FileKind::kPath ? abi::kPOLLNVAL : set.Look(file, mask);
    for (size_t s = 0; s < 3; ++s) {
      if ((asked[s][word] & bit) != 0 && (events & (kRules[s].answer | abi::kPOLLNVAL)) != 0) {
        answer[s][word] |= bit;
        ++ready;
      }
    }
  }
  // A signal that has come by the time the call gives up is what it reports.
  if (ready == 0 && (time::MonotonicNs() < deadline_ns || task.SignalPending())) return set.Park(task, deadline_ns, Errno::kRestartNoHand);
  for (size_t s = 0; s < 3; ++s) {
    if (!sets[s].is_null()) TRY(task.memory().WriteArray<uint64_t>(sets[s].value, absl::Span<const uint64_t>(answer[s])));
  }
  return ready;
}

bool Finished(const Result<int64_t>& result) { return result.ok() || result.error() != Errno::kParked; }

}  // namespace

Result<int64_t> SysSelect(Task& task, int32_t count, UserAddr in, UserAddr out, UserAddr ex, UserInOut<abi::Timeval> timeout) {
  int64_t relative = -1;
  if (!timeout.is_null()) {
    const abi::Timeval tv = TRY(timeout.Read(task.memory()));
    if (tv.tv_sec < 0 || tv.tv_usec < 0) return Errno::kEINVAL;
    relative =
        time::SaturatingAdd(time::ToNs({.tv_sec = tv.tv_sec, .tv_nsec = 0}), tv.tv_usec > INT64_MAX / 1000 ? INT64_MAX : tv.tv_usec * 1000);
  }
  const int64_t deadline = task.DeadlineAfter(relative);
  auto result = DoSelect(task, count, {in, out, ex}, deadline);
  if (Finished(result) && !timeout.is_null()) {
    // Linux changes the timeout to the time not slept (select(2)); a fault there is ignored, but then the call can't be restarted.
    const int64_t left = std::max<int64_t>(0, deadline - time::MonotonicNs());
    const abi::Timeval tv{.tv_sec = left / time::kNsPerSecond, .tv_usec = left % time::kNsPerSecond / 1000};
    if (!timeout.Write(task.memory(), tv).ok() && !result.ok() && result.error() == Errno::kRestartNoHand) return Errno::kEINTR;
  }
  return result;
}

Result<int64_t> SysPselect6(Task& task, int32_t count, UserAddr in, UserAddr out, UserAddr ex, UserInOut<abi::Timespec> timeout,
                            UserIn<abi::SigSetArg> mask) {
  int64_t relative = -1;
  if (!timeout.is_null()) {
    const abi::Timespec ts = TRY(timeout.Read(task.memory()));
    if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
    relative = time::ToNs(ts);
  }
  if (!mask.is_null()) {
    const abi::SigSetArg arg = TRY(mask.Read(task.memory()));
    TRY(UseMask(task, {arg.ss}, arg.ss_len));
  }
  const int64_t deadline = task.DeadlineAfter(relative);
  auto result = DoSelect(task, count, {in, out, ex}, deadline);
  if (Finished(result) && !timeout.is_null()) {
    const int64_t left = std::max<int64_t>(0, deadline - time::MonotonicNs());
    if (!timeout.Write(task.memory(), time::ToTimespec(left)).ok() && !result.ok() && result.error() == Errno::kRestartNoHand)
      return Errno::kEINTR;
  }
  return result;
}

}  // namespace ringwall::syscalls
