// inotify(7): instances, watches, the queue and its coalescing; limits per user.
#include "sentry/fs/anon/inotify.h"

#include <cstring>
#include <utility>
#include <vector>

#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/poll.h"
#include "absl/strings/str_format.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/anon/anon_inode.h"
#include "sentry/mm/user_memory.h"

namespace ringwall::anon {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM;
// What an event of read(2) may say.
constexpr uint32_t kReported = abi::kIN_ALL_EVENTS | abi::kIN_ISDIR | abi::kIN_UNMOUNT | abi::kIN_IGNORED | abi::kIN_Q_OVERFLOW;

}  // namespace

// ---- accounts ---------------------------------------------------------------------------------------------------------------

void InotifyAccounts::ForgetLocked(uint32_t uid) {
  const auto it = users_.find(uid);
  if (it != users_.end() && it->second.instances == 0 && it->second.watches == 0) users_.erase(it);
}

bool InotifyAccounts::AddInstance(uint32_t uid) {
  MutexLock lock(mu_);
  User& user = users_[uid];
  if (instances_ >= kMaxInstances || user.instances >= max_user_instances.load(std::memory_order_relaxed)) {
    ForgetLocked(uid);
    return false;
  }
  ++user.instances;
  ++instances_;
  return true;
}

void InotifyAccounts::DropInstance(uint32_t uid) {
  MutexLock lock(mu_);
  --users_[uid].instances;
  --instances_;
  ForgetLocked(uid);
}

bool InotifyAccounts::AddWatch(uint32_t uid) {
  MutexLock lock(mu_);
  User& user = users_[uid];
  if (watches_ >= kMaxWatches || user.watches >= max_user_watches.load(std::memory_order_relaxed)) {
    ForgetLocked(uid);
    return false;
  }
  ++user.watches;
  ++watches_;
  return true;
}

void InotifyAccounts::DropWatch(uint32_t uid) {
  MutexLock lock(mu_);
  --users_[uid].watches;
  --watches_;
  ForgetLocked(uid);
}

bool InotifyAccounts::ChargeQueue(size_t bytes) {
  if (queued_bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes <= kMaxQueuedBytes) return true;
  RefundQueue(bytes);
  return false;
}

// ---- queue ------------------------------------------------------------------------------------------------------------------

// Names are NUL-terminated and padded to a multiple of the head's size.
size_t InotifyQueue::Event::size() const {
  constexpr size_t kHead = sizeof(abi::InotifyEvent);
  return name.empty() ? kHead : kHead + (name.size() + 1 + kHead - 1) / kHead * kHead;
}

InotifyQueue::~InotifyQueue() {
  MutexLock lock(mu_);
  accounts_.RefundQueue(bytes_);
}

void InotifyQueue::Push(int32_t wd, uint32_t mask, std::string_view name, uint32_t cookie) {
  {
    MutexLock lock(mu_);
    // inotify(7): an event equal to the newest unread one is merged into it. Watches end only once.
    if (!events_.empty() && (mask & abi::kIN_IGNORED) == 0) {
      const Event& last = events_.back();
      if (last.wd == wd && last.mask == mask && last.name == name) return;
    }
    Event event{wd, mask, cookie, std::string(name)};
    const auto limit = static_cast<size_t>(std::max(accounts_.max_queued_events.load(std::memory_order_relaxed), 0));
    if (events_.size() >= limit || !accounts_.ChargeQueue(event.size())) {
      if (overflowed_) return;
      overflowed_ = true;
      event = Event{-1, abi::kIN_Q_OVERFLOW, 0, ""};
      if (!accounts_.ChargeQueue(event.size())) {
        // Not even that: the reader drains what there is and will find the flag gone with the next event that fits.
        overflowed_ = false;
        return;
      }
    }
    bytes_ += event.size();
    events_.push_back(std::move(event));
  }
  waiters_.Notify(kIn);
}

Result<std::string> InotifyQueue::Take(size_t room) {
  std::vector<Event> taken;
  std::string out;
  {
    MutexLock lock(mu_);
    if (events_.empty()) return Errno::kEAGAIN;
    if (events_.front().size() > room) return Errno::kEINVAL;
    // A page or two at a time: a reader with a huge buffer does not hold up those who write.
    constexpr size_t kBatch = 64 << 10;
    size_t bytes = 0;
    while (!events_.empty() && bytes + events_.front().size() <= room && bytes < kBatch) {
      bytes += events_.front().size();
      if ((events_.front().mask & abi::kIN_Q_OVERFLOW) != 0) overflowed_ = false;
      taken.push_back(std::move(events_.front()));
      events_.pop_front();
    }
    bytes_ -= bytes;
    accounts_.RefundQueue(bytes);
    out.reserve(bytes);
  }
  for (const Event& event : taken) {
    const size_t name_size = event.size() - sizeof(abi::InotifyEvent);
    const abi::InotifyEvent head{event.wd, event.mask, event.cookie, static_cast<uint32_t>(name_size)};
    out.append(reinterpret_cast<const char*>(&head), sizeof(head));
    out.append(event.name);
    out.append(name_size - event.name.size(), '\0');
  }
  return out;
}

