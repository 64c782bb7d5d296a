// Mounts: which file system goes where, in the order of config.json.
#include "runsc-cli/boot/mounts.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sentry/fs/dev/dev.h"
#include "sentry/fs/devpts/devpts.h"
#include "sentry/fs/gofer/gofer_fs.h"
#include "sentry/fs/overlay/overlay_fs.h"
#include "sentry/fs/proc/proc.h"
#include "sentry/fs/sys/sys.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/ipc/namespace.h"
#include "sentry/ns/namespaces.h"
#include "sentry/vfs/operations.h"

namespace ringwall::boot {
namespace {

// Read-only comes last of all: mount points and devices are made first, as other OCI runtimes do.
vfs::MountFlags WritableFlagsOf(const MountConfig& mount) {
  return {.no_suid = mount.no_suid, .no_dev = mount.no_dev, .no_exec = mount.no_exec};
}

absl::Status Failure(const MountConfig& mount, std::string_view what, Errno error) {
  return absl::InternalError(absl::StrCat("mount ", mount.destination, ": ", std::string(what), ": ", ErrnoName(error)));
}

class Builder {
 public:
  Builder(Context& ctx, const BootConfig& config, const Ref<gofer::GoferClient>& gofer, kernel::Kernel& kernel, ConsoleOpener console)
      : ctx_(ctx), config_(config), gofer_(gofer), kernel_(kernel), console_(std::move(console)) {}

  absl::Status Build() {
    if (config_.mounts.empty() || config_.mounts[0].destination != "/") return absl::InternalError("mounts: the first must be \"/\"");
    auto root = MakeFileSystem(config_.mounts[0]);
    if (!root.ok()) return Failure(config_.mounts[0], "making the root file system", root.error());
    auto mount = vfs::Mount::OfFileSystem(std::move(*root), WritableFlagsOf(config_.mounts[0]), "none");
    if (config_.mounts[0].read_only) read_only_.push_back(mount);
    ns_ = MakeRef<vfs::MountNamespace>(std::move(mount));
    kernel_.SetMounts(ns_.ToRef());
    for (size_t i = 1; i < config_.mounts.size(); ++i) {
      if (absl::Status status = Add(config_.mounts[i]); !status.ok()) return status;
    }
    AddDefaultDevices();
    for (const Ref<vfs::Mount>& done : read_only_) {
      vfs::MountFlags flags = done->flags();
      flags.read_only = true;
      done->SetFlags(flags);
    }
    for (const std::string& path : config_.masked_paths) Mask(path);
    for (const std::string& path : config_.readonly_paths) Protect(path);
    return absl::OkStatus();
  }

 private:
  vfs::Path RootPath() const {
    const Ref<vfs::Mount> root = ns_->root();
    return {RefPtr<vfs::Mount>(root), RefPtr<vfs::Dentry>(root->root())};
  }

  Result<vfs::Path> Find(const std::string& path) const {
    const Ref<vfs::MountNamespace> ns = ns_.ToRef();
    const vfs::Path root = RootPath();
    return vfs::Walk(ctx_, {ns, root, root}, path, {});
  }

  Result<Ref<vfs::FileSystem>> MakeFileSystem(const MountConfig& mount) {
    switch (mount.kind) {
      case MountKind::kGofer: {
        const Ref<goferfs::GoferFs> tree = TRY(goferfs::GoferFs::Create(gofer_, mount.gofer_index));
        Ref<vfs::FileSystem> lower = tree;
        if (!mount.overlay) return lower;
        const Ref<tmpfs::TmpFs> upper = tmpfs::TmpFs::Create(ctx_, {.mode = 0755, .name = "overlay-upper"});
        const Ref<overlay::OverlayFs> merged = TRY(overlay::OverlayFs::Create(ctx_, std::move(lower), upper));
        return Ref<vfs::FileSystem>(merged);
      }
      case MountKind::kMqueue: return Ref<vfs::FileSystem>(ipc::IpcNamespace::Of(*kernel_.initial_namespaces()->ipc)->mqueues);
      case MountKind::kTmpfs:
      case MountKind::kCgroup: {
        // /dev comes as a tmpfs; what belongs into it is the kernel's.
        if (mount.destination == "/dev") return devfs::Create(ctx_, {.console = console_});
        const tmpfs::Options options = TRY(tmpfs::ParseOptions(mount.data, {.mode = 01777}));
        return Ref<vfs::FileSystem>(tmpfs::TmpFs::Create(ctx_, options));
      }
      case MountKind::kProc: return proc::Create(ctx_, kernel_);
      case MountKind::kSysfs: return sys::Create(ctx_);
      case MountKind::kDevpts: {
        const devpts::Options options = TRY(devpts::ParseOptions(mount.data));
        Ref<vfs::FileSystem> fs = devpts::Create(ctx_, options);
        devpts::SetDefaultInstance(fs);
        return fs;
      }
    }
    return Errno::kEINVAL;
  }

