// null(4), zero(4), full(4), random(4), and the calls getrandom(2), sysinfo(2), getcpu(2).
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(DevNull, SwallowsAndGivesNothing) {
  const ScopedFd fd(open("/dev/null", O_RDWR));
  char byte;
  EXPECT_THAT(Call(SYS_write, fd, "abc", 3), SucceedsWith(3));
  EXPECT_THAT(Call(SYS_read, fd, &byte, 1), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_lseek, fd, 100, SEEK_SET), Succeeds());
}
TEST(DevZero, GivesZerosAndMapsAsAnonymousMemory) {
  const ScopedFd fd(open("/dev/zero", O_RDWR));
  char bytes[100];
  memset(bytes, 'x', sizeof bytes);
  EXPECT_THAT(Call(SYS_read, fd, bytes, 100), SucceedsWith(100));
  EXPECT_EQ(std::string(bytes, 100), std::string(100, '\0'));
  const Mapping map(kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd.get());
  map.get()[0] = 1;
  EXPECT_EQ(map.get()[1], 0);
}
TEST(DevFull, WritesAreEnospc) {
  const ScopedFd fd(open("/dev/full", O_RDWR));
  char byte = 'x';
  EXPECT_THAT(Call(SYS_write, fd, &byte, 1), FailsWith(ENOSPC));
  EXPECT_THAT(Call(SYS_read, fd, &byte, 1), SucceedsWith(1));
  EXPECT_EQ(byte, 0);
}
TEST(DevUrandom, GivesDifferentBytes) {
  const ScopedFd fd(open("/dev/urandom", O_RDONLY));
  char one[32], two[32];
  EXPECT_THAT(Call(SYS_read, fd, one, 32), SucceedsWith(32));
  EXPECT_THAT(Call(SYS_read, fd, two, 32), SucceedsWith(32));
  EXPECT_NE(std::string(one, 32), std::string(two, 32));
}
TEST(DevFd, LeadsToProcSelfFd) {
  char text[100];
  EXPECT_THAT(Call(SYS_readlink, "/dev/fd", text, 100), SucceedsWith(13));
  EXPECT_EQ(std::string(text, 13), "/proc/self/fd");
}
TEST(DevShm, IsAWritableDirectory) {
  const std::string name = "/dev/shm/guest-" + std::to_string(getpid());
  const ScopedFd fd(Call(SYS_open, name, O_CREAT | O_EXCL | O_RDWR, 0600));
  EXPECT_TRUE(fd.valid());
  EXPECT_THAT(Call(SYS_unlink, name), SucceedsWith(0));
}
TEST(Getrandom, FillsTheBuffer) {
  char one[64] = {}, two[64] = {};
  EXPECT_THAT(Call(SYS_getrandom, one, 64, 0), SucceedsWith(64));
  EXPECT_THAT(Call(SYS_getrandom, two, 64, GRND_NONBLOCK), SucceedsWith(64));
  EXPECT_NE(std::string(one, 64), std::string(two, 64));
}
TEST(Getrandom, Errors) {
  char byte;
  EXPECT_THAT(Call(SYS_getrandom, &byte, 1, 0x80), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_getrandom, BadAddress(), 10, 0), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_getrandom, BadAddress(), 0, 0), SucceedsWith(0));
}
TEST(Sysinfo, IsPlausible) {
  struct sysinfo info = {};
  EXPECT_THAT(Call(SYS_sysinfo, &info), SucceedsWith(0));
  EXPECT_GT(info.uptime, 0);
  EXPECT_GT(info.totalram, 0u);
  EXPECT_GE(info.totalram, info.freeram);
  EXPECT_GT(info.procs, 0);
  EXPECT_GT(info.mem_unit, 0u);
  EXPECT_THAT(Call(SYS_sysinfo, BadAddress()), FailsWith(EFAULT));
}
TEST(Getcpu, NamesACpuOfTheAffinityMask) {
  unsigned cpu = 9999, node = 9999;
  EXPECT_THAT(Call(SYS_getcpu, &cpu, &node, nullptr), SucceedsWith(0));
  unsigned long mask[16] = {};
  ASSERT_THAT(Call(SYS_sched_getaffinity, 0, sizeof mask, mask), Succeeds());
  ASSERT_LT(cpu, 1024u);
  EXPECT_TRUE(mask[cpu / 64] >> (cpu % 64) & 1);
  EXPECT_THAT(Call(SYS_getcpu, nullptr, nullptr, nullptr), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_getcpu, BadAddress(), nullptr, nullptr), FailsWith(EFAULT));
}

}  // namespace tests
