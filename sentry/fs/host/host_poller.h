// HostPoller: one thread with one epoll set for every donated host descriptor. It sleeps unless somebody waits: an idle sandbox uses no
// CPU.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/fd/unique_fd.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"

namespace ringwall::hostfs {

// Something with a host descriptor. Its destructor calls HostPoller::Remove.
class PollTarget : public RefCounted {
 public:
  // On the poller's thread, no lock held. `events`: host EPOLLIN, EPOLLOUT, ...; the target is disarmed until the next Arm.
  virtual void OnPoll(uint32_t events) = 0;
};

class HostPoller {
 public:
  // Creates the epoll set; the thread starts with Start.
  static Result<std::unique_ptr<HostPoller>> Create();
  ~HostPoller();
  void Start();
  void Stop();

  // One-shot: OnPoll comes once for the next of `events` (host EPOLL*), which are added to those armed and not yet come.
  // EPERM for descriptors that are always ready.
  Result<void> Arm(int fd, uint32_t events, PollTarget& target);
  // Before the descriptor is closed.
  void Remove(int fd);

 private:
  struct Entry {
    PollTarget* target;
    uint64_t generation;  // tells a late event for a number that was closed and used again
    uint32_t armed;
  };
  HostPoller(UniqueFd epoll, UniqueFd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  void Loop();

  const UniqueFd epoll_;
  const UniqueFd wake_;
  std::thread thread_;
  Mutex<LockRank::kFile> mu_;
  absl::flat_hash_map<int, Entry> entries_ ABSL_GUARDED_BY(mu_);
  uint64_t next_generation_ ABSL_GUARDED_BY(mu_) = 1;
};

}  // namespace ringwall::hostfs
