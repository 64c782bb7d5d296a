// Conformance: system calls, faults, interrupts, registers and FPU state.
#pragma once

#include <cstring>

#include "platform/conformance/fixture.h"

namespace ringwall::platform::conformance {

TYPED_TEST_P(Conformance, SystemCallShowsItsArguments) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    auto& r = guest->regs();
    r.rax = 0x123, r.rdi = 1, r.rsi = 2, r.rdx = 3, r.r10 = 4, r.r8 = 5, r.r9 = 6;
    guest->GoCall();
    EXPECT_EQ(r.syscall_number(), 0x123u);
    for (int i = 0; i < 6; ++i) EXPECT_EQ(r.argument(i), static_cast<uint64_t>(i + 1));
    EXPECT_EQ(r.rip, At(code_call_loop) + 2);
    EXPECT_EQ(static_cast<int64_t>(r.rax), -38);
  });
}

TYPED_TEST_P(Conformance, RegistersSurviveACallExceptRcxR11Rax) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    auto& r = guest->regs();
    r.rbx = 0x1111111111111111, r.rbp = 0x2222, r.r12 = 0x3333, r.r13 = 0x4444, r.r14 = 0x5555, r.r15 = 0x6666666666666666;
    r.rdi = 1, r.rsi = 2, r.rdx = 3, r.r10 = 4, r.r8 = 5, r.r9 = 6, r.rax = 7;
    r.fs_base = 0x12345000, r.gs_base = 0x54321000;
    guest->GoCall();
    const arch::Registers before = r;
    r.set_result(static_cast<uint64_t>(-512));  // a restart code must mean nothing to the host
    guest->GoCall();
    EXPECT_EQ(r.syscall_number(), static_cast<uint64_t>(-512));
    EXPECT_EQ(r.rbx, before.rbx);
    EXPECT_EQ(r.rbp, before.rbp);
    EXPECT_EQ(r.rsp, before.rsp);
    for (int i = 0; i < 6; ++i) EXPECT_EQ(r.argument(i), before.argument(i));
    EXPECT_EQ(r.r12, before.r12);
    EXPECT_EQ(r.r13, before.r13);
    EXPECT_EQ(r.r14, before.r14);
    EXPECT_EQ(r.r15, before.r15);
    EXPECT_EQ(r.fs_base, 0x12345000u);
    EXPECT_EQ(r.gs_base, 0x54321000u);
    EXPECT_EQ(r.cs, arch::kUserCodeSelector);
    EXPECT_EQ(r.ss, arch::kUserDataSelector);
  });
}

TYPED_TEST_P(Conformance, RewoundCallRunsAgain) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    guest->regs().rax = 5;
    guest->GoCall();
    guest->regs().RewindSyscall(219);
    guest->GoCall();
    EXPECT_EQ(guest->regs().syscall_number(), 219u);
    EXPECT_EQ(guest->regs().rip, At(code_call_loop) + 2);
  });
}

TYPED_TEST_P(Conformance, ResumeVerdictRunsOnWithoutParking) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    int calls = 0;
    std::atomic<bool> done{false};
    guest->handler = [&](GuestThread& thread, const Event& event) {
      EXPECT_EQ(event.kind, EventKind::kSyscall);
      EXPECT_EQ(thread.regs().syscall_number(), 110u);
      thread.regs().set_result(1);
      if (++calls < 1000) return Verdict::kResume;
      done = true;
      done.notify_all();
      return Verdict::kPark;
    };
    guest->regs().rip = At(code_getppid_loop);
    guest->thread->Resume();
    done.wait(false);
    EXPECT_EQ(calls, 1000);
  });
}

