// vmsplice(2): between the caller's memory and a pipe. Bytes are copied: nobody can tell from a gift that was not taken.
#include "abi/splice.h"
#include "sentry/pipe/pipe.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/core/io.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {

Result<int64_t> SysVmsplice(Task& task, Fd fd, UserIovecs iov, uint64_t count, RawFlags flags) {
  constexpr uint32_t kKnown = abi::kSPLICE_F_MOVE | abi::kSPLICE_F_NONBLOCK | abi::kSPLICE_F_MORE | abi::kSPLICE_F_GIFT;
  if ((flags.value & ~kKnown) != 0) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (!file->writable() && !file->readable()) return Errno::kEBADF;
  mm::IovecList segments = TRY(mm::ReadIovecs(task.memory(), iov.address, count));
  uint64_t total = 0;
  for (const abi::Iovec& segment : segments) total += segment.iov_len;
  if (total == 0) return 0;
  if (file->As<pipe::PipeFile>() == nullptr) return Errno::kEBADF;
  // The write end takes what fits, the read end gives what is there: only an empty (or full) pipe is waited for.
  const bool writes = file->writable();
  Result<size_t> moved = size_t{0};
  if (writes) {
    mm::UserSource source(task.memory(), std::move(segments));
    moved = file->Write(task, source);
  } else {
    mm::UserSink sink(task.memory(), std::move(segments));
    moved = file->Read(task, sink);
  }
  if (moved.ok()) return static_cast<int64_t>(*moved);
  const bool nonblocking = (flags.value & abi::kSPLICE_F_NONBLOCK) != 0 || file->nonblocking();
  if (moved.error() == Errno::kEAGAIN && !nonblocking) return task.ParkOnFile(file, writes ? abi::kPOLLOUT : abi::kPOLLIN);
  return FinishPartialIo(task, 0, moved.error());
}

}  // namespace ringwall::syscalls
