// Job control as terminals see it.
#include "sentry/kernel/tty_job_control.h"

#include <utility>

#include "abi/signal.h"
#include "sentry/signal/pending.h"
#include "sentry/task/job_control.h"
#include "sentry/task/pid_table.h"
#include "sentry/task/signals.h"
#include "sentry/task/task.h"
#include "sentry/tty/tty.h"

namespace ringwall::kernel {
namespace {

abi::SigInfo KernelSignal(int32_t signo) {
  abi::SigInfo info{};
  info.si_signo = signo;
  info.si_code = abi::kSI_KERNEL;
  return info;
}

// The leader of a session has died with its controlling terminal; only terminals are ever stored in a session.
void HangUp(Kernel&, task::Session& session, RefCounted& terminal) { static_cast<tty::Terminal&>(terminal).SessionLeaderDied(session.sid); }

// A container's first process starts in possession of its console.
void Adopt(task::ThreadGroup& group, vfs::File& file) {
  const RefPtr<tty::Terminal> terminal = tty::TerminalOf(file);
  if (!terminal) return;
  terminal->AdoptSession(group.pid(), group.pid());
  tty::GetJobControl()->SetControllingTerminal(group.pid(), terminal);
}

}  // namespace

void TtyJobControl::Install(TtyJobControl& job_control) {
  tty::SetJobControl(&job_control);
  task::SetTerminalHooks({.hang_up = &HangUp, .adopt = &Adopt});
}

int32_t TtyJobControl::CallerPgrp(Context& ctx) {
  task::Task* task = ctx.AsTask();
  if (task == nullptr) return 0;
  auto pgid = task::GetPgid(task->thread_group(), 0);
  return pgid.ok() ? *pgid : 0;
}

int32_t TtyJobControl::CallerSid(Context& ctx) {
  task::Task* task = ctx.AsTask();
  if (task == nullptr) return 0;
  auto sid = task::GetSid(task->thread_group(), 0);
  return sid.ok() ? *sid : 0;
}

int32_t TtyJobControl::ToGuest(Context& ctx, int32_t id) { return ctx.AsTask() != nullptr ? ctx.AsTask()->ToGuestPid(id) : id; }
int32_t TtyJobControl::FromGuest(Context& ctx, int32_t id) { return ctx.AsTask() != nullptr ? ctx.AsTask()->ToKernelPid(id) : id; }

bool TtyJobControl::CallerIsSessionLeader(Context& ctx) { return ctx.AsTask() != nullptr && CallerSid(ctx) == ctx.tgid(); }

bool TtyJobControl::CallerIsOrphaned(Context& ctx) {
  task::Task* task = ctx.AsTask();
  return task != nullptr && task::IsOrphaned(task->thread_group());
}

bool TtyJobControl::IsIgnoredOrBlocked(Context& ctx, int32_t signo) {
  task::Task* task = ctx.AsTask();
  if (task == nullptr) return true;
  if ((task->signal_mask() & abi::SigMask(signo)) != 0) return true;
  const Ref<signal::SignalHandlers> handlers = task->thread_group().handlers();
  MutexLock lock(handlers->mu);
  return handlers->actions[static_cast<size_t>(signo)].handler == abi::kSIG_IGN;
}

tty::JobControl::GroupState TtyJobControl::FindGroup(int32_t pgid, int32_t sid) {
  task::PidTable& pids = kernel_.pids();
  MutexLock lock(pids.mu());
  const RefPtr<task::ProcessGroup> group = pids.FindProcessGroupLocked(pgid);
  if (!group) return GroupState::kNone;
  return group->session->sid == sid ? GroupState::kInSession : GroupState::kOtherSession;
}

void TtyJobControl::SignalGroup(int32_t pgid, int32_t signo) {
  (void)task::SignalProcessGroup(kernel_.pids(), pgid, KernelSignal(signo)).ok();
}

void TtyJobControl::SignalSessionLeader(int32_t sid, int32_t signo) {
  if (const RefPtr<task::ThreadGroup> leader = kernel_.pids().FindGroup(sid)) (void)leader->SendSignal(KernelSignal(signo)).ok();
}

RefPtr<tty::Terminal> TtyJobControl::ControllingTerminal(Context& ctx) {
  task::Task* task = ctx.AsTask();
  if (task == nullptr) return nullptr;
  task::PidTable& pids = kernel_.pids();
  MutexLock lock(pids.mu());
  const RefPtr<task::ProcessGroup>& group = pids.FamilyOf(task->thread_group()).group;
  if (!group) return nullptr;
  // Only terminals are ever stored there.
  return RefPtr<tty::Terminal>::Share(static_cast<tty::Terminal*>(group->session->terminal.get()));
}

void TtyJobControl::SetControllingTerminal(int32_t sid, RefPtr<tty::Terminal> terminal) {
  RefPtr<RefCounted> next = terminal;
  task::PidTable& pids = kernel_.pids();
  MutexLock lock(pids.mu());
  if (const RefPtr<task::Session> session = pids.FindSessionLocked(sid)) std::swap(session->terminal, next);
}

}  // namespace ringwall::kernel
