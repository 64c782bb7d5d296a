// UniqueFd: closing and duplicating.
#include "base/fd/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>

namespace ringwall {

void UniqueFd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

UniqueFd UniqueFd::Duplicate() const { return UniqueFd(::fcntl(fd_, F_DUPFD_CLOEXEC, 0)); }

}  // namespace ringwall
