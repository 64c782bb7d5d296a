// cachestat(2).
#include <algorithm>

#include "sentry/vfs/fd_table.h"
#include "syscalls/fd/fd.h"

namespace ringwall::syscalls {

Result<void> SysCachestat(Task& task, Fd fd, UserIn<abi::CachestatRange> user_range, UserOut<abi::Cachestat> stat, uint32_t flags) {
  const Ref<vfs::File> file = TRY(task.fds().GetForIo(fd));
  const abi::CachestatRange range = TRY(user_range.Read(task.memory()));
  if (flags != 0) return Errno::kEINVAL;
  const vfs::Attributes attributes = TRY(file->GetAttributes(task));
  abi::Cachestat out;
  if (attributes.type() == abi::kS_IFREG) {
    // Differs from Linux: the pages of a file are the host's, which says nothing about its cache: all of them count as cached and clean.
    constexpr uint64_t kPage = 4096;
    const uint64_t pages = attributes.size / kPage + (attributes.size % kPage != 0 ? 1 : 0);
    const uint64_t first = range.off / kPage;
    const uint64_t last = range.len == 0 ? ~uint64_t{0} : (range.off + range.len - 1) / kPage;
    if (first < pages && first <= last) out.nr_cache = std::min(last, pages - 1) - first + 1;
  }
  return stat.Write(task.memory(), out);
}

}  // namespace ringwall::syscalls
