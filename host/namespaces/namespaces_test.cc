// Capabilities, user id maps and roots, each in a child of its own.
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gtest/gtest.h"
#include "host/calls/pidfd.h"
#include "host/calls/read_write.h"
#include "host/namespaces/capabilities.h"
#include "host/namespaces/mounts.h"
#include "host/namespaces/namespaces.h"

namespace ringwall::host {
namespace {

// Exit status of `body` in a forked child; the line number of its first failed STEP, or 0.
template <typename F>
int InChild(F body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  auto pidfd = OpenPidfd(child);
  auto status = PidfdWait(pidfd->get());
  return status.ok() ? status->ShellCode() : -1;
}
#define STEP(condition)                          \
  do {                                           \
    if (!(condition)) return __LINE__ % 200 + 1; \
  } while (0)
constexpr int kSkipped = 250;

// A user namespace in which we are root, as far as the host lets us have one.
bool EnterUserNamespace(int more) {
  const uid_t uid = getuid();
  const gid_t gid = getgid();
  if (!Unshare(CLONE_NEWUSER | more).ok()) return false;
  const IdMapping u[] = {{0, uid, 1}};
  const IdMapping g[] = {{0, gid, 1}};
  return WriteIdMaps(0, u, g, true).ok();
}

TEST(Capabilities, KeepExactlyTheseAndForGood) {
  const int rc = InChild([]() -> int {
    if (!EnterUserNamespace(0)) return kSkipped;
    STEP(EffectiveCapabilities()->Has(CAP_SYS_ADMIN));
    STEP(KeepOnlyCapabilities({CAP_CHOWN, CAP_DAC_OVERRIDE}).ok());
    STEP(EffectiveCapabilities()->raw() == ((1u << CAP_CHOWN) | (1u << CAP_DAC_OVERRIDE)));
    STEP(DropAllCapabilities().ok());
    STEP(EffectiveCapabilities()->raw() == 0);
    STEP(KeepOnlyCapabilities({CAP_CHOWN}).ok());
    STEP(EffectiveCapabilities()->raw() == 0);
    STEP(ReadFile("/proc/self/status")->find("CapBnd:\t0000000000000000") != std::string::npos);
    STEP(SetNoNewPrivs().ok());
    STEP(SetDumpable(false).ok());
    return 0;
  });
  if (rc == kSkipped) GTEST_SKIP() << "no user namespaces here";
  EXPECT_EQ(rc, 0);
}

TEST(IdMaps, RefusesEmptyMaps) { EXPECT_TRUE(WriteIdMaps(0, {}, {}, false) == Errno::kEINVAL); }

TEST(Mounts, EmptyRootHasNothingInIt) {
  const int rc = InChild([]() -> int {
    if (!EnterUserNamespace(CLONE_NEWNS)) return kSkipped;
    STEP(MakePrivate("/").ok());
    STEP(PivotIntoEmptyRoot().ok());
    STEP(access("/etc", F_OK) != 0 && errno == ENOENT);
    STEP(access("/proc", F_OK) != 0);
    STEP(access("..", F_OK) == 0);
    STEP(mkdir("/x", 0700) != 0);
    STEP(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0);
    return 0;
  });
  if (rc == kSkipped) GTEST_SKIP() << "no user namespaces here";
  EXPECT_EQ(rc, 0);
}

TEST(Mounts, PivotAndReadOnlyBind) {
  char dir[] = "/tmp/ringwall_rootXXXXXX";
  ASSERT_NE(mkdtemp(dir), nullptr);
  ASSERT_EQ(mkdir((std::string(dir) + "/etc").c_str(), 0755), 0);
  const int rc = InChild([&]() -> int {
    if (!EnterUserNamespace(CLONE_NEWNS)) return kSkipped;
    STEP(MakePrivate("/").ok());
    STEP(BindMount("/etc", (std::string(dir) + "/etc").c_str(), true, MS_RDONLY | MS_NOSUID).ok());
    STEP(PivotInto(dir).ok());
    STEP(access("/etc/passwd", R_OK) == 0);
    STEP(access("/etc/passwd", W_OK) != 0);
    STEP(access("/usr", F_OK) != 0);
    STEP(mkdir("/new", 0700) == 0 && rmdir("/new") == 0);
    return 0;
  });
  rmdir((std::string(dir) + "/etc").c_str());
  rmdir(dir);
  if (rc == kSkipped) GTEST_SKIP() << "no user namespaces here";
  EXPECT_EQ(rc, 0);
}

}  // namespace
}  // namespace ringwall::host
