// rtnetlink(7): what NETLINK_ROUTE answers about lo, its addresses and its routes.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error/result.h"
#include "sentry/context/context.h"
#include "sentry/socket/inet/network.h"
#include "sentry/socket/netlink/message.h"

namespace ringwall::socket::netlink {

// The answer to a request, as datagrams. No error and no datagram: done, an acknowledgement is all there may be to say.
struct Answer {
  std::vector<Bytes> datagrams;
  bool dumped = false;  // ended by NLMSG_DONE: no acknowledgement besides
};
Result<Answer> AnswerRoute(Context& ctx, const inet::Network& network, const Request& request, uint32_t port);

}  // namespace ringwall::socket::netlink
