// Namespaces in general: numbers and what hangs from them.
#include "sentry/cred/namespace.h"

#include <atomic>
#include <utility>

#include "sentry/cred/user_namespace.h"

namespace ringwall::cred {
namespace {
// Behind the numbers that Linux gives to the initial ones.
std::atomic<uint64_t> g_next_ino{4026532160};
}  // namespace

Namespace::Namespace(uint64_t kind, RefPtr<UserNamespace> owner, uint64_t ino)
    : kind_(kind), ino_(ino != 0 ? ino : g_next_ino.fetch_add(1, std::memory_order_relaxed)), owner_(std::move(owner)) {}

Namespace::~Namespace() = default;

Ref<RefCounted> Namespace::AttachOnce(Ref<RefCounted> (*make)(Namespace&)) {
  if (RefPtr<RefCounted> found = attachment()) return std::move(found).ToRef();
  Ref<RefCounted> made = make(*this);  // outside the lock; a loser's is dropped after it
  MutexLock lock(attachment_mu_);
  if (!attachment_) attachment_ = RefPtr<RefCounted>(made);
  return attachment_.ToRef();
}

RefPtr<RefCounted> Namespace::attachment() const {
  MutexLock lock(attachment_mu_);
  return attachment_;
}

}  // namespace ringwall::cred
