// Stubs never outlive their tracer and never pile up: the ptrace platform under kill -9, as an ordinary user, as pid 1 of a pid namespace.
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <random>
#include <string>

#include "gtest/gtest.h"
#include "host/seccomp/compile.h"
#include "platform/conformance/world.h"
#include "platform/ptrace/filter.h"
#include "platform/ptrace/ptrace_platform.h"

namespace ringwall::platform::ptrace {
namespace {

using conformance::At;
using conformance::Guest;
using conformance::World;

std::unique_ptr<Platform> MakePlatform(std::string* why) {
  auto platform = CreatePlatform({.proc_fd = UniqueFd(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC))}, why);
  return platform.ok() ? std::move(*platform) : nullptr;
}

// Children of this process, zombies included.
size_t Children() {
  size_t count = 0;
  DIR* tasks = opendir("/proc/self/task");
  while (dirent* entry = readdir(tasks)) {
    if (entry->d_name[0] == '.') continue;
    std::ifstream file(std::string("/proc/self/task/") + entry->d_name + "/children");
    int pid;
    while (file >> pid) ++count;
  }
  closedir(tasks);
  return count;
}

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 5000; ++i) {
    if (condition()) return true;
    usleep(1000);
  }
  return false;
}

// A little of everything; the exit status of a process that did it.
int DoSomeWork() {
  std::string why;
  auto platform = MakePlatform(&why);
  if (platform == nullptr) {
    std::fprintf(stderr, "%s\n", why.c_str());
    return 2;
  }
  {
    World world(std::move(platform));
    world.Drive([&] {
      auto guest = world.NewGuest();
      auto child = guest->Fork();
      auto thread = child->Clone();
      guest->GoCall();
      EXPECT_EQ(thread->Run(code_store, conformance::kData, 5).kind, EventKind::kSyscall);
      EXPECT_EQ(child->Peek(conformance::kData), 5u);
      thread->regs().rip = At(code_spin);
      thread->thread->Resume();
      thread->thread->Interrupt();
      EXPECT_EQ(thread->Next().kind, EventKind::kInterrupt);
      EXPECT_GT(guest->space().ResidentBytes(), 0u);
    });
  }
  if (waitpid(-1, nullptr, __WALL | WNOHANG) != -1 || errno != ECHILD) return 3;
  return testing::Test::HasFailure() ? 1 : 0;
}

TEST(PtraceLifecycle, NothingIsLeftBehind) {
  EXPECT_EQ(DoSomeWork(), 0);
  EXPECT_EQ(Children(), 0u);
}

TEST(PtraceLifecycle, NoZombiesPileUp) {
  std::string why;
  auto platform = MakePlatform(&why);
  ASSERT_NE(platform, nullptr) << why;
  World world(std::move(platform));
  world.Drive([&] {
    auto guest = world.NewGuest();
    for (int i = 0; i < 600; ++i) {
      auto other = i % 3 == 0 ? guest->Fork() : i % 3 == 1 ? guest->Clone() : world.NewGuest();
      ASSERT_NE(other, nullptr);
    }
    EXPECT_TRUE(Eventually([] { return Children() == 2; })) << Children();  // zygote and guest
    const std::string tasks = "/proc/" + std::to_string(guest->thread->host_tid()) + "/task";
    EXPECT_TRUE(Eventually([&] {
      size_t threads = 0;
      DIR* directory = opendir(tasks.c_str());
      while (dirent* entry = readdir(directory)) threads += entry->d_name[0] != '.';
      closedir(directory);
      return threads == 1;
    }));
  });
}

