// Can this machine run systrap? Tried, not guessed: a child makes a listener with the flags that stubs use, and one notification goes
// round.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <string>

#include "absl/strings/str_cat.h"
#include "arch/x86_64/fpstate.h"
#include "host/calls/socket_fds.h"
#include "platform/systrap/guest/layout.h"
#include "platform/systrap/seccomp_abi.h"
#include "platform/systrap/systrap_platform.h"

namespace ringwall::platform::systrap {
namespace {

constexpr unsigned long kFsgsbase = 1 << 1;  // HWCAP2_FSGSBASE
constexpr uint64_t kQuestion = 4711;
constexpr int kPatienceMs = 2000;

// What the child reports before it asks: 0, or the errno of its filter.
struct Report {
  int32_t error;
  uint64_t secret_address;
};

[[noreturn]] void Child(int socket, const uint64_t* secret) {
  sock_filter program[] = {
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_getpriority},
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, kQuestion},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_USER_NOTIF},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  };
  const sock_fprog filter{sizeof(program) / sizeof(program[0]), program};
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const long listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER | kFilterWaitKillable, &filter);
  const Report report{listener < 0 ? errno : 0, reinterpret_cast<uint64_t>(secret)};
  const int fds[] = {static_cast<int>(listener)};
  const auto bytes = std::as_bytes(std::span(&report, 1));
  const bool sent = host::SendWithFds(socket, bytes, listener < 0 ? std::span<const int>() : std::span<const int>(fds)).ok();
  if (listener < 0 || !sent) _exit(1);
  close(static_cast<int>(listener));
  // The answer is the parent's word for: it worked.
  _exit(syscall(SYS_getpriority, kQuestion, 0) == 42 ? 0 : 1);
}

// One notification, and a look into the child's memory; "" when both work.
std::string Supervise(int socket, pid_t child, uint64_t secret) {
  pollfd wait{socket, POLLIN, 0};
  if (poll(&wait, 1, kPatienceMs) <= 0) return "systrap: a test process did not answer; is this machine very busy?";
  Report report{};
  auto message = host::RecvWithFds(socket, std::as_writable_bytes(std::span(&report, 1)));
  if (!message.ok() || message->bytes != sizeof(report)) return "systrap: a test process died before it reported";
  if (report.error == EBUSY)
    return "systrap: seccomp(2) says EBUSY: a seccomp listener is above us already (an engine's seccomp agent); run without it, or use "
           "--platform=ptrace";
  if (report.error == EINVAL)
    return "systrap: seccomp(2) does not know SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; it needs Linux 5.19 or newer, or use "
           "--platform=ptrace";
  if (report.error != 0 || message->fds.empty())
    return absl::StrCat("systrap: seccomp(2) with a listener is refused: ", strerror(report.error),
                        "; allow seccomp in the outer container's profile, or use --platform=ptrace");
  const int listener = message->fds[0].get();
  wait.fd = listener;
  if (poll(&wait, 1, kPatienceMs) <= 0) return "systrap: a seccomp notification did not arrive";
  seccomp_notif notification{};
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) != 0)
    return absl::StrCat("systrap: SECCOMP_IOCTL_NOTIF_RECV: ", strerror(errno));
  uint64_t seen = 0;
  iovec local{&seen, sizeof(seen)};
  iovec remote{reinterpret_cast<void*>(report.secret_address), sizeof(seen)};
  const bool readable = process_vm_readv(child, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(sizeof(seen)) && seen == secret;
  const int read_error = errno;
  seccomp_notif_resp response{};
  response.id = notification.id;
  response.val = 42;
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response) != 0)
    return absl::StrCat("systrap: SECCOMP_IOCTL_NOTIF_SEND: ", strerror(errno));
  if (!readable)
    return absl::StrCat("systrap: process_vm_readv(2) of our own child is refused: ", strerror(read_error),
                        "; set kernel.yama.ptrace_scope to 0 or 1, or allow the call in the outer container's profile");
  return "";
}

}  // namespace

bool CpuFits(std::string* why) {
  if ((getauxval(AT_HWCAP2) & kFsgsbase) == 0) {
    *why =
        "systrap: the CPU or kernel does not let programs use FSGSBASE; it needs Ivy Bridge or newer and Linux 5.9 without nofsgsbase, or "
        "use --platform=ptrace";
    return false;
  }
  // The host's largest signal frame: the kernel tells it in the auxiliary vector (getauxval(3), AT_MINSIGSTKSZ).
  constexpr unsigned long kMinSigStack = 51;
  if (getauxval(kMinSigStack) > kStackBytes / 2) {
    *why = absl::StrCat("systrap: signal frames of ", getauxval(kMinSigStack),
                        " bytes are larger than this version's stubs expect; use --platform=ptrace");
    return false;
  }
  return true;
}

bool Probe(std::string* why) {
  if (!CpuFits(why)) return false;
  auto pair = host::SocketPair(SOCK_SEQPACKET);
  if (!pair.ok()) {
    *why = absl::StrCat("systrap: socketpair: ", ErrnoName(pair.error()));
    return false;
  }
  const uint64_t secret = 0x5eed0000 + static_cast<uint64_t>(getpid());
  const pid_t child = fork();
  if (child == 0) Child(pair->second.get(), &secret);
  pair->second.reset();
  if (child < 0) {
    *why = absl::StrCat("systrap: fork: ", strerror(errno));
    return false;
  }
  *why = Supervise(pair->first.get(), child, secret);
  kill(child, SIGKILL);
  int raw = 0;
  while (waitpid(child, &raw, 0) < 0 && errno == EINTR) {
  }
  return why->empty();
}

}  // namespace ringwall::platform::systrap
