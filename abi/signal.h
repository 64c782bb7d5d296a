// signal(7): numbers, sigaction, siginfo, signal stacks, sigevent, and the x86-64 signal frame's ucontext.
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr int32_t kSIGHUP = 1, kSIGINT = 2, kSIGQUIT = 3, kSIGILL = 4, kSIGTRAP = 5, kSIGABRT = 6, kSIGIOT = 6,
    kSIGBUS = 7, kSIGFPE = 8, kSIGKILL = 9, kSIGUSR1 = 10, kSIGSEGV = 11, kSIGUSR2 = 12, kSIGPIPE = 13, kSIGALRM = 14,
    kSIGTERM = 15, kSIGSTKFLT = 16, kSIGCHLD = 17, kSIGCONT = 18, kSIGSTOP = 19, kSIGTSTP = 20, kSIGTTIN = 21, kSIGTTOU = 22,
    kSIGURG = 23, kSIGXCPU = 24, kSIGXFSZ = 25, kSIGVTALRM = 26, kSIGPROF = 27, kSIGWINCH = 28, kSIGIO = 29, kSIGPOLL = 29,
    kSIGPWR = 30, kSIGSYS = 31, kSIGRTMIN = 32, kSIGRTMAX = 64;
inline constexpr int32_t kNumSignals = 64;  // _NSIG: numbers run from 1 to 64

using SigSet = uint64_t;  // bit (signo - 1)
constexpr SigSet SigMask(int32_t signo) { return SigSet{1} << (signo - 1); }  // signo must be 1..64
constexpr bool IsValidSignal(int32_t signo) { return signo >= 1 && signo <= kNumSignals; }

// sigaction(2). The kernel's unsigned long flags and handler.
inline constexpr uint64_t kSIG_DFL = 0, kSIG_IGN = 1;
inline constexpr uint64_t kSA_NOCLDSTOP = 1, kSA_NOCLDWAIT = 2, kSA_SIGINFO = 4, kSA_UNSUPPORTED = 0x400,
    kSA_EXPOSE_TAGBITS = 0x800, kSA_RESTORER = 0x4000000, kSA_ONSTACK = 0x8000000, kSA_RESTART = 0x10000000,
    kSA_NODEFER = 0x40000000, kSA_RESETHAND = 0x80000000, kSA_NOMASK = 0x40000000, kSA_ONESHOT = 0x80000000;
inline constexpr int32_t kSIG_BLOCK = 0, kSIG_UNBLOCK = 1, kSIG_SETMASK = 2;

// The kernel's layout, not the C library's. Named without sa_ because the C library owns sa_handler as a macro.
struct SigAction {
  uint64_t handler = 0, flags = 0, restorer = 0;
  SigSet mask = 0;
};
static_assert(sizeof(SigAction) == 32 && NoPadding<SigAction>);

struct StackT {
  uint64_t ss_sp = 0;
  int32_t ss_flags = 0;
  uint32_t pad0_ = 0;
  uint64_t ss_size = 0;
};
static_assert(sizeof(StackT) == 24 && NoPadding<StackT>);
inline constexpr int32_t kSS_ONSTACK = 1, kSS_DISABLE = 2;
inline constexpr uint32_t kSS_AUTODISARM = 1u << 31;
inline constexpr uint64_t kMINSIGSTKSZ = 2048, kSIGSTKSZ = 8192;

// si_code.
inline constexpr int32_t kSI_USER = 0, kSI_KERNEL = 0x80, kSI_QUEUE = -1, kSI_TIMER = -2, kSI_MESGQ = -3, kSI_ASYNCIO = -4,
    kSI_SIGIO = -5, kSI_TKILL = -6, kSI_DETHREAD = -7, kSI_ASYNCNL = -60;
inline constexpr int32_t kILL_ILLOPC = 1, kILL_ILLOPN = 2, kILL_ILLADR = 3, kILL_ILLTRP = 4, kILL_PRVOPC = 5, kILL_PRVREG = 6,
    kILL_COPROC = 7, kILL_BADSTK = 8;
inline constexpr int32_t kFPE_INTDIV = 1, kFPE_INTOVF = 2, kFPE_FLTDIV = 3, kFPE_FLTOVF = 4, kFPE_FLTUND = 5, kFPE_FLTRES = 6,
    kFPE_FLTINV = 7, kFPE_FLTSUB = 8, kFPE_FLTUNK = 14, kFPE_CONDTRAP = 15;
inline constexpr int32_t kSEGV_MAPERR = 1, kSEGV_ACCERR = 2, kSEGV_BNDERR = 3, kSEGV_PKUERR = 4;
inline constexpr int32_t kBUS_ADRALN = 1, kBUS_ADRERR = 2, kBUS_OBJERR = 3, kBUS_MCEERR_AR = 4, kBUS_MCEERR_AO = 5;
inline constexpr int32_t kTRAP_BRKPT = 1, kTRAP_TRACE = 2, kTRAP_BRANCH = 3, kTRAP_HWBKPT = 4, kTRAP_UNK = 5, kTRAP_PERF = 6;
inline constexpr int32_t kCLD_EXITED = 1, kCLD_KILLED = 2, kCLD_DUMPED = 3, kCLD_TRAPPED = 4, kCLD_STOPPED = 5,
    kCLD_CONTINUED = 6;
