// UserMemory: the only way to a guest's bytes. Faults become EFAULT; copy once, validate the copy, use the copy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>

#include "abi/uio.h"
#include "absl/container/inlined_vector.h"
#include "absl/types/span.h"
#include "base/error/result.h"
#include "sentry/mm/io_buffer.h"

namespace ringwall::platform {
class AddressSpace;
class GuestThread;
}  // namespace ringwall::platform

namespace ringwall::mm {

class MemoryManager;

// Types that may be copied to or from guests whole: no padding, so that copying out cannot leak kernel bytes.
template <typename T>
concept UserCopyable = std::is_trivially_copyable_v<T> && std::is_standard_layout_v<T> && std::has_unique_object_representations_v<T>;

class UserMemory {
 public:
  // Both stay valid as long as this: rebound by the task at execve. `via` may be null.
  UserMemory(platform::AddressSpace* space, platform::GuestThread* via, const MemoryManager* mm = nullptr)
      : space_(space), via_(via), mm_(mm) {}

  // All or EFAULT (a partial write may have happened, as in Linux's copy_to_user).
  Result<void> Read(uint64_t address, absl::Span<std::byte> to);
  Result<void> Write(uint64_t address, absl::Span<const std::byte> from);
  // A result of the call that `via` is stopped in: may travel with its answer, so that nobody else may rely on it before.
  Result<void> WriteResult(uint64_t address, absl::Span<const std::byte> from);
  size_t WriteSomeResult(uint64_t address, absl::Span<const std::byte> from);
  // As many as possible: bytes moved before a fault. Never an error.
  size_t ReadSome(uint64_t address, absl::Span<std::byte> to);
  size_t WriteSome(uint64_t address, absl::Span<const std::byte> from);
  // A string without its NUL. `too_long` when no NUL within max_bytes (NUL included); EFAULT when memory ends before.
  Result<std::string> ReadString(uint64_t address, size_t max_bytes, Errno too_long);
  // Zero-fills; all or EFAULT.
  Result<void> Clear(uint64_t address, uint64_t length);
  Result<uint32_t> CompareExchange(uint64_t address, uint32_t expected, uint32_t desired);

  template <UserCopyable T>
  Result<T> ReadValue(uint64_t address) {
    T value;
    TRY(Read(address, absl::Span<std::byte>(reinterpret_cast<std::byte*>(&value), sizeof(T))));
    return value;
  }
  template <UserCopyable T>
  Result<void> WriteValue(uint64_t address, const T& value) {
    return Write(address, absl::Span<const std::byte>(reinterpret_cast<const std::byte*>(&value), sizeof(T)));
  }
  // count elements; EFAULT also when the byte size overflows. The caller has bounded count.
  template <UserCopyable T>
  Result<void> ReadArray(uint64_t address, absl::Span<T> to) {
    return Read(address, absl::Span<std::byte>(reinterpret_cast<std::byte*>(to.data()), to.size() * sizeof(T)));
  }
  template <UserCopyable T>
  Result<void> WriteArray(uint64_t address, absl::Span<const T> from) {
    return Write(address, absl::Span<const std::byte>(reinterpret_cast<const std::byte*>(from.data()), from.size() * sizeof(T)));
  }

  // AddressSpace::MoveFile, where it pays: 0 otherwise.
  size_t MoveFile(SharedFd& file, uint64_t offset, uint64_t address, size_t length, bool to_file);

  platform::AddressSpace* space() const { return space_; }
  platform::GuestThread* via() const { return via_; }

 private:
  platform::AddressSpace* space_;
  platform::GuestThread* via_;
  const MemoryManager* mm_;  // what is mapped; null: unknown
};

using IovecList = absl::InlinedVector<abi::Iovec, 8>;

// Reads and checks an iovec array by readv(2)'s rules: EINVAL for count > 1024 or a negative length, EFAULT for a bad array or a segment
// outside the address range; the total is cut to MAX_RW_COUNT (0x7ffff000).
Result<IovecList> ReadIovecs(UserMemory& memory, uint64_t address, uint64_t count);

class UserSink final : public IoSink {
 public:
  UserSink(UserMemory& memory, uint64_t address, size_t length);
  UserSink(UserMemory& memory, IovecList segments);
  size_t remaining() const override { return remaining_; }
  Result<size_t> Put(absl::Span<const std::byte> from) override;
  size_t PutFile(SharedFd& file, uint64_t offset) override;

 private:
  UserMemory& memory_;
  IovecList segments_;
  size_t index_ = 0;   // current segment
  size_t offset_ = 0;  // within it
  size_t remaining_ = 0;
};

class UserSource final : public IoSource {
 public:
  UserSource(UserMemory& memory, uint64_t address, size_t length);
  UserSource(UserMemory& memory, IovecList segments);
  size_t remaining() const override { return remaining_; }
  Result<size_t> Peek(absl::Span<std::byte> to) override;
  size_t TakeFile(SharedFd& file, uint64_t offset, size_t limit) override;
  void Skip(size_t n) override;

 private:
  UserMemory& memory_;
  IovecList segments_;
  size_t index_ = 0;
  size_t offset_ = 0;
  size_t remaining_ = 0;
};

}  // namespace ringwall::mm
