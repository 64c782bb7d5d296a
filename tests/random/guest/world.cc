// The surroundings of an episode: memory, descriptors of every kind, files, a child; and what is said about them at its end.
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "tests/random/guest/guest.h"

namespace ringwall::random_calls {

World world;
uint64_t made_args[6];

int64_t RawCall(uint64_t number, const uint64_t (&a)[6]) {
  int64_t result;
  register uint64_t r10 asm("r10") = a[3];
  register uint64_t r8 asm("r8") = a[4];
  register uint64_t r9 asm("r9") = a[5];
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

namespace {

volatile uint32_t g_caught[65];
void OnSignal(int signal) { g_caught[signal & 63] = g_caught[signal & 63] + 1; }

char g_notes[2048];
size_t g_notes_length;

// To a number of its own: every episode has the same descriptors at the same places.
void Place(int fd, int at) {
  if (fd < 0) {
    Say("world: descriptor %d is missing: %d\n", at, errno);
    return;
  }
  if (fd == at) return;
  dup2(fd, at);
  close(fd);
}
void PlacePair(const int (&fds)[2], int one, int two) {
  // Both are lower than where they go.
  Place(fds[1], two);
  Place(fds[0], one);
}

void MakeMemory() {
  const auto map = [](uint64_t at, size_t length, int prot, int flags, int fd) {
    mmap(reinterpret_cast<void*>(at), length, prot, flags | MAP_FIXED, fd, 0);
  };
  constexpr int kBoth = PROT_READ | PROT_WRITE, kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
  map(kBuffers, kBufferBytes, kBoth, kPrivate, -1);
  map(kReadOnly, kPage, PROT_READ, kPrivate, -1);
  map(kStructs, kStructBytes, kBoth, kPrivate, -1);
  map(kPlayground, 16 * kPage, kBoth, kPrivate, -1);
  map(kPlayground + 16 * kPage, 16 * kPage, kBoth, MAP_SHARED | MAP_ANONYMOUS, -1);
  map(kPlayground + 32 * kPage, 8 * kPage, kBoth, MAP_SHARED, 17);
  map(kPlayground + 40 * kPage, 4 * kPage, PROT_READ, MAP_PRIVATE, 3);
  std::memset(reinterpret_cast<void*>(kPlayground), 'p', 16 * kPage);
}

void MakeFiles() {
  const auto file = [](const char* name, size_t size, int mode) {
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);
    char bytes[1000];
    for (size_t i = 0; i < sizeof bytes; ++i) bytes[i] = static_cast<char>('a' + i % 26);
    for (size_t done = 0; done < size;) {
      const ssize_t n = write(fd, bytes, size - done < sizeof bytes ? size - done : sizeof bytes);
      if (n <= 0) break;
      done += static_cast<size_t>(n);
    }
    close(fd);
  };
  umask(0);
  mkdir("dir", 0755), mkdir("dir/sub", 0777), mkdir("open", 01777), mkdir("mnt", 0755), mkdir("closed", 0700);
  file("a", 5000, 0644), file("b", 10, 0666), file("dir/c", 100, 0644), file("closed/d", 1, 0600), file("own", 9000, 0644);
  file("suid", 3, 06755), file("open/e", 20, 0666);
  if (symlink("a", "link") != 0 || symlink("loop", "loop") != 0 || symlink("/dir", "dirlink") != 0 || symlink("nothing", "dangling") != 0)
    return;
  mkfifo("fifo", 0666);
  if (chown("own", 1000, 1000) != 0 || chown("open/e", 1000, 1000) != 0 || chown("dir/sub", 1000, 100) != 0) return;
  umask(022);
}

int Listener(int family) {
  const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(4242);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::strcpy(un.sun_path, "/sock");
  if (family == AF_INET)
    (void)bind(fd, reinterpret_cast<sockaddr*>(&in), sizeof in);
  else
    (void)bind(fd, reinterpret_cast<sockaddr*>(&un), sizeof un);
  listen(fd, 4);
  return fd;
}

void MakeDescriptors() {
  Place(open("a", O_RDWR), 3);
  Place(open("a", O_RDONLY), 4);
  Place(open("b", O_WRONLY | O_APPEND), 5);
  Place(open("dir", O_RDONLY | O_DIRECTORY), 6);
  int pair[2];
  if (pipe2(pair, O_NONBLOCK) == 0) Place(dup2(pair[1], 50), 8), Place(dup2(pair[0], 50), 7);
  for (const int fd : {pair[0], pair[1]}) {
    if (fd != 7 && fd != 8) close(fd);
  }
  const auto sockets = [](int type, int one, int two) {
    int ends[2];
    if (socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, ends) != 0) return;
    dup2(ends[0], 51), dup2(ends[1], 52);
    close(ends[0]), close(ends[1]);
    PlacePair({51, 52}, one, two);
  };
  sockets(SOCK_STREAM, 9, 10);
  sockets(SOCK_DGRAM, 11, 12);
  sockets(SOCK_SEQPACKET, 13, 14);
  Place(dup2(eventfd(3, EFD_NONBLOCK), 51), 15);
  Place(timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), 16);
  Place(memfd_create("memory", MFD_ALLOW_SEALING), 17);
  if (ftruncate(17, 40000) != 0) Say("world: no memfd\n");
  Place(epoll_create1(0), 18);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  Place(signalfd(-1, &set, SFD_NONBLOCK), 19);
  Place(inotify_init1(IN_NONBLOCK), 20);
  inotify_add_watch(20, "dir", IN_ALL_EVENTS);
  Place(open("a", O_PATH), 21);
  Place(open("/", O_PATH | O_DIRECTORY), 22);
  Place(Listener(AF_UNIX), 23);
  Place(Listener(AF_INET), 24);
  Place(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), 25);
  Place(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), 26);
  Place(socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0), 27);
  Place(open("fifo", O_RDWR | O_NONBLOCK), 28);
  Place(static_cast<int>(syscall(SYS_pidfd_open, world.child, 0)), 29);
  mq_attr attributes{};
  attributes.mq_maxmsg = 4;
  attributes.mq_msgsize = 64;
  Place(static_cast<int>(syscall(SYS_mq_open, "queue", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attributes)), 30);
  Place(open("own", O_RDWR), 31);
  Place(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), 32);
  Place(open("open/e", O_RDWR | O_CLOEXEC), 33);
  epoll_event event{.events = EPOLLIN, .data = {.u64 = 77}};
  epoll_ctl(18, EPOLL_CTL_ADD, 7, &event);
  (void)!write(8, "pipe bytes", 10);
  (void)!write(10, "stream bytes", 12);
  (void)!write(12, "datagram", 8);
}

