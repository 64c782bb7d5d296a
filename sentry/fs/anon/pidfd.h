// pidfd_open(2): a process as a file. The task ring says what the process is; here it is something to wait for.
#pragma once

#include <cstdint>
#include <string>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/vfs/file.h"

namespace ringwall::anon {

class PidfdFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kPidfd;
  // `exited` is part of `process`: ready (POLLIN) once it is a zombie or gone.
  PidfdFile(Context& ctx, Ref<RefCounted> process, wait::Waitable& exited, int32_t pid, uint32_t pidfd_flags);

  int32_t pid() const { return pid_; }
  RefCounted& process() const { return *process_; }
  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override;
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override;
  std::string FdInfo() const override;
  std::string DisplayName() const override { return "anon_inode:[pidfd]"; }
  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override {
    exited_.AddWaiter(waiter, mask, exclusive);
  }
  void RemoveWaiter(wait::Waiter& waiter) override { exited_.RemoveWaiter(waiter); }

 private:
  ~PidfdFile() override = default;
  const Ref<RefCounted> process_;
  wait::Waitable& exited_;
  const int32_t pid_;
};

// `flags`: PIDFD_NONBLOCK; EINVAL for others.
Result<Ref<vfs::File>> MakePidfd(Context& ctx, Ref<RefCounted> process, wait::Waitable& exited, int32_t pid, uint32_t flags);
// EBADF when `file` is no pidfd.
Result<int32_t> PidOfPidfd(vfs::File& file);

}  // namespace ringwall::anon
