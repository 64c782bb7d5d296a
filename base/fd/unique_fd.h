// UniqueFd: one owner of a host file descriptor. Guests' descriptors are Fd (abi/fd.h), never this.
#pragma once

#include <utility>

namespace ringwall {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& o) noexcept {
    if (this != &o) reset(std::exchange(o.fd_, -1));
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  explicit operator bool() const { return valid(); }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);
  // F_DUPFD_CLOEXEC; invalid (and errno set) on failure.
  UniqueFd Duplicate() const;

 private:
  int fd_ = -1;
};

}  // namespace ringwall
