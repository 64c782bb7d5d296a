// memfd_create(2) files.
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"

namespace ringwall::host {

// A close-on-exec memfd of `size` bytes.
Result<UniqueFd> CreateMemfd(const char* name, uint64_t size);
// The same, with sealing allowed.
Result<UniqueFd> CreateSealableMemfd(const char* name, uint64_t size);
// F_ADD_SEALS, e.g. F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL before a descriptor goes to a hostile peer.
Result<void> AddSeals(int fd, unsigned seals);

}  // namespace ringwall::host
