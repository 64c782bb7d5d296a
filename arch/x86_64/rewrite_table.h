// The rewritten call sites of one address space, and what an instruction pointer among them means.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/container/btree_map.h"
#include "arch/x86_64/rewrite.h"

namespace ringwall::arch {

// Copyable: fork copies the table with the memory. Not synchronised. All references die with the next change.
//
// Memory that changes: before a range is unmapped, replaced, moved (mremap) or made writable, take its patches back (UndoSteps) if its
// bytes live on, and Forget() it. A trampoline is never reused: a thread may be inside.
class RewriteTable {
 public:
  explicit RewriteTable(size_t max_sites = 4096) : max_sites_(max_sites) {}

  struct Resolution {
    enum class Kind : uint8_t {
      kNone,      // nothing of ours: the event is the guest's
      kResume,    // a patched byte was executed: resume at `rip`, the copy of the instruction that was there
      kUndo,      // a patched byte was executed that was not known to be an instruction: take the patch back, resume where it was
      kRetry,     // the patch has just been taken back: resume where it was
      kOutside,   // in a trampoline: the guest is at `rip`
      kEntering,  // in a trampoline, rcx lost: BeginCall(regs, rip), then it is a system call
    };
    Kind kind = Kind::kNone;
    uint64_t rip = 0;
    const RewritePlan* plan = nullptr;
  };

  // A plan whose trampoline stands in [from, end) where no other does. The caller has the memory mapped there.
  std::optional<RewritePlan> Place(const RewriteSite& site, uint64_t from, uint64_t end, uint64_t entry) const;
  // False when the plan touches another's bytes, when its trampoline is taken, or when the table is full.
  bool Insert(const RewritePlan& plan);
  // The site stays known, so that a thread that ran into the patch before it was taken back is told to try again.
  void MarkUndone(const RewritePlan& plan);
  // Forgets the sites that have such a byte in [start, end) and returns those that were live. Their trampolines stay known.
  std::vector<RewritePlan> Forget(uint64_t start, uint64_t end);

  // The plan, live or undone, whose site, patched or displaced bytes include the address. A site that has one is not to be planned again.
  const RewritePlan* SiteAt(uint64_t address) const;
  // Is there a site, live or undone, with such a byte in [start, end)?
  bool Touches(uint64_t start, uint64_t end) const;
  // Live plans with such a byte in [start, end).
  std::vector<std::shared_ptr<const RewritePlan>> LivePlans(uint64_t start, uint64_t end) const;

  // What an unexpected stop at `rip` means: #UD for patched bytes, any signal or fault for trampolines.
  Resolution Resolve(uint64_t rip) const;
  // Where to resume a thread that the sentry puts at `rip`: the same, or the copy of a displaced instruction (which saves a #UD).
  uint64_t ResumeAddress(uint64_t rip) const;

  // Puts the original bytes of live patches back into a copy of guest memory.
  void HidePatches(uint64_t base, std::span<uint8_t> bytes) const;

  size_t size() const { return sites_.size(); }

 private:
  struct Site {
    std::shared_ptr<const RewritePlan> plan;
    bool undone = false;
  };
  using Sites = absl::btree_map<uint64_t, Site>;
  // The first site that ends behind `start`.
  Sites::const_iterator FirstFrom(uint64_t start) const;
  // Behind the trampoline that overlaps [start, end); 0 when none does.
  uint64_t TrampolineIn(uint64_t start, uint64_t end) const;
  const TrampolinePoint* CopyOf(const RewritePlan& plan, uint64_t address) const;

  size_t max_sites_;
  Sites sites_;                                                                // by first patched byte; never overlapping
  absl::btree_map<uint64_t, std::shared_ptr<const RewritePlan>> trampolines_;  // by address
};

}  // namespace ringwall::arch
