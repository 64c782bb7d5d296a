// path_resolution(7): components, "..", symlinks, magic links, mounts in both directions, and the RESOLVE_ limits of openat2(2).
#include "sentry/vfs/path_walk.h"

#include <algorithm>

#include "abi/capability.h"
#include "abi/fcntl.h"
#include "sentry/vfs/lookup.h"
#include "sentry/vfs/permission.h"

namespace ringwall::vfs {

FsContext::FsContext(Ref<MountNamespace> ns, Path root, Path cwd, uint32_t umask)
    : ns_(std::move(ns)), root_(std::move(root)), cwd_(std::move(cwd)), umask_(umask & 0777) {}

Ref<FsContext> FsContext::Clone() const { return MakeRef<FsContext>(ns_, root(), cwd(), umask()); }

Path FsContext::root() const {
  MutexLock lock(mu_);
  return root_;
}

Path FsContext::cwd() const {
  MutexLock lock(mu_);
  return cwd_;
}

void FsContext::SetRoot(Path root) {
  MutexLock lock(mu_);
  std::swap(root_, root);  // the old place is dropped with the argument, after the lock
}

void FsContext::SetCwd(Path cwd) {
  MutexLock lock(mu_);
  std::swap(cwd_, cwd);
}

void FsContext::SetBoth(Path root, Path cwd) {
  MutexLock lock(mu_);
  std::swap(root_, root);
  std::swap(cwd_, cwd);
}

Walker::Walker(Context& ctx, const WalkStart& start, const WalkOptions& options)
    : ctx_(ctx),
      ns_(*start.ns),
      options_(options),
      root_(options.beneath || options.in_root ? start.base : start.root),
      base_(start.base) {}

Result<void> Walker::JumpToRoot() {
  if (options_.beneath) return Errno::kEXDEV;
  if (options_.no_xdev && at_ && !(at_.mount == root_.mount)) return Errno::kEXDEV;
  at_ = root_;
  return {};
}

Result<void> Walker::Start(std::string_view path) {
  if (path.size() >= abi::kPATH_MAX) return Errno::kENAMETOOLONG;
  at_ = base_;
  if (path.empty()) {
    if (!options_.empty_path) return Errno::kENOENT;
    return {};
  }
  if (path.front() == '/') TRY(JumpToRoot());
  return {};
}

Result<void> Walker::CrossDown(Path& at) {
  while (at.dentry->mounted_here.load(std::memory_order_acquire) > 0) {
    RefPtr<Mount> on_top = ns_.MountedAt(at);
    if (!on_top) break;
    if (options_.no_xdev) return Errno::kEXDEV;
    at.dentry = on_top->root();
    at.mount = std::move(on_top);
  }
  return {};
}

Result<void> Walker::Up() {
  for (;;) {
    if (at_ == root_) {
      if (options_.beneath) return Errno::kEXDEV;
      break;
    }
    if (!at_.mount) break;
    if (at_.dentry.get() != at_.mount->root().get()) {
      RefPtr<Dentry> parent = at_.dentry->parent();
      if (parent) at_.dentry = std::move(parent);
      break;
    }
    Path covered = ns_.MountpointOf(*at_.mount);
    if (!covered) break;
    if (options_.no_xdev) return Errno::kEXDEV;
    at_ = std::move(covered);
  }
  TRY(CrossDown(at_));
  // A rename may have carried us out while we walked (openat2(2), EAGAIN: "a race").
  if ((options_.beneath || options_.in_root) && !IsUnder(ns_, root_, at_)) return Errno::kEAGAIN;
  return {};
}

Result<void> Walker::Follow(const Path& link, std::string_view tail, bool& jumped) {
  if (++symlinks_ > abi::kMAX_SYMLINK_FOLLOWS || options_.no_symlinks) return Errno::kELOOP;
  if (link.mount && link.mount->flags().no_symfollow) return Errno::kELOOP;  // mount(2), MS_NOSYMFOLLOW
  jumped = false;
  Inode& inode = link.inode();
  Result<Path> magic = inode.FollowMagic(ctx_);
  if (magic.ok()) {
    if (options_.no_magiclinks) return Errno::kELOOP;
    if (options_.beneath || options_.in_root) return Errno::kEXDEV;
    if (options_.no_xdev && !(magic->mount == link.mount)) return Errno::kEXDEV;
    at_ = std::move(magic).value();
    jumped = true;
    return {};
  }
  if (magic.error() != Errno::kENOLINK) return magic.error();
  std::string target = TRY(inode.ReadLink(ctx_));
  if (target.empty()) return Errno::kENOENT;
  if (target.front() == '/') TRY(JumpToRoot());
  target.append(tail);  // tail may point into buffer_
  buffer_ = std::move(target);
  return {};
}

// `last` null: to the end. Else stops before the last component and describes it.
Result<void> Walker::Steps(std::string_view rest, LastComponent* last) {
  const bool may_search_all = ctx_.creds().Has(abi::kCAP_DAC_OVERRIDE) || ctx_.creds().Has(abi::kCAP_DAC_READ_SEARCH);
  must_be_directory_ = options_.must_be_directory;
  for (;;) {
    const size_t begin = rest.find_first_not_of('/');
    if (begin == std::string_view::npos) {
      // Nothing more. For a caller that wants a last component, the path was "/", or a link to a root.
      if (last != nullptr) {
        last->parent = at_;
        last->kind = LastComponent::Kind::kRoot;
      }
      return {};
    }
    rest.remove_prefix(begin);
    const std::string_view name = rest.substr(0, rest.find('/'));
    const std::string_view tail = rest.substr(name.size());
    const bool is_last = tail.find_first_not_of('/') == std::string_view::npos;
    const bool slash = !tail.empty();

    Inode& directory = at_.inode();
    if (!directory.IsDirectory()) return Errno::kENOTDIR;
    if (!may_search_all) TRY(CheckAccess(ctx_, directory, abi::kX_OK));

    const bool dot = name == ".";
    const bool dot_dot = name == "..";
    if (is_last && last != nullptr) {
      last->parent = at_;
      last->name = std::string(name);
      last->kind = dot ? LastComponent::Kind::kDot : dot_dot ? LastComponent::Kind::kDotDot : LastComponent::Kind::kNormal;
      last->trailing_slash = slash;
      return {};
    }
    if (dot || dot_dot) {
      if (dot_dot) TRY(Up());
      rest = tail;
      continue;
    }

    Ref<Dentry> child = TRY(FindOrLookUp(ctx_, *at_.dentry, name, tail, &pins_));
    const Inode& inode = *child->inode_raw();
    if (inode.IsSymlink() && (!is_last || slash || options_.last == LastSymlink::kFollow)) {
      const Path link{at_.mount, std::move(child)};
      bool jumped;
      TRY(Follow(link, tail, jumped));
      rest = jumped ? tail : std::string_view(buffer_);
      if (jumped && is_last && slash) must_be_directory_ = true;
      continue;
    }
    at_.dentry = std::move(child);
    if (at_.dentry->mounted_here.load(std::memory_order_acquire) > 0) TRY(CrossDown(at_));
    if (is_last && slash) must_be_directory_ = true;
    rest = tail;
  }
}

Result<Path> Walker::Existing(std::string_view path) {
  TRY(Start(path));
  TRY(Steps(path, nullptr));
  if (must_be_directory_ && !at_.inode().IsDirectory()) return Errno::kENOTDIR;
  return std::move(at_);
}

Result<LastComponent> Walker::Parent(std::string_view path) {
  LastComponent last;
  TRY(Start(path));
  if (path.empty()) return Errno::kENOENT;
  TRY(Steps(path, &last));
  return last;
}

Result<Path> Walker::Child(const LastComponent& last) {
  switch (last.kind) {
    case LastComponent::Kind::kRoot:
    case LastComponent::Kind::kDot: return last.parent;
    case LastComponent::Kind::kDotDot:
      at_ = last.parent;
      TRY(Up());
      return at_;
    case LastComponent::Kind::kNormal: break;
  }
  Ref<Dentry> child = TRY(FindOrLookUp(ctx_, *last.parent.dentry, last.name, {}, nullptr));
  Path at{last.parent.mount, std::move(child)};
  TRY(CrossDown(at));
  return at;
}

Result<LastComponent> Walker::FollowLast(const LastComponent& last, const Path& link, Path& magic) {
  LastComponent next;
  at_ = last.parent;
  bool jumped;
  TRY(Follow(link, last.trailing_slash ? "/" : "", jumped));
  if (jumped) {
    magic = at_;
    next.trailing_slash = last.trailing_slash;
    return next;
  }
  TRY(Steps(buffer_, &next));
  return next;
}

Result<Path> Walk(Context& ctx, const WalkStart& start, std::string_view path, const WalkOptions& options) {
  return Walker(ctx, start, options).Existing(path);
}

Result<LastComponent> WalkParent(Context& ctx, const WalkStart& start, std::string_view path, const WalkOptions& options) {
  return Walker(ctx, start, options).Parent(path);
}

Result<Path> LookupChild(Context& ctx, const MountNamespace& ns, const Path& directory, std::string_view name) {
  if (!directory.inode().IsDirectory()) return Errno::kENOTDIR;
  Ref<Dentry> child = TRY(FindOrLookUp(ctx, *directory.dentry, name, {}, nullptr));
  Path at{directory.mount, std::move(child)};
  while (at.dentry->mounted_here.load(std::memory_order_acquire) > 0) {
    RefPtr<Mount> on_top = ns.MountedAt(at);
    if (!on_top) break;
    at.dentry = on_top->root();
    at.mount = std::move(on_top);
  }
  return at;
}

bool IsUnder(const MountNamespace& ns, const Path& top, const Path& path) {
  Path at = path;
  for (;;) {
    if (at == top) return true;
    if (!at.mount) return false;
    if (at.dentry.get() == at.mount->root().get()) {
      at = ns.MountpointOf(*at.mount);
      if (!at) return false;
      continue;
    }
    RefPtr<Dentry> parent = at.dentry->parent();
    if (!parent) return false;
    at.dentry = std::move(parent);
  }
}

namespace {

// Climbs from `path` to `root` (or to the top when root is null) with `above` giving what a mount covers.
template <typename Above>
std::string ClimbName(const Path* root, const Path& path, Above above) {
  if (!path) return "";
  if (!path.mount) return path.dentry->name();  // pipe:[12], memfd: an anonymous file
  std::vector<std::string> names;               // innermost first
  size_t length = 0;
  bool reachable = true;
  for (Path at = path; root == nullptr || !(at == *root);) {
    if (at.dentry.get() == at.mount->root().get()) {
      Path covered = above(*at.mount);
      if (!covered) {
        // The top of the namespace, not met as root: outside of a chroot, or a detached mount.
        reachable = root == nullptr;
        break;
      }
      at = std::move(covered);
      continue;
    }
    RefPtr<Dentry> parent = at.dentry->parent();
    names.push_back(at.dentry->name());
    length += names.back().size() + 1;
    if (!parent) break;  // O_TMPFILE: a name of its own
    at.dentry = std::move(parent);
  }
  std::string out;
  out.reserve(length + 32);
  if (!reachable) out += "(unreachable)";
  for (auto it = names.rbegin(); it != names.rend(); ++it) out.append("/").append(*it);
  if (names.empty()) out += "/";
  if (path.dentry->IsUnlinked()) out += " (deleted)";
  return out;
}

}  // namespace

std::string AbsoluteName(const MountNamespace& ns, const Path& root, const Path& path) {
  return ClimbName(&root, path, [&](const Mount& mount) { return ns.MountpointOf(mount); });
}

std::string NameFromTop(const Path& path) {
  return ClimbName(nullptr, path, [](const Mount& mount) { return mount.mountpoint(); });
}

}  // namespace ringwall::vfs
