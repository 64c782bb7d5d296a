// The inside of an epoll instance. Items live in three places at once: the interest list, the wait queue and the watcher list of their
// file, and sometimes the ready list. An item holds no reference to its file.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "abi/epoll.h"
#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/container/intrusive_list.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/file.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::anon {

class EpollCore;

class EpollItem final : public vfs::File::Watcher, public wait::Waiter {
 public:
  EpollItem(Ref<EpollCore> core, vfs::File& file, int32_t fd) : core_(std::move(core)), fd_(fd), file_(&file) {}
  void OnFileGone(vfs::File& file) override;
  void OnEvent(wait::EventMask mask) override;

 private:
  friend class EpollCore;
  ~EpollItem() override = default;
  const Ref<EpollCore> core_;
  const int32_t fd_;
  // Guarded by the core's mu_. Null once the item is out of the interest list; while it is set the file's memory is there, as the file's
  // OnFileGone has to get the lock before it may go.
  vfs::File* file_;
  uint64_t data_ = 0;
  // What epoll_ctl asked for, EPOLLET and its like included; 0 private bits only: disabled by EPOLLONESHOT. Read by OnEvent without the
  // lock.
  std::atomic<uint32_t> events_{0};
  // Guarded by the core's ready_mu_; the ready list holds a reference.
  ListNode ready_node_;
  bool touched_ = false;  // an event came since the last look
};

class EpollCore final : public RefCounted {
 public:
  Result<void> Add(const Ref<EpollCore>& self, int32_t fd, const Ref<vfs::File>& file, const abi::EpollEvent& event);
  Result<void> Modify(int32_t fd, vfs::File& file, const abi::EpollEvent& event);
  Result<void> Remove(int32_t fd, vfs::File& file);
  // After Add and Modify, without their lock: reports what holds already.
  void Recheck(int32_t fd, vfs::File& file, uint32_t events);
  std::vector<abi::EpollEvent> Wait(size_t max);
  bool HasReady();
  std::string FdInfo();
  // The EpollFile is gone: drops every item.
  void Close();
  wait::WaitQueue& queue() { return queue_; }

 private:
  friend class EpollItem;
  using Key = std::pair<const vfs::File*, int32_t>;
  ~EpollCore() override = default;

  // The front of the ready list, with its file kept alive. An item that reports once per event is taken off when `consume`; others stay and
  // go to the back, so that no thread that looks meanwhile misses them.
  struct Candidate {
    RefPtr<EpollItem> item;
    RefPtr<vfs::File> file;
    uint32_t events = 0;
    uint64_t data = 0;
  };
  Candidate Look(bool consume);
  // It was not ready: off the list, unless an event came during the look.
  void DropQuiet(EpollItem& item);
  void MarkReady(EpollItem& item);
  void Unlink(EpollItem& item);
  // After the item left the interest list: out of everything else. The file is alive, or in OnFileGone.
  void Detach(EpollItem& item, vfs::File& file);
  static uint32_t Poll(vfs::File& file, uint32_t events);
  // Nesting (epoll(7): ELOOP), under the nesting lock.
  Result<void> CheckNesting(EpollCore& inner);
  static int DepthBelow(const EpollCore& core, const EpollCore& forbidden, int limit);
  int DepthAbove(int limit) const;

  // One epoll_ctl at a time: an item's registration and its place in the list change together.
  Mutex<LockRank::kEpollControl> control_mu_;
  mutable Mutex<LockRank::kEpoll> mu_;
  absl::flat_hash_map<Key, Ref<EpollItem>> items_ ABSL_GUARDED_BY(mu_);
  // The epoll instances inside and around this one, one entry per item; guarded by the nesting lock.
  std::vector<EpollCore*> inner_, outer_;
  Mutex<LockRank::kEpollReady> ready_mu_;
  IntrusiveList<EpollItem, &EpollItem::ready_node_> ready_ ABSL_GUARDED_BY(ready_mu_);
  size_t ready_count_ ABSL_GUARDED_BY(ready_mu_) = 0;
  wait::WaitQueue queue_;
};

}  // namespace ringwall::anon
