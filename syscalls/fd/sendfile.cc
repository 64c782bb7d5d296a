// sendfile(2), copy_file_range(2): bytes from one descriptor to another without passing the caller's memory.
#include <algorithm>
#include <array>
#include <memory>

#include "sentry/mm/io_buffer.h"
#include "sentry/task/call_state.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/notify.h"
#include "syscalls/core/io.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {
namespace {

constexpr size_t kBlock = 64 * 1024;

// Bytes read from the source that the destination has not taken yet: kept while the call is parked, so that none is lost.
struct CopyState : task::TypedCallState<CopyState> {
  std::unique_ptr<std::array<std::byte, kBlock>> block = std::make_unique<std::array<std::byte, kBlock>>();
  size_t filled = 0;
  size_t sent = 0;
  uint64_t moved = 0;
};

// One end of a copy: by position of its own, or at an explicit offset that moves along.
struct End {
  vfs::File& file;
  bool explicit_offset = false;
  uint64_t offset = 0;
};

Result<size_t> ReadEnd(Task& task, End& end, absl::Span<std::byte> to) {
  mm::KernelSink sink(to);
  if (!end.explicit_offset) return end.file.Read(task, sink);
  const size_t n = TRY(end.file.PRead(task, sink, end.offset));
  end.offset += n;
  return n;
}

Result<size_t> WriteEnd(Task& task, End& end, absl::Span<const std::byte> from) {
  mm::KernelSource source(from);
  if (!end.explicit_offset) return end.file.Write(task, source);
  const size_t n = TRY(end.file.PWrite(task, source, end.offset));
  end.offset += n;
  return n;
}

// Moves up to `total` bytes. Parks only when nothing has moved yet and an end would block.
Result<int64_t> Copy(Task& task, End& in, End& out, uint64_t total, bool nonblocking) {
  CopyState* state = task.call_state<CopyState>();
  if (state == nullptr) {
    state = &task.MakeCallState<CopyState>();
  } else {
    // The offsets were read from the caller again; what earlier runs have moved and read lies behind them.
    if (in.explicit_offset) in.offset += state->moved + (state->filled - state->sent);
    if (out.explicit_offset) out.offset += state->moved;
  }
  total = std::min(total, kMaxRwCount);
  for (;;) {
    while (state->sent < state->filled) {
      auto n = WriteEnd(task, out, absl::Span<const std::byte>(state->block->data() + state->sent, state->filled - state->sent));
      if (n.ok()) {
        state->sent += *n;
        state->moved += *n;
        if (*n != 0) vfs::NotifyFile(out.file, abi::kIN_MODIFY);
        continue;
      }
      // What was read from a file with a position goes back; a stream's bytes stay in the state until they can be delivered.
      if (n.error() == Errno::kEAGAIN && !nonblocking && !out.file.nonblocking()) {
        const Errno parked = task.ParkOnFile(out.file, abi::kPOLLOUT);
        if (parked == Errno::kParked) return parked;
        n = parked;
      }
      const size_t unsent = state->filled - state->sent;
      if (!in.explicit_offset && in.file.kind() == vfs::FileKind::kRegular) in.file.SetPosition(in.file.position() - unsent);
      if (in.explicit_offset) in.offset -= unsent;
      return FinishPartialIo(task, state->moved, n.error());
    }
    if (state->moved >= total || task.SignalPending()) return static_cast<int64_t>(state->moved);
    const size_t want = std::min<uint64_t>(kBlock, total - state->moved);
    auto n = ReadEnd(task, in, absl::Span<std::byte>(state->block->data(), want));
    if (!n.ok()) {
      if (n.error() == Errno::kEAGAIN && state->moved == 0 && !nonblocking && !in.file.nonblocking())
        return task.ParkOnFile(in.file, abi::kPOLLIN);
      return FinishPartialIo(task, state->moved, n.error());
    }
    if (*n == 0) return static_cast<int64_t>(state->moved);
    vfs::NotifyFile(in.file, abi::kIN_ACCESS);
    state->filled = *n;
    state->sent = 0;
  }
}

Result<End> MakeEnd(Task& task, vfs::File& file, UserInOut<int64_t> offset) {
  End end{file};
  if (offset.is_null()) return end;
  const int64_t at = TRY(offset.Read(task.memory()));
  if (at < 0) return Errno::kEINVAL;
  end.explicit_offset = true;
  end.offset = static_cast<uint64_t>(at);
  return end;
}

Result<void> StoreOffset(Task& task, const End& end, UserInOut<int64_t> offset) {
  if (offset.is_null()) return {};
  return offset.Write(task.memory(), static_cast<int64_t>(end.offset));
}

}  // namespace

Result<int64_t> SysSendfile(Task& task, Fd out_fd, Fd in_fd, UserInOut<int64_t> offset, ByteCount count) {
  const Ref<vfs::File> in = TRY(task.fds().GetForIo(in_fd));
  if (!in->readable()) return Errno::kEBADF;
  if (!offset.is_null()) TRY(CheckHasPositions(in));
  End from = TRY(MakeEnd(task, in, offset));
  const Ref<vfs::File> out = TRY(task.fds().GetForIo(out_fd));
  if (!out->writable()) return Errno::kEBADF;
  if (out->append()) return Errno::kEINVAL;
  if (in->kind() == vfs::FileKind::kDirectory) return Errno::kEINVAL;
  // Only what can be read again: bytes of a stream would be lost when the other side takes no more. A pipe takes all that it is given.
  if (out->kind() != vfs::FileKind::kPipe && !CheckHasPositions(in).ok()) return Errno::kEINVAL;
  End to{out};
  const int64_t moved = TRY(Copy(task, from, to, count.value, false));
  TRY(StoreOffset(task, from, offset));
  return moved;
}

Result<int64_t> SysCopyFileRange(Task& task, Fd in_fd, UserInOut<int64_t> in_offset, Fd out_fd, UserInOut<int64_t> out_offset,
                                 ByteCount count, RawFlags flags) {
  const Ref<vfs::File> in = TRY(task.fds().GetForIo(in_fd));
  const Ref<vfs::File> out = TRY(task.fds().GetForIo(out_fd));
  for (const auto& offset : {in_offset, out_offset}) {
    if (!offset.is_null()) TRY(offset.Read(task.memory()));
  }
  if (flags.value != 0) return Errno::kEINVAL;
  if (in->kind() == vfs::FileKind::kDirectory || out->kind() == vfs::FileKind::kDirectory) return Errno::kEISDIR;
  if (in->kind() != vfs::FileKind::kRegular || out->kind() != vfs::FileKind::kRegular) return Errno::kEINVAL;
  if (!in->readable() || !out->writable() || out->append()) return Errno::kEBADF;
  End from = TRY(MakeEnd(task, in, in_offset));
  End to = TRY(MakeEnd(task, out, out_offset));
  const uint64_t from_at = from.explicit_offset ? from.offset : in->position();
  const uint64_t to_at = to.explicit_offset ? to.offset : out->position();
  const uint64_t length = std::min(count.value, kMaxRwCount);
  uint64_t end;
  if (__builtin_add_overflow(from_at, length, &end) || __builtin_add_overflow(to_at, length, &end)) return Errno::kEOVERFLOW;
  if (&in->path().inode() == &out->path().inode() && from_at < to_at + length && to_at < from_at + length) return Errno::kEINVAL;
  const int64_t moved = TRY(Copy(task, from, to, length, true));
  TRY(StoreOffset(task, from, in_offset));
  TRY(StoreOffset(task, to, out_offset));
  return moved;
}

}  // namespace ringwall::syscalls