TYPED_TEST_P(Conformance, FaultsCarryAddressAndCode) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    auto expect = [&](const std::byte* program, uint64_t rdi, int signo, int code, uint64_t address, const char* what) {
      guest->regs().rsp = kStackTop - 64;
      const Event event = guest->Run(program, rdi, 1);
      EXPECT_EQ(event.kind, EventKind::kFault) << what;
      EXPECT_EQ(event.signo, signo) << what;
      EXPECT_EQ(event.si_code, code) << what;
      EXPECT_EQ(event.fault_address, address) << what;
      EXPECT_EQ(guest->regs().orig_rax, ~uint64_t{0}) << what;
    };
    constexpr int kMapErr = 1, kAccErr = 2, kKernel = 0x80;
    expect(code_load, 0x10000, 11, kMapErr, 0x10000, "load from nowhere");
    expect(code_store, 8, 11, kMapErr, 8, "store near null");
    expect(code_store, kCodeBase, 11, kAccErr, kCodeBase, "store to read-only");
    expect(code_jump, kData, 11, kAccErr, kData, "jump to data");
    EXPECT_EQ(guest->regs().rip, kData);
    expect(code_load, 0x8000000000000000, 11, kKernel, 0, "non-canonical load");
    expect(code_load, 0xffff800000000000, 11, kMapErr, 0xffff800000000000, "kernel half");
    expect(code_divide, 0, 8, 1, guest->regs().rip = At(code_divide) + 4, "divide by zero");
    expect(code_ud2, 0, 4, 2, At(code_ud2), "ud2");
    expect(code_int3, 0, 5, kKernel, 0, "int3");
    EXPECT_EQ(guest->regs().rip, At(code_int3) + 1);
  });
}

TYPED_TEST_P(Conformance, TouchingAMappingBehindEndOfFileIsABusError) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    Ref<SharedFd> file = World::MemoryFile(kPageSize);
    EXPECT_TRUE(guest->Apply(MapFile(0xa00000, 2 * kPageSize, *file, 0, true)).ok());
    const Event event = guest->Run(code_load, 0xa00000 + kPageSize);
    EXPECT_EQ(event.kind, EventKind::kFault);
    EXPECT_EQ(event.signo, 7);
    EXPECT_EQ(event.si_code, 2);
    EXPECT_EQ(event.fault_address, 0xa00000 + kPageSize);
    std::byte byte;
    EXPECT_EQ(guest->space().Read(0xa00000 + kPageSize, absl::MakeSpan(&byte, 1)), 0u);
  });
}

TYPED_TEST_P(Conformance, TrapFlagStepsTheGuest) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    Event event = guest->Run(code_trap_flag);
    EXPECT_EQ(event.kind, EventKind::kFault);
    EXPECT_EQ(event.signo, 5);
    EXPECT_NE(guest->regs().eflags & 0x100, 0u);
    guest->regs().eflags &= ~uint64_t{0x100};
    guest->GoCall();
  });
}

TYPED_TEST_P(Conformance, InterruptReachesASpinningThread) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    guest->regs().rip = At(code_spin);
    for (int i = 0; i < 50; ++i) {
      guest->regs().rbx = static_cast<uint64_t>(i);
      guest->thread->Resume();
      if (i % 2 == 0) std::this_thread::sleep_for(std::chrono::microseconds(300));
      guest->thread->Interrupt();
      EXPECT_EQ(guest->Next().kind, EventKind::kInterrupt);
      EXPECT_EQ(guest->regs().rbx, static_cast<uint64_t>(i));
      EXPECT_EQ(guest->regs().orig_rax, ~uint64_t{0});
    }
  });
}

TYPED_TEST_P(Conformance, InterruptOfAParkedThreadIsAtMostOneSpuriousEvent) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    guest->GoCall();
    for (int i = 0; i < 10; ++i) guest->thread->Interrupt();
    Event event = guest->Go();
    if (event.kind == EventKind::kInterrupt) event = guest->Go();
    EXPECT_EQ(event.kind, EventKind::kSyscall);
  });
}

TYPED_TEST_P(Conformance, PostGivesReadyOnAWorker) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    guest->GoCall();
    std::atomic<int> on_worker{-1};
    const auto parked = guest->regs();
    guest->handler = [&](GuestThread&, const Event& event) {
      EXPECT_EQ(event.kind, EventKind::kReady);
      on_worker = this->world().platform().OnWorker() ? 1 : 0;
      on_worker.notify_all();
      return Verdict::kPark;
    };
    EXPECT_FALSE(this->world().platform().OnWorker());
    guest->thread->Post();
    on_worker.wait(-1);
    EXPECT_EQ(on_worker, 1);
    EXPECT_EQ(guest->regs().rip, parked.rip);
    EXPECT_EQ(guest->regs().orig_rax, parked.orig_rax);
  });
}

TYPED_TEST_P(Conformance, PostFromWithinTheSinkIsNotLost) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    std::atomic<int> ready{0};
    guest->handler = [&](GuestThread& thread, const Event& event) {
      if (event.kind == EventKind::kSyscall) {
        thread.Post();
        return Verdict::kPark;
      }
      EXPECT_EQ(event.kind, EventKind::kReady);
      if (++ready < 100) return Verdict::kResume;
      ready.notify_all();
      return Verdict::kPark;
    };
    guest->thread->Resume();
    for (int seen = ready; seen < 100; seen = ready) ready.wait(seen);
  });
}

