// What `ringwall doctor` is told about a platform.
#pragma once

#include <string>

namespace ringwall::doctor {

struct PlatformState {
  std::string name;
  bool available = false;   // its own probe says so
  std::string reason;       // why not, or why no sandbox started; empty when it works
  double milliseconds = 0;  // of the probe
  enum class Start : uint8_t { kNotTried, kWorked, kFailed } start = Start::kNotTried;
  double start_milliseconds = 0;  // a whole sandbox, from start to exit

  bool Works() const { return available && start != Start::kFailed; }
};

}  // namespace ringwall::doctor
