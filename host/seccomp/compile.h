// Policies to kernel filters (seccomp(2)).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bpf/program.h"
#include "base/error/result.h"
#include "base/fd/unique_fd.h"
#include "host/seccomp/rule.h"

namespace ringwall::host {

class Filter {
 public:
  explicit Filter(bpf::Program program) : program_(std::move(program)) {}
  const bpf::Program& program() const { return program_; }

  // Puts the filter on this thread, or on all threads of the process. Needs no-new-privs or CAP_SYS_ADMIN (EACCES). ESRCH when a thread
  // has a filter that the others have not.
  Result<void> Install(bool all_threads) const;
  // For policies with kNotify rules: this thread only; returns the listener. `wait_killable` as SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV.
  Result<UniqueFd> InstallWithListener(bool wait_killable) const;

 private:
  bpf::Program program_;
};

// EINVAL and one sentence in *error (may be null): a call that does not exist, a rule without reason, a rule that another makes redundant,
// contradictory rules.
Result<Filter> Compile(const Policy& policy, std::string* error);

// Host call names and numbers of this machine's architecture.
std::optional<int> HostCallNumber(std::string_view name);
// "openat"; "call <number>" is the caller's business: null when unknown. Async-signal-safe after the first call of PrepareHostCallNames().
const char* HostCallName(int number);
void PrepareHostCallNames();

// Handles SIGSYS of DefaultAction::kTrap: writes "NAME: forbidden host call CALL (NUMBER), arguments ..., at ADDRESS" with RawLog and ends
// the process with kForbiddenCallExitStatus. `process` must be a literal. The policy has to allow write on the log's descriptor and
// exit_group.
void InstallForbiddenCallReporter(const char* process);
inline constexpr int kForbiddenCallExitStatus = 128 + 31;  // as if killed by SIGSYS

}  // namespace ringwall::host
