// openat2(2) has no libc wrapper here.
#include "host/calls/openat2.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ringwall::host {

Result<UniqueFd> OpenAt2(int dir, const char* path, uint64_t flags, mode_t mode, uint64_t resolve) {
  open_how how = {};
  how.flags = flags | O_CLOEXEC;
  // openat2 refuses a mode without O_CREAT or O_TMPFILE (EINVAL); open(2) ignores it.
  how.mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? mode & 07777 : 0;
  how.resolve = resolve;
  constexpr int kMaxTries = 64;
  for (int i = 0; i < kMaxTries; ++i) {
    const long fd = ::syscall(SYS_openat2, dir, path, &how, sizeof(how));
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) return ErrnoFromHost(errno);
    if (errno == EAGAIN && (flags & O_NONBLOCK) != 0 && (resolve & RESOLVE_BENEATH) == 0) break;
  }
  return Errno::kEAGAIN;
}

Result<UniqueFd> OpenBeneath(int dir, const char* path, uint64_t flags, mode_t mode) {
  return OpenAt2(dir, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS);
}

Result<UniqueFd> OpenBeneathNoSymlinks(int dir, const char* path, uint64_t flags, mode_t mode) {
  return OpenAt2(dir, path, flags, mode, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS);
}

}  // namespace ringwall::host
