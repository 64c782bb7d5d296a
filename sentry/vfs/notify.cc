// inotify(7), the vfs's side: marks on inodes, and which of them hear about an event.
#include "sentry/vfs/notify.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "sentry/vfs/file.h"

namespace ringwall::vfs {

namespace {

// Every mark, so that an unmount finds its own. Bounded by fs.inotify.max_user_watches.
struct Registry {
  Mutex<LockRank::kNotifyMarks> mu;
  absl::flat_hash_set<NotifyMark*> marks ABSL_GUARDED_BY(mu);
};
Registry& AllMarks() {
  static auto* registry = new Registry();
  return *registry;
}

std::atomic<uint32_t> g_next_cookie{1};

// How the file was reached decides whether IN_EXCL_UNLINK silences a mark.
enum class About : uint8_t { kName, kLiveFile, kRemovedFile };

void Tell(Inode& inode, uint32_t mask, std::string_view name, uint32_t cookie, About about, NotifyGrave& grave) {
  const NotifyMarks* marks = inode.notify_marks_if_any();
  if (marks == nullptr || (marks->interest() & mask & abi::kIN_ALL_EVENTS) == 0) return;
  for (const Ref<NotifyMark>& mark : marks->All()) {
    const uint32_t wanted = mark->mask();
    if ((wanted & mask & abi::kIN_ALL_EVENTS) == 0) continue;
    if (about == About::kRemovedFile && (wanted & abi::kIN_EXCL_UNLINK) != 0) continue;
    mark->OnEvent(mask, name, cookie, grave);
    grave.push_back(mark);
  }
}

void TellParentAndSelf(const Dentry& dentry, uint32_t mask, About about) {
  NotifyGrave grave;
  Inode* inode = dentry.inode_raw();
  if (inode == nullptr) return;
  mask |= NotifyDirBit(*inode);
  if (const RefPtr<Dentry> parent = dentry.parent()) {
    Inode* directory = parent->inode_raw();
    const NotifyMarks* marks = directory != nullptr ? directory->notify_marks_if_any() : nullptr;
    if (marks != nullptr && (marks->interest() & mask) != 0) Tell(*directory, mask, dentry.name(), 0, about, grave);
  }
  Tell(*inode, mask, {}, 0, about, grave);
}

void EndAll(Inode& inode, uint32_t last_event, NotifyGrave& grave) {
  NotifyMarks* marks = inode.notify_marks_if_any();
  if (marks == nullptr) return;
  for (const Ref<NotifyMark>& mark : marks->All()) {
    // IN_UNMOUNT comes unasked (inotify(7)).
    if ((mark->mask() & last_event) != 0 || last_event == abi::kIN_UNMOUNT) mark->OnEvent(last_event, {}, 0, grave);
    if (mark->Detach(grave)) mark->OnEnd(grave);
    grave.push_back(mark);
  }
}

}  // namespace

namespace notify_internal {

std::atomic<uint32_t> g_marks{0};

void OnFile(const File& file, uint32_t mask) {
  if (!file.path() || file.kind() == FileKind::kPath || file.kind() == FileKind::kInotify) return;
  const Dentry& dentry = *file.path().dentry;
  TellParentAndSelf(dentry, mask, dentry.IsUnlinked() ? About::kRemovedFile : About::kLiveFile);
}

void OnDentry(const Dentry& dentry, uint32_t mask) { TellParentAndSelf(dentry, mask, About::kName); }

void OnName(Inode& directory, uint32_t mask, std::string_view name, uint32_t cookie) {
  NotifyGrave grave;
  Tell(directory, mask, name, cookie, About::kName, grave);
}

void OnInode(Inode& inode, uint32_t mask) {
  NotifyGrave grave;
  Tell(inode, mask | NotifyDirBit(inode), {}, 0, About::kName, grave);
}

void OnDentryGone(const Dentry& dentry) {
  Inode* inode = dentry.inode_raw();
  if (inode == nullptr || !dentry.IsUnlinked()) return;
  const NotifyMarks* marks = inode->notify_marks_if_any();
  if (marks == nullptr || !marks->deleted()) return;
  NotifyGrave grave;
  EndAll(*inode, abi::kIN_DELETE_SELF, grave);
}

void OnUnmount(const FileSystem& fs) {
  NotifyGrave grave;
  std::vector<Ref<Inode>> inodes;
  {
    Registry& registry = AllMarks();
    MutexLock lock(registry.mu);
    for (const NotifyMark* mark : registry.marks) {
      if (&mark->inode().file_system() == &fs) inodes.emplace_back(mark->inode());
    }
  }
  for (const Ref<Inode>& inode : inodes) EndAll(*inode, abi::kIN_UNMOUNT, grave);
}

}  // namespace notify_internal

uint32_t NotifyCookie() {
  for (;;) {
    const uint32_t cookie = g_next_cookie.fetch_add(1, std::memory_order_relaxed);
    if (cookie != 0) return cookie;
  }
}

void NotifyUnlinked(Dentry& victim, bool last_link, bool changed_links, NotifyGrave& grave) {
  if (!NotifyActive()) return;
  Inode* inode = victim.inode_raw();
  NotifyMarks* marks = inode != nullptr ? inode->notify_marks_if_any() : nullptr;
  if (marks == nullptr) return;
  if (changed_links) Tell(*inode, abi::kIN_ATTRIB | NotifyDirBit(*inode), {}, 0, About::kName, grave);
  if (last_link) marks->SetDeleted();
  const size_t pins = marks->Unpin(victim, grave);
  // The caller's reference and the pins that wait in the grave.
  if (last_link && victim.ref_count() <= static_cast<int64_t>(1 + pins)) EndAll(*inode, abi::kIN_DELETE_SELF, grave);
}

// ---- NotifyMark -------------------------------------------------------------------------------------------------------------

NotifyMark::NotifyMark(Ref<Inode> inode, RefPtr<Dentry> pin, uint32_t mask) : inode_(std::move(inode)), mask_(mask), pin_(std::move(pin)) {}

void NotifyMark::SetMask(uint32_t mask) {
  mask_.store(mask, std::memory_order_relaxed);
  inode_->notify_marks().Refresh();
}

void NotifyMark::Attach() {
  {
    Registry& registry = AllMarks();
    MutexLock lock(registry.mu);
    registry.marks.insert(this);
  }
  notify_internal::g_marks.fetch_add(1, std::memory_order_relaxed);
  inode_->notify_marks().Add(*this);
}

bool NotifyMark::Detach(NotifyGrave& grave) {
  if (!inode_->notify_marks().Remove(*this, grave)) return false;
  notify_internal::g_marks.fetch_sub(1, std::memory_order_relaxed);
  Registry& registry = AllMarks();
  MutexLock lock(registry.mu);
  registry.marks.erase(this);
  return true;
}

// ---- NotifyMarks ------------------------------------------------------------------------------------------------------------

void NotifyMarks::RefreshLocked() {
  uint32_t interest = 0;
  for (const Ref<NotifyMark>& mark : marks_) interest |= mark->mask();
  interest_.store(interest & abi::kIN_ALL_EVENTS, std::memory_order_relaxed);
}

void NotifyMarks::Add(NotifyMark& mark) {
  MutexLock lock(mu_);
  marks_.emplace_back(mark);
  RefreshLocked();
}

bool NotifyMarks::Remove(NotifyMark& mark, NotifyGrave& grave) {
  MutexLock lock(mu_);
  const auto it = std::find_if(marks_.begin(), marks_.end(), [&](const Ref<NotifyMark>& m) { return m.get() == &mark; });
  if (it == marks_.end()) return false;
  grave.push_back(std::exchange(mark.pin_, nullptr));
  grave.push_back(std::move(*it));
  marks_.erase(it);
  RefreshLocked();
  return true;
}

void NotifyMarks::Refresh() {
  MutexLock lock(mu_);
  RefreshLocked();
}

std::vector<Ref<NotifyMark>> NotifyMarks::All() const {
  MutexLock lock(mu_);
  return marks_;
}

size_t NotifyMarks::Unpin(const Dentry& dentry, NotifyGrave& grave) {
  MutexLock lock(mu_);
  size_t pins = 0;
  for (const Ref<NotifyMark>& mark : marks_) {
    if (mark->pin_.get() != &dentry) continue;
    grave.push_back(std::exchange(mark->pin_, nullptr));
    ++pins;
  }
  return pins;
}

}  // namespace ringwall::vfs