  // The mount point, made with its parents when it is missing (OCI runtimes do so).
  Result<vfs::Path> MakeDestination(const std::string& destination, bool file) {
    auto found = Find(destination);
    if (found.ok() || found.error() != Errno::kENOENT) return found;
    const Ref<vfs::MountNamespace> ns = ns_.ToRef();
    const vfs::Path root = RootPath();
    const vfs::WalkStart start{ns, root, root};
    for (size_t slash = destination.find('/', 1); slash != std::string::npos; slash = destination.find('/', slash + 1)) {
      auto made = vfs::Mkdir(ctx_, start, destination.substr(0, slash), 0755, 0);
      if (!made.ok() && made.error() != Errno::kEEXIST) return made.error();
    }
    if (file) {
      TRY(vfs::Mknod(ctx_, start, destination, abi::kS_IFREG | 0644, 0, 0));
    } else {
      TRY(vfs::Mkdir(ctx_, start, destination, 0755, 0));
    }
    return Find(destination);
  }

  absl::Status Add(const MountConfig& mount) {
    auto fs = MakeFileSystem(mount);
    if (!fs.ok()) return Failure(mount, "making the file system", fs.error());
    auto where = MakeDestination(mount.destination, mount.single_file);
    if (!where.ok()) return Failure(mount, "making the mount point", where.error());
    auto made = vfs::Mount::OfFileSystem(std::move(*fs), WritableFlagsOf(mount), "none");
    auto attached = ns_->Attach(made, *where);
    if (!attached.ok()) return Failure(mount, "mounting", attached.error());
    if (mount.read_only) read_only_.push_back(std::move(made));
    return absl::OkStatus();
  }

  // OCI, "Default Devices": they are there even when config.json mounts nothing on /dev. In an image that is written to directly they
  // are left out: the host's gofer makes no devices.
  void AddDefaultDevices() {
    for (const MountConfig& mount : config_.mounts) {
      if (mount.destination == "/dev") return;
    }
    auto made = devfs::Create(ctx_, {});
    if (!made.ok()) return;
    auto dev = MakeDestination("/dev", false);
    if (!dev.ok()) return;
    const Ref<vfs::MountNamespace> ns = ns_.ToRef();
    const vfs::Path root = RootPath();
    for (const char* name : {"null", "zero", "full", "random", "urandom", "tty"}) {
      auto node = (*made)->root()->Lookup(ctx_, name);
      if (!node.ok()) continue;
      const auto attributes = (*node)->GetAttributes(ctx_);
      if (!attributes.ok()) continue;
      (void)vfs::Mknod(ctx_, {ns, root, root}, absl::StrCat("/dev/", name), attributes->mode, attributes->rdev, 0).ok();
    }
  }

  // linux.maskedPaths: nothing to see there. Missing paths are no error (OCI).
  void Mask(const std::string& path) {
    auto where = Find(path);
    if (!where.ok()) return;
    const bool directory = where->inode().IsDirectory();
    const Ref<tmpfs::TmpFs> empty = tmpfs::TmpFs::Create(ctx_, {.size_bytes = 4096, .mode = 0555});
    if (directory) {
      (void)ns_->Attach(vfs::Mount::OfFileSystem(empty, {.read_only = true}, "none"), *where).ok();
      return;
    }
    auto file = empty->MakeUnnamedFile(ctx_, abi::kS_IFREG | 0444);
    if (!file.ok()) return;
    auto mount = MakeRef<vfs::Mount>(empty, vfs::Dentry::MakeRoot(std::move(*file)), vfs::MountFlags{.read_only = true}, "none");
    (void)ns_->Attach(std::move(mount), *where).ok();
  }

  // linux.readonlyPaths: a read-only bind mount onto itself.
  void Protect(const std::string& path) {
    auto where = Find(path);
    if (!where.ok()) return;
    vfs::MountFlags flags = where->mount->flags();
    flags.read_only = true;
    auto mount = MakeRef<vfs::Mount>(Ref<vfs::FileSystem>(where->mount->fs()), where->dentry.ToRef(), flags, where->mount->source());
    (void)ns_->Attach(std::move(mount), *where).ok();
  }

  Context& ctx_;
  const BootConfig& config_;
  const Ref<gofer::GoferClient>& gofer_;
  kernel::Kernel& kernel_;
  ConsoleOpener console_;
  RefPtr<vfs::MountNamespace> ns_;
  std::vector<Ref<vfs::Mount>> read_only_;
};

}  // namespace

absl::Status BuildMounts(Context& ctx, const BootConfig& config, const Ref<gofer::GoferClient>& gofer, kernel::Kernel& kernel,
                         ConsoleOpener console) {
  return Builder(ctx, config, gofer, kernel, std::move(console)).Build();
}

}  // namespace ringwall::boot
