// mq_overview(7): mq_open(3), mq_unlink(3), mq_send(3), mq_receive(3), mq_notify(3), mq_getattr(3), by the calls behind them.
#include <mqueue.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/lib/guest.h"
#include "tests/lib/namespaces.h"

namespace {

using namespace tests;

// As the kernel takes it: without the slash.
std::string FreshName() {
  static int next = 0;
  return "rwtest-" + std::to_string(getpid()) + "-" + std::to_string(next++);
}

long Open(const std::string& name, int flags, int mode = 0600, const mq_attr* attributes = nullptr) {
  return Call(SYS_mq_open, name, flags, mode, attributes);
}

mq_attr Limits(long messages, long size) {
  mq_attr attributes{};
  attributes.mq_maxmsg = messages;
  attributes.mq_msgsize = size;
  return attributes;
}

// A queue of four messages of 64 bytes, gone with its scope.
class Queue {
 public:
  explicit Queue(int flags = O_RDWR, int mode = 0600, long messages = 4) : name(FreshName()) {
    const mq_attr attributes = Limits(messages, 64);
    fd = ScopedFd(Open(name, flags | O_CREAT | O_EXCL, mode, &attributes));
    EXPECT_TRUE(fd.valid());
  }
  ~Queue() { Call(SYS_mq_unlink, name); }
  Queue(const Queue&) = delete;
  long Send(const std::string& text, unsigned priority = 0, const timespec* timeout = nullptr) const {
    return Call(SYS_mq_timedsend, fd, text, text.size(), priority, timeout);
  }
  // The text, or "error N".
  std::string Receive(const timespec* timeout = nullptr) {
    char buffer[64];
    const long n = Call(SYS_mq_timedreceive, fd, buffer, sizeof(buffer), &priority, timeout);
    return n < 0 ? "error " + std::to_string(-n) : std::string(buffer, static_cast<size_t>(n));
  }
  mq_attr Attributes() const {
    mq_attr attributes{};
    EXPECT_THAT(Call(SYS_mq_getsetattr, fd, nullptr, &attributes), Succeeds());
    return attributes;
  }
  const std::string name;
  ScopedFd fd;
  unsigned priority = 0;
};

timespec In(long ms) {
  const long ns = NowNs(CLOCK_REALTIME) + ms * kMillisecond;
  return {ns / 1'000'000'000, ns % 1'000'000'000};
}

std::string Error(int error) { return "error " + std::to_string(error); }

// ---- mq_open, mq_unlink -----------------------------------------------------------------------------------------------------

TEST(MqOpen, CreationAndItsErrors) {
  const std::string name = FreshName();
  EXPECT_THAT(Open(name, O_RDWR), FailsWith(ENOENT));
  const ScopedFd fd(Open(name, O_RDWR | O_CREAT));
  ASSERT_TRUE(fd.valid());
  EXPECT_THAT(Open(name, O_RDWR | O_CREAT | O_EXCL), FailsWith(EEXIST));
  const ScopedFd again(Open(name, O_RDONLY | O_CREAT));
  EXPECT_TRUE(again.valid());
  EXPECT_THAT(Call(SYS_mq_unlink, name), Succeeds());
  EXPECT_THAT(Call(SYS_mq_unlink, name), FailsWith(ENOENT));
}

TEST(MqOpen, DefaultLimits) {
  const std::string name = FreshName();
  const ScopedFd fd(Open(name, O_RDWR | O_CREAT));
  mq_attr attributes{};
  EXPECT_THAT(Call(SYS_mq_getsetattr, fd, nullptr, &attributes), Succeeds());
  EXPECT_EQ(attributes.mq_maxmsg, 10);
  EXPECT_EQ(attributes.mq_msgsize, 8192);
  EXPECT_EQ(attributes.mq_curmsgs, 0);
  EXPECT_EQ(attributes.mq_flags, 0);
  Call(SYS_mq_unlink, name);
}

TEST(MqOpen, NamesAreOneComponent) {
  EXPECT_THAT(Open("a/b", O_RDWR | O_CREAT), FailsWith(EACCES));
  EXPECT_THAT(Open("", O_RDWR | O_CREAT), FailsWith(ENOENT));
  EXPECT_THAT(Open(".", O_RDWR | O_CREAT), FailsWith(EACCES));
  EXPECT_THAT(Open("..", O_RDWR), FailsWith(EACCES));
  EXPECT_THAT(Open(std::string(256, 'x'), O_RDWR | O_CREAT), FailsWith(ENAMETOOLONG));
  EXPECT_THAT(Open(std::string(255, 'x'), O_RDWR), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_mq_open, BadAddress(), O_RDWR, 0, nullptr), FailsWith(EFAULT));
}

