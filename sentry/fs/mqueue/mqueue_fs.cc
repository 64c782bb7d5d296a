// The mqueue file system: one flat directory of queues.
#include "sentry/fs/mqueue/mqueue_fs.h"

#include <utility>

#include "abi/capability.h"
#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "abi/limits.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/mqueue/queue.h"
#include "sentry/time/clock.h"
#include "sentry/vfs/notify.h"
#include "sentry/vfs/operations.h"

namespace ringwall::mqueue {

namespace {

constexpr int64_t kFirstName = 2;  // behind "." and ".."
constexpr uint64_t kDirectorySize = 20;

// Differs from Linux: CAP_SYS_RESOURCE may make this many queues, not any number.
constexpr int32_t kMaxQueues = 1 << 16;

}  // namespace

class Directory final : public vfs::Inode {
 public:
  Directory(MqueueFs& fs, const abi::Timespec& now) : Inode(fs, abi::kS_IFDIR), ino_(fs.NextIno()), time_(now) {}

  Result<vfs::Attributes> GetAttributes(Context&) override {
    vfs::Attributes a;
    a.dev = file_system().dev();
    a.ino = ino_;
    a.nlink = 2;
    MutexLock lock(mu_);
    a.mode = abi::kS_IFDIR | mode_;
    a.uid = uid_;
    a.gid = gid_;
    a.size = kDirectorySize * by_name_.size();
    a.atime = a.mtime = a.ctime = a.btime = time_;
    return a;
  }
  Result<void> SetAttributes(Context&, const vfs::AttributeChange& change) override {
    using Mask = vfs::AttributeChange::Mask;
    MutexLock lock(mu_);
    if ((change.mask & Mask::kMode) != 0) mode_ = change.mode & abi::kS_IALLUGO;
    if ((change.mask & Mask::kUid) != 0) uid_ = change.uid;
    if ((change.mask & Mask::kGid) != 0) gid_ = change.gid;
    return {};
  }
  Result<Ref<vfs::Inode>> Lookup(Context&, std::string_view name) override {
    if (name.size() > abi::kNAME_MAX) return Errno::kENAMETOOLONG;
    MutexLock lock(mu_);
    const auto it = by_name_.find(name);
    if (it == by_name_.end()) return Errno::kENOENT;
    return Ref<vfs::Inode>(it->second.queue);
  }
  // open(2) with O_CREAT makes a queue with the default attributes.
  Result<Ref<vfs::Inode>> Create(Context& ctx, std::string_view name, uint32_t mode) override {
    return Make(ctx, name, mode, nullptr, ~uint64_t{0});
  }
  Result<Ref<vfs::Inode>> Make(Context& ctx, std::string_view name, uint32_t mode, const Attributes* wanted, uint64_t byte_limit);
  Result<void> Unlink(Context& ctx, std::string_view name, vfs::Inode& victim) override {
    RefPtr<Queue> gone;
    MutexLock lock(mu_);
    const auto it = by_name_.find(name);
    if (it == by_name_.end() || it->second.queue.get() != &victim) return Errno::kENOENT;
    gone = std::move(it->second.queue);
    gone->DropName();
    by_position_.erase(it->second.position);
    by_name_.erase(it);
    time_ = ctx.Now();
    return {};
  }
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;
  Result<vfs::FileSystemStats> StatFs(Context&) override {
    vfs::FileSystemStats stats;
    stats.type = 0x19800202;
    stats.id = file_system().dev();
    return stats;
  }
  uint64_t ino() const { return ino_; }
  struct Listed {
    std::string name;
    uint64_t ino;
    int64_t position;
  };
  // The name at `from` or behind it.
  bool Next(int64_t from, Listed& out) const {
    MutexLock lock(mu_);
    const auto it = by_position_.lower_bound(from);
    if (it == by_position_.end()) return false;
    const auto entry = by_name_.find(it->second);
    out = {it->second, entry->second.queue->ino(), it->first};
    return true;
  }

