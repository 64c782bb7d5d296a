// splice(2), tee(2), vmsplice(2) over the pipe's buffers. The handler has checked flags and access modes, and parks on EAGAIN.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error/result.h"
#include "sentry/context/context.h"
#include "sentry/mm/io_buffer.h"
#include "sentry/pipe/pipe.h"

namespace ringwall::pipe {

// File to pipe: reads at *offset (and moves it), or at the file's position when null. Moves at most what fits now.
// EAGAIN when the pipe is full (check Readiness of `out` to know which side to park on), errors of the file.
Result<size_t> SpliceFromFile(Context& ctx, vfs::File& in, uint64_t* offset, PipeFile& out, size_t length);
// Pipe to file; what the file does not take stays in the pipe.
Result<size_t> SpliceToFile(Context& ctx, PipeFile& in, vfs::File& out, uint64_t* offset, size_t length);
Result<size_t> SplicePipes(PipeFile& in, PipeFile& out, size_t length);
Result<size_t> Tee(PipeFile& in, PipeFile& out, size_t length);

}  // namespace ringwall::pipe
