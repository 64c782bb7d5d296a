// state.json: a Record as text and back.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "runsc-cli/container/store.h"

namespace ringwall::container {

std::string FormatRecord(const Record& record);
absl::StatusOr<Record> ParseRecord(std::string_view text, const std::string& id);

}  // namespace ringwall::container
