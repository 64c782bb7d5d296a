// Kernel: boot order, the first processes, and the end.
#include "sentry/kernel/kernel.h"

#include <utility>

#include "abi/wait.h"
#include "base/log/check.h"
#include "base/log/log.h"
#include "sentry/context/random.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/anon/inotify.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/futex/futex.h"
#include "sentry/kernel/find_program.h"
#include "sentry/loader/loader.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/ns/namespaces.h"
#include "sentry/observe/task_dump.h"
#include "sentry/observe/unimplemented.h"
#include "sentry/task/exec.h"
#include "sentry/task/executable.h"
#include "sentry/task/job_control.h"
#include "sentry/task/path_start.h"
#include "sentry/task/pid_table.h"
#include "sentry/task/process_timers.h"
#include "sentry/task/task_builder.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::kernel {

using task::Task;
using task::TaskBuilder;
using task::ThreadGroup;

Kernel::Kernel(KernelOptions options, std::unique_ptr<platform::Platform> platform)
    : options_(std::move(options)),
      platform_(std::move(platform)),
      boot_ns_(time::MonotonicNs()),
      namespaces_(RefPtr<const ns::Namespaces>(Ref<const ns::Namespaces>(MakeRef<ns::Namespaces>(options_.uts)))),
      inotify_(std::make_unique<anon::InotifyAccounts>()),
      futexes_(std::make_unique<futex::FutexTable>()),
      unimplemented_(std::make_unique<observe::UnimplementedLedger>()) {
  timers_.Start();
}

Kernel::~Kernel() { timers_.Stop(); }

UtsName Kernel::uts() const { return namespaces_->uts->names(); }

void Kernel::SetUts(UtsName uts) { namespaces_->uts->SetNames(std::move(uts)); }

Ref<const ns::Namespaces> Kernel::initial_namespaces() const { return namespaces_.ToRef(); }

void Kernel::SetMounts(Ref<vfs::MountNamespace> mounts) {
  RefPtr<vfs::MountNamespace> next = std::move(mounts);
  MutexLock lock(mu_);
  std::swap(mounts_, next);
}

void Kernel::SetSharedMemory(Ref<tmpfs::TmpFs> fs) { shared_memory_ = std::move(fs); }

Ref<vfs::MountNamespace> Kernel::mounts() const {
  MutexLock lock(mu_);
  CHECK(static_cast<bool>(mounts_));
  return mounts_.ToRef();
}

Result<Ref<ThreadGroup>> Kernel::CreateProcess(const ProcessSpec& spec) {
  if (spec.args.empty()) return Errno::kEINVAL;

  auto creds = cred::Credentials::Root();
  creds->uid = creds->euid = creds->suid = creds->fsuid = spec.uid;
  creds->gid = creds->egid = creds->sgid = creds->fsgid = spec.gid;
  TRY(creds->SetGroups(spec.additional_gids));
  creds->permitted = spec.cap_permitted & cred::kAllCapabilities;
  creds->effective = spec.cap_effective & creds->permitted;
  creds->inheritable = spec.cap_inheritable & cred::kAllCapabilities;
  creds->bounding = spec.cap_bounding & cred::kAllCapabilities;
  creds->ambient = spec.cap_ambient & creds->permitted & creds->inheritable;
  creds->no_new_privs = spec.no_new_privileges;

  const int32_t pid = TRY(pids_.Allocate());
  auto group = MakeRef<ThreadGroup>(pids_, signal::SignalHandlers::Create());
  TaskBuilder::SetPid(*group, pid);
  if (spec.ordinary) TaskBuilder::SetOrdinary(*group);
  for (const auto& [resource, limit] : spec.limits) group->SetLimit(resource, limit);
  task::WatchCpuLimit(*this, *group);

  const Ref<vfs::MountNamespace> ns = mounts();
  const vfs::Path root{ns->root(), RefPtr<vfs::Dentry>(ns->root()->root())};
  auto fs = MakeRef<vfs::FsContext>(ns, root, root, spec.umask);

  const Ref<Task> init = MakeRef<Task>(*this, group, pid);
  init->SetCreds(Ref<const cred::Credentials>(creds));
  init->SetFs(fs);
  init->SetFds(vfs::FdTable::Create());
  init->exit_signal = abi::kSIGCHLD;
  auto fail = [&](Errno error) {
    pids_.Release(pid);
    return error;
  };

  const vfs::WalkStart start{ns, root, root};
  auto cwd = vfs::Walk(*init, start, spec.cwd, {.must_be_directory = true});
  if (!cwd.ok()) return fail(cwd.error());
  fs->SetCwd(*cwd);

  uint32_t number = 0;
  for (const Ref<vfs::File>& file : spec.files) {
    auto added = init->fds().Add(file, {}, vfs::FdTable::kMaxFds, number++);
    if (!added.ok()) return fail(added.error());
  }

  auto found = FindProgram(*init, spec.args[0], spec.env);
  if (!found.ok()) return fail(found.error());
  auto thread = LoadProgram(*init, *found, spec);
  if (!thread.ok()) return fail(thread.error());

  auto session = MakeRef<task::Session>(pid);
  auto published = TaskBuilder::Publish(*init, nullptr, MakeRef<task::ProcessGroup>(pid, std::move(session)));
  if (!published.ok()) return fail(published.error());
  if (spec.terminal && !spec.files.empty()) task::AdoptTerminal(*group, *spec.files[0]);
  return group;
}

