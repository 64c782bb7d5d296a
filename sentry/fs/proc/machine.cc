// The machine in proc(5): memory, CPUs, load, versions. Everything as the sandbox has it, not the host.
#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_format.h"
#include "arch/x86_64/cpu_description.h"
#include "base/sync/mutex.h"
#include "sentry/context/machine.h"
#include "sentry/fs/proc/instance.h"
#include "sentry/task/cpu_clock.h"
#include "sentry/time/clock.h"

namespace ringwall::proc {
namespace {

constexpr uint64_t kTickNs = 10'000'000;

Result<std::string> MeminfoText() {
  const machine::MemoryInfo info = machine::ReadMemoryInfo();
  std::string out;
  const auto kib = [&](const char* name, uint64_t bytes) { absl::StrAppendFormat(&out, "%-16s%8u kB\n", name, bytes / 1024); };
  const uint64_t known = info.free_bytes + info.buffers_bytes + info.cached_bytes;
  const uint64_t used = info.total_bytes > known ? info.total_bytes - known : 0;
  kib("MemTotal:", info.total_bytes);
  kib("MemFree:", info.free_bytes);
  kib("MemAvailable:", info.available_bytes);
  kib("Buffers:", info.buffers_bytes);
  kib("Cached:", info.cached_bytes);
  kib("SwapCached:", 0);
  kib("Active:", used);
  kib("Inactive:", info.cached_bytes);
  kib("Active(anon):", used);
  kib("Inactive(anon):", 0);
  kib("Active(file):", 0);
  kib("Inactive(file):", info.cached_bytes);
  for (const char* name : {"Unevictable:", "Mlocked:", "SwapTotal:", "SwapFree:", "Dirty:", "Writeback:"}) kib(name, 0);
  kib("AnonPages:", used);
  for (const char* name : {"Mapped:", "Shmem:", "KReclaimable:", "Slab:", "SReclaimable:", "SUnreclaim:", "KernelStack:", "PageTables:"})
    kib(name, 0);
  kib("CommitLimit:", info.total_bytes / 2);
  kib("Committed_AS:", used);
  kib("VmallocTotal:", uint64_t{1} << 45);
  kib("VmallocUsed:", 0);
  out += "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n";
  kib("Hugepagesize:", 2 << 20);
  return out;
}

Result<std::string> CpuinfoText() {
  const arch::CpuDescription& cpu = arch::DescribeCpu();
  const uint32_t count = machine::CpuCount();
  std::string out;
  for (uint32_t i = 0; i < count; ++i) {
    absl::StrAppendFormat(&out, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\nstepping\t: %u\n", i,
                          cpu.vendor, cpu.family, cpu.model, cpu.model_name, cpu.stepping);
    if (cpu.khz != 0) absl::StrAppendFormat(&out, "cpu MHz\t\t: %u.%03u\n", cpu.khz / 1000, cpu.khz % 1000);
    if (cpu.cache_kib != 0) absl::StrAppendFormat(&out, "cache size\t: %u KB\n", cpu.cache_kib);
    absl::StrAppendFormat(&out,
                          "physical id\t: 0\nsiblings\t: %u\ncore id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\ninitial apicid\t: %u\n",
                          count, i, count, i, i);
    absl::StrAppendFormat(&out, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\nflags\t\t: %s\nbugs\t\t:\n",
                          cpu.cpuid_level, cpu.flags);
    // Linux's figure is twice the frequency of the time-stamp counter.
    if (cpu.khz != 0) absl::StrAppendFormat(&out, "bogomips\t: %u.%02u\n", cpu.khz / 500, cpu.khz % 500 / 5);
    absl::StrAppendFormat(
        &out, "clflush size\t: %u\ncache_alignment\t: %u\naddress sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
        cpu.line_size, cpu.line_size, cpu.physical_bits, cpu.virtual_bits);
  }
  return out;
}

// CPU time of everything that has run here and is not forgotten: the living, zombies, and what was reaped by them.
task::CpuTimes TotalCpu(kernel::Kernel& kernel) {
  task::CpuTimes sum;
  for (const Ref<task::ThreadGroup>& group : kernel.pids().AllGroups()) {
    const task::CpuTimes own = task::ProcessCpu(*group);
    task::Usage reaped;
    {
      MutexLock lock(kernel.pids().mu());
      reaped = kernel.pids().FamilyOf(*group).reaped_children;
    }
    sum.user_ns += own.user_ns + reaped.user_ns;
    sum.system_ns += own.system_ns + reaped.system_ns;
  }
  return sum;
}

uint64_t UptimeNs(kernel::Kernel& kernel) {
  return static_cast<uint64_t>(std::max<int64_t>(0, time::MonotonicNs() - kernel.boot_monotonic_ns()));
}

uint64_t IdleNs(uint64_t uptime_ns, const task::CpuTimes& busy) {
  const uint64_t capacity = uptime_ns * machine::CpuCount();
  return capacity > busy.total_ns() ? capacity - busy.total_ns() : 0;
}

struct TaskCounts {
  uint32_t total = 0, runnable = 0;
  int32_t newest = 0;
};

TaskCounts CountTasks(kernel::Kernel& kernel) {
  TaskCounts counts;
  int64_t newest_ns = -1;
  for (const Ref<task::ThreadGroup>& group : kernel.pids().AllGroups()) {
    for (const Ref<task::Task>& thread : kernel.pids().ThreadsOf(*group)) {
      ++counts.total;
      if (thread->StateLetter() == 'R') ++counts.runnable;
      if (thread->start_time_ns() > newest_ns) {
        newest_ns = thread->start_time_ns();
        counts.newest = thread->tid();
      }
    }
  }
  return counts;
}

std::string CpuLine(const std::string& label, uint64_t user_ns, uint64_t system_ns, uint64_t idle_ns) {
  return absl::StrFormat("%s %u 0 %u %u 0 0 0 0 0 0\n", label, user_ns / kTickNs, system_ns / kTickNs, idle_ns / kTickNs);
}

Result<std::string> StatTextOf(kernel::Kernel& kernel) {
  const task::CpuTimes busy = TotalCpu(kernel);
  const uint64_t uptime = UptimeNs(kernel);
  const uint64_t idle = IdleNs(uptime, busy);
  const uint32_t cpus = machine::CpuCount();
  // Which CPU a guest thread used is the host's business: the sum is shared out evenly.
  std::string out = CpuLine("cpu ", busy.user_ns, busy.system_ns, idle);
  for (uint32_t i = 0; i < cpus; ++i) out += CpuLine("cpu" + std::to_string(i), busy.user_ns / cpus, busy.system_ns / cpus, idle / cpus);
  const TaskCounts tasks = CountTasks(kernel);
  // Interrupts and switches are not the sandbox's: zero. "processes" counts forks in Linux; the newest task's number is the nearest here.
  absl::StrAppendFormat(&out, "intr 0\nctxt 0\nbtime %d\nprocesses %d\nprocs_running %u\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
                        (time::RealtimeNs() - static_cast<int64_t>(uptime)) / time::kNsPerSecond, tasks.newest, tasks.runnable);
  return out;
}

Result<std::string> UptimeText(kernel::Kernel& kernel) {
  const uint64_t uptime = UptimeNs(kernel);
  const uint64_t idle = IdleNs(uptime, TotalCpu(kernel));
  const auto hundredths = [](uint64_t ns) { return ns / kTickNs; };
  return absl::StrFormat("%u.%02u %u.%02u\n", hundredths(uptime) / 100, hundredths(uptime) % 100, hundredths(idle) / 100,
                         hundredths(idle) % 100);
}

// Differs from Linux: an idle sandbox wakes for nothing, so that the averages move on when they are read and take the number of runnable
// tasks then for the time since.
class LoadAverage : public RefCounted {
 public:
  Result<std::string> Text(kernel::Kernel& kernel) {
    const TaskCounts tasks = CountTasks(kernel);
    const int64_t now = time::MonotonicNs();
    double one, five, fifteen;
    {
      MutexLock lock(mu_);
      const double seconds = last_ns_ == 0 ? 0 : static_cast<double>(now - last_ns_) / 1e9;
      // Once in five seconds, as Linux samples; the reader itself is not load.
      if (last_ns_ == 0 || seconds >= 5) {
        const double active = tasks.runnable > 0 ? tasks.runnable - 1 : 0;
        for (size_t i = 0; i < 3; ++i) {
          const double keep = std::exp(-seconds / kSpan[i]);
          load_[i] = load_[i] * keep + active * (1 - keep);
        }
        last_ns_ = now;
      }
      one = load_[0], five = load_[1], fifteen = load_[2];
    }
    return absl::StrFormat("%.2f %.2f %.2f %u/%u %d\n", one, five, fifteen, tasks.runnable, tasks.total, tasks.newest);
  }

