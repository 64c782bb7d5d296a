// msgget(2), msgsnd(2), msgrcv(2), msgctl(2): System V message queues. A message that somebody waits for goes to him and never into the
// queue; senders that find no room look again when there is some.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "sentry/ipc/object.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::ipc {

class MsgTable;

// The bytes and what they cost the table.
class Message {
 public:
  Message(MsgTable& table, int64_t type, std::string bytes) : table_(&table), type_(type), bytes_(std::move(bytes)) {}
  Message(Message&& o) noexcept : table_(std::exchange(o.table_, nullptr)), type_(o.type_), bytes_(std::move(o.bytes_)) {}
  Message& operator=(Message&&) = delete;
  ~Message();
  int64_t type() const { return type_; }
  const std::string& bytes() const { return bytes_; }

 private:
  MsgTable* table_;
  int64_t type_;
  std::string bytes_;
};

// Which message msgrcv(2) asks for.
struct MsgSelector {
  enum class Kind : uint8_t { kAny, kEqual, kNotEqual, kLowest, kIndex } kind = Kind::kAny;
  int64_t type = 0;
  static MsgSelector Of(int64_t type, int32_t flags);
  bool Fits(int64_t message_type) const;
};

// One msgrcv(2) that waits.
class MsgReceiver final : public RefCounted, public wait::Waitable {
 public:
  MsgReceiver(MsgSelector selector, uint64_t room, bool cut, int32_t pid) : selector_(selector), room_(room), cut_(cut), pid_(pid) {}
  bool done() const { return done_.load(std::memory_order_acquire); }
  wait::EventMask Readiness(wait::EventMask mask) override { return done() ? mask : 0; }
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override { queue_.Add(waiter, mask, exclusive); }
  void RemoveWaiter(wait::Waiter& waiter) override { queue_.Remove(waiter); }

 private:
  friend class MessageQueue;
  friend class MsgTable;
  const MsgSelector selector_;
  const uint64_t room_;
  const bool cut_;  // MSG_NOERROR
  const int32_t pid_;
  // Under the queue's lock until done_. kEAGAIN: look again, the rules have changed.
  std::vector<Message> message_;
  Errno result_{};
  std::atomic<bool> done_{false};
  wait::WaitQueue queue_;
};

class MessageQueue final : public Object {
 public:
  MessageQueue(Context& ctx, int32_t key, int32_t flags, uint64_t max_bytes);

 private:
  friend class MsgTable;
  using Woken = std::vector<Ref<MsgReceiver>>;
  bool HasRoomLocked(uint64_t bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // Hands it to the first receiver it fits; receivers with too little room fail on the way. False: nobody took it.
  bool DeliverLocked(Message& message, Woken& woken) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  std::list<Message>::iterator SelectLocked(const MsgSelector& selector) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  void EndReceiversLocked(Errno why, Woken& woken) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  static void Wake(const Woken& woken);

  std::list<Message> messages_ ABSL_GUARDED_BY(mu);
  std::list<Ref<MsgReceiver>> receivers_ ABSL_GUARDED_BY(mu);
  uint64_t bytes_ ABSL_GUARDED_BY(mu) = 0, max_bytes_ ABSL_GUARDED_BY(mu);
  int64_t send_time_ ABSL_GUARDED_BY(mu) = 0, receive_time_ ABSL_GUARDED_BY(mu) = 0;
  int32_t last_sender_ ABSL_GUARDED_BY(mu) = 0, last_receiver_ ABSL_GUARDED_BY(mu) = 0;
  // How often something has left: a sender that found no room waits for it to change.
  std::atomic<uint64_t> departures_{0};
  wait::WaitQueue room_;

 public:
  // What one sender waits for: the queue as a Waitable of its own state would spin while there is room for smaller messages only.
  class SendWait final : public RefCounted, public wait::Waitable {
   public:
    SendWait(Ref<MessageQueue> queue, uint64_t seen) : queue_(std::move(queue)), seen_(seen) {}
    wait::EventMask Readiness(wait::EventMask mask) override { return queue_->departures_.load() != seen_ ? mask : 0; }
    void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override {
      queue_->room_.Add(waiter, mask, exclusive);
    }
    void RemoveWaiter(wait::Waiter& waiter) override { queue_->room_.Remove(waiter); }

   private:
    const Ref<MessageQueue> queue_;
    const uint64_t seen_;
  };
};

class MsgTable {
 public:
  // /proc/sys/kernel/{msgmax,msgmnb,msgmni}.
  std::atomic<int32_t> max_message{static_cast<int32_t>(abi::kMSGMAX)}, max_bytes{static_cast<int32_t>(abi::kMSGMNB)},
      max_queues{static_cast<int32_t>(abi::kMSGMNI)};

  Result<int32_t> Get(Context& ctx, int32_t key, int32_t flags);
  // ENOMEM when all queues together hold too much. Differs from Linux: 64 MiB, instead of as much memory as there is.
  Result<Message> Make(int64_t type, std::string bytes);
  // msgsnd(2): taken (null), or what to park on before it is tried again.
  Result<RefPtr<MessageQueue::SendWait>> Send(Context& ctx, int32_t id, Message& message, bool nonblocking);
  // msgrcv(2): a message, or a receiver to park on.
  struct Received {
    std::vector<Message> message;  // one, or none
    RefPtr<MsgReceiver> receiver;
  };
  Result<Received> Receive(Context& ctx, int32_t id, uint64_t room, int64_t type, int32_t flags);
  // The waiting ends: the message when one came, else its error, else `error`.
  Result<Message> Finish(int32_t id, MsgReceiver& receiver, Errno error);

  Result<abi::MsqidDs> Stat(Context& ctx, int32_t id);
  Result<abi::MsqidDs> StatIndex(Context& ctx, int32_t index, bool any, int32_t& id);
  Result<void> Set(Context& ctx, int32_t id, const abi::MsqidDs& values);
  Result<void> Remove(Context& ctx, int32_t id);
  abi::Msginfo Info(bool used) const;  // IPC_INFO, MSG_INFO
  int32_t HighestIndex() const { return queues_.HighestIndex(); }
  std::string ProcText() const;  // /proc/sysvipc/msg

 private:
  friend class Message;
  static constexpr int64_t kMaxTotalBytes = int64_t{64} << 20;
  static constexpr int64_t kMessageOverhead = 128;
  static abi::MsqidDs Describe(const MessageQueue& queue);
  std::atomic<int64_t> total_bytes_{0};
  Table<MessageQueue> queues_;
};

}  // namespace ringwall::ipc
