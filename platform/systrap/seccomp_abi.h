// seccomp(2) constants that Debian 12's kernel headers may be too old for.
#pragma once

namespace ringwall::platform::systrap {

inline constexpr unsigned long kNotifSetFlags = 0x40082104;     // SECCOMP_IOCTL_NOTIF_SET_FLAGS: _IOW('!', 4, __u64), Linux 6.6
inline constexpr unsigned long kNotifSyncWakeUp = 1;            // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
inline constexpr unsigned long kFilterWaitKillable = 1ul << 5;  // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19

}  // namespace ringwall::platform::systrap
