// fcntl(2): descriptor and status flags, F_DUPFD, record locks, pipe size.
#include "tests/lib/guest.h"

namespace tests {

TEST(Fcntl, CloexecCanBeSetAndCleared) {
  const ScopedFd fd(open("/", O_RDONLY));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFD), SucceedsWith(FD_CLOEXEC));
}
TEST(Fcntl, StatusFlagsKeepTheAccessModeAndDropCreationFlags) {
  const TempDir dir;
  const ScopedFd fd(open((dir / "f").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFL), SucceedsWith(O_WRONLY | O_APPEND | 0100000));
}
TEST(Fcntl, SetflChangesNonblockAndIgnoresTheAccessMode) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETFL, O_NONBLOCK | O_RDWR), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETFL), SucceedsWith(O_RDONLY | O_NONBLOCK));
  char byte;
  EXPECT_THAT(Call(SYS_read, pipe.reader, &byte, 1), FailsWith(EAGAIN));
}
TEST(Fcntl, StatusFlagsBelongToTheOpenFileNotTheDescriptor) {
  const Pipe pipe;
  const ScopedFd copy(dup(pipe.reader.get()));
  EXPECT_THAT(Call(SYS_fcntl, copy, F_SETFL, O_NONBLOCK), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETFL), SucceedsWith(O_RDONLY | O_NONBLOCK));
}
TEST(Fcntl, DupfdHonoursTheMinimum) {
  const ScopedFd copy(Call(SYS_fcntl, 1, F_DUPFD, 150));
  EXPECT_EQ(copy.get(), 150);
  const ScopedFd next(Call(SYS_fcntl, 1, F_DUPFD_CLOEXEC, 150));
  EXPECT_EQ(next.get(), 151);
  EXPECT_THAT(Call(SYS_fcntl, next, F_GETFD), SucceedsWith(FD_CLOEXEC));
}
TEST(Fcntl, DupfdMinimumAboveTheLimitIsInvalid) {
  EXPECT_THAT(Call(SYS_fcntl, 1, F_DUPFD, 1L << 30), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_fcntl, 1, F_DUPFD, -1), FailsWith(EINVAL));
}
TEST(Fcntl, UnknownCommandIsInvalid) { EXPECT_THAT(Call(SYS_fcntl, 1, 12345), FailsWith(EINVAL)); }
TEST(Fcntl, BadDescriptorIsBad) { EXPECT_THAT(Call(SYS_fcntl, 9999, F_GETFD), FailsWith(EBADF)); }
TEST(Fcntl, PathDescriptorHasFewCommands) {
  const ScopedFd fd(open("/", O_PATH));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETFL), SucceedsWith(O_PATH));
  EXPECT_THAT(Call(SYS_fcntl, fd, F_SETFL, O_NONBLOCK), FailsWith(EBADF));
}
TEST(RecordLock, ExcludesAnotherProcessAndNamesTheOwner) {
  const ScopedFd fd = TempFile("0123456789");
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_start = 2;
  lock.l_len = 3;
  EXPECT_THAT(Call(SYS_fcntl, fd, F_SETLK, &lock), SucceedsWith(0));
  const pid_t owner = getpid();
  InChild([&] {
    struct flock want = {};
    want.l_type = F_RDLCK;
    EXPECT_THAT(Call(SYS_fcntl, fd, F_SETLK, &want), FailsWithEither(EAGAIN, EACCES));
    EXPECT_THAT(Call(SYS_fcntl, fd, F_GETLK, &want), SucceedsWith(0));
    EXPECT_EQ(want.l_type, F_WRLCK);
    EXPECT_EQ(want.l_start, 2);
    EXPECT_EQ(want.l_len, 3);
    EXPECT_EQ(want.l_pid, owner);
  });
}
TEST(RecordLock, DisjointRangesDoNotConflict) {
  const ScopedFd fd = TempFile("0123456789");
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_len = 5;
  EXPECT_THAT(Call(SYS_fcntl, fd, F_SETLK, &lock), SucceedsWith(0));
  InChild([&] {
    struct flock other = {};
    other.l_type = F_WRLCK;
    other.l_start = 5;
    EXPECT_THAT(Call(SYS_fcntl, fd, F_SETLK, &other), SucceedsWith(0));
  });
}
TEST(RecordLock, ClosingAnyDescriptorOfTheFileReleasesIt) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  const ScopedFd fd(open((dir / "f").c_str(), O_RDWR));
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  EXPECT_THAT(Call(SYS_fcntl, fd, F_SETLK, &lock), SucceedsWith(0));
  close(open((dir / "f").c_str(), O_RDONLY));
  InChild([&] {
    struct flock want = {};
    want.l_type = F_WRLCK;
    EXPECT_THAT(Call(SYS_fcntl, fd, F_SETLK, &want), SucceedsWith(0));
  });
}
TEST(RecordLock, WaitEndsWhenTheOwnerDies) {
  const ScopedFd fd = TempFile("0");
  const Pipe ready;
  const pid_t child = StartChild([&] {
    struct flock lock = {};
    lock.l_type = F_WRLCK;
    EXPECT_THAT(Call(SYS_fcntl, fd, F_SETLK, &lock), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_write, ready.writer, "r", 1), SucceedsWith(1));
    SleepMs(50);
  });
  char byte;
  EXPECT_THAT(Call(SYS_read, ready.reader, &byte, 1), SucceedsWith(1));
  struct flock want = {};
  want.l_type = F_WRLCK;
  EXPECT_THAT(Call(SYS_fcntl, fd, F_SETLKW, &want), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), Exited(0));
}
TEST(RecordLock, ReadLockNeedsAReadableDescriptor) {
  const ScopedFd fd = TempFile("0", O_WRONLY);
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  EXPECT_THAT(Call(SYS_fcntl, fd, F_SETLK, &lock), FailsWith(EBADF));
}
TEST(OfdLock, BelongsToTheOpenFile) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  const ScopedFd one(open((dir / "f").c_str(), O_RDWR));
  const ScopedFd two(open((dir / "f").c_str(), O_RDWR));
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  EXPECT_THAT(Call(SYS_fcntl, one, F_OFD_SETLK, &lock), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, two, F_OFD_SETLK, &lock), FailsWith(EAGAIN));
}
TEST(Fcntl, PipeSizeCanBeReadAndSet) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETPIPE_SZ), SucceedsWith(65536));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETPIPE_SZ, 5000), SucceedsWith(8192));
  EXPECT_THAT(Call(SYS_fcntl, pipe.writer, F_GETPIPE_SZ), SucceedsWith(8192));
}
TEST(Fcntl, PipeSizeOfAFileIsBad) {
  const ScopedFd fd = TempFile("");
  EXPECT_THAT(Call(SYS_fcntl, fd, F_GETPIPE_SZ), FailsWith(EBADF));
}
TEST(Fcntl, OwnerIsTheProcessThatWasSet) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETOWN), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_SETOWN, getpid()), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fcntl, pipe.reader, F_GETOWN), SucceedsWith(getpid()));
}

}  // namespace tests
