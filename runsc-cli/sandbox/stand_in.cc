// Waits for the sentry's news, passes signals on, and ends as the container ended.
#include "runsc-cli/sandbox/stand_in.h"

#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>

#include "runsc-cli/container/control_client.h"
#include "runsc-cli/container/store.h"
#include "runsc-cli/oci/text.h"
#include "runsc-cli/sandbox/inherited.h"
#include "runsc-cli/sandbox/spawn.h"

namespace ringwall::sandbox {
namespace {

// How long a sentry may take to end after its container did. It only has to drop memory; past this it is stuck.
constexpr int kEndPatienceMs = 5000;
// How long a gofer may take after its client is gone: it has nothing to save.
constexpr int kGoferPatienceMs = 1000;

class StandIn {
 public:
  explicit StandIn(StandInOptions options) : options_(std::move(options)) {}

  [[noreturn]] void Run() {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    signals_ = UniqueFd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
    ::malloc_trim(0);
    Loop();
    Finish();
  }

 private:
  static int64_t NowMs() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
  }

  void Loop() {
    // The wait for the exit status is asked for before anything else can happen; a sentry that maps ids hears it afterwards.
    if (!options_.map_ids) AskForExit();
    while (sentry_alive_) {
      pollfd polls[3] = {{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                         {.fd = options_.owner.get(), .events = POLLIN, .revents = 0},
                         {.fd = options_.caller.get(), .events = POLLIN, .revents = 0}};
      int timeout = -1;
      if (exit_.has_value()) {
        const int64_t left = exit_seen_ms_ + kEndPatienceMs - NowMs();
        if (left <= 0) KillSentry();
        timeout = left <= 0 ? -1 : static_cast<int>(left);
      }
      if (::poll(polls, 3, timeout) < 0 && errno != EINTR) KillSentry();
      if (polls[1].revents != 0) ReadOwner();
      if (polls[2].revents != 0) ReadCaller();
      if (polls[0].revents != 0) ReadSignals();
    }
  }

  void AskForExit() { container::SendControl(options_.owner.get(), control::MessageType::kWaitExit, 1, nullptr, 0); }

  void KillSentry() {
    // The sentry is the first process of its pid namespace: all stubs end with it.
    if (sentry_alive_) ::kill(options_.sentry, SIGKILL);
  }

  void ReadOwner() {
    uint8_t packet[256];
    const ssize_t got = ::recv(options_.owner.get(), packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      options_.owner.reset();  // the sentry ended or dropped us: either way it must end now
      if (!exit_.has_value()) KillSentry();
      return;
    }
    const auto size = static_cast<size_t>(got);
    if (size == 1 && packet[0] == static_cast<uint8_t>(kMapsWanted) && options_.map_ids) {
      options_.map_ids = false;
      const bool good = WriteIdMaps(options_.sentry, options_.uid_map.c_str(), options_.gid_map.c_str(), false);
      const char answer = good ? kMapsWritten : 'X';
      if (!good)
        options_.log.Error(Cat("container ", options_.id, ": cannot write the user id maps of the sandbox: ", std::strerror(errno)));
      (void)::send(options_.owner.get(), &answer, 1, MSG_NOSIGNAL);
      AskForExit();
      return;
    }
    control::MessageHeader header;
    control::ExitBody body;
    if (size < sizeof header) return;
    std::memcpy(&header, packet, sizeof header);
    if (header.magic != control::kMagic || header.length != size) return;
    if (header.type != static_cast<uint16_t>(control::MessageType::kExitReply) || size != sizeof header + sizeof body) return;
    std::memcpy(&body, packet + sizeof header, sizeof body);
    if (body.signal < 0 || body.signal > 64) return;
    exit_ = body;
    exit_seen_ms_ = NowMs();
  }

  void ReadCaller() {
    CallerMessage message;
    const ssize_t got = ::recv(options_.caller.get(), &message, sizeof message, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got == sizeof message) {
      if (message.kind == CallerMessage::Kind::kCommit) committed_ = true;
      if (message.kind == CallerMessage::Kind::kStart) {
        container::SendControl(options_.owner.get(), control::MessageType::kStart, 4, nullptr, 0);
      }
      if (message.kind == CallerMessage::Kind::kResize) {
        const control::ResizeBody body{.rows = message.rows, .columns = message.columns};
        container::SendControl(options_.owner.get(), control::MessageType::kResize, 2, &body, sizeof body);
      }
      return;
    }
    options_.caller.reset();
    if (!committed_ || options_.ephemeral) {
      caller_gone_ = true;
      KillSentry();
    }
  }

  void ReadSignals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGCHLD) {
        Reap();
        continue;
      }
      const control::SignalBody body{.signo = static_cast<int32_t>(info.ssi_signo), .scope = control::SignalScope::kInit};
      container::SendControl(options_.owner.get(), control::MessageType::kSignal, 3, &body, sizeof body);
    }
  }

  void Reap() {
    int status = 0;
    for (;;) {
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid <= 0) return;
      if (pid == options_.sentry) {
        sentry_alive_ = false;
        // What it said before it ended is still in the socket.
        while (options_.owner.valid() && !exit_.has_value()) {
          pollfd ready{.fd = options_.owner.get(), .events = POLLIN, .revents = 0};
          if (::poll(&ready, 1, 0) <= 0) break;
          ReadOwner();
        }
        if (!exit_.has_value() && !caller_gone_ && committed_) {
          options_.log.Error(
              Cat("container ", options_.id, ": the sandbox died: ",
                  WIFSIGNALED(status) ? Cat("killed by signal ", WTERMSIG(status)) : Cat("exit status ", WEXITSTATUS(status)),
                  "; if nobody killed it, --debug --log FILE shows why"));
        }
      } else if (pid == options_.gofer) {
        gofer_alive_ = false;
        if (!exit_.has_value() && sentry_alive_ && !caller_gone_ && committed_) {
          options_.log.Error(Cat("container ", options_.id, ": the file server (gofer) died; files of the host now answer EIO"));
        }
      }
    }
  }

  [[noreturn]] void Finish() {
    options_.owner.reset();
    // The gofer ends when the sentry's socket closes; it has no state to save.
    Reap();
    const int64_t patience_ends = NowMs() + kGoferPatienceMs;
    while (gofer_alive_) {
      const int64_t left = patience_ends - NowMs();
      if (left <= 0) {
        ::kill(options_.gofer, SIGKILL);
        ::waitpid(options_.gofer, nullptr, 0);
        break;
      }
      pollfd child{.fd = signals_.get(), .events = POLLIN, .revents = 0};
      (void)::poll(&child, 1, static_cast<int>(left));
      ReadSignals();
    }
    if (options_.ephemeral && caller_gone_ && !options_.store_root.empty()) {
      // A caller that is alive and only undoes a failed start holds the lock, waits for us, and removes the state itself.
      auto handle = container::Store(options_.store_root).Open(options_.id, container::Store::Locked::kGiveUp);
      if (handle.ok()) (void)handle->Remove();
    }
    const control::ExitBody status = exit_.value_or(control::ExitBody{.code = 0, .signal = SIGKILL});
    if (status.signal != 0) {
      const rlimit no_core{0, 0};
      ::setrlimit(RLIMIT_CORE, &no_core);
      struct sigaction action {};
      action.sa_handler = SIG_DFL;
      ::sigaction(status.signal, &action, nullptr);
      sigset_t only;
      sigemptyset(&only);
      sigaddset(&only, status.signal);
      ::kill(::getpid(), status.signal);
      ::sigprocmask(SIG_UNBLOCK, &only, nullptr);
      ::_exit(128 + status.signal);  // a signal whose default is not to end a process
    }
    ::_exit(status.code & 0xff);
  }

  StandInOptions options_;
  UniqueFd signals_;
  bool sentry_alive_ = true;
  bool gofer_alive_ = true;
  bool committed_ = false;
  bool caller_gone_ = false;
  std::optional<control::ExitBody> exit_;
  int64_t exit_seen_ms_ = 0;
};

}  // namespace

void RunStandIn(StandInOptions options) {
  ::prctl(PR_SET_NAME, "ringwall-init");
  StandIn(std::move(options)).Run();
}

}  // namespace ringwall::sandbox
