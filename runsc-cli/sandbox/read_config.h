// The whole of an inherited configuration memfd.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace ringwall::sandbox {

absl::StatusOr<std::string> ReadConfig(int fd);

}  // namespace ringwall::sandbox
