// Files over descriptors that the caller of the sandbox donated: stdin, stdout and stderr of a container (files, pipes, sockets,
// terminals).
#pragma once

#include <cstdint>
#include <string>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"
#include "base/ref/ref.h"
#include "sentry/fs/host/host_descriptor.h"
#include "sentry/fs/host/host_poller.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/inode.h"

namespace ringwall::hostfs {

class HostFile final : public vfs::File {
 public:
  HostFile(Ref<HostDescriptor> host, vfs::FileKind kind, vfs::Path path, uint32_t flags);

  // Regular files use the position of the host's open file description: `cmd >>log` and what the shell writes before and after share it.
  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override;
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override;
  Result<size_t> PRead(Context& ctx, mm::IoSink& sink, uint64_t offset) override;
  Result<size_t> PWrite(Context& ctx, mm::IoSource& source, uint64_t offset) override;
  Result<int64_t> Seek(Context& ctx, int64_t offset, int32_t whence) override;
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override;
  Result<void> Sync(Context& ctx, bool data_only) override;
  Result<Ref<mm::Mappable>> Mmap(Context& ctx) override;
  std::string DisplayName() const override;
  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override;
  void RemoveWaiter(wait::Waiter& waiter) override { host_->queue().Remove(waiter); }

 private:
  ~HostFile() override = default;
  const Ref<HostDescriptor> host_;
};

// Makes a guest file of a donated descriptor; the access mode and O_APPEND are the descriptor's. `poller` outlives all files. Pipes,
// sockets and terminals keep their type for fstat(2), with inode numbers of our own. EBADF, EINVAL for O_PATH descriptors.
Result<Ref<vfs::File>> ImportHostFd(Context& ctx, HostPoller& poller, UniqueFd fd);

}  // namespace ringwall::hostfs
