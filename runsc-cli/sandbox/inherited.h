// The descriptors that a sandbox process starts with, by number. Everything else is closed before it starts.
#pragma once

#include <cstdint>

namespace ringwall::sandbox {

// Sentry (`ringwall boot`): 0, 1 and 2 are the container's own standard streams (/dev/null when it has a terminal).
inline constexpr int kConfigFd = 3;   // memfd with the JSON configuration; the gofer's too
inline constexpr int kLogFd = 4;      // where logs and --strace go; absent unless has_log; the gofer's too
inline constexpr int kGoferFd = 5;    // SEQPACKET pair between sentry and gofer: each holds its end here
inline constexpr int kOwnerFd = 6;    // SEQPACKET pair to the stand-in: identity hand-shake, then control messages; its end = our end
inline constexpr int kReportFd = 7;   // pipe to the command line: one StartReport; the gofer's too, closed once its trees are open
inline constexpr int kControlFd = 8;  // listening control socket; absent for a sandbox without a state directory
inline constexpr int kConsoleFd = 9;  // the terminal's bytes, both ways; absent unless has_console

// Made by the processes themselves, at numbers that their precompiled filters know.
inline constexpr int kProcFd = 10;      // sentry: a detached proc of its pid namespace
inline constexpr int kGoferProcFd = 9;  // gofer: its /proc/self/fd

// What the sentry (or a failed spawn) tells the waiting command line, once. Text follows.
struct StartReport {
  static constexpr uint32_t kMagic = 0x52505452;
  static constexpr uint32_t kMaxText = 2048;
  enum class Kind : uint32_t { kReady = 0, kInternalError = 1, kExecError = 2 };
  uint32_t magic = kMagic;
  Kind kind = Kind::kReady;
  int32_t error = 0;  // kExecError: errno of the container's execve
  uint32_t text_size = 0;
};

// First bytes on the owner socket, before control messages: "I am in my user namespace" and "its maps are written".
inline constexpr char kMapsWanted = 'U';
inline constexpr char kMapsWritten = 'M';

}  // namespace ringwall::sandbox
