// timerfd_create(2).
#pragma once

#include <cstdint>

namespace ringwall::abi {

inline constexpr uint32_t kTFD_CLOEXEC = 02000000, kTFD_NONBLOCK = 04000, kTFD_TIMER_ABSTIME = 1, kTFD_TIMER_CANCEL_ON_SET = 2;
inline constexpr uint32_t kTFD_IOC_SET_TICKS = 0x40085400;

}  // namespace ringwall::abi
