// DentryCache: a clock over the dentries of one file system.
#include "sentry/vfs/dentry_cache.h"

#include "sentry/vfs/dentry.h"

namespace ringwall::vfs {

DentryCache::~DentryCache() { Clear(); }

RefPtr<Dentry> DentryCache::Insert(Dentry& dentry, const Dentry& parent) {
  if (capacity_ == 0) return nullptr;
  RefPtr<Dentry> evicted;
  Ref<Dentry> share(dentry);
  MutexLock lock(mu_);
  // An unlinked dentry would keep its deleted file's data alive, a child of an unlinked directory that directory. Who unlinks sets the flag
  // before coming here to remove.
  if (dentry.cache_slot_ != Dentry::kNotCached || dentry.IsUnlinked() || parent.IsUnlinked()) return nullptr;
  size_t slot;
  if (!free_.empty()) {
    slot = free_.back();
    free_.pop_back();
  } else if (slots_.size() < capacity_) {
    slot = slots_.size();
    slots_.push_back(nullptr);
  } else {
    for (;;) {
      slot = hand_;
      hand_ = hand_ + 1 == slots_.size() ? 0 : hand_ + 1;
      if (!slots_[slot]->touched_.exchange(false, std::memory_order_relaxed)) break;
    }
    slots_[slot]->cache_slot_ = Dentry::kNotCached;
    evicted = Ref<Dentry>(slots_[slot], Ref<Dentry>::AdoptTag{});
  }
  slots_[slot] = share.Leak();
  dentry.cache_slot_ = slot;
  return evicted;
}

void DentryCache::Remove(Dentry& dentry) {
  RefPtr<Dentry> dropped;
  MutexLock lock(mu_);
  const size_t slot = dentry.cache_slot_;
  if (slot == Dentry::kNotCached) return;
  dentry.cache_slot_ = Dentry::kNotCached;
  slots_[slot] = nullptr;
  free_.push_back(slot);
  dropped = Ref<Dentry>(&dentry, Ref<Dentry>::AdoptTag{});
}

void DentryCache::Clear() {
  std::vector<Dentry*> dropped;
  {
    MutexLock lock(mu_);
    dropped.swap(slots_);
    free_.clear();
    hand_ = 0;
    for (Dentry* d : dropped) {
      if (d != nullptr) d->cache_slot_ = Dentry::kNotCached;
    }
  }
  for (Dentry* d : dropped) {
    if (d != nullptr) d->Release();
  }
}

size_t DentryCache::size() const {
  MutexLock lock(mu_);
  return slots_.size() - free_.size();
}

}  // namespace ringwall::vfs
