// The ledger of unimplemented calls and flags.
#include "sentry/observe/unimplemented.h"

#include <algorithm>
#include <vector>

#include "base/log/log.h"

namespace ringwall::observe {

void UnimplementedLedger::Count(std::string_view call, std::string_view what) {
  constexpr size_t kMostEntries = 4096;
  constexpr size_t kMostBytes = 64;
  bool first = false;
  {
    MutexLock lock(mu_);
    const auto key = std::pair(std::string(call.substr(0, kMostBytes)), std::string(what.substr(0, kMostBytes)));
    auto it = counts_.find(key);
    if (it == counts_.end()) {
      if (counts_.size() >= kMostEntries) return;
      it = counts_.emplace(key, 0).first;
      first = true;
    }
    ++it->second;
  }
  if (first) LOG(kDebug) << "unimplemented: " << call << (what.empty() ? "" : " ") << what;
}

std::string UnimplementedLedger::Text() const {
  std::vector<std::pair<uint64_t, std::string>> lines;
  {
    MutexLock lock(mu_);
    lines.reserve(counts_.size());
    for (const auto& [key, count] : counts_) lines.emplace_back(count, key.second.empty() ? key.first : key.first + " " + key.second);
  }
  std::stable_sort(lines.begin(), lines.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text;
  for (const auto& [count, name] : lines) text += std::to_string(count) + " " + name + "\n";
  return text;
}

bool UnimplementedLedger::empty() const {
  MutexLock lock(mu_);
  return counts_.empty();
}

}  // namespace ringwall::observe
