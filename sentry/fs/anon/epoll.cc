// epoll(7): what epoll_ctl(2) and epoll_wait(2) do. Files are asked for their readiness without any lock of ours.
#include "sentry/fs/anon/epoll.h"

#include <algorithm>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "absl/strings/str_format.h"
#include "sentry/fs/anon/anon_inode.h"
#include "sentry/fs/anon/epoll_core.h"

namespace ringwall::anon {

namespace {

// Bits that say how to report, not what.
constexpr uint32_t kPrivate = abi::kEPOLLWAKEUP | abi::kEPOLLONESHOT | abi::kEPOLLET | abi::kEPOLLEXCLUSIVE;
// What may come with EPOLLEXCLUSIVE (epoll_ctl(2)).
constexpr uint32_t kExclusiveOk = abi::kEPOLLIN | abi::kEPOLLOUT | abi::kEPOLLERR | abi::kEPOLLHUP | kPrivate;
constexpr uint32_t kAlways = abi::kEPOLLERR | abi::kEPOLLHUP;
// epoll(7), max_user_watches: all instances together.
constexpr int64_t kMaxWatches = 1'000'000;
std::atomic<int64_t> g_watches{0};

// Guards the graph of nested instances: inner_ and outer_ of every core. Linux's epnested_mutex.
Mutex<LockRank::kFile>& NestingMutex() {
  static auto* mu = new Mutex<LockRank::kFile>;
  return *mu;
}

bool CanPoll(const vfs::File& file) {
  switch (file.kind()) {
    case vfs::FileKind::kRegular:
    case vfs::FileKind::kDirectory:
    case vfs::FileKind::kMemfd:
    case vfs::FileKind::kPath: return false;
    default: return true;
  }
}

void EraseOne(std::vector<EpollCore*>& from, EpollCore* core) {
  auto it = std::find(from.begin(), from.end(), core);
  if (it != from.end()) from.erase(it);
}

}  // namespace

// ---- items ----

void EpollItem::OnEvent(wait::EventMask) {
  if ((events_.load(std::memory_order_acquire) & ~kPrivate) == 0) return;
  core_->MarkReady(*this);
  core_->queue_.Notify(abi::kPOLLIN | abi::kPOLLRDNORM);
}

void EpollItem::OnFileGone(vfs::File& file) {
  const Ref<EpollItem> self(*this);
  RefPtr<EpollItem> removed;
  {
    MutexLock lock(core_->mu_);
    if (file_ == nullptr) return;
    file_ = nullptr;
    auto it = core_->items_.find({&file, fd_});
    if (it != core_->items_.end()) {
      removed = std::move(it->second);
      core_->items_.erase(it);
    }
  }
  core_->Detach(*this, file);
}

// ---- the ready list ----

void EpollCore::MarkReady(EpollItem& item) {
  MutexLock lock(ready_mu_);
  item.touched_ = true;
  if (decltype(ready_)::IsLinked(item)) return;
  item.AddRef();
  ready_.PushBack(item);
  ++ready_count_;
}

void EpollCore::Unlink(EpollItem& item) {
  {
    MutexLock lock(ready_mu_);
    if (!decltype(ready_)::RemoveIfLinked(item)) return;
    --ready_count_;
  }
  item.Release();
}

void EpollCore::DropQuiet(EpollItem& item) {
  {
    MutexLock lock(ready_mu_);
    if (!decltype(ready_)::IsLinked(item)) return;
    decltype(ready_)::Remove(item);
    if (item.touched_) {
      ready_.PushBack(item);
      return;
    }
    --ready_count_;
  }
  item.Release();
}

EpollCore::Candidate EpollCore::Look(bool consume) {
  Candidate out;
  {
    MutexLock lock(ready_mu_);
    EpollItem* item = ready_.front();
    if (item == nullptr) return out;
    item->touched_ = false;
    out.item = RefPtr<EpollItem>::Share(item);
    if (consume) {
      decltype(ready_)::Remove(*item);
      if ((item->events_.load(std::memory_order_relaxed) & (abi::kEPOLLET | abi::kEPOLLONESHOT)) != 0) {
        --ready_count_;
        item->Release();  // not the last: out.item has one
      } else {
        ready_.PushBack(*item);
      }
    }
  }
  MutexLock lock(mu_);
  vfs::File* file = out.item->file_;
  if (file == nullptr || !file->TryAddRef()) return out;
  out.file = Ref<vfs::File>(file, Ref<vfs::File>::AdoptTag{});
  out.events = out.item->events_.load(std::memory_order_relaxed);
  out.data = out.item->data_;
  return out;
}

uint32_t EpollCore::Poll(vfs::File& file, uint32_t events) {
  const uint32_t wanted = (events & ~kPrivate) | kAlways;
  return file.Readiness(wanted) & wanted;
}

std::vector<abi::EpollEvent> EpollCore::Wait(size_t max) {
  std::vector<abi::EpollEvent> out;
  size_t budget;
  {
    MutexLock lock(ready_mu_);
    budget = ready_count_;
  }
  while (out.size() < max && budget-- != 0) {
    const Candidate candidate = Look(true);
    if (!candidate.item) break;
    const uint32_t ready = candidate.file && (candidate.events & ~kPrivate) != 0 ? Poll(*candidate.file, candidate.events) : 0;
    if (ready == 0) {
      DropQuiet(*candidate.item);
      continue;
    }
    if ((candidate.events & abi::kEPOLLONESHOT) != 0) {
      // Only one of two threads may report it, and an epoll_ctl(MOD) in between wins over us.
      uint32_t expected = candidate.events;
      if (!candidate.item->events_.compare_exchange_strong(expected, candidate.events & kPrivate, std::memory_order_acq_rel)) {
        if ((expected & ~kPrivate) != 0) MarkReady(*candidate.item);
        continue;
      }
    }
    abi::EpollEvent event;
    event.events = ready;
    event.data = candidate.data;
    out.push_back(event);
  }
  return out;
}

bool EpollCore::HasReady() {
  size_t budget;
  {
    MutexLock lock(ready_mu_);
    budget = ready_count_;
  }
  while (budget-- != 0) {
    const Candidate candidate = Look(false);
    if (!candidate.item) return false;
    if (candidate.file && (candidate.events & ~kPrivate) != 0 && Poll(*candidate.file, candidate.events) != 0) return true;
    DropQuiet(*candidate.item);
  }
  return false;
}

// ---- the interest list ----

int EpollCore::DepthBelow(const EpollCore& core, const EpollCore& forbidden, int limit) {
  if (&core == &forbidden || limit < 0) return abi::kEP_MAX_NESTS + 1;
  int depth = 0;
  for (const EpollCore* inner : core.inner_) depth = std::max(depth, 1 + DepthBelow(*inner, forbidden, limit - 1));
  return depth;
}

int EpollCore::DepthAbove(int limit) const {
  if (limit < 0) return abi::kEP_MAX_NESTS + 1;
  int depth = 0;
  for (const EpollCore* outer : outer_) depth = std::max(depth, 1 + outer->DepthAbove(limit - 1));
  return depth;
}

Result<void> EpollCore::CheckNesting(EpollCore& inner) {
  const int below = DepthBelow(inner, *this, abi::kEP_MAX_NESTS);
  if (below > abi::kEP_MAX_NESTS) return Errno::kELOOP;
  if (below + 1 + DepthAbove(abi::kEP_MAX_NESTS) > abi::kEP_MAX_NESTS) return Errno::kELOOP;
  return {};
}

Result<void> EpollCore::Add(const Ref<EpollCore>& self, int32_t fd, const Ref<vfs::File>& file, const abi::EpollEvent& event) {
  auto* nested = file->As<EpollFile>();
  EpollCore* inner = nested != nullptr ? nested->core_.get() : nullptr;
  const Ref<EpollItem> item = MakeRef<EpollItem>(self, *file, fd);
  item->data_ = event.data;
  item->events_.store(event.events | kAlways, std::memory_order_release);
  if (g_watches.fetch_add(1, std::memory_order_relaxed) >= kMaxWatches) {
    g_watches.fetch_sub(1, std::memory_order_relaxed);
    return Errno::kENOSPC;
  }
  Result<void> added;
  MutexLock control(control_mu_);
  auto insert = [&] {
    MutexLock lock(mu_);
    if (!items_.try_emplace({file.get(), fd}, item).second) added = Errno::kEEXIST;
  };
  if (inner != nullptr) {
    MutexLock nesting(NestingMutex());
    added = CheckNesting(*inner);
    if (added.ok()) insert();
    if (added.ok()) {
      inner_.push_back(inner);
      inner->outer_.push_back(this);
    }
  } else {
    insert();
  }
  if (!added.ok()) {
    g_watches.fetch_sub(1, std::memory_order_relaxed);
    return added.error();
  }
  file->AddWatcher(item);
  file->AddWaiter(*item, (event.events & ~kPrivate) | kAlways, (event.events & abi::kEPOLLEXCLUSIVE) != 0);
  return {};
}

Result<void> EpollCore::Modify(int32_t fd, vfs::File& file, const abi::EpollEvent& event) {
  RefPtr<EpollItem> item;
  MutexLock control(control_mu_);
  {
    MutexLock lock(mu_);
    auto it = items_.find({&file, fd});
    if (it == items_.end()) return Errno::kENOENT;
    item = it->second;
    // epoll_ctl(2): an exclusive item can't be modified.
    if ((item->events_.load(std::memory_order_relaxed) & abi::kEPOLLEXCLUSIVE) != 0) return Errno::kEINVAL;
    item->data_ = event.data;
    item->events_.store(event.events | kAlways, std::memory_order_release);
  }
  file.RemoveWaiter(*item);
  file.AddWaiter(*item, (event.events & ~kPrivate) | kAlways);
  return {};
}

void EpollCore::Recheck(int32_t fd, vfs::File& file, uint32_t events) {
  // Even an edge-triggered item reports what holds already after ADD and MOD.
  if (Poll(file, events) == 0) return;
  RefPtr<EpollItem> item;
  {
    MutexLock lock(mu_);
    auto it = items_.find({&file, fd});
    if (it == items_.end()) return;
    item = it->second;
  }
  MarkReady(*item);
  queue_.Notify(abi::kPOLLIN | abi::kPOLLRDNORM);
}

void EpollCore::Detach(EpollItem& item, vfs::File& file) {
  file.RemoveWaiter(item);
  file.RemoveWatcher(item);
  Unlink(item);
  g_watches.fetch_sub(1, std::memory_order_relaxed);
  auto* nested = file.As<EpollFile>();
  if (nested == nullptr) return;
  MutexLock nesting(NestingMutex());
  EraseOne(inner_, nested->core_.get());
  EraseOne(nested->core_->outer_, this);
}

Result<void> EpollCore::Remove(int32_t fd, vfs::File& file) {
  RefPtr<EpollItem> item;
  MutexLock control(control_mu_);
  {
    MutexLock lock(mu_);
    auto it = items_.find({&file, fd});
    if (it == items_.end()) return Errno::kENOENT;
    item = std::move(it->second);
    items_.erase(it);
    item->file_ = nullptr;
  }
  Detach(*item, file);
  return {};
}

void EpollCore::Close() {
  std::vector<std::pair<Ref<EpollItem>, Ref<vfs::File>>> taken;
  {
    MutexLock lock(mu_);
    for (auto it = items_.begin(); it != items_.end();) {
      EpollItem& item = *it->second;
      // A dying file takes its item out itself.
      if (item.file_ == nullptr || !item.file_->TryAddRef()) {
        ++it;
        continue;
      }
      taken.emplace_back(std::move(it->second), Ref<vfs::File>(item.file_, Ref<vfs::File>::AdoptTag{}));
      item.file_ = nullptr;
      items_.erase(it++);
    }
  }
  for (auto& [item, file] : taken) Detach(*item, *file);
  // An epoll_wait that ran beside an epoll_ctl may have put an item back that was gone.
  while (true) {
    EpollItem* item;
    {
      MutexLock lock(ready_mu_);
      item = ready_.PopFront();
      if (item == nullptr) break;
      --ready_count_;
    }
    item->Release();
  }
}

std::string EpollCore::FdInfo() {
  std::string out;
  MutexLock lock(mu_);
  for (const auto& [key, item] : items_) {
    absl::StrAppendFormat(&out, "tfd: %8d events: %8x data: %16x  pos:0 ino:0 sdev:0\n", item->fd_, item->events_.load(), item->data_);
  }
  return out;
}

// ---- the file ----

EpollFile::EpollFile(Context& ctx) : File(kKind, AnonPath(ctx), abi::kO_RDWR), core_(MakeRef<EpollCore>()) {}
EpollFile::~EpollFile() { core_->Close(); }

Result<void> EpollFile::Control(int32_t operation, abi::Fd fd, const Ref<vfs::File>& target, const abi::EpollEvent& event) {
  if (!CanPoll(*target)) return Errno::kEPERM;
  if (target.get() == this) return Errno::kEINVAL;
  const uint32_t events = event.events;
  if (operation != abi::kEPOLL_CTL_DEL && (events & abi::kEPOLLEXCLUSIVE) != 0) {
    if (operation == abi::kEPOLL_CTL_MOD) return Errno::kEINVAL;
    if (target->kind() == vfs::FileKind::kEpoll || (events & ~kExclusiveOk) != 0 || (events & abi::kEPOLLONESHOT) != 0)
      return Errno::kEINVAL;
  }
  switch (operation) {
    case abi::kEPOLL_CTL_ADD: TRY(core_->Add(core_, abi::Raw(fd), target, event)); break;
    case abi::kEPOLL_CTL_MOD: TRY(core_->Modify(abi::Raw(fd), *target, event)); break;
    case abi::kEPOLL_CTL_DEL: return core_->Remove(abi::Raw(fd), *target);
    default: return Errno::kEINVAL;
  }
  core_->Recheck(abi::Raw(fd), *target, events);
  return {};
}

std::vector<abi::EpollEvent> EpollFile::Wait(size_t max) { return core_->Wait(max); }
std::string EpollFile::FdInfo() const { return core_->FdInfo(); }
Result<size_t> EpollFile::Read(Context&, mm::IoSink&) { return Errno::kEINVAL; }
Result<size_t> EpollFile::Write(Context&, mm::IoSource&) { return Errno::kEINVAL; }

wait::EventMask EpollFile::Readiness(wait::EventMask mask) {
  constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM;
  return (mask & kIn) != 0 && core_->HasReady() ? mask & kIn : 0;
}

void EpollFile::AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive) { core_->queue().Add(waiter, mask, exclusive); }
void EpollFile::RemoveWaiter(wait::Waiter& waiter) { core_->queue().Remove(waiter); }

Result<Ref<vfs::File>> MakeEpoll(Context& ctx, uint32_t flags) {
  if ((flags & ~abi::kEPOLL_CLOEXEC) != 0) return Errno::kEINVAL;
  return Ref<vfs::File>(MakeRef<EpollFile>(ctx));
}

}  // namespace ringwall::anon
