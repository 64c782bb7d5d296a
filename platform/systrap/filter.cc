// The stubs' seccomp program, and the sentry's rules.
#include "platform/systrap/filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstddef>
#include <utility>

#include "platform/systrap/guest/layout.h"
#include "platform/systrap/seccomp_abi.h"

namespace ringwall::platform::systrap {
namespace {

constexpr uint32_t kEndHigh = kEnd >> 32;
static_assert((kEnd & 0xffffffff) == 0 && kContextsAddress - kEnd >= uint64_t{1} << 32);
// Flags that an allowed mapping must have and may have in addition.
constexpr uint32_t kMustMap = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
constexpr uint32_t kMayMap = kMustMap | MAP_GROWSDOWN | MAP_NORESERVE | MAP_POPULATE;
constexpr uint32_t kMaxAdvice = 25;  // MADV_COLLAPSE; MERGEABLE is taken out: pages shared by content tell guests about each other

// A small assembler: blocks end in a return, so that jumps stay within one.
class Program {
 public:
  void Load(uint32_t offset) { Add(BPF_LD | BPF_W | BPF_ABS, 0, 0, offset); }
  void LoadArgument(int i, bool high) {
    Load(static_cast<uint32_t>(offsetof(seccomp_data, args) + 8 * static_cast<size_t>(i) + (high ? 4 : 0)));
  }
  // Goes on when the comparison holds; else leaves the block.
  void Require(uint16_t code, uint32_t k) { Fixup(code, k, /*when=*/false); }
  // Leaves the block when it holds.
  void Refuse(uint16_t code, uint32_t k) { Fixup(code, k, /*when=*/true); }
  void Raw(uint16_t code, uint32_t k) { Add(code, 0, 0, k); }
  // Ends the block: its result, and what follows is where a failed condition goes.
  void Return(uint32_t action) {
    Add(BPF_RET | BPF_K, 0, 0, action);
    for (const auto& [at, when] : open_) {
      const uint8_t skip = static_cast<uint8_t>(out_.size() - at - 1);
      (when ? out_[at].jt : out_[at].jf) = skip;
    }
    open_.clear();
  }
  std::vector<sock_filter> Take() { return std::move(out_); }

