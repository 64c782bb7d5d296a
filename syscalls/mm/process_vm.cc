// process_vm_readv(2), process_vm_writev(2).
#include <algorithm>
#include <vector>

#include "sentry/mm/memory_manager.h"
#include "sentry/task/ptrace_access.h"
#include "sentry/task/thread_group.h"
#include "syscalls/mm/mm.h"

namespace ringwall::syscalls {
namespace {

constexpr size_t kChunk = 64 << 10;

// The other side's segments: no address is checked before it is used, a bad one ends the transfer (process_vm_readv(2), EFAULT).
Result<std::vector<abi::Iovec>> ReadRemoteIovecs(Task& task, uint64_t address, uint64_t count) {
  if (count > abi::kUIO_MAXIOV) return Errno::kEINVAL;
  std::vector<abi::Iovec> list(count);
  TRY(task.memory().ReadArray<abi::Iovec>(address, absl::MakeSpan(list)));
  for (const abi::Iovec& v : list) {
    if (static_cast<int64_t>(v.iov_len) < 0) return Errno::kEINVAL;
  }
  return list;
}

// ESRCH, EPERM. The memory of a process that has ended since is gone: ESRCH.
Result<Ref<mm::MemoryManager>> MemoryOf(Task& task, int32_t pid) {
  const RefPtr<Task> target = task.thread_group().pids().FindTask(task.ToKernelPid(pid));
  if (!target) return Errno::kESRCH;
  TRY(task::CheckPtraceAccess(task, *target, task::PtraceCreds::kReal));
  RefPtr<mm::MemoryManager> mm = target->ShareMm();
  if (!mm) return Errno::kESRCH;
  return std::move(mm).ToRef();
}

struct Transfer {
  mm::IovecList local;
  std::vector<abi::Iovec> remote;
  uint64_t size = 0;  // what both sides have room for
};

Result<Transfer> Prepare(Task& task, UserIovecs local, uint64_t local_count, UserIovecs remote, uint64_t remote_count, uint64_t flags) {
  if (flags != 0) return Errno::kEINVAL;
  Transfer transfer;
  transfer.local = TRY(mm::ReadIovecs(task.memory(), local.address, local_count));
  uint64_t local_size = 0;  // at most MAX_RW_COUNT
  for (const abi::Iovec& v : transfer.local) local_size += v.iov_len;
  if (local_size == 0) return transfer;
  transfer.remote = TRY(ReadRemoteIovecs(task, remote.address, remote_count));
  for (const abi::Iovec& v : transfer.remote) transfer.size += std::min(v.iov_len, local_size - transfer.size);
  return transfer;
}

// Runs move(remote address, bytes) over the remote segments; it gives how much it moved. Less than asked ends the transfer.
template <typename Move>
Result<int64_t> Run(const Transfer& transfer, Move move) {
  uint64_t moved = 0;
  for (const abi::Iovec& v : transfer.remote) {
    uint64_t at = 0;
    while (at < v.iov_len && moved < transfer.size) {
      const auto n = static_cast<size_t>(std::min({uint64_t{kChunk}, v.iov_len - at, transfer.size - moved}));
      const size_t got = move(v.iov_base + at, n);
      moved += got;
      at += got;
      if (got == n) continue;
      if (moved == 0) return Errno::kEFAULT;
      return static_cast<int64_t>(moved);
    }
  }
  return static_cast<int64_t>(moved);
}

}  // namespace

Result<int64_t> SysProcessVmReadv(Task& task, int32_t pid, UserIovecs local, uint64_t local_count, UserIovecs remote, uint64_t remote_count,
                                  uint64_t flags) {
  Transfer transfer = TRY(Prepare(task, local, local_count, remote, remote_count, flags));
  if (transfer.size == 0) return 0;
  const Ref<mm::MemoryManager> other = TRY(MemoryOf(task, pid));
  mm::UserMemory theirs(&other->space(), nullptr);
  mm::UserSink sink(task.memory(), std::move(transfer.local));
  std::vector<std::byte> buffer(std::min<uint64_t>(transfer.size, kChunk));
  return Run(transfer, [&](uint64_t from, size_t size) {
    const size_t got = theirs.ReadSome(from, absl::MakeSpan(buffer).first(size));
    const auto stored = sink.Put(absl::MakeConstSpan(buffer).first(got));
    return stored.ok() ? *stored : size_t{0};
  });
}

Result<int64_t> SysProcessVmWritev(Task& task, int32_t pid, UserIovecs local, uint64_t local_count, UserIovecs remote,
                                   uint64_t remote_count, uint64_t flags) {
  Transfer transfer = TRY(Prepare(task, local, local_count, remote, remote_count, flags));
  if (transfer.size == 0) return 0;
  const Ref<mm::MemoryManager> other = TRY(MemoryOf(task, pid));
  mm::UserMemory theirs(&other->space(), nullptr);
  mm::UserSource source(task.memory(), std::move(transfer.local));
  std::vector<std::byte> buffer(std::min<uint64_t>(transfer.size, kChunk));
  return Run(transfer, [&](uint64_t to, size_t size) {
    const auto taken = source.Take(absl::MakeSpan(buffer).first(size));
    return taken.ok() ? theirs.WriteSome(to, absl::MakeConstSpan(buffer).first(*taken)) : size_t{0};
  });
}

}  // namespace ringwall::syscalls
