// config.json in and out. The JSON library stays behind these functions.
//
// Every error is one sentence that names the field, what was found and what is wanted:
//   config.json: process.args[0]: empty string; give the program to run
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "runsc-cli/oci/spec.h"

namespace ringwall::oci {

inline constexpr size_t kMaxConfigBytes = 8u << 20;

// Syntax and types. `name` starts each error sentence ("config.json").
absl::StatusOr<Spec> ParseSpec(std::string_view text, std::string_view name);

// Values: what the specification and this runtime allow. Touches no file. Adds a sentence to *warnings for what is accepted and ignored.
absl::Status ValidateSpec(const Spec& spec, std::string_view name, std::vector<std::string>* warnings);

// Reads BUNDLE/config.json, parses and validates it, and checks that root.path is a directory (made absolute against the bundle).
absl::StatusOr<Spec> LoadBundle(const std::string& bundle, std::vector<std::string>* warnings);

// `ringwall spec`: a config.json that runc, crun and this runtime accept.
std::string GenerateSpec(bool rootless);

// The state document of the OCI specification (one object, indented, with a final newline).
struct StateDocument {
  std::string version;
  std::string id;
  std::string status;
  int pid = 0;
  std::string bundle;
  std::string rootfs;
  std::string created;
  std::string owner;
  std::map<std::string, std::string> annotations;
};
std::string FormatState(const StateDocument& state);
// `list --format json`: an array of state documents on one line.
std::string FormatStateList(const std::vector<StateDocument>& states);

// Capability name to Linux's number; -1 when unknown.
int CapabilityNumber(std::string_view name);
// "RLIMIT_NOFILE" to Linux's number; -1 when unknown.
int RlimitNumber(std::string_view name);

}  // namespace ringwall::oci
