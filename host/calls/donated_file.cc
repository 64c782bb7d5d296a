// fstat(2) and F_GETFL of a descriptor.
#include "host/calls/donated_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace ringwall::host {

Result<DescriptorFacts> DescribeDescriptor(int fd) {
  struct stat st;
  if (fstat(fd, &st) != 0) return ErrnoFromHost(errno);
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return ErrnoFromHost(errno);
  DescriptorFacts facts;
  facts.mode = st.st_mode;
  facts.dev = (uint64_t{major(st.st_dev)} << 32) | minor(st.st_dev);
  facts.ino = st.st_ino;
  facts.path_only = (flags & O_PATH) != 0;
  const int access = flags & O_ACCMODE;
  facts.readable = !facts.path_only && (access == O_RDONLY || access == O_RDWR);
  facts.writable = !facts.path_only && (access == O_WRONLY || access == O_RDWR);
  return facts;
}

}  // namespace ringwall::host
