// The address space as a whole: creation with ASLR, exec's image, limits and small accessors.
#include "sentry/mm/memory_manager.h"

#include <algorithm>
#include <utility>

#include "sentry/context/random.h"
#include "sentry/mm/page.h"

namespace ringwall::mm {
namespace {

// Linux's x86-64 entropy: 28 bits of pages for mmap, 22 for the stack.
constexpr uint64_t kMmapRandomPages = uint64_t{1} << 28;
constexpr uint64_t kStackRandomPages = uint64_t{1} << 22;
constexpr uint64_t kMinStackGap = uint64_t{128} << 20;

}  // namespace

Ref<MemoryManager> MemoryManager::Create(Ref<platform::AddressSpace> space, uint64_t aslr_seed, uint64_t stack_limit) {
  const uint64_t end = PageDown(space->end());
  uint64_t stack_random = 0, mmap_random = 0, stack_room = 0;
  if (aslr_seed != 0) {
    // Each from the generator, not from the seed: an address that leaks must not tell the others.
    stack_room = kStackRandomPages * kPageSize;
    stack_random = RandomU64() % kStackRandomPages * kPageSize;
    mmap_random = RandomU64() % kMmapRandomPages * kPageSize;
  }
  // Small spaces (tests, other platforms) have less to give away.
  if (end < uint64_t{1} << 46) stack_room = stack_random = mmap_random = 0;
  const uint64_t gap = std::clamp(PageUpOr(stack_limit, end), kMinStackGap, end / 6 * 5);
  const uint64_t base = PageDown(std::max(end - gap, end / 6)) - std::min(end / 12, stack_room + kStackGuardGap + mmap_random);
  return Ref<MemoryManager>(new MemoryManager(std::move(space), end - stack_random, PageDown(base)), Ref<MemoryManager>::AdoptTag{});
}

MemoryManager::MemoryManager(Ref<platform::AddressSpace> space, uint64_t stack_top, uint64_t mmap_base)
    : space_(std::move(space)),
      stack_top_(stack_top),
      mmap_base_(mmap_base),
      calls_(space_->call_entry()),
      rewrites_calls_(space_->call_entry() != 0) {}

MemoryManager::MemoryManager(Ref<platform::AddressSpace> space, const MemoryManager& parent)
    : space_(std::move(space)),
      stack_top_(parent.stack_top_),
      mmap_base_(parent.mmap_base_),
      calls_(parent.calls_),
      rewrites_calls_(parent.rewrites_calls_.load(std::memory_order_relaxed)),
      has_rewritten_calls_(parent.has_rewritten_calls_.load(std::memory_order_relaxed)) {}

MemoryManager::~MemoryManager() = default;

Result<void> MemoryManager::MapImage(absl::Span<const MmapRequest> requests, platform::GuestThread* via) {
  std::vector<Vma> areas;
  std::vector<Backing> backings;
  std::vector<platform::MemoryOp> ops;
  areas.reserve(requests.size());
  backings.reserve(requests.size());
  ops.reserve(requests.size());
  for (const MmapRequest& r : requests) {
    const uint64_t length = PageUp(r.length);
    if (length == 0 || length < r.length || !IsPageAligned(r.address) || !MayMap(length)) return Errno::kEINVAL;
    if (r.address > space_->end() - length) return Errno::kENOMEM;
    if (r.address < platform::AddressSpace::kMinAddress) return Errno::kEPERM;
    Backing backing = TRY(BackingFor(r, length));
    areas.push_back(AreaFor(r, r.address, length, backing.file, backing.writer));
    ops.push_back(MapOp(areas.back(), backing.host.get()));
    if (r.grows_down && length > kStackHead) {
      platform::MemoryOp head = ops.back();
      ops.back().length -= kStackHead;
      head.address += ops.back().length;
      head.length = kStackHead;
      head.grows_down = true;
      ops.push_back(head);
    }
    backings.push_back(std::move(backing));
  }
  Dead dead;
  MutexLock lock(mu_);
  TRY(ApplyLocked(ops, via));
  for (Vma& area : areas) {
    Bury(dead, vmas_.Remove(area.start, area.end));
    InsertLocked(std::move(area));
  }
  return {};
}

Result<void> MemoryManager::RaiseStackLimit(uint64_t stack_limit, platform::GuestThread* via) {
  MutexLock lock(mu_);
  const Vma* found = vmas_.Find(layout_.start_stack);
  if (found == nullptr || !found->grows_down) return {};
  const Vma stack = *found;
  const uint64_t wanted = std::min(PageUpOr(stack_limit, kMaxStack), kMaxStack);
  if (wanted <= stack.length()) return {};
  // As far as Linux's guard gap to the next mapping below allows.
  uint64_t start = stack.end - std::min(wanted, stack.end - platform::AddressSpace::kMinAddress);
  const auto at = vmas_.areas().find(stack.start);
  if (at != vmas_.areas().begin()) start = std::max(start, std::prev(at)->second.end + kStackGuardGap);
  if (start >= stack.start) return {};
  Vma more = stack;
  more.start = start;
  more.end = stack.start;
  more.offset = start;
  const platform::MemoryOp op = MapOp(more, nullptr);
  TRY(ApplyLocked(absl::MakeConstSpan(&op, 1), via));
  InsertLocked(std::move(more));
  return {};
}

platform::MemoryOp MemoryManager::MapOp(const Vma& vma, SharedFd* host) {
  platform::MemoryOp op{.kind = platform::MemoryOp::Kind::kMap, .address = vma.start, .length = vma.length(), .prot = vma.prot};
  op.shared = vma.shared;
  op.no_reserve = vma.no_reserve;
  op.file = host;
  if (host != nullptr) op.offset = vma.offset;
  return op;
}

platform::MemoryOp MemoryManager::UnmapOp(const Range& range) {
  return {.kind = platform::MemoryOp::Kind::kUnmap, .address = range.start, .length = range.length()};
}

void MemoryManager::Bury(Dead& dead, std::vector<Vma> parts) { std::move(parts.begin(), parts.end(), std::back_inserter(dead)); }

void MemoryManager::InsertLocked(Vma vma) {
  vmas_.Insert(std::move(vma));
  peak_bytes_ = std::max(peak_bytes_, vmas_.TotalBytes());
}

Result<void> MemoryManager::MayGrowLocked(uint64_t length, bool data, const MemoryLimits& limits) const {
  if (limits.address_space != ~uint64_t{0}) {
    const uint64_t limit = PageDown(limits.address_space);
    if (vmas_.TotalBytes() > limit || limit - vmas_.TotalBytes() < length) return Errno::kENOMEM;
  }
  // Walking all areas is the price of a limit that hardly anybody sets.
  if (data && limits.data != ~uint64_t{0}) {
    const uint64_t limit = PageDown(limits.data), used = DataBytesLocked();
    if (used > limit || limit - used < length) return Errno::kENOMEM;
  }
  return {};
}

Result<void> MemoryManager::MayLockLocked(uint64_t length, const MemoryLimits& limits) const {
  if (limits.may_lock_all || limits.locked == ~uint64_t{0}) return {};
  const uint64_t limit = PageDown(limits.locked), used = LockedBytesLocked();
  if (used > limit || limit - used < length) return Errno::kEAGAIN;
  return {};
}

bool MemoryManager::IsFree(uint64_t start, uint64_t end) const {
  MutexLock lock(mu_);
  return vmas_.Free(start, end);
}

bool MemoryManager::HoldsWritable(uint64_t address, uint64_t bytes) const {
  MutexLock lock(mu_);
  const Vma* vma = vmas_.Find(address);
  return vma != nullptr && vma->anonymous() && vma->prot.write && bytes <= vma->end - address;
}

Layout MemoryManager::layout() const {
  MutexLock lock(mu_);
  return layout_;
}

void MemoryManager::SetLayout(const Layout& layout) {
  MutexLock lock(mu_);
  layout_ = layout;
}

RefPtr<RefCounted> MemoryManager::executable() const {
  MutexLock lock(mu_);
  return executable_;
}

void MemoryManager::SetExecutable(RefPtr<RefCounted> file) {
  {
    MutexLock lock(mu_);
    std::swap(executable_, file);
  }
}

}  // namespace ringwall::mm
