// mprotect(2).
#include "tests/lib/guest.h"

namespace tests {

static void ReadByte(void* at) { *static_cast<volatile char*>(at); }
static void WriteByte(void* at) { *static_cast<volatile char*>(at) = 1; }

TEST(Mprotect, ReadOnlyPageFaultsOnWriteWithAccerr) {
  const Mapping map(kPage);
  EXPECT_THAT(Call(SYS_mprotect, map, kPage, PROT_READ), SucceedsWith(0));
  EXPECT_EQ(FaultOf(ReadByte, map.get()).signo, 0);
  const Fault fault = FaultOf(WriteByte, map + 5);
  EXPECT_EQ(fault.signo, SIGSEGV);
  EXPECT_EQ(fault.code, SEGV_ACCERR);
  EXPECT_EQ(fault.address, map + 5);
}
TEST(Mprotect, NoneForbidsEvenReading) {
  const Mapping map(kPage);
  EXPECT_THAT(Call(SYS_mprotect, map, kPage, PROT_NONE), SucceedsWith(0));
  EXPECT_EQ(FaultOf(ReadByte, map.get()).signo, SIGSEGV);
  EXPECT_THAT(Call(SYS_mprotect, map, kPage, PROT_READ | PROT_WRITE), SucceedsWith(0));
  EXPECT_EQ(FaultOf(WriteByte, map.get()).signo, 0);
}
TEST(Mprotect, AppliesToPartOfAMapping) {
  const Mapping map(3 * kPage);
  EXPECT_THAT(Call(SYS_mprotect, map + kPage, kPage, PROT_READ), SucceedsWith(0));
  EXPECT_EQ(FaultOf(WriteByte, map.get()).signo, 0);
  EXPECT_EQ(FaultOf(WriteByte, map + kPage).signo, SIGSEGV);
  EXPECT_EQ(FaultOf(WriteByte, map + 2 * kPage).signo, 0);
}
TEST(Mprotect, HoleIsEnomemButTheStartIsChanged) {
  const Mapping map(3 * kPage);
  ASSERT_THAT(Call(SYS_munmap, map + kPage, kPage), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_mprotect, map, 3 * kPage, PROT_READ), FailsWith(ENOMEM));
  EXPECT_EQ(FaultOf(WriteByte, map.get()).signo, SIGSEGV);
  EXPECT_EQ(FaultOf(WriteByte, map + 2 * kPage).signo, 0);
}
TEST(Mprotect, ArgumentErrors) {
  const Mapping map(kPage);
  EXPECT_THAT(Call(SYS_mprotect, map + 1, kPage, PROT_READ), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_mprotect, map, kPage, 0x100), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_mprotect, map, 0, PROT_READ), SucceedsWith(0));
}
TEST(Mprotect, SharedMappingOfAReadOnlyDescriptorCannotBecomeWritable) {
  const ScopedFd fd = TempFile("x", O_RDONLY);
  const Mapping map(kPage, PROT_READ, MAP_SHARED, fd.get());
  EXPECT_THAT(Call(SYS_mprotect, map, kPage, PROT_READ | PROT_WRITE), FailsWith(EACCES));
}
TEST(Mprotect, CallsHonourTheProtection) {
  const Mapping map(kPage);
  EXPECT_THAT(Call(SYS_mprotect, map, kPage, PROT_READ), SucceedsWith(0));
  const ScopedFd fd = TempFile("x");
  EXPECT_THAT(Call(SYS_read, fd, map, 1), FailsWith(EFAULT));
}
TEST(Mprotect, JitPatternWriteThenExecute) {
  const Mapping map(kPage);
  const unsigned char code[] = {0xb8, 0x07, 0, 0, 0, 0xc3};
  memcpy(map.get(), code, sizeof code);
  EXPECT_THAT(Call(SYS_mprotect, map, kPage, PROT_READ | PROT_EXEC), SucceedsWith(0));
  EXPECT_EQ(reinterpret_cast<int (*)()>(map.get())(), 7);
}

}  // namespace tests
