// seccomp(2) around the stubs. PTRACE_SYSEMU already keeps every guest call from the host, and seccomp isn't even asked then; this is the
// second wall, for the case that a stub ever runs without its tracer's consent: it may do what the blob does on the tracer's behalf,
// nothing else.
#include "platform/ptrace/filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstddef>

#include "platform/ptrace/guest/layout.h"
#include "platform/ptrace/tracer.h"

namespace ringwall::platform::ptrace {

const std::vector<StubRule>& StubRules() {
  using Test = StubRule::Test;
  static const std::vector<StubRule>* const rules = new std::vector<StubRule>{
      {SYS_mmap, Test::kHasBits, 3, MAP_FIXED, "guest mappings; the sentry chooses every address"},
      {SYS_munmap, Test::kAlways, 0, 0, "guest munmap"},
      {SYS_mprotect, Test::kAlways, 0, 0, "guest mprotect"},
      {SYS_madvise, Test::kAlways, 0, 0, "guest madvise; the zygote's message page is not inherited"},
      {SYS_mremap, Test::kAlways, 0, 0, "guest mremap; the blob moves to its place"},
      {SYS_mincore, Test::kAlways, 0, 0, "guest mincore"},
      {SYS_clone, Test::kEqual, 0, static_cast<uint32_t>(kThreadCloneFlags), "a further guest thread"},
      {SYS_clone, Test::kEqual, 0, static_cast<uint32_t>(kProcessCloneFlags), "guest fork, blank stubs"},
      {SYS_recvmsg, Test::kEqual, 0, kZygoteSocket, "the zygote takes a descriptor that guests will map"},
      {SYS_close, Test::kAtLeast, 0, kZygoteMemory + 1, "the zygote drops a descriptor of a mapped file"},
      {SYS_exit, Test::kAlways, 0, 0, "a guest thread ended"},
      {SYS_pause, Test::kAlways, 0, 0, "the doorbell sleeps"},
      {SYS_clock_nanosleep, Test::kAlways, 0, 0, "the ticker sleeps"},
      {SYS_restart_syscall, Test::kAlways, 0, 0, "the ticker's sleep goes on after a swallowed signal"},
  };
  return *rules;
}

std::vector<sock_filter> BuildStubFilter() {
  constexpr uint32_t kAllow = SECCOMP_RET_ALLOW;
  std::vector<sock_filter> program;
  auto statement = [&](uint16_t code, uint32_t k) { program.push_back(sock_filter{code, 0, 0, k}); };
  auto jump = [&](uint16_t code, uint32_t k, uint8_t if_true, uint8_t if_false) {
    program.push_back(sock_filter{static_cast<uint16_t>(BPF_JMP | code | BPF_K), if_true, if_false, k});
  };
  constexpr uint16_t kLoad = BPF_LD | BPF_W | BPF_ABS;

  statement(kLoad, offsetof(seccomp_data, arch));
  jump(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
  statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  for (const StubRule& rule : StubRules()) {
    statement(kLoad, offsetof(seccomp_data, nr));
    if (rule.test == StubRule::Test::kAlways) {
      jump(BPF_JEQ, rule.number, 0, 1);
      statement(BPF_RET | BPF_K, kAllow);
      continue;
    }
    jump(BPF_JEQ, rule.number, 0, 3);
    statement(kLoad, static_cast<uint32_t>(offsetof(seccomp_data, args) + 8 * rule.argument));
    const uint16_t test = rule.test == StubRule::Test::kEqual ? BPF_JEQ : rule.test == StubRule::Test::kAtLeast ? BPF_JGE : BPF_JSET;
    jump(test, rule.value, 0, 1);
    statement(BPF_RET | BPF_K, kAllow);
  }
  // The legacy vsyscall page is served by the host's page-fault handler, which asks seccomp but not ptrace: SIGSYS brings the call back
  // to the tracer, which makes an ordinary system-call event of it.
  for (uint32_t number : {SYS_gettimeofday, SYS_time, SYS_getcpu}) {
    statement(kLoad, offsetof(seccomp_data, nr));
    jump(BPF_JEQ, number, 0, 1);
    statement(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
  }
  statement(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  return program;
}

std::vector<host::Rule> TracerRules(int proc_fd) {
  using host::ArgEquals;
  using host::ArgOneOf;
  std::vector<host::Rule> rules = {
      {"ptrace",
       {ArgOneOf(0, {PTRACE_SYSEMU, PTRACE_CONT, PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_GETREGSET, PTRACE_SETREGSET, PTRACE_GETSIGINFO,
                     PTRACE_GET_SYSCALL_INFO, PTRACE_INTERRUPT})},
       "runs guest threads; new stubs are traced from birth, so PTRACE_SEIZE and PTRACE_ATTACH are not among them"},
      {"wait4", {}, "events and deaths of stubs"},
      {"tgkill", {ArgOneOf(2, {kInterruptSignal, kDoorbellSignal})}, "interrupts a guest thread; wakes the tracer"},
      {"kill", {ArgEquals(1, SIGKILL)}, "ends a stub"},
      {"process_vm_readv", {}, "copies from guest memory"},
      {"process_vm_writev", {}, "copies to guest memory"},
      {"sendmsg", {ArgEquals(2, MSG_NOSIGNAL)}, "gives the zygote the descriptor of a mapped file"},
      {"sched_setaffinity", {}, "keeps a guest thread that makes calls on the tracer's CPU"},
      {"sched_getaffinity", {}, "the CPUs that we may use"},
      {"getcpu", {}, "the tracer's CPU, when the vdso can't tell"},
  };
  if (proc_fd >= 0) {
    rules.push_back({"openat",
                     {ArgEquals(0, static_cast<uint32_t>(proc_fd)), ArgEquals(2, O_RDONLY | O_CLOEXEC)},
                     "CPU time and resident size of a stub"});
  }
  return rules;
}

}  // namespace ringwall::platform::ptrace
