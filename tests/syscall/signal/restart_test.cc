// signal(7): which calls are interrupted and which restart, with SA_RESTART and without.
#include <fcntl.h>
#include <sys/socket.h>

#include "tests/lib/guest.h"

namespace tests {

// Signals the sleeping thread, waits until it sleeps again or has ended.
static void Poke(pid_t tid) {
  WaitUntilAsleep(tid);
  EXPECT_THAT(Call(SYS_tgkill, getpid(), tid, SIGUSR1), SucceedsWith(0));
}

TEST(Restart, PipeReadRestartsWithSaRestart) {
  SignalRecorder recorder(SIGUSR1, SA_RESTART);
  const Pipe pipe;
  ScopedThread reader([&] {
    char byte;
    EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), SucceedsWith(1));
  });
  Poke(reader.tid());
  WaitUntilAsleep(reader.tid());
  EXPECT_EQ(recorder.count(), 1);
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
}
TEST(Restart, PipeReadIsEintrWithoutSaRestart) {
  SignalRecorder recorder(SIGUSR1);
  const Pipe pipe;
  ScopedThread reader([&] {
    char byte;
    EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), FailsWith(EINTR));
  });
  Poke(reader.tid());
}
TEST(Restart, InterruptedPipeWriteReturnsWhatItMoved) {
  SignalRecorder recorder(SIGUSR1);
  const Pipe pipe;
  ScopedThread writer([&] {
    const std::string big(100'000, 'x');
    EXPECT_THAT(Call(SYS_write, pipe.writer, big, big.size()), SucceedsWith(65536));
  });
  Poke(writer.tid());
}
TEST(Restart, WaitRestartsWithSaRestart) {
  SignalRecorder recorder(SIGUSR1, SA_RESTART);
  const pid_t child = ForkChild();
  while (child == 0) Call(SYS_pause);
  ScopedThread waiter([&] {
    int status = 0;
    EXPECT_THAT(Call(SYS_wait4, child, &status, 0, nullptr), SucceedsWith(child));
    EXPECT_THAT(status, KilledBy(SIGKILL));
  });
  Poke(waiter.tid());
  WaitUntilAsleep(waiter.tid());
  EXPECT_THAT(Call(SYS_kill, child, SIGKILL), SucceedsWith(0));
}
TEST(Restart, SocketReceiveWithATimeoutIsEintrEvenWithSaRestart) {
  SignalRecorder recorder(SIGUSR1, SA_RESTART);
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  const ScopedFd one(fds[0]), two(fds[1]);
  const timeval timeout = {100, 0};
  ASSERT_EQ(setsockopt(one.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout), 0);
  ScopedThread reader([&] {
    char byte;
    EXPECT_THAT(Call(SYS_read, one, &byte, 1), FailsWith(EINTR));
  });
  Poke(reader.tid());
}
TEST(Restart, SocketReceiveRestarts) {
  SignalRecorder recorder(SIGUSR1, SA_RESTART);
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  const ScopedFd one(fds[0]), two(fds[1]);
  ScopedThread reader([&] {
    char byte;
    EXPECT_THAT(Call(SYS_recvfrom, one, &byte, 1, 0, nullptr, nullptr), SucceedsWith(1));
  });
  Poke(reader.tid());
  WaitUntilAsleep(reader.tid());
  EXPECT_THAT(Call(SYS_write, two, "x", 1), SucceedsWith(1));
}
TEST(Restart, LockWaitIsEintrWithoutSaRestart) {
  SignalRecorder recorder(SIGUSR1);
  const ScopedFd fd = TempFile("x");
  const Pipe ready, done;
  const pid_t child = StartChild([&] {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    EXPECT_THAT(Call(SYS_fcntl, fd, F_SETLK, &lock), SucceedsWith(0));
    Call(SYS_write, ready.writer, "r", 1);
    char byte;
    Call(SYS_read, done.reader, &byte, 1);
  });
  char byte;
  EXPECT_THAT(Call(SYS_read, ready.reader, &byte, 1), SucceedsWith(1));
  ScopedThread waiter([&] {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    EXPECT_THAT(Call(SYS_fcntl, fd, F_SETLKW, &lock), FailsWith(EINTR));
  });
  Poke(waiter.tid());
  waiter.Join();
  EXPECT_THAT(Call(SYS_write, done.writer, "d", 1), SucceedsWith(1));
  EXPECT_THAT(StatusOf(child), Exited(0));
}
TEST(Restart, StoppedReaderGoesOnWaitingAfterContinue) {
  const Pipe pipe;
  const pid_t child = StartChild([&] {
    char byte;
    EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), SucceedsWith(1));
  });
  WaitUntilAsleep(child);
  EXPECT_THAT(Call(SYS_kill, child, SIGSTOP), SucceedsWith(0));
  int status;
  EXPECT_THAT(Call(SYS_wait4, child, &status, WUNTRACED, nullptr), SucceedsWith(child));
  EXPECT_THAT(Call(SYS_kill, child, SIGCONT), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, pipe.writer, "x", 1), SucceedsWith(1));
  EXPECT_THAT(StatusOf(child), Exited(0));
}

}  // namespace tests
