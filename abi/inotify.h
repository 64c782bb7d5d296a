// inotify(7).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

// The head of an event; the name, NUL-padded to `len` bytes, follows.
struct InotifyEvent {
  int32_t wd = 0;
  uint32_t mask = 0, cookie = 0, len = 0;
};
static_assert(sizeof(InotifyEvent) == 16 && NoPadding<InotifyEvent>);

inline constexpr uint32_t kIN_ACCESS = 1, kIN_MODIFY = 2, kIN_ATTRIB = 4, kIN_CLOSE_WRITE = 8, kIN_CLOSE_NOWRITE = 0x10,
    kIN_OPEN = 0x20, kIN_MOVED_FROM = 0x40, kIN_MOVED_TO = 0x80, kIN_CREATE = 0x100, kIN_DELETE = 0x200,
    kIN_DELETE_SELF = 0x400, kIN_MOVE_SELF = 0x800, kIN_UNMOUNT = 0x2000, kIN_Q_OVERFLOW = 0x4000, kIN_IGNORED = 0x8000,
    kIN_CLOSE = 0x18, kIN_MOVE = 0xc0, kIN_ONLYDIR = 0x1000000, kIN_DONT_FOLLOW = 0x2000000, kIN_EXCL_UNLINK = 0x4000000,
    kIN_MASK_CREATE = 0x10000000, kIN_MASK_ADD = 0x20000000, kIN_ISDIR = 0x40000000, kIN_ONESHOT = 0x80000000,
    kIN_ALL_EVENTS = 0xfff;
inline constexpr uint32_t kIN_CLOEXEC = 02000000, kIN_NONBLOCK = 04000;

}  // namespace ringwall::abi
