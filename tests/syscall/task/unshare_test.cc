// unshare(2), clone(2) with CLONE_NEW*: which namespaces are new, and for whom. namespaces(7), uts_namespaces(7).
#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <linux/sched.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include "tests/lib/guest.h"
#include "tests/lib/namespaces.h"

namespace tests {
namespace {

std::string Hostname() {
  utsname name;
  EXPECT_EQ(uname(&name), 0);
  return name.nodename;
}

long CloneWith(unsigned long flags) { return Call(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, 0); }

// The link of a kind in a child made with `flags`.
std::string LinkInChild(unsigned long flags, const char* kind) {
  const Pipe pipe;
  fflush(nullptr);
  const long child = CloneWith(flags);
  if (child == 0) {
    const std::string link = NamespaceLink(kind);
    Call(SYS_write, pipe.writer, link.data(), link.size());
    _exit(0);
  }
  EXPECT_GT(child, 0) << ResultText(child);
  char text[64] = {};
  if (child > 0) {
    EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(0));
    Call(SYS_read, pipe.reader, text, sizeof text - 1);
  }
  return text;
}

}  // namespace

TEST(Unshare, UnknownFlagsAreInvalid) {
  EXPECT_THAT(Call(SYS_unshare, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_unshare, CLONE_VFORK), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_unshare, CLONE_SETTLS), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_unshare, 0), SucceedsWith(0));
}
TEST(Unshare, NamespacesNeedCapSysAdmin) {
  InChild([] {
    DropToNobody();
    for (const int flag : {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP}) {
      EXPECT_THAT(Call(SYS_unshare, flag), FailsWith(EPERM)) << std::hex << flag;
      EXPECT_THAT(CloneWith(static_cast<unsigned long>(flag)), FailsWith(EPERM)) << std::hex << flag;
    }
  });
}
TEST(Unshare, UtsIsACopyThatChangesAlone) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUTS);
  const std::string before = Hostname();
  InChild([&] {
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWUTS), SucceedsWith(0));
    EXPECT_EQ(Hostname(), before);
    EXPECT_THAT(Call(SYS_sethostname, "elsewhere", 9), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_setdomainname, "dom", 3), SucceedsWith(0));
    EXPECT_EQ(Hostname(), "elsewhere");
    InChild([] { EXPECT_EQ(Hostname(), "elsewhere"); });
    EXPECT_EQ(ReadFile("/proc/sys/kernel/hostname"), "elsewhere\n");
  });
  EXPECT_EQ(Hostname(), before);
}
TEST(Unshare, EachKindGetsANewNumber) {
  const struct {
    int flag;
    const char* name;
  } kinds[] = {{CLONE_NEWNS, "mnt"}, {CLONE_NEWUTS, "uts"}, {CLONE_NEWIPC, "ipc"}, {CLONE_NEWNET, "net"}, {CLONE_NEWCGROUP, "cgroup"}};
  for (const auto& kind : kinds) {
    if (!CanUnshare(kind.flag)) continue;
    const std::string mine = NamespaceLink(kind.name);
    InChild([&] {
      EXPECT_THAT(Call(SYS_unshare, kind.flag), SucceedsWith(0));
      EXPECT_NE(NamespaceLink(kind.name), mine) << kind.name;
      EXPECT_EQ(NamespaceLink(kind.name).substr(0, strlen(kind.name) + 2), std::string(kind.name) + ":[");
    });
    EXPECT_EQ(NamespaceLink(kind.name), mine);
    EXPECT_NE(LinkInChild(static_cast<unsigned long>(kind.flag), kind.name), mine);
    EXPECT_EQ(LinkInChild(0, kind.name), mine);
  }
}
TEST(Unshare, SeveralAtOnce) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS);
  const std::string uts = NamespaceLink("uts"), ipc = NamespaceLink("ipc"), mnt = NamespaceLink("mnt"), net = NamespaceLink("net");
  InChild([&] {
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS), SucceedsWith(0));
    EXPECT_NE(NamespaceLink("uts"), uts);
    EXPECT_NE(NamespaceLink("ipc"), ipc);
    EXPECT_NE(NamespaceLink("mnt"), mnt);
    EXPECT_EQ(NamespaceLink("net"), net);
  });
}
TEST(Unshare, MountNamespaceTakesRootAndDirectoryAlong) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    EXPECT_TRUE(WriteFile(dir + "/f", "x"));
    EXPECT_THAT(Call(SYS_chdir, dir), SucceedsWith(0));
    InChild([&] {
      EXPECT_THAT(Call(SYS_unshare, CLONE_NEWNS), SucceedsWith(0));
      EXPECT_EQ(ReadFile("f"), "x");
      char name[512];
      EXPECT_GT(Call(SYS_getcwd, name, sizeof name), 0);
      EXPECT_EQ(std::string(name), dir);
      // The directory is in the new namespace: what is mounted there stays there.
      EXPECT_THAT(Call(SYS_mkdir, "m", 0755), SucceedsWith(0));
      EXPECT_THAT(Call(SYS_mount, "none", "m", "tmpfs", 0, nullptr), SucceedsWith(0));
      EXPECT_NE(MountAt(dir + "/m").id, 0);
    });
    EXPECT_EQ(MountAt(dir + "/m").id, 0);
  });
}
TEST(Unshare, CopiedMountsHaveNewIds) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    const int id = MountAt(dir).id;
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWNS), SucceedsWith(0));
    EXPECT_NE(MountAt(dir).id, 0);
    EXPECT_NE(MountAt(dir).id, id);
  });
}
TEST(Unshare, SharedMountsStayPeers) {
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    EXPECT_THAT(Call(SYS_mount, nullptr, dir, nullptr, MS_SHARED, nullptr), SucceedsWith(0));
    const int group = PeerGroup(MountAt(dir));
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWNS), SucceedsWith(0));
    EXPECT_EQ(PeerGroup(MountAt(dir)), group);
  });
}
TEST(Unshare, ThreadsForbidUserNamespaces) {
  InChild([] {
    const Pipe pipe;
    ScopedThread other([&] {
      char byte;
      Call(SYS_read, pipe.reader, &byte, 1);
    });
    other.tid();
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWUSER), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_unshare, CLONE_THREAD), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_unshare, CLONE_VM), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_unshare, CLONE_FS), SucceedsWith(0));
    Call(SYS_write, pipe.writer, "x", 1);
  });
}
TEST(Unshare, AThreadMayHaveAHostnameOfItsOwn) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUTS);
  InChild([] {
    const std::string before = Hostname();
    ScopedThread other([&] {
      EXPECT_THAT(Call(SYS_unshare, CLONE_NEWUTS), SucceedsWith(0));
      EXPECT_THAT(Call(SYS_sethostname, "thread", 6), SucceedsWith(0));
      EXPECT_EQ(Hostname(), "thread");
    });
    other.Join();
    EXPECT_EQ(Hostname(), before);
  });
}

