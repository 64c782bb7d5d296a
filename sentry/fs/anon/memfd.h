// memfd_create(2): an unnamed tmpfs file that can be sealed (fcntl(2), "File sealing").
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/vfs/file.h"

namespace ringwall::tmpfs {
class TmpFs;
}

namespace ringwall::anon {

// `fs` is the kernel's internal tmpfs. EINVAL for unknown flags and names over MFD_NAME_MAX_LEN; MFD_HUGETLB is
// ENOMEM: there are no huge pages set aside.
Result<Ref<vfs::File>> MakeMemfd(Context& ctx, tmpfs::TmpFs& fs, std::string_view name, uint32_t flags);
// fcntl(2) F_ADD_SEALS: EINVAL for files that have no seals, EPERM when sealed or not open for writing, EBUSY with writable shared
// mappings.
Result<void> AddSeals(vfs::File& file, uint32_t seals);
Result<int64_t> GetSeals(vfs::File& file);

}  // namespace ringwall::anon
