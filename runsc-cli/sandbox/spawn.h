// One sandbox process: clone(2) into new namespaces, descriptors put into place, execve of this same program.
#pragma once

#include <sys/types.h>

#include <utility>
#include <vector>

#include "base/fd/unique_fd.h"

namespace ringwall::sandbox {

struct SpawnRequest {
  const char* role = nullptr;            // first argument of the new process: "boot" or "gofer"
  const char* id = nullptr;              // second argument, for `ps`
  int exe = -1;                          // O_PATH descriptor of this program
  unsigned long namespaces = 0;          // CLONE_NEW*: the process is born in them
  unsigned long own_namespaces = 0;      // CLONE_NEW*: it makes them itself before it starts, while the caller goes on
  std::vector<std::pair<int, int>> fds;  // (ours, its number); 0, 1, 2 included
  int report = -1;                       // where a failure between clone and exec is told (a StartReport)
};

// With CLONE_NEWUSER in `namespaces`, maps the caller's ids to root of the new user namespace before the program starts.
// The pid, or -1 with errno set.
pid_t Spawn(const SpawnRequest& request);

// Writes the id maps of a process that is in a new user namespace. False with errno set.
bool WriteIdMaps(pid_t pid, const char* uid_map, const char* gid_map, bool deny_setgroups);

// The descriptor under a number of our choice, close-on-exec; what was there is closed. Invalid with errno set on failure.
UniqueFd MoveDescriptor(UniqueFd from, int number);

// Tells a waiting command line that the start failed. Async-signal-safe.
void ReportFailure(int fd, const char* what, int host_errno);

}  // namespace ringwall::sandbox
