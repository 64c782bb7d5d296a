// setns(2), ioctl_ns(2), the files of /proc/PID/ns (namespaces(7)).
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/utsname.h>

#include "tests/lib/guest.h"
#include "tests/lib/namespaces.h"

namespace tests {
namespace {

ScopedFd OpenNs(const std::string& kind, const std::string& who = "self") {
  return ScopedFd(Call(SYS_open, "/proc/" + who + "/ns/" + kind, O_RDONLY | O_CLOEXEC));
}
long PidfdOf(pid_t pid) { return Call(SYS_pidfd_open, pid, 0); }
std::string Hostname() {
  utsname name;
  EXPECT_EQ(uname(&name), 0);
  return name.nodename;
}

// A child in a new UTS namespace, called "other", until its end of the pipe closes.
class OtherHost {
 public:
  explicit OtherHost(int flags = CLONE_NEWUTS) {
    const Pipe ready;
    child_ = StartChild([&] {
      go_.writer.Reset();
      ASSERT_EQ(unshare(flags), 0);
      if ((flags & CLONE_NEWUTS) != 0) {
        ASSERT_EQ(sethostname("other", 5), 0);
      }
      Call(SYS_write, ready.writer, "r", 1);
      char byte;
      Call(SYS_read, go_.reader, &byte, 1);
    });
    char byte;
    Call(SYS_read, ready.reader, &byte, 1);
  }
  ~OtherHost() {
    go_.writer.Reset();
    EXPECT_THAT(StatusOf(child_), Exited(0));
  }
  pid_t pid() const { return child_; }
  std::string name() const { return std::to_string(child_); }

 private:
  Pipe go_;
  pid_t child_ = 0;
};

}  // namespace

TEST(NsFiles, LinksNameKindAndInode) {
  for (const char* kind : {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "time"}) {
    const std::string link = NamespaceLink(kind);
    struct stat st;
    ASSERT_EQ(stat((std::string("/proc/self/ns/") + kind).c_str(), &st), 0) << kind;
    EXPECT_EQ(link, std::string(kind) + ":[" + std::to_string(st.st_ino) + "]");
    EXPECT_TRUE(S_ISREG(st.st_mode));
    EXPECT_EQ(st.st_mode & 0777, 0444u);
  }
  EXPECT_EQ(NamespaceLink("pid_for_children"), NamespaceLink("pid"));
  EXPECT_EQ(NamespaceLink("time_for_children"), NamespaceLink("time"));
}
TEST(NsFiles, AllAreOnOneDevice) {
  struct stat uts, ipc;
  ASSERT_EQ(stat("/proc/self/ns/uts", &uts), 0);
  ASSERT_EQ(stat("/proc/self/ns/ipc", &ipc), 0);
  EXPECT_EQ(uts.st_dev, ipc.st_dev);
  struct statfs fs;
  ASSERT_EQ(statfs("/proc/self/ns/uts", &fs), 0);
  EXPECT_EQ(fs.f_type, 0x6e736673);
}
TEST(NsFiles, OpenOnlyForReadingAndNothingToRead) {
  EXPECT_THAT(Call(SYS_open, "/proc/self/ns/uts", O_RDWR), FailsWithEither(EPERM, EACCES));
  const ScopedFd fd = OpenNs("uts");
  ASSERT_TRUE(fd.valid());
  char byte;
  EXPECT_THAT(Call(SYS_read, fd, &byte, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_open, "/proc/self/ns/nosuch", O_RDONLY), FailsWith(ENOENT));
}
TEST(NsFiles, DescriptorLinkShowsTheName) {
  const ScopedFd fd = OpenNs("uts");
  char text[64] = {};
  EXPECT_GT(readlink(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), text, sizeof text - 1), 0);
  EXPECT_EQ(std::string(text), NamespaceLink("uts"));
}
TEST(NsFiles, TypeOfEachKind) {
  const struct {
    const char* name;
    int flag;
  } kinds[] = {{"mnt", CLONE_NEWNS},  {"uts", CLONE_NEWUTS},   {"ipc", CLONE_NEWIPC},       {"net", CLONE_NEWNET},
               {"pid", CLONE_NEWPID}, {"user", CLONE_NEWUSER}, {"cgroup", CLONE_NEWCGROUP}, {"time", 0x80}};
  for (const auto& kind : kinds) {
    const ScopedFd fd = OpenNs(kind.name);
    EXPECT_THAT(Call(SYS_ioctl, fd, NS_GET_NSTYPE), SucceedsWith(kind.flag)) << kind.name;
  }
}
TEST(NsFiles, OwnerIsAUserNamespace) {
  const ScopedFd uts = OpenNs("uts");
  const ScopedFd owner(Call(SYS_ioctl, uts, NS_GET_USERNS));
  if (!owner.valid()) GTEST_SKIP() << "owned by a user namespace out of sight";
  EXPECT_THAT(Call(SYS_ioctl, owner, NS_GET_NSTYPE), SucceedsWith(CLONE_NEWUSER));
  unsigned uid = 77;
  EXPECT_THAT(Call(SYS_ioctl, owner, NS_GET_OWNER_UID, &uid), SucceedsWith(0));
  EXPECT_NE(uid, 77u);
  EXPECT_THAT(Call(SYS_ioctl, uts, NS_GET_OWNER_UID, &uid), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_ioctl, owner, NS_GET_OWNER_UID, BadAddress()), FailsWith(EFAULT));
  EXPECT_EQ(fcntl(owner.get(), F_GETFD), FD_CLOEXEC);
}
TEST(NsFiles, OnlySomeKindsHaveParents) {
  const ScopedFd uts = OpenNs("uts");
  EXPECT_THAT(Call(SYS_ioctl, uts, NS_GET_PARENT), FailsWith(EINVAL));
  const ScopedFd user = OpenNs("user");
  EXPECT_THAT(Call(SYS_ioctl, user, NS_GET_PARENT), FailsWith(EPERM));  // out of sight
  const ScopedFd pid = OpenNs("pid");
  EXPECT_THAT(Call(SYS_ioctl, pid, NS_GET_PARENT), FailsWith(EPERM));
  EXPECT_THAT(Call(SYS_ioctl, pid, 0xb7ff), FailsWith(ENOTTY));
}
TEST(NsFiles, ParentsOfNewOnes) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWPID | CLONE_NEWUSER);
  struct stat mine, theirs;
  ASSERT_EQ(stat("/proc/self/ns/user", &mine), 0);
  const OtherHost other(CLONE_NEWUSER);
  const ScopedFd user = OpenNs("user", other.name());
  const ScopedFd parent(Call(SYS_ioctl, user, NS_GET_PARENT));
  ASSERT_TRUE(parent.valid());
  ASSERT_EQ(fstat(parent.get(), &theirs), 0);
  EXPECT_EQ(theirs.st_ino, mine.st_ino);
  unsigned uid = 77;
  EXPECT_THAT(Call(SYS_ioctl, user, NS_GET_OWNER_UID, &uid), SucceedsWith(0));
  EXPECT_EQ(uid, geteuid());
}

