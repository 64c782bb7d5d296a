// Rewriting of call sites: which are worth it, where their trampolines go, and how they are taken back.
#include "sentry/mm/call_sites.h"

#include <algorithm>
#include <span>

#include "abi/mman.h"
#include "abi/sysno_x86_64.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/mm/page.h"

namespace ringwall::mm {
namespace {

using CodeWrite = platform::AddressSpace::CodeWrite;

constexpr uint64_t kReach = (uint64_t{1} << 31) - (1 << 20);  // of a near jump, with a margin
constexpr uint64_t kSnapshotBytes = 1024;                     // around a site
static_assert(kSnapshotBytes / 2 >= arch::kRewriteContext);

bool IsCode(const Vma& vma) {
  return vma.file && !vma.shared && vma.name.empty() && vma.prot == platform::Prot{.read = true, .write = false, .exec = true};
}

// The trampoline first, as words of memory that was zero; then the patch.
std::vector<CodeWrite> WritesOf(const arch::RewritePlan& plan, const arch::RewriteSteps& steps) {
  std::vector<CodeWrite> writes;
  for (size_t at = 0; at < plan.code_size; at += 8) {
    CodeWrite word{.address = plan.trampoline + at, .mask = ~uint64_t{0}};
    for (size_t i = 0; i < 8 && at + i < plan.code_size; ++i) word.desired |= uint64_t{plan.code[at + i]} << (8 * i);
    writes.push_back(word);
  }
  for (size_t i = 0; i < steps.count; ++i) {
    const arch::WordWrite& step = steps.writes[i];
    writes.push_back({step.address, step.mask, step.expected, step.desired});
  }
  return writes;
}

bool DropsPages(int32_t advice) {
  return advice == abi::kMADV_DONTNEED || advice == abi::kMADV_DONTNEED_LOCKED || advice == abi::kMADV_FREE || advice == abi::kMADV_REMOVE;
}

}  // namespace

bool CallSites::Count(uint64_t site) {
  if (counts_.size() >= kMaxCounts) counts_.clear();
  uint8_t& count = counts_[site];
  if (count > kWorthIt) return false;
  return ++count == kWorthIt;
}

arch::RewriteTable& CallSites::Own() {
  if (table_.use_count() > 1) table_ = std::make_shared<arch::RewriteTable>(*table_);
  return *table_;
}

bool CallSites::InZone(uint64_t start, uint64_t end) const {
  return std::any_of(zones_.begin(), zones_.end(), [&](const Zone& zone) { return zone.start < end && start < zone.end; });
}

void MemoryManager::CallTrapped(uint64_t site, uint64_t number, platform::GuestThread* via) {
  // rt_sigreturn(2) brings vector registers, which only a whole frame can take back.
  if (!rewrites_calls_.load(std::memory_order_relaxed) || number == abi::kSys_rt_sigreturn) return;
  Range around;
  {
    MutexLock lock(mu_);
    if (!calls_.enabled() || !calls_.Count(site)) return;
    const Vma* code = vmas_.Find(site);
    if (code == nullptr || !IsCode(*code) || calls_.table().SiteAt(site) != nullptr) return;
    const uint64_t word = site & ~uint64_t{7};
    around = {std::max(code->start, word - std::min(word, kSnapshotBytes / 2)), std::min(code->end, word + kSnapshotBytes / 2)};
  }
  const uint64_t first = around.start;
  std::vector<uint8_t> bytes(around.length());
  if (space_->Read(first, absl::MakeSpan(reinterpret_cast<std::byte*>(bytes.data()), bytes.size())) != bytes.size()) return;
  MutexLock lock(mu_);
  // Another thread may have changed the code meanwhile. Patches are only put over the bytes that were read; the rest must still be code.
  const Vma* code = vmas_.Find(site);
  if (!calls_.enabled() || code == nullptr || !IsCode(*code) || calls_.table().SiteAt(site) != nullptr) return;
  if (code->start > around.start || code->end < around.end) return;
  calls_.table().HidePatches(first, bytes);
  const arch::RewriteSite found = arch::AnalyseSite({.base = first, .bytes = bytes}, site, number);
  if (found.form == arch::RewriteForm::kNone) return;
  const std::optional<arch::RewritePlan> plan = PlaceTrampolineLocked(found, *code, via);
  if (!plan.has_value() || !calls_.Own().Insert(*plan)) return;
  has_rewritten_calls_.store(true, std::memory_order_release);
  const std::vector<CodeWrite> writes = WritesOf(*plan, arch::PatchSteps(*plan));
  // Stores in two words are seen whole only by a thread that does not run meanwhile.
  if (!space_->WriteCode(writes, !found.single_word(), via).ok()) calls_.Own().MarkUndone(*plan);
}

std::optional<arch::RewritePlan> MemoryManager::PlaceTrampolineLocked(const arch::RewriteSite& site, const Vma& code,
                                                                      platform::GuestThread* via) {
  for (const CallSites::Zone& zone : calls_.zones()) {
    if (std::optional<arch::RewritePlan> plan = calls_.table().Place(site, zone.start, zone.end, calls_.entry())) return plan;
  }
  if (calls_.zones().size() >= CallSites::kMaxZones || vmas_.size() >= kMaxMapCount) return std::nullopt;
  // Below the code: above an executable its heap wants to grow.
  const uint64_t bottom = std::max(platform::AddressSpace::kMinAddress, site.first > kReach ? PageUp(site.first - kReach) : 0);
  const uint64_t start = vmas_.FindGapTopDown(CallSites::kZoneBytes, bottom, code.start);
  if (start == 0) return std::nullopt;
  const CallSites::Zone zone{start, start + CallSites::kZoneBytes};
  std::optional<arch::RewritePlan> plan = calls_.table().Place(site, zone.start, zone.end, calls_.entry());
  if (!plan.has_value()) return std::nullopt;
  Vma area{.start = zone.start, .end = zone.end, .prot = {.read = true, .write = false, .exec = true}};
  area.offset = zone.start;
  area.name = "[trampolines]";
  const platform::MemoryOp op = MapOp(area, nullptr);
  if (!space_->Apply(absl::MakeConstSpan(&op, 1), via).ok()) return std::nullopt;
  InsertLocked(std::move(area));
  calls_.AddZone(zone);
  return plan;
}

Result<void> MemoryManager::ApplyLocked(absl::Span<const platform::MemoryOp> ops, platform::GuestThread* via) {
  if (has_rewritten_calls_.load(std::memory_order_relaxed)) [[unlikely]] {
    for (const platform::MemoryOp& op : ops) {
      using Kind = platform::MemoryOp::Kind;
      if (op.kind == Kind::kAdvise && !DropsPages(op.advice)) continue;
      const bool bytes_live_on = op.kind != Kind::kMap && op.kind != Kind::kUnmap;
      TakeBackCallsLocked({op.address, op.address + op.length}, bytes_live_on, via);
      if (op.kind == Kind::kMove) TakeBackCallsLocked({op.from, op.from + op.from_length}, true, via);
    }
  }
  return space_->Apply(ops, via);
}

void MemoryManager::TakeBackCallsLocked(const Range& range, bool restore, platform::GuestThread* via) {
  // Trampolines that go leave no site behind.
  if (calls_.InZone(range.start, range.end)) {
    calls_.Disable();
    for (const arch::RewritePlan& plan : calls_.Own().Forget(0, ~uint64_t{0})) RestoreCallLocked(plan, via);
    return;
  }
  if (!calls_.table().Touches(range.start, range.end)) return;
  for (const arch::RewritePlan& plan : calls_.Own().Forget(range.start, range.end)) {
    if (restore) RestoreCallLocked(plan, via);
  }
}

void MemoryManager::RestoreCallLocked(const arch::RewritePlan& plan, platform::GuestThread* via) {
  const arch::RewriteSteps steps = arch::UndoSteps(plan);
  for (size_t i = 0; i < steps.count; ++i) {
    const arch::WordWrite& step = steps.writes[i];
    const CodeWrite write{step.address, step.mask, step.expected, step.desired};
    // Not as expected: the guest has written there, and has the bytes that it wants.
    if (!space_->WriteCode(absl::MakeConstSpan(&write, 1), false, via).ok()) return;
  }
}

uint64_t MemoryManager::ResumeAddress(uint64_t rip) const {
  MutexLock lock(mu_);
  return calls_.table().ResumeAddress(rip);
}

arch::RewriteTable::Resolution MemoryManager::ResolveCall(uint64_t rip, platform::GuestThread* via) {
  MutexLock lock(mu_);
  const arch::RewriteTable::Resolution found = calls_.table().Resolve(rip);
  if (found.kind == arch::RewriteTable::Resolution::Kind::kUndo) {
    const arch::RewritePlan plan = *found.plan;
    RestoreCallLocked(plan, via);
    calls_.Own().MarkUndone(plan);
  }
  return {.kind = found.kind, .rip = found.rip};
}

void MemoryManager::StopRewritingCalls(platform::GuestThread* via) {
  if (!rewrites_calls_.load(std::memory_order_relaxed)) return;
  MutexLock lock(mu_);
  rewrites_calls_.store(false, std::memory_order_relaxed);
  calls_.Disable();
  for (const auto& plan : calls_.table().LivePlans(0, ~uint64_t{0})) {
    RestoreCallLocked(*plan, via);
    calls_.Own().MarkUndone(*plan);
  }
}

}  // namespace ringwall::mm
