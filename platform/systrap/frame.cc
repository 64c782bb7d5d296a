// Signal frames in contexts.
#include "platform/systrap/frame.h"

#include <linux/audit.h>
#include <signal.h>

#include <cstring>

#include "platform/systrap/filter.h"
#include "platform/systrap/stub_blob.h"

namespace ringwall::platform::systrap {
namespace {

constexpr uint64_t kNoCall = ~uint64_t{0};
constexpr int32_t kSegvMapped = 1;  // SEGV_MAPERR
constexpr int32_t kSiKernel = 128;
constexpr uint64_t kGeneralProtection = 13;
constexpr uint64_t kInt80Error = 0x402;  // selector error code of a vector without a gate for user mode: IDT, vector 0x80
constexpr int64_t kENOSYS = 38;

std::byte* BytesOf(const StubThread& thread) { return reinterpret_cast<std::byte*>(thread.context); }

bool FrameFits(uint64_t offset) { return offset >= kStackOffset && offset <= kContextBytes - sizeof(SignalFrame) && offset % 8 == 0; }

constexpr bool Canonical(uint64_t address) { return address < uint64_t{1} << 47; }

// Rewritten calls find their context by %gs, unless the guest has one of its own.
uint64_t GsBaseOf(const StubThread& thread) { return thread.regs.gs_base != 0 ? thread.regs.gs_base : ContextAddress(thread.slot); }

void ReadRegisters(StubThread& thread, const SignalContext& c) {
  arch::Registers& r = thread.regs;
  r.r8 = c.r8, r.r9 = c.r9, r.r10 = c.r10, r.r11 = c.r11, r.r12 = c.r12, r.r13 = c.r13, r.r14 = c.r14, r.r15 = c.r15;
  r.rdi = c.rdi, r.rsi = c.rsi, r.rbp = c.rbp, r.rbx = c.rbx, r.rdx = c.rdx, r.rax = c.rax, r.rcx = c.rcx, r.rsp = c.rsp;
  r.rip = c.rip, r.eflags = c.eflags, r.cs = c.cs, r.gs = c.gs, r.fs = c.fs, r.ss = c.ss, r.ds = 0, r.es = 0;
  r.fs_base = thread.context->fs_base, r.gs_base = thread.context->gs_base;
  if (r.gs_base == ContextAddress(thread.slot)) r.gs_base = 0;
  r.orig_rax = kNoCall;
}

// A stop in the rewritten call's own code: on the way out the thread is where it was to go on. True: on the way in, rip is the record.
bool StoppedInCall(arch::Registers& r, const Context& context) {
  static const CallAddresses code = CallCode();
  // All registers are the guest's but one, and the stub has said where it goes: we were perhaps not asked (answers in the stub).
  if (r.rip == code.leave) r.rip = __atomic_load_n(&context.target, __ATOMIC_RELAXED);
  if (r.rip < code.entry || r.rip >= code.switched) return false;
  r.rip = r.rip == code.entry ? r.rcx : r.r11;
  return true;
}

// With a call.
void ReadBrought(StubThread& thread) {
  const uint64_t count = __atomic_load_n(&thread.context->brought_count, __ATOMIC_RELAXED);
  for (uint32_t i = 0; i < kMaxBrought && i < count; ++i) {
    Brought one;
    std::memcpy(&one, &thread.context->brought[i], sizeof(one));
    if (one.offset < kBroughtOffset || one.offset > kWindowOffset || one.bytes > kWindowOffset - one.offset) return;
    thread.brought[thread.brought_count++] = one;
  }
}

}  // namespace

void ReadCall(StubThread& thread, bool interrupted, Event* event) {
  SignalContext c;
  std::memcpy(&c, &reinterpret_cast<const SignalFrame*>(BytesOf(thread) + thread.frame)->context, sizeof(c));
  ReadRegisters(thread, c);
  thread.fp_live = __atomic_load_n(&thread.context->fp_saved, __ATOMIC_RELAXED) == 0;
  thread.brought_count = 0;
  if (interrupted) {
    *event = Event{EventKind::kInterrupt};
    return;
  }
  ReadBrought(thread);
  *event = Event{EventKind::kSyscall};
  thread.regs.orig_rax = thread.regs.rax;
  thread.regs.rax = static_cast<uint64_t>(-kENOSYS);
}

bool ReadFrame(StubThread& thread, Event* event) {
  const uint64_t offset = __atomic_load_n(&thread.context->frame, __ATOMIC_RELAXED) - ContextAddress(thread.slot);
  if (!FrameFits(offset)) return false;
  SignalFrame frame;
  std::memcpy(&frame, BytesOf(thread) + offset, sizeof(frame));
  thread.frame = offset;

  thread.fp_live = false;
  thread.brought_count = 0;

  const SignalContext& c = frame.context;
  arch::Registers& r = thread.regs;
  ReadRegisters(thread, c);
  if (StoppedInCall(r, *thread.context)) {
    *event = Event{EventKind::kCallEntry};
    return true;
  }
  *event = Event{EventKind::kInterrupt};
  const int signal = frame.info.signal;
  // Sent by somebody on the host, not raised by the thread: nothing that a guest may notice.
  if (frame.info.code <= 0) return true;
  switch (signal) {
    case kInterruptSignal: return true;
    case SIGSYS:
      if (frame.info.architecture == AUDIT_ARCH_X86_64) {
        // The host has put the number back into rax (seccomp(2), SECCOMP_RET_TRAP).
        event->kind = EventKind::kSyscall;
        event->trapped = true;
        ReadBrought(thread);
        if (static_cast<int32_t>(r.rax) != frame.info.call_number) {
          // A number that looks like a restart code: the host took it for a result before it made the frame.
          r.rax = static_cast<uint64_t>(int64_t{frame.info.call_number});
          r.rip = frame.info.address;
        }
        r.orig_rax = r.rax;
        r.rax = static_cast<uint64_t>(-kENOSYS);
        return true;
      }
      // A 32-bit gate: the fault of a kernel without 32-bit support.
      *event = Event{EventKind::kFault, SIGSEGV, kSiKernel, 0, kGeneralProtection, kInt80Error};
      if (r.cs == arch::kUserCodeSelector) r.rip -= 2;
      return true;
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
      *event = Event{EventKind::kFault, signal, frame.info.code, frame.info.address, c.trap_number, c.error_code};
      // Our own pages are no pages of the guest's.
      if (signal == SIGSEGV && frame.info.address >= kEnd && Canonical(frame.info.address)) event->si_code = kSegvMapped;
      return true;
    default: return false;
  }
}

bool CanReturn(const arch::Registers& regs) { return Canonical(regs.fs_base) && Canonical(regs.gs_base); }

void WriteFrame(StubThread& thread) {
  SignalFrame* frame = reinterpret_cast<SignalFrame*>(BytesOf(thread) + thread.frame);
  const arch::Registers& r = thread.regs;
  SignalContext& c = frame->context;
  c.r8 = r.r8, c.r9 = r.r9, c.r10 = r.r10, c.r11 = r.r11, c.r12 = r.r12, c.r13 = r.r13, c.r14 = r.r14, c.r15 = r.r15;
  c.rdi = r.rdi, c.rsi = r.rsi, c.rbp = r.rbp, c.rbx = r.rbx, c.rdx = r.rdx, c.rax = r.rax, c.rcx = r.rcx, c.rsp = r.rsp;
  c.rip = r.rip, c.eflags = r.eflags, c.cs = static_cast<uint16_t>(r.cs), c.ss = static_cast<uint16_t>(r.ss);
  thread.context->new_fs_base = r.fs_base;
  thread.context->new_gs_base = GsBaseOf(thread);
}

void CopyFrame(const StubThread& creator, StubThread& child) {
  const uint64_t offset = creator.frame;
  std::memcpy(BytesOf(child) + offset, BytesOf(creator) + offset, kContextBytes - offset);
  SignalFrame* frame = reinterpret_cast<SignalFrame*>(BytesOf(child) + offset);
  const uint64_t from = ContextAddress(creator.slot), to = ContextAddress(child.slot);
  const uint64_t fp = frame->context.fp_state - from;
  frame->context.fp_state = fp < kContextBytes ? to + fp : 0;
  frame->stack_address = to + kStackOffset;
  frame->stack_flags = 0;
  frame->stack_bytes = kStackBytes;
  frame->mask = 0;
  child.frame = offset;
  child.context->frame = to + offset;
  child.regs = creator.regs;
  child.context->new_fs_base = child.regs.fs_base;
  child.context->new_gs_base = GsBaseOf(child);
}

std::byte* FpAreaOf(const StubThread& thread, size_t bytes) {
  const SignalFrame* frame = reinterpret_cast<const SignalFrame*>(BytesOf(thread) + thread.frame);
  const uint64_t offset = __atomic_load_n(&frame->context.fp_state, __ATOMIC_RELAXED) - ContextAddress(thread.slot);
  if (offset < kStackOffset || offset >= kContextBytes || bytes > kContextBytes - offset || offset % 64 != 0) return nullptr;
  return BytesOf(thread) + offset;
}

}  // namespace ringwall::platform::systrap
