// lseek(2).
#include "tests/lib/guest.h"

namespace tests {

TEST(Lseek, SetCurrentAndEndAgree) {
  const ScopedFd fd = TempFile("0123456789");
  EXPECT_THAT(Call(SYS_lseek, fd, 4, SEEK_SET), SucceedsWith(4));
  EXPECT_THAT(Call(SYS_lseek, fd, 3, SEEK_CUR), SucceedsWith(7));
  EXPECT_THAT(Call(SYS_lseek, fd, -2, SEEK_END), SucceedsWith(8));
}
TEST(Lseek, BeforeTheStartIsInvalidAndMovesNothing) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_lseek, fd, 2, SEEK_SET), SucceedsWith(2));
  EXPECT_THAT(Call(SYS_lseek, fd, -3, SEEK_CUR), FailsWith(EINVAL));
  EXPECT_EQ(Offset(fd.get()), 2);
}
TEST(Lseek, UnknownWhenceIsInvalid) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_lseek, fd, 0, 77), FailsWith(EINVAL));
}
TEST(Lseek, PipeAndSocketCannotSeek) {
  const Pipe pipe;
  EXPECT_THAT(Call(SYS_lseek, pipe.reader, 0, SEEK_CUR), FailsWith(ESPIPE));
}
TEST(Lseek, OverflowIsReported) {
  const ScopedFd fd = TempFile("abc");
  EXPECT_THAT(Call(SYS_lseek, fd, 1, SEEK_SET), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_lseek, fd, 0x7fff'ffff'ffff'ffffL, SEEK_CUR), FailsWithEither(EOVERFLOW, EINVAL));
}
TEST(Lseek, DataAndHoleFindTheEndOfADenseFile) {
  const ScopedFd fd = TempFile("0123456789");
  EXPECT_THAT(Call(SYS_lseek, fd, 3, SEEK_DATA), SucceedsWith(3));
  EXPECT_THAT(Call(SYS_lseek, fd, 3, SEEK_HOLE), SucceedsWith(10));
  EXPECT_THAT(Call(SYS_lseek, fd, 10, SEEK_DATA), FailsWith(ENXIO));
}
TEST(Lseek, OffsetIsSharedByDuplicates) {
  const ScopedFd fd = TempFile("abc");
  const ScopedFd copy(dup(fd.get()));
  EXPECT_THAT(Call(SYS_lseek, fd, 2, SEEK_SET), SucceedsWith(2));
  EXPECT_EQ(Offset(copy.get()), 2);
}
TEST(Lseek, OffsetIsSharedWithAChild) {
  const ScopedFd fd = TempFile("abcdef");
  InChild([&] { EXPECT_THAT(Call(SYS_lseek, fd, 5, SEEK_SET), SucceedsWith(5)); });
  EXPECT_EQ(Offset(fd.get()), 5);
}

}  // namespace tests
