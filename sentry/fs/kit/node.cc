// Kit nodes: attributes, links, devices, the file system itself.
#include "abi/limits.h"
#include "sentry/fs/kit/kit.h"
#include "sentry/vfs/special.h"

namespace ringwall::kit {

KitFs::KitFs(std::string type_name, uint64_t magic, const abi::Timespec& now)
    : FileSystem(kDentries), type_name_(std::move(type_name)), magic_(magic), created_(now) {}

Ref<KitFs> KitFs::Create(std::string type_name, uint64_t magic, const abi::Timespec& now) {
  return Ref<KitFs>(new KitFs(std::move(type_name), magic, now), Ref<KitFs>::AdoptTag{});
}

Node::Node(KitFs& fs, uint32_t type, NodeOptions options)
    : Inode(fs, type),
      options_(std::move(options)),
      ino_(options_.ino != 0 ? options_.ino : fs.NextIno()),
      mode_(options_.mode & abi::kS_IALLUGO) {}

Result<vfs::Attributes> Node::GetAttributes(Context& ctx) {
  vfs::Attributes a;
  if (options_.owner) {
    const Owner owner = options_.owner(ctx);
    a.uid = owner.uid;
    a.gid = owner.gid;
  }
  a.dev = file_system().dev();
  a.ino = ino_;
  a.nlink = Links();
  a.rdev = Rdev();
  a.block_size = 1024;
  a.atime = a.mtime = a.ctime = fs().created();
  MutexLock lock(mu_);
  a.mode = type() | mode_;
  if (uid_.has_value()) a.uid = *uid_;
  if (gid_.has_value()) a.gid = *gid_;
  return a;
}

Result<void> Node::SetAttributes(Context&, const vfs::AttributeChange& change) {
  using Change = vfs::AttributeChange;
  constexpr uint32_t kOwnership = Change::kMode | Change::kUid | Change::kGid;
  if (options_.fixed && (change.mask & kOwnership) != 0) return Errno::kEPERM;
  MutexLock lock(mu_);
  if ((change.mask & Change::kMode) != 0) mode_ = change.mode & abi::kS_IALLUGO;
  if ((change.mask & Change::kUid) != 0) uid_ = change.uid;
  if ((change.mask & Change::kGid) != 0) gid_ = change.gid;
  // Sizes and times mean nothing here; open(O_TRUNC) of a setting must work.
  return {};
}

Result<vfs::FileSystemStats> Node::StatFs(Context&) {
  vfs::FileSystemStats stats;
  stats.type = fs().magic();
  stats.id = fs().dev();
  return stats;
}

Result<Ref<vfs::File>> DeviceNode::Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) {
  return vfs::OpenSpecial(ctx, *this, path, request);
}

namespace {
NodeOptions LinkOptions(NodeOptions options) {
  options.mode = 0777;
  return options;
}
}  // namespace

SymlinkNode::SymlinkNode(KitFs& fs, NodeOptions options, Generator target)
    : Node(fs, abi::kS_IFLNK, LinkOptions(std::move(options))), target_(std::move(target)) {}

SymlinkNode::SymlinkNode(KitFs& fs, std::string target)
    : SymlinkNode(fs, {}, [target = std::move(target)](Context&) -> Result<std::string> { return target; }) {}

MagicLink::MagicLink(KitFs& fs, NodeOptions options, Follow follow, Generator text)
    : Node(fs, abi::kS_IFLNK, std::move(options)), follow_(std::move(follow)), text_(std::move(text)) {}

Result<vfs::Path> MagicLink::FollowMagic(Context& ctx) {
  Result<vfs::Path> place = follow_(ctx);
  // ENOLINK would mean "an ordinary symlink" to the walk.
  if (!place.ok() && place.error() == Errno::kENOLINK) return Errno::kENOENT;
  return place;
}

}  // namespace ringwall::kit
