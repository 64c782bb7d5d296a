// rename(2), renameat2(2).
#include <utility>

#include "abi/capability.h"
#include "abi/fcntl.h"
#include "sentry/vfs/lookup.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/operations.h"

namespace ringwall::vfs {

namespace {

// The directory mutexes of both parents: one, or the ancestor first, or by address when neither is. Rename lock held, so that the relation
// stays.
class TwoDirectories {
 public:
  TwoDirectories(Dentry& a, Dentry& b) ABSL_NO_THREAD_SAFETY_ANALYSIS : first_(&a), second_(&a == &b ? nullptr : &b) {
    if (second_ != nullptr && !a.IsAncestorOf(b) && (b.IsAncestorOf(a) || &b < &a)) std::swap(first_, second_);
    first_->directory_mutex().Lock();
    if (second_ != nullptr) second_->directory_mutex().LockNested();
  }
  ~TwoDirectories() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (second_ != nullptr) second_->directory_mutex().Unlock();
    first_->directory_mutex().Unlock();
  }
  TwoDirectories(const TwoDirectories&) = delete;
  TwoDirectories& operator=(const TwoDirectories&) = delete;

 private:
  Dentry* first_;
  Dentry* second_;
};

// The directory that is being replaced, if there is one: no file may be made in it. Its mutex ranks below both parents': it is below the
// new one, and no ancestor of the old one.
class HoldReplaced {
 public:
  explicit HoldReplaced(Dentry* directory) ABSL_NO_THREAD_SAFETY_ANALYSIS : directory_(directory) {
    if (directory_ != nullptr) directory_->directory_mutex().LockNested();
  }
  ~HoldReplaced() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (directory_ != nullptr) directory_->directory_mutex().Unlock();
  }
  HoldReplaced(const HoldReplaced&) = delete;
  HoldReplaced& operator=(const HoldReplaced&) = delete;

 private:
  Dentry* directory_;
};

// Linux's may_delete/may_create for the two ends, and for the moved directory itself: its ".." is rewritten.
Result<void> CheckPermissions(Context& ctx, Inode& old_dir, Inode& moved, Inode& new_dir, Inode* replaced, bool exchange) {
  const Attributes moved_attributes = TRY(moved.GetAttributes(ctx));
  TRY(CheckRemoval(ctx, old_dir, moved_attributes));
  if (replaced == nullptr) {
    TRY(CheckAccess(ctx, new_dir, abi::kW_OK | abi::kX_OK));
  } else {
    const Attributes replaced_attributes = TRY(replaced->GetAttributes(ctx));
    TRY(CheckRemoval(ctx, new_dir, replaced_attributes));
    if (!exchange) {
      if (moved.IsDirectory() && !replaced->IsDirectory()) return Errno::kENOTDIR;
      if (!moved.IsDirectory() && replaced->IsDirectory()) return Errno::kEISDIR;
    }
  }
  if (&old_dir != &new_dir) {
    if (moved.IsDirectory()) TRY(CheckAccess(ctx, moved, abi::kW_OK));
    if (exchange && replaced->IsDirectory()) TRY(CheckAccess(ctx, *replaced, abi::kW_OK));
  }
  return {};
}

// One move as watches hear of it: a pair of names tied by a cookie, the replaced file, the moved one.
void TellMoved(Inode& old_dir, std::string_view old_name, Inode& new_dir, std::string_view new_name, Inode& moved, Dentry* replaced,
               uint32_t replaced_links, NotifyGrave& grave) {
  const uint32_t cookie = NotifyCookie();
  NotifyName(old_dir, abi::kIN_MOVED_FROM | NotifyDirBit(moved), old_name, cookie);
  NotifyName(new_dir, abi::kIN_MOVED_TO | NotifyDirBit(moved), new_name, cookie);
  if (replaced != nullptr) NotifyInode(*replaced->inode_raw(), abi::kIN_ATTRIB);
  NotifyInode(moved, abi::kIN_MOVE_SELF);
  if (replaced != nullptr) NotifyUnlinked(*replaced, replaced->inode_raw()->IsDirectory() || replaced_links <= 1, false, grave);
}

}  // namespace

