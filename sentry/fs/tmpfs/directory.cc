// tmpfs directories: names, and positions in them that stay valid while others come and go.
#include <utility>

#include "abi/dirent.h"
#include "abi/fcntl.h"
#include "sentry/fs/tmpfs/inode.h"
#include "sentry/vfs/file.h"

namespace ringwall::tmpfs {

namespace {

constexpr uint64_t kEmptySize = 40;  // what stat(2) shows for directories of tmpfs: 40 and 20 for each name
constexpr uint64_t kEntrySize = 20;
constexpr size_t kListBatch = 64;

absl::string_view Key(std::string_view name) { return absl::string_view(name.data(), name.size()); }

class DirectoryFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kDirectory;
  DirectoryFile(DirectoryInode& inode, const vfs::Path& path, uint32_t flags) : File(kKind, path, flags), inode_(inode) {}
  Result<size_t> Read(Context&, mm::IoSink&) override { return Errno::kEISDIR; }
  Result<size_t> PRead(Context&, mm::IoSink&, uint64_t) override { return Errno::kEISDIR; }

  Result<void> ReadDirAt(Context& ctx, vfs::DirSink& sink, uint64_t& position) override {
    uint64_t parent_ino = inode_->ino();
    if (const RefPtr<vfs::Dentry> parent = path().dentry->parent()) {
      const vfs::Attributes attributes = TRY(parent->inode_raw()->GetAttributes(ctx));
      parent_ino = attributes.ino;
    }
    auto at = static_cast<int64_t>(position);
    if (at == 0 && sink.Add(".", inode_->ino(), abi::kDT_DIR, 1)) at = 1;
    if (at == 1 && sink.Add("..", parent_ino, abi::kDT_DIR, 2)) at = 2;
    for (bool full = at < 2; !full;) {
      const std::vector<DirectoryInode::Listed> batch = inode_->List(at, kListBatch);
      for (const DirectoryInode::Listed& entry : batch) {
        full = !sink.Add(entry.name, entry.ino, entry.type, entry.cookie + 1);
        if (full) break;
        at = entry.cookie + 1;
      }
      if (batch.size() < kListBatch) break;
    }
    position = static_cast<uint64_t>(at);
    inode_->Accessed(ctx, path(), flags());
    return {};
  }

 private:
  const Ref<DirectoryInode> inode_;
};

TmpInode& AsTmp(vfs::Inode& inode) { return static_cast<TmpInode&>(inode); }

}  // namespace

DirectoryInode::DirectoryInode(TmpFs& fs, const vfs::NewFileOwner& owner, const abi::Timespec& now) : TmpInode(fs, owner, 0, now) {}

Result<Ref<vfs::File>> DirectoryInode::Open(Context&, const vfs::Path& path, const vfs::OpenRequest& request) {
  return Ref<vfs::File>(MakeRef<DirectoryFile>(*this, path, request.flags));
}

void DirectoryInode::FillSizeLocked(vfs::Attributes& attributes) { attributes.size = kEmptySize + kEntrySize * entries_.size(); }

RefPtr<TmpInode> DirectoryInode::FindLocked(std::string_view name) const {
  const auto it = by_name_.find(Key(name));
  if (it == by_name_.end()) return nullptr;
  return entries_.find(it->second)->second.inode;
}

void DirectoryInode::InsertLocked(std::string_view name, Ref<TmpInode> inode) {
  const int64_t cookie = next_cookie_++;
  Entry& entry = entries_[cookie];
  entry.name = std::string(name);
  entry.inode = std::move(inode);
  by_name_.emplace(Key(entry.name), cookie);
}

RefPtr<TmpInode> DirectoryInode::EraseLocked(std::string_view name) {
  const auto it = by_name_.find(Key(name));
  if (it == by_name_.end()) return nullptr;
  const auto entry = entries_.find(it->second);
  RefPtr<TmpInode> inode = std::move(entry->second.inode);
  by_name_.erase(it);
  entries_.erase(entry);
  return inode;
}

RefPtr<TmpInode> DirectoryInode::Replace(std::string_view name, Ref<TmpInode> inode) {
  MutexLock lock(mu_);
  RefPtr<TmpInode> old = EraseLocked(name);
  InsertLocked(name, std::move(inode));
  return old;
}

bool DirectoryInode::IsEmpty() const {
  MutexLock lock(mu_);
  return entries_.empty();
}

