// O_ASYNC, F_SETOWN, F_SETSIG, F_NOTIFY (fcntl(2)): who is told by a signal what happens to a file.
#include "sentry/task/async_signals.h"

#include <atomic>
#include <utility>
#include <vector>

#include "abi/inotify.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "absl/container/flat_hash_map.h"
#include "sentry/cred/credentials.h"
#include "sentry/task/blocking_pool.h"
#include "sentry/task/ready_list.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/notify.h"

namespace ringwall::task {

constinit thread_local bool async_signals_wait = false;

namespace {

// Bits of what waits to be told: the si_code of SIGIO by its number.
constexpr uint32_t Reason(int32_t poll_code) { return 1U << poll_code; }
constexpr int32_t kLastReason = abi::kPOLL_HUP;

// fcntl(2), F_SETSIG: si_band as poll(2) would report it.
int64_t BandOf(int32_t reason) {
  switch (reason) {
    case abi::kPOLL_IN: return abi::kPOLLIN | abi::kPOLLRDNORM;
    case abi::kPOLL_OUT: return abi::kPOLLOUT | abi::kPOLLWRNORM | abi::kPOLLWRBAND;
    case abi::kPOLL_MSG: return abi::kPOLLIN | abi::kPOLLRDNORM | abi::kPOLLMSG;
    case abi::kPOLL_ERR: return abi::kPOLLERR;
    case abi::kPOLL_PRI: return abi::kPOLLPRI | abi::kPOLLRDBAND;
    default: return abi::kPOLLHUP | abi::kPOLLERR;
  }
}

// Signals whose si_code has a meaning of its own: SIGIO's codes would be taken for it (fcntl(2), "F_SETSIG").
bool HasCodesOfItsOwn(int32_t signo) {
  constexpr abi::SigSet kThose = abi::SigMask(abi::kSIGILL) | abi::SigMask(abi::kSIGFPE) | abi::SigMask(abi::kSIGSEGV) |
                                 abi::SigMask(abi::kSIGBUS) | abi::SigMask(abi::kSIGTRAP) | abi::SigMask(abi::kSIGCHLD) |
                                 abi::SigMask(abi::kSIGSYS);
  return (abi::SigMask(signo) & kThose) != 0;
}

struct Owner {
  int32_t type = abi::kF_OWNER_PID;
  int32_t id = 0;              // 0: nobody
  RefPtr<RefCounted> who;      // its ThreadGroup, Task or ProcessGroup: numbers are used again
  uint32_t uid = 0, euid = 0;  // of whoever called F_SETOWN
};

// credentials(7), as Linux's sigio_perm.
bool MayBeSignalled(const Owner& owner, const cred::Credentials& target) {
  return owner.euid == 0 || owner.euid == target.suid || owner.euid == target.uid || owner.uid == target.suid || owner.uid == target.uid;
}

class DirectoryMark;

// What one open file description has of all this; made when first needed.
class AsyncFile final : public vfs::File::Watcher {
 public:
  static Ref<AsyncFile> Of(Task& task, vfs::File& file);
  static RefPtr<AsyncFile> IfAny(const vfs::File& file);

  void SetOwner(Owner owner);
  Owner owner() const;
  void SetSignal(int32_t signo) { signo_.store(signo, std::memory_order_relaxed); }
  int32_t signal() const { return signo_.load(std::memory_order_relaxed); }
  void Arm(vfs::File& file, int32_t fd, bool on);
  void Watch(const vfs::File& file, int32_t fd, uint32_t events);
  // From any thread, under any lock up to a wait queue's.
  void Post(uint32_t reasons);
  void Send();
  void OnFileGone(vfs::File& file) override;

 private:
  explicit AsyncFile(PidTable& pids) : pids_(pids), waiter_(*this) {}
  void SendOne(const Owner& owner, int32_t reason);
  void SendTo(const Owner& owner, int32_t reason, ThreadGroup& group, Task* thread);

