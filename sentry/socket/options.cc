// socket(7) options at SOL_SOCKET that mean the same for every family.
#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "abi/time.h"
#include "sentry/cred/credentials.h"
#include "sentry/socket/socket.h"

namespace ringwall::socket {

namespace {

constexpr uint32_t kMaxBuffer = 212992;  // net.core.wmem_max, rmem_max
constexpr uint32_t kMaxForcedBuffer = 8 << 20;
constexpr uint32_t kMinSendBuffer = 4608, kMinReceiveBuffer = 2304;
constexpr int64_t kNsPerSecond = 1'000'000'000;

// Options that this kernel only remembers: their place in switches_, or -1.
int SwitchOf(int32_t name) {
  constexpr int32_t kNames[] = {abi::kSO_REUSEADDR, abi::kSO_REUSEPORT,        abi::kSO_KEEPALIVE, abi::kSO_BROADCAST,
                                abi::kSO_OOBINLINE, abi::kSO_DONTROUTE,        abi::kSO_NO_CHECK,  abi::kSO_DEBUG,
                                abi::kSO_RXQ_OVFL,  abi::kSO_SELECT_ERR_QUEUE, abi::kSO_NOFCS,     abi::kSO_WIFI_STATUS};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<int>(i);
  }
  return -1;
}

template <typename T>
std::vector<std::byte> Bytes(const T& value) {
  std::vector<std::byte> bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

template <typename T>
Result<T> Decode(absl::Span<const std::byte> value) {
  if (value.size() < sizeof(T)) return Errno::kEINVAL;
  T decoded;
  std::memcpy(&decoded, value.data(), sizeof(T));
  return decoded;
}

Result<int64_t> DecodeTimeout(absl::Span<const std::byte> value) {
  const abi::Timeval timeout = TRY(Decode<abi::Timeval>(value));
  if (timeout.tv_usec < 0 || timeout.tv_usec >= 1'000'000) return Errno::kEDOM;
  if (timeout.tv_sec < 0) return int64_t{0};
  if (timeout.tv_sec == 0 && timeout.tv_usec == 0) return int64_t{-1};
  if (timeout.tv_sec >= std::numeric_limits<int64_t>::max() / kNsPerSecond) return int64_t{-1};
  return timeout.tv_sec * kNsPerSecond + timeout.tv_usec * 1000;
}

// Which option stands for which kind of time stamp.
Timestamps TimestampsOf(int32_t name) {
  switch (name) {
    case abi::kSO_TIMESTAMP_OLD: return Timestamps::kMicroOld;
    case abi::kSO_TIMESTAMP_NEW: return Timestamps::kMicroNew;
    case abi::kSO_TIMESTAMPNS_OLD: return Timestamps::kNanoOld;
    case abi::kSO_TIMESTAMPNS_NEW: return Timestamps::kNanoNew;
    default: return Timestamps::kNone;
  }
}

std::vector<std::byte> EncodeTimeout(int64_t ns) {
  abi::Timeval timeout;
  if (ns > 0) timeout = {.tv_sec = ns / kNsPerSecond, .tv_usec = ns % kNsPerSecond / 1000};
  return Bytes(timeout);
}

// The value is doubled to leave room for bookkeeping, and reported so (socket(7), SO_SNDBUF).
uint32_t BufferSize(int32_t wanted, uint32_t max, uint32_t min) {
  const uint32_t asked = std::min(static_cast<uint32_t>(wanted), max);
  return std::max(asked * 2, min);
}

}  // namespace

Result<std::vector<std::byte>> Socket::GetOption(Context&, int32_t level, int32_t name) {
  if (level != abi::kSOL_SOCKET) return Errno::kEOPNOTSUPP;
  if (const int bit = SwitchOf(name); bit >= 0) return Bytes(static_cast<int32_t>(switches_.load(std::memory_order_relaxed) >> bit & 1));
  switch (name) {
    case abi::kSO_TYPE: return Bytes(type_);
    case abi::kSO_DOMAIN: return Bytes(family_);
    case abi::kSO_PROTOCOL: return Bytes(protocol_);
    case abi::kSO_ERROR: return Bytes(static_cast<int32_t>(TakeError()));
    case abi::kSO_ACCEPTCONN: return Bytes(int32_t{listening()});
    case abi::kSO_SNDBUF: return Bytes(static_cast<int32_t>(send_buffer_.load(std::memory_order_relaxed)));
    case abi::kSO_RCVBUF: return Bytes(static_cast<int32_t>(receive_buffer()));
    case abi::kSO_RCVTIMEO_OLD:
    case abi::kSO_RCVTIMEO_NEW: return EncodeTimeout(receive_timeout_ns());
    case abi::kSO_SNDTIMEO_OLD:
    case abi::kSO_SNDTIMEO_NEW: return EncodeTimeout(send_timeout_ns());
    case abi::kSO_RCVLOWAT: return Bytes(receive_low_water_.load(std::memory_order_relaxed));
    case abi::kSO_SNDLOWAT: return Bytes(int32_t{1});
    case abi::kSO_PRIORITY: return Bytes(priority_.load(std::memory_order_relaxed));
    case abi::kSO_MARK: return Bytes(mark_.load(std::memory_order_relaxed));
    case abi::kSO_LINGER: return Bytes(linger_.load(std::memory_order_relaxed));
    case abi::kSO_BSDCOMPAT:
    case abi::kSO_LOCK_FILTER:
    case abi::kSO_BUF_LOCK: return Bytes(int32_t{0});
    case abi::kSO_TIMESTAMP_OLD:
    case abi::kSO_TIMESTAMPNS_OLD:
    case abi::kSO_TIMESTAMP_NEW:
    case abi::kSO_TIMESTAMPNS_NEW: return Bytes(int32_t{timestamps() == TimestampsOf(name)});
    case abi::kSO_INCOMING_CPU: return Bytes(int32_t{-1});
    case abi::kSO_COOKIE: return Bytes(id());
    default: return Errno::kENOPROTOOPT;
  }
}

Result<void> Socket::SetOption(Context& ctx, int32_t level, int32_t name, absl::Span<const std::byte> value) {
  if (level != abi::kSOL_SOCKET) return Errno::kEOPNOTSUPP;
  const int32_t number = TRY(Decode<int32_t>(value));
  if (const int bit = SwitchOf(name); bit >= 0) {
    if (name == abi::kSO_DEBUG && number != 0 && !ctx.creds().Has(abi::kCAP_NET_ADMIN)) return Errno::kEACCES;
    if (number != 0) {
      switches_.fetch_or(1u << bit, std::memory_order_relaxed);
    } else {
      switches_.fetch_and(~(1u << bit), std::memory_order_relaxed);
    }
    return {};
  }
  switch (name) {
    case abi::kSO_SNDBUFFORCE:
    case abi::kSO_RCVBUFFORCE:
      if (!ctx.creds().Has(abi::kCAP_NET_ADMIN)) return Errno::kEPERM;
      [[fallthrough]];
    case abi::kSO_SNDBUF:
    case abi::kSO_RCVBUF: {
      const bool forced = name == abi::kSO_SNDBUFFORCE || name == abi::kSO_RCVBUFFORCE;
      // Differs from Linux: even the privileged have a limit; the memory is the sentry's.
      const uint32_t max = forced ? kMaxForcedBuffer : kMaxBuffer;
      const int32_t wanted = forced ? std::max(number, 0) : number;
      if (name == abi::kSO_SNDBUF || name == abi::kSO_SNDBUFFORCE) {
        send_buffer_chosen_.store(true, std::memory_order_relaxed);
        send_buffer_.store(BufferSize(wanted, max, kMinSendBuffer), std::memory_order_relaxed);
      } else {
        receive_buffer_chosen_.store(true, std::memory_order_relaxed);
        receive_buffer_.store(BufferSize(wanted, max, kMinReceiveBuffer), std::memory_order_relaxed);
      }
      OnBufferChanged();
      return {};
    }
    case abi::kSO_RCVTIMEO_OLD:
    case abi::kSO_RCVTIMEO_NEW: {
      const int64_t ns = TRY(DecodeTimeout(value));
      receive_timeout_ns_.store(ns, std::memory_order_relaxed);
      return {};
    }
    case abi::kSO_SNDTIMEO_OLD:
    case abi::kSO_SNDTIMEO_NEW: {
      const int64_t ns = TRY(DecodeTimeout(value));
      send_timeout_ns_.store(ns, std::memory_order_relaxed);
      return {};
    }
    case abi::kSO_RCVLOWAT:
      receive_low_water_.store(number < 0 ? std::numeric_limits<int32_t>::max() : std::max(number, 1), std::memory_order_relaxed);
      return {};
    case abi::kSO_PRIORITY:
      if ((number < 0 || number > 6) && !ctx.creds().Has(abi::kCAP_NET_RAW) && !ctx.creds().Has(abi::kCAP_NET_ADMIN)) return Errno::kEPERM;
      priority_.store(number, std::memory_order_relaxed);
      return {};
    case abi::kSO_MARK:
      if (!ctx.creds().Has(abi::kCAP_NET_RAW) && !ctx.creds().Has(abi::kCAP_NET_ADMIN)) return Errno::kEPERM;
      mark_.store(number, std::memory_order_relaxed);
      return {};
    case abi::kSO_LINGER: {
      const uint64_t linger = TRY(Decode<uint64_t>(value));
      linger_.store(linger, std::memory_order_relaxed);
      return {};
    }
    case abi::kSO_TIMESTAMP_OLD:
    case abi::kSO_TIMESTAMP_NEW:
    case abi::kSO_TIMESTAMPNS_OLD:
    case abi::kSO_TIMESTAMPNS_NEW: timestamps_.store(number != 0 ? TimestampsOf(name) : Timestamps::kNone); return {};
    case abi::kSO_BSDCOMPAT: return {};
    default: return Errno::kENOPROTOOPT;
  }
}

bool Socket::Remembers(int32_t name) const {
  const int bit = SwitchOf(name);
  return bit >= 0 && (switches_.load(std::memory_order_relaxed) >> bit & 1) != 0;
}

abi::Linger Socket::linger() const { return std::bit_cast<abi::Linger>(linger_.load(std::memory_order_relaxed)); }

void Socket::SetDefaultBuffers(uint32_t send, uint32_t receive) {
  if (!send_buffer_chosen_.load(std::memory_order_relaxed)) send_buffer_.store(send, std::memory_order_relaxed);
  if (!receive_buffer_chosen_.load(std::memory_order_relaxed)) receive_buffer_.store(receive, std::memory_order_relaxed);
  OnBufferChanged();
}

void Socket::InheritOptions(const Socket& listener) {
  send_buffer_chosen_ = listener.send_buffer_chosen_.load();
  receive_buffer_chosen_ = listener.receive_buffer_chosen_.load();
  if (send_buffer_chosen_) send_buffer_ = listener.send_buffer_.load();
  if (receive_buffer_chosen_) receive_buffer_ = listener.receive_buffer_.load();
  receive_timeout_ns_ = listener.receive_timeout_ns_.load();
  send_timeout_ns_ = listener.send_timeout_ns_.load();
  receive_low_water_ = listener.receive_low_water_.load();
  priority_ = listener.priority_.load();
  mark_ = listener.mark_.load();
  switches_ = listener.switches_.load();
  linger_ = listener.linger_.load();
  timestamps_ = listener.timestamps_.load();
  OnBufferChanged();
}

}  // namespace ringwall::socket
