// What the platform keeps inside every stub, above AddressSpace::end(), and the words through which a stub thread and the sentry talk.
// Included by both sides and by guest/entry.S (the constants in front of the #ifndef).
//
// Everything here is writable or reachable by guest code: to the sentry each field is a claim, copied once before use.
#pragma once

// The guest's part of the address space ends here. Above: a gap of 4 GiB (the filter compares upper halves of addresses), contexts, code.
#define RINGWALL_SYSTRAP_END 0x7ffe00000000
#define RINGWALL_SYSTRAP_CONTEXTS 0x7fff00000000
#define RINGWALL_SYSTRAP_ZYGOTE 0x7fff7ffe0000
#define RINGWALL_SYSTRAP_CODE 0x7fff7fff0000
#define RINGWALL_SYSTRAP_CODE_BYTES 0x4000
// Behind the code, so that its `syscall` is a guest's: the first call of a blank stub.
#define RINGWALL_SYSTRAP_FIRST_CALL 0x7fff7fff4000
#define RINGWALL_SYSTRAP_CONTEXT_BYTES 0x8000

// The rewritten call's way in (entry.S): offsets in the context, and the mark by which it knows one.
#define RINGWALL_SYSTRAP_MARK 0x52474c57
#define RINGWALL_SYSTRAP_FRAME 16
#define RINGWALL_SYSTRAP_CALL_MARK 2176
#define RINGWALL_SYSTRAP_CALL_PENDING 2184
#define RINGWALL_SYSTRAP_CALL_RSP 2192
#define RINGWALL_SYSTRAP_CALL_RETURN 2200
#define RINGWALL_SYSTRAP_CALL_RESUME 2208
#define RINGWALL_SYSTRAP_CALL_TARGET 2216

#ifndef __ASSEMBLER__

#include <cstddef>
#include <cstdint>

