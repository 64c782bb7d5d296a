// SIOCGIF* about lo.
#include "sentry/socket/interfaces.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "abi/inet.h"
#include "abi/ioctl.h"
#include "abi/socket.h"
#include "sentry/cred/credentials.h"
#include "sentry/mm/user_memory.h"
#include "sentry/socket/inet/network.h"

namespace ringwall::socket {

namespace {

constexpr std::string_view kName = "lo";
constexpr uint32_t kFlags = abi::kIFF_UP | abi::kIFF_LOOPBACK | abi::kIFF_RUNNING;

template <typename T>
void Store(abi::Ifreq& request, const T& value) {
  static_assert(sizeof(T) <= sizeof(request.data));
  std::memcpy(request.data, &value, sizeof(T));
}

void StoreAddress(abi::Ifreq& request, uint32_t host_order) {
  Store(request, abi::SockaddrIn{.sin_family = abi::kAF_INET, .sin_addr = inet::IpAddress::V4(host_order).wire_v4()});
}

std::string_view NameOf(const abi::Ifreq& request) {
  const std::string_view whole(request.ifr_name_bytes, sizeof(request.ifr_name_bytes));
  // A label ("lo:1") names the interface before it.
  return whole.substr(0, std::min(whole.find('\0'), whole.find(':')));
}

// SIOCGIFCONF: interfaces with an IPv4 address.
Result<int64_t> List(Context& ctx, uint64_t argument) {
  abi::Ifconf list = TRY(ctx.memory().ReadValue<abi::Ifconf>(argument));
  constexpr auto kSize = static_cast<int32_t>(sizeof(abi::Ifreq));
  if (list.buffer != 0 && list.length < kSize) {
    list.length = 0;
  } else {
    list.length = kSize;
  }
  if (list.buffer != 0 && list.length != 0) {
    abi::Ifreq entry;
    std::memcpy(entry.ifr_name_bytes, kName.data(), kName.size());
    StoreAddress(entry, abi::kINADDR_LOOPBACK);
    TRY(ctx.memory().WriteValue(list.buffer, entry));
  }
  TRY(ctx.memory().WriteValue(argument, list));
  return int64_t{0};
}

// What `command` answers about lo. ENOTTY.
Result<void> Answer(uint32_t command, bool inet, abi::Ifreq& request) {
  switch (command) {
    case abi::kSIOCGIFFLAGS: Store(request, static_cast<uint16_t>(kFlags)); return {};
    case abi::kSIOCGIFMETRIC: Store(request, int32_t{0}); return {};
    case abi::kSIOCGIFMTU: Store(request, static_cast<int32_t>(inet::kLoopbackMtu)); return {};
    case abi::kSIOCGIFINDEX: Store(request, static_cast<int32_t>(inet::kLoopbackIndex)); return {};
    case abi::kSIOCGIFTXQLEN: Store(request, int32_t{1000}); return {};
    case abi::kSIOCGIFHWADDR: Store(request, abi::Sockaddr{.sa_family = abi::kARPHRD_LOOPBACK}); return {};
    case abi::kSIOCGIFMAP: std::memset(request.data, 0, sizeof(request.data)); return {};
    default: break;
  }
  if (!inet) return Errno::kENOTTY;
  switch (command) {
    case abi::kSIOCGIFADDR:
    case abi::kSIOCGIFDSTADDR: StoreAddress(request, abi::kINADDR_LOOPBACK); return {};
    case abi::kSIOCGIFBRDADDR: StoreAddress(request, 0); return {};
    case abi::kSIOCGIFNETMASK: StoreAddress(request, 0xff000000); return {};
    default: return Errno::kENOTTY;
  }
}

bool Changes(uint32_t command, bool inet) {
  switch (command) {
    case abi::kSIOCSIFFLAGS:
    case abi::kSIOCSIFMTU:
    case abi::kSIOCSIFNAME:
    case abi::kSIOCSIFHWADDR: return true;
    case abi::kSIOCSIFADDR:
    case abi::kSIOCSIFBRDADDR:
    case abi::kSIOCSIFNETMASK:
    case abi::kSIOCADDRT:
    case abi::kSIOCDELRT: return inet;
    default: return false;
  }
}

}  // namespace

Result<int64_t> InterfaceIoctl(Context& ctx, uint32_t command, uint64_t argument, bool inet) {
  if (command == abi::kSIOCGIFCONF) return List(ctx, argument);
  // Differs from Linux: lo stays as it is, whatever the caller's capabilities.
  if (Changes(command, inet)) return Errno::kEPERM;
  abi::Ifreq request;
  if (command == abi::kSIOCGIFNAME) {
    request = TRY(ctx.memory().ReadValue<abi::Ifreq>(argument));
    int32_t index;
    std::memcpy(&index, request.data, sizeof(index));
    if (index != static_cast<int32_t>(inet::kLoopbackIndex)) return Errno::kENODEV;
    std::memset(request.ifr_name_bytes, 0, sizeof(request.ifr_name_bytes));
    std::memcpy(request.ifr_name_bytes, kName.data(), kName.size());
  } else {
    TRY(Answer(command, inet, request));
    request = TRY(ctx.memory().ReadValue<abi::Ifreq>(argument));
    if (NameOf(request) != kName) return Errno::kENODEV;
    TRY(Answer(command, inet, request));
  }
  TRY(ctx.memory().WriteValue(argument, request));
  return int64_t{0};
}

}  // namespace ringwall::socket
