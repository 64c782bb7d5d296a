// unix(7) addresses: what a sockaddr_un says, and the table of abstract names.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/socket/address.h"

namespace ringwall::socket::unix_domain {

class Endpoint;

struct Name {
  bool abstract = false;
  std::string text;  // a path, or the bytes of an abstract name with its leading NUL
};
// EINVAL for another family, no name at all, or more bytes than a sockaddr_un.
Result<Name> ParseName(const Address& address);
// As getsockname(2) reports it: a path with its NUL.
Address AddressOf(const Name& name);
// Of a socket without a name: the family alone.
Address UnnamedAddress();

// Abstract names; each network namespace and, in it, each socket type has its own.
class AbstractNames final : public RefCounted {
 public:
  AbstractNames() = default;
  struct Space {
    uint64_t net;  // numbers of namespaces are never used again
    int32_t type;
  };
  bool Insert(Space space, std::string_view text, Endpoint& endpoint);  // false: in use
  RefPtr<Endpoint> Find(Space space, std::string_view text) const;
  void Remove(Space space, std::string_view text);
  // Open sockets by their inode, for /proc/net/unix.
  void List(uint64_t inode, Endpoint& endpoint);
  void Unlist(uint64_t inode);
  std::vector<std::pair<uint64_t, Ref<Endpoint>>> Listed() const;

 private:
  ~AbstractNames() override = default;
  mutable Mutex<LockRank::kSocketAddress> mu_;
  absl::flat_hash_map<std::string, Ref<Endpoint>> endpoints_ ABSL_GUARDED_BY(mu_);
  std::map<uint64_t, Ref<Endpoint>> listed_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::socket::unix_domain