TEST(Setns, ArgumentsAreChecked) {
  EXPECT_THAT(Call(SYS_setns, -1, 0), FailsWith(EBADF));
  const ScopedFd file = TempFile("x");
  EXPECT_THAT(Call(SYS_setns, file, 0), FailsWith(EINVAL));
  const ScopedFd uts = OpenNs("uts");
  EXPECT_THAT(Call(SYS_setns, uts, CLONE_NEWIPC), FailsWith(EINVAL));
  const ScopedFd pidfd(PidfdOf(getpid()));
  EXPECT_THAT(Call(SYS_setns, pidfd, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_setns, pidfd, 1), FailsWith(EINVAL));
}
TEST(Setns, EntersUtsAndComesBack) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUTS);
  const OtherHost other;
  InChild([&] {
    const std::string home = Hostname();
    const ScopedFd mine = OpenNs("uts");
    const ScopedFd theirs = OpenNs("uts", other.name());
    EXPECT_THAT(Call(SYS_setns, theirs, CLONE_NEWUTS), SucceedsWith(0));
    EXPECT_EQ(Hostname(), "other");
    EXPECT_EQ(NamespaceLink("uts"), NamespaceLink("uts", other.name()));
    EXPECT_THAT(Call(SYS_setns, mine, 0), SucceedsWith(0));
    EXPECT_EQ(Hostname(), home);
  });
}
TEST(Setns, ByPidfd) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUTS | CLONE_NEWIPC);
  const OtherHost other(CLONE_NEWUTS | CLONE_NEWIPC);
  InChild([&] {
    const std::string ipc = NamespaceLink("ipc");
    const ScopedFd pidfd(PidfdOf(other.pid()));
    EXPECT_THAT(Call(SYS_setns, pidfd, CLONE_NEWUTS), SucceedsWith(0));
    EXPECT_EQ(Hostname(), "other");
    EXPECT_EQ(NamespaceLink("ipc"), ipc);
    EXPECT_THAT(Call(SYS_setns, pidfd, CLONE_NEWUTS | CLONE_NEWIPC), SucceedsWith(0));
    EXPECT_EQ(NamespaceLink("ipc"), NamespaceLink("ipc", other.name()));
  });
}
TEST(Setns, NeedsCapSysAdmin) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUTS);
  const OtherHost other;
  InChild([&] {
    const ScopedFd theirs = OpenNs("uts", other.name());
    const ScopedFd mine = OpenNs("uts");
    DropToNobody();
    EXPECT_THAT(Call(SYS_setns, theirs, 0), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_setns, mine, 0), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_open, "/proc/" + other.name() + "/ns/uts", O_RDONLY), FailsWith(EACCES));
  });
}
TEST(Setns, MountNamespaceMovesTheCallerToItsRoot) {
  SKIP_UNLESS_MOUNTS();
  const TempDir dir;
  EXPECT_TRUE(WriteFile(dir / "marker", "outside"));
  const Pipe go, ready;
  const pid_t child = StartChild([&] {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("none", dir.path().c_str(), "tmpfs", 0, nullptr), 0);
    EXPECT_TRUE(WriteFile(dir / "marker", "inside"));
    Call(SYS_write, ready.writer, "r", 1);
    char byte;
    Call(SYS_read, go.reader, &byte, 1);
  });
  char byte;
  Call(SYS_read, ready.reader, &byte, 1);
  InChild([&] {
    const ScopedFd theirs = OpenNs("mnt", std::to_string(child));
    EXPECT_THAT(Call(SYS_chdir, dir.path()), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setns, theirs, CLONE_NEWNS), SucceedsWith(0));
    EXPECT_EQ(ReadFile(dir / "marker"), "inside");
    char name[256];
    EXPECT_GT(Call(SYS_getcwd, name, sizeof name), 0);
    EXPECT_STREQ(name, "/");
  });
  EXPECT_EQ(ReadFile(dir / "marker"), "outside");
  Call(SYS_write, go.writer, "g", 1);
  EXPECT_THAT(StatusOf(child), Exited(0));
}
TEST(Setns, MountNamespaceNeedsItsOwnDirectories) {
  SKIP_UNLESS_MOUNTS();
  InChild([] {
    const ScopedFd mine = OpenNs("mnt");
    EXPECT_THAT(Call(SYS_setns, mine, CLONE_NEWNS), SucceedsWith(0));
    const Pipe pipe;
    ScopedThread other([&] {  // shares root and working directory
      char byte;
      Call(SYS_read, pipe.reader, &byte, 1);
    });
    other.tid();
    EXPECT_THAT(Call(SYS_setns, mine, CLONE_NEWNS), FailsWith(EINVAL));
    Call(SYS_write, pipe.writer, "x", 1);
  });
}
TEST(Setns, OwnUserNamespaceIsInvalid) {
  InChild([] {
    const ScopedFd mine = OpenNs("user");
    EXPECT_THAT(Call(SYS_setns, mine, CLONE_NEWUSER), FailsWith(EINVAL));
    const ScopedFd pidfd(PidfdOf(getpid()));
    EXPECT_THAT(Call(SYS_setns, pidfd, CLONE_NEWUSER), FailsWith(EINVAL));
  });
}
TEST(Setns, EntersAUserNamespaceWithAllCapabilities) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUSER);
  const OtherHost other(CLONE_NEWUSER);
  InChild([&] {
    const ScopedFd theirs = OpenNs("user", other.name());
    EXPECT_THAT(Call(SYS_setns, theirs, CLONE_NEWUSER), SucceedsWith(0));
    EXPECT_EQ(NamespaceLink("user"), NamespaceLink("user", other.name()));
    EXPECT_EQ(Call(SYS_getuid), 65534);  // nothing is mapped there
    EXPECT_TRUE(HasCapability(21));
  });
}
TEST(Setns, PidNamespaceIsForChildrenOnly) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWPID);
  InChild([] {
    const std::string before = NamespaceLink("pid");
    const ScopedFd mine = OpenNs("pid");
    EXPECT_THAT(Call(SYS_setns, mine, CLONE_NEWPID), SucceedsWith(0));
    const pid_t self = getpid();
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWPID), SucceedsWith(0));
    EXPECT_EQ(Call(SYS_getpid), self);
    EXPECT_EQ(NamespaceLink("pid"), before);
    EXPECT_THAT(Call(SYS_setns, mine, CLONE_NEWPID), SucceedsWith(0));
    EXPECT_EQ(NamespaceLink("pid_for_children"), before);
    InChild([] { EXPECT_NE(getpid(), 1); });
  });
}
TEST(Setns, PidNamespacesGoDownOnly) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWPID);
  InChild([] {
    const ScopedFd above = OpenNs("pid");
    ASSERT_EQ(unshare(CLONE_NEWPID), 0);
    const pid_t child = fork();
    if (child == 0) _exit(Call(SYS_setns, above, CLONE_NEWPID) == -EINVAL ? 0 : 1);
    EXPECT_THAT(StatusOf(child), Exited(0));
  });
}
TEST(NsFiles, ABindMountKeepsANamespaceWithoutProcesses) {
  SKIP_UNLESS_MOUNTS();
  SKIP_UNLESS_UNSHARE(CLONE_NEWUTS);
  InMountNamespace([](const std::string& dir) {
    EXPECT_TRUE(WriteFile(dir + "/kept", ""));
    {
      const OtherHost other;
      EXPECT_THAT(Call(SYS_mount, "/proc/" + other.name() + "/ns/uts", dir + "/kept", nullptr, MS_BIND, nullptr), SucceedsWith(0));
    }
    EXPECT_EQ(MountAt(dir + "/kept").type, "nsfs");
    EXPECT_EQ(MountAt(dir + "/kept").root.substr(0, 5), "uts:[");
    const ScopedFd fd(Call(SYS_open, dir + "/kept", O_RDONLY | O_CLOEXEC));
    EXPECT_THAT(Call(SYS_setns, fd, CLONE_NEWUTS), SucceedsWith(0));
    EXPECT_EQ(Hostname(), "other");
  });
}

}  // namespace tests