  class FileWaiter final : public wait::Waiter {
   public:
    explicit FileWaiter(AsyncFile& file) : file_(file) {}
    void OnEvent(wait::EventMask mask) override;

   private:
    AsyncFile& file_;
  };

  PidTable& pids_;
  std::atomic<int32_t> signo_{0};
  std::atomic<int32_t> fd_{-1}, directory_fd_{-1};
  std::atomic<uint32_t> waiting_{0};  // Reason bits
  // Held while the waiter joins and leaves the file's queues, as by epoll_ctl(2).
  Mutex<LockRank::kEpollControl> control_mu_;
  bool armed_ ABSL_GUARDED_BY(control_mu_) = false;
  bool gone_ ABSL_GUARDED_BY(control_mu_) = false;
  FileWaiter waiter_;
  mutable Mutex<LockRank::kFile> mu_;
  Owner owner_ ABSL_GUARDED_BY(mu_);
  RefPtr<DirectoryMark> mark_ ABSL_GUARDED_BY(mu_);
};

// F_NOTIFY on a directory; goes with the file that it was asked through.
class DirectoryMark final : public vfs::NotifyMark {
 public:
  DirectoryMark(const vfs::Path& path, uint32_t mask, bool many, Ref<AsyncFile> to)
      : NotifyMark(Ref<vfs::Inode>(path.inode()), path.dentry, mask), to_(std::move(to)), many_(many) {}
  void OnEvent(uint32_t, std::string_view, uint32_t, vfs::NotifyGrave& grave) override {
    if (!many_.load(std::memory_order_relaxed)) {
      if (!Detach(grave)) return;
      ended_.store(true, std::memory_order_release);
    }
    to_->Post(Reason(abi::kPOLL_MSG));
  }
  void OnEnd(vfs::NotifyGrave&) override { ended_.store(true, std::memory_order_release); }
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  void Add(uint32_t mask, bool many) {
    if (many) many_.store(true, std::memory_order_relaxed);
    SetMask(this->mask() | mask);
  }

