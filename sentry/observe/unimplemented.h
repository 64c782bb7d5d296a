// The ledger of what guests asked for and we don't have: one counter per (call, flag text). Always on; `ringwall debug --unimplemented`.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/sync/mutex.h"

namespace ringwall::observe {

class UnimplementedLedger {
 public:
  // `what` is empty for a whole call, else the flag or command ("prctl", "PR_SET_MDWE"). At most 4096 distinct entries are kept.
  void Count(std::string_view call, std::string_view what = "");
  // Lines "count call what", most frequent first.
  std::string Text() const;
  bool empty() const;

 private:
  mutable Mutex<LockRank::kObserve> mu_;
  std::map<std::pair<std::string, std::string>, uint64_t> counts_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::observe
