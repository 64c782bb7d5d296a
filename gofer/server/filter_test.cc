// The gofer's policy, evaluated without being entered.
#include "gofer/server/filter.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gofer/server/server.h"
#include "host/seccomp/compile.h"
#include "host/seccomp/evaluate.h"

namespace ringwall::gofer {
namespace {

host::Filter Compiled(const ConfinementOptions& options) {
  std::string error;
  auto filter = host::Compile(MakeGoferPolicy(options), &error);
  if (!filter.ok()) {
    ADD_FAILURE() << error;
    abort();
  }
  return std::move(filter).value();
}

TEST(GoferFilter, StaysWithinItsBudget) {
  EXPECT_LE(MakeGoferPolicy({.socket = 3, .proc_self_fd = 4, .allow_connect = true}).CountCalls(), 45u);
}

TEST(GoferFilter, LinksAreFollowedFromOneDirectoryOnly) {
  const host::Filter f = Compiled({.socket = 3, .proc_self_fd = 4});
  for (const char* call : {"openat", "linkat", "fchmodat", "utimensat"}) {
    EXPECT_TRUE(host::Allows(f, call, {4})) << call;
    EXPECT_FALSE(host::Allows(f, call, {5})) << call;
    EXPECT_FALSE(host::Allows(f, call, {static_cast<uint64_t>(AT_FDCWD)})) << call;
  }
  EXPECT_TRUE(host::Allows(f, "recvmsg", {3}));
  EXPECT_FALSE(host::Allows(f, "recvmsg", {5}));
}

TEST(GoferFilter, NoDevicesNoExecutableMemoryNoSockets) {
  const host::Filter f = Compiled({.socket = 3, .proc_self_fd = 4});
  EXPECT_TRUE(host::Allows(f, "mknodat", {5, 0, S_IFIFO | 0600}));
  EXPECT_FALSE(host::Allows(f, "mknodat", {5, 0, S_IFCHR | 0600}));
  EXPECT_FALSE(host::Allows(f, "mknodat", {5, 0, S_IFBLK | 0600}));
  EXPECT_TRUE(host::Allows(f, "mmap", {0, 4096, PROT_READ | PROT_WRITE}));
  EXPECT_FALSE(host::Allows(f, "mmap", {0, 4096, PROT_READ | PROT_EXEC}));
  for (const char* call : {"socket", "connect", "execve", "open", "open_by_handle_at", "mprotect", "ptrace", "clone", "mount", "chroot",
                           "setns", "unshare", "fchdir", "ioctl", "kill"}) {
    EXPECT_FALSE(host::Allows(f, call)) << call;
  }
  const host::Filter c = Compiled({.socket = 3, .proc_self_fd = 4, .allow_connect = true});
  EXPECT_TRUE(host::Allows(c, "socket", {AF_UNIX}));
  EXPECT_FALSE(host::Allows(c, "socket", {AF_INET}));
}

TEST(GoferFilter, KeepsFourCapabilities) {
  EXPECT_TRUE(GoferCapabilities().Has(CAP_CHOWN));
  EXPECT_FALSE(GoferCapabilities().Has(CAP_DAC_READ_SEARCH));
  EXPECT_FALSE(GoferCapabilities().Has(CAP_SYS_ADMIN));
  EXPECT_FALSE(GoferCapabilities().Has(CAP_MKNOD));
}

TEST(GoferFilter, AForbiddenCallEndsTheProcess) {
  const pid_t child = fork();
  if (child == 0) {
    if (!EnterConfinement({.socket = 3, .proc_self_fd = 4}).ok()) _exit(1);
    syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    _exit(2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), host::kForbiddenCallExitStatus);
}

}  // namespace
}  // namespace ringwall::gofer
