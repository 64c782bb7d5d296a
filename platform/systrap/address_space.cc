// A guest address space: operations in its threads, copies from outside.
#include "platform/systrap/address_space.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "platform/systrap/guest_thread.h"

namespace ringwall::platform::systrap {
namespace {

// How far below its start a stack may have grown; a wrong guess costs a fault in the stub, nothing else.
constexpr uint64_t kMaxStack = uint64_t{1} << 30;
constexpr int64_t kEFAULT = 14;
constexpr uint64_t kMaxDeferredBytes = 64 << 20;

uint64_t HostProt(Prot prot) { return (prot.read ? PROT_READ : 0U) | (prot.write ? PROT_WRITE : 0U) | (prot.exec ? PROT_EXEC : 0U); }

// The caller has checked ranges; a mistake there must still not reach our own pages.
bool InRange(uint64_t address, uint64_t length) {
  return address % kPageSize == 0 && length % kPageSize == 0 && length != 0 && address < kEnd && length <= kEnd - address;
}

// madvise(2) values that concern the guest's own memory only, and that the stubs' filter lets through.
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

// A segment that continues the file's mapping that `first` began and `mapping` holds by now: read only, like it, or executable.
bool Joins(const MemoryOp& op, const MemoryOp& first, const Op& mapping) {
  const uint64_t mapped = mapping.arguments[1];
  return op.file == first.file && !op.shared && !op.populate && !op.prot.write && op.no_reserve == first.no_reserve &&
         op.address == first.address + mapped && op.offset == first.offset + mapped && op.address <= kEnd - op.length;
}

// A thread borrowed for remote work.
class Borrowed {
 public:
  Borrowed(SystrapAddressSpace& space, GuestThread* via)
      : listener_(space.listener()),
        thread_(listener_->Borrow(space, via == nullptr ? nullptr : static_cast<SystrapGuestThread*>(via)->thread())) {}
  ~Borrowed() {
    if (thread_) listener_->PutBack(*thread_);
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  explicit operator bool() const { return static_cast<bool>(thread_); }
  StubThread& operator*() const { return *thread_; }
  Listener::OpsResult Run(absl::Span<const Op> ops) const { return listener_->RunOps(*thread_, ops); }

 private:
  const Ref<Listener>& listener_;
  const RefPtr<StubThread> thread_;
};

// Numbers in the stubs' descriptor table, held while operations with them are under way.
class Numbers {
 public:
  explicit Numbers(Zygote& zygote) : zygote_(zygote) {}
  ~Numbers() {
    for (size_t i = 0; i < count_; ++i) zygote_.ReleaseNumber(numbers_[i]);
  }
  Numbers(const Numbers&) = delete;
  Numbers& operator=(const Numbers&) = delete;
  // Operations that succeeded with them.
  void NoteMapped(absl::Span<const Op> done) const {
    for (const Op& op : done) {
      if (op.number == SYS_mmap && (op.arguments[3] & (MAP_ANONYMOUS | MAP_SHARED)) == 0)
        zygote_.NoteMapped(static_cast<int>(op.arguments[4]), (op.arguments[2] & PROT_EXEC) != 0);
    }
  }
  Result<int> For(SharedFd& file) {
    const int number = TRY(zygote_.AcquireNumber(file));
    numbers_[count_++] = number;
    return number;
  }

