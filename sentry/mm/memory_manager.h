// MemoryManager: one guest address space: what is mapped where (VMAs), on top of the platform's AddressSpace, which makes it real.
// Linux's mm_struct. Shared by the threads of a process and by vfork children until they exec.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "platform/platform.h"
#include "sentry/mm/call_sites.h"
#include "sentry/mm/mappable.h"
#include "sentry/mm/user_memory.h"
#include "sentry/mm/vma_set.h"

namespace ringwall::mm {

// Limits that the caller's rlimits impose, in bytes; ~0 = unlimited.
struct MemoryLimits {
  uint64_t address_space = ~uint64_t{0};  // RLIMIT_AS
  uint64_t data = ~uint64_t{0};           // RLIMIT_DATA
  uint64_t stack = 8u << 20;              // RLIMIT_STACK
  uint64_t locked = ~uint64_t{0};         // RLIMIT_MEMLOCK
  bool may_lock_all = false;              // CAP_IPC_LOCK
};

struct MmapRequest {
  uint64_t address = 0;  // hint, or exact with fixed
  uint64_t length = 0;   // bytes, not yet rounded
  platform::Prot prot{};
  platform::Prot max_prot{true, true, true};  // what mprotect may add later (file opened read-only: no shared write)
  bool shared = false;
  bool fixed = false;             // MAP_FIXED
  bool fixed_no_replace = false;  // MAP_FIXED_NOREPLACE: EEXIST
  bool grows_down = false;
  bool no_reserve = false;
  bool populate = false;
  bool locked = false;
  bool below_4g = false;  // MAP_32BIT
  RefPtr<Mappable> file;  // null = anonymous
  uint64_t offset = 0;    // page-aligned
  std::string name;       // "[stack]", "[heap]", "[vdso]": special areas
};

// Where exec put things, for /proc/PID/{stat,cmdline,environ,auxv} and prctl(PR_SET_MM).
struct Layout {
  uint64_t start_code = 0, end_code = 0, start_data = 0, end_data = 0;
  uint64_t start_brk = 0, brk = 0, start_stack = 0;
  uint64_t arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
  uint64_t vdso = 0;
  std::vector<uint64_t> auxv;  // pairs, AT_NULL included
};

struct MemoryUsage {
  uint64_t total_bytes = 0, peak_bytes = 0, data_bytes = 0, stack_bytes = 0, exec_bytes = 0, locked_bytes = 0, shared_bytes = 0;
  uint64_t resident_bytes = 0;
};

// Bookkeeping and reality stay equal by one order everywhere: under the lock, (1) everything is checked, (2) the platform's AddressSpace is
// changed, (3) the VMAs are, which can't fail. When the host refuses (2) the VMAs keep what the host still has. References that (3) drops
// go after the lock. Files are asked for their descriptors before the lock (their locks rank lower).
class MemoryManager : public RefCounted {
 public:
  // Takes over a blank address space. aslr_seed != 0 randomises mmap base, stack top and brk gap; stack_limit keeps the room below the
  // stack that RLIMIT_STACK may still claim.
  static Ref<MemoryManager> Create(Ref<platform::AddressSpace> space, uint64_t aslr_seed, uint64_t stack_limit = 8u << 20);
  // The child's copy after platform Fork: same VMAs (MADV_DONTFORK ranges removed, MADV_WIPEONFORK cleared).
  Result<Ref<MemoryManager>> Fork(Ref<platform::AddressSpace> child_space, platform::GuestThread* child_thread);
  // The same around the host's fork, so that no other thread maps anything between the two: host_fork gives the child's first thread and
  // runs under this space's lock.
  Result<Ref<MemoryManager>> ForkAround(absl::FunctionRef<Result<platform::GuestThread*>()> host_fork);

  platform::AddressSpace& space() { return *space_; }

  // ---- exec ----
  // First address above the stack, and where mmap looks for room downwards from. Fixed for life.
  uint64_t stack_top() const { return stack_top_; }
  uint64_t mmap_base() const { return mmap_base_; }
  // Maps fixed, page-aligned, checked ranges in order, later ones over earlier ones, in one platform call. No limits apply. On an error the
  // address space is good for nothing but to be dropped.
  Result<void> MapImage(absl::Span<const MmapRequest> requests, platform::GuestThread* via);
  // setrlimit(2) raised RLIMIT_STACK: the main stack may grow further, up to what lies below it. Lowering changes nothing.
  Result<void> RaiseStackLimit(uint64_t stack_limit, platform::GuestThread* via);

