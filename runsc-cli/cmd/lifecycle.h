// Creating a container: shared by create, run and do.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "runsc-cli/cmd/command.h"
#include "runsc-cli/oci/spec.h"
#include "runsc-cli/sandbox/launch.h"

namespace ringwall::cmd {

// A created container whose program waits. Dropped without Commit, everything is undone.
struct Created {
  sandbox::Sandbox sandbox;
  std::optional<container::Handle> handle;  // locked; empty for a `do` that found no place for its state
  container::Record record;
};

struct CreateRequest {
  std::string id;
  sandbox::Plan plan;
  UniqueFd console;
  bool foreground = false;
  bool ephemeral = false;
  bool needs_state = true;   // false: go on without a state directory when there can be none
  container::Record record;  // bundle, annotations, hooks
  const oci::Hooks* hooks = nullptr;
};

// Makes the state, starts the processes, waits for the sentry. On failure nothing is left on the host.
absl::StatusOr<Created> CreateContainer(const Context& context, CreateRequest request, sandbox::StartFailure* failure);
// Tells the sentry to run the program and records it; runs the poststart hooks.
absl::Status StartContainer(const Context& context, container::Handle& handle, container::Record& record);

// From --bundle and --console-socket: the record, the plan and, with terminal:true, the console of a bundle's container.
struct Bundle {
  oci::Spec spec;
  std::string path;
};
absl::StatusOr<Bundle> LoadBundleOf(const Context& context);
absl::StatusOr<CreateRequest> RequestFor(const Context& context, const Bundle& bundle);

absl::Status WritePidFile(const std::string& path, int pid);
// Runs the hooks in order with the state document on stdin; the first failure ends it.
absl::Status RunHooks(const std::vector<oci::Hook>& hooks, const std::string& state_json, const char* kind);

// The exit status that a failed start gives: 127 not found, 126 not executable, else `otherwise`.
int StatusOfStartFailure(const sandbox::StartFailure& failure, int otherwise);

}  // namespace ringwall::cmd
