// Parsing of sockaddr_un, and the table of abstract names.
#include "sentry/socket/unix/name.h"

#include <algorithm>

#include "abi/un.h"
#include "sentry/socket/unix/endpoint.h"

namespace ringwall::socket::unix_domain {

namespace {

constexpr size_t kPathOffset = sizeof(uint16_t);

Address Encode(std::string_view path) {
  std::array<std::byte, kPathOffset + abi::kUNIX_PATH_MAX + 1> bytes{};
  constexpr uint16_t kFamily = abi::kAF_UNIX;
  std::memcpy(bytes.data(), &kFamily, sizeof(kFamily));
  const size_t n = std::min(path.size(), bytes.size() - kPathOffset);
  if (n != 0) std::memcpy(bytes.data() + kPathOffset, path.data(), n);
  return std::move(Address::From({bytes.data(), kPathOffset + n})).value();  // never longer than sockaddr_storage
}

std::string Key(AbstractNames::Space space, std::string_view text) {
  return std::to_string(space.net).append(":").append(std::to_string(space.type)).append(text);
}

}  // namespace

Result<Name> ParseName(const Address& address) {
  if (address.size() <= kPathOffset || address.size() > sizeof(abi::SockaddrUn) || address.family() != abi::kAF_UNIX) return Errno::kEINVAL;
  const absl::Span<const std::byte> bytes = address.bytes().subspan(kPathOffset);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text[0] == '\0') return Name{.abstract = true, .text = std::string(text)};
  return Name{.abstract = false, .text = std::string(text.substr(0, text.find('\0')))};
}

Address AddressOf(const Name& name) { return name.abstract ? Encode(name.text) : Encode(name.text + '\0'); }
Address UnnamedAddress() { return Encode({}); }

bool AbstractNames::Insert(Space space, std::string_view text, Endpoint& endpoint) {
  const Ref<Endpoint> ref(endpoint);
  MutexLock lock(mu_);
  return endpoints_.try_emplace(Key(space, text), ref).second;
}

RefPtr<Endpoint> AbstractNames::Find(Space space, std::string_view text) const {
  MutexLock lock(mu_);
  const auto it = endpoints_.find(Key(space, text));
  return it == endpoints_.end() ? RefPtr<Endpoint>() : RefPtr<Endpoint>(it->second);
}

void AbstractNames::Remove(Space space, std::string_view text) {
  RefPtr<Endpoint> removed;  // dies outside the lock
  MutexLock lock(mu_);
  const auto it = endpoints_.find(Key(space, text));
  if (it == endpoints_.end()) return;
  removed = std::move(it->second);
  endpoints_.erase(it);
}

void AbstractNames::List(uint64_t inode, Endpoint& endpoint) {
  const Ref<Endpoint> ref(endpoint);
  MutexLock lock(mu_);
  listed_.try_emplace(inode, ref);
}

void AbstractNames::Unlist(uint64_t inode) {
  RefPtr<Endpoint> removed;  // dies outside the lock
  MutexLock lock(mu_);
  const auto it = listed_.find(inode);
  if (it == listed_.end()) return;
  removed = it->second;
  listed_.erase(it);
}

std::vector<std::pair<uint64_t, Ref<Endpoint>>> AbstractNames::Listed() const {
  MutexLock lock(mu_);
  return {listed_.begin(), listed_.end()};
}

}  // namespace ringwall::socket::unix_domain
