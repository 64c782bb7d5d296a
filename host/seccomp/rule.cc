// Building policies.
#include "host/seccomp/rule.h"

#include <set>
#include <string_view>

namespace ringwall::host {

using Kind = ArgConstraint::Kind;

ArgConstraint ArgEquals(int index, uint64_t value) { return {.index = index, .kind = Kind::kOneOf, .values = {value}}; }
ArgConstraint ArgOneOf(int index, std::initializer_list<uint64_t> values) {
  return {.index = index, .kind = Kind::kOneOf, .values = values};
}
ArgConstraint ArgMasked(int index, uint64_t mask, uint64_t value) {
  return {.index = index, .kind = Kind::kMaskedEqual, .mask = mask, .values = {value}};
}
ArgConstraint ArgOnlyBits(int index, uint64_t allowed) { return ArgMasked(index, ~allowed, 0); }
ArgConstraint ArgRange(int index, uint64_t lowest, uint64_t highest) {
  return {.index = index, .kind = Kind::kRange, .values = {lowest, highest}};
}

Policy& Policy::Allow(std::string call, std::string why) { return Add(Rule{.call = std::move(call), .why = std::move(why)}); }
Policy& Policy::Allow(std::string call, std::vector<ArgConstraint> args, std::string why) {
  return Add(Rule{.call = std::move(call), .args = std::move(args), .why = std::move(why)});
}
Policy& Policy::Fail(std::string call, int error, std::string why) {
  return Add(Rule{.call = std::move(call), .why = std::move(why), .action = RuleAction::kErrno, .error = error});
}
Policy& Policy::Add(Rule rule) {
  rules_.push_back(std::move(rule));
  return *this;
}
Policy& Policy::Add(const std::vector<Rule>& rules) {
  rules_.insert(rules_.end(), rules.begin(), rules.end());
  return *this;
}

size_t Policy::CountCalls() const {
  std::set<std::string_view> calls;
  for (const Rule& rule : rules_) {
    if (rule.action != RuleAction::kErrno) calls.insert(rule.call);
  }
  return calls.size();
}

}  // namespace ringwall::host
