// mount(2), mount_namespaces(7): file systems, bind mounts, flags, moves, shared subtrees.
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "tests/lib/guest.h"
#include "tests/lib/namespaces.h"

namespace tests {
namespace {

long Mount(const char* source, const std::string& target, const char* type, unsigned long flags, const char* data = nullptr) {
  return Call(SYS_mount, source, target, type, flags, data);
}
long Mount(const std::string& source, const std::string& target, const char* type, unsigned long flags, const char* data = nullptr) {
  return Call(SYS_mount, source, target, type, flags, data);
}
const char* const kNone = nullptr;

// A tmpfs at dir/name.
std::string NewTmpfs(const std::string& dir, const std::string& name, unsigned long flags = 0, const char* data = nullptr) {
  MakeDir(dir + "/" + name);
  EXPECT_THAT(Mount("tmp-" + name, dir + "/" + name, "tmpfs", flags, data), SucceedsWith(0));
  return dir + "/" + name;
}
long Open(const std::string& path, int flags, int mode = 0) { return Call(SYS_open, path, flags, mode); }

}  // namespace

// ---- new mounts ----

TEST(Mount, TmpfsIsEmptyAndHidesWhatWasThere) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/m");
    EXPECT_TRUE(WriteFile(dir + "/m/below", "x"));
    EXPECT_THAT(Mount("none", dir + "/m", "tmpfs", 0), SucceedsWith(0));
    EXPECT_FALSE(Exists(dir + "/m/below"));
    EXPECT_TRUE(WriteFile(dir + "/m/above", "y"));
    EXPECT_THAT(Call(SYS_umount2, dir + "/m", 0), SucceedsWith(0));
    EXPECT_TRUE(Exists(dir + "/m/below"));
    EXPECT_FALSE(Exists(dir + "/m/above"));
  });
}
TEST(Mount, TmpfsTakesSizeModeUidAndGid) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m", 0, "size=64k,nr_inodes=4,mode=2750,uid=12,gid=34");
    struct stat st;
    ASSERT_EQ(stat(m.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 02750u);
    EXPECT_EQ(st.st_uid, 12u);
    EXPECT_EQ(st.st_gid, 34u);
    struct statfs fs;
    ASSERT_EQ(statfs(m.c_str(), &fs), 0);
    EXPECT_EQ(fs.f_blocks * static_cast<unsigned long>(fs.f_bsize), 65536u);
    EXPECT_EQ(fs.f_files, 4u);
    ScopedFd fd(Open(m + "/a", O_CREAT | O_RDWR, 0644));
    std::string bytes(65536 + 1, 'x');
    EXPECT_THAT(Call(SYS_write, fd, bytes.data(), bytes.size()), SucceedsWith(65536));
    EXPECT_THAT(Call(SYS_write, fd, bytes.data(), 1), FailsWith(ENOSPC));
    EXPECT_THAT(Call(SYS_mkdir, m + "/b", 0755), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_mkdir, m + "/c", 0755), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_mkdir, m + "/d", 0755), FailsWith(ENOSPC));
  });
}
TEST(Mount, TmpfsDefaultsToTheCallerAndSticky) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    struct stat st;
    ASSERT_EQ(stat(m.c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 01777u);
    EXPECT_EQ(st.st_uid, geteuid());
  });
}
TEST(Mount, TmpfsRefusesOptionsItDoesNotKnow) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/m");
    EXPECT_THAT(Mount("none", dir + "/m", "tmpfs", 0, "nosuchoption=1"), FailsWith(EINVAL));
    EXPECT_THAT(Mount("none", dir + "/m", "tmpfs", 0, "size=banana"), FailsWith(EINVAL));
    EXPECT_THAT(Mount("none", dir + "/m", "tmpfs", 0, "mode=9"), FailsWith(EINVAL));
  });
}
TEST(Mount, UnknownTypeIsNoDevice) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    EXPECT_THAT(Mount("none", dir, "nosuchfs", 0), FailsWith(ENODEV));
    EXPECT_THAT(Mount("none", dir, "", 0), FailsWith(ENODEV));
    EXPECT_THAT(Mount(kNone, dir, kNone, 0), FailsWith(EINVAL));
  });
}
TEST(Mount, TargetIsLookedUp) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    EXPECT_THAT(Mount("none", dir + "/missing", "tmpfs", 0), FailsWith(ENOENT));
    EXPECT_TRUE(WriteFile(dir + "/file", "x"));
    EXPECT_THAT(Mount("none", dir + "/file", "tmpfs", 0), FailsWith(ENOTDIR));
    EXPECT_THAT(Mount("none", dir + "/file/x", "tmpfs", 0), FailsWith(ENOTDIR));
    EXPECT_THAT(Mount("none", std::string(5000, 'x'), "tmpfs", 0), FailsWith(ENAMETOOLONG));
    EXPECT_THAT(Mount("none", "", "tmpfs", 0), FailsWith(ENOENT));
  });
}
TEST(Mount, BadPointersFault) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    EXPECT_THAT(Call(SYS_mount, BadAddress(), dir, "tmpfs", 0, nullptr), FailsWith(EFAULT));
    EXPECT_THAT(Call(SYS_mount, "none", BadAddress(), "tmpfs", 0, nullptr), FailsWith(EFAULT));
    EXPECT_THAT(Call(SYS_mount, "none", dir, BadAddress(), 0, nullptr), FailsWith(EFAULT));
    EXPECT_THAT(Call(SYS_mount, "none", dir, "tmpfs", 0, BadAddress()), FailsWith(EFAULT));
  });
}
TEST(Mount, MagicNumberOfOldProgramsIsStripped) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/m");
    EXPECT_THAT(Mount("none", dir + "/m", "tmpfs", 0xc0ed0000ul | MS_NOSUID), SucceedsWith(0));
    EXPECT_TRUE(HasOption(MountAt(dir + "/m").options, "nosuid"));
  });
}
TEST(Mount, NeedsCapSysAdmin) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    DropToNobody();
    EXPECT_THAT(Mount("none", dir, "tmpfs", 0), FailsWith(EPERM));
    EXPECT_THAT(Mount(dir, dir, kNone, MS_BIND), FailsWith(EPERM));
    EXPECT_THAT(Mount(kNone, dir, kNone, MS_PRIVATE), FailsWith(EPERM));
    EXPECT_THAT(Mount(kNone, dir, kNone, MS_REMOUNT | MS_BIND | MS_RDONLY), FailsWith(EPERM));
    EXPECT_THAT(Mount("none", dir + "/missing", "tmpfs", 0), FailsWith(ENOENT));  // the path comes first
  });
}
TEST(Mount, AStackOfMountsOnOnePlace) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_TRUE(WriteFile(m + "/one", "1"));
    EXPECT_THAT(Mount("two", m, "tmpfs", 0), SucceedsWith(0));
    EXPECT_FALSE(Exists(m + "/one"));
    EXPECT_EQ(MountsAt(m), 2);
    EXPECT_THAT(Call(SYS_umount2, m, 0), SucceedsWith(0));
    EXPECT_TRUE(Exists(m + "/one"));
  });
}
TEST(Mount, ProcShowsProcesses) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/p");
    EXPECT_THAT(Mount("proc", dir + "/p", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC), SucceedsWith(0));
    EXPECT_EQ(ReadFile(dir + "/p/self/stat").substr(0, 4), ReadFile("/proc/self/stat").substr(0, 4));
    struct statfs fs;
    ASSERT_EQ(statfs((dir + "/p").c_str(), &fs), 0);
    EXPECT_EQ(fs.f_type, 0x9fa0);
    EXPECT_EQ(MountAt(dir + "/p").type, "proc");
    EXPECT_EQ(MountAt(dir + "/p").source, "proc");
  });
}
TEST(Mount, SysfsHasItsTree) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/s");
    EXPECT_THAT(Mount("sysfs", dir + "/s", "sysfs", 0), SucceedsWith(0));
    EXPECT_TRUE(Exists(dir + "/s/kernel"));
    EXPECT_TRUE(Exists(dir + "/s/devices/system/cpu"));
  });
}
TEST(Mount, EachDevptsIsAnInstanceOfItsOwn) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/a");
    MakeDir(dir + "/b");
    EXPECT_THAT(Mount("devpts", dir + "/a", "devpts", 0, "newinstance,ptmxmode=0666,mode=620"), SucceedsWith(0));
    EXPECT_THAT(Mount("devpts", dir + "/b", "devpts", 0, "newinstance,ptmxmode=0640"), SucceedsWith(0));
    struct stat st;
    ASSERT_EQ(stat((dir + "/a/ptmx").c_str(), &st), 0);
    EXPECT_TRUE(S_ISCHR(st.st_mode));
    EXPECT_EQ(st.st_mode & 0777, 0666u);
    ASSERT_EQ(stat((dir + "/b/ptmx").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 0777, 0640u);
    ScopedFd master(Open(dir + "/a/ptmx", O_RDWR | O_NOCTTY));
    EXPECT_TRUE(master.valid());
    EXPECT_TRUE(Exists(dir + "/a/0"));
    EXPECT_FALSE(Exists(dir + "/b/0"));
  });
}
TEST(Mount, RamfsHasNoLimit) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/r");
    EXPECT_THAT(Mount("ramfs", dir + "/r", "ramfs", 0, "mode=0711"), SucceedsWith(0));
    struct stat st;
    ASSERT_EQ(stat((dir + "/r").c_str(), &st), 0);
    EXPECT_EQ(st.st_mode & 07777, 0711u);
    EXPECT_TRUE(WriteFile(dir + "/r/f", "x"));
    EXPECT_EQ(MountAt(dir + "/r").type, "ramfs");
  });
}
TEST(Mount, DeviceNumbersDifferBetweenInstances) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    struct stat a, b;
    ASSERT_EQ(stat(NewTmpfs(dir, "a").c_str(), &a), 0);
    ASSERT_EQ(stat(NewTmpfs(dir, "b").c_str(), &b), 0);
    EXPECT_NE(a.st_dev, b.st_dev);
  });
}

