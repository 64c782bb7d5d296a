// Sending, receiving in turns, and the one way to die.
#include "gofer/client/connection.h"

#include <algorithm>
#include <span>

#include "base/log/log.h"
#include "host/calls/socket_fds.h"
#include "host/calls/socket_shutdown.h"

namespace ringwall::gofer {

Connection::Connection(UniqueFd socket) : socket_(std::move(socket)), receive_buffer_(new char[kMaxMessage]) {}

void Connection::QueueForget(NodeId id) {
  if (dead()) return;
  MutexLock lock(mu_);
  forgets_.push_back(id.value);
}

size_t Connection::queued_forgets() {
  MutexLock lock(mu_);
  return forgets_.size();
}

void Connection::Finish(Exchange& exchange) {
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), &exchange));
  exchange.done_ = true;
  // A caller that was told to lead is not waiting for the notification any more.
  if (!exchange.changed_.HasBeenNotified()) exchange.changed_.Notify();
}

void Connection::Poison(const char* why) {
  if (!dead_.exchange(true, std::memory_order_acq_rel)) {
    LOG(kError) << "gofer connection lost: " << why << "; its files answer EIO now";
    host::ShutdownSocket(socket_.get());  // a leader may be blocked in it; the gofer ends when it sees this
  }
  MutexLock lock(mu_);
  forgets_.clear();
  while (!waiting_.empty()) {
    waiting_.back()->error_ = Errno::kEIO;
    Finish(*waiting_.back());
  }
}

Result<void> Connection::Run(Exchange& exchange) {
  if (!exchange.out_.ok()) return Errno::kEMSGSIZE;
  // Forgets only travel where a whole request's worth of room is left; they have time.
  const size_t room = (kMaxMessage - exchange.out_.size()) / sizeof(uint64_t);
  std::vector<uint64_t> forgets;
  {
    MutexLock lock(mu_);
    if (dead()) return Errno::kEIO;
    exchange.id_ = next_id_++;
    waiting_.push_back(&exchange);
    const size_t count = std::min({forgets_.size(), room, kMaxForgets});
    if (count != 0) {
      forgets.assign(forgets_.end() - static_cast<ptrdiff_t>(count), forgets_.end());
      forgets_.resize(forgets_.size() - count);
    }
  }
  exchange.out_.Raw(forgets.data(), forgets.size() * sizeof(uint64_t));
  const MessageHeader header{static_cast<uint32_t>(exchange.out_.size()), static_cast<uint16_t>(exchange.type_),
                             static_cast<uint16_t>(forgets.size()), exchange.id_};
  exchange.out_.Patch(0, &header, sizeof header);
  auto sent = host::SendWithFds(socket_.get(), std::as_bytes(std::span<const char>(exchange.out_.data(), exchange.out_.size())));
  if (!sent.ok()) Poison("sending failed");

  bool lead;
  {
    MutexLock lock(mu_);
    lead = !exchange.done_ && (exchange.lead_ || !has_leader_);
    if (lead) {
      has_leader_ = true;
      exchange.lead_ = true;
    }
  }
  if (!lead) {
    exchange.changed_.WaitForNotification();
    MutexLock lock(mu_);
    lead = !exchange.done_ && exchange.lead_;
  }
  if (lead) Lead(exchange);
  if (static_cast<int32_t>(exchange.error_) != 0) return exchange.error_;
  return {};
}

void Connection::Lead(Exchange& own) {
  bool own_done = false;
  while (!own_done) {
    const char* why = nullptr;
    if (!ReceiveOne(own, &own_done, &why)) {
      Poison(why);  // finishes everybody, us too
      break;
    }
  }
  MutexLock lock(mu_);
  has_leader_ = false;
  for (Exchange* next : waiting_) {
    if (next->changed_.HasBeenNotified()) continue;
    has_leader_ = true;
    next->lead_ = true;
    next->changed_.Notify();
    break;
  }
}

bool Connection::ReceiveOne(Exchange& own, bool* own_done, const char** why) {
  auto received = host::RecvWithFds(socket_.get(), std::as_writable_bytes(std::span<char>(receive_buffer_.get(), kMaxMessage)));
  if (!received.ok() || received->bytes == 0) {
    *why = received.ok() ? "the gofer is gone" : "receiving failed";
    return false;
  }
  MessageHeader header;
  const std::string_view message(receive_buffer_.get(), received->bytes);
  if (message.size() < sizeof header) {
    *why = "short reply";
    return false;
  }
  memcpy(&header, message.data(), sizeof header);
  if (!ValidHeader(header, message.size(), Direction::kReply)) {
    *why = "bad reply header";
    return false;
  }
  const std::string_view body = message.substr(sizeof header);
  ErrorReply error;
  if (header.type == kErrorReply && (!Decode(body, error) || !received->fds.empty())) {
    *why = "bad error reply";
    return false;
  }

  MutexLock lock(mu_);
  const auto it = std::find_if(waiting_.begin(), waiting_.end(), [&](Exchange* e) { return e->id_ == header.id; });
  if (it == waiting_.end()) {
    *why = "reply to no request";
    return false;
  }
  Exchange& exchange = **it;
  if (header.type == kErrorReply) {
    exchange.error_ = static_cast<Errno>(error.error);
  } else if (header.type == ReplyType(exchange.type_)) {
    exchange.in_.Append(body.data(), body.size());
    exchange.fds_ = std::move(received->fds);
  } else {
    *why = "reply of another type";
    return false;
  }
  *own_done = &exchange == &own;
  Finish(exchange);
  return true;
}

}  // namespace ringwall::gofer
