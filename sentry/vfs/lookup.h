// Inside of the vfs room: from a name to a dentry, and the walk that path_walk.cc and open.cc share.
#pragma once

#include <string>
#include <string_view>

#include "absl/container/inlined_vector.h"
#include "base/error/result.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::vfs {

// The child `name` of `directory`, from the cache or from the file system: always positive, else ENOENT or the file system's error.
// Without locks. `rest` is the path behind the name: a hint for looking several components up in one request; found ones are pinned in
// `pins`.
using DentryPins = absl::InlinedVector<Ref<Dentry>, 8>;
Result<Ref<Dentry>> FindOrLookUp(Context& ctx, Dentry& directory, std::string_view name, std::string_view rest, DentryPins* pins);
// The same with directory.directory_mutex() held: the answer stays true while it is.
Result<Ref<Dentry>> LookUpLocked(Context& ctx, Dentry& directory, std::string_view name);
// Before a name is made, with directory.directory_mutex() held. ENOENT may mean that the file system has to be tried: where misses are not
// remembered it is asked anyway, and says EEXIST by itself.
Result<Ref<Dentry>> LookUpToCreate(Context& ctx, const LastComponent& last);

// One path resolution, with its RESOLVE_ state and its count of symlinks, which may go on after the last component (open(2) with O_CREAT).
class Walker {
 public:
  Walker(Context& ctx, const WalkStart& start, const WalkOptions& options);
  Result<Path> Existing(std::string_view path);
  Result<LastComponent> Parent(std::string_view path);
  // The child that a LastComponent names, mounts crossed; ENOENT.
  Result<Path> Child(const LastComponent& last);
  // `link` is the symlink child of `last`: resolves it as a last component again. A magic link has no parent: then `magic` is set instead.
  Result<LastComponent> FollowLast(const LastComponent& last, const Path& link, Path& magic);

 private:
  Result<void> Start(std::string_view path);
  Result<void> JumpToRoot();
  Result<void> Up();
  Result<void> CrossDown(Path& at);
  // Follows `link`, a child of at_. Sets `jumped` and at_ for a magic link, else puts the target and `tail` into buffer_ and at_ where it
  // starts.
  Result<void> Follow(const Path& link, std::string_view tail, bool& jumped);
  Result<void> Steps(std::string_view rest, LastComponent* last);

  Context& ctx_;
  const MountNamespace& ns_;
  const WalkOptions options_;
  const Path root_;
  const Path base_;
  Path at_;
  std::string buffer_;  // what is left of the path once a symlink was expanded
  DentryPins pins_;
  size_t symlinks_ = 0;
  bool must_be_directory_ = false;
};

}  // namespace ringwall::vfs
