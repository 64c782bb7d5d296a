// The findings' descriptor, and the sanitizers' options: a sandbox's processes have no environment to take them from.
#ifdef RINGWALL_SANITIZED
#include "base/sanitizer/sanitizer.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>

// Of <sanitizer/common_interface_defs.h>.
extern "C" void __sanitizer_set_report_fd(void* fd);

namespace ringwall::sanitizer {
namespace {

int g_fd = -1;
// Out of the way of the numbers that a sandbox's processes start with (runsc-cli/sandbox/inherited.h).
constexpr int kLowest = 900;

}  // namespace

void Start(const char* role) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  char path[512];
  std::snprintf(path, sizeof path, "%s/%s.%lld%09ld.%d", RINGWALL_FINDINGS_DIR, role, static_cast<long long>(now.tv_sec), now.tv_nsec,
                static_cast<int>(::getpid()));
  const int fd = ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return;
  g_fd = ::fcntl(fd, F_DUPFD_CLOEXEC, kLowest);
  ::close(fd);
  if (g_fd >= 0) __sanitizer_set_report_fd(reinterpret_cast<void*>(static_cast<intptr_t>(g_fd)));
}

int FindingsFd() { return g_fd; }

}  // namespace ringwall::sanitizer

// Symbols cannot be read in an empty root: tools/dev/findings.py looks the addresses up. A finding does not change how a process ends: the
// suites' own runs judge behaviour, the findings are counted beside them. The check for leaks at exit would need ptrace(2).
#define RINGWALL_COMMON_OPTIONS "symbolize=0:color=never:use_sigaltstack=0:detect_leaks=0:"
extern "C" {
const char* __asan_default_options();
const char* __ubsan_default_options();
const char* __tsan_default_options();
const char* __asan_default_options() { return RINGWALL_COMMON_OPTIONS "exitcode=86"; }
const char* __ubsan_default_options() { return "print_stacktrace=1"; }
const char* __tsan_default_options() { return RINGWALL_COMMON_OPTIONS "exitcode=0"; }
}
#endif