 private:
  struct Entry {
    Ref<Queue> queue;
    int64_t position;
  };
  const uint64_t ino_;
  mutable Mutex<LockRank::kInode> mu_;
  uint32_t mode_ ABSL_GUARDED_BY(mu_) = 01777, uid_ ABSL_GUARDED_BY(mu_) = 0, gid_ ABSL_GUARDED_BY(mu_) = 0;
  abi::Timespec time_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Entry, std::less<>> by_name_ ABSL_GUARDED_BY(mu_);
  std::map<int64_t, std::string> by_position_ ABSL_GUARDED_BY(mu_);
  int64_t next_position_ ABSL_GUARDED_BY(mu_) = kFirstName;
};

namespace {

class DirectoryFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kDirectory;
  DirectoryFile(Ref<Directory> directory, vfs::Path path, uint32_t flags)
      : File(kKind, std::move(path), flags), directory_(std::move(directory)) {}
  Result<size_t> PRead(Context&, mm::IoSink&, uint64_t) override { return Errno::kEISDIR; }
  Result<void> ReadDirAt(Context&, vfs::DirSink& sink, uint64_t& position) override {
    for (; position < static_cast<uint64_t>(kFirstName); ++position) {
      if (!sink.Add(position == 0 ? "." : "..", directory_->ino(), abi::kDT_DIR, static_cast<int64_t>(position) + 1)) return {};
    }
    Directory::Listed entry;
    while (directory_->Next(static_cast<int64_t>(position), entry)) {
      if (!sink.Add(entry.name, entry.ino, abi::kDT_REG, entry.position + 1)) return {};
      position = static_cast<uint64_t>(entry.position) + 1;
    }
    return {};
  }

 private:
  const Ref<Directory> directory_;
};

// mq_open(3): EINVAL for what the limits do not allow.
Result<Attributes> Checked(Context& ctx, const MqueueFs& fs, const Attributes* wanted) {
  Attributes a;
  if (wanted == nullptr) {
    a.max_messages = std::min(fs.msg_max.load(), fs.msg_default.load());
    a.message_size = std::min(fs.msgsize_max.load(), fs.msgsize_default.load());
    return a;
  }
  a = *wanted;
  if (a.max_messages <= 0 || a.message_size <= 0) return Errno::kEINVAL;
  const bool privileged = ctx.creds().Has(abi::kCAP_SYS_RESOURCE);
  const int64_t messages = privileged ? abi::kMQ_MSG_HARD_MAX : fs.msg_max.load();
  const int64_t size = privileged ? abi::kMQ_MSGSIZE_HARD_MAX : fs.msgsize_max.load();
  if (a.max_messages > messages || a.message_size > size) return Errno::kEINVAL;
  return a;
}

}  // namespace

Result<Ref<vfs::File>> Directory::Open(Context&, const vfs::Path& path, const vfs::OpenRequest& request) {
  return Ref<vfs::File>(MakeRef<DirectoryFile>(Ref<Directory>(*this), path, request.flags));
}

Result<Ref<vfs::Inode>> Directory::Make(Context& ctx, std::string_view name, uint32_t mode, const Attributes* wanted, uint64_t byte_limit) {
  auto& fs = static_cast<MqueueFs&>(file_system());
  if (name.size() > abi::kNAME_MAX) return Errno::kENAMETOOLONG;
  const vfs::Attributes mine = TRY(GetAttributes(ctx));
  const bool privileged = ctx.creds().Has(abi::kCAP_SYS_RESOURCE);
  const int32_t limit = privileged ? kMaxQueues : std::min(fs.queues_max.load(), kMaxQueues);
  if (fs.queue_count.fetch_add(1, std::memory_order_relaxed) >= limit) {
    fs.queue_count.fetch_sub(1, std::memory_order_relaxed);
    return Errno::kENOSPC;
  }
  auto attributes = Checked(ctx, fs, wanted);
  auto charged = attributes.ok() ? fs.ChargeUser(ctx.creds().uid, Queue::BytesFor(*attributes), byte_limit) : attributes.error();
  if (!charged.ok()) {
    fs.queue_count.fetch_sub(1, std::memory_order_relaxed);
    return charged.error();
  }
  // From here on the queue gives it all back.
  const vfs::NewFileOwner owner = vfs::OwnerOfNewFile(ctx, mine, mode);
  const Ref<Queue> queue = MakeRef<Queue>(fs, owner, *attributes, ctx.creds().uid, Queue::BytesFor(*attributes), ctx.Now());
  MutexLock lock(mu_);
  const auto [it, added] = by_name_.try_emplace(std::string(name), Entry{queue, next_position_});
  if (!added) return Errno::kEEXIST;
  by_position_.emplace(next_position_++, std::string(name));
  time_ = ctx.Now();
  return Ref<vfs::Inode>(queue);
}

// ---- file system ------------------------------------------------------------------------------------------------------------

