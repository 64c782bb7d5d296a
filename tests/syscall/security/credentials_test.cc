// setuid(2), setreuid(2), setresuid(2), setgroups(2), capget(2), capset(2), no_new_privs.
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

struct Ids {
  unsigned real = 99, effective = 99, saved = 99;
};
static Ids UserIds() {
  Ids ids;
  EXPECT_THAT(Call(SYS_getresuid, &ids.real, &ids.effective, &ids.saved), SucceedsWith(0));
  return ids;
}
static unsigned long Effective() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  EXPECT_THAT(Call(SYS_capget, &header, data), SucceedsWith(0));
  return data[0].effective | static_cast<unsigned long>(data[1].effective) << 32;
}

TEST(Getuid, FourCallsAgreeWithGetres) {
  const Ids ids = UserIds();
  EXPECT_THAT(Call(SYS_getuid), SucceedsWith(ids.real));
  EXPECT_THAT(Call(SYS_geteuid), SucceedsWith(ids.effective));
  unsigned real, effective, saved;
  EXPECT_THAT(Call(SYS_getresgid, &real, &effective, &saved), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_getgid), SucceedsWith(real));
  EXPECT_THAT(Call(SYS_getegid), SucceedsWith(effective));
  EXPECT_THAT(Call(SYS_getresuid, BadAddress(), &effective, &saved), FailsWith(EFAULT));
}
TEST(Setuid, OfRootChangesAllThree) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    EXPECT_THAT(Call(SYS_setuid, 1000), SucceedsWith(0));
    const Ids ids = UserIds();
    EXPECT_EQ(ids.real, 1000u);
    EXPECT_EQ(ids.effective, 1000u);
    EXPECT_EQ(ids.saved, 1000u);
    EXPECT_THAT(Call(SYS_setuid, 0), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_setuid, 1000), SucceedsWith(0));
  });
}
TEST(Setresuid, OrdinaryUserMovesAmongItsThreeIds) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    EXPECT_THAT(Call(SYS_setresuid, 1000, 1001, 1002), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setresuid, -1, 1002, -1), SucceedsWith(0));
    EXPECT_EQ(UserIds().effective, 1002u);
    // The old effective id 1001 is in no slot any more.
    EXPECT_THAT(Call(SYS_setresuid, -1, 1001, -1), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_setresuid, 1002, 1000, 1000), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setresuid, 1003, -1, -1), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_setresuid, 0, 0, 0), FailsWith(EPERM));
  });
}
TEST(Setreuid, SetsTheSavedIdWhenTheRealOneChanges) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    EXPECT_THAT(Call(SYS_setreuid, 1000, 1001), SucceedsWith(0));
    EXPECT_EQ(UserIds().saved, 1001u);
    EXPECT_THAT(Call(SYS_setreuid, 1001, 1000), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setreuid, 5, -1), FailsWith(EPERM));
  });
}
TEST(Setresgid, GroupsFollowTheSameRules) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    EXPECT_THAT(Call(SYS_setresgid, 1000, 1001, 1002), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setuid, 1000), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setgid, 1002), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_getegid), SucceedsWith(1002));
    EXPECT_THAT(Call(SYS_setgid, 0), FailsWith(EPERM));
  });
}
TEST(Setgroups, ReadBackSizeRulesAndPrivilege) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    const gid_t groups[3] = {30, 10, 20};
    EXPECT_THAT(Call(SYS_setgroups, 3, groups), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_getgroups, 0, nullptr), SucceedsWith(3));
    gid_t seen[3];
    EXPECT_THAT(Call(SYS_getgroups, 2, seen), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_getgroups, 3, seen), SucceedsWith(3));
    EXPECT_EQ(seen[0] + seen[1] + seen[2], 60u);
    EXPECT_THAT(Call(SYS_setgroups, 65537, groups), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_setuid, 1000), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setgroups, 0, nullptr), FailsWith(EPERM));
  });
}
TEST(Setgroups, SupplementaryGroupGivesAccess) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "x");
  ASSERT_EQ(chown((dir / "f").c_str(), 0, 4321), 0);
  ASSERT_EQ(chmod((dir / "f").c_str(), 0640), 0);
  InChild([&] {
    const gid_t group = 4321;
    EXPECT_THAT(Call(SYS_setgroups, 1, &group), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setresgid, 1000, 1000, 1000), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setresuid, 1000, 1000, 1000), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_open, dir / "f", O_RDONLY), Succeeds());
    EXPECT_THAT(Call(SYS_open, dir / "f", O_WRONLY), FailsWith(EACCES));
  });
}
TEST(Capabilities, LeavingRootClearsThem) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    const unsigned long before = Effective();
    EXPECT_NE(before, 0u);
    EXPECT_THAT(Call(SYS_setresuid, -1, 1000, -1), SucceedsWith(0));
    EXPECT_EQ(Effective(), 0u);
    EXPECT_THAT(Call(SYS_setresuid, -1, 0, -1), SucceedsWith(0));
    EXPECT_EQ(Effective(), before);
    EXPECT_THAT(Call(SYS_setresuid, 1000, 1000, 1000), SucceedsWith(0));
    EXPECT_EQ(Effective(), 0u);
  });
}
TEST(Capabilities, KeepcapsKeepsThePermittedSet) {
  SKIP_UNLESS_ROOT();
  InChild([] {
    EXPECT_THAT(Call(SYS_prctl, PR_SET_KEEPCAPS, 1), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setresuid, 1000, 1000, 1000), SucceedsWith(0));
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    EXPECT_THAT(Call(SYS_capget, &header, data), SucceedsWith(0));
    EXPECT_EQ(data[0].effective, 0u);
    EXPECT_NE(data[0].permitted, 0u);
  });
}
TEST(Capset, DroppedCapabilityIsGoneForGood) {
  SKIP_UNLESS_CAPABLE(CAP_CHOWN);
  InChild([] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    EXPECT_THAT(Call(SYS_capget, &header, data), SucceedsWith(0));
    const __user_cap_data_struct all[2] = {data[0], data[1]};
    data[0].effective &= ~(1U << CAP_CHOWN);
    data[0].permitted &= ~(1U << CAP_CHOWN);
    EXPECT_THAT(Call(SYS_capset, &header, data), SucceedsWith(0));
    EXPECT_FALSE(HasCapability(CAP_CHOWN));
    const TempDir dir;
    WriteFile(dir / "f", "x");
    EXPECT_THAT(Call(SYS_chown, dir / "f", 1000, -1), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_capset, &header, all), FailsWith(EPERM));
  });
}
TEST(Capget, UnknownVersionIsInvalidAndTellsTheRightOne) {
  __user_cap_header_struct header{0, 0};
  __user_cap_data_struct data[2];
  EXPECT_THAT(Call(SYS_capget, &header, data), FailsWith(EINVAL));
  EXPECT_EQ(header.version, static_cast<unsigned>(_LINUX_CAPABILITY_VERSION_3));
  header.pid = -1;
  EXPECT_THAT(Call(SYS_capget, &header, data), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_capget, BadAddress(), data), FailsWith(EFAULT));
}
TEST(Capabilities, BoundingSetCanBeDropped) {
  SKIP_UNLESS_CAPABLE(CAP_SETPCAP);
  InChild([] {
    EXPECT_THAT(Call(SYS_prctl, PR_CAPBSET_READ, CAP_CHOWN), SucceedsWith(1));
    EXPECT_THAT(Call(SYS_prctl, PR_CAPBSET_DROP, CAP_CHOWN), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_prctl, PR_CAPBSET_READ, CAP_CHOWN), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_prctl, PR_CAPBSET_READ, 99), FailsWith(EINVAL));
  });
}
TEST(NoNewPrivs, IsOneWayAndInherited) {
  InChild([] {
    EXPECT_THAT(Call(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), SucceedsWith(0));
    InChild([] { EXPECT_THAT(Call(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), SucceedsWith(1)); });
  });
}
ROLE(effective_uid) { return static_cast<int>(geteuid() % 100); }
// A copy of this binary, for set-user-id bits.
static std::string CopyOfSelf(const TempDir& dir) {
  const std::string path = dir / "self";
  const ScopedFd in(open(SelfPath().c_str(), O_RDONLY)), out(open(path.c_str(), O_WRONLY | O_CREAT, 0755));
  while (Call(SYS_sendfile, out, in, nullptr, 1 << 24) > 0) {
  }
  return path;
}
TEST(SetUserId, ExecTakesTheFilesOwnerUnlessNoNewPrivs) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  const std::string path = CopyOfSelf(dir);
  ASSERT_EQ(chown(path.c_str(), 1042, -1), 0);
  ASSERT_EQ(chmod(path.c_str(), 04755), 0);
  const int status = ChildStatus([&] {
    DropToNobody();
    ExecRole("effective_uid", {}, {}, path);
  });
  if (WIFEXITED(status) && WEXITSTATUS(status) == 34) GTEST_SKIP() << "the temporary directory is mounted nosuid";
  EXPECT_THAT(status, Exited(42));
  EXPECT_THAT(ChildStatus([&] {
                DropToNobody();
                prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
                ExecRole("effective_uid", {}, {}, path);
              }),
              Exited(34));
}
TEST(Setfsuid, DecidesFileAccessAndReturnsTheOldOne) {
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  WriteFile(dir / "f", "x", 0600);
  InChild([&] {
    EXPECT_THAT(Call(SYS_setfsuid, 1000), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setfsuid, -1), SucceedsWith(1000));
    EXPECT_THAT(Call(SYS_open, dir / "f", O_RDONLY), FailsWith(EACCES));
  });
}

}  // namespace tests