// ---- bind mounts ----

TEST(MountBind, ShowsTheSameDirectory) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/a");
    MakeDir(dir + "/b");
    EXPECT_THAT(Mount(dir + "/a", dir + "/b", kNone, MS_BIND), SucceedsWith(0));
    EXPECT_TRUE(WriteFile(dir + "/a/f", "text"));
    EXPECT_EQ(ReadFile(dir + "/b/f"), "text");
    struct stat a, b;
    ASSERT_EQ(stat((dir + "/a").c_str(), &a), 0);
    ASSERT_EQ(stat((dir + "/b").c_str(), &b), 0);
    EXPECT_EQ(a.st_ino, b.st_ino);
    EXPECT_EQ(a.st_dev, b.st_dev);
    EXPECT_EQ(MountAt(dir + "/b").root, "/a");
  });
}
TEST(MountBind, OfAFileOnAFile) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    EXPECT_TRUE(WriteFile(dir + "/a", "one"));
    EXPECT_TRUE(WriteFile(dir + "/b", "two"));
    EXPECT_THAT(Mount(dir + "/a", dir + "/b", kNone, MS_BIND), SucceedsWith(0));
    EXPECT_EQ(ReadFile(dir + "/b"), "one");
    MakeDir(dir + "/d");
    EXPECT_THAT(Mount(dir + "/a", dir + "/d", kNone, MS_BIND), FailsWith(ENOTDIR));
    EXPECT_THAT(Mount(dir + "/d", dir + "/b", kNone, MS_BIND), FailsWith(ENOTDIR));
  });
}
TEST(MountBind, WithoutRecursionShowsWhatIsUnderMounts) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/a");
    NewTmpfs(dir + "/a", "inner");
    EXPECT_TRUE(WriteFile(dir + "/a/inner/f", "x"));
    MakeDir(dir + "/b");
    MakeDir(dir + "/c");
    EXPECT_THAT(Mount(dir + "/a", dir + "/b", kNone, MS_BIND), SucceedsWith(0));
    EXPECT_FALSE(Exists(dir + "/b/inner/f"));
    EXPECT_THAT(Mount(dir + "/a", dir + "/c", kNone, MS_BIND | MS_REC), SucceedsWith(0));
    EXPECT_TRUE(Exists(dir + "/c/inner/f"));
    EXPECT_EQ(MountAt(dir + "/c/inner").parent, MountAt(dir + "/c").id);
  });
}
TEST(MountBind, TakesTheFlagsOfItsSourceNotOfTheCall) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a", MS_NOSUID);
    MakeDir(dir + "/b");
    EXPECT_THAT(Mount(a, dir + "/b", kNone, MS_BIND | MS_RDONLY | MS_NODEV), SucceedsWith(0));
    EXPECT_TRUE(HasOption(MountAt(dir + "/b").options, "rw"));
    EXPECT_TRUE(HasOption(MountAt(dir + "/b").options, "nosuid"));
    EXPECT_FALSE(HasOption(MountAt(dir + "/b").options, "nodev"));
  });
}
TEST(MountBind, SourceMustExist) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    EXPECT_THAT(Mount(dir + "/missing", dir, kNone, MS_BIND), FailsWith(ENOENT));
    EXPECT_THAT(Mount(kNone, dir, kNone, MS_BIND), FailsWith(EINVAL));
    EXPECT_THAT(Mount("", dir, kNone, MS_BIND), FailsWith(EINVAL));
  });
}
TEST(MountBind, RemovedSourceStaysUsable) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/a");
    MakeDir(dir + "/b");
    EXPECT_TRUE(WriteFile(dir + "/a/f", "x"));
    EXPECT_THAT(Mount(dir + "/a", dir + "/b", kNone, MS_BIND), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_rename, dir + "/a", dir + "/z"), SucceedsWith(0));
    EXPECT_EQ(ReadFile(dir + "/b/f"), "x");
    EXPECT_EQ(MountAt(dir + "/b").root, "/z");
  });
}
TEST(MountBind, ReadOnlyByRemount) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/a");
    MakeDir(dir + "/b");
    EXPECT_TRUE(WriteFile(dir + "/a/f", "x"));
    EXPECT_THAT(Mount(dir + "/a", dir + "/b", kNone, MS_BIND), SucceedsWith(0));
    EXPECT_THAT(Mount(kNone, dir + "/b", kNone, MS_REMOUNT | MS_BIND | MS_RDONLY), SucceedsWith(0));
    EXPECT_THAT(Open(dir + "/b/f", O_WRONLY), FailsWith(EROFS));
    EXPECT_THAT(Open(dir + "/b/new", O_WRONLY | O_CREAT, 0644), FailsWith(EROFS));
    EXPECT_THAT(Call(SYS_mkdir, dir + "/b/d", 0755), FailsWith(EROFS));
    EXPECT_THAT(Call(SYS_unlink, dir + "/b/f"), FailsWith(EROFS));
    EXPECT_THAT(Call(SYS_chmod, dir + "/b/f", 0600), FailsWith(EROFS));
    EXPECT_THAT(Call(SYS_truncate, dir + "/b/f", 0), FailsWith(EROFS));
    EXPECT_THAT(Call(SYS_access, dir + "/b/f", W_OK), FailsWith(EROFS));
    EXPECT_THAT(Call(SYS_rename, dir + "/b/f", dir + "/b/g"), FailsWith(EROFS));
    EXPECT_THAT(Call(SYS_utimensat, AT_FDCWD, dir + "/b/f", nullptr, 0), FailsWith(EROFS));
    EXPECT_TRUE(WriteFile(dir + "/a/f", "still writable here"));
    EXPECT_THAT(Mount(kNone, dir + "/b", kNone, MS_REMOUNT | MS_BIND), SucceedsWith(0));
    EXPECT_TRUE(WriteFile(dir + "/b/f", "again"));
  });
}
TEST(MountBind, LinksAndRenamesDoNotCrossMounts) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/a");
    MakeDir(dir + "/b");
    EXPECT_TRUE(WriteFile(dir + "/a/f", "x"));
    EXPECT_THAT(Mount(dir + "/a", dir + "/b", kNone, MS_BIND), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_rename, dir + "/a/f", dir + "/b/g"), FailsWith(EXDEV));
    EXPECT_THAT(Call(SYS_link, dir + "/a/f", dir + "/b/g"), FailsWith(EXDEV));
  });
}

