// Cat("a", 1, name): message building for operators. (Debian builds abseil for C++14: its StrCat does not take std::string_view.)
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/status/status.h"

namespace ringwall {

namespace text_internal {
template <typename T>
void Append(std::string& out, const T& value) {
  if constexpr (std::is_integral_v<T>) {
    out += std::to_string(value);
  } else {
    out += std::string_view(value);
  }
}
}  // namespace text_internal

template <typename... T>
std::string Cat(const T&... parts) {
  std::string out;
  (text_internal::Append(out, parts), ...);
  return out;
}

// Names from a file may hold anything: control characters become '?', so that an error stays one line.
inline std::string OneLine(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  return text;
}

// "what: No such file or directory", as a Status of the code that fits.
inline absl::Status HostSentence(int host_errno, std::string_view what) {
  return absl::Status(absl::ErrnoToStatusCode(host_errno), Cat(what, ": ", std::strerror(host_errno)));
}

}  // namespace ringwall

// Returns a failed absl::Status from the enclosing function.
#define RETURN_IF_ERROR(...)                                                              \
  do {                                                                                    \
    if (absl::Status ringwall_status = (__VA_ARGS__); !ringwall_status.ok()) [[unlikely]] \
      return ringwall_status;                                                             \
  } while (0)