std::vector<DirectoryInode::Listed> DirectoryInode::List(int64_t from, size_t max) const {
  std::vector<Listed> out;
  MutexLock lock(mu_);
  for (auto it = entries_.lower_bound(from); it != entries_.end() && out.size() < max; ++it) {
    out.push_back({it->second.name, it->second.inode->ino(), abi::DirentType(it->second.inode->type()), it->first});
  }
  return out;
}

Result<Ref<vfs::Inode>> DirectoryInode::Lookup(Context&, std::string_view name) {
  MutexLock lock(mu_);
  RefPtr<TmpInode> found = FindLocked(name);
  if (!found) return Errno::kENOENT;
  return Ref<vfs::Inode>(std::move(found).ToRef());
}

// A run costs more here than one lookup each: there is no request to save.
std::vector<Ref<vfs::Inode>> DirectoryInode::LookupMany(Context&, absl::Span<const std::string_view>) { return {}; }

template <typename Make>
Result<Ref<vfs::Inode>> DirectoryInode::AddNew(Context& ctx, std::string_view name, uint32_t mode, Make make) {
  const abi::Timespec now = ctx.Now();
  vfs::NewFileOwner owner;
  {
    MutexLock lock(mu_);
    if (nlink_ == 0) return Errno::kENOENT;
    if (FindLocked(name)) return Errno::kEEXIST;
    owner = vfs::OwnerOfNewFile(ctx, AttributesLocked(), mode);
  }
  if (!fs().ChargeInode()) return Errno::kENOSPC;
  Ref<TmpInode> inode = make(owner, now);
  MutexLock lock(mu_);
  InsertLocked(name, inode);
  if (inode->IsDirectory()) ++nlink_;
  mtime_ = ctime_ = now;
  return Ref<vfs::Inode>(std::move(inode));
}

Result<Ref<vfs::Inode>> DirectoryInode::Create(Context& ctx, std::string_view name, uint32_t mode) {
  return AddNew(
      ctx, name, (mode & abi::kS_IALLUGO) | abi::kS_IFREG,
      [&](const vfs::NewFileOwner& owner, const abi::Timespec& now) -> Ref<TmpInode> { return MakeRef<RegularInode>(fs(), owner, now); });
}

Result<Ref<vfs::Inode>> DirectoryInode::Mkdir(Context& ctx, std::string_view name, uint32_t mode) {
  return AddNew(
      ctx, name, (mode & abi::kS_IALLUGO) | abi::kS_IFDIR,
      [&](const vfs::NewFileOwner& owner, const abi::Timespec& now) -> Ref<TmpInode> { return MakeRef<DirectoryInode>(fs(), owner, now); });
}

Result<Ref<vfs::Inode>> DirectoryInode::Mknod(Context& ctx, std::string_view name, uint32_t mode, uint64_t rdev) {
  return AddNew(ctx, name, mode, [&](const vfs::NewFileOwner& owner, const abi::Timespec& now) -> Ref<TmpInode> {
    return MakeRef<TmpInode>(fs(), owner, rdev, now);
  });
}

Result<Ref<vfs::Inode>> DirectoryInode::Symlink(Context& ctx, std::string_view name, std::string_view target) {
  return AddNew(ctx, name, 0777 | abi::kS_IFLNK, [&](const vfs::NewFileOwner& owner, const abi::Timespec& now) -> Ref<TmpInode> {
    return MakeRef<SymlinkInode>(fs(), owner, std::string(target), now);
  });
}

Result<void> DirectoryInode::Link(Context& ctx, std::string_view name, vfs::Inode& target) {
  const abi::Timespec now = ctx.Now();
  TmpInode& inode = AsTmp(target);
  {
    MutexLock lock(mu_);
    if (nlink_ == 0) return Errno::kENOENT;
    if (FindLocked(name)) return Errno::kEEXIST;
  }
  // A further name costs an inode, as in Linux, or links would be names for free. The first one of an O_TMPFILE is paid.
  const vfs::Attributes before = TRY(inode.GetAttributes(ctx));
  const bool first = before.nlink == 0;
  if (!first && !fs().ChargeInode()) return Errno::kENOSPC;
  const Result<void> linked = inode.FirstOrFurtherLink(now);
  if (!linked.ok()) {
    if (!first) fs().RefundInode();
    return linked;
  }
  MutexLock lock(mu_);
  InsertLocked(name, Ref<TmpInode>(inode));
  mtime_ = ctime_ = now;
  return {};
}

