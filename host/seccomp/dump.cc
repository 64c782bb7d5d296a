// Rendering of policies.
#include "host/seccomp/dump.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/error/errno.h"

namespace ringwall::host {
namespace {

std::string Hex(uint64_t v) { return absl::StrFormat("%#x", v); }

std::string Render(const ArgConstraint& c) {
  switch (c.kind) {
    case ArgConstraint::Kind::kMaskedEqual: return absl::StrFormat("arg%d & %#x == %#x", c.index, c.mask, c.values[0]);
    case ArgConstraint::Kind::kRange: return absl::StrFormat("arg%d in [%#x, %#x]", c.index, c.values[0], c.values[1]);
    case ArgConstraint::Kind::kOneOf: break;
  }
  if (c.values.size() == 1) return absl::StrFormat("arg%d == %#x", c.index, c.values[0]);
  const auto append_hex = [](std::string* out, uint64_t v) { absl::StrAppend(out, Hex(v)); };
  return absl::StrFormat("arg%d in {%s}", c.index, absl::StrJoin(c.values, ", ", append_hex));
}

std::string Render(const Rule& rule) {
  switch (rule.action) {
    case RuleAction::kAllow: return "";
    case RuleAction::kErrno: return absl::StrCat(" -> ", ErrnoName(ErrnoFromHost(rule.error)));
    case RuleAction::kTrap: return " -> trap";
    case RuleAction::kNotify: return " -> notify";
  }
  return "";
}

}  // namespace

std::string DumpPolicy(const Policy& policy) {
  const char* fallback = policy.default_action() == DefaultAction::kTrap ? "trap" : "kill process";
  std::string out = absl::StrFormat("policy %s: %d calls, others: %s\n", policy.name(), policy.CountCalls(), fallback);
  std::vector<const Rule*> rules;
  for (const Rule& rule : policy.rules()) rules.push_back(&rule);
  std::stable_sort(rules.begin(), rules.end(), [](const Rule* a, const Rule* b) { return a->call < b->call; });
  for (const Rule* rule : rules) {
    std::string head = rule->call;
    if (!rule->args.empty()) {
      const auto append = [](std::string* to, const ArgConstraint& c) { absl::StrAppend(to, Render(c)); };
      absl::StrAppend(&head, "(", absl::StrJoin(rule->args, " && ", append), ")");
    }
    absl::StrAppend(&head, Render(*rule));
    absl::StrAppendFormat(&out, "%-32s # %s\n", head, rule->why);
  }
  return out;
}

}  // namespace ringwall::host