 private:
  static constexpr double kSpan[3] = {60, 300, 900};
  Mutex<LockRank::kNamespace> mu_;
  int64_t last_ns_ ABSL_GUARDED_BY(mu_) = 0;
  double load_[3] ABSL_GUARDED_BY(mu_) = {};
};

constexpr std::string_view kFilesystems =
    "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tcgroup2\nnodev\tdevtmpfs\nnodev\tdevpts\nnodev\tmqueue\nnodev\toverlay\nnodev\t9p\n\te"
    "xt4\n";
constexpr std::string_view kDevices =
    "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n 10 misc\n136 pts\n\nBlock devices:\n";
constexpr std::string_view kVmstatNames[] = {"nr_free_pages", "nr_active_anon", "pgpgin",     "pgpgout", "pswpin",
                                             "pswpout",       "pgfault",        "pgmajfault", "oom_kill"};

}  // namespace

void AddMachineFiles(kit::KitFs& fs, kit::Directory& root, kernel::Kernel& kernel) {
  const auto add = [&](const char* name, kit::Generator text) {
    root.Add(name, MakeRef<kit::DynamicFile>(fs, kit::NodeOptions{.mode = 0444}, std::move(text)));
  };
  const auto fixed = [&](const char* name, std::string_view text) { root.Add(name, kit::DynamicFile::Fixed(fs, std::string(text))); };
  fixed("cmdline", "\n");
  fixed("consoles", "");
  add("cpuinfo", [](Context&) { return CpuinfoText(); });
  fixed("devices", kDevices);
  fixed("diskstats", "");
  fixed("filesystems", kFilesystems);
  fixed("interrupts", "");
  add("loadavg", [&kernel, load = MakeRef<LoadAverage>()](Context&) { return load->Text(kernel); });
  fixed("locks", "");
  add("meminfo", [](Context&) { return MeminfoText(); });
  fixed("misc", "");
  fixed("modules", "");
  fixed("partitions", "major minor  #blocks  name\n\n");
  add("stat", [&kernel](Context&) { return StatTextOf(kernel); });
  fixed("swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
  add("uptime", [&kernel](Context&) { return UptimeText(kernel); });
  add("version", [&kernel](Context&) -> Result<std::string> {
    return absl::StrFormat("Linux version %s (ringwall) (g++) %s\n", kernel.options().release, kernel.options().version);
  });
  add("vmstat", [](Context&) -> Result<std::string> {
    const machine::MemoryInfo info = machine::ReadMemoryInfo();
    std::string out;
    for (const std::string_view name : kVmstatNames) {
      uint64_t value = 0;
      if (name == "nr_free_pages") value = info.free_bytes / 4096;
      if (name == "nr_active_anon") value = (info.total_bytes - std::min(info.total_bytes, info.available_bytes)) / 4096;
      absl::StrAppendFormat(&out, "%s %u\n", name, value);
    }
    return out;
  });
}

}  // namespace ringwall::proc
