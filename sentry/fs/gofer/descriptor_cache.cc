// Least recently used descriptors go first. Descriptors are closed outside the lock.
#include "sentry/fs/gofer/descriptor_cache.h"

namespace ringwall::goferfs {

RefPtr<SharedFd> DescriptorCache::FindLocked(const Key& key) {
  const auto it = index_.find(key);
  if (it == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, it->second);
  return it->second->fd;
}

RefPtr<SharedFd> DescriptorCache::Find(const GoferInode* inode, bool write) {
  MutexLock lock(mu_);
  return FindLocked({inode, write});
}

RefPtr<SharedFd> DescriptorCache::FindAny(const GoferInode* inode) {
  MutexLock lock(mu_);
  RefPtr<SharedFd> fd = FindLocked({inode, false});
  return fd ? fd : FindLocked({inode, true});
}

Ref<SharedFd> DescriptorCache::Insert(const GoferInode* inode, bool write, Ref<SharedFd> fd) {
  List dropped;
  MutexLock lock(mu_);
  const Key key{inode, write};
  if (RefPtr<SharedFd> there = FindLocked(key)) return std::move(there).ToRef();
  entries_.push_front(Entry{key, fd});
  index_[key] = entries_.begin();
  while (entries_.size() > capacity_) {
    index_.erase(entries_.back().key);
    dropped.splice(dropped.begin(), entries_, std::prev(entries_.end()));
  }
  return fd;
}

void DescriptorCache::Forget(const GoferInode* inode) {
  List dropped;
  MutexLock lock(mu_);
  for (const bool write : {false, true}) {
    const auto it = index_.find({inode, write});
    if (it == index_.end()) continue;
    dropped.splice(dropped.begin(), entries_, it->second);
    index_.erase(it);
  }
}

size_t DescriptorCache::size() const {
  MutexLock lock(mu_);
  return entries_.size();
}

}  // namespace ringwall::goferfs
