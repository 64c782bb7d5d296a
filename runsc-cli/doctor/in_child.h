// Trying something that may kill, stop or change the process that tries it: a child does it and sends back what it saw.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <type_traits>

namespace ringwall::doctor {

namespace child_internal {
// Forks; the child calls `run(out)` and sends the `size` bytes of `out`. False when it ended without (a signal, no answer within
// `timeout_ms`). The child and all that it started in its process group are gone afterwards.
bool Run(const std::function<void(void*)>& run, void* out, size_t size, int timeout_ms);
}  // namespace child_internal

// The calling process has one thread.
template <typename T, typename F>
std::optional<T> InChild(F&& probe, int timeout_ms = 3000) {
  static_assert(std::is_trivially_copyable_v<T>, "it travels through a pipe");
  T result{};
  const auto run = [&probe](void* out) { *static_cast<T*>(out) = probe(); };
  if (!child_internal::Run(run, &result, sizeof result, timeout_ms)) return std::nullopt;
  return result;
}

}  // namespace ringwall::doctor
