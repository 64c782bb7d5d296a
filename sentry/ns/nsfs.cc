// nsfs: the files behind /proc/PID/ns and their commands (ioctl_ns(2)).
#include "sentry/ns/nsfs.h"

#include <utility>

#include "abi/clone.h"
#include "abi/fcntl.h"
#include "abi/ioctl.h"
#include "abi/resource.h"
#include "abi/stat.h"
#include "absl/strings/str_format.h"
#include "sentry/cred/credentials.h"
#include "sentry/ns/pid_namespace.h"
#include "sentry/ns/unshare.h"
#include "sentry/task/task.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/operations.h"

namespace ringwall::ns {
namespace {

constexpr uint64_t kNsFsMagic = 0x6e736673;  // statfs(2)
constexpr uint32_t kNsGetUserns = 0xb701, kNsGetParent = 0xb702, kNsGetNstype = 0xb703, kNsGetOwnerUid = 0xb704;

class NsFs final : public vfs::FileSystem {
 public:
  std::string_view type_name() const override { return "nsfs"; }
  Ref<vfs::Inode> root() override { __builtin_trap(); }  // never mounted as a whole
};

NsFs& Fs() {
  // As the other internal file systems (sentry/fs/anon): a device number, no state.
  static NsFs* fs = MakeRef<NsFs>().Leak();
  return *fs;
}

class NsInode final : public vfs::Inode {
 public:
  explicit NsInode(Ref<cred::Namespace> ns) : Inode(Fs(), abi::kS_IFREG), ns_(std::move(ns)) {}
  const Ref<cred::Namespace>& ns() const { return ns_; }
  Result<vfs::Attributes> GetAttributes(Context& ctx) override {
    vfs::Attributes a;
    a.dev = file_system().dev();
    a.ino = ns_->ino();
    a.mode = abi::kS_IFREG | 0444;
    a.atime = a.mtime = a.ctime = ctx.Now();
    return a;
  }
  Result<void> SetAttributes(Context&, const vfs::AttributeChange&) override { return Errno::kEPERM; }
  Result<Ref<vfs::File>> Open(Context& ctx, const vfs::Path& path, const vfs::OpenRequest& request) override;
  Result<vfs::FileSystemStats> StatFs(Context&) override {
    vfs::FileSystemStats stats;
    stats.type = kNsFsMagic;
    stats.id = file_system().dev();
    return stats;
  }

 private:
  const Ref<cred::Namespace> ns_;
};

class NsFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kNamespace;
  NsFile(const vfs::Path& path, Ref<cred::Namespace> ns, uint32_t flags) : File(kKind, path, flags), ns_(std::move(ns)) {}
  const Ref<cred::Namespace>& ns() const { return ns_; }
  Result<size_t> Read(Context&, mm::IoSink&) override { return Errno::kEINVAL; }
  Result<size_t> Write(Context&, mm::IoSource&) override { return Errno::kEINVAL; }
  Result<int64_t> Ioctl(Context& ctx, uint32_t command, uint64_t argument) override;

 private:
  ~NsFile() override = default;
  const Ref<cred::Namespace> ns_;
};

Result<Ref<vfs::File>> NsInode::Open(Context&, const vfs::Path& path, const vfs::OpenRequest& request) {
  if (request.write()) return Errno::kEPERM;
  return Ref<vfs::File>(MakeRef<NsFile>(path, ns_, request.flags));
}

Result<int64_t> OpenAsDescriptor(task::Task& task, Ref<cred::Namespace> ns) {
  const vfs::Path path = NamespacePath(std::move(ns));
  Ref<vfs::File> file = TRY(vfs::OpenPath(task, path, abi::kO_RDONLY));
  const abi::Fd fd = TRY(task.fds().Add(std::move(file), {.cloexec = true}, task.Limit(abi::kRLIMIT_NOFILE)));
  return abi::Raw(fd);
}

Result<int64_t> NsFile::Ioctl(Context& ctx, uint32_t command, uint64_t argument) {
  task::Task* task = ctx.AsTask();
  if (task == nullptr) return Errno::kENOTTY;
  const cred::UserNamespace& own = *ctx.creds().user_ns;
  switch (command) {
    case kNsGetNstype: return static_cast<int64_t>(ns_->kind());
    case kNsGetUserns: {
      // EPERM: outside of what the caller's namespace holds.
      cred::UserNamespace* owner = ns_->owner();
      if (owner == nullptr || !own.Contains(*owner)) return Errno::kEPERM;
      return OpenAsDescriptor(*task, Ref<cred::Namespace>(*owner));
    }
    case kNsGetParent: {
      if (ns_->kind() == abi::kCLONE_NEWUSER) {
        cred::UserNamespace* parent = ns_->owner();
        if (parent == nullptr || !own.Contains(*parent)) return Errno::kEPERM;
        return OpenAsDescriptor(*task, Ref<cred::Namespace>(*parent));
      }
      if (ns_->kind() == abi::kCLONE_NEWPID) {
        PidNamespace* parent = static_cast<PidNamespace&>(*ns_).parent();
        if (parent == nullptr || !PidNamespaceOf(*task)->Contains(*parent)) return Errno::kEPERM;
        return OpenAsDescriptor(*task, Ref<cred::Namespace>(*parent));
      }
      return Errno::kEINVAL;
    }
    case kNsGetOwnerUid: {
      if (ns_->kind() != abi::kCLONE_NEWUSER) return Errno::kEINVAL;
      const uint32_t uid = own.Show(cred::IdKind::kUid, static_cast<const cred::UserNamespace&>(*ns_).owner_uid());
      TRY(ctx.memory().WriteValue<uint32_t>(argument, uid));
      return 0;
    }
    default: return Errno::kENOTTY;
  }
}

}  // namespace

std::string NamespaceName(const cred::Namespace& ns) {
  const char* kind = "?";
  switch (ns.kind()) {
    case abi::kCLONE_NEWNS: kind = "mnt"; break;
    case abi::kCLONE_NEWCGROUP: kind = "cgroup"; break;
    case abi::kCLONE_NEWUTS: kind = "uts"; break;
    case abi::kCLONE_NEWIPC: kind = "ipc"; break;
    case abi::kCLONE_NEWUSER: kind = "user"; break;
    case abi::kCLONE_NEWPID: kind = "pid"; break;
    case abi::kCLONE_NEWNET: kind = "net"; break;
    case abi::kCLONE_NEWTIME: kind = "time"; break;
    default: break;
  }
  return absl::StrFormat("%s:[%u]", kind, ns.ino());
}

vfs::Path NamespacePath(Ref<cred::Namespace> ns) {
  std::string name = NamespaceName(*ns);
  return vfs::AnonymousPath(MakeRef<NsInode>(std::move(ns)), std::move(name));
}

Result<Ref<cred::Namespace>> NamespaceOf(vfs::File& file) {
  auto* ns_file = file.As<NsFile>();
  if (ns_file == nullptr) return Errno::kEINVAL;
  return ns_file->ns();
}

bool IsNamespaceFile(const vfs::Path& path) { return path.dentry && !path.dentry->IsNegative() && &path.inode().file_system() == &Fs(); }

Ref<vfs::Mount> MountOf(const vfs::Path& path) {
  return MakeRef<vfs::Mount>(Ref<vfs::FileSystem>(Fs()), path.dentry.ToRef(), vfs::MountFlags{}, "nsfs");
}

}  // namespace ringwall::ns
