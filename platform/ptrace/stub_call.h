// Remote work in a stopped stub thread: raw system calls from a list, an atomic compare-and-exchange, a touch. One stop for a whole list.
// Tracer thread only; other threads of the stub go on running guest code, so nothing here trusts guest-writable memory.
#pragma once

#include <cstdint>

#include "absl/types/span.h"
#include "arch/x86_64/registers.h"
#include "base/error/result.h"
#include "base/fd/unique_fd.h"
#include "platform/ptrace/guest/layout.h"
#include "platform/ptrace/stub_blob.h"

namespace ringwall::platform::ptrace {

// The memfd behind the op page, the idle ops and the mincore buffer, mapped writable in the sentry and read-only in stubs.
class StubMemory {
 public:
  StubMemory() = default;
  ~StubMemory();
  StubMemory(const StubMemory&) = delete;
  StubMemory& operator=(const StubMemory&) = delete;

  Result<void> Create();
  int fd() const { return fd_.get(); }
  Op* ops() const { return reinterpret_cast<Op*>(base_ + kOpPage * 4096); }
  Op* idle_ops() const { return reinterpret_cast<Op*>(base_ + kIdlePage * 4096); }
  uint8_t* scratch() const { return base_ + kScratchPage * 4096; }

 private:
  UniqueFd fd_;
  uint8_t* base_ = nullptr;
};

enum class StubOutcome : uint8_t {
  kDone,   // the routine reached its int3
  kFault,  // its first instruction faulted: the address it was to touch is bad
  kDead,   // the thread died; its wait status is consumed
};

class StubCaller {
 public:
  explicit StubCaller(StubMemory& memory) : memory_(memory) {}

  // Where the blob and the op list are in the tracees: fixed addresses, except while the zygote is being made.
  void SetAddresses(uint64_t code, uint64_t ops) {
    code_ = code;
    ops_ = ops;
  }

  // Sends `tid` (in a ptrace stop) through a routine. `regs` goes in (its rip is set here) and comes out.
  StubOutcome Run(int32_t tid, const StubRoutine& routine, arch::Registers& regs);

  struct OpsResult {
    StubOutcome outcome;
    size_t done;     // operations that succeeded
    uint64_t value;  // result of the last one that ran, or -errno
  };
  // At most kMaxOps operations. `base` gives segment registers and bases, so that a clone inherits them.
  OpsResult RunOps(int32_t tid, absl::Span<const Op> ops, const arch::Registers& base);
  // One operation; ESRCH when the thread died.
  Result<uint64_t> RunOne(int32_t tid, const Op& op, const arch::Registers& base);

 private:
  StubMemory& memory_;
  uint64_t code_ = kCodeAddress;
  uint64_t ops_ = kOpAddress;
};

// Registers for remote work in a thread whose guest registers are `guest`: same segments and bases, no flags, no stack.
arch::Registers StubRegisters(const arch::Registers& guest);

}  // namespace ringwall::platform::ptrace
