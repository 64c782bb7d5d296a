// memfd_create(2) and file seals (fcntl(2)).
#include <sys/mman.h>

#include "tests/lib/guest.h"

namespace tests {

TEST(Memfd, IsAnEmptyReadWriteFile) {
  const ScopedFd fd(Call(SYS_memfd_create, "name", 0));
  ASSERT_TRUE(fd.valid());
  EXPECT_EQ(SizeOf(fd.get()), 0);
  EXPECT_THAT(Call(SYS_write, fd, "abc", 3), SucceedsWith(3));
  EXPECT_EQ(SizeOf(fd.get()), 3);
}
TEST(Memfd, CloexecFlagWorks) {
  const ScopedFd fd(Call(SYS_memfd_create, "name", MFD_CLOEXEC));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(FD_CLOEXEC));
}
TEST(Memfd, NameTooLongIsInvalid) { EXPECT_THAT(Call(SYS_memfd_create, std::string(250, 'n'), 0), FailsWith(EINVAL)); }
TEST(Memfd, BadNameFaults) { EXPECT_THAT(Call(SYS_memfd_create, BadAddress(), 0), FailsWith(EFAULT)); }
TEST(Memfd, UnknownFlagIsInvalid) { EXPECT_THAT(Call(SYS_memfd_create, "n", 0x80), FailsWith(EINVAL)); }
TEST(Memfd, WithoutAllowSealingIsSealedAgainstSealing) {
  const ScopedFd fd(Call(SYS_memfd_create, "n", 0));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GET_SEALS), SucceedsWith(F_SEAL_SEAL));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE), FailsWith(EPERM));
}
TEST(Memfd, SealsForbidGrowShrinkAndWrite) {
  const ScopedFd fd(Call(SYS_memfd_create, "n", MFD_ALLOW_SEALING));
  EXPECT_THAT(Call(SYS_write, fd, "abcd", 4), SucceedsWith(4));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_ftruncate, fd, 10), FailsWith(EPERM));
  EXPECT_THAT(Call(SYS_ftruncate, fd, 1), FailsWith(EPERM));
  EXPECT_THAT(Call(SYS_pwrite64, fd, "x", 1, 0), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_pwrite64, fd, "x", 1, 0), FailsWith(EPERM));
}
TEST(Memfd, WriteSealIsBusyWhileMappedShared) {
  const ScopedFd fd(Call(SYS_memfd_create, "n", MFD_ALLOW_SEALING));
  ASSERT_THAT(Call(SYS_ftruncate, fd, kPage), SucceedsWith(0));
  const Mapping map(kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
  EXPECT_THAT(Call(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_WRITE), FailsWith(EBUSY));
}
TEST(Memfd, SealsOfAnOrdinaryFileAreInvalid) {
  const ScopedFd fd(open("/proc/self/exe", O_RDONLY));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GET_SEALS), FailsWith(EINVAL));
}
TEST(Memfd, SharedMappingAndFileAreTheSameBytes) {
  const ScopedFd fd(Call(SYS_memfd_create, "n", 0));
  ASSERT_THAT(Call(SYS_ftruncate, fd, kPage), SucceedsWith(0));
  const Mapping map(kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
  memcpy(map + 7, "seen", 4);
  char bytes[4];
  EXPECT_THAT(Call(SYS_pread64, fd, bytes, 4, 7), SucceedsWith(4));
  EXPECT_EQ(std::string(bytes, 4), "seen");
}

}  // namespace tests
