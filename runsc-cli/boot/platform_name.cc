// Names of platforms: what is known and what is built.
#include "runsc-cli/boot/platform_name.h"

#include "runsc-cli/oci/text.h"

namespace ringwall::boot {

absl::Status CheckPlatformName(std::string_view origin, std::string_view name) {
  if (name == kAutoPlatform || name == "systrap" || name == "ptrace") return {};
  if (name == "kvm") {
    return absl::UnimplementedError(Cat(origin, ": \"kvm\" is not available in this version; use auto, systrap or ptrace"));
  }
  return absl::InvalidArgumentError(OneLine(Cat(origin, ": found \"", name, "\", wanted auto, systrap, ptrace or kvm")));
}

absl::StatusOr<std::string> PlatformOf(const std::string& flag, const std::map<std::string, std::string>& annotations) {
  const auto asked = annotations.find(kPlatformAnnotation);
  if (asked == annotations.end()) return flag;
  // A mistake in the bundle is told also where the flag decides.
  RETURN_IF_ERROR(CheckPlatformName(Cat("config.json: annotations[\"", kPlatformAnnotation, "\"]"), asked->second));
  return flag == kAutoPlatform ? asked->second : flag;
}

}  // namespace ringwall::boot
