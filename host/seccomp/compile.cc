// libseccomp builds the filter; it is taken out as bytes, checked by our own verifier and installed with seccomp(2), so that the library
// holds no memory later and needs no calls after lock-down.
#include "host/seccomp/compile.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "host/calls/memfd.h"
#include "host/calls/read_write.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace ringwall::host {
namespace {

using Context = std::unique_ptr<void, void (*)(void*)>;

Errno Fail(std::string* error, std::string sentence) {
  if (error != nullptr) *error = std::move(sentence);
  return Errno::kEINVAL;
}

// [low, high] as blocks "the bits of mask equal value": libseccomp compares an argument only once per rule, so a range with two ends
// cannot be two comparisons.
std::vector<scmp_arg_cmp> RangeBlocks(unsigned index, uint64_t low, uint64_t high) {
  std::vector<scmp_arg_cmp> blocks;
  if (low == 0) return {scmp_arg_cmp{index, SCMP_CMP_LE, high, 0}};
  if (high == UINT64_MAX) return {scmp_arg_cmp{index, SCMP_CMP_GE, low, 0}};
  while (low <= high) {
    // The largest aligned block that starts at low and does not pass high.
    uint64_t size = low & (0 - low);
    while (size - 1 > high - low) size /= 2;
    blocks.push_back({index, SCMP_CMP_MASKED_EQ, ~(size - 1), low});
    low += size;  // no overflow: high < UINT64_MAX, and low + size <= high + 1
  }
  return blocks;
}

std::vector<scmp_arg_cmp> Alternatives(const ArgConstraint& c) {
  const unsigned index = static_cast<unsigned>(c.index);
  switch (c.kind) {
    case ArgConstraint::Kind::kMaskedEqual: return {{index, SCMP_CMP_MASKED_EQ, c.mask, c.values[0]}};
    case ArgConstraint::Kind::kRange: return RangeBlocks(index, c.values[0], c.values[1]);
    case ArgConstraint::Kind::kOneOf: break;
  }
  std::vector<scmp_arg_cmp> out;
  for (const uint64_t v : c.values) out.push_back({index, SCMP_CMP_EQ, v, 0});
  return out;
}

uint32_t ActionOf(const Rule& rule) {
  switch (rule.action) {
    case RuleAction::kAllow: return SCMP_ACT_ALLOW;
    case RuleAction::kErrno: return SCMP_ACT_ERRNO(static_cast<uint32_t>(rule.error));
    case RuleAction::kTrap: return SCMP_ACT_TRAP;
    case RuleAction::kNotify: return SCMP_ACT_NOTIFY;
  }
  return SCMP_ACT_KILL_PROCESS;
}

bool ValidConstraints(const Rule& rule) {
  bool used[6] = {};
  for (const ArgConstraint& c : rule.args) {
    if (c.index < 0 || c.index > 5 || used[c.index] || c.values.empty()) return false;
    used[c.index] = true;
    if (c.kind == ArgConstraint::Kind::kRange && (c.values.size() != 2 || c.values[0] > c.values[1])) return false;
    if (c.kind == ArgConstraint::Kind::kMaskedEqual && (c.values[0] & ~c.mask) != 0) return false;
  }
  return true;
}

Result<void> AddRule(scmp_filter_ctx context, const Policy& policy, const Rule& rule, std::string* error) {
  const std::string where = "filter " + policy.name() + ": rule for " + rule.call;
  if (rule.why.empty()) return Fail(error, where + " gives no reason");
  const std::optional<int> number = HostCallNumber(rule.call);
  if (!number) return Fail(error, where + ": there is no such host call");
  if (!ValidConstraints(rule)) return Fail(error, where + " has an impossible or repeated argument constraint");

  // The cross product of the arguments' alternatives: each combination is one libseccomp rule.
  std::vector<std::vector<scmp_arg_cmp>> combinations(1);
  for (const ArgConstraint& c : rule.args) {
    std::vector<std::vector<scmp_arg_cmp>> next;
    for (const auto& prefix : combinations) {
      for (const scmp_arg_cmp& cmp : Alternatives(c)) {
        next.push_back(prefix);
        next.back().push_back(cmp);
      }
    }
    combinations = std::move(next);
    if (combinations.size() > 1024) return Fail(error, where + " has too many combinations of arguments");
  }
  for (const auto& args : combinations) {
    const int rc = seccomp_rule_add_exact_array(context, ActionOf(rule), *number, static_cast<unsigned>(args.size()), args.data());
    if (rc == -EEXIST) return Fail(error, where + " is redundant or contradicts an earlier one");
    if (rc != 0) return Fail(error, where + " was refused by libseccomp: " + ErrnoName(ErrnoFromHost(-rc)));
  }
  return {};
}

// An unconditional rule swallows conditional ones of the same call silently in libseccomp: whoever reads the policy would be misled.
Result<void> RefuseShadowedRules(const Policy& policy, std::string* error) {
  for (const Rule& wide : policy.rules()) {
    if (!wide.args.empty()) continue;
    for (const Rule& other : policy.rules()) {
      if (&other != &wide && other.call == wide.call && other.action == wide.action) {
        return Fail(error,
                    "filter " + policy.name() + ": rule for " + other.call + " is redundant: another allows the call with any arguments");
      }
    }
  }
  return {};
}

Result<Filter> Export(scmp_filter_ctx context) {
  const UniqueFd fd = TRY(CreateMemfd("filter", 0));
  const int rc = seccomp_export_bpf(context, fd.get());
  if (rc != 0) return ErrnoFromHost(-rc);
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return ErrnoFromHost(errno);
  const std::string bytes = TRY(ReadToEnd(fd.get(), bpf::kMaxInstructions * sizeof(bpf::Instruction)));
  if (bytes.size() % sizeof(bpf::Instruction) != 0) return Errno::kEINVAL;
  std::vector<bpf::Instruction> code(bytes.size() / sizeof(bpf::Instruction));
  memcpy(code.data(), bytes.data(), bytes.size());
  bpf::Program program = TRY(bpf::Program::Create(code, bpf::Dialect::kSeccomp));
  return Filter(std::move(program));
}

// seccomp(SECCOMP_SET_MODE_FILTER): a listener, 0, or an error; with TSYNC the id of a thread that could not follow.
Result<int> SetFilter(const bpf::Program& program, unsigned long flags) {
  struct {
    uint16_t length;
    const bpf::Instruction* code;
  } kernel_program = {static_cast<uint16_t>(program.code().size()), program.code().data()};
  // Filters must not turn on speculation mitigations for the whole process (SECCOMP_FILTER_FLAG_SPEC_ALLOW): our processes run no guest
  // code.
  const long rc = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_SPEC_ALLOW, &kernel_program);
  if (rc < 0) return ErrnoFromHost(errno);
  return static_cast<int>(rc);
}

}  // namespace