TEST(PtraceLifecycle, AnIdleSandboxUsesNoCpu) {
  std::string why;
  auto platform = MakePlatform(&why);
  ASSERT_NE(platform, nullptr) << why;
  World world(std::move(platform));
  world.Drive([&] {
    auto guest = world.NewGuest();
    auto thread = guest->Clone();
    thread->regs().rip = At(code_spin);
    thread->thread->Resume();
    usleep(50'000);
    thread->thread->Interrupt();
    thread->Next();
    guest->GoCall();
    usleep(50'000);
    auto switches = [] {
      rusage usage;
      getrusage(RUSAGE_SELF, &usage);
      return usage.ru_nvcsw + usage.ru_nivcsw;
    };
    const long before = switches();
    usleep(300'000);
    EXPECT_LE(switches() - before, 3);
  });
}

TEST(PtraceLifecycle, WorksAsAnOrdinaryUser) {
  if (geteuid() != 0) GTEST_SKIP() << "already one";
  const pid_t pid = fork();
  if (pid == 0) {
    if (setgroups(0, nullptr) != 0 || setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0) _exit(9);
    _exit(DoSomeWork());
  }
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST(PtraceLifecycle, WorksAsPidOneOfItsOwnNamespaces) {
  const pid_t pid = fork();
  if (pid == 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID) != 0) _exit(77);
    const pid_t init = fork();
    // /proc is not of this pid namespace: no proc_fd then.
    if (init == 0) {
      std::string why;
      auto platform = CreatePlatform({}, &why);
      if (!platform.ok() || getpid() != 1) _exit(2);
      World world(std::move(*platform));
      world.Drive([&] {
        auto guest = world.NewGuest();
        auto child = guest->Fork();
        auto thread = child->Clone();
        guest->GoCall();
        EXPECT_EQ(thread->Run(code_store, conformance::kData, 5).kind, EventKind::kSyscall);
        EXPECT_EQ(child->Peek(conformance::kData), 5u);
      });
      _exit(testing::Test::HasFailure() ? 1 : 0);
    }
    int status = -1;
    waitpid(init, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
  }
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "user namespaces are off";
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST(PtraceLifecycle, WorksUnderItsOwnRules) {
  const pid_t pid = fork();
  if (pid == 0) {
    UniqueFd proc(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    host::Policy policy("tracer-test", host::DefaultAction::kTrap);
    policy.Add(TracerRules(proc.get()));
    for (const char* call : {"read",           "close",           "write",     "pwrite64",       "futex",
                             "mmap",           "munmap",          "mprotect",  "madvise",        "brk",
                             "clone",          "clone3",          "gettid",    "getpid",         "clock_gettime",
                             "rt_sigprocmask", "set_robust_list", "rseq",      "sched_yield",    "exit",
                             "exit_group",     "memfd_create",    "ftruncate", "restart_syscall"}) {
      policy.Allow(call, "the test");
    }
    std::string why;
    auto platform = CreatePlatform({.proc_fd = std::move(proc)}, &why);
    auto filter = host::Compile(policy, &why);
    host::InstallForbiddenCallReporter("tracer-test");
    if (!platform.ok() || !filter.ok() || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !filter->Install(true).ok()) {
      std::fprintf(stderr, "%s\n", why.c_str());
      _exit(2);
    }
    World world(std::move(*platform));
    world.Drive([&] {
      auto guest = world.NewGuest();
      auto child = guest->Fork();
      auto thread = child->Clone();
      guest->GoCall();
      EXPECT_EQ(thread->Run(code_store, conformance::kData, 5).kind, EventKind::kSyscall);
      EXPECT_EQ(child->Peek(conformance::kData), 5u);
      EXPECT_EQ(thread->Run(code_compute, 30'000'000).kind, EventKind::kSyscall);
      EXPECT_GT(thread->thread->CpuTimeNs(), 0u);
      EXPECT_GT(guest->space().ResidentBytes(), 0u);
      EXPECT_EQ(child->Run(code_ud2).kind, EventKind::kFault);
      EXPECT_EQ(guest->Run(code_int80).kind, EventKind::kFault);
      thread->regs().rip = At(code_spin);
      thread->thread->Resume();
      thread->thread->Interrupt();
      thread->Next();
      uint8_t page;
      EXPECT_TRUE(guest->space().Resident(conformance::kData, absl::MakeSpan(&page, 1), nullptr).ok());
      auto state = std::make_unique<arch::FpState>();
      EXPECT_TRUE(guest->thread->GetFpState(*state).ok());
      EXPECT_TRUE(guest->thread->SetFpState(*state).ok());
    });
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

TEST(PtraceLifecycle, StubsDieWithAKilledTracer) {
  // Orphans come to us, so that none can hide.
  ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  std::mt19937 random(20260101);
  for (int round = 0; round < 40; ++round) {
    const pid_t pid = fork();
    if (pid == 0) {
      std::string why;
      auto platform = MakePlatform(&why);
      if (platform == nullptr) _exit(2);
      World world(std::move(platform));
      world.Drive([&] {
        std::vector<std::unique_ptr<Guest>> guests;
        for (uint32_t i = 0;; ++i) {
          auto guest = world.NewGuest();
          guest->regs().rip = At(i % 2 == 0 ? code_spin : code_getppid_loop);
          guest->handler = [](GuestThread&, const Event&) { return Verdict::kResume; };
          guests.push_back(guest->Fork());
          guests.back()->handler = guest->handler;
          guests.back()->thread->Resume();
          guest->thread->Resume();
          guests.push_back(std::move(guest));
          if (guests.size() > 10) guests.erase(guests.begin(), guests.begin() + 5);
        }
      });
      _exit(0);
    }
    usleep(random() % 40'000);
    kill(pid, SIGKILL);
    EXPECT_TRUE(Eventually([] {
      pid_t reaped;
      do {
        reaped = waitpid(-1, nullptr, __WALL | WNOHANG);
      } while (reaped > 0);
      return reaped < 0 && errno == ECHILD;
    })) << "round "
        << round;
  }
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace ringwall::platform::ptrace
