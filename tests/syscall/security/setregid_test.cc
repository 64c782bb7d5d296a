// setregid(2), setfsgid(2).
#include "tests/lib/guest.h"

namespace {

using namespace tests;

struct Gids {
  unsigned real = 99, effective = 99, saved = 99;
  friend bool operator==(const Gids&, const Gids&) = default;
};
Gids Now() {
  Gids ids;
  EXPECT_THAT(Call(SYS_getresgid, &ids.real, &ids.effective, &ids.saved), SucceedsWith(0));
  return ids;
}

TEST(Setregid, SavedFollowsTheEffectiveOne) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    EXPECT_THAT(Call(SYS_setregid, 10, 20), SucceedsWith(0));
    EXPECT_EQ(Now(), (Gids{10, 20, 20}));
    EXPECT_THAT(Call(SYS_setregid, -1, 30), SucceedsWith(0));
    EXPECT_EQ(Now(), (Gids{10, 30, 30}));
    EXPECT_THAT(Call(SYS_setregid, -1, 10), SucceedsWith(0));
    EXPECT_EQ(Now(), (Gids{10, 10, 30})) << "the real one is no new one: saved stays";
    EXPECT_THAT(Call(SYS_setregid, -1, -1), SucceedsWith(0));
    EXPECT_EQ(Now(), (Gids{10, 10, 30}));
  });
}

TEST(Setregid, WithoutPrivilegeOnlyOwnIds) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    EXPECT_THAT(Call(SYS_setresgid, 10, 20, 30), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setresuid, 5, 5, 5), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setregid, 40, -1), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_setregid, 30, -1), FailsWith(EPERM)) << "the saved one may only become effective";
    EXPECT_THAT(Call(SYS_setregid, -1, 30), SucceedsWith(0));
    EXPECT_EQ(Now().effective, 30u);
  });
}

TEST(Setfsgid, AnswersWithTheOneBefore) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    const unsigned before = Now().effective;
    EXPECT_THAT(Call(SYS_setfsgid, 77), SucceedsWith(before));
    EXPECT_THAT(Call(SYS_setfsgid, -1), SucceedsWith(77)) << "no such group: nothing changes";
    const TempDir dir;
    EXPECT_TRUE(WriteFile(dir / "f", "x"));
    EXPECT_THAT(Call(SYS_setfsgid, before), SucceedsWith(77));
    EXPECT_THAT(Call(SYS_setregid, 5, 6), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setfsgid, -1), SucceedsWith(6)) << "it follows the effective one";
  });
}

TEST(Setfsgid, FailsInSilence) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_setfsgid, 0), SucceedsWith(65534));
    EXPECT_THAT(Call(SYS_setfsgid, -1), SucceedsWith(65534)) << "still";
  });
}

}  // namespace
