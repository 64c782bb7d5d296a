// DescriptorCache: donated descriptors of one file system that are worth keeping: re-opening and mapping a file again costs no request.
#pragma once

#include <cstddef>
#include <list>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/fd/shared_fd.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"

namespace ringwall::goferfs {

class GoferInode;

class DescriptorCache {
 public:
  explicit DescriptorCache(size_t capacity) : capacity_(capacity) {}
  // The kept descriptor for exactly this access, or null.
  RefPtr<SharedFd> Find(const GoferInode* inode, bool write);
  // Any kept descriptor that can be read or stat'ed.
  RefPtr<SharedFd> FindAny(const GoferInode* inode);
  // Keeps it; the first of two racing ones wins and is returned.
  Ref<SharedFd> Insert(const GoferInode* inode, bool write, Ref<SharedFd> fd);
  void Forget(const GoferInode* inode);
  size_t size() const;

 private:
  using Key = std::pair<const GoferInode*, bool>;
  struct Entry {
    Key key;
    Ref<SharedFd> fd;
  };
  using List = std::list<Entry>;
  RefPtr<SharedFd> FindLocked(const Key& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const size_t capacity_;
  mutable Mutex<LockRank::kDentryCache> mu_;
  List entries_ ABSL_GUARDED_BY(mu_);  // last used first
  absl::flat_hash_map<Key, List::iterator> index_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::goferfs
