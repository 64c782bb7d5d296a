// The network of the caller's network namespace (network_namespaces(7)), and capabilities over it.
#pragma once

#include "base/ref/ref.h"
#include "sentry/context/context.h"
#include "sentry/cred/credentials.h"
#include "sentry/cred/namespace.h"
#include "sentry/socket/inet/network.h"

namespace ringwall::socket::inet {

inline bool InInitialNetwork(Context& ctx) { return ctx.net_ns() == nullptr || ctx.net_ns()->ino() == cred::kInitialNetIno; }

// Every network namespace but the initial one has a network of its own, made when its first socket is.
inline Ref<Network> NetworkOfCaller(Context& ctx, const Ref<Network>& initial) {
  if (InInitialNetwork(ctx)) return initial;
  const Ref<RefCounted> own = ctx.net_ns()->AttachOnce([](cred::Namespace&) -> Ref<RefCounted> { return MakeRef<Network>(); });
  // Nothing else is ever attached to a network namespace.
  return Ref<Network>(static_cast<Network&>(*own));
}

inline bool HasOverNetwork(Context& ctx, int capability) {
  return ctx.net_ns() == nullptr ? ctx.creds().Has(capability) : ctx.creds().HasIn(*ctx.net_ns()->owner(), capability);
}

}  // namespace ringwall::socket::inet
