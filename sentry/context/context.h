// Context: what the lower rooms may know about the task they work for. Task implements it; KernelContext (boot, helper threads) too.
#pragma once

#include <cstdint>

#include "abi/time.h"

namespace ringwall {

namespace cred {
class Credentials;
class Namespace;
}  // namespace cred
namespace mm {
class UserMemory;
}
namespace task {
class Task;
}

class Context {
 public:
  virtual ~Context() = default;
  // The credentials that file system checks use. Stable for the duration of one system call.
  virtual const cred::Credentials& creds() const = 0;
  // The guest memory of the caller. Only for ioctl-like calls that decode their own arguments; data moves through IoSink/IoSource.
  virtual mm::UserMemory& memory() = 0;
  // CLOCK_REALTIME for time stamps.
  virtual abi::Timespec Now() const = 0;
  // True when a deliverable signal waits: long loops stop early.
  virtual bool SignalPending() const = 0;
  // Thread group id in the root pid namespace (lock owners, SO_PEERCRED); 0 for the kernel itself.
  virtual int32_t tgid() const = 0;
  // RLIMIT_FSIZE in bytes; ~0 when unlimited.
  virtual uint64_t FileSizeLimit() const = 0;
  // The caller's network and IPC namespaces (sentry/cred/namespace.h: AttachOnce keeps a room's state per namespace); null for the kernel
  // itself and in tests: the initial ones.
  virtual cred::Namespace* net_ns() { return nullptr; }
  virtual cred::Namespace* ipc_ns() { return nullptr; }
  // The task itself, for the rooms above the task ring (proc, tty ioctls through task/). Null for the kernel.
  virtual task::Task* AsTask() { return nullptr; }
};

}  // namespace ringwall
