// Subject: the process or thread that a directory of proc(5) is about.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/context/context.h"
#include "sentry/fs/kit/kit.h"
#include "sentry/kernel/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/ns/pid_namespace.h"
#include "sentry/task/task.h"
#include "sentry/task/thread_group.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/path_walk.h"

namespace ringwall::proc {

// Names a task without keeping it or its memory alive: cached dentries of the dead hold nothing but the husk of their group.
class Subject {
 public:
  // /proc/PID
  Subject(kernel::Kernel& kernel, Ref<task::ThreadGroup> group) : kernel_(&kernel), group_(std::move(group)) {}
  // /proc/PID/task/TID
  Subject(kernel::Kernel& kernel, Ref<task::ThreadGroup> group, int32_t tid) : kernel_(&kernel), group_(std::move(group)), tid_(tid) {}

  // As seen by a proc mount of this pid namespace (null: the initial one), which numbers are written in.
  Subject In(RefPtr<ns::PidNamespace> view) const {
    Subject copy = *this;
    copy.view_ = std::move(view);
    return copy;
  }
  ns::PidNamespace* view() const { return view_.get(); }
  const RefPtr<ns::PidNamespace>& view_ref() const { return view_; }
  int32_t Shown(int32_t kernel_id) const { return kernel_->pids().ToGuest(view_.get(), kernel_id); }

  kernel::Kernel& kernel() const { return *kernel_; }
  task::ThreadGroup& group() const { return group_; }
  bool is_thread() const { return tid_ != 0; }
  int32_t id() const { return is_thread() ? tid_ : group_->pid(); }

  // False once it has been waited for (a zombie still has its directory) or, for a thread, has ended.
  bool Exists() const;
  // The thread, or the process's leader, which may be dead already. ESRCH.
  Result<Ref<task::Task>> Task() const;
  // Parts; ESRCH when the task is gone, ENOENT when it has given them back (a zombie).
  Result<Ref<mm::MemoryManager>> Memory() const;
  Result<Ref<vfs::FdTable>> Fds() const;
  Result<Ref<vfs::FsContext>> Fs() const;

  // ptrace(2), "Ptrace access mode checking", PTRACE_MODE_READ_FSCREDS: EACCES, ESRCH.
  Result<void> CheckReadable(Context& ctx) const;
  // PTRACE_MODE_ATTACH_FSCREDS: for /proc/PID/mem.
  Result<void> CheckAttachable(Context& ctx) const { return CheckReadable(ctx); }
  bool IsSameProcess(Context& ctx) const { return ctx.tgid() != 0 && ctx.tgid() == group_->pid(); }
  // The effective ids; root for processes that may not be dumped.
  kit::Owner Owner() const;

  // Options of a node of this subject; `number` tells the nodes of one subject apart.
  kit::NodeOptions Options(uint32_t mode, uint32_t number) const;
  // Inode numbers of the per-task files; above those that the kit counts.
  uint64_t Ino(uint32_t number) const { return uint64_t{1} << 60 | uint64_t{is_thread()} << 59 | uint64_t(uint32_t(id())) << 24 | number; }

 private:
  kernel::Kernel* kernel_;
  Ref<task::ThreadGroup> group_;
  int32_t tid_ = 0;
  RefPtr<ns::PidNamespace> view_;
};

// Ranges of Subject::Ino's `number`.
inline constexpr uint32_t kEntryNumbers = 0, kFdNumbers = 1 << 22, kFdinfoNumbers = 2 << 22, kNsNumbers = 3 << 22;
static_assert(vfs::FdTable::kMaxFds <= kFdNumbers);

// The name of a place as `ctx`'s root shows it; names of anonymous files as they show themselves.
std::string PlaceName(Context& ctx, const vfs::Path& place);
std::string FileName(Context& ctx, const vfs::File& file);
// Tabs, newlines, blanks and backslashes as octal escapes, plus what `also` lists (proc_pid_mounts(5)).
std::string Escape(std::string_view text, std::string_view also = " \t\n\\");
// A decimal number as a name: no sign, no leading zeros. -1 when it is none.
int32_t ParseNumber(std::string_view name);
// Decimal with optional sign and white space around, as settings are written. EINVAL.
Result<int64_t> ParseSetting(std::string_view text);

}  // namespace ringwall::proc
