// How guest code runs: Platform, AddressSpace, GuestThread. The sentry knows only this header; ptrace, systrap and kvm
// implement it and pass platform/conformance/.
//
// Life of an event: a guest thread stops (system call, fault, interrupt, death); a *worker* (a host thread that the platform
// chose) calls EventSink::OnEvent; the answer says what happens to the guest thread. While the sink handles an event, and
// while the thread is parked, its registers belong to the sentry.
//
// Threads: "worker" = any host thread inside EventSink::OnEvent or a RunOnWorker closure. Unless said otherwise, methods may be
// called from any host thread, but those that change memory or make threads are cheap only on a worker: elsewhere the platform
// hands the work to one and waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/types/span.h"
#include "arch/x86_64/fpstate.h"
#include "arch/x86_64/registers.h"
#include "base/error/result.h"
#include "base/fd/shared_fd.h"
#include "base/ref/ref.h"

namespace ringwall::platform {

class GuestThread;
class Platform;

inline constexpr uint64_t kPageSize = 4096;

// ---- events -----------------------------------------------------------------------------------------------------------

enum class EventKind : uint8_t {
  kSyscall,    // regs().syscall_number(); rip is behind the instruction, rax is -ENOSYS
  kFault,      // a CPU exception that Linux would turn into a signal: the fault fields are set
  kInterrupt,  // somebody called Interrupt(); may be spurious
  kCallEntry,  // stopped on its way into a rewritten call: rip is the call's TrampolineRecord (AddressSpace::call_entry)
  kReady,      // somebody called Post() on the parked thread
  kExited,     // the host killed the thread (OOM killer, operator): regs() are lost, answer kExit
};

struct Event {
  EventKind kind;
  // kFault: what Linux would put into siginfo and the signal frame.
  int32_t signo = 0;  // SIGSEGV, SIGBUS, SIGFPE, SIGILL or SIGTRAP
  int32_t si_code = 0;
  uint64_t fault_address = 0;
  uint64_t trap_number = 0;  // x86 vector; 0 where the platform can't know
  uint64_t error_code = 0;   // x86 page-fault error code; 0 where the platform can't know
  bool trapped = false;      // kSyscall: by the instruction in front of rip, which could be rewritten (AddressSpace::call_entry)
};

enum class Verdict : uint8_t {
  kResume,  // run guest code from regs()
  kPark,    // stay stopped until Resume() or Post()
  kExit,    // the host thread is to end; the sink's owner destroys the GuestThread (now or later)
};

// The sentry's side: one per guest thread (the Task). Calls for one thread never overlap.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual Verdict OnEvent(GuestThread& thread, const Event& event) = 0;
};

// ---- memory -----------------------------------------------------------------------------------------------------------

struct Prot {
  bool read = false;
  bool write = false;
  bool exec = false;
  friend bool operator==(const Prot&, const Prot&) = default;
};

// One change of an address space. Ranges are page-aligned, non-empty, below AddressSpace::end(); the caller has checked them.
struct MemoryOp {
  enum class Kind : uint8_t {
    kMap,  // replaces whatever was there (MAP_FIXED)
    kUnmap,
    kProtect,
    kAdvise,  // madvise(2) with `advice` (guest numbers = Linux's numbers; only values the platform's filter lists)
    kMove,    // mremap(2) FIXED|MAYMOVE from [from, from + from_length) to [address, address + length)
  };
  Kind kind;
  uint64_t address = 0;
  uint64_t length = 0;
  Prot prot{};               // kMap, kProtect
  bool shared = false;       // kMap: MAP_SHARED
  bool grows_down = false;   // kMap: a stack that the host grows (MAP_GROWSDOWN); private anonymous only
  bool no_reserve = false;   // kMap: MAP_NORESERVE
  bool populate = false;     // kMap: fault in now
  SharedFd* file = nullptr;  // kMap: null = anonymous; borrowed for the call
  uint64_t offset = 0;       // kMap: bytes into file
  int32_t advice = 0;        // kAdvise
  uint64_t from = 0;         // kMove
  uint64_t from_length = 0;  // kMove
};

// What a platform may know of a system call, from its handler's signature: what it reads of guest memory whatever happens (it can be
// brought along with the call), and whether it can give the same again and again (GuestThread::Remember).
struct CallShape {
  uint8_t strings = 0;    // bit i: argument i is the address of a string
  uint8_t structure = 0;  // 1 + number of the argument that is the address of a structure; 0: none
  uint16_t structure_bytes = 0;
  bool lasting = false;
};
inline constexpr size_t kCallShapes = 512;  // by number

// The memory of one guest process. Dies (host process and all) with its last reference; threads hold one each.
class AddressSpace : public RefCounted {
 public:
  // First address above what a guest may map. Everything below, from kMinAddress, is the guest's.
  virtual uint64_t end() const = 0;
  static constexpr uint64_t kMinAddress = 0x10000;

  // Applies the operations in order and stops at the first that the host refuses (ENOMEM, EACCES, EPERM, EINVAL...). Operations before it
  // stay done. `via` is a stopped thread of this address space (the caller of mmap), or null when there is none at hand.
  virtual Result<void> Apply(absl::Span<const MemoryOp> ops, GuestThread* via) = 0;

  // Copies with the guest's own page protections. Returns the bytes moved before the first bad page: fewer than asked for means a fault
  // there; never an error by itself. Any host thread; no lock may be held that a page fault could need.
  virtual size_t Read(uint64_t address, absl::Span<std::byte> to) = 0;
  virtual size_t Write(uint64_t address, absl::Span<const std::byte> from) = 0;

