// The systrap platform's handler, as guest code sees it: what the attacks on it share.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "platform/systrap/guest/layout.h"
#include "tests/security/guest/guest.h"

namespace ringwall::hostile {

namespace systrap = platform::systrap;

inline constexpr uint64_t kPage = 4096;

// What an attacker tells its parent.
struct Told {
  std::atomic<uint64_t> context;  // of the attacker
  std::atomic<int64_t> result;    // of the forged call
  std::atomic<bool> passed;       // the forged call came back
  std::atomic<bool> began;
};
extern Told* g_told;
Told* ShareTold();

// Can the page be read? (write(2) cannot tell: to the sentry nothing is there.)
bool Readable(uint64_t address);
// Not on other platforms: there the attacks are faults, or nothing.
bool HandlerIsHere();
// The calling thread's context: what %gs points to while a program has no %gs of its own. 0 when it is not there.
uint64_t OwnContext();
// Addresses of every `syscall` in the handler's code, whole instructions or not.
std::vector<uint64_t> Instructions();

struct Registers {
  uint64_t rip, rsp, rax, rdi, rsi, rdx, r10, r8, r9, rbx;
};
// Jumps there with these registers. Comes back, if at all, as a signal.
[[noreturn]] void Enter(const Registers*);

// Stacks, and room for what looks like one.
extern char g_stacks[4][4 * kPage];

}  // namespace ringwall::hostile