TEST(MqOpen, LimitsMustBeSensible) {
  for (const mq_attr& attributes : {Limits(0, 64), Limits(4, 0), Limits(-1, 64), Limits(4, -1), Limits(1 << 20, 64), Limits(4, 1 << 28)}) {
    EXPECT_THAT(Open(FreshName(), O_RDWR | O_CREAT, 0600, &attributes), FailsWith(EINVAL));
  }
  EXPECT_THAT(Call(SYS_mq_open, FreshName(), O_RDWR | O_CREAT, 0600, BadAddress()), FailsWith(EFAULT));
}

TEST(MqOpen, UnprivilegedLimitsAreThoseOfProc) {
  SKIP_UNLESS_ROOT();
  const long max = atol(ReadFile("/proc/sys/fs/mqueue/msg_max").c_str());
  InChild([&] {
    DropToNobody();
    const mq_attr too_many = Limits(max + 1, 64);
    EXPECT_THAT(Open(FreshName(), O_RDWR | O_CREAT, 0600, &too_many), FailsWith(EINVAL));
    const std::string name = FreshName();
    const mq_attr most = Limits(max, 64);
    EXPECT_THAT(Open(name, O_RDWR | O_CREAT, 0600, &most), Succeeds());
    EXPECT_THAT(Call(SYS_mq_unlink, name), Succeeds());
  });
}

TEST(MqOpen, DescriptorsAreAlwaysCloseOnExec) {
  const Queue queue;
  EXPECT_EQ(fcntl(queue.fd.get(), F_GETFD), FD_CLOEXEC);
}

TEST(MqOpen, ModeIsMaskedAndChecked) {
  SKIP_UNLESS_ROOT();
  const mode_t old = umask(027);
  const Queue queue(O_RDWR, 0666);
  umask(old);
  struct stat info {};
  ASSERT_EQ(fstat(queue.fd.get(), &info), 0);
  EXPECT_EQ(info.st_mode, static_cast<mode_t>(S_IFREG | 0640));
  const Queue readable(O_RDWR, 0604);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Open(readable.name, O_RDWR), FailsWith(EACCES));
    EXPECT_THAT(Open(readable.name, O_WRONLY), FailsWith(EACCES));
    EXPECT_THAT(Open(readable.name, O_RDONLY), Succeeds());
    EXPECT_THAT(Open(queue.name, O_RDONLY), FailsWith(EACCES));
    EXPECT_THAT(Call(SYS_mq_unlink, readable.name), FailsWithEither(EPERM, EACCES));
  });
}

TEST(MqUnlink, OpenQueueGoesOn) {
  Queue queue;
  EXPECT_THAT(Call(SYS_mq_unlink, queue.name), Succeeds());
  EXPECT_THAT(Open(queue.name, O_RDWR), FailsWith(ENOENT));
  EXPECT_THAT(queue.Send("x"), Succeeds());
  EXPECT_EQ(queue.Receive(), "x");
  struct stat info {};
  fstat(queue.fd.get(), &info);
  EXPECT_EQ(info.st_nlink, 0u);
}

TEST(MqUnlink, NameCanBeUsedAgain) {
  Queue first;
  first.Send("old");
  Call(SYS_mq_unlink, first.name);
  const ScopedFd second(Open(first.name, O_RDWR | O_CREAT | O_EXCL));
  ASSERT_TRUE(second.valid());
  mq_attr attributes{};
  Call(SYS_mq_getsetattr, second, nullptr, &attributes);
  EXPECT_EQ(attributes.mq_curmsgs, 0);
}

TEST(MqOpen, RlimitCountsBytesPerUser) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    // A user who has no other queues.
    ASSERT_EQ(setresuid(61234, 61234, 61234), 0);
    const rlimit limit{1000, 1000};
    ASSERT_EQ(setrlimit(RLIMIT_MSGQUEUE, &limit), 0);
    const mq_attr attributes = Limits(10, 1000);
    EXPECT_THAT(Open(FreshName(), O_RDWR | O_CREAT, 0600, &attributes), FailsWith(EMFILE));
    const std::string name = FreshName();
    const mq_attr little = Limits(1, 100);
    EXPECT_THAT(Open(name, O_RDWR | O_CREAT, 0600, &little), Succeeds());
    EXPECT_THAT(Call(SYS_mq_unlink, name), Succeeds());
  });
}

