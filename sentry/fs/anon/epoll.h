// epoll(7): an interest list of open file descriptions, and the list of those that may be ready.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "abi/epoll.h"
#include "abi/fd.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/vfs/file.h"

namespace ringwall::anon {

class EpollCore;

class EpollFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kEpoll;
  explicit EpollFile(Context& ctx);

  // epoll_ctl(2); `fd` is the number that `target` was given by (part of the key). EEXIST, ENOENT, EINVAL, EPERM, ELOOP, ENOSPC.
  Result<void> Control(int32_t operation, abi::Fd fd, const Ref<vfs::File>& target, const abi::EpollEvent& event);
  // Up to `max` events that hold now; empty: park on this file (POLLIN). Consumes edges and one-shots.
  std::vector<abi::EpollEvent> Wait(size_t max);

  std::string FdInfo() const override;
  std::string DisplayName() const override { return "anon_inode:[eventpoll]"; }
  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override;
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override;
  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override;
  void RemoveWaiter(wait::Waiter& waiter) override;

 private:
  friend class EpollCore;
  ~EpollFile() override;
  const Ref<EpollCore> core_;
};

// epoll_create1(2): EPOLL_CLOEXEC is the descriptor's; other flags EINVAL.
Result<Ref<vfs::File>> MakeEpoll(Context& ctx, uint32_t flags);

}  // namespace ringwall::anon
