// Building and reading netlink messages (netlink(7)): a header, a structure, attributes, all on four bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "abi/netlink.h"
#include "absl/types/span.h"

namespace ringwall::socket::netlink {

using Bytes = std::vector<std::byte>;

// A request as it came: its header, and what follows.
struct Request {
  abi::Nlmsghdr header;
  absl::Span<const std::byte> body;
  // The structure at the start of the body; missing bytes are zeros.
  template <typename T>
  T Read() const {
    T value;
    std::memcpy(static_cast<void*>(&value), body.data(), std::min(sizeof(T), body.size()));
    return value;
  }
  // The data of the first attribute of this type behind a structure of `skip` bytes.
  std::optional<absl::Span<const std::byte>> Attribute(size_t skip, uint16_t type) const;
};

// Appends messages to a datagram.
class Writer {
 public:
  explicit Writer(uint32_t port) : port_(port) {}
  // Ends the message before and starts one.
  template <typename T>
  void Start(uint16_t type, uint16_t flags, uint32_t sequence, const T& body) {
    StartRaw(type, flags, sequence, {reinterpret_cast<const std::byte*>(&body), sizeof(T)});
  }
  void StartRaw(uint16_t type, uint16_t flags, uint32_t sequence, absl::Span<const std::byte> body);
  void Add(uint16_t type, absl::Span<const std::byte> data);
  template <typename T>
  void AddValue(uint16_t type, const T& value) {
    Add(type, {reinterpret_cast<const std::byte*>(&value), sizeof(T)});
  }
  void AddString(uint16_t type, std::string_view text);  // with its NUL
  bool empty() const { return bytes_.empty(); }
  Bytes Take() { return std::exchange(bytes_, {}); }

 private:
  void Append(absl::Span<const std::byte> data);
  const uint32_t port_;
  size_t start_ = 0;
  Bytes bytes_;
};

}  // namespace ringwall::socket::netlink
