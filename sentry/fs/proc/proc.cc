// The top of proc(5): numbers, self, thread-self.
#include "sentry/fs/proc/proc.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "abi/dirent.h"
#include "abi/statfs.h"
#include "sentry/fs/proc/instance.h"

namespace ringwall::proc {
namespace {

Ref<kit::SymlinkNode> LinkOfReader(kit::KitFs& fs, bool thread, const RefPtr<ns::PidNamespace>& view) {
  return MakeRef<kit::SymlinkNode>(fs, kit::NodeOptions{}, [thread, view](Context& ctx) -> Result<std::string> {
    task::Task* reader = ctx.AsTask();
    if (reader == nullptr) return Errno::kENOENT;
    task::PidTable& pids = reader->thread_group().pids();
    const int32_t pid = pids.ToGuest(view.get(), ctx.tgid());
    if (pid == 0) return Errno::kENOENT;
    std::string text = std::to_string(pid);
    if (thread) text += "/task/" + std::to_string(pids.ToGuest(view.get(), reader->tid()));
    return text;
  });
}

}  // namespace

Result<Ref<vfs::FileSystem>> Create(Context& ctx, kernel::Kernel& kernel, RefPtr<ns::PidNamespace> view) {
  if (view && view->is_initial()) view = nullptr;
  const Ref<kit::KitFs> fs = kit::KitFs::Create("proc", abi::kPROC_SUPER_MAGIC, ctx.Now());
  const Ref<Settings> settings = MakeRef<Settings>();
  kit::Directory::Dynamic pids;
  // The nodes hold the file system; the closures of the root hold only a plain reference to it.
  pids.lookup = [&fs = *fs.get(), settings, &kernel, view](Context&, std::string_view name) -> Result<Ref<vfs::Inode>> {
    int32_t id = ParseNumber(name);
    if (id <= 0) return Errno::kENOENT;
    id = kernel.pids().ToKernel(view.get(), id);
    RefPtr<task::ThreadGroup> group = kernel.pids().FindGroup(id);
    if (!group) {
      // A thread's number works as well, unlisted (proc_tid(5)); it shows the thread's process.
      const RefPtr<task::Task> thread = kernel.pids().FindTask(id);
      if (!thread) return Errno::kENOENT;
      return Ref<vfs::Inode>(MakeTaskDirectory(fs, settings, Subject(kernel, Ref<task::ThreadGroup>(thread->thread_group()), id).In(view)));
    }
    return Ref<vfs::Inode>(MakeTaskDirectory(fs, settings, Subject(kernel, std::move(group).ToRef()).In(view)));
  };
  pids.list = [&kernel, view](Context&, int64_t from) {
    std::vector<kit::Directory::Listed> out;
    for (const Ref<task::ThreadGroup>& group : kernel.pids().AllGroups()) {
      const int32_t pid = kernel.pids().ToGuest(view.get(), group->pid());
      if (pid == 0 || pid < from) continue;
      out.push_back({std::to_string(pid), Subject(kernel, group).Ino(kEntryNumbers), abi::kDT_DIR, pid});
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.position < b.position; });
    return out;
  };
  const Ref<kit::Directory> root = MakeRef<kit::Directory>(fs, kit::NodeOptions{.mode = 0555, .ino = 1}, std::move(pids));
  (void)fs->NextIno();  // 1 is the root's
  AddMachineFiles(fs, root, kernel);
  AddSysctl(fs, root, kernel);
  root->Add("mounts", MakeRef<kit::SymlinkNode>(fs, "self/mounts"));
  root->Add("net", MakeRef<kit::SymlinkNode>(fs, "self/net"));
  root->Add("self", LinkOfReader(fs, false, view));
  root->Add("thread-self", LinkOfReader(fs, true, view));
  fs->SetRoot(root);
  return Ref<vfs::FileSystem>(fs);
}

RefPtr<task::ThreadGroup> ProcessOf(const vfs::File& file) {
  if (file.kind() != vfs::FileKind::kDirectory || !file.path()) return nullptr;
  vfs::Inode& inode = file.path().inode();
  // All directories of this file system are the kit's.
  if (inode.file_system().type_name() != "proc") return nullptr;
  RefCounted* about = static_cast<kit::Directory&>(inode).about();
  if (about == nullptr) return nullptr;
  return Ref<task::ThreadGroup>(static_cast<task::ThreadGroup&>(*about));
}

}  // namespace ringwall::proc
