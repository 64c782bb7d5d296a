// seccomp_unotify(2).
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "tests/syscall/security/seccomp_filters.h"

namespace tests {

constexpr long kAsked = SYS_getppid;

static long InstallListener(long number = kAsked, unsigned extra = 0) {
  return Install(On(number, SECCOMP_RET_USER_NOTIF), SECCOMP_FILTER_FLAG_NEW_LISTENER | extra);
}
static long Receive(int fd, seccomp_notif* notif) {
  memset(notif, 0, sizeof(*notif));
  return Call(SYS_ioctl, fd, SECCOMP_IOCTL_NOTIF_RECV, notif);
}
static long Answer(int fd, unsigned long id, long value, int error = 0, unsigned flags = 0) {
  seccomp_notif_resp response{};
  response.id = id;
  response.val = value;
  response.error = error;
  response.flags = flags;
  return Call(SYS_ioctl, fd, SECCOMP_IOCTL_NOTIF_SEND, &response);
}
// A thread that asks: all threads of the process have the filter, the supervisor makes other calls.
class Asker {
 public:
  explicit Asker(long number = kAsked) : thread_([this, number] { result_.store(Call(number, 11, 22, 33, 44, 55, 66)); }) {}
  long Result() {
    thread_.Join();
    return result_.load();
  }
  pid_t tid() const { return thread_.tid(); }

