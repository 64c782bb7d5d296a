// What the platform keeps inside every stub: fixed addresses above AddressSpace::end() and the format of the op list. Included by both
// sides; guest/stub.S repeats the two numbers it needs and stub_blob.cc asserts them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ringwall::platform::ptrace {

// Top of the 47-bit user space (TASK_SIZE_MAX: the last page is the kernel's guard).
inline constexpr uint64_t kTopOfUserSpace = 0x7ffffffff000;
// First address that is not the guest's.
inline constexpr uint64_t kStubBase = 0x7fffffff0000;

inline constexpr uint64_t kReceiveAddress = 0x7fffffffa000;  // zygote only: message buffer for descriptors; never inherited by a stub
inline constexpr uint64_t kScratchAddress = 0x7fffffffb000;  // mapped only while mincore runs
inline constexpr uint64_t kOpAddress = 0x7fffffffc000;       // op list: read-only in stubs, written by the tracer
inline constexpr uint64_t kIdleAddress = 0x7fffffffd000;     // ops of the doorbell and the ticker; read-only
inline constexpr uint64_t kCodeAddress = 0x7fffffffe000;     // guest/stub.S

// Pages of the memfd behind these addresses.
inline constexpr uint64_t kOpPage = 0;
inline constexpr uint64_t kIdlePage = 1;
inline constexpr uint64_t kScratchPage = 2;
inline constexpr uint64_t kMemoryPages = 3;

// Descriptors of the zygote, and so of every stub. Numbers from 2 are files that guests map.
inline constexpr int kZygoteSocket = 0;
inline constexpr int kZygoteMemory = 1;

// One raw system call.
struct Op {
  uint64_t number;
  uint64_t arguments[6];
  uint64_t unused;
};
static_assert(sizeof(Op) == 64 && offsetof(Op, arguments) == 8);
inline constexpr size_t kMaxOps = 4096 / sizeof(Op);

}  // namespace ringwall::platform::ptrace
