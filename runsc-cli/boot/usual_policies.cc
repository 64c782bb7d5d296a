// The descriptors' numbers are fixed (sandbox/inherited.h): that is what makes the filters known before they are needed.
#include "runsc-cli/boot/usual_policies.h"

#include "gofer/server/filter.h"
#include "platform/ptrace/filter.h"
#ifdef RINGWALL_HAVE_SYSTRAP
#include "platform/systrap/filter.h"
#endif
#include "runsc-cli/boot/filter.h"
#include "runsc-cli/sandbox/inherited.h"

namespace ringwall::boot {
namespace {

std::vector<host::Rule> RulesOf(const std::string& platform) {
  if (platform == "ptrace") return platform::ptrace::TracerRules(sandbox::kProcFd);
#ifdef RINGWALL_HAVE_SYSTRAP
  if (platform == "systrap") return platform::systrap::SentryRules(sandbox::kProcFd);
#endif
  return {};
}

host::Policy Named(std::string name, const host::Policy& policy) {
  host::Policy out(std::move(name), policy.default_action());
  out.Add(policy.rules());
  return out;
}

}  // namespace

std::vector<std::string> PlatformsWithRules() {
#ifdef RINGWALL_HAVE_SYSTRAP
  return {"ptrace", "systrap"};
#else
  return {"ptrace"};
#endif
}

host::Policy UsualSentryPolicy(const std::string& platform) {
  return MakeSentryPolicy({.gofer = sandbox::kGoferFd, .listener = sandbox::kControlFd, .platform = RulesOf(platform)});
}

std::vector<host::Policy> UsualPolicies() {
  std::vector<host::Policy> policies;
  for (const std::string& platform : PlatformsWithRules()) {
    policies.push_back(Named("sentry, " + platform, UsualSentryPolicy(platform)));
    policies.push_back(Named("sentry, " + platform + ", without a control socket",
                             MakeSentryPolicy({.gofer = sandbox::kGoferFd, .platform = RulesOf(platform)})));
  }
  policies.push_back(Named("gofer", gofer::MakeGoferPolicy({.socket = sandbox::kGoferFd, .proc_self_fd = sandbox::kGoferProcFd})));
  return policies;
}

}  // namespace ringwall::boot