 private:
  std::atomic<long> result_{-99999};
  ScopedThread thread_;
};
static short Ready(int fd, int timeout_ms = 0) {
  pollfd p{fd, POLLIN | POLLOUT, 0};
  return poll(&p, 1, timeout_ms) > 0 ? p.revents : 0;
}

TEST(SeccompUnotify, ListenerIsCloseOnExec) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    ASSERT_TRUE(fd.valid());
    EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(FD_CLOEXEC));
  });
}
TEST(SeccompUnotify, ListenerHasAName) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    char link[64] = {};
    EXPECT_GT(readlink(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), link, sizeof(link) - 1), 0);
    EXPECT_STREQ(link, "anon_inode:seccomp notify");
  });
}
TEST(SeccompUnotify, OnlyOneListener) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    EXPECT_THAT(InstallListener(), FailsWith(EBUSY));
  });
}
TEST(SeccompUnotify, NotTogetherWithTsync) {
  InChild([] {
    EXPECT_THAT(InstallListener(kAsked, SECCOMP_FILTER_FLAG_TSYNC), FailsWith(EINVAL));
    EXPECT_THAT(InstallListener(kAsked, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH), Succeeds());
  });
}
TEST(SeccompUnotify, WaitKillableNeedsAListener) {
  InChild([] { EXPECT_THAT(Install(Always(SECCOMP_RET_ALLOW), 0x20), FailsWith(EINVAL)); });
}
TEST(SeccompUnotify, QuestionTellsTheCall) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    Asker asker;
    seccomp_notif notif;
    EXPECT_THAT(Receive(fd.get(), &notif), SucceedsWith(0));
    EXPECT_EQ(notif.pid, static_cast<unsigned>(asker.tid()));
    EXPECT_EQ(notif.flags, 0u);
    EXPECT_EQ(notif.data.nr, kAsked);
    EXPECT_EQ(notif.data.arch, static_cast<unsigned>(AUDIT_ARCH_X86_64));
    for (int i = 0; i < 6; ++i) EXPECT_EQ(notif.data.args[i], static_cast<unsigned long>(i + 1) * 11);
    EXPECT_THAT(Answer(fd.get(), notif.id, 4711), SucceedsWith(0));
    EXPECT_EQ(asker.Result(), 4711);
  });
}
TEST(SeccompUnotify, ErrorIsTheResult) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    Asker asker;
    seccomp_notif notif;
    EXPECT_THAT(Receive(fd.get(), &notif), SucceedsWith(0));
    EXPECT_THAT(Answer(fd.get(), notif.id, 0, -EPROTO), SucceedsWith(0));
    EXPECT_THAT(asker.Result(), FailsWith(EPROTO));
  });
}
TEST(SeccompUnotify, ContinueMakesTheCall) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    Asker asker;
    seccomp_notif notif;
    EXPECT_THAT(Receive(fd.get(), &notif), SucceedsWith(0));
    EXPECT_THAT(Answer(fd.get(), notif.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE), SucceedsWith(0));
    EXPECT_GT(asker.Result(), 0);
  });
}
TEST(SeccompUnotify, ContinueTakesNoValue) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    Asker asker;
    seccomp_notif notif;
    EXPECT_THAT(Receive(fd.get(), &notif), SucceedsWith(0));
    EXPECT_THAT(Answer(fd.get(), notif.id, 1, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE), FailsWith(EINVAL));
    EXPECT_THAT(Answer(fd.get(), notif.id, 0, -1, SECCOMP_USER_NOTIF_FLAG_CONTINUE), FailsWith(EINVAL));
    EXPECT_THAT(Answer(fd.get(), notif.id, 0, 0, 2), FailsWith(EINVAL));
    EXPECT_THAT(Answer(fd.get(), notif.id, 5), SucceedsWith(0));
    EXPECT_EQ(asker.Result(), 5);
  });
}
TEST(SeccompUnotify, AnswerNeedsAQuestion) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    EXPECT_THAT(Answer(fd.get(), 12345, 0), FailsWith(ENOENT));
  });
}
TEST(SeccompUnotify, SecondAnswerFails) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    Asker asker;
    seccomp_notif notif;
    EXPECT_THAT(Receive(fd.get(), &notif), SucceedsWith(0));
    EXPECT_THAT(Answer(fd.get(), notif.id, 5), SucceedsWith(0));
    asker.Result();
    EXPECT_THAT(Answer(fd.get(), notif.id, 6), FailsWith(ENOENT));
  });
}
TEST(SeccompUnotify, BufferMustBeZero) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    seccomp_notif notif{};
    notif.pid = 1;
    EXPECT_THAT(Call(SYS_ioctl, fd, SECCOMP_IOCTL_NOTIF_RECV, &notif), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_ioctl, fd, SECCOMP_IOCTL_NOTIF_RECV, BadAddress()), FailsWith(EFAULT));
  });
}
TEST(SeccompUnotify, UnknownIoctlIsInvalid) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    EXPECT_THAT(Call(SYS_ioctl, fd, 0x1234, 0), FailsWith(EINVAL));
  });
}
TEST(SeccompUnotify, ReadIsInvalid) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    char byte;
    EXPECT_THAT(Call(SYS_read, fd, &byte, 1), FailsWith(EINVAL));
  });
}
TEST(SeccompUnotify, IdIsValidUntilAnswered) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    Asker asker;
    seccomp_notif notif;
    EXPECT_THAT(Receive(fd.get(), &notif), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_ioctl, fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &notif.id), SucceedsWith(0));
    const auto other = notif.id + 1;
    EXPECT_THAT(Call(SYS_ioctl, fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &other), FailsWith(ENOENT));
    Answer(fd.get(), notif.id, 0);
    asker.Result();
    EXPECT_THAT(Call(SYS_ioctl, fd, SECCOMP_IOCTL_NOTIF_ID_VALID, &notif.id), FailsWith(ENOENT));
  });
}
TEST(SeccompUnotify, PollTellsQuestions) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    EXPECT_EQ(Ready(fd.get()), 0);
    Asker asker;
    EXPECT_EQ(Ready(fd.get(), 2000), POLLIN);
    seccomp_notif notif;
    Receive(fd.get(), &notif);
    EXPECT_EQ(Ready(fd.get()), POLLOUT);
    Answer(fd.get(), notif.id, 0);
    asker.Result();
    EXPECT_EQ(Ready(fd.get()), 0);
  });
}
TEST(SeccompUnotify, SeveralQuestionsInOrder) {
  InChild([] {
    const ScopedFd fd(InstallListener());
    Asker first;
    EXPECT_EQ(Ready(fd.get(), 2000), POLLIN);
    seccomp_notif one, two;
    Receive(fd.get(), &one);
    Asker second;
    Receive(fd.get(), &two);
    EXPECT_NE(one.id, two.id);
    EXPECT_THAT(Answer(fd.get(), two.id, 2), SucceedsWith(0));
    EXPECT_EQ(second.Result(), 2);
    EXPECT_THAT(Answer(fd.get(), one.id, 1), SucceedsWith(0));
    EXPECT_EQ(first.Result(), 1);
  });
}
TEST(SeccompUnotify, ClosedListenerIsEnosys) {
  InChild([] {
    ScopedFd fd(InstallListener());
    Asker asker;
    seccomp_notif notif;
    Receive(fd.get(), &notif);
    fd.Reset();
    EXPECT_THAT(asker.Result(), FailsWith(ENOSYS));
    EXPECT_THAT(Call(kAsked), FailsWith(ENOSYS));
  });
}

// ---- supervisor and asker in different processes -----------------------------------------------------------------------------------

