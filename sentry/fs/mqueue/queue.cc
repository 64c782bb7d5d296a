// POSIX message queues (mq_overview(7)).
#include "sentry/fs/mqueue/queue.h"

#include <algorithm>
#include <utility>

#include "abi/poll.h"
#include "absl/strings/str_format.h"
#include "sentry/cred/credentials.h"

namespace ringwall::mqueue {

namespace {
constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM;
constexpr uint64_t kMagic = 0x19800202;
constexpr uint64_t kTextSize = 80;
}  // namespace

// getrlimit(2), RLIMIT_MSGQUEUE: the formula since Linux 3.5.
uint64_t Queue::BytesFor(const Attributes& attributes) {
  constexpr uint64_t kMessageHead = 48, kTreeNode = 48;
  const auto messages = static_cast<uint64_t>(attributes.max_messages);
  return messages * kMessageHead + std::min<uint64_t>(messages, abi::kMQ_PRIO_MAX) * kTreeNode +
         messages * static_cast<uint64_t>(attributes.message_size);
}

Queue::Queue(MqueueFs& fs, const vfs::NewFileOwner& owner, const Attributes& attributes, uint32_t charged_uid, uint64_t charged_bytes,
             const abi::Timespec& now)
    : Inode(fs, abi::kS_IFREG),
      limits_(attributes),
      charged_uid_(charged_uid),
      charged_bytes_(charged_bytes),
      ino_(fs.NextIno()),
      mode_(owner.mode & abi::kS_IALLUGO),
      uid_(owner.uid),
      gid_(owner.gid),
      atime_(now),
      mtime_(now),
      ctime_(now) {}

Queue::~Queue() {
  mqueue_fs().RefundUser(charged_uid_, charged_bytes_);
  mqueue_fs().queue_count.fetch_sub(1, std::memory_order_relaxed);
  MutexLock lock(mu_);
  mqueue_fs().RefundMessage(bytes_ + static_cast<uint64_t>(count_) * kOverhead);
}

Result<vfs::Attributes> Queue::GetAttributes(Context&) {
  vfs::Attributes a;
  a.dev = file_system().dev();
  a.ino = ino_;
  a.nlink = links_.load(std::memory_order_relaxed);
  a.size = kTextSize;
  MutexLock lock(mu_);
  a.mode = abi::kS_IFREG | mode_;
  a.uid = uid_;
  a.gid = gid_;
  a.atime = atime_;
  a.mtime = mtime_;
  a.ctime = a.btime = ctime_;
  return a;
}

Result<void> Queue::SetAttributes(Context& ctx, const vfs::AttributeChange& change) {
  using Mask = vfs::AttributeChange::Mask;
  MutexLock lock(mu_);
  if ((change.mask & Mask::kMode) != 0) mode_ = change.mode & abi::kS_IALLUGO;
  if ((change.mask & Mask::kUid) != 0) uid_ = change.uid;
  if ((change.mask & Mask::kGid) != 0) gid_ = change.gid;
  if ((change.mask & Mask::kAtime) != 0) atime_ = change.atime;
  if ((change.mask & Mask::kMtime) != 0) mtime_ = change.mtime;
  ctime_ = ctx.Now();
  return {};
}

Result<Ref<vfs::File>> Queue::Open(Context&, const vfs::Path& path, const vfs::OpenRequest& request) {
  return Ref<vfs::File>(MakeRef<QueueFile>(Ref<Queue>(*this), path, request.flags));
}

Result<vfs::FileSystemStats> Queue::StatFs(Context&) {
  vfs::FileSystemStats stats;
  stats.type = kMagic;
  stats.id = file_system().dev();
  return stats;
}

int64_t Queue::current() const {
  MutexLock lock(mu_);
  return count_;
}

void Queue::InsertLocked(Message message) {
  bytes_ += message.bytes.size();
  ++count_;
  messages_[message.priority].push_back(std::move(message.bytes));
}

Message Queue::TakeLocked() {
  const auto first = messages_.begin();
  Message message{first->first, std::move(first->second.front())};
  first->second.pop_front();
  if (first->second.empty()) messages_.erase(first);
  --count_;
  bytes_ -= message.bytes.size();
  return message;
}

Result<RefPtr<Waiting>> Queue::Send(Context& ctx, Message& message, bool nonblocking, Notification& notification) {
  const uint64_t cost = message.bytes.size() + kOverhead;
  RefPtr<Waiting> served;
  {
    MutexLock lock(mu_);
    if (count_ >= limits_.max_messages) {
      if (nonblocking) return Errno::kEAGAIN;
      if (!mqueue_fs().ChargeMessage(cost)) return Errno::kENOMEM;
      Ref<Waiting> waiting = MakeRef<Waiting>();
      waiting->message_ = std::move(message);
      senders_.push_back(waiting);
      return RefPtr<Waiting>(waiting);
    }
    mtime_ = ctime_ = ctx.Now();
    if (!receivers_.empty()) {
      served = std::move(receivers_.front());
      receivers_.pop_front();
      served->message_ = std::move(message);
      served->done_.store(true, std::memory_order_release);
    } else {
      if (!mqueue_fs().ChargeMessage(cost)) return Errno::kENOMEM;
      InsertLocked(std::move(message));
      // mq_notify(3): an empty queue got a message, and nobody waits for it. The registration is used up.
      if (notify_pid_ != 0 && count_ == 1) {
        if (notify_kind_ == abi::kSIGEV_SIGNAL) notification = {notify_pid_, notify_signo_, notify_value_, nullptr};
        if (notify_kind_ == abi::kSIGEV_THREAD) notification = {notify_pid_, 0, 0, std::exchange(notifier_, nullptr)};
        notify_pid_ = 0;
      }
    }
  }
  if (served) {
    served->queue_.Notify(abi::kPOLLIN);
  } else {
    pollers_.Notify(kIn);
  }
  return RefPtr<Waiting>();
}

Result<RefPtr<Waiting>> Queue::Receive(Context& ctx, Message& message, bool nonblocking) {
  RefPtr<Waiting> served;
  {
    MutexLock lock(mu_);
    if (count_ == 0) {
      if (nonblocking) return Errno::kEAGAIN;
      Ref<Waiting> waiting = MakeRef<Waiting>();
      receivers_.push_back(waiting);
      return RefPtr<Waiting>(waiting);
    }
    message = TakeLocked();
    mqueue_fs().RefundMessage(message.bytes.size() + kOverhead);
    atime_ = ctime_ = ctx.Now();
    if (!senders_.empty()) {
      served = std::move(senders_.front());
      senders_.pop_front();
      InsertLocked(std::move(served->message_));
      served->done_.store(true, std::memory_order_release);
    }
  }
  if (served) {
    served->queue_.Notify(abi::kPOLLOUT);
  } else {
    pollers_.Notify(kOut);
  }
  return RefPtr<Waiting>();
}

bool Queue::Finish(Waiting& waiting, bool sender) {
  RefPtr<Waiting> gone;
  MutexLock lock(mu_);
  std::list<Ref<Waiting>>& list = sender ? senders_ : receivers_;
  const auto it = std::find_if(list.begin(), list.end(), [&](const Ref<Waiting>& w) { return w.get() == &waiting; });
  if (it == list.end()) return true;
  gone = std::move(*it);
  list.erase(it);
  if (sender) mqueue_fs().RefundMessage(waiting.message_.bytes.size() + kOverhead);
  return false;
}

Result<void> Queue::Register(Context& ctx, int32_t notify, int32_t signo, uint64_t value, RefPtr<Notifier> notifier) {
  MutexLock lock(mu_);
  if (notify_pid_ != 0) return Errno::kEBUSY;
  notify_pid_ = ctx.tgid();
  notify_kind_ = notify;
  notify_signo_ = signo;
  notify_value_ = value;
  std::swap(notifier_, notifier);
  atime_ = ctime_ = ctx.Now();
  return {};
}

void Queue::Unregister(int32_t pid) {
  RefPtr<Notifier> removed;
  {
    MutexLock lock(mu_);
    if (notify_pid_ != pid) return;
    notify_pid_ = 0;
    std::swap(removed, notifier_);
  }
  if (removed) removed->Tell(Notifier::Why::kRemoved);
}

std::string Queue::Text() const {
  MutexLock lock(mu_);
  const bool signals = notify_pid_ != 0 && notify_kind_ == abi::kSIGEV_SIGNAL;
  return absl::StrFormat("QSIZE:%-10d NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n", bytes_, notify_pid_ != 0 ? notify_kind_ : 0,
                         signals ? notify_signo_ : 0, notify_pid_);
}

wait::EventMask Queue::Ready(wait::EventMask mask) const {
  MutexLock lock(mu_);
  wait::EventMask ready = 0;
  if (count_ > 0) ready |= kIn;
  if (count_ < limits_.max_messages) ready |= kOut;
  return ready & mask;
}

// ---- descriptors ------------------------------------------------------------------------------------------------------------

Result<size_t> QueueFile::PRead(Context&, mm::IoSink& sink, uint64_t offset) {
  if (!readable()) return Errno::kEBADF;
  const std::string text = queue_->Text();
  if (offset >= text.size()) return size_t{0};
  const std::string_view rest = std::string_view(text).substr(offset);
  return sink.Put({reinterpret_cast<const std::byte*>(rest.data()), rest.size()});
}

Result<void> QueueFile::Flush(Context& ctx) {
  queue_->Unregister(ctx.tgid());
  return {};
}

}  // namespace ringwall::mqueue
