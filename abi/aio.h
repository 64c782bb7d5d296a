// io_submit(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

struct Iocb {
  uint64_t aio_data = 0;
  uint32_t aio_key = 0;
  int32_t aio_rw_flags = 0;
  uint16_t aio_lio_opcode = 0;
  int16_t aio_reqprio = 0;
  int32_t aio_fildes = 0;
  uint64_t aio_buf = 0, aio_nbytes = 0;
  int64_t aio_offset = 0;
  uint64_t aio_reserved2 = 0;
  uint32_t aio_flags = 0;
  int32_t aio_resfd = 0;
};
struct IoEvent {
  uint64_t data = 0, obj = 0;
  int64_t res = 0, res2 = 0;
};
struct AioSigset {  // the last argument of io_pgetevents(2)
  uint64_t sigmask = 0, size = 0;
};
static_assert(sizeof(Iocb) == 64 && sizeof(IoEvent) == 32 && NoPadding<Iocb> && NoPadding<IoEvent> && NoPadding<AioSigset>);

inline constexpr uint16_t kIOCB_CMD_PREAD = 0, kIOCB_CMD_PWRITE = 1, kIOCB_CMD_FSYNC = 2, kIOCB_CMD_FDSYNC = 3, kIOCB_CMD_POLL = 5,
    kIOCB_CMD_NOOP = 6, kIOCB_CMD_PREADV = 7, kIOCB_CMD_PWRITEV = 8;
inline constexpr uint32_t kIOCB_FLAG_RESFD = 1, kIOCB_FLAG_IOPRIO = 2;

}  // namespace ringwall::abi