TYPED_TEST_P(Conformance, FpStateRoundTrip) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    for (uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(guest->Poke(kData + 8 * i, 0x1000 + i));
    EXPECT_EQ(guest->Run(code_avx, kData).kind, EventKind::kSyscall);
    auto saved = std::make_unique<arch::FpState>();
    EXPECT_TRUE(guest->thread->GetFpState(*saved).ok());
    EXPECT_GE(saved->size, 832u);
    guest->GoCall();
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(guest->Peek(kData + 8 * i), 2 * (0x1000 + i));
    // Into another process.
    auto other = this->NewGuest();
    EXPECT_TRUE(other->thread->SetFpState(*saved).ok());
    EXPECT_EQ(other->Run(code_store_avx, kData).kind, EventKind::kSyscall);
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(other->Peek(kData + 8 * i), 0x1000 + i);
    // Back to the initial state.
    arch::FpState initial;
    EXPECT_TRUE(other->thread->SetFpState(initial).ok());
    EXPECT_EQ(other->Run(code_store_avx, kData).kind, EventKind::kSyscall);
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(other->Peek(kData + 8 * i), 0u);
  });
}

TYPED_TEST_P(Conformance, FpStateWithReservedBitsIsRefused) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    auto state = std::make_unique<arch::FpState>();
    EXPECT_TRUE(guest->thread->GetFpState(*state).ok());
    auto bad = std::make_unique<arch::FpState>(*state);
    std::memset(bad->area.data() + 24, 0xff, 4);  // MXCSR
    EXPECT_EQ(guest->thread->SetFpState(*bad), Errno::kEINVAL);
    *bad = *state;
    bad->area[512 + 7] = std::byte{0xff};  // unknown features
    EXPECT_EQ(guest->thread->SetFpState(*bad), Errno::kEINVAL);
    *bad = *state;
    bad->area[512 + 40] = std::byte{1};  // reserved header bytes
    EXPECT_EQ(guest->thread->SetFpState(*bad), Errno::kEINVAL);
    bad->size = 100;
    EXPECT_EQ(guest->thread->SetFpState(*bad), Errno::kEINVAL);
    guest->GoCall();
  });
}

TYPED_TEST_P(Conformance, RegistersThatNoProgramMayLoadBecomeAFault) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    guest->GoCall();
    auto bad = [&](auto set) {
      const arch::Registers good = guest->regs();
      set(guest->regs());
      const Event event = guest->Go();
      EXPECT_EQ(event.kind, EventKind::kFault);
      EXPECT_EQ(event.signo, 11);
      guest->regs() = good;
      guest->GoCall();
    };
    bad([](arch::Registers& r) { r.cs = 0x10; });
    bad([](arch::Registers& r) { r.ss = 0x18; });
    bad([](arch::Registers& r) { r.fs_base = 0x8000000000000000; });
    bad([](arch::Registers& r) { r.rip = 0x8000000000000000; });
    bad([](arch::Registers& r) { r.rip = 0xffffffff81000000; });
  });
}

TYPED_TEST_P(Conformance, CpuTimeGrows) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    EXPECT_EQ(guest->Run(code_compute, 50'000'000).kind, EventKind::kSyscall);
    const uint64_t used = guest->thread->CpuTimeNs();
    EXPECT_GT(used, 2'000'000u);
    EXPECT_LT(used, 5'000'000'000u);
  });
}

#define RINGWALL_CONFORMANCE_CALLS                                                                                                   \
  SystemCallShowsItsArguments, RegistersSurviveACallExceptRcxR11Rax, RewoundCallRunsAgain, ResumeVerdictRunsOnWithoutParking,        \
      FaultsCarryAddressAndCode, TouchingAMappingBehindEndOfFileIsABusError, TrapFlagStepsTheGuest, InterruptReachesASpinningThread, \
      InterruptOfAParkedThreadIsAtMostOneSpuriousEvent, PostGivesReadyOnAWorker, PostFromWithinTheSinkIsNotLost, FpStateRoundTrip,   \
      FpStateWithReservedBitsIsRefused, RegistersThatNoProgramMayLoadBecomeAFault, CpuTimeGrows

}  // namespace ringwall::platform::conformance
