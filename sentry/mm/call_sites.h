// CallSites: the system call instructions of one address space that are rewritten so that they need no trap (arch/x86_64/rewrite.h, which
// says why the program stays the same). Decides which and when; MemoryManager takes them back before the code changes.
//
// Only code that cannot change unseen: private mappings of files, readable and executable and not writable. Trampolines stand in areas of
// their own ("[trampolines]"), as those of uprobes do under Linux ("[uprobes]").
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "arch/x86_64/rewrite_table.h"

namespace ringwall::mm {

class CallSites {
 public:
  // Where trampolines jump; 0: nothing is ever rewritten.
  explicit CallSites(uint64_t entry) : entry_(entry), table_(std::make_shared<arch::RewriteTable>()) {}
  // The child's after fork(2): its memory is a copy, patches and all. Counts begin anew.
  CallSites(const CallSites& parent) : entry_(parent.entry_), table_(parent.table_), zones_(parent.zones_) {}
  CallSites& operator=(const CallSites&) = delete;

  // Rewriting pays from so many traps on: it costs about 30 us, and saves about 2 us a call.
  static constexpr uint8_t kWorthIt = 12;
  static constexpr uint64_t kZoneBytes = 64 * 4096;
  static constexpr size_t kMaxZones = 8;

  struct Zone {
    uint64_t start = 0, end = 0;
  };

  bool enabled() const { return entry_ != 0; }
  void Disable() { entry_ = 0; }
  uint64_t entry() const { return entry_; }
  // One more trap of a call at `site`: true when it should be rewritten now; once per site.
  bool Count(uint64_t site);

  const arch::RewriteTable& table() const { return *table_; }
  // To be changed: parted from the parent's or child's.
  arch::RewriteTable& Own();
  const std::vector<Zone>& zones() const { return zones_; }
  void AddZone(Zone zone) { zones_.push_back(zone); }
  bool InZone(uint64_t start, uint64_t end) const;

 private:
  static constexpr size_t kMaxCounts = 1024;

  uint64_t entry_;
  std::shared_ptr<arch::RewriteTable> table_;  // shared with forked children until one of them changes it
  std::vector<Zone> zones_;
  absl::flat_hash_map<uint64_t, uint8_t> counts_;
};

}  // namespace ringwall::mm
