// What a task has of ptrace(2), as tracee and as tracer.
//
// A Tracee is one thread's bond to its tracer. It outlives the thread: a traced thread stays a zombie until its tracer has waited for it.
// Everything here is guarded by the pid table's lock (Linux's tasklist_lock and siglock in one), but what says otherwise.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "abi/signal.h"
#include "base/ref/ref.h"
#include "sentry/task/syscall_table.h"
#include "sentry/task/thread_group.h"

namespace ringwall::task {
class Task;
}

namespace ringwall::ptrace {

using task::Task;

// How a tracee was let go the last time: what stops it next.
enum class Resume : uint8_t { kRun, kToSyscall, kEmulate };

class Tracee final : public RefCounted {
 public:
  Tracee(Task* task, int32_t tid, Ref<task::ThreadGroup> group, Task* tracer, bool seized, uint32_t options)
      : task(task), tid(tid), group(std::move(group)), tracer(tracer), seized(seized), options(options) {}

  Task* task;  // null once the thread has ended
  int32_t tid;
  const Ref<task::ThreadGroup> group;
  Task* tracer;  // null: let go
  const bool seized;
  uint32_t options;

  // ---- stops ----
  bool stopped = false;
  bool frozen = false;         // the tracer looks at it right now: not even SIGKILL moves it
  bool listening = false;      // PTRACE_LISTEN
  bool trap_asked = false;     // PTRACE_INTERRUPT, or news about a group-stop: PTRACE_EVENT_STOP
  bool in_group_stop = false;  // has shown the current group-stop to its tracer
  int32_t stop_code = 0;       // as in a wait status: signal, | 0x80 of system calls, | event << 8
  bool stop_unreported = false;
  int32_t stop_cld = 0;  // si_code of SIGCHLD: CLD_TRAPPED, CLD_STOPPED
  bool has_info = false;
  abi::SigInfo info{};     // PTRACE_GETSIGINFO
  uint64_t message = 0;    // PTRACE_GETEVENTMSG
  uint8_t syscall_op = 0;  // PTRACE_SYSCALL_INFO_*: the kind of stop it is in
  uint32_t seccomp_data = 0;
  bool exit_stop = false;  // PTRACE_EVENT_EXIT: the task is dying anyway, so that does not end the stop

  // ---- death ----
  bool dead = false;
  int32_t wait_status = 0;
  uint32_t uid = 0;
  task::Usage usage{};
};

// Where a stopped task goes on. Task thread only.
enum class Stage : uint8_t {
  kNone,
  kEntry,    // syscall-enter-stop: then the filters
  kFilter,   // waits for a seccomp listener's answer: the filters again
  kSeccomp,  // PTRACE_EVENT_SECCOMP: the filters once more, for what the tracer made of the call
  kEvent,    // PTRACE_EVENT_* in a call: then the call goes on, or ends
  kExit,     // syscall-exit-stop
  kReturn,   // all others: back to the guest
};

class TaskPtrace {
 public:
  RefPtr<Tracee> self;               // null: nobody traces this task
  std::vector<Ref<Tracee>> tracees;  // whom this thread traces, the dead included

  // ---- written by the tracer while the task is stopped, read by the task's own thread when it runs again ----
  std::atomic<Resume> resume{Resume::kRun};
  std::atomic<bool> step{false};          // PTRACE_SINGLESTEP
  std::atomic<int32_t> resume_signal{0};  // what the tracer passed to go on with
  abi::SigInfo delivery_info{};           // of a signal-delivery-stop
  abi::SigInfo next_signal{};             // what became of it; si_signo 0 = nothing
  // PTRACE_EVENT_STOP is due: a blocked call gives up as for a signal.
  std::atomic<bool> trap_hint{false};
  // For /proc: in a ptrace-stop right now.
  std::atomic<bool> in_stop{false};

  // ---- task thread only ----
  Stage stage = Stage::kNone;
  task::CallOutcome outcome{};  // of the call that an event interrupted
  bool outcome_valid = false;
  int32_t event = 0;  // PTRACE_EVENT_* to report before the call goes on
  uint64_t event_message = 0;
  bool delivery_stop = false;  // the last stop was a signal-delivery-stop
  bool exit_reported = false;
  bool flag_forced = false;      // the trap flag in the registers is ours
  bool skip_call = false;        // PTRACE_SYSEMU
  bool handler_stepped = false;  // a handler was set up while stepping: stop at its first instruction
};

}  // namespace ringwall::ptrace