inline constexpr int32_t kPOLL_IN = 1, kPOLL_OUT = 2, kPOLL_MSG = 3, kPOLL_ERR = 4, kPOLL_PRI = 5, kPOLL_HUP = 6,
    kSYS_SECCOMP = 1, kSYS_USER_DISPATCH = 2;

// siginfo_t: a 16-byte head, then one of the layouts below at offset 16. Which one holds follows from si_signo and si_code
// (sigaction(2)); the bytes are plain, so that an unused tail is always zero. Read with As<T>(), write with Set(T{...}).
struct SigInfo {
  int32_t si_signo = 0, si_errno = 0, si_code = 0;
  uint32_t pad0_ = 0;
  uint64_t fields_[14] = {};

  struct Kill {  // SI_USER, SI_TKILL
    int32_t pid = 0;
    uint32_t uid = 0;
  };
  struct Timer {  // SI_TIMER
    int32_t timerid = 0, overrun = 0;
    uint64_t value = 0;
  };
  struct Rt {  // SI_QUEUE, SI_MESGQ
    int32_t pid = 0;
    uint32_t uid = 0;
    uint64_t value = 0;
  };
  struct Child {  // SIGCHLD; times in USER_HZ ticks
    int32_t pid = 0;
    uint32_t uid = 0;
    int32_t status = 0;
    uint32_t pad0_ = 0;
    int64_t utime = 0, stime = 0;
  };
  struct Fault {  // SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP
    uint64_t addr = 0;
    int16_t addr_lsb = 0;  // BUS_MCEERR_*
    uint16_t pad0_[3] = {};
    uint64_t lower = 0;  // SEGV_BNDERR; SEGV_PKUERR has the key in the low 32 bits
    uint64_t upper = 0;
  };
  struct Poll {  // SIGIO
    int64_t band = 0;
    int32_t fd = 0;
    uint32_t pad0_ = 0;
  };
  struct Sys {  // SIGSYS
    uint64_t call_addr = 0;
    int32_t syscall = 0;
    uint32_t arch = 0;
  };

  template <NoPadding T>
  T As() const {
    static_assert(sizeof(T) <= sizeof(fields_));
    T out;
    __builtin_memcpy(&out, fields_, sizeof(T));
    return out;
  }
  template <NoPadding T>
  void Set(const T& value) {
    static_assert(sizeof(T) <= sizeof(fields_));
    __builtin_memset(fields_, 0, sizeof(fields_));
    __builtin_memcpy(fields_, &value, sizeof(T));
  }

  Kill kill() const { return As<Kill>(); }
  Timer timer() const { return As<Timer>(); }
  Rt rt() const { return As<Rt>(); }
  Child chld() const { return As<Child>(); }
  Fault fault() const { return As<Fault>(); }
  Poll poll() const { return As<Poll>(); }
  Sys sys() const { return As<Sys>(); }
};
static_assert(sizeof(SigInfo) == 128 && NoPadding<SigInfo>);

// struct sigevent of timer_create(2), mq_notify(3). `value` is sigev_value's 8 bytes.
struct Sigevent {
  uint64_t value = 0;
  int32_t signo = 0, notify = 0;
  int32_t tid = 0;  // SIGEV_THREAD_ID
  uint32_t pad_[11] = {};
};
static_assert(sizeof(Sigevent) == 64 && NoPadding<Sigevent>);
inline constexpr int32_t kSIGEV_SIGNAL = 0, kSIGEV_NONE = 1, kSIGEV_THREAD = 2, kSIGEV_THREAD_ID = 4;

// The signal frame of x86-64 (rt_sigreturn(2)): return address, UContext, SigInfo, and the FPU area that `fpstate` points to.
struct SigContext {
  uint64_t r8 = 0, r9 = 0, r10 = 0, r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0;
  uint64_t rdi = 0, rsi = 0, rbp = 0, rbx = 0, rdx = 0, rax = 0, rcx = 0, rsp = 0, rip = 0, eflags = 0;
  uint16_t cs = 0, gs = 0, fs = 0, ss = 0;
  uint64_t err = 0, trapno = 0, oldmask = 0, cr2 = 0, fpstate = 0;
  uint64_t reserved1[8] = {};
};
static_assert(sizeof(SigContext) == 256 && NoPadding<SigContext>);

struct UContext {
  uint64_t uc_flags = 0, uc_link = 0;
  StackT uc_stack;
  SigContext uc_mcontext;
  SigSet uc_sigmask = 0;
};
static_assert(sizeof(UContext) == 304 && NoPadding<UContext>);
inline constexpr uint64_t kUC_FP_XSTATE = 1, kUC_SIGCONTEXT_SS = 2, kUC_STRICT_RESTORE_SS = 4;

// What Linux writes into the 48 software bytes at offset 464 of the FXSAVE image, and after the XSAVE image.
inline constexpr uint32_t kFP_XSTATE_MAGIC1 = 0x46505853, kFP_XSTATE_MAGIC2 = 0x46505845;
struct FpxSwBytes {
  uint32_t magic1 = 0, extended_size = 0;
  uint64_t xfeatures = 0;
  uint32_t xstate_size = 0, padding[7] = {};
};
static_assert(sizeof(FpxSwBytes) == 48 && NoPadding<FpxSwBytes>);

}  // namespace ringwall::abi
