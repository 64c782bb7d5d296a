// splice(2), tee(2).
#include "abi/splice.h"

#include <algorithm>

#include "sentry/pipe/pipe.h"
#include "sentry/pipe/splice.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/notify.h"
#include "syscalls/core/io.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {
namespace {

constexpr uint32_t kKnown = abi::kSPLICE_F_MOVE | abi::kSPLICE_F_NONBLOCK | abi::kSPLICE_F_MORE | abi::kSPLICE_F_GIFT;

// EAGAIN may come from either end: waits for the one that is not ready.
Errno ParkOnEnds(Task& task, vfs::File& in, vfs::File& out) {
  if (in.Readiness(abi::kPOLLIN | abi::kPOLLHUP) == 0) return task.ParkOnFile(in, abi::kPOLLIN);
  return task.ParkOnFile(out, abi::kPOLLOUT);
}

Result<uint64_t> ReadOffset(Task& task, UserInOut<int64_t> offset) {
  if (offset.is_null()) return uint64_t{0};
  const int64_t at = TRY(offset.Read(task.memory()));
  if (at < 0) return Errno::kEINVAL;
  return static_cast<uint64_t>(at);
}

}  // namespace

Result<int64_t> SysSplice(Task& task, Fd in_fd, UserInOut<int64_t> in_offset, Fd out_fd, UserInOut<int64_t> out_offset, ByteCount count,
                          RawFlags flags) {
  if (count.value == 0) return 0;
  if ((flags.value & ~kKnown) != 0) return Errno::kEINVAL;
  const Ref<vfs::File> in = TRY(task.fds().GetForIo(in_fd));
  const Ref<vfs::File> out = TRY(task.fds().GetForIo(out_fd));
  if (!in->readable() || !out->writable()) return Errno::kEBADF;
  auto* in_pipe = in->As<pipe::PipeFile>();
  auto* out_pipe = out->As<pipe::PipeFile>();
  if (in_pipe == nullptr && out_pipe == nullptr) return Errno::kEINVAL;
  if ((in_pipe != nullptr && !in_offset.is_null()) || (out_pipe != nullptr && !out_offset.is_null())) return Errno::kESPIPE;
  if (out_pipe == nullptr && out->append()) return Errno::kEINVAL;
  const size_t length = std::min(count.value, kMaxRwCount);
  uint64_t in_at = TRY(ReadOffset(task, in_offset));
  uint64_t out_at = TRY(ReadOffset(task, out_offset));
  auto move = [&]() -> Result<size_t> {
    if (in_pipe != nullptr && out_pipe != nullptr) return pipe::SplicePipes(*in_pipe, *out_pipe, length);
    if (in_pipe != nullptr) return pipe::SpliceToFile(task, *in_pipe, out, out_offset.is_null() ? nullptr : &out_at, length);
    return pipe::SpliceFromFile(task, in, in_offset.is_null() ? nullptr : &in_at, *out_pipe, length);
  };
  const auto moved = move();
  if (!moved.ok()) {
    const bool nonblocking = (flags.value & abi::kSPLICE_F_NONBLOCK) != 0 || in->nonblocking() || out->nonblocking();
    if (moved.error() == Errno::kEAGAIN && !nonblocking) return ParkOnEnds(task, in, out);
    return FinishPartialIo(task, 0, moved.error());
  }
  if (*moved != 0) {
    vfs::NotifyFile(in, abi::kIN_ACCESS);
    vfs::NotifyFile(out, abi::kIN_MODIFY);
  }
  if (!in_offset.is_null()) TRY(in_offset.Write(task.memory(), static_cast<int64_t>(in_at)));
  if (!out_offset.is_null()) TRY(out_offset.Write(task.memory(), static_cast<int64_t>(out_at)));
  return static_cast<int64_t>(*moved);
}

Result<int64_t> SysTee(Task& task, Fd in_fd, Fd out_fd, ByteCount count, RawFlags flags) {
  if ((flags.value & ~kKnown) != 0) return Errno::kEINVAL;
  if (count.value == 0) return 0;
  const Ref<vfs::File> in = TRY(task.fds().GetForIo(in_fd));
  const Ref<vfs::File> out = TRY(task.fds().GetForIo(out_fd));
  if (!in->readable() || !out->writable()) return Errno::kEBADF;
  auto* in_pipe = in->As<pipe::PipeFile>();
  auto* out_pipe = out->As<pipe::PipeFile>();
  if (in_pipe == nullptr || out_pipe == nullptr) return Errno::kEINVAL;
  auto moved = pipe::Tee(*in_pipe, *out_pipe, std::min(count.value, kMaxRwCount));
  if (moved.ok()) return static_cast<int64_t>(*moved);
  const bool nonblocking = (flags.value & abi::kSPLICE_F_NONBLOCK) != 0 || in->nonblocking() || out->nonblocking();
  if (moved.error() == Errno::kEAGAIN && !nonblocking) return ParkOnEnds(task, in, out);
  return FinishPartialIo(task, 0, moved.error());
}

}  // namespace ringwall::syscalls
