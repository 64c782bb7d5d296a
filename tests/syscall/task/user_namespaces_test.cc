// user_namespaces(7): maps of ids, capabilities inside, what stays out of reach. capabilities(7), proc_pid_uid_map(5).
#include <grp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "tests/lib/guest.h"
#include "tests/lib/namespaces.h"

namespace tests {
namespace {

constexpr int kSysAdmin = 21;

// Runs `body` in a new user namespace without maps.
template <class Body>
void InUserNamespace(const Body& body, int more = 0) {
  InChild([&] {
    ASSERT_EQ(unshare(CLONE_NEWUSER | more), 0);
    body();
  });
}
// The same as an ordinary user, mapped to root there.
template <class Body>
void AsUserRoot(const Body& body, int more = 0) {
  InChild([&] {
    DropToNobody();
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);  // else /proc/self belongs to root
    ASSERT_EQ(unshare(CLONE_NEWUSER | more), 0);
    MapRootToSelf(65534, 65534);
    body();
  });
}
long WriteTo(const std::string& path, const std::string& text) {
  const ScopedFd fd(Call(SYS_open, path, O_WRONLY | O_CLOEXEC));
  return fd.valid() ? Call(SYS_write, fd, text, text.size()) : -errno;
}
// Writes a map of a child's namespace from outside.
class Child {
 public:
  template <class Body>
  explicit Child(const Body& body) {
    const Pipe ready;
    pid_ = StartChild([&] {
      ASSERT_EQ(unshare(CLONE_NEWUSER), 0);
      Call(SYS_write, ready.writer, "r", 1);
      char byte;
      Call(SYS_read, go_.reader, &byte, 1);
      body();
    });
    char byte;
    Call(SYS_read, ready.reader, &byte, 1);
  }
  ~Child() {
    Call(SYS_write, go_.writer, "g", 1);
    EXPECT_THAT(StatusOf(pid_), Exited(0));
  }
  std::string File(const std::string& name) const { return "/proc/" + std::to_string(pid_) + "/" + name; }

 private:
  Pipe go_;
  pid_t pid_ = 0;
};

}  // namespace

#define SKIP_UNLESS_USER_NAMESPACES() SKIP_UNLESS_UNSHARE(CLONE_NEWUSER)

