// TtyJobControl: what terminals ask about processes, answered from the pid table.
#pragma once

#include "sentry/kernel/kernel.h"
#include "sentry/tty/job_control.h"

namespace ringwall::kernel {

class TtyJobControl final : public tty::JobControl {
 public:
  explicit TtyJobControl(Kernel& kernel) : kernel_(kernel) {}
  int32_t CallerPgrp(Context& ctx) override;
  int32_t CallerSid(Context& ctx) override;
  int32_t ToGuest(Context& ctx, int32_t id) override;
  int32_t FromGuest(Context& ctx, int32_t id) override;
  bool CallerIsSessionLeader(Context& ctx) override;
  bool CallerIsOrphaned(Context& ctx) override;
  bool IsIgnoredOrBlocked(Context& ctx, int32_t signo) override;
  GroupState FindGroup(int32_t pgid, int32_t sid) override;
  void SignalGroup(int32_t pgid, int32_t signo) override;
  void SignalSessionLeader(int32_t sid, int32_t signo) override;
  RefPtr<tty::Terminal> ControllingTerminal(Context& ctx) override;
  void SetControllingTerminal(int32_t sid, RefPtr<tty::Terminal> terminal) override;

  // At boot: makes terminals and the task ring know each other through `job_control`, which lives as long as the kernel.
  static void Install(TtyJobControl& job_control);

 private:
  Kernel& kernel_;
};

}  // namespace ringwall::kernel