// ---- flags of mounts ----

TEST(MountFlags, ReadOnlyFileSystem) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m", MS_RDONLY);
    EXPECT_THAT(Open(m + "/f", O_CREAT | O_WRONLY, 0644), FailsWith(EROFS));
    EXPECT_TRUE(HasOption(MountAt(m).options, "ro"));
    EXPECT_TRUE(HasOption(MountAt(m).super, "ro"));
  });
}
TEST(MountFlags, NoexecRefusesExecAndExecutableMaps) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m", MS_NOEXEC);
    EXPECT_TRUE(WriteFile(m + "/x", "#!/bin/sh\nexit 0\n", 0755));
    const char* argv[] = {"x", nullptr};
    EXPECT_THAT(Call(SYS_execve, m + "/x", argv, nullptr), FailsWith(EACCES));
    EXPECT_THAT(Call(SYS_access, m + "/x", X_OK), FailsWith(EACCES));
    ScopedFd fd(Open(m + "/x", O_RDONLY));
    EXPECT_THAT(Call(SYS_mmap, nullptr, 4096, 5, 2, fd, 0), FailsWith(EPERM));
  });
}
TEST(MountFlags, NodevRefusesDevices) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m", MS_NODEV);
    if (Call(SYS_mknod, m + "/null", S_IFCHR | 0666, makedev(1, 3)) != 0) return;  // not everybody may make devices
    EXPECT_THAT(Open(m + "/null", O_RDWR), FailsWith(EACCES));
  });
}
TEST(MountFlags, NosymfollowRefusesLinks) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m", 0x100);
    EXPECT_TRUE(WriteFile(m + "/f", "x"));
    EXPECT_THAT(Call(SYS_symlink, "f", m + "/l"), SucceedsWith(0));
    EXPECT_THAT(Open(m + "/l", O_RDONLY), FailsWith(ELOOP));
    char text[8];
    EXPECT_THAT(Call(SYS_readlink, m + "/l", text, sizeof text), SucceedsWith(1));
    EXPECT_TRUE(HasOption(MountAt(m).options, "nosymfollow"));
  });
}
TEST(MountFlags, NosuidShowsInStatfs) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME);
    struct statfs fs;
    ASSERT_EQ(statfs(m.c_str(), &fs), 0);
    EXPECT_EQ(fs.f_flags & (2 | 4 | 8 | 0x400 | 0x1000), 2 | 4 | 8 | 0x400);
  });
}
TEST(MountFlags, AccessTimes) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const auto touched = [&](unsigned long flags, const char* name) {
      const std::string m = NewTmpfs(dir, name, flags);
      EXPECT_TRUE(WriteFile(m + "/f", "x"));
      // An access time that is newer than the others, but not by a day.
      const timespec times[2] = {{time(nullptr) + 100, 0}, {time(nullptr) - 50, 0}};
      EXPECT_THAT(Call(SYS_utimensat, AT_FDCWD, m + "/f", times, 0), SucceedsWith(0));
      (void)ReadFile(m + "/f");
      struct stat st;
      EXPECT_EQ(stat((m + "/f").c_str(), &st), 0);
      return st.st_atim.tv_sec != times[0].tv_sec;
    };
    EXPECT_TRUE(touched(MS_STRICTATIME, "strict"));
    EXPECT_FALSE(touched(MS_NOATIME, "none"));
    EXPECT_FALSE(touched(MS_RELATIME, "relative"));
    EXPECT_FALSE(touched(0, "default"));
    EXPECT_TRUE(HasOption(MountAt(dir + "/default").options, "relatime"));
    EXPECT_TRUE(HasOption(MountAt(dir + "/none").options, "noatime"));
    EXPECT_FALSE(HasOption(MountAt(dir + "/strict").options, "relatime"));
  });
}

