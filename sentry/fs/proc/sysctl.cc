// /proc/sys: sysctl(8)'s settings. Those that only tell are read-only; those that can be set work.
#include <array>
#include <cstdint>
#include <utility>

#include "abi/capability.h"
#include "absl/strings/str_format.h"
#include "sentry/context/random.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/proc/instance.h"
#include "sentry/mm/vma_set.h"
#include "sentry/ns/namespaces.h"

namespace ringwall::proc {
namespace {

std::string RandomUuid() {
  std::array<uint8_t, 16> b;
  RandomBytes(absl::Span<std::byte>(reinterpret_cast<std::byte*>(b.data()), b.size()));
  b[6] = static_cast<uint8_t>((b[6] & 0x0f) | 0x40);  // version 4
  b[8] = static_cast<uint8_t>((b[8] & 0x3f) | 0x80);  // its variant
  std::string out;
  for (size_t i = 0; i < b.size(); ++i) absl::StrAppendFormat(&out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
  return out + "\n";
}

// hostname and domainname: sethostname(2) by another way.
void AddUtsName(kit::KitFs& fs, kit::Directory& sys, kernel::Kernel& kernel, const char* path, std::string kernel::UtsName::*field) {
  // Of the UTS namespace of who reads or writes.
  const auto of = [&kernel](Context& ctx) {
    return ctx.AsTask() != nullptr ? ctx.AsTask()->namespaces().uts : kernel.initial_namespaces()->uts;
  };
  auto read = [of, field](Context& ctx) -> Result<std::string> { return of(ctx)->names().*field + "\n"; };
  auto write = [of, field](Context& ctx, std::string_view data, uint64_t offset) -> Result<size_t> {
    const Ref<ns::UtsNamespace> uts_ns = of(ctx);
    if (!ctx.creds().HasIn(*uts_ns->owner(), abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
    if (offset != 0) return data.size();
    constexpr size_t kMax = 64;
    const size_t end = std::min(data.find('\n'), data.find('\0'));
    const std::string_view name = data.substr(0, std::min(end, kMax));
    kernel::UtsName uts = uts_ns->names();
    uts.*field = std::string(name);
    uts_ns->SetNames(std::move(uts));
    return data.size();
  };
  sys.AddPath(path, MakeRef<kit::DynamicFile>(fs, kit::NodeOptions{.mode = 0644}, std::move(read), std::move(write)));
}

struct Constant {
  const char* path;
  std::string value;
};

}  // namespace

void AddSysctl(kit::KitFs& fs, kit::Directory& root, kernel::Kernel& kernel) {
  const Ref<kit::Directory> sys = MakeRef<kit::Directory>(fs, kit::NodeOptions{.mode = 0555});
  root.Add("sys", sys);
  AddUtsName(fs, sys, kernel, "kernel/hostname", &kernel::UtsName::hostname);
  AddUtsName(fs, sys, kernel, "kernel/domainname", &kernel::UtsName::domainname);
  const Constant constants[] = {
      {"kernel/ostype", "Linux"},
      {"kernel/osrelease", kernel.options().release},
      {"kernel/version", kernel.options().version},
      {"kernel/pid_max", std::to_string(task::PidTable::kMaxPid)},
      {"kernel/threads-max", std::to_string(task::PidTable::kMaxPid)},
      {"kernel/ngroups_max", "65536"},
      {"kernel/cap_last_cap", std::to_string(abi::kCAP_LAST_CAP)},
      {"kernel/overflowuid", "65534"},
      {"kernel/overflowgid", "65534"},
      {"kernel/randomize_va_space", kernel.options().randomize ? "2" : "0"},
      {"kernel/core_pattern", "core"},
      {"kernel/core_uses_pid", "0"},
      {"kernel/kptr_restrict", "1"},
      {"kernel/dmesg_restrict", "1"},
      {"kernel/perf_event_paranoid", "4"},
      {"kernel/unprivileged_bpf_disabled", "2"},
      {"kernel/seccomp/actions_avail", "kill_process kill_thread trap errno user_notif trace log allow"},
      {"kernel/sched_rr_timeslice_ms", "100"},
      {"kernel/tainted", "0"},
      {"kernel/yama/ptrace_scope", "0"},
      {"kernel/random/entropy_avail", "256"},
      {"kernel/random/poolsize", "256"},
      {"fs/aio-max-nr", "65536"},
      {"fs/file-max", "9223372036854775807"},
      {"fs/nr_open", std::to_string(vfs::FdTable::kMaxFds)},
      {"fs/pipe-max-size", "1048576"},
      {"fs/overflowuid", "65534"},
      {"fs/overflowgid", "65534"},
      {"fs/protected_hardlinks", "0"},
      {"fs/protected_symlinks", "0"},
      {"fs/suid_dumpable", "0"},
      {"fs/epoll/max_user_watches", "1048576"},
      {"fs/mount-max", "20000"},
      {"vm/max_map_count", std::to_string(mm::kMaxMapCount)},
      {"vm/mmap_min_addr", "65536"},
      {"vm/overcommit_memory", "0"},
      {"vm/overcommit_ratio", "50"},
      {"vm/swappiness", "60"},
      {"vm/nr_hugepages", "0"},
      {"vm/dirty_ratio", "20"},
      {"net/core/somaxconn", "4096"},
      {"net/core/rmem_default", "212992"},
      {"net/core/rmem_max", "212992"},
      {"net/core/wmem_default", "212992"},
      {"net/core/wmem_max", "212992"},
      {"net/ipv4/ip_forward", "0"},
      {"net/ipv4/ip_local_port_range", "32768\t60999"},
      {"net/ipv4/ip_unprivileged_port_start", "1024"},
      {"net/ipv4/tcp_max_syn_backlog", "4096"},
      {"net/ipv4/tcp_syncookies", "0"},
      {"net/ipv4/tcp_rmem", "4096\t131072\t6291456"},
      {"net/ipv4/tcp_wmem", "4096\t16384\t4194304"},
      {"net/unix/max_dgram_qlen", "512"},
  };
  AddNamespaceLimits(fs, sys);
  AddIpcSysctl(fs, sys, kernel);
  AddSysvipc(fs, root, kernel);
  for (const Constant& c : constants) sys->AddPath(c.path, kit::DynamicFile::Fixed(fs, c.value + "\n"));
  sys->AddPath("kernel/random/boot_id", kit::DynamicFile::Fixed(fs, RandomUuid()));
  sys->AddPath("kernel/random/uuid",
               MakeRef<kit::DynamicFile>(fs, kit::NodeOptions{.mode = 0444}, [](Context&) -> Result<std::string> { return RandomUuid(); }));
  // Allocated, free (always 0), the most there may be.
  sys->AddPath("fs/file-nr", MakeRef<kit::DynamicFile>(fs, kit::NodeOptions{.mode = 0444}, [&kernel](Context&) -> Result<std::string> {
                 size_t open = 0;
                 for (const Ref<task::ThreadGroup>& group : kernel.pids().AllGroups()) {
                   auto fds = Subject(kernel, group).Fds();
                   if (fds.ok()) open += (*fds)->OpenFds().size();
                 }
                 return absl::StrFormat("%u\t0\t9223372036854775807\n", open);
               }));
}

}  // namespace ringwall::proc
