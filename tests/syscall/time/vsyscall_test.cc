// The vsyscall page of old static programs (vdso(7), "x86-64 functions"): three calls at fixed addresses, executable and nothing else.
#include "tests/lib/guest.h"

namespace tests {
namespace {

constexpr unsigned long kPage600 = 0xffffffffff600000UL;

long CallPage(unsigned long offset, void* a, void* b) {
  return reinterpret_cast<long (*)(void*, void*, void*)>(kPage600 + offset)(a, b, nullptr);
}

// A kernel started with vsyscall=none has no such page: programs that use it die.
bool PageExists() {
  const pid_t child = ForkChild();
  if (child == 0) {
    signal(SIGSEGV, SIG_DFL);
    CallPage(0x400, nullptr, nullptr);
    _exit(0);
  }
  return StatusOf(child) == 0;
}

}  // namespace

TEST(Vsyscall, GettimeofdayTimeAndGetcpuAnswer) {
  if (!PageExists()) GTEST_SKIP() << "vsyscall=none";
  timeval now{};
  const long before = NowNs(CLOCK_REALTIME) / 1000;
  EXPECT_EQ(CallPage(0, &now, nullptr), 0);
  EXPECT_GE(now.tv_sec * 1'000'000L + now.tv_usec, before);
  long stored = 0;
  EXPECT_EQ(CallPage(0x400, &stored, nullptr), stored);
  EXPECT_GE(stored, before / 1'000'000);
  unsigned cpu = ~0u, node = ~0u;
  EXPECT_EQ(CallPage(0x800, &cpu, &node), 0);
  EXPECT_LT(cpu, 4096u);
  EXPECT_LT(node, 1024u);
}
TEST(Vsyscall, OtherEntriesAndWritesAreFaults) {
  if (!PageExists()) GTEST_SKIP() << "vsyscall=none";
  EXPECT_THAT(ChildStatus([] { CallPage(0x10, nullptr, nullptr); }), KilledBy(SIGSEGV));
  EXPECT_THAT(ChildStatus([] { *reinterpret_cast<volatile char*>(kPage600) = 1; }), KilledBy(SIGSEGV));
}
TEST(Vsyscall, BadPointersAreFaults) {
  if (!PageExists()) GTEST_SKIP() << "vsyscall=none";
  EXPECT_THAT(ChildStatus([] { CallPage(0, reinterpret_cast<void*>(16), nullptr); }), KilledBy(SIGSEGV));
}

}  // namespace tests