static void SendFd(int socket, int fd) {
  char byte = 'x';
  iovec iov{&byte, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof(space);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof(fd));
  sendmsg(socket, &message, 0);
}
static int TakeFd(int socket) {
  char byte;
  iovec iov{&byte, 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof(space);
  if (recvmsg(socket, &message, 0) != 1) return -1;
  int fd;
  memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
  return fd;
}
// A child that installs a listener, gives it to the parent, and runs `body`.
struct Supervised {
  template <class Body>
  explicit Supervised(Body body, unsigned extra = 0, long number = kAsked) {
    int pair[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    child = StartChild([&] {
      const ScopedFd fd(InstallListener(number, extra));
      SendFd(pair[1], fd.get());
      char byte;
      Call(SYS_read, pair[1], &byte, 1);
      Call(SYS_close, fd);
      body();
    });
    listener.Reset(TakeFd(pair[0]));
    Call(SYS_write, pair[0], "x", 1);
    close(pair[0]);
    close(pair[1]);
  }
  pid_t child;
  ScopedFd listener;
};

TEST(SeccompUnotifyProcess, AnswerAcrossProcesses) {
  Supervised other([] { EXPECT_EQ(Call(kAsked), 77); });
  seccomp_notif notif;
  ASSERT_THAT(Receive(other.listener.get(), &notif), SucceedsWith(0));
  EXPECT_EQ(notif.pid, static_cast<unsigned>(other.child));
  EXPECT_THAT(Answer(other.listener.get(), notif.id, 77), SucceedsWith(0));
  EXPECT_THAT(StatusOf(other.child), Exited(0));
}
TEST(SeccompUnotifyProcess, HangUpWhenAllAskersAreGone) {
  Supervised other([] {});
  EXPECT_THAT(StatusOf(other.child), Exited(0));
  EXPECT_EQ(Ready(other.listener.get(), 2000) & POLLHUP, POLLHUP);
}
TEST(SeccompUnotifyProcess, ReceiveWithoutAskersIsEnoent) {
  Supervised other([] {});
  EXPECT_THAT(StatusOf(other.child), Exited(0));
  seccomp_notif notif;
  EXPECT_THAT(Receive(other.listener.get(), &notif), FailsWith(ENOENT));
}
TEST(SeccompUnotifyProcess, KilledAskerTakesItsQuestionBack) {
  Supervised other([] { Call(kAsked); });
  seccomp_notif notif;
  ASSERT_THAT(Receive(other.listener.get(), &notif), SucceedsWith(0));
  kill(other.child, SIGKILL);
  EXPECT_THAT(StatusOf(other.child), KilledBy(SIGKILL));
  EXPECT_THAT(Call(SYS_ioctl, other.listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &notif.id), FailsWith(ENOENT));
  EXPECT_THAT(Answer(other.listener.get(), notif.id, 0), FailsWith(ENOENT));
}
TEST(SeccompUnotifyProcess, SignalTakesTheQuestionBack) {
  Supervised other([] {
    SignalRecorder recorder(SIGUSR1);
    EXPECT_THAT(Call(kAsked), FailsWith(EINTR));
    EXPECT_EQ(recorder.count(), 1);
  });
  seccomp_notif notif;
  ASSERT_THAT(Receive(other.listener.get(), &notif), SucceedsWith(0));
  kill(other.child, SIGUSR1);
  EXPECT_THAT(StatusOf(other.child), Exited(0));
  EXPECT_THAT(Answer(other.listener.get(), notif.id, 0), FailsWith(ENOENT));
}
TEST(SeccompUnotifyProcess, RestartedCallAsksAgain) {
  Supervised other([] {
    SignalRecorder recorder(SIGUSR1, SA_RESTART);
    EXPECT_EQ(Call(kAsked), 5);
    EXPECT_EQ(recorder.count(), 1);
  });
  seccomp_notif first, second;
  ASSERT_THAT(Receive(other.listener.get(), &first), SucceedsWith(0));
  kill(other.child, SIGUSR1);
  ASSERT_THAT(Receive(other.listener.get(), &second), SucceedsWith(0));
  EXPECT_NE(first.id, second.id);
  EXPECT_THAT(Answer(other.listener.get(), second.id, 5), SucceedsWith(0));
  EXPECT_THAT(StatusOf(other.child), Exited(0));
}
TEST(SeccompUnotifyProcess, KillableQuestionSurvivesSignals) {
  Supervised other(
      [] {
        SignalRecorder recorder(SIGUSR1);
        EXPECT_EQ(Call(kAsked), 5);
        EXPECT_EQ(recorder.count(), 1);
      },
      SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  seccomp_notif notif;
  ASSERT_THAT(Receive(other.listener.get(), &notif), SucceedsWith(0));
  kill(other.child, SIGUSR1);
  usleep(20000);
  EXPECT_THAT(Answer(other.listener.get(), notif.id, 5), SucceedsWith(0));
  EXPECT_THAT(StatusOf(other.child), Exited(0));
}

// ---- descriptors --------------------------------------------------------------------------------------------------------------------

static long AddFd(int listener, unsigned long id, int source, unsigned flags = 0, int number = 0, unsigned fd_flags = 0) {
  seccomp_notif_addfd request{};
  request.id = id;
  request.flags = flags;
  request.srcfd = static_cast<unsigned>(source);
  request.newfd = static_cast<unsigned>(number);
  request.newfd_flags = fd_flags;
  return Call(SYS_ioctl, listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request);
}
TEST(SeccompAddfd, GivesADescriptor) {
  const Pipe pipe;
  Supervised other([] {
    const long fd = Call(kAsked);
    EXPECT_THAT(Call(SYS_write, fd, "hello", 5), SucceedsWith(5));
    EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(FD_CLOEXEC));
  });
  seccomp_notif notif;
  ASSERT_THAT(Receive(other.listener.get(), &notif), SucceedsWith(0));
  const long number = AddFd(other.listener.get(), notif.id, pipe.writer.get(), 0, 0, O_CLOEXEC);
  EXPECT_THAT(number, Succeeds());
  EXPECT_THAT(Answer(other.listener.get(), notif.id, number), SucceedsWith(0));
  EXPECT_THAT(StatusOf(other.child), Exited(0));
  char text[8] = {};
  EXPECT_THAT(Call(SYS_read, pipe.reader, text, 8), SucceedsWith(5));
}
TEST(SeccompAddfd, AtAChosenNumber) {
  const Pipe pipe;
  Supervised other([] {
    Call(kAsked);
    EXPECT_THAT(Call(SYS_write, 99, "hello", 5), SucceedsWith(5));
  });
  seccomp_notif notif;
  ASSERT_THAT(Receive(other.listener.get(), &notif), SucceedsWith(0));
  EXPECT_THAT(AddFd(other.listener.get(), notif.id, pipe.writer.get(), SECCOMP_ADDFD_FLAG_SETFD, 99), SucceedsWith(99));
  EXPECT_THAT(AddFd(other.listener.get(), notif.id, pipe.writer.get(), SECCOMP_ADDFD_FLAG_SETFD, 99), SucceedsWith(99));
  Answer(other.listener.get(), notif.id, 0);
  EXPECT_THAT(StatusOf(other.child), Exited(0));
}
TEST(SeccompAddfd, AndAnswerInOneStep) {
  const Pipe pipe;
  Supervised other([] {
    const long fd = Call(kAsked);
    EXPECT_THAT(Call(SYS_write, fd, "hello", 5), SucceedsWith(5));
  });
  seccomp_notif notif;
  ASSERT_THAT(Receive(other.listener.get(), &notif), SucceedsWith(0));
  EXPECT_THAT(AddFd(other.listener.get(), notif.id, pipe.writer.get(), SECCOMP_ADDFD_FLAG_SEND), Succeeds());
  EXPECT_THAT(Answer(other.listener.get(), notif.id, 0), FailsWithEither(ENOENT, EINPROGRESS));
  EXPECT_THAT(StatusOf(other.child), Exited(0));
}
TEST(SeccompAddfd, Errors) {
  const Pipe pipe;
  Supervised other([] { Call(kAsked); });
  const int fd = other.listener.get();
  seccomp_notif notif;
  ASSERT_THAT(Receive(fd, &notif), SucceedsWith(0));
  EXPECT_THAT(AddFd(fd, notif.id + 1, pipe.writer.get()), FailsWith(ENOENT));
  EXPECT_THAT(AddFd(fd, notif.id, -1), FailsWith(EBADF));
  EXPECT_THAT(AddFd(fd, notif.id, pipe.writer.get(), 4), FailsWith(EINVAL));
  EXPECT_THAT(AddFd(fd, notif.id, pipe.writer.get(), 0, 5), FailsWith(EINVAL));  // a number needs SETFD
  EXPECT_THAT(AddFd(fd, notif.id, pipe.writer.get(), 0, 0, O_APPEND), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_ioctl, fd, SECCOMP_IOCTL_NOTIF_ADDFD, BadAddress()), FailsWith(EFAULT));
  Answer(fd, notif.id, 0);
  EXPECT_THAT(StatusOf(other.child), Exited(0));
}

}  // namespace tests