 private:
  const Ref<AsyncFile> to_;
  std::atomic<bool> many_, ended_{false};
};

// Every file that has an owner, a signal or a watch: entries go with their files.
struct Registry {
  Mutex<LockRank::kFile> mu;
  absl::flat_hash_map<const vfs::File*, Ref<AsyncFile>> files ABSL_GUARDED_BY(mu);
};
Registry& AllFiles() {
  static auto* registry = new Registry;
  return *registry;
}

// What this thread's current event has caused.
thread_local std::vector<Ref<AsyncFile>> waiting_here;

RefPtr<AsyncFile> AsyncFile::IfAny(const vfs::File& file) {
  Registry& registry = AllFiles();
  MutexLock lock(registry.mu);
  const auto it = registry.files.find(&file);
  return it != registry.files.end() ? RefPtr<AsyncFile>(it->second) : nullptr;
}

Ref<AsyncFile> AsyncFile::Of(Task& task, vfs::File& file) {
  Ref<AsyncFile> fresh(new AsyncFile(task.thread_group().pids()), Ref<AsyncFile>::AdoptTag{});
  {
    Registry& registry = AllFiles();
    MutexLock lock(registry.mu);
    const auto [it, inserted] = registry.files.try_emplace(&file, fresh);
    if (!inserted) return it->second;
  }
  file.AddWatcher(Ref<vfs::File::Watcher>(fresh));
  return fresh;
}

void AsyncFile::OnFileGone(vfs::File& file) {
  RefPtr<AsyncFile> self;
  {
    Registry& registry = AllFiles();
    MutexLock lock(registry.mu);
    const auto it = registry.files.find(&file);
    if (it != registry.files.end()) {
      self = std::move(it->second);
      registry.files.erase(it);
    }
  }
  {
    MutexLock lock(control_mu_);
    if (std::exchange(armed_, false)) file.RemoveWaiter(waiter_);
    gone_ = true;
  }
  RefPtr<DirectoryMark> mark;
  Owner owner;
  {
    MutexLock lock(mu_);
    mark = std::exchange(mark_, nullptr);
    std::swap(owner, owner_);
  }
  vfs::NotifyGrave grave;
  if (mark) mark->Detach(grave);
}

void AsyncFile::SetOwner(Owner owner) {
  MutexLock lock(mu_);
  std::swap(owner_, owner);  // the old one dies outside the lock: `owner` outlives it
}

Owner AsyncFile::owner() const {
  MutexLock lock(mu_);
  return owner_;
}

void AsyncFile::Arm(vfs::File& file, int32_t fd, bool on) {
  if (on) fd_.store(fd, std::memory_order_relaxed);
  MutexLock lock(control_mu_);
  if (armed_ == on || gone_) return;
  armed_ = on;
  if (!on) {
    file.RemoveWaiter(waiter_);
    return;
  }
  wait::EventMask mask = 0;
  if (file.readable()) mask |= abi::kPOLLIN | abi::kPOLLPRI;
  if (file.writable()) mask |= abi::kPOLLOUT;
  file.AddWaiter(waiter_, mask);
}

void AsyncFile::FileWaiter::OnEvent(wait::EventMask mask) {
  uint32_t reasons = 0;
  if ((mask & abi::kPOLLIN) != 0) reasons |= Reason(abi::kPOLL_IN);
  if ((mask & abi::kPOLLOUT) != 0) reasons |= Reason(abi::kPOLL_OUT);
  if ((mask & abi::kPOLLPRI) != 0) reasons |= Reason(abi::kPOLL_PRI);
  if (reasons == 0 && (mask & (abi::kPOLLHUP | abi::kPOLLERR)) != 0) reasons = Reason(abi::kPOLL_HUP);
  if (reasons != 0) file_.Post(reasons);
}

void AsyncFile::Post(uint32_t reasons) {
  // Whoever adds the first reason makes the file known; the others ride along.
  if (waiting_.fetch_or(reasons, std::memory_order_acq_rel) != 0) return;
  if (ReadyList::Current() != nullptr) {
    waiting_here.emplace_back(*this);
    async_signals_wait = true;
    return;
  }
  BlockingPool::Get().Call([self = Ref<AsyncFile>(*this)] { self->Send(); });
}

void AsyncFile::Send() {
  const uint32_t reasons = waiting_.exchange(0, std::memory_order_acq_rel);
  const Owner to = owner();
  if (to.id == 0) return;
  for (int32_t reason = 1; reason <= kLastReason; ++reason) {
    if ((reasons & Reason(reason)) != 0) SendOne(to, reason);
  }
}

void AsyncFile::SendOne(const Owner& owner, int32_t reason) {
  switch (owner.type) {
    case abi::kF_OWNER_TID: {
      auto& thread = static_cast<Task&>(*owner.who);
      if (pids_.FindTask(owner.id).get() != &thread) return;
      return SendTo(owner, reason, thread.thread_group(), &thread);
    }
    case abi::kF_OWNER_PID: return SendTo(owner, reason, static_cast<ThreadGroup&>(*owner.who), nullptr);
    default: break;
  }
  {
    MutexLock lock(pids_.mu());
    if (static_cast<RefCounted*>(pids_.FindProcessGroupLocked(owner.id).get()) != owner.who.get()) return;
  }
  for (const Ref<ThreadGroup>& member : pids_.MembersOf(owner.id)) SendTo(owner, reason, member, nullptr);
}

void AsyncFile::SendTo(const Owner& owner, int32_t reason, ThreadGroup& group, Task* thread) {
  const std::vector<Ref<Task>> threads = pids_.ThreadsOf(group);
  if (threads.empty()) return;
  const auto creds = threads.front()->ShareCreds();
  if (!creds || !MayBeSignalled(owner, *creds)) return;
  auto send = [&](const abi::SigInfo& info) { return thread != nullptr ? thread->SendSignal(info) : group.SendSignal(info); };
  abi::SigInfo info{};
  if (const int32_t signo = signal(); signo != 0) {
    info.si_signo = signo;
    info.si_code = HasCodesOfItsOwn(signo) ? abi::kSI_SIGIO : reason;
    const int32_t fd = (reason == abi::kPOLL_MSG ? directory_fd_ : fd_).load(std::memory_order_relaxed);
    info.Set(abi::SigInfo::Poll{.band = BandOf(reason), .fd = fd});
    if (send(info).ok()) return;
    // The queue is full: SIGIO says that something was lost (fcntl(2)).
    info = {};
  }
  info.si_signo = abi::kSIGIO;
  info.si_code = abi::kSI_KERNEL;
  (void)send(info).ok();
}

void AsyncFile::Watch(const vfs::File& file, int32_t fd, uint32_t events) {
  struct Rule {
    uint32_t dn, in;
  };
  static constexpr Rule kRules[] = {
      {abi::kDN_ACCESS, abi::kIN_ACCESS},
      {abi::kDN_MODIFY, abi::kIN_MODIFY},
      {abi::kDN_CREATE, abi::kIN_CREATE | abi::kIN_MOVED_TO},
      {abi::kDN_DELETE, abi::kIN_DELETE | abi::kIN_MOVED_FROM},
      {abi::kDN_RENAME, abi::kIN_MOVED_FROM},
      {abi::kDN_ATTRIB, abi::kIN_ATTRIB},
  };
  uint32_t mask = 0;
  for (const Rule& rule : kRules) {
    if ((events & rule.dn) != 0) mask |= rule.in;
  }
  const bool many = (events & abi::kDN_MULTISHOT) != 0;
  vfs::NotifyGrave grave;
  RefPtr<DirectoryMark> mark;
  if (mask != 0) mark = MakeRef<DirectoryMark>(file.path(), mask, many, Ref<AsyncFile>(*this));
  RefPtr<DirectoryMark> old;
  bool adds = false;
  directory_fd_.store(fd, std::memory_order_relaxed);
  {
    MutexLock lock(mu_);
    // Registrations through one description add up, until a one-shot watch has fired.
    adds = mask != 0 && mark_ && !mark_->ended();
    old = adds ? mark_ : std::exchange(mark_, mark);
  }
  if (adds) {
    old->Add(mask, many);
    return;
  }
  if (old) old->Detach(grave);
  if (mark) mark->Attach();
}

int32_t CallersGroup(Task& task) {
  PidTable& pids = task.thread_group().pids();
  MutexLock lock(pids.mu());
  const RefPtr<ProcessGroup>& group = pids.FamilyOf(task.thread_group()).group;
  return group ? group->pgid : 0;
}

Result<Owner> FindOwner(Task& task, const abi::FOwnerEx& wanted) {
  Owner owner{.type = wanted.type, .id = wanted.pid, .who = nullptr, .uid = task.creds().uid, .euid = task.creds().euid};
  if (wanted.pid == 0) return owner;
  PidTable& pids = task.thread_group().pids();
  switch (wanted.type) {
    case abi::kF_OWNER_TID: owner.who = pids.FindTask(wanted.pid); break;
    case abi::kF_OWNER_PID: owner.who = pids.FindGroup(wanted.pid); break;
    default: {
      MutexLock lock(pids.mu());
      owner.who = pids.FindProcessGroupLocked(wanted.pid);
      break;
    }
  }
  // A thread's number is a number of Linux's, too: it is only never signalled as a process.
  if (!owner.who && !pids.FindTask(wanted.pid)) return Errno::kESRCH;
  if (!owner.who) owner.id = 0;
  return owner;
}

}  // namespace

void SendWaitingAsyncSignals() {
  async_signals_wait = false;
  std::vector<Ref<AsyncFile>> files;
  files.swap(waiting_here);
  for (const Ref<AsyncFile>& file : files) file->Send();
}

Result<void> SetSignalOwner(Task& task, vfs::File& file, const abi::FOwnerEx& owner) {
  Owner found = TRY(FindOwner(task, owner));
  AsyncFile::Of(task, file)->SetOwner(std::move(found));
  file.SetSignalOwner(owner);
  return {};
}

abi::FOwnerEx SignalOwner(Task& task, vfs::File& file) {
  abi::FOwnerEx owner = file.signal_owner();
  if (owner.pid != 0) {
    auto now = FindOwner(task, owner);
    const RefPtr<AsyncFile> async = AsyncFile::IfAny(file);
    if (!now.ok() || !async || (now->who && now->who.get() != async->owner().who.get())) owner.pid = 0;
  }
  return owner;
}

Result<void> SetSignalOwnerByNumber(Task& task, vfs::File& file, int32_t number) {
  if (number == INT32_MIN) return Errno::kEINVAL;
  const int32_t id = number < 0 ? -number : number;
  return SetSignalOwner(task, file,
                        {.type = number < 0 ? abi::kF_OWNER_PGRP : abi::kF_OWNER_PID, .pid = id == 0 ? 0 : task.ToKernelPid(id)});
}

int32_t SignalOwnerNumber(Task& task, vfs::File& file) {
  const abi::FOwnerEx owner = SignalOwner(task, file);
  const int32_t id = owner.pid == 0 ? 0 : task.ToGuestPid(owner.pid);
  return owner.type == abi::kF_OWNER_PGRP ? -id : id;
}

Result<void> SetFileSignal(Task& task, vfs::File& file, uint64_t signo) {
  if (signo > static_cast<uint64_t>(abi::kNumSignals)) return Errno::kEINVAL;
  AsyncFile::Of(task, file)->SetSignal(static_cast<int32_t>(signo));
  return {};
}

int32_t FileSignal(vfs::File& file) {
  const RefPtr<AsyncFile> async = AsyncFile::IfAny(file);
  return async ? async->signal() : 0;
}

bool CanSignal(const vfs::File& file) {
  switch (file.kind()) {
    case vfs::FileKind::kPipe:
    case vfs::FileKind::kSocket:
    case vfs::FileKind::kTty:
    case vfs::FileKind::kInotify:
    case vfs::FileKind::kHostStream: return true;
    default: return false;
  }
}

void UpdateAsync(Task& task, vfs::File& file, int32_t fd) {
  if (!CanSignal(file)) return;
  const bool on = (file.flags() & abi::kO_ASYNC) != 0;
  if (!on && !AsyncFile::IfAny(file)) return;
  const Ref<AsyncFile> async = AsyncFile::Of(task, file);
  // A terminal without an owner gets the caller's group (tty_ioctl(4) speaks of the foreground group: who asks is in it).
  if (on && file.kind() == vfs::FileKind::kTty && async->owner().id == 0)
    (void)SetSignalOwner(task, file, {.type = abi::kF_OWNER_PGRP, .pid = CallersGroup(task)}).ok();
  async->Arm(file, fd, on);
}

Result<void> NotifyOfDirectory(Task& task, const Ref<vfs::File>& file, int32_t fd, uint32_t events) {
  if ((events & ~abi::kDN_MULTISHOT) == 0 && !AsyncFile::IfAny(file)) return {};
  if ((events & ~abi::kDN_MULTISHOT) != 0 && file->kind() != vfs::FileKind::kDirectory) return Errno::kENOTDIR;
  const Ref<AsyncFile> async = AsyncFile::Of(task, *file);
  if ((events & ~abi::kDN_MULTISHOT) != 0 && async->owner().id == 0)
    TRY(SetSignalOwner(task, *file, {.type = abi::kF_OWNER_PID, .pid = task.tgid()}));
  async->Watch(*file, fd, events);
  return {};
}

}  // namespace ringwall::task
