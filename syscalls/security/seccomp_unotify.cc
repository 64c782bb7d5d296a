// seccomp_unotify(2): the listener's ioctls.
#include "syscalls/security/seccomp_unotify.h"

#include <cstring>
#include <utility>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/resource.h"
#include "abi/seccomp.h"
#include "sentry/fs/anon/anon_inode.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/fd_table.h"

namespace ringwall::syscalls {
namespace {

using seccomp::Listener;
using seccomp::Question;
using task::Task;

class ListenerFile final : public vfs::File {
 public:
  ListenerFile(Context& ctx, Ref<Listener> listener)
      : File(vfs::FileKind::kOther, anon::AnonPath(ctx), abi::kO_RDWR), listener_(std::move(listener)) {}

  Result<size_t> Read(Context&, mm::IoSink&) override { return Errno::kEINVAL; }
  Result<size_t> Write(Context&, mm::IoSource&) override { return Errno::kEINVAL; }
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override;
  std::string DisplayName() const override { return "anon_inode:seccomp notify"; }
  wait::EventMask Readiness(wait::EventMask mask) override { return listener_->Readiness(mask); }
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override {
    listener_->AddWaiter(waiter, mask, exclusive);
  }
  void RemoveWaiter(wait::Waiter& waiter) override { listener_->RemoveWaiter(waiter); }

 private:
  ~ListenerFile() override { listener_->Close(); }
  Result<int64_t> Receive(Task& task, uint64_t argument);
  Result<int64_t> Send(Task& task, uint64_t argument);
  Result<int64_t> IdValid(Task& task, uint64_t argument);
  Result<int64_t> AddFd(Task& task, uint64_t argument, uint32_t size);

  const Ref<Listener> listener_;
};

Result<int64_t> ListenerFile::Receive(Task& task, uint64_t argument) {
  // Fields from the future must be zero.
  abi::SeccompNotif notif = TRY(task.memory().ReadValue<abi::SeccompNotif>(argument));
  const abi::SeccompNotif zero{};
  if (std::memcmp(&notif, &zero, sizeof(notif)) != 0) return Errno::kEINVAL;
  const auto question = listener_->Receive();
  if (!question.ok()) {
    if (question.error() != Errno::kEAGAIN) return question.error();
    // All who could ask are gone.
    if ((listener_->Readiness(abi::kPOLLHUP) & abi::kPOLLHUP) != 0) return Errno::kENOENT;
    return task.ParkOnFile(*this, abi::kPOLLIN, Errno::kEINTR);
  }
  notif.id = (*question)->id;
  notif.pid = static_cast<uint32_t>(task.ToGuestPid((*question)->asker->tid()));
  notif.data = (*question)->data;
  if (const auto written = task.memory().WriteValue(argument, notif); !written.ok()) {
    listener_->Unreceive(**question);
    return written.error();
  }
  return 0;
}

Result<int64_t> ListenerFile::Send(Task& task, uint64_t argument) {
  const auto response = TRY(task.memory().ReadValue<abi::SeccompNotifResp>(argument));
  if ((response.flags & ~abi::kSECCOMP_USER_NOTIF_FLAG_CONTINUE) != 0) return Errno::kEINVAL;
  const bool carry_on = (response.flags & abi::kSECCOMP_USER_NOTIF_FLAG_CONTINUE) != 0;
  if (carry_on && (response.error != 0 || response.val != 0)) return Errno::kEINVAL;
  TRY(listener_->Answer(response.id, response.val, response.error, carry_on));
  return 0;
}

Result<int64_t> ListenerFile::IdValid(Task& task, uint64_t argument) {
  const auto id = TRY(task.memory().ReadValue<uint64_t>(argument));
  if (!listener_->IsValid(id)) return Errno::kENOENT;
  return 0;
}

Result<int64_t> ListenerFile::AddFd(Task& task, uint64_t argument, uint32_t size) {
  constexpr uint32_t kMostBytes = 4096;
  if (size < sizeof(abi::SeccompNotifAddfd) || size >= kMostBytes) return Errno::kEINVAL;
  const auto request = TRY(task.memory().ReadValue<abi::SeccompNotifAddfd>(argument));
  for (uint32_t i = sizeof(request); i < size; ++i) {
    const auto later = TRY(task.memory().ReadValue<uint8_t>(argument + i));
    if (later != 0) return Errno::kE2BIG;
  }
  constexpr uint32_t kKnown = abi::kSECCOMP_ADDFD_FLAG_SETFD | abi::kSECCOMP_ADDFD_FLAG_SEND;
  if ((request.newfd_flags & ~abi::kO_CLOEXEC) != 0 || (request.flags & ~kKnown) != 0) return Errno::kEINVAL;
  const bool at_number = (request.flags & abi::kSECCOMP_ADDFD_FLAG_SETFD) != 0;
  if (request.newfd != 0 && !at_number) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().Get(abi::Fd{static_cast<int32_t>(request.srcfd)}));

  const Ref<Question> question = TRY(listener_->Find(request.id));
  const RefPtr<vfs::FdTable> fds = question->asker->ShareFds();
  if (!fds) return Errno::kENOENT;
  const uint64_t limit = question->asker->thread_group().GetLimit(abi::kRLIMIT_NOFILE).rlim_cur;
  const vfs::FdFlags flags{.cloexec = (request.newfd_flags & abi::kO_CLOEXEC) != 0};
  int32_t number = 0;
  if (at_number) {
    const abi::Fd wanted{static_cast<int32_t>(request.newfd)};
    const RefPtr<vfs::File> replaced = TRY(fds->Replace(wanted, file, flags, limit));
    if (replaced) (void)vfs::FinishClose(task, replaced.ToRef(), *fds).ok();
    number = abi::Raw(wanted);
  } else {
    const abi::Fd added = TRY(fds->Add(file, flags, limit));
    number = abi::Raw(added);
  }
  // One step: the asker's result is the new number.
  if ((request.flags & abi::kSECCOMP_ADDFD_FLAG_SEND) != 0) TRY(listener_->Answer(request.id, number, 0, false));
  return number;
}

Result<int64_t> ListenerFile::Ioctl(Context& ctx, uint32_t command, uint64_t argument) {
  Task* task = ctx.AsTask();
  if (task == nullptr) return Errno::kENOTTY;
  // 'size' is part of the number: an ADDFD of a later version is the same command with a bigger structure.
  constexpr uint32_t kSizeMask = 0x3fff0000;
  switch (command) {
    case abi::kSECCOMP_IOCTL_NOTIF_RECV: return Receive(*task, argument);
    case abi::kSECCOMP_IOCTL_NOTIF_SEND: return Send(*task, argument);
    case abi::kSECCOMP_IOCTL_NOTIF_ID_VALID:
    case abi::kSECCOMP_IOCTL_NOTIF_ID_VALID ^ 0xc0000000: return IdValid(*task, argument);  // the direction was wrong at first
    case abi::kSECCOMP_IOCTL_NOTIF_SET_FLAGS:
      // SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP is a hint for the scheduler.
      if ((argument & ~uint64_t{1}) != 0) return Errno::kEINVAL;
      return 0;
    default: break;
  }
  if ((command & ~kSizeMask) == (abi::kSECCOMP_IOCTL_NOTIF_ADDFD & ~kSizeMask)) return AddFd(*task, argument, (command & kSizeMask) >> 16);
  return Errno::kEINVAL;
}

}  // namespace

Ref<vfs::File> MakeListenerFile(Context& ctx, Ref<Listener> listener) { return MakeRef<ListenerFile>(ctx, std::move(listener)); }

}  // namespace ringwall::syscalls
