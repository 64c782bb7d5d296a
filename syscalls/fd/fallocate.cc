// ftruncate(2), fallocate(2), posix_fadvise(2), readahead(2).
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/operations.h"
#include "syscalls/core/io.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {

Result<void> SysFtruncate(Task& task, Fd fd, int64_t length) {
  if (length < 0) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  auto done = vfs::TruncateFile(task, file, static_cast<uint64_t>(length));
  if (!done.ok()) SignalFileSizeLimit(task, done.error());
  return done;
}

Result<void> SysFallocate(Task& task, Fd fd, int32_t mode, int64_t offset, int64_t length) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (offset < 0 || length <= 0) return Errno::kEINVAL;
  constexpr uint32_t kKnown = abi::kFALLOC_FL_KEEP_SIZE | abi::kFALLOC_FL_PUNCH_HOLE | abi::kFALLOC_FL_COLLAPSE_RANGE |
                              abi::kFALLOC_FL_ZERO_RANGE | abi::kFALLOC_FL_INSERT_RANGE | abi::kFALLOC_FL_UNSHARE_RANGE;
  const uint32_t bits = static_cast<uint32_t>(mode);
  if ((bits & ~kKnown) != 0) return Errno::kEOPNOTSUPP;
  // One of the modes at a time, and those that move what follows change the size.
  const uint32_t modes = bits & ~abi::kFALLOC_FL_KEEP_SIZE;
  if ((modes & (modes - 1)) != 0) return Errno::kEOPNOTSUPP;
  if ((bits & (abi::kFALLOC_FL_COLLAPSE_RANGE | abi::kFALLOC_FL_INSERT_RANGE)) != 0 && modes != bits) return Errno::kEOPNOTSUPP;
  if ((bits & abi::kFALLOC_FL_PUNCH_HOLE) != 0 && (bits & abi::kFALLOC_FL_KEEP_SIZE) == 0) return Errno::kEOPNOTSUPP;
  if (!file->writable()) return Errno::kEBADF;
  if (file->kind() == vfs::FileKind::kPipe) return Errno::kESPIPE;
  if (file->kind() == vfs::FileKind::kDirectory) return Errno::kEISDIR;
  if (file->kind() != vfs::FileKind::kRegular && file->kind() != vfs::FileKind::kMemfd) return Errno::kENODEV;
  int64_t end;
  if (__builtin_add_overflow(offset, length, &end)) return Errno::kEFBIG;
  auto done = file->Allocate(task, mode, static_cast<uint64_t>(offset), static_cast<uint64_t>(length));
  if (!done.ok()) {
    SignalFileSizeLimit(task, done.error());
    return done;
  }
  vfs::NotifyFile(file, abi::kIN_MODIFY);
  return {};
}

Result<void> SysFadvise64(Task& task, Fd fd, int64_t, int64_t length, int32_t advice) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (file->kind() == vfs::FileKind::kPipe) return Errno::kESPIPE;
  if (length < 0 || advice < abi::kPOSIX_FADV_NORMAL || advice > abi::kPOSIX_FADV_NOREUSE) return Errno::kEINVAL;
  // Advice only: the host's page cache decides by itself.
  return {};
}

Result<void> SysReadahead(Task& task, Fd fd, int64_t, ByteCount) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  if (!file->readable()) return Errno::kEBADF;
  if (file->kind() != vfs::FileKind::kRegular) return Errno::kEINVAL;
  return {};
}

}  // namespace ringwall::syscalls
