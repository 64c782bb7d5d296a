// The poller's thread and its epoll set.
#include "sentry/fs/host/host_poller.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/log/check.h"

namespace ringwall::hostfs {

namespace {

// The generation in the upper half of an event's data, the descriptor in the lower.
uint64_t Pack(uint64_t generation, int fd) { return generation << 32 | static_cast<uint32_t>(fd); }

}  // namespace

Result<std::unique_ptr<HostPoller>> HostPoller::Create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return ErrnoFromHost(errno);
  UniqueFd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return ErrnoFromHost(errno);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = 0;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) return ErrnoFromHost(errno);
  return std::unique_ptr<HostPoller>(new HostPoller(std::move(epoll), std::move(wake)));
}

HostPoller::~HostPoller() { Stop(); }

void HostPoller::Start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { Loop(); });
}

void HostPoller::Stop() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  while (::write(wake_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  thread_.join();
}

Result<void> HostPoller::Arm(int fd, uint32_t events, PollTarget& target) {
  MutexLock lock(mu_);
  auto [it, fresh] = entries_.try_emplace(fd, Entry{&target, next_generation_, 0});
  if (fresh) next_generation_ = (next_generation_ + 1) & 0xffffffff;
  Entry& entry = it->second;
  epoll_event event{};
  event.events = entry.armed | events | EPOLLONESHOT;
  event.data.u64 = Pack(entry.generation, fd);
  if (::epoll_ctl(epoll_.get(), fresh ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0) {
    const int error = errno;
    if (fresh) entries_.erase(it);
    return ErrnoFromHost(error);
  }
  entry.armed |= events;
  return {};
}

void HostPoller::Remove(int fd) {
  MutexLock lock(mu_);
  if (entries_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void HostPoller::Loop() {
  std::array<epoll_event, 16> events;
  while (true) {
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    if (n < 0) {
      if (errno == EINTR) continue;
      HostFatal("epoll_wait", errno);
    }
    for (int i = 0; i < n; ++i) {
      if (events[i].data.u64 == 0) return;
      RefPtr<PollTarget> target;
      {
        MutexLock lock(mu_);
        auto it = entries_.find(static_cast<int>(events[i].data.u64 & 0xffffffff));
        if (it == entries_.end() || it->second.generation != events[i].data.u64 >> 32) continue;
        it->second.armed = 0;
        if (!it->second.target->TryAddRef()) continue;
        target = Ref<PollTarget>(it->second.target, Ref<PollTarget>::AdoptTag{});
      }
      target->OnPoll(events[i].events);
    }
  }
}

}  // namespace ringwall::hostfs
