// Bytes of netlink messages.
#include "sentry/socket/netlink/message.h"

namespace ringwall::socket::netlink {

std::optional<absl::Span<const std::byte>> Request::Attribute(size_t skip, uint16_t type) const {
  size_t at = abi::NlmsgAlign(skip);
  while (at <= body.size() && body.size() - at >= sizeof(abi::Rtattr)) {
    abi::Rtattr head;
    std::memcpy(&head, body.data() + at, sizeof(head));
    if (head.rta_len < sizeof(head) || head.rta_len > body.size() - at) return std::nullopt;
    if ((head.rta_type & abi::kNLA_TYPE_MASK) == type) return body.subspan(at + sizeof(head), head.rta_len - sizeof(head));
    at += abi::NlmsgAlign(head.rta_len);
  }
  return std::nullopt;
}

// Every message grows with what is added to it.
void Writer::Append(absl::Span<const std::byte> data) {
  bytes_.insert(bytes_.end(), data.begin(), data.end());
  bytes_.resize(abi::NlmsgAlign(bytes_.size()));
  const auto length = static_cast<uint32_t>(bytes_.size() - start_);
  std::memcpy(bytes_.data() + start_ + offsetof(abi::Nlmsghdr, nlmsg_len), &length, sizeof(length));
}

void Writer::StartRaw(uint16_t type, uint16_t flags, uint32_t sequence, absl::Span<const std::byte> body) {
  start_ = bytes_.size();
  const abi::Nlmsghdr header{.nlmsg_type = type, .nlmsg_flags = flags, .nlmsg_seq = sequence, .nlmsg_pid = port_};
  const auto* bytes = reinterpret_cast<const std::byte*>(&header);
  bytes_.insert(bytes_.end(), bytes, bytes + sizeof(header));
  Append(body);
}

void Writer::Add(uint16_t type, absl::Span<const std::byte> data) {
  const abi::Rtattr head{.rta_len = static_cast<uint16_t>(sizeof(abi::Rtattr) + data.size()), .rta_type = type};
  const auto* bytes = reinterpret_cast<const std::byte*>(&head);
  bytes_.insert(bytes_.end(), bytes, bytes + sizeof(head));
  Append(data);
}

void Writer::AddString(uint16_t type, std::string_view text) {
  Bytes data(text.size() + 1);
  std::memcpy(data.data(), text.data(), text.size());
  Add(type, data);
}

}  // namespace ringwall::socket::netlink
