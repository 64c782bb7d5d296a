// pid_namespaces(7): numbers inside and outside, init, the end of a namespace, /proc.
#include <dirent.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "tests/lib/guest.h"
#include "tests/lib/namespaces.h"

namespace tests {
namespace {

// Runs `body` as pid 1 of a new pid namespace; `outside` gets its number there meanwhile.
template <class Body>
int StatusOfInit(const Body& body, unsigned long flags = 0) {
  const int before = FailedParts();
  fflush(nullptr);
  const long child = Call(SYS_clone, CLONE_NEWPID | flags | SIGCHLD, nullptr, nullptr, nullptr, 0);
  if (child == 0) {
    body();
    ExitChild(before);
  }
  EXPECT_GT(child, 0) << ResultText(child);
  return child > 0 ? StatusOf(static_cast<pid_t>(child)) : -1;
}

std::string StatusLine(const std::string& file, const std::string& key) {
  std::istringstream text(ReadFile(file));
  std::string line;
  while (std::getline(text, line)) {
    if (line.rfind(key + ":\t", 0) == 0) return line.substr(key.size() + 2);
  }
  return "";
}

}  // namespace

#define SKIP_UNLESS_PID_NAMESPACES() SKIP_UNLESS_UNSHARE(CLONE_NEWPID)

TEST(PidNamespace, FirstProcessIsOneAndHasNoParent) {
  SKIP_UNLESS_PID_NAMESPACES();
  EXPECT_THAT(StatusOfInit([] {
                EXPECT_EQ(Call(SYS_getpid), 1);
                EXPECT_EQ(Call(SYS_gettid), 1);
                EXPECT_EQ(Call(SYS_getppid), 0);
                EXPECT_EQ(Call(SYS_set_tid_address, nullptr), 1);
              }),
              Exited(0));
}
TEST(PidNamespace, GroupsAndSessionsFromOutsideAreZero) {
  SKIP_UNLESS_PID_NAMESPACES();
  EXPECT_THAT(StatusOfInit([] {
                EXPECT_EQ(Call(SYS_getpgid, 0), 0);
                EXPECT_EQ(Call(SYS_getsid, 0), 0);
                EXPECT_THAT(Call(SYS_setsid), SucceedsWith(1));
                EXPECT_EQ(Call(SYS_getpgid, 0), 1);
                EXPECT_EQ(Call(SYS_getsid, 0), 1);
              }),
              Exited(0));
}
TEST(PidNamespace, ChildrenCountUpAndKnowTheirParent) {
  SKIP_UNLESS_PID_NAMESPACES();
  EXPECT_THAT(StatusOfInit([] {
                for (int i = 2; i < 5; ++i) {
                  const pid_t child = fork();
                  if (child == 0) _exit(getppid() == 1 ? getpid() : 0);
                  EXPECT_EQ(child, i);
                  EXPECT_THAT(StatusOf(child), Exited(i));
                }
              }),
              Exited(0));
}
TEST(PidNamespace, UnshareAffectsChildrenOnly) {
  SKIP_UNLESS_PID_NAMESPACES();
  InChild([] {
    const pid_t self = getpid();
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWPID), SucceedsWith(0));
    EXPECT_EQ(Call(SYS_getpid), self);
    EXPECT_NE(NamespaceLink("pid_for_children"), NamespaceLink("pid"));
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWPID), FailsWith(EINVAL));
    const pid_t first = StartChild([] { EXPECT_EQ(getpid(), 1); });
    EXPECT_NE(first, 1);
    EXPECT_THAT(StatusOf(first), Exited(0));
    // Its init has gone: nobody can be born there any more.
    EXPECT_THAT(Call(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0), FailsWith(ENOMEM));
  });
}
TEST(PidNamespace, NoThreadsWhileChildrenGoElsewhere) {
  SKIP_UNLESS_PID_NAMESPACES();
  InChild([] {
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWPID), SucceedsWith(0));
    EXPECT_THAT(Call(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, nullptr, nullptr, nullptr, 0), FailsWith(EINVAL));
  });
}
TEST(PidNamespace, ParentAndChildSeeDifferentNumbers) {
  SKIP_UNLESS_PID_NAMESPACES();
  const Pipe pipe;
  int parent_tid = 0;
  static int child_tid;
  child_tid = 0;
  fflush(nullptr);
  const long child =
      Call(SYS_clone, CLONE_NEWPID | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, nullptr, &parent_tid, &child_tid, 0);
  if (child == 0) {
    Call(SYS_write, pipe.writer, &child_tid, sizeof child_tid);
    _exit(0);
  }
  EXPECT_EQ(parent_tid, child);
  int theirs = 0;
  Call(SYS_read, pipe.reader, &theirs, sizeof theirs);
  EXPECT_EQ(theirs, 1);
  siginfo_t info = {};
  EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WEXITED, nullptr), SucceedsWith(0));
  EXPECT_EQ(info.si_pid, child);
}
TEST(PidNamespace, ProcessesOutsideCannotBeNamed) {
  SKIP_UNLESS_PID_NAMESPACES();
  const pid_t outside = StartChild([] {  // in the namespace there is nobody but 1
    while (true) Call(SYS_pause);
  });
  EXPECT_THAT(StatusOfInit([&] {
                EXPECT_THAT(Call(SYS_kill, outside, 0), FailsWith(ESRCH));
                EXPECT_THAT(Call(SYS_getpgid, outside), FailsWith(ESRCH));
                EXPECT_THAT(Call(SYS_pidfd_open, outside, 0), FailsWith(ESRCH));
                EXPECT_THAT(Call(SYS_kill, 1, 0), SucceedsWith(0));
                EXPECT_THAT(Call(SYS_tgkill, 1, 1, 0), SucceedsWith(0));
                EXPECT_THAT(Call(SYS_sched_getscheduler, outside), FailsWith(ESRCH));
                EXPECT_THAT(Call(SYS_prlimit64, outside, 7, nullptr, nullptr), FailsWith(ESRCH));
              }),
              Exited(0));
  EXPECT_THAT(Call(SYS_kill, outside, SIGKILL), SucceedsWith(0));
  EXPECT_THAT(StatusOf(outside), KilledBy(SIGKILL));
}
TEST(PidNamespace, KillAllReachesTheNamespaceOnly) {
  SKIP_UNLESS_PID_NAMESPACES();
  const pid_t bystander = StartChild([] {
    while (true) Call(SYS_pause);
  });
  EXPECT_THAT(StatusOfInit([] {
                const pid_t one = fork();
                if (one == 0) {
                  while (true) pause();
                }
                EXPECT_THAT(Call(SYS_kill, -1, SIGKILL), SucceedsWith(0));
                EXPECT_THAT(StatusOf(one), KilledBy(SIGKILL));
                EXPECT_THAT(Call(SYS_kill, -1, SIGKILL), FailsWith(ESRCH));
              }),
              Exited(0));
  EXPECT_THAT(Call(SYS_kill, bystander, 0), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_kill, bystander, SIGKILL), SucceedsWith(0));
  EXPECT_THAT(StatusOf(bystander), KilledBy(SIGKILL));
}
TEST(PidNamespace, InitIsProtectedFromItsOwn) {
  SKIP_UNLESS_PID_NAMESPACES();
  EXPECT_THAT(StatusOfInit([] {
                EXPECT_THAT(Call(SYS_kill, 1, SIGTERM), SucceedsWith(0));
                EXPECT_THAT(Call(SYS_kill, 1, SIGKILL), SucceedsWith(0));
                InChild([] { EXPECT_THAT(Call(SYS_kill, 1, SIGKILL), SucceedsWith(0)); });
                EXPECT_EQ(Call(SYS_getpid), 1);  // still here
              }),
              Exited(0));
}
TEST(PidNamespace, InitDiesOfSignalsFromOutside) {
  SKIP_UNLESS_PID_NAMESPACES();
  const Pipe ready;
  fflush(nullptr);
  const long child = Call(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, 0);
  if (child == 0) {
    Call(SYS_write, ready.writer, "r", 1);
    while (true) Call(SYS_pause);
  }
  char byte;
  Call(SYS_read, ready.reader, &byte, 1);
  EXPECT_THAT(Call(SYS_kill, child, SIGTERM), SucceedsWith(0));  // no handler: dropped
  usleep(20'000);
  int status;
  EXPECT_THAT(Call(SYS_wait4, child, &status, WNOHANG, nullptr), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_kill, child, SIGKILL), SucceedsWith(0));
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), KilledBy(SIGKILL));
}
TEST(PidNamespace, SendersFromOutsideArePidZero) {
  SKIP_UNLESS_PID_NAMESPACES();
  const Pipe ready, result;
  fflush(nullptr);
  const long child = Call(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, 0);
  if (child == 0) {
    const sigset_t set = SetOf(SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    Call(SYS_write, ready.writer, "r", 1);
    siginfo_t info = {};
    info.si_pid = 77;
    Call(SYS_rt_sigtimedwait, &set, &info, nullptr, kSetSize);
    Call(SYS_write, result.writer, &info.si_pid, sizeof info.si_pid);
    _exit(0);
  }
  char byte;
  Call(SYS_read, ready.reader, &byte, 1);
  EXPECT_THAT(Call(SYS_kill, child, SIGUSR1), SucceedsWith(0));
  pid_t sender = 77;
  Call(SYS_read, result.reader, &sender, sizeof sender);
  EXPECT_EQ(sender, 0);
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(0));
}
TEST(PidNamespace, SiginfoOfChildrenIsInTheParentsNumbers) {
  SKIP_UNLESS_PID_NAMESPACES();
  EXPECT_THAT(StatusOfInit([] {
                const sigset_t set = SetOf(SIGCHLD);
                sigprocmask(SIG_BLOCK, &set, nullptr);
                const pid_t child = fork();
                if (child == 0) _exit(0);
                siginfo_t info = {};
                EXPECT_THAT(Call(SYS_rt_sigtimedwait, &set, &info, nullptr, kSetSize), SucceedsWith(SIGCHLD));
                EXPECT_EQ(info.si_pid, 2);
                EXPECT_THAT(StatusOf(child), Exited(0));
              }),
              Exited(0));
}
TEST(PidNamespace, OrphansGoToItsInit) {
  SKIP_UNLESS_PID_NAMESPACES();
  EXPECT_THAT(StatusOfInit([] {
                const pid_t middle = fork();
                if (middle == 0) {
                  if (fork() == 0) {
                    while (getppid() != 1) usleep(1000);
                    _exit(42);
                  }
                  _exit(0);
                }
                EXPECT_THAT(StatusOf(middle), Exited(0));
                int status = 0;
                EXPECT_THAT(Call(SYS_wait4, -1, &status, 0, nullptr), SucceedsWith(3));
                EXPECT_THAT(status, Exited(42));
              }),
              Exited(0));
}
TEST(PidNamespace, EverybodyGoesWithInit) {
  SKIP_UNLESS_PID_NAMESPACES();
  const Pipe alive;
  fflush(nullptr);
  const long child = Call(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, 0);
  if (child == 0) {
    alive.reader.get();
    for (int i = 0; i < 3; ++i) {
      if (fork() == 0) {
        while (true) pause();
      }
    }
    _exit(7);
  }
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(7));
  // Init's end is told last: all the others are gone, and with them their ends of the pipe.
  Pipe& open = const_cast<Pipe&>(alive);
  open.writer.Reset();
  char byte;
  pollfd wait = {open.reader.get(), POLLIN, 0};
  EXPECT_THAT(Call(SYS_poll, &wait, 1, 2000), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_read, open.reader, &byte, 1), SucceedsWith(0));
}
TEST(PidNamespace, NestedNumbersShowInStatus) {
  SKIP_UNLESS_PID_NAMESPACES();
  const Pipe go, ready;
  fflush(nullptr);
  const long child = Call(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, 0);
  if (child == 0) {
    const long inner = Call(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, 0);
    if (inner == 0) {
      char byte;
      Call(SYS_write, ready.writer, "r", 1);
      Call(SYS_read, go.reader, &byte, 1);
      _exit(getpid() == 1 ? 0 : 1);
    }
    int status = 1;
    waitpid(static_cast<pid_t>(inner), &status, 0);
    _exit(inner == 2 && status == 0 ? 0 : 1);
  }
  char byte;
  Call(SYS_read, ready.reader, &byte, 1);
  const std::string pid = std::to_string(child);
  EXPECT_EQ(StatusLine("/proc/" + pid + "/status", "NSpid"), pid + "\t1");
  const std::string children = ReadFile("/proc/" + pid + "/task/" + pid + "/children");
  const std::string inner = children.substr(0, children.find(' '));
  EXPECT_EQ(StatusLine("/proc/" + inner + "/status", "NSpid"), inner + "\t2\t1");
  EXPECT_EQ(StatusLine("/proc/" + inner + "/status", "PPid"), pid);
  EXPECT_EQ(StatusLine("/proc/" + inner + "/status", "NStgid"), inner + "\t2\t1");
  Call(SYS_write, go.writer, "g", 1);
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(0));
}
TEST(PidNamespace, ProcMountShowsItsNamespace) {
  SKIP_UNLESS_PID_NAMESPACES();
  SKIP_UNLESS_MOUNTS();
  InMountNamespace([](const std::string& dir) {
    MakeDir(dir + "/proc");
    EXPECT_THAT(StatusOfInit([&] {
                  // The old mount still shows the old namespace, in which this process has another number.
                  EXPECT_NE(StatusLine("/proc/self/status", "Pid"), "1");
                  EXPECT_THAT(Call(SYS_mount, "proc", dir + "/proc", "proc", 0, nullptr), SucceedsWith(0));
                  EXPECT_EQ(StatusLine(dir + "/proc/self/status", "Pid"), "1");
                  EXPECT_EQ(StatusLine(dir + "/proc/1/status", "NSpid"), "1");
                  char text[32] = {};
                  EXPECT_THAT(Call(SYS_readlink, dir + "/proc/self", text, sizeof text), SucceedsWith(1));
                  EXPECT_STREQ(text, "1");
                  const pid_t child = fork();
                  if (child == 0) {
                    while (true) pause();
                  }
                  int numbers = 0;
                  if (DIR* list = opendir((dir + "/proc").c_str())) {
                    while (const dirent* entry = readdir(list)) numbers += entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
                    closedir(list);
                  }
                  EXPECT_EQ(numbers, 2);
                  EXPECT_TRUE(Exists(dir + "/proc/2"));
                  kill(child, SIGKILL);
                  EXPECT_THAT(StatusOf(child), KilledBy(SIGKILL));
                  EXPECT_FALSE(Exists(dir + "/proc/2"));
                }),
                Exited(0));
  });
}
TEST(PidNamespace, SocketCredentialsAreTranslated) {
  SKIP_UNLESS_PID_NAMESPACES();
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
  const int on = 1;
  setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  fflush(nullptr);
  const long child = Call(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, 0);
  if (child == 0) _exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
  char byte, control[256];
  iovec piece = {&byte, 1};
  msghdr message = {};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  EXPECT_EQ(recvmsg(ends[0], &message, 0), 1);
  const cmsghdr* head = CMSG_FIRSTHDR(&message);
  ASSERT_NE(head, nullptr);
  ucred credentials;
  memcpy(&credentials, CMSG_DATA(head), sizeof credentials);
  EXPECT_EQ(credentials.pid, child);
  EXPECT_THAT(StatusOf(static_cast<pid_t>(child)), Exited(0));
  close(ends[0]);
  close(ends[1]);
}
TEST(PidNamespace, ThreadsHaveNumbersInside) {
  SKIP_UNLESS_PID_NAMESPACES();
  EXPECT_THAT(StatusOfInit([] {
                ScopedThread other([] { EXPECT_EQ(Call(SYS_getpid), 1); });
                EXPECT_EQ(other.tid(), 2);
                other.Join();
              }),
              Exited(0));
}
TEST(PidNamespace, SetTidChoosesTheNumbers) {
  SKIP_UNLESS_PID_NAMESPACES();
  EXPECT_THAT(StatusOfInit([] {
                pid_t wanted[1] = {123};
                clone_args args = {};
                args.exit_signal = SIGCHLD;
                args.set_tid = reinterpret_cast<unsigned long>(wanted);
                args.set_tid_size = 1;
                const long child = Call(SYS_clone3, &args, sizeof args);
                if (child == 0) _exit(getpid() == 123 ? 0 : 1);
                EXPECT_EQ(child, 123);
                EXPECT_THAT(StatusOf(123), Exited(0));
                wanted[0] = 1;
                EXPECT_THAT(Call(SYS_clone3, &args, sizeof args), FailsWith(EEXIST));
                wanted[0] = -1;
                EXPECT_THAT(Call(SYS_clone3, &args, sizeof args), FailsWith(EINVAL));
                args.set_tid_size = 33;
                EXPECT_THAT(Call(SYS_clone3, &args, sizeof args), FailsWith(EINVAL));
              }),
              Exited(0));
}
TEST(PidNamespace, WaitersOutsideUseTheirNumbers) {
  SKIP_UNLESS_PID_NAMESPACES();
  InChild([] {
    EXPECT_THAT(Call(SYS_unshare, CLONE_NEWPID), SucceedsWith(0));
    const pid_t first = fork();
    if (first == 0) {
      while (true) pause();
    }
    const pid_t second = fork();
    if (second == 0) _exit(getpid());
    EXPECT_THAT(StatusOf(second), Exited(2));
    int status;
    EXPECT_THAT(Call(SYS_wait4, 1, &status, 0, nullptr), FailsWith(ECHILD));
    EXPECT_THAT(Call(SYS_kill, first, SIGKILL), SucceedsWith(0));
    EXPECT_THAT(StatusOf(first), KilledBy(SIGKILL));
  });
}

}  // namespace tests
