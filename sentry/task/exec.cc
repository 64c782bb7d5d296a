// execve(2): everything that can fail comes first; then the other threads go, then the new image takes over.
#include "sentry/task/exec.h"

#include <utility>

#include "abi/fcntl.h"
#include "abi/resource.h"
#include "abi/stat.h"
#include "abi/wait.h"
#include "sentry/context/random.h"
#include "sentry/cred/credentials.h"
#include "sentry/futex/futex.h"
#include "sentry/kernel/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/ptrace/engine.h"
#include "sentry/signal/pending.h"
#include "sentry/task/clone.h"
#include "sentry/task/executable.h"
#include "sentry/task/path_start.h"
#include "sentry/task/process_timers.h"
#include "sentry/task/task_builder.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/mount.h"
#include "sentry/vfs/operations.h"

namespace ringwall::task {

// Replaces the parts of a task that execve replaces.
class ExecSwap {
 public:
  // True when the task is its process's only thread; otherwise the others have been told to end.
  static bool AloneOrKillOthers(Task& task);
  // The task becomes the leader: it takes over the process's id (execve(2): "the tid becomes the pid").
  static void TakeOverLeader(Task& task);
  static void Swap(Task& task, std::unique_ptr<platform::GuestThread> thread, Ref<mm::MemoryManager> mm);
  // From AloneOrKillOthers() on: a failed exec leaves the next thread its turn.
  class Turn {
   public:
    explicit Turn(Task& task) : task_(task) {}
    ~Turn() { GiveUpTurn(task_); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Task& task_;
  };

 private:
  static void GiveUpTurn(Task& task);
};

namespace {

class Opener final : public loader::ProgramOpener {
 public:
  explicit Opener(Task& task) : task_(task) {}
  Result<Ref<vfs::File>> OpenExecutable(std::string_view path) override {
    const auto start = TRY(task_.StartOf(abi::kAtFdCwd, path));
    return OpenForExec(task_, start->start, path, {});
  }

