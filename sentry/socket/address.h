// A socket address in kernel form: the bytes of a sockaddr, copied once from the guest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "abi/socket.h"
#include "absl/types/span.h"
#include "base/error/result.h"

namespace ringwall::socket {

class Address {
 public:
  Address() = default;
  // EINVAL when longer than sockaddr_storage.
  static Result<Address> From(absl::Span<const std::byte> bytes) {
    if (bytes.size() > abi::kSockaddrStorageSize) return Errno::kEINVAL;
    Address address;
    address.size_ = static_cast<uint32_t>(bytes.size());
    if (!bytes.empty()) std::memcpy(address.bytes_.data(), bytes.data(), bytes.size());
    return address;
  }
  size_t size() const { return size_; }  // 0: no address
  bool empty() const { return size_ == 0; }
  absl::Span<const std::byte> bytes() const { return {bytes_.data(), size_}; }
  // AF_UNSPEC when too short to tell.
  uint16_t family() const {
    uint16_t family = 0;
    if (size_ >= sizeof(family)) std::memcpy(&family, bytes_.data(), sizeof(family));
    return family;
  }

 private:
  std::array<std::byte, abi::kSockaddrStorageSize> bytes_{};
  uint32_t size_ = 0;
};

}  // namespace ringwall::socket
