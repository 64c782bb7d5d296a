// io_setup(2), io_destroy(2), io_submit(2), io_getevents(2), io_pgetevents(2), io_cancel(2).
#include <algorithm>
#include <utility>
#include <vector>

#include "abi/poll.h"
#include "sentry/fs/anon/aio.h"
#include "sentry/fs/anon/eventfd.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/call_state.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/notify.h"
#include "syscalls/core/io.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {
namespace {

using anon::AioContext;

// EINVAL for what is no context of this address space.
Result<Ref<AioContext>> FindContext(Task& task, uint64_t id) {
  const auto vma = task.mm().FindVma(id);
  if (vma == nullptr || vma->start != id || !vma->file || vma->file->kind_tag() != AioContext::Tag()) return Errno::kEINVAL;
  auto& context = static_cast<AioContext&>(*vma->file);
  if (context.destroyed()) return Errno::kEINVAL;
  return Ref<AioContext>(context);
}

Result<size_t> Transfer(Task& task, vfs::File& file, const abi::Iocb& iocb) {
  const bool vectored = iocb.aio_lio_opcode == abi::kIOCB_CMD_PREADV || iocb.aio_lio_opcode == abi::kIOCB_CMD_PWRITEV;
  const bool reads = iocb.aio_lio_opcode == abi::kIOCB_CMD_PREAD || iocb.aio_lio_opcode == abi::kIOCB_CMD_PREADV;
  mm::IovecList segments;
  if (vectored) {
    segments = TRY(mm::ReadIovecs(task.memory(), iocb.aio_buf, iocb.aio_nbytes));
  } else {
    segments.push_back({iocb.aio_buf, std::min(iocb.aio_nbytes, kMaxRwCount)});
  }
  const auto offset = static_cast<uint64_t>(iocb.aio_offset);
  size_t moved;
  if (reads) {
    mm::UserSink sink(task.memory(), std::move(segments));
    auto n = file.PRead(task, sink, offset);
    // Streams have no positions. Differs from Linux: what is not ready is EAGAIN, it is not waited for.
    moved = TRY(n.ok() || n.error() != Errno::kESPIPE ? std::move(n) : file.Read(task, sink));
  } else {
    mm::UserSource source(task.memory(), std::move(segments));
    auto n = file.PWrite(task, source, offset);
    moved = TRY(n.ok() || n.error() != Errno::kESPIPE ? std::move(n) : file.Write(task, source));
  }
  if (moved != 0) vfs::NotifyFile(file, reads ? abi::kIN_ACCESS : abi::kIN_MODIFY);
  return moved;
}

// One request: an error here is io_submit's own; what the operation itself gives is in the event.
Result<void> Submit(Task& task, AioContext& context, uint64_t address) {
  const auto iocb = TRY(task.memory().ReadValue<abi::Iocb>(address));
  if (iocb.aio_reserved2 != 0 || static_cast<int64_t>(iocb.aio_nbytes) < 0) return Errno::kEINVAL;
  if ((iocb.aio_flags & ~(abi::kIOCB_FLAG_RESFD | abi::kIOCB_FLAG_IOPRIO)) != 0) return Errno::kEINVAL;
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(static_cast<Fd>(iocb.aio_fildes)));
  RefPtr<vfs::File> eventfd;
  if ((iocb.aio_flags & abi::kIOCB_FLAG_RESFD) != 0) {
    eventfd = TRY(task.fds().GetForIo(static_cast<Fd>(iocb.aio_resfd)));
    if (eventfd->As<anon::EventfdFile>() == nullptr) return Errno::kEINVAL;
  }
  constexpr uint64_t kKeyAt = offsetof(abi::Iocb, aio_key);
  TRY(task.memory().WriteValue<uint32_t>(address + kKeyAt, 0));
  Result<size_t> done = size_t{0};
  switch (iocb.aio_lio_opcode) {
    case abi::kIOCB_CMD_PREAD:
    case abi::kIOCB_CMD_PREADV:
      if (!file->readable()) return Errno::kEBADF;
      if (iocb.aio_offset < 0) return Errno::kEINVAL;
      done = Transfer(task, file, iocb);
      break;
    case abi::kIOCB_CMD_PWRITE:
    case abi::kIOCB_CMD_PWRITEV:
      if (!file->writable()) return Errno::kEBADF;
      if (iocb.aio_offset < 0) return Errno::kEINVAL;
      done = Transfer(task, file, iocb);
      break;
    case abi::kIOCB_CMD_FSYNC:
    case abi::kIOCB_CMD_FDSYNC: {
      if (iocb.aio_buf != 0 || iocb.aio_offset != 0 || iocb.aio_nbytes != 0 || iocb.aio_rw_flags != 0) return Errno::kEINVAL;
      auto synced = file->Sync(task, iocb.aio_lio_opcode == abi::kIOCB_CMD_FDSYNC);
      if (!synced.ok()) done = synced.error();
      break;
    }
    // IOCB_CMD_POLL among them: as before Linux 4.18.
    default: return Errno::kEINVAL;
  }
  abi::IoEvent event{.data = iocb.aio_data, .obj = address};
  event.res = done.ok() ? static_cast<int64_t>(*done) : -static_cast<int64_t>(done.error());
  context.Complete(event);
  if (eventfd) eventfd->As<anon::EventfdFile>()->Signal(1);
  return {};
}

