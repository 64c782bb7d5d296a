// Thunk: decode, call, encode and describe, all from a handler's C++ signature. Written once.
#pragma once

#include <type_traits>
#include <utility>

#include "syscalls/core/args.h"

namespace ringwall::syscalls {

template <auto Fn>
struct Thunk;

template <typename R, typename... A, Result<R> (*Fn)(Task&, A...)>
struct Thunk<Fn> {
  static_assert(sizeof...(A) <= 6, "Linux calls have at most six arguments");
  static constexpr uint8_t kArity = sizeof...(A);

  static task::CallOutcome Invoke(Task& task, const RawArgs& raw) { return InvokeImpl(task, raw, std::index_sequence_for<A...>{}); }
  static void Describe(std::string& out, Task& task, const RawArgs& raw, TracePhase phase, int64_t result) {
    DescribeImpl(TraceArg{out, task, phase, result}, raw, std::index_sequence_for<A...>{});
  }

 private:
  template <size_t... I>
  static task::CallOutcome InvokeImpl(Task& task, [[maybe_unused]] const RawArgs& raw, std::index_sequence<I...>) {
    Result<R> result = Fn(task, ArgCodec<A>::Decode(raw.value[I])...);
    if (!result.ok()) return {.value = -static_cast<int64_t>(result.error()), .keep_registers = false};
    if constexpr (std::is_same_v<R, KeepRegisters>) {
      return {.value = 0, .keep_registers = true};
    } else if constexpr (std::is_void_v<R>) {
      return {.value = 0, .keep_registers = false};
    } else {
      return {.value = EncodeResult(*result), .keep_registers = false};
    }
  }
  template <size_t... I>
  static void DescribeImpl(TraceArg t, [[maybe_unused]] const RawArgs& raw, std::index_sequence<I...>) {
    ((t.out += (I == 0 ? "" : ", "), ArgCodec<A>::Describe(t, ArgCodec<A>::Decode(raw.value[I]))), ...);
  }
};

}  // namespace ringwall::syscalls
