// Names to dentries: the cache first, then the file system, one name or a run of names at a time.
#include "sentry/vfs/lookup.h"

#include "abi/fcntl.h"
#include "sentry/vfs/permission.h"

namespace ringwall::vfs {

namespace {

constexpr size_t kMaxRun = 16;  // components per request

// A cached child that can be used as it is. A mount pins what it sits on.
bool IsUsable(Context& ctx, Dentry& child) {
  Inode* inode = child.inode_raw();
  if (inode == nullptr) return true;
  return inode->StillValid(ctx) || child.mounted_here.load(std::memory_order_acquire) > 0;
}

Result<Ref<Dentry>> PositiveOnly(Ref<Dentry> child) {
  if (child->IsNegative()) return Errno::kENOENT;
  return child;
}

// The normal names at the head of `rest`, behind `first`.
void CollectRun(std::string_view first, std::string_view rest, absl::InlinedVector<std::string_view, kMaxRun>& names) {
  names.push_back(first);
  while (names.size() < kMaxRun) {
    const size_t begin = rest.find_first_not_of('/');
    if (begin == std::string_view::npos) return;
    rest.remove_prefix(begin);
    const std::string_view name = rest.substr(0, rest.find('/'));
    if (name == "." || name == ".." || name.size() > kNameMax) return;
    names.push_back(name);
    rest.remove_prefix(name.size());
  }
}

}  // namespace

Result<Ref<Dentry>> LookUpLocked(Context& ctx, Dentry& directory, std::string_view name) {
  if (name.size() > kNameMax) return Errno::kENAMETOOLONG;
  if (RefPtr<Dentry> child = directory.FindChild(name)) {
    if (IsUsable(ctx, *child)) return PositiveOnly(std::move(child).ToRef());
    directory.ForgetIf(name, *child);
  }
  Inode& inode = *directory.inode_raw();
  Result<Ref<Inode>> found = inode.Lookup(ctx, name);
  if (found.ok()) return PositiveOnly(directory.AddChild(name, std::move(found).value()));
  if (found.error() == Errno::kENOENT && inode.CachesNegative()) directory.AddChild(name, nullptr);
  return found.error();
}

Result<Ref<Dentry>> LookUpToCreate(Context& ctx, const LastComponent& last) {
  Dentry& directory = *last.parent.dentry;
  Inode& inode = *directory.inode_raw();
  // EEXIST comes before the errors of permission: a caller who may not create has to know.
  if (inode.CachesNegative() || last.trailing_slash || last.name.size() > kNameMax || directory.FindChild(last.name) ||
      !CheckWritable(last.parent).ok() || !CheckAccess(ctx, inode, abi::kW_OK | abi::kX_OK).ok()) {
    return LookUpLocked(ctx, directory, last.name);
  }
  return Errno::kENOENT;
}

Result<Ref<Dentry>> FindOrLookUp(Context& ctx, Dentry& directory, std::string_view name, std::string_view rest, DentryPins* pins) {
  if (name.size() > kNameMax) return Errno::kENAMETOOLONG;
  if (RefPtr<Dentry> child = directory.FindChild(name)) {
    if (IsUsable(ctx, *child)) return PositiveOnly(std::move(child).ToRef());
    directory.ForgetIf(name, *child);
  }
  Inode& inode = *directory.inode_raw();
  FileSystem& fs = inode.file_system();
  const LookupStamp stamp = fs.Stamp();
  if (stamp.quiet && pins != nullptr && rest.find_first_not_of('/') != std::string_view::npos) {
    absl::InlinedVector<std::string_view, kMaxRun> names;
    CollectRun(name, rest, names);
    if (names.size() > 1) {
      std::vector<Ref<Inode>> found = inode.LookupMany(ctx, names);
      RefPtr<Dentry> at = RefPtr<Dentry>::Share(&directory);
      RefPtr<Dentry> first;
      for (size_t i = 0; i < found.size() && i < names.size(); ++i) {
        RefPtr<Dentry> child = at->AddChildIfUnchanged(names[i], std::move(found[i]), stamp);
        if (!child || child->IsNegative()) break;
        pins->push_back(child.ToRef());
        if (i == 0) first = child;
        if (!child->inode_raw()->IsDirectory()) break;
        at = std::move(child);
      }
      if (first) return std::move(first).ToRef();
    }
  }
  if (stamp.quiet) {
    Result<Ref<Inode>> found = inode.Lookup(ctx, name);
    if (!found.ok() && (found.error() != Errno::kENOENT || !inode.CachesNegative())) return found.error();
    RefPtr<Inode> child_inode;
    if (found.ok()) child_inode = std::move(found).value();
    if (RefPtr<Dentry> child = directory.AddChildIfUnchanged(name, std::move(child_inode), stamp))
      return PositiveOnly(std::move(child).ToRef());
  }
  // Names were changing meanwhile: once more, with this directory's names held still.
  MutexLock lock(directory.directory_mutex());
  return LookUpLocked(ctx, directory, name);
}

}  // namespace ringwall::vfs
