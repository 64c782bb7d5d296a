// pivot_root(2).
#include <sys/stat.h>

#include "tests/lib/guest.h"
#include "tests/lib/namespaces.h"

namespace tests {
namespace {

// A tmpfs at dir/new with a directory "old" in it.
std::string NewRoot(const std::string& dir) {
  MakeDir(dir + "/new");
  EXPECT_THAT(Call(SYS_mount, "none", dir + "/new", "tmpfs", 0, nullptr), SucceedsWith(0));
  MakeDir(dir + "/new/old");
  EXPECT_TRUE(WriteFile(dir + "/new/marker", "new"));
  return dir + "/new";
}

}  // namespace

TEST(PivotRoot, SwapsTheRoots) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string root = NewRoot(dir);
    EXPECT_TRUE(WriteFile(dir + "/before", "x"));
    EXPECT_THAT(Call(SYS_chdir, "/"), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_pivot_root, root, root + "/old"), SucceedsWith(0));
    EXPECT_EQ(ReadFile("/marker"), "new");
    EXPECT_EQ(ReadFile("marker"), "new");  // whoever worked in the old root works in the new one
    EXPECT_EQ(ReadFile("/old" + dir + "/before"), "x");
    EXPECT_THAT(Call(SYS_umount2, "/old", MNT_DETACH), SucceedsWith(0));
    EXPECT_FALSE(Exists("/old" + dir));
  });
}
TEST(PivotRoot, OnItselfStacksTheOldRoot) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string root = NewRoot(dir);
    EXPECT_THAT(Call(SYS_chdir, root), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_pivot_root, ".", "."), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_umount2, ".", MNT_DETACH), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_chdir, "/"), SucceedsWith(0));
    EXPECT_EQ(ReadFile("/marker"), "new");
    EXPECT_FALSE(Exists("/proc/self"));
  });
}
TEST(PivotRoot, MovesOtherProcessesToo) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string root = NewRoot(dir);
    const Pipe go;
    const pid_t child = StartChild([&] {
      char byte;
      Call(SYS_chdir, "/");
      Call(SYS_read, go.reader, &byte, 1);
      EXPECT_EQ(ReadFile("/marker"), "new");
      EXPECT_EQ(ReadFile("marker"), "new");
    });
    usleep(50'000);
    EXPECT_THAT(Call(SYS_pivot_root, root, root + "/old"), SucceedsWith(0));
    Call(SYS_write, go.writer, "g", 1);
    EXPECT_THAT(StatusOf(child), Exited(0));
  });
}
TEST(PivotRoot, NewRootMustBeAMount) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/plain");
    MakeDir(dir + "/plain/old");
    EXPECT_THAT(Call(SYS_pivot_root, dir + "/plain", dir + "/plain/old"), FailsWith(EINVAL));
  });
}
TEST(PivotRoot, PutOldMustBeBelowNewRoot) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string root = NewRoot(dir);
    const std::string other = dir + "/other";
    MakeDir(other);
    EXPECT_THAT(Call(SYS_pivot_root, root, other), FailsWith(EINVAL));
  });
}
TEST(PivotRoot, TheCurrentRootIsBusy) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string root = NewRoot(dir);
    EXPECT_THAT(Call(SYS_pivot_root, "/", "/"), FailsWith(EBUSY));
    EXPECT_THAT(Call(SYS_pivot_root, root, "/tmp"), FailsWithEither(EBUSY, EINVAL));
  });
}
TEST(PivotRoot, NotWithSharedMounts) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string root = NewRoot(dir);
    EXPECT_THAT(Call(SYS_mount, nullptr, root, nullptr, MS_SHARED, nullptr), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_pivot_root, root, root + "/old"), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_mount, nullptr, root, nullptr, MS_PRIVATE, nullptr), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_mount, nullptr, dir, nullptr, MS_SHARED, nullptr), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_pivot_root, root, root + "/old"), FailsWith(EINVAL));
  });
}
TEST(PivotRoot, PathsMustBeDirectories) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string root = NewRoot(dir);
    EXPECT_THAT(Call(SYS_pivot_root, root + "/marker", root + "/old"), FailsWith(ENOTDIR));
    EXPECT_THAT(Call(SYS_pivot_root, root, root + "/marker"), FailsWith(ENOTDIR));
    EXPECT_THAT(Call(SYS_pivot_root, root + "/none", root + "/old"), FailsWith(ENOENT));
    EXPECT_THAT(Call(SYS_pivot_root, BadAddress(), root + "/old"), FailsWith(EFAULT));
    EXPECT_THAT(Call(SYS_pivot_root, root, BadAddress()), FailsWith(EFAULT));
  });
}
TEST(PivotRoot, NeedsCapSysAdmin) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string root = NewRoot(dir);
    DropToNobody();
    EXPECT_THAT(Call(SYS_pivot_root, root, root + "/old"), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_pivot_root, BadAddress(), BadAddress()), FailsWith(EPERM));  // before anything else
  });
}
TEST(PivotRoot, InAChrootThatIsNoMount) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/jail");
    NewRoot(dir + "/jail");
    EXPECT_THAT(Call(SYS_chroot, dir + "/jail"), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_chdir, "/"), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_pivot_root, "/new", "/new/old"), FailsWith(EINVAL));
  });
}

}  // namespace tests
