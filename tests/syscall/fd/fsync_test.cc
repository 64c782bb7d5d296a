// fsync(2), sync(2), syncfs(2), sync_file_range(2), readahead(2), posix_fadvise(2).
#include <fcntl.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

TEST(Sync, AlwaysSucceeds) { EXPECT_THAT(Call(SYS_sync), SucceedsWith(0)); }

TEST(Syncfs, TakesAnyOpenFile) {
  const ScopedFd file = TempFile("x"), path(open("/", O_PATH));
  EXPECT_THAT(Call(SYS_syncfs, file), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_syncfs, path), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_syncfs, -1), FailsWith(EBADF));
}

TEST(Fsync, FilesButNotPipes) {
  const ScopedFd file = TempFile("x");
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_fsync, file), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fdatasync, file), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_fsync, pipe.writer), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_fdatasync, pipe.writer), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_fsync, 9999), FailsWith(EBADF));
}

TEST(SyncFileRange, ChecksRangeFlagsAndKind) {
  const ScopedFd file = TempFile("0123456789");
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_sync_file_range, file, 0, 0, 7), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_sync_file_range, file, 4, 100, 2), SucceedsWith(0)) << "the end may be behind the file's";
  EXPECT_THAT(Call(SYS_sync_file_range, file, 0, 0, 8), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sync_file_range, file, -1, 10, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sync_file_range, file, 0x7fffffffffffffff, 10, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_sync_file_range, pipe.reader, 0, 0, 0), FailsWith(ESPIPE));
  EXPECT_THAT(Call(SYS_sync_file_range, 9999, 0, 0, 0), FailsWith(EBADF));
}

TEST(Readahead, RegularFilesOpenForReading) {
  const ScopedFd file = TempFile("0123456789");
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_readahead, file, 0, 10), SucceedsWith(0));
  EXPECT_EQ(Offset(file.get()), 0) << "the position stays";
  EXPECT_THAT(Call(SYS_readahead, pipe.reader, 0, 10), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_readahead, 9999, 0, 10), FailsWith(EBADF));
  const ScopedFd writing(open("/dev/null", O_WRONLY));
  EXPECT_THAT(Call(SYS_readahead, writing, 0, 10), FailsWith(EBADF));
}

TEST(Fadvise, KnownAdviceOnFiles) {
  const ScopedFd file = TempFile("0123456789");
  const Pipe pipe;
  for (const int advice :
       {POSIX_FADV_NORMAL, POSIX_FADV_RANDOM, POSIX_FADV_SEQUENTIAL, POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED, POSIX_FADV_NOREUSE}) {
    EXPECT_THAT(Call(SYS_fadvise64, file, 0, 0, advice), SucceedsWith(0)) << advice;
  }
  EXPECT_THAT(Call(SYS_fadvise64, file, 0, 0, 6), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_fadvise64, file, 0, -1, POSIX_FADV_NORMAL), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_fadvise64, pipe.reader, 0, 0, POSIX_FADV_NORMAL), FailsWith(ESPIPE));
  EXPECT_THAT(Call(SYS_fadvise64, 9999, 0, 0, POSIX_FADV_NORMAL), FailsWith(EBADF));
}

}  // namespace
