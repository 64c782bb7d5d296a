// kcmp(2): do two processes share a part? Different parts have an order that stays, but says nothing about where they are.
#include "sentry/mm/memory_manager.h"
#include "sentry/signal/pending.h"
#include "sentry/task/ptrace_access.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/path_walk.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {
namespace {

constexpr int32_t kFile = 0, kVm = 1, kFiles = 2, kFs = 3, kSighand = 4, kIo = 5, kSysvsem = 6;

// 0 equal, 1 less, 2 greater. An odd factor keeps distinct addresses distinct and hides them.
int32_t Compare(const void* a, const void* b) {
  static const uint64_t factor = (static_cast<uint64_t>(time::MonotonicNs()) << 1 | 1) * 0x9e3779b97f4a7c15u;
  const uint64_t x = reinterpret_cast<uint64_t>(a) * factor;
  const uint64_t y = reinterpret_cast<uint64_t>(b) * factor;
  return x == y ? 0 : x < y ? 1 : 2;
}

Result<Ref<Task>> Find(Task& task, int32_t pid) {
  RefPtr<Task> found = task.thread_group().pids().FindTask(task.ToKernelPid(pid));
  if (!found) return Errno::kESRCH;
  return std::move(found).ToRef();
}

Result<Ref<vfs::File>> FileOf(const Task& task, uint64_t fd) {
  const RefPtr<vfs::FdTable> table = task.ShareFds();
  if (!table || fd > static_cast<uint64_t>(INT32_MAX)) return Errno::kEBADF;
  return table->Get(static_cast<Fd>(fd));
}

}  // namespace

Result<int32_t> SysKcmp(Task& task, int32_t pid1, int32_t pid2, int32_t type, uint64_t index1, uint64_t index2) {
  const Ref<Task> one = TRY(Find(task, pid1));
  const Ref<Task> two = TRY(Find(task, pid2));
  TRY(task::CheckPtraceAccess(task, one, task::PtraceCreds::kReal));
  TRY(task::CheckPtraceAccess(task, two, task::PtraceCreds::kReal));
  switch (type) {
    case kFile: {
      const Ref<vfs::File> a = TRY(FileOf(one, index1));
      const Ref<vfs::File> b = TRY(FileOf(two, index2));
      return Compare(a.get(), b.get());
    }
    case kVm: return Compare(one->ShareMm().get(), two->ShareMm().get());
    case kFiles: return Compare(one->ShareFds().get(), two->ShareFds().get());
    case kFs: return Compare(one->ShareFs().get(), two->ShareFs().get());
    case kSighand: return Compare(one->thread_group().handlers().get(), two->thread_group().handlers().get());
    // Nobody has an I/O context of his own; semaphore adjustments are shared by the threads of a process.
    case kIo: return 0;
    case kSysvsem: return Compare(&one->thread_group(), &two->thread_group());
    default: return Errno::kEINVAL;
  }
}

}  // namespace ringwall::syscalls
