// KernelTarget: the control socket's requests, carried out by the kernel.
#pragma once

#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/sync/mutex.h"
#include "sentry/control/target.h"
#include "sentry/kernel/kernel.h"
#include "sentry/tty/console.h"

namespace ringwall::boot {

class KernelTarget final : public control::ControlTarget {
 public:
  explicit KernelTarget(kernel::Kernel& kernel) : kernel_(kernel) {}
  // Boot, once each, before the first request can ask for it.
  void SetInit(Ref<task::ThreadGroup> init);
  void SetConsole(Ref<tty::Console> console);
  // The container's first process has exited with this wait(2) status.
  control::ExitBody InitExited(int32_t wait_status);
  int32_t init_pid() const;

  Result<void> Start() override;
  Result<void> Signal(int signo, control::SignalScope scope) override;
  control::StateBody State() override;
  Result<void> Resize(uint16_t rows, uint16_t columns) override;
  std::string UnimplementedReport() override;
  std::string TaskDump() override;
  void Shutdown() override;

 private:
  kernel::Kernel& kernel_;
  mutable Mutex<LockRank::kControl> mu_;
  RefPtr<task::ThreadGroup> init_ ABSL_GUARDED_BY(mu_);
  RefPtr<tty::Console> console_ ABSL_GUARDED_BY(mu_);
  control::StateBody state_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::boot
