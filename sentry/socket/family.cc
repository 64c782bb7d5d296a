// The families that socket(2) and socketpair(2) know.
#include <array>
#include <utility>

#include "abi/fcntl.h"
#include "sentry/socket/socket.h"

namespace ringwall::socket {

namespace {

// Filled at boot, before the first guest runs; never changed after that.
Family* g_families[abi::kAF_MAX];

// SOCK_STREAM to SOCK_PACKET.
constexpr int32_t kTypes = abi::kSOCK_PACKET + 1;

Result<Family*> Find(int32_t family, int32_t type) {
  if ((type & ~(abi::kSOCK_TYPE_MASK | abi::kSOCK_CLOEXEC | abi::kSOCK_NONBLOCK)) != 0) return Errno::kEINVAL;
  if (family < 0 || family >= abi::kAF_MAX) return Errno::kEAFNOSUPPORT;
  if ((type & abi::kSOCK_TYPE_MASK) >= kTypes) return Errno::kEINVAL;
  Family* found = g_families[family];
  if (found == nullptr) return Errno::kEAFNOSUPPORT;
  return found;
}

Result<void> ApplyFlags(Socket& socket, int32_t type) {
  if ((type & abi::kSOCK_NONBLOCK) == 0) return {};
  return socket.SetFlags(abi::kO_NONBLOCK);
}

}  // namespace

void RegisterFamily(int32_t family, Ref<Family> maker) {
  if (family < 0 || family >= abi::kAF_MAX) return;
  const RefPtr<Family> replaced = RefPtr<Family>::Share(g_families[family]);
  if (replaced) replaced->Release();
  g_families[family] = maker.Leak();
}

Result<std::string> Table(std::string_view name) {
  for (Family* family : g_families) {
    if (family == nullptr) continue;
    auto text = family->Table(name);
    if (text.ok() || text.error() != Errno::kENOENT) return text;
  }
  return Errno::kENOENT;
}

Result<Ref<Socket>> Create(Context& ctx, int32_t family, int32_t type, int32_t protocol) {
  Family* maker = TRY(Find(family, type));
  Ref<Socket> socket = TRY(maker->Create(ctx, type & abi::kSOCK_TYPE_MASK, protocol));
  TRY(ApplyFlags(socket, type));
  return socket;
}

Result<std::pair<Ref<Socket>, Ref<Socket>>> CreatePair(Context& ctx, int32_t family, int32_t type, int32_t protocol) {
  Family* maker = TRY(Find(family, type));
  std::pair<Ref<Socket>, Ref<Socket>> pair = TRY(maker->CreatePair(ctx, type & abi::kSOCK_TYPE_MASK, protocol));
  TRY(ApplyFlags(pair.first, type));
  TRY(ApplyFlags(pair.second, type));
  return pair;
}

}  // namespace ringwall::socket
