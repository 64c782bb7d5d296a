// What `ringwall doctor` sees of a machine. Errno fields are host errno values: 0 = it worked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringwall::doctor {

struct KernelFacts {
  std::string release;
  std::vector<std::string> missing;  // calls that the kernel does not have
  std::vector<std::string> refused;  // calls that something above us forbids
};

struct CpuFacts {
  bool fsgsbase = false;
  uint32_t xsave_bytes = 0;         // FPU state that the kernel has turned on; 0 = no XSAVE
  bool avx512 = false;              // is part of it
  uint64_t signal_frame_bytes = 0;  // AT_MINSIGSTKSZ; 0 = not told
};

struct PtraceFacts {
  int yama_scope = -1;  // -1: no Yama
  int seize = 0;
  int sysemu = 0;
  int read_memory = 0;  // process_vm_readv(2) of a child
  bool caught = false;  // a system call was stopped before it ran
};

struct SeccompFacts {
  int above = 0;    // filters that this process is under already
  int install = 0;  // an allow-all filter of our own
  std::vector<std::string> missing_actions;
};

struct NotificationFacts {
  int listener = 0;
  int wait_killable = 0;
  int sync_wake_up = 0;
  int pidfd_getfd = 0;
  bool answered = false;  // a call of another process was received and answered
};

struct NamespaceFacts {
  bool root = false;
  int user = 0;                     // a user namespace of our own, with id maps
  long max_user = -1;               // /proc/sys/user/max_user_namespaces; -1 = not there
  bool clone_switch_off = false;    // Debian's kernel.unprivileged_userns_clone = 0
  bool apparmor_restricts = false;  // Ubuntu's kernel.apparmor_restrict_unprivileged_userns = 1
  int others = 0;                   // mount, pid, ipc, uts, net
  int empty_root = 0;
  int proc = 0;  // a proc of the new pid namespace
};

struct MachineFacts {
  int kvm_open = 0;
  int kvm_api = 0;
  enum class Cgroups : uint8_t { kNone, kV1, kHybrid, kV2 } cgroups = Cgroups::kNone;
  int memfd = 0;            // memfd_create(2), sealing, mapping
  uint64_t open_files = 0;  // RLIMIT_NOFILE, hard
  uint64_t processes = 0;   // RLIMIT_NPROC, hard
  uint64_t map_count = 0;   // vm.max_map_count
};

struct Facts {
  KernelFacts kernel;
  CpuFacts cpu;
  PtraceFacts ptrace;
  SeccompFacts seccomp;
  NotificationFacts notification;
  NamespaceFacts namespaces;
  MachineFacts machine;
};

// Tries everything, in children; some 20 ms.
Facts Probe();

}  // namespace ringwall::doctor