// ---- remount ----

TEST(MountRemount, ChangesTheFileSystemAndTheMount) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_THAT(Mount(kNone, m, kNone, MS_REMOUNT | MS_RDONLY), SucceedsWith(0));
    EXPECT_THAT(Open(m + "/f", O_CREAT | O_WRONLY, 0644), FailsWith(EROFS));
    EXPECT_TRUE(HasOption(MountAt(m).super, "ro"));
    EXPECT_THAT(Mount(kNone, m, kNone, MS_REMOUNT), SucceedsWith(0));
    EXPECT_TRUE(WriteFile(m + "/f", "x"));
  });
}
TEST(MountRemount, ReadOnlySuperBlockBindsEveryMount) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    MakeDir(dir + "/b");
    EXPECT_THAT(Mount(m, dir + "/b", kNone, MS_BIND), SucceedsWith(0));
    EXPECT_THAT(Mount(kNone, m, kNone, MS_REMOUNT | MS_RDONLY), SucceedsWith(0));
    EXPECT_THAT(Open(dir + "/b/f", O_CREAT | O_WRONLY, 0644), FailsWith(EROFS));
  });
}
TEST(MountRemount, OnlyTheRootOfAMount) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/plain");
    EXPECT_THAT(Mount(kNone, dir + "/plain", kNone, MS_REMOUNT | MS_RDONLY), FailsWith(EINVAL));
    EXPECT_THAT(Mount(kNone, dir + "/plain", kNone, MS_REMOUNT | MS_BIND | MS_RDONLY), FailsWith(EINVAL));
  });
}
TEST(MountRemount, BusyWhileSomethingIsOpenForWriting) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    ScopedFd fd(Open(m + "/f", O_CREAT | O_WRONLY, 0644));
    EXPECT_THAT(Mount(kNone, m, kNone, MS_REMOUNT | MS_BIND | MS_RDONLY), FailsWith(EBUSY));
    EXPECT_THAT(Mount(kNone, m, kNone, MS_REMOUNT | MS_RDONLY), FailsWith(EBUSY));
    fd.Reset(static_cast<int>(Open(m + "/f", O_RDONLY)));
    EXPECT_THAT(Mount(kNone, m, kNone, MS_REMOUNT | MS_BIND | MS_RDONLY), SucceedsWith(0));
  });
}
TEST(MountRemount, KeepsAccessTimeModeWhenNotNamed) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m", MS_NOATIME | MS_NOSUID);
    EXPECT_THAT(Mount(kNone, m, kNone, MS_REMOUNT | MS_BIND | MS_NODEV), SucceedsWith(0));
    EXPECT_TRUE(HasOption(MountAt(m).options, "noatime"));
    EXPECT_TRUE(HasOption(MountAt(m).options, "nodev"));
    EXPECT_FALSE(HasOption(MountAt(m).options, "nosuid"));
    EXPECT_THAT(Mount(kNone, m, kNone, MS_REMOUNT | MS_BIND | MS_RELATIME), SucceedsWith(0));
    EXPECT_FALSE(HasOption(MountAt(m).options, "noatime"));
  });
}
TEST(MountRemount, TmpfsGrows) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m", 0, "size=4k");
    EXPECT_THAT(Mount(kNone, m, kNone, MS_REMOUNT, "size=16k"), SucceedsWith(0));
    struct statfs fs;
    ASSERT_EQ(statfs(m.c_str(), &fs), 0);
    EXPECT_EQ(fs.f_blocks, 4u);
    std::string bytes(16384, 'x');
    EXPECT_TRUE(WriteFile(m + "/f", bytes));
    EXPECT_THAT(Mount(kNone, m, kNone, MS_REMOUNT, "size=4k"), FailsWith(EINVAL));  // smaller than what is used
  });
}

