// futex(2): wait, wake, requeue and wake-op. A waiter is queued before its word is read: whoever changes the word and wakes afterwards
// finds it.
#include <algorithm>
#include <memory>
#include <utility>

#include "abi/futex.h"
#include "sentry/futex/futex.h"
#include "sentry/futex/key.h"
#include "sentry/kernel/kernel.h"
#include "sentry/task/task.h"

namespace ringwall::futex {

using task::Task;

Result<Key> KeyOf(Task& task, uint64_t address, bool is_private) {
  if (address % 4 != 0) return Errno::kEINVAL;
  if (address >= task.mm().space().end()) return Errno::kEFAULT;
  // A private word is its address, mapped or not.
  if (is_private) return Key{.object = reinterpret_cast<uint64_t>(&task.mm()), .ino = 0, .offset = address};
  return task.mm().KeyFor(address, false);
}

namespace {

FutexTable& TableOf(Task& task) { return task.kernel().futexes(); }

// What a wait keeps between runs. Leaving the call by any way takes the waiters out.
struct WaitState : task::TypedCallState<WaitState> {
  explicit WaitState(Task& task) : table(TableOf(task)) {}
  ~WaitState() override {
    for (const Ref<Waiter>& waiter : waiters) table.Abandon(*waiter);
  }
  FutexTable& table;
  absl::InlinedVector<Ref<Waiter>, 1> waiters;
  absl::InlinedVector<std::pair<Key, uint32_t>, 1> keys;  // with the bitset, to pass a wake on
};

// Takes everything out. The index of a waiter that was woken, or -1.
int WokenIndex(WaitState& state) {
  int woken = -1;
  for (size_t i = 0; i < state.waiters.size(); ++i) {
    if (state.table.Dequeue(*state.waiters[i])) continue;
    if (state.waiters[i]->state() != Waiter::State::kWoken) continue;
    if (woken < 0) {
      woken = static_cast<int>(i);
    } else {
      // Two wakes met before we looked: the second belongs to somebody else.
      state.table.Wake(state.keys[i].first, 1, state.keys[i].second);
    }
  }
  return woken;
}

bool AnyWoken(const WaitState& state) {
  return std::any_of(state.waiters.begin(), state.waiters.end(), [](const auto& w) { return w->state() == Waiter::State::kWoken; });
}

// First run: queue, then look at the words. -1: asleep on all of them; else the index of one that was woken already.
Result<int> Queue(Task& task, WaitState& state, absl::Span<const WaitvEntry> entries, uint32_t bitset) {
  for (const WaitvEntry& entry : entries) {
    const Key key = TRY(KeyOf(task, entry.address, entry.is_private));
    state.keys.emplace_back(key, bitset);
  }
  for (size_t i = 0; i < entries.size(); ++i) {
    const Key& key = state.keys[i].first;
    state.waiters.push_back(MakeRef<Waiter>(task, key, bitset, /*pi=*/false));
    state.table.Enqueue(*state.waiters.back());
    const auto value = task.memory().ReadValue<uint32_t>(entries[i].address);
    if (value.ok() && *value == entries[i].expected) continue;
    const int woken = WokenIndex(state);
    if (woken >= 0 && static_cast<size_t>(woken) != i) return woken;
    // A wake that met us in between was not ours: the word had changed before we slept. Pass it on.
    if (woken >= 0) state.table.Wake(key, 1, bitset);
    return value.ok() ? Errno::kEAGAIN : value.error();
  }
  return -1;
}

// Parks, or ends the wait: the index woken, ETIMEDOUT, or `when_interrupted`.
Result<int64_t> Continue(Task& task, WaitState& state, int64_t deadline_ns, Errno when_interrupted) {
  if (AnyWoken(state)) return WokenIndex(state);
  if (deadline_ns != time::kNever && time::MonotonicNs() >= deadline_ns) {
    const int woken = WokenIndex(state);
    if (woken >= 0) return woken;
    return Errno::kETIMEDOUT;
  }
  const Errno outcome = task.ParkUntilWoken(deadline_ns, when_interrupted);
  if (outcome != Errno::kParked) {
    const int woken = WokenIndex(state);
    if (woken >= 0) return woken;
  }
  return outcome;
}

Result<int64_t> WaitAgain(Task& task) {
  const auto& d = task.restart_data;
  return FutexWait(task, d.args[0], d.args[3] != 0, static_cast<uint32_t>(d.args[1]), static_cast<uint32_t>(d.args[2]), d.deadline_ns);
}

}  // namespace

Result<int64_t> FutexWait(Task& task, uint64_t address, bool is_private, uint32_t expected, uint32_t bitset, int64_t deadline_ns) {
  if (bitset == 0) return Errno::kEINVAL;
  WaitState* state = task.call_state<WaitState>();
  if (state == nullptr) {
    state = &task.MakeCallState<WaitState>(task);
    const WaitvEntry entry{.address = address, .expected = expected, .is_private = is_private};
    TRY(Queue(task, *state, absl::MakeSpan(&entry, 1), bitset));
  }
  // With a time limit a restart must not begin it anew (restart_syscall(2)).
  const bool timed = deadline_ns != time::kNever;
  const Result<int64_t> result = Continue(task, *state, deadline_ns, timed ? Errno::kRestartBlock : Errno::kRestartSys);
  if (result == Errno::kRestartBlock) {
    task.restart_data = {.deadline_ns = deadline_ns, .args = {address, expected, bitset, is_private ? 1u : 0u}};
    task.SetRestart(&WaitAgain);
  }
  if (!result.ok()) return result.error();
  return 0;
}

Result<int64_t> FutexWaitv(Task& task, absl::Span<const WaitvEntry> entries, int64_t deadline_ns) {
  if (entries.empty() || entries.size() > abi::kFUTEX_WAITV_MAX) return Errno::kEINVAL;
  WaitState* state = task.call_state<WaitState>();
  if (state == nullptr) {
    state = &task.MakeCallState<WaitState>(task);
    const int woken = TRY(Queue(task, *state, entries, abi::kFUTEX_BITSET_MATCH_ANY));
    if (woken >= 0) return woken;
  }
  // Its time limit is absolute: a plain restart is right (futex_waitv(2)).
  return Continue(task, *state, deadline_ns, Errno::kRestartSys);
}

Result<int64_t> FutexWake(Task& task, uint64_t address, bool is_private, int32_t count, uint32_t bitset) {
  if (bitset == 0) return Errno::kEINVAL;
  const Key key = TRY(KeyOf(task, address, is_private));
  // Linux wakes one waiter for counts below one.
  return TableOf(task).Wake(key, std::max(count, 1), bitset);
}

Result<int64_t> FutexRequeue(Task& task, uint64_t address, uint64_t address2, bool is_private, int32_t wake, int32_t move,
                             const uint32_t* expected) {
  if (wake < 0 || move < 0) return Errno::kEINVAL;
  const Key from = TRY(KeyOf(task, address, is_private));
  const Key to = TRY(KeyOf(task, address2, is_private));
  FutexTable& table = TableOf(task);
  if (expected == nullptr) return table.Requeue(from, to, wake, move, nullptr);
  // The word and the queue can't be looked at together: when somebody queued in between, look at the word again. A guest that queues
  // without end delays only this call, and each round wins against some of its threads.
  constexpr int kRounds = 1000;
  for (int round = 0;; ++round) {
    const uint64_t arrivals = table.Arrivals(from);
    const uint32_t value = TRY(task.memory().ReadValue<uint32_t>(address));
    if (value != *expected) return Errno::kEAGAIN;
    const int64_t done = table.Requeue(from, to, wake, move, round < kRounds ? &arrivals : nullptr);
    if (done >= 0) return done;
  }
}

namespace {

struct WakeOp {
  uint32_t operation, compare;
  int32_t operand, compare_with;
};

int32_t SignExtend12(uint32_t bits) { return static_cast<int32_t>(bits << 20) >> 20; }

Result<WakeOp> DecodeWakeOp(uint32_t encoded) {
  WakeOp op{.operation = (encoded >> 28) & 7,
            .compare = (encoded >> 24) & 15,
            .operand = SignExtend12(encoded >> 12),
            .compare_with = SignExtend12(encoded)};
  if (((encoded >> 28) & abi::kFUTEX_OP_OPARG_SHIFT) != 0)
    op.operand = static_cast<int32_t>(1u << (static_cast<uint32_t>(op.operand) & 31));
  if (op.operation > abi::kFUTEX_OP_XOR || op.compare > abi::kFUTEX_OP_CMP_GE) return Errno::kENOSYS;
  return op;
}

uint32_t Apply(const WakeOp& op, uint32_t old) {
  const auto operand = static_cast<uint32_t>(op.operand);
  switch (op.operation) {
    case abi::kFUTEX_OP_SET: return operand;
    case abi::kFUTEX_OP_ADD: return old + operand;
    case abi::kFUTEX_OP_OR: return old | operand;
    case abi::kFUTEX_OP_ANDN: return old & ~operand;
    default: return old ^ operand;
  }
}

bool Holds(const WakeOp& op, uint32_t old_bits) {
  const auto old = static_cast<int32_t>(old_bits);
  switch (op.compare) {
    case abi::kFUTEX_OP_CMP_EQ: return old == op.compare_with;
    case abi::kFUTEX_OP_CMP_NE: return old != op.compare_with;
    case abi::kFUTEX_OP_CMP_LT: return old < op.compare_with;
    case abi::kFUTEX_OP_CMP_LE: return old <= op.compare_with;
    case abi::kFUTEX_OP_CMP_GT: return old > op.compare_with;
    default: return old >= op.compare_with;
  }
}

}  // namespace

Result<int64_t> FutexWakeOp(Task& task, uint64_t address, uint64_t address2, bool is_private, int32_t wake, int32_t wake2,
                            uint32_t operation) {
  const Key key = TRY(KeyOf(task, address, is_private));
  const Key key2 = TRY(KeyOf(task, address2, is_private));
  const WakeOp op = TRY(DecodeWakeOp(operation));
  // Read, then exchange until nobody was in between.
  uint32_t old = TRY(task.memory().ReadValue<uint32_t>(address2));
  for (;;) {
    const uint32_t found = TRY(task.memory().CompareExchange(address2, old, Apply(op, old)));
    if (found == old) break;
    old = found;
  }
  FutexTable& table = TableOf(task);
  int64_t woken = table.Wake(key, std::max(wake, 1), abi::kFUTEX_BITSET_MATCH_ANY);
  if (Holds(op, old)) woken += table.Wake(key2, std::max(wake2, 1), abi::kFUTEX_BITSET_MATCH_ANY);
  return woken;
}

void FutexTable::WakeAddress(Task& task, uint64_t address, int32_t count) {
  const Result<Key> key = KeyOf(task, address, /*is_private=*/false);
  if (key.ok()) Wake(*key, count, abi::kFUTEX_BITSET_MATCH_ANY);
}

}  // namespace ringwall::futex
