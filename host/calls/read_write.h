// read(2) and write(2) until all bytes have moved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error/result.h"

namespace ringwall::host {

// Reads until the buffer is full or the file ends; returns the bytes read.
Result<size_t> ReadFull(int fd, std::span<std::byte> buffer);
Result<size_t> PreadFull(int fd, std::span<std::byte> buffer, uint64_t offset);
// Writes everything. A broken pipe is EPIPE if the process ignores SIGPIPE.
Result<void> WriteFull(int fd, std::span<const std::byte> bytes);
Result<void> WriteFull(int fd, std::string_view text);
Result<void> PwriteFull(int fd, std::span<const std::byte> bytes, uint64_t offset);
// The whole file from the current offset; EFBIG when it has more than `limit` bytes.
Result<std::string> ReadToEnd(int fd, size_t limit);
// Opens, reads and closes; for small host files such as those in /proc and /sys.
Result<std::string> ReadFile(const char* path, size_t limit = 1 << 20);
// Opens an existing file, writes with one write(2) (as /proc and cgroup files want) and closes.
Result<void> WriteFile(const char* path, std::string_view text);

}  // namespace ringwall::host
