// fcntl(2): O_ASYNC, F_SETOWN, F_SETSIG, F_NOTIFY: signals from files.
#include <poll.h>
#include <sched.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

const int kRealtime = SIGRTMIN + 3;

void TurnOn(const ScopedFd& fd, int owner = getpid()) {
  EXPECT_THAT(Call(SYS_fcntl, fd, F_SETOWN, owner), SucceedsWith(0));
  const long flags = Call(SYS_fcntl, fd, F_GETFL);
  EXPECT_THAT(Call(SYS_fcntl, fd, F_SETFL, flags | O_ASYNC), SucceedsWith(0));
}

struct Pair {
  explicit Pair(int type = SOCK_STREAM) {
    int fds[2] = {-1, -1};
    EXPECT_THAT(Call(SYS_socketpair, AF_UNIX, type, 0, fds), SucceedsWith(0));
    a.Reset(fds[0]);
    b.Reset(fds[1]);
  }
  ScopedFd a, b;
};

TEST(Sigio, WriteToAPipeSignalsItsReader) {
  const SignalRecorder recorder(SIGIO);
  const Pipe pipe;
  TurnOn(pipe.reader);
  EXPECT_EQ(recorder.count(), 0);
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
  // The caller is the owner: it has the signal when the call returns.
  EXPECT_EQ(recorder.count(), 1);
  EXPECT_EQ(recorder.last().si_code, SI_KERNEL);
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
  EXPECT_EQ(recorder.count(), 2);
}

TEST(Sigio, ReadFromAPipeSignalsItsWriter) {
  const SignalRecorder recorder(SIGIO);
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_fcntl, pipe.writer, F_SETPIPE_SZ, 4096), SucceedsWith(4096));
  const std::string full(4096, 'x');
  EXPECT_THAT(Call(SYS_write, pipe.writer, full.data(), full.size()), SucceedsWith(4096));
  TurnOn(pipe.writer);
  std::string into(4096, 0);
  EXPECT_THAT(Call(SYS_read, pipe.reader, into.data(), into.size()), SucceedsWith(4096));
  EXPECT_EQ(recorder.count(), 1);
}

TEST(Sigio, NobodyIsSignalledWithoutAnOwnerOrTheFlag) {
  const SignalRecorder recorder(SIGIO);
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETFL, O_ASYNC), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETFL), SucceedsWith(O_ASYNC));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETOWN), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
  EXPECT_EQ(recorder.count(), 0);
  TurnOn(pipe.reader);
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETFL, 0), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
  EXPECT_EQ(recorder.count(), 0);
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETFL, O_ASYNC), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETOWN, 0), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
  EXPECT_EQ(recorder.count(), 0);
}

TEST(Sigio, ChosenSignalNamesDescriptorAndBand) {
  const SignalRecorder recorder(kRealtime, SA_SIGINFO);
  const Pair pair;
  EXPECT_THAT(Call(SYS_fcntl, pair.a, F_GETSIG), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pair.a, F_SETSIG, kRealtime), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pair.a, F_GETSIG), SucceedsWith(kRealtime));
  TurnOn(pair.a);
  EXPECT_THAT(Call(SYS_write, pair.b, "x", 1), SucceedsWith(1));
  ASSERT_EQ(recorder.count(), 1);
  EXPECT_EQ(recorder.last().si_code, POLL_IN);
  EXPECT_EQ(recorder.last().si_fd, pair.a.get());
  EXPECT_EQ(recorder.last().si_band, POLLIN | POLLRDNORM);
}

TEST(Sigio, ChosenSignalWithCodesOfItsOwnSaysSigio) {
  const SignalRecorder recorder(SIGCHLD, SA_SIGINFO);
  const Pair pair;
  EXPECT_THAT(Call(SYS_fcntl, pair.a, F_SETSIG, SIGCHLD), SucceedsWith(0));
  TurnOn(pair.a);
  EXPECT_THAT(Call(SYS_write, pair.b, "x", 1), SucceedsWith(1));
  ASSERT_EQ(recorder.count(), 1);
  EXPECT_EQ(recorder.last().si_code, SI_SIGIO);
}

