// process_vm_readv(2) and process_vm_writev(2): another process's memory.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error/result.h"

namespace ringwall::host {

// Bytes moved before the first address that cannot be read or written: a partial copy is no error. ESRCH when the process is gone, EPERM
// when we may not touch it. Host and page granularity: a transfer stops within the page that faults, after the bytes in front of it.
Result<size_t> ProcessRead(pid_t pid, uint64_t address, std::span<std::byte> to);
Result<size_t> ProcessWrite(pid_t pid, uint64_t address, std::span<const std::byte> from);

}  // namespace ringwall::host
