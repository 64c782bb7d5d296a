// The gofer's server: one connection, one thread, the only place where a container's host files are opened.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"

namespace ringwall::gofer {

// One tree that the client may attach to. Index in ServerOptions::mounts = the client's mount index.
struct MountRoot {
  UniqueFd root;             // O_PATH or readable; a directory, or a single bind-mounted file
  bool read_only = false;    // changes answer EROFS
  bool exclusive = false;    // nobody else writes below it
  bool cross_mounts = true;  // false: RESOLVE_NO_XDEV, host mounts below the root are not entered
};

struct ServerOptions {
  UniqueFd socket;  // SOCK_SEQPACKET
  std::vector<MountRoot> mounts;
  // From OpenProcSelfFd(), taken while a proc file system is in reach. Invalid: RunServer opens one itself.
  UniqueFd proc_self_fd;
  uint32_t max_nodes = 131072;     // lowered to what RLIMIT_NOFILE leaves
  bool allow_fifo_open = false;    // donate descriptors of FIFOs (default: the sentry has pipes of its own)
  bool allow_device_open = false;  // donate descriptors of device nodes
  bool allow_connect = false;      // connect to unix sockets that live in the tree
  bool confine = true;             // drop capabilities and enter the seccomp filter before the first request
};

// Serves until the client hangs up or breaks the protocol: 0 after a clean end, 1 otherwise (the reason is logged).
// Takes the calling thread: its working directory and umask change (privately), and with `confine` its capabilities too.
int RunServer(ServerOptions options);
// What the gofer subcommand ends with: RunServer, then _exit with its result.
[[noreturn]] void RunGofer(ServerOptions options);

// A descriptor of this process's /proc/self/fd: from a detached proc of its own that shows processes only (subset=pid), where the
// kernel and our rights allow, else from /proc. Nodes are reopened through it, see README.md.
Result<UniqueFd> OpenProcSelfFd();

}  // namespace ringwall::gofer
