// openat2(2): opening below a directory with the host kernel refusing every way out.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"

namespace ringwall::host {

// `resolve` is RESOLVE_* of <linux/openat2.h>. O_CLOEXEC is always added. EAGAIN (a rename raced with RESOLVE_BENEATH) is retried a
// bounded number of times.
Result<UniqueFd> OpenAt2(int dir, const char* path, uint64_t flags, mode_t mode, uint64_t resolve);
// RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS.
Result<UniqueFd> OpenBeneath(int dir, const char* path, uint64_t flags, mode_t mode = 0);
// The same without following any symbolic link.
Result<UniqueFd> OpenBeneathNoSymlinks(int dir, const char* path, uint64_t flags, mode_t mode = 0);

}  // namespace ringwall::host
