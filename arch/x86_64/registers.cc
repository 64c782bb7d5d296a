// The registers of a new thread.
#include "arch/x86_64/registers.h"

namespace ringwall::arch {

Registers InitialRegisters(uint64_t entry, uint64_t stack_pointer) {
  Registers regs = {};
  regs.orig_rax = ~uint64_t{0};  // not in a system call: nothing to restart
  regs.rip = entry;
  regs.rsp = stack_pointer;
  regs.cs = kUserCodeSelector;
  regs.ss = kUserDataSelector;
  regs.eflags = kFlagsAlwaysSet;
  return regs;
}

}  // namespace ringwall::arch