namespace ringwall::platform::systrap {

inline constexpr uint64_t kEnd = RINGWALL_SYSTRAP_END;
inline constexpr uint64_t kContextsAddress = RINGWALL_SYSTRAP_CONTEXTS;
inline constexpr uint64_t kZygoteAddress = RINGWALL_SYSTRAP_ZYGOTE;  // the zygote's own stack; no stub keeps it
inline constexpr uint64_t kZygoteBytes = 0x8000;
inline constexpr uint64_t kCodeAddress = RINGWALL_SYSTRAP_CODE;
inline constexpr uint64_t kCodeBytes = RINGWALL_SYSTRAP_CODE_BYTES;
inline constexpr uint64_t kShapesOffset = 0x2000;  // in the code: kCallShapes of StubShape
inline constexpr uint64_t kFilterOffset = 0x3000;  // in the code: the sock_fprog and the program behind it
inline constexpr uint64_t kFirstCallAddress = RINGWALL_SYSTRAP_FIRST_CALL;
inline constexpr uint64_t kBlobBytes = kCodeBytes + 0x1000;
inline constexpr uint64_t kTopOfUserSpace = 0x7ffffffff000;

// Descriptors of the zygote, and so of every stub (one table for all). Numbers from kFirstFile on are files that guests map.
inline constexpr int kZygoteSocket = 0;
inline constexpr int kZygoteMemory = 1;
inline constexpr int kZygoteScratch = 2;  // the first free number when a listener is made; closed at once
inline constexpr int kFirstFile = 3;
inline constexpr int kMaxFiles = 256;

// ---- contexts -----------------------------------------------------------------------------------------------------------------
// One per guest thread: a slot of one memfd, at kContextsAddress + slot * kContextBytes in the stub that owns it and nowhere else.

inline constexpr uint64_t kContextBytes = RINGWALL_SYSTRAP_CONTEXT_BYTES;
inline constexpr uint32_t kMaxContexts = 32768;
inline constexpr int kDontFork = 10;  // madvise(2), MADV_DONTFORK: what the owner of a context does with it before it has a child
inline constexpr uint64_t kBroughtOffset = 0x1000;  // guest memory that comes along with a call
inline constexpr uint64_t kBroughtBytes = 0x400;
inline constexpr uint64_t kWindowOffset = 0x1400;  // bytes that travel with an operation, or to guest memory
inline constexpr uint64_t kWindowBytes = 0x2c00;
inline constexpr uint64_t kStackOffset = 0x4000;  // the alternate signal stack; twice what AVX-512 needs (3376 bytes)
inline constexpr uint64_t kStackBytes = 0x4000;

// The number of the call that hands a request over; a notification always, never executed. Arguments: Context::asked.
inline constexpr uint64_t kHandOverCall = 186;  // gettid: harmless, should a filter ever be missing

// One operation of the handler: a system call, or one of its own.
struct Op {
  uint64_t number;
  uint64_t arguments[6];
  int64_t result;
};
static_assert(sizeof(Op) == 64);

// Of each call, by number, at kShapesOffset (platform.h, CallShape).
struct StubShape {
  uint8_t strings, structure;
  uint16_t structure_bytes;
  uint8_t answer;  // 1 + index in Context::answers; 0: always to be asked
  uint8_t unused;
};
inline constexpr uint32_t kMaxAnswers = 16;
inline constexpr uint32_t kWaiterBuckets = 64;
inline constexpr uint32_t WaiterBucket(uint64_t address) { return static_cast<uint32_t>((address >> 2) * 0x9e3779b97f4a7c15 >> 58); }

// Guest memory that came along: `bytes` from `address` are at `offset` in the context.
struct Brought {
  uint64_t address;
  uint32_t bytes, offset;
};
inline constexpr uint32_t kMaxBrought = 3;
inline constexpr uint64_t kBroughtString = 256;  // at most, and not beyond the end of a page
inline constexpr uint32_t kMaxOps = 32;

// Numbers beyond every system call.
inline constexpr uint64_t kOpCompareExchange = 0x10000;  // address, expected, desired; result: value found, or -EFAULT
inline constexpr uint64_t kOpTouch = 0x10001;            // address; 0 or -EFAULT
inline constexpr uint64_t kOpExchange = 0x10003;         // address of 8 aligned bytes, mask, expected, desired: 0, -EAGAIN or -EFAULT
inline constexpr uint64_t kOpSaveFp = 0x10004;           // the vector registers of a rewritten call into the frame
inline constexpr uint64_t kOpCopyOut = 0x10005;          // address, offset in the context, bytes; 0, also when there is no memory
inline constexpr uint64_t kOpClone = 0x10002;  // flags, child's context: clone(2), the child maps (if it must) and enters its context

// What a request says.
enum Request : uint32_t {
  kRequestEvent = 1,        // a signal: `signal`, `frame`, the bases
  kRequestDone = 2,         // the operations: `done`, their results
  kRequestBorn = 3,         // a thread made by kOpClone stands in its context
  kRequestCall = 4,         // a rewritten call: general registers are in the frame, the vector registers are the thread's
  kRequestInterrupted = 5,  // kInterruptSignal came on the way back from a rewritten call
};

// What the sentry wants of a stopped thread.
enum Command : uint32_t {
  kCommandReturn = 1,  // leave the handler: registers are in the frame
  kCommandRun = 2,     // run `ops`
  kCommandExit = 3,    // end this thread
  kCommandFinish = 4,  // run `ops`, and leave the handler if all succeed
};

struct Context {
  // Stub to sentry.
  uint32_t asked;    // number of the latest request
  uint32_t request;  // Request
  uint32_t signal;
  uint32_t done;   // operations that succeeded
  uint64_t frame;  // address of the signal frame's ucontext
  uint64_t fs_base, gs_base;
  uint32_t asleep;  // number of the latest request over which the requester went to sleep
  uint32_t cpu;     // on which it asked
  uint64_t unused[2];
  // Sentry to stub.
  uint32_t answered;  // number of the latest request that has an answer
  uint32_t command;   // Command
  uint32_t op_count;
  uint32_t spin;  // how long a requester looks for its answer before it sleeps, in units of 1024 time-stamp ticks; 0: not at all
  uint64_t new_fs_base, new_gs_base;
  uint64_t more_unused[4];
  Op ops[kMaxOps];
  // Rewritten calls: the stub's own.
  uint64_t mark;     // kMark: %gs points to a context
  uint32_t pending;  // kInterruptSignal came meanwhile
  uint32_t fp_saved;
  uint64_t guest_rsp;
  uint64_t return_address, resume_address;  // TrampolineRecord
  uint64_t target;                          // where to jump in the end
  // Of any call.
  uint64_t brought_count;
  Brought brought[kMaxBrought];
  // Of exit(2) and exit_group(2): getrusage(2) of the thread.
  uint32_t usage_of, usage_padding;  // number of the request that it came with
  uint64_t cpu_us, max_rss_kib;
  // Sentry to stub: bit i: answers[i] is the result of the call whose StubShape says so.
  uint32_t answers_known, answers_padding;
  int64_t answers[kMaxAnswers];
  // Sentry to stub: where the words of this address space are counted, in the context of its first thread: threads that wait for private
  // futex words, by WaiterBucket() of the word.
  uint64_t waiters_address;
  uint32_t waiters[kWaiterBuckets];
};
static_assert(offsetof(Context, answered) == 64 && offsetof(Context, ops) == 128);
static_assert(offsetof(Context, frame) == RINGWALL_SYSTRAP_FRAME && offsetof(Context, mark) == RINGWALL_SYSTRAP_CALL_MARK);
static_assert(offsetof(Context, pending) == RINGWALL_SYSTRAP_CALL_PENDING && offsetof(Context, guest_rsp) == RINGWALL_SYSTRAP_CALL_RSP);
static_assert(offsetof(Context, return_address) == RINGWALL_SYSTRAP_CALL_RETURN);
static_assert(offsetof(Context, resume_address) == RINGWALL_SYSTRAP_CALL_RESUME);
static_assert(offsetof(Context, target) == RINGWALL_SYSTRAP_CALL_TARGET);
inline constexpr uint64_t kMark = RINGWALL_SYSTRAP_MARK;
static_assert(sizeof(Context) <= kBroughtOffset);

inline constexpr uint64_t ContextAddress(uint32_t slot) { return kContextsAddress + slot * kContextBytes; }

// ---- signal frames (arch/x86/include/uapi/asm/sigcontext.h) -------------------------------------------------------------------

struct SignalContext {
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
  uint16_t cs, gs, fs, ss;
  uint64_t error_code, trap_number, old_mask, fault_address, fp_state, reserved[8];
};
static_assert(sizeof(SignalContext) == 256);

struct SignalFrame {  // struct ucontext, and struct siginfo behind it
  uint64_t flags, link;
  uint64_t stack_address;
  uint32_t stack_flags, stack_padding;
  uint64_t stack_bytes;
  SignalContext context;
  uint64_t mask;
  struct {
    int32_t signal, error, code, padding;
    uint64_t address;       // si_addr, si_call_addr
    int32_t call_number;    // si_syscall
    uint32_t architecture;  // si_arch
    uint8_t rest[96];
  } info;
};
static_assert(offsetof(SignalFrame, context) == 40 && offsetof(SignalFrame, mask) == 296 && sizeof(SignalFrame) == 304 + 128);

// ---- the zygote's commands ----------------------------------------------------------------------------------------------------

struct ZygoteCommand {
  enum Kind : uint32_t { kBlank = 1, kInstall = 2, kClose = 3 } kind;
  uint32_t argument;  // kBlank: slot; kInstall: number for the descriptor that comes along; kClose: number
};
struct ZygoteReply {
  uint32_t kind;
  int32_t value;  // kBlank: process id, with its listener; kInstall: 0; or -errno
  uint32_t argument;
  uint32_t unused;
};

}  // namespace ringwall::platform::systrap
#endif
