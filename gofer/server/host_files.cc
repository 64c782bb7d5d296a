// openat2(2), statx(2) and the naming of descriptors.
#include "gofer/server/host_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace ringwall::gofer {

ComponentString::ComponentString(std::string_view name) {
  const size_t n = name.size() < kMaxName ? name.size() : kMaxName;
  memcpy(text_, name.data(), n);
  text_[n] = '\0';
}

FdName::FdName(int fd) { snprintf(text_, sizeof text_, "%d", fd); }

EntryType EntryTypeOfHost(unsigned char type) {
  const auto known = static_cast<EntryType>(type);
  return IsKnown(known) ? known : EntryType::kUnknown;
}

Errno LastError() {
  if (errno == EMFILE) return Errno::kENFILE;
  return errno >= 1 && errno <= 133 ? ErrnoFromHost(errno) : Errno::kEIO;
}

namespace {

Result<UniqueFd> OpenBeneath(int directory_fd, const char* name, bool cross_mounts, int flags) {
  open_how how{};
  how.flags = static_cast<uint64_t>(flags | O_NOFOLLOW | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  if (!cross_mounts) how.resolve |= RESOLVE_NO_XDEV;
  // EAGAIN: a rename or mount raced with the walk and the kernel could not prove that it stayed beneath (openat2(2)).
  for (int attempt = 0; attempt < 8; attempt++) {
    const long fd = syscall(SYS_openat2, directory_fd, name, &how, sizeof how);
    if (fd >= 0) return UniqueFd(static_cast<int>(fd));
    if (errno != EAGAIN && errno != EINTR) break;
  }
  // A single name cannot leave its directory, so EXDEV is a host mount on it, which is not ours to enter. What it covers cannot be seen
  // either: there is nothing.
  if (!cross_mounts && errno == EXDEV) return Errno::kENOENT;
  return LastError();
}

}  // namespace

Result<UniqueFd> OpenChild(int directory_fd, const char* name, bool cross_mounts) {
  return OpenBeneath(directory_fd, name, cross_mounts, O_PATH);
}

Result<UniqueFd> OpenChildDirectory(int directory_fd, const char* name, bool cross_mounts) {
  return OpenBeneath(directory_fd, name, cross_mounts, O_RDONLY | O_DIRECTORY);
}

namespace {
Timestamp FromHost(const statx_timestamp& t) { return Timestamp{t.tv_sec, t.tv_nsec}; }
uint64_t Device(uint32_t major, uint32_t minor) { return (uint64_t{major} << 32) | minor; }
}  // namespace

Result<Attributes> StatFd(int fd) {
  struct statx st;
  if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_BASIC_STATS | STATX_BTIME, &st) != 0) return LastError();
  Attributes a;
  a.ino = st.stx_ino;
  a.dev = Device(st.stx_dev_major, st.stx_dev_minor);
  a.rdev = Device(st.stx_rdev_major, st.stx_rdev_minor);
  a.size = st.stx_size;
  a.blocks = st.stx_blocks;
  a.mode = st.stx_mode;
  a.nlink = st.stx_nlink;
  a.uid = st.stx_uid;
  a.gid = st.stx_gid;
  a.blksize = st.stx_blksize == 0 || st.stx_blksize > (1u << 30) ? 4096 : st.stx_blksize;
  a.has_btime = (st.stx_mask & STATX_BTIME) != 0;
  a.atime = FromHost(st.stx_atime);
  a.mtime = FromHost(st.stx_mtime);
  a.ctime = FromHost(st.stx_ctime);
  if (a.has_btime) a.btime = FromHost(st.stx_btime);
  // A file system that lies (FUSE can) must not make our reply look like a broken protocol.
  if (!a.Valid()) return Errno::kEIO;
  return a;
}

}  // namespace ringwall::gofer