Result<void> Kernel::LoadProgram(Task& init, const FoundProgram& found, const ProcessSpec& spec) {
  class Opener final : public loader::ProgramOpener {
   public:
    explicit Opener(Task& task) : task_(task) {}
    Result<Ref<vfs::File>> OpenExecutable(std::string_view path) override {
      const auto start = TRY(task_.StartOf(abi::kAtFdCwd, path));
      return task::OpenForExec(task_, start->start, path, {});
    }

   private:
    Task& task_;
  } opener(init);

  TRY(loader::CheckArgumentSize(spec.args, spec.env, init.Limit(abi::kRLIMIT_STACK)));
  const loader::Program program = TRY(loader::Prepare(init, opener, found.file, found.path, spec.args));
  const Ref<task::Executable> executable = TRY(task::Executable::Of(program.file.ToRef(), init.creds().user_ns));
  loader::LoadOptions options{.uid = spec.uid, .euid = spec.uid, .gid = spec.gid, .egid = spec.gid};
  options.stack_limit = init.Limit(abi::kRLIMIT_STACK);
  options.aslr_seed = options_.randomize ? RandomU64() | 1 : 0;
  std::unique_ptr<platform::GuestThread> thread = TRY(platform_->NewProcess(init, arch::InitialRegisters(0, 0)));
  loader::LoadedImage image = TRY(loader::Load(init, program, spec.env, options, *thread));
  thread->regs() = image.registers;
  TaskBuilder::SetThread(init, std::move(thread));
  image.mm->SetExecutable(RefPtr<RefCounted>(executable));
  init.SetMm(RefPtr<mm::MemoryManager>(image.mm));
  init.SetComm(program.comm);
  return {};
}

void Kernel::StartProcess(ThreadGroup& group) {
  for (const Ref<Task>& thread : pids_.ThreadsOf(group)) thread->Start();
}

void Kernel::OnProcessExit(std::function<void(int32_t, int32_t)> callback) {
  MutexLock lock(mu_);
  on_exit_ = std::move(callback);
}

void Kernel::NotifyProcessExit(int32_t pid, int32_t wait_status) {
  std::function<void(int32_t, int32_t)> callback;
  {
    MutexLock lock(mu_);
    callback = on_exit_;
  }
  if (callback) callback(pid, wait_status);
}

void Kernel::NotifyInitGone() {
  // pid_namespaces(7): when init ends, everybody else is killed.
  for (const Ref<ThreadGroup>& group : pids_.AllGroups()) {
    if (group->pid() != 1) group->RequestGroupExit(abi::SignalStatus(abi::kSIGKILL, false));
  }
  platform_->Shutdown();
}

std::string Kernel::DumpTasks() { return observe::DumpTasks(*this); }

void Kernel::Run() { platform_->Run(); }

void Kernel::Shutdown() {
  for (const Ref<ThreadGroup>& group : pids_.AllGroups()) group->RequestGroupExit(abi::SignalStatus(abi::kSIGKILL, false));
  platform_->Shutdown();
}

}  // namespace ringwall::kernel