pid_t SleepingChild() {
  const pid_t child = fork();
  if (child == 0) {
    for (int fd = 0; fd < 3; ++fd) close(fd);
    for (;;) pause();
  }
  return child;
}

// What of a descriptor's state does not depend on the machine.
void SayDescriptor(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0) return;
  struct stat info {};
  fstat(fd, &info);
  const bool seekable = S_ISREG(info.st_mode);
  Say("fd %d fl=%o fd=%d mode=%o size=%ld at=%ld\n", fd, flags, fcntl(fd, F_GETFD), info.st_mode,
      seekable ? static_cast<long>(info.st_size) : 0L, seekable ? static_cast<long>(lseek(fd, 0, SEEK_CUR)) : 0L);
}

uint64_t HashOf(uint64_t start, uint64_t end) {
  uint64_t hash = 14695981039346656037ull;
  for (const auto* at = reinterpret_cast<const uint64_t*>(start); at < reinterpret_cast<const uint64_t*>(end); ++at)
    hash = (hash ^ *at) * 1099511628211ull;
  return hash;
}
void ResetMemory() {
  std::memset(reinterpret_cast<void*>(kStructs), 0, kStructBytes);
  auto* words = reinterpret_cast<uint64_t*>(kBuffers);
  for (size_t i = 0; i < kBufferBytes / 8; ++i) words[i] = 0x6867666564636261ull;
}

