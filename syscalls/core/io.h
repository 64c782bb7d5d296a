// The rules that every transferring call shares: who blocks, and what a caller sees of partial results.
#pragma once

#include <cstdint>

#include "abi/poll.h"
#include "base/error/result.h"
#include "sentry/mm/io_buffer.h"
#include "sentry/task/task.h"
#include "sentry/vfs/file.h"

namespace ringwall::syscalls {

// Linux cuts every transfer to this (read(2), NOTES).
inline constexpr uint64_t kMaxRwCount = 0x7ffff000;

// The one place that decides what a call shows after `moved` bytes and then `error`: bytes win, except that an unfinished call that moved
// nothing shows its error. Sends the signals that belong to errors: SIGPIPE for EPIPE (unless no_sigpipe), SIGXFSZ for EFBIG.
Result<int64_t> FinishPartialIo(task::Task& task, uint64_t moved, Errno error, bool no_sigpipe = false);

// SIGXFSZ for an EFBIG that RLIMIT_FSIZE caused (setrlimit(2)): write(2) and its like, truncate(2), fallocate(2).
void SignalFileSizeLimit(task::Task& task, Errno error);

// read(2)/readv(2)/pread and write(2) bodies over a sink or source made for the bytes that are still to move.
Result<int64_t> ReadFile(task::Task& task, vfs::File& file, mm::IoSink& sink);
Result<int64_t> WriteFile(task::Task& task, vfs::File& file, mm::IoSource& source);
Result<int64_t> PReadFile(task::Task& task, vfs::File& file, mm::IoSink& sink, int64_t offset);
Result<int64_t> PWriteFile(task::Task& task, vfs::File& file, mm::IoSource& source, int64_t offset);

// eventfd, timerfd, signalfd, epoll and inotify: seeking them does nothing, and they know no transfers at a place.
bool IsEventFile(const vfs::File& file);
// pread(2) and its kin, before anything else is looked at: ESPIPE for files without positions.
Result<void> CheckHasPositions(const vfs::File& file);

// Bytes this call has moved in earlier runs (0 at the first): a stream write parks half-way and goes on. Callers Skip() them first.
uint64_t MovedSoFar(task::Task& task);

}  // namespace ringwall::syscalls
