// exit(2): the order matters and is Linux's: robust futexes and clear_child_tid while memory still exists, then memory, files, and only
// then the family learns of it.
#include "sentry/task/exit.h"

#include <utility>
#include <vector>

#include "abi/poll.h"
#include "abi/signal.h"
#include "abi/wait.h"
#include "sentry/cred/credentials.h"
#include "sentry/futex/futex.h"
#include "sentry/kernel/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/ptrace/engine.h"
#include "sentry/seccomp/install.h"
#include "sentry/signal/pending.h"
#include "sentry/task/clone.h"
#include "sentry/task/job_control.h"
#include "sentry/task/process_timers.h"
#include "sentry/task/task.h"
#include "sentry/task/task_builder.h"
#include "sentry/task/wait.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::task {

void ExitPath::Run(Task& task) {
  ThreadGroup& group = task.thread_group();
  task.ClearPark();
  task.call_state_.reset();
  seccomp::OnTaskGone(task);

  const bool shares_memory = task.mm_ && task.mm_->ref_count() > 1;
  task.kernel().futexes().ExitRobustList(task);
  if (task.clear_child_tid != 0 && shares_memory) {
    // A bad address is the guest's own loss (set_tid_address(2)).
    if (task.memory().WriteValue<uint32_t>(task.clear_child_tid, 0).ok())
      task.kernel().futexes().WakeAddress(task, task.clear_child_tid, 1);
  }

  task.kernel().timers().Cancel(task);  // of Kick()

  // CPU time is read before the host thread goes.
  Usage usage;
  usage.user_ns = task.UserTimeNs();
  usage.system_ns = task.SystemTimeNs();
  usage.max_rss_kib = task.mm_ ? task.mm_->space().ResidentBytes() / 1024 : 0;

  // The guest thread goes with the task's memory; shared parts go when their last user does. All outside locks.
  {
    std::unique_ptr<platform::GuestThread> thread;
    std::unique_ptr<platform::GuestThread> old;
    RefPtr<mm::MemoryManager> mm;
    RefPtr<vfs::FdTable> fds;
    RefPtr<vfs::FsContext> fs;
    {
      MutexLock lock(task.mu_);
      task.dead_user_ns_.store(usage.user_ns, std::memory_order_relaxed);
      thread = std::move(task.thread_);
      old = std::move(task.old_thread_);
      mm = std::exchange(task.mm_, nullptr);
      fds = std::exchange(task.fds_, nullptr);
      fs = std::exchange(task.fs_, nullptr);
    }
    task.memory_ = mm::UserMemory(nullptr, nullptr);
    task.sem_undo.reset();  // the last of those who share it undoes their semaphore operations
    FinishVfork(task);
    if (fds && fds->ref_count() == 1) {
      for (const abi::Fd fd : fds->OpenFds()) {
        if (auto file = fds->Remove(fd); file.ok()) (void)vfs::FinishClose(task, *file, *fds).ok();
      }
    }
  }

  PidTable& pids = group.pids();
  bool last = false;
  RefPtr<Task> exec_waiter;
  RefPtr<ThreadGroup> tracer;
  const int32_t status = group.group_exiting() ? group.group_exit_status_.load() : task.exit_status_.load();
  {
    MutexLock lock(pids.mu());
    ThreadGroup::Family& family = group.family_;
    family.dead_threads.Add(usage);
    std::erase(family.threads, &task);
    last = family.threads.empty();
    if (family.exec_task == &task) family.exec_task = nullptr;  // it was killed while it waited for the others
    // wait4(2), __WNOTHREAD: another thread inherits the children of the one that ends.
    if (!last) {
      for (ThreadGroup* child : family.children) {
        if (child->family_.parent_thread == &task) child->family_.parent_thread = family.threads.front();
      }
    }
    if (family.exec_task != nullptr && family.exec_task != &task && family.threads.size() == 1)
      exec_waiter = RefPtr<Task>::Share(family.exec_task);
    const bool number_kept = ptrace::Engine::OnThreadGoneLocked(task, usage, status, tracer);
    if (task.tid() != group.pid()) {
      pids.tasks_.erase(task.tid());
      if (!number_kept) pids.FreeIdLocked(task.tid());
    }
    pids.task_count_.fetch_sub(1, std::memory_order_relaxed);
  }
  if (exec_waiter) exec_waiter->Wake();
  if (tracer) ptrace::Engine::TellThreadGone(*tracer, task, status);
  ptrace::Engine::OnTracerGone(task);
  if (!last) CheckGroupStop(group);
  const bool is_leader = task.tid() == group.pid();
  if (last) EndProcess(task);
  // The table's reference; the leader's stays until the process is reaped, so that its tid remains findable.
  if (!is_leader) task.Release();
}

