// fork, a pipe, and a deadline.
#include "runsc-cli/doctor/in_child.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/fd/unique_fd.h"

namespace ringwall::doctor::child_internal {

bool Run(const std::function<void(void*)>& run, void* out, size_t size, int timeout_ms) {
  int ends[2];
  if (::pipe(ends) != 0) return false;
  UniqueFd from(ends[0]), to(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return false;
  if (child == 0) {
    from.reset();
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    run(out);
    // Up to PIPE_BUF bytes go through in one piece.
    const ssize_t put = ::write(to.get(), out, size);
    ::_exit(put == static_cast<ssize_t>(size) ? 0 : 1);
  }
  ::setpgid(child, child);  // whoever is first
  to.reset();
  size_t done = 0;
  while (done < size) {
    pollfd wait{.fd = from.get(), .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wait, 1, timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) break;
    const ssize_t got = ::read(from.get(), static_cast<char*>(out) + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<size_t>(got);
  }
  ::kill(-child, SIGKILL);
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return done == size;
}

}  // namespace ringwall::doctor::child_internal
