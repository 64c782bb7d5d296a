// Namespaces of this process (namespaces(7)): leaving, joining, user id maps.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "base/error/result.h"

namespace ringwall::host {

// unshare(2) with CLONE_NEW* flags.
Result<void> Unshare(int clone_flags);
// setns(2). `type` is one CLONE_NEW* flag, or several when `fd` is a pidfd.
Result<void> JoinNamespace(int fd, int type);
// Opens the namespace file at `path` (close-on-exec) and joins it.
Result<void> JoinNamespacePath(const char* path, int type);

// A line of /proc/pid/uid_map: [inside, inside + count) are [outside, outside + count) of the parent user namespace.
struct IdMapping {
  uint32_t inside;
  uint32_t outside;
  uint32_t count;
};
inline constexpr size_t kMaxIdMappings = 340;  // user_namespaces(7)

// Writes the maps of `pid`'s user namespace; pid 0 means this process. Without CAP_SETGID in the parent namespace, setgroups is denied
// first (user_namespaces(7)): pass deny_setgroups.
Result<void> WriteIdMaps(pid_t pid, std::span<const IdMapping> uids, std::span<const IdMapping> gids, bool deny_setgroups);

// sethostname(2).
Result<void> SetHostName(const char* name);
// setresgid(2), then setresuid(2), after dropping supplementary groups where that is allowed.
Result<void> BecomeUser(uid_t uid, gid_t gid);

}  // namespace ringwall::host
