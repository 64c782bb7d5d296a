// The CPU in words. Names of features are Linux's, bits are those of the vendors' manuals; only features that user programs can use or that
// tools look for are named.
#include "arch/x86_64/cpu_description.h"

#include <cpuid.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

namespace ringwall::arch {
namespace {

enum Register : uint8_t { kEax, kEbx, kEcx, kEdx };
struct Leaf {
  uint32_t r[4] = {};
};

// In a virtual machine each CPUID is a trip to the hypervisor, tens of microseconds on some: every leaf is asked for once.
class CpuidReader {
 public:
  Leaf Get(uint32_t leaf, uint32_t sub = 0) {
    const uint32_t range = leaf & 0x80000000;
    if (leaf > Read(range, 0).r[kEax]) return {};
    return Read(leaf, sub);
  }

 private:
  struct Entry {
    uint32_t leaf, sub;
    Leaf value;
  };
  Leaf Read(uint32_t leaf, uint32_t sub) {
    for (const Entry& seen : seen_) {
      if (seen.leaf == leaf && seen.sub == sub) return seen.value;
    }
    Leaf l;
    __cpuid_count(leaf, sub, l.r[kEax], l.r[kEbx], l.r[kEcx], l.r[kEdx]);
    seen_.push_back({leaf, sub, l});
    return l;
  }
  std::vector<Entry> seen_;
};

struct Feature {
  uint32_t leaf, sub;
  Register reg;
  uint8_t bit;
  const char* name;
};

// In the order of Linux's words: 1.edx, 0x80000001.edx, made-up ones, 1.ecx, 0x80000001.ecx, 7.ebx, xsave, 7.1, 7.ecx, 7.edx.
constexpr Feature kFeatures[] = {
    {1, 0, kEdx, 0, "fpu"},
    {1, 0, kEdx, 1, "vme"},
    {1, 0, kEdx, 2, "de"},
    {1, 0, kEdx, 3, "pse"},
    {1, 0, kEdx, 4, "tsc"},
    {1, 0, kEdx, 5, "msr"},
    {1, 0, kEdx, 6, "pae"},
    {1, 0, kEdx, 7, "mce"},
    {1, 0, kEdx, 8, "cx8"},
    {1, 0, kEdx, 9, "apic"},
    {1, 0, kEdx, 11, "sep"},
    {1, 0, kEdx, 12, "mtrr"},
    {1, 0, kEdx, 13, "pge"},
    {1, 0, kEdx, 14, "mca"},
    {1, 0, kEdx, 15, "cmov"},
    {1, 0, kEdx, 16, "pat"},
    {1, 0, kEdx, 17, "pse36"},
    {1, 0, kEdx, 19, "clflush"},
    {1, 0, kEdx, 23, "mmx"},
    {1, 0, kEdx, 24, "fxsr"},
    {1, 0, kEdx, 25, "sse"},
    {1, 0, kEdx, 26, "sse2"},
    {1, 0, kEdx, 27, "ss"},
    {1, 0, kEdx, 28, "ht"},
    {0x80000001, 0, kEdx, 11, "syscall"},
    {0x80000001, 0, kEdx, 20, "nx"},
    {0x80000001, 0, kEdx, 22, "mmxext"},
    {0x80000001, 0, kEdx, 25, "fxsr_opt"},
    {0x80000001, 0, kEdx, 26, "pdpe1gb"},
    {0x80000001, 0, kEdx, 27, "rdtscp"},
    {0x80000001, 0, kEdx, 29, "lm"},
    {0x80000007, 0, kEdx, 8, "constant_tsc"},
    {0x80000007, 0, kEdx, 8, "nonstop_tsc"},
    {1, 0, kEcx, 0, "pni"},
    {1, 0, kEcx, 1, "pclmulqdq"},
    {1, 0, kEcx, 9, "ssse3"},
    {1, 0, kEcx, 12, "fma"},
    {1, 0, kEcx, 13, "cx16"},
    {1, 0, kEcx, 17, "pcid"},
    {1, 0, kEcx, 19, "sse4_1"},
    {1, 0, kEcx, 20, "sse4_2"},
    {1, 0, kEcx, 21, "x2apic"},
    {1, 0, kEcx, 22, "movbe"},
    {1, 0, kEcx, 23, "popcnt"},
    {1, 0, kEcx, 25, "aes"},
    {1, 0, kEcx, 26, "xsave"},
    {1, 0, kEcx, 28, "avx"},
    {1, 0, kEcx, 29, "f16c"},
    {1, 0, kEcx, 30, "rdrand"},
    {1, 0, kEcx, 31, "hypervisor"},
    {0x80000001, 0, kEcx, 0, "lahf_lm"},
    {0x80000001, 0, kEcx, 1, "cmp_legacy"},
    {0x80000001, 0, kEcx, 5, "abm"},
    {0x80000001, 0, kEcx, 6, "sse4a"},
    {0x80000001, 0, kEcx, 7, "misalignsse"},
    {0x80000001, 0, kEcx, 8, "3dnowprefetch"},
    {0x80000001, 0, kEcx, 11, "xop"},
    {0x80000001, 0, kEcx, 16, "fma4"},
    {0x80000001, 0, kEcx, 21, "tbm"},
    {0x80000001, 0, kEcx, 22, "topoext"},
    {7, 0, kEbx, 0, "fsgsbase"},
    {7, 0, kEbx, 3, "bmi1"},
    {7, 0, kEbx, 4, "hle"},
    {7, 0, kEbx, 5, "avx2"},
    {7, 0, kEbx, 7, "smep"},
    {7, 0, kEbx, 8, "bmi2"},
    {7, 0, kEbx, 9, "erms"},
    {7, 0, kEbx, 10, "invpcid"},
    {7, 0, kEbx, 11, "rtm"},
    {7, 0, kEbx, 16, "avx512f"},
    {7, 0, kEbx, 17, "avx512dq"},
    {7, 0, kEbx, 18, "rdseed"},
    {7, 0, kEbx, 19, "adx"},
    {7, 0, kEbx, 20, "smap"},
    {7, 0, kEbx, 21, "avx512ifma"},
    {7, 0, kEbx, 23, "clflushopt"},
    {7, 0, kEbx, 24, "clwb"},
    {7, 0, kEbx, 28, "avx512cd"},
    {7, 0, kEbx, 29, "sha_ni"},
    {7, 0, kEbx, 30, "avx512bw"},
    {7, 0, kEbx, 31, "avx512vl"},
    {0xd, 1, kEax, 0, "xsaveopt"},
    {0xd, 1, kEax, 1, "xsavec"},
    {0xd, 1, kEax, 2, "xgetbv1"},
    {0xd, 1, kEax, 3, "xsaves"},
    {7, 1, kEax, 4, "avx_vnni"},
    {7, 1, kEax, 5, "avx512_bf16"},
    {0x80000008, 0, kEbx, 0, "clzero"},
    {0x80000008, 0, kEbx, 4, "rdpru"},
    {0x80000008, 0, kEbx, 9, "wbnoinvd"},
    {7, 0, kEcx, 1, "avx512vbmi"},
    {7, 0, kEcx, 2, "umip"},
    {7, 0, kEcx, 3, "pku"},
    {7, 0, kEcx, 4, "ospke"},
    {7, 0, kEcx, 5, "waitpkg"},
    {7, 0, kEcx, 6, "avx512_vbmi2"},
    {7, 0, kEcx, 8, "gfni"},
    {7, 0, kEcx, 9, "vaes"},
    {7, 0, kEcx, 10, "vpclmulqdq"},
    {7, 0, kEcx, 11, "avx512_vnni"},
    {7, 0, kEcx, 12, "avx512_bitalg"},
    {7, 0, kEcx, 14, "avx512_vpopcntdq"},
    {7, 0, kEcx, 16, "la57"},
    {7, 0, kEcx, 22, "rdpid"},
    {7, 0, kEcx, 27, "movdiri"},
    {7, 0, kEcx, 28, "movdir64b"},
    {7, 0, kEdx, 4, "fsrm"},
    {7, 0, kEdx, 8, "avx512_vp2intersect"},
    {7, 0, kEdx, 14, "serialize"},
    {7, 0, kEdx, 22, "amx_bf16"},
    {7, 0, kEdx, 23, "avx512_fp16"},
    {7, 0, kEdx, 24, "amx_tile"},
    {7, 0, kEdx, 25, "amx_int8"},
};

// Wide registers are there only when the kernel saves them (xgetbv, which needs OSXSAVE).
bool NeedsState(const Feature& f, uint64_t& needed) {
  const std::string_view name = f.name;
  if (name.starts_with("avx512"))
    needed = 0xe6;
  else if (name.starts_with("avx") || name == "fma" || name == "f16c" || name == "vaes" || name == "vpclmulqdq")
    needed = 0x6;
  else if (name.starts_with("amx"))
    needed = 0x60000;
  else
    return false;
  return true;
}

uint64_t EnabledState(CpuidReader& cpuid) {
  if ((cpuid.Get(1).r[kEcx] & (1u << 27)) == 0) return 0;
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

// Leaf 4, or where AMD has the same; empty when the CPU has neither.
std::vector<CpuCache> ReadCaches(CpuidReader& cpuid) {
  std::vector<CpuCache> caches;
  for (const uint32_t leaf : {4u, 0x8000001du}) {
    for (uint32_t i = 0; i < 16 && caches.size() < 16; ++i) {
      const Leaf l = cpuid.Get(leaf, i);
      const uint32_t type = l.r[kEax] & 0x1f;
      if (type == 0 || type > 3) break;
      CpuCache cache;
      cache.level = l.r[kEax] >> 5 & 7;
      cache.type = type == 1 ? "Data" : type == 2 ? "Instruction" : "Unified";
      cache.ways = (l.r[kEbx] >> 22) + 1;
      cache.partitions = (l.r[kEbx] >> 12 & 0x3ff) + 1;
      cache.line_size = (l.r[kEbx] & 0xfff) + 1;
      cache.sets = l.r[kEcx] + 1;
      cache.kib = static_cast<uint32_t>(uint64_t{cache.ways} * cache.partitions * cache.line_size * cache.sets / 1024);
      caches.push_back(std::move(cache));
    }
    if (!caches.empty()) break;
  }
  return caches;
}

uint32_t BaseKhz(CpuidReader& cpuid) {
  const Leaf frequency = cpuid.Get(0x16);
  if ((frequency.r[kEax] & 0xffff) != 0) return (frequency.r[kEax] & 0xffff) * 1000;
  const Leaf tsc = cpuid.Get(0x15);
  if (tsc.r[kEax] != 0 && tsc.r[kEbx] != 0 && tsc.r[kEcx] != 0) {
    return static_cast<uint32_t>(uint64_t{tsc.r[kEcx]} * tsc.r[kEbx] / tsc.r[kEax] / 1000);
  }
  return 0;
}

CpuDescription Read() {
  CpuDescription cpu;
  CpuidReader cpuid;
  const Leaf zero = cpuid.Get(0);
  char vendor[13] = {};
  std::memcpy(vendor, &zero.r[kEbx], 4);
  std::memcpy(vendor + 4, &zero.r[kEdx], 4);
  std::memcpy(vendor + 8, &zero.r[kEcx], 4);
  cpu.vendor = vendor;
  cpu.cpuid_level = zero.r[kEax];
  const Leaf one = cpuid.Get(1);
  cpu.stepping = one.r[kEax] & 0xf;
  cpu.family = one.r[kEax] >> 8 & 0xf;
  cpu.model = one.r[kEax] >> 4 & 0xf;
  if (cpu.family == 6 || cpu.family == 15) cpu.model |= (one.r[kEax] >> 16 & 0xf) << 4;
  if (cpu.family == 15) cpu.family += one.r[kEax] >> 20 & 0xff;
  if (const uint32_t line = (one.r[kEbx] >> 8 & 0xff) * 8; line != 0) cpu.line_size = line;
  for (uint32_t leaf = 0x80000002; leaf <= 0x80000004; ++leaf) {
    const Leaf part = cpuid.Get(leaf);
    char text[17] = {};
    std::memcpy(text, part.r, 16);
    cpu.model_name += text;
  }
  const size_t first = cpu.model_name.find_first_not_of(' ');
  cpu.model_name.erase(0, first == std::string::npos ? cpu.model_name.size() : first);
  while (!cpu.model_name.empty() && cpu.model_name.back() == ' ') cpu.model_name.pop_back();
  if (cpu.model_name.empty()) cpu.model_name = "unknown";
  const Leaf sizes = cpuid.Get(0x80000008);
  cpu.physical_bits = sizes.r[kEax] & 0xff;
  cpu.virtual_bits = sizes.r[kEax] >> 8 & 0xff;
  cpu.khz = BaseKhz(cpuid);
  cpu.caches = ReadCaches(cpuid);
  for (const CpuCache& cache : cpu.caches) cpu.cache_kib = std::max(cpu.cache_kib, cache.kib);
  const uint64_t state = EnabledState(cpuid);
  for (const Feature& f : kFeatures) {
    if ((cpuid.Get(f.leaf, f.sub).r[f.reg] >> f.bit & 1) == 0) continue;
    if (uint64_t needed = 0; NeedsState(f, needed) && (state & needed) != needed) continue;
    if (!cpu.flags.empty()) cpu.flags += ' ';
    cpu.flags += f.name;
  }
  return cpu;
}

}  // namespace

const CpuDescription& DescribeCpu() {
  static const CpuDescription* const cpu = new CpuDescription(Read());
  return *cpu;
}

}  // namespace ringwall::arch
