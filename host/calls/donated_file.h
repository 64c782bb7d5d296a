// What a descriptor that another process sent really is: fstat(2) and F_GETFL.
#pragma once

#include <cstdint>

#include "base/error/result.h"

namespace ringwall::host {

struct DescriptorFacts {
  uint32_t mode = 0;  // st_mode: type and permissions
  uint64_t dev = 0;   // major << 32 | minor
  uint64_t ino = 0;
  bool readable = false;
  bool writable = false;
  bool path_only = false;  // O_PATH
};
Result<DescriptorFacts> DescribeDescriptor(int fd);

}  // namespace ringwall::host