// ---- sending and receiving --------------------------------------------------------------------------------------------------

TEST(MqSend, HighestPriorityFirstThenInOrder) {
  Queue queue;
  queue.Send("low", 1);
  queue.Send("high", 9);
  queue.Send("high too", 9);
  queue.Send("lowest", 0);
  EXPECT_EQ(queue.Receive(), "high");
  EXPECT_EQ(queue.priority, 9u);
  EXPECT_EQ(queue.Receive(), "high too");
  EXPECT_EQ(queue.Receive(), "low");
  EXPECT_EQ(queue.Receive(), "lowest");
  EXPECT_EQ(queue.priority, 0u);
}

TEST(MqSend, PriorityIsLimited) {
  const Queue queue;
  EXPECT_THAT(queue.Send("x", 32767), Succeeds());
  EXPECT_THAT(queue.Send("x", 32768), FailsWith(EINVAL));
}

TEST(MqSend, MessagesMayBeEmptyOrFull) {
  Queue queue;
  EXPECT_THAT(queue.Send(""), Succeeds());
  EXPECT_THAT(queue.Send(std::string(64, 'x')), Succeeds());
  EXPECT_THAT(queue.Send(std::string(65, 'x')), FailsWith(EMSGSIZE));
  EXPECT_EQ(queue.Receive(), "");
  EXPECT_EQ(queue.Receive(), std::string(64, 'x'));
}

TEST(MqReceive, BufferMustHoldTheLongest) {
  Queue queue;
  queue.Send("x");
  char buffer[64];
  EXPECT_THAT(Call(SYS_mq_timedreceive, queue.fd, buffer, 63, nullptr, nullptr), FailsWith(EMSGSIZE));
  EXPECT_THAT(Call(SYS_mq_timedreceive, queue.fd, buffer, 64, nullptr, nullptr), SucceedsWith(1));
}

TEST(MqSend, NonblockingSaysEagain) {
  Queue queue(O_RDWR | O_NONBLOCK);
  EXPECT_EQ(queue.Receive(), Error(EAGAIN));
  for (int i = 0; i < 4; ++i) EXPECT_THAT(queue.Send("x"), Succeeds());
  EXPECT_THAT(queue.Send("x"), FailsWith(EAGAIN));
}

TEST(MqSend, AccessModeCounts) {
  const Queue queue;
  const ScopedFd reader(Open(queue.name, O_RDONLY));
  const ScopedFd writer(Open(queue.name, O_WRONLY));
  char buffer[64];
  EXPECT_THAT(Call(SYS_mq_timedsend, reader, "x", 1, 0, nullptr), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_mq_timedreceive, writer, buffer, 64, nullptr, nullptr), FailsWith(EBADF));
}

TEST(MqSend, OtherDescriptorsAreBad) {
  const ScopedFd file = TempFile();
  char buffer[64];
  EXPECT_THAT(Call(SYS_mq_timedsend, file, "x", 1, 0, nullptr), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_mq_timedreceive, file, buffer, 64, nullptr, nullptr), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_mq_getsetattr, file, nullptr, nullptr), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_mq_notify, file, nullptr), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_mq_timedsend, 9999, "x", 1, 0, nullptr), FailsWith(EBADF));
}

TEST(MqSend, Faults) {
  Queue queue;
  EXPECT_THAT(Call(SYS_mq_timedsend, queue.fd, BadAddress(), 1, 0, nullptr), FailsWith(EFAULT));
  EXPECT_EQ(queue.Attributes().mq_curmsgs, 0);
  EXPECT_THAT(Call(SYS_mq_timedsend, queue.fd, "x", 1, 0, BadAddress()), FailsWith(EFAULT));
}

TEST(MqSend, TimeoutIsAbsoluteAndOnTheRealClock) {
  Queue queue;
  const timespec soon = In(30);
  const Stopwatch watch;
  EXPECT_EQ(queue.Receive(&soon), Error(ETIMEDOUT));
  EXPECT_GE(watch.ms(), 28);
  const timespec past{1, 0};
  EXPECT_EQ(queue.Receive(&past), Error(ETIMEDOUT));
  for (int i = 0; i < 4; ++i) queue.Send("x", 0, &past);
  EXPECT_EQ(queue.Attributes().mq_curmsgs, 4) << "there was room: nobody looked at the clock";
  EXPECT_THAT(queue.Send("x", 0, &past), FailsWith(ETIMEDOUT));
}

