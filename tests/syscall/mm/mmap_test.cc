// mmap(2), munmap(2): placement, sharing, file mappings, faults beyond the end of the file.
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/lib/guest.h"

namespace tests {

static long Map(void* at, size_t length, int protection, int flags, int fd = -1, long offset = 0) {
  return Call(SYS_mmap, at, length, protection, flags, fd, offset);
}
static void ReadByte(void* at) { *static_cast<volatile char*>(at); }
static void WriteByte(void* at) { *static_cast<volatile char*>(at) = 1; }

TEST(Mmap, AnonymousMemoryIsZeroAndPageAligned) {
  const Mapping map(3 * kPage);
  EXPECT_EQ(reinterpret_cast<long>(map.get()) % kPage, 0);
  for (size_t i = 0; i < map.length(); ++i) ASSERT_EQ(map.get()[i], 0);
}
TEST(Mmap, ArgumentErrors) {
  EXPECT_THAT(Map(nullptr, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), FailsWith(EINVAL));
  EXPECT_THAT(Map(nullptr, kPage, PROT_READ, MAP_ANONYMOUS), FailsWith(EINVAL));
  EXPECT_THAT(Map(reinterpret_cast<void*>(0x123), kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), FailsWith(EINVAL));
  EXPECT_THAT(Map(nullptr, kPage, PROT_READ, MAP_PRIVATE, 9999), FailsWith(EBADF));
  const ScopedFd fd = TempFile("x");
  EXPECT_THAT(Map(nullptr, kPage, PROT_READ, MAP_PRIVATE, fd.get(), 1), FailsWith(EINVAL));
}
TEST(Mmap, HugeLengthsAreRefused) {
  EXPECT_THAT(Map(nullptr, ~0UL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), FailsWith(ENOMEM));
  EXPECT_THAT(Map(nullptr, 1UL << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), FailsWith(ENOMEM));
}
TEST(Mmap, FixedReplacesWhatWasThere) {
  const Mapping map(3 * kPage);
  memset(map.get(), 'x', 3 * kPage);
  EXPECT_THAT(Map(map + kPage, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED),
              SucceedsWith(reinterpret_cast<long>(map + kPage)));
  EXPECT_EQ(map.get()[0], 'x');
  EXPECT_EQ(map.get()[kPage], 0);
  EXPECT_EQ(map.get()[2 * kPage], 'x');
}
TEST(Mmap, FixedNoreplaceIsEexistOverAMapping) {
  const Mapping map(kPage);
  EXPECT_THAT(Map(map.get(), kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE), FailsWith(EEXIST));
}
TEST(Mmap, FreeHintIsHonoured) {
  char* at;
  {
    const Mapping map(4 * kPage);
    at = map.get();
  }
  EXPECT_THAT(Map(at, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), SucceedsWith(reinterpret_cast<long>(at)));
  EXPECT_THAT(Call(SYS_munmap, at, kPage), SucceedsWith(0));
}
TEST(Mmap, Map32bitStaysBelowTwoGigabytes) {
  const long at = Map(nullptr, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT);
  ASSERT_THAT(at, Succeeds());
  EXPECT_LT(at, 1L << 31);
  EXPECT_THAT(Call(SYS_munmap, at, kPage), SucceedsWith(0));
}
TEST(Mmap, PrivateFileMappingHidesWritesFromTheFile) {
  const ScopedFd fd = TempFile("hello");
  const Mapping map(kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd.get());
  EXPECT_EQ(std::string(map.get(), 5), "hello");
  map.get()[0] = 'J';
  char byte;
  EXPECT_THAT(Call(SYS_pread64, fd, &byte, 1, 0), SucceedsWith(1));
  EXPECT_EQ(byte, 'h');
}
TEST(Mmap, SharedFileMappingAndReadWriteSeeEachOther) {
  const ScopedFd fd = TempFile("hello");
  const Mapping map(kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
  map.get()[0] = 'J';
  char byte;
  EXPECT_THAT(Call(SYS_pread64, fd, &byte, 1, 0), SucceedsWith(1));
  EXPECT_EQ(byte, 'J');
  EXPECT_THAT(Call(SYS_pwrite64, fd, "K", 1, 1), SucceedsWith(1));
  EXPECT_EQ(map.get()[1], 'K');
}
TEST(Mmap, BytesAfterTheEndOfTheFileInItsLastPageAreZero) {
  const ScopedFd fd = TempFile("hello");
  const Mapping map(kPage, PROT_READ, MAP_PRIVATE, fd.get());
  EXPECT_EQ(map.get()[5], 0);
  EXPECT_EQ(map.get()[kPage - 1], 0);
}
TEST(Mmap, PageBeyondTheEndOfTheFileIsSigbus) {
  const ScopedFd fd = TempFile("hello");
  const Mapping map(2 * kPage, PROT_READ, MAP_SHARED, fd.get());
  const Fault fault = FaultOf(ReadByte, map + kPage + 7);
  EXPECT_EQ(fault.signo, SIGBUS);
  EXPECT_EQ(fault.code, BUS_ADRERR);
  EXPECT_EQ(fault.address, map + kPage + 7);
}
TEST(Mmap, GrowingTheFileMakesTheMappingUsable) {
  const ScopedFd fd = TempFile("");
  const Mapping map(kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
  EXPECT_EQ(FaultOf(ReadByte, map.get()).signo, SIGBUS);
  EXPECT_THAT(Call(SYS_ftruncate, fd, kPage), SucceedsWith(0));
  EXPECT_EQ(FaultOf(WriteByte, map.get()).signo, 0);
}
TEST(Mmap, TruncationTakesMappedPagesAway) {
  const ScopedFd fd = TempFile(std::string(2 * kPage, 'x'));
  const Mapping map(2 * kPage, PROT_READ, MAP_SHARED, fd.get());
  EXPECT_EQ(map.get()[kPage], 'x');
  EXPECT_THAT(Call(SYS_ftruncate, fd, kPage), SucceedsWith(0));
  EXPECT_EQ(FaultOf(ReadByte, map + kPage).signo, SIGBUS);
  EXPECT_EQ(map.get()[0], 'x');
}
TEST(Mmap, BufferBeyondTheEndOfAMappedFileIsEfaultForACall) {
  const ScopedFd fd = TempFile("hello");
  const Mapping map(2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_write, pipe.writer, map + kPage, 1), FailsWith(EFAULT));
}
TEST(Mmap, SharedWritableNeedsAWritableDescriptor) {
  const ScopedFd reader = TempFile("x", O_RDONLY);
  const ScopedFd writer = TempFile("x", O_WRONLY);
  EXPECT_THAT(Map(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, reader.get()), FailsWith(EACCES));
  EXPECT_THAT(Map(nullptr, kPage, PROT_READ, MAP_PRIVATE, writer.get()), FailsWith(EACCES));
  const long at = Map(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, reader.get());
  EXPECT_THAT(at, Succeeds());
  EXPECT_THAT(Call(SYS_munmap, at, kPage), SucceedsWith(0));
}
TEST(Mmap, DirectoriesAndPipesCannotBeMapped) {
  const ScopedFd dir(open("/", O_RDONLY));
  const Pipe pipe;
  EXPECT_THAT(Map(nullptr, kPage, PROT_READ, MAP_PRIVATE, dir.get()), FailsWith(ENODEV));
  EXPECT_THAT(Map(nullptr, kPage, PROT_READ, MAP_PRIVATE, pipe.reader.get()), FailsWith(ENODEV));
}
TEST(Mmap, MappingOutlivesItsDescriptor) {
  ScopedFd fd = TempFile("hello");
  const Mapping map(kPage, PROT_READ, MAP_SHARED, fd.get());
  fd.Reset();
  EXPECT_EQ(std::string(map.get(), 5), "hello");
}
TEST(Mmap, OffsetSelectsThePage) {
  const ScopedFd fd = TempFile(std::string(kPage, 'a') + std::string(kPage, 'b'));
  const Mapping map(kPage, PROT_READ, MAP_PRIVATE, fd.get(), kPage);
  EXPECT_EQ(map.get()[0], 'b');
}
TEST(Mmap, AddressSpaceLimitIsEnomem) {
  InChild([] {
    const rlimit limit{64 << 20, 64 << 20};
    EXPECT_EQ(setrlimit(RLIMIT_AS, &limit), 0);
    EXPECT_THAT(Map(nullptr, 128 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), FailsWith(ENOMEM));
  });
}
TEST(Mmap, SharedAnonymousMemoryIsSharedAcrossFork) {
  const Mapping map(kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  InChild([&] { map.get()[0] = 'c'; });
  EXPECT_EQ(map.get()[0], 'c');
}
TEST(Mmap, PrivateMemoryIsCopiedAcrossFork) {
  const Mapping map(kPage);
  map.get()[0] = 'p';
  const pid_t child = StartChild([&] {
    EXPECT_EQ(map.get()[0], 'p');
    map.get()[0] = 'c';
  });
  EXPECT_THAT(StatusOf(child), Exited(0));
  EXPECT_EQ(map.get()[0], 'p');
}
TEST(Mmap, ExecutableMemoryRuns) {
  const Mapping map(kPage, PROT_READ | PROT_WRITE | PROT_EXEC);
  const unsigned char code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3};  // mov eax, 42; ret
  memcpy(map.get(), code, sizeof code);
  EXPECT_EQ(reinterpret_cast<int (*)()>(map.get())(), 42);
}
TEST(Mmap, NonExecutableMemoryFaultsOnFetch) {
  const Mapping map(kPage);
  map.get()[0] = static_cast<char>(0xc3);
  const Fault fault = FaultOf([](void* at) { reinterpret_cast<void (*)()>(at)(); }, map.get());
  EXPECT_EQ(fault.signo, SIGSEGV);
  EXPECT_EQ(fault.code, SEGV_ACCERR);
  EXPECT_EQ(fault.address, map.get());
}
TEST(Mmap, PopulateAndNoreserveAreAccepted) {
  const long at = Map(nullptr, 4 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE | MAP_NORESERVE);
  ASSERT_THAT(at, Succeeds());
  EXPECT_THAT(Call(SYS_munmap, at, 4 * kPage), SucceedsWith(0));
}
TEST(Mmap, GuardPagesAboveAGrowsdownMappingGrowOnTouch) {
  const Mapping room(64 * kPage, PROT_NONE);
  ASSERT_THAT(Call(SYS_munmap, room.get(), 64 * kPage), SucceedsWith(0));
  char* top = room + 63 * kPage;
  ASSERT_THAT(Map(top, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN),
              SucceedsWith(reinterpret_cast<long>(top)));
  EXPECT_EQ(FaultOf(WriteByte, top - 8).signo, 0);
}
TEST(Munmap, UnmappedPageFaultsWithMaperr) {
  char* at;
  {
    const Mapping map(kPage);
    at = map.get();
  }
  const Fault fault = FaultOf(ReadByte, at);
  EXPECT_EQ(fault.signo, SIGSEGV);
  EXPECT_EQ(fault.code, SEGV_MAPERR);
  EXPECT_EQ(fault.address, at);
}
TEST(Munmap, MiddleOfAMappingLeavesBothEnds) {
  const Mapping map(3 * kPage);
  EXPECT_THAT(Call(SYS_munmap, map + kPage, kPage), SucceedsWith(0));
  EXPECT_TRUE(IsMapped(map.get()));
  EXPECT_FALSE(IsMapped(map + kPage));
  EXPECT_TRUE(IsMapped(map + 2 * kPage));
}
TEST(Munmap, HolesAreNoError) {
  const Mapping map(3 * kPage);
  EXPECT_THAT(Call(SYS_munmap, map + kPage, kPage), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_munmap, map.get(), 3 * kPage), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_munmap, map.get(), 3 * kPage), SucceedsWith(0));
}
TEST(Munmap, ArgumentErrors) {
  const Mapping map(kPage);
  EXPECT_THAT(Call(SYS_munmap, map + 1, kPage), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_munmap, map.get(), 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_munmap, KernelAddress(), kPage), FailsWith(EINVAL));
}

}  // namespace tests
