// System V message queues.
#include "sentry/ipc/msg.h"

#include <algorithm>
#include <utility>

#include "abi/capability.h"
#include "abi/poll.h"
#include "absl/strings/str_format.h"
#include "sentry/cred/credentials.h"
#include "sentry/time/clock.h"

namespace ringwall::ipc {

namespace {
int64_t Seconds() { return time::RealtimeNs() / time::kNsPerSecond; }
}  // namespace

Message::~Message() {
  if (table_ != nullptr)
    table_->total_bytes_.fetch_sub(static_cast<int64_t>(bytes_.size()) + MsgTable::kMessageOverhead, std::memory_order_relaxed);
}

// msgrcv(2): what msgtyp and the flags ask for.
MsgSelector MsgSelector::Of(int64_t type, int32_t flags) {
  if ((flags & abi::kMSG_COPY) != 0) return {Kind::kIndex, type};
  if (type == 0) return {Kind::kAny, 0};
  if (type < 0) return {Kind::kLowest, type == INT64_MIN ? INT64_MAX : -type};
  return {(flags & abi::kMSG_EXCEPT) != 0 ? Kind::kNotEqual : Kind::kEqual, type};
}

bool MsgSelector::Fits(int64_t message_type) const {
  switch (kind) {
    case Kind::kAny:
    case Kind::kIndex: return true;
    case Kind::kEqual: return message_type == type;
    case Kind::kNotEqual: return message_type != type;
    case Kind::kLowest: return message_type <= type;
  }
  return false;
}

// ---- queues -----------------------------------------------------------------------------------------------------------------

MessageQueue::MessageQueue(Context& ctx, int32_t key, int32_t flags, uint64_t max_bytes) : Object(ctx, key, flags), max_bytes_(max_bytes) {}

// As many messages as bytes: empty ones take room too (msgsnd(2)).
bool MessageQueue::HasRoomLocked(uint64_t bytes) const { return bytes + bytes_ <= max_bytes_ && 1 + messages_.size() <= max_bytes_; }

bool MessageQueue::DeliverLocked(Message& message, Woken& woken) {
  for (auto it = receivers_.begin(); it != receivers_.end();) {
    if (!(*it)->selector_.Fits(message.type())) {
      ++it;
      continue;
    }
    const Ref<MsgReceiver> receiver = *it;
    it = receivers_.erase(it);
    woken.push_back(receiver);
    if (message.bytes().size() > receiver->room_ && !receiver->cut_) {
      receiver->result_ = Errno::kE2BIG;
      receiver->done_.store(true, std::memory_order_release);
      continue;
    }
    last_receiver_ = receiver->pid_;
    receive_time_ = Seconds();
    receiver->message_.push_back(std::move(message));
    receiver->done_.store(true, std::memory_order_release);
    return true;
  }
  return false;
}

std::list<Message>::iterator MessageQueue::SelectLocked(const MsgSelector& selector) {
  if (selector.kind == MsgSelector::Kind::kIndex) {
    if (selector.type < 0 || static_cast<uint64_t>(selector.type) >= messages_.size()) return messages_.end();
    return std::next(messages_.begin(), selector.type);
  }
  auto best = messages_.end();
  for (auto it = messages_.begin(); it != messages_.end(); ++it) {
    if (!selector.Fits(it->type())) continue;
    if (selector.kind != MsgSelector::Kind::kLowest) return it;
    if (best == messages_.end() || it->type() < best->type()) best = it;
    if (best->type() == 1) break;
  }
  return best;
}

void MessageQueue::EndReceiversLocked(Errno why, Woken& woken) {
  for (Ref<MsgReceiver>& receiver : receivers_) {
    receiver->result_ = why;
    receiver->done_.store(true, std::memory_order_release);
    woken.push_back(std::move(receiver));
  }
  receivers_.clear();
}

void MessageQueue::Wake(const Woken& woken) {
  for (const Ref<MsgReceiver>& receiver : woken) receiver->queue_.Notify(abi::kPOLLIN);
}

// ---- table ------------------------------------------------------------------------------------------------------------------

Result<int32_t> MsgTable::Get(Context& ctx, int32_t key, int32_t flags) {
  const auto check = [](MessageQueue&) -> Result<void> { return {}; };
  const auto make = [&]() -> Result<Ref<MessageQueue>> {
    return MakeRef<MessageQueue>(ctx, key, flags, static_cast<uint64_t>(max_bytes.load(std::memory_order_relaxed)));
  };
  return queues_.Get(ctx, key, flags, max_queues.load(std::memory_order_relaxed), check, make);
}

Result<Message> MsgTable::Make(int64_t type, std::string bytes) {
  const auto cost = static_cast<int64_t>(bytes.size()) + kMessageOverhead;
  if (total_bytes_.fetch_add(cost, std::memory_order_relaxed) + cost > kMaxTotalBytes) {
    total_bytes_.fetch_sub(cost, std::memory_order_relaxed);
    return Errno::kENOMEM;
  }
  return Message(*this, type, std::move(bytes));
}

Result<RefPtr<MessageQueue::SendWait>> MsgTable::Send(Context& ctx, int32_t id, Message& message, bool nonblocking) {
  const Ref<MessageQueue> queue = TRY(queues_.Find(id));
  MessageQueue::Woken woken;
  {
    MutexLock lock(queue->mu);
    TRY(queue->MayAccess(ctx, 0222));
    if (queue->removed) return Errno::kEIDRM;
    if (!queue->HasRoomLocked(message.bytes().size())) {
      if (nonblocking) return Errno::kEAGAIN;
      return RefPtr<MessageQueue::SendWait>(MakeRef<MessageQueue::SendWait>(queue, queue->departures_.load()));
    }
    queue->last_sender_ = ctx.tgid();
    queue->send_time_ = Seconds();
    if (!queue->DeliverLocked(message, woken)) {
      queue->bytes_ += message.bytes().size();
      queue->messages_.push_back(std::move(message));
    }
  }
  MessageQueue::Wake(woken);
  return RefPtr<MessageQueue::SendWait>();
}

Result<MsgTable::Received> MsgTable::Receive(Context& ctx, int32_t id, uint64_t room, int64_t type, int32_t flags) {
  const bool copy = (flags & abi::kMSG_COPY) != 0;
  if (copy && ((flags & abi::kMSG_EXCEPT) != 0 || (flags & abi::kIPC_NOWAIT) == 0)) return Errno::kEINVAL;
  const MsgSelector selector = MsgSelector::Of(type, flags);
  const bool cut = (flags & abi::kMSG_NOERROR) != 0;
  const Ref<MessageQueue> queue = TRY(queues_.Find(id));
  Received received;
  {
    MutexLock lock(queue->mu);
    TRY(queue->MayAccess(ctx, 0444));
    if (queue->removed) return Errno::kEIDRM;
    const auto found = queue->SelectLocked(selector);
    if (found == queue->messages_.end()) {
      if ((flags & abi::kIPC_NOWAIT) != 0) return Errno::kENOMSG;
      received.receiver = MakeRef<MsgReceiver>(selector, room, cut, ctx.tgid());
      queue->receivers_.push_back(received.receiver.ToRef());
      return received;
    }
    if (found->bytes().size() > room && !cut) return Errno::kE2BIG;
    if (copy) {
      Message duplicate = TRY(Make(found->type(), found->bytes()));
      received.message.push_back(std::move(duplicate));
      return received;
    }
    queue->bytes_ -= found->bytes().size();
    queue->last_receiver_ = ctx.tgid();
    queue->receive_time_ = Seconds();
    received.message.push_back(std::move(*found));
    queue->messages_.erase(found);
    queue->departures_.fetch_add(1);
  }
  queue->room_.Notify(abi::kPOLLOUT);
  return received;
}

Result<Message> MsgTable::Finish(int32_t id, MsgReceiver& receiver, Errno error) {
  if (!receiver.done()) {
    auto queue = queues_.Find(id);
    if (queue.ok()) {
      RefPtr<MsgReceiver> gone;
      MutexLock lock((*queue)->mu);
      auto& list = (*queue)->receivers_;
      const auto it = std::find_if(list.begin(), list.end(), [&](const Ref<MsgReceiver>& r) { return r.get() == &receiver; });
      if (it != list.end()) {
        gone = std::move(*it);
        list.erase(it);
        return error;
      }
    }
    if (!receiver.done()) return Errno::kEIDRM;
  }
  if (receiver.message_.empty()) return receiver.result_;
  return std::move(receiver.message_.front());
}

abi::MsqidDs MsgTable::Describe(const MessageQueue& queue) {
  abi::MsqidDs ds;
  MutexLock lock(queue.mu);
  ds.msg_perm = queue.DescribePermissions();
  ds.msg_stim = queue.send_time_;
  ds.msg_rtim = queue.receive_time_;
  ds.msg_ctim = queue.change_time;
  ds.current_bytes = queue.bytes_;
  ds.msg_qnum = queue.messages_.size();
  ds.msg_qbytes = queue.max_bytes_;
  ds.msg_lspid = queue.last_sender_;
  ds.msg_lrpid = queue.last_receiver_;
  return ds;
}

Result<abi::MsqidDs> MsgTable::Stat(Context& ctx, int32_t id) {
  const Ref<MessageQueue> queue = TRY(queues_.Find(id));
  {
    MutexLock lock(queue->mu);
    TRY(queue->MayAccess(ctx, 0444));
  }
  return Describe(queue);
}

Result<abi::MsqidDs> MsgTable::StatIndex(Context& ctx, int32_t index, bool any, int32_t& id) {
  const Ref<MessageQueue> queue = TRY(queues_.FindIndex(index));
  if (!any) {
    MutexLock lock(queue->mu);
    TRY(queue->MayAccess(ctx, 0444));
  }
  id = queue->id();
  return Describe(queue);
}

Result<void> MsgTable::Set(Context& ctx, int32_t id, const abi::MsqidDs& values) {
  const Ref<MessageQueue> queue = TRY(queues_.Find(id));
  MessageQueue::Woken woken;
  {
    MutexLock lock(queue->mu);
    TRY(queue->MayControl(ctx));
    // msgctl(2): more than the default is for CAP_SYS_RESOURCE.
    const auto limit = static_cast<uint64_t>(max_bytes.load(std::memory_order_relaxed));
    if (values.msg_qbytes > limit && !ctx.creds().Has(abi::kCAP_SYS_RESOURCE)) return Errno::kEPERM;
    queue->SetOwner(values.msg_perm.uid, values.msg_perm.gid, values.msg_perm.mode);
    queue->max_bytes_ = values.msg_qbytes;
    queue->change_time = Seconds();
    // Whoever waits looks again: it may not be allowed to any more.
    queue->EndReceiversLocked(Errno::kEAGAIN, woken);
    queue->departures_.fetch_add(1);
  }
  MessageQueue::Wake(woken);
  queue->room_.Notify(abi::kPOLLOUT);
  return {};
}

Result<void> MsgTable::Remove(Context& ctx, int32_t id) {
  const Ref<MessageQueue> queue = TRY(queues_.Find(id));
  MessageQueue::Woken woken;
  std::list<Message> messages;
  {
    MutexLock lock(queue->mu);
    TRY(queue->MayControl(ctx));
    if (queue->removed) return Errno::kEIDRM;
    queue->removed = true;
    queue->EndReceiversLocked(Errno::kEIDRM, woken);
    messages.swap(queue->messages_);
    queue->bytes_ = 0;
    queue->departures_.fetch_add(1);
  }
  MessageQueue::Wake(woken);
  queue->room_.Notify(abi::kPOLLOUT);
  const RefPtr<MessageQueue> gone = queues_.Remove(queue);
  return {};
}

abi::Msginfo MsgTable::Info(bool used) const {
  abi::Msginfo info;
  info.msgmax = max_message.load(std::memory_order_relaxed);
  info.msgmnb = max_bytes.load(std::memory_order_relaxed);
  info.msgmni = max_queues.load(std::memory_order_relaxed);
  info.msgssz = 16;
  info.msgseg = 0xffff;
  if (!used) {
    info.msgpool = static_cast<int32_t>(static_cast<int64_t>(info.msgmni) * info.msgmnb / 1024);
    info.msgmap = info.msgmnb;
    info.msgtql = info.msgmnb;
    return info;
  }
  // msgctl(2): MSG_INFO puts what is in use into three of the unused fields.
  info.msgpool = queues_.size();
  for (const Ref<MessageQueue>& queue : queues_.All()) {
    const abi::MsqidDs ds = Describe(queue);
    info.msgmap += static_cast<int32_t>(ds.msg_qnum);
    info.msgtql += static_cast<int32_t>(ds.current_bytes);
  }
  return info;
}

std::string MsgTable::ProcText() const {
  std::string out =
      "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime      rtime      ctime\n";
  for (const Ref<MessageQueue>& queue : queues_.All()) {
    const abi::MsqidDs ds = Describe(queue);
    const abi::IpcPerm& p = ds.msg_perm;
    absl::StrAppendFormat(&out, "%10d %10d  %4o  %10d %10d %5d %5d %5d %5d %5d %5d %10d %10d %10d\n", p.key, queue->id(), p.mode,
                          ds.current_bytes, ds.msg_qnum, ds.msg_lspid, ds.msg_lrpid, p.uid, p.gid, p.cuid, p.cgid, ds.msg_stim, ds.msg_rtim,
                          ds.msg_ctim);
  }
  return out;
}

}  // namespace ringwall::ipc
