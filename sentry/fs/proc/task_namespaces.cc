// namespaces(7) as files: /proc/PID/ns, uid_map, gid_map, setgroups, timens_offsets; /proc/sys/user.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "abi/capability.h"
#include "abi/clone.h"
#include "abi/dirent.h"
#include "absl/strings/str_cat.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/proc/instance.h"
#include "sentry/ns/namespaces.h"
#include "sentry/ns/nsfs.h"
#include "sentry/ns/unshare.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::proc {
namespace {

using cred::IdKind;
using cred::UserNamespace;

using Getter = Result<Ref<cred::Namespace>> (*)(const Subject& subject, const task::Task& task);

Result<Ref<const ns::Namespaces>> SetOf(const task::Task& task) {
  RefPtr<const ns::Namespaces> set = task.ShareNamespaces();
  // A task that has ended has given them back, as far as anybody can see.
  if (!set || !task.ShareFs()) return Errno::kENOENT;
  return std::move(set).ToRef();
}

struct NamespaceLinkKind {
  std::string_view name;
  Getter get;
};
constexpr NamespaceLinkKind kLinks[] = {
    {"cgroup",
     [](const Subject&, const task::Task& task) -> Result<Ref<cred::Namespace>> {
       const auto set = TRY(SetOf(task));
       return set->cgroup;
     }},
    {"ipc",
     [](const Subject&, const task::Task& task) -> Result<Ref<cred::Namespace>> {
       const auto set = TRY(SetOf(task));
       return set->ipc;
     }},
    {"mnt",
     [](const Subject&, const task::Task& task) -> Result<Ref<cred::Namespace>> {
       const RefPtr<vfs::FsContext> fs = task.ShareFs();
       if (!fs) return Errno::kENOENT;
       return Ref<cred::Namespace>(fs->mount_ns());
     }},
    {"net",
     [](const Subject&, const task::Task& task) -> Result<Ref<cred::Namespace>> {
       const auto set = TRY(SetOf(task));
       return set->net;
     }},
    {"pid",
     [](const Subject&, const task::Task& task) -> Result<Ref<cred::Namespace>> { return Ref<cred::Namespace>(ns::PidNamespaceOf(task)); }},
    {"pid_for_children",
     [](const Subject&, const task::Task& task) -> Result<Ref<cred::Namespace>> {
       const auto set = TRY(SetOf(task));
       // ENOENT until the first child has been born there (pid_namespaces(7)) would be Linux's answer for an empty one.
       return Ref<cred::Namespace>(set->pid_for_children);
     }},
    {"time",
     [](const Subject&, const task::Task& task) -> Result<Ref<cred::Namespace>> {
       const auto set = TRY(SetOf(task));
       return set->time;
     }},
    {"time_for_children",
     [](const Subject&, const task::Task& task) -> Result<Ref<cred::Namespace>> {
       const auto set = TRY(SetOf(task));
       return set->time_for_children;
     }},
    {"user",
     [](const Subject&, const task::Task& task) -> Result<Ref<cred::Namespace>> {
       const RefPtr<const cred::Credentials> creds = task.ShareCreds();
       if (!creds) return Errno::kENOENT;
       return Ref<cred::Namespace>(creds->user_ns);
     }},
    {"uts",
     [](const Subject&, const task::Task& task) -> Result<Ref<cred::Namespace>> {
       const auto set = TRY(SetOf(task));
       return Ref<cred::Namespace>(set->uts);
     }},
};

Ref<kit::Node> NamespaceLink(kit::KitFs& fs, const Subject& subject, size_t index) {
  auto find = [subject, get = kLinks[index].get](Context& ctx) -> Result<Ref<cred::Namespace>> {
    TRY(subject.CheckReadable(ctx));
    const Ref<task::Task> task = TRY(subject.Task());
    return get(subject, task);
  };
  auto follow = [find](Context& ctx) -> Result<vfs::Path> {
    Ref<cred::Namespace> found = TRY(find(ctx));
    return ns::NamespacePath(std::move(found));
  };
  auto text = [find](Context& ctx) -> Result<std::string> {
    const Ref<cred::Namespace> found = TRY(find(ctx));
    return ns::NamespaceName(found);
  };
  return MakeRef<kit::MagicLink>(fs, subject.Options(0777, kNsNumbers + static_cast<uint32_t>(index)), std::move(follow), std::move(text));
}

Result<Ref<UserNamespace>> UserNamespaceOf(const Subject& subject) {
  const Ref<task::Task> task = TRY(subject.Task());
  const RefPtr<const cred::Credentials> creds = task->ShareCreds();
  if (!creds) return Errno::kESRCH;
  return creds->user_ns;
}

Result<Ref<kit::Node>> MakeIdMap(IdKind kind, kit::KitFs& fs, const Subject& subject, kit::NodeOptions options) {
  auto read = [subject, kind](Context& ctx) -> Result<std::string> {
    const Ref<UserNamespace> user = TRY(UserNamespaceOf(subject));
    return user->MapText(kind, *ctx.creds().user_ns);
  };
  auto write = [subject, kind](Context& ctx, std::string_view data, uint64_t offset) -> Result<size_t> {
    if (offset != 0) return Errno::kEINVAL;  // one write, at the start
    const Ref<UserNamespace> user = TRY(UserNamespaceOf(subject));
    // Who is in another namespace than the process or its parent cannot name ids for it.
    const UserNamespace* own = ctx.creds().user_ns.get();
    if (own != user.get() && own != user->owner()) return Errno::kEPERM;
    // Differs from Linux: the writer stands for the opener too.
    TRY(user->WriteMap(kind, ctx.creds(), ctx.creds(), data));
    return data.size();
  };
  return Ref<kit::Node>(MakeRef<kit::DynamicFile>(fs, std::move(options), std::move(read), std::move(write)));
}

}  // namespace