// ---- move ----

TEST(MountMove, TakesTheTreeAlong) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a");
    NewTmpfs(a, "inner");
    EXPECT_TRUE(WriteFile(a + "/inner/f", "x"));
    MakeDir(dir + "/b");
    const int id = MountAt(a).id;
    EXPECT_THAT(Mount(a, dir + "/b", kNone, MS_MOVE), SucceedsWith(0));
    EXPECT_TRUE(Exists(dir + "/b/inner/f"));
    EXPECT_FALSE(Exists(a + "/inner"));
    EXPECT_EQ(MountAt(dir + "/b").id, id);
    EXPECT_EQ(MountsAt(a), 0);
  });
}
TEST(MountMove, OnlyMountsMoveAndNotBelowThemselves) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/plain");
    MakeDir(dir + "/to");
    EXPECT_THAT(Mount(dir + "/plain", dir + "/to", kNone, MS_MOVE), FailsWith(EINVAL));
    const std::string a = NewTmpfs(dir, "a");
    MakeDir(a + "/sub");
    EXPECT_THAT(Mount(a, a + "/sub", kNone, MS_MOVE), FailsWith(ELOOP));
    EXPECT_TRUE(WriteFile(dir + "/file", "x"));
    EXPECT_THAT(Mount(a, dir + "/file", kNone, MS_MOVE), FailsWith(EINVAL));
  });
}
TEST(MountMove, NotFromBelowASharedMount) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string top = NewTmpfs(dir, "top");
    EXPECT_THAT(Mount(kNone, top, kNone, MS_SHARED), SucceedsWith(0));
    const std::string a = NewTmpfs(top, "a");
    MakeDir(dir + "/b");
    EXPECT_THAT(Mount(a, dir + "/b", kNone, MS_MOVE), FailsWith(EINVAL));
    EXPECT_THAT(Mount(kNone, top, kNone, MS_PRIVATE), SucceedsWith(0));
    EXPECT_THAT(Mount(a, dir + "/b", kNone, MS_MOVE), SucceedsWith(0));
  });
}

