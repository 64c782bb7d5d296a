// The vocabulary of handler signatures. Each type says how a register becomes an argument (Decode) and how strace shows it (Describe).
// Decode launders (narrows once), the handler validates; pointers are not probed: Linux faults late, and tests depend on it.
#pragma once

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "abi/fd.h"
#include "abi/limits.h"
#include "absl/types/span.h"
#include "base/container/flags.h"
#include "base/error/result.h"
#include "sentry/mm/user_memory.h"
#include "sentry/task/syscall_table.h"
#include "sentry/task/task.h"

namespace ringwall::syscalls {

using abi::Fd;
using task::RawArgs;
using task::Task;
using task::TracePhase;

// A guest address without a direction.
struct UserAddr {
  uint64_t value = 0;
  bool is_null() const { return value == 0; }
};

// Pointers that know their direction. One word each; no host dereference exists.
template <mm::UserCopyable T>
struct UserIn {
  uint64_t address = 0;
  bool is_null() const { return address == 0; }
  Result<T> Read(mm::UserMemory& memory) const { return memory.ReadValue<T>(address); }
};

// What a call gives back through a pointer.
template <mm::UserCopyable T>
Result<void> WriteResultTo(mm::UserMemory& memory, uint64_t address, const T& value) {
  return memory.WriteResult(address, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(&value), sizeof(T)));
}

template <mm::UserCopyable T>
struct UserOut {
  uint64_t address = 0;
  bool is_null() const { return address == 0; }
  Result<void> Write(mm::UserMemory& memory, const T& value) const { return WriteResultTo(memory, address, value); }
  // Nothing when the pointer is null, as for optional results.
  Result<void> WriteIfSet(mm::UserMemory& memory, const T& value) const {
    if (is_null()) return {};
    return Write(memory, value);
  }
};

template <mm::UserCopyable T>
struct UserInOut {
  uint64_t address = 0;
  bool is_null() const { return address == 0; }
  Result<T> Read(mm::UserMemory& memory) const { return memory.ReadValue<T>(address); }
  Result<void> Write(mm::UserMemory& memory, const T& value) const { return WriteResultTo(memory, address, value); }
};

// The first of several elements; the count is another argument, bounded by the handler before anything is allocated.
template <mm::UserCopyable T>
struct UserArray {
  uint64_t address = 0;
  bool is_null() const { return address == 0; }
  Result<void> Read(mm::UserMemory& memory, absl::Span<T> to) const { return memory.ReadArray<T>(address, to); }
  Result<void> Write(mm::UserMemory& memory, absl::Span<const T> from) const {
    return memory.WriteResult(address, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(from.data()), from.size() * sizeof(T)));
  }
};

// Bytes whose length is another argument (read(2)'s buf).
struct UserBuffer {
  uint64_t address = 0;
  bool is_null() const { return address == 0; }
};

// The array of struct iovec of readv(2); the count is another argument.
struct UserIovecs {
  uint64_t address = 0;
};

// A path name: at most PATH_MAX bytes with its NUL, else ENAMETOOLONG.
struct UserPath {
  uint64_t address = 0;
  bool is_null() const { return address == 0; }
  Result<std::string> Read(mm::UserMemory& memory) const { return memory.ReadString(address, abi::kPATH_MAX, Errno::kENAMETOOLONG); }
};

// Another NUL-terminated string.
struct UserString {
  uint64_t address = 0;
  bool is_null() const { return address == 0; }
  Result<std::string> Read(mm::UserMemory& memory, size_t max_bytes, Errno too_long) const {
    return memory.ReadString(address, max_bytes, too_long);
  }
};

// argv of execve(2): a NULL-terminated array of strings.
struct UserStringArray {
  uint64_t address = 0;
};

struct ByteCount {
  uint64_t value = 0;
};

// A file mode argument (umode_t: 16 bits).
struct Mode {
  uint32_t value = 0;
};

// Flag words whose bits the handler checks by hand (open flags, poll masks): shown in hexadecimal.
struct RawFlags {
  uint32_t value = 0;
};

// Result of calls that leave the registers alone: exit, execve, rt_sigreturn.
struct KeepRegisters {};

// ---- codecs -----------------------------------------------------------------------------------------------------------

// What Describe needs.
struct TraceArg {
  std::string& out;
  Task& task;
  TracePhase phase;
  int64_t result;
};

void AppendHex(std::string& out, uint64_t value);
void AppendQuoted(std::string& out, Task& task, uint64_t address, size_t max_bytes);  // "text"... ; NULL; 0x.. when unreadable
void AppendBytes(std::string& out, Task& task, uint64_t address, size_t size);        // {01 02 ..} raw view of a struct

template <typename T, typename Enable = void>
struct ArgCodec;

