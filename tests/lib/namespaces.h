// Namespaces of their own for tests: whatever is mounted there is gone with the child.
#pragma once

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include <sstream>
#include <string>
#include <vector>

#include "tests/lib/files.h"
#include "tests/lib/process.h"

namespace tests {

// Whether this machine lets us make such namespaces (CLONE_NEW* flags): containers often may not.
inline bool CanUnshare(int flags) {
  const pid_t child = fork();
  if (child == 0) _exit(unshare(flags) == 0 ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0;
}
#define SKIP_UNLESS_UNSHARE(flags) \
  if (!CanUnshare(flags)) GTEST_SKIP() << "this machine forbids unshare(" #flags ")"
#define SKIP_UNLESS_MOUNTS() \
  if (!CanUnshare(CLONE_NEWNS) || !HasCapability(21)) GTEST_SKIP() << "this machine forbids mounts"

// Runs `body(dir)` in a child with a private mount namespace; `dir` is an empty tmpfs that nobody else sees.
template <class Body>
void InMountNamespace(const Body& body) {
  const TempDir base;
  InChild([&] {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("base", base.path().c_str(), "tmpfs", 0, nullptr), 0);
    body(base.path());
  });
}

// One line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
struct MountLine {
  int id = 0, parent = 0;
  std::string root, where, options, optional, type, source, super;
};
inline std::vector<MountLine> Mountinfo(const std::string& file = "/proc/self/mountinfo") {
  std::vector<MountLine> out;
  std::istringstream text(ReadFile(file));
  std::string line;
  while (std::getline(text, line)) {
    std::istringstream words(line);
    MountLine m;
    std::string dev, word;
    words >> m.id >> m.parent >> dev >> m.root >> m.where >> m.options;
    while (words >> word && word != "-") m.optional += (m.optional.empty() ? "" : " ") + word;
    words >> m.type >> m.source >> m.super;
    out.push_back(m);
  }
  return out;
}
// The topmost mount at a place; id 0 when there is none.
inline MountLine MountAt(const std::string& where, const std::string& file = "/proc/self/mountinfo") {
  MountLine found;
  for (const MountLine& m : Mountinfo(file)) {
    if (m.where == where) found = m;
  }
  return found;
}
inline int MountsAt(const std::string& where) {
  int n = 0;
  for (const MountLine& m : Mountinfo()) n += m.where == where;
  return n;
}
// The N of "shared:N" or "master:N" among the optional fields; 0 when it is not there.
inline int PeerGroup(const MountLine& m, const std::string& key = "shared:") {
  const size_t at = m.optional.find(key);
  return at == std::string::npos ? 0 : atoi(m.optional.c_str() + at + key.size());
}
inline bool HasOption(const std::string& options, const std::string& one) {
  return ("," + options + ",").find("," + one + ",") != std::string::npos;
}

inline void MakeDir(const std::string& path) { EXPECT_THAT(Call(SYS_mkdir, path, 0755), SucceedsWith(0)); }

// Maps the caller's ids to 0 in its fresh user namespace, the way without privileges.
inline void MapRootToSelf(uid_t outer_uid, gid_t outer_gid) {
  EXPECT_TRUE(WriteFile("/proc/self/setgroups", "deny"));
  EXPECT_TRUE(WriteFile("/proc/self/uid_map", "0 " + std::to_string(outer_uid) + " 1\n"));
  EXPECT_TRUE(WriteFile("/proc/self/gid_map", "0 " + std::to_string(outer_gid) + " 1\n"));
}

inline std::string NamespaceLink(const std::string& kind, const std::string& who = "self") {
  char text[64] = {};
  const ssize_t n = readlink(("/proc/" + who + "/ns/" + kind).c_str(), text, sizeof text - 1);
  return n < 0 ? std::string() : std::string(text);
}

}  // namespace tests
