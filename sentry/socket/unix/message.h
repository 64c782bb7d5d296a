// What lies in a unix socket's queue: bytes, who sent them, passed files (unix(7), ancillary messages).
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "abi/socket.h"
#include "absl/types/span.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/context/context.h"
#include "sentry/socket/payload.h"
#include "sentry/vfs/file.h"

namespace ringwall::socket::unix_domain {

class Endpoint;

// Files on their way. They count against their sender's user until taken out or dropped.
class Rights {
 public:
  Rights() = default;
  // ETOOMANYREFS when the user has too many files in flight.
  static Result<Rights> Take(uint32_t uid, const std::vector<Ref<vfs::File>>& files);
  Rights(Rights&& other) noexcept : uid_(other.uid_), files_(std::move(other.files_)) { other.files_.clear(); }
  Rights& operator=(Rights&& other) noexcept {
    std::swap(uid_, other.uid_);
    files_.swap(other.files_);
    return *this;
  }
  ~Rights();
  bool empty() const { return files_.empty(); }
  std::vector<Ref<vfs::File>> Copy() const { return files_; }
  std::vector<Ref<vfs::File>> Release();

 private:
  uint32_t uid_ = 0;
  std::vector<Ref<vfs::File>> files_;
};

// Send buffer space that a message holds until it has been read.
class Charge {
 public:
  Charge() = default;
  Charge(RefPtr<Endpoint> sender, size_t amount) : sender_(std::move(sender)), amount_(amount) {}
  Charge(Charge&& other) noexcept : sender_(std::move(other.sender_)), amount_(std::exchange(other.amount_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    std::swap(sender_, other.sender_);
    std::swap(amount_, other.amount_);
    return *this;
  }
  ~Charge();

 private:
  RefPtr<Endpoint> sender_;
  size_t amount_ = 0;
};

// What a receiver with SO_PASSCRED reads when the sender told nothing: the overflow ids.
inline constexpr uint32_t kOverflowId = 65534;
inline constexpr abi::Ucred kNoCredentials{.pid = 0, .uid = kOverflowId, .gid = kOverflowId};

struct Message {
  RefPtr<Payload> payload;  // null: no bytes
  size_t offset = 0;
  size_t length = 0;
  RefPtr<Endpoint> sender;
  abi::Ucred credentials = kNoCredentials;
  Rights rights;
  Charge charge;
  absl::Span<const std::byte> bytes() const {
    return length == 0 ? absl::Span<const std::byte>() : absl::Span<const std::byte>(payload->data() + offset, length);
  }
};

}  // namespace ringwall::socket::unix_domain