// ---- shared subtrees ----

TEST(MountPropagation, TypesShowInMountinfo) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_EQ(MountAt(m).optional, "");
    EXPECT_THAT(Mount(kNone, m, kNone, MS_SHARED), SucceedsWith(0));
    EXPECT_NE(PeerGroup(MountAt(m)), 0);
    EXPECT_THAT(Mount(kNone, m, kNone, MS_UNBINDABLE), SucceedsWith(0));
    EXPECT_EQ(MountAt(m).optional, "unbindable");
    EXPECT_THAT(Mount(kNone, m, kNone, MS_PRIVATE), SucceedsWith(0));
    EXPECT_EQ(MountAt(m).optional, "");
  });
}
TEST(MountPropagation, ExactlyOneTypeOnAMountsRoot) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string m = NewTmpfs(dir, "m");
    EXPECT_THAT(Mount(kNone, m, kNone, MS_SHARED | MS_PRIVATE), FailsWith(EINVAL));
    EXPECT_THAT(Mount(kNone, m, kNone, MS_SHARED | MS_NOSUID), FailsWith(EINVAL));
    MakeDir(m + "/plain");
    EXPECT_THAT(Mount(kNone, m + "/plain", kNone, MS_SHARED), FailsWith(EINVAL));
    EXPECT_THAT(Mount("ignored", m, "ignored", MS_SHARED | MS_SILENT), SucceedsWith(0));
  });
}
TEST(MountPropagation, PeersTellEachOther) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a");
    MakeDir(a + "/x");
    MakeDir(a + "/y");
    EXPECT_THAT(Mount(kNone, a, kNone, MS_SHARED), SucceedsWith(0));
    MakeDir(dir + "/b");
    EXPECT_THAT(Mount(a, dir + "/b", kNone, MS_BIND), SucceedsWith(0));
    EXPECT_EQ(PeerGroup(MountAt(a)), PeerGroup(MountAt(dir + "/b")));
    EXPECT_THAT(Mount("t", a + "/x", "tmpfs", 0), SucceedsWith(0));
    EXPECT_NE(MountAt(dir + "/b/x").id, 0);
    EXPECT_EQ(MountAt(dir + "/b/x").parent, MountAt(dir + "/b").id);
    EXPECT_EQ(PeerGroup(MountAt(dir + "/b/x")), PeerGroup(MountAt(a + "/x")));
    EXPECT_NE(PeerGroup(MountAt(a + "/x")), 0);
    EXPECT_THAT(Mount("t", dir + "/b/y", "tmpfs", 0), SucceedsWith(0));
    EXPECT_NE(MountAt(a + "/y").id, 0);
    EXPECT_THAT(Call(SYS_umount2, a + "/y", 0), SucceedsWith(0));
    EXPECT_EQ(MountAt(dir + "/b/y").id, 0);
  });
}
TEST(MountPropagation, SlavesHearAndDoNotTell) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a");
    MakeDir(a + "/x");
    MakeDir(a + "/y");
    EXPECT_THAT(Mount(kNone, a, kNone, MS_SHARED), SucceedsWith(0));
    MakeDir(dir + "/b");
    EXPECT_THAT(Mount(a, dir + "/b", kNone, MS_BIND), SucceedsWith(0));
    EXPECT_THAT(Mount(kNone, dir + "/b", kNone, MS_SLAVE), SucceedsWith(0));
    EXPECT_EQ(PeerGroup(MountAt(dir + "/b"), "master:"), PeerGroup(MountAt(a)));
    EXPECT_EQ(PeerGroup(MountAt(dir + "/b")), 0);
    EXPECT_THAT(Mount("t", a + "/x", "tmpfs", 0), SucceedsWith(0));
    EXPECT_NE(MountAt(dir + "/b/x").id, 0);
    EXPECT_EQ(PeerGroup(MountAt(dir + "/b/x"), "master:"), PeerGroup(MountAt(a + "/x")));
    EXPECT_THAT(Mount("t", dir + "/b/y", "tmpfs", 0), SucceedsWith(0));
    EXPECT_EQ(MountAt(a + "/y").id, 0);
  });
}
TEST(MountPropagation, SharedSlaveHearsAndTellsItsOwnPeers) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a");
    MakeDir(a + "/x");
    EXPECT_THAT(Mount(kNone, a, kNone, MS_SHARED), SucceedsWith(0));
    MakeDir(dir + "/b");
    MakeDir(dir + "/c");
    EXPECT_THAT(Mount(a, dir + "/b", kNone, MS_BIND), SucceedsWith(0));
    EXPECT_THAT(Mount(kNone, dir + "/b", kNone, MS_SLAVE), SucceedsWith(0));
    EXPECT_THAT(Mount(kNone, dir + "/b", kNone, MS_SHARED), SucceedsWith(0));
    EXPECT_THAT(Mount(dir + "/b", dir + "/c", kNone, MS_BIND), SucceedsWith(0));
    const MountLine b = MountAt(dir + "/b"), c = MountAt(dir + "/c");
    EXPECT_NE(PeerGroup(b), 0);
    EXPECT_EQ(PeerGroup(b), PeerGroup(c));
    EXPECT_EQ(PeerGroup(b, "master:"), PeerGroup(MountAt(a)));
    EXPECT_EQ(PeerGroup(c, "master:"), PeerGroup(MountAt(a)));
    EXPECT_THAT(Mount("t", a + "/x", "tmpfs", 0), SucceedsWith(0));
    EXPECT_NE(MountAt(dir + "/b/x").id, 0);
    EXPECT_NE(MountAt(dir + "/c/x").id, 0);
    EXPECT_EQ(PeerGroup(MountAt(dir + "/b/x")), PeerGroup(MountAt(dir + "/c/x")));
    EXPECT_THAT(Call(SYS_umount2, a + "/x", 0), SucceedsWith(0));
    EXPECT_EQ(MountAt(dir + "/b/x").id, 0);
    EXPECT_EQ(MountAt(dir + "/c/x").id, 0);
  });
}
TEST(MountPropagation, TheLastPeerBecomesPrivateNotSlave) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a");
    EXPECT_THAT(Mount(kNone, a, kNone, MS_SHARED), SucceedsWith(0));
    EXPECT_THAT(Mount(kNone, a, kNone, MS_SLAVE), SucceedsWith(0));
    EXPECT_EQ(MountAt(a).optional, "");
  });
}
TEST(MountPropagation, RecursiveChangeReachesTheWholeTree) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a");
    const std::string b = NewTmpfs(a, "b");
    EXPECT_THAT(Mount(kNone, a, kNone, MS_SHARED | MS_REC), SucceedsWith(0));
    EXPECT_NE(PeerGroup(MountAt(a)), 0);
    EXPECT_NE(PeerGroup(MountAt(b)), 0);
    EXPECT_NE(PeerGroup(MountAt(b)), PeerGroup(MountAt(a)));
    EXPECT_THAT(Mount(kNone, a, kNone, MS_PRIVATE), SucceedsWith(0));
    EXPECT_EQ(PeerGroup(MountAt(a)), 0);
    EXPECT_NE(PeerGroup(MountAt(b)), 0);
  });
}
TEST(MountPropagation, UnbindableCannotBeBoundAndStaysOutOfTrees) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a");
    const std::string u = NewTmpfs(a, "u");
    EXPECT_TRUE(WriteFile(u + "/f", "x"));
    EXPECT_THAT(Mount(kNone, u, kNone, MS_UNBINDABLE), SucceedsWith(0));
    MakeDir(dir + "/b");
    EXPECT_THAT(Mount(u, dir + "/b", kNone, MS_BIND), FailsWith(EINVAL));
    EXPECT_THAT(Mount(a, dir + "/b", kNone, MS_BIND | MS_REC), SucceedsWith(0));
    EXPECT_FALSE(Exists(dir + "/b/u/f"));
  });
}
TEST(MountPropagation, NewMountsBelowASharedOneAreShared) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a");
    EXPECT_THAT(Mount(kNone, a, kNone, MS_SHARED), SucceedsWith(0));
    EXPECT_NE(PeerGroup(MountAt(NewTmpfs(a, "x"))), 0);
    EXPECT_THAT(Mount(kNone, a, kNone, MS_PRIVATE), SucceedsWith(0));
    EXPECT_EQ(PeerGroup(MountAt(NewTmpfs(a, "y"))), 0);
  });
}
TEST(MountPropagation, ReachesOtherNamespaces) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a");
    MakeDir(a + "/x");
    MakeDir(a + "/y");
    EXPECT_THAT(Mount(kNone, a, kNone, MS_SHARED), SucceedsWith(0));
    const Pipe go, ready;
    const pid_t child = StartChild([&] {
      ASSERT_EQ(unshare(CLONE_NEWNS), 0);
      Call(SYS_write, ready.writer, "r", 1);
      char byte;
      Call(SYS_read, go.reader, &byte, 1);
      EXPECT_NE(MountAt(a + "/x").id, 0);
      EXPECT_THAT(Mount("t", a + "/y", "tmpfs", 0), SucceedsWith(0));
    });
    char byte;
    Call(SYS_read, ready.reader, &byte, 1);
    EXPECT_THAT(Mount("t", a + "/x", "tmpfs", 0), SucceedsWith(0));
    Call(SYS_write, go.writer, "g", 1);
    EXPECT_THAT(StatusOf(child), Exited(0));
    EXPECT_NE(MountAt(a + "/y").id, 0);
  });
}
TEST(MountPropagation, PrivateMountsStayInTheirNamespace) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a");
    InChild([&] {
      ASSERT_EQ(unshare(CLONE_NEWNS), 0);
      NewTmpfs(a, "x");
      EXPECT_NE(MountAt(a + "/x").id, 0);
    });
    EXPECT_TRUE(Exists(a + "/x"));  // the directory is the same one
    EXPECT_EQ(MountAt(a + "/x").id, 0);
  });
}

