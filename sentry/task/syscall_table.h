// The type of one row of the system call table. syscalls/ fills it; the run loop only calls through it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "platform/platform.h"

namespace ringwall::task {

class Task;

struct RawArgs {
  std::array<uint64_t, 6> value;
};

enum class SupportLevel : uint8_t {
  kFull,
  kPartial,  // note: the sentence that says what is missing
  kTodo,     // ENOSYS for now, counted in the unimplemented ledger
  kRefuse,   // always refused, with `refusal`; note: why
};

enum class TracePhase : uint8_t { kEnter, kExit };

// What a handler's run came to. `value` is what the guest sees in the result register unless keep_registers.
struct CallOutcome {
  int64_t value = 0;            // result, or -errno (private codes included: the run loop resolves them)
  bool lasting = false;         // the same again until Task::ForgetAnswers()
  bool keep_registers = false;  // exit, execve, rt_sigreturn: the register is not touched
};

struct SyscallRow {
  std::string_view name;  // empty: no such number
  SupportLevel level = SupportLevel::kTodo;
  std::string_view note;
  int32_t refusal = 0;  // errno of kRefuse
  uint8_t arity = 0;
  platform::CallShape shape;                               // what it reads through its pointers in any case
  CallOutcome (*invoke)(Task&, const RawArgs&) = nullptr;  // null for kTodo and kRefuse
  // strace text: arguments only ("3, \"abc\", 3"); out-arguments are read back in kExit.
  void (*describe)(std::string& out, Task&, const RawArgs&, TracePhase, int64_t result) = nullptr;
};

inline constexpr int kSyscallTableSize = 512;

struct SyscallTable {
  std::array<SyscallRow, kSyscallTableSize> rows{};
};

}  // namespace ringwall::task
