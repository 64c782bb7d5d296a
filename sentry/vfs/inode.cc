// Inode and FileSystem: defaults of what a file system may leave out, with the errors Linux gives for it.
#include "sentry/vfs/inode.h"

#include "abi/device.h"
#include "abi/fcntl.h"
#include "base/log/check.h"
#include "sentry/vfs/dentry.h"
#include "sentry/vfs/file_lock.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/notify.h"

namespace ringwall::vfs {

bool OpenRequest::read() const { return (flags & abi::kO_ACCMODE) == abi::kO_RDONLY || (flags & abi::kO_ACCMODE) == abi::kO_RDWR; }
bool OpenRequest::write() const { return (flags & abi::kO_ACCMODE) == abi::kO_WRONLY || (flags & abi::kO_ACCMODE) == abi::kO_RDWR; }

Inode::Inode(FileSystem& fs, uint32_t type) : fs_(fs), type_(type) {}

Inode::~Inode() {
  delete locks_.load(std::memory_order_acquire);
  delete notify_marks_.load(std::memory_order_acquire);
}

Result<Ref<Inode>> Inode::Lookup(Context&, std::string_view) { return IsDirectory() ? Errno::kENOENT : Errno::kENOTDIR; }

std::vector<Ref<Inode>> Inode::LookupMany(Context& ctx, absl::Span<const std::string_view> names) {
  std::vector<Ref<Inode>> found;
  if (names.empty()) return found;
  Result<Ref<Inode>> first = Lookup(ctx, names[0]);
  if (first.ok()) found.push_back(std::move(first).value());
  return found;
}

// A directory of a file system without the operation: EPERM is what mkdir(2), link(2), symlink(2), mknod(2) give; create(2) gives EACCES.
Result<Ref<Inode>> Inode::Create(Context&, std::string_view, uint32_t) { return Errno::kEACCES; }
Result<Ref<Inode>> Inode::Mkdir(Context&, std::string_view, uint32_t) { return Errno::kEPERM; }
Result<Ref<Inode>> Inode::Mknod(Context&, std::string_view, uint32_t, uint64_t) { return Errno::kEPERM; }
Result<Ref<Inode>> Inode::Symlink(Context&, std::string_view, std::string_view) { return Errno::kEPERM; }
Result<void> Inode::Link(Context&, std::string_view, Inode&) { return Errno::kEPERM; }
Result<void> Inode::Unlink(Context&, std::string_view, Inode&) { return Errno::kEPERM; }
Result<void> Inode::Rmdir(Context&, std::string_view, Inode&) { return Errno::kEPERM; }
Result<void> Inode::Rename(Context&, std::string_view, Inode&, Inode&, std::string_view, Inode*, uint32_t) { return Errno::kEPERM; }
Result<Ref<Inode>> Inode::Tmpfile(Context&, uint32_t) { return Errno::kEOPNOTSUPP; }
Result<std::string> Inode::ReadLink(Context&) { return Errno::kEINVAL; }
Result<Path> Inode::FollowMagic(Context&) { return Errno::kENOLINK; }
Result<std::string> Inode::GetXattr(Context&, std::string_view) { return Errno::kEOPNOTSUPP; }
Result<void> Inode::SetXattr(Context&, std::string_view, std::string_view, uint32_t) { return Errno::kEOPNOTSUPP; }
Result<std::vector<std::string>> Inode::ListXattr(Context&) { return std::vector<std::string>(); }
Result<void> Inode::RemoveXattr(Context&, std::string_view) { return Errno::kEOPNOTSUPP; }

Result<FileSystemStats> Inode::StatFs(Context&) {
  FileSystemStats stats;
  stats.id = fs_->dev();
  return stats;
}

FileLocks& Inode::locks() {
  FileLocks* locks = locks_.load(std::memory_order_acquire);
  if (locks != nullptr) return *locks;
  auto* fresh = new FileLocks();
  if (locks_.compare_exchange_strong(locks, fresh, std::memory_order_acq_rel)) return *fresh;
  delete fresh;
  return *locks;
}

NotifyMarks& Inode::notify_marks() {
  NotifyMarks* marks = notify_marks_.load(std::memory_order_acquire);
  if (marks != nullptr) return *marks;
  auto* fresh = new NotifyMarks();
  if (notify_marks_.compare_exchange_strong(marks, fresh, std::memory_order_acq_rel)) return *fresh;
  delete fresh;
  return *marks;
}

RefPtr<RefCounted> Inode::attachment() const {
  MutexLock lock(attachment_mu_);
  return attachment_;
}

Ref<RefCounted> Inode::AttachOnce(Ref<RefCounted> (*make)()) {
  if (RefPtr<RefCounted> there = attachment()) return std::move(there).ToRef();
  Ref<RefCounted> fresh = make();  // outlives the lock when it lost the race
  MutexLock lock(attachment_mu_);
  if (!attachment_) attachment_ = fresh;
  return attachment_.ToRef();
}

void Inode::SetAttachment(RefPtr<RefCounted> attachment) {
  MutexLock lock(attachment_mu_);
  std::swap(attachment_, attachment);  // the old one dies with the argument, after the lock
}

namespace {
// Minor numbers of anonymous devices, as Linux gives them to file systems without a disk. Never reused.
std::atomic<uint32_t> g_next_minor{20};
}  // namespace

FileSystem::FileSystem(size_t dentry_cache_capacity)
    : dev_(abi::MakeDev(abi::kUNNAMED_MAJOR, g_next_minor.fetch_add(1, std::memory_order_relaxed))), dentry_cache_(dentry_cache_capacity) {}

FileSystem::~FileSystem() {
  MutexLock lock(root_mu_);
  CHECK(root_dentry_ == nullptr);  // a dentry holds its inode, the inode its file system
}

Ref<Dentry> FileSystem::RootDentry() {
  Ref<Dentry> fresh = Dentry::MakeRoot(root());
  MutexLock lock(root_mu_);
  if (root_dentry_ != nullptr && root_dentry_->TryAddRef()) return Ref<Dentry>(root_dentry_, Ref<Dentry>::AdoptTag{});
  root_dentry_ = fresh.get();
  return fresh;
}

void FileSystem::ForgetRootDentry(const Dentry* root) {
  MutexLock lock(root_mu_);
  if (root_dentry_ == root) root_dentry_ = nullptr;
}

void FileSystem::DropMount() {
  if (mounts_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  NotifyUnmount(*this);
  dentry_cache_.Clear();
  OnLastUnmount();
}

}  // namespace ringwall::vfs
