// Limits of the gofer protocol: every count and length that crosses the border has its bound here.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringwall::gofer {

inline constexpr uint64_t kMagic = 0x726566'6f67'7772ull;  // "rwgofer" backwards: recognised in a core dump
inline constexpr uint32_t kVersion = 2;

inline constexpr size_t kMaxName = 255;                                  // NAME_MAX, path_resolution(7)
inline constexpr size_t kMaxLinkTarget = 4095;                           // PATH_MAX without the NUL, symlink(2)
inline constexpr size_t kMaxWalk = 40;                                   // components in one Walk; longer paths take several requests
inline constexpr size_t kMaxXattrName = 255;                             // XATTR_NAME_MAX, xattr(7)
inline constexpr size_t kMaxXattrValue = 65536;                          // XATTR_SIZE_MAX
inline constexpr size_t kMaxXattrList = 65536;                           // XATTR_LIST_MAX
inline constexpr size_t kMaxDirectoryBytes = 32768;                      // of getdents64 output in one ReadDir reply
inline constexpr size_t kMaxDirectoryEntries = kMaxDirectoryBytes / 24;  // 24 = smallest struct linux_dirent64
inline constexpr size_t kMaxLookNames = 64;                              // names that one Look asks for
inline constexpr size_t kMaxLookResults = 128;                           // with what lies below them
inline constexpr size_t kMaxLookListing = 16384;                         // of getdents64 output: bigger directories take ReadDir
inline constexpr size_t kMaxLookEntries = kMaxLookListing / 24;
inline constexpr size_t kMaxLookContents = 16384;  // bytes of one file; bigger ones are donated
inline constexpr size_t kMaxLookFiles = 16;        // descriptors in one reply
inline constexpr size_t kMaxForgets = 512;         // node ids that may ride on one request
inline constexpr size_t kMaxMounts = 1024;

// A whole message, header and forgets included: the biggest is a 64 KiB extended attribute.
inline constexpr size_t kMaxMessage = 65536 + 8192;

}  // namespace ringwall::gofer