TEST(MqSend, TimeoutIsValidated) {
  Queue queue;
  const timespec bad{1, 1000000000}, negative{-1, 0};
  EXPECT_THAT(queue.Send("x", 0, &bad), FailsWith(EINVAL));
  EXPECT_EQ(queue.Receive(&negative), Error(EINVAL));
}

TEST(MqReceive, BlockedReceiverIsServed) {
  Queue queue;
  const pid_t child = StartChild([&] { EXPECT_EQ(queue.Receive(), "hello"); });
  WaitUntilAsleep(child);
  SleepMs(20);
  EXPECT_THAT(queue.Send("hello", 5), Succeeds());
  EXPECT_EQ(queue.Attributes().mq_curmsgs, 0) << "it never went into the queue";
  EXPECT_THAT(StatusOf(child), Exited(0));
}

TEST(MqSend, BlockedSenderIsServed) {
  Queue queue;
  for (int i = 0; i < 4; ++i) queue.Send("early");
  const pid_t child = StartChild([&] { EXPECT_THAT(queue.Send("late", 7), Succeeds()); });
  WaitUntilAsleep(child);
  SleepMs(20);
  EXPECT_EQ(queue.Receive(), "early");
  EXPECT_EQ(queue.Attributes().mq_curmsgs, 4) << "the place was taken at once";
  EXPECT_EQ(queue.Receive(), "late") << "by its priority";
  EXPECT_THAT(StatusOf(child), Exited(0));
}

TEST(MqReceive, SignalInterruptsOrRestarts) {
  Queue queue;
  const pid_t child = StartChild([&] {
    {
      SignalRecorder recorder(SIGUSR1);
      EXPECT_EQ(queue.Receive(), Error(EINTR));
    }
    SignalRecorder recorder(SIGUSR1, SA_RESTART);
    EXPECT_EQ(queue.Receive(), "after");
    EXPECT_EQ(recorder.count(), 1);
  });
  WaitUntilAsleep(child);
  SleepMs(20);
  kill(child, SIGUSR1);
  SleepMs(20);
  WaitUntilAsleep(child);
  SleepMs(20);
  kill(child, SIGUSR1);
  SleepMs(20);
  queue.Send("after");
  EXPECT_THAT(StatusOf(child), Exited(0));
}

TEST(MqReceive, ManyMessagesBetweenProcesses) {
  Queue queue;
  const pid_t child = StartChild([&] {
    for (int i = 0; i < 1000; ++i) ASSERT_THAT(queue.Send(std::to_string(i)), Succeeds());
  });
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(queue.Receive(), std::to_string(i));
  EXPECT_THAT(StatusOf(child), Exited(0));
}

// ---- attributes, poll, the file ---------------------------------------------------------------------------------------------

TEST(MqGetsetattr, OnlyNonblockCanBeSet) {
  Queue queue;
  mq_attr wanted = Limits(99, 99), old{};
  wanted.mq_flags = O_NONBLOCK;
  EXPECT_THAT(Call(SYS_mq_getsetattr, queue.fd, &wanted, &old), Succeeds());
  EXPECT_EQ(old.mq_flags, 0);
  EXPECT_EQ(queue.Attributes().mq_flags, O_NONBLOCK);
  EXPECT_EQ(queue.Attributes().mq_maxmsg, 4);
  EXPECT_EQ(queue.Receive(), Error(EAGAIN));
  wanted.mq_flags = O_NONBLOCK | O_APPEND;
  EXPECT_THAT(Call(SYS_mq_getsetattr, queue.fd, &wanted, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_mq_getsetattr, queue.fd, BadAddress(), nullptr), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_mq_getsetattr, queue.fd, nullptr, BadAddress()), FailsWith(EFAULT));
}

TEST(MqGetsetattr, CountsMessages) {
  const Queue queue;
  queue.Send("a");
  queue.Send("b");
  const mq_attr attributes = queue.Attributes();
  EXPECT_EQ(attributes.mq_curmsgs, 2);
  EXPECT_EQ(attributes.mq_maxmsg, 4);
  EXPECT_EQ(attributes.mq_msgsize, 64);
}

TEST(Mq, PollTellsOfRoomAndMessages) {
  Queue queue;
  pollfd poll_fd{queue.fd.get(), POLLIN | POLLOUT, 0};
  EXPECT_EQ(poll(&poll_fd, 1, 0), 1);
  EXPECT_EQ(poll_fd.revents, POLLOUT);
  queue.Send("x");
  poll(&poll_fd, 1, 0);
  EXPECT_EQ(poll_fd.revents, POLLIN | POLLOUT);
  for (int i = 0; i < 3; ++i) queue.Send("x");
  poll(&poll_fd, 1, 0);
  EXPECT_EQ(poll_fd.revents, POLLIN);
}