TEST(Sigio, SignalNumbersAreChecked) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETSIG, 65), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETSIG, -1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETSIG, 64), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.writer, F_GETSIG), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETSIG, 0), SucceedsWith(0));
}

TEST(Sigio, OwnersMustExist) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETOWN, 0x3fffffff), FailsWith(ESRCH));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETOWN, INT32_MIN), FailsWith(EINVAL));
  f_owner_ex owner = {F_OWNER_TID, 0x3fffffff};
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETOWN_EX, &owner), FailsWith(ESRCH));
  owner = {static_cast<__pid_type>(7), getpid()};
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETOWN_EX, &owner), FailsWith(EINVAL));
  owner = {F_OWNER_TID, static_cast<pid_t>(Call(SYS_gettid))};
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETOWN_EX, &owner), SucceedsWith(0));
  f_owner_ex got = {};
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETOWN_EX, &got), SucceedsWith(0));
  EXPECT_EQ(got.type, F_OWNER_TID);
  EXPECT_EQ(got.pid, owner.pid);
}

TEST(Sigio, DeadOwnerIsNobody) {
  const Pipe pipe;
  const pid_t child = StartChild([] { Call(SYS_pause); });
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETOWN, child), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETOWN), SucceedsWith(child));
  EXPECT_THAT(Call(SYS_kill, child, SIGKILL), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), KilledBy(SIGKILL));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETOWN), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETFL, O_ASYNC), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
}

TEST(Sigio, ThreadOwnerAloneIsSignalled) {
  const SignalRecorder recorder(SIGIO);
  const BlockedSignals blocked(SIGIO);
  const Pipe pipe;
  TurnOn(pipe.reader);
  f_owner_ex owner = {F_OWNER_TID, static_cast<pid_t>(Call(SYS_gettid))};
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETOWN_EX, &owner), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
  ScopedThread([] { EXPECT_FALSE(IsPending(SIGIO)); }).Join();
  EXPECT_TRUE(IsPending(SIGIO));
  siginfo_t info;
  EXPECT_THAT(Call(SYS_rt_sigtimedwait, &blocked.set(), &info, nullptr, kSetSize), SucceedsWith(SIGIO));
}

TEST(Sigio, ProcessGroupIsSignalled) {
  InChild([] {
    EXPECT_THAT(Call(SYS_setpgid, 0, 0), SucceedsWith(0));
    const SignalRecorder recorder(SIGIO);
    const BlockedSignals blocked(SIGIO);
    const Pipe pipe;
    const pid_t child = StartChild([&] {
      siginfo_t info;
      EXPECT_THAT(Call(SYS_rt_sigtimedwait, &blocked.set(), &info, nullptr, kSetSize), SucceedsWith(SIGIO));
    });
    TurnOn(pipe.reader, -getpid());
    EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETOWN), SucceedsWith(-getpid()));
    EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
    EXPECT_TRUE(IsPending(SIGIO));
    EXPECT_THAT(StatusOf(child), Exited(0));
  });
}

TEST(Sigio, WriterInAnotherProcessSignalsTheOwner) {
  const SignalRecorder recorder(SIGIO);
  const BlockedSignals blocked(SIGIO);
  const Pipe pipe;
  TurnOn(pipe.reader);
  const pid_t child = StartChild([&] { EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1)); });
  EXPECT_THAT(StatusOf(child), Exited(0));
  EXPECT_TRUE(IsPending(SIGIO));
}

TEST(Sigio, EndOfTheOtherSideIsAnEvent) {
  const SignalRecorder recorder(SIGIO);
  Pipe pipe;
  TurnOn(pipe.reader);
  pipe.writer.Reset();
  EXPECT_EQ(recorder.count(), 1);
}

