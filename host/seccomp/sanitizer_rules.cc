// A rule for a call that the policy lets through without conditions would be redundant, so each is added only where it is missing.
#ifdef RINGWALL_SANITIZED
#include "host/seccomp/sanitizer_rules.h"

#include <errno.h>
#include <fcntl.h>

#include <algorithm>

namespace ringwall::host {

Policy WithSanitizerRules(Policy policy) {
  const Rule rules[] = {
      {"nanosleep", {}, "ThreadSanitizer's background thread, back-off of its locks"},
      {"gettimeofday", {}, "the background thread looks at the time, past the vDSO"},
      {"sched_yield", {}, "back-off of the runtime's locks"},
      {"futex", {}, "the runtime's locks"},
      {"clock_gettime", {}, "ages of freed memory"},
      {"sched_getaffinity", {}, "pthread_getattr_np at the start of a thread: the bounds of its stack"},
      {"prlimit64", {}, "bounds of the first thread's stack"},
      {"fstat", {}, "the runtime's own fstat, which knows no newfstatat"},
      {"sigaltstack", {}, "start and end of a thread"},
      {"munmap", {}, "shadow of a thread that ended"},
      {"madvise", {}, "shadow that is not needed any more"},
      {"tgkill", {}, "abort after a report", RuleAction::kErrno, ENOSYS},
      {"readlink", {}, "the name of the program in a report", RuleAction::kErrno, ENOENT},
      {"open", {}, "the memory map in a report: /proc is not there", RuleAction::kErrno, ENOENT},
  };
  for (const Rule& rule : rules) {
    const bool known =
        std::any_of(policy.rules().begin(), policy.rules().end(), [&](const Rule& other) { return other.call == rule.call; });
    if (!known) policy.Add(rule);
  }
  // Beside the platforms' rule for the files of their stubs. As the C library passes the number, and sign-extended.
  policy.Add({"openat",
              {ArgOneOf(0, {static_cast<uint32_t>(AT_FDCWD), static_cast<uint64_t>(int64_t{AT_FDCWD})})},
              "the memory map in a report: /proc is not there",
              RuleAction::kErrno,
              ENOENT});
  return policy;
}

}  // namespace ringwall::host
#endif
