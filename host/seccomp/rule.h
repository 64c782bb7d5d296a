// A host filter as data: which host calls a process of ours may make, with which arguments, and why. Each process's rules live with it
// in a filter.cc; host/seccomp compiles, installs, dumps and evaluates them.
//
//   Policy MakeGoferPolicy() {
//     Policy p("gofer", DefaultAction::kTrap);
//     p.Allow("read", "requests and small files");
//     p.Allow("ioctl", {ArgEquals(1, TCGETS)}, "isatty of the log");
//     return p;
//   }
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace ringwall::host {

// What one argument (0..5) has to be. Values are compared with all 64 bits that the caller passed.
struct ArgConstraint {
  enum class Kind : uint8_t { kOneOf, kMaskedEqual, kRange };
  int index;
  Kind kind;
  uint64_t mask = 0;             // kMaskedEqual
  std::vector<uint64_t> values;  // kOneOf: alternatives; kMaskedEqual: the value; kRange: lowest, highest
};

ArgConstraint ArgEquals(int index, uint64_t value);
ArgConstraint ArgOneOf(int index, std::initializer_list<uint64_t> values);
// (argument & mask) == value.
ArgConstraint ArgMasked(int index, uint64_t mask, uint64_t value);
// No bit outside `allowed`.
ArgConstraint ArgOnlyBits(int index, uint64_t allowed);
// lowest <= argument <= highest.
ArgConstraint ArgRange(int index, uint64_t lowest, uint64_t highest);

enum class RuleAction : uint8_t {
  kAllow,
  kErrno,   // the call fails with `error`; for calls that libraries try and can do without
  kTrap,    // SIGSYS to the caller, who handles it
  kNotify,  // the call waits for the holder of the filter's listener
};

struct Rule {
  std::string call;
  std::vector<ArgConstraint> args;  // all must hold
  std::string why;
  RuleAction action = RuleAction::kAllow;
  int error = 0;
};

// What happens to a call without a rule.
enum class DefaultAction : uint8_t {
  kKillProcess,
  kTrap,  // with InstallForbiddenCallReporter(): reported by name, then the process ends
};

class Policy {
 public:
  Policy(std::string name, DefaultAction default_action) : name_(std::move(name)), default_action_(default_action) {}

  Policy& Allow(std::string call, std::string why);
  Policy& Allow(std::string call, std::vector<ArgConstraint> args, std::string why);
  Policy& Fail(std::string call, int error, std::string why);
  Policy& Add(Rule rule);
  Policy& Add(const std::vector<Rule>& rules);

  const std::string& name() const { return name_; }
  DefaultAction default_action() const { return default_action_; }
  const std::vector<Rule>& rules() const { return rules_; }
  // Different host calls that have a rule which is not kErrno: what the budget counts.
  size_t CountCalls() const;

 private:
  std::string name_;
  DefaultAction default_action_;
  std::vector<Rule> rules_;
};

}  // namespace ringwall::host
