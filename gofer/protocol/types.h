// The nouns of the gofer protocol: nodes, attributes, names, flags.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error/errno.h"
#include "gofer/protocol/wire.h"

namespace ringwall::gofer {

// One host file held open (O_PATH) by the server for this client. Never reused, so a stale id is recognised.
struct NodeId {
  uint64_t value = 0;  // 0: none
  RINGWALL_WIRE_FIELDS(value)
  bool operator==(const NodeId&) const = default;
};

// inode(7) file types as they stand in st_mode.
inline constexpr uint32_t kTypeMask = 0170000;
inline constexpr uint32_t kTypeFifo = 0010000;
inline constexpr uint32_t kTypeCharDevice = 0020000;
inline constexpr uint32_t kTypeDirectory = 0040000;
inline constexpr uint32_t kTypeBlockDevice = 0060000;
inline constexpr uint32_t kTypeRegular = 0100000;
inline constexpr uint32_t kTypeSymlink = 0120000;
inline constexpr uint32_t kTypeSocket = 0140000;
inline constexpr uint32_t kPermissionMask = 07777;

// d_type of getdents64(2).
enum class EntryType : uint8_t {
  kUnknown = 0,
  kFifo = 1,
  kCharDevice = 2,
  kDirectory = 4,
  kBlockDevice = 6,
  kRegular = 8,
  kSymlink = 10,
  kSocket = 12,
};
constexpr bool IsKnown(EntryType t) {
  const auto v = static_cast<uint8_t>(t);
  return v <= 12 && (v % 2 == 0 || v == 1);
}

struct Timestamp {
  int64_t seconds = 0;
  uint32_t nanoseconds = 0;
  RINGWALL_WIRE_FIELDS(seconds, nanoseconds)
  bool Valid() const { return nanoseconds < 1'000'000'000; }
  bool operator==(const Timestamp&) const = default;
};

// statx(2), what a guest's stat needs.
struct Attributes {
  uint64_t ino = 0;
  uint64_t dev = 0;   // major << 32 | minor
  uint64_t rdev = 0;  // major << 32 | minor
  uint64_t size = 0;
  uint64_t blocks = 0;
  uint32_t mode = 0;  // type and permissions
  uint32_t nlink = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t blksize = 0;
  bool has_btime = false;
  Timestamp atime;
  Timestamp mtime;
  Timestamp ctime;
  Timestamp btime;
  RINGWALL_WIRE_FIELDS(ino, dev, rdev, size, blocks, mode, nlink, uid, gid, blksize, has_btime, atime, mtime, ctime, btime)

  uint32_t type() const { return mode & kTypeMask; }
  // Type known, sizes non-negative as off_t, block size usable as a divisor.
  bool Valid() const;
};

// One path component.
struct Name {
  Bytes<kMaxName> text;
  RINGWALL_WIRE_FIELDS(text)
  std::string_view view() const { return text.data; }
};
// Not empty, "." or "..", no slash, no NUL, at most 255 bytes.
bool ValidComponent(std::string_view name);
// The errno Linux gives for a component that is not valid: ENOENT, ENAMETOOLONG or EINVAL. Only when !ValidComponent(name).
Errno ComponentError(std::string_view name);

enum class WalkFlag : uint32_t {
  kReadLink = 1,  // when the walk ends on a symlink, put its target into the reply
  kOpenRead = 2,  // when the last component is a regular file, donate a read-only descriptor too (best effort)
};
constexpr uint32_t AllBits(WalkFlag) { return 3; }

enum class LookFlag : uint32_t {
  kReadLink = 1,  // targets of symlinks
  kList = 2,      // listings of directories that are small
  kContents = 4,  // bytes of regular files that are small
  kDescend = 8,   // with kList: what room is left goes to the subdirectories of what was listed,
  kFiles = 16,    // and to all else in it
  kOpen = 32,     // donate read-only descriptors of regular files whose bytes are not in the reply
};
constexpr uint32_t AllBits(LookFlag) { return 63; }

enum class WalkStop : uint8_t {
  kDone = 0,          // all names resolved
  kMissing = 1,       // the next name does not exist
  kNotDirectory = 2,  // the last resolved component is neither directory nor symlink, and names are left
  kSymlink = 3,       // the last resolved component is a symlink, and names are left
  kError = 4,         // the next name could not be resolved for the reason in `error`
};
constexpr bool IsKnown(WalkStop s) { return s <= WalkStop::kError; }

enum class OpenFlag : uint32_t { kRead = 1, kWrite = 2, kTruncate = 4, kAppend = 8, kDirect = 16 };
constexpr uint32_t AllBits(OpenFlag) { return 31; }

enum class RenameFlag : uint32_t { kNoReplace = 1, kExchange = 2 };
constexpr uint32_t AllBits(RenameFlag) { return 3; }

enum class SetAttrField : uint32_t {
  kMode = 1,
  kUid = 2,
  kGid = 4,
  kSize = 8,
  kAtime = 16,
  kMtime = 32,
  kAtimeNow = 64,
  kMtimeNow = 128,
};
constexpr uint32_t AllBits(SetAttrField) { return 255; }

enum class XattrFlag : uint32_t { kCreate = 1, kReplace = 2 };
constexpr uint32_t AllBits(XattrFlag) { return 3; }

enum class UnlinkKind : uint8_t { kFile = 0, kDirectory = 1 };
constexpr bool IsKnown(UnlinkKind k) { return k <= UnlinkKind::kDirectory; }

enum class SocketKind : uint8_t { kStream = 1, kDatagram = 2, kSeqPacket = 5 };
constexpr bool IsKnown(SocketKind k) { return k == SocketKind::kStream || k == SocketKind::kDatagram || k == SocketKind::kSeqPacket; }

enum class MountFlag : uint32_t {
  kReadOnly = 1,   // every change answers EROFS
  kExclusive = 2,  // nobody else writes below it: the client may cache without revalidating
};
constexpr uint32_t AllBits(MountFlag) { return 3; }

template <typename E>
requires requires { AllBits(E{}); }
constexpr Mask<E> operator|(E a, E b) { return Mask<E>(a) | Mask<E>(b); }

}  // namespace ringwall::gofer