TEST(UserNamespace, WithoutMapsEverybodyIsTheOverflowUser) {
  SKIP_UNLESS_USER_NAMESPACES();
  InUserNamespace([] {
    EXPECT_EQ(Call(SYS_getuid), 65534);
    EXPECT_EQ(Call(SYS_geteuid), 65534);
    EXPECT_EQ(Call(SYS_getgid), 65534);
    EXPECT_EQ(Call(SYS_getegid), 65534);
    EXPECT_EQ(ReadFile("/proc/self/uid_map"), "");
    EXPECT_EQ(ReadFile("/proc/self/gid_map"), "");
    struct stat st;
    ASSERT_EQ(stat("/", &st), 0);
    EXPECT_EQ(st.st_uid, 65534u);
    EXPECT_EQ(st.st_gid, 65534u);
    EXPECT_EQ(ReadFile("/proc/sys/kernel/overflowuid"), "65534\n");
  });
}
TEST(UserNamespace, AllCapabilitiesInside) {
  SKIP_UNLESS_USER_NAMESPACES();
  InChild([] {
    DropToNobody();
    EXPECT_FALSE(HasCapability(kSysAdmin));
    ASSERT_EQ(unshare(CLONE_NEWUSER), 0);
    for (int cap = 0; cap <= 37; ++cap) EXPECT_TRUE(HasCapability(cap)) << cap;
    EXPECT_EQ(prctl(PR_GET_SECUREBITS), 0);
  });
}
TEST(UserNamespace, CapabilitiesDoNotReachOutside) {
  SKIP_UNLESS_USER_NAMESPACES();
  const TempDir dir;
  EXPECT_TRUE(WriteFile(dir / "private", "x", 0600));
  chmod(dir.path().c_str(), 0755);
  AsUserRoot([&] {
    EXPECT_EQ(Call(SYS_getuid), 0);
    EXPECT_TRUE(HasCapability(kSysAdmin));
    EXPECT_THAT(Call(SYS_sethostname, "x", 1), FailsWith(EPERM));  // the UTS namespace is not ours
    EXPECT_THAT(Call(SYS_open, dir / "private", O_RDONLY), FailsWith(EACCES));
    EXPECT_THAT(Call(SYS_chown, dir / "private", 0, 0), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_kill, 1, 0), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_mount, "none", "/tmp", "tmpfs", 0, nullptr), FailsWith(EPERM));  // nor is the mount namespace
  });
}
TEST(UserNamespace, OwnsTheNamespacesMadeWithIt) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWNS);
  AsUserRoot(
      [] {
        EXPECT_THAT(Call(SYS_sethostname, "mine", 4), SucceedsWith(0));
        EXPECT_THAT(Call(SYS_mount, "none", "/tmp", "tmpfs", 0, nullptr), SucceedsWith(0));
        EXPECT_TRUE(WriteFile("/tmp/f", "x"));
      },
      CLONE_NEWUTS | CLONE_NEWNS);
}
TEST(UserNamespace, OthersNeedNoPrivilegesAfterwards) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUSER | CLONE_NEWUTS);
  AsUserRoot([] {
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWUTS), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_sethostname, "later", 5), SucceedsWith(0));
  });
}
TEST(UserNamespace, SingleLineMapOfOneself) {
  SKIP_UNLESS_USER_NAMESPACES();
  AsUserRoot([] {
    EXPECT_EQ(Call(SYS_getuid), 0);
    EXPECT_EQ(Call(SYS_getgid), 0);
    EXPECT_EQ(ReadFile("/proc/self/uid_map"), "         0      65534          1\n");
    EXPECT_EQ(ReadFile("/proc/self/setgroups"), "deny\n");
  });
}
TEST(UserNamespace, AnotherUserTakesPrivileges) {
  SKIP_UNLESS_USER_NAMESPACES();
  InChild([] {
    DropToNobody();
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    ASSERT_EQ(unshare(CLONE_NEWUSER), 0);
    EXPECT_THAT(WriteTo("/proc/self/uid_map", "0 1000 1\n"), FailsWith(EPERM));
    EXPECT_THAT(WriteTo("/proc/self/uid_map", "0 65534 2\n"), FailsWith(EPERM));
    EXPECT_THAT(WriteTo("/proc/self/uid_map", "0 65534 1\n5 65533 1\n"), FailsWith(EPERM));
    EXPECT_THAT(WriteTo("/proc/self/gid_map", "0 65534 1\n"), FailsWith(EPERM));  // setgroups is still allowed
    EXPECT_THAT(WriteTo("/proc/self/setgroups", "deny"), SucceedsWith(4));
    EXPECT_THAT(WriteTo("/proc/self/gid_map", "0 65534 1\n"), SucceedsWith(10));
    EXPECT_THAT(WriteTo("/proc/self/uid_map", "7 65534 1\n"), SucceedsWith(10));
    EXPECT_EQ(Call(SYS_getuid), 7);
  });
}
TEST(UserNamespace, MapsAreWrittenOnce) {
  SKIP_UNLESS_USER_NAMESPACES();
  AsUserRoot([] {
    EXPECT_THAT(WriteTo("/proc/self/uid_map", "0 65534 1\n"), FailsWith(EPERM));
    EXPECT_THAT(WriteTo("/proc/self/gid_map", "0 65534 1\n"), FailsWith(EPERM));
    EXPECT_THAT(WriteTo("/proc/self/setgroups", "allow"), FailsWith(EPERM));
    EXPECT_THAT(WriteTo("/proc/self/setgroups", "deny"), FailsWith(EPERM));
  });
}
TEST(UserNamespace, SetgroupsIsDeniedForGood) {
  SKIP_UNLESS_USER_NAMESPACES();
  const uid_t outer_uid = geteuid();
  const gid_t outer_gid = getegid();
  InUserNamespace([&] {
    EXPECT_EQ(ReadFile("/proc/self/setgroups"), "allow\n");
    EXPECT_THAT(Call(SYS_setgroups, 0, nullptr), FailsWith(EPERM));  // no gid_map yet
    EXPECT_THAT(WriteTo("/proc/self/setgroups", "maybe"), FailsWith(EINVAL));
    EXPECT_THAT(WriteTo("/proc/self/setgroups", "deny\n"), SucceedsWith(5));
    EXPECT_THAT(WriteTo("/proc/self/setgroups", "allow"), FailsWith(EPERM));
    EXPECT_THAT(WriteTo("/proc/self/uid_map", "0 " + std::to_string(outer_uid) + " 1"), Succeeds());
    EXPECT_THAT(WriteTo("/proc/self/gid_map", "0 " + std::to_string(outer_gid) + " 1"), Succeeds());
    InChild([] {
      ASSERT_EQ(unshare(CLONE_NEWUSER), 0);
      EXPECT_EQ(ReadFile("/proc/self/setgroups"), "deny\n");  // inherited
    });
  });
}
TEST(UserNamespace, BadMapsAreInvalid) {
  SKIP_UNLESS_USER_NAMESPACES();
  SKIP_UNLESS_ROOT();
  const Child child([] {});
  const std::string map = child.File("uid_map");
  EXPECT_THAT(WriteTo(map, "0 0 0\n"), FailsWith(EINVAL));
  EXPECT_THAT(WriteTo(map, "0 0\n"), FailsWith(EINVAL));
  EXPECT_THAT(WriteTo(map, "0 0 1 1\n"), FailsWith(EINVAL));
  EXPECT_THAT(WriteTo(map, "a b c\n"), FailsWith(EINVAL));
  EXPECT_THAT(WriteTo(map, "0 0 2\n1 5 1\n"), FailsWith(EINVAL));  // overlap inside
  EXPECT_THAT(WriteTo(map, "0 0 2\n5 1 1\n"), FailsWith(EINVAL));  // overlap outside
  EXPECT_THAT(WriteTo(map, "4294967295 0 1\n"), FailsWith(EINVAL));
  EXPECT_THAT(WriteTo(map, "4294967290 0 10\n"), FailsWith(EINVAL));  // wraps
  EXPECT_THAT(WriteTo(map, "-1 0 1\n"), FailsWith(EINVAL));
  EXPECT_THAT(WriteTo(map, "\n"), FailsWith(EINVAL));
  EXPECT_EQ(ReadFile(map), "");
}
TEST(UserNamespace, ManyExtents) {
  SKIP_UNLESS_USER_NAMESPACES();
  SKIP_UNLESS_ROOT();
  const auto lines = [](int n) {
    std::string text;
    for (int i = 0; i < n; ++i) text += std::to_string(i) + " " + std::to_string(i * 2) + " 1\n";
    return text;
  };
  {
    const Child child([] {
      struct stat st;
      EXPECT_EQ(stat("/", &st), 0);
    });
    EXPECT_THAT(WriteTo(child.File("uid_map"), lines(341)), FailsWith(EINVAL));
    const std::string most = lines(340);
    EXPECT_THAT(WriteTo(child.File("uid_map"), most), SucceedsWith(static_cast<long>(most.size())));
  }
}
TEST(UserNamespace, MappedIdsTranslateBothWays) {
  SKIP_UNLESS_USER_NAMESPACES();
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  chmod(dir.path().c_str(), 0777);
  EXPECT_TRUE(WriteFile(dir / "f", "x", 0666));
  EXPECT_THAT(Call(SYS_chown, dir / "f", 1005, 2007), SucceedsWith(0));
  {
    const Child child([&] {
      EXPECT_EQ(Call(SYS_getuid), 0);
      struct stat st;
      ASSERT_EQ(stat((dir / "f").c_str(), &st), 0);
      EXPECT_EQ(st.st_uid, 105u);
      EXPECT_EQ(st.st_gid, 207u);
      EXPECT_THAT(Call(SYS_setresgid, 201, 201, 201), SucceedsWith(0));
      EXPECT_THAT(Call(SYS_setresuid, 103, 103, 103), SucceedsWith(0));
      EXPECT_EQ(Call(SYS_getuid), 103);
      EXPECT_TRUE(WriteFile(dir / "mine", "x"));
    });
    EXPECT_THAT(WriteTo(child.File("uid_map"), "0 0 1\n100 1000 10\n"), Succeeds());
    EXPECT_THAT(WriteTo(child.File("gid_map"), "0 0 1\n200 2000 10\n"), Succeeds());
    EXPECT_EQ(ReadFile(child.File("uid_map")), "         0          0          1\n       100       1000         10\n");
  }
  struct stat st;
  ASSERT_EQ(stat((dir / "mine").c_str(), &st), 0);
  EXPECT_EQ(st.st_uid, 1003u);
  EXPECT_EQ(st.st_gid, 2001u);
}
TEST(UserNamespace, UnmappedIdsCannotBeUsed) {
  SKIP_UNLESS_USER_NAMESPACES();
  const TempDir dir;
  chmod(dir.path().c_str(), 0777);
  AsUserRoot([&] {
    EXPECT_THAT(Call(SYS_setuid, 5), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_setresuid, 0, 5, 0), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_setgid, 5), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_setuid, 0), SucceedsWith(0));
    EXPECT_TRUE(WriteFile(dir / "f", "x"));
    EXPECT_THAT(Call(SYS_chown, dir / "f", 5, -1), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_chown, dir / "f", 0, 0), SucceedsWith(0));
    const gid_t group = 5;
    EXPECT_THAT(Call(SYS_setgroups, 1, &group), FailsWith(EPERM));
  });
}
TEST(UserNamespace, RootInsideActsOnMappedFilesOnly) {
  SKIP_UNLESS_USER_NAMESPACES();
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  chmod(dir.path().c_str(), 0755);
  EXPECT_TRUE(WriteFile(dir / "mapped", "x", 0600));
  EXPECT_TRUE(WriteFile(dir / "unmapped", "x", 0600));
  EXPECT_THAT(Call(SYS_chown, dir / "mapped", 1001, 1001), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_chown, dir / "unmapped", 5000, 5000), SucceedsWith(0));
  const Child child([&] {
    EXPECT_THAT(Call(SYS_setresgid, 0, 0, 0), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setresuid, 0, 0, 0), SucceedsWith(0));
    EXPECT_EQ(ReadFile(dir / "mapped"), "x");
    EXPECT_THAT(Call(SYS_chmod, dir / "mapped", 0644), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_open, dir / "unmapped", O_RDONLY), FailsWith(EACCES));
    EXPECT_THAT(Call(SYS_chmod, dir / "unmapped", 0644), FailsWith(EPERM));
  });
  EXPECT_THAT(WriteTo(child.File("uid_map"), "0 1000 10\n"), Succeeds());
  EXPECT_THAT(WriteTo(child.File("gid_map"), "0 1000 10\n"), Succeeds());
}
TEST(UserNamespace, NestedMapsGoThroughTheParent) {
  SKIP_UNLESS_USER_NAMESPACES();
  AsUserRoot([] {
    ASSERT_EQ(unshare(CLONE_NEWUSER), 0);
    EXPECT_EQ(Call(SYS_getuid), 65534);
    EXPECT_THAT(WriteTo("/proc/self/uid_map", "3 65534 1\n"), FailsWith(EPERM));  // not an id of the parent
    EXPECT_THAT(WriteTo("/proc/self/uid_map", "3 0 1\n"), SucceedsWith(6));
    EXPECT_EQ(Call(SYS_getuid), 3);
  });
}
TEST(UserNamespace, LevelsAreLimited) {
  SKIP_UNLESS_USER_NAMESPACES();
  InChild([] {
    long result = 0;
    int levels = 0;
    for (; levels < 40; ++levels) {
      const uid_t uid = geteuid();
      const gid_t gid = getegid();
      result = Call(SYS_unshare, CLONE_NEWUSER);
      if (result != 0) break;
      MapRootToSelf(uid, gid);
    }
    EXPECT_THAT(result, FailsWith(ENOSPC));
    EXPECT_LE(levels, 33);
    EXPECT_GE(levels, 20);
  });
}
TEST(UserNamespace, AnUnmappedUserCannotMakeMore) {
  SKIP_UNLESS_USER_NAMESPACES();
  InUserNamespace([] { EXPECT_THAT(Call(SYS_unshare, CLONE_NEWUSER), FailsWith(EPERM)); });
}
TEST(UserNamespace, AChrootedProcessMayNotMakeOne) {
  SKIP_UNLESS_USER_NAMESPACES();
  SKIP_UNLESS_ROOT();
  const TempDir dir;
  InChild([&] {
    ASSERT_EQ(chroot(dir.path().c_str()), 0);
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWUSER), FailsWith(EPERM));
  });
}
TEST(UserNamespace, ExecOfUnmappedRootLosesCapabilities) {
  SKIP_UNLESS_USER_NAMESPACES();
  InChild([] {
    DropToNobody();
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    ASSERT_EQ(unshare(CLONE_NEWUSER), 0);
    EXPECT_THAT(WriteTo("/proc/self/uid_map", "5 65534 1\n"), SucceedsWith(10));
    const pid_t child = fork();
    if (child == 0) {
      ExecRole("has_sys_admin");
      _exit(9);
    }
    EXPECT_THAT(StatusOf(child), Exited(0));
  });
  AsUserRoot([] {
    const pid_t child = fork();
    if (child == 0) {
      ExecRole("has_sys_admin");
      _exit(9);
    }
    EXPECT_THAT(StatusOf(child), Exited(1));  // root of the namespace keeps them
  });
}
ROLE(has_sys_admin) { return HasCapability(kSysAdmin) ? 1 : 0; }

