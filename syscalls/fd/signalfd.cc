// signalfd(2).
#include "sentry/fs/anon/signalfd.h"

#include <utility>

#include "abi/resource.h"
#include "abi/signalfd.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {
namespace {

// The signals of the task that makes the file.
class TaskSignals final : public anon::SignalSource {
 public:
  explicit TaskSignals(Ref<Task> task) : task_(std::move(task)) {}
  abi::SigInfo Take(Context& caller, abi::SigSet set) override {
    Task* task = caller.AsTask();
    return task != nullptr ? task->TakeSignal(set) : abi::SigInfo{};
  }
  abi::SigSet Pending() override { return task_->PendingSignals(); }
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive) override {
    task_->signal_queue().Add(waiter, mask, exclusive);
  }
  void RemoveWaiter(wait::Waiter& waiter) override { task_->signal_queue().Remove(waiter); }

 private:
  const Ref<Task> task_;
};

}  // namespace

Result<Fd> SysSignalfd4(Task& task, Fd fd, UserIn<abi::SigSet> user_mask, uint64_t set_size, RawFlags flags) {
  if (set_size != sizeof(abi::SigSet)) return Errno::kEINVAL;
  const abi::SigSet mask = TRY(user_mask.Read(task.memory()));
  if ((flags.value & ~(abi::kSFD_CLOEXEC | abi::kSFD_NONBLOCK)) != 0) return Errno::kEINVAL;
  if (fd != abi::kNoFd) {
    const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
    auto* signalfd = file->As<anon::SignalfdFile>();
    if (signalfd == nullptr) return Errno::kEINVAL;
    signalfd->SetMask(mask);
    return fd;
  }
  Ref<vfs::File> file = TRY(anon::MakeSignalfd(task, MakeRef<TaskSignals>(Ref<Task>(task)), mask, flags.value));
  return task.fds().Add(std::move(file), {.cloexec = (flags.value & abi::kSFD_CLOEXEC) != 0}, task.Limit(abi::kRLIMIT_NOFILE));
}

Result<Fd> SysSignalfd(Task& task, Fd fd, UserIn<abi::SigSet> mask, uint64_t set_size) {
  return SysSignalfd4(task, fd, mask, set_size, {});
}

}  // namespace ringwall::syscalls
