// What a terminal needs to know about processes: implemented by the rooms above (task, kernel), registered at boot. Called without locks.
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/context/context.h"

namespace ringwall::tty {

class Terminal;

class JobControl {
 public:
  virtual ~JobControl() = default;
  virtual int32_t CallerPgrp(Context& ctx) = 0;
  virtual int32_t CallerSid(Context& ctx) = 0;
  // Numbers of groups and sessions as the caller's pid namespace has them, and back.
  virtual int32_t ToGuest(Context& ctx, int32_t id) {
    (void)ctx;
    return id;
  }
  virtual int32_t FromGuest(Context& ctx, int32_t id) {
    (void)ctx;
    return id;
  }
  virtual bool CallerIsSessionLeader(Context& ctx) = 0;
  // The caller's process group is orphaned: nobody could continue its jobs.
  virtual bool CallerIsOrphaned(Context& ctx) = 0;
  // The caller blocks or ignores the signal.
  virtual bool IsIgnoredOrBlocked(Context& ctx, int32_t signo) = 0;
  // Whether the process group exists and belongs to the session.
  enum class GroupState : uint8_t { kNone, kOtherSession, kInSession };
  virtual GroupState FindGroup(int32_t pgid, int32_t sid) = 0;
  // SI_KERNEL signal to every member; no effect when there is none.
  virtual void SignalGroup(int32_t pgid, int32_t signo) = 0;
  // To the leader of the session only.
  virtual void SignalSessionLeader(int32_t sid, int32_t signo) = 0;
  // The caller's session's controlling terminal; null when it has none.
  virtual RefPtr<Terminal> ControllingTerminal(Context& ctx) = 0;
  // Session `sid`'s controlling terminal; null takes it away.
  virtual void SetControllingTerminal(int32_t sid, RefPtr<Terminal> terminal) = 0;
};

// At boot, before the first terminal; lives as long as the kernel. Without one, terminals have no sessions and send no signals.
void SetJobControl(JobControl* job_control);
JobControl* GetJobControl();

}  // namespace ringwall::tty
