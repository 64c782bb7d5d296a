// clone(2): which parts the child shares, which it copies, and how it becomes visible.
#include "sentry/task/clone.h"

#include <atomic>
#include <utility>

#include "abi/clone.h"
#include "abi/resource.h"
#include "sentry/cred/credentials.h"
#include "sentry/ipc/sem.h"
#include "sentry/kernel/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/ns/namespaces.h"
#include "sentry/ns/unshare.h"
#include "sentry/observe/unimplemented.h"
#include "sentry/ptrace/engine.h"
#include "sentry/seccomp/install.h"
#include "sentry/signal/pending.h"
#include "sentry/task/process_timers.h"
#include "sentry/task/task_builder.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::task {
namespace {

constexpr uint64_t kNamespaceFlags = abi::kCLONE_NEWNS | abi::kCLONE_NEWCGROUP | abi::kCLONE_NEWUTS | abi::kCLONE_NEWIPC |
                                     abi::kCLONE_NEWUSER | abi::kCLONE_NEWPID | abi::kCLONE_NEWNET | abi::kCLONE_NEWTIME;
constexpr uint64_t kKnownFlags = abi::kCLONE_VM | abi::kCLONE_FS | abi::kCLONE_FILES | abi::kCLONE_SIGHAND | abi::kCLONE_PIDFD |
                                 abi::kCLONE_PTRACE | abi::kCLONE_VFORK | abi::kCLONE_PARENT | abi::kCLONE_THREAD | abi::kCLONE_SYSVSEM |
                                 abi::kCLONE_SETTLS | abi::kCLONE_PARENT_SETTID | abi::kCLONE_CHILD_CLEARTID | abi::kCLONE_DETACHED |
                                 abi::kCLONE_UNTRACED | abi::kCLONE_CHILD_SETTID | abi::kCLONE_IO | abi::kCLONE_CLEAR_SIGHAND |
                                 abi::kCLONE_INTO_CGROUP | kNamespaceFlags;

// A parent parked in vfork.
struct VforkState : TypedCallState<VforkState> {
  int32_t child_tid = 0;
  int32_t guest_tid = 0;  // as the parent knows it
};

std::atomic<PidfdFactory> pidfd_factory{nullptr};

// True while the child still borrows the parent's memory.
bool VforkChildRuns(Task& parent, int32_t child_tid) {
  const RefPtr<Task> child = parent.thread_group().pids().FindTask(child_tid);
  return child && child->vfork_parent() == &parent;
}

}  // namespace

void SetPidfdFactory(PidfdFactory factory) { pidfd_factory.store(factory); }

Result<Ref<vfs::File>> MakePidfd(Context& ctx, Ref<ThreadGroup> group, uint32_t flags) {
  const PidfdFactory factory = pidfd_factory.load();
  if (factory == nullptr) return Errno::kENOSYS;
  return factory(ctx, std::move(group), flags);
}

Result<void> CheckCloneFlags(Task& task, const CloneRequest& request) {
  const uint64_t flags = request.flags;
  auto has = [flags](uint64_t bit) { return (flags & bit) == bit; };
  if ((flags & ~kKnownFlags) != 0) return Errno::kEINVAL;
  if (has(abi::kCLONE_SIGHAND) && !has(abi::kCLONE_VM)) return Errno::kEINVAL;
  if (has(abi::kCLONE_THREAD) && !has(abi::kCLONE_SIGHAND)) return Errno::kEINVAL;
  if (has(abi::kCLONE_SIGHAND | abi::kCLONE_CLEAR_SIGHAND)) return Errno::kEINVAL;
  if (has(abi::kCLONE_NEWNS | abi::kCLONE_FS) || has(abi::kCLONE_NEWUSER | abi::kCLONE_FS)) return Errno::kEINVAL;
  if (has(abi::kCLONE_THREAD) && (flags & (abi::kCLONE_NEWUSER | abi::kCLONE_NEWPID)) != 0) return Errno::kEINVAL;
  // pid 1 can't have siblings outside its tree.
  if (has(abi::kCLONE_PARENT) && PidTable::IsInit(task.thread_group())) return Errno::kEINVAL;
  // Threads of a process are in one pid namespace.
  const bool children_elsewhere = ns::ChildrenBornElsewhere(task);
  if (has(abi::kCLONE_THREAD) && children_elsewhere) return Errno::kEINVAL;
  if (has(abi::kCLONE_NEWPID) && children_elsewhere) return Errno::kEINVAL;
  if (has(abi::kCLONE_NEWIPC | abi::kCLONE_SYSVSEM)) return Errno::kEINVAL;
  if (has(abi::kCLONE_PIDFD) && (has(abi::kCLONE_DETACHED) || has(abi::kCLONE_THREAD))) return Errno::kEINVAL;
  if (has(abi::kCLONE_INTO_CGROUP)) {
    task.kernel().unimplemented().Count("clone3", "CLONE_INTO_CGROUP");
    return Errno::kEOPNOTSUPP;
  }
  return {};
}