Result<void> DirectoryInode::Unlink(Context& ctx, std::string_view name, vfs::Inode& victim) {
  const abi::Timespec now = ctx.Now();
  RefPtr<TmpInode> gone;
  {
    MutexLock lock(mu_);
    gone = EraseLocked(name);
    if (!gone) return Errno::kENOENT;
    mtime_ = ctime_ = now;
  }
  gone->AddLinks(-1, now);
  const vfs::Attributes after = TRY(victim.GetAttributes(ctx));
  if (after.nlink != 0) fs().RefundInode();
  return {};
}

Result<void> DirectoryInode::Rmdir(Context& ctx, std::string_view name, vfs::Inode& victim) {
  if (!static_cast<DirectoryInode&>(victim).IsEmpty()) return Errno::kENOTEMPTY;
  const abi::Timespec now = ctx.Now();
  RefPtr<TmpInode> gone;
  {
    MutexLock lock(mu_);
    gone = EraseLocked(name);
    if (!gone) return Errno::kENOENT;
    --nlink_;
    mtime_ = ctime_ = now;
  }
  gone->AddLinks(-2, now);
  return {};
}

Result<void> DirectoryInode::Rename(Context& ctx, std::string_view name, vfs::Inode& moved_inode, vfs::Inode& new_dir_inode,
                                    std::string_view new_name, vfs::Inode* replaced_inode, uint32_t flags) {
  const abi::Timespec now = ctx.Now();
  TmpInode& moved = AsTmp(moved_inode);
  auto& new_dir = static_cast<DirectoryInode&>(new_dir_inode);
  const bool across = &new_dir != this;
  if ((flags & abi::kRENAME_EXCHANGE) != 0) {
    TmpInode& other = AsTmp(*replaced_inode);
    const RefPtr<TmpInode> a = Replace(name, Ref<TmpInode>(other));
    const RefPtr<TmpInode> b = new_dir.Replace(new_name, Ref<TmpInode>(moved));
    const int here = int{other.IsDirectory()} - int{moved.IsDirectory()};
    if (across) AddLinks(here, now);
    if (across) new_dir.AddLinks(-here, now);
    other.Touch(now, false);
  } else {
    if (replaced_inode != nullptr && replaced_inode->IsDirectory() && !static_cast<DirectoryInode&>(*replaced_inode).IsEmpty()) {
      return Errno::kENOTEMPTY;
    }
    RefPtr<TmpInode> whiteout;
    if ((flags & abi::kRENAME_WHITEOUT) != 0) {
      if (!fs().ChargeInode()) return Errno::kENOSPC;
      vfs::NewFileOwner owner;
      {
        MutexLock lock(mu_);
        owner = vfs::OwnerOfNewFile(ctx, AttributesLocked(), abi::kS_IFCHR);
      }
      whiteout = Ref<TmpInode>(MakeRef<TmpInode>(fs(), owner, 0, now));
    }
    RefPtr<TmpInode> replaced = new_dir.Replace(new_name, Ref<TmpInode>(moved));
    RefPtr<TmpInode> old_name;
    {
      MutexLock lock(mu_);
      old_name = EraseLocked(name);
      if (whiteout) InsertLocked(name, std::move(whiteout).ToRef());
    }
    if (moved.IsDirectory() && across) {
      AddLinks(-1, now);
      new_dir.AddLinks(1, now);
    }
    if (replaced) {
      if (replaced->IsDirectory()) {
        new_dir.AddLinks(-1, now);
        replaced->AddLinks(-2, now);
      } else {
        replaced->AddLinks(-1, now);
        const vfs::Attributes after = TRY(replaced->GetAttributes(ctx));
        if (after.nlink != 0) fs().RefundInode();
      }
    }
  }
  moved.Touch(now, false);
  Touch(now, true);
  if (across) new_dir.Touch(now, true);
  return {};
}

Result<Ref<vfs::Inode>> DirectoryInode::Tmpfile(Context& ctx, uint32_t mode) {
  vfs::NewFileOwner owner;
  {
    MutexLock lock(mu_);
    if (nlink_ == 0) return Errno::kENOENT;
    owner = vfs::OwnerOfNewFile(ctx, AttributesLocked(), (mode & abi::kS_IALLUGO) | abi::kS_IFREG);
  }
  if (!fs().ChargeInode()) return Errno::kENOSPC;
  Ref<RegularInode> inode = MakeRef<RegularInode>(fs(), owner, ctx.Now());
  inode->MarkUnnamed();
  return Ref<vfs::Inode>(std::move(inode));
}

}  // namespace ringwall::tmpfs