TEST(Mq, PollIsWoken) {
  Queue queue;
  ScopedThread waiter([&] {
    pollfd poll_fd{queue.fd.get(), POLLIN, 0};
    EXPECT_EQ(poll(&poll_fd, 1, 5000), 1);
  });
  WaitUntilAsleep(waiter.tid());
  queue.Send("x");
}

TEST(Mq, DescriptorReadsAsStatus) {
  const Queue queue;
  queue.Send("12345");
  char text[128] = {};
  EXPECT_THAT(Call(SYS_pread64, queue.fd, text, sizeof(text), 0), Succeeds());
  EXPECT_STREQ(text, "QSIZE:5          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n");
  EXPECT_THAT(Call(SYS_write, queue.fd, "x", 1), FailsWith(EINVAL));
}

TEST(Mq, QueuesSurviveTheirMakers) {
  const std::string name = FreshName();
  InChild([&] {
    const ScopedFd fd(Open(name, O_RDWR | O_CREAT));
    EXPECT_THAT(Call(SYS_mq_timedsend, fd, "kept", 4, 3, nullptr), Succeeds());
  });
  const ScopedFd fd(Open(name, O_RDONLY));
  char buffer[8192];
  unsigned priority = 0;
  EXPECT_THAT(Call(SYS_mq_timedreceive, fd, buffer, sizeof(buffer), &priority, nullptr), SucceedsWith(4));
  EXPECT_EQ(priority, 3u);
  Call(SYS_mq_unlink, name);
}

TEST(Mq, MountedTreeShowsTheQueues) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    ASSERT_EQ(mount("mqueue", dir.c_str(), "mqueue", 0, nullptr), 0) << strerror(errno);
    const Queue queue;
    const std::string path = dir + "/" + queue.name;
    struct stat info {};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_size, 80);
    queue.Send("123");
    EXPECT_EQ(ReadFile(path).substr(0, 8), "QSIZE:3 ");
    EXPECT_EQ(unlink(path.c_str()), 0);
    EXPECT_THAT(Open(queue.name, O_RDONLY), FailsWith(ENOENT));
    EXPECT_LT(mkdir((dir + "/x").c_str(), 0755), 0);
    EXPECT_EQ(errno, EPERM);
  });
}

// ---- mq_notify --------------------------------------------------------------------------------------------------------------

sigevent SignalEvent(int signo, int value) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = signo;
  event.sigev_value.sival_int = value;
  return event;
}

TEST(MqNotify, SignalWhenAnEmptyQueueGetsAMessage) {
  SignalRecorder recorder(SIGUSR1, SA_SIGINFO);
  Queue queue;
  const sigevent event = SignalEvent(SIGUSR1, 42);
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), Succeeds());
  queue.Send("x");
  EXPECT_EQ(recorder.count(), 1);
  EXPECT_EQ(recorder.last().si_code, SI_MESGQ);
  EXPECT_EQ(recorder.last().si_value.sival_int, 42);
  EXPECT_EQ(recorder.last().si_pid, getpid());
  EXPECT_EQ(recorder.last().si_uid, getuid());
  queue.Receive();
  queue.Send("y");
  EXPECT_EQ(recorder.count(), 1) << "once";
}

TEST(MqNotify, NotForAQueueThatHoldsMessages) {
  SignalRecorder recorder(SIGUSR1);
  Queue queue;
  queue.Send("x");
  const sigevent event = SignalEvent(SIGUSR1, 0);
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), Succeeds());
  queue.Send("y");
  EXPECT_EQ(recorder.count(), 0);
  queue.Receive();
  queue.Receive();
  queue.Send("z");
  EXPECT_EQ(recorder.count(), 1);
}

TEST(MqNotify, NotWhileAReceiverWaits) {
  SignalRecorder recorder(SIGUSR1);
  Queue queue;
  const sigevent event = SignalEvent(SIGUSR1, 0);
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), Succeeds());
  const pid_t child = StartChild([&] { EXPECT_EQ(queue.Receive(), "x"); });
  WaitUntilAsleep(child);
  SleepMs(20);
  queue.Send("x");
  EXPECT_THAT(StatusOf(child), Exited(0));
  EXPECT_EQ(recorder.count(), 0);
  queue.Send("y");
  EXPECT_EQ(recorder.count(), 1);
}

