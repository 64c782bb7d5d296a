// pty(7), termios(3), signalfd(2).
#include "runsc-cli/sandbox/console.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "runsc-cli/oci/text.h"

namespace ringwall::sandbox {
namespace {

bool SendMaster(int socket, int master, const std::string& name) {
  iovec bytes{.iov_base = const_cast<char*>(name.data()), .iov_len = name.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &master, sizeof master);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) > 0;
}

// Raw mode of the operator's terminal, undone on every way out.
class RawTerminal {
 public:
  explicit RawTerminal(int fd) : fd_(fd) {
    active_ = ::tcgetattr(fd, &saved_) == 0;
    if (!active_) return;
    termios raw = saved_;
    ::cfmakeraw(&raw);
    active_ = ::tcsetattr(fd, TCSANOW, &raw) == 0;
  }
  ~RawTerminal() {
    if (active_) ::tcsetattr(fd_, TCSADRAIN, &saved_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  const int fd_;
  bool active_ = false;
  termios saved_{};
};

bool WriteOut(int fd, const char* data, size_t size) {
  while (size != 0) {
    const ssize_t put = ::write(fd, data, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) {
      pollfd wait{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&wait, 1, 1000);
      continue;
    }
    if (put <= 0) return false;
    data += put;
    size -= static_cast<size_t>(put);
  }
  return true;
}

class Foreground {
 public:
  Foreground(Sandbox& sandbox, UniqueFd relay) : sandbox_(sandbox), relay_(std::move(relay)) {}

  int Run() {
    sigset_t all;
    sigfillset(&all);
    const UniqueFd signals(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
    const RawTerminal raw(relay_.valid() ? 0 : -1);
    input_open_ = relay_.valid();
    if (relay_.valid()) Resize();
    // The terminal's last words count: after the container ended, the relay runs until the sentry's end is closed.
    while (!ended_ || relay_.valid()) {
      pollfd polls[3] = {{.fd = signals.get(), .events = POLLIN, .revents = 0},
                         {.fd = relay_.get(), .events = static_cast<short>(POLLIN | (pending_size_ != 0 ? POLLOUT : 0)), .revents = 0},
                         {.fd = input_open_ && pending_size_ == 0 && relay_.valid() ? 0 : -1, .events = POLLIN, .revents = 0}};
      if (::poll(polls, 3, -1) < 0 && errno != EINTR) break;
      if (polls[0].revents != 0) ReadSignals(signals.get());
      if ((polls[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0) Output();
      if ((polls[1].revents & POLLOUT) != 0) FlushInput();
      if (polls[2].revents != 0) Input();
    }
    return WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_);
  }

 private:
  void Resize() {
    uint16_t rows = 0, columns = 0;
    if (WindowSize(0, &rows, &columns)) SendResize(sandbox_, rows, columns);
  }

  void ReadSignals(int fd) {
    signalfd_siginfo info{};
    while (::read(fd, &info, sizeof info) == sizeof info) {
      const int signo = static_cast<int>(info.ssi_signo);
      if (signo == SIGCHLD) {
        if (!ended_ && ::waitpid(sandbox_.stand_in.pid, &status_, WNOHANG) == sandbox_.stand_in.pid) ended_ = true;
      } else if (signo == SIGWINCH && relay_.valid()) {
        Resize();
      } else if (signo != SIGPIPE && !ended_) {
        ::kill(sandbox_.stand_in.pid, signo);  // not reaped yet: the pid is still ours
      }
    }
  }

  void Output() {
    char buffer[16384];
    const ssize_t got = ::recv(relay_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      relay_.reset();
      return;
    }
    // Nobody reads our output any more: go on, as a terminal that was closed.
    (void)WriteOut(1, buffer, static_cast<size_t>(got));
  }

  void Input() {
    const ssize_t got = ::read(0, pending_, sizeof pending_);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      // A terminal has no end of file: type ^D once, as script(1) does, and read no more.
      input_open_ = false;
      pending_[0] = 4;
      pending_size_ = 1;
    } else {
      pending_size_ = static_cast<size_t>(got);
    }
    FlushInput();
  }

  void FlushInput() {
    if (pending_size_ == 0 || !relay_.valid()) return;
    const ssize_t put = ::send(relay_.get(), pending_, pending_size_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (put < 0) {
      pending_size_ = 0;
      return;
    }
    std::memmove(pending_, pending_ + put, pending_size_ - static_cast<size_t>(put));
    pending_size_ -= static_cast<size_t>(put);
  }

  Sandbox& sandbox_;
  UniqueFd relay_;
  bool ended_ = false;
  int status_ = 0;
  bool input_open_ = false;
  char pending_[4096];
  size_t pending_size_ = 0;
};

}  // namespace

bool WindowSize(int fd, uint16_t* rows, uint16_t* columns) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return false;
  *rows = size.ws_row;
  *columns = size.ws_col;
  return true;
}

absl::StatusOr<UniqueFd> OpenConsole(const std::string& path, uint16_t rows, uint16_t columns) {
  UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!master.valid()) return HostSentence(errno, "cannot make a pseudo-terminal");
  char name[64];
  if (::unlockpt(master.get()) != 0 || ::ptsname_r(master.get(), name, sizeof name) != 0) {
    return HostSentence(errno, "cannot make a pseudo-terminal");
  }
  UniqueFd slave(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!slave.valid()) return HostSentence(errno, Cat("cannot open the pseudo-terminal ", name));
  termios mode{};
  if (::tcgetattr(slave.get(), &mode) == 0) {
    ::cfmakeraw(&mode);
    ::tcsetattr(slave.get(), TCSANOW, &mode);
  }
  if (rows != 0 && columns != 0) {
    const winsize size{.ws_row = rows, .ws_col = columns, .ws_xpixel = 0, .ws_ypixel = 0};
    ::ioctl(slave.get(), TIOCSWINSZ, &size);
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError(Cat("--console-socket: \"", path, "\" is longer than a socket's path may be"));
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid() || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return HostSentence(errno, Cat("--console-socket: cannot connect to \"", path, "\""));
  }
  if (!SendMaster(socket.get(), master.get(), name))
    return HostSentence(errno, Cat("--console-socket: cannot send the terminal to \"", path, "\""));
  return slave;
}

absl::StatusOr<Relay> MakeRelay() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) return HostSentence(errno, "socketpair");
  Relay relay;
  relay.sandbox.reset(fds[0]);
  relay.ours.reset(fds[1]);
  return relay;
}

void BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
}

int WaitForeground(Sandbox& sandbox, UniqueFd relay) { return Foreground(sandbox, std::move(relay)).Run(); }

}  // namespace ringwall::sandbox