size_t InotifyQueue::QueuedBytes() const {
  MutexLock lock(mu_);
  return bytes_;
}

bool InotifyQueue::Ready() const {
  MutexLock lock(mu_);
  return !events_.empty();
}

// ---- watches ----------------------------------------------------------------------------------------------------------------

namespace {

class Watch;

// The watches of one instance.
class Group final : public RefCounted {
 public:
  Group(InotifyAccounts& accounts, uint32_t uid, Ref<InotifyQueue> queue) : accounts(accounts), uid(uid), queue(std::move(queue)) {}

  Result<int32_t> Add(const vfs::Path& path, uint32_t mask, const vfs::Attributes& attributes);
  Result<void> Remove(int32_t wd);
  // True for the one caller that took it out: it tells the reader.
  bool Erase(const Watch& watch, vfs::NotifyGrave& grave);
  void Close();
  std::string FdInfo();

  InotifyAccounts& accounts;
  const uint32_t uid;
  const Ref<InotifyQueue> queue;

 private:
  // Everything is taken out under the lock and dropped behind it.
  Mutex<LockRank::kNotifyGroup> mu_;
  std::map<int32_t, Ref<Watch>> by_wd_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<const vfs::Inode*, Watch*> by_inode_ ABSL_GUARDED_BY(mu_);
  int32_t last_wd_ ABSL_GUARDED_BY(mu_) = 0;
};

class Watch final : public vfs::NotifyMark {
 public:
  Watch(Ref<Group> group, int32_t wd, const vfs::Path& path, uint32_t mask, const vfs::Attributes& attributes)
      : NotifyMark(Ref<vfs::Inode>(path.inode()), path.dentry, MarkMask(mask)),
        wd(wd),
        dev(attributes.dev),
        ino(attributes.ino),
        group_(std::move(group)),
        oneshot_((mask & abi::kIN_ONESHOT) != 0) {}

  static uint32_t MarkMask(uint32_t mask) { return mask & (abi::kIN_ALL_EVENTS | abi::kIN_EXCL_UNLINK); }
  void Change(uint32_t mask, bool add) {
    if (!add) oneshot_.store((mask & abi::kIN_ONESHOT) != 0, std::memory_order_relaxed);
    if (add && (mask & abi::kIN_ONESHOT) != 0) oneshot_.store(true, std::memory_order_relaxed);
    SetMask(MarkMask(mask) | (add ? this->mask() : 0));
  }
  bool oneshot() const { return oneshot_.load(std::memory_order_relaxed); }

  void OnEvent(uint32_t mask, std::string_view name, uint32_t cookie, vfs::NotifyGrave& grave) override {
    if (ended_.load(std::memory_order_acquire)) return;
    const bool last = oneshot();
    if (last && ended_.exchange(true)) return;
    // Events about a watched directory's own end and move come without IN_ISDIR.
    if ((mask & (abi::kIN_DELETE_SELF | abi::kIN_MOVE_SELF)) != 0) mask &= ~abi::kIN_ISDIR;
    group_->queue->Push(wd, mask & kReported, name, cookie);
    if (!last) return;
    Detach(grave);
    End(grave);
  }
  void OnEnd(vfs::NotifyGrave& grave) override { End(grave); }

  const int32_t wd;
  const uint64_t dev, ino;

 private:
  void End(vfs::NotifyGrave& grave) {
    if (!group_->Erase(*this, grave)) return;
    ended_.store(true, std::memory_order_release);
    group_->queue->Push(wd, abi::kIN_IGNORED, {}, 0);
  }

