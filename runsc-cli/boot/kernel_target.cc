// KernelTarget: start, signal, state, resize, reports, shutdown.
#include "runsc-cli/boot/kernel_target.h"

#include <utility>

#include "abi/signal.h"
#include "abi/termios.h"
#include "abi/wait.h"
#include "sentry/observe/unimplemented.h"

namespace ringwall::boot {

void KernelTarget::SetInit(Ref<task::ThreadGroup> init) {
  MutexLock lock(mu_);
  init_ = std::move(init);
}

void KernelTarget::SetConsole(Ref<tty::Console> console) {
  MutexLock lock(mu_);
  console_ = std::move(console);
}

int32_t KernelTarget::init_pid() const {
  MutexLock lock(mu_);
  return init_ ? init_->pid() : 0;
}

control::ExitBody KernelTarget::InitExited(int32_t wait_status) {
  control::ExitBody body;
  if (abi::StatusSignaled(wait_status)) {
    body.signal = abi::StatusTermSignal(wait_status);
  } else {
    body.code = abi::StatusExitCode(wait_status);
  }
  MutexLock lock(mu_);
  state_.status = control::ContainerStatus::kStopped;
  state_.exit = body;
  return body;
}

Result<void> KernelTarget::Start() {
  RefPtr<task::ThreadGroup> init;
  {
    MutexLock lock(mu_);
    if (state_.status != control::ContainerStatus::kCreated || !init_) return Errno::kEINVAL;
    state_.status = control::ContainerStatus::kRunning;
    init = init_;
  }
  kernel_.platform().RunOnWorker([this, init] { kernel_.StartProcess(*init); });
  return {};
}

Result<void> KernelTarget::Signal(int signo, control::SignalScope scope) {
  if (!abi::IsValidSignal(signo)) return Errno::kEINVAL;
  RefPtr<task::ThreadGroup> init;
  bool unborn = false;
  {
    MutexLock lock(mu_);
    if (state_.status == control::ContainerStatus::kStopped || !init_) return Errno::kESRCH;
    init = init_;
    // A container that was created but never started can be killed too: its program starts, and ends before its first instruction.
    unborn = state_.status == control::ContainerStatus::kCreated && signo == abi::kSIGKILL;
    if (unborn) state_.status = control::ContainerStatus::kRunning;
  }
  abi::SigInfo info{};
  info.si_signo = signo;
  info.si_code = abi::kSI_KERNEL;  // from outside the pid namespace: init can't be immune to SIGKILL
  kernel_.platform().RunOnWorker([this, init, info, scope, unborn] {
    if (unborn) {
      (void)init->SendSignal(info).ok();
      kernel_.StartProcess(*init);
      return;
    }
    if (scope == control::SignalScope::kInit) {
      (void)init->SendSignal(info).ok();
      return;
    }
    for (const Ref<task::ThreadGroup>& group : kernel_.pids().AllGroups()) (void)group->SendSignal(info).ok();
  });
  return {};
}

control::StateBody KernelTarget::State() {
  MutexLock lock(mu_);
  return state_;
}

Result<void> KernelTarget::Resize(uint16_t rows, uint16_t columns) {
  RefPtr<tty::Console> console;
  {
    MutexLock lock(mu_);
    console = console_;
  }
  if (!console) return Errno::kENOTTY;
  kernel_.platform().RunOnWorker([console, rows, columns] { console->Resize({.ws_row = rows, .ws_col = columns}); });
  return {};
}

std::string KernelTarget::UnimplementedReport() { return kernel_.unimplemented().Text(); }

std::string KernelTarget::TaskDump() { return kernel_.DumpTasks(); }

void KernelTarget::Shutdown() {
  kernel_.platform().RunOnWorker([this] { kernel_.Shutdown(); });
}

}  // namespace ringwall::boot
