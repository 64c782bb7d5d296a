// The frame that Linux puts on a thread's stack to run a signal handler, and rt_sigreturn(2)'s way back.
//
//   high addresses   FP area: XSAVE image, 64-byte aligned, FP_XSTATE_MAGIC2 behind it
//                    siginfo (128 bytes)
//                    ucontext (304 bytes)
//   rsp on entry ->  return address (sa_restorer); rsp + 8 is 16-byte aligned, as after a call
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "arch/x86_64/fpstate.h"
#include "arch/x86_64/registers.h"
#include "base/error/result.h"

namespace ringwall::arch {

// Return address, ucontext and siginfo.
inline constexpr size_t kSignalFrameBytes = 440;
inline constexpr size_t kSigInfoBytes = 128;
inline constexpr uint64_t kRedZoneBytes = 128;

// stack_t as it stands in uc_stack.
struct SignalStack {
  uint64_t address = 0;
  int32_t flags = 0;
  uint64_t size = 0;
};

struct SignalFrameInput {
  const Registers& regs;  // what the handler returns to: restart of a system call is already decided
  const FpState& fp;
  int32_t signo;
  uint64_t handler;   // sa_handler or sa_sigaction
  uint64_t restorer;  // sa_restorer; Linux refuses to deliver without one on x86-64
  std::span<const std::byte, kSigInfoBytes> siginfo;
  uint64_t mask;                                // the blocked set to restore: uc_sigmask
  SignalStack stack;                            // uc_stack: the alternate stack as sigaltstack(2) would report it
  std::optional<uint64_t> alternate_stack_top;  // start there (ss_sp + ss_size) instead of below the red zone
  // The last fault of the thread: uc_mcontext's err, trapno and cr2.
  uint64_t error_code = 0;
  uint64_t trap_number = 0;
  uint64_t fault_address = 0;
};

struct SignalFrame {
  uint64_t address;              // where `bytes` go; may be any 64-bit value, a failing write is the caller's SIGSEGV
  std::vector<std::byte> bytes;  // up to and including the FP area
  Registers regs;                // the handler's
};
SignalFrame BuildSignalFrame(const SignalFrameInput& input);

// Largest distance between the stack pointer a frame starts from and its address: AT_MINSIGSTKSZ.
uint64_t MinSignalStackSize();

// Where rt_sigreturn finds its frame: the handler's `ret` has popped the return address.
inline uint64_t SignalFrameAddress(const Registers& regs) { return regs.rsp - 8; }

struct ParsedFrame {
  Registers regs;       // complete: what sigreturn does not restore is taken from `current`
  uint64_t mask;        // uc_sigmask; SIGKILL and SIGSTOP are the caller's to clear
  SignalStack stack;    // uc_stack, to be validated as sigaltstack(2) would
  uint64_t fp_address;  // 0: the handler's caller gets the initial FP state
};
// `frame` is a private copy of guest memory. Nothing in it is trusted: selectors are forced to the user's, flags outside what sigreturn may
// set are kept from `current`. Any rip is accepted; a bad one faults later, as on Linux. EFAULT when the bytes are too few.
Result<ParsedFrame> ParseSignalFrame(std::span<const std::byte> frame, const Registers& current);

// Bytes to copy from fp_address before ParseFpFrame; fewer may be readable.
size_t FpFrameBytes();
// `bytes` is what could be read at `address`. With valid magic numbers it is an XSAVE image; otherwise the first 512 bytes are an FXSAVE
// image and all other components get their initial state. EFAULT where Linux would fault on the image (unmapped, misaligned, reserved bits
// in MXCSR or in the header): `out` is unchanged and the caller raises SIGSEGV.
Result<void> ParseFpFrame(uint64_t address, std::span<const std::byte> bytes, FpState& out);

}  // namespace ringwall::arch