void SayResult(const CallRow& row, int64_t result, uint64_t before) {
  char text[48];
  if (result < 0 && result >= -4095) {
    std::snprintf(text, sizeof text, "-%s",
                  strerrorname_np(static_cast<int>(-result)) != nullptr ? strerrorname_np(static_cast<int>(-result)) : "private");
  } else {
    switch (row.kind) {
      case Kind::kIgnored: std::snprintf(text, sizeof text, "ok"); break;
      case Kind::kShm:
      case Kind::kSem:
      case Kind::kMsg: std::snprintf(text, sizeof text, "id"); break;
      case Kind::kAddress: {
        const auto at = static_cast<uint64_t>(result);
        if (at >= kBuffers && at < kPlayground + (1 << 30))
          std::snprintf(text, sizeof text, "memory+%lx", static_cast<unsigned long>(at - kBuffers));
        else if (at >= world.brk && at - world.brk < 0x1000000)
          std::snprintf(text, sizeof text, "brk+%lx", static_cast<unsigned long>(at - world.brk));
        else
          std::snprintf(text, sizeof text, "elsewhere");
        break;
      }
      case Kind::kBirth:
      case Kind::kPid:
        std::snprintf(text, sizeof text, "%s", result == world.self ? "self" : result == world.child ? "child" : result == 0 ? "0" : "pid");
        break;
      default: std::snprintf(text, sizeof text, "%ld", static_cast<long>(result));
    }
  }
  const uint64_t after = row.compare ? HashOf(kBuffers, kBuffers + kBufferBytes) ^ HashOf(kStructs, kStructs + kStructBytes) * 31 : before;
  Say("call %s(%s) = %s", row.name, Notes(), text);
  if (after != before) Say(" wrote %lx", static_cast<unsigned long>(after));
  Say("\n");
}

// Until the child that has been given a deadly signal is dead, or the one that has just been born: when that is, is a matter of luck.
void AwaitDeath(pid_t child) {
  for (int i = 0; i < 200; ++i) {
    siginfo_t info{};
    const long result = syscall(SYS_waitid, P_PID, child, &info, WEXITED | WNOWAIT | WNOHANG | __WALL, nullptr);
    if (result != 0 || info.si_pid != 0) return;
    const timespec nap{0, 1'000'000};
    syscall(SYS_nanosleep, &nap, nullptr);
  }
}
bool SignalsAnother(const CallRow& row, const uint64_t (&args)[6]) {
  const auto to = static_cast<pid_t>(args[0]);
  switch (row.number) {
    case SYS_kill: return (to == world.child || to <= 0) && args[1] != 0;
    case SYS_tkill: return to == world.child && args[1] != 0;
    case SYS_tgkill: return to == world.child && args[2] != 0;
    case SYS_rt_sigqueueinfo: return to == world.child && args[1] != 0;
    case SYS_rt_tgsigqueueinfo: return to == world.child && args[2] != 0;
    case SYS_pidfd_send_signal: return args[1] != 0;
    default: return false;
  }
}

