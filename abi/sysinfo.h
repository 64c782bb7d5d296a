// sysinfo(2), syslog(2), reboot(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

struct Sysinfo {
  int64_t uptime = 0;
  uint64_t loads[3] = {};  // load averages, 16 fraction bits
  uint64_t totalram = 0, freeram = 0, sharedram = 0, bufferram = 0, totalswap = 0, freeswap = 0;
  uint16_t procs = 0, pad0_ = 0;
  uint32_t pad1_ = 0;
  uint64_t totalhigh = 0, freehigh = 0;
  uint32_t mem_unit = 0, pad2_ = 0;
};
static_assert(sizeof(Sysinfo) == 112 && NoPadding<Sysinfo>);
inline constexpr int32_t kSI_LOAD_SHIFT = 16;

// syslog(2)'s actions.
inline constexpr int32_t kSYSLOG_ACTION_CLOSE = 0, kSYSLOG_ACTION_OPEN = 1, kSYSLOG_ACTION_READ = 2, kSYSLOG_ACTION_READ_ALL = 3,
    kSYSLOG_ACTION_READ_CLEAR = 4, kSYSLOG_ACTION_CLEAR = 5, kSYSLOG_ACTION_CONSOLE_OFF = 6, kSYSLOG_ACTION_CONSOLE_ON = 7,
    kSYSLOG_ACTION_CONSOLE_LEVEL = 8, kSYSLOG_ACTION_SIZE_UNREAD = 9, kSYSLOG_ACTION_SIZE_BUFFER = 10;

inline constexpr uint32_t kLINUX_REBOOT_MAGIC1 = 0xfee1dead, kLINUX_REBOOT_MAGIC2 = 0x28121969,
    kLINUX_REBOOT_MAGIC2A = 0x5121996, kLINUX_REBOOT_MAGIC2B = 0x16041998, kLINUX_REBOOT_MAGIC2C = 0x20112000,
    kLINUX_REBOOT_CMD_RESTART = 0x1234567, kLINUX_REBOOT_CMD_HALT = 0xcdef0123, kLINUX_REBOOT_CMD_CAD_ON = 0x89abcdef,
    kLINUX_REBOOT_CMD_CAD_OFF = 0, kLINUX_REBOOT_CMD_POWER_OFF = 0x4321fedc, kLINUX_REBOOT_CMD_RESTART2 = 0xa1b2c3d4;

}  // namespace ringwall::abi
