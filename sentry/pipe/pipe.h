// pipe(7) and fifo(7): the ring of buffers, and the open ends as files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/pipe/buffer.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/inode.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::pipe {

inline constexpr uint64_t kPageSize = 4096;

class PipeFile;

// One pipe. Space is counted in slots of one page as Linux does, so that a free slot (POLLOUT) always takes a write of PIPE_BUF bytes.
class Pipe final : public RefCounted {
 public:
  enum class Kind : uint8_t { kFifo, kAnonymous };
  explicit Pipe(Kind kind = Kind::kFifo) : kind_(kind) {}

  // EAGAIN when empty, 0 at end of file. A fault puts the rest back.
  Result<size_t> Read(mm::IoSink& sink);
  // EPIPE without readers; EAGAIN when nothing fits, or when a write of at most PIPE_BUF bytes does not fit whole. `packets`: O_DIRECT.
  Result<size_t> Write(mm::IoSource& source, bool packets);

  // Up to `max` bytes of `from` to the end of `to`, without copying: splice(2) between pipes, or tee(2) with `keep`.
  // EAGAIN when `from` is empty or `to` is full, 0 at end of file, EPIPE; EINVAL for one and the same pipe.
  // Both locks are held, the lower address first: the analysis does not see which is which.
  static Result<size_t> Move(Pipe& from, Pipe& to, size_t max, bool keep) ABSL_NO_THREAD_SAFETY_ANALYSIS;
  // Appends whole buffers as far as slots allow and drops those from the list (splice(2), vmsplice(2)). EPIPE, EAGAIN.
  Result<size_t> Append(std::deque<Buffer>& buffers);
  // The same past the capacity, for bytes that cannot go back where they came from.
  void AppendAnyway(std::deque<Buffer> buffers);
  // Takes up to `max` bytes out; the caller gives back what it could not deliver with PutBack. EAGAIN, empty list = end of file.
  Result<std::deque<Buffer>> Take(size_t max);
  void PutBack(std::deque<Buffer> rest);
  // Bytes that Append would take now (whole slots); 0 when full.
  size_t FreeBytes() const;

  size_t BytesReadable() const;  // FIONREAD
  size_t capacity() const;
  // fcntl(F_SETPIPE_SZ): the new capacity. EBUSY, EPERM, EINVAL.
  Result<size_t> SetCapacity(uint64_t bytes);
  wait::WaitQueue& queue() { return queue_; }
  // Open ends, and how often each kind was opened.
  struct Ends {
    uint32_t readers, writers;
    uint64_t reader_opens, writer_opens;
  };
  Ends ends() const;

 private:
  friend class PipeFile;
  friend class FifoOpenState;
  friend Result<Ref<vfs::File>> OpenFifo(Context& ctx, vfs::Inode& inode, const vfs::Path& path, const vfs::OpenRequest& request);
  ~Pipe() override = default;
  bool FullLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return buffers_.size() >= slots_; }
  void PopFrontLocked(size_t n) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CollectLocked(size_t max, std::deque<Buffer>& out) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool MergeLocked(absl::Span<const std::byte> bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Result<size_t> WriteSmall(mm::IoSource& source, size_t n, bool packets);
  Result<size_t> WriteLarge(mm::IoSource& source, size_t n);
  void AddEnd(bool reader, bool writer);
  void DropEnd(bool reader, bool writer);

  const Kind kind_;
  mutable Mutex<LockRank::kPipe> mu_;
  std::deque<Buffer> buffers_ ABSL_GUARDED_BY(mu_);
  size_t slots_ ABSL_GUARDED_BY(mu_) = 16;
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  RefPtr<Chunk> spare_ ABSL_GUARDED_BY(mu_);  // an empty page kept for the next small write
  uint32_t readers_ ABSL_GUARDED_BY(mu_) = 0;
  uint32_t writers_ ABSL_GUARDED_BY(mu_) = 0;
  // How often an end was opened: a FIFO's open(2) waits for a change, not for a state (fifo(7)).
  uint64_t reader_opens_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t writer_opens_ ABSL_GUARDED_BY(mu_) = 0;
  wait::WaitQueue queue_;
  wait::WaitQueue open_queue_;
};

// A FIFO's open(2) that waits for the other end. The handler parks on it (any mask) and looks at done() when run again; dropping the file
// gives the open up.
class FifoOpenState final : public wait::Waitable {
 public:
  bool done();
  wait::EventMask Readiness(wait::EventMask mask) override { return done() ? mask : 0; }
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override;
  void RemoveWaiter(wait::Waiter& waiter) override;

 private:
  friend class PipeFile;
  friend Result<Ref<vfs::File>> OpenFifo(Context& ctx, vfs::Inode& inode, const vfs::Path& path, const vfs::OpenRequest& request);
  PipeFile* file_ = nullptr;  // null: this open never waits
  uint64_t seen_ = 0;         // opens of the other end at our open
};

// One open end (or both: a FIFO opened O_RDWR).
class PipeFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kPipe;
  PipeFile(Ref<Pipe> pipe, vfs::Path path, uint32_t flags);

  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override;
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override;
  Result<size_t> PRead(Context& ctx, mm::IoSink& sink, uint64_t offset) override;
  Result<size_t> PWrite(Context& ctx, mm::IoSource& source, uint64_t offset) override;
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override;
  std::string DisplayName() const override { return name_; }
  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override {
    pipe_->queue().Add(waiter, mask, exclusive);
  }
  void RemoveWaiter(wait::Waiter& waiter) override { pipe_->queue().Remove(waiter); }

  Pipe& pipe() const { return *pipe_; }

 private:
  friend class FifoOpenState;
  friend FifoOpenState* PendingOpen(vfs::File& file);
  friend Result<Ref<vfs::File>> OpenFifo(Context& ctx, vfs::Inode& inode, const vfs::Path& path, const vfs::OpenRequest& request);
  ~PipeFile() override;
  const Ref<Pipe> pipe_;
  const std::string name_;
  uint64_t writer_opens_at_open_ = 0;  // no POLLHUP before a writer has come; written before the file is shared
  FifoOpenState open_state_;
};

// pipe2(2): {reader, writer}. `flags`: O_NONBLOCK, O_DIRECT (O_CLOEXEC is the descriptor's and ignored here).
Result<std::pair<Ref<vfs::File>, Ref<vfs::File>>> MakePipe(Context& ctx, uint32_t flags);

// open(2) of a FIFO inode: ENXIO for O_WRONLY|O_NONBLOCK without a reader. A vfs::NodeOpener.
Result<Ref<vfs::File>> OpenFifo(Context& ctx, vfs::Inode& inode, const vfs::Path& path, const vfs::OpenRequest& request);
// At boot: makes every file system open its FIFOs here.
void RegisterFifos();
// Null unless `file` is a FIFO whose open(2) still has to wait for the other end (blocking opens only).
FifoOpenState* PendingOpen(vfs::File& file);

// fcntl(2) F_SETPIPE_SZ / F_GETPIPE_SZ: EBADF when `file` is no pipe.
Result<int64_t> SetCapacity(Context& ctx, vfs::File& file, uint64_t bytes);
Result<int64_t> GetCapacity(vfs::File& file);

}  // namespace ringwall::pipe