TEST(MqNotify, OneProcessAtATime) {
  const Queue queue;
  sigevent event{};
  event.sigev_notify = SIGEV_NONE;
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), Succeeds());
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), FailsWith(EBUSY));
  InChild([&] { EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), FailsWith(EBUSY)); });
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, nullptr), Succeeds());
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), Succeeds());
}

TEST(MqNotify, ClosingEndsTheRegistration) {
  const Queue queue;
  const ScopedFd other(Open(queue.name, O_RDWR));
  const sigevent event = SignalEvent(SIGUSR1, 0);
  ScopedFd registered(Open(queue.name, O_RDWR));
  EXPECT_THAT(Call(SYS_mq_notify, registered, &event), Succeeds());
  EXPECT_THAT(Call(SYS_mq_notify, other, &event), FailsWith(EBUSY));
  registered.Reset();
  EXPECT_THAT(Call(SYS_mq_notify, other, &event), Succeeds());
}

TEST(MqNotify, ExitEndsTheRegistration) {
  const Queue queue;
  const sigevent event = SignalEvent(SIGUSR1, 0);
  InChild([&] { EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), Succeeds()); });
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), Succeeds());
}

TEST(MqNotify, ThreadIsStartedByTheCLibrary) {
  const Queue queue;
  static std::atomic<int> value;
  value = 0;
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_notify_function = [](sigval given) { value = given.sival_int; };
  event.sigev_value.sival_int = 42;
  ASSERT_EQ(mq_notify(queue.fd.get(), &event), 0) << strerror(errno);
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), FailsWithEither(EFAULT, EBUSY));
  EXPECT_EQ(value, 0);
  queue.Send("x");
  for (int i = 0; i < 2000 && value == 0; ++i) SleepMs(1);
  EXPECT_EQ(value, 42);
}

TEST(MqNotify, CookieComesBackOnTheSocket) {
  const Queue queue;
  const ScopedFd socket(Call(SYS_socket, AF_NETLINK, SOCK_RAW, 0));
  ASSERT_TRUE(socket.valid());
  char cookie[32] = "0123456789012345678901234567890";
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_signo = socket.get();
  event.sigev_value.sival_ptr = cookie;
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), Succeeds());
  char got[64] = {};
  EXPECT_THAT(Call(SYS_recvfrom, socket, got, sizeof(got), MSG_DONTWAIT, nullptr, nullptr), FailsWith(EAGAIN));
  queue.Send("x");
  EXPECT_THAT(Call(SYS_recvfrom, socket, got, sizeof(got), MSG_DONTWAIT, nullptr, nullptr), SucceedsWith(32));
  EXPECT_EQ(memcmp(got, cookie, 31), 0);
  EXPECT_EQ(got[31], 1);
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), Succeeds());
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, nullptr), Succeeds());
  EXPECT_THAT(Call(SYS_recvfrom, socket, got, sizeof(got), MSG_DONTWAIT, nullptr, nullptr), SucceedsWith(32));
  EXPECT_EQ(got[31], 2);
}

TEST(MqNotify, ThreadNeedsANetlinkSocket) {
  const Queue queue;
  const ScopedFd file = TempFile();
  char cookie[32] = {};
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD;
  event.sigev_signo = file.get();
  event.sigev_value.sival_ptr = cookie;
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), FailsWith(ENOTSOCK));
  event.sigev_signo = 9999;
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), FailsWith(EBADF));
  event.sigev_value.sival_ptr = BadAddress();
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), FailsWith(EFAULT));
}

TEST(MqNotify, ArgumentsAreChecked) {
  const Queue queue;
  sigevent event = SignalEvent(65, 0);
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), FailsWith(EINVAL));
  event.sigev_notify = 77;
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, BadAddress()), FailsWith(EFAULT));
}

TEST(MqNotify, StatusNamesTheRegistered) {
  const Queue queue;
  const sigevent event = SignalEvent(SIGUSR2, 0);
  EXPECT_THAT(Call(SYS_mq_notify, queue.fd, &event), Succeeds());
  char text[128] = {}, wanted[128];
  EXPECT_THAT(Call(SYS_pread64, queue.fd, text, sizeof(text), 0), Succeeds());
  snprintf(wanted, sizeof(wanted), "QSIZE:0          NOTIFY:0     SIGNO:%-5d NOTIFY_PID:%-6d\n", SIGUSR2, getpid());
  EXPECT_STREQ(text, wanted);
}

}  // namespace
