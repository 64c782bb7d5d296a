// Lookups from instruction pointers to rewritten sites and back.
#include "arch/x86_64/rewrite_table.h"

#include <algorithm>

namespace ringwall::arch {
namespace {

// Behind the last byte that the plan changes or copies.
uint64_t EndOf(const RewritePlan& plan) { return std::max(plan.site.first + kRewritePatchBytes, plan.site.displaced_end); }

bool Patches(const RewritePlan& plan, uint64_t address) { return address - plan.site.first < kRewritePatchBytes; }

}  // namespace

RewriteTable::Sites::const_iterator RewriteTable::FirstFrom(uint64_t start) const {
  auto it = sites_.upper_bound(start);
  if (it == sites_.begin()) return it;
  const auto before = std::prev(it);
  return EndOf(*before->second.plan) > start ? before : it;
}

uint64_t RewriteTable::TrampolineIn(uint64_t start, uint64_t end) const {
  const auto next = trampolines_.lower_bound(end);
  if (next == trampolines_.begin()) return 0;
  const auto last = std::prev(next);
  const uint64_t behind = last->first + last->second->code_size;
  return behind > start ? behind : 0;
}

std::optional<RewritePlan> RewriteTable::Place(const RewriteSite& site, uint64_t from, uint64_t end, uint64_t entry) const {
  for (size_t tries = 0; tries <= trampolines_.size(); ++tries) {
    const std::optional<uint64_t> slot = FindTrampolineSlot(site, from, end);
    if (!slot.has_value()) return std::nullopt;
    std::optional<RewritePlan> plan = BuildRewrite(site, *slot, entry);
    if (!plan.has_value()) return std::nullopt;
    const uint64_t taken = TrampolineIn(*slot, *slot + plan->code_size);
    if (taken == 0) return plan;
    from = taken;
  }
  return std::nullopt;
}

bool RewriteTable::Insert(const RewritePlan& plan) {
  // Trampolines of forgotten sites count, too: a guest that maps and unmaps code for ever is told no in the end.
  if (plan.site.form == RewriteForm::kNone || trampolines_.size() >= max_sites_) return false;
  const auto site = FirstFrom(plan.site.first);
  if (site != sites_.end() && site->first < EndOf(plan)) return false;
  if (TrampolineIn(plan.trampoline, plan.trampoline + plan.code_size) != 0) return false;
  auto shared = std::make_shared<const RewritePlan>(plan);
  sites_.emplace(plan.site.first, Site{.plan = shared});
  trampolines_.emplace(plan.trampoline, std::move(shared));
  return true;
}

void RewriteTable::MarkUndone(const RewritePlan& plan) {
  const auto it = sites_.find(plan.site.first);
  if (it != sites_.end()) it->second.undone = true;
}

std::vector<RewritePlan> RewriteTable::Forget(uint64_t start, uint64_t end) {
  std::vector<RewritePlan> live;
  const auto first = FirstFrom(start);
  auto last = first;
  for (; last != sites_.end() && last->first < end; ++last)
    if (!last->second.undone) live.push_back(*last->second.plan);
  sites_.erase(first, last);
  return live;
}

const RewritePlan* RewriteTable::SiteAt(uint64_t address) const {
  const auto it = FirstFrom(address);
  return it != sites_.end() && it->first <= address ? it->second.plan.get() : nullptr;
}

bool RewriteTable::Touches(uint64_t start, uint64_t end) const {
  const auto it = FirstFrom(start);
  return it != sites_.end() && it->first < end;
}

std::vector<std::shared_ptr<const RewritePlan>> RewriteTable::LivePlans(uint64_t start, uint64_t end) const {
  std::vector<std::shared_ptr<const RewritePlan>> plans;
  for (auto it = FirstFrom(start); it != sites_.end() && it->first < end; ++it)
    if (!it->second.undone) plans.push_back(it->second.plan);
  return plans;
}

const TrampolinePoint* RewriteTable::CopyOf(const RewritePlan& plan, uint64_t address) const {
  for (size_t i = 0; i < plan.point_count; ++i)
    if (plan.points[i].guest_rip == address && plan.points[i].state == TrampolinePoint::State::kOutside) return &plan.points[i];
  return nullptr;
}

RewriteTable::Resolution RewriteTable::Resolve(uint64_t rip) const {
  using Kind = Resolution::Kind;
  if (const auto it = FirstFrom(rip); it != sites_.end() && it->first <= rip) {
    const RewritePlan& plan = *it->second.plan;
    if (!Patches(plan, rip)) return {};
    if (it->second.undone) return {.kind = Kind::kRetry, .rip = rip, .plan = &plan};
    const TrampolinePoint* copy = CopyOf(plan, rip);
    if (copy == nullptr) return {.kind = Kind::kUndo, .rip = rip, .plan = &plan};
    return {.kind = Kind::kResume, .rip = plan.trampoline + copy->offset, .plan = &plan};
  }
  auto it = trampolines_.upper_bound(rip);
  if (it == trampolines_.begin()) return {};
  const RewritePlan& plan = *std::prev(it)->second;
  for (size_t i = 0; i < plan.point_count; ++i) {
    const TrampolinePoint& point = plan.points[i];
    if (plan.trampoline + point.offset != rip) continue;
    const bool entering = point.state == TrampolinePoint::State::kEntering;
    return {.kind = entering ? Kind::kEntering : Kind::kOutside, .rip = point.guest_rip, .plan = &plan};
  }
  return {};
}

uint64_t RewriteTable::ResumeAddress(uint64_t rip) const {
  const auto it = FirstFrom(rip);
  if (it == sites_.end() || it->first >= rip || it->second.undone) return rip;
  const RewritePlan& plan = *it->second.plan;
  if (!Patches(plan, rip)) return rip;
  const TrampolinePoint* copy = CopyOf(plan, rip);
  return copy == nullptr ? rip : plan.trampoline + copy->offset;
}

void RewriteTable::HidePatches(uint64_t base, std::span<uint8_t> bytes) const {
  const uint64_t end = base + bytes.size();
  for (auto it = FirstFrom(base); it != sites_.end() && it->first < end; ++it) {
    if (it->second.undone) continue;
    for (size_t i = 0; i < kRewritePatchBytes; ++i) {
      const uint64_t offset = it->first + i - base;
      if (offset < bytes.size()) bytes[offset] = it->second.plan->site.original[i];
    }
  }
}

}  // namespace ringwall::arch
