// A regular host file whose descriptor the gofer donated: reads, writes and attributes by host calls on it, without the gofer.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error/result.h"
#include "base/fd/shared_fd.h"
#include "sentry/mm/io_buffer.h"
#include "sentry/vfs/types.h"

namespace ringwall::hostfs {

// Both move until the cursor, the file or the host ends it. A count when anything moved, else the error. Data passes through a bounded
// buffer, or not at all through us when it is much.
Result<size_t> ReadDonated(SharedFd& fd, mm::IoSink& sink, uint64_t offset);
Result<size_t> WriteDonated(SharedFd& fd, mm::IoSource& source, uint64_t offset, size_t limit);
// Each piece lands at the end of the file, wherever that is (RWF_APPEND); `end` becomes the size behind the last one.
Result<size_t> AppendDonated(const SharedFd& fd, mm::IoSource& source, size_t limit, uint64_t& end);
// What the host's stat says; dev and rdev in the guest's encoding of the host's numbers.
Result<vfs::Attributes> StatDonated(const SharedFd& fd);
Result<void> TruncateDonated(const SharedFd& fd, uint64_t size);
// fallocate(2) with Linux's mode bits.
Result<void> AllocateDonated(const SharedFd& fd, int32_t mode, uint64_t offset, uint64_t length);
// SEEK_DATA or SEEK_HOLE. ENXIO behind the end.
Result<uint64_t> SeekDonated(const SharedFd& fd, uint64_t offset, bool hole);
Result<void> SyncDonated(const SharedFd& fd, bool data_only);

}  // namespace ringwall::hostfs