TEST(Unshare, SystemVObjectsStayBehind) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWIPC);
  InChild([] {
    ASSERT_EQ(unshare(CLONE_NEWIPC), 0);  // of our own, so that nothing is left on the machine
    const long queue = Call(SYS_msgget, 0x1234, IPC_CREAT | IPC_EXCL | 0600);
    EXPECT_GE(queue, 0);
    InChild([] {
      EXPECT_GE(Call(SYS_msgget, 0x1234, 0), 0);
      ASSERT_EQ(unshare(CLONE_NEWIPC), 0);
      EXPECT_THAT(Call(SYS_msgget, 0x1234, 0), FailsWith(ENOENT));
      EXPECT_GE(Call(SYS_msgget, 0x1234, IPC_CREAT | IPC_EXCL | 0600), 0);
    });
    EXPECT_THAT(Call(SYS_msgctl, queue, IPC_RMID, nullptr), SucceedsWith(0));
  });
}
TEST(Unshare, PortsOfANewNetworkAreFree) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWNET);
  const ScopedFd socket(Call(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in name = {};
  name.sin_family = AF_INET;
  EXPECT_THAT(Call(SYS_bind, socket, &name, sizeof name), SucceedsWith(0));
  socklen_t size = sizeof name;
  EXPECT_THAT(Call(SYS_getsockname, socket, &name, &size), SucceedsWith(0));
  InChild([&] {
    const ScopedFd before(Call(SYS_socket, AF_INET, SOCK_STREAM, 0));
    EXPECT_THAT(Call(SYS_bind, before, &name, sizeof name), FailsWith(EADDRINUSE));
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    // A socket stays in the network that it was made in.
    EXPECT_THAT(Call(SYS_bind, before, &name, sizeof name), FailsWith(EADDRINUSE));
    const ScopedFd after(Call(SYS_socket, AF_INET, SOCK_STREAM, 0));
    EXPECT_THAT(Call(SYS_bind, after, &name, sizeof name), SucceedsWith(0));
  });
}
TEST(Unshare, LoopbackOfANewNetworkCanBeSetUp) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUSER | CLONE_NEWNET);
  InChild([] {
    DropToNobody();
    ASSERT_EQ(unshare(CLONE_NEWUSER | CLONE_NEWNET), 0);
    const ScopedFd netlink(Call(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    ASSERT_TRUE(netlink.valid());
    const auto ask = [&](const void* request, size_t bytes) {
      EXPECT_THAT(Call(SYS_sendto, netlink, request, bytes, 0, nullptr, 0), SucceedsWith(static_cast<long>(bytes)));
      alignas(nlmsghdr) char answer[1024];
      EXPECT_GT(Call(SYS_recvfrom, netlink, answer, sizeof answer, 0, nullptr, nullptr), 0);
      EXPECT_EQ(reinterpret_cast<const nlmsghdr*>(answer)->nlmsg_type, NLMSG_ERROR);
      return reinterpret_cast<const nlmsgerr*>(answer + NLMSG_HDRLEN)->error;
    };
    struct {
      nlmsghdr head;
      ifaddrmsg body;
      rtattr local;
      in_addr local_value;
      rtattr address;
      in_addr address_value;
    } add = {};
    add.head = {sizeof add, RTM_NEWADDR, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, 1, 0};
    add.body = {AF_INET, 8, IFA_F_PERMANENT, RT_SCOPE_HOST, 1};
    add.local = {sizeof(rtattr) + sizeof(in_addr), IFA_LOCAL};
    add.address = {sizeof(rtattr) + sizeof(in_addr), IFA_ADDRESS};
    add.local_value.s_addr = add.address_value.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(ask(&add, sizeof add), 0);
    struct {
      nlmsghdr head;
      ifinfomsg body;
    } up = {};
    up.head = {sizeof up, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 2, 0};
    up.body.ifi_family = AF_UNSPEC;
    up.body.ifi_index = 1;
    up.body.ifi_flags = IFF_UP;
    up.body.ifi_change = IFF_UP;
    EXPECT_EQ(ask(&up, sizeof up), 0);
    // Now it carries traffic.
    const ScopedFd listener(Call(SYS_socket, AF_INET, SOCK_STREAM, 0)), client(Call(SYS_socket, AF_INET, SOCK_STREAM, 0));
    sockaddr_in name = {};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_THAT(Call(SYS_bind, listener, &name, sizeof name), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_listen, listener, 1), SucceedsWith(0));
    socklen_t size = sizeof name;
    EXPECT_THAT(Call(SYS_getsockname, listener, &name, &size), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_connect, client, &name, sizeof name), SucceedsWith(0));
  });
}