  // A copy that may wait until `via`, stopped in a call, goes back to guest code: others who read the memory before see it, too. The caller
  // knows that the bytes are mapped writable; if they are unmapped meanwhile, nothing is written. False: not now; Write().
  virtual bool WriteOnReturn(uint64_t address, absl::Span<const std::byte> from, GuestThread* via) {
    (void)address, (void)from, (void)via;
    return false;
  }
  // What `via` brought along with the call that it is stopped in: bytes at `address`, as many as it has, at most to.size(). 0: Read().
  virtual size_t ReadBrought(uint64_t address, absl::Span<std::byte> to, GuestThread* via) {
    (void)address, (void)to, (void)via;
    return 0;
  }
  // Moves bytes between a host file and guest memory by the thread `via`, stopped in a call, itself: one copy instead of two. How many, as
  // the guest tells; 0 when that can't be done here or the host refuses: Read() or Write() then.
  virtual size_t MoveFile(SharedFd& file, uint64_t offset, uint64_t address, size_t length, bool to_file, GuestThread* via) {
    (void)file, (void)offset, (void)address, (void)length, (void)to_file, (void)via;
    return 0;
  }
  // Somebody may change that memory before the call reads it (a tracer).
  virtual void DropBrought(GuestThread* via) { (void)via; }

  // Atomic 32-bit compare-and-exchange on guest memory; returns the value found. EFAULT if the word is not mapped writable; the address is
  // 4-byte aligned.
  virtual Result<uint32_t> CompareExchange(uint64_t address, uint32_t expected, uint32_t desired, GuestThread* via) = 0;

  // mincore(2): one byte per page, bit 0 = resident. ENOMEM when part of the range is not mapped.
  virtual Result<void> Resident(uint64_t address, absl::Span<uint8_t> pages, GuestThread* via) = 0;

  // A thread begins (+1) or ends (-1) waiting for the private futex word at `address`: before the word is read, and after the thread was
  // taken out of its queue. A platform that knows of no waiter may answer a FUTEX_WAKE by itself, when a call of the thread's was
  // remembered.
  virtual void CountWaiter(uint64_t address, int change) { (void)address, (void)change; }

  // Where the trampolines of rewritten call sites jump (arch/x86_64/rewrite.h); 0 when this platform has nothing to gain from them.
  virtual uint64_t call_entry() const { return 0; }
  // Stores into executable memory: in each aligned 8-byte word the bytes of `mask` become `desired`, atomically, if they are `expected`.
  // All lie in pages that are readable and executable, before and after. EAGAIN at the first word that is not as expected, EBUSY when
  // `alone` is asked for and the address space may have a second thread; the words before stay changed.
  struct CodeWrite {
    uint64_t address = 0;
    uint64_t mask = 0;
    uint64_t expected = 0;
    uint64_t desired = 0;
  };
  virtual Result<void> WriteCode(absl::Span<const CodeWrite> writes, bool alone, GuestThread* via) {
    (void)writes, (void)alone, (void)via;
    return Errno::kENOSYS;
  }

  // Resident set in bytes, as the host counts it.
  virtual uint64_t ResidentBytes() const = 0;
};

// ---- threads ----------------------------------------------------------------------------------------------------------

// One guest thread. Born parked; the first Resume() starts it at regs(). Destroying it (any thread; not while its event runs, except after
// kExit was answered or from its own sink) ends the host thread.
class GuestThread {
 public:
  virtual ~GuestThread() = default;

  // Valid inside the thread's own event and while it is parked.
  virtual arch::Registers& regs() = 0;
  virtual AddressSpace& address_space() = 0;
  virtual Result<void> GetFpState(arch::FpState& out) = 0;
  // Reserved bits that the CPU would refuse give EINVAL and change nothing.
  virtual Result<void> SetFpState(const arch::FpState& state) = 0;

  // Parked -> runs guest code.
  virtual void Resume() = 0;
  // Parked -> a worker calls the sink with kReady. Called at most once per park.
  virtual void Post() = 0;
  // Until ForgetAnswers(), the platform may answer this call (CallShape::lasting) with `result` and without an event. Inside the thread's
  // own event.
  virtual void Remember(uint32_t /*number*/, int64_t /*result*/) {}
  // No such answer is given any more when this returns. Any thread, any state.
  virtual void ForgetAnswers() {}
  // Running -> kInterrupt soon. No effect, or one spurious kInterrupt later, in any other state.
  virtual void Interrupt() = 0;

  // CPU time that the guest code of this thread has used on the host, nanoseconds.
  virtual uint64_t CpuTimeNs() const = 0;
  // Host thread id, for operators and tests; 0 when there is none.
  virtual int32_t host_tid() const = 0;
};

class Platform {
 public:
  virtual ~Platform() = default;
  virtual const char* name() const = 0;

  // A blank address space with one thread in it (execve, the first process). `initial` are its registers.
  virtual Result<std::unique_ptr<GuestThread>> NewProcess(EventSink& sink, const arch::Registers& initial) = 0;
  // A further thread in creator's address space (CLONE_VM: threads and vfork children). Registers and FPU state are copies of creator's.
  // `creator` is stopped. EAGAIN when the host refuses one more thread.
  virtual Result<std::unique_ptr<GuestThread>> NewThread(GuestThread& creator, EventSink& sink) = 0;
  // A copy of creator's address space (native copy-on-write) with one thread, registers and FPU state copied. Shared mappings stay shared.
  virtual Result<std::unique_ptr<GuestThread>> Fork(GuestThread& creator, EventSink& sink) = 0;

  // Runs `work` once on a worker, soon.
  virtual void RunOnWorker(std::function<void()> work) = 0;
  // True on a worker of this platform.
  virtual bool OnWorker() const = 0;
  // The calling thread (the one that created the platform) works until Shutdown() and all guest threads are gone.
  virtual void Run() = 0;
  virtual void Shutdown() = 0;
};

}  // namespace ringwall::platform
