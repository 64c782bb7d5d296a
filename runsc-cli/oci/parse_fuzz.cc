// Any bytes as config.json: parse and validate, never crash; an accepted document survives a second look.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "runsc-cli/oci/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto spec = ringwall::oci::ParseSpec(text, "config.json");
  if (!spec.ok()) {
    const std::string message(spec.status().message());
    // One sentence: one line that starts with the document's name.
    if (message.rfind("config.json: ", 0) != 0 || message.find('\n') != std::string::npos) std::abort();
    return 0;
  }
  std::vector<std::string> warnings;
  const absl::Status status = ringwall::oci::ValidateSpec(*spec, "config.json", &warnings);
  if (status.ok() && (!spec->process.has_value() || spec->process->args.empty() || spec->process->args[0].empty())) std::abort();
  return 0;
}
