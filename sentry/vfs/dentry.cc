// Dentry: the tree of cached names. Children are weak; the file system's DentryCache keeps the hot ones alive.
#include "sentry/vfs/dentry.h"

#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/log/check.h"
#include "sentry/vfs/flat_delete.h"
#include "sentry/vfs/notify.h"

namespace ringwall::vfs {

namespace {
// Debian's abseil has a string_view of its own.
absl::string_view Key(std::string_view name) { return absl::string_view(name.data(), name.size()); }
}  // namespace

Ref<Dentry> Dentry::MakeRoot(Ref<Inode> inode, std::string name) {
  return Ref<Dentry>(new Dentry(nullptr, std::move(name), std::move(inode)), Ref<Dentry>::AdoptTag{});
}

Dentry::Dentry(RefPtr<Dentry> parent, std::string name, RefPtr<Inode> inode) : name_(std::move(name)), parent_(std::move(parent)) {
  if (inode) inode_.store(std::move(inode).ToRef().Leak(), std::memory_order_relaxed);
}

Dentry::~Dentry() {
  if (Inode* inode = inode_raw()) inode->Release();
}

void Dentry::OnLastRef() const {
  NotifyDentryGone(*this);
  // Nobody holds a reference, but the parent's map and the file system's root slot may still point here: they only TryAddRef.
  RefPtr<Dentry> parent;
  std::string name;
  {
    MutexLock lock(children_mu_);
    parent = parent_;
    if (parent) name = name_;
  }
  if (parent) {
    parent->EraseChild(name, this);
  } else if (Inode* inode = inode_raw()) {
    inode->file_system().ForgetRootDentry(this);
  }
  FlatDelete::Run(this, [](const RefCounted* object) { delete static_cast<const Dentry*>(object); });
}

std::string Dentry::name() const {
  MutexLock lock(children_mu_);
  return name_;
}

RefPtr<Dentry> Dentry::parent() const {
  MutexLock lock(children_mu_);
  return parent_;
}

bool Dentry::IsRoot() const {
  MutexLock lock(children_mu_);
  return !parent_;
}

RefPtr<Dentry> Dentry::FindChild(std::string_view name) {
  MutexLock lock(children_mu_);
  const auto it = children_.find(Key(name));
  if (it == children_.end() || !it->second->TryAddRef()) return nullptr;
  Ref<Dentry> child(it->second, Ref<Dentry>::AdoptTag{});
  if (!child->touched_.load(std::memory_order_relaxed)) child->touched_.store(true, std::memory_order_relaxed);
  return child;
}

Ref<Dentry> Dentry::AddChildLocked(std::string_view name, RefPtr<Inode>& inode, bool& added) {
  auto it = children_.find(Key(name));
  if (it != children_.end() && it->second->TryAddRef()) {
    added = false;
    return Ref<Dentry>(it->second, Ref<Dentry>::AdoptTag{});
  }
  // Absent, or dying: its EraseChild will find that the entry is not its own any more.
  Ref<Dentry> child(new Dentry(RefPtr<Dentry>::Share(this), std::string(name), std::move(inode)), Ref<Dentry>::AdoptTag{});
  if (it != children_.end()) {
    it->second = child.get();
  } else {
    children_.emplace(std::string(name), child.get());
  }
  added = true;
  return child;
}

RefPtr<Dentry> Dentry::KeepAlive(Dentry& child) { return inode_raw()->file_system().dentry_cache().Insert(child, *this); }

Ref<Dentry> Dentry::AddChild(std::string_view name, RefPtr<Inode> inode) {
  bool added = false;
  children_mu_.Lock();
  Ref<Dentry> child = AddChildLocked(name, inode, added);
  children_mu_.Unlock();
  if (!added && inode && child->IsNegative()) child->BecomePositive(std::move(inode).ToRef());
  if (added) KeepAlive(*child);
  return child;
}

RefPtr<Dentry> Dentry::AddChildIfUnchanged(std::string_view name, RefPtr<Inode> inode, const LookupStamp& seen) {
  FileSystem& fs = inode_raw()->file_system();
  bool added = false;
  children_mu_.Lock();
  // A change that starts after this line takes children_mu_ to tell about itself, behind us.
  if (!fs.UnchangedSince(seen)) {
    children_mu_.Unlock();
    return nullptr;
  }
  Ref<Dentry> child = AddChildLocked(name, inode, added);
  children_mu_.Unlock();
  if (!added && inode && child->IsNegative()) child->BecomePositive(std::move(inode).ToRef());
  if (added) KeepAlive(*child);
  return child;
}

void Dentry::EraseChild(std::string_view name, const Dentry* child) {
  MutexLock lock(children_mu_);
  const auto it = children_.find(Key(name));
  if (it != children_.end() && it->second == child) children_.erase(it);
}

void Dentry::SetChild(const std::string& name, Dentry* child) {
  RefPtr<Dentry> replaced;
  {
    MutexLock lock(children_mu_);
    Dentry*& entry = children_[name];
    if (entry != nullptr && entry != child && entry->TryAddRef()) replaced = Ref<Dentry>(entry, Ref<Dentry>::AdoptTag{});
    entry = child;
  }
  if (replaced) {
    replaced->unlinked_.store(true, std::memory_order_release);
    inode_raw()->file_system().dentry_cache().Remove(*replaced);
    replaced->DropCachedChildren();
  }
}

// A removed directory is empty, but negative children in the cache would keep it, and its inode, alive.
void Dentry::DropCachedChildren() {
  Inode* inode = inode_raw();
  if (inode == nullptr || !inode->IsDirectory()) return;
  std::vector<Ref<Dentry>> children;
  {
    MutexLock lock(children_mu_);
    for (const auto& [name, child] : children_) {
      if (child->TryAddRef()) children.emplace_back(child, Ref<Dentry>::AdoptTag{});
    }
  }
  for (const Ref<Dentry>& child : children) inode->file_system().dentry_cache().Remove(*child);
}

void Dentry::Forget(std::string_view name) {
  RefPtr<Dentry> child = FindChild(name);
  if (child) ForgetIf(name, *child);
}

void Dentry::ForgetIf(std::string_view name, const Dentry& stale) {
  Dentry& child = const_cast<Dentry&>(stale);
  EraseChild(name, &child);
  child.unlinked_.store(true, std::memory_order_release);
  inode_raw()->file_system().dentry_cache().Remove(child);
}

void Dentry::MarkUnlinked() {
  const RefPtr<Dentry> up = parent();
  unlinked_.store(true, std::memory_order_release);
  if (!up) return;
  up->EraseChild(name(), this);
  up->inode_raw()->file_system().dentry_cache().Remove(*this);
  DropCachedChildren();
}

void Dentry::BecomePositive(Ref<Inode> inode) {
  Inode* expected = nullptr;
  Inode* mine = inode.Leak();
  if (!inode_.compare_exchange_strong(expected, mine, std::memory_order_acq_rel)) mine->Release();
}

void Dentry::MoveTo(Dentry& new_parent, std::string_view new_name) {
  const RefPtr<Dentry> old_parent = parent();
  CHECK(old_parent);
  old_parent->EraseChild(name(), this);
  const std::string name(new_name);
  RefPtr<Dentry> link = RefPtr<Dentry>::Share(&new_parent);
  {
    MutexLock lock(children_mu_);
    name_ = name;
    std::swap(parent_, link);
  }
  new_parent.SetChild(name, this);
}

void Dentry::ExchangeWith(Dentry& other) {
  RefPtr<Dentry> my_parent = parent();
  RefPtr<Dentry> other_parent = other.parent();
  CHECK(my_parent && other_parent);
  const std::string my_name = name();
  const std::string other_name = other.name();
  // The entries vanish first, so that SetChild does not take the partner for a replaced name.
  my_parent->EraseChild(my_name, this);
  other_parent->EraseChild(other_name, &other);
  RefPtr<Dentry> mine = other_parent;
  RefPtr<Dentry> theirs = my_parent;
  {
    MutexLock lock(children_mu_);
    name_ = other_name;
    std::swap(parent_, mine);
  }
  {
    MutexLock lock(other.children_mu_);
    other.name_ = my_name;
    std::swap(other.parent_, theirs);
  }
  other_parent->SetChild(other_name, this);
  my_parent->SetChild(my_name, &other);
}

bool Dentry::IsAncestorOf(const Dentry& other) const {
  RefPtr<const Dentry> at = RefPtr<const Dentry>::Share(&other);
  while (at) {
    if (at.get() == this) return true;
    at = at->parent();
  }
  return false;
}

}  // namespace ringwall::vfs
