// File: what open file descriptions have in common (open(2), read(2), lseek(2)), and the defaults for kinds that lack an operation.
#include "sentry/vfs/file.h"

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/vfs/file_lock.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/notify.h"

namespace ringwall::vfs {

namespace {

std::atomic<uint64_t> g_next_file_id{1};

constexpr uint32_t kChangeable = abi::kO_APPEND | abi::kO_NONBLOCK | abi::kO_ASYNC | abi::kO_DIRECT | abi::kO_NOATIME;
// Flags of open(2) that are about the opening only: F_GETFL does not show them.
constexpr uint32_t kOpeningOnly = abi::kO_CREAT | abi::kO_EXCL | abi::kO_NOCTTY | abi::kO_TRUNC | abi::kO_CLOEXEC;

// Streams and the anonymous files have no positions (lseek(2), pread(2): ESPIPE).
bool HasPositions(FileKind kind) {
  switch (kind) {
    case FileKind::kRegular:
    case FileKind::kDirectory:
    case FileKind::kMemfd:
    case FileKind::kDevice:
    case FileKind::kMqueue:
    case FileKind::kOther: return true;
    default: return false;
  }
}

bool OpenedFor(uint32_t flags, uint32_t mode) {
  const uint32_t access = flags & abi::kO_ACCMODE;
  return (flags & abi::kO_PATH) == 0 && (access == mode || access == abi::kO_RDWR);
}

}  // namespace

File::File(FileKind kind, Path path, uint32_t open_flags)
    : kind_(kind),
      path_(std::move(path)),
      readable_(OpenedFor(open_flags, abi::kO_RDONLY)),
      writable_(OpenedFor(open_flags, abi::kO_WRONLY)),
      flags_(open_flags & ~kOpeningOnly),
      id_(g_next_file_id.fetch_add(1, std::memory_order_relaxed)) {
  if (writable_ && path_.mount && !path_.inode().IsDirectory()) path_.mount->writers.fetch_add(1, std::memory_order_acq_rel);
  if (writable_ && path_ && path_.inode().IsRegular()) path_.inode().write_count.fetch_add(1, std::memory_order_acq_rel);
}

File::~File() {
  if (!path_) return;
  Inode& inode = path_.inode();
  if (writable_ && path_.mount && !inode.IsDirectory()) path_.mount->writers.fetch_sub(1, std::memory_order_acq_rel);
  if (writable_ && inode.IsRegular()) inode.write_count.fetch_sub(1, std::memory_order_acq_rel);
  if (FileLocks* locks = inode.locks_if_any()) {
    locks->ReleaseOwner(LockOwner::Kind::kOfd, id_);
    locks->Funlock(id_);
  }
}

void File::OnLastRef() const {
  NotifyFile(*this, writable_ ? abi::kIN_CLOSE_WRITE : abi::kIN_CLOSE_NOWRITE);
  std::vector<Ref<Watcher>> watchers;
  {
    MutexLock lock(watchers_mu_);
    watchers.swap(const_cast<File*>(this)->watchers_);
  }
  for (const Ref<Watcher>& watcher : watchers) watcher->OnFileGone(const_cast<File&>(*this));
  delete this;
}

void File::AddWatcher(Ref<Watcher> watcher) {
  MutexLock lock(watchers_mu_);
  watchers_.push_back(std::move(watcher));
}

void File::RemoveWatcher(Watcher& watcher) {
  RefPtr<Watcher> removed;  // dies outside the lock
  MutexLock lock(watchers_mu_);
  for (Ref<Watcher>& w : watchers_) {
    if (w.get() != &watcher) continue;
    std::swap(w, watchers_.back());
    removed = std::move(watchers_.back());
    watchers_.pop_back();
    return;
  }
}

Result<size_t> File::Read(Context& ctx, mm::IoSink& sink) {
  if (!readable_) return Errno::kEBADF;
  MutexLock lock(position_mu_);
  const size_t n = TRY(PRead(ctx, sink, position_));
  position_ += n;
  return n;
}

Result<size_t> File::Write(Context& ctx, mm::IoSource& source) {
  if (!writable_) return Errno::kEBADF;
  MutexLock lock(position_mu_);
  if (append()) {
    uint64_t end = position_;
    const size_t n = TRY(Append(ctx, source, end));
    position_ = end;
    return n;
  }
  const size_t n = TRY(PWrite(ctx, source, position_));
  position_ += n;
  return n;
}

Result<size_t> File::PRead(Context&, mm::IoSink&, uint64_t) {
  if (!readable_) return Errno::kEBADF;
  return HasPositions(kind_) ? Errno::kEINVAL : Errno::kESPIPE;
}
Result<size_t> File::PWrite(Context&, mm::IoSource&, uint64_t) {
  if (!writable_) return Errno::kEBADF;
  return HasPositions(kind_) ? Errno::kEINVAL : Errno::kESPIPE;
}

Result<size_t> File::Append(Context& ctx, mm::IoSource& source, uint64_t& end) {
  const Attributes attributes = TRY(GetAttributes(ctx));
  const size_t n = TRY(PWrite(ctx, source, attributes.size));
  end = attributes.size + n;
  return n;
}

Result<int64_t> File::Seek(Context& ctx, int64_t offset, int32_t whence) {
  if (!HasPositions(kind_)) return Errno::kESPIPE;
  uint64_t size = 0;
  if (whence != abi::kSEEK_SET && whence != abi::kSEEK_CUR) {
    // A directory's positions are cookies: there is no distance from its end.
    if (kind_ == FileKind::kDirectory) return Errno::kEINVAL;
    const Attributes attributes = TRY(GetAttributes(ctx));
    size = attributes.size;
  }
  MutexLock lock(position_mu_);
  int64_t base = 0;
  switch (whence) {
    case abi::kSEEK_SET: break;
    case abi::kSEEK_CUR: base = static_cast<int64_t>(position_); break;
    case abi::kSEEK_END: base = static_cast<int64_t>(size); break;
    case abi::kSEEK_DATA:
    case abi::kSEEK_HOLE:
      // No holes but the one behind the end (lseek(2)).
      if (offset < 0 || static_cast<uint64_t>(offset) >= size) return Errno::kENXIO;
      if (whence == abi::kSEEK_HOLE) offset = static_cast<int64_t>(size);
      break;
    default: return Errno::kEINVAL;
  }
  int64_t target;
  if (__builtin_add_overflow(base, offset, &target)) return Errno::kEOVERFLOW;
  if (target < 0) return Errno::kEINVAL;
  position_ = static_cast<uint64_t>(target);
  return target;
}

Result<void> File::ReadDir(Context& ctx, DirSink& sink) {
  MutexLock lock(position_mu_);
  return ReadDirAt(ctx, sink, position_);
}
Result<void> File::ReadDirAt(Context&, DirSink&, uint64_t&) { return Errno::kENOTDIR; }
Result<int64_t> File::Ioctl(Context&, uint32_t, uint64_t) { return Errno::kENOTTY; }
Result<void> File::Sync(Context&, bool) {
  // Kinds without storage can't be synchronised (fsync(2), EINVAL).
  if (kind_ == FileKind::kRegular || kind_ == FileKind::kDirectory || kind_ == FileKind::kMemfd) return {};
  return Errno::kEINVAL;
}
Result<void> File::Allocate(Context&, int32_t, uint64_t, uint64_t) {
  switch (kind_) {
    case FileKind::kPipe:
    case FileKind::kSocket: return Errno::kESPIPE;
    case FileKind::kDirectory: return Errno::kEISDIR;
    case FileKind::kRegular:
    case FileKind::kMemfd: return Errno::kEOPNOTSUPP;
    default: return Errno::kENODEV;
  }
}
Result<Ref<mm::Mappable>> File::Mmap(Context&) { return Errno::kENODEV; }

Result<Attributes> File::GetAttributes(Context& ctx) {
  if (path_) return path_.inode().GetAttributes(ctx);
  Attributes attributes;
  attributes.mode = 0600;
  return attributes;
}

Result<void> File::SetAttributes(Context& ctx, const AttributeChange& change) {
  if (!path_) return Errno::kEINVAL;
  return path_.inode().SetAttributes(ctx, change);
}

std::string File::DisplayName() const { return path_ ? path_.dentry->name() : "anon_inode:[unknown]"; }

wait::EventMask File::Readiness(wait::EventMask mask) {
  return mask & (abi::kPOLLIN | abi::kPOLLOUT | abi::kPOLLRDNORM | abi::kPOLLWRNORM);
}

bool File::nonblocking() const { return (flags() & abi::kO_NONBLOCK) != 0; }
bool File::append() const { return (flags() & abi::kO_APPEND) != 0; }

Result<void> File::SetFlags(uint32_t changeable) {
  uint32_t old = flags_.load(std::memory_order_relaxed);
  while (!flags_.compare_exchange_weak(old, (old & ~kChangeable) | (changeable & kChangeable), std::memory_order_acq_rel)) {
  }
  return {};
}

uint64_t File::position() const {
  MutexLock lock(position_mu_);
  return position_;
}

void File::SetPosition(uint64_t position) {
  MutexLock lock(position_mu_);
  position_ = position;
}

}  // namespace ringwall::vfs
