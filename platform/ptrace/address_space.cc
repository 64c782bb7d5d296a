// A guest address space: changes by injected system calls, copies by process_vm_readv(2) and process_vm_writev(2).
#include "platform/ptrace/address_space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "platform/ptrace/guest_thread.h"
#include "platform/ptrace/tracer.h"

namespace ringwall::platform::ptrace {
namespace {

// How far below its start a stack may have grown; a wrong guess costs a fault in the stub, nothing else.
constexpr uint64_t kMaxStack = uint64_t{1} << 30;
constexpr uint64_t kMincorePages = 4096;  // one byte per page, one page of bytes

uint64_t HostProt(Prot prot) { return (prot.read ? PROT_READ : 0U) | (prot.write ? PROT_WRITE : 0U) | (prot.exec ? PROT_EXEC : 0U); }

// The caller has checked ranges; a mistake there must still not reach the blob.
bool InRange(uint64_t address, uint64_t length) {
  return address % kPageSize == 0 && length % kPageSize == 0 && length != 0 && address < kStubBase && length <= kStubBase - address;
}

// madvise(2) values that concern the guest's own memory only. Not MERGEABLE: pages shared by content tell guests about each other.
bool AdviceAllowed(int32_t advice) {
  switch (advice) {
    case MADV_NORMAL:
    case MADV_RANDOM:
    case MADV_SEQUENTIAL:
    case MADV_WILLNEED:
    case MADV_DONTNEED:
    case MADV_FREE:
    case MADV_REMOVE:
    case MADV_DONTFORK:
    case MADV_DOFORK:
    case MADV_HUGEPAGE:
    case MADV_NOHUGEPAGE:
    case MADV_DONTDUMP:
    case MADV_DODUMP:
    case MADV_WIPEONFORK:
    case MADV_KEEPONFORK:
    case MADV_COLD:
    case MADV_PAGEOUT:
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE:
    case 24 /*MADV_DONTNEED_LOCKED*/:
    case 25 /*MADV_COLLAPSE*/: return true;
    default: return false;
  }
}

}  // namespace

PtraceAddressSpace::PtraceAddressSpace(Ref<Tracer> tracer, int32_t pid) : tracer_(std::move(tracer)), pid_(pid) {}

uint64_t PtraceAddressSpace::end() const { return kStubBase; }

void PtraceAddressSpace::OnLastRef() const {
  PtraceAddressSpace* self = const_cast<PtraceAddressSpace*>(this);
  if (tracer_->OnTracer()) {
    tracer_->KillProcess(*self);
    delete self;
    return;
  }
  const Ref<Tracer> tracer = tracer_;
  if (!tracer->RunSoon([self] {
        self->tracer_->KillProcess(*self);
        delete self;
      })) {
    delete self;  // closed: the process is dead and nobody else knows this object
  }
}

Tracee* PtraceAddressSpace::TraceeOf(GuestThread* via) const {
  return via == nullptr ? nullptr : static_cast<PtraceGuestThread*>(via)->tracee();
}

// ---- changes ----------------------------------------------------------------------------------------------------------

Result<void> PtraceAddressSpace::Apply(absl::Span<const MemoryOp> ops, GuestThread* via) {
  Result<void> result = Errno::kESRCH;
  tracer_->RunAndWait([&] { result = ApplyNow(ops, TraceeOf(via)); });
  return result;
}

Result<void> PtraceAddressSpace::ApplyNow(absl::Span<const MemoryOp> ops, Tracee* via) {
  std::array<Op, kMaxOps> batch;
  while (!ops.empty()) {
    const size_t count = std::min(ops.size(), kMaxOps);
    Result<void> refused;
    size_t built = 0;
    for (; built < count; ++built) {
      const MemoryOp& op = ops[built];
      if (!InRange(op.address, op.length)) {
        refused = Errno::kEINVAL;
        break;
      }
      switch (op.kind) {
        case MemoryOp::Kind::kMap: {
          uint64_t flags = MAP_FIXED | (op.shared ? MAP_SHARED : MAP_PRIVATE) | (op.file == nullptr ? MAP_ANONYMOUS : 0U) |
                           (op.grows_down ? MAP_GROWSDOWN : 0U) | (op.no_reserve ? MAP_NORESERVE : 0U) | (op.populate ? MAP_POPULATE : 0U);
          uint64_t file = ~uint64_t{0};
          if (op.file != nullptr) {
            const Result<int> number = tracer_->zygote().DescriptorFor(*op.file);
            if (!number.ok()) {
              refused = number.error();
              break;
            }
            file = static_cast<uint64_t>(*number);
          }
          if (op.grows_down && std::find(stacks_.begin(), stacks_.end(), op.address) == stacks_.end()) {
            if (stacks_.size() >= 64) stacks_.erase(stacks_.begin());
            stacks_.push_back(op.address);
          }
          batch[built] = Op{SYS_mmap, {op.address, op.length, HostProt(op.prot), flags, file, op.offset}, 0};
          break;
        }
        case MemoryOp::Kind::kUnmap: batch[built] = Op{SYS_munmap, {op.address, op.length}, 0}; break;
        case MemoryOp::Kind::kProtect: batch[built] = Op{SYS_mprotect, {op.address, op.length, HostProt(op.prot)}, 0}; break;
        case MemoryOp::Kind::kAdvise:
          if (!AdviceAllowed(op.advice)) {
            refused = Errno::kEINVAL;
            break;
          }
          batch[built] = Op{SYS_madvise, {op.address, op.length, static_cast<uint64_t>(int64_t{op.advice})}, 0};
          break;
        case MemoryOp::Kind::kMove:
          if (!InRange(op.from, op.from_length)) {
            refused = Errno::kEINVAL;
            break;
          }
          // In place, mremap(2) refuses MREMAP_FIXED (the ranges overlap).
          batch[built] = op.from == op.address
                             ? Op{SYS_mremap, {op.from, op.from_length, op.length, 0}, 0}
                             : Op{SYS_mremap, {op.from, op.from_length, op.length, MREMAP_MAYMOVE | MREMAP_FIXED, op.address}, 0};
          break;
      }
      if (!refused.ok()) break;
    }
    if (built > 0) {
      const Tracer::Borrowed borrowed = tracer_->Borrow(*this, via);
      if (borrowed.tracee == nullptr) return Errno::kESRCH;
      const Ref<Tracee> keep(*borrowed.tracee);
      const StubCaller::OpsResult result = tracer_->RunOps(*borrowed.tracee, absl::MakeConstSpan(batch.data(), built));
      if (result.outcome == StubOutcome::kDead) return Errno::kESRCH;
      tracer_->PutBack(borrowed);
      if (result.done != built) return ErrnoFromHost(static_cast<int>(-static_cast<int64_t>(result.value)));
    }
    if (!refused.ok()) return refused;
    ops.remove_prefix(count);
  }
  return {};
}

// ---- copies -----------------------------------------------------------------------------------------------------------

// The host moves what it can and stops at the first bad page; it does not grow stacks for a copy from outside (Linux 6.5 and later), so
// that is tried when the address looks like a stack's.
template <typename Copy>
size_t PtraceAddressSpace::Transfer(uint64_t address, size_t size, Copy copy) {
  if (address >= kStubBase) return 0;
  size = static_cast<size_t>(std::min<uint64_t>(size, kStubBase - address));
  size_t moved = 0;
  while (moved < size) {
    // The process id can't be another process's: it is free only after the tracer has reaped it and set dead_.
    if (dead()) return moved;
    const ssize_t n = copy(address + moved, moved, size - moved);
    if (n > 0) moved += static_cast<size_t>(n);
    if (n == static_cast<ssize_t>(size)) break;
    if (n <= 0 && !GrowStack(address + moved)) break;
  }
  return moved;
}

size_t PtraceAddressSpace::Read(uint64_t address, absl::Span<std::byte> to) {
  return Transfer(address, to.size(), [&](uint64_t from, size_t skip, size_t size) {
    iovec local{to.data() + skip, size};
    iovec remote{reinterpret_cast<void*>(from), size};
    return process_vm_readv(pid_, &local, 1, &remote, 1, 0);
  });
}

size_t PtraceAddressSpace::Write(uint64_t address, absl::Span<const std::byte> from) {
  return Transfer(address, from.size(), [&](uint64_t to, size_t skip, size_t size) {
    iovec local{const_cast<std::byte*>(from.data()) + skip, size};
    iovec remote{reinterpret_cast<void*>(to), size};
    return process_vm_writev(pid_, &local, 1, &remote, 1, 0);
  });
}

bool PtraceAddressSpace::GrowStack(uint64_t address) {
  // Elsewhere than on the tracer the thread to do it with isn't at hand, and a copy must not wait for one.
  if (!tracer_->OnTracer()) return false;
  const bool below_a_stack =
      std::any_of(stacks_.begin(), stacks_.end(), [&](uint64_t start) { return address < start && start - address <= kMaxStack; });
  if (!below_a_stack) return false;
  for (Tracee* tracee : threads_) {
    if (!tracee->Stopped()) continue;
    const Ref<Tracee> keep(*tracee);
    arch::Registers regs = StubRegisters(tracee->regs);
    regs.rdi = address;
    if (tracer_->RunRoutine(*tracee, kTouchRoutine, regs) != StubOutcome::kDone) return false;
    // Readable now or before: only then a second copy may do better. The page below which it grew need not be touched again.
    const uint64_t page = address & ~(kPageSize - 1);
    if (page == last_grown_) {
      last_grown_ = 0;
      return false;
    }
    last_grown_ = page;
    return true;
  }
  return false;
}

Result<uint32_t> PtraceAddressSpace::CompareExchange(uint64_t address, uint32_t expected, uint32_t desired, GuestThread* via) {
  Result<uint32_t> result = Errno::kEFAULT;
  tracer_->RunAndWait([&] { result = CompareExchangeNow(address, expected, desired, TraceeOf(via)); });
  return result;
}

Result<uint32_t> PtraceAddressSpace::CompareExchangeNow(uint64_t address, uint32_t expected, uint32_t desired, Tracee* via) {
  if (address % 4 != 0 || address >= kStubBase) return Errno::kEFAULT;
  const Tracer::Borrowed borrowed = tracer_->Borrow(*this, via);
  if (borrowed.tracee == nullptr) return Errno::kEFAULT;
  const Ref<Tracee> keep(*borrowed.tracee);
  arch::Registers regs = StubRegisters(borrowed.tracee->regs);
  regs.rdi = address;
  regs.rax = expected;
  regs.rdx = desired;
  const StubOutcome outcome = tracer_->RunRoutine(*borrowed.tracee, kCompareExchangeRoutine, regs);
  if (outcome != StubOutcome::kDead) tracer_->PutBack(borrowed);
  if (outcome != StubOutcome::kDone) return Errno::kEFAULT;
  return static_cast<uint32_t>(regs.rax);
}

// ---- residency --------------------------------------------------------------------------------------------------------

Result<void> PtraceAddressSpace::Resident(uint64_t address, absl::Span<uint8_t> pages, GuestThread* via) {
  Result<void> result = Errno::kESRCH;
  tracer_->RunAndWait([&] { result = ResidentNow(address, pages, TraceeOf(via)); });
  return result;
}

// The buffer for mincore(2) is a shared page that exists in the stub during the call only. Other threads of the guest could write to it
// then, and would deceive nobody but their own process.
Result<void> PtraceAddressSpace::ResidentNow(uint64_t address, absl::Span<uint8_t> pages, Tracee* via) {
  while (!pages.empty()) {
    const size_t count = std::min<size_t>(pages.size(), kMincorePages);
    if (!InRange(address, count * kPageSize)) return Errno::kENOMEM;
    const Tracer::Borrowed borrowed = tracer_->Borrow(*this, via);
    if (borrowed.tracee == nullptr) return Errno::kESRCH;
    const Ref<Tracee> keep(*borrowed.tracee);
    const Op look[] = {
        {SYS_mmap,
         {kScratchAddress, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, static_cast<uint64_t>(kZygoteMemory),
          kScratchPage * kPageSize},
         0},
        {SYS_mincore, {address, count * kPageSize, kScratchAddress}, 0},
    };
    const StubCaller::OpsResult result = tracer_->RunOps(*borrowed.tracee, look);
    if (result.outcome == StubOutcome::kDead) return Errno::kESRCH;
    std::memcpy(pages.data(), tracer_->memory().scratch(), count);
    const Op leave{SYS_munmap, {kScratchAddress, kPageSize}, 0};
    if (tracer_->RunOps(*borrowed.tracee, absl::MakeConstSpan(&leave, 1)).outcome == StubOutcome::kDead) return Errno::kESRCH;
    tracer_->PutBack(borrowed);
    if (result.done != std::size(look)) return ErrnoFromHost(static_cast<int>(-static_cast<int64_t>(result.value)));
    for (uint8_t& page : pages.first(count)) page &= 1;
    pages.remove_prefix(count);
    address += count * kPageSize;
  }
  return {};
}

uint64_t PtraceAddressSpace::ResidentBytes() const {
  if (tracer_->proc_fd() < 0 || dead()) return 0;
  char text[128];
  std::snprintf(text, sizeof(text), "%d/statm", pid_);
  const UniqueFd file(openat(tracer_->proc_fd(), text, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return 0;
  const ssize_t n = read(file.get(), text, sizeof(text) - 1);
  if (n <= 0) return 0;
  text[n] = '\0';
  unsigned long long size = 0, resident = 0;
  if (std::sscanf(text, "%llu %llu", &size, &resident) != 2) return 0;
  return resident * kPageSize;
}

}  // namespace ringwall::platform::ptrace