 private:
  Task& task_;
};

}  // namespace

Result<Ref<vfs::File>> OpenForExec(Task& task, const vfs::WalkStart& start, std::string_view path, const vfs::WalkOptions& walk) {
  const vfs::Path found = TRY(vfs::Walk(task, start, path, walk));
  if (found.inode().IsSymlink()) return Errno::kELOOP;  // AT_SYMLINK_NOFOLLOW
  return vfs::OpenForExec(task, found);
}

Result<void> Exec(Task& task, ExecRequest request) {
  TRY(loader::CheckArgumentSize(request.argv, request.envp, task.Limit(abi::kRLIMIT_STACK)));
  Opener opener(task);
  const loader::Program program = TRY(loader::Prepare(task, opener, request.file, request.path, std::move(request.argv)));

  const Ref<Executable> executable = TRY(Executable::Of(program.file.ToRef(), task.creds().user_ns));

  if (!ExecSwap::AloneOrKillOthers(task)) {
    // Who has been told to end waits for nobody. It never sees the result.
    if (task.exiting() || task.thread_group().group_exiting()) return Errno::kEINTR;
    return task.ParkUnlessExiting();
  }
  const ExecSwap::Turn turn(task);

  // The credentials of the new program, computed now and published at the swap.
  Ref<cred::Credentials> creds = task.creds().Clone();
  const bool held_back = ptrace::Engine::HoldsBackPrivileges(task);
  creds->ApplyExec(held_back ? ~0u : program.set_uid, held_back ? ~0u : program.set_gid);
  const bool secure = creds->euid != creds->uid || creds->egid != creds->gid;

  const cred::UserNamespace& ids = *creds->user_ns;
  loader::LoadOptions options{.uid = ids.Show(cred::IdKind::kUid, creds->uid),
                              .euid = ids.Show(cred::IdKind::kUid, creds->euid),
                              .gid = ids.Show(cred::IdKind::kGid, creds->gid),
                              .egid = ids.Show(cred::IdKind::kGid, creds->egid)};
  options.secure = secure;
  options.stack_limit = task.Limit(abi::kRLIMIT_STACK);
  options.aslr_seed = task.kernel().options().randomize ? RandomU64() | 1 : 0;

  std::unique_ptr<platform::GuestThread> thread = TRY(task.kernel().platform().NewProcess(task, arch::InitialRegisters(0, 0)));
  loader::LoadedImage image = TRY(loader::Load(task, program, request.envp, options, *thread));
  thread->regs() = image.registers;

  // ---- point of no return ----
  task.kernel().futexes().ExitRobustList(task);
  task.robust_list_head = 0;
  task.clear_child_tid = 0;
  const int32_t former_tid = task.tid();
  ExecSwap::TakeOverLeader(task);
  ExecSwap::Swap(task, std::move(thread), image.mm);
  FinishVfork(task);
  DeletePosixTimers(task.thread_group());

  image.mm->SetExecutable(RefPtr<RefCounted>(executable));
  image.mm->dumpable.store(secure ? 0 : 1);
  task.SetCreds(Ref<const cred::Credentials>(std::move(creds)));
  task.SetComm(program.comm);
  task.alt_stack = {};
  task.alt_stack.ss_flags = abi::kSS_DISABLE;
  task.exit_signal = abi::kSIGCHLD;
  if (secure) task.parent_death_signal = 0;

  // Signal handlers are private from here on; caught ones go back to default.
  Ref<signal::SignalHandlers> handlers = task.thread_group().handlers();
  if (handlers->ref_count() > 2) {
    handlers = handlers->Clone();
    task.thread_group().SetHandlers(handlers);
  }
  handlers->ResetForExec();

  // A shared descriptor table is unshared before close-on-exec acts on it.
  if (task.fds().ref_count() > 1) task.SetFds(task.fds().Clone());
  for (auto& [fd, file] : task.fds().RemoveCloexec()) (void)vfs::FinishClose(task, file, task.fds()).ok();

  {
    PidTable& pids = task.thread_group().pids();
    MutexLock lock(pids.mu());
    pids.FamilyOf(task.thread_group()).execed = true;
  }
  ptrace::Engine::OnExec(task, former_tid);
  return {};
}

bool ExecSwap::AloneOrKillOthers(Task& task) {
  ThreadGroup& group = task.thread_group();
  std::vector<Ref<Task>> others;
  {
    MutexLock lock(group.pids().mu());
    ThreadGroup::Family& family = group.family_;
    // Two threads exec at once: the first goes on, the other dies with the rest.
    if (family.exec_task != nullptr && family.exec_task != &task) return false;
    family.exec_task = &task;
    for (Task* t : family.threads) {
      if (t != &task) others.emplace_back(*t);
    }
  }
  for (const Ref<Task>& other : others) {
    other->exit_status_.store(abi::SignalStatus(abi::kSIGKILL, false));
    other->exit_requested_.store(true, std::memory_order_release);
    other->Kick();
  }
  return others.empty();
}

void ExecSwap::GiveUpTurn(Task& task) {
  ThreadGroup& group = task.thread_group();
  MutexLock lock(group.pids().mu());
  if (group.family_.exec_task == &task) group.family_.exec_task = nullptr;
}

void ExecSwap::TakeOverLeader(Task& task) {
  ThreadGroup& group = task.thread_group();
  PidTable& pids = group.pids();
  RefPtr<Task> old_leader;
  MutexLock lock(pids.mu());
  ThreadGroup::Family& family = group.family_;
  family.exec_task = nullptr;
  if (task.tid() == group.pid()) return;
  ptrace::Engine::OnTakeOverLocked(task, family.leader, group.pid());
  const int32_t old_tid = task.tid();
  pids.tasks_.erase(old_tid);
  pids.FreeIdLocked(old_tid);
  task.tid_.store(group.pid(), std::memory_order_relaxed);
  // The number carries the table's reference to its task: the dead leader's is taken over and dropped after the lock.
  Task*& entry = pids.tasks_[group.pid()];
  if (entry != nullptr) old_leader = Ref<Task>(entry, Ref<Task>::AdoptTag{});
  entry = &task;
  family.leader = &task;
}

void ExecSwap::Swap(Task& task, std::unique_ptr<platform::GuestThread> thread, Ref<mm::MemoryManager> mm) {
  task.dead_user_ns_.fetch_add(task.thread_->CpuTimeNs(), std::memory_order_relaxed);
  {
    MutexLock lock(task.mu_);
    // A first swap of this event leaves the platform's own thread behind; it ends when its event does.
    task.old_thread_ = std::move(task.thread_);
    task.thread_ = std::move(thread);
  }
  task.swapped_ = true;
  task.SetMm(RefPtr<mm::MemoryManager>(std::move(mm)));
}

}  // namespace ringwall::task
