// setsockopt(2) of options that are numbers with bounds.
#include "sentry/socket/inet/ip_options.h"

#include <cstring>

namespace ringwall::socket::inet {

OptionValues::OptionValues() {
  for (size_t i = 0; i < values_.size(); ++i) values_[i].store(kOptionRules[i].initial, std::memory_order_relaxed);
}

void OptionValues::CopyFrom(const OptionValues& other) {
  for (size_t i = 0; i < values_.size(); ++i) values_[i].store(other.values_[i].load(std::memory_order_relaxed), std::memory_order_relaxed);
}

Result<int32_t> DecodeNumber(absl::Span<const std::byte> value, bool single_byte) {
  int32_t number = 0;
  if (value.size() >= sizeof(number)) {
    std::memcpy(&number, value.data(), sizeof(number));
    return number;
  }
  if (!single_byte || value.empty()) return Errno::kEINVAL;
  return static_cast<int32_t>(static_cast<uint8_t>(value[0]));
}

Result<void> OptionValues::Set(int index, absl::Span<const std::byte> value, bool privileged) {
  const OptionRule& rule = kOptionRules[index];
  int32_t number = TRY(DecodeNumber(value, rule.bytes));
  if (rule.privileged && number != 0 && !privileged) return Errno::kEPERM;
  switch (rule.kind) {
    case OptionRule::Kind::kBool: number = number != 0; break;
    case OptionRule::Kind::kDefault:
      if (number == -1) {
        number = rule.initial;
        break;
      }
      [[fallthrough]];
    case OptionRule::Kind::kRange:
      if (number < rule.low || number > rule.high) return Errno::kEINVAL;
      break;
  }
  values_[static_cast<size_t>(index)].store(number, std::memory_order_relaxed);
  return {};
}

}  // namespace ringwall::socket::inet