Result<int32_t> Clone(Task& task, const CloneRequest& request) {
  // Second run: vfork's parent, woken.
  if (const auto* waiting = task.call_state<VforkState>()) {
    const int32_t child_tid = waiting->child_tid;
    if (!VforkChildRuns(task, child_tid)) {
      ptrace::Engine::OnVforkDone(task, child_tid);
      return waiting->guest_tid;
    }
    // Only a fatal signal interrupts this wait; others stay pending (vfork(2)).
    if (task.thread_group().group_exiting() || task.exiting()) return waiting->guest_tid;
    return task.ParkUnlessExiting();
  }

  TRY(CheckCloneFlags(task, request));
  const uint64_t flags = request.flags;
  auto has = [flags](uint64_t bit) { return (flags & bit) != 0; };
  PidTable& pids = task.thread_group().pids();

  if (!has(abi::kCLONE_THREAD)) {
    const uint64_t limit = task.Limit(abi::kRLIMIT_NPROC);
    if (pids.task_count() >= limit && !task.creds().Has(abi::kCAP_SYS_RESOURCE) && !task.creds().Has(abi::kCAP_SYS_ADMIN))
      return Errno::kEAGAIN;
  }

  // Everything that can fail comes before the child is visible; destructors undo it.
  const ns::Inherited inherited = TRY(ns::Inherit(task, flags & kNamespaceFlags));
  ns::PidNamespace& born = inherited.namespaces->pid_for_children;
  if (!request.set_tid.empty()) TRY(ns::MayChoosePids(*inherited.creds, born, request.set_tid.size()));
  const int32_t tid = TRY(pids.Allocate(&born, request.set_tid));
  class IdGuard {
   public:
    IdGuard(PidTable& pids, int32_t id) : pids_(&pids), id_(id) {}
    ~IdGuard() {
      if (pids_ != nullptr) pids_->Release(id_);
    }
    void Keep() { pids_ = nullptr; }

   private:
    PidTable* pids_;
    const int32_t id_;
  } id_guard(pids, tid);

  Ref<signal::SignalHandlers> handlers = task.thread_group().handlers();
  if (!has(abi::kCLONE_SIGHAND)) {
    handlers = handlers->Clone();
    if (has(abi::kCLONE_CLEAR_SIGHAND)) handlers->ResetForExec();
  }
  Ref<ThreadGroup> group = task.thread_group_ref();
  if (!has(abi::kCLONE_THREAD)) {
    group = MakeRef<ThreadGroup>(pids, std::move(handlers));
    TaskBuilder::SetPid(*group, tid);
    TaskBuilder::SetPidNamespace(*group, born);
    for (int i = 0; i < abi::kRLIM_NLIMITS; ++i) group->SetLimit(i, task.thread_group().GetLimit(i));
  }

  const Ref<Task> child = MakeRef<Task>(task.kernel(), group, tid);
  std::unique_ptr<platform::GuestThread> thread;
  RefPtr<mm::MemoryManager> mm = task.ShareMm();
  platform::Platform& platform = task.kernel().platform();
  if (has(abi::kCLONE_VM)) {
    thread = TRY(platform.NewThread(task.thread(), *child));
  } else {
    mm = TRY(task.mm().ForkAround([&]() -> Result<platform::GuestThread*> {
      thread = TRY(platform.Fork(task.thread(), *child));
      return thread.get();
    }));
  }

  arch::Registers& regs = thread->regs();
  regs = task.regs();
  regs.set_result(0);
  if (request.stack_pointer != 0) regs.set_stack_pointer(request.stack_pointer);
  if (has(abi::kCLONE_SETTLS)) regs.set_tls(request.tls);

  TaskBuilder::SetThread(*child, std::move(thread));
  child->SetMm(std::move(mm));
  child->SetFds(has(abi::kCLONE_FILES) ? task.ShareFds().ToRef() : task.fds().Clone());
  child->SetNamespaces(inherited.namespaces);
  child->SetFs(inherited.fs ? inherited.fs.ToRef() : has(abi::kCLONE_FS) ? task.ShareFs().ToRef() : task.fs().Clone());
  child->SetCreds(inherited.creds);
  child->SetComm(task.comm());
  child->SetScheduling(task.scheduling());
  child->persona = task.persona;
  if (has(abi::kCLONE_SYSVSEM)) {
    if (!task.sem_undo) task.sem_undo = MakeRef<ipc::UndoShare>();
    child->sem_undo = task.sem_undo;
  }
  child->exit_signal = has(abi::kCLONE_THREAD) ? 0 : request.exit_signal;
  TaskBuilder::SetBlocked(*child, task.signal_mask());
  // A separate stack loses the alternate one (sigaltstack(2)); vfork keeps it.
  if (!has(abi::kCLONE_VM) || has(abi::kCLONE_VFORK)) child->alt_stack = task.alt_stack;
  if (has(abi::kCLONE_CHILD_CLEARTID)) child->clear_child_tid = request.child_tid;

  // pidfd: reserved before the child exists, published after.
  RefPtr<vfs::File> pidfd_file;
  std::unique_ptr<vfs::FdReservation> pidfd_slot;
  if (has(abi::kCLONE_PIDFD)) {
    const Ref<vfs::File> file = TRY(MakePidfd(task, group, 0));
    auto slot = TRY(task.fds().Reserve(task.Limit(abi::kRLIMIT_NOFILE)));
    TRY(task.memory().WriteValue(request.pidfd, abi::Raw(slot.fd())));
    pidfd_file = file;
    pidfd_slot = std::make_unique<vfs::FdReservation>(std::move(slot));
  }
  // Faults here are not reported: the child exists all the same (Linux ignores put_user's result).
  const int32_t guest_tid = task.ToGuestPid(tid);
  if (has(abi::kCLONE_PARENT_SETTID)) (void)task.memory().WriteValue(request.parent_tid, guest_tid).ok();
  if (has(abi::kCLONE_CHILD_SETTID)) (void)child->memory().WriteValue(request.child_tid, child->ToGuestPid(tid)).ok();

  if (has(abi::kCLONE_VFORK)) TaskBuilder::SetVforkParent(*child, Ref<Task>(task));
  if (has(abi::kCLONE_THREAD)) {
    TRY(TaskBuilder::Publish(*child, nullptr, nullptr));
  } else {
    TRY(TaskBuilder::PublishChild(*child, task, has(abi::kCLONE_PARENT)));
  }
  id_guard.Keep();
  if (!has(abi::kCLONE_THREAD)) WatchCpuLimit(task.kernel(), *group);
  seccomp::Inherit(task, *child);
  ptrace::Engine::OnClone(task, *child, request);
  if (pidfd_slot != nullptr) std::move(*pidfd_slot).Install(std::move(pidfd_file).ToRef(), {.cloexec = true});
  child->Start();

  if (has(abi::kCLONE_VFORK)) {
    auto& state = task.MakeCallState<VforkState>();
    state.child_tid = tid;
    state.guest_tid = guest_tid;
    if (task.ptrace().event == 0 && !VforkChildRuns(task, tid)) {
      ptrace::Engine::OnVforkDone(task, tid);
      return guest_tid;
    }
    return task.ParkUnlessExiting();
  }
  return guest_tid;
}