TEST(Sigio, DuplicatesShareOwnerAndFlagAndTheLastCloseEndsIt) {
  const SignalRecorder recorder(SIGIO);
  Pair pair;
  TurnOn(pair.a);
  ScopedFd copy(Call(SYS_dup, pair.a));
  EXPECT_THAT(Call(SYS_fcntl, copy, F_GETOWN), SucceedsWith(getpid()));
  pair.a.Reset();
  EXPECT_THAT(Call(SYS_write, pair.b, "x", 1), SucceedsWith(1));
  EXPECT_EQ(recorder.count(), 1);
  copy.Reset();
  EXPECT_EQ(recorder.count(), 1);
}

TEST(Sigio, InterruptsABlockedCallOfTheOwner) {
  const SignalRecorder recorder(SIGIO);
  const Pair pair;
  const Pipe other;
  TurnOn(pair.a);
  const pid_t self = static_cast<pid_t>(Call(SYS_gettid));
  const BlockedSignals blocked(SIGIO);
  ScopedThread writer([&] {
    WaitUntilAsleep(self);
    EXPECT_THAT(Call(SYS_write, pair.b, "x", 1), SucceedsWith(1));
  });
  EXPECT_THAT(Call(SYS_fcntl, pair.a, F_GETFL), SucceedsWith(O_RDWR | O_ASYNC));
  pollfd p = {other.reader.get(), POLLIN, 0};
  const sigset_t none = SetOf();
  EXPECT_THAT(Call(SYS_ppoll, &p, 1, nullptr, &none, kSetSize), FailsWith(EINTR));
  EXPECT_EQ(recorder.count(), 1);
}

TEST(Sigio, InotifyEventsSignal) {
  const SignalRecorder recorder(SIGIO);
  const TempDir dir;
  const ScopedFd inotify(Call(SYS_inotify_init1, 0));
  EXPECT_THAT(Call(SYS_inotify_add_watch, inotify, dir.path(), IN_CREATE), Succeeds());
  TurnOn(inotify);
  EXPECT_THAT(Call(SYS_mkdir, dir / "x", 0700), SucceedsWith(0));
  EXPECT_EQ(recorder.count(), 1);
}

TEST(Sigio, FioasyncAndSocketOwnersByIoctl) {
  const SignalRecorder recorder(SIGIO);
  const Pair pair;
  int on = 1;
  int owner = getpid();
  EXPECT_THAT(Call(SYS_ioctl, pair.a, FIOSETOWN, &owner), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_ioctl, pair.a, FIOASYNC, &on), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pair.a, F_GETFL), SucceedsWith(O_RDWR | O_ASYNC));
  owner = 0;
  EXPECT_THAT(Call(SYS_ioctl, pair.a, SIOCGPGRP, &owner), SucceedsWith(0));
  EXPECT_EQ(owner, getpid());
  EXPECT_THAT(Call(SYS_write, pair.b, "x", 1), SucceedsWith(1));
  EXPECT_EQ(recorder.count(), 1);
  const ScopedFd null(Call(SYS_open, "/dev/null", O_RDWR, 0));
  EXPECT_THAT(Call(SYS_ioctl, null, FIOASYNC, &on), FailsWith(ENOTTY));
  EXPECT_THAT(Call(SYS_ioctl, null, FIOSETOWN, &owner), FailsWith(ENOTTY));
}

TEST(Sigio, ForeignProcessIsSignalledOnlyWithTheRightTo) {
  SKIP_UNLESS_ROOT();
  const BlockedSignals blocked(SIGIO);
  const pid_t root = getpid();
  InChild([&] {
    DropToNobody();
    const Pipe pipe;
    EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETOWN, root), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETFL, O_ASYNC), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
  });
  EXPECT_FALSE(IsPending(SIGIO));
}

// ---- F_NOTIFY ----

