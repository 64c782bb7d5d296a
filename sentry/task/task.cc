// Task: identity, shared parts, limits, accounting.
#include "sentry/task/task.h"

#include <algorithm>
#include <utility>

#include "abi/resource.h"
#include "sentry/cred/credentials.h"
#include "sentry/kernel/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/ns/namespaces.h"
#include "sentry/ptrace/task_ptrace.h"
#include "sentry/seccomp/task_seccomp.h"
#include "sentry/signal/pending.h"
#include "sentry/task/blocking_pool.h"
#include "sentry/task/path_start.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/file.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::task {

Task::Task(kernel::Kernel& kernel, Ref<ThreadGroup> group, int32_t tid)
    : kernel_(kernel),
      thread_group_(std::move(group)),
      tid_(tid),
      start_ns_(time::MonotonicNs()),
      namespaces_(RefPtr<const ns::Namespaces>(kernel.initial_namespaces())),
      memory_(nullptr, nullptr),
      pending_(std::make_unique<signal::PendingSet>()),
      seccomp_(std::make_unique<seccomp::TaskSeccomp>()),
      ptrace_(std::make_unique<ptrace::TaskPtrace>()) {
  alt_stack.ss_flags = abi::kSS_DISABLE;
}

Task::~Task() = default;

std::string Task::comm() const {
  MutexLock lock(mu_);
  return comm_;
}

void Task::SetComm(std::string_view name) {
  MutexLock lock(mu_);
  comm_ = std::string(name.substr(0, 15));
}

RefPtr<mm::MemoryManager> Task::ShareMm() const {
  MutexLock lock(mu_);
  return mm_;
}
RefPtr<vfs::FdTable> Task::ShareFds() const {
  MutexLock lock(mu_);
  return fds_;
}
RefPtr<vfs::FsContext> Task::ShareFs() const {
  MutexLock lock(mu_);
  return fs_;
}
RefPtr<const cred::Credentials> Task::ShareCreds() const {
  MutexLock lock(mu_);
  return creds_;
}

void Task::SetMm(RefPtr<mm::MemoryManager> mm) {
  {
    MutexLock lock(mu_);
    std::swap(mm_, mm);
  }
  memory_ = mm_ ? mm::UserMemory(&mm_->space(), thread_.get(), mm_.get()) : mm::UserMemory(nullptr, nullptr);
}
void Task::SetFds(Ref<vfs::FdTable> fds) {
  RefPtr<vfs::FdTable> next = std::move(fds);
  MutexLock lock(mu_);
  std::swap(fds_, next);
}
void Task::SetFs(Ref<vfs::FsContext> fs) {
  RefPtr<vfs::FsContext> next = std::move(fs);
  MutexLock lock(mu_);
  std::swap(fs_, next);
}
void Task::SetCreds(Ref<const cred::Credentials> creds) {
  RefPtr<const cred::Credentials> next = std::move(creds);
  bool other_ids;
  {
    MutexLock lock(mu_);
    std::swap(creds_, next);
    // access(2) borrows other file system ids twice a call: no answer says those.
    other_ids = next && (next->uid != creds_->uid || next->euid != creds_->euid || next->gid != creds_->gid || next->egid != creds_->egid ||
                         next->user_ns.get() != creds_->user_ns.get());
  }
  if (other_ids) ForgetAnswers();
}

void Task::AddCallWork(uint32_t bits) {
  call_work_.fetch_or(bits, std::memory_order_seq_cst);
  ForgetAnswers();
}

void Task::ForgetAnswers() {
  answers_epoch_.fetch_add(1, std::memory_order_seq_cst);
  MutexLock lock(mu_);
  if (thread_ != nullptr) thread_->ForgetAnswers();
}

RefPtr<const ns::Namespaces> Task::ShareNamespaces() const {
  MutexLock lock(mu_);
  return namespaces_;
}
void Task::SetNamespaces(Ref<const ns::Namespaces> namespaces) {
  RefPtr<const ns::Namespaces> next = std::move(namespaces);
  MutexLock lock(mu_);
  std::swap(namespaces_, next);
}

cred::Namespace* Task::net_ns() { return namespaces_->net.get(); }
cred::Namespace* Task::ipc_ns() { return namespaces_->ipc.get(); }

