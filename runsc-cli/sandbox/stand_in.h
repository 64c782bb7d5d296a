// The stand-in: the host process that engines supervise in place of the container's first process. Parent of the sentry and the gofer.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd/unique_fd.h"
#include "runsc-cli/container/error_log.h"

namespace ringwall::sandbox {

struct StandInOptions {
  pid_t sentry = -1;
  pid_t gofer = -1;
  UniqueFd owner;   // to the sentry: signals and sizes in, the exit status out. Closing it (our death) kills the container.
  UniqueFd caller;  // to the command line: see CallerMessage
  container::ErrorLog log;
  std::string id;
  // `do`: when the caller dies the container dies, and its state directory STORE_ROOT/id is removed.
  bool ephemeral = false;
  std::string store_root;  // empty: there is no state directory
  bool map_ids = false;    // answer the sentry's request for the id maps of its user namespace
  std::string uid_map;
  std::string gid_map;
};

// Command line to stand-in. Until kCommit the container lives and dies with its creator.
struct CallerMessage {
  enum class Kind : uint32_t { kCommit = 1, kResize = 2, kStart = 3 };
  Kind kind = Kind::kCommit;
  uint16_t rows = 0;
  uint16_t columns = 0;
};

// Runs until the container is gone, then ends this process as the container's first process ended: same exit status or same signal.
[[noreturn]] void RunStandIn(StandInOptions options);

}  // namespace ringwall::sandbox
