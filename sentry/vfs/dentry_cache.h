// DentryCache: keeps the dentries that were used lately alive, one bounded cache per file system. Everything else about dentries is weak.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"

namespace ringwall::vfs {

class Dentry;

class DentryCache {
 public:
  explicit DentryCache(size_t capacity) : capacity_(capacity) {}
  ~DentryCache();
  DentryCache(const DentryCache&) = delete;
  DentryCache& operator=(const DentryCache&) = delete;

  // Keeps `dentry`, a child of `parent`, unless either has been unlinked. Returns what had to go for it (second chance: a dentry that was
  // found since the hand passed it last stays); the caller drops that outside its locks.
  [[nodiscard]] RefPtr<Dentry> Insert(Dentry& dentry, const Dentry& parent);
  // Lets go of a dentry that left its directory. The caller holds a reference of its own.
  void Remove(Dentry& dentry);
  void Clear();
  size_t size() const;
  size_t capacity() const { return capacity_; }

 private:
  const size_t capacity_;
  mutable Mutex<LockRank::kDentryCache> mu_;
  std::vector<Dentry*> slots_ ABSL_GUARDED_BY(mu_);  // each owns one reference; null = free
  std::vector<size_t> free_ ABSL_GUARDED_BY(mu_);
  size_t hand_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace ringwall::vfs
