// mount(2).
#include "abi/mount.h"
#include "abi/capability.h"
#include "sentry/cred/credentials.h"
#include "sentry/ns/nsfs.h"
#include "sentry/vfs/mount.h"
#include "syscalls/path/at.h"
#include "syscalls/path/mount_new.h"
#include "syscalls/path/path.h"

namespace ringwall::syscalls {
namespace {

constexpr uint64_t kPropagation = abi::kMS_SHARED | abi::kMS_PRIVATE | abi::kMS_SLAVE | abi::kMS_UNBINDABLE;
constexpr uint64_t kAtimeFlags = abi::kMS_NOATIME | abi::kMS_NODIRATIME | abi::kMS_RELATIME | abi::kMS_STRICTATIME;

Result<std::string> ReadOptional(Task& task, UserString text) {
  if (text.is_null()) return std::string();
  return text.Read(task.memory(), abi::kPATH_MAX, Errno::kEINVAL);
}

// The options of a file system: at most a page, of which what cannot be read counts as not there.
Result<std::string> ReadData(Task& task, UserAddr data) {
  if (data.is_null()) return std::string();
  std::string out;
  for (uint64_t at = data.value; out.size() < 4095; ++at) {
    const auto byte = task.memory().ReadValue<uint8_t>(at);
    if (!byte.ok()) {
      if (out.empty()) return Errno::kEFAULT;
      break;
    }
    if (*byte == 0) break;
    out.push_back(static_cast<char>(*byte));
  }
  return out;
}

vfs::MountFlags FlagsOf(uint64_t flags) {
  return {.read_only = (flags & abi::kMS_RDONLY) != 0,
          .no_suid = (flags & abi::kMS_NOSUID) != 0,
          .no_dev = (flags & abi::kMS_NODEV) != 0,
          .no_exec = (flags & abi::kMS_NOEXEC) != 0,
          .no_atime = (flags & abi::kMS_NOATIME) != 0 && (flags & abi::kMS_STRICTATIME) == 0,
          .no_diratime = (flags & abi::kMS_NODIRATIME) != 0,
          .strict_atime = (flags & abi::kMS_STRICTATIME) != 0,
          .no_symfollow = (flags & abi::kMS_NOSYMFOLLOW) != 0};
}

bool IsMountRoot(const vfs::Path& path) { return path.mount && path.dentry.get() == path.mount->root().get(); }

// MS_REMOUNT, with MS_BIND of the mount only.
Result<void> Remount(Task& task, const vfs::Path& path, uint64_t flags, const std::string& data) {
  const Ref<vfs::MountNamespace>& ns = task.fs().mount_ns();
  if (!IsMountRoot(path) || !ns->Contains(*path.mount)) return Errno::kEINVAL;
  vfs::MountFlags wanted = FlagsOf(flags);
  if ((flags & kAtimeFlags) == 0) {
    // Nothing said about access times: they stay as they are.
    const vfs::MountFlags old = path.mount->flags();
    wanted.no_atime = old.no_atime, wanted.no_diratime = old.no_diratime, wanted.strict_atime = old.strict_atime;
  }
  if ((flags & abi::kMS_BIND) != 0) return ns->SetMountFlags(*path.mount, wanted);
  vfs::FileSystem& fs = path.mount->fs();
  if (!task.creds().HasIn(fs.owner_ns(), abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
  TRY(ns->SetMountFlags(*path.mount, wanted));
  TRY(fs.Reconfigure(task, data));
  fs.SetReadOnly(wanted.read_only);
  return {};
}

Result<void> ChangePropagation(Task& task, const vfs::Path& path, uint64_t flags) {
  const uint64_t type = flags & ~(abi::kMS_REC | abi::kMS_SILENT);
  if ((type & ~kPropagation) != 0 || (type & (type - 1)) != 0 || !IsMountRoot(path)) return Errno::kEINVAL;
  const vfs::Propagation to = type == abi::kMS_SHARED    ? vfs::Propagation::kShared
                              : type == abi::kMS_PRIVATE ? vfs::Propagation::kPrivate
                              : type == abi::kMS_SLAVE   ? vfs::Propagation::kSlave
                                                         : vfs::Propagation::kUnbindable;
  return task.fs().mount_ns()->SetPropagation(*path.mount, to, (flags & abi::kMS_REC) != 0);
}

// The source of MS_BIND and MS_MOVE. EINVAL when it is empty.
Result<vfs::Path> FindSource(Task& task, const std::string& source) {
  if (source.empty()) return Errno::kEINVAL;
  const auto start = TRY(task.StartOf(abi::kAtFdCwd, source));
  return vfs::Walk(task, start->start, source, {});
}

}  // namespace

Result<void> SysMount(Task& task, UserString user_source, UserPath target, UserString user_type, uint64_t flags, UserAddr user_data) {
  const std::string type = TRY(ReadOptional(task, user_type));
  const std::string source = TRY(ReadOptional(task, user_source));
  const std::string data = TRY(ReadData(task, user_data));
  if ((flags & abi::kMS_MGC_MSK) == abi::kMS_MGC_VAL) flags &= ~abi::kMS_MGC_MSK;
  const vfs::Path path = TRY(FindPath(task, abi::kAtFdCwd, target, 0));
  if ((flags & uint64_t{1} << 31) != 0) return Errno::kEINVAL;  // MS_NOUSER
  const Ref<vfs::MountNamespace>& ns = task.fs().mount_ns();
  if (!task.creds().HasIn(*ns->owner(), abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
  if (!path.mount) return Errno::kEINVAL;

  if ((flags & abi::kMS_REMOUNT) != 0) return Remount(task, path, flags, data);
  if ((flags & abi::kMS_BIND) != 0) {
    const vfs::Path from = TRY(FindSource(task, source));
    // A namespace that stays without processes (namespaces(7)): /proc/PID/ns/X on a file.
    if (!from.mount && ns::IsNamespaceFile(from)) return ns->Attach(ns::MountOf(from), path);
    return ns->Bind(from, path, (flags & abi::kMS_REC) != 0);
  }
  if ((flags & kPropagation) != 0) return ChangePropagation(task, path, flags);
  if ((flags & abi::kMS_MOVE) != 0) {
    const vfs::Path from = TRY(FindSource(task, source));
    return ns->Move(from, path);
  }
  if (user_type.is_null()) return Errno::kEINVAL;
  const Ref<vfs::FileSystem> fs = TRY(MakeFileSystem(task, type, data));
  // An instance that others see already keeps its own mode.
  if (type != "mqueue") fs->SetReadOnly((flags & abi::kMS_RDONLY) != 0);
  return ns->Attach(vfs::Mount::OfFileSystem(fs, FlagsOf(flags), user_source.is_null() ? "none" : source), path);
}

}  // namespace ringwall::syscalls
