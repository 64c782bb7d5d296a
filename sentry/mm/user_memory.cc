// Copies to and from guest memory, and the cursors of readv(2) and writev(2) over it.
#include "sentry/mm/user_memory.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/sync/mutex.h"
#include "platform/platform.h"
#include "sentry/mm/memory_manager.h"

namespace ringwall::mm {
namespace {

constexpr uint64_t kMaxTransfer = 0x7ffff000;  // MAX_RW_COUNT

// How much of [address, address + size) lies in the space.
size_t Inside(const platform::AddressSpace* space, uint64_t address, size_t size) {
  if (space == nullptr || address >= space->end()) return 0;
  return static_cast<size_t>(std::min<uint64_t>(size, space->end() - address));
}

}  // namespace

size_t UserMemory::ReadSome(uint64_t address, absl::Span<std::byte> to) {
  lock_order::AssertMayCopy("read of guest memory");
  const size_t n = Inside(space_, address, to.size());
  return n == 0 ? 0 : space_->Read(address, to.first(n));
}

size_t UserMemory::WriteSome(uint64_t address, absl::Span<const std::byte> from) {
  lock_order::AssertMayCopy("write of guest memory");
  const size_t n = Inside(space_, address, from.size());
  return n == 0 ? 0 : space_->Write(address, from.first(n));
}

size_t UserMemory::WriteSomeResult(uint64_t address, absl::Span<const std::byte> from) {
  constexpr size_t kSmall = 4096;
  const size_t n = Inside(space_, address, from.size());
  if (n != 0 && n <= kSmall && via_ != nullptr && mm_ != nullptr && mm_->HoldsWritable(address, n) &&
      space_->WriteOnReturn(address, from.first(n), via_))
    return n;
  return WriteSome(address, from);
}

size_t UserMemory::MoveFile(SharedFd& file, uint64_t offset, uint64_t address, size_t length, bool to_file) {
  // Below, two copies cost less than having the guest thread do it.
  constexpr size_t kLarge = 128 << 10;
  if (via_ == nullptr || length < kLarge || Inside(space_, address, length) != length) return 0;
  if (offset > static_cast<uint64_t>(INT64_MAX) - length) return 0;
  return space_->MoveFile(file, offset, address, length, to_file, via_);
}

Result<void> UserMemory::WriteResult(uint64_t address, absl::Span<const std::byte> from) {
  if (Inside(space_, address, from.size()) != from.size()) return Errno::kEFAULT;
  if (WriteSomeResult(address, from) != from.size()) return Errno::kEFAULT;
  return {};
}

Result<void> UserMemory::Read(uint64_t address, absl::Span<std::byte> to) {
  // A range that ends outside fails as a whole, without a copy (access_ok's rule).
  if (Inside(space_, address, to.size()) != to.size()) return Errno::kEFAULT;
  if (via_ != nullptr && !to.empty() && space_->ReadBrought(address, to, via_) == to.size()) return {};
  if (ReadSome(address, to) != to.size()) return Errno::kEFAULT;
  return {};
}

Result<void> UserMemory::Write(uint64_t address, absl::Span<const std::byte> from) {
  if (Inside(space_, address, from.size()) != from.size()) return Errno::kEFAULT;
  if (WriteSome(address, from) != from.size()) return Errno::kEFAULT;
  return {};
}

Result<std::string> UserMemory::ReadString(uint64_t address, size_t max_bytes, Errno too_long) {
  std::string result;
  // To the end of the page at first: most strings are short, and the next page need not exist.
  char chunk[platform::kPageSize];
  while (result.size() < max_bytes) {
    size_t want = platform::kPageSize - (address & (platform::kPageSize - 1));
    want = std::min(want, max_bytes - result.size());
    // Paths and names are short: fewer bytes to copy for nearly all of them.
    if (result.empty()) want = std::min<size_t>(want, 256);
    const absl::Span<std::byte> room(reinterpret_cast<std::byte*>(chunk), want);
    size_t got = result.empty() && via_ != nullptr && Inside(space_, address, 1) != 0 ? space_->ReadBrought(address, room, via_) : 0;
    if (got < want && std::memchr(chunk, 0, got) == nullptr) got = ReadSome(address, room);
    if (const void* nul = std::memchr(chunk, 0, got)) {
      result.append(chunk, static_cast<size_t>(static_cast<const char*>(nul) - chunk));
      return result;
    }
    result.append(chunk, got);
    if (got < want) return Errno::kEFAULT;
    address += got;
  }
  return too_long;
}

Result<void> UserMemory::Clear(uint64_t address, uint64_t length) {
  static constexpr std::byte kZeros[4096] = {};
  if (length > SIZE_MAX || Inside(space_, address, length) != length) return Errno::kEFAULT;
  while (length != 0) {
    const uint64_t n = std::min<uint64_t>(length, sizeof(kZeros));
    TRY(Write(address, absl::MakeConstSpan(kZeros, n)));
    address += n;
    length -= n;
  }
  return {};
}

Result<uint32_t> UserMemory::CompareExchange(uint64_t address, uint32_t expected, uint32_t desired) {
  if (address % 4 != 0) return Errno::kEINVAL;
  if (Inside(space_, address, 4) != 4) return Errno::kEFAULT;
  return space_->CompareExchange(address, expected, desired, via_);
}

Result<IovecList> ReadIovecs(UserMemory& memory, uint64_t address, uint64_t count) {
  if (count > abi::kUIO_MAXIOV) return Errno::kEINVAL;
  IovecList list(count);
  TRY(memory.ReadArray<abi::Iovec>(address, absl::MakeSpan(list)));
  uint64_t total = 0;
  const platform::AddressSpace* space = memory.space();
  for (abi::Iovec& v : list) {
    if (static_cast<int64_t>(v.iov_len) < 0) return Errno::kEINVAL;
    if (space == nullptr || v.iov_len > space->end() || v.iov_base > space->end() - v.iov_len) return Errno::kEFAULT;
    v.iov_len = std::min(v.iov_len, kMaxTransfer - total);
    total += v.iov_len;
  }
  return list;
}

namespace {

// One buffer: a length is cut to MAX_RW_COUNT, as read(2) and write(2) do.
IovecList One(uint64_t address, size_t length) {
  abi::Iovec v;
  v.iov_base = address;
  v.iov_len = std::min<uint64_t>(length, kMaxTransfer);
  return IovecList{v};
}

size_t Total(const IovecList& segments) {
  size_t total = 0;
  for (const abi::Iovec& v : segments) total += v.iov_len;
  return total;
}

// Runs copy(address, done, size) over the segments from (index, offset) on, until `size` bytes are done or one is short. Moves the cursor.
template <typename Copy>
size_t Walk(const IovecList& segments, size_t& index, size_t& offset, size_t size, Copy copy) {
  size_t done = 0;
  while (done < size && index < segments.size()) {
    const abi::Iovec& v = segments[index];
    const size_t n = std::min<size_t>(size - done, v.iov_len - offset);
    const size_t got = n == 0 ? 0 : copy(v.iov_base + offset, done, n);
    done += got;
    offset += got;
    if (offset == v.iov_len) {
      ++index;
      offset = 0;
    }
    if (got < n) break;
  }
  return done;
}

}  // namespace

UserSink::UserSink(UserMemory& memory, uint64_t address, size_t length) : UserSink(memory, One(address, length)) {}
UserSink::UserSink(UserMemory& memory, IovecList segments)
    : memory_(memory), segments_(std::move(segments)), remaining_(Total(segments_)) {}

Result<size_t> UserSink::Put(absl::Span<const std::byte> from) {
  const size_t size = std::min(from.size(), remaining_);
  if (size == 0) return size_t{0};
  const size_t done = Walk(segments_, index_, offset_, size,
                           [&](uint64_t to, size_t at, size_t n) { return memory_.WriteSomeResult(to, from.subspan(at, n)); });
  remaining_ -= done;
  if (done == 0) return Errno::kEFAULT;
  return done;
}

size_t UserSink::PutFile(SharedFd& file, uint64_t offset) {
  const size_t done = Walk(segments_, index_, offset_, remaining_,
                           [&](uint64_t to, size_t at, size_t n) { return memory_.MoveFile(file, offset + at, to, n, false); });
  remaining_ -= done;
  return done;
}

UserSource::UserSource(UserMemory& memory, uint64_t address, size_t length) : UserSource(memory, One(address, length)) {}
UserSource::UserSource(UserMemory& memory, IovecList segments)
    : memory_(memory), segments_(std::move(segments)), remaining_(Total(segments_)) {}

Result<size_t> UserSource::Peek(absl::Span<std::byte> to) {
  const size_t size = std::min(to.size(), remaining_);
  if (size == 0) return size_t{0};
  size_t index = index_, offset = offset_;
  const size_t done =
      Walk(segments_, index, offset, size, [&](uint64_t from, size_t at, size_t n) { return memory_.ReadSome(from, to.subspan(at, n)); });
  if (done == 0) return Errno::kEFAULT;
  return done;
}

size_t UserSource::TakeFile(SharedFd& file, uint64_t offset, size_t limit) {
  const size_t done = Walk(segments_, index_, offset_, std::min(limit, remaining_),
                           [&](uint64_t from, size_t at, size_t n) { return memory_.MoveFile(file, offset + at, from, n, true); });
  remaining_ -= done;
  return done;
}

void UserSource::Skip(size_t n) {
  n = std::min(n, remaining_);
  Walk(segments_, index_, offset_, n, [](uint64_t, size_t, size_t size) { return size; });
  remaining_ -= n;
}

}  // namespace ringwall::mm