int32_t Task::ToGuestPid(int32_t kernel_id) const {
  ns::PidNamespace* own = thread_group_->pid_ns();
  return own == nullptr || kernel_id <= 0 ? kernel_id : thread_group_->pids().ToGuest(own, kernel_id);
}
int32_t Task::ToKernelPid(int32_t guest_id) const {
  ns::PidNamespace* own = thread_group_->pid_ns();
  return own == nullptr || guest_id <= 0 ? guest_id : thread_group_->pids().ToKernel(own, guest_id);
}

abi::Timespec Task::Now() const { return time::ToTimespec(time::RealtimeNs()); }

int32_t Task::tgid() const { return thread_group_->pid(); }

uint64_t Task::FileSizeLimit() const { return Limit(abi::kRLIMIT_FSIZE); }

uint64_t Task::Limit(int resource) const { return thread_group_->GetLimit(resource).rlim_cur; }

mm::MemoryLimits Task::MemoryLimits() const {
  return {.address_space = Limit(abi::kRLIMIT_AS),
          .data = Limit(abi::kRLIMIT_DATA),
          .stack = Limit(abi::kRLIMIT_STACK),
          .locked = Limit(abi::kRLIMIT_MEMLOCK),
          .may_lock_all = creds().Has(abi::kCAP_IPC_LOCK)};
}

Result<std::unique_ptr<Task::PathStart>> Task::StartOf(abi::Fd dirfd, std::string_view path) {
  const vfs::Path root = fs().root();
  if (dirfd == abi::kAtFdCwd || path.starts_with('/')) return std::make_unique<PathStart>(fs().mount_ns(), root, fs().cwd());
  const Ref<vfs::File> file = TRY(fds().Get(dirfd));
  if (!file->path()) return Errno::kENOTDIR;
  // "" with AT_EMPTY_PATH may name any file; a walk into a non-directory fails by itself.
  return std::make_unique<PathStart>(fs().mount_ns(), root, file->path());
}

Errno Task::ParkOnFile(vfs::File& file, wait::EventMask mask, Errno when_interrupted, int64_t deadline_ns) {
  const ParkOn on[] = {{&file, mask, RefPtr<RefCounted>::Share(&file)}};
  return Park(on, deadline_ns, when_interrupted);
}

int64_t Task::DeadlineAfter(int64_t relative_ns) {
  if (!call_deadline_set_) {
    call_deadline_set_ = true;
    call_deadline_ns_ = relative_ns < 0 ? time::kNever : time::SaturatingAdd(time::MonotonicNs(), relative_ns);
  }
  return call_deadline_ns_;
}

bool Task::DeadlinePassed() const {
  return call_deadline_set_ && call_deadline_ns_ != time::kNever && time::MonotonicNs() >= call_deadline_ns_;
}

void Task::RequestExit(int32_t wait_status) {
  exit_status_.store(wait_status, std::memory_order_relaxed);
  exit_requested_.store(true, std::memory_order_release);
}

Result<void> Task::MayBlockInHost() {
  if (BlockingPool::OnPoolThread()) return {};
  return Errno::kRunOnWorker;
}

const Task* Task::vfork_parent() const {
  MutexLock lock(mu_);
  return vfork_parent_.get();
}

Task::Scheduling Task::scheduling() const {
  MutexLock lock(mu_);
  return scheduling_;
}

void Task::SetScheduling(const Scheduling& s) {
  MutexLock lock(mu_);
  scheduling_ = s;
}

uint64_t Task::UserTimeNs() const {
  MutexLock lock(mu_);
  const uint64_t dead = dead_user_ns_.load(std::memory_order_relaxed);
  return thread_ != nullptr ? dead + thread_->CpuTimeNs() : dead;
}

char Task::StateLetter() const {
  switch (run_state_.load(std::memory_order_relaxed)) {
    case RunState::kStopped: return ptrace_->in_stop.load(std::memory_order_relaxed) ? 't' : 'T';
    case RunState::kParked: return 'S';
    case RunState::kDead: return 'Z';
    case RunState::kNew:
    case RunState::kRunning:
    case RunState::kGuest: return 'R';
  }
  return 'R';
}

}  // namespace ringwall::task