Ref<MqueueFs> MqueueFs::Create() {
  Ref<MqueueFs> fs(new MqueueFs(), Ref<MqueueFs>::AdoptTag{});
  fs->root_ = MakeRef<Directory>(*fs, time::ToTimespec(time::RealtimeNs()));
  return fs;
}

Ref<vfs::Inode> MqueueFs::root() { return root_.ToRef(); }

Result<void> MqueueFs::ChargeUser(uint32_t uid, uint64_t bytes, uint64_t limit) {
  MutexLock lock(users_mu_);
  uint64_t& used = user_bytes_[uid];
  if (used + bytes < used || used + bytes > limit) {
    if (used == 0) user_bytes_.erase(uid);
    return Errno::kEMFILE;
  }
  used += bytes;
  return {};
}

void MqueueFs::RefundUser(uint32_t uid, uint64_t bytes) {
  MutexLock lock(users_mu_);
  const auto it = user_bytes_.find(uid);
  if (it == user_bytes_.end()) return;
  it->second -= std::min(it->second, bytes);
  if (it->second == 0) user_bytes_.erase(it);
}

bool MqueueFs::ChargeMessage(uint64_t bytes) {
  const auto cost = static_cast<int64_t>(bytes);
  if (message_bytes_.fetch_add(cost, std::memory_order_relaxed) + cost <= kMaxMessageBytes) return true;
  message_bytes_.fetch_sub(cost, std::memory_order_relaxed);
  return false;
}

namespace {

// mq_open(2) and mq_unlink(2) take one component, without the slash that mq_open(3) has taken off.
Result<void> CheckName(std::string_view name) {
  if (name.empty()) return Errno::kENOENT;
  if (name == "." || name == ".." || name.find('/') != std::string_view::npos) return Errno::kEACCES;
  if (name.size() > abi::kNAME_MAX) return Errno::kENAMETOOLONG;
  return {};
}

}  // namespace

Result<Ref<vfs::File>> MqueueFs::OpenQueue(Context& ctx, const Ref<vfs::Mount>& mount, std::string_view name, uint32_t flags, uint32_t mode,
                                           const Attributes* attributes, uint64_t byte_limit) {
  TRY(CheckName(name));
  const Ref<vfs::Dentry> top = RootDentry();
  auto& directory = static_cast<Directory&>(*top->inode_raw());
  vfs::Path place{mount, nullptr};
  bool created = false;
  {
    MutexLock lock(top->directory_mutex());
    auto found = directory.Lookup(ctx, name);
    if (found.ok()) {
      if ((flags & abi::kO_CREAT) != 0 && (flags & abi::kO_EXCL) != 0) return Errno::kEEXIST;
      place.dentry = top->AddChild(name, *found);
    } else {
      if ((flags & abi::kO_CREAT) == 0) return found.error();
      TRY(vfs::CheckAccess(ctx, directory, abi::kW_OK | abi::kX_OK));
      NameChange change(*this);
      Ref<vfs::Inode> queue = TRY(directory.Make(ctx, name, mode | abi::kS_IFREG, attributes, byte_limit));
      place.dentry = top->AddChild(name, std::move(queue));
      created = true;
    }
  }
  if (created) vfs::NotifyName(directory, abi::kIN_CREATE, name);
  if (!created) {
    // mq_open(2): both access bits at once are no mode.
    if ((flags & abi::kO_ACCMODE) == abi::kO_ACCMODE) return Errno::kEINVAL;
    const uint32_t access = (flags & abi::kO_ACCMODE) == abi::kO_RDONLY   ? abi::kR_OK
                            : (flags & abi::kO_ACCMODE) == abi::kO_WRONLY ? abi::kW_OK
                                                                          : abi::kR_OK | abi::kW_OK;
    TRY(vfs::CheckAccess(ctx, place.inode(), access));
  }
  return place.inode().Open(ctx, place, vfs::OpenRequest{.flags = flags & (abi::kO_ACCMODE | abi::kO_NONBLOCK)});
}

Result<void> MqueueFs::Unlink(Context& ctx, const Ref<vfs::MountNamespace>& ns, const Ref<vfs::Mount>& mount, std::string_view name) {
  TRY(CheckName(name));
  const vfs::Path top{mount, RootDentry()};
  const vfs::WalkStart start{ns, top, top};
  return vfs::Unlink(ctx, start, name);
}

}  // namespace ringwall::mqueue