// ---- what /proc says ----

TEST(Mountinfo, EscapesNames) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/a b");
    EXPECT_THAT(Mount("so urce", dir + "/a b", "tmpfs", 0), SucceedsWith(0));
    const MountLine m = MountAt(dir + "/a\\040b");
    EXPECT_EQ(m.source, "so\\040urce");
  });
}
TEST(Mountinfo, ShowsOnlyWhatIsBelowTheRoot) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a");
    MakeDir(a + "/proc");
    EXPECT_THAT(Mount("/proc", a + "/proc", kNone, MS_BIND), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_chroot, a), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_chdir, "/"), SucceedsWith(0));
    const std::vector<MountLine> lines = Mountinfo();
    ASSERT_EQ(lines.size(), 2u);
    EXPECT_EQ(lines[0].where, "/");
    EXPECT_EQ(lines[1].where, "/proc");
  });
}
TEST(Mountinfo, MountIdIsThatOfStatx) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const std::string a = NewTmpfs(dir, "a");
    struct statx st;
    EXPECT_THAT(Call(SYS_statx, AT_FDCWD, a, 0, 0x1000, &st), SucceedsWith(0));
    EXPECT_EQ(static_cast<int>(st.stx_mnt_id), MountAt(a).id);
    EXPECT_NE(st.stx_attributes & 0x2000, 0u);  // STATX_ATTR_MOUNT_ROOT
  });
}

}  // namespace tests
