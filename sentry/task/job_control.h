// Job control between processes (signal(7), setpgid(2), credentials(7)): what parents, sessions and process groups are told. All of it
// takes the pid table's lock: callers hold none.
#pragma once

#include <cstdint>

#include "base/ref/ref.h"
#include "sentry/task/thread_group.h"

namespace ringwall::kernel {
class Kernel;
}
namespace ringwall::vfs {
class File;
}

namespace ringwall::task {

// SIGCHLD with CLD_STOPPED or CLD_CONTINUED (unless SA_NOCLDSTOP) and a wake-up for wait4(2).
void NotifyParentOfStop(ThreadGroup& child, int32_t cld_code, int32_t status);
// A thread of the group has left: a stop that only it held up is complete now.
void CheckGroupStop(ThreadGroup& group);
// SIGHUP and SIGCONT to the process group of `member` when the death or exit of `former_parent` orphaned it and one of its processes is
// stopped (POSIX exit(), "orphaned process group").
void CheckOrphanedGroup(ThreadGroup& member, ThreadGroup& former_parent);
// True when no member has a living parent in another process group of the same session: nobody could continue its jobs.
bool IsOrphaned(ThreadGroup& member);
// PR_SET_PDEATHSIG: the parent of `child` has died.
void SendParentDeathSignals(ThreadGroup& child);
// The session leader `group` dies: takes the controlling terminal away from its session and lets the terminal hang up.
void HangUpSession(kernel::Kernel& kernel, ThreadGroup& group);

// Makes the terminal behind `file` the controlling terminal of the group's session (the first process of a container with a console).
void AdoptTerminal(ThreadGroup& group, vfs::File& file);

// What the terminal room does for this one; it sets the hooks at boot. Called without locks.
struct TerminalHooks {
  void (*hang_up)(kernel::Kernel& kernel, Session& session, RefCounted& terminal) = nullptr;
  void (*adopt)(ThreadGroup& group, vfs::File& file) = nullptr;
};
void SetTerminalHooks(const TerminalHooks& hooks);

}  // namespace ringwall::task