template <typename T>
struct ArgCodec<T, std::enable_if_t<std::is_integral_v<T>>> {
  static T Decode(uint64_t raw) { return static_cast<T>(raw); }
  static void Describe(TraceArg t, T value) { t.out += std::to_string(value); }
};
template <>
struct ArgCodec<Fd> {
  static Fd Decode(uint64_t raw) { return Fd{static_cast<int32_t>(raw)}; }
  static void Describe(TraceArg t, Fd value) { t.out += value == abi::kAtFdCwd ? "AT_FDCWD" : std::to_string(abi::Raw(value)); }
};
template <>
struct ArgCodec<UserAddr> {
  static UserAddr Decode(uint64_t raw) { return {raw}; }
  static void Describe(TraceArg t, UserAddr value) { AppendHex(t.out, value.value); }
};
template <mm::UserCopyable T>
struct ArgCodec<UserIn<T>> {
  static UserIn<T> Decode(uint64_t raw) { return {raw}; }
  static void Describe(TraceArg t, UserIn<T> value) {
    if constexpr (std::is_integral_v<T>) {
      auto v = value.Read(t.task.memory());
      if (v.ok()) {
        t.out += "[" + std::to_string(*v) + "]";
        return;
      }
    }
    AppendBytes(t.out, t.task, value.address, sizeof(T));
  }
};
template <mm::UserCopyable T>
struct ArgCodec<UserOut<T>> {
  static UserOut<T> Decode(uint64_t raw) { return {raw}; }
  static void Describe(TraceArg t, UserOut<T> value) {
    if (t.phase == TracePhase::kEnter || t.result < 0 || value.is_null()) return AppendHex(t.out, value.address);
    ArgCodec<UserIn<T>>::Describe(t, UserIn<T>{value.address});
  }
};
template <mm::UserCopyable T>
struct ArgCodec<UserInOut<T>> {
  static UserInOut<T> Decode(uint64_t raw) { return {raw}; }
  static void Describe(TraceArg t, UserInOut<T> value) { ArgCodec<UserIn<T>>::Describe(t, UserIn<T>{value.address}); }
};
template <mm::UserCopyable T>
struct ArgCodec<UserArray<T>> {
  static UserArray<T> Decode(uint64_t raw) { return {raw}; }
  static void Describe(TraceArg t, UserArray<T> value) { AppendHex(t.out, value.address); }
};
template <>
struct ArgCodec<UserBuffer> {
  static UserBuffer Decode(uint64_t raw) { return {raw}; }
  static void Describe(TraceArg t, UserBuffer value);
};
template <>
struct ArgCodec<UserIovecs> {
  static UserIovecs Decode(uint64_t raw) { return {raw}; }
  static void Describe(TraceArg t, UserIovecs value) { AppendHex(t.out, value.address); }
};
template <>
struct ArgCodec<UserPath> {
  static UserPath Decode(uint64_t raw) { return {raw}; }
  static void Describe(TraceArg t, UserPath value) { AppendQuoted(t.out, t.task, value.address, abi::kPATH_MAX); }
};
template <>
struct ArgCodec<UserString> {
  static UserString Decode(uint64_t raw) { return {raw}; }
  static void Describe(TraceArg t, UserString value) { AppendQuoted(t.out, t.task, value.address, 64); }
};
template <>
struct ArgCodec<UserStringArray> {
  static UserStringArray Decode(uint64_t raw) { return {raw}; }
  static void Describe(TraceArg t, UserStringArray value);
};
template <>
struct ArgCodec<ByteCount> {
  static ByteCount Decode(uint64_t raw) { return {raw}; }
  static void Describe(TraceArg t, ByteCount value) { t.out += std::to_string(value.value); }
};
template <>
struct ArgCodec<Mode> {
  static Mode Decode(uint64_t raw) { return {static_cast<uint32_t>(raw & 0xffff)}; }
  static void Describe(TraceArg t, Mode value);
};
template <>
struct ArgCodec<RawFlags> {
  static RawFlags Decode(uint64_t raw) { return {static_cast<uint32_t>(raw)}; }
  static void Describe(TraceArg t, RawFlags value) { AppendHex(t.out, value.value); }
};
template <typename E>
struct ArgCodec<Flags<E>> {
  static Flags<E> Decode(uint64_t raw) { return Flags<E>::FromRaw(static_cast<typename Flags<E>::Bits>(raw)); }
  static void Describe(TraceArg t, Flags<E> value) { AppendHex(t.out, value.raw()); }
};

// ---- results ----------------------------------------------------------------------------------------------------------

// A result that stays the same until Task::ForgetAnswers(): a platform may give it again without asking. `lasts` false: not this time.
template <typename T>
struct Lasting {
  Lasting(T result, bool stays = true) : value(result), lasts(stays) {}
  T value;
  bool lasts;
};

inline int64_t EncodeResult(int64_t value) { return value; }
inline int64_t EncodeResult(UserAddr value) { return static_cast<int64_t>(value.value); }
inline int64_t EncodeResult(Fd value) { return abi::Raw(value); }

}  // namespace ringwall::syscalls
