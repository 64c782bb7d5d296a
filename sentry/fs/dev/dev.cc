// The tree: OCI runtime specification, "Default Devices" and "Dev symbolic links".
#include "sentry/fs/dev/dev.h"

#include <string>

#include "abi/device.h"
#include "sentry/fs/dev/console_node.h"
#include "sentry/fs/tmpfs/tmpfs.h"

namespace ringwall::devfs {

namespace {

using Change = vfs::AttributeChange;

// Modes here are meant as they stand, whatever the caller's umask and ids.
Result<void> SetMode(Context& ctx, vfs::Inode& inode, uint32_t mode, uint32_t uid, uint32_t gid) {
  return inode.SetAttributes(ctx,
                             {.mask = Change::kMode | Change::kUid | Change::kGid, .mode = mode & abi::kS_IALLUGO, .uid = uid, .gid = gid});
}

Result<Ref<vfs::Inode>> MakeDirectory(Context& ctx, vfs::Inode& parent, std::string_view name, uint32_t mode) {
  Ref<vfs::Inode> made = TRY(parent.Mkdir(ctx, name, abi::kS_IFDIR | mode));
  TRY(SetMode(ctx, *made, mode, 0, 0));
  return made;
}

}  // namespace

Result<void> AddNode(Context& ctx, vfs::FileSystem& dev, std::string_view path, uint32_t mode, uint64_t rdev, uint32_t uid, uint32_t gid) {
  Ref<vfs::Inode> directory = dev.root();
  while (path.starts_with('/')) path.remove_prefix(1);
  for (size_t slash; (slash = path.find('/')) != std::string_view::npos; path.remove_prefix(slash + 1)) {
    const std::string_view name = path.substr(0, slash);
    if (name.empty()) continue;
    if (name == "." || name == "..") return Errno::kEINVAL;
    Result<Ref<vfs::Inode>> there = directory->Lookup(ctx, name);
    if (!there.ok()) there = MakeDirectory(ctx, *directory, name, 0755);
    if (!there.ok()) return there.error();
    directory = std::move(there).value();
  }
  if (path.empty() || path == "." || path == "..") return Errno::kEINVAL;
  const Result<Ref<vfs::Inode>> old = directory->Lookup(ctx, path);
  if (old.ok()) {
    if ((*old)->IsDirectory()) return Errno::kEISDIR;
    TRY(directory->Unlink(ctx, path, **old));
  }
  const Ref<vfs::Inode> node = TRY(directory->Mknod(ctx, path, mode, rdev));
  return SetMode(ctx, *node, mode, uid, gid);
}

Result<Ref<vfs::FileSystem>> Create(Context& ctx, const Options& options) {
  Ref<vfs::FileSystem> fs =
      tmpfs::TmpFs::Create(ctx, {.size_bytes = options.size_bytes, .max_inodes = 65536, .mode = 0755, .name = "tmpfs"});
  const Ref<vfs::Inode> root = fs->root();
  constexpr struct {
    const char* name;
    uint32_t major, minor;
  } kNodes[] = {{"null", abi::kMEM_MAJOR, abi::kMEM_MINOR_NULL},       {"zero", abi::kMEM_MAJOR, abi::kMEM_MINOR_ZERO},
                {"full", abi::kMEM_MAJOR, abi::kMEM_MINOR_FULL},       {"random", abi::kMEM_MAJOR, abi::kMEM_MINOR_RANDOM},
                {"urandom", abi::kMEM_MAJOR, abi::kMEM_MINOR_URANDOM}, {"tty", abi::kTTYAUX_MAJOR, abi::kTTYAUX_MINOR_TTY}};
  for (const auto& node : kNodes) TRY(AddNode(ctx, *fs, node.name, abi::kS_IFCHR | 0666, abi::MakeDev(node.major, node.minor), 0, 0));
  constexpr struct {
    const char* name;
    const char* target;
  } kLinks[] = {{"fd", "/proc/self/fd"},
                {"stdin", "/proc/self/fd/0"},
                {"stdout", "/proc/self/fd/1"},
                {"stderr", "/proc/self/fd/2"},
                {"ptmx", "pts/ptmx"}};
  for (const auto& link : kLinks) TRY(root->Symlink(ctx, link.name, link.target));
  TRY(MakeDirectory(ctx, *root, "pts", 0755));
  TRY(MakeDirectory(ctx, *root, "shm", 01777));
  TRY(MakeDirectory(ctx, *root, "mqueue", 01777));
  if (options.console) {
    TRY(AddNode(ctx, *fs, "console", abi::kS_IFCHR | 0620, abi::MakeDev(abi::kTTYAUX_MAJOR, abi::kTTYAUX_MINOR_CONSOLE), 0, 5));
    const Ref<vfs::Inode> node = TRY(root->Lookup(ctx, "console"));
    node->SetAttachment(MakeRef<ConsoleNode>(options.console));
  }
  return fs;
}

}  // namespace ringwall::devfs
