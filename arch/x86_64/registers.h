// General registers of an x86-64 guest thread, in the order of Linux's struct user_regs_struct (27 x 8 bytes), so that
// ptrace platforms copy them whole.
#pragma once

#include <cstdint>

namespace ringwall::arch {

struct Registers {
  uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
  uint64_t orig_rax;  // system call number at a kSyscall event; ~0 otherwise
  uint64_t rip, cs, eflags, rsp, ss, fs_base, gs_base, ds, es, fs, gs;

  // System call view (syscall(2), x86-64 row): number, six arguments, result.
  uint64_t syscall_number() const { return orig_rax; }
  uint64_t argument(int i) const {
    switch (i) {
      case 0: return rdi;
      case 1: return rsi;
      case 2: return rdx;
      case 3: return r10;
      case 4: return r8;
      default: return r9;
    }
  }
  uint64_t result() const { return rax; }
  void set_result(uint64_t value) { rax = value; }
  uint64_t instruction_pointer() const { return rip; }
  uint64_t stack_pointer() const { return rsp; }
  void set_stack_pointer(uint64_t sp) { rsp = sp; }
  void set_tls(uint64_t base) { fs_base = base; }
  // Makes the thread execute its `syscall` instruction (2 bytes) again with the given number.
  void RewindSyscall(uint64_t number) {
    rip -= 2;
    rax = number;
  }
};
static_assert(sizeof(Registers) == 27 * 8);

// Flags a guest may set through sigreturn or ptrace: CF PF AF ZF SF TF DF OF RF AC ID.
inline constexpr uint64_t kUserFlagsMask = 0x254dd5 & ~uint64_t{0x200};
inline constexpr uint64_t kFlagsAlwaysSet = 0x202;  // reserved bit 1 and IF
inline constexpr uint64_t kUserCodeSelector = 0x33;
inline constexpr uint64_t kUserDataSelector = 0x2b;

// Registers of a thread that starts at `entry` with everything else zero (ELF psABI process start).
Registers InitialRegisters(uint64_t entry, uint64_t stack_pointer);

}  // namespace ringwall::arch
