// What the systrap platform keeps within reach of guest code: contexts rewritten under the handler's hands, frames that no signal made,
// code and trampolines overwritten. Where there is no handler these are faults.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iterator>

#include "tests/security/guest/handler.h"

namespace ringwall::hostile {
namespace {

// ---- contexts ---------------------------------------------------------------------------------------------------------------------

// A thread that asks for all that travels through a context: paths and structures in, results out, memory, births, signals.
void* Customer(void*) {
  g_told->context = OwnContext();
  g_told->began = true;
  for (uint64_t turn = 0;; ++turn) {
    struct stat status;
    char text[32];
    for (int i = 0; i < 20; ++i) syscall(SYS_getppid);
    stat("/proc/self/stat", &status);
    const int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    (void)!read(fd, text, sizeof(text));
    close(fd);
    const timespec moment{0, 1000};
    nanosleep(&moment, nullptr);
    auto* at = static_cast<volatile char*>(mmap(nullptr, 8 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (at != MAP_FAILED) at[kPage] = 1;
    mprotect(const_cast<char*>(at), kPage, PROT_READ);
    munmap(const_cast<char*>(at), 8 * kPage);
    uint32_t word = 1;
    syscall(SYS_futex, &word, 0 /*FUTEX_WAIT*/, 0, nullptr, nullptr, 0);
    if (turn % 8 == 0) {
      const pid_t child = fork();
      if (child == 0) _exit(0);
    }
    if (turn % 8 == 4) {
      pthread_t thread;
      if (pthread_create(
              &thread, nullptr, [](void* p) { return p; }, nullptr) == 0)
        pthread_join(thread, nullptr);
    }
    if (turn % 4 == 2) kill(getpid(), SIGWINCH);
  }
}

// What a field might believe.
uint64_t Value(Random& random, uint64_t context) {
  switch (random.Below(12)) {
    case 0: return 0;
    case 1: return ~uint64_t{0};
    case 2: return random.Below(6);
    case 3: return context + random.Below(systrap::kContextBytes);
    case 4: return systrap::kCodeAddress + random.Below(systrap::kCodeBytes);
    case 5: return systrap::kContextsAddress + random.Below(64 * systrap::kContextBytes);
    case 6: return uint64_t{1} << random.Below(64);
    case 7: return systrap::kEnd - random.Below(kPage);
    case 8: return systrap::kBroughtOffset + random.Below(systrap::kContextBytes);
    case 9: return SYS_mmap;
    case 10: return random.Below(0x10008);
    default: return random.Next();
  }
}

// Only one part, or a first wrong byte in the head would hide what the others do.
struct Part {
  const char* what;
  uint64_t start, bytes;
};
constexpr Part kParts[] = {
    {"requests", offsetof(systrap::Context, asked), 16},
    {"frame and bases", offsetof(systrap::Context, frame), 24},
    {"notes about sleep", offsetof(systrap::Context, asleep), 24},
    {"answers", offsetof(systrap::Context, answered), 16},
    {"new bases", offsetof(systrap::Context, new_fs_base), 16},
    {"operations", offsetof(systrap::Context, ops), sizeof(systrap::Op) * systrap::kMaxOps},
    {"rewritten calls", offsetof(systrap::Context, mark), offsetof(systrap::Context, brought_count) - offsetof(systrap::Context, mark)},
    {"what came along", offsetof(systrap::Context, brought_count), sizeof(systrap::Context) - offsetof(systrap::Context, brought_count)},
    {"strings", systrap::kBroughtOffset, systrap::kBroughtBytes},
    {"window", systrap::kWindowOffset, systrap::kWindowBytes},
    {"stack", systrap::kStackOffset, systrap::kStackBytes},
    {"everything", 0, systrap::kContextBytes},
};

struct Scribble {
  const Part* part;
  uint64_t seed;
  uint64_t gap;  // turns between two stores
};

void ScribbleOver(void* argument) {
  const auto* how = static_cast<const Scribble*>(argument);
  // Its own faults are for the customer, which dies of them.
  signal(SIGCHLD, SIG_IGN);
  pthread_t customer;
  if (pthread_create(&customer, nullptr, Customer, nullptr) != 0) _exit(1);
  while (!g_told->began) usleep(100);
  const uint64_t context = g_told->context;
  if (context == 0) _exit(3);
  Random random(how->seed);
  usleep(2000);  // the customer is in the middle of its calls by then; earlier is no failure
  timespec start{}, now{};
  clock_gettime(CLOCK_MONOTONIC, &start);
  do {
    for (int i = 0; i < 100; ++i) {
      const uint64_t at = context + how->part->start + (random.Below(how->part->bytes) & ~uint64_t{3});
      const uint64_t value = Value(random, context);
      if ((at & 7) == 0 && random.Below(2) == 0) {
        *reinterpret_cast<volatile uint64_t*>(at) = value;
      } else {
        *reinterpret_cast<volatile uint32_t*>(at) = static_cast<uint32_t>(value);
      }
      for (uint64_t wait = 0; wait < how->gap; ++wait) asm volatile("pause");
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while ((now.tv_sec - start.tv_sec) * 1'000'000'000 + now.tv_nsec - start.tv_nsec < 120'000'000);
}

const Mode contexts("handler-contexts", [](int argc, char** argv) {
  ShareTold();
  if (!HandlerIsHere()) {
    std::puts("no handler here");
    return 0;
  }
  const int rounds = argc > 0 ? std::atoi(argv[0]) : 4;
  unsigned deaths = 0, lives = 0;
  for (int round = 0; round < rounds; ++round) {
    for (const Part& part : kParts) {
      for (const uint64_t gap : {10'000, 100}) {
        Scribble how{&part, static_cast<uint64_t>(round) * 64 + static_cast<uint64_t>(&part - kParts) + gap, gap};
        g_told->began = false;
        g_told->context = 0;
        const int status = Sacrifice(ScribbleOver, &how, 5);
        HOSTILE_REQUIRE(!(WIFEXITED(status) && WEXITSTATUS(status) == 3), "%s: the context was not found", part.what);
        ++(WIFSIGNALED(status) ? deaths : lives);
      }
      Canary();
    }
  }
  std::printf("%u attackers died, %u did not\n", deaths, lives);
  return 0;
});

// ---- frames -----------------------------------------------------------------------------------------------------------------------

[[noreturn]] void Compute() {
  for (volatile uint64_t turns = 0;;) turns = turns + 1;
}

[[noreturn]] void Finish() {
  for (;;) syscall(SYS_exit_group, 0);
}

struct FakeFrame {
  uint64_t seed;
  bool deaf;
};

// rt_sigreturn(2) of the host with a frame of our own: nobody ever made it.
void LeaveByFrame(void* argument) {
  const auto* how = static_cast<const FakeFrame*>(argument);
  Random random(how->seed);
  const std::vector<uint64_t> instructions = Instructions();
  // On our stack, or where the handler's own frames are.
  uint64_t at = reinterpret_cast<uint64_t>(g_stacks[2]) + kPage;
  if (!how->deaf && random.Below(3) == 0) at = OwnContext() + systrap::kStackOffset + 64 * random.Below(200);
  auto* frame = reinterpret_cast<systrap::SignalFrame*>(at);
  std::memset(frame, 0, sizeof(*frame));
  auto& c = frame->context;
  c.rip = how->deaf ? reinterpret_cast<uint64_t>(&Compute) : reinterpret_cast<uint64_t>(&Finish);
  c.rsp = reinterpret_cast<uint64_t>(g_stacks[3]) + 2 * kPage - 8;
  c.eflags = 0x202;
  c.cs = 0x33, c.ss = 0x2b;
  frame->mask = how->deaf ? ~uint64_t{0} : random.Next();
  if (!how->deaf) {
    const uint64_t places[] = {systrap::kCodeAddress + random.Below(systrap::kCodeBytes),
                               0xffffffff81000000,
                               uint64_t{1} << 47,
                               0,
                               systrap::kFirstCallAddress,
                               at};
    if (random.Below(2) == 0) c.rip = places[random.Below(std::size(places))];
    if (random.Below(4) == 0) c.rsp = random.Below(2) == 0 ? random.Next() : systrap::kContextsAddress;
    if (random.Below(4) == 0) c.eflags = random.Next();
    if (random.Below(4) == 0) c.cs = static_cast<uint16_t>(random.Next());
    if (random.Below(4) == 0) c.ss = static_cast<uint16_t>(random.Next());
    if (random.Below(3) == 0) c.fp_state = random.Below(2) == 0 ? at + 512 : random.Next();
    if (random.Below(4) == 0) frame->flags = random.Next();
    if (random.Below(4) == 0) frame->stack_address = random.Next(), frame->stack_bytes = random.Next() & 0xffffff;
    c.rax = random.Below(512), c.rdi = Value(random, at), c.rsi = Value(random, at), c.rdx = Value(random, at);
  }
  Registers r{};
  r.rip = instructions.empty() ? systrap::kCodeAddress : instructions[random.Below(instructions.size())];
  r.rsp = at;
  r.rax = SYS_rt_sigreturn;
  g_told->began = true;
  Enter(&r);
}

const Mode frames("handler-frames", [](int argc, char** argv) {
  ShareTold();
  const int rounds = argc > 0 ? std::atoi(argv[0]) : 100;
  for (int i = 0; i < rounds; ++i) {
    FakeFrame how{static_cast<uint64_t>(i), false};
    Sacrifice(LeaveByFrame, &how, 1);
    if (i % 16 == 0) Canary();
  }
  // Deaf to every signal of the host's: SIGKILL still ends it.
  FakeFrame deaf{1, true};
  const int status = Sacrifice(LeaveByFrame, &deaf, 1);
  HOSTILE_REQUIRE(WIFSIGNALED(status), "a deaf process: status %x", status);
  Canary();
  return 0;
});

// Computes, deaf to the host's signals, in a session of its own, and says so first. For a look from outside after the sentry's death.
const Mode deaf("handler-deaf", [](int, char**) {
  ShareTold();
  for (int i = 0; i < 2; ++i) {
    g_told->began = false;
    const pid_t child = fork();
    HOSTILE_REQUIRE(child >= 0, "fork: %s", std::strerror(errno));
    if (child == 0) {
      setsid();
      if (!HandlerIsHere()) {
        g_told->began = true;
        Compute();
      }
      FakeFrame how{1, true};
      LeaveByFrame(&how);
    }
    while (!g_told->began) usleep(1000);
  }
  usleep(50'000);  // the last one is deaf by then; nothing can tell, and earlier is no failure
  std::puts("ready");
  std::fflush(stdout);
  for (;;) pause();
  return 0;
});

// ---- the handler's code and data, and trampolines ----------------------------------------------------------------------------------

struct Place {
  uint64_t at;
  int how;
};

long HotCall() { return syscall(SYS_getppid); }

// By every way in which a program can change memory.
void Change(void* argument) {
  const auto* place = static_cast<const Place*>(argument);
  void* at = reinterpret_cast<void*>(place->at);
  const iovec local{g_stacks[0], kPage}, remote{at, kPage};
  std::memset(g_stacks[0], 0xcc, kPage);
  switch (place->how) {
    case 0: mprotect(at, kPage, PROT_READ | PROT_WRITE | PROT_EXEC); break;
    case 1: munmap(at, kPage); break;
    case 2: mmap(at, kPage, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0); break;
    case 3: madvise(at, kPage, MADV_DONTNEED); break;
    case 4: mremap(at, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, reinterpret_cast<void*>(0x10000000)); break;
    case 5: process_vm_writev(getpid(), &local, 1, &remote, 1, 0); break;
    case 6: {
      const int memory = open("/proc/self/mem", O_RDWR);
      (void)!pwrite(memory, g_stacks[0], kPage, static_cast<off_t>(place->at));
      break;
    }
    case 7: {
      const int zero = open("/dev/zero", O_RDONLY);
      syscall(SYS_read, zero, at, kPage);
      break;
    }
    default: break;
  }
  if (HotCall() <= 0) _exit(1);
  auto* bytes = static_cast<volatile unsigned char*>(at);
  for (uint64_t i = 0; i < kPage; ++i) bytes[i] = 0xcc;
  for (int i = 0; i < 10; ++i) HotCall();
  _exit(0);
}

// Of the maps file: where rewritten calls go.
uint64_t Trampolines() {
  FILE* maps = std::fopen("/proc/self/maps", "r");
  if (maps == nullptr) return 0;
  uint64_t found = 0;
  char line[256];
  while (std::fgets(line, sizeof(line), maps) != nullptr) {
    if (std::strstr(line, "[trampolines]") != nullptr) found = std::strtoull(line, nullptr, 16);
  }
  std::fclose(maps);
  return found;
}

const Mode change("handler-write", [](int, char**) {
  for (int i = 0; i < 1000; ++i) HotCall();
  std::vector<uint64_t> pages;
  for (uint64_t at = systrap::kCodeAddress - kPage; at <= systrap::kCodeAddress + systrap::kBlobBytes; at += kPage) pages.push_back(at);
  if (const uint64_t own = OwnContext(); own != 0) {
    for (uint64_t at = own - kPage; at <= own + systrap::kContextBytes; at += kPage) pages.push_back(at);
  }
  const uint64_t trampolines = Trampolines();
  if (trampolines != 0) pages.push_back(trampolines);
  for (const uint64_t at : pages) {
    for (int how = 0; how < 9; ++how) {
      Place place{at, how};
      Sacrifice(Change, &place, 5);
      HOSTILE_REQUIRE(HotCall() >= 0, "a call after an attack");
    }
    Canary();
  }
  std::printf("%zu pages%s\n", pages.size(), trampolines != 0 ? ", trampolines too" : "");
  return 0;
});

}  // namespace
}  // namespace ringwall::hostile
