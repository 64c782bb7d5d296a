// The directories of a process and of its threads: one table of names.
#include <algorithm>
#include <utility>
#include <vector>

#include "abi/capability.h"
#include "abi/dirent.h"
#include "abi/stat.h"
#include "absl/strings/str_format.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/proc/instance.h"

namespace ringwall::proc {
namespace {

using enum Entry::Where;

// Text that only those may read who could trace the task.
template <Result<std::string> (*text)(Context&, const Subject&)>
Result<std::string> Guarded(Context& ctx, const Subject& subject) {
  TRY(subject.CheckReadable(ctx));
  return text(ctx, subject);
}

// Linux's "not set".
Result<std::string> UnsetIdText(Context&, const Subject&) { return std::to_string(~0u); }
Result<std::string> WchanText(Context&, const Subject&) { return std::string("0"); }
Result<std::string> CgroupText(Context&, const Subject&) { return std::string("0::/\n"); }
Result<std::string> CpusetText(Context&, const Subject&) { return std::string("/\n"); }
Result<std::string> OomScoreText(Context&, const Subject&) { return std::string("0\n"); }

Result<Ref<kit::Node>> MakeComm(kit::KitFs& fs, Settings&, const Subject& subject, kit::NodeOptions options) {
  auto write = [subject](Context& ctx, std::string_view data, uint64_t) -> Result<size_t> {
    if (!subject.IsSameProcess(ctx)) return Errno::kEINVAL;
    const Ref<task::Task> task = TRY(subject.Task());
    std::string_view name = data.substr(0, std::min(data.find('\n'), data.find('\0')));
    task->SetComm(name.substr(0, 15));
    return data.size();
  };
  return Ref<kit::Node>(MakeRef<kit::DynamicFile>(
      fs, std::move(options), [subject](Context& ctx) { return CommText(ctx, subject); }, std::move(write)));
}

// A number of ProcessSettings.
template <typename T>
Result<Ref<kit::Node>> MakeSetting(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options,
                                   std::string (*show)(const ProcessSettings&), Result<void> (*change)(Context&, ProcessSettings&, T)) {
  const Ref<Settings> shared(settings);
  auto read = [shared, subject, show](Context&) -> Result<std::string> { return show(shared->Get(subject)); };
  auto write = [shared, subject, change](Context& ctx, std::string_view data, uint64_t) -> Result<size_t> {
    const int64_t value = TRY(ParseSetting(data));
    if (!subject.IsSameProcess(ctx)) TRY(subject.CheckReadable(ctx));
    ProcessSettings all = shared->Get(subject);
    TRY(change(ctx, all, static_cast<T>(value)));
    shared->Set(subject, all);
    return data.size();
  };
  return Ref<kit::Node>(MakeRef<kit::DynamicFile>(fs, std::move(options), std::move(read), std::move(write)));
}

// Differs from Linux: a child starts at 0. Nothing here is ever killed by its score: the pod's limit is the host's to enforce.
Result<Ref<kit::Node>> MakeOomScoreAdj(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options) {
  return MakeSetting<int64_t>(
      fs, settings, subject, std::move(options), [](const ProcessSettings& s) { return std::to_string(s.oom_score_adj) + "\n"; },
      [](Context& ctx, ProcessSettings& s, int64_t value) -> Result<void> {
        if (value < -1000 || value > 1000) return Errno::kEINVAL;
        if (value < s.oom_score_adj && value < 0 && !ctx.creds().Has(abi::kCAP_SYS_RESOURCE)) return Errno::kEACCES;
        s.oom_score_adj = static_cast<int32_t>(value);
        return {};
      });
}

Result<Ref<kit::Node>> MakeCoredumpFilter(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options) {
  return MakeSetting<int64_t>(
      fs, settings, subject, std::move(options), [](const ProcessSettings& s) { return absl::StrFormat("%08x\n", s.coredump_filter); },
      [](Context&, ProcessSettings& s, int64_t value) -> Result<void> {
        s.coredump_filter = static_cast<uint32_t>(value) & 0x1ff;
        return {};
      });
}

constexpr uint32_t kReg = abi::kS_IFREG, kDir = abi::kS_IFDIR, kLnk = abi::kS_IFLNK;

constexpr Entry kEntries[] = {
    {"auxv", kReg, 0400, kBoth, Guarded<AuxvText>, nullptr},
    {"cgroup", kReg, 0444, kBoth, CgroupText, nullptr},
    {"children", kReg, 0444, kThread, ChildrenText, nullptr},
    {"cmdline", kReg, 0444, kBoth, CmdlineText, nullptr},
    {"comm", kReg, 0644, kBoth, nullptr, MakeComm},
    {"coredump_filter", kReg, 0644, kProcess, nullptr, MakeCoredumpFilter},
    {"cpuset", kReg, 0444, kBoth, CpusetText, nullptr},
    {"cwd", kLnk, 0777, kBoth, nullptr, MakeCwd},
    {"environ", kReg, 0400, kBoth, Guarded<EnvironText>, nullptr},
    {"exe", kLnk, 0777, kBoth, nullptr, MakeExe},
    {"fd", kDir, 0500, kBoth, nullptr, MakeFd},
    {"fdinfo", kDir, 0555, kBoth, nullptr, MakeFdinfo},
    {"gid_map", kReg, 0644, kBoth, nullptr, MakeGidMap},
    {"limits", kReg, 0444, kBoth, LimitsText, nullptr},
    {"loginuid", kReg, 0444, kBoth, UnsetIdText, nullptr},
    {"maps", kReg, 0444, kBoth, Guarded<MapsText>, nullptr},
    {"mem", kReg, 0600, kBoth, nullptr, MakeMem},
    {"mountinfo", kReg, 0444, kBoth, MountinfoText, nullptr},
    {"mounts", kReg, 0444, kBoth, MountsText, nullptr},
    {"mountstats", kReg, 0400, kProcess, MountstatsText, nullptr},
    {"net", kDir, 0555, kBoth, nullptr, MakeNet},
    {"ns", kDir, 0511, kBoth, nullptr, MakeNs},
    {"oom_score", kReg, 0444, kBoth, OomScoreText, nullptr},
    {"oom_score_adj", kReg, 0644, kBoth, nullptr, MakeOomScoreAdj},
    {"personality", kReg, 0400, kBoth, Guarded<PersonalityText>, nullptr},
    {"root", kLnk, 0777, kBoth, nullptr, MakeRoot},
    {"sched", kReg, 0444, kBoth, SchedText, nullptr},
    {"schedstat", kReg, 0444, kBoth, SchedstatText, nullptr},
    {"sessionid", kReg, 0444, kBoth, UnsetIdText, nullptr},
    {"setgroups", kReg, 0644, kProcess, nullptr, MakeSetgroups},
    {"smaps", kReg, 0444, kBoth, Guarded<SmapsText>, nullptr},
    {"smaps_rollup", kReg, 0444, kProcess, Guarded<SmapsRollupText>, nullptr},
    {"stat", kReg, 0444, kBoth, StatText, nullptr},
    {"statm", kReg, 0444, kBoth, StatmText, nullptr},
    {"status", kReg, 0444, kBoth, StatusText, nullptr},
    {"task", kDir, 0555, kProcess, nullptr, MakeThreadsDirectory},
    {"timens_offsets", kReg, 0644, kProcess, TimensOffsetsText, nullptr},
    {"uid_map", kReg, 0644, kBoth, nullptr, MakeUidMap},
    {"wchan", kReg, 0444, kBoth, WchanText, nullptr},
};

bool Belongs(const Entry& entry, const Subject& subject) { return entry.where == kBoth || (entry.where == kThread) == subject.is_thread(); }
uint32_t NumberOf(const Entry& entry) { return kEntryNumbers + 1 + static_cast<uint32_t>(&entry - kEntries); }

Result<Ref<vfs::Inode>> MakeEntry(kit::KitFs& fs, Settings& settings, const Subject& subject, const Entry& entry) {
  kit::NodeOptions options = subject.Options(entry.mode, NumberOf(entry));
  if (entry.make != nullptr) {
    const Ref<kit::Node> node = TRY(entry.make(fs, settings, subject, std::move(options)));
    return Ref<vfs::Inode>(node);
  }
  return Ref<vfs::Inode>(
      MakeRef<kit::DynamicFile>(fs, std::move(options), [subject, text = entry.text](Context& ctx) { return text(ctx, subject); }));
}

}  // namespace

ProcessSettings Settings::Get(const Subject& subject) const {
  auto task = Subject(subject.kernel(), Ref<task::ThreadGroup>(subject.group())).Task();
  if (!task.ok()) return {};
  MutexLock lock(mu_);
  const auto it = entries_.find(subject.group().pid());
  return it != entries_.end() && it->second.start_ns == (*task)->start_time_ns() ? it->second.settings : ProcessSettings{};
}

void Settings::Set(const Subject& subject, const ProcessSettings& settings) {
  auto task = Subject(subject.kernel(), Ref<task::ThreadGroup>(subject.group())).Task();
  if (!task.ok()) return;
  MutexLock lock(mu_);
  entries_[subject.group().pid()] = {(*task)->start_time_ns(), settings};
}

Ref<kit::Node> MakeTaskDirectory(kit::KitFs& fs, Settings& settings, const Subject& subject) {
  kit::Directory::Dynamic entries;
  // The directory node keeps its file system alive.
  entries.lookup = [&fs, settings = Ref<Settings>(settings), subject](Context&, std::string_view name) -> Result<Ref<vfs::Inode>> {
    if (!subject.Exists()) return Errno::kENOENT;
    for (const Entry& entry : kEntries) {
      if (entry.name == name && Belongs(entry, subject)) return MakeEntry(fs, settings, subject, entry);
    }
    return Errno::kENOENT;
  };
  entries.list = [subject](Context&, int64_t from) {
    std::vector<kit::Directory::Listed> out;
    if (!subject.Exists()) return out;
    for (int64_t i = std::max<int64_t>(from, 0); i < static_cast<int64_t>(std::size(kEntries)); ++i) {
      const Entry& entry = kEntries[i];
      if (Belongs(entry, subject)) out.push_back({std::string(entry.name), subject.Ino(NumberOf(entry)), abi::DirentType(entry.type), i});
    }
    return out;
  };
  if (!subject.is_thread()) entries.about = Ref<task::ThreadGroup>(subject.group());
  return MakeRef<kit::Directory>(fs, subject.Options(0555, kEntryNumbers), std::move(entries));
}

Result<Ref<kit::Node>> MakeThreadsDirectory(kit::KitFs& fs, Settings& settings, const Subject& subject, kit::NodeOptions options) {
  kit::Directory::Dynamic threads;
  threads.lookup = [&fs, settings = Ref<Settings>(settings), subject](Context&, std::string_view name) -> Result<Ref<vfs::Inode>> {
    int32_t tid = ParseNumber(name);
    if (tid <= 0) return Errno::kENOENT;
    tid = subject.kernel().pids().ToKernel(subject.view(), tid);
    const Subject thread = Subject(subject.kernel(), Ref<task::ThreadGroup>(subject.group()), tid).In(subject.view_ref());
    if (!thread.Exists()) return Errno::kENOENT;
    return Ref<vfs::Inode>(MakeTaskDirectory(fs, settings, thread));
  };
  threads.list = [subject](Context&, int64_t from) {
    std::vector<kit::Directory::Listed> out;
    std::vector<int32_t> tids;
    for (const Ref<task::Task>& thread : subject.kernel().pids().ThreadsOf(subject.group())) tids.push_back(thread->tid());
    // A leader that has ended stays until its process does.
    const int32_t leader = subject.group().pid();
    if (subject.Exists() && std::find(tids.begin(), tids.end(), leader) == tids.end()) tids.push_back(leader);
    for (const int32_t tid : tids) {
      const int32_t shown = subject.Shown(tid);
      if (shown == 0 || shown < from) continue;
      const Subject thread(subject.kernel(), Ref<task::ThreadGroup>(subject.group()), tid);
      out.push_back({std::to_string(shown), thread.Ino(kEntryNumbers), abi::kDT_DIR, shown});
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.position < b.position; });
    return out;
  };
  return Ref<kit::Node>(MakeRef<kit::Directory>(fs, std::move(options), std::move(threads)));
}

}  // namespace ringwall::proc
