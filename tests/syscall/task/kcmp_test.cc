// kcmp(2), process_madvise(2), process_mrelease(2).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

constexpr int kFile = 0, kVm = 1, kFiles = 2, kFs = 3, kSighand = 4;

long Kcmp(pid_t a, pid_t b, int type, long index1 = 0, long index2 = 0) { return Call(SYS_kcmp, a, b, type, index1, index2); }

class KcmpTest : public testing::Test {
 protected:
  void SetUp() override {
    if (Kcmp(getpid(), getpid(), kVm) == -ENOSYS) GTEST_SKIP() << "not in this kernel";
  }
};

TEST_F(KcmpTest, EverythingEqualsItself) {
  for (const int type : {kVm, kFiles, kFs, kSighand}) EXPECT_THAT(Kcmp(getpid(), getpid(), type), SucceedsWith(0)) << type;
}

TEST_F(KcmpTest, ForkedChildSharesNothing) {
  const pid_t child = StartChild([] { pause(); });
  for (const int type : {kVm, kFiles, kFs, kSighand}) {
    const long order = Kcmp(getpid(), child, type);
    EXPECT_TRUE(order == 1 || order == 2) << type;
    EXPECT_EQ(Kcmp(child, getpid(), type), 3 - order) << type;
  }
  kill(child, SIGKILL);
  StatusOf(child);
}

TEST_F(KcmpTest, ThreadsShareAll) {
  ScopedThread thread([] { SleepMs(50); });
  for (const int type : {kVm, kFiles, kFs, kSighand}) EXPECT_THAT(Kcmp(getpid(), thread.tid(), type), SucceedsWith(0)) << type;
}

TEST_F(KcmpTest, FilesAreOpenFileDescriptions) {
  const ScopedFd one = TempFile(), two = TempFile();
  const ScopedFd copy(dup(one.get()));
  EXPECT_THAT(Kcmp(getpid(), getpid(), kFile, one.get(), copy.get()), SucceedsWith(0));
  EXPECT_NE(Kcmp(getpid(), getpid(), kFile, one.get(), two.get()), 0);
  const pid_t child = StartChild([] { pause(); });
  EXPECT_THAT(Kcmp(getpid(), child, kFile, one.get(), one.get()), SucceedsWith(0)) << "inherited";
  kill(child, SIGKILL);
  StatusOf(child);
}

TEST_F(KcmpTest, Errors) {
  EXPECT_THAT(Kcmp(getpid(), getpid(), kFile, 0, 9999), FailsWith(EBADF));
  EXPECT_THAT(Kcmp(getpid(), getpid(), 99), FailsWith(EINVAL));
  EXPECT_THAT(Kcmp(getpid(), 0x3fffffff, kVm), FailsWith(ESRCH));
}

TEST_F(KcmpTest, StrangersProcessesAreRefused) {
  SKIP_UNLESS_ROOT();
  const pid_t root_owned = StartChild([] { pause(); });
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Kcmp(getpid(), root_owned, kVm), FailsWith(EPERM));
  });
  kill(root_owned, SIGKILL);
  StatusOf(root_owned);
}

// ---- process_madvise, process_mrelease --------------------------------------------------------------------------------------

TEST(ProcessMadvise, AdvisesOnesOwnMemory) {
  const ScopedFd self(Call(SYS_pidfd_open, getpid(), 0));
  const Mapping memory(4 * kPage);
  memory.get()[0] = 'x';
  const iovec iov[] = {{memory.get(), kPage}, {memory + 2 * kPage, 2 * kPage}};
  EXPECT_THAT(Call(SYS_process_madvise, self, iov, 2, MADV_COLD, 0), SucceedsWith(3 * kPage));
  EXPECT_EQ(memory.get()[0], 'x');
}

TEST(ProcessMadvise, AdvisesAChildsMemory) {
  SKIP_UNLESS_ROOT();
  const Mapping memory(kPage);
  const pid_t child = StartChild([] { pause(); });
  const ScopedFd pidfd(Call(SYS_pidfd_open, child, 0));
  const iovec iov{memory.get(), kPage};
  EXPECT_THAT(Call(SYS_process_madvise, pidfd, &iov, 1, MADV_PAGEOUT, 0), SucceedsWith(kPage));
  EXPECT_THAT(Call(SYS_process_madvise, pidfd, &iov, 1, MADV_DONTNEED, 0), FailsWith(EINVAL));
  kill(child, SIGKILL);
  StatusOf(child);
}

TEST(ProcessMadvise, Errors) {
  const ScopedFd self(Call(SYS_pidfd_open, getpid(), 0));
  const ScopedFd file = TempFile();
  const Mapping memory(kPage);
  const iovec iov{memory.get(), kPage};
  EXPECT_THAT(Call(SYS_process_madvise, self, &iov, 1, MADV_COLD, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_process_madvise, self, BadAddress(), 1, MADV_COLD, 0), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_process_madvise, file, &iov, 1, MADV_COLD, 0), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_process_madvise, 9999, &iov, 1, MADV_COLD, 0), FailsWith(EBADF));
}

TEST(ProcessMrelease, OnlyOfTheDying) {
  const ScopedFd self(Call(SYS_pidfd_open, getpid(), 0));
  const ScopedFd file = TempFile();
  EXPECT_THAT(Call(SYS_process_mrelease, self, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_process_mrelease, self, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_process_mrelease, file, 0), FailsWith(EBADF));
}

}  // namespace
