// The stub: the signal handler through which guest code reaches the sentry, and the zygote from which blank stubs are forked. Freestanding:
// no libc, no TLS, no constants outside the section, position-independent. A guest may run any of this with any registers: nothing here
// decides about rights, the filter and the sentry do.
#include "platform/systrap/guest/layout.h"

#define STUB __attribute__((section("ringwall_systrap"), visibility("hidden"), noinline, used))
#define STUB_INLINE static inline __attribute__((always_inline))

namespace ringwall::platform::systrap {

// Hidden: addresses relative to the code, never through a table.
#pragma GCC visibility push(hidden)
extern "C" {
void ringwall_systrap_restore();
[[noreturn]] void ringwall_systrap_leave(Context* context, uint64_t frame);
int64_t ringwall_systrap_clone(uint64_t flags, uint64_t context, uint64_t memory, uint64_t offset);
int64_t ringwall_systrap_cmpxchg(uint64_t address, uint32_t expected, uint32_t desired);
int64_t ringwall_systrap_touch(uint64_t address);
int64_t ringwall_systrap_exchange(uint64_t address, uint64_t mask, uint64_t expected, uint64_t desired);
int64_t ringwall_systrap_copy(uint64_t to, uint64_t from, uint64_t bytes);
void ringwall_systrap_save_fp(uint64_t area, uint64_t components);
[[noreturn]] void ringwall_systrap_switch(uint64_t argument, void (*function)(uint64_t), uint64_t stack);
extern const char ringwall_systrap_cmpxchg_access[];
extern const char ringwall_systrap_touch_access[];
extern const char ringwall_systrap_copy_access[];
extern const char ringwall_systrap_exchange_load[];
extern const char ringwall_systrap_exchange_store[];
extern const char ringwall_systrap_faulted[];
extern const char ringwall_systrap_call[];
extern const char ringwall_systrap_call_switched[];
extern const char ringwall_systrap_call_leaving[];
extern const char ringwall_systrap_call_leave[];
extern const char ringwall_systrap_call_sigreturn[];
extern const char ringwall_systrap_call_again[];
STUB void ringwall_systrap_handle(int signal, void* info, SignalFrame* frame);
STUB [[noreturn]] void ringwall_systrap_born(Context* context);
STUB uint32_t ringwall_systrap_serve_call(Context* context);
STUB uint32_t ringwall_systrap_serve_interrupt(Context* context);
STUB [[noreturn]] void ringwall_systrap_enter(uint64_t temporary);
}
#pragma GCC visibility pop

namespace {

// System call numbers and constants of the host, spelled here because this code must not include its headers.
enum : uint64_t {
  kMmap = 9,
  kMprotect = 10,
  kMunmap = 11,
  kRtSigaction = 13,
  kSchedYield = 24,
  kMadvise = 28,
  kDup = 32,
  kDup2 = 33,
  kGetpid = 39,
  kSendmsg = 46,
  kRecvmsg = 47,
  kClone = 56,
  kFork = 57,
  kVfork = 58,
  kExit = 60,
  kKill = 62,
  kFcntl = 72,
  kGetrusage = 98,
  kFutex = 202,
  kClose = 3,
  kSigaltstack = 131,
  kPrctl = 157,
  kTkill = 200,
  kExitGroup = 231,
  kTgkill = 234,
  kSeccomp = 317,
  kClone3 = 435,
};
constexpr uint64_t kReadWrite = 3, kReadExec = 5, kShared = 1, kPrivate = 2, kFixed = 0x10, kAnonymous = 0x20;
constexpr int64_t kENOSYS = 38;
constexpr uint64_t kShapes = 512;  // the last is no call

STUB_INLINE int64_t Call(uint64_t number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0, uint64_t d = 0, uint64_t e = 0, uint64_t f = 0) {
  int64_t result;
  register uint64_t r10 asm("r10") = d;
  register uint64_t r8 asm("r8") = e;
  register uint64_t r9 asm("r9") = f;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}

STUB_INLINE uint64_t Address(const void* p) { return reinterpret_cast<uint64_t>(p); }
STUB_INLINE bool Failed(int64_t result) { return result < 0 && result > -4096; }

STUB_INLINE uint64_t FsBase() {
  uint64_t base;
  asm volatile("rdfsbase %0" : "=r"(base));
  return base;
}
STUB_INLINE uint64_t GsBase() {
  uint64_t base;
  asm volatile("rdgsbase %0" : "=r"(base));
  return base;
}
STUB_INLINE void SetFsBase(uint64_t base) { asm volatile("wrfsbase %0" : : "r"(base)); }
STUB_INLINE void SetGsBase(uint64_t base) { asm volatile("wrgsbase %0" : : "r"(base)); }
STUB_INLINE uint64_t Ticks() {
  uint32_t low, high;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return uint64_t{high} << 32 | low;
}

// From the segment limit in which the host keeps it for every process (arch/x86/include/asm/segment.h, CPUNODE).
STUB_INLINE uint32_t Cpu() {
  uint32_t limit;
  asm volatile("lsl %1, %0" : "=r"(limit) : "r"(0x7b));
  return limit & 0xfff;
}

STUB_INLINE bool Answered(Context* context, uint32_t number) { return __atomic_load_n(&context->answered, __ATOMIC_ACQUIRE) == number; }

// Hands a request over and waits for its answer: by looking for a while when the sentry says that somebody is looking too, then asleep.
STUB void Ask(Context* context, uint32_t request) {
  context->request = request;
  context->cpu = Cpu();
  const uint32_t number = context->asked + 1;
  __atomic_store_n(&context->asked, number, __ATOMIC_SEQ_CST);
  const uint64_t spin = uint64_t{__atomic_load_n(&context->spin, __ATOMIC_SEQ_CST)} << 10;
  if (spin != 0) {
    const uint64_t start = Ticks();
    do {
      if (Answered(context, number)) return;
      __builtin_ia32_pause();
    } while (Ticks() - start < spin);
  }
  // Whoever answers looks at this after it has answered: one of the two sees the other.
  __atomic_store_n(&context->asleep, number, __ATOMIC_SEQ_CST);
  while (__atomic_load_n(&context->answered, __ATOMIC_SEQ_CST) != number) {
    // The listener is gone: the sentry died.
    if (Call(kHandOverCall, number) == -kENOSYS) Call(kExitGroup, 1);
  }
}

// The frame is whole then, and only rt_sigreturn(2) brings the vector registers back.
STUB int64_t SaveFp(Context* context) {
  constexpr uint64_t kNotes = 464, kFeatures = 8;  // what the host wrote about its frame: struct _fpx_sw_bytes
  const uint64_t area = reinterpret_cast<SignalFrame*>(context->frame)->context.fp_state;
  ringwall_systrap_save_fp(area, *reinterpret_cast<const uint64_t*>(area + kNotes + kFeatures));
  context->fp_saved = 1;
  return 0;
}

STUB_INLINE const StubShape* ShapeOf(uint64_t number) {
  return reinterpret_cast<const StubShape*>(kCodeAddress + kShapesOffset) + (number < kShapes ? number : kShapes - 1);
}

STUB void BringOne(Context* context, uint64_t address, uint64_t bytes, uint64_t* used) {
  const uint64_t count = context->brought_count;
  if (count >= kMaxBrought || bytes > kBroughtBytes - *used || address >= kEnd) return;
  if (ringwall_systrap_copy(Address(context) + kBroughtOffset + *used, address, bytes) != 0) return;
  context->brought[count] = {address, static_cast<uint32_t>(bytes), static_cast<uint32_t>(kBroughtOffset + *used)};
  context->brought_count = count + 1;
  *used += bytes;
}

// Copies what the call will read: the sentry need not ask the host for it.
STUB void Bring(Context* context, const SignalContext* r) {
  context->brought_count = 0;
  const StubShape shape = *ShapeOf(r->rax);
  if ((shape.strings | shape.structure) == 0) return;
  uint64_t arguments[6];
  arguments[0] = r->rdi, arguments[1] = r->rsi, arguments[2] = r->rdx;
  arguments[3] = r->r10, arguments[4] = r->r8, arguments[5] = r->r9;
  uint64_t used = 0;
  for (uint32_t i = 0; i < 6; ++i) {
    if ((shape.strings >> i & 1) == 0) continue;
    const uint64_t in_page = 4096 - (arguments[i] & 4095);
    BringOne(context, arguments[i], in_page < kBroughtString ? in_page : kBroughtString, &used);
  }
  if (shape.structure >= 1 && shape.structure <= 6) BringOne(context, arguments[shape.structure - 1], shape.structure_bytes, &used);
}

// futex(FUTEX_WAKE | FUTEX_PRIVATE_FLAG) of a word that nobody waits for. The waiter is counted before it reads the word, and the guest has
// written the word before it came here: one of the two sees the other.
STUB_INLINE bool WakesNobody(const Context* context, const SignalContext* r) {
  constexpr uint32_t kWakePrivate = 1 | 128;
  if (static_cast<uint32_t>(r->rsi) != kWakePrivate || (r->rdi & 3) != 0 || r->rdi >= kEnd) return false;
  const uint32_t* waiters = reinterpret_cast<const uint32_t*>(context->waiters_address);
  if (waiters == nullptr) return false;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  return __atomic_load_n(waiters + WaiterBucket(r->rdi), __ATOMIC_SEQ_CST) == 0;
}

// Does the guest know the result without the sentry? sched_yield(2) has one, but does something too.
STUB bool Answer(Context* context, SignalContext* r) {
  const uint32_t answer = ShapeOf(r->rax)->answer;
  if (answer == 0 || answer > kMaxAnswers) return false;
  if ((__atomic_load_n(&context->answers_known, __ATOMIC_SEQ_CST) >> (answer - 1) & 1) == 0) return false;
  if (r->rax == kSchedYield) Call(kSchedYield);
  if (r->rax == kFutex && !WakesNobody(context, r)) return false;
  r->rax = static_cast<uint64_t>(context->answers[answer - 1]);
  return true;
}

// What the thread has used is read while it still can be: cheaper than /proc.
STUB void NoteUsage(Context* context, uint64_t number) {
  if (number != kExit && number != kExitGroup) return;
  struct {
    int64_t user_s, user_us, system_s, system_us, max_rss_kib, rest[13];
  } usage;
  if (Call(kGetrusage, 1 /*RUSAGE_THREAD*/, Address(&usage)) != 0) return;
  context->cpu_us = static_cast<uint64_t>((usage.user_s + usage.system_s) * 1'000'000 + usage.user_us + usage.system_us);
  context->max_rss_kib = static_cast<uint64_t>(usage.max_rss_kib);
  context->usage_of = context->asked + 1;
}

STUB void RunOps(Context* context) {
  const uint32_t count = context->op_count < kMaxOps ? context->op_count : kMaxOps;
  uint32_t done = 0;
  for (; done < count; ++done) {
    Op* op = &context->ops[done];
    const uint64_t* a = op->arguments;
    if (op->number == kOpCompareExchange) {
      op->result = ringwall_systrap_cmpxchg(a[0], static_cast<uint32_t>(a[1]), static_cast<uint32_t>(a[2]));
    } else if (op->number == kOpTouch) {
      op->result = ringwall_systrap_touch(a[0]);
    } else if (op->number == kOpExchange) {
      op->result = ringwall_systrap_exchange(a[0], a[1], a[2], a[3]);
    } else if (op->number == kOpCopyOut) {
      // Unmapped meanwhile, by another thread: then the copy came first.
      ringwall_systrap_copy(a[0], Address(context) + a[1], a[2]);
      op->result = 0;
    } else if (op->number == kOpSaveFp) {
      op->result = SaveFp(context);
    } else if (op->number == kOpClone) {
      op->result = ringwall_systrap_clone(a[0], a[1], a[2], a[3]);
    } else {
      op->result = Call(op->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    }
    if (Failed(op->result)) break;
  }
  context->done = done;
}

// Asks, and does what the sentry wants until it wants the guest to run.
STUB void Serve(Context* context, uint32_t request) {
  for (;;) {
    Ask(context, request);
    const uint32_t command = context->command;
    if (command == kCommandReturn) return;
    if (command == kCommandExit) {
      for (;;) Call(kExit, 0);
    }
    RunOps(context);
    if (command == kCommandFinish && context->done == context->op_count) return;
    request = kRequestDone;
  }
}

constexpr uint64_t kTrapFlag = 0x100;

STUB void ReturnToGuest(Context* context) {
  if (context->new_fs_base != context->fs_base) SetFsBase(context->new_fs_base);
  if (context->new_gs_base != context->gs_base) SetGsBase(context->new_gs_base);
}

// Are registers alone enough to go on with guest code? Otherwise by rt_sigreturn(2).
STUB uint32_t LeaveCall(Context* context) {
  const SignalFrame* frame = reinterpret_cast<const SignalFrame*>(context->frame);
  const bool own_gs = context->new_gs_base != Address(context);
  const bool whole = own_gs || (frame->context.eflags & kTrapFlag) != 0;
  if (whole && !context->fp_saved) SaveFp(context);
  ReturnToGuest(context);
  if (context->fp_saved) return 0;
  const uint64_t rip = frame->context.rip;
  context->target = rip == context->return_address ? context->resume_address : rip;
  return 1;
}

STUB void SetHandlers() {
  struct {
    void (*handler)(int, void*, SignalFrame*);
    uint64_t flags;
    void (*restorer)();
    uint64_t mask;
  } action;
  action.handler = &ringwall_systrap_handle;
  action.restorer = &ringwall_systrap_restore;
  // Everything waits while a handler runs, but faults of its own accesses to guest memory.
  action.mask = ~(uint64_t{1} << 10 | uint64_t{1} << 6);
  // Signals that somebody on the host sends mean nothing.
  action.flags = 0x04000000;
  action.handler = reinterpret_cast<void (*)(int, void*, SignalFrame*)>(1);  // SIG_IGN
  for (uint64_t signal = 1; signal <= 64; ++signal) Call(kRtSigaction, signal, Address(&action), 0, 8);
  action.handler = &ringwall_systrap_handle;
  action.flags = 0x4 | 0x04000000 | 0x08000000 | 0x40000000;  // SIGINFO, RESTORER, ONSTACK, NODEFER
  Call(kRtSigaction, 11, Address(&action), 0, 8);             // SEGV
  Call(kRtSigaction, 7, Address(&action), 0, 8);              // BUS
  action.flags = 0x4 | 0x04000000 | 0x08000000;
  Call(kRtSigaction, 31, Address(&action), 0, 8);  // SYS
  Call(kRtSigaction, 8, Address(&action), 0, 8);   // FPE
  Call(kRtSigaction, 4, Address(&action), 0, 8);   // ILL
  Call(kRtSigaction, 5, Address(&action), 0, 8);   // TRAP
  Call(kRtSigaction, 10, Address(&action), 0, 8);  // USR1: Interrupt()
}

// ---- zygote ---------------------------------------------------------------------------------------------------------------------

struct MessageHeader {
  uint64_t name;
  uint32_t name_bytes, padding;
  uint64_t vectors, vector_count, control, control_bytes;
  uint32_t flags, more_padding;
};
struct Vector {
  uint64_t base, bytes;
};
struct Control {
  uint64_t bytes;
  int32_t level, type;
  int32_t descriptor, padding;
};
constexpr uint64_t kControlBytes = 16 + 4;

// A blank stub on its way, on the stack of its context.
STUB void Blank(uint64_t slot) {
  Call(kMunmap, kZygoteAddress, kZygoteBytes);
  struct {
    uint64_t address;
    uint32_t flags, padding;
    uint64_t bytes;
  } stack;
  stack.address = ContextAddress(static_cast<uint32_t>(slot)) + kStackOffset;
  stack.flags = 0;
  stack.bytes = kStackBytes;
  if (Call(kSigaltstack, Address(&stack)) != 0) Call(kExitGroup, 2);
  Call(kPrctl, 1, 9);  // PDEATHSIG, SIGKILL
  // SET_MODE_FILTER; NEW_LISTENER | WAIT_KILLABLE_RECV.
  if (Failed(Call(kSeccomp, 1, 1UL << 3 | 1UL << 5, kCodeAddress + kFilterOffset))) Call(kExitGroup, 3);
  SetFsBase(0);
  SetGsBase(0);
  reinterpret_cast<void (*)()>(kFirstCallAddress)();
}

STUB int64_t MakeBlank(uint32_t slot, int32_t* listener) {
  // One descriptor table for all, and nobody else makes descriptors: the listener gets the number that is free now.
  const int64_t free_number = Call(kDup, kZygoteSocket);
  if (Failed(free_number)) return free_number;
  Call(kClose, static_cast<uint64_t>(free_number));
  constexpr uint64_t kFlags = 0x200 | 0x400 | 0x8000;  // FS, FILES, PARENT; no exit signal
  const int64_t pid = Call(kClone, kFlags);
  if (pid == 0) {
    const uint64_t context = ContextAddress(slot);
    if (Call(kMmap, context, kContextBytes, kReadWrite, kShared | kFixed, kZygoteMemory, slot * kContextBytes) !=
        static_cast<int64_t>(context))
      Call(kExitGroup, 4);
    Call(kMadvise, context, kContextBytes, kDontFork);
    ringwall_systrap_switch(slot, &Blank, context + kStackOffset + kStackBytes);
  }
  if (Failed(pid)) return pid;
  // About 60 us, while the child makes its filter.
  for (uint32_t i = 0; Failed(Call(kFcntl, static_cast<uint64_t>(free_number), 1 /*F_GETFD*/)); ++i) {
    if (i > 2'000'000) return -kENOSYS;
    Call(kSchedYield);
  }
  *listener = static_cast<int32_t>(free_number);
  return pid;
}

STUB void ServeZygote() {
  for (;;) {
    ZygoteCommand command;
    Control control;
    Vector vector;
    MessageHeader message;
    vector.base = Address(&command);
    vector.bytes = sizeof(command);
    message.name = 0;
    message.name_bytes = message.padding = 0;
    message.vectors = Address(&vector);
    message.vector_count = 1;
    message.control = Address(&control);
    message.control_bytes = sizeof(control);
    message.flags = message.more_padding = 0;
    control.descriptor = -1;
    const int64_t got = Call(kRecvmsg, kZygoteSocket, Address(&message), 0x40000000 /*CMSG_CLOEXEC*/);
    if (got == -4) continue;
    if (got != sizeof(command)) Call(kExitGroup, 0);  // the sentry is gone
    ZygoteReply reply;
    reply.kind = command.kind;
    reply.argument = command.argument;
    reply.unused = 0;
    int32_t listener = -1;
    if (command.kind == ZygoteCommand::kBlank) {
      reply.value = static_cast<int32_t>(MakeBlank(command.argument, &listener));
    } else if (command.kind == ZygoteCommand::kInstall) {
      const bool came = message.control_bytes >= kControlBytes && control.descriptor >= 0;
      const int64_t placed = came ? Call(kDup2, static_cast<uint64_t>(control.descriptor), command.argument) : -24;
      reply.value = Failed(placed) ? static_cast<int32_t>(placed) : 0;
      if (came && control.descriptor != static_cast<int32_t>(command.argument)) Call(kClose, static_cast<uint64_t>(control.descriptor));
    } else {
      Call(kClose, command.argument);
      continue;
    }
    vector.base = Address(&reply);
    vector.bytes = sizeof(reply);
    message.control = 0;
    message.control_bytes = 0;
    message.flags = 0;
    if (listener >= 0) {
      control.bytes = kControlBytes;
      control.level = 1;  // SOL_SOCKET
      control.type = 1;   // SCM_RIGHTS
      control.descriptor = listener;
      control.padding = 0;
      message.control = Address(&control);
      message.control_bytes = sizeof(control);
    }
    int64_t sent;
    do {
      sent = Call(kSendmsg, kZygoteSocket, Address(&message), 0x4000 /*NOSIGNAL*/);
    } while (sent == -4);
    if (listener >= 0) Call(kClose, static_cast<uint64_t>(listener));
    if (sent != sizeof(reply)) Call(kExitGroup, 0);
  }
}

// At its final address: everything of the sentry goes.
STUB void Settle(uint64_t) {
  bool ok = Call(kMunmap, 0, kZygoteAddress) == 0;
  ok = ok && Call(kMunmap, kCodeAddress + kBlobBytes, kTopOfUserSpace - kCodeAddress - kBlobBytes) == 0;
  SetHandlers();
  // The first byte says that the zygote is there, or why it isn't.
  ZygoteReply reply;
  reply.kind = 0;
  reply.value = ok ? 0 : -1;
  reply.argument = reply.unused = 0;
  Vector vector;
  vector.base = Address(&reply);
  vector.bytes = sizeof(reply);
  MessageHeader message;
  message.name = 0;
  message.name_bytes = message.padding = 0;
  message.vectors = Address(&vector);
  message.vector_count = 1;
  message.control = message.control_bytes = 0;
  message.flags = message.more_padding = 0;
  Call(kSendmsg, kZygoteSocket, Address(&message), 0x4000);
  ServeZygote();
}

}  // namespace

// rdi: the temporary copy of the blob (kBlobBytes) that this runs in, with a stack behind it.
void ringwall_systrap_enter(uint64_t temporary) {
  // Whatever of the sentry lies here (its stack may) goes first.
  Call(kMunmap, kZygoteAddress, kTopOfUserSpace - kZygoteAddress);
  const int64_t code = Call(kMmap, kCodeAddress, kBlobBytes, kReadWrite, kPrivate | kFixed | kAnonymous, ~uint64_t{0}, 0);
  const int64_t stack = Call(kMmap, kZygoteAddress, kZygoteBytes, kReadWrite, kPrivate | kFixed | kAnonymous, ~uint64_t{0}, 0);
  if (code != static_cast<int64_t>(kCodeAddress) || stack != static_cast<int64_t>(kZygoteAddress)) Call(kExitGroup, 5);
  volatile uint64_t* to = reinterpret_cast<volatile uint64_t*>(kCodeAddress);
  const volatile uint64_t* from = reinterpret_cast<const volatile uint64_t*>(temporary);
  for (uint64_t i = 0; i < kBlobBytes / 8; ++i) to[i] = from[i];
  if (Call(kMprotect, kCodeAddress, kBlobBytes, kReadExec) != 0) Call(kExitGroup, 6);
  const uint64_t settle = Address(reinterpret_cast<const void*>(&Settle)) - temporary + kCodeAddress;
  ringwall_systrap_switch(temporary, reinterpret_cast<void (*)(uint64_t)>(settle), kZygoteAddress + kZygoteBytes - 64);
}

// A fault in an access to guest memory on the sentry's behalf is that access's result. An interrupt of a rewritten call is noted, or starts
// its way back anew. Everything else is an event.
void ringwall_systrap_handle(int signal, void*, SignalFrame* frame) {
  const uint64_t rip = frame->context.rip;
  if (rip == Address(ringwall_systrap_cmpxchg_access) || rip == Address(ringwall_systrap_touch_access) ||
      rip == Address(ringwall_systrap_copy_access) || rip == Address(ringwall_systrap_exchange_load) ||
      rip == Address(ringwall_systrap_exchange_store)) {
    frame->context.rip = Address(ringwall_systrap_faulted);
    return;
  }
  const bool asynchronous = signal == 10 || signal == 5;  // USR1; TRAP: a guest that steps itself
  const bool before = rip >= Address(ringwall_systrap_call) && rip < Address(ringwall_systrap_call_switched);
  if (asynchronous && rip - kCodeAddress < kCodeBytes && !before && rip != Address(ringwall_systrap_call_leave)) {
    if (rip >= Address(ringwall_systrap_call_leaving) && rip <= Address(ringwall_systrap_call_sigreturn)) {
      frame->context.rip = Address(ringwall_systrap_call_again);
    } else {
      reinterpret_cast<Context*>(frame->context.rsp & ~(kContextBytes - 1))->pending = 1;
    }
    if (signal == 5) frame->context.eflags &= ~uint64_t{0x100};  // TF
    return;
  }
  Context* context = reinterpret_cast<Context*>(Address(__builtin_frame_address(0)) & ~(kContextBytes - 1));
  context->signal = static_cast<uint32_t>(signal);
  context->frame = Address(frame);
  if (signal == 31) {
    Bring(context, &frame->context);
    NoteUsage(context, frame->context.rax);
  }
  context->fs_base = FsBase();
  context->gs_base = GsBase();
  Serve(context, kRequestEvent);
  ReturnToGuest(context);
}

uint32_t ringwall_systrap_serve_call(Context* context) {
  context->fp_saved = 0;
  SignalContext* registers = &reinterpret_cast<SignalFrame*>(context->frame)->context;
  if ((registers->eflags & kTrapFlag) == 0 && Answer(context, registers)) {
    context->target = context->resume_address;
    return 1;
  }
  context->fs_base = FsBase();
  context->gs_base = Address(context);
  Bring(context, registers);
  const uint64_t number = registers->rax;
  NoteUsage(context, number);
  // A child's frame is a copy of this one, and a signal to oneself is delivered at once.
  const bool births = number == kClone || number == kFork || number == kVfork || number == kClone3;
  if (births || number == kKill || number == kTkill || number == kTgkill) SaveFp(context);
  Serve(context, kRequestCall);
  return LeaveCall(context);
}

uint32_t ringwall_systrap_serve_interrupt(Context* context) {
  context->pending = 0;
  context->fs_base = FsBase();
  context->gs_base = GsBase();
  Serve(context, kRequestInterrupted);
  return LeaveCall(context);
}

void ringwall_systrap_born(Context* context) {
  Call(kPrctl, 1, 9);  // PDEATHSIG is not inherited
  context->fs_base = FsBase();
  context->gs_base = GsBase();
  Serve(context, kRequestBorn);
  ReturnToGuest(context);
  ringwall_systrap_leave(context, context->frame);
}

}  // namespace ringwall::platform::systrap
