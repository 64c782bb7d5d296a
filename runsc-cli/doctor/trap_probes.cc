// ptrace(2): a child is seized, stopped, and its next call caught with PTRACE_SYSEMU. seccomp(2): a filter, and a user notification that
// is received and answered (seccomp_unotify(2)), with the flags that make the hand-off fast.
#include "runsc-cli/doctor/trap_probes.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/fd/unique_fd.h"
#include "runsc-cli/doctor/in_child.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#ifndef SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace ringwall::doctor {
namespace {

// A process that waits to be looked at, and dies with this object.
class Subject {
 public:
  Subject() {
    int ends[2];
    if (::pipe(ends) != 0) return;
    to_.reset(ends[1]);
    const UniqueFd from(ends[0]);
    pid_ = ::fork();
    if (pid_ == 0) {
      to_.reset();
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      char byte = 0;
      (void)!::read(from.get(), &byte, 1);
      ::_exit(0);
    }
  }
  ~Subject() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) {
    }
  }
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  UniqueFd to_;
};

struct PtraceErrors {
  int seize = 0, sysemu = 0, read_memory = 0;
  bool caught = false;
};

PtraceErrors TryPtrace() {
  PtraceErrors errors;
  Subject subject;
  const pid_t pid = subject.pid();
  if (pid <= 0) {
    errors.seize = errno;
    return errors;
  }
  uint64_t word = 0x52696e6777616c6c, copy = 0;
  iovec local{&copy, sizeof copy}, remote{&word, sizeof word};
  if (::process_vm_readv(pid, &local, 1, &remote, 1, 0) != sizeof copy) errors.read_memory = errno;
  if (::ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) != 0) {
    errors.seize = errno;
    return errors;
  }
  int status = 0;
  if (::ptrace(PTRACE_INTERRUPT, pid, 0, 0) != 0 || ::waitpid(pid, &status, __WALL) != pid || !WIFSTOPPED(status)) {
    errors.seize = errno;
    return errors;
  }
  if (::ptrace(static_cast<__ptrace_request>(PTRACE_SYSEMU), pid, 0, 0) != 0) {
    errors.sysemu = errno;
    return errors;
  }
  // Whatever it calls next, its read at the latest, must be caught before it runs.
  errors.caught = ::waitpid(pid, &status, __WALL) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == (SIGTRAP | 0x80);
  return errors;
}

int InstallFilter(sock_filter* code, size_t length, unsigned long flags) {
  sock_fprog program{.len = static_cast<unsigned short>(length), .filter = code};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -errno;
  const long rc = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  return rc < 0 ? -errno : static_cast<int>(rc);
}

constexpr int kAnswer = 4242;

// The caller is under the filter whose listener this is; a child's getppid is the call.
bool AnswerOneCall(int listener) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::syscall(SYS_getppid) == kAnswer ? 0 : 1);
  if (child < 0) return false;
  pollfd wait{.fd = listener, .events = POLLIN, .revents = 0};
  bool good = ::poll(&wait, 1, 1000) == 1;
  if (good) {
    // The kernel may know longer structures than the header this was built with.
    alignas(8) char request_bytes[512] = {};
    alignas(8) char response_bytes[512] = {};
    auto* request = reinterpret_cast<seccomp_notif*>(request_bytes);
    auto* response = reinterpret_cast<seccomp_notif_resp*>(response_bytes);
    good = ::ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request) == 0;
    response->id = request->id;
    response->val = kAnswer;
    good = good && request->data.nr == SYS_getppid && ::ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response) == 0;
  }
  if (!good) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return good && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

NotificationFacts TryNotification() {
  NotificationFacts facts;
  {
    const Subject subject;
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, subject.pid(), 0u)));
    const UniqueFd copy(static_cast<int>(::syscall(SYS_pidfd_getfd, pidfd.get(), 0, 0u)));
    if (!copy.valid()) facts.pidfd_getfd = errno;
  }
  sock_filter code[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_getppid},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  int listener = InstallFilter(code, 4, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  if (listener == -EINVAL) {
    facts.wait_killable = EINVAL;
    listener = InstallFilter(code, 4, SECCOMP_FILTER_FLAG_NEW_LISTENER);
  }
  if (listener < 0) {
    facts.listener = -listener;
    return facts;
  }
  if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) != 0) facts.sync_wake_up = errno;
  facts.answered = AnswerOneCall(listener);
  return facts;
}

// A line of /proc/self/status.
int StatusNumber(const char* name) {
  FILE* file = std::fopen("/proc/self/status", "re");
  if (file == nullptr) return 0;
  char line[256];
  int value = 0;
  while (std::fgets(line, sizeof line, file) != nullptr) {
    if (std::strncmp(line, name, std::strlen(name)) == 0) value = std::atoi(line + std::strlen(name));
  }
  std::fclose(file);
  return value;
}

}  // namespace

PtraceFacts ProbePtrace() {
  PtraceFacts facts;
  const auto errors = InChild<PtraceErrors>(TryPtrace);
  if (!errors.has_value()) {
    facts.seize = ECHILD;
    return facts;
  }
  facts.seize = errors->seize;
  facts.sysemu = errors->sysemu;
  facts.read_memory = errors->read_memory;
  facts.caught = errors->caught;
  return facts;
}

SeccompFacts ProbeSeccomp() {
  SeccompFacts facts;
  facts.above = StatusNumber("Seccomp_filters:");
  // Kernels before 5.9 only tell the mode.
  if (facts.above == 0 && StatusNumber("Seccomp:") == SECCOMP_MODE_FILTER) facts.above = 1;
  struct Error {
    int value;
  };
  const auto installed = InChild<Error>([] {
    sock_filter code[] = {{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
    const int rc = InstallFilter(code, 1, 0);
    return Error{rc < 0 ? -rc : 0};
  });
  facts.install = installed.has_value() ? installed->value : ECHILD;
  struct Action {
    const char* name;
    uint32_t value;
  };
  static constexpr Action kActions[] = {{"trap", SECCOMP_RET_TRAP},
                                        {"errno", SECCOMP_RET_ERRNO},
                                        {"kill_process", SECCOMP_RET_KILL_PROCESS},
                                        {"user_notif", SECCOMP_RET_USER_NOTIF}};
  for (const Action& action : kActions) {
    uint32_t value = action.value;
    if (::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0u, &value) != 0) facts.missing_actions.emplace_back(action.name);
  }
  return facts;
}

NotificationFacts ProbeNotification() {
  NotificationFacts facts;
  const auto seen = InChild<NotificationFacts>(TryNotification);
  if (seen.has_value()) return *seen;
  facts.listener = ECHILD;
  return facts;
}

}  // namespace ringwall::doctor