class Dnotify : public testing::Test {
 protected:
  void Create(const char* name) { ScopedFd(Call(SYS_open, dir_ / name, O_CREAT | O_WRONLY, 0600)); }
  TempDir dir_;
  ScopedFd fd_{Call(SYS_open, dir_.path(), O_RDONLY | O_DIRECTORY, 0)};
  SignalRecorder recorder_{SIGIO};
};

TEST_F(Dnotify, ReportsOnceUnlessAskedForMore) {
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_NOTIFY, DN_CREATE), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_GETOWN), SucceedsWith(getpid()));
  Create("a");
  EXPECT_EQ(recorder_.count(), 1);
  Create("b");
  EXPECT_EQ(recorder_.count(), 1);
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_NOTIFY, DN_CREATE | DN_MULTISHOT), SucceedsWith(0));
  Create("c");
  Create("d");
  EXPECT_EQ(recorder_.count(), 3);
}

TEST_F(Dnotify, RegistrationsAddUpAndNothingEndsThem) {
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_NOTIFY, DN_CREATE | DN_MULTISHOT), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_NOTIFY, DN_DELETE), SucceedsWith(0));
  Create("a");
  EXPECT_EQ(recorder_.count(), 1);
  EXPECT_THAT(Call(SYS_unlink, dir_ / "a"), SucceedsWith(0));
  EXPECT_EQ(recorder_.count(), 2);
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_NOTIFY, 0), SucceedsWith(0));
  Create("b");
  EXPECT_EQ(recorder_.count(), 2);
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_NOTIFY, DN_MULTISHOT), SucceedsWith(0));
}

TEST_F(Dnotify, EventsInTheDirectory) {
  Create("a");
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_NOTIFY, DN_MODIFY), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_truncate, dir_ / "a", 100), SucceedsWith(0));
  EXPECT_EQ(recorder_.count(), 1);
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_NOTIFY, DN_ATTRIB), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_chmod, dir_ / "a", 0700), SucceedsWith(0));
  EXPECT_EQ(recorder_.count(), 2);
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_NOTIFY, DN_RENAME), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_rename, dir_ / "a", dir_ / "b"), SucceedsWith(0));
  EXPECT_EQ(recorder_.count(), 3);
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_NOTIFY, DN_ACCESS), SucceedsWith(0));
  const ScopedFd file(Call(SYS_open, dir_ / "b", O_RDONLY, 0));
  char byte;
  EXPECT_THAT(Call(SYS_read, file, &byte, 1), SucceedsWith(1));
  EXPECT_EQ(recorder_.count(), 4);
}

TEST_F(Dnotify, ChosenSignalNamesTheDirectory) {
  const SignalRecorder realtime(kRealtime, SA_SIGINFO);
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_SETSIG, kRealtime), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_NOTIFY, DN_CREATE), SucceedsWith(0));
  Create("a");
  ASSERT_EQ(realtime.count(), 1);
  EXPECT_EQ(realtime.last().si_code, POLL_MSG);
  EXPECT_EQ(realtime.last().si_fd, fd_.get());
  EXPECT_EQ(recorder_.count(), 0);
}

TEST_F(Dnotify, OnlyDirectories) {
  Create("a");
  const ScopedFd file(Call(SYS_open, dir_ / "a", O_RDONLY, 0));
  EXPECT_THAT(Call(SYS_fcntl, file, F_NOTIFY, DN_CREATE), FailsWith(ENOTDIR));
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_NOTIFY, DN_CREATE), FailsWith(ENOTDIR));
  // Nothing to end is no error, whatever the file.
  EXPECT_THAT(Call(SYS_fcntl, file, F_NOTIFY, 0), SucceedsWith(0));
}

TEST_F(Dnotify, CloseEndsIt) {
  EXPECT_THAT(Call(SYS_fcntl, fd_, F_NOTIFY, DN_CREATE | DN_MULTISHOT), SucceedsWith(0));
  fd_.Reset();
  Create("a");
  EXPECT_EQ(recorder_.count(), 0);
}

}  // namespace
