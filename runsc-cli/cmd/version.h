// The version, in the shape that engines parse ("runc version 1.1.5" and so on: name, "version", number; then the specification).
#pragma once

#include <string>

namespace ringwall::cmd {

inline constexpr char kVersion[] = "0.1.0";
inline constexpr char kSpecVersion[] = "1.0.2";

inline std::string VersionText() { return std::string("ringwall version ") + kVersion + "\nspec: " + kSpecVersion + "\n"; }

}  // namespace ringwall::cmd
