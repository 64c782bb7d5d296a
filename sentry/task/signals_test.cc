// Signals as signal(7) has them: who takes them, what they interrupt, what stops and continues.
#include "sentry/task/test_world.h"

namespace ringwall::task::test {
namespace {

using signal::Bit;
constexpr int64_t kEINTR = -static_cast<int64_t>(Errno::kEINTR);

class Signals : public World {
 protected:
  // A child of init: init itself is protected from default actions.
  Signals() : task_(Fork(*init_)) {}
  RefPtr<Task> task_;
};

TEST_F(Signals, HandlerRunsOnAFrameAndReturns) {
  Catch(*task_, abi::kSIGUSR1);
  task_->regs().rbx = 4711;
  const uint64_t rip = task_->regs().rip, rsp = task_->regs().rsp;
  Send(*task_, abi::kSIGUSR1);
  ASSERT_TRUE(InHandler(*task_));
  EXPECT_EQ(task_->regs().rdi, static_cast<uint64_t>(abi::kSIGUSR1));
  EXPECT_EQ(task_->signal_mask(), Bit(abi::kSIGUSR1));
  EXPECT_EQ(*task_->memory().ReadValue<uint64_t>(task_->regs().rsp), kRestorer);
  task_->regs().rbx = 0;
  ReturnFromHandler(*task_);
  EXPECT_EQ(task_->regs().rbx, 4711u);
  EXPECT_EQ(task_->regs().rip, rip);
  EXPECT_EQ(task_->regs().rsp, rsp);
  EXPECT_EQ(task_->signal_mask(), 0u);
}

TEST_F(Signals, BlockedSignalWaitsUntilUnblocked) {
  Catch(*task_, abi::kSIGUSR1);
  task_->SetSignalMask(Bit(abi::kSIGUSR1));
  Send(*task_, abi::kSIGUSR1);
  Call(*task_, kNop);
  EXPECT_FALSE(InHandler(*task_));
  EXPECT_EQ(task_->PendingSignals(), Bit(abi::kSIGUSR1));
  task_->SetSignalMask(0);
  Call(*task_, kNop);
  EXPECT_TRUE(InHandler(*task_));
}

TEST_F(Signals, ReadIsInterruptedOrRestartedAsTheHandlerSays) {
  Catch(*task_, abi::kSIGUSR1);
  Call(*task_, kRead);
  ASSERT_TRUE(Parked(*task_));
  const uint64_t rip = task_->regs().rip;
  Send(*task_, abi::kSIGUSR1);
  ASSERT_TRUE(InHandler(*task_));
  ReturnFromHandler(*task_);
  EXPECT_EQ(ResultOf(*task_), kEINTR);
  EXPECT_EQ(task_->regs().rip, rip);

  Catch(*task_, abi::kSIGUSR1, abi::kSA_RESTART);
  Call(*task_, kRead);
  Send(*task_, abi::kSIGUSR1);
  ReturnFromHandler(*task_);
  EXPECT_EQ(task_->regs().rip, rip);  // 2 for the call, back 2 for the restart
  CallAgain(*task_);
  EXPECT_TRUE(Parked(*task_));
}

TEST_F(Signals, PauseNeverRestartsAfterAHandler) {
  Catch(*task_, abi::kSIGUSR1, abi::kSA_RESTART);
  Call(*task_, kPause);
  Send(*task_, abi::kSIGUSR1);
  ReturnFromHandler(*task_);
  EXPECT_EQ(ResultOf(*task_), kEINTR);
}

TEST_F(Signals, IgnoredSignalDisturbsNothing) {
  Call(*task_, kPause);
  Send(*task_, abi::kSIGCHLD);
  Send(*task_, abi::kSIGWINCH);
  SetAction(*task_, abi::kSIGUSR1, abi::kSIG_IGN);
  Send(*task_, abi::kSIGUSR1);
  EXPECT_TRUE(Parked(*task_));
}

TEST_F(Signals, DefaultActionEndsTheProcessAndTheParentLearnsOfIt) {
  Call(*task_, kPause);
  Send(*task_, abi::kSIGTERM);
  EXPECT_TRUE(Dead(*task_));
  EXPECT_EQ(Call(*init_, kWait, abi::kWEXITED), task_->tid());
  EXPECT_EQ(detail::LastWait().status, abi::SignalStatus(abi::kSIGTERM, false));
  EXPECT_EQ(Call(*init_, kWait, abi::kWEXITED), -static_cast<int64_t>(Errno::kECHILD));
}

TEST_F(Signals, SigkillEndsEveryThreadWhateverItDoes) {
  const RefPtr<Task> second = NewThread(*task_);
  const RefPtr<Task> third = NewThread(*task_);
  Call(*task_, kPause);
  Call(*second, kRead);
  Send(*task_, abi::kSIGKILL);
  EXPECT_TRUE(Dead(*task_));
  EXPECT_TRUE(Dead(*second));
  EXPECT_TRUE(Dead(*third));
  EXPECT_EQ(Call(*init_, kWait, abi::kWEXITED), task_->tid());
  EXPECT_EQ(detail::LastWait().status, abi::kSIGKILL);
}

TEST_F(Signals, InitHasNoDefaultActions) {
  Send(*init_, abi::kSIGTERM);
  EXPECT_FALSE(Dead(*init_));
  Call(*task_, kKill, 1, abi::kSIGKILL);
  EXPECT_FALSE(Dead(*init_));
  // Its own fault ends it.
  Fault(*init_, abi::kSIGSEGV);
  EXPECT_TRUE(Dead(*init_));
  EXPECT_TRUE(Dead(*task_));
}

TEST_F(Signals, OperatorsKillEndsInit) {
  EXPECT_TRUE(init_->thread_group().SendSignal(Info(abi::kSIGKILL, 0)).ok());
  platform_->Pump();
  EXPECT_TRUE(Dead(*init_));
}

TEST_F(Signals, FaultReachesItsHandlerOrKills) {
  Catch(*task_, abi::kSIGSEGV, abi::kSA_SIGINFO);
  Fault(*task_, abi::kSIGSEGV);
  ASSERT_TRUE(InHandler(*task_));
  const auto info = task_->memory().ReadValue<abi::SigInfo>(task_->regs().rsi);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->si_code, abi::kSEGV_MAPERR);
  EXPECT_EQ(info->fault().addr, 0xdead0u);
  Fault(*task_, abi::kSIGSEGV);  // blocked while its handler runs
  EXPECT_TRUE(Dead(*task_));
}

TEST_F(Signals, NoRoomForTheFrameIsAFault) {
  Catch(*task_, abi::kSIGUSR1);
  task_->regs().rsp = 0x5000;  // not mapped
  Send(*task_, abi::kSIGUSR1);
  EXPECT_TRUE(Dead(*task_));
  Call(*init_, kWait, abi::kWEXITED);
  EXPECT_EQ(detail::LastWait().status, abi::kSIGSEGV);
}

TEST_F(Signals, AlternateStackTakesHandlersThatAskForIt) {
  const abi::StackT stack{.ss_sp = 0x14000, .ss_flags = 0, .ss_size = 0x8000};
  ASSERT_TRUE(SetAltStack(*task_, stack, task_->regs().rsp).ok());
  Catch(*task_, abi::kSIGUSR1, abi::kSA_ONSTACK);
  Catch(*task_, abi::kSIGUSR2, abi::kSA_ONSTACK);
  Send(*task_, abi::kSIGUSR1);
  ASSERT_TRUE(InHandler(*task_));
  const uint64_t outer = task_->regs().rsp;
  EXPECT_TRUE(OnAltStack(task_->alt_stack, outer));
  EXPECT_TRUE(SetAltStack(*task_, stack, outer) == Errno::kEPERM);
  EXPECT_EQ(GetAltStack(*task_, outer).ss_flags, abi::kSS_ONSTACK);
  Send(*task_, abi::kSIGUSR2);
  EXPECT_LT(task_->regs().rsp, outer);
  EXPECT_TRUE(OnAltStack(task_->alt_stack, task_->regs().rsp));
  ReturnFromHandler(*task_);
  ReturnFromHandler(*task_);
  EXPECT_EQ(task_->regs().rsp, 0x1f000u);
}

TEST_F(Signals, ResetHandAndNoDefer) {
  Catch(*task_, abi::kSIGUSR1, abi::kSA_RESETHAND | abi::kSA_NODEFER, Bit(abi::kSIGUSR2));
  Send(*task_, abi::kSIGUSR1);
  ASSERT_TRUE(InHandler(*task_));
  EXPECT_EQ(task_->signal_mask(), Bit(abi::kSIGUSR2));
  Send(*task_, abi::kSIGUSR1);
  EXPECT_TRUE(Dead(*task_));
}

TEST_F(Signals, SuspendRestoresTheMaskAfterTheHandler) {
  Catch(*task_, abi::kSIGUSR1);
  task_->SetSignalMask(Bit(abi::kSIGUSR1) | Bit(abi::kSIGHUP));
  Call(*task_, kSuspend, Bit(abi::kSIGUSR2));
  ASSERT_TRUE(Parked(*task_));
  EXPECT_EQ(task_->signal_mask(), Bit(abi::kSIGUSR2));
  Send(*task_, abi::kSIGUSR1);
  ASSERT_TRUE(InHandler(*task_));
  EXPECT_EQ(task_->signal_mask(), Bit(abi::kSIGUSR1) | Bit(abi::kSIGUSR2));
  ReturnFromHandler(*task_);
  EXPECT_EQ(ResultOf(*task_), kEINTR);
  EXPECT_EQ(task_->signal_mask(), Bit(abi::kSIGUSR1) | Bit(abi::kSIGHUP));
}

TEST_F(Signals, GroupSignalGoesToAThreadThatDoesNotBlockIt) {
  Catch(*task_, abi::kSIGUSR1);
  const RefPtr<Task> second = NewThread(*task_);
  task_->SetSignalMask(Bit(abi::kSIGUSR1));
  Call(*second, kPause);
  Send(*task_, abi::kSIGUSR1);
  EXPECT_FALSE(InHandler(*task_));
  EXPECT_TRUE(InHandler(*second));
}

TEST_F(Signals, BlockingHandsAGroupSignalOver) {
  Catch(*task_, abi::kSIGUSR1);
  const RefPtr<Task> second = NewThread(*task_);
  task_->SetSignalMask(Bit(abi::kSIGUSR1));
  second->SetSignalMask(Bit(abi::kSIGUSR1));
  Send(*task_, abi::kSIGUSR1);
  second->SetSignalMask(0);
  task_->SetSignalMask(Bit(abi::kSIGUSR1) | Bit(abi::kSIGUSR2));
  Call(*second, kNop);
  EXPECT_TRUE(InHandler(*second));
}

TEST_F(Signals, SigwaitTakesBlockedSignalsAndTimesOut) {
  task_->SetSignalMask(Bit(abi::kSIGUSR1) | Bit(40));
  Call(*task_, kSigWait, Bit(abi::kSIGUSR1) | Bit(40));
  ASSERT_TRUE(Parked(*task_));
  Send(*task_, 40);
  EXPECT_EQ(ResultOf(*task_), 40);
  Call(*task_, kSigWait, Bit(abi::kSIGUSR1), 5'000'000);
  ASSERT_TRUE(PumpUntil([&] { return InGuest(*task_); }));
  EXPECT_EQ(ResultOf(*task_), -static_cast<int64_t>(Errno::kEAGAIN));
}

TEST_F(Signals, IgnoringDropsWhatIsPending) {
  task_->SetSignalMask(Bit(abi::kSIGUSR1));
  Send(*task_, abi::kSIGUSR1);
  SetAction(*task_, abi::kSIGUSR1, abi::kSIG_IGN);
  EXPECT_EQ(task_->PendingSignals(), 0u);
}

TEST_F(Signals, StopHoldsAllThreadsAndContinueReleasesThem) {
  const RefPtr<Task> second = NewThread(*task_);
  Call(*second, kPause);
  Send(*task_, abi::kSIGSTOP);
  EXPECT_TRUE(Stopped(*task_));
  EXPECT_TRUE(Stopped(*second));
  EXPECT_EQ(Call(*init_, kWait, abi::kWUNTRACED | abi::kWNOHANG), task_->tid());
  EXPECT_EQ(detail::LastWait().status, abi::StopStatus(abi::kSIGSTOP));
  EXPECT_EQ(Call(*init_, kWait, abi::kWUNTRACED | abi::kWNOHANG), 0);

  Catch(*task_, abi::kSIGUSR1);
  Send(*task_, abi::kSIGUSR1);
  EXPECT_TRUE(Stopped(*task_)) << "signals wait while the process is stopped";
  Send(*task_, abi::kSIGCONT);
  EXPECT_TRUE(InHandler(*task_));
  EXPECT_EQ(Call(*init_, kWait, abi::kWCONTINUED | abi::kWNOHANG), task_->tid());
  EXPECT_EQ(detail::LastWait().status, abi::kContinuedStatus);
  // The parked call had no handler: it is executed again.
  CallAgain(*second);
  EXPECT_TRUE(Parked(*second));
}

TEST_F(Signals, ParentHearsOfStopsUnlessItDeclines) {
  Catch(*init_, abi::kSIGCHLD);
  Send(*task_, abi::kSIGSTOP);
  EXPECT_TRUE(InHandler(*init_));
  ReturnFromHandler(*init_);
  Catch(*init_, abi::kSIGCHLD, abi::kSA_NOCLDSTOP);
  Send(*task_, abi::kSIGCONT);
  EXPECT_FALSE(InHandler(*init_));
}

TEST_F(Signals, ContinueBeforeTheStopWins) {
  task_->SetSignalMask(Bit(abi::kSIGTSTP));
  Send(*task_, abi::kSIGTSTP);
  Send(*task_, abi::kSIGCONT);
  EXPECT_EQ(task_->PendingSignals(), 0u);
  task_->SetSignalMask(0);
  Call(*task_, kNop);
  EXPECT_TRUE(InGuest(*task_));
}

TEST_F(Signals, KillEndsAStoppedProcess) {
  Send(*task_, abi::kSIGSTOP);
  Send(*task_, abi::kSIGTERM);
  EXPECT_TRUE(Stopped(*task_));
  Send(*task_, abi::kSIGKILL);
  EXPECT_TRUE(Dead(*task_));
}

TEST_F(Signals, TerminalStopDoesNothingInAnOrphanedGroup) {
  // A session of its own: nobody in it could continue the group.
  EXPECT_TRUE(SetSid(task_->thread_group()).ok());
  Send(*task_, abi::kSIGTSTP);
  EXPECT_TRUE(InGuest(*task_));
  Send(*task_, abi::kSIGSTOP);
  EXPECT_TRUE(Stopped(*task_));
}

TEST_F(Signals, OrphanedStoppedGroupIsHungUpAndContinued) {
  // shell (own session) -> job (own group, stopped); the shell dies.
  EXPECT_TRUE(SetSid(task_->thread_group()).ok());
  const RefPtr<Task> job = Fork(*task_);
  EXPECT_TRUE(SetPgid(task_->thread_group(), job->tid(), job->tid()).ok());
  Catch(*job, abi::kSIGHUP);
  Send(*job, abi::kSIGTSTP);
  ASSERT_TRUE(Stopped(*job));
  Call(*task_, kExit, 0);
  EXPECT_TRUE(InHandler(*job));
}

TEST_F(Signals, KillNeedsPermission) {
  Ref<cred::Credentials> user = MakeRef<cred::Credentials>();
  user->uid = user->euid = user->suid = 1000;
  task_->SetCreds(Ref<const cred::Credentials>(user));
  EXPECT_EQ(Call(*task_, kKill, 1, abi::kSIGTERM), -static_cast<int64_t>(Errno::kEPERM));
  EXPECT_EQ(Call(*task_, kKill, 12345, abi::kSIGTERM), -static_cast<int64_t>(Errno::kESRCH));
  EXPECT_EQ(Call(*task_, kKill, static_cast<uint64_t>(task_->tid()), 65), -static_cast<int64_t>(Errno::kEINVAL));
  EXPECT_EQ(Call(*task_, kKill, static_cast<uint64_t>(task_->tid()), 0), 0);
}

}  // namespace
}  // namespace ringwall::task::test
