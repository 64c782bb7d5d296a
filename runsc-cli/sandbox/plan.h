// From an OCI bundle, or a `do` command line, to what the sentry and the gofer are told.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runsc-cli/boot/boot_config.h"
#include "runsc-cli/oci/spec.h"

namespace ringwall::sandbox {

enum class Overlay : uint8_t { kRootMemory, kNone };

struct Plan {
  boot::BootConfig boot;
  boot::GoferConfig gofer;
};

// `bundle` is absolute: relative bind sources count from there. Fails with a sentence that names the mount.
absl::StatusOr<Plan> PlanBundle(const oci::Spec& spec, const std::string& bundle, Overlay overlay);

struct HostVolume {
  std::string source;       // absolute host path
  std::string destination;  // absolute
  bool read_only = false;
};

struct DoRequest {
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd;
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> additional_gids;
  std::string hostname;
  std::vector<HostVolume> volumes;
  bool terminal = false;
};

// The host's root and the real file systems mounted on it, each read-only below an overlay in memory, plus the volumes.
absl::StatusOr<Plan> PlanDo(const DoRequest& request);

}  // namespace ringwall::sandbox
