// Kernel: the root of all sandbox state (DESIGN section 9: everything hangs off one object). One per sentry.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "abi/resource.h"
#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "platform/platform.h"
#include "sentry/ns/uts_namespace.h"
#include "sentry/task/syscall_table.h"
#include "sentry/task/thread_group.h"
#include "sentry/time/clock.h"

namespace ringwall::vfs {
class File;
class FsContext;
class MountNamespace;
}  // namespace ringwall::vfs
namespace ringwall::ns {
class Namespaces;
}
namespace ringwall::tmpfs {
class TmpFs;
}
namespace ringwall::futex {
class FutexTable;
}
namespace ringwall::anon {
class InotifyAccounts;
}
namespace ringwall::observe {
class UnimplementedLedger;
class StraceSink;
}  // namespace ringwall::observe

namespace ringwall::kernel {

using UtsName = ns::UtsName;

// A process to start in the sandbox: OCI's process object in kernel terms.
struct ProcessSpec {
  std::vector<std::string> args;
  std::vector<std::string> env;
  std::string cwd = "/";
  uint32_t uid = 0, gid = 0, umask = 022;
  std::vector<uint32_t> additional_gids;
  uint64_t cap_bounding = 0, cap_effective = 0, cap_inheritable = 0, cap_permitted = 0, cap_ambient = 0;
  bool no_new_privileges = false;
  // As pid 1 it has the default actions of every other process: a command of the user's, not an init.
  bool ordinary = false;
  std::vector<std::pair<int, abi::Rlimit>> limits;
  // Descriptor 0, 1, 2, ... of the process. With `terminal` they are all the slave of the console and it is the controlling terminal.
  std::vector<Ref<vfs::File>> files;
  bool terminal = false;
};

struct KernelOptions {
  const task::SyscallTable* syscalls = nullptr;
  std::string release = "6.12.0-ringwall";         // uname -r
  std::string version = "#1 SMP PREEMPT_DYNAMIC";  // uname -v
  UtsName uts;
  bool strace = false;
  std::vector<std::string> strace_calls;  // empty = all
  bool randomize = true;                  // ASLR of guests
};

struct FoundProgram;

class Kernel {
 public:
  Kernel(KernelOptions options, std::unique_ptr<platform::Platform> platform);
  ~Kernel();

  // ---- parts ----
  platform::Platform& platform() { return *platform_; }
  time::TimerQueue& timers() { return timers_; }
  task::PidTable& pids() { return pids_; }
  futex::FutexTable& futexes() { return *futexes_; }
  observe::UnimplementedLedger& unimplemented() { return *unimplemented_; }
  const KernelOptions& options() const { return options_; }
  const task::SyscallTable& syscalls() const { return *options_.syscalls; }
  // Of the initial UTS namespace.
  UtsName uts() const;
  void SetUts(UtsName uts);
  // What the first process and those that come through the management socket live in.
  Ref<const ns::Namespaces> initial_namespaces() const;
  int64_t boot_monotonic_ns() const { return boot_ns_; }
  // The mount namespace every process starts in; set once by boot before the first process.
  void SetMounts(Ref<vfs::MountNamespace> mounts);
  Ref<vfs::MountNamespace> mounts() const;

  // The file system behind memfd_create(2), never mounted. Set once by boot.
  void SetSharedMemory(Ref<tmpfs::TmpFs> fs);
  tmpfs::TmpFs& shared_memory() const { return *shared_memory_; }

  // Limits and counts of inotify(7).
  anon::InotifyAccounts& inotify() const { return *inotify_; }

  // ---- running ----
  // Makes pid 1 (or, when it exists, a further process: exec). Parks it at its first instruction; ENOENT, EACCES, ENOEXEC, ... as execve.
  Result<Ref<task::ThreadGroup>> CreateProcess(const ProcessSpec& spec);
  void StartProcess(task::ThreadGroup& group);
  // Called on a worker, once per process that CreateProcess made, with its wait(2) status.
  void OnProcessExit(std::function<void(int32_t pid, int32_t wait_status)> callback);
  // Runs guests on the calling thread (the platform's) until Shutdown() or until pid 1 and all others are gone.
  void Run();
  // Kills every task, then ends Run.
  void Shutdown();

  // `ringwall debug --tasks`: every task: state, last call, what it waits on.
  std::string DumpTasks();
  // Called by the exit path.
  void NotifyProcessExit(int32_t pid, int32_t wait_status);
  void NotifyInitGone();

 private:
  Result<void> LoadProgram(task::Task& init, const FoundProgram& found, const ProcessSpec& spec);

  const KernelOptions options_;
  const std::unique_ptr<platform::Platform> platform_;
  const int64_t boot_ns_;
  const RefPtr<const ns::Namespaces> namespaces_;
  RefPtr<tmpfs::TmpFs> shared_memory_;  // written by boot before the first process
  std::unique_ptr<anon::InotifyAccounts> inotify_;
  time::TimerQueue timers_;
  task::PidTable pids_;
  std::unique_ptr<futex::FutexTable> futexes_;
  std::unique_ptr<observe::UnimplementedLedger> unimplemented_;
  mutable Mutex<LockRank::kKernel> mu_;
  RefPtr<vfs::MountNamespace> mounts_ ABSL_GUARDED_BY(mu_);
  std::function<void(int32_t, int32_t)> on_exit_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::kernel
