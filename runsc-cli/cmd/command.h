// The sub-commands. Each takes what was typed and a Context, and returns the exit status of the process (docs/guide/exit-codes.md).
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/fd/unique_fd.h"
#include "runsc-cli/cmd/invocation.h"
#include "runsc-cli/container/error_log.h"
#include "runsc-cli/container/store.h"
#include "runsc-cli/doctor/platform_state.h"
#include "runsc-cli/sandbox/launch.h"

namespace ringwall::cmd {

inline constexpr int kFailed = 1;             // of the engine-facing commands, as runc
inline constexpr int kInternalFailure = 125;  // of do and run: ours, not the workload's
inline constexpr int kNotExecutable = 126;
inline constexpr int kNotFound = 127;

class Context {
 public:
  explicit Context(const Invocation& invocation);

  const Invocation& in() const { return in_; }
  const container::Store& store() const { return store_; }
  const container::ErrorLog& log() const { return log_; }
  // Fails when a global flag has a value that this build cannot serve; opens --log.
  absl::Status Open();
  // The sentence on stderr and the last line of --log. Returns `exit_status`.
  int Fail(const absl::Status& status, int exit_status = kFailed) const;
  void Warn(const std::string& sentence) const;

  // Fills what the global flags say about the sandbox.
  void ApplyFlags(sandbox::Plan* plan) const;
  sandbox::Overlay overlay() const { return in_.overlay == "none" ? sandbox::Overlay::kNone : sandbox::Overlay::kRootMemory; }
  // Where logs and --strace of sentry and gofer go: --log, or (foreground only) our stderr when --debug or --strace ask for it; else -1.
  int SandboxLog(bool foreground) const;

 private:
  const Invocation& in_;
  container::Store store_;
  UniqueFd log_file_;
  container::ErrorLog log_;
};

int Create(const Context& context);
int Run(const Context& context);
int Start(const Context& context);
int State(const Context& context);
int Kill(const Context& context);
int Delete(const Context& context);
int List(const Context& context);
int Spec(const Context& context);
int Do(const Context& context);
int Debug(const Context& context);
// `platforms`: what the composition root found out about them.
int Doctor(const Context& context, std::vector<doctor::PlatformState> platforms);

// Shared by delete, run and do: kills what still runs and removes the state. OK when nothing is left.
absl::Status Destroy(container::Handle& handle, const container::Record& record);

// Writes all of `text` to stdout.
void Print(const std::string& text);

}  // namespace ringwall::cmd
