// wait4(2), waitid(2): options, id types, and the status word.
#pragma once

#include <cstdint>

namespace ringwall::abi {

inline constexpr uint32_t kWNOHANG = 1, kWUNTRACED = 2, kWSTOPPED = 2, kWEXITED = 4, kWCONTINUED = 8, kWNOWAIT = 0x1000000,
    k__WNOTHREAD = 0x20000000, k__WALL = 0x40000000, k__WCLONE = 0x80000000;
inline constexpr int32_t kP_ALL = 0, kP_PID = 1, kP_PGID = 2, kP_PIDFD = 3;

// wait(2)'s status word.
constexpr int32_t ExitStatus(int32_t code) { return (code & 0xff) << 8; }
constexpr int32_t SignalStatus(int32_t signo, bool core_dumped) { return (signo & 0x7f) | (core_dumped ? 0x80 : 0); }
constexpr int32_t StopStatus(int32_t signo) { return (signo << 8) | 0x7f; }
inline constexpr int32_t kContinuedStatus = 0xffff;

constexpr bool StatusExited(int32_t status) { return (status & 0x7f) == 0; }
constexpr int32_t StatusExitCode(int32_t status) { return (status >> 8) & 0xff; }
constexpr bool StatusSignaled(int32_t status) { return (status & 0x7f) != 0 && (status & 0x7f) != 0x7f; }
constexpr int32_t StatusTermSignal(int32_t status) { return status & 0x7f; }
constexpr bool StatusStopped(int32_t status) { return (status & 0xff) == 0x7f; }
constexpr int32_t StatusStopSignal(int32_t status) { return (status >> 8) & 0xff; }

}  // namespace ringwall::abi
