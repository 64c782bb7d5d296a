// Structures that calls read, or read and write.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <utime.h>

#include <cstring>

#include "tests/lib/sched_attr.h"
#include "tests/random/guest/makers.h"

namespace ringwall::random_calls {
namespace {

template <typename T>
T& New(size_t count = 1) {
  return *static_cast<T*>(NewStruct(sizeof(T) * count));
}
template <typename T>
uint64_t Give(T& made, size_t count = 1, bool written = false) {
  return MaybeBad(&made, sizeof(T) * count, written);
}

// A time that a wait may take: next to nothing, or nonsense.
timespec AnyTime() {
  static const timespec kTimes[] = {{0, 0},  {0, 0},      {0, 1}, {0, 1'000'000}, {0, 2'000'000}, {-1, 0}, {0, 1'000'000'000},
                                    {0, -1}, {0, 999'999}};
  const timespec time = kTimes[random.Below(9)];
  Note("{%ld,%ld}@", static_cast<long>(time.tv_sec), static_cast<long>(time.tv_nsec));
  return time;
}
// A time of a file.
timespec FileTime() {
  static const timespec kTimes[] = {{0, 0},         {1, 0},
                                    {1000, 5},      {1'000'000'000, 999'999'999},
                                    {0, UTIME_NOW}, {0, UTIME_OMIT},
                                    {-5, 0},        {5, 1'000'000'000},
                                    {7, -1},        {5'000'000'000, 0}};
  const timespec time = kTimes[random.Below(10)];
  Note("{%ld,%ld}", static_cast<long>(time.tv_sec), static_cast<long>(time.tv_nsec));
  return time;
}
// When a timer fires: never, or so late that nobody sees it.
timespec LateTime() {
  static const timespec kTimes[] = {{0, 0}, {100000, 0}, {100000, 999'999'999}, {-1, 0}, {5, 1'000'000'000}, {0, -1}};
  const timespec time = kTimes[random.Below(6)];
  Note("{%ld,%ld}", static_cast<long>(time.tv_sec), static_cast<long>(time.tv_nsec));
  return time;
}
timeval Micro(timespec time) { return {time.tv_sec, time.tv_nsec == 1'000'000'000 ? 1'000'000 : time.tv_nsec / 1000}; }

}  // namespace

uint64_t Timespec() {
  auto& made = New<timespec>();
  made = AnyTime();
  return Give(made);
}
uint64_t TimespecPair() {
  auto* made = &New<timespec>(2);
  made[0] = FileTime(), made[1] = FileTime();
  return Give(*made, 2);
}
uint64_t TimevalPair() {
  auto* made = &New<timeval>(2);
  made[0] = Micro(FileTime()), made[1] = Micro(FileTime());
  return Give(*made, 2);
}
uint64_t Timeval() {
  auto& made = New<timeval>();
  made = Micro(AnyTime());
  return Give(made);
}
uint64_t Utimbuf() {
  auto& made = New<utimbuf>();
  made = {FileTime().tv_sec, FileTime().tv_sec};
  return Give(made);
}
uint64_t Itimerval() {
  auto& made = New<itimerval>();
  made = {Micro(LateTime()), Micro(LateTime())};
  return Give(made);
}
uint64_t Itimerspec() {
  auto& made = New<itimerspec>();
  made = {LateTime(), LateTime()};
  return Give(made);
}

uint64_t SignalSet() {
  auto& made = New<uint64_t>();
  for (uint64_t n = random.Below(5); n != 0; --n) made |= uint64_t{1} << random.Below(64);
  if (random.Chance(5)) made = ~uint64_t{0};
  made &= ~(uint64_t{1} << (SIGALRM - 1));
  Note("%#lx@", static_cast<unsigned long>(made));
  return Give(made);
}
uint64_t SetSize() {
  if (random.Chance(95)) return Note("8"), 8;
  return Only<0, 4, 16, 128, 9>();
}
// Handlers are the kernel's two or none of ours: a wild one would only end the episode.
uint64_t SignalAction() {
  struct Action {
    uint64_t handler, flags, restorer, mask;
  };
  auto& made = New<Action>();
  made.handler = random.Below(2);
  for (const uint64_t flag :
       {uint64_t{SA_NOCLDSTOP}, uint64_t{SA_NOCLDWAIT}, uint64_t{SA_SIGINFO}, uint64_t{SA_RESTART}, uint64_t{SA_NODEFER}}) {
    if (random.Chance(20)) made.flags |= flag;
  }
  made.mask = random.Chance(50) ? 0 : uint64_t{1} << random.Below(64);
  Note("{%lu,%#lx,%#lx}@", static_cast<unsigned long>(made.handler), static_cast<unsigned long>(made.flags),
       static_cast<unsigned long>(made.mask));
  return Give(made);
}
uint64_t SignalInfo() {
  auto& made = New<siginfo_t>();
  static const int kCodes[] = {SI_QUEUE, SI_QUEUE, SI_USER, SI_TKILL, SI_TIMER, 5, -60};
  made.si_code = kCodes[random.Below(7)];
  made.si_pid = 1;
  made.si_uid = 7;
  Note("{code %d}@", made.si_code);
  return Give(made);
}
uint64_t SignalStack() {
  auto& made = New<stack_t>();
  static const int kFlags[] = {0, SS_DISABLE, SS_ONSTACK, 1 << 31, 8};
  made.ss_sp = reinterpret_cast<void*>(kPlayground);
  made.ss_flags = kFlags[random.Below(5)];
  made.ss_size = random.Chance(70) ? 16384 : random.Below(3000);
  Note("{%#x,%lu}@", static_cast<unsigned>(made.ss_flags), static_cast<unsigned long>(made.ss_size));
  return Give(made);
}
uint64_t SignalEvent() {
  auto& made = New<sigevent>();
  static const int kNotify[] = {SIGEV_NONE, SIGEV_SIGNAL, SIGEV_SIGNAL, SIGEV_THREAD, 4, 9};
  static const int kSignals[] = {SIGUSR1, 40, 0, 65};
  made.sigev_notify = kNotify[random.Below(6)];
  made.sigev_signo = kSignals[random.Below(4)];
  if (made.sigev_notify == 4) made._sigev_un._tid = random.Chance(70) ? world.self : 0x3fffff;
  Note("{%d,%d}@", made.sigev_notify, made.sigev_signo);
  return Give(made);
}

uint64_t Iovec() {
  auto* made = &New<iovec>(4);
  Note("{");
  for (int i = 0; i < 4; ++i) {
    static const size_t kLengths[] = {0, 1, 3, 8, 100, 4096};
    made[i].iov_base = reinterpret_cast<void*>(kBuffers + 0x2000 * static_cast<uint64_t>(i));
    made[i].iov_len = kLengths[random.Below(6)];
    if (random.Chance(3)) made[i].iov_base = reinterpret_cast<void*>(0x1000);
    if (random.Chance(1)) made[i].iov_len = ~size_t{0};
    Note("%s%ld", reinterpret_cast<uint64_t>(made[i].iov_base) == 0x1000 ? "bad:" : "", static_cast<long>(made[i].iov_len));
    if (i != 3) Note(",");
  }
  Note("}@");
  return Give(*made, 4);
}

uint64_t SocketAddress() {
  auto& made = New<sockaddr_storage>();
  auto* in = reinterpret_cast<sockaddr_in*>(&made);
  auto* in6 = reinterpret_cast<sockaddr_in6*>(&made);
  auto* un = reinterpret_cast<sockaddr_un*>(&made);
  switch (random.Below(9)) {
    case 0:
    case 1:
      in->sin_family = AF_INET;
      in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      in->sin_port = htons(random.Chance(50) ? 4242 : 4243);
      Note("inet:%d", ntohs(in->sin_port));
      break;
    case 2:
      in->sin_family = AF_INET;
      in->sin_addr.s_addr = random.Chance(50) ? htonl(INADDR_ANY) : htonl(0x01020304);
      in->sin_port = htons(4244);
      Note("inet:%x:4244", ntohl(in->sin_addr.s_addr));
      break;
    case 3:
      in6->sin6_family = AF_INET6;
      in6->sin6_addr.s6_addr[15] = 1;
      in6->sin6_port = htons(4245);
      Note("inet6:4245");
      break;
    case 4:
    case 5: {
      static const char* const kNames[] = {"/sock", "new", "a", "/missing/x", "dir/new"};
      un->sun_family = AF_UNIX;
      std::strcpy(un->sun_path, kNames[random.Below(5)]);
      Note("unix:%s", un->sun_path);
      break;
    }
    case 6:
      un->sun_family = AF_UNIX;
      std::memcpy(un->sun_path, "\0abstract", 9);
      Note("unix:@abstract");
      break;
    case 7:
      made.ss_family = AF_UNSPEC;
      Note("unspec");
      break;
    default: made.ss_family = static_cast<sa_family_t>(random.Below(50)); Note("family %d", made.ss_family);
  }
  Note("@");
  return Give(made);
}
uint64_t AddressLength() {
  static const uint64_t kLengths[] = {16, 16, 16, 28, 110, 7, 10, 2, 3, 0, 8, 128, 129};
  const uint64_t value = kLengths[random.Below(13)];
  Note("%lu", static_cast<unsigned long>(value));
  return value;
}
uint64_t LengthPointer() {
  auto& made = New<int>();
  static const int kLengths[] = {16, 128, 110, 4, 2, 0, 8, -1};
  made = kLengths[random.Below(8)];
  Note("{%d}@", made);
  return Give(made, 1, true);
}
uint64_t MessageHeader() {
  auto& made = New<msghdr>();
  auto* iov = &New<iovec>(2);
  iov[0] = {reinterpret_cast<void*>(kBuffers), random.Below(40)};
  iov[1] = {reinterpret_cast<void*>(kBuffers + 0x2000), random.Below(100)};
  made.msg_iov = iov;
  made.msg_iovlen = random.Below(3);
  if (random.Chance(20)) {
    made.msg_name = &New<sockaddr_storage>();
    static_cast<sockaddr_storage*>(made.msg_name)->ss_family = AF_UNIX;
    made.msg_namelen = random.Chance(50) ? 128 : 10;
  }
  if (random.Chance(25)) {
    // A descriptor goes along.
    auto* control = &New<char>(64);
    auto* head = reinterpret_cast<cmsghdr*>(control);
    static const int kTypes[] = {SCM_RIGHTS, SCM_RIGHTS, SCM_CREDENTIALS, 99};
    head->cmsg_len = CMSG_LEN(4);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = kTypes[random.Below(4)];
    if (random.Chance(10)) head->cmsg_len = random.Below(30);
    const int fd = static_cast<int>(random.Below(40));
    std::memcpy(CMSG_DATA(head), &fd, 4);
    made.msg_control = control;
    made.msg_controllen = random.Chance(80) ? CMSG_SPACE(4) : random.Below(64);
    Note("control{%lu,%d,fd %d}%lu ", static_cast<unsigned long>(head->cmsg_len), head->cmsg_type, fd,
         static_cast<unsigned long>(made.msg_controllen));
  }
  Note("{%lu+%lu of %lu}@", static_cast<unsigned long>(iov[0].iov_len), static_cast<unsigned long>(iov[1].iov_len),
       static_cast<unsigned long>(made.msg_iovlen));
  return Give(made, 1, true);
}

uint64_t PollFds() {
  auto* made = &New<pollfd>(3);
  Note("{");
  for (int i = 0; i < 3; ++i) {
    made[i].fd = static_cast<int>(random.Below(36)) - 1;
    static const short kEvents[] = {POLLIN, POLLOUT, POLLIN | POLLOUT, POLLPRI, 0, POLLRDHUP, 0x7fff};
    made[i].events = kEvents[random.Below(7)];
    Note("%d:%x ", made[i].fd, static_cast<unsigned>(made[i].events));
  }
  Note("}@");
  return Give(*made, 3, true);
}
uint64_t FdSet() {
  if (random.Chance(30)) return Note("NULL"), 0;
  auto* made = &New<uint64_t>(16);
  for (uint64_t n = random.Below(4); n != 0; --n) made[0] |= uint64_t{1} << (3 + random.Below(31));
  Note("%#lx@", static_cast<unsigned long>(made[0]));
  return Give(*made, 16, true);
}
uint64_t EpollEvent() {
  auto& made = New<epoll_event>();
  static const uint32_t kEvents[] = {EPOLLIN, EPOLLOUT,   EPOLLIN | EPOLLET, EPOLLIN | EPOLLONESHOT, EPOLLIN | EPOLLEXCLUSIVE,
                                     0,       EPOLLRDHUP, EPOLLWAKEUP};
  made.events = kEvents[random.Below(8)];
  made.data.u64 = random.Below(1000);
  Note("{%x,%lu}@", made.events, static_cast<unsigned long>(made.data.u64));
  return Give(made);
}
uint64_t Rlimit() {
  auto& made = New<rlimit>();
  static const uint64_t kLimits[] = {100, 200, 256, 1 << 16, 1 << 20, 8 << 20, 60};
  made.rlim_cur = kLimits[random.Below(7)];
  made.rlim_max = random.Chance(50) ? made.rlim_cur : kLimits[random.Below(7)];
  Note("{%lu,%lu}@", static_cast<unsigned long>(made.rlim_cur), static_cast<unsigned long>(made.rlim_max));
  return Give(made);
}
uint64_t SemOps() {
  auto* made = &New<sembuf>(2);
  for (int i = 0; i < 2; ++i) {
    made[i].sem_num = static_cast<unsigned short>(random.Below(4));
    made[i].sem_op = static_cast<short>(static_cast<int>(random.Below(4)) - 1);
    made[i].sem_flg = static_cast<short>(IPC_NOWAIT | (random.Chance(30) ? SEM_UNDO : 0));
    Note("{%d,%d,%o}", made[i].sem_num, made[i].sem_op, static_cast<unsigned>(made[i].sem_flg));
  }
  Note("@");
  return Give(*made, 2);
}
uint64_t MessageText() {
  struct Text {
    int64_t type;
    char text[120];
  };
  auto& made = New<Text>();
  made.type = static_cast<int64_t>(random.Below(4)) - (random.Chance(5) ? 1 : 0);
  std::strcpy(made.text, "message");
  Note("{%ld}@", static_cast<long>(made.type));
  return Give(made, 1, true);
}
uint64_t OpenHow() {
  auto& made = New<open_how>();
  made.flags = OpenFlags();
  if ((made.flags & O_CREAT) != 0 || random.Chance(5)) made.mode = random.Chance(95) ? 0640 : 0x10000;
  static const uint64_t kResolve[] = {RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS, 0x40};
  for (int i = 0; i < 6; ++i) {
    if (random.Chance(i == 5 ? 2 : 15)) made.resolve |= kResolve[i];
  }
  Note("{mode %#lo, resolve %#lx}@", static_cast<unsigned long>(made.mode), static_cast<unsigned long>(made.resolve));
  return Give(made);
}
uint64_t SchedParam() {
  auto& made = New<int>();
  static const int kPriorities[] = {0, 0, 0, 1, 50, 99, 100, -1};
  made = kPriorities[random.Below(8)];
  Note("{%d}@", made);
  return Give(made);
}
uint64_t SchedAttr() {
  auto& made = New<tests::SchedAttr>();
  static const uint32_t kSizes[] = {48, 56, 0, 40, 200};
  static const uint32_t kPolicies[] = {SCHED_OTHER, SCHED_BATCH, SCHED_IDLE, SCHED_FIFO, 9};
  made.size = random.Chance(80) ? 48 : kSizes[random.Below(5)];
  made.policy = kPolicies[random.Below(5)];
  made.nice = static_cast<int32_t>(random.Below(25));
  made.priority = random.Chance(80) ? 0 : 1;
  made.flags = random.Chance(90) ? 0 : uint64_t{1} << random.Below(9);
  Note("{%u,%u,%lx,%d,%u}@", made.size, made.policy, static_cast<unsigned long>(made.flags), made.nice, made.priority);
  return Give(made);
}
uint64_t CapHeader() {
  auto* made = &New<uint32_t>(2);
  static const uint32_t kVersions[] = {_LINUX_CAPABILITY_VERSION_3, _LINUX_CAPABILITY_VERSION_3, _LINUX_CAPABILITY_VERSION_1,
                                       _LINUX_CAPABILITY_VERSION_2, 7};
  made[0] = kVersions[random.Below(5)];
  made[1] = random.Chance(80) ? 0 : 0x3fffff;
  Note("{%x,%s}@", made[0], made[1] == 0 ? "0" : "nobody");
  return Give(*made, 2, true);
}
uint64_t CapData() {
  auto* made = &New<uint32_t>(6);
  static const uint32_t kSets[] = {0, ~0u, 0xff, 0x200000, 0x1};
  for (int i = 0; i < 3; ++i) made[i] = kSets[random.Below(5)];
  Note("{%x,%x,%x}@", made[0], made[1], made[2]);
  return Give(*made, 6, true);
}
uint64_t Groups() {
  auto* made = &New<uint32_t>(4);
  for (int i = 0; i < 4; ++i) made[i] = static_cast<uint32_t>(random.Below(3) * 500);
  if (random.Chance(5)) made[1] = ~0u;
  Note("{%u,%u,%u}@", made[0], made[1], made[2]);
  return Give(*made, 4, true);
}
uint64_t OffsetPointer() {
  if (random.Chance(50)) return Note("NULL"), 0;
  auto& made = New<int64_t>();
  static const int64_t kOffsets[] = {0, 0, 5, 100, 4999, 6000, -1};
  made = kOffsets[random.Below(7)];
  Note("{%ld}@", static_cast<long>(made));
  return Give(made, 1, true);
}
uint64_t IntPointer() {
  auto& made = New<int>();
  made = static_cast<int>(random.Below(5));
  Note("{%d}@", made);
  return Give(made, 1, true);
}
uint64_t QueueAttributes() {
  auto& made = New<mq_attr>();
  made.mq_flags = random.Chance(70) ? O_NONBLOCK : 0;
  made.mq_maxmsg = static_cast<long>(random.Below(12));
  made.mq_msgsize = static_cast<long>(random.Below(200));
  Note("{%lx,%ld,%ld}@", made.mq_flags, made.mq_maxmsg, made.mq_msgsize);
  return Give(made, 1, true);
}

uint64_t FcntlArgument() {
  switch (made_args[1]) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC: return NewFd();
    case F_SETFD: return FlagsOf<FD_CLOEXEC>();
    case F_SETFL: return FlagsOf<O_APPEND, O_NONBLOCK, O_NONBLOCK, O_NONBLOCK, O_RDWR, O_NOATIME>();
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: {
      auto& made = New<struct flock>();
      static const short kTypes[] = {F_RDLCK, F_WRLCK, F_UNLCK, 5}, kWhence[] = {SEEK_SET, SEEK_CUR, SEEK_END, 7};
      made.l_type = kTypes[random.Below(random.Chance(90) ? 3 : 4)];
      made.l_whence = kWhence[random.Below(random.Chance(90) ? 3 : 4)];
      made.l_start = static_cast<off_t>(random.Below(20)) - 2;
      made.l_len = static_cast<off_t>(random.Below(20)) - 2;
      made.l_pid = random.Chance(95) ? 0 : 1;
      Note("{%d,%d,%ld,%ld}@", made.l_type, made.l_whence, made.l_start, made.l_len);
      return Give(made, 1, true);
    }
    case F_SETPIPE_SZ: return Only<4096, 8192, 65536, 0, 5000, 1 << 20, 1 << 21>();
    case F_ADD_SEALS: return FlagsOf<F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_SEAL, 0x10>();
    case F_SETOWN: return Process();
    case F_SETSIG: return Signal();
    default: return Int();
  }
}
uint64_t IoctlArgument() {
  if (made_args[1] == FIOCLEX || made_args[1] == FIONCLEX) return Note("0"), 0;
  auto* made = &New<int>(16);
  made[0] = random.Chance(70) ? 1 : 0;
  Note("{%d}@", made[0]);
  return Give(*made, 16, true);
}
uint64_t OptionValue() {
  auto* made = &New<int>(4);
  static const int kValues[] = {0, 1, 1, 2, 100, 5000, -1, 1 << 20};
  made[0] = kValues[random.Below(8)];
  made[1] = random.Chance(50) ? 0 : 1;
  Note("{%d,%d}@", made[0], made[1]);
  return Give(*made, 4, true);
}
uint64_t XattrArgs() {
  struct Args {
    uint64_t value;
    uint32_t size, flags;
  };
  auto& made = New<Args>();
  made.value = kBuffers;
  made.size = static_cast<uint32_t>(random.Below(50));
  made.flags = random.Chance(70) ? 0 : static_cast<uint32_t>(random.Below(4));
  Note("{%u,%u}@", made.size, made.flags);
  return Give(made);
}
uint64_t BigOut() {
  auto* made = &New<char>(1024);
  return Give(*made, 1024, true);
}

}  // namespace ringwall::random_calls