void FinishVfork(Task& child) {
  if (const RefPtr<Task> parent = TaskBuilder::TakeVforkParent(child)) parent->Wake();
}

// ---- TaskBuilder ----------------------------------------------------------------------------------------------------------

void TaskBuilder::SetThread(Task& task, std::unique_ptr<platform::GuestThread> thread) {
  MutexLock lock(task.mu_);
  task.thread_ = std::move(thread);
}

void TaskBuilder::SetPidNamespace(ThreadGroup& group, ns::PidNamespace& ns) {
  if (!ns.is_initial()) group.pid_ns_ = RefPtr<ns::PidNamespace>::Share(&ns);
}

RefPtr<Task> TaskBuilder::TakeVforkParent(Task& child) {
  MutexLock lock(child.mu_);
  return std::exchange(child.vfork_parent_, nullptr);
}

Result<void> TaskBuilder::Publish(Task& task, ThreadGroup* parent, RefPtr<ProcessGroup> process_group) {
  PidTable& pids = task.thread_group().pids();
  MutexLock lock(pids.mu());
  return PublishLocked(pids, task, parent, std::move(process_group));
}

Result<void> TaskBuilder::PublishChild(Task& task, Task& caller, bool as_sibling) {
  ThreadGroup& group = caller.thread_group();
  PidTable& pids = group.pids();
  MutexLock lock(pids.mu());
  // Whoever kills several processes looks for further ones afterwards (SendToEach in send.cc): who has been killed makes none.
  if (group.group_exiting()) return Errno::kEINTR;
  ThreadGroup* parent = as_sibling ? group.family_.parent : &group;
  TRY(PublishLocked(pids, task, parent, group.family_.group));
  task.thread_group().family_.parent_thread = as_sibling ? group.family_.parent_thread : &caller;
  return {};
}

Result<void> TaskBuilder::PublishLocked(PidTable& pids, Task& task, ThreadGroup* parent, RefPtr<ProcessGroup> process_group) {
  ThreadGroup& group = task.thread_group();
  if (group.group_exiting()) return Errno::kEAGAIN;
  if (pids.IsClosedLocked(group.pid_ns())) return Errno::kENOMEM;
  ThreadGroup::Family& family = group.family_;
  const bool leader = family.threads.empty();
  // A thread that waits in execve for the others to end has counted them; its creator is one of those.
  if (!leader && family.exec_task != nullptr) return Errno::kEAGAIN;
  if (leader) {
    family.leader = &task;
    family.group = std::move(process_group);
    family.parent = parent;
    if (parent != nullptr) parent->family_.children.insert(&group);
    group.AddRef();
    pids.groups_[group.pid()] = &group;
  }
  family.threads.push_back(&task);
  task.AddRef();
  pids.tasks_[task.tid()] = &task;
  pids.task_count_.fetch_add(1, std::memory_order_relaxed);
  return {};
}

}  // namespace ringwall::task