Result<void> Rename(Context& ctx, const WalkStart& old_start, std::string_view old_path, const WalkStart& new_start,
                    std::string_view new_path, uint32_t flags) {
  const bool exchange = (flags & abi::kRENAME_EXCHANGE) != 0;
  const bool no_replace = (flags & abi::kRENAME_NOREPLACE) != 0;
  const bool whiteout = (flags & abi::kRENAME_WHITEOUT) != 0;
  if ((flags & ~(abi::kRENAME_EXCHANGE | abi::kRENAME_NOREPLACE | abi::kRENAME_WHITEOUT)) != 0) return Errno::kEINVAL;
  if (exchange && (no_replace || whiteout)) return Errno::kEINVAL;

  const LastComponent from = TRY(WalkParent(ctx, old_start, old_path, {}));
  const LastComponent to = TRY(WalkParent(ctx, new_start, new_path, {}));
  if (!(from.parent.mount == to.parent.mount)) return Errno::kEXDEV;
  if (from.kind != LastComponent::Kind::kNormal) return Errno::kEBUSY;
  if (to.kind != LastComponent::Kind::kNormal) return no_replace ? Errno::kEEXIST : Errno::kEBUSY;
  TRY(CheckWritable(from.parent));

  Dentry& old_parent = *from.parent.dentry;
  Dentry& new_parent = *to.parent.dentry;
  Inode& old_dir = *old_parent.inode_raw();
  Inode& new_dir = *new_parent.inode_raw();
  if (!old_dir.IsDirectory() || !new_dir.IsDirectory()) return Errno::kENOTDIR;
  FileSystem& fs = old_dir.file_system();
  if (&fs != &new_dir.file_system()) return Errno::kEXDEV;

  if (!old_dir.ChangesNames() || !new_dir.ChangesNames()) {
    TRY(FindOrLookUp(ctx, old_parent, from.name, {}, nullptr));
    return Errno::kEPERM;
  }

  // All outlive the locks.
  NotifyGrave grave;
  RefPtr<Dentry> moved;
  RefPtr<Dentry> target;
  RefPtr<Inode> target_inode;
  MutexLock rename_lock(fs.rename_mutex());
  TwoDirectories directories(old_parent, new_parent);
  moved = TRY(LookUpLocked(ctx, old_parent, from.name));
  Result<Ref<Dentry>> found = LookUpLocked(ctx, new_parent, to.name);
  if (found.ok()) {
    target = std::move(found).value();
    target_inode = target->inode();
  } else if (found.error() != Errno::kENOENT) {
    return found.error();
  }
  Inode& inode = *moved->inode_raw();
  if (target && no_replace) return Errno::kEEXIST;
  if (!target && exchange) return Errno::kENOENT;
  if (exchange && to.trailing_slash && !target_inode->IsDirectory()) return Errno::kENOTDIR;
  if (!inode.IsDirectory() && (from.trailing_slash || (!exchange && to.trailing_slash))) return Errno::kENOTDIR;
  // A directory can't move below itself, nor replace what it is in.
  if (moved->IsAncestorOf(new_parent)) return Errno::kEINVAL;
  if (target && target->IsAncestorOf(old_parent)) return exchange ? Errno::kEINVAL : Errno::kENOTEMPTY;
  if (!target && new_parent.IsUnlinked()) return Errno::kENOENT;
  // Two names of one file: nothing happens, both stay (rename(2)).
  if (target && target_inode.get() == &inode) return {};
  TRY(CheckPermissions(ctx, old_dir, inode, new_dir, target_inode.get(), exchange));
  if (whiteout && !ctx.creds().Has(abi::kCAP_MKNOD)) return Errno::kEPERM;
  if (moved->mounted_here.load(std::memory_order_acquire) > 0) return Errno::kEBUSY;
  if (target && target->mounted_here.load(std::memory_order_acquire) > 0) return Errno::kEBUSY;

  uint32_t target_links = 0;
  if (NotifyActive() && target) {
    const Attributes attributes = TRY(target_inode->GetAttributes(ctx));
    target_links = attributes.nlink;
  }
  FileSystem::NameChange change(fs);
  const HoldReplaced hold(target && !exchange && target_inode->IsDirectory() ? target.get() : nullptr);
  TRY(old_dir.Rename(ctx, from.name, inode, new_dir, to.name, target_inode.get(), flags & ~abi::kRENAME_NOREPLACE));
  if (exchange) {
    moved->ExchangeWith(*target);
  } else {
    moved->MoveTo(new_parent, to.name);
  }
  if (NotifyActive()) [[unlikely]] {
    TellMoved(old_dir, from.name, new_dir, to.name, inode, exchange ? nullptr : target.get(), target_links, grave);
    if (exchange) TellMoved(new_dir, to.name, old_dir, from.name, *target_inode, nullptr, 0, grave);
  }
  return {};
}

}  // namespace ringwall::vfs