TEST(UserNamespace, MountsOfTheParentAreLocked) {
  SKIP_UNLESS_MOUNTS();
  SKIP_UNLESS_UNSHARE(CLONE_NEWUSER | CLONE_NEWNS);
  InMountNamespace([](const std::string& dir) {
    chmod(dir.c_str(), 0777);
    MakeDir(dir + "/m");
    EXPECT_THAT(Call(SYS_mount, "none", dir + "/m", "tmpfs", MS_NOSUID | MS_NODEV, nullptr), SucceedsWith(0));
    MakeDir(dir + "/to");
    const auto in_there = [&](const std::string& path) {
      EXPECT_THAT(Call(SYS_umount2, path, 0), FailsWith(EINVAL));
      EXPECT_THAT(Call(SYS_umount2, path, MNT_DETACH), FailsWith(EINVAL));
      EXPECT_THAT(Call(SYS_mount, path, dir + "/to", nullptr, MS_MOVE, nullptr), FailsWith(EINVAL));
      EXPECT_THAT(Call(SYS_mount, nullptr, path, nullptr, MS_REMOUNT | MS_BIND | MS_NODEV, nullptr), FailsWith(EPERM));  // loses nosuid
      EXPECT_THAT(Call(SYS_mount, nullptr, path, nullptr, MS_REMOUNT | MS_BIND | MS_NODEV | MS_NOSUID | MS_RDONLY, nullptr),
                  SucceedsWith(0));
      EXPECT_THAT(Call(SYS_mount, dir, dir + "/to", nullptr, MS_BIND, nullptr), FailsWith(EINVAL));  // would show what is below
      EXPECT_THAT(Call(SYS_mount, dir, dir + "/to", nullptr, MS_BIND | MS_REC, nullptr), SucceedsWith(0));
      EXPECT_THAT(Call(SYS_umount2, dir + "/to", MNT_DETACH), SucceedsWith(0));  // a tree of one's own goes as a whole
    };
    AsUserRoot([&] { in_there(dir + "/m"); }, CLONE_NEWNS);
  });
}
TEST(UserNamespace, CopiedMountsBecomeSlaves) {
  SKIP_UNLESS_MOUNTS();
  SKIP_UNLESS_UNSHARE(CLONE_NEWUSER | CLONE_NEWNS);
  InMountNamespace([](const std::string& dir) {
    EXPECT_THAT(Call(SYS_mount, nullptr, dir, nullptr, MS_SHARED, nullptr), SucceedsWith(0));
    const int group = PeerGroup(MountAt(dir));
    AsUserRoot(
        [&] {
          EXPECT_EQ(PeerGroup(MountAt(dir)), 0);
          EXPECT_EQ(PeerGroup(MountAt(dir), "master:"), group);
        },
        CLONE_NEWNS);
  });
}
TEST(UserNamespace, MountsByItsRoot) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUSER | CLONE_NEWNS);
  AsUserRoot(
      [] {
        ASSERT_EQ(mount("none", "/tmp", "tmpfs", 0, "mode=700"), 0);
        struct stat st;
        ASSERT_EQ(stat("/tmp", &st), 0);
        EXPECT_EQ(st.st_uid, 0u);
        MakeDir("/tmp/m");
        EXPECT_THAT(Call(SYS_mount, "none", "/tmp/m", "tmpfs", 0, "uid=5"), FailsWith(EINVAL));  // not mapped
        EXPECT_THAT(Call(SYS_mount, "none", "/tmp/m", "tmpfs", 0, "uid=0"), SucceedsWith(0));
        EXPECT_THAT(Call(SYS_mknod, "/tmp/dev", S_IFCHR | 0666, 0x103), FailsWith(EPERM));
        MakeDir("/tmp/p");
        EXPECT_THAT(Call(SYS_mount, "none", "/tmp/p", "proc", 0, nullptr), FailsWith(EPERM));  // the pid namespace is not ours
        EXPECT_THAT(Call(SYS_mount, "none", "/tmp/p", "nosuchfs", 0, nullptr), FailsWith(ENODEV));
      },
      CLONE_NEWNS);
}
TEST(UserNamespace, SocketPeersAreSeenThroughTheMap) {
  SKIP_UNLESS_USER_NAMESPACES();
  AsUserRoot([] {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    ucred peer = {};
    socklen_t size = sizeof peer;
    ASSERT_EQ(getsockopt(ends[0], SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
    EXPECT_EQ(peer.uid, 0u);
    EXPECT_EQ(peer.gid, 0u);
    EXPECT_EQ(peer.pid, getpid());
  });
}
TEST(UserNamespace, StatusShowsIdsOfTheReader) {
  SKIP_UNLESS_USER_NAMESPACES();
  AsUserRoot([] { EXPECT_NE(ReadFile("/proc/self/status").find("Uid:\t0\t0\t0\t0\n"), std::string::npos); });
}
TEST(UserNamespace, LimitsShowUnderSysUser) {
  for (const char* kind : {"user", "pid", "uts", "ipc", "net", "mnt", "cgroup"}) {
    const std::string text = ReadFile(std::string("/proc/sys/user/max_") + kind + "_namespaces");
    EXPECT_GT(atol(text.c_str()), 0) << kind;
  }
}
TEST(UserNamespace, ALimitOfZeroForbidsMore) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUSER | CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWPID);
  AsUserRoot([] {
    if (WriteTo("/proc/sys/user/max_uts_namespaces", "0") != 1) return;  // /proc/sys may be read-only
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWUTS), FailsWith(ENOSPC));
  });
}

}  // namespace tests
