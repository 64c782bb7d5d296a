// Small wrappers for the server's file calls: each names one file by (directory descriptor, validated component) or by an O_PATH
// descriptor, and never by a path.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"
#include "gofer/protocol/types.h"

namespace ringwall::gofer {

// A component as a C string.
class ComponentString {
 public:
  explicit ComponentString(std::string_view name);
  const char* c_str() const { return text_; }

 private:
  char text_[kMaxName + 1];
};

// A descriptor number as a name in /proc/self/fd.
class FdName {
 public:
  explicit FdName(int fd);
  const char* c_str() const { return text_; }

 private:
  char text_[12];
};

// openat2(2) O_PATH|O_NOFOLLOW of one component: never a symlink followed, a magic link taken or the tree left.
Result<UniqueFd> OpenChild(int directory_fd, const char* name, bool cross_mounts);
// The same for a directory that will be listed: ENOTDIR when it is something else, which is not opened.
Result<UniqueFd> OpenChildDirectory(int directory_fd, const char* name, bool cross_mounts);
// d_type of getdents64(2).
EntryType EntryTypeOfHost(unsigned char type);
// Attributes of an open (also O_PATH) descriptor.
Result<Attributes> StatFd(int fd);
// The errno of the last host call; descriptor exhaustion of this process is the client's ENFILE.
Errno LastError();

}  // namespace ringwall::gofer