  // ---- mmap(2) and friends. `via` is a stopped thread of this space (the caller). Addresses are guest addresses. ----
  Result<uint64_t> Mmap(const MmapRequest& request, const MemoryLimits& limits, platform::GuestThread* via);
  Result<void> Munmap(uint64_t address, uint64_t length, platform::GuestThread* via);
  Result<void> Mprotect(uint64_t address, uint64_t length, platform::Prot prot, bool grows_down, const MemoryLimits& limits,
                        platform::GuestThread* via);
  Result<uint64_t> Mremap(uint64_t old_address, uint64_t old_size, uint64_t new_size, uint32_t flags, uint64_t new_address,
                          const MemoryLimits& limits, platform::GuestThread* via);
  // brk(2)'s kernel form: returns the new break, or the old one when it can't be moved.
  uint64_t Brk(uint64_t address, const MemoryLimits& limits, platform::GuestThread* via);
  Result<void> Madvise(uint64_t address, uint64_t length, int32_t advice, platform::GuestThread* via);
  Result<void> Msync(uint64_t address, uint64_t length, int32_t flags, platform::GuestThread* via);
  Result<void> Mincore(uint64_t address, uint64_t length, uint64_t vector, platform::GuestThread* via);
  // mlock2(2): on_fault = MLOCK_ONFAULT. mlockall(2)/munlockall(2) by flags; 0 unlocks.
  Result<void> Mlock(uint64_t address, uint64_t length, bool on_fault, const MemoryLimits& limits, platform::GuestThread* via);
  Result<void> Munlock(uint64_t address, uint64_t length);
  Result<void> MlockAll(uint32_t flags, const MemoryLimits& limits);
  // mseal(2): from now on the range can't be unmapped, replaced, moved or protected otherwise (EPERM).
  Result<void> Mseal(uint64_t address, uint64_t length);
  // prctl(PR_SET_VMA_ANON_NAME): "[anon:name]" for anonymous parts, empty clears. ENOMEM for holes, EBADF for file mappings.
  Result<void> NameAnonymous(uint64_t address, uint64_t length, const std::string& name);

  // ---- rewritten call sites (call_sites.h) ----
  // A system call of the stopped thread `via` has trapped, by the instruction at `site`.
  void CallTrapped(uint64_t site, uint64_t number, platform::GuestThread* via);
  bool has_rewritten_calls() const { return has_rewritten_calls_.load(std::memory_order_acquire); }
  // What an unexpected stop at `rip` means. `plan` is not set.
  arch::RewriteTable::Resolution ResolveCall(uint64_t rip, platform::GuestThread* via);
  // Where to resume a thread whose instruction pointer is to be `rip`: among patched bytes, their copy.
  uint64_t ResumeAddress(uint64_t rip) const;
  // All calls trap again, for ever: the code is going to be looked at (ptrace(2)).
  void StopRewritingCalls(platform::GuestThread* via);

  // Snapshot of the VMAs for /proc/PID/maps and smaps, in address order.
  std::vector<Vma> Vmas() const;
  // Nothing is mapped in [start, end).
  bool IsFree(uint64_t start, uint64_t end) const;
  // Is all of it private anonymous memory that may be written? A fault there is the host's failure, not the guest's.
  bool HoldsWritable(uint64_t address, uint64_t bytes) const;
  // The VMA that holds the address, for si_code (SEGV_MAPERR or SEGV_ACCERR) and core notes.
  std::unique_ptr<Vma> FindVma(uint64_t address) const;
  MemoryUsage Usage() const;

  Layout layout() const;
  void SetLayout(const Layout& layout);
  // /proc/PID/exe: opaque to mm (a task::Executable); set by exec.
  RefPtr<RefCounted> executable() const;
  void SetExecutable(RefPtr<RefCounted> file);
  // Identity of a futex word: private words are (this, address); words in shared file mappings are (dev, ino, offset).
  struct FutexKey {
    uint64_t object = 0;  // MemoryManager* as integer, or dev | 1 << 63
    uint64_t ino = 0;
    uint64_t offset = 0;
    friend bool operator==(const FutexKey&, const FutexKey&) = default;
  };
  // EFAULT when nothing (or nothing readable) is mapped there.
  Result<FutexKey> KeyFor(uint64_t address, bool process_private) const;