  const Ref<Group> group_;
  std::atomic<bool> oneshot_;
  std::atomic<bool> ended_{false};
};

Result<int32_t> Group::Add(const vfs::Path& path, uint32_t mask, const vfs::Attributes& attributes) {
  MutexLock lock(mu_);
  if (const auto it = by_inode_.find(&path.inode()); it != by_inode_.end()) {
    if ((mask & abi::kIN_MASK_CREATE) != 0) return Errno::kEEXIST;
    it->second->Change(mask, (mask & abi::kIN_MASK_ADD) != 0);
    return it->second->wd;
  }
  if (last_wd_ == INT32_MAX || !accounts.AddWatch(uid)) return Errno::kENOSPC;
  const int32_t wd = ++last_wd_;
  Ref<Watch> watch = MakeRef<Watch>(Ref<Group>(*this), wd, path, mask, attributes);
  by_inode_.emplace(&path.inode(), watch.get());
  by_wd_.emplace(wd, watch);
  watch->Attach();
  return wd;
}

bool Group::Erase(const Watch& watch, vfs::NotifyGrave& grave) {
  {
    MutexLock lock(mu_);
    const auto it = by_wd_.find(watch.wd);
    if (it == by_wd_.end()) return false;
    grave.push_back(std::move(it->second));
    by_wd_.erase(it);
    by_inode_.erase(&watch.inode());
  }
  accounts.DropWatch(uid);
  return true;
}

Result<void> Group::Remove(int32_t wd) {
  vfs::NotifyGrave grave;
  RefPtr<Watch> watch;
  {
    MutexLock lock(mu_);
    const auto it = by_wd_.find(wd);
    if (it == by_wd_.end()) return Errno::kEINVAL;
    watch = it->second;
  }
  watch->Detach(grave);
  watch->OnEnd(grave);
  return {};
}

void Group::Close() {
  std::map<int32_t, Ref<Watch>> watches;
  vfs::NotifyGrave grave;
  {
    MutexLock lock(mu_);
    watches.swap(by_wd_);
    by_inode_.clear();
  }
  for (const auto& [wd, watch] : watches) {
    watch->Detach(grave);
    accounts.DropWatch(uid);
  }
  accounts.DropInstance(uid);
}

std::string Group::FdInfo() {
  std::string out;
  MutexLock lock(mu_);
  for (const auto& [wd, watch] : by_wd_) {
    absl::StrAppendFormat(&out, "inotify wd:%x ino:%x sdev:%x mask:%x ignored_mask:0 \n", wd, watch->ino, watch->dev,
                          watch->mask() & abi::kIN_ALL_EVENTS);
  }
  return out;
}

}  // namespace

// ---- file -------------------------------------------------------------------------------------------------------------------

InotifyFile::InotifyFile(Context& ctx, InotifyAccounts& accounts, uint32_t uid, uint32_t flags)
    : File(kKind, AnonPath(ctx), abi::kO_RDONLY | (flags & abi::kIN_NONBLOCK)),
      group_(MakeRef<Group>(accounts, uid, MakeRef<InotifyQueue>(accounts))),
      queue_(static_cast<Group&>(*group_).queue) {}

InotifyFile::~InotifyFile() { static_cast<Group&>(*group_).Close(); }

Result<int32_t> InotifyFile::AddWatch(Context& ctx, const vfs::Path& path, uint32_t mask) {
  const vfs::Attributes attributes = TRY(path.inode().GetAttributes(ctx));
  return static_cast<Group&>(*group_).Add(path, mask, attributes);
}

Result<void> InotifyFile::RemoveWatch(int32_t wd) { return static_cast<Group&>(*group_).Remove(wd); }

Result<size_t> InotifyFile::Read(Context&, mm::IoSink& sink) {
  // As in Linux, events are gone when the buffer is bad.
  const std::string events = TRY(queue_->Take(sink.remaining()));
  const size_t n = TRY(sink.Put({reinterpret_cast<const std::byte*>(events.data()), events.size()}));
  if (n < events.size()) return Errno::kEFAULT;
  return n;
}

Result<size_t> InotifyFile::Write(Context&, mm::IoSource&) { return Errno::kEBADF; }

Result<int64_t> InotifyFile::Ioctl(Context& ctx, uint32_t command, uint64_t argument) {
  if (command != abi::kFIONREAD) return Errno::kENOTTY;
  TRY(ctx.memory().WriteValue(argument, static_cast<int32_t>(queue_->QueuedBytes())));
  return int64_t{0};
}

std::string InotifyFile::FdInfo() const { return static_cast<Group&>(*group_).FdInfo(); }

wait::EventMask InotifyFile::Readiness(wait::EventMask mask) { return (mask & kIn) != 0 && queue_->Ready() ? mask & kIn : 0; }
void InotifyFile::AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive) { queue_->waiters().Add(waiter, mask, exclusive); }
void InotifyFile::RemoveWaiter(wait::Waiter& waiter) { queue_->waiters().Remove(waiter); }

Result<Ref<vfs::File>> MakeInotify(Context& ctx, InotifyAccounts& accounts, uint32_t flags) {
  if ((flags & ~(abi::kIN_CLOEXEC | abi::kIN_NONBLOCK)) != 0) return Errno::kEINVAL;
  const uint32_t uid = ctx.creds().euid;
  if (!accounts.AddInstance(uid)) return Errno::kEMFILE;
  return Ref<vfs::File>(MakeRef<InotifyFile>(ctx, accounts, uid, flags));
}

}  // namespace ringwall::anon