Result<Ref<kit::Node>> MakeUidMap(kit::KitFs& fs, Settings&, const Subject& subject, kit::NodeOptions options) {
  return MakeIdMap(IdKind::kUid, fs, subject, std::move(options));
}

Result<Ref<kit::Node>> MakeGidMap(kit::KitFs& fs, Settings&, const Subject& subject, kit::NodeOptions options) {
  return MakeIdMap(IdKind::kGid, fs, subject, std::move(options));
}

Result<Ref<kit::Node>> MakeSetgroups(kit::KitFs& fs, Settings&, const Subject& subject, kit::NodeOptions options) {
  auto read = [subject](Context&) -> Result<std::string> {
    const Ref<UserNamespace> user = TRY(UserNamespaceOf(subject));
    return std::string(user->setgroups_allowed() ? "allow\n" : "deny\n");
  };
  auto write = [subject](Context& ctx, std::string_view data, uint64_t offset) -> Result<size_t> {
    const Ref<UserNamespace> user = TRY(UserNamespaceOf(subject));
    if (!ctx.creds().HasIn(*user, abi::kCAP_SYS_ADMIN)) return Errno::kEACCES;  // Linux says so at open(2)
    if (offset != 0 || data.size() >= 8) return Errno::kEINVAL;
    std::string_view word = data;
    const bool allow = word.starts_with("allow");
    if (!allow && !word.starts_with("deny")) return Errno::kEINVAL;
    word.remove_prefix(allow ? 5 : 4);
    if (word.find_first_not_of(" \t\n\0") != std::string_view::npos) return Errno::kEINVAL;
    TRY(user->SetSetgroups(allow));
    return data.size();
  };
  return Ref<kit::Node>(MakeRef<kit::DynamicFile>(fs, std::move(options), std::move(read), std::move(write)));
}

Result<std::string> TimensOffsetsText(Context&, const Subject& subject) {
  TRY(subject.Task());
  // Clocks run alike in every time namespace here: offsets cannot be set.
  return std::string("monotonic           0         0\nboottime            0         0\n");
}

Result<Ref<kit::Node>> MakeNs(kit::KitFs& fs, Settings&, const Subject& subject, kit::NodeOptions options) {
  kit::Directory::Dynamic entries;
  entries.lookup = [&fs, subject](Context&, std::string_view name) -> Result<Ref<vfs::Inode>> {
    for (size_t i = 0; i < std::size(kLinks); ++i) {
      if (kLinks[i].name == name) return Ref<vfs::Inode>(NamespaceLink(fs, subject, i));
    }
    return Errno::kENOENT;
  };
  entries.list = [subject](Context&, int64_t from) {
    std::vector<kit::Directory::Listed> out;
    for (size_t i = static_cast<size_t>(std::max<int64_t>(from, 0)); i < std::size(kLinks); ++i) {
      out.push_back(
          {std::string(kLinks[i].name), subject.Ino(kNsNumbers + static_cast<uint32_t>(i)), abi::kDT_LNK, static_cast<int64_t>(i)});
    }
    return out;
  };
  return Ref<kit::Node>(MakeRef<kit::Directory>(fs, std::move(options), std::move(entries)));
}

void AddNamespaceLimits(kit::KitFs& fs, kit::Directory& sys) {
  using Counted = UserNamespace::Counted;
  constexpr std::pair<const char*, Counted> kLimits[] = {
      {"cgroup", Counted::kCgroup}, {"ipc", Counted::kIpc},   {"mnt", Counted::kMnt},   {"net", Counted::kNet},
      {"pid", Counted::kPid},       {"time", Counted::kTime}, {"user", Counted::kUser}, {"uts", Counted::kUts},
  };
  for (const auto& [name, kind] : kLimits) {
    // Of the reader's own user namespace.
    auto read = [kind = kind](Context& ctx) -> Result<std::string> { return absl::StrCat(ctx.creds().user_ns->limit(kind), "\n"); };
    auto write = [kind = kind](Context& ctx, std::string_view data, uint64_t) -> Result<size_t> {
      if (!ctx.creds().HasInOwn(abi::kCAP_SYS_RESOURCE)) return Errno::kEPERM;
      const int64_t value = TRY(ParseSetting(data));
      if (value < 0 || value > INT32_MAX) return Errno::kEINVAL;
      ctx.creds().user_ns->SetLimit(kind, static_cast<int32_t>(value));
      return data.size();
    };
    sys.AddPath(absl::StrCat("user/max_", name, "_namespaces"),
                MakeRef<kit::DynamicFile>(fs, kit::NodeOptions{.mode = 0644}, std::move(read), std::move(write)));
  }
}

}  // namespace ringwall::proc
