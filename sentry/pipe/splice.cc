// splice(2) and tee(2): buffers change pipes without copying; between a pipe and a file the bytes are copied once, within the kernel.
#include "sentry/pipe/splice.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "sentry/vfs/file.h"

namespace ringwall::pipe {

namespace {

constexpr size_t kStep = 64 << 10;

}  // namespace

Result<size_t> SpliceFromFile(Context& ctx, vfs::File& in, uint64_t* offset, PipeFile& out, size_t length) {
  if (length == 0) return size_t{0};
  const size_t room = out.pipe().FreeBytes();
  // A pipe without readers shows EPIPE before it shows that it is full.
  if (room == 0) {
    std::deque<Buffer> none;
    return out.pipe().Append(none);
  }
  const size_t n = std::min({length, room, kStep});
  const Ref<Chunk> chunk = MakeRef<Chunk>(n);
  mm::KernelSink sink({chunk->data(), n});
  size_t got;
  if (offset != nullptr) {
    got = TRY(in.PRead(ctx, sink, *offset));
  } else {
    got = TRY(in.Read(ctx, sink));
  }
  if (got == 0) return size_t{0};
  std::deque<Buffer> buffers;
  for (size_t at = 0; at < got; at += kPageSize) {
    buffers.push_back(
        {.chunk = chunk, .offset = static_cast<uint32_t>(at), .length = static_cast<uint32_t>(std::min<size_t>(kPageSize, got - at))});
  }
  size_t done = 0;
  while (!buffers.empty()) {
    Result<size_t> step = out.pipe().Append(buffers);
    if (step.ok()) {
      done += *step;
      continue;
    }
    if (step.error() != Errno::kEAGAIN) {
      if (done == 0) return step.error();
      break;
    }
    // Another writer took the room that we saw. Bytes of a stream cannot go back, so these may exceed the capacity by at most one step.
    for (const Buffer& rest : buffers) done += rest.length;
    out.pipe().AppendAnyway(std::move(buffers));
    break;
  }
  if (offset != nullptr) *offset += done;
  return done;
}

Result<size_t> SpliceToFile(Context& ctx, PipeFile& in, vfs::File& out, uint64_t* offset, size_t length) {
  if (length == 0) return size_t{0};
  size_t done = 0;
  std::deque<Buffer> taken = TRY(in.pipe().Take(std::min(length, kStep)));
  Errno error = Errno::kEAGAIN;
  bool failed = false;
  while (!taken.empty() && !failed) {
    Buffer& front = taken.front();
    mm::KernelSource source(front.bytes());
    size_t n = 0;
    Result<size_t> wrote = offset != nullptr ? out.PWrite(ctx, source, *offset) : out.Write(ctx, source);
    if (wrote.ok()) {
      n = std::min<size_t>(*wrote, front.length);
      if (offset != nullptr) *offset += n;
      done += n;
    } else {
      error = wrote.error();
    }
    if (n == front.length) {
      taken.pop_front();
    } else {
      front.offset += static_cast<uint32_t>(n);
      front.length -= static_cast<uint32_t>(n);
      failed = true;
    }
  }
  const bool moved_nothing = done == 0 && failed;
  in.pipe().PutBack(std::move(taken));
  if (moved_nothing) return error;
  return done;
}

Result<size_t> SplicePipes(PipeFile& in, PipeFile& out, size_t length) { return Pipe::Move(in.pipe(), out.pipe(), length, false); }
Result<size_t> Tee(PipeFile& in, PipeFile& out, size_t length) { return Pipe::Move(in.pipe(), out.pipe(), length, true); }

}  // namespace ringwall::pipe
