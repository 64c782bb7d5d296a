// FdTable: a process's descriptors (shared with CLONE_FILES). Reserve, fill, publish.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "abi/fd.h"
#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/file.h"

namespace ringwall::vfs {

struct FdFlags {
  bool cloexec = false;
};

class FdTable;

// One reserved number; freed again unless installed.
class FdReservation {
 public:
  FdReservation(FdReservation&& o) noexcept : table_(std::exchange(o.table_, nullptr)), fd_(o.fd_) {}
  FdReservation& operator=(FdReservation&&) = delete;
  ~FdReservation();
  abi::Fd fd() const { return fd_; }
  // Publishes the file under the number.
  void Install(Ref<File> file, FdFlags flags) &&;

 private:
  friend class FdTable;
  FdReservation(FdTable* table, abi::Fd fd) : table_(table), fd_(fd) {}
  FdTable* table_;
  abi::Fd fd_;
};

class FdTable : public RefCounted {
 public:
  // Hard ceiling whatever the rlimit says (fs.nr_open).
  static constexpr uint32_t kMaxFds = 1 << 20;

  static Ref<FdTable> Create();
  // Unique for life: the owner of this process's POSIX record locks (fcntl(2)).
  uint64_t id() const { return id_; }
  // fork without CLONE_FILES, close_range(UNSHARE).
  Ref<FdTable> Clone();

  // EBADF when not open. O_PATH descriptors too: callers that move data use GetForIo.
  Result<Ref<File>> Get(abi::Fd fd) const;
  // EBADF for O_PATH descriptors as well.
  Result<Ref<File>> GetForIo(abi::Fd fd) const;
  Result<FdFlags> GetFlags(abi::Fd fd) const;
  Result<void> SetFlags(abi::Fd fd, FdFlags flags);

  // Lowest free number >= from; EMFILE when it would reach `limit` (RLIMIT_NOFILE).
  Result<FdReservation> Reserve(uint64_t limit, uint32_t from = 0);
  // Reserve + Install.
  Result<abi::Fd> Add(Ref<File> file, FdFlags flags, uint64_t limit, uint32_t from = 0);
  // dup2/dup3 onto a number: EBADF when >= limit, EBUSY when the number is reserved and not yet installed. Returns the file that was there.
  Result<RefPtr<File>> Replace(abi::Fd fd, Ref<File> file, FdFlags flags, uint64_t limit);
  // EBADF. The file is returned so that the caller flushes and drops it outside the lock.
  Result<Ref<File>> Remove(abi::Fd fd);
  // All of [first, last] that are open, removed (close_range).
  std::vector<std::pair<abi::Fd, Ref<File>>> RemoveRange(uint32_t first, uint32_t last);
  void SetCloexecRange(uint32_t first, uint32_t last);
  // Those with close-on-exec, for execve(2).
  std::vector<std::pair<abi::Fd, Ref<File>>> RemoveCloexec();
  std::vector<abi::Fd> OpenFds() const;  // sorted
  // Size of the table as /proc/PID/status:FDSize shows it.
  uint32_t Capacity() const;

 private:
  friend class FdReservation;
  FdTable();
  // Closes everything: POSIX locks go, files are flushed.
  ~FdTable() override;
  // The lowest free slot >= from, grown as needed and marked reserved.
  Result<uint32_t> TakeFreeLocked(uint64_t limit, uint32_t from) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void GrowLocked(uint32_t at_least) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  struct Slot {
    RefPtr<File> file;
    bool cloexec = false;
    bool reserved = false;
  };
  const uint64_t id_;
  mutable Mutex<LockRank::kFdTable> mu_;
  std::vector<Slot> slots_ ABSL_GUARDED_BY(mu_);
  uint32_t lowest_free_hint_ ABSL_GUARDED_BY(mu_) = 0;
};

// What close(2) does with a file that left `table`: drops the process's POSIX locks on it (fcntl(2): any close does), then flushes.
Result<void> FinishClose(Context& ctx, const Ref<File>& file, const FdTable& table);

}  // namespace ringwall::vfs
