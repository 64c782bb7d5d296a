// shmat(2), shmdt(2).
#include <utility>
#include <vector>

#include "sentry/mm/memory_manager.h"
#include "syscalls/ipc/ipc.h"
#include "syscalls/ipc/ipc_of.h"

namespace ringwall::syscalls {
namespace {
constexpr uint64_t kPageMask = platform::kPageSize - 1;
}

Result<UserAddr> SysShmat(Task& task, int32_t id, UserAddr address, int32_t flags) {
  if (id < 0) return Errno::kEINVAL;
  uint64_t at = address.value;
  const bool remap = (flags & abi::kSHM_REMAP) != 0;
  if (at != 0) {
    if ((at & kPageMask) != 0) {
      if ((flags & abi::kSHM_RND) == 0) return Errno::kEINVAL;
      at &= ~kPageMask;
      if (at == 0 && remap) return Errno::kEINVAL;
    }
  } else if (remap) {
    return Errno::kEINVAL;
  }
  const bool read_only = (flags & abi::kSHM_RDONLY) != 0;
  const bool exec = (flags & abi::kSHM_EXEC) != 0;
  const uint32_t access = 0444u | (read_only ? 0u : 0222u) | (exec ? 0111u : 0u);
  const Ref<ipc::IpcNamespace> ns = IpcOf(task);
  const Ref<ipc::Attachment> attachment = TRY(ns->shm.Attach(task, id, access, ns));

  mm::MmapRequest request;
  request.address = at;
  request.length = attachment->segment().size();
  request.prot = {.read = true, .write = !read_only, .exec = exec};
  request.max_prot = {.read = true, .write = !read_only, .exec = true};
  request.shared = true;
  request.file = attachment;
  // An address is exact; what is mapped there may be replaced only with SHM_REMAP.
  request.fixed = at != 0 && remap;
  request.fixed_no_replace = at != 0 && !remap;
  auto mapped = task.mm().Mmap(request, task.MemoryLimits(), &task.thread());
  if (!mapped.ok()) return mapped.error() == Errno::kEEXIST ? Errno::kEINVAL : mapped.error();
  return UserAddr{*mapped};
}

Result<void> SysShmdt(Task& task, UserAddr address) {
  const uint64_t start = address.value;
  if ((start & kPageMask) != 0) return Errno::kEINVAL;
  // The attachment is found by its first area that is still where shmat(2) put it; what was unmapped or moved since stays as it is.
  RefPtr<mm::Mappable> attachment;
  uint64_t end = 0;
  std::vector<std::pair<uint64_t, uint64_t>> parts;
  for (const mm::Vma& vma : task.mm().Vmas()) {
    if (vma.end <= start || !vma.file || vma.file->kind_tag() != ipc::Attachment::Tag()) continue;
    if (vma.start < start || vma.start - start != vma.offset) continue;
    if (!attachment) {
      attachment = vma.file;
      end = start + static_cast<ipc::Attachment&>(*attachment).segment().pages() * platform::kPageSize;
    }
    if (vma.file.get() == attachment.get() && vma.start < end) parts.emplace_back(vma.start, vma.length());
  }
  if (!attachment) return Errno::kEINVAL;
  for (const auto& [at, length] : parts) TRY(task.mm().Munmap(at, length, &task.thread()));
  return {};
}

}  // namespace ringwall::syscalls
