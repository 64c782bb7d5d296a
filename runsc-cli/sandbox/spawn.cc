// clone, descriptors into place, exec.
#include "runsc-cli/sandbox/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/fd/unique_fd.h"
#include "runsc-cli/sandbox/inherited.h"

namespace ringwall::sandbox {
namespace {

bool WriteFile(const char* path, const char* text) {
  const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return false;
  const auto size = static_cast<ssize_t>(std::strlen(text));
  return ::write(file.get(), text, static_cast<size_t>(size)) == size;
}

[[noreturn]] void RunChild(const SpawnRequest& request, int go) {
  if (go >= 0) {
    char byte = 0;
    if (::read(go, &byte, 1) != 1) ::_exit(125);
  }
  if (request.own_namespaces != 0 && ::unshare(static_cast<int>(request.own_namespaces)) != 0) {
    ReportFailure(request.report, "cannot make namespaces for the sandbox's file server", errno);
    ::_exit(125);
  }
  // First up and out of the way of the final numbers, then down into place.
  constexpr int kHigh = 200;
  int moved[16];
  int exe = ::fcntl(request.exe, F_DUPFD_CLOEXEC, kHigh);
  const int report = ::fcntl(request.report, F_DUPFD_CLOEXEC, kHigh);
  int highest = 2;
  for (size_t i = 0; i < request.fds.size(); ++i) {
    moved[i] = ::fcntl(request.fds[i].first, F_DUPFD_CLOEXEC, kHigh);
    if (moved[i] < 0 || exe < 0) {
      ReportFailure(request.report, "cannot pass descriptors to the sandbox", errno);
      ::_exit(125);
    }
  }
  for (size_t i = 0; i < request.fds.size(); ++i) {
    if (::dup2(moved[i], request.fds[i].second) < 0) {
      ReportFailure(report, "cannot pass descriptors to the sandbox", errno);
      ::_exit(125);
    }
    highest = std::max(highest, request.fds[i].second);
  }
  // Absent numbers below the highest must not be leftovers of the parent.
  for (int fd = 3; fd <= highest; ++fd) {
    const bool wanted = std::any_of(request.fds.begin(), request.fds.end(), [fd](const auto& pair) { return pair.second == fd; });
    if (!wanted) ::close(fd);
  }
  ::syscall(SYS_close_range, static_cast<unsigned>(highest + 1), ~0u, 4u /* CLOSE_RANGE_CLOEXEC */);

  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  char name[] = "ringwall";
  char* const argv[] = {name, const_cast<char*>(request.role), const_cast<char*>(request.id), nullptr};
  char* const envp[] = {nullptr};
  ::syscall(SYS_execveat, exe, "", argv, envp, AT_EMPTY_PATH);
  ReportFailure(report, "cannot start the sandbox's program", errno);
  ::_exit(125);
}

}  // namespace

UniqueFd MoveDescriptor(UniqueFd from, int number) {
  if (!from.valid() || from.get() == number) return from;
  return UniqueFd(::dup3(from.get(), number, O_CLOEXEC));
}

void ReportFailure(int fd, const char* what, int host_errno) {
  struct {
    StartReport report;
    char text[StartReport::kMaxText];
  } out{};
  out.report.kind = StartReport::Kind::kInternalError;
  out.report.error = host_errno;
  const char* reason = host_errno != 0 ? ::strerrordesc_np(host_errno) : nullptr;
  const int size = std::snprintf(out.text, sizeof out.text, "%s%s%s", what, reason != nullptr ? ": " : "", reason != nullptr ? reason : "");
  out.report.text_size = static_cast<uint32_t>(std::clamp<int>(size, 0, sizeof out.text - 1));
  (void)!::write(fd, &out, sizeof out.report + out.report.text_size);
}

bool WriteIdMaps(pid_t pid, const char* uid_map, const char* gid_map, bool deny_setgroups) {
  char path[64];
  if (deny_setgroups) {
    std::snprintf(path, sizeof path, "/proc/%d/setgroups", pid);
    if (!WriteFile(path, "deny")) return false;
  }
  std::snprintf(path, sizeof path, "/proc/%d/gid_map", pid);
  if (!WriteFile(path, gid_map)) return false;
  std::snprintf(path, sizeof path, "/proc/%d/uid_map", pid);
  return WriteFile(path, uid_map);
}

pid_t Spawn(const SpawnRequest& request) {
  const bool own_users = (request.namespaces & CLONE_NEWUSER) != 0;
  int go[2] = {-1, -1};
  if (own_users && ::pipe2(go, O_CLOEXEC) != 0) return -1;
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone, request.namespaces | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid == 0) {
    if (own_users) ::close(go[1]);
    RunChild(request, go[0]);
  }
  const int error = errno;
  if (own_users) {
    ::close(go[0]);
    if (pid > 0) {
      char uid_map[64], gid_map[64];
      std::snprintf(uid_map, sizeof uid_map, "0 %u 1\n", ::geteuid());
      std::snprintf(gid_map, sizeof gid_map, "0 %u 1\n", ::getegid());
      if (!WriteIdMaps(pid, uid_map, gid_map, /*deny_setgroups=*/::geteuid() != 0)) {
        const int map_error = errno;
        ::close(go[1]);  // the child ends
        ::waitpid(pid, nullptr, 0);
        errno = map_error;
        return -1;
      }
      (void)!::write(go[1], "g", 1);
    }
    ::close(go[1]);
  }
  errno = error;
  return pid;
}

}  // namespace ringwall::sandbox
