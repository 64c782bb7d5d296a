// path_resolution(7) in one place.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "abi/limits.h"
#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "sentry/context/context.h"
#include "sentry/vfs/dentry.h"
#include "sentry/vfs/mount.h"

namespace ringwall::vfs {

// Root, working directory and umask of a process; shared with CLONE_FS. Linux's fs_struct.
class FsContext : public RefCounted {
 public:
  FsContext(Ref<MountNamespace> ns, Path root, Path cwd, uint32_t umask);
  Ref<FsContext> Clone() const;
  Path root() const;
  Path cwd() const;
  void SetRoot(Path root);
  void SetCwd(Path cwd);
  // Both at once (pivot_root, setns).
  void SetBoth(Path root, Path cwd);
  uint32_t umask() const { return umask_.load(std::memory_order_relaxed); }
  uint32_t SetUmask(uint32_t mask) { return umask_.exchange(mask & 0777); }
  const Ref<MountNamespace>& mount_ns() const { return ns_; }

 private:
  const Ref<MountNamespace> ns_;
  mutable Mutex<LockRank::kNamespace> mu_;
  Path root_ ABSL_GUARDED_BY(mu_);
  Path cwd_ ABSL_GUARDED_BY(mu_);
  std::atomic<uint32_t> umask_;
};

enum class LastSymlink : uint8_t { kFollow, kKeep };

struct WalkOptions {
  LastSymlink last = LastSymlink::kFollow;
  bool must_be_directory = false;  // O_DIRECTORY: ENOTDIR
  bool empty_path = false;         // AT_EMPTY_PATH: "" is the start itself, else ENOENT
  // openat2(2) RESOLVE_*.
  bool beneath = false, in_root = false, no_xdev = false, no_symlinks = false, no_magiclinks = false;
};

// Where a walk starts: absolute paths at root, others at base (cwd, or the directory behind a dirfd).
struct WalkStart {
  const Ref<MountNamespace>& ns;  // borrowed for the walk
  Path root;
  Path base;
};

// The final component of a path whose parent exists: for create, unlink, rename, link.
struct LastComponent {
  Path parent;       // a directory, search permission checked
  std::string name;  // never empty, "." or ".." (kind says)
  enum class Kind : uint8_t { kNormal, kDot, kDotDot, kRoot } kind = Kind::kNormal;
  bool trailing_slash = false;
};

inline constexpr size_t kNameMax = abi::kNAME_MAX;

// The existing file that `path` names: ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG; EXDEV for RESOLVE_ violations.
Result<Path> Walk(Context& ctx, const WalkStart& start, std::string_view path, const WalkOptions& options);
Result<LastComponent> WalkParent(Context& ctx, const WalkStart& start, std::string_view path, const WalkOptions& options);
// Looks one name up in a directory (no permission check; not "." or ".."): negative result = ENOENT. Crosses into mounts.
Result<Path> LookupChild(Context& ctx, const MountNamespace& ns, const Path& directory, std::string_view name);

// Whether `path` is `top` or below it, across mounts.
bool IsUnder(const MountNamespace& ns, const Path& top, const Path& path);

// The absolute name of a place as seen from `root`, for getcwd(2) and /proc: "(unreachable)" prefix when not below root, " (deleted)"
// suffix when unlinked.
std::string AbsoluteName(const MountNamespace& ns, const Path& root, const Path& path);

// The name from the top of the tree that the file's mount hangs in, for /proc/PID/maps, fdinfo and logs: no namespace needed.
std::string NameFromTop(const Path& path);

}  // namespace ringwall::vfs