  // ptrace(2)'s access: past the protections of private mappings (a breakpoint in read-only code gets a private copy), never past those of
  // shared ones. Bytes moved before the first page that refuses. `via` is a stopped thread of this space.
  size_t ReadForced(uint64_t address, absl::Span<std::byte> to, platform::GuestThread* via);
  size_t WriteForced(uint64_t address, absl::Span<const std::byte> from, platform::GuestThread* via);

  // MEMBARRIER_CMD_REGISTER_*: what this address space has asked for.
  std::atomic<uint32_t> membarrier_registered{0};
  // For the dumpable flag of prctl(2).
  std::atomic<int32_t> dumpable{1};

 private:
  // A range after rounding, checked against the space.
  struct Range {
    uint64_t start = 0, end = 0;
    uint64_t length() const { return end - start; }
  };
  // What one mmap holds before the lock is taken: the host's pages of the file.
  struct Backing {
    RefPtr<Mappable> file;
    RefPtr<SharedFd> host;
    RefPtr<SharedWriter> writer;
  };
  using Dead = std::vector<Vma>;

  MemoryManager(Ref<platform::AddressSpace> space, uint64_t stack_top, uint64_t mmap_base);
  // A forked child: nothing is mapped yet, the rewritten calls are the parent's.
  MemoryManager(Ref<platform::AddressSpace> space, const MemoryManager& parent) ABSL_EXCLUSIVE_LOCKS_REQUIRED(parent.mu_);
  ~MemoryManager() override;

  static Result<Backing> BackingFor(const MmapRequest& request, uint64_t length);
  static platform::MemoryOp MapOp(const Vma& vma, SharedFd* host);
  static platform::MemoryOp UnmapOp(const Range& range);
  static void Bury(Dead& dead, std::vector<Vma> parts);

  Ref<MemoryManager> CopyLocked(Ref<platform::AddressSpace> space, std::vector<platform::MemoryOp>& ops, Dead& dead) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool MayMap(uint64_t length) const { return length <= space_->end() && space_->end() - length >= platform::AddressSpace::kMinAddress; }
  Result<uint64_t> PlaceLocked(const MmapRequest& request, uint64_t length) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  uint64_t FindRoomLocked(uint64_t length) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // RLIMIT_AS and RLIMIT_DATA for `length` bytes more: ENOMEM.
  Result<void> MayGrowLocked(uint64_t length, bool data, const MemoryLimits& limits) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool SealedLocked(const Range& range) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Result<void> MayLockLocked(uint64_t length, const MemoryLimits& limits) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  uint64_t DataBytesLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  uint64_t LockedBytesLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // AddressSpace::Apply, after rewritten calls in the ranges have been taken back.
  Result<void> ApplyLocked(absl::Span<const platform::MemoryOp> ops, platform::GuestThread* via) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::optional<arch::RewritePlan> PlaceTrampolineLocked(const arch::RewriteSite& site, const Vma& code, platform::GuestThread* via)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void TakeBackCallsLocked(const Range& range, bool restore, platform::GuestThread* via) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void RestoreCallLocked(const arch::RewritePlan& plan, platform::GuestThread* via) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Result<void> UnmapLocked(const Range& range, platform::GuestThread* via, Dead& dead) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void InsertLocked(Vma vma) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Result<uint64_t> MremapToLocked(const Vma& vma, const Range& old, uint64_t new_size, uint32_t flags, uint64_t new_address, SharedFd* host,
                                  const MemoryLimits& limits, platform::GuestThread* via, Dead& dead) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  size_t ForcePage(uint64_t address, bool write, platform::GuestThread* via, absl::FunctionRef<size_t()> copy);
  Result<void> MayResizeLocked(const Vma& vma, const Range& old, uint64_t new_size, const MemoryLimits& limits) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Ref<platform::AddressSpace> space_;
  const uint64_t stack_top_;
  const uint64_t mmap_base_;
  mutable Mutex<LockRank::kMm> mu_;
  VmaSet vmas_ ABSL_GUARDED_BY(mu_);
  Layout layout_ ABSL_GUARDED_BY(mu_);
  RefPtr<RefCounted> executable_ ABSL_GUARDED_BY(mu_);
  bool lock_future_ ABSL_GUARDED_BY(mu_) = false;
  bool has_seals_ ABSL_GUARDED_BY(mu_) = false;  // some area is sealed: nobody else pays for the search
  uint64_t peak_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  CallSites calls_ ABSL_GUARDED_BY(mu_);
  std::atomic<bool> rewrites_calls_;
  std::atomic<bool> has_rewritten_calls_{false};
};

}  // namespace ringwall::mm