 private:
  Zygote& zygote_;
  std::array<int, kMaxOps> numbers_{};
  size_t count_ = 0;
};

Errno ErrorOf(const Listener::OpsResult& result) {
  const int64_t error = -result.value;
  return error > 0 && error < 4096 ? ErrnoFromHost(static_cast<int>(error)) : Errno::kENOMEM;
}

}  // namespace

uint64_t SystrapAddressSpace::end() const { return kEnd; }

void SystrapAddressSpace::OnLastRef() const {
  SystrapAddressSpace* self = const_cast<SystrapAddressSpace*>(this);
  {
    MutexLock lock(listener_->mu());
    for (StubThread* thread : self->threads_) thread->space = nullptr;
    self->threads_.clear();
  }
  core_->Kill(pid());
  delete self;
}

void SystrapAddressSpace::CopyStacks(SystrapAddressSpace& from) {
  std::vector<uint64_t> stacks;
  {
    MutexLock lock(from.stack_mu_);
    stacks = from.stacks_;
  }
  MutexLock lock(stack_mu_);
  stacks_ = std::move(stacks);
}

// ---- changes ----------------------------------------------------------------------------------------------------------

// One small private mapping, unmapping or change of protection of a single-threaded process is done on its way back to guest code: mmap(2)
// costs one trap and no round trip. What Linux can refuse there, the caller has refused: ranges, rights and the number of mappings are
// checked, files have been mapped so before, and the host does not refuse small sizes for want of memory
// (Documentation/mm/overcommit-accounting). A process whose host does so all the same is killed.
bool SystrapAddressSpace::Defer(absl::Span<const MemoryOp> ops, GuestThread* via) {
  if (ops.size() != 1 || via == nullptr) return false;
  const MemoryOp& op = ops.front();
  if (!InRange(op.address, op.length) || op.length > kMaxDeferredBytes) return false;
  StubThread& thread = *static_cast<SystrapGuestThread*>(via)->thread();
  if (op.kind == MemoryOp::Kind::kUnmap) return listener_->Defer(thread, Op{SYS_munmap, {op.address, op.length}, 0}, -1);
  // Fewer rights are never refused.
  if (op.kind == MemoryOp::Kind::kProtect && !op.prot.exec && !op.prot.write)
    return listener_->Defer(thread, Op{SYS_mprotect, {op.address, op.length, HostProt(op.prot)}, 0}, -1);
  if (op.kind != MemoryOp::Kind::kMap || op.shared || op.grows_down || op.populate) return false;
  const uint64_t flags = MAP_FIXED | MAP_PRIVATE | (op.no_reserve ? MAP_NORESERVE : 0U);
  if (op.file == nullptr)
    return listener_->Defer(thread, Op{SYS_mmap, {op.address, op.length, HostProt(op.prot), flags | MAP_ANONYMOUS, ~uint64_t{0}, 0}, 0},
                            -1);
  Zygote& zygote = core_->zygote();
  const Result<int> number = zygote.AcquireNumber(*op.file);
  if (!number.ok()) return false;
  const Op map{SYS_mmap, {op.address, op.length, HostProt(op.prot), flags, static_cast<uint64_t>(*number), op.offset}, 0};
  if (zygote.MapsForSure(*number, op.prot.exec) && listener_->Defer(thread, map, *number)) return true;
  zygote.ReleaseNumber(*number);
  return false;
}

Result<void> SystrapAddressSpace::Apply(absl::Span<const MemoryOp> ops, GuestThread* via) {
  if (Defer(ops, via)) return {};
  Flush();
  std::array<Op, kMaxOps> batch;
  while (!ops.empty()) {
    const size_t count = std::min<size_t>(ops.size(), kMaxOps);
    Numbers numbers(core_->zygote());
    Result<void> refused;
    size_t built = 0;
    const MemoryOp* image = nullptr;  // what batch[image_at] began with, while segments can join it
    size_t image_at = 0;
    for (const MemoryOp& op : ops.first(count)) {
      if (!InRange(op.address, op.length)) {
        refused = Errno::kEINVAL;
        break;
      }
      switch (op.kind) {
        case MemoryOp::Kind::kMap: {
          if (image != nullptr && Joins(op, *image, batch[image_at])) {
            // One mapping of the file, which the host asks us about, and other rights for this part of it, about which it doesn't.
            batch[image_at].arguments[1] += op.length;
            if (op.prot != image->prot) batch[built++] = Op{SYS_mprotect, {op.address, op.length, HostProt(op.prot)}, 0};
            continue;
          }
          const uint64_t flags = MAP_FIXED | (op.shared ? MAP_SHARED : MAP_PRIVATE) | (op.file == nullptr ? MAP_ANONYMOUS : 0U) |
                                 (op.grows_down ? MAP_GROWSDOWN : 0U) | (op.no_reserve ? MAP_NORESERVE : 0U) |
                                 (op.populate ? MAP_POPULATE : 0U);
          uint64_t file = ~uint64_t{0};
          if (op.file != nullptr) {
            const Result<int> number = numbers.For(*op.file);
            if (!number.ok()) {
              refused = number.error();
              break;
            }
            file = static_cast<uint64_t>(*number);
          }
          if (op.grows_down) {
            MutexLock lock(stack_mu_);
            if (std::find(stacks_.begin(), stacks_.end(), op.address) == stacks_.end()) {
              if (stacks_.size() >= 64) stacks_.erase(stacks_.begin());
              stacks_.push_back(op.address);
            }
          }
          batch[built] = Op{SYS_mmap, {op.address, op.length, HostProt(op.prot), flags, file, op.offset}, 0};
          image = op.file == nullptr || op.shared || op.populate || op.prot.write ? nullptr : &op;
          image_at = built;
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
      if (op.kind != MemoryOp::Kind::kMap || op.file == nullptr) image = nullptr;
      ++built;
    }
    if (built > 0) {
      const Borrowed borrowed(*this, via);
      if (!borrowed) return Errno::kESRCH;
      const Listener::OpsResult result = borrowed.Run(absl::MakeConstSpan(batch.data(), built));
      if (result.dead) return Errno::kESRCH;
      if (result.done != built) return ErrorOf(result);
      numbers.NoteMapped(absl::MakeConstSpan(batch.data(), built));
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
size_t SystrapAddressSpace::Transfer(uint64_t address, size_t size, Copy copy) {
  if (address >= kEnd) return 0;
  Flush();
  size = static_cast<size_t>(std::min<uint64_t>(size, kEnd - address));
  size_t moved = 0;
  uint64_t grown = 0;
  while (moved < size) {
    if (dead()) return moved;
    const ssize_t n = copy(address + moved, moved, size - moved);
    if (n > 0) moved += static_cast<size_t>(n);
    if (moved == size) break;
    if (n <= 0) {
      const uint64_t page = (address + moved) & ~(kPageSize - 1);
      if (page == grown || !GrowStack(address + moved)) break;
      grown = page;
    }
  }
  return moved;
}

size_t SystrapAddressSpace::Read(uint64_t address, absl::Span<std::byte> to) {
  return Transfer(address, to.size(), [&](uint64_t from, size_t skip, size_t size) {
    iovec local{to.data() + skip, size};
    iovec remote{reinterpret_cast<void*>(from), size};
    return process_vm_readv(pid(), &local, 1, &remote, 1, 0);
  });
}

size_t SystrapAddressSpace::Write(uint64_t address, absl::Span<const std::byte> from) {
  return Transfer(address, from.size(), [&](uint64_t to, size_t skip, size_t size) {
    iovec local{const_cast<std::byte*>(from.data()) + skip, size};
    iovec remote{reinterpret_cast<void*>(to), size};
    return process_vm_writev(pid(), &local, 1, &remote, 1, 0);
  });
}

// pread64(2) or pwrite64(2) of the guest's, which the host asks us about (filter.h): number, range and offset are compared.
size_t SystrapAddressSpace::MoveFile(SharedFd& file, uint64_t offset, uint64_t address, size_t length, bool to_file, GuestThread* via) {
  if (via == nullptr || address >= kEnd || length > kEnd - address) return 0;
  Flush();
  Numbers numbers(core_->zygote());
  const Result<int> number = numbers.For(file);
  if (!number.ok()) return 0;
  const Borrowed borrowed(*this, via);
  if (!borrowed) return 0;
  const Op op{static_cast<uint64_t>(to_file ? SYS_pwrite64 : SYS_pread64), {static_cast<uint64_t>(*number), address, length, offset}, 0};
  const Listener::OpsResult result = borrowed.Run(absl::MakeConstSpan(&op, 1));
  if (result.dead || result.done != 1 || result.value <= 0) return 0;
  return std::min(static_cast<size_t>(result.value), length);
}

void SystrapAddressSpace::CountWaiter(uint64_t address, int change) {
  MutexLock lock(listener_->mu());
  // The context of a dead process may be somebody else's.
  if (!first_ || first_->died) return;
  __atomic_fetch_add(&first_->context->waiters[WaiterBucket(address)], static_cast<uint32_t>(change), __ATOMIC_SEQ_CST);
}

bool SystrapAddressSpace::GrowStack(uint64_t address) {
  {
    MutexLock lock(stack_mu_);
    if (!std::any_of(stacks_.begin(), stacks_.end(), [&](uint64_t start) { return address < start && start - address <= kMaxStack; }))
      return false;
  }
  const RefPtr<StubThread> thread = listener_->AnyStopped(*this);
  if (!thread) return false;
  const Op touch{kOpTouch, {address}, 0};
  const Listener::OpsResult result = listener_->RunOps(*thread, absl::MakeConstSpan(&touch, 1));
  return !result.dead && result.done == 1;
}

Result<uint32_t> SystrapAddressSpace::CompareExchange(uint64_t address, uint32_t expected, uint32_t desired, GuestThread* via) {
  if (address % 4 != 0 || address >= kEnd) return Errno::kEFAULT;
  Flush();
  const Borrowed borrowed(*this, via);
  if (!borrowed) return Errno::kEFAULT;
  const Op op{kOpCompareExchange, {address, expected, desired}, 0};
  const Listener::OpsResult result = borrowed.Run(absl::MakeConstSpan(&op, 1));
  if (result.dead || result.done != 1 || result.value == -kEFAULT) return Errno::kEFAULT;
  return static_cast<uint32_t>(result.value);
}

// ---- residency --------------------------------------------------------------------------------------------------------

// mincore(2) writes into the thread's window. Other threads of the guest could write to it too, and would deceive nobody but their own
// process.
Result<void> SystrapAddressSpace::Resident(uint64_t address, absl::Span<uint8_t> pages, GuestThread* via) {
  Flush();
  while (!pages.empty()) {
    const size_t count = std::min<size_t>(pages.size(), kWindowBytes);
    if (!InRange(address, count * kPageSize)) return Errno::kENOMEM;
    const Borrowed borrowed(*this, via);
    if (!borrowed) return Errno::kESRCH;
    const uint32_t slot = (*borrowed).slot;
    const Op look{SYS_mincore, {address, count * kPageSize, ContextAddress(slot) + kWindowOffset}, 0};
    const Listener::OpsResult result = borrowed.Run(absl::MakeConstSpan(&look, 1));
    if (result.dead) return Errno::kESRCH;
    if (result.done != 1) return ErrorOf(result);
    std::byte* window = core_->contexts().Bytes(slot) + kWindowOffset;
    std::memcpy(pages.data(), window, count);
    std::memset(window, 0, count);
    for (uint8_t& page : pages.first(count)) page &= 1;
    pages.remove_prefix(count);
    address += count * kPageSize;
  }
  return {};
}

uint64_t SystrapAddressSpace::ResidentBytes() const {
  if (core_->proc_fd() < 0 || dead()) return 0;
  {
    // A process that ends has told: the most that it had, as getrusage(2) wants it.
    MutexLock lock(listener_->mu());
    for (const StubThread* thread : threads_) {
      if (thread->told_usage()) return std::min(__atomic_load_n(&thread->context->max_rss_kib, __ATOMIC_RELAXED), kEnd >> 10) << 10;
    }
  }
  char text[128];
  std::snprintf(text, sizeof(text), "%d/statm", pid());
  const UniqueFd file(openat(core_->proc_fd(), text, O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return 0;
  const ssize_t n = read(file.get(), text, sizeof(text) - 1);
  if (n <= 0) return 0;
  text[n] = '\0';
  unsigned long long size = 0, resident = 0;
  if (std::sscanf(text, "%llu %llu", &size, &resident) != 2) return 0;
  return resident * kPageSize;
}

}  // namespace ringwall::platform::systrap
