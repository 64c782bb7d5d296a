// Descriptors, pipes and temporary directories that clean up after themselves.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "tests/lib/call.h"

namespace tests {

class ScopedFd {
 public:
  ScopedFd() = default;
  ScopedFd(long fd) : fd_(fd < 0 ? -1 : static_cast<int>(fd)) {}
  ScopedFd(ScopedFd&& other) : fd_(other.Release()) {}
  ScopedFd& operator=(ScopedFd&& other) {
    Reset(other.Release());
    return *this;
  }
  ~ScopedFd() { Reset(); }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void Reset(int fd = -1) {
    if (fd_ >= 0) Call(SYS_close, fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

// The number that the next open will get (open(2): the lowest not in use).
int LowestFreeFd();

struct Pipe {
  explicit Pipe(int flags = 0);
  ScopedFd reader;
  ScopedFd writer;
};

// A directory below $TMPDIR (or --tmpdir, or /tmp), removed with all it holds.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

void SetTempRoot(const char* directory);
const std::string& TempRoot();

// Makes a file with these bytes; reads a whole file ("" when it cannot).
bool WriteFile(const std::string& path, const std::string& bytes, int mode = 0644);
std::string ReadFile(const std::string& path);
// An open, already unlinked file with these bytes, offset 0.
ScopedFd TempFile(const std::string& bytes = "", int flags = O_RDWR);
long Offset(int fd);
long SizeOf(int fd);
bool Exists(const std::string& path);

}  // namespace tests