Result<Filter> Compile(const Policy& policy, std::string* error) {
  const uint32_t fallback = policy.default_action() == DefaultAction::kTrap ? SCMP_ACT_TRAP : SCMP_ACT_KILL_PROCESS;
  const Context context(seccomp_init(fallback), [](void* c) { seccomp_release(c); });
  if (context == nullptr) return Errno::kENOMEM;
  // Calls of another architecture (int 0x80, x32) have no names in our policies: fatal without a report.
  seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // binary search by number
  TRY(RefuseShadowedRules(policy, error));
  for (const Rule& rule : policy.rules()) TRY(AddRule(context.get(), policy, rule, error));
  Result<Filter> filter = Export(context.get());
  if (!filter.ok() && error != nullptr) *error = "filter " + policy.name() + " could not be exported: " + ErrnoName(filter.error());
  return filter;
}

Result<void> Filter::Install(bool all_threads) const {
  const int rc = TRY(SetFilter(program_, all_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0));
  return rc == 0 ? Result<void>() : Errno::kESRCH;
}

Result<UniqueFd> Filter::InstallWithListener(bool wait_killable) const {
  const unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER | (wait_killable ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0);
  const int fd = TRY(SetFilter(program_, flags));
  return UniqueFd(fd);
}

std::optional<int> HostCallNumber(std::string_view name) {
  const int number = seccomp_syscall_resolve_name(std::string(name).c_str());
  // Negative numbers are libseccomp's names for calls of other architectures.
  if (number < 0) return std::nullopt;
  return number;
}

}  // namespace ringwall::host
