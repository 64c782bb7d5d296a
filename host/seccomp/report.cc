// SIGSYS of a forbidden host call: its name goes to the log, then the process ends.
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>

#include "base/log/check.h"
#include "base/log/log.h"
#include "host/seccomp/compile.h"
#include "host/seccomp/precompiled.h"

namespace ringwall::host {
namespace {

constexpr int kNameCount = 512;
// Filled once: libseccomp allocates when it resolves a number, which a signal handler may not do.
const char* g_names[kNameCount];
std::atomic<bool> g_names_ready{false};
std::atomic<const char*> g_process{"ringwall"};

class Line {
 public:
  Line& Text(const char* text) {
    while (*text != '\0' && used_ + 1 < sizeof(buffer_)) buffer_[used_++] = *text++;
    return *this;
  }
  Line& Number(uint64_t value, unsigned base) {
    char digits[24];
    int n = 0;
    do digits[n++] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    if (base == 16) Text("0x");
    while (n > 0 && used_ + 1 < sizeof(buffer_)) buffer_[used_++] = digits[--n];
    return *this;
  }
  const char* text() const { return buffer_; }

 private:
  char buffer_[400] = {};
  size_t used_ = 0;
};

void OnSigsys(int, siginfo_t* info, void* context) {
  const auto* regs = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs;
  const char* name = HostCallName(info->si_syscall);
  Line line;
  line.Text(g_process.load()).Text(": forbidden host call ").Text(name != nullptr ? name : "?").Text(" (");
  line.Number(static_cast<uint32_t>(info->si_syscall), 10).Text("), arguments");
  for (const int reg : {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9}) {
    line.Text(" ").Number(static_cast<uint64_t>(regs[reg]), 16);
  }
  line.Text(", at ").Number(reinterpret_cast<uint64_t>(info->si_call_addr), 16);
  RawLog(line.text());
  for (;;) ::syscall(SYS_exit_group, kForbiddenCallExitStatus);
}

}  // namespace

void PrepareHostCallNames() {
  if (g_names_ready.load(std::memory_order_acquire) || !GetPrecompiledTable().names_offsets.empty()) return;
  for (int i = 0; i < kNameCount; ++i) {
    if (g_names[i] == nullptr) g_names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
  }
  g_names_ready.store(true, std::memory_order_release);
}

const char* HostCallName(int number) {
  const PrecompiledTable table = GetPrecompiledTable();
  if (number >= 0 && static_cast<size_t>(number) < table.names_offsets.size()) {
    const uint16_t offset = table.names_offsets[static_cast<size_t>(number)];
    return offset == 0 ? nullptr : table.names_text + offset;
  }
  if (number < 0 || number >= kNameCount || !g_names_ready.load(std::memory_order_acquire)) return nullptr;
  return g_names[number];
}

void InstallForbiddenCallReporter(const char* process) {
  PrepareHostCallNames();
  g_process.store(process);
  struct sigaction action = {};
  action.sa_sigaction = OnSigsys;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  if (::sigaction(SIGSYS, &action, nullptr) != 0) HostFatal("sigaction", errno);
  // A blocked SIGSYS would kill without a word.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGSYS);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace ringwall::host