Result<int64_t> GetEvents(Task& task, uint64_t id, int64_t min, int64_t max, UserArray<abi::IoEvent> events,
                          UserIn<abi::Timespec> timeout) {
  int64_t deadline_ns = time::kNever;
  if (!timeout.is_null()) {
    const abi::Timespec ts = TRY(timeout.Read(task.memory()));
    if (!time::ValidTimespec(ts)) return Errno::kEINVAL;
    deadline_ns = task.DeadlineAfter(time::ToNs(ts));
  }
  const Ref<AioContext> context = TRY(FindContext(task, id));
  if (min < 0 || max < 0 || min > max) return Errno::kEINVAL;
  const uint64_t seen = context->completions();
  const bool enough = context->waiting() >= static_cast<uint64_t>(min);
  if (!enough && time::MonotonicNs() < deadline_ns) {
    const Ref<AioContext::Wait> wait = MakeRef<AioContext::Wait>(context, seen);
    const task::ParkOn on[] = {{wait.get(), abi::kPOLLIN, wait}};
    const Errno outcome = task.Park(on, deadline_ns, Errno::kEINTR);
    if (outcome == Errno::kParked || context->waiting() == 0) return outcome;
  }
  // The results go with a bad address, as in Linux.
  const std::vector<abi::IoEvent> taken = context->Take(static_cast<size_t>(max));
  if (!taken.empty()) TRY(events.Write(task.memory(), taken));
  return static_cast<int64_t>(taken.size());
}

}  // namespace

Result<void> SysIoSetup(Task& task, uint32_t requests, UserInOut<uint64_t> id) {
  const uint64_t old = TRY(id.Read(task.memory()));
  if (old != 0 || requests == 0) return Errno::kEINVAL;
  if (requests > 0x10000000u / sizeof(abi::IoEvent)) return Errno::kEINVAL;
  const Ref<AioContext> context = TRY(AioContext::Create(requests));
  mm::MmapRequest request;
  request.length = platform::kPageSize;
  request.prot = {.read = true, .write = true, .exec = false};
  request.file = context;
  const uint64_t at = TRY(task.mm().Mmap(request, task.MemoryLimits(), &task.thread()));
  auto written = id.Write(task.memory(), at);
  if (!written.ok()) (void)task.mm().Munmap(at, platform::kPageSize, &task.thread()).ok();
  return written;
}

Result<void> SysIoDestroy(Task& task, UserAddr id) {
  const Ref<AioContext> context = TRY(FindContext(task, id.value));
  context->Destroy();
  return task.mm().Munmap(id.value, platform::kPageSize, &task.thread());
}

Result<int64_t> SysIoSubmit(Task& task, UserAddr id, int64_t count, UserArray<uint64_t> requests) {
  // The operations are carried out here and may wait for the host: before the first, so that none runs twice.
  TRY(task.MayBlockInHost());
  const Ref<AioContext> context = TRY(FindContext(task, id.value));
  if (count < 0) return Errno::kEINVAL;
  int64_t submitted = 0;
  for (; submitted < count; ++submitted) {
    if (submitted != 0 && task.SignalPending()) break;
    auto address = task.memory().ReadValue<uint64_t>(requests.address + static_cast<uint64_t>(submitted) * sizeof(uint64_t));
    Result<void> done = address.ok() ? Result<void>() : address.error();
    if (done.ok() && !context->Reserve())
      done = Errno::kEAGAIN;
    else if (done.ok()) {
      done = Submit(task, context, *address);
      if (!done.ok()) context->Unreserve();
    }
    if (done.ok()) continue;
    if (submitted == 0) return done.error();
    break;
  }
  return submitted;
}

Result<int64_t> SysIoGetevents(Task& task, UserAddr id, int64_t min, int64_t max, UserArray<abi::IoEvent> events,
                               UserIn<abi::Timespec> timeout) {
  return GetEvents(task, id.value, min, max, events, timeout);
}

Result<int64_t> SysIoPgetevents(Task& task, UserAddr id, int64_t min, int64_t max, UserArray<abi::IoEvent> events,
                                UserIn<abi::Timespec> timeout, UserIn<abi::AioSigset> sigset) {
  if (!sigset.is_null()) {
    const abi::AioSigset mask = TRY(sigset.Read(task.memory()));
    if (mask.sigmask != 0) {
      if (mask.size != sizeof(abi::SigSet)) return Errno::kEINVAL;
      const auto set = TRY(task.memory().ReadValue<abi::SigSet>(mask.sigmask));
      task.SetTemporaryMask(set & ~(abi::SigMask(abi::kSIGKILL) | abi::SigMask(abi::kSIGSTOP)));
    }
  }
  return GetEvents(task, id.value, min, max, events, timeout);
}

// Requests are done when io_submit(2) returns: there is never one to cancel.
Result<void> SysIoCancel(Task& task, UserAddr id, UserIn<abi::Iocb> request, UserAddr) {
  TRY(task.memory().ReadValue<uint32_t>(request.address + offsetof(abi::Iocb, aio_key)));
  TRY(FindContext(task, id.value));
  return Errno::kEINVAL;
}

}  // namespace ringwall::syscalls
