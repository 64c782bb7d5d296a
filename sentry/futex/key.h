// Which word a futex address means.
#pragma once

#include <cstdint>

#include "sentry/futex/futex.h"

namespace ringwall::futex {

// EINVAL: not 4-byte aligned. EFAULT: outside the address space, or a shared word that is not mapped.
Result<Key> KeyOf(task::Task& task, uint64_t address, bool is_private);

}  // namespace ringwall::futex
