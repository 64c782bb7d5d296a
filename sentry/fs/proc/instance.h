// Instance: what the generators of one mounted proc share; and the table form that the per-task directories are written in.
#pragma once

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/context/context.h"
#include "sentry/fs/kit/kit.h"
#include "sentry/fs/proc/subject.h"
#include "sentry/kernel/kernel.h"

namespace ringwall::proc {

// Settings of a process that nothing but proc reads.
struct ProcessSettings {
  int32_t oom_score_adj = 0;
  uint32_t coredump_filter = 0x33;
};

class Settings : public RefCounted {
 public:
  ProcessSettings Get(const Subject& subject) const;
  void Set(const Subject& subject, const ProcessSettings& settings);

 private:
  struct Entry {
    int64_t start_ns = 0;  // tells a process from later ones with its number; bounds the map by the number of pids
    ProcessSettings settings;
  };
  mutable Mutex<LockRank::kNamespace> mu_;
  absl::flat_hash_map<int32_t, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

// One name of a per-task directory.
struct Entry {
  enum class Where : uint8_t { kBoth, kProcess, kThread };
  std::string_view name;
  uint32_t type;  // S_IFREG, S_IFDIR, S_IFLNK
  uint32_t mode;
  Where where;
  // Exactly one of the two. `text` makes a file's whole contents; `make` makes the node itself.
  Result<std::string> (*text)(Context&, const Subject&);
  Result<Ref<kit::Node>> (*make)(kit::KitFs&, Settings&, const Subject&, kit::NodeOptions);
};

// ---- task_directory.cc ----
Ref<kit::Node> MakeTaskDirectory(kit::KitFs& fs, Settings& settings, const Subject& subject);
Result<Ref<kit::Node>> MakeThreadsDirectory(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options);

// ---- status.cc: text of proc_pid_{stat,status,...}(5) ----
Result<std::string> StatText(Context& ctx, const Subject& subject);
Result<std::string> StatusText(Context& ctx, const Subject& subject);
Result<std::string> StatmText(Context& ctx, const Subject& subject);
Result<std::string> LimitsText(Context& ctx, const Subject& subject);
Result<std::string> CommText(Context& ctx, const Subject& subject);
Result<std::string> SchedText(Context& ctx, const Subject& subject);
Result<std::string> SchedstatText(Context& ctx, const Subject& subject);
Result<std::string> ChildrenText(Context& ctx, const Subject& subject);
Result<std::string> PersonalityText(Context& ctx, const Subject& subject);

// ---- memory.cc ----
Result<std::string> CmdlineText(Context& ctx, const Subject& subject);
Result<std::string> EnvironText(Context& ctx, const Subject& subject);
Result<std::string> AuxvText(Context& ctx, const Subject& subject);
Result<std::string> MapsText(Context& ctx, const Subject& subject);
Result<std::string> SmapsText(Context& ctx, const Subject& subject);
Result<std::string> SmapsRollupText(Context& ctx, const Subject& subject);
Result<Ref<kit::Node>> MakeMem(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options);

// ---- task_links.cc ----
Result<Ref<kit::Node>> MakeCwd(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options);
Result<Ref<kit::Node>> MakeRoot(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options);
Result<Ref<kit::Node>> MakeExe(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options);
Result<Ref<kit::Node>> MakeFd(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options);
Result<Ref<kit::Node>> MakeFdinfo(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options);
// ---- task_namespaces.cc ----
Result<Ref<kit::Node>> MakeNs(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options);
Result<Ref<kit::Node>> MakeUidMap(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options);
Result<Ref<kit::Node>> MakeGidMap(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options);
Result<Ref<kit::Node>> MakeSetgroups(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options);
Result<std::string> TimensOffsetsText(Context& ctx, const Subject& subject);
// /proc/sys/user/max_*_namespaces
void AddNamespaceLimits(kit::KitFs& fs, kit::Directory& sys);

// ---- task_mounts.cc ----
Result<std::string> MountsText(Context& ctx, const Subject& subject);
Result<std::string> MountinfoText(Context& ctx, const Subject& subject);
Result<std::string> MountstatsText(Context& ctx, const Subject& subject);

// ---- machine.cc, sysctl.cc, net.cc: what is not about a task ----
void AddMachineFiles(kit::KitFs& fs, kit::Directory& root, kernel::Kernel& kernel);
void AddIpcSysctl(kit::KitFs& fs, kit::Directory& sys, kernel::Kernel& kernel);  // sysctl_ipc.cc
void AddSysvipc(kit::KitFs& fs, kit::Directory& root, kernel::Kernel& kernel);
void AddSysctl(kit::KitFs& fs, kit::Directory& root, kernel::Kernel& kernel);
Result<Ref<kit::Node>> MakeNet(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options);

}  // namespace ringwall::proc
