// Small vocabulary of the vfs: attributes, attribute changes, directory entries.
#pragma once

#include <cstdint>
#include <string_view>

#include "abi/stat.h"
#include "abi/time.h"

namespace ringwall::vfs {

// What stat(2) reports, in kernel form.
struct Attributes {
  uint64_t dev = 0;
  uint64_t ino = 0;
  uint32_t mode = 0;  // S_IFMT | permissions
  uint32_t nlink = 1;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t rdev = 0;
  uint64_t size = 0;
  uint64_t blocks = 0;  // 512-byte units
  uint32_t block_size = 4096;
  abi::Timespec atime{}, mtime{}, ctime{}, btime{};

  uint32_t type() const { return mode & abi::kS_IFMT; }
};

// One setattr: only fields whose bit is in `mask` change. ctime follows by itself.
struct AttributeChange {
  enum Mask : uint32_t { kMode = 1, kUid = 2, kGid = 4, kSize = 8, kAtime = 16, kMtime = 32 };
  uint32_t mask = 0;
  uint32_t mode = 0;  // permissions only (07777)
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;
  abi::Timespec atime{}, mtime{};
};

struct FileSystemStats {
  uint64_t type = 0;  // statfs magic
  uint64_t block_size = 4096, blocks = 0, blocks_free = 0, blocks_available = 0, files = 0, files_free = 0;
  uint32_t name_max = 255;
  uint64_t id = 0;
};

// Receives directory entries of ReadDir. Returns false when full: the entry was not taken and reading stops.
class DirSink {
 public:
  virtual ~DirSink() = default;
  // `next` is the position (d_off) behind this entry; type is a DT_* value.
  virtual bool Add(std::string_view name, uint64_t ino, uint8_t type, int64_t next) = 0;
};

}  // namespace ringwall::vfs
