// getdents64(2): the entry head and the file types.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringwall::abi {

inline constexpr uint8_t kDT_UNKNOWN = 0, kDT_FIFO = 1, kDT_CHR = 2, kDT_DIR = 4, kDT_BLK = 6, kDT_REG = 8, kDT_LNK = 10,
    kDT_SOCK = 12, kDT_WHT = 14;

constexpr uint8_t DirentType(uint32_t mode) { return static_cast<uint8_t>((mode & 0170000) >> 12); }

// The head as it lies in memory; the name and its NUL follow, and the record is padded to 8 bytes.
struct [[gnu::packed]] Dirent64 {
  uint64_t d_ino = 0;
  int64_t d_off = 0;
  uint16_t d_reclen = 0;
  uint8_t d_type = 0;
};
static_assert(sizeof(Dirent64) == 19);

// The old getdents(2): 18 bytes of head, the name and its NUL, and the type in the record's last byte.
struct [[gnu::packed]] Dirent {
  uint64_t d_ino = 0, d_off = 0;
  uint16_t d_reclen = 0;
};
static_assert(sizeof(Dirent) == 18);

constexpr size_t Dirent64Length(size_t name_length) { return (sizeof(Dirent64) + name_length + 1 + 7) & ~size_t{7}; }
constexpr size_t DirentLength(size_t name_length) { return (sizeof(Dirent) + name_length + 2 + 7) & ~size_t{7}; }

}  // namespace ringwall::abi
