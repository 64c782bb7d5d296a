// fork, exec of ourselves, and what it said on stderr.
#include "runsc-cli/doctor/trial.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "base/fd/unique_fd.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::doctor {
namespace {

constexpr int kPatienceMs = 20 * 1000;

// Until its end, a bound, or the deadline.
std::string ReadAll(int fd) {
  std::string text;
  char buffer[1024];
  while (text.size() < 4096) {
    pollfd wait{.fd = fd, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wait, 1, kPatienceMs);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return text + "no end after 20 seconds";
    const ssize_t got = ::read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    text.append(buffer, static_cast<size_t>(got));
  }
  return text;
}

}  // namespace

void TryToStart(PlatformState* platform) {
  const char* program = ::access("/bin/true", X_OK) == 0 ? "/bin/true" : "/usr/bin/true";
  if (::access(program, X_OK) != 0) return;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return;
  const UniqueFd from(ends[0]);
  UniqueFd to(ends[1]);
  const std::string flag = Cat("--platform=", platform->name);
  const char* const args[] = {"ringwall", flag.c_str(), "do", "--no-tty", "--cwd", "/", "--", program, nullptr};
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = ::fork();
  if (child < 0) return;
  if (child == 0) {
    const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    ::dup2(null.get(), 0);
    ::dup2(null.get(), 1);
    ::dup2(to.get(), 2);
    ::execv("/proc/self/exe", const_cast<char* const*>(args));
    ::_exit(127);
  }
  to.reset();
  std::string said = ReadAll(from.get());
  // `do` takes its sandbox along.
  if (said.ends_with("seconds")) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  platform->start_milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    platform->start = PlatformState::Start::kWorked;
    return;
  }
  platform->start = PlatformState::Start::kFailed;
  while (!said.empty() && said.back() == '\n') said.pop_back();
  if (said.starts_with("ringwall: ")) said.erase(0, 10);
  platform->reason = OneLine(said.empty() ? Cat("true(1) ended with wait status ", status) : said);
}

}  // namespace ringwall::doctor
