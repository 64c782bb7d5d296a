// Attributes, lookup, symlinks, extended attributes. Changes of names are in tree.cc, open files in file.cc and directory.cc.
#include "sentry/fs/gofer/inode.h"

#include <algorithm>

#include "abi/device.h"
#include "abi/xattr.h"
#include "sentry/fs/host/donated_file.h"
#include "sentry/vfs/flat_delete.h"

namespace ringwall::goferfs {

namespace {

uint64_t GuestNumber(uint64_t packed) { return abi::MakeDev(static_cast<uint32_t>(packed >> 32), static_cast<uint32_t>(packed)); }
abi::Timespec Time(const gofer::Timestamp& t) { return {t.seconds, t.nanoseconds}; }
gofer::Timestamp Time(const abi::Timespec& t) { return {.seconds = t.tv_sec, .nanoseconds = static_cast<uint32_t>(t.tv_nsec)}; }

}  // namespace

GoferInode::GoferInode(GoferFs& fs, const gofer::FoundNode& found, RefPtr<GoferInode> parent, std::string_view name, int64_t now_ns)
    : Inode(fs, found.attributes.type()),
      node_(found.node),
      key_(KeyOf(found.attributes)),
      attributes_(Convert(found.attributes)),
      fetched_ns_(now_ns),
      parent_(std::move(parent)),
      name_(name) {}

void GoferInode::OnLastRef() const {
  fs().Forget(*this);
  if (IsRegular()) {
    fs().descriptors().Forget(this);
    if (Prefetch* ahead = fs().prefetch()) ahead->ForgetContents(this);
  }
  if (Prefetch* ahead = fs().prefetch(); ahead != nullptr && WasChanged() && !removed_.load(std::memory_order_relaxed)) {
    ahead->ChangedFileGone();
  }
  // A child holds its parent: chains may be as deep as a tree.
  vfs::FlatDelete::Run(this, [](const RefCounted* object) { delete static_cast<const GoferInode*>(object); });
}

vfs::Attributes GoferInode::Convert(const gofer::Attributes& from) const {
  vfs::Attributes to;
  to.dev = fs().GuestDev(from.dev);
  to.ino = from.ino;
  to.mode = from.mode;
  to.nlink = from.nlink;
  to.uid = from.uid;
  to.gid = from.gid;
  to.rdev = GuestNumber(from.rdev);
  to.size = from.size;
  to.blocks = from.blocks;
  to.block_size = from.blksize;
  to.atime = Time(from.atime);
  to.mtime = Time(from.mtime);
  to.ctime = Time(from.ctime);
  if (from.has_btime) to.btime = Time(from.btime);
  return to;
}

bool GoferInode::FreshLocked(int64_t now_ns) const {
  if (stale_ || shared_writers_.load(std::memory_order_relaxed) != 0) return false;
  if (fs().exclusive()) return true;
  // A clock that was set back makes it old, too.
  return now_ns >= fetched_ns_ && now_ns - fetched_ns_ < fs().options().validity_ns;
}

uint64_t GoferInode::BeginChange() {
  MutexLock lock(mu_);
  stale_ = true;
  return ++changes_;
}

uint64_t GoferInode::Seen() const {
  MutexLock lock(mu_);
  return changes_;
}

bool GoferInode::WasChanged() const { return Seen() != 0; }

void GoferInode::Changed() { BeginChange(); }

void GoferInode::StoreIfUnchanged(uint64_t seen, const vfs::Attributes& attributes, int64_t now_ns) {
  MutexLock lock(mu_);
  if (changes_ != seen) {
    stale_ = true;
    return;
  }
  const abi::Timespec btime = attributes_.btime;
  attributes_ = attributes;
  if (attributes_.btime.tv_sec == 0 && attributes_.btime.tv_nsec == 0) attributes_.btime = btime;
  fetched_ns_ = now_ns;
  stale_ = false;
}

void GoferInode::Moved(RefPtr<GoferInode> parent, std::string_view name) {
  std::string text(name);
  MutexLock lock(mu_);
  std::swap(parent_, parent);  // the old one dies with the argument, after the lock
  std::swap(name_, text);
}

Result<vfs::Attributes> GoferInode::Refresh(Context& ctx) {
  const uint64_t seen = Seen();
  const int64_t now = NowNs(ctx);
  if (IsRegular()) {
    if (RefPtr<SharedFd> fd = fs().descriptors().FindAny(this)) {
      vfs::Attributes attributes = TRY(hostfs::StatDonated(*fd));
      // Our user namespace maps next to nothing, so fstat(2) says nothing about owners: those that the gofer told are kept, in a shared
      // tree for as long as it may be believed.
      int64_t told_ns = 0;
      {
        MutexLock lock(mu_);
        attributes.dev = attributes_.dev;  // a file does not change its device
        attributes.btime = attributes_.btime;
        attributes.uid = attributes_.uid;
        attributes.gid = attributes_.gid;
        told_ns = fetched_ns_;
      }
      if (fs().exclusive() || (now >= told_ns && now - told_ns < fs().options().validity_ns)) {
        StoreIfUnchanged(seen, attributes, fs().exclusive() ? now : told_ns);
        return attributes;
      }
    }
  }
  const gofer::Attributes got = TRY(client().GetAttr(node()));
  const vfs::Attributes attributes = Convert(got);
  StoreIfUnchanged(seen, attributes, now);
  return attributes;
}

Result<vfs::Attributes> GoferInode::GetAttributes(Context& ctx) {
  {
    const int64_t now = fs().exclusive() ? 0 : NowNs(ctx);
    MutexLock lock(mu_);
    if (FreshLocked(now)) return attributes_;
  }
  return Refresh(ctx);
}

Result<void> GoferInode::SetAttributes(Context& ctx, const vfs::AttributeChange& change) {
  using Mask = vfs::AttributeChange;
  using Field = gofer::SetAttrField;
  gofer::AttributeChange request;
  request.mode = change.mode;
  request.uid = change.uid;
  request.gid = change.gid;
  request.size = change.size;
  request.atime = Time(change.atime);
  request.mtime = Time(change.mtime);
  const std::pair<uint32_t, Field> fields[] = {{Mask::kMode, Field::kMode}, {Mask::kUid, Field::kUid},     {Mask::kGid, Field::kGid},
                                               {Mask::kSize, Field::kSize}, {Mask::kAtime, Field::kAtime}, {Mask::kMtime, Field::kMtime}};
  for (const auto& [bit, field] : fields) {
    if ((change.mask & bit) != 0) request.fields = request.fields | field;
  }
  const uint64_t seen = BeginChange();
  const gofer::Attributes got = TRY(client().SetAttr(node(), request));
  StoreIfUnchanged(seen, Convert(got), NowNs(ctx));
  return {};
}

bool GoferInode::StillValid(Context& ctx) {
  if (fs().exclusive()) return true;
  const int64_t now = NowNs(ctx);
  RefPtr<GoferInode> parent;
  std::string name;
  {
    MutexLock lock(mu_);
    if (FreshLocked(now)) return true;
    // Of several names only the latest is known here.
    if (!IsDirectory() && attributes_.nlink > 1) return false;
    parent = parent_;
    name = name_;
  }
  if (!parent) return true;
  const uint64_t seen = Seen();
  const std::string_view names[] = {name};
  const Result<gofer::WalkResult> walked = client().Walk(parent->node(), names);
  if (!walked.ok() || walked->nodes.size() != 1) return false;
  const gofer::FoundNode& found = walked->nodes[0];
  if (KeyOf(found.attributes) != key_) return false;
  StoreIfUnchanged(seen, Convert(found.attributes), now);
  return true;
}

Result<Ref<vfs::Inode>> GoferInode::Lookup(Context& ctx, std::string_view name) {
  if (!IsDirectory()) return Errno::kENOTDIR;
  if (Prefetch* ahead = fs().prefetch()) return LookupAhead(ctx, *ahead, name);
  return LookupAlone(ctx, name);
}

Ref<GoferInode> GoferInode::Arrived(Context& ctx, std::string_view name, Prefetch::Item item) {
  (void)ctx;
  Ref<GoferInode> inode = fs().Adopt(item.found, RefPtr<GoferInode>::Share(this), name, item.when.ns, item.ahead);
  if (item.file.valid()) {
    inode->donated_ahead_.store(true, std::memory_order_relaxed);
    fs().descriptors().Insert(inode.get(), false, MakeRef<SharedFd>(std::move(item.file)));
  }
  if (inode->IsSymlink() && !item.target.empty()) inode->KeepTarget(std::move(item.target));
  if (item.contents != nullptr) fs().prefetch()->KeepContents(inode.get(), std::move(item.contents));
  return inode;
}

Result<Ref<vfs::Inode>> GoferInode::LookupAhead(Context& ctx, Prefetch& ahead, std::string_view name) {
  const uint64_t id = node().id().value;
  const Prefetch::Moment now = ahead.Now(NowNs(ctx));
  if (std::optional<Prefetch::Item> item = ahead.Take(id, name, now)) return Ref<vfs::Inode>(Arrived(ctx, name, *std::move(item)));
  const Prefetch::Plan plan = ahead.PlanLookup(id, name, now);
  if (plan.absent) return Errno::kENOENT;
  if (plan.names.empty()) return LookupAlone(ctx, name);
  Result<std::vector<gofer::LookedUp>> results = client().Look(node(), plan.names, plan.flags);
  // What is wrong with others must not be this name's error.
  if (!results.ok()) return LookupAlone(ctx, name);
  const Errno error = (*results)[0].error;
  std::optional<Prefetch::Item> mine = ahead.Store(id, plan, std::move(results).value(), now);
  if (!mine.has_value()) return error;
  return Ref<vfs::Inode>(Arrived(ctx, name, *std::move(mine)));
}

Result<Ref<vfs::Inode>> GoferInode::LookupAlone(Context& ctx, std::string_view name) {
  const std::string_view names[] = {name};
  gofer::WalkResult walked = TRY(client().Walk(node(), names, gofer::WalkFlag::kReadLink));
  if (walked.nodes.empty()) {
    if (walked.stop == gofer::WalkStop::kMissing) return Errno::kENOENT;
    return walked.stop == gofer::WalkStop::kError ? walked.error : Errno::kEIO;
  }
  Ref<GoferInode> inode = fs().Adopt(walked.nodes[0], RefPtr<GoferInode>::Share(this), name, NowNs(ctx));
  if (inode->IsSymlink() && !walked.target.empty()) inode->KeepTarget(std::move(walked.target));
  return Ref<vfs::Inode>(std::move(inode));
}

std::vector<Ref<vfs::Inode>> GoferInode::LookupMany(Context& ctx, absl::Span<const std::string_view> names) {
  std::vector<Ref<vfs::Inode>> found;
  RefPtr<GoferInode> parent = RefPtr<GoferInode>::Share(this);
  if (Prefetch* ahead = fs().prefetch()) {
    const Prefetch::Moment at = ahead->Now(NowNs(ctx));
    while (!names.empty() && parent->IsDirectory()) {
      std::optional<Prefetch::Item> item = ahead->Take(parent->node().id().value, names[0], at);
      if (!item.has_value()) break;
      Ref<GoferInode> inode = parent->Arrived(ctx, names[0], *std::move(item));
      parent = inode;
      found.push_back(std::move(inode));
      names.remove_prefix(1);
    }
    if (!names.empty() && ahead->IsAbsent(parent->node().id().value, names[0], at)) return found;
  }
  if (!parent->IsDirectory() || names.empty()) return found;
  Result<gofer::WalkResult> walked = client().Walk(parent->node(), names.subspan(0, gofer::kMaxWalk), gofer::WalkFlag::kReadLink);
  if (!walked.ok()) return found;
  const int64_t now = NowNs(ctx);
  for (size_t i = 0; i < walked->nodes.size() && i < names.size(); ++i) {
    Ref<GoferInode> inode = fs().Adopt(walked->nodes[i], parent, names[i], now);
    if (i + 1 == walked->nodes.size() && inode->IsSymlink() && !walked->target.empty()) inode->KeepTarget(std::move(walked->target));
    parent = inode;
    found.push_back(std::move(inode));
  }
  return found;
}

void GoferInode::KeepTarget(std::string target) {
  MutexLock lock(mu_);
  if (target_.empty()) target_ = std::move(target);
}

Result<std::string> GoferInode::ReadLink(Context&) {
  if (!IsSymlink()) return Errno::kEINVAL;
  {
    MutexLock lock(mu_);
    if (!target_.empty()) return target_;
  }
  // A symlink's text never changes: replacing it makes another file.
  std::string target = TRY(client().ReadLink(node()));
  KeepTarget(target);
  return target;
}

Result<std::string> GoferInode::GetXattr(Context&, std::string_view name) { return client().GetXattr(node(), name); }

Result<void> GoferInode::SetXattr(Context&, std::string_view name, std::string_view value, uint32_t flags) {
  gofer::Mask<gofer::XattrFlag> how;
  if ((flags & abi::kXATTR_CREATE) != 0) how = how | gofer::XattrFlag::kCreate;
  if ((flags & abi::kXATTR_REPLACE) != 0) how = how | gofer::XattrFlag::kReplace;
  const Result<void> done = client().SetXattr(node(), name, value, how);
  Changed();
  return done;
}

Result<std::vector<std::string>> GoferInode::ListXattr(Context&) { return client().ListXattr(node()); }

Result<void> GoferInode::RemoveXattr(Context&, std::string_view name) {
  const Result<void> done = client().RemoveXattr(node(), name);
  Changed();
  return done;
}

Result<vfs::FileSystemStats> GoferInode::StatFs(Context&) {
  const gofer::FileSystemStatus got = TRY(client().StatFs(node()));
  vfs::FileSystemStats stats;
  stats.type = got.type;
  stats.block_size = got.block_size;
  stats.blocks = got.blocks;
  stats.blocks_free = got.blocks_free;
  stats.blocks_available = got.blocks_available;
  stats.files = got.files;
  stats.files_free = got.files_free;
  stats.name_max = static_cast<uint32_t>(std::min<uint64_t>(got.name_length, 255));
  stats.id = file_system().dev();
  return stats;
}

Result<Ref<SharedFd>> GoferInode::Descriptor(Context& ctx, bool write) {
  if (RefPtr<SharedFd> fd = fs().descriptors().Find(this, write)) {
    if (!write && donated_ahead_.load(std::memory_order_relaxed) && donated_ahead_.exchange(false, std::memory_order_relaxed)) {
      fs().prefetch()->DonatedFileOpened();
    }
    return std::move(fd).ToRef();
  }
  using gofer::OpenFlag;
  const uint64_t seen = Seen();
  Result<gofer::OpenedFile> opened =
      write ? client().Open(node(), OpenFlag::kRead | OpenFlag::kWrite) : client().Open(node(), OpenFlag::kRead);
  // A file that the gofer may write but not read.
  if (write && !opened.ok() && opened.error() == Errno::kEACCES) opened = client().Open(node(), OpenFlag::kWrite);
  if (!opened.ok()) return opened.error();
  StoreIfUnchanged(seen, Convert(opened->attributes), NowNs(ctx));
  if (Prefetch* ahead = fs().prefetch(); ahead != nullptr && !write) ahead->FileOpened(opened->attributes.size);
  return fs().descriptors().Insert(this, write, MakeRef<SharedFd>(std::move(opened->file)));
}

}  // namespace ringwall::goferfs
