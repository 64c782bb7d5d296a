// ptrace(2) of x86-64.
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr int32_t kPTRACE_TRACEME = 0, kPTRACE_PEEKTEXT = 1, kPTRACE_PEEKDATA = 2, kPTRACE_PEEKUSR = 3,
    kPTRACE_POKETEXT = 4, kPTRACE_POKEDATA = 5, kPTRACE_POKEUSR = 6, kPTRACE_CONT = 7, kPTRACE_KILL = 8, kPTRACE_SINGLESTEP = 9,
    kPTRACE_GETREGS = 0xc, kPTRACE_SETREGS = 0xd, kPTRACE_GETFPREGS = 0xe, kPTRACE_SETFPREGS = 0xf, kPTRACE_ATTACH = 0x10,
    kPTRACE_DETACH = 0x11, kPTRACE_SYSCALL = 0x18, kPTRACE_ARCH_PRCTL = 0x1e, kPTRACE_SYSEMU = 0x1f,
    kPTRACE_SYSEMU_SINGLESTEP = 0x20, kPTRACE_SINGLEBLOCK = 0x21, kPTRACE_SETOPTIONS = 0x4200, kPTRACE_GETEVENTMSG = 0x4201,
    kPTRACE_GETSIGINFO = 0x4202, kPTRACE_SETSIGINFO = 0x4203, kPTRACE_GETREGSET = 0x4204, kPTRACE_SETREGSET = 0x4205,
    kPTRACE_SEIZE = 0x4206, kPTRACE_INTERRUPT = 0x4207, kPTRACE_LISTEN = 0x4208, kPTRACE_PEEKSIGINFO = 0x4209,
    kPTRACE_GETSIGMASK = 0x420a, kPTRACE_SETSIGMASK = 0x420b, kPTRACE_SECCOMP_GET_FILTER = 0x420c,
    kPTRACE_SECCOMP_GET_METADATA = 0x420d, kPTRACE_GET_SYSCALL_INFO = 0x420e, kPTRACE_GET_RSEQ_CONFIGURATION = 0x420f,
    kPTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG = 0x4210, kPTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG = 0x4211,
    kPTRACE_SET_SYSCALL_INFO = 0x4212;
inline constexpr uint32_t kPTRACE_O_TRACESYSGOOD = 1, kPTRACE_O_TRACEFORK = 2, kPTRACE_O_TRACEVFORK = 4,
    kPTRACE_O_TRACECLONE = 8, kPTRACE_O_TRACEEXEC = 0x10, kPTRACE_O_TRACEVFORKDONE = 0x20, kPTRACE_O_TRACEEXIT = 0x40,
    kPTRACE_O_TRACESECCOMP = 0x80, kPTRACE_O_EXITKILL = 0x100000, kPTRACE_O_SUSPEND_SECCOMP = 0x200000,
    kPTRACE_O_MASK = 0x3000ff;
inline constexpr int32_t kPTRACE_EVENT_FORK = 1, kPTRACE_EVENT_VFORK = 2, kPTRACE_EVENT_CLONE = 3, kPTRACE_EVENT_EXEC = 4,
    kPTRACE_EVENT_VFORK_DONE = 5, kPTRACE_EVENT_EXIT = 6, kPTRACE_EVENT_SECCOMP = 7, kPTRACE_EVENT_STOP = 128;
inline constexpr uint64_t kPTRACE_EVENTMSG_SYSCALL_ENTRY = 1, kPTRACE_EVENTMSG_SYSCALL_EXIT = 2;
inline constexpr uint8_t kPTRACE_SYSCALL_INFO_NONE = 0, kPTRACE_SYSCALL_INFO_ENTRY = 1, kPTRACE_SYSCALL_INFO_EXIT = 2,
    kPTRACE_SYSCALL_INFO_SECCOMP = 3;

struct UserRegs {  // struct user_regs_struct
  uint64_t r15 = 0, r14 = 0, r13 = 0, r12 = 0, rbp = 0, rbx = 0, r11 = 0, r10 = 0, r9 = 0, r8 = 0, rax = 0, rcx = 0, rdx = 0;
  uint64_t rsi = 0, rdi = 0, orig_rax = 0, rip = 0, cs = 0, eflags = 0, rsp = 0, ss = 0, fs_base = 0, gs_base = 0;
  uint64_t ds = 0, es = 0, fs = 0, gs = 0;
};
static_assert(sizeof(UserRegs) == 216 && NoPadding<UserRegs>);

struct PtracePeeksiginfoArgs {
  uint64_t off = 0;
  uint32_t flags = 0;
  int32_t nr = 0;
};
static_assert(sizeof(PtracePeeksiginfoArgs) == 16 && NoPadding<PtracePeeksiginfoArgs>);

// data: entry {nr, args[6]}; exit {rval, is_error in the low byte}; seccomp {nr, args[6], ret_data in the low 32 bits}.
struct PtraceSyscallInfo {
  uint8_t op = 0, pad0_ = 0;
  uint16_t flags = 0;
  uint32_t arch = 0;
  uint64_t instruction_pointer = 0, stack_pointer = 0, data[8] = {};
};
static_assert(sizeof(PtraceSyscallInfo) == 88 && NoPadding<PtraceSyscallInfo>);

}  // namespace ringwall::abi
