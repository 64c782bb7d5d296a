// Device numbers: the 64-bit encoding of makedev(3), which stat(2) shows; well-known majors.
#pragma once

#include <cstdint>

namespace ringwall::abi {

constexpr uint64_t MakeDev(uint32_t major_number, uint32_t minor_number) {
  const uint64_t ma = major_number, mi = minor_number;
  return (mi & 0xff) | ((ma & 0xfff) << 8) | ((mi & ~uint64_t{0xff}) << 12) | ((ma & ~uint64_t{0xfff}) << 32);
}
constexpr uint32_t Major(uint64_t dev) { return static_cast<uint32_t>(((dev >> 8) & 0xfff) | ((dev >> 32) & 0xfffff000)); }
constexpr uint32_t Minor(uint64_t dev) { return static_cast<uint32_t>((dev & 0xff) | ((dev >> 12) & 0xffffff00)); }
static_assert(Major(MakeDev(0x12345, 0x6789a)) == 0x12345 && Minor(MakeDev(0x12345, 0x6789a)) == 0x6789a);

// Linux's admin-guide/devices.txt.
inline constexpr uint32_t kUNNAMED_MAJOR = 0, kMEM_MAJOR = 1, kTTY_MAJOR = 4, kTTYAUX_MAJOR = 5, kMISC_MAJOR = 10;
inline constexpr uint32_t kUNIX98_PTY_MASTER_MAJOR = 128, kUNIX98_PTY_SLAVE_MAJOR = 136;
inline constexpr uint32_t kMEM_MINOR_NULL = 3, kMEM_MINOR_ZERO = 5, kMEM_MINOR_FULL = 7, kMEM_MINOR_RANDOM = 8;
inline constexpr uint32_t kMEM_MINOR_URANDOM = 9, kMEM_MINOR_KMSG = 11;
inline constexpr uint32_t kTTYAUX_MINOR_TTY = 0, kTTYAUX_MINOR_CONSOLE = 1, kTTYAUX_MINOR_PTMX = 2;
inline constexpr uint32_t kMISC_MINOR_FUSE = 229, kMISC_MINOR_TUN = 200;

}  // namespace ringwall::abi
