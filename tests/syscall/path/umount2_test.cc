// umount(2): what is busy, what goes lazily, what is refused.
#include <sys/stat.h>

#include "tests/lib/guest.h"
#include "tests/lib/namespaces.h"

namespace tests {
namespace {

std::string NewTmpfs(const std::string& dir, const std::string& name) {
  MakeDir(dir + "/" + name);
  EXPECT_THAT(Call(SYS_mount, "none", dir + "/" + name, "tmpfs", 0, nullptr), SucceedsWith(0));
  return dir + "/" + name;
}

}  // namespace

TEST(Umount, FlagsAreChecked) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_THAT(Call(SYS_umount2, m, 0x10), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_umount2, m, MNT_EXPIRE | MNT_DETACH), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_umount2, m, MNT_EXPIRE | MNT_FORCE), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_umount2, m, 0), SucceedsWith(0));
  });
}
TEST(Umount, OnlyTheRootOfAMount) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/plain");
    EXPECT_THAT(Call(SYS_umount2, dir + "/plain", 0), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_umount2, dir + "/missing", 0), FailsWith(ENOENT));
    EXPECT_THAT(Call(SYS_umount2, BadAddress(), 0), FailsWith(EFAULT));
    EXPECT_THAT(Call(SYS_umount2, "", 0), FailsWith(ENOENT));
  });
}
TEST(Umount, NeedsCapSysAdmin) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    DropToNobody();
    EXPECT_THAT(Call(SYS_umount2, m, 0), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_umount2, m, MNT_DETACH), FailsWith(EPERM));
  });
}
TEST(Umount, BusyWhileAFileIsOpen) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    ScopedFd fd(Call(SYS_open, m + "/f", O_CREAT | O_RDWR, 0644));
    EXPECT_THAT(Call(SYS_umount2, m, 0), FailsWith(EBUSY));
    fd.Reset();
    EXPECT_THAT(Call(SYS_umount2, m, 0), SucceedsWith(0));
  });
}
TEST(Umount, BusyWhileSomebodyWorksThere) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_THAT(Call(SYS_chdir, m), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_umount2, m, 0), FailsWith(EBUSY));
    EXPECT_THAT(Call(SYS_chdir, "/"), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_umount2, m, 0), SucceedsWith(0));
  });
}
TEST(Umount, BusyWhileSomethingIsMappedFromThere) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_TRUE(WriteFile(m + "/f", std::string(4096, 'x')));
    ScopedFd fd(Call(SYS_open, m + "/f", O_RDWR));
    const long at = Call(SYS_mmap, nullptr, 4096, 3, 1, fd, 0);
    fd.Reset();
    EXPECT_THAT(Call(SYS_umount2, m, 0), FailsWith(EBUSY));
    EXPECT_THAT(Call(SYS_munmap, at, 4096), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_umount2, m, 0), SucceedsWith(0));
  });
}
TEST(Umount, BusyWithMountsOnIt) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    NewTmpfs(m, "inner");
    EXPECT_THAT(Call(SYS_umount2, m, 0), FailsWith(EBUSY));
    EXPECT_THAT(Call(SYS_umount2, m + "/inner", 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_umount2, m, 0), SucceedsWith(0));
  });
}
TEST(Umount, DetachTakesTheTreeAndLeavesOpenFiles) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    NewTmpfs(m, "inner");
    EXPECT_TRUE(WriteFile(m + "/f", "text"));
    ScopedFd fd(Call(SYS_open, m + "/f", O_RDWR));
    ScopedFd directory(Call(SYS_open, m, O_DIRECTORY | O_RDONLY));
    EXPECT_THAT(Call(SYS_umount2, m, MNT_DETACH), SucceedsWith(0));
    EXPECT_FALSE(Exists(m + "/f"));
    EXPECT_EQ(MountAt(m).id, 0);
    EXPECT_EQ(MountAt(m + "/inner").id, 0);
    char text[4];
    EXPECT_THAT(Call(SYS_read, fd, text, 4), SucceedsWith(4));
    EXPECT_THAT(Call(SYS_openat, directory, "new", O_CREAT | O_RDWR | O_CLOEXEC, 0644), Succeeds());
  });
}
TEST(Umount, DetachedPlaceHasNoWayUp) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_THAT(Call(SYS_chdir, m), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_umount2, m, MNT_DETACH), SucceedsWith(0));
    struct stat here, up;
    ASSERT_EQ(stat(".", &here), 0);
    ASSERT_EQ(stat("..", &up), 0);
    EXPECT_EQ(here.st_ino, up.st_ino);
    char name[256];
    const long n = Call(SYS_getcwd, name, sizeof name);
    EXPECT_GT(n, 0);
    EXPECT_EQ(std::string(name).substr(0, 13), "(unreachable)");
    MakeDir("sub");
    EXPECT_THAT(Call(SYS_mount, "none", "sub", "tmpfs", 0, nullptr), FailsWithEither(EINVAL, ENOENT));  // no longer in any namespace
  });
}
TEST(Umount, ExpireTakesTwoCalls) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_THAT(Call(SYS_umount2, m, MNT_EXPIRE), FailsWith(EAGAIN));
    EXPECT_THAT(Call(SYS_umount2, m, MNT_EXPIRE), SucceedsWith(0));
    EXPECT_EQ(MountAt(m).id, 0);
  });
}
TEST(Umount, ExpireOfABusyMount) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    ScopedFd fd(Call(SYS_open, m, O_DIRECTORY | O_RDONLY));
    EXPECT_THAT(Call(SYS_umount2, m, MNT_EXPIRE), FailsWith(EBUSY));
  });
}
TEST(Umount, NofollowStopsAtALink) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_THAT(Call(SYS_symlink, m, dir + "/link"), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_umount2, dir + "/link", UMOUNT_NOFOLLOW), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_umount2, dir + "/link", 0), SucceedsWith(0));
  });
}
TEST(Umount, TheTopmostOfAStackGoesFirst) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_TRUE(WriteFile(m + "/lower", "x"));
    EXPECT_THAT(Call(SYS_mount, "none", m, "tmpfs", 0, nullptr), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_umount2, m, 0), SucceedsWith(0));
    EXPECT_TRUE(Exists(m + "/lower"));
    EXPECT_THAT(Call(SYS_umount2, m, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_umount2, m, 0), FailsWith(EINVAL));
  });
}
TEST(Umount, MountPointsAreBusyForRemovalAndRename) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_THAT(Call(SYS_rmdir, m), FailsWith(EBUSY));
    EXPECT_THAT(Call(SYS_rename, m, dir + "/other"), FailsWith(EBUSY));
    EXPECT_THAT(Call(SYS_umount2, m, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_rmdir, m), SucceedsWith(0));
  });
}
TEST(Umount, ForceIsAllowedToRoot) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_THAT(Call(SYS_umount2, m, MNT_FORCE), SucceedsWith(0));
  });
}
TEST(Umount, EverythingGoesWithTheLastProcessOfTheNamespace) {
  SKIP_UNLESS_MOUNTS();
  const TempDir dir;
  InChild([&] {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    EXPECT_THAT(Call(SYS_mount, "none", dir.path(), "tmpfs", 0, nullptr), SucceedsWith(0));
    EXPECT_TRUE(WriteFile(dir / "f", "x"));
  });
  EXPECT_FALSE(Exists(dir / "f"));
  EXPECT_EQ(MountAt(dir.path()).id, 0);
}

}  // namespace tests
