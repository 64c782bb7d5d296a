// mq_overview(7).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

struct MqAttr {
  int64_t mq_flags = 0, mq_maxmsg = 0, mq_msgsize = 0, mq_curmsgs = 0, reserved_[4] = {};
};
static_assert(sizeof(MqAttr) == 64 && NoPadding<MqAttr>);
inline constexpr uint32_t kMQ_PRIO_MAX = 32768;
inline constexpr int64_t kMQ_MSG_DEFAULT = 10, kMQ_MSGSIZE_DEFAULT = 8192, kMQ_QUEUES_DEFAULT = 256;
inline constexpr int64_t kMQ_MSG_HARD_MAX = 65536, kMQ_MSGSIZE_HARD_MAX = 16777216;

}  // namespace ringwall::abi
