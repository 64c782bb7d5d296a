// flock(2).
#include <sys/file.h>

#include "tests/lib/guest.h"

namespace tests {

struct TwoOpens {
  TempDir dir;
  ScopedFd one{(WriteFile(dir / "f", "x"), open((dir / "f").c_str(), O_RDONLY))};
  ScopedFd two{open((dir / "f").c_str(), O_RDONLY)};
};

TEST(Flock, ExclusiveLockExcludesAnotherOpenFile) {
  const TwoOpens files;
  EXPECT_THAT(Call(SYS_flock, files.one, LOCK_EX), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_flock, files.two, LOCK_EX | LOCK_NB), FailsWith(EWOULDBLOCK));
  EXPECT_THAT(Call(SYS_flock, files.two, LOCK_SH | LOCK_NB), FailsWith(EWOULDBLOCK));
}
TEST(Flock, SharedLocksCoexist) {
  const TwoOpens files;
  EXPECT_THAT(Call(SYS_flock, files.one, LOCK_SH), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_flock, files.two, LOCK_SH | LOCK_NB), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_flock, files.two, LOCK_EX | LOCK_NB), FailsWith(EWOULDBLOCK));
}
TEST(Flock, DuplicatesShareTheLock) {
  const TwoOpens files;
  const ScopedFd copy(dup(files.one.get()));
  EXPECT_THAT(Call(SYS_flock, files.one, LOCK_EX), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_flock, copy, LOCK_EX | LOCK_NB), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_flock, copy, LOCK_UN), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_flock, files.two, LOCK_EX | LOCK_NB), SucceedsWith(0));
}
TEST(Flock, LastCloseReleases) {
  TwoOpens files;
  EXPECT_THAT(Call(SYS_flock, files.one, LOCK_EX), SucceedsWith(0));
  files.one.Reset();
  EXPECT_THAT(Call(SYS_flock, files.two, LOCK_EX | LOCK_NB), SucceedsWith(0));
}
TEST(Flock, WaiterGetsTheLockOnRelease) {
  const TwoOpens files;
  EXPECT_THAT(Call(SYS_flock, files.one, LOCK_EX), SucceedsWith(0));
  ScopedThread waiter([&] { EXPECT_THAT(Call(SYS_flock, files.two, LOCK_EX), SucceedsWith(0)); });
  WaitUntilAsleep(waiter.tid());
  EXPECT_THAT(Call(SYS_flock, files.one, LOCK_UN), SucceedsWith(0));
}
TEST(Flock, UnknownOperationIsInvalid) {
  const TwoOpens files;
  EXPECT_THAT(Call(SYS_flock, files.one, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_flock, 9999, LOCK_SH), FailsWith(EBADF));
}

}  // namespace tests
