// How guest code runs, by name: --platform, and the annotation of a bundle for where the flag says nothing.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace ringwall::boot {

inline constexpr char kAutoPlatform[] = "auto";
inline constexpr char kPlatformAnnotation[] = "dev.ringwall.platform";

// One sentence when `name` is no platform, or none of this version. `origin` is where it was written ("--platform").
absl::Status CheckPlatformName(std::string_view origin, std::string_view name);

// What a bundle gets: the flag's platform, else the annotation's, else auto. The operator's flag wins over what came with the image.
absl::StatusOr<std::string> PlatformOf(const std::string& flag, const std::map<std::string, std::string>& annotations);

}  // namespace ringwall::boot
