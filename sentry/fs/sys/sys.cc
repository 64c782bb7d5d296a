// sysfs: CPUs, one memory node and the empty classes, for nproc(1), lscpu(1) and the runtimes that size themselves by them.
#include "sentry/fs/sys/sys.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abi/statfs.h"
#include "absl/strings/str_format.h"
#include "arch/x86_64/cpu_description.h"
#include "sentry/context/machine.h"
#include "sentry/fs/kit/kit.h"

namespace ringwall::sys {
namespace {

Ref<kit::Directory> EmptyDirectory(kit::KitFs& fs) { return MakeRef<kit::Directory>(fs, kit::NodeOptions{.mode = 0755}); }

// "0-3"
std::string Range(uint32_t count) { return count == 1 ? "0" : absl::StrFormat("0-%u", count - 1); }

// "f", "ff,ffffffff": groups of 32 bits, the highest first.
std::string Mask(uint32_t first, uint32_t count, uint32_t total) {
  std::string out;
  for (uint32_t word = (total + 31) / 32; word-- > 0;) {
    uint32_t bits = 0;
    for (uint32_t cpu = word * 32; cpu < word * 32 + 32; ++cpu) bits |= cpu >= first && cpu - first < count ? 1u << (cpu % 32) : 0;
    const uint32_t digits = out.empty() && total % 32 != 0 ? (total % 32 + 3) / 4 : 8;
    absl::StrAppendFormat(&out, "%s%0*x", out.empty() ? "" : ",", static_cast<int>(digits), bits);
  }
  return out;
}

class Builder {
 public:
  explicit Builder(kit::KitFs& fs) : fs_(fs), root_(EmptyDirectory(fs)) {}
  void Text(std::string_view path, std::string_view line) { root_->AddPath(path, kit::DynamicFile::Fixed(fs_, std::string(line) + "\n")); }
  void Directory(std::string_view path) { root_->AddPath(path, EmptyDirectory(fs_)); }
  void Link(std::string_view path, std::string target) { root_->AddPath(path, MakeRef<kit::SymlinkNode>(fs_, std::move(target))); }
  void Generated(std::string_view path, kit::Generator text) {
    root_->AddPath(path, MakeRef<kit::DynamicFile>(fs_, kit::NodeOptions{.mode = 0444}, std::move(text)));
  }
  const Ref<kit::Directory>& root() const { return root_; }

 private:
  kit::KitFs& fs_;
  const Ref<kit::Directory> root_;
};

// Which guest thread runs on which host CPU is not known here: every CPU is a core of its own in one package, and its caches are its own.
void AddCpu(Builder& b, uint32_t cpu, uint32_t count) {
  const std::string base = absl::StrFormat("devices/system/cpu/cpu%u/", cpu);
  const std::string self = std::to_string(cpu), self_mask = Mask(cpu, 1, count);
  if (cpu != 0) b.Text(base + "online", "1");
  const auto topology = [&](const char* name, std::string_view value) { b.Text(base + "topology/" + name, value); };
  topology("physical_package_id", "0");
  topology("die_id", "0");
  topology("core_id", self);
  topology("core_cpus", self_mask);
  topology("core_cpus_list", self);
  topology("thread_siblings", self_mask);
  topology("thread_siblings_list", self);
  topology("core_siblings", Mask(0, count, count));
  topology("core_siblings_list", Range(count));
  topology("package_cpus", Mask(0, count, count));
  topology("package_cpus_list", Range(count));
  topology("die_cpus", self_mask);
  topology("die_cpus_list", self);
  uint32_t index = 0;
  for (const arch::CpuCache& cache : arch::DescribeCpu().caches) {
    const std::string at = absl::StrFormat("%scache/index%u/", base, index++);
    const bool shared = cache.level >= 3;
    b.Text(at + "level", std::to_string(cache.level));
    b.Text(at + "type", cache.type);
    b.Text(at + "size", std::to_string(cache.kib) + "K");
    b.Text(at + "coherency_line_size", std::to_string(cache.line_size));
    b.Text(at + "ways_of_associativity", std::to_string(cache.ways));
    b.Text(at + "number_of_sets", std::to_string(cache.sets));
    b.Text(at + "physical_line_partition", std::to_string(cache.partitions));
    b.Text(at + "shared_cpu_map", shared ? Mask(0, count, count) : self_mask);
    b.Text(at + "shared_cpu_list", shared ? Range(count) : self);
  }
  b.Link(base + "node0", "../../node/node0");
}

void AddCpus(Builder& b) {
  const uint32_t count = machine::CpuCount();
  for (const char* name : {"online", "possible", "present"}) b.Text(std::string("devices/system/cpu/") + name, Range(count));
  b.Text("devices/system/cpu/offline", "");
  b.Text("devices/system/cpu/isolated", "");
  b.Text("devices/system/cpu/kernel_max", std::to_string(count - 1));
  for (uint32_t cpu = 0; cpu < count; ++cpu) AddCpu(b, cpu, count);
}

void AddMemoryNode(Builder& b) {
  const uint32_t count = machine::CpuCount();
  for (const char* name : {"online", "possible", "has_cpu", "has_memory", "has_normal_memory"})
    b.Text(std::string("devices/system/node/") + name, "0");
  const std::string node = "devices/system/node/node0/";
  b.Text(node + "cpulist", Range(count));
  b.Text(node + "cpumap", Mask(0, count, count));
  b.Text(node + "distance", "10");
  b.Generated(node + "meminfo", [](Context&) -> Result<std::string> {
    const machine::MemoryInfo info = machine::ReadMemoryInfo();
    const uint64_t used = info.total_bytes > info.free_bytes ? info.total_bytes - info.free_bytes : 0;
    return absl::StrFormat("Node 0 MemTotal:       %8u kB\nNode 0 MemFree:        %8u kB\nNode 0 MemUsed:        %8u kB\n",
                           info.total_bytes / 1024, info.free_bytes / 1024, used / 1024);
  });
  for (uint32_t cpu = 0; cpu < count; ++cpu) b.Link(absl::StrFormat("%scpu%u", node, cpu), absl::StrFormat("../../cpu/cpu%u", cpu));
}

}  // namespace

Result<Ref<vfs::FileSystem>> Create(Context& ctx) {
  const Ref<kit::KitFs> fs = kit::KitFs::Create("sysfs", abi::kSYSFS_MAGIC, ctx.Now());
  Builder b(fs);
  for (const char* path : {"block", "bus", "class/block", "class/net", "class/power_supply", "class/thermal", "dev/block", "dev/char",
                           "devices/virtual", "firmware", "fs/cgroup", "kernel/debug", "kernel/security", "module", "power"}) {
    b.Directory(path);
  }
  AddCpus(b);
  AddMemoryNode(b);
  // Programs may ask for huge pages; whether they get them is the host's decision.
  b.Text("kernel/mm/transparent_hugepage/enabled", "always [madvise] never");
  b.Text("kernel/mm/transparent_hugepage/defrag", "always defer defer+madvise [madvise] never");
  b.Text("kernel/mm/transparent_hugepage/shmem_enabled", "always within_size advise [never] deny force");
  b.Text("kernel/mm/transparent_hugepage/hpage_pmd_size", std::to_string(2 << 20));
  b.Directory("kernel/mm/hugepages");
  fs->SetRoot(b.root());
  return Ref<vfs::FileSystem>(fs);
}

}  // namespace ringwall::sys
