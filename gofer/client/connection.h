// One connection to a gofer: requests of many threads out, each reply back to its caller.
//
// There is no reader thread. The callers take turns: one of those who wait receives for all, and hands the turn on when its own
// reply is there. So a lone caller pays one send and one receive and no thread switch, and callers pipeline. Sends need no lock:
// the socket keeps messages whole.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"
#include "base/sync/mutex.h"
#include "base/sync/notification.h"
#include "gofer/protocol/requests.h"

namespace ringwall::gofer {

class Connection {
 public:
  // One request and, after Run, its reply. Lives on the caller's stack.
  class Exchange {
   public:
    template <typename Request>
    explicit Exchange(const Request& request) : type_(Request::kType) {
      const MessageHeader header{};
      out_.Raw(&header, sizeof header);
      Put(out_, request);
    }
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;

    // Of a reply that is no error. Untrusted until decoded; Bytes decoded from it point into this object.
    std::string_view body() const { return std::string_view(in_.data(), in_.size()); }
    std::vector<UniqueFd>& fds() { return fds_; }

   private:
    friend class Connection;
    const MessageType type_;
    Writer out_;
    ByteBuffer<256> in_;
    std::vector<UniqueFd> fds_;
    uint64_t id_ = 0;
    Errno error_{};      // the peer's, or EIO
    bool done_ = false;  // guarded by the connection's lock until notified, as is lead_
    bool lead_ = false;
    Notification changed_;  // once: done_ or lead_ became true
  };

  explicit Connection(UniqueFd socket);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Sends and waits. The peer's error, EIO when the connection is or becomes dead, EMSGSIZE when the request was too big.
  // Never under a lock.
  Result<void> Run(Exchange& exchange);
  // The id rides along with a later request. Allowed under any lock of a lower rank; never blocks.
  void QueueForget(NodeId id);
  // The peer broke the protocol: every call, now and later, ends with EIO. Logged once.
  void Poison(const char* why);
  bool dead() const { return dead_.load(std::memory_order_acquire); }
  size_t queued_forgets();

 private:
  void Lead(Exchange& own);
  // True when the message was a good reply; *own_done when it was the leader's.
  bool ReceiveOne(Exchange& own, bool* own_done, const char** why);
  void Finish(Exchange& exchange) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const UniqueFd socket_;
  std::atomic<bool> dead_{false};
  std::unique_ptr<char[]> receive_buffer_;  // the leader's

  Mutex<LockRank::kGoferClient> mu_;
  uint64_t next_id_ ABSL_GUARDED_BY(mu_) = 1;
  bool has_leader_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<Exchange*> waiting_ ABSL_GUARDED_BY(mu_);
  std::vector<uint64_t> forgets_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::gofer
