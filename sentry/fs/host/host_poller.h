// HostPoller: one thread with one epoll set for every donated host descriptor. It sleeps unless somebody waits: an idle sandbox uses no CPU.
#pragma once

#include <cstdint>
#include <thread>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"

namespace ringwall::hostfs {

// Something with a host descriptor.
class PollTarget {
 public:
  virtual ~PollTarget() = default;
  // On the poller's thread, no lock held. `poll_events`: host EPOLLIN, EPOLLOUT, ...; the target is disarmed until the next Arm.
  virtual void OnPoll(uint32_t poll_events) = 0;
  // Keeps the target alive while the poller handles it.
  virtual void AddPollRef() = 0;
  virtual void ReleasePollRef() = 0;
};

class HostPoller {
 public:
  // Creates the epoll set; the thread starts with Start (before the sentry's filter is installed).
  static Result<std::unique_ptr<HostPoller>> Create();
  ~HostPoller();
  void Start();
  void Stop();

  // One-shot: OnPoll comes once for the next of `events` (host EPOLL*). A second Arm replaces the events. EPERM for descriptors that are
  // always ready. Keeps a reference to the target until Remove.
  Result<void> Arm(int fd, uint32_t events, PollTarget& target);
  // Before the descriptor is closed. OnPoll may still be running on another thread, with a reference of its own.
  void Remove(int fd, PollTarget& target);

 private:
  HostPoller(UniqueFd epoll, UniqueFd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  void Loop();

  const UniqueFd epoll_;
  const UniqueFd wake_;
  std::thread thread_;
};

}  // namespace ringwall::hostfs
