// The zygote: a blank process under ptrace that never runs guest code. Blank stubs are clones of it, its descriptor table is shared by all
// stubs, and two of its threads are the tracer's bell: a doorbell that other host threads signal, and a ticker. Tracer thread only.
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/fd/shared_fd.h"
#include "platform/ptrace/stub_call.h"

namespace ringwall::platform::ptrace {

class Zygote {
 public:
  Zygote(StubMemory& memory, StubCaller& caller) : memory_(memory), caller_(caller) {}
  ~Zygote() = default;
  Zygote(const Zygote&) = delete;
  Zygote& operator=(const Zygote&) = delete;

  // Forks and prepares it; on failure *why is a sentence for the operator.
  Result<void> Create(std::string* why);

  int32_t pid() const { return pid_; }
  int32_t doorbell() const { return doorbell_; }
  int32_t ticker() const { return ticker_; }

  // Index of exit(0) among the idle ops.
  static constexpr size_t kExitOp = 3;

  // A blank process, stopped and traced.
  Result<int32_t> CloneBlank();
  // The number under which stubs can map `file`. Stays valid for at least the next kMaxOps calls.
  Result<int> DescriptorFor(SharedFd& file);
  // Closes what only this cache keeps open.
  void DropUnusedFiles();

  // Lets the doorbell wait again after its stop.
  void RearmDoorbell();
  // One stop of the ticker after Placement::kTickNs.
  void ArmTicker();

 private:
  struct CachedFile {
    RefPtr<SharedFd> file;
    int number;
    uint64_t last_use;
  };
  static constexpr size_t kMaxFiles = 256;
  static_assert(kMaxFiles > kMaxOps);

  Result<void> Settle(uint64_t temporary);
  Result<int32_t> CloneIdleThread();
  void StartIdle(int32_t tid, size_t idle_op);
  void CloseNumber(int number);

  StubMemory& memory_;
  StubCaller& caller_;
  UniqueFd socket_;
  int32_t pid_ = 0;
  int32_t doorbell_ = 0;
  int32_t ticker_ = 0;
  absl::flat_hash_map<uint64_t, CachedFile> files_;
  uint64_t uses_ = 0;
};

// Waits until `tid`, a tracee that was just cloned, is in its first stop. ESRCH when it died.
Result<void> WaitForBirth(int32_t tid);

}  // namespace ringwall::platform::ptrace
