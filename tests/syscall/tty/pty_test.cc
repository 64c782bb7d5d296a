// pty(7), termios(3), tty ioctls, job control, hang-up.
#include <linux/capability.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <termios.h>

#include "tests/lib/guest.h"

namespace tests {

class Pty : public testing::Test {
 protected:
  void SetUp() override {
    master_ = ScopedFd(Call(SYS_open, "/dev/ptmx", O_RDWR | O_NOCTTY));
    ASSERT_TRUE(master_.valid());
    int unlock = 0;
    unsigned number = 0;
    ASSERT_THAT(Call(SYS_ioctl, master_, TIOCSPTLCK, &unlock), SucceedsWith(0));
    ASSERT_THAT(Call(SYS_ioctl, master_, TIOCGPTN, &number), SucceedsWith(0));
    name_ = "/dev/pts/" + std::to_string(number);
    slave_ = ScopedFd(Call(SYS_open, name_, O_RDWR | O_NOCTTY));
    ASSERT_TRUE(slave_.valid());
  }
  void Change(tcflag_t set, tcflag_t clear) {
    termios modes;
    ASSERT_EQ(tcgetattr(slave_.get(), &modes), 0);
    modes.c_lflag = (modes.c_lflag | set) & ~clear;
    ASSERT_EQ(tcsetattr(slave_.get(), TCSANOW, &modes), 0);
  }
  void MakeRaw() {
    termios modes;
    ASSERT_EQ(tcgetattr(slave_.get(), &modes), 0);
    cfmakeraw(&modes);
    ASSERT_EQ(tcsetattr(slave_.get(), TCSANOW, &modes), 0);
  }
  static long Put(int fd, const std::string& text) { return Call(SYS_write, fd, text.data(), text.size()); }
  static std::string Get(int fd, size_t room = 100) {
    std::string text(room, '\0');
    const long got = Call(SYS_read, fd, text.data(), room);
    text.resize(got < 0 ? 0 : got);
    return text;
  }
  static bool Readable(int fd, int timeout = 0) {
    pollfd poll{fd, POLLIN, 0};
    return Call(SYS_poll, &poll, 1, timeout) == 1 && (poll.revents & POLLIN) != 0;
  }
  // Makes the caller leader of a new session with the slave as its terminal. Only in a child.
  void TakeTerminal() {
    EXPECT_THAT(Call(SYS_setsid), Succeeds());
    EXPECT_THAT(Call(SYS_ioctl, slave_, TIOCSCTTY, 0), SucceedsWith(0));
  }
  ScopedFd master_, slave_;
  std::string name_;
};

TEST_F(Pty, LockedSlaveCannotBeOpened) {
  const ScopedFd master(Call(SYS_open, "/dev/ptmx", O_RDWR | O_NOCTTY));
  unsigned number = 0;
  ASSERT_THAT(Call(SYS_ioctl, master, TIOCGPTN, &number), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_open, "/dev/pts/" + std::to_string(number), O_RDWR | O_NOCTTY), FailsWith(EIO));
}
TEST_F(Pty, SlaveOutputArrivesWithCarriageReturns) {
  EXPECT_THAT(Put(slave_.get(), "a\nb"), SucceedsWith(3));
  EXPECT_EQ(Get(master_.get()), "a\r\nb");
}
TEST_F(Pty, CanonicalInputComesByLineAndIsEchoed) {
  EXPECT_THAT(Put(master_.get(), "hel"), SucceedsWith(3));
  EXPECT_FALSE(Readable(slave_.get(), 20));
  EXPECT_THAT(Put(master_.get(), "lo\nmore"), SucceedsWith(7));
  EXPECT_TRUE(Readable(slave_.get(), 1000));
  EXPECT_EQ(Get(slave_.get()), "hello\n");
  EXPECT_EQ(Get(master_.get()), "hello\r\nmore");
}
TEST_F(Pty, CanonicalReadMayTakeALineInPieces) {
  EXPECT_THAT(Put(master_.get(), "abcd\n"), SucceedsWith(5));
  EXPECT_TRUE(Readable(slave_.get(), 1000));
  EXPECT_EQ(Get(slave_.get(), 2), "ab");
  EXPECT_EQ(Get(slave_.get(), 10), "cd\n");
}
TEST_F(Pty, EraseAndKillEditTheLine) {
  Change(0, ECHO);
  EXPECT_THAT(Put(master_.get(), std::string("abx\x7f") + "c\n"), SucceedsWith(6));
  EXPECT_TRUE(Readable(slave_.get(), 1000));
  EXPECT_EQ(Get(slave_.get()), "abc\n");
  EXPECT_THAT(Put(master_.get(), "wrong\x15right\n"), SucceedsWith(12));
  EXPECT_TRUE(Readable(slave_.get(), 1000));
  EXPECT_EQ(Get(slave_.get()), "right\n");
}
TEST_F(Pty, EndOfFileCharacterEndsALineAndAloneGivesZero) {
  EXPECT_THAT(Put(master_.get(), "ab\x04"), SucceedsWith(3));
  EXPECT_TRUE(Readable(slave_.get(), 1000));
  EXPECT_EQ(Get(slave_.get()), "ab");
  EXPECT_THAT(Put(master_.get(), "\x04"), SucceedsWith(1));
  char byte;
  EXPECT_THAT(Call(SYS_read, slave_, &byte, 1), SucceedsWith(0));
}
TEST_F(Pty, CarriageReturnBecomesNewline) {
  EXPECT_THAT(Put(master_.get(), "x\r"), SucceedsWith(2));
  EXPECT_TRUE(Readable(slave_.get(), 1000));
  EXPECT_EQ(Get(slave_.get()), "x\n");
}
TEST_F(Pty, NoEchoMeansSilence) {
  Change(0, ECHO);
  EXPECT_THAT(Put(master_.get(), "secret\n"), SucceedsWith(7));
  EXPECT_TRUE(Readable(slave_.get(), 1000));
  EXPECT_FALSE(Readable(master_.get()));
}
TEST_F(Pty, ControlCharactersEchoWithACaret) {
  EXPECT_THAT(Put(master_.get(), "\x01"), SucceedsWith(1));
  EXPECT_TRUE(Readable(master_.get(), 1000));
  EXPECT_EQ(Get(master_.get()), "^A");
}
TEST_F(Pty, RawInputComesAtOnceAndUnchanged) {
  MakeRaw();
  EXPECT_THAT(Put(master_.get(), "a\r\x03"), SucceedsWith(3));
  EXPECT_TRUE(Readable(slave_.get(), 1000));
  EXPECT_EQ(Get(slave_.get()), "a\r\x03");
  EXPECT_THAT(Put(slave_.get(), "x\n"), SucceedsWith(2));
  EXPECT_EQ(Get(master_.get()), "x\n");
}
TEST_F(Pty, VminZeroVtimeIsATimeout) {
  MakeRaw();
  termios modes;
  ASSERT_EQ(tcgetattr(slave_.get(), &modes), 0);
  modes.c_cc[VMIN] = 0;
  modes.c_cc[VTIME] = 1;
  ASSERT_EQ(tcsetattr(slave_.get(), TCSANOW, &modes), 0);
  const Stopwatch watch;
  char byte;
  EXPECT_THAT(Call(SYS_read, slave_, &byte, 1), SucceedsWith(0));
  EXPECT_GE(watch.ms(), 80);
}
TEST_F(Pty, VminWaitsForThatManyBytes) {
  MakeRaw();
  termios modes;
  ASSERT_EQ(tcgetattr(slave_.get(), &modes), 0);
  modes.c_cc[VMIN] = 3;
  ASSERT_EQ(tcsetattr(slave_.get(), TCSANOW, &modes), 0);
  EXPECT_THAT(Put(master_.get(), "ab"), SucceedsWith(2));
  ScopedThread reader([&] { EXPECT_EQ(Get(slave_.get()), "abc"); });
  WaitUntilAsleep(reader.tid());
  EXPECT_THAT(Put(master_.get(), "c"), SucceedsWith(1));
}
TEST_F(Pty, TermiosReadsBackFromBothSides) {
  termios modes, seen;
  ASSERT_EQ(tcgetattr(slave_.get(), &modes), 0);
  EXPECT_NE(modes.c_lflag & ICANON, 0u);
  EXPECT_NE(modes.c_lflag & ECHO, 0u);
  EXPECT_NE(modes.c_lflag & ISIG, 0u);
  EXPECT_NE(modes.c_oflag & OPOST, 0u);
  EXPECT_EQ(modes.c_cc[VINTR], 3);
  modes.c_cc[VINTR] = 7;
  EXPECT_THAT(Call(SYS_ioctl, master_, TCSETS, &modes), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_ioctl, slave_, TCGETS, &seen), SucceedsWith(0));
  EXPECT_EQ(seen.c_cc[VINTR], 7);
  EXPECT_THAT(Call(SYS_ioctl, slave_, TCGETS, BadAddress()), FailsWith(EFAULT));
}
TEST_F(Pty, LockedModesKeepTheirValue) {
  termios locks{}, modes, seen;
  memset(&locks, 0xff, sizeof(locks));
  ASSERT_THAT(Call(SYS_ioctl, slave_, TIOCGLCKTRMIOS, &locks), SucceedsWith(0));
  EXPECT_EQ(locks.c_lflag, 0u);
  EXPECT_EQ(locks.c_cc[VINTR], 0);
  EXPECT_THAT(Call(SYS_ioctl, slave_, TIOCGLCKTRMIOS, BadAddress()), FailsWith(EFAULT));
  SKIP_UNLESS_CAPABLE(CAP_SYS_ADMIN);
  locks.c_lflag = ECHO;
  locks.c_cc[VINTR] = 1;
  EXPECT_THAT(Call(SYS_ioctl, master_, TIOCSLCKTRMIOS, &locks), SucceedsWith(0)) << "the lock is the slave's, whoever sets it";
  ASSERT_EQ(tcgetattr(slave_.get(), &modes), 0);
  modes.c_lflag &= ~(ECHO | ICANON);
  modes.c_cc[VINTR] = 7;
  modes.c_cc[VQUIT] = 8;
  EXPECT_THAT(Call(SYS_ioctl, slave_, TCSETS, &modes), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_ioctl, slave_, TCGETS, &seen), SucceedsWith(0));
  EXPECT_EQ(seen.c_lflag & (ECHO | ICANON), static_cast<tcflag_t>(ECHO));
  EXPECT_EQ(seen.c_cc[VINTR], 3);
  EXPECT_EQ(seen.c_cc[VQUIT], 8);
  EXPECT_THAT(Call(SYS_ioctl, slave_, TIOCSLCKTRMIOS, BadAddress()), FailsWith(EFAULT));
}
TEST_F(Pty, LockingModesNeedsAPrivilege) {
  SKIP_UNLESS_ROOT();
  InChild([&] {
    EXPECT_THAT(Call(SYS_setresuid, 65534, 65534, 65534), SucceedsWith(0));
    termios locks{};
    EXPECT_THAT(Call(SYS_ioctl, slave_, TIOCSLCKTRMIOS, &locks), FailsWith(EPERM));
  });
}
TEST_F(Pty, WindowSizeReadsBackAndStartsAtZero) {
  winsize size = {1, 1, 1, 1};
  EXPECT_THAT(Call(SYS_ioctl, slave_, TIOCGWINSZ, &size), SucceedsWith(0));
  EXPECT_EQ(size.ws_row, 0);
  size = {24, 80, 0, 0};
  EXPECT_THAT(Call(SYS_ioctl, master_, TIOCSWINSZ, &size), SucceedsWith(0));
  size = {};
  EXPECT_THAT(Call(SYS_ioctl, slave_, TIOCGWINSZ, &size), SucceedsWith(0));
  EXPECT_EQ(size.ws_row, 24);
  EXPECT_EQ(size.ws_col, 80);
}
TEST_F(Pty, FlushDropsInput) {
  MakeRaw();
  EXPECT_THAT(Put(master_.get(), "gone"), SucceedsWith(4));
  EXPECT_TRUE(Readable(slave_.get(), 1000));
  EXPECT_THAT(Call(SYS_ioctl, slave_, TCFLSH, TCIFLUSH), SucceedsWith(0));
  EXPECT_FALSE(Readable(slave_.get()));
}
TEST_F(Pty, ClosedSlaveIsEioForTheMaster) {
  slave_.Reset();
  char byte;
  EXPECT_THAT(Call(SYS_read, master_, &byte, 1), FailsWith(EIO));
  pollfd poll{master_.get(), POLLIN, 0};
  EXPECT_THAT(Call(SYS_poll, &poll, 1, 0), SucceedsWith(1));
  EXPECT_NE(poll.revents & POLLHUP, 0);
}
TEST_F(Pty, ClosedMasterIsEndOfFileAndEio) {
  master_.Reset();
  char byte;
  EXPECT_THAT(Call(SYS_read, slave_, &byte, 1), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, slave_, &byte, 1), FailsWith(EIO));
}
TEST_F(Pty, SessionLeaderGetsAControllingTerminal) {
  InChild([this] {
    TakeTerminal();
    pid_t group = 0, session = 0;
    EXPECT_THAT(Call(SYS_ioctl, slave_, TIOCGPGRP, &group), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_ioctl, slave_, TIOCGSID, &session), SucceedsWith(0));
    EXPECT_EQ(group, getpid());
    EXPECT_EQ(session, getpid());
    const ScopedFd tty(Call(SYS_open, "/dev/tty", O_RDWR));
    EXPECT_TRUE(tty.valid());
    signal(SIGHUP, SIG_IGN);
  });
}
TEST_F(Pty, WithoutAControllingTerminalDevTtyIsEnxio) {
  InChild([this] {
    EXPECT_THAT(Call(SYS_setsid), Succeeds());
    EXPECT_THAT(Call(SYS_open, "/dev/tty", O_RDWR), FailsWith(ENXIO));
    pid_t group = 0;
    EXPECT_THAT(Call(SYS_ioctl, slave_, TIOCGPGRP, &group), FailsWith(ENOTTY));
  });
}
TEST_F(Pty, OpenWithoutNocttyByALeaderTakesTheTerminal) {
  InChild([this] {
    EXPECT_THAT(Call(SYS_setsid), Succeeds());
    const ScopedFd fd(Call(SYS_open, name_, O_RDWR));
    const ScopedFd tty(Call(SYS_open, "/dev/tty", O_RDWR));
    EXPECT_TRUE(tty.valid());
  });
}
TEST_F(Pty, InterruptQuitAndSuspendSignalTheForegroundGroup) {
  InChild([this] {
    TakeTerminal();
    SignalRecorder interrupt(SIGINT), quit(SIGQUIT), suspend(SIGTSTP);
    EXPECT_THAT(Put(master_.get(), "\x03"), SucceedsWith(1));
    for (int i = 0; i < 1000 && interrupt.count() == 0; ++i) usleep(1000);
    EXPECT_EQ(interrupt.count(), 1);
    EXPECT_EQ(interrupt.last().si_code, SI_KERNEL);
    EXPECT_THAT(Put(master_.get(), "\x1c"), SucceedsWith(1));
    for (int i = 0; i < 1000 && quit.count() == 0; ++i) usleep(1000);
    EXPECT_EQ(quit.count(), 1);
    EXPECT_THAT(Put(master_.get(), "\x1a"), SucceedsWith(1));
    for (int i = 0; i < 1000 && suspend.count() == 0; ++i) usleep(1000);
    EXPECT_EQ(suspend.count(), 1);
  });
}
TEST_F(Pty, InterruptDropsTheLineAndReadIsInterrupted) {
  InChild([this] {
    TakeTerminal();
    SignalRecorder interrupt(SIGINT);
    std::atomic<bool> interrupted{false};
    ScopedThread typist([&] {
      const BlockedSignals blocked(SIGINT);
      // Again and again: the first may come before the read.
      for (int i = 0; i < 100 && !interrupted.load(); ++i) {
        SleepMs(15);
        EXPECT_THAT(Put(master_.get(), "partial\x03"), SucceedsWith(8));
      }
    });
    char bytes[100];
    EXPECT_THAT(Call(SYS_read, slave_, bytes, 100), FailsWith(EINTR));
    interrupted.store(true);
    typist.Join();
    SleepMs(20);
    EXPECT_THAT(Put(master_.get(), "next\n"), SucceedsWith(5));
    EXPECT_TRUE(Readable(slave_.get(), 1000));
    EXPECT_EQ(Get(slave_.get()), "next\n");
  });
}
TEST_F(Pty, EveryInterruptWakesAWaiterThatUnblocksOnlyInPselect) {
  InChild([this] {
    TakeTerminal();
    SignalRecorder interrupt(SIGINT);
    const BlockedSignals blocked(SIGINT);
    constexpr int kRounds = 500;
    std::atomic<int> seen{0};
    ScopedThread typist([&] {
      for (int i = 0; i < kRounds; ++i) {
        // At any moment: before the wait, on the way into it, in it.
        for (int spin = 0; spin < i % 50 * 100; ++spin) asm volatile("pause");
        EXPECT_THAT(Put(master_.get(), "\x03"), SucceedsWith(1));
        while (seen.load() <= i) usleep(10);
      }
    });
    sigset_t none;
    sigemptyset(&none);
    for (int i = 0; i < kRounds; ++i) {
      fd_set set;
      FD_ZERO(&set);
      FD_SET(slave_.get(), &set);
      const timespec patience = {10, 0};
      EXPECT_EQ(pselect(slave_.get() + 1, &set, nullptr, nullptr, &patience, &none), -1) << i;
      EXPECT_EQ(errno, EINTR);
      EXPECT_EQ(interrupt.count(), i + 1);
      seen.store(i + 1);
    }
    typist.Join();
  });
}
TEST_F(Pty, WindowChangeSendsSigwinch) {
  InChild([this] {
    TakeTerminal();
    SignalRecorder recorder(SIGWINCH);
    const winsize size = {10, 20, 0, 0};
    EXPECT_THAT(Call(SYS_ioctl, master_, TIOCSWINSZ, &size), SucceedsWith(0));
    for (int i = 0; i < 1000 && recorder.count() == 0; ++i) usleep(1000);
    EXPECT_EQ(recorder.count(), 1);
    EXPECT_THAT(Call(SYS_ioctl, master_, TIOCSWINSZ, &size), SucceedsWith(0));
    usleep(10'000);
    EXPECT_EQ(recorder.count(), 1);
  });
}
TEST_F(Pty, BackgroundReadStopsTheGroup) {
  InChild([this] {
    TakeTerminal();
    const pid_t child = StartChild([this] {
      setpgid(0, 0);
      char byte;
      Call(SYS_read, slave_, &byte, 1);
    });
    int status = 0;
    EXPECT_THAT(Call(SYS_wait4, child, &status, WUNTRACED, nullptr), SucceedsWith(child));
    EXPECT_TRUE(WIFSTOPPED(status));
    EXPECT_EQ(WSTOPSIG(status), SIGTTIN);
    EXPECT_THAT(Call(SYS_kill, child, SIGKILL), SucceedsWith(0));
    StatusOf(child);
  });
}
TEST_F(Pty, BackgroundReadWithSigttinBlockedIsEio) {
  InChild([this] {
    TakeTerminal();
    InChild([this] {
      setpgid(0, 0);
      signal(SIGTTIN, SIG_IGN);
      char byte;
      EXPECT_THAT(Call(SYS_read, slave_, &byte, 1), FailsWith(EIO));
    });
  });
}
TEST_F(Pty, BackgroundWriteStopsOnlyWithTostop) {
  InChild([this] {
    TakeTerminal();
    InChild([this] {
      setpgid(0, 0);
      EXPECT_THAT(Put(slave_.get(), "x"), SucceedsWith(1));
    });
    Change(TOSTOP, 0);
    const pid_t child = StartChild([this] {
      setpgid(0, 0);
      Put(slave_.get(), "y");
    });
    int status = 0;
    EXPECT_THAT(Call(SYS_wait4, child, &status, WUNTRACED, nullptr), SucceedsWith(child));
    EXPECT_TRUE(WIFSTOPPED(status));
    EXPECT_EQ(WSTOPSIG(status), SIGTTOU);
    EXPECT_THAT(Call(SYS_kill, child, SIGKILL), SucceedsWith(0));
    StatusOf(child);
  });
}
TEST_F(Pty, ForegroundGroupCanBeGivenAway) {
  InChild([this] {
    TakeTerminal();
    const Pipe pipe;
    const pid_t child = StartChild([&] {
      setpgid(0, 0);
      char byte;
      Call(SYS_read, pipe.reader, &byte, 1);
      EXPECT_EQ(Get(slave_.get()), "for the child\n");
    });
    setpgid(child, child);
    EXPECT_THAT(Call(SYS_ioctl, slave_, TIOCSPGRP, &child), SucceedsWith(0));
    EXPECT_THAT(Put(master_.get(), "for the child\n"), SucceedsWith(14));
    EXPECT_THAT(Call(SYS_write, pipe.writer, "g", 1), SucceedsWith(1));
    EXPECT_THAT(StatusOf(child), Exited(0));
    const pid_t nobody = 0x3fffffff;
    signal(SIGTTOU, SIG_IGN);
    EXPECT_THAT(Call(SYS_ioctl, slave_, TIOCSPGRP, &nobody), FailsWith(ESRCH));
  });
}
TEST_F(Pty, MasterCloseHangsUpTheSession) {
  const Pipe ready;
  const pid_t child = StartChild([&] {
    master_.Reset();
    TakeTerminal();
    Call(SYS_write, ready.writer, "r", 1);
    while (true) Call(SYS_pause);
  });
  char byte;
  EXPECT_THAT(Call(SYS_read, ready.reader, &byte, 1), SucceedsWith(1));
  master_.Reset();
  EXPECT_THAT(StatusOf(child), KilledBy(SIGHUP));
}
TEST_F(Pty, DisconnectByTiocnotty) {
  InChild([this] {
    TakeTerminal();
    signal(SIGHUP, SIG_IGN);
    EXPECT_THAT(Call(SYS_ioctl, slave_, TIOCNOTTY), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_open, "/dev/tty", O_RDWR), FailsWith(ENXIO));
  });
}
TEST_F(Pty, PacketModePrefixesEveryRead) {
  const int on = 1;
  EXPECT_THAT(Call(SYS_ioctl, master_, TIOCPKT, &on), SucceedsWith(0));
  EXPECT_THAT(Put(slave_.get(), "x"), SucceedsWith(1));
  EXPECT_EQ(Get(master_.get()), std::string("\0x", 2));
}

}  // namespace tests
