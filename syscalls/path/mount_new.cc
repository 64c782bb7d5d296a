// The types that mount(2) makes new instances of: tmpfs, ramfs, proc, sysfs, devpts, mqueue.
#include "syscalls/path/mount_new.h"

#include <utility>

#include "abi/capability.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/devpts/devpts.h"
#include "sentry/fs/proc/proc.h"
#include "sentry/fs/sys/sys.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/ipc/namespace.h"
#include "sentry/kernel/kernel.h"
#include "sentry/ns/namespaces.h"
#include "syscalls/ipc/ipc_of.h"

namespace ringwall::syscalls {
namespace {

using task::Task;

using Made = Result<Ref<vfs::FileSystem>>;

// Owner and mode as options give them; ids are those of the caller's user namespace.
Made MakeTmpfs(Task& task, const std::string& text) {
  constexpr uint32_t kNotGiven = ~0u;
  tmpfs::Options defaults;
  defaults.uid = defaults.gid = kNotGiven;
  tmpfs::Options options = TRY(tmpfs::ParseOptions(text, defaults));
  const cred::Credentials& creds = task.creds();
  const auto uid = options.uid == kNotGiven ? creds.fsuid : creds.user_ns->ToKernel(cred::IdKind::kUid, options.uid);
  const auto gid = options.gid == kNotGiven ? creds.fsgid : creds.user_ns->ToKernel(cred::IdKind::kGid, options.gid);
  if (!uid.has_value() || !gid.has_value()) return Errno::kEINVAL;
  options.uid = *uid;
  options.gid = *gid;
  return Ref<vfs::FileSystem>(tmpfs::TmpFs::Create(task, options));
}

// ramfs knows no limits and only the option "mode"; it ignores others (Linux: "for compatibility").
Made MakeRamfs(Task& task, const std::string& text) {
  tmpfs::Options options{.size_bytes = ~uint64_t{0}, .max_inodes = ~uint64_t{0}, .mode = 0755, .name = "ramfs"};
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    if (!item.starts_with("mode=")) continue;
    const tmpfs::Options with_mode = TRY(tmpfs::ParseOptions(item, options));
    options.mode = with_mode.mode;
  }
  options.uid = task.creds().fsuid;
  options.gid = task.creds().fsgid;
  return Ref<vfs::FileSystem>(tmpfs::TmpFs::Create(task, options));
}

// Shows the pid namespace that the caller's children are born in (pid_namespaces(7), "/proc and PID namespaces").
Made MakeProc(Task& task, const std::string& text) {
  for (std::string_view rest = text; !rest.empty();) {
    const std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(rest.size(), item.size() + 1));
    // Differs from Linux: everybody's directory is shown whatever these say; what is private in them is protected all the same.
    const bool known = item.empty() || item.starts_with("hidepid=") || item.starts_with("gid=") || item == "subset=pid";
    if (!known) return Errno::kEINVAL;
  }
  return proc::Create(task, task.kernel(), RefPtr<ns::PidNamespace>(task.namespaces().pid_for_children));
}

Made MakeSysfs(Task& task, const std::string&) { return sys::Create(task); }

Made MakeDevpts(Task& task, const std::string& text) {
  devpts::Options options = TRY(devpts::ParseOptions(text));
  const cred::UserNamespace& ids = *task.creds().user_ns;
  if (options.uid != ~0u) {
    const auto uid = ids.ToKernel(cred::IdKind::kUid, options.uid);
    if (!uid.has_value()) return Errno::kEINVAL;
    options.uid = *uid;
  }
  if (options.gid != ~0u) {
    const auto gid = ids.ToKernel(cred::IdKind::kGid, options.gid);
    if (!gid.has_value()) return Errno::kEINVAL;
    options.gid = *gid;
  }
  return devpts::Create(task, options);
}

// The one instance of the caller's IPC namespace.
Made MakeMqueue(Task& task, const std::string&) { return Ref<vfs::FileSystem>(IpcOf(task)->mqueues); }

struct Type {
  std::string_view name;
  Made (*make)(Task& task, const std::string& options);
};
constexpr Type kTypes[] = {
    {"tmpfs", MakeTmpfs}, {"ramfs", MakeRamfs}, {"proc", MakeProc}, {"sysfs", MakeSysfs}, {"devpts", MakeDevpts}, {"mqueue", MakeMqueue},
};

}  // namespace

Made MakeFileSystem(Task& task, std::string_view type, const std::string& options) {
  for (const Type& known : kTypes) {
    if (known.name != type) continue;
    // Whose namespace it shows decides who may mount it (user_namespaces(7), "Interaction of user namespaces and other types").
    const cred::UserNamespace* owner = task.creds().user_ns.get();
    if (type == "proc") owner = task.namespaces().pid_for_children->owner();
    if (type == "mqueue") owner = task.namespaces().ipc->owner();
    if (type == "sysfs") owner = task.namespaces().net->owner();
    if (!task.creds().HasIn(*owner, abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
    Ref<vfs::FileSystem> fs = TRY(known.make(task, options));
    if (type != "mqueue") fs->SetOwnerNs(Ref<cred::UserNamespace>(const_cast<cred::UserNamespace&>(*owner)));
    return fs;
  }
  return Errno::kENODEV;
}

}  // namespace ringwall::syscalls
