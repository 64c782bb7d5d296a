// rseq(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

// The original 32 bytes; node_id and mm_cid came with AT_RSEQ_FEATURE_SIZE.
struct Rseq {
  uint32_t cpu_id_start = 0, cpu_id = 0;
  uint64_t rseq_cs = 0;
  uint32_t flags = 0, node_id = 0, mm_cid = 0, pad0_ = 0;
};
static_assert(sizeof(Rseq) == 32 && NoPadding<Rseq>);

struct RseqCs {
  uint32_t version = 0, flags = 0;
  uint64_t start_ip = 0, post_commit_offset = 0, abort_ip = 0;
};
static_assert(sizeof(RseqCs) == 32 && NoPadding<RseqCs>);

inline constexpr uint32_t kRSEQ_CPU_ID_UNINITIALIZED = ~0u, kRSEQ_CPU_ID_REGISTRATION_FAILED = ~1u, kRSEQ_ORIG_SIZE = 32;
inline constexpr uint32_t kRSEQ_FLAG_UNREGISTER = 1, kRSEQ_CS_FLAG_NO_RESTART_ON_PREEMPT = 1,
    kRSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL = 2, kRSEQ_CS_FLAG_NO_RESTART_ON_MIGRATE = 4;

}  // namespace ringwall::abi
