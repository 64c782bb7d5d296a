// TCP sockets as files: connecting, transfers, and the options of tcp(7) that are more than a number.
#include "sentry/socket/inet/tcp_socket.h"

#include <algorithm>
#include <string_view>

#include "abi/ioctl.h"
#include "sentry/time/clock.h"

namespace ringwall::socket::inet {

namespace {

// Of a segment on lo: what tcp(7), TCP_MAXSEG reports before and after connecting.
constexpr int32_t kDefaultMss = 536, kLoopbackMss = 32741, kMinMss = 88;
constexpr int32_t kMaxLinger2 = 120;
constexpr int64_t kNsPerMs = 1'000'000;

// A number of seconds as the retransmissions that last so long, back in seconds: 1, 3, 7, 15, ... (tcp(7), TCP_DEFER_ACCEPT).
int32_t DeferSeconds(int32_t seconds) {
  if (seconds <= 0) return 0;
  int32_t covered = 1, step = 1;
  for (int i = 0; i < 255 && covered < seconds; ++i) {
    step = std::min(step * 2, 120);
    covered += step;
  }
  return covered;
}

}  // namespace

TcpSocket::TcpSocket(Context& ctx, int32_t protocol, Ref<TcpEndpoint> endpoint)
    : InetSocket(ctx, abi::kSOCK_STREAM, protocol, endpoint), endpoint_(std::move(endpoint)) {
  const bool connected = static_cast<bool>(endpoint_->stream());
  SetDefaultBuffers(connected ? TcpEndpoint::kGrownSendBuffer : TcpEndpoint::kFirstSendBuffer, TcpEndpoint::kReceiveBuffer);
}

TcpSocket::~TcpSocket() {
  const abi::Linger linger = this->linger();
  // Differs from Linux: a time to linger passes at once. What was sent is in the other end's hands already.
  endpoint_->Close(linger.l_onoff != 0 && linger.l_linger == 0);
}

Result<void> TcpSocket::Connect(Context&, const Address& address, const Caller&, BlockOn&) {
  const bool fresh = !endpoint_->stream();
  if (fresh) SetDefaultBuffers(TcpEndpoint::kGrownSendBuffer, TcpEndpoint::kReceiveBuffer);
  Result<void> connected = endpoint_->Connect(address, nonblocking());
  const bool pending = !connected.ok() && (connected.error() == Errno::kEINPROGRESS || connected.error() == Errno::kEAGAIN);
  if (fresh && !pending && !endpoint_->stream()) SetDefaultBuffers(TcpEndpoint::kFirstSendBuffer, TcpEndpoint::kReceiveBuffer);
  return connected;
}

Result<Ref<Socket>> TcpSocket::Accept(Context& ctx, Address& peer) {
  Ref<TcpEndpoint> connection = TRY(endpoint_->Accept());
  // A connection that was reset meanwhile is accepted all the same, and has no peer any more.
  const auto name = connection->PeerName();
  peer = name.ok() ? *name : AddressOf(Name{.ip = IpAddress::Any(family())}, family());
  Ref<TcpSocket> accepted = MakeRef<TcpSocket>(ctx, protocol(), std::move(connection));
  accepted->InheritOptions(*this);
  return Ref<Socket>(std::move(accepted));
}

Result<void> TcpSocket::Shutdown(Context&, int32_t how) { return endpoint_->Shutdown(how != abi::kSHUT_WR, how != abi::kSHUT_RD); }

Result<size_t> TcpSocket::SendMsg(Context& ctx, mm::IoSource& source, SendRequest& request, BlockOn& block) {
  // The address of a connected socket is not looked at. MSG_FASTOPEN connects first (tcp(7)).
  if ((request.flags & abi::kMSG_FASTOPEN) != 0 && !endpoint_->stream()) {
    const Result<void> connected = Connect(ctx, request.to, request.caller, block);
    if (!connected.ok()) return connected.error();
  }
  const Ref<Stream> stream = TRY(endpoint_->ForSending());
  const size_t sent = TRY(stream->Send(source, request.flags));
  endpoint_->network().Count(sent + 52);
  return sent;
}

Result<size_t> TcpSocket::ReceiveMsg(Context&, mm::IoSink& sink, uint32_t flags, ReceiveResult& result) {
  if ((flags & abi::kMSG_ERRQUEUE) != 0) return Errno::kEAGAIN;  // nothing is ever put there
  const RefPtr<Stream> stream = TRY(endpoint_->ForReceiving());
  if (!stream) return size_t{0};
  Stream::ReceiveOptions options{.flags = flags, .urgent_inline = Remembers(abi::kSO_OOBINLINE)};
  if (!nonblocking() && (flags & abi::kMSG_DONTWAIT) == 0) {
    options.low_water = receive_low_water();
    // A peek leaves what it sees: it has to wait until all is there.
    if ((flags & abi::kMSG_WAITALL) != 0 && (flags & abi::kMSG_PEEK) != 0) options.low_water = sink.remaining();
    options.low_water = std::min(options.low_water, sink.remaining());
  }
  const size_t received = TRY(stream->Receive(sink, options, result));
  if (endpoint_->options().Get<abi::kSOL_TCP, abi::kTCP_INQ>() != 0) {
    const auto left = static_cast<int32_t>(stream->status(true).readable);
    result.control.push_back(MakeControl(abi::kSOL_TCP, abi::kTCP_INQ, left));
  }
  return received;
}

Result<int32_t> TcpSocket::Count(uint32_t command) {
  if (listening()) return Errno::kEINVAL;
  const RefPtr<Stream> stream = endpoint_->stream();
  if (!stream) return 0;
  const Stream::Status status = stream->status(Remembers(abi::kSO_OOBINLINE));
  switch (command) {
    case abi::kSIOCATMARK: return int32_t{status.at_urgent_mark};
    case abi::kSIOCOUTQ: return static_cast<int32_t>(status.unread_by_peer);
    default: return static_cast<int32_t>(status.readable);
  }
}

// ---- options ----

abi::TcpInfo TcpSocket::Info() const {
  abi::TcpInfo info;
  info.tcpi_state = endpoint_->row().state;
  info.tcpi_snd_mss = kDefaultMss;
  info.tcpi_rcv_mss = kDefaultMss;
  info.tcpi_advmss = kDefaultMss;
  info.tcpi_rto = 1'000'000;
  info.tcpi_snd_ssthresh = INT32_MAX;
  info.tcpi_snd_cwnd = 10;
  info.tcpi_reordering = 3;
  info.tcpi_pacing_rate = info.tcpi_max_pacing_rate = ~uint64_t{0};
  const RefPtr<Stream> stream = endpoint_->stream();
  if (!stream) return info;
  const Stream::Status status = stream->status(true);
  const int64_t now_ns = time::MonotonicNs();
  const auto ms_since = [&](int64_t then_ns) { return then_ns == 0 ? 0 : static_cast<uint32_t>((now_ns - then_ns) / kNsPerMs); };
  constexpr uint8_t kOptions = 7, kScale = 0x77;  // time stamps, SACK and window scaling were agreed
  info.tcpi_options = kOptions;
  info.tcpi_wscale = kScale;
  info.tcpi_rto = 200'000;
  info.tcpi_snd_mss = info.tcpi_rcv_mss = kLoopbackMss;
  info.tcpi_advmss = kLoopbackMtu - 53;
  info.tcpi_pmtu = 65535;
  info.tcpi_rtt = 20;
  info.tcpi_rttvar = 10;
  info.tcpi_min_rtt = 10;
  info.tcpi_rcv_space = TcpEndpoint::kReceiveBuffer / 2;
  info.tcpi_rcv_ssthresh = TcpEndpoint::kReceiveBuffer / 2;
  info.tcpi_snd_wnd = info.tcpi_rcv_wnd = TcpEndpoint::kReceiveBuffer / 2;
  info.tcpi_last_data_sent = ms_since(status.last_send_ns);
  info.tcpi_last_data_recv = info.tcpi_last_ack_recv = ms_since(status.last_receive_ns);
  info.tcpi_bytes_sent = status.bytes_sent;
  info.tcpi_bytes_acked = status.bytes_sent - status.unread_by_peer;
  info.tcpi_bytes_received = status.bytes_received;
  info.tcpi_notsent_bytes = static_cast<uint32_t>(status.unread_by_peer);
  info.tcpi_data_segs_out = info.tcpi_delivered = static_cast<uint32_t>(status.sends);
  info.tcpi_data_segs_in = static_cast<uint32_t>(status.receives);
  info.tcpi_segs_out = info.tcpi_segs_in = static_cast<uint32_t>(status.sends + status.receives + 2);
  return info;
}

Result<std::vector<std::byte>> TcpSocket::GetProtocolOption(Context&, int32_t name) {
  const OptionValues& values = endpoint_->options();
  switch (name) {
    case abi::kTCP_INFO: return OptionBytes(Info());
    case abi::kTCP_MAXSEG: {
      const int32_t chosen = values.Get<abi::kSOL_TCP, abi::kTCP_MAXSEG>();
      if (!endpoint_->stream()) return OptionBytes(chosen != 0 ? chosen : kDefaultMss);
      return OptionBytes(chosen != 0 ? std::min(chosen, kLoopbackMss) : kLoopbackMss);
    }
    case abi::kTCP_WINDOW_CLAMP: {
      const int32_t chosen = values.Get<abi::kSOL_TCP, abi::kTCP_WINDOW_CLAMP>();
      return OptionBytes(chosen != 0 || !endpoint_->stream() ? chosen : static_cast<int32_t>(receive_buffer() / 2));
    }
    case abi::kTCP_CONGESTION: {
      char text[abi::kTCP_CA_NAME_MAX] = {};
      const std::string_view chosen = reno_.load() ? "reno" : "cubic";
      std::memcpy(text, chosen.data(), chosen.size());
      return OptionBytes(text);
    }
    case abi::kTCP_CC_INFO:
    case abi::kTCP_SAVED_SYN:
    case abi::kTCP_ULP: return std::vector<std::byte>();
    case abi::kTCP_REPAIR: return OptionBytes(int32_t{0});
    case abi::kTCP_TIMESTAMP: return OptionBytes(static_cast<uint32_t>(time::MonotonicNs() / kNsPerMs));
    default: break;
  }
  const int index = FindOption(abi::kSOL_TCP, name);
  if (index < 0) return Errno::kENOPROTOOPT;
  return OptionBytes(values.At(index));
}

// There is no congestion here, but its algorithms have names that programs ask for.
Result<void> TcpSocket::SetCongestion(absl::Span<const std::byte> value) {
  if (value.empty()) return Errno::kEINVAL;
  std::string_view text(reinterpret_cast<const char*>(value.data()), std::min<size_t>(value.size(), abi::kTCP_CA_NAME_MAX - 1));
  text = text.substr(0, text.find('\0'));
  if (text != "reno" && text != "cubic") return Errno::kENOENT;
  reno_.store(text == "reno");
  return {};
}

Result<void> TcpSocket::SetProtocolOption(Context& ctx, int32_t name, absl::Span<const std::byte> value) {
  OptionValues& values = endpoint_->options();
  if (name == abi::kTCP_CONGESTION) return SetCongestion(value);
  if (name == abi::kTCP_ULP) return value.empty() ? Errno::kEINVAL : Errno::kENOENT;
  const int32_t number = TRY(DecodeNumber(value, false));
  const bool closed = endpoint_->row().state == abi::kTCP_CLOSE;
  switch (name) {
    case abi::kTCP_MAXSEG:
      if (number != 0 && number < kMinMss) return Errno::kEINVAL;
      break;
    case abi::kTCP_LINGER2: {
      constexpr int32_t kDefault = 60;
      const int32_t kept = number < 0 ? -1 : number == 0 ? kDefault : std::min(number, kMaxLinger2);
      values.Put<abi::kSOL_TCP, abi::kTCP_LINGER2>(kept);
      return {};
    }
    case abi::kTCP_DEFER_ACCEPT: values.Put<abi::kSOL_TCP, abi::kTCP_DEFER_ACCEPT>(DeferSeconds(number)); return {};
    case abi::kTCP_WINDOW_CLAMP: {
      constexpr int32_t kLeast = 1152;
      if (number == 0 && !closed) return Errno::kEINVAL;
      values.Put<abi::kSOL_TCP, abi::kTCP_WINDOW_CLAMP>(number == 0 ? 0 : std::max(number, kLeast));
      return {};
    }
    case abi::kTCP_FASTOPEN:
      if (number < 0 || (!closed && !listening())) return Errno::kEINVAL;
      break;
    case abi::kTCP_FASTOPEN_CONNECT:
      if (!closed) return Errno::kEINVAL;
      break;
    case abi::kTCP_REPAIR:
    case abi::kTCP_TIMESTAMP: return Errno::kEPERM;
    default: break;
  }
  const int index = FindOption(abi::kSOL_TCP, name);
  if (index < 0) return Errno::kENOPROTOOPT;
  return values.Set(index, value, privileged(ctx));
}

}  // namespace ringwall::socket::inet
