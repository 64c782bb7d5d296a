// remap_file_pages(2): since Linux 4.0 an mmap(2) of the same file over a part of its mapping.
#include "sentry/mm/memory_manager.h"
#include "syscalls/mm/mm.h"

namespace ringwall::syscalls {

Result<void> SysRemapFilePages(Task& task, UserAddr address, uint64_t size, uint64_t prot, uint64_t page_offset, uint64_t) {
  constexpr uint64_t kPageMask = platform::kPageSize - 1;
  if (prot != 0) return Errno::kEINVAL;
  const uint64_t start = address.value & ~kPageMask;
  const uint64_t length = size & ~kPageMask;
  uint64_t end;
  if (length == 0 || __builtin_add_overflow(start, length, &end)) return Errno::kEINVAL;
  if (page_offset > (~uint64_t{0} >> 12) - (length >> 12)) return Errno::kEINVAL;
  const auto vma = task.mm().FindVma(start);
  // One shared mapping of one file, the whole range.
  if (vma == nullptr || !vma->shared || !vma->file || vma->end < end) return Errno::kEINVAL;
  mm::MmapRequest request;
  request.address = start;
  request.length = length;
  request.prot = vma->prot;
  request.max_prot = vma->max_prot;
  request.shared = true;
  request.fixed = true;
  request.locked = vma->locked;
  request.file = vma->file;
  request.offset = page_offset << 12;
  TRY(task.mm().Mmap(request, task.MemoryLimits(), &task.thread()));
  return {};
}

}  // namespace ringwall::syscalls
