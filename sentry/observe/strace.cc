// strace lines.
#include "sentry/observe/strace.h"

#include <algorithm>
#include <string>

#include "base/error/errno.h"
#include "base/log/log.h"
#include "sentry/kernel/kernel.h"
#include "sentry/task/syscall_table.h"
#include "sentry/task/task.h"
#include "sentry/time/clock.h"

namespace ringwall::observe {
namespace {

// The log names its rooms after folders: these lines have a room of their own.
constexpr const char* kRoom = "sentry/strace/strace.cc";

std::string Hex(uint64_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  do {
    text.insert(text.begin(), kDigits[value & 15]);
    value >>= 4;
  } while (value != 0);
  return "0x" + text;
}

const char* RestartName(Errno code) {
  switch (code) {
    case Errno::kRestartSys: return "ERESTARTSYS";
    case Errno::kRestartNoIntr: return "ERESTARTNOINTR";
    case Errno::kRestartNoHand: return "ERESTARTNOHAND";
    default: return "ERESTART_RESTARTBLOCK";
  }
}

}  // namespace

void StraceCall(task::Task& task, const task::SyscallRow& row, uint64_t number, const task::RawArgs& args, const task::CallOutcome& outcome,
                int64_t started_ns) {
  const auto& wanted = task.kernel().options().strace_calls;
  if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), row.name) == wanted.end()) return;

  std::string line = "[" + std::to_string(task.tid()) + "] ";
  line += row.name.empty() ? "syscall_" + std::to_string(number) : std::string(row.name);
  line += '(';
  // After execve, exit and sigreturn the registers and the memory are somebody else's: no look at out-arguments.
  if (row.describe != nullptr && !outcome.keep_registers) {
    row.describe(line, task, args, task::TracePhase::kExit, outcome.value);
  } else if (row.describe == nullptr) {
    for (size_t i = 0; i < args.value.size(); ++i) line += (i == 0 ? "" : ", ") + Hex(args.value[i]);
  } else {
    for (size_t i = 0; i < row.arity; ++i) line += (i == 0 ? "" : ", ") + Hex(args.value[i]);
  }
  line += ") = ";
  if (outcome.keep_registers) {
    line += '?';
  } else if (outcome.value < 0 && outcome.value >= -4095) {
    const auto error = static_cast<Errno>(-outcome.value);
    line += IsRestartCode(error) ? std::string("? ") + RestartName(error) : std::string("-1 ") + ErrnoName(error);
  } else if (static_cast<uint64_t>(outcome.value) >= 1u << 24) {
    line += Hex(static_cast<uint64_t>(outcome.value));
  } else {
    line += std::to_string(outcome.value);
  }
  line += " <" + std::to_string((time::MonotonicNs() - started_ns) / 1000) + " us>";
  EmitLog(LogLevel::kInfo, kRoom, __LINE__, line);
}

}  // namespace ringwall::observe
