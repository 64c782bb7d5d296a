// Memory files: sentry-owned memfds that back shared memory, memfd_create(2) and mapped tmpfs files. On the host-touch list: the only place
// of the sentry's kernel that makes host calls on them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/types/span.h"
#include "base/error/result.h"
#include "base/fd/shared_fd.h"
#include "base/ref/ref.h"

namespace ringwall::mm {

// A memfd of `size` bytes, all holes. ENOMEM, EMFILE, ENFILE.
Result<Ref<SharedFd>> CreateMemoryFile(std::string_view name, uint64_t size);
Result<void> ResizeMemoryFile(const SharedFd& file, uint64_t size);
// All of `to`; what lies behind the end reads as zeros.
Result<void> ReadMemoryFile(const SharedFd& file, uint64_t offset, absl::Span<std::byte> to);
// All of `from`; the file grows as needed. ENOSPC when the host is out of memory for it.
Result<void> WriteMemoryFile(const SharedFd& file, uint64_t offset, absl::Span<const std::byte> from);
// Frees [offset, offset + length); it reads as zeros. The size stays.
Result<void> PunchMemoryFile(const SharedFd& file, uint64_t offset, uint64_t length);
// Allocates [offset, offset + length) without changing the size: fallocate(2) with KEEP_SIZE.
Result<void> AllocateMemoryFile(const SharedFd& file, uint64_t offset, uint64_t length);
// Bytes that are really allocated.
Result<uint64_t> MemoryFileAllocated(const SharedFd& file);
// lseek(2) with SEEK_DATA / SEEK_HOLE, without a position: ENXIO.
Result<uint64_t> MemoryFileNextData(const SharedFd& file, uint64_t offset);
Result<uint64_t> MemoryFileNextHole(const SharedFd& file, uint64_t offset);
// fsync(2) or fdatasync(2) of a file that guests map, for msync(2). EIO, ENOSPC.
Result<void> SyncMappedFile(const SharedFd& file, bool data_only);
// `size` bytes from the start, shared and writable, in the sentry's own memory for as long as the pointer lives.
Result<std::shared_ptr<std::byte>> MapMemoryFile(const SharedFd& file, size_t size);

// From now on nobody can write to the file, resize it or map it writable, whoever has a descriptor; mappings of ours that exist stay
// writable.
Result<void> SealMemoryFile(const SharedFd& file);

}  // namespace ringwall::mm
