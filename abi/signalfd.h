// signalfd(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr uint32_t kSFD_CLOEXEC = 02000000, kSFD_NONBLOCK = 04000;

struct SignalfdSiginfo {
  uint32_t ssi_signo = 0;
  int32_t ssi_errno = 0, ssi_code = 0;
  uint32_t ssi_pid = 0, ssi_uid = 0;
  int32_t ssi_fd = 0;
  uint32_t ssi_tid = 0, ssi_band = 0, ssi_overrun = 0, ssi_trapno = 0;
  int32_t ssi_status = 0, ssi_int = 0;
  uint64_t ssi_ptr = 0, ssi_utime = 0, ssi_stime = 0, ssi_addr = 0;
  uint16_t ssi_addr_lsb = 0, pad0_ = 0;
  int32_t ssi_syscall = 0;
  uint64_t ssi_call_addr = 0;
  uint32_t ssi_arch = 0;
  uint8_t pad_[28] = {};
};
static_assert(sizeof(SignalfdSiginfo) == 128 && NoPadding<SignalfdSiginfo>);

}  // namespace ringwall::abi
