// mmap(2), munmap(2).
#include <utility>

#include "abi/mman.h"
#include "abi/personality.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/mount.h"
#include "syscalls/mm/mm.h"

namespace ringwall::syscalls {
namespace {

constexpr uint64_t kPageMask = platform::kPageSize - 1;

// Flags that MAP_SHARED_VALIDATE accepts; the older types ignore what they don't know (mmap(2)).
constexpr uint64_t kValidated = abi::kMAP_TYPE | abi::kMAP_FIXED | abi::kMAP_ANONYMOUS | abi::kMAP_32BIT | abi::kMAP_GROWSDOWN |
                                abi::kMAP_DENYWRITE | abi::kMAP_EXECUTABLE | abi::kMAP_LOCKED | abi::kMAP_NORESERVE | abi::kMAP_POPULATE |
                                abi::kMAP_NONBLOCK | abi::kMAP_STACK | abi::kMAP_HUGETLB | abi::kMAP_FIXED_NOREPLACE;

// Where the mapping is to go, as far as it can be wrong (mmap(2), ERRORS): asked before the file and the type.
Result<void> CheckPlace(Task& task, const mm::MmapRequest& request) {
  constexpr uint64_t kEnd = uint64_t{1} << 47;
  const uint64_t length = (request.length + kPageMask) & ~kPageMask;
  if (request.length == 0) return Errno::kEINVAL;
  if (length == 0 || length > kEnd) return Errno::kENOMEM;
  if (!request.fixed && !request.fixed_no_replace) return {};
  if (request.address > kEnd - length) return Errno::kENOMEM;
  if ((request.address & kPageMask) != 0) return Errno::kEINVAL;
  if (request.fixed_no_replace && !task.mm().IsFree(request.address, request.address + length)) return Errno::kEEXIST;
  return {};
}

// What the file and its open mode allow.
Result<void> AddFile(Task& task, vfs::File& file, uint64_t prot, uint64_t flags, mm::MmapRequest& request) {
  uint64_t end;
  if (__builtin_add_overflow(request.offset, request.length, &end) || end > uint64_t{INT64_MAX}) return Errno::kEOVERFLOW;
  switch (flags & abi::kMAP_TYPE) {
    case abi::kMAP_PRIVATE: break;
    case abi::kMAP_SHARED_VALIDATE:
      if ((flags & ~kValidated) != 0) return Errno::kEOPNOTSUPP;
      request.shared = true;
      break;
    case abi::kMAP_SHARED: request.shared = true; break;
    default: return Errno::kEINVAL;
  }
  if (request.shared && (prot & abi::kPROT_WRITE) != 0 && (!file.writable() || file.append())) return Errno::kEACCES;
  if (!file.readable()) return Errno::kEACCES;
  // Pipes, sockets and their like are on file systems of the kernel's own that nothing is executed from.
  const RefPtr<vfs::Mount>& mount = file.path().mount;
  if (mount ? mount->flags().no_exec : file.kind() != vfs::FileKind::kMemfd) {
    if ((prot & abi::kPROT_EXEC) != 0) return Errno::kEPERM;
    request.max_prot.exec = false;
  }
  if (request.shared && !file.writable()) request.max_prot.write = false;
  request.file = TRY(file.Mmap(task));
  if (request.grows_down) return Errno::kEINVAL;
  return {};
}

}  // namespace

Result<UserAddr> SysMmap(Task& task, UserAddr address, ByteCount length, uint64_t prot, uint64_t flags, Fd fd, uint64_t offset) {
  if ((offset & kPageMask) != 0) return Errno::kEINVAL;
  RefPtr<vfs::File> file;
  if ((flags & abi::kMAP_ANONYMOUS) == 0) {
    const Ref<vfs::File> found = TRY(task.fds().GetForIo(fd));
    file = RefPtr<vfs::File>(found);
    if ((flags & abi::kMAP_HUGETLB) != 0) return Errno::kEINVAL;  // not a file of hugetlbfs
  }
  mm::MmapRequest request;
  request.address = address.value;
  request.length = length.value;
  request.prot = {.read = (prot & abi::kPROT_READ) != 0, .write = (prot & abi::kPROT_WRITE) != 0, .exec = (prot & abi::kPROT_EXEC) != 0};
  if ((task.persona & abi::kREAD_IMPLIES_EXEC) != 0 && request.prot.read) request.prot.exec = true;
  request.fixed = (flags & abi::kMAP_FIXED) != 0;
  request.fixed_no_replace = (flags & abi::kMAP_FIXED_NOREPLACE) != 0;
  request.grows_down = (flags & abi::kMAP_GROWSDOWN) != 0;
  request.no_reserve = (flags & abi::kMAP_NORESERVE) != 0;
  request.populate = (flags & abi::kMAP_POPULATE) != 0 && (flags & abi::kMAP_NONBLOCK) == 0;
  request.locked = (flags & abi::kMAP_LOCKED) != 0;
  request.below_4g = (flags & abi::kMAP_32BIT) != 0;
  request.offset = offset;
  TRY(CheckPlace(task, request));
  if (file) {
    TRY(AddFile(task, *file, prot, flags, request));
  } else {
    const uint64_t type = flags & abi::kMAP_TYPE;
    if (type != abi::kMAP_PRIVATE && type != abi::kMAP_SHARED) return Errno::kEINVAL;
    request.shared = type == abi::kMAP_SHARED;
    request.offset = 0;
    if (request.shared && request.grows_down) return Errno::kEINVAL;
    // No huge page pool: as on a machine where none is configured.
    if ((flags & abi::kMAP_HUGETLB) != 0) return Errno::kENOMEM;
  }
  const uint64_t mapped = TRY(task.mm().Mmap(request, task.MemoryLimits(), &task.thread()));
  return UserAddr{mapped};
}

Result<void> SysMunmap(Task& task, UserAddr address, ByteCount length) {
  return task.mm().Munmap(address.value, length.value, &task.thread());
}

}  // namespace ringwall::syscalls