// After a call: what must not last.
void CleanUp(const CallRow& row, int64_t result, const uint64_t (&args)[6]) {
  const bool good = result >= 0 || result < -4095;
  if (!good) return;
  if (row.kind == Kind::kBirth) AwaitDeath(static_cast<pid_t>(result));
  if (SignalsAnother(row, args)) {
    const uint64_t signal = args[row.number == SYS_tgkill || row.number == SYS_rt_tgsigqueueinfo ? 2 : 1];
    if (signal != SIGCHLD && signal != SIGURG && signal != SIGWINCH && signal != SIGCONT) AwaitDeath(world.child);
  }
  const auto at = static_cast<uint64_t>(result);
  if (row.kind == Kind::kShm) world.shm = static_cast<int32_t>(result);
  if (row.kind == Kind::kSem) world.sem = static_cast<int32_t>(result);
  if (row.kind == Kind::kMsg) world.msg = static_cast<int32_t>(result);
  if (row.number == SYS_inotify_add_watch) world.watch = static_cast<int32_t>(result);
  if (row.kind == Kind::kAddress && row.number != SYS_brk && (at < kBuffers || at >= kPlayground + (1 << 30))) {
    if (row.number == SYS_shmat)
      syscall(SYS_shmdt, at);
    else if (row.number == SYS_mmap)
      munmap(reinterpret_cast<void*>(at), args[1]);
    else if (row.number == SYS_mremap)
      munmap(reinterpret_cast<void*>(at), args[2]);
  }
}

size_t Pick(unsigned total) {
  uint64_t left = random.Below(total);
  for (size_t i = 0;; ++i) {
    if (left < kCalls[i].weight) return i;
    left -= kCalls[i].weight;
  }
}

}  // namespace

void Note(const char* format, ...) {
  va_list list;
  va_start(list, format);
  const int n = vsnprintf(g_notes + g_notes_length, sizeof g_notes - g_notes_length, format, list);
  va_end(list);
  if (n > 0)
    g_notes_length =
        g_notes_length + static_cast<size_t>(n) < sizeof g_notes ? g_notes_length + static_cast<size_t>(n) : sizeof g_notes - 1;
}
const char* Notes() { return g_notes; }
void ResetNotes() { g_notes[g_notes_length = 0] = 0; }

void BuildWorld(bool privileged) {
  for (int fd = 0; fd < 3; ++fd) {
    close(fd);
    open("/nothing", O_RDONLY | O_CREAT, 0600);
  }
  unlink("/nothing");
  world.self = static_cast<pid_t>(syscall(SYS_gettid));
  world.child = SleepingChild();
  MakeFiles();
  MakeDescriptors();
  MakeMemory();
  world.brk = static_cast<uint64_t>(syscall(SYS_brk, 0));
  struct sigaction action {};
  action.sa_handler = OnSignal;
  for (int i = 1; i <= 64; ++i) {
    // The signals of faults end the process: its own code is wrong then.
    if (i != SIGSEGV && i != SIGBUS && i != SIGILL && i != SIGFPE) sigaction(i, &action, nullptr);
  }
  const auto limit = [](int which, rlim_t soft, rlim_t hard) {
    const rlimit both{soft, hard};
    setrlimit(static_cast<__rlimit_resource>(which), &both);
  };
  limit(RLIMIT_NOFILE, 256, 512);
  limit(RLIMIT_FSIZE, 1 << 20, 2 << 20);
  limit(RLIMIT_NPROC, 300, 300);
  limit(RLIMIT_MEMLOCK, 1 << 16, 1 << 16);
  limit(RLIMIT_CORE, 0, 0);
  limit(RLIMIT_SIGPENDING, 100, 100);
  limit(RLIMIT_MSGQUEUE, 100000, 100000);
  limit(RLIMIT_NICE, 0, 0);
  limit(RLIMIT_RTPRIO, 0, 0);
  limit(RLIMIT_STACK, 8 << 20, 8 << 20);
  if (!privileged) {
    const gid_t groups[] = {1000, 100};
    if (syscall(SYS_setgroups, 2, groups) != 0 || syscall(SYS_setresgid, 1000, 1000, 1000) != 0 ||
        syscall(SYS_setresuid, 1000, 1000, 1000) != 0)
      Say("world: cannot become a user\n");
  }
}

