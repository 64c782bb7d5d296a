// madvise(2), msync(2), mincore(2), mlock(2).
#include <sys/resource.h>
#include <sys/uio.h>

#include <atomic>
#include <new>

#include "tests/lib/guest.h"

namespace tests {

TEST(Madvise, DontneedZeroesPrivateAnonymousMemory) {
  const Mapping map(2 * kPage);
  memset(map.get(), 'x', 2 * kPage);
  EXPECT_THAT(Call(SYS_madvise, map, kPage, MADV_DONTNEED), SucceedsWith(0));
  EXPECT_EQ(map.get()[0], 0);
  EXPECT_EQ(map.get()[kPage], 'x');
}
TEST(Madvise, DontneedRestoresThePrivateFileContent) {
  const ScopedFd fd = TempFile("file");
  const Mapping map(kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd.get());
  map.get()[0] = 'X';
  EXPECT_THAT(Call(SYS_madvise, map, kPage, MADV_DONTNEED), SucceedsWith(0));
  EXPECT_EQ(map.get()[0], 'f');
}
TEST(Madvise, DontneedKeepsSharedContent) {
  const Mapping map(kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  map.get()[0] = 'x';
  EXPECT_THAT(Call(SYS_madvise, map, kPage, MADV_DONTNEED), SucceedsWith(0));
  EXPECT_EQ(map.get()[0], 'x');
}
TEST(Madvise, DontforkHidesTheMappingFromAChild) {
  const Mapping map(kPage);
  EXPECT_THAT(Call(SYS_madvise, map, kPage, MADV_DONTFORK), SucceedsWith(0));
  InChild([&] { EXPECT_FALSE(IsMapped(map.get())); });
}
TEST(Madvise, WipeonforkGivesAChildZeros) {
  const Mapping map(kPage);
  map.get()[0] = 'x';
  EXPECT_THAT(Call(SYS_madvise, map, kPage, MADV_WIPEONFORK), SucceedsWith(0));
  InChild([&] { EXPECT_EQ(map.get()[0], 0); });
  EXPECT_EQ(map.get()[0], 'x');
}
TEST(Madvise, ArgumentErrors) {
  const Mapping map(3 * kPage);
  EXPECT_THAT(Call(SYS_madvise, map + 1, kPage, MADV_DONTNEED), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_madvise, map, kPage, 9999), FailsWith(EINVAL));
  ASSERT_THAT(Call(SYS_munmap, map + kPage, kPage), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_madvise, map, 3 * kPage, MADV_NORMAL), FailsWith(ENOMEM));
}
TEST(Msync, AcceptsAMappedRangeAndRefusesAHole) {
  const ScopedFd fd = TempFile(std::string(kPage, 'x'));
  const Mapping map(2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get());
  EXPECT_THAT(Call(SYS_msync, map, kPage, MS_SYNC), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_msync, map, kPage, MS_ASYNC | MS_INVALIDATE), SucceedsWith(0));
  ASSERT_THAT(Call(SYS_munmap, map + kPage, kPage), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_msync, map, 2 * kPage, MS_SYNC), FailsWith(ENOMEM));
}
TEST(Msync, ArgumentErrors) {
  const Mapping map(kPage);
  EXPECT_THAT(Call(SYS_msync, map + 1, kPage, MS_SYNC), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_msync, map, kPage, MS_SYNC | MS_ASYNC), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_msync, map, kPage, 64), FailsWith(EINVAL));
}
TEST(Mincore, TouchedPagesAreResident) {
  const Mapping map(2 * kPage);
  map.get()[0] = 1;
  unsigned char seen[2] = {2, 2};
  EXPECT_THAT(Call(SYS_mincore, map, 2 * kPage, seen), SucceedsWith(0));
  EXPECT_EQ(seen[0] & 1, 1);
}
TEST(Mincore, Errors) {
  const Mapping map(kPage);
  unsigned char seen;
  EXPECT_THAT(Call(SYS_mincore, map + 1, kPage, &seen), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_mincore, map, kPage, BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_mincore, BadAddress(), kPage, &seen), FailsWith(ENOMEM));
}
TEST(Mlock, LocksAndUnlocksAndKnowsHoles) {
  const Mapping map(kPage);
  EXPECT_THAT(Call(SYS_mlock, map, kPage), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_munlock, map, kPage), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_mlock, BadAddress(), kPage), FailsWith(ENOMEM));
}
TEST(Mlock, LimitBindsOrdinaryUsers) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    const rlimit limit{0, 0};
    EXPECT_EQ(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
    DropToNobody();
    const Mapping map(kPage);
    EXPECT_THAT(Call(SYS_mlock, map, kPage), FailsWith(EPERM));
  });
}
TEST(ProcessVm, ReadvAndWritevReachAChild) {
  const Mapping page(kPage);
  page.get()[0] = 'p';
  const Pipe ready, done;
  const pid_t child = StartChild([&] {
    page.get()[0] = 'c';
    Call(SYS_write, ready.writer, "r", 1);
    char byte;
    Call(SYS_read, done.reader, &byte, 1);
    EXPECT_EQ(page.get()[0], 'w');
  });
  char byte = 0;
  EXPECT_THAT(Call(SYS_read, ready.reader, &byte, 1), SucceedsWith(1));
  struct {
    void* base;
    size_t length;
  } local = {&byte, 1}, remote = {page.get(), 1}, bad = {BadAddress(), 1};
  EXPECT_THAT(Call(SYS_process_vm_readv, child, &local, 1, &remote, 1, 0), SucceedsWith(1));
  EXPECT_EQ(byte, 'c');
  byte = 'w';
  EXPECT_THAT(Call(SYS_process_vm_writev, child, &local, 1, &remote, 1, 0), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_process_vm_readv, child, &local, 1, &bad, 1, 0), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_write, done.writer, "d", 1), SucceedsWith(1));
  EXPECT_THAT(StatusOf(child), Exited(0));
}
TEST(ProcessVm, ASleeperWhoseMemoryIsBeingReadWakesForSignals) {
  const Mapping shared(kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
  static std::atomic<int>* caught;
  caught = new (shared.get()) std::atomic<int>(0);
  const Mapping page(kPage);
  const pid_t child = StartChild([&] {
    struct sigaction action {};
    action.sa_handler = [](int) { caught->fetch_add(1); };
    sigaction(SIGUSR1, &action, nullptr);
    caught->store(1);
    for (;;) pause();
  });
  const auto wait_for = [&](int count) {
    for (int i = 0; i < 20'000 && caught->load() < count; ++i) usleep(100);
    return caught->load() >= count;
  };
  EXPECT_TRUE(wait_for(1));
  std::atomic<bool> done{false};
  {
    ScopedThread reader([&] {
      char byte;
      iovec local{&byte, 1}, remote{page.get(), 1};
      while (!done.load()) EXPECT_THAT(Call(SYS_process_vm_readv, child, &local, 1, &remote, 1, 0), SucceedsWith(1));
    });
    for (int sent = 1; sent <= 500; ++sent) {
      EXPECT_THAT(Call(SYS_kill, child, SIGUSR1), SucceedsWith(0));
      if (wait_for(sent + 1)) continue;
      ADD_FAILURE() << "asleep after " << sent << " signals";
      break;
    }
    done.store(true);
  }
  kill(child, SIGKILL);
  EXPECT_THAT(StatusOf(child), KilledBy(SIGKILL));
}

}  // namespace tests