 private:
  void Add(uint16_t code, uint8_t jt, uint8_t jf, uint32_t k) { out_.push_back(sock_filter{code, jt, jf, k}); }
  void Fixup(uint16_t code, uint32_t k, bool when) {
    open_.emplace_back(out_.size(), when);
    Add(static_cast<uint16_t>(BPF_JMP | code | BPF_K), 0, 0, k);
  }
  std::vector<sock_filter> out_;
  std::vector<std::pair<size_t, bool>> open_;
};

// Requires that [argument address, + argument length) ends below the contexts: upper halves, and one more for the carry.
void RequireBelowEnd(Program& p, int address, int length) {
  p.LoadArgument(address, true);
  p.Refuse(BPF_JGE, kEndHigh);
  p.LoadArgument(length, true);
  p.Refuse(BPF_JGE, kEndHigh);
  p.Raw(BPF_MISC | BPF_TAX, 0);
  p.LoadArgument(address, true);
  p.Raw(BPF_ALU | BPF_ADD | BPF_X, 0);
  p.Refuse(BPF_JGE, kEndHigh);
}

void RequireCall(Program& p, uint32_t number) {
  p.Load(offsetof(seccomp_data, nr));
  p.Require(BPF_JEQ, number);
}

}  // namespace

std::vector<sock_filter> BuildStubFilter() {
  Program p;
  // 32-bit gates: a guest's, whatever the instruction pointer says.
  p.Load(offsetof(seccomp_data, arch));
  p.Refuse(BPF_JEQ, AUDIT_ARCH_X86_64);
  p.Return(SECCOMP_RET_TRAP);
  // Guest code: everything but the stub's own pages. (The pointer is behind the instruction.)
  p.Load(offsetof(seccomp_data, instruction_pointer) + 4);
  p.Refuse(BPF_JEQ, kCodeAddress >> 32);
  p.Return(SECCOMP_RET_TRAP);
  p.Load(offsetof(seccomp_data, instruction_pointer));
  p.Refuse(BPF_JGE, static_cast<uint32_t>(kCodeAddress));
  p.Return(SECCOMP_RET_TRAP);
  p.Load(offsetof(seccomp_data, instruction_pointer));
  p.Require(BPF_JGE, static_cast<uint32_t>(kCodeAddress + kCodeBytes));
  p.Return(SECCOMP_RET_TRAP);

  // The hot two first.
  RequireCall(p, kHandOverCall);
  p.Return(SECCOMP_RET_USER_NOTIF);
  RequireCall(p, SYS_rt_sigreturn);
  p.Return(SECCOMP_RET_ALLOW);
  // Private anonymous memory below the contexts: the caller's own.
  RequireCall(p, SYS_mmap);
  p.LoadArgument(3, false);
  p.Raw(BPF_ALU | BPF_AND | BPF_K, ~(kMayMap & ~kMustMap));
  p.Require(BPF_JEQ, kMustMap);
  RequireBelowEnd(p, 0, 1);
  p.Return(SECCOMP_RET_ALLOW);
  // Descriptors: compared by the sentry.
  RequireCall(p, SYS_mmap);
  p.Return(SECCOMP_RET_USER_NOTIF);
  // Less access is always the caller's own affair; more may reach a file that was mapped for reading only.
  RequireCall(p, SYS_mprotect);
  p.LoadArgument(2, false);
  p.Refuse(BPF_JSET, ~static_cast<uint32_t>(PROT_READ | PROT_EXEC));
  RequireBelowEnd(p, 0, 1);
  p.Return(SECCOMP_RET_ALLOW);
  RequireCall(p, SYS_mprotect);
  p.Return(SECCOMP_RET_USER_NOTIF);
  RequireCall(p, SYS_munmap);
  RequireBelowEnd(p, 0, 1);
  p.Return(SECCOMP_RET_ALLOW);
  RequireCall(p, SYS_madvise);
  p.LoadArgument(2, true);
  p.Require(BPF_JEQ, 0);
  p.LoadArgument(2, false);
  p.Refuse(BPF_JEQ, MADV_MERGEABLE);
  p.Refuse(BPF_JGT, kMaxAdvice);
  RequireBelowEnd(p, 0, 1);
  p.Return(SECCOMP_RET_ALLOW);
  // On contexts: none may be inherited by a child, whatever the guest does.
  RequireCall(p, SYS_madvise);
  p.Return(SECCOMP_RET_USER_NOTIF);
  RequireCall(p, SYS_mremap);
  RequireBelowEnd(p, 0, 1);
  RequireBelowEnd(p, 4, 2);
  p.Return(SECCOMP_RET_ALLOW);
  RequireCall(p, SYS_mincore);
  p.Return(SECCOMP_RET_ALLOW);
  RequireCall(p, SYS_clone);
  p.Return(SECCOMP_RET_USER_NOTIF);
  // Large reads and writes of files, by descriptors that are not all the caller's.
  RequireCall(p, SYS_pread64);
  p.Return(SECCOMP_RET_USER_NOTIF);
  RequireCall(p, SYS_pwrite64);
  p.Return(SECCOMP_RET_USER_NOTIF);
  RequireCall(p, SYS_exit);
  p.Return(SECCOMP_RET_ALLOW);
  // What an answer in the stub does besides: nothing to anybody.
  RequireCall(p, SYS_sched_yield);
  p.Return(SECCOMP_RET_ALLOW);
  RequireCall(p, SYS_exit_group);
  p.Return(SECCOMP_RET_ALLOW);
  // About the caller itself.
  RequireCall(p, SYS_getrusage);
  p.LoadArgument(0, false);
  p.Require(BPF_JEQ, RUSAGE_THREAD);
  p.Return(SECCOMP_RET_ALLOW);
  RequireCall(p, SYS_prctl);
  p.LoadArgument(0, false);
  p.Require(BPF_JEQ, PR_SET_PDEATHSIG);
  p.LoadArgument(1, false);
  p.Require(BPF_JEQ, SIGKILL);
  p.Return(SECCOMP_RET_ALLOW);
  p.Return(SECCOMP_RET_KILL_PROCESS);
  return p.Take();
}

bool IsNotified(uint64_t number, const uint64_t* a) {
  auto below = [](uint64_t address, uint64_t length) {
    return (address >> 32) < kEndHigh && (length >> 32) < kEndHigh && (address >> 32) + (length >> 32) < kEndHigh;
  };
  switch (number) {
    case kHandOverCall:
    case SYS_clone:
    case SYS_pread64:
    case SYS_pwrite64: return true;
    case SYS_mmap: return (static_cast<uint32_t>(a[3]) & ~(kMayMap & ~kMustMap)) != kMustMap || !below(a[0], a[1]);
    case SYS_mprotect: return (static_cast<uint32_t>(a[2]) & ~static_cast<uint32_t>(PROT_READ | PROT_EXEC)) != 0 || !below(a[0], a[1]);
    case SYS_madvise: return a[2] > kMaxAdvice || a[2] == MADV_MERGEABLE || !below(a[0], a[1]);
    default: return false;
  }
}

std::vector<host::Rule> SentryRules(int proc_fd) {
  using host::ArgEquals;
  using host::ArgOneOf;
  std::vector<host::Rule> rules = {
      {"ioctl", {ArgOneOf(1, {SECCOMP_IOCTL_NOTIF_RECV, SECCOMP_IOCTL_NOTIF_SEND, kNotifSetFlags})}, "requests of stubs and their answers"},
      {"rt_sigreturn", {}, "a worker goes on after it was got out of a wait"},
      {"waitid", {}, "deaths of stubs"},
      {"wait4", {}, "the dead stub's process id is free again"},
      {"tgkill",
       {ArgOneOf(2, {0, kInterruptSignal, kKickSignal})},
       "interrupts a guest thread; gets a worker out of a wait; is a stub thread gone?"},
      {"kill", {ArgOneOf(1, {0, SIGKILL})}, "ends a stub; is it there?"},
      {"process_vm_readv", {}, "copies from guest memory"},
      {"process_vm_writev", {}, "copies to guest memory"},
      {"sendmsg", {ArgEquals(2, MSG_NOSIGNAL)}, "commands to the zygote, descriptors of mapped files"},
      {"recvmsg", {ArgEquals(2, MSG_CMSG_CLOEXEC)}, "the zygote's replies, listeners of blank stubs"},
      {"sched_setaffinity", {}, "a polling worker leaves the CPU of the guest thread that it waits for"},
      {"sched_getaffinity", {}, "the CPUs that we may use"},
      {"getcpu", {}, "the CPU of a polling worker, when the vdso can't tell"},
  };
  if (proc_fd >= 0) {
    rules.push_back({"openat",
                     {ArgEquals(0, static_cast<uint32_t>(proc_fd)), ArgEquals(2, O_RDONLY | O_CLOEXEC)},
                     "CPU time and resident size of a stub"});
  }
  return rules;
}

}  // namespace ringwall::platform::systrap
