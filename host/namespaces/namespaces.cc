// unshare(2), setns(2), /proc/pid/{uid,gid}_map.
#include "host/namespaces/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <string>

#include "base/fd/unique_fd.h"
#include "host/calls/read_write.h"

namespace ringwall::host {
namespace {

Result<void> WriteMap(pid_t pid, const char* file, std::span<const IdMapping> maps) {
  if (maps.empty() || maps.size() > kMaxIdMappings) return Errno::kEINVAL;
  std::string text;
  char line[64];
  for (const IdMapping& m : maps) {
    snprintf(line, sizeof(line), "%u %u %u\n", m.inside, m.outside, m.count);
    text += line;
  }
  char path[64];
  if (pid == 0) {
    snprintf(path, sizeof(path), "/proc/self/%s", file);
  } else {
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
  }
  return WriteFile(path, text);  // the host wants the whole map in one write
}

}  // namespace

Result<void> Unshare(int clone_flags) {
  if (::unshare(clone_flags) != 0) return ErrnoFromHost(errno);
  return {};
}

Result<void> JoinNamespace(int fd, int type) {
  if (::setns(fd, type) != 0) return ErrnoFromHost(errno);
  return {};
}

Result<void> JoinNamespacePath(const char* path, int type) {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return ErrnoFromHost(errno);
  return JoinNamespace(fd.get(), type);
}

Result<void> WriteIdMaps(pid_t pid, std::span<const IdMapping> uids, std::span<const IdMapping> gids, bool deny_setgroups) {
  if (deny_setgroups) {
    char path[64];
    if (pid == 0) {
      snprintf(path, sizeof(path), "/proc/self/setgroups");
    } else {
      snprintf(path, sizeof(path), "/proc/%d/setgroups", pid);
    }
    TRY(WriteFile(path, "deny"));
  }
  TRY(WriteMap(pid, "uid_map", uids));
  return WriteMap(pid, "gid_map", gids);
}

Result<void> SetHostName(const char* name) {
  if (::sethostname(name, strlen(name)) != 0) return ErrnoFromHost(errno);
  return {};
}

Result<void> BecomeUser(uid_t uid, gid_t gid) {
  // EPERM: no right to change groups, or the namespace denies setgroups; then there is nothing that could be dropped.
  if (::setgroups(0, nullptr) != 0 && errno != EPERM) return ErrnoFromHost(errno);
  if (::setresgid(gid, gid, gid) != 0) return ErrnoFromHost(errno);
  if (::setresuid(uid, uid, uid) != 0) return ErrnoFromHost(errno);
  return {};
}

}  // namespace ringwall::host