void ExitPath::EndProcess(Task& last) {
  ThreadGroup& group = last.thread_group();
  kernel::Kernel& kernel = last.kernel();
  PidTable& pids = group.pids();

  CancelProcessTimers(group);
  HangUpSession(kernel, group);
  const bool nested_init = group.pid_ns() != nullptr && PidTable::IsInit(group);
  if (nested_init) {
    // pid_namespaces(7): everybody goes with the init.
    for (const Ref<ThreadGroup>& other : pids.CloseNamespace(group)) other->RequestGroupExit(abi::SignalStatus(abi::kSIGKILL, false));
  }
  ReparentChildren(group);

  int32_t status;
  {
    MutexLock lock(pids.mu());
    ThreadGroup::Family& family = group.family_;
    // A process whose threads all called exit(2) reports the status of the last one, as Linux does since 5.17.
    status = group.group_exiting() ? group.group_exit_status_.load() : last.exit_status_.load();
    family.stopped = false;
  }
  if (nested_init && pids.DeferEndOfInit(group, status)) return;
  TellEnd(kernel, group, status);
}

void ExitPath::TellEnd(kernel::Kernel& kernel, ThreadGroup& group, int32_t status) {
  {
    PidTable& pids = group.pids();
    MutexLock lock(pids.mu());
    group.family_.zombie = true;
    group.family_.wait_status = status;
  }
  group.exited_.Notify(abi::kPOLLIN);
  kernel.NotifyProcessExit(group.pid(), status);
  if (!ptrace::Engine::OnProcessGone(group) && NotifyParentOfExit(group)) Reap(group);
  if (group.pid() == 1) kernel.NotifyInitGone();
}

void ExitPath::ReparentChildren(ThreadGroup& group) {
  PidTable& pids = group.pids();
  struct Orphan {
    Ref<ThreadGroup> child;
    bool zombie;
  };
  std::vector<Orphan> orphans;
  {
    MutexLock lock(pids.mu());
    ThreadGroup::Family& family = group.family_;
    // The nearest living ancestor marked as subreaper, else init (prctl(2), PR_SET_CHILD_SUBREAPER).
    ThreadGroup* heir = nullptr;
    for (ThreadGroup* a = family.parent; a != nullptr; a = a->family_.parent) {
      // Not beyond the own pid namespace.
      if (a->pid_ns() != group.pid_ns()) break;
      if (!a->family_.zombie && a->family_.child_subreaper) {
        heir = a;
        break;
      }
    }
    if (heir == nullptr) heir = pids.InitOfLocked(group.pid_ns());
    if (heir == &group || (heir != nullptr && (heir->family_.zombie || heir->family_.threads.empty()))) heir = nullptr;
    for (ThreadGroup* child : family.children) {
      child->family_.parent = heir;
      child->family_.parent_thread = heir != nullptr && !heir->family_.threads.empty() ? heir->family_.threads.front() : nullptr;
      if (heir != nullptr) heir->family_.children.insert(child);
      for (Task* thread : child->family_.threads) thread->ForgetAnswers();
      orphans.push_back({Ref<ThreadGroup>(*child), child->family_.zombie});
    }
    family.children.clear();
  }
  for (const Orphan& orphan : orphans) {
    SendParentDeathSignals(*orphan.child);
    CheckOrphanedGroup(*orphan.child, group);
    if (orphan.zombie && !ptrace::Engine::HasTracer(*orphan.child) && NotifyParentOfExit(*orphan.child)) Reap(*orphan.child);
  }
}

void ExitPath::Reap(ThreadGroup& group) {
  PidTable& pids = group.pids();
  RefPtr<Task> leader;
  RefPtr<ProcessGroup> process_group;
  RefPtr<ptrace::Tracee> bond;
  const Ref<ThreadGroup> keep(group);
  {
    MutexLock lock(pids.mu());
    ThreadGroup::Family& family = group.family_;
    if (!family.zombie || pids.groups_.erase(group.pid()) == 0) return;  // somebody else was quicker
    bond = ptrace::Engine::OnReapLocked(group);
    if (ThreadGroup* parent = family.parent) {
      parent->family_.reaped_children.Add(family.dead_threads);
      parent->family_.reaped_children.Add(family.reaped_children);
      parent->family_.children.erase(&group);
      family.parent = nullptr;
      family.parent_thread = nullptr;
    }
    if (auto it = pids.tasks_.find(group.pid()); it != pids.tasks_.end()) {
      leader = RefPtr<Task>::Share(it->second);
      it->second->Release();  // never the last: leader holds one
      pids.tasks_.erase(it);
    }
    process_group = std::exchange(family.group, nullptr);
    pids.ReleaseLocked(group.pid());
    if (process_group) pids.DropStaleIdsLocked(process_group->pgid, process_group->session->sid);
  }
  group.Release();  // the table's
  if (leader) {
    for (const PidTable::EndedInit& ended : pids.TakeEndedInits(group.pid_ns())) TellEnd(leader->kernel(), ended.init, ended.status);
  }
}

}  // namespace ringwall::task
