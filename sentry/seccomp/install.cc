// Installing filters: the rules of seccomp(2) on modes, ancestors and threads.
#include "sentry/seccomp/install.h"

#include <utility>
#include <vector>

#include "abi/seccomp.h"
#include "sentry/cred/credentials.h"
#include "sentry/seccomp/task_seccomp.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"

namespace ringwall::seccomp {
namespace {

using task::Task;

void CountUser(const Filter* filter, bool more) {
  for (const Filter* f = filter; f != nullptr; f = f->older()) {
    if (f->listener() == nullptr) continue;
    if (more) {
      f->listener()->AddUser();
    } else {
      f->listener()->DropUser();
    }
  }
}

}  // namespace

Result<void> SetStrict(Task& task) {
  MutexLock lock(task.thread_group().pids().mu());
  if (task.seccomp().mode() == abi::kSECCOMP_MODE_FILTER) return Errno::kEINVAL;
  task.seccomp().Set(abi::kSECCOMP_MODE_STRICT, nullptr);
  task.AddCallWork(Task::kWorkFilter);
  return {};
}

Result<int32_t> InstallFilter(Task& task, bpf::Program program, uint32_t flags, RefPtr<Listener> listener) {
  const bool all_threads = (flags & abi::kSECCOMP_FILTER_FLAG_TSYNC) != 0;
  task::PidTable& pids = task.thread_group().pids();
  std::vector<RefPtr<Filter>> replaced;  // dropped after the lock
  MutexLock lock(pids.mu());
  const RefPtr<Filter> before = task.seccomp().filter();
  if (task.seccomp().mode() == abi::kSECCOMP_MODE_STRICT) return Errno::kEINVAL;
  // One listener per chain: two supervisors could wait for each other.
  if (listener && before && before->HasListener()) return Errno::kEBUSY;
  const std::vector<Task*>& threads = pids.FamilyOf(task.thread_group()).threads;
  if (all_threads) {
    for (const Task* t : threads) {
      if (t == &task) continue;
      const RefPtr<Filter> theirs = t->seccomp().filter();
      const bool fits = t->seccomp().mode() != abi::kSECCOMP_MODE_STRICT && (!theirs || (before && before->StandsOn(theirs.get())));
      if (fits) continue;
      if ((flags & abi::kSECCOMP_FILTER_FLAG_TSYNC_ESRCH) != 0) return Errno::kESRCH;
      return pids.ToGuestLocked(task.thread_group().pid_ns(), t->tid());
    }
  }
  const Ref<Filter> filter = TRY(Filter::Create(std::move(program), before, flags));
  if (listener) filter->SetListener(listener.ToRef());
  if (listener) listener->AddUser();
  replaced.push_back(before);
  task.seccomp().Set(abi::kSECCOMP_MODE_FILTER, filter);
  task.AddCallWork(Task::kWorkFilter);
  if (!all_threads) return 0;
  const bool no_new_privs = task.creds().no_new_privs;
  for (Task* t : threads) {
    if (t == &task) continue;
    RefPtr<Filter> theirs = t->seccomp().filter();
    CountUser(filter.get(), true);
    CountUser(theirs.get(), false);
    replaced.push_back(std::move(theirs));
    t->seccomp().Set(abi::kSECCOMP_MODE_FILTER, filter);
    if (no_new_privs) t->seccomp().adopt_no_new_privs.store(true, std::memory_order_release);
    t->AddCallWork(Task::kWorkFilter);
  }
  return 0;
}

void Inherit(Task& parent, Task& child) {
  if ((parent.call_work() & Task::kWorkFilter) == 0) return;
  MutexLock lock(parent.thread_group().pids().mu());
  const uint32_t mode = parent.seccomp().mode();
  RefPtr<Filter> filter = parent.seccomp().filter();
  // A thread may have got its filters by TSYNC meanwhile: the same ones.
  if (child.seccomp().mode() == abi::kSECCOMP_MODE_DISABLED) CountUser(filter.get(), true);
  child.seccomp().Set(mode, std::move(filter));
  child.AddCallWork(Task::kWorkFilter);
}

void OnTaskGone(Task& task) {
  if ((task.call_work() & Task::kWorkFilter) == 0) return;
  TaskSeccomp& own = task.seccomp();
  if (const RefPtr<Question> question = std::move(own.asked)) (void)question->listener->Withdraw(*question, /*killable=*/false);
  own.asked.reset();
  RefPtr<Filter> filter;
  {
    MutexLock lock(task.thread_group().pids().mu());
    filter = own.filter();
    own.Set(own.mode(), nullptr);
    task.DropCallWork(Task::kWorkFilter);
  }
  CountUser(filter.get(), false);
}

}  // namespace ringwall::seccomp