void SayState() {
  for (int fd = 0; fd < 60; ++fd) SayDescriptor(fd);
  const auto mask = umask(0);
  uid_t ids[6] = {};
  syscall(SYS_getresuid, ids, ids + 1, ids + 2);
  syscall(SYS_getresgid, ids + 3, ids + 4, ids + 5);
  uint64_t blocked = 0, pending = 0;
  syscall(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, &blocked, 8);
  syscall(SYS_rt_sigpending, &pending, 8);
  char cwd[512] = {};
  syscall(SYS_getcwd, cwd, sizeof cwd);
  Say("state umask=%o uids=%u,%u,%u gids=%u,%u,%u blocked=%lx pending=%lx cwd=%s\n", mask, ids[0], ids[1], ids[2], ids[3], ids[4], ids[5],
      static_cast<unsigned long>(blocked), static_cast<unsigned long>(pending), cwd);
  for (int i = 0; i < 16; ++i) {
    rlimit both{};
    getrlimit(static_cast<__rlimit_resource>(i), &both);
    Say("limit %d %lx %lx\n", i, static_cast<unsigned long>(both.rlim_cur), static_cast<unsigned long>(both.rlim_max));
  }
  uint32_t header[2] = {0x20080522, 0}, caps[6] = {};
  syscall(SYS_capget, header, caps);
  Say("caps %x,%x,%x %x,%x,%x dumpable=%d keep=%d nnp=%d securebits=%x name=", caps[0], caps[1], caps[2], caps[3], caps[4], caps[5],
      prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0),
      static_cast<unsigned>(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0)));
  char name[17] = {};
  prctl(PR_GET_NAME, name, 0, 0, 0);
  Say("%s\n", name);
  for (int i = 1; i < 64; ++i) {
    if (g_caught[i] != 0 && i != SIGALRM) Say("caught %d %u times\n", i, g_caught[i]);
  }
  // The playground, page by page: gone, or with which contents.
  for (uint64_t page = 0; page < kPlaygroundPages; ++page) {
    const uint64_t at = kPlayground + page * kPage;
    unsigned char resident;
    if (syscall(SYS_mincore, at, kPage, &resident) != 0) continue;
    // A write of the page's first bytes to nobody says whether it can be read.
    int ends[2];
    if (pipe(ends) != 0) break;
    const ssize_t n = write(ends[1], reinterpret_cast<const void*>(at), 8);
    char bytes[9] = {};
    if (n == 8) (void)!read(ends[0], bytes, 8);
    close(ends[0]), close(ends[1]);
    Say("page %lu %s %02x\n", static_cast<unsigned long>(page), n == 8 ? "r" : "-", static_cast<unsigned char>(bytes[0]));
  }
}

void RunEpisode(uint64_t seed, unsigned calls) {
  random.Seed(seed);
  const bool privileged = random.Chance(50);
  Say("world %s\n", privileged ? "root" : "user");
  BuildWorld(privileged);
  unsigned total = 0;
  for (size_t i = 0; i < kCallCount; ++i) total += kCalls[i].weight;
  for (unsigned n = 0; n < calls; ++n) {
    const CallRow& row = kCalls[Pick(total)];
    ResetNotes();
    ResetMemory();
    NewStruct(0);
    std::memset(made_args, 0, sizeof made_args);
    for (int i = 0; i < 6 && row.makers[i] != nullptr; ++i) {
      if (i != 0) Note(", ");
      const uint64_t value = row.makers[i]();
      made_args[i] = value;
    }
    uint64_t args[6];
    std::memcpy(args, made_args, sizeof args);
    const uint64_t before = row.compare ? HashOf(kBuffers, kBuffers + kBufferBytes) ^ HashOf(kStructs, kStructs + kStructBytes) * 31 : 0;
    // Should it be the last one: what was asked stands in the trace.
    Say("try %s(%s)\n", row.name, Notes());
    shared->progress.fetch_add(1);
    const int64_t result = RawCall(row.number, args);
    shared->progress.fetch_add(1);
    if (row.kind == Kind::kBirth && result == 0 && syscall(SYS_gettid) != world.self) _exit(static_cast<int>(seed & 63));
    SayResult(row, result, before);
    CleanUp(row, result, args);
  }
  SayState();
}

}  // namespace ringwall::random_calls
