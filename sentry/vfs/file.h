// File: an open file description (open(2)): status flags and offset, shared by dup and fork. Kinds of files derive from it.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "abi/fcntl.h"
#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/context/context.h"
#include "sentry/mm/io_buffer.h"
#include "sentry/mm/mappable.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/types.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::vfs {

enum class FileKind : uint8_t {
  kOther,
  kRegular,
  kDirectory,
  kPath /* O_PATH */,
  kPipe,
  kSocket,
  kEpoll,
  kEventfd,
  kSignalfd,
  kTimerfd,
  kPidfd,
  kMemfd,
  kInotify,
  kMqueue,
  kTty,
  kDevice,
  kNamespace,   // a file of /proc/PID/ns
  kHostStream,  // a donated pipe, socket or terminal of the host: blocks until complete like its guest counterpart
};

// Where a non-positioned transfer happens.
enum class FileOp : uint8_t { kRead, kWrite };

class File : public RefCounted, public wait::Waitable {
 public:
  // Transfers return the bytes moved (0 = end of file for reads), or:
  //   EAGAIN   nothing now; the caller parks on Readiness(kPOLLIN/kPOLLOUT) unless the file is non-blocking
  //   ESPIPE   (P*) not seekable      EBADF not open for this      EINVAL can't be done on this kind
  // Never both: when some bytes moved before an error, the count is returned; the error shows up next time.
  // The default Read/Write hold the position lock and call PRead/PWrite; stream files override Read/Write.
  virtual Result<size_t> Read(Context& ctx, mm::IoSink& sink);
  virtual Result<size_t> Write(Context& ctx, mm::IoSource& source);
  virtual Result<size_t> PRead(Context& ctx, mm::IoSink& sink, uint64_t offset);
  virtual Result<size_t> PWrite(Context& ctx, mm::IoSource& source, uint64_t offset);
  // One write at the end of the file, wherever that is (O_APPEND); `end` becomes the position behind it. The default asks for the size
  // first; file systems that can do it in one step override it. Write comes here by itself, PWrite of such a file must too (pwrite(2),
  // BUGS).
  virtual Result<size_t> Append(Context& ctx, mm::IoSource& source, uint64_t& end);
  // lseek(2) with SEEK_SET, CUR, END, DATA, HOLE. Default: by GetAttributes' size; stream kinds give ESPIPE.
  virtual Result<int64_t> Seek(Context& ctx, int64_t offset, int32_t whence);
  // Feeds entries from the current position on, and moves it. ENOTDIR by default.
  virtual Result<void> ReadDir(Context& ctx, DirSink& sink);
  // What ReadDir does under the position's lock. File systems on top of others call it with a position of their own, one caller at a time.
  virtual Result<void> ReadDirAt(Context& ctx, DirSink& sink, uint64_t& position);
  // ENOTTY by default. Arguments are decoded through ctx.memory().
  virtual Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument);
  virtual Result<void> Sync(Context& ctx, bool data_only);
  // fallocate(2) with its mode bits. EOPNOTSUPP by default.
  virtual Result<void> Allocate(Context& ctx, int32_t mode, uint64_t offset, uint64_t length);
  // ENODEV by default.
  virtual Result<Ref<mm::Mappable>> Mmap(Context& ctx);
  virtual Result<Attributes> GetAttributes(Context& ctx);
  virtual Result<void> SetAttributes(Context& ctx, const AttributeChange& change);
  // A descriptor that refers to this was closed (close(2) reports its error). Not the last reference: that is the destructor.
  virtual Result<void> Flush(Context& ctx) {
    (void)ctx;
    return {};
  }
  // Extra lines of /proc/PID/fdinfo/N.
  virtual std::string FdInfo() const { return ""; }
  // What /proc/PID/fd/N reads for files without a place in the tree: "pipe:[12]", "anon_inode:[eventpoll]".
  virtual std::string DisplayName() const;

  // Regular files and directories are always ready.
  wait::EventMask Readiness(wait::EventMask mask) override;

  FileKind kind() const { return kind_; }
  template <typename T>
  T* As() {
    return kind_ == T::kKind ? static_cast<T*>(this) : nullptr;
  }
  const Path& path() const { return path_; }  // empty Path for anonymous files without dentry
  bool readable() const { return readable_; }
  bool writable() const { return writable_; }
  // Status flags that fcntl(F_SETFL) can change plus the access mode: what F_GETFL returns (without O_CLOEXEC).
  uint32_t flags() const { return flags_.load(std::memory_order_acquire); }
  bool nonblocking() const;
  bool append() const;
  // F_SETFL: the caller has masked to O_APPEND|O_NONBLOCK|O_ASYNC|O_DIRECT|O_NOATIME.
  virtual Result<void> SetFlags(uint32_t changeable);
  // F_SETOWN_EX of fcntl(2): kept here; who sends SIGIO is task/async_signals.h.
  abi::FOwnerEx signal_owner() const { return {.type = owner_type_.load(), .pid = owner_pid_.load()}; }
  void SetSignalOwner(const abi::FOwnerEx& owner) {
    owner_type_.store(owner.type);
    owner_pid_.store(owner.pid);
  }
  uint64_t position() const;
  void SetPosition(uint64_t position);
  // Who must let go of this file before it dies although it holds no reference: an epoll item (epoll(7), "last descriptor closed").
  class Watcher : public RefCounted {
   public:
    // Once, when the last reference is gone and before anything is destroyed. No lock held.
    virtual void OnFileGone(File& file) = 0;
  };
  // The caller holds a reference to the file.
  void AddWatcher(Ref<Watcher> watcher);
  void RemoveWatcher(Watcher& watcher);
  // Unique for life, for lock ownership (OFD, flock) and kcmp.
  uint64_t id() const { return id_; }

 protected:
  // Takes write access on the inode (write_count) when opened for writing; the destructor gives it back.
  File(FileKind kind, Path path, uint32_t open_flags);
  ~File() override;
  // Tells the watchers, then deletes. A kind that overrides it calls this last.
  void OnLastRef() const override;

  // Held over a whole positioned transfer, as Linux's f_pos_lock. The only lock that may be held over a copy of guest memory:
  // nothing that serves a page fault ever takes it.
  mutable Mutex<LockRank::kFilePosition> position_mu_;
  uint64_t position_ ABSL_GUARDED_BY(position_mu_) = 0;

 private:
  const FileKind kind_;
  const Path path_;
  const bool readable_;
  const bool writable_;
  std::atomic<uint32_t> flags_;
  std::atomic<int32_t> owner_type_{abi::kF_OWNER_PID};
  std::atomic<int32_t> owner_pid_{0};
  const uint64_t id_;
  mutable Mutex<LockRank::kFile> watchers_mu_;
  std::vector<Ref<Watcher>> watchers_ ABSL_GUARDED_BY(watchers_mu_);
};

}  // namespace ringwall::vfs