// ---- flags of clone(2) ----

TEST(CloneNamespaces, ForbiddenCombinations) {
  EXPECT_THAT(CloneWith(CLONE_NEWNS | CLONE_FS), FailsWith(EINVAL));
  EXPECT_THAT(CloneWith(CLONE_NEWUSER | CLONE_FS), FailsWith(EINVAL));
  EXPECT_THAT(CloneWith(CLONE_NEWIPC | CLONE_SYSVSEM), FailsWith(EINVAL));
  EXPECT_THAT(CloneWith(CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM), FailsWith(EINVAL));
  EXPECT_THAT(CloneWith(CLONE_NEWUSER | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM), FailsWith(EINVAL));
}
TEST(CloneNamespaces, Clone3TakesThemToo) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUTS);
  const std::string before = Hostname();
  clone_args args = {};
  args.flags = CLONE_NEWUTS;
  args.exit_signal = SIGCHLD;
  fflush(nullptr);
  const long child = Call(SYS_clone3, &args, sizeof args);
  if (child == 0) {
    const bool ok = sethostname("three", 5) == 0 && Hostname() == "three";
    _exit(ok ? 0 : 1);
  }
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(0));
  EXPECT_EQ(Hostname(), before);
}
TEST(CloneNamespaces, IpcAndNetLinksOfTheChildShowInItsDirectory) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWIPC);
  const Pipe go;
  fflush(nullptr);
  const long child = CloneWith(CLONE_NEWIPC);
  if (child == 0) {
    char byte;
    Call(SYS_read, go.reader, &byte, 1);
    _exit(0);
  }
  ASSERT_GT(child, 0);
  const std::string theirs = NamespaceLink("ipc", std::to_string(child));
  EXPECT_EQ(theirs.substr(0, 5), "ipc:[");
  EXPECT_NE(theirs, NamespaceLink("ipc"));
  EXPECT_EQ(NamespaceLink("uts", std::to_string(child)), NamespaceLink("uts"));
  Call(SYS_write, go.writer, "g", 1);
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(0));
}
TEST(Sethostname, LimitsAndErrors) {
  SKIP_UNLESS_UNSHARE(CLONE_NEWUTS);
  InChild([] {
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWUTS), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_sethostname, "x", -1), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_sethostname, std::string(65, 'x'), 65), FailsWith(EINVAL));
    EXPECT_THAT(Call(SYS_sethostname, std::string(64, 'x'), 64), SucceedsWith(0));
    EXPECT_EQ(Hostname(), std::string(64, 'x'));
    EXPECT_THAT(Call(SYS_sethostname, BadAddress(), 3), FailsWith(EFAULT));
    EXPECT_TRUE(WriteFile("/proc/sys/kernel/hostname", "viaproc\n"));
    EXPECT_EQ(Hostname(), "viaproc");
    DropToNobody();
    EXPECT_THAT(Call(SYS_sethostname, "x", 1), FailsWith(EPERM));
  });
}

}  // namespace tests
