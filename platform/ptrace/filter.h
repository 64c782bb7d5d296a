// seccomp(2) around the stubs, and what the tracer needs from the sentry's own filter.
#pragma once

#include <cstdint>
#include <vector>

#include "host/seccomp/rule.h"

struct sock_filter;  // linux/filter.h

namespace ringwall::platform::ptrace {

// Flags of the only two clones that a stub may do.
inline constexpr uint64_t kThreadCloneFlags = 0x00000100 /*VM*/ | 0x00000200 /*FS*/ | 0x00000400 /*FILES*/ | 0x00000800 /*SIGHAND*/ |
                                              0x00002000 /*PTRACE*/ | 0x00010000 /*THREAD*/ | 0x00040000 /*SYSVSEM*/;
inline constexpr uint64_t kProcessCloneFlags = 0x00000200 /*FS*/ | 0x00000400 /*FILES*/ | 0x00002000 /*PTRACE*/ | 0x00008000 /*PARENT*/;

// One call that code of the blob may make.
struct StubRule {
  uint32_t number;
  // kAlways; or one 32-bit comparison on the low half of an argument.
  enum class Test : uint8_t { kAlways, kEqual, kAtLeast, kHasBits } test;
  uint8_t argument;
  uint32_t value;
  const char* why;
};
const std::vector<StubRule>& StubRules();

// The program for the zygote, inherited by all stubs: StubRules(), the three calls of the vsyscall page as SIGSYS, death for the rest.
std::vector<sock_filter> BuildStubFilter();

// What the platform calls after CreatePlatform(), for the sentry's filter; without what every process of ours needs anyway
// (read, close, gettid, clock_gettime, futex, memory).
// `proc_fd` is the number of Options::proc_fd, or -1.
std::vector<host::Rule> TracerRules(int proc_fd);

}  // namespace ringwall::platform::ptrace
