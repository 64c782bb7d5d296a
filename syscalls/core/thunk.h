// Thunk: decode, call, encode and describe, all from a handler's C++ signature. Written once.
#pragma once

#include <type_traits>
#include <utility>

#include "syscalls/core/args.h"

namespace ringwall::syscalls {

inline constexpr int64_t kFirstPrivateCode = 512;
static_assert(IsPrivate(static_cast<Errno>(kFirstPrivateCode)) && !IsPrivate(static_cast<Errno>(kFirstPrivateCode - 1)));

// Strings and the first structure of a signature are read whatever happens.
template <typename A>
struct StructureBytes {
  static constexpr size_t kValue = 0;
};
template <typename T>
struct StructureBytes<UserIn<T>> {
  static constexpr size_t kValue = sizeof(T);
};
template <typename T>
struct StructureBytes<UserInOut<T>> {
  static constexpr size_t kValue = sizeof(T);
};

template <typename R>
inline constexpr bool kIsLasting = false;
template <typename T>
inline constexpr bool kIsLasting<Lasting<T>> = true;

template <typename A>
constexpr void AddToShape(platform::CallShape& shape, uint8_t index) {
  constexpr size_t kMaxBytes = 256;
  constexpr size_t kBytes = StructureBytes<A>::kValue;
  if constexpr (std::is_same_v<A, UserPath> || std::is_same_v<A, UserString>) {
    shape.strings = static_cast<uint8_t>(shape.strings | 1u << index);
  } else if constexpr (kBytes != 0 && kBytes <= kMaxBytes) {
    if (shape.structure != 0) return;
    shape.structure = static_cast<uint8_t>(index + 1);
    shape.structure_bytes = static_cast<uint16_t>(kBytes);
  }
}

template <auto Fn>
struct Thunk;

template <typename R, typename... A, Result<R> (*Fn)(Task&, A...)>
struct Thunk<Fn> {
  static_assert(sizeof...(A) <= 6, "Linux calls have at most six arguments");
  static constexpr uint8_t kArity = sizeof...(A);
  static constexpr platform::CallShape kShape = [] {
    platform::CallShape shape;
    uint8_t index = 0;
    (AddToShape<A>(shape, index++), ...);
    shape.lasting = kIsLasting<R>;
    return shape;
  }();

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
    } else if constexpr (kIsLasting<R>) {
      return {.value = EncodeResult(result->value), .lasting = result->lasts};
    } else if constexpr (std::is_void_v<R>) {
      return {.value = 0, .keep_registers = false};
    } else {
      const int64_t value = EncodeResult(*result);
      // F_GETOWN of fcntl(2) gives -pgid: a result, not one of the private codes (base/error/errno.h). It goes past the run loop's reading
      // of them.
      if (value <= -kFirstPrivateCode) {
        task.regs().set_result(static_cast<uint64_t>(value));
        return {.value = value, .keep_registers = true};
      }
      return {.value = value, .keep_registers = false};
    }
  }
  template <size_t... I>
  static void DescribeImpl(TraceArg t, [[maybe_unused]] const RawArgs& raw, std::index_sequence<I...>) {
    ((t.out += (I == 0 ? "" : ", "), ArgCodec<A>::Describe(t, ArgCodec<A>::Decode(raw.value[I]))), ...);
  }
};

}  // namespace ringwall::syscalls
