// Complete reads and writes.
#include "host/calls/read_write.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/fd/unique_fd.h"

namespace ringwall::host {
namespace {

template <typename Step>
Result<size_t> Loop(size_t size, Step step) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = step(done);
    if (n < 0) {
      if (errno == EINTR) continue;
      return ErrnoFromHost(errno);
    }
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

Result<void> All(Result<size_t> done, size_t size) {
  if (!done.ok()) return done.error();
  // A write that moves nothing and reports no error would loop forever.
  if (*done != size) return Errno::kEIO;
  return {};
}

}  // namespace

Result<size_t> ReadFull(int fd, std::span<std::byte> buffer) {
  return Loop(buffer.size(), [&](size_t done) { return ::read(fd, buffer.data() + done, buffer.size() - done); });
}

Result<size_t> PreadFull(int fd, std::span<std::byte> buffer, uint64_t offset) {
  return Loop(buffer.size(),
              [&](size_t done) { return ::pread(fd, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done)); });
}

Result<void> WriteFull(int fd, std::span<const std::byte> bytes) {
  return All(Loop(bytes.size(), [&](size_t done) { return ::write(fd, bytes.data() + done, bytes.size() - done); }), bytes.size());
}

Result<void> WriteFull(int fd, std::string_view text) { return WriteFull(fd, std::as_bytes(std::span(text.data(), text.size()))); }

Result<void> PwriteFull(int fd, std::span<const std::byte> bytes, uint64_t offset) {
  return All(Loop(bytes.size(),
                  [&](size_t done) { return ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done)); }),
             bytes.size());
}

Result<std::string> ReadToEnd(int fd, size_t limit) {
  std::string text;
  for (;;) {
    const size_t old = text.size();
    // One byte beyond the limit tells a file that is exactly as long from a longer one.
    const size_t step = std::min(std::max<size_t>(old, 4096), limit - old + 1);
    text.resize(old + step);
    const size_t n = TRY(ReadFull(fd, std::as_writable_bytes(std::span(text.data() + old, step))));
    text.resize(old + n);
    if (text.size() > limit) return Errno::kEFBIG;
    if (n < step) return text;
  }
}

Result<std::string> ReadFile(const char* path, size_t limit) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return ErrnoFromHost(errno);
  return ReadToEnd(fd.get(), limit);
}

Result<void> WriteFile(const char* path, std::string_view text) {
  const UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
  if (!fd) return ErrnoFromHost(errno);
  ssize_t n;
  do n = ::write(fd.get(), text.data(), text.size());
  while (n < 0 && errno == EINTR);
  if (n < 0) return ErrnoFromHost(errno);
  if (static_cast<size_t>(n) != text.size()) return Errno::kEIO;
  return {};
}

}  // namespace ringwall::host
