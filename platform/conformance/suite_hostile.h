// Conformance: guests that try to get out of the box, or to break it.
#pragma once

#include <chrono>
#include <optional>

#include "platform/conformance/fixture.h"

namespace ringwall::platform::conformance {

TYPED_TEST_P(Conformance, PrivilegedInstructionsFault) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    auto faults = [&](const std::byte* program, int signo, const char* what) {
      guest->regs().rsp = kStackTop - 64;
      const Event event = guest->Run(program);
      EXPECT_EQ(event.kind, EventKind::kFault) << what;
      EXPECT_EQ(event.signo, signo) << what;
    };
    faults(code_hlt, 11, "hlt");
    faults(code_in, 11, "in");
    faults(code_out, 11, "out");
    faults(code_cli, 11, "cli");
    faults(code_int1, 11, "int $1");
    faults(code_bad_stack, 7, "push to a non-canonical stack");
    faults(code_misaligned_ss, 11, "bad selector");
    guest->regs().rip = At(code_call_loop);
    guest->regs().rsp = kStackTop - 64;
    guest->GoCall();
  });
}

TYPED_TEST_P(Conformance, ThirtyTwoBitGatesNeverReachTheHost) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    Event event = guest->Run(code_int80);
    EXPECT_EQ(event.kind, EventKind::kFault);
    EXPECT_EQ(event.signo, 11);
    EXPECT_EQ(guest->regs().rip, At(code_int80) + 5);
    // With a forged rcx it may pass for a 64-bit call: then it is one for the sentry, with the sentry's rules.
    event = guest->Run(code_int80_forged);
    EXPECT_TRUE(event.kind == EventKind::kFault || (event.kind == EventKind::kSyscall && guest->regs().syscall_number() == 39));
    event = guest->Run(code_sysenter);
    EXPECT_EQ(event.kind, EventKind::kFault);
    auto other = this->NewGuest();
    other->GoCall();
  });
}

TYPED_TEST_P(Conformance, LargeAndStrangeCallNumbersArrive) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    for (uint64_t number : {uint64_t{0x40000000} + 39, uint64_t{1} << 63, ~uint64_t{0}, uint64_t{0xffffffff}, uint64_t{60}, uint64_t{231},
                            uint64_t{15}, uint64_t{59}}) {
      guest->regs().rax = number;
      guest->regs().rip = At(code_call_loop);
      guest->GoCall();
      EXPECT_EQ(guest->regs().syscall_number() & 0xffffffff, number & 0xffffffff);
    }
  });
}

TYPED_TEST_P(Conformance, VsyscallPageGivesACallOrAFault) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    const Event event = guest->Run(code_call_vsyscall);
    if (event.kind == EventKind::kFault) {
      EXPECT_EQ(event.signo, 11);
      EXPECT_EQ(guest->regs().rip, 0xffffffffff600400u);
    } else {
      EXPECT_EQ(event.kind, EventKind::kSyscall);
      EXPECT_EQ(guest->regs().syscall_number(), 201u);
      guest->regs().set_result(1234);
      guest->GoCall();
      EXPECT_EQ(guest->regs().rbx, 1234u);
    }
    EXPECT_EQ(guest->Run(code_jump, 0xffffffffff600123).kind, EventKind::kFault);
    EXPECT_EQ(guest->Run(code_load, 0xffffffffff600000).kind, EventKind::kFault);
  });
}

// What a guest may do there ends at its own process: it faults, makes a call, or dies; bystanders and the platform go on.
TYPED_TEST_P(Conformance, ReachableStubHarmsOnlyItsOwnGuest) {
  if constexpr (!StubIsReachable<TypeParam>()) {
    GTEST_SKIP() << "this platform's stub is out of reach";
  } else {
    this->Drive([this] {
      auto bystander = this->NewGuest();
      EXPECT_TRUE(bystander->Poke(kData, 0x5eed));
      std::unique_ptr<Guest> guest = this->NewGuest();
      auto go = [&] {
        guest->thread->Resume();
        // It may run in circles there, as it may anywhere.
        std::optional<Event> event = guest->NextWithin(std::chrono::milliseconds(50));
        if (!event) {
          guest->thread->Interrupt();
          event = guest->NextWithin(std::chrono::seconds(1));
        }
        // Dead, or deaf: a forged rt_sigreturn(2) may block signals.
        if (!event || event->kind == EventKind::kExited) guest = this->NewGuest();
      };
      uint64_t jumps = 0;
      for (const uint64_t page : TypeParam::ReachablePages()) {
        guest->regs().rip = At(code_store), guest->regs().rdi = page + 8, guest->regs().rsi = 0x9090909090909090;
        go();
        for (uint64_t offset = 0; offset < kPageSize; offset += page >= TypeParam::kStubCode ? 1 : 64) {
          auto& r = guest->regs();
          r.rip = page + offset;
          // exit, munmap of everything, clone, mmap of a descriptor: what a forged call could want.
          constexpr uint64_t kNumbers[] = {60, 11, 56, 9, 186, 15, 10, 231};
          r.rax = kNumbers[jumps++ % 8];
          r.rbx = kData, r.rbp = kData + 64, r.rdi = kData, r.rsi = kPageSize, r.rdx = 1, r.r10 = 1, r.r8 = 1, r.r9 = 0;
          r.rsp = kStackTop - 64, r.eflags = arch::kFlagsAlwaysSet;
          go();
        }
      }
      EXPECT_EQ(bystander->Peek(kData), 0x5eedu);
      bystander->GoCall();
      EXPECT_TRUE(bystander->Apply(MapAnonymous(0xa00000, kPageSize)).ok());
      auto other = bystander->Fork();
      ASSERT_NE(other, nullptr);
      other->GoCall();
    });
  }
}

// Every byte above end(), as code with forged registers, and as data. Nothing there may run for the platform, change it, or end it.
TYPED_TEST_P(Conformance, PagesAboveEndAreHarmless) {
  if constexpr (StubIsReachable<TypeParam>()) GTEST_SKIP() << "ReachableStubHarmsOnlyItsOwnGuest is this platform's";
  this->Drive([this] {
    auto guest = this->NewGuest();
    const uint64_t end = guest->space().end();
    for (uint64_t page = end; page < 0x7ffffffff000; page += kPageSize) {
      Event event = guest->Run(code_store, page + 8, 0x9090909090909090);
      EXPECT_EQ(event.kind, EventKind::kFault) << std::hex << page;
      EXPECT_EQ(event.si_code, 1) << std::hex << page;
      for (uint64_t offset = 0; offset < 256; ++offset) {
        auto& r = guest->regs();
        r.rip = page + offset;
        r.rax = 60, r.rbx = kData, r.rbp = kData + 64, r.rdi = kData, r.rdx = 1, r.rsp = kStackTop - 64, r.eflags = arch::kFlagsAlwaysSet;
        // munmap of everything, as an op list of the guest's own.
        guest->Poke(kData, 11);
        guest->Poke(kData + 8, 0);
        guest->Poke(kData + 16, 0x7ffffffff000);
        event = guest->Go();
        EXPECT_TRUE(event.kind == EventKind::kFault || event.kind == EventKind::kSyscall) << std::hex << page + offset;
      }
    }
    guest->regs().rip = At(code_call_loop);
    guest->regs().rsp = kStackTop - 64;
    guest->GoCall();
    EXPECT_TRUE(guest->Apply(MapAnonymous(0xa00000, kPageSize)).ok());
    auto other = guest->Fork();
    ASSERT_NE(other, nullptr);
    other->GoCall();
  });
}

// Remote work in one thread while others of the same stub do what they can.
TYPED_TEST_P(Conformance, RemoteWorkBesideRunningThreads) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    std::vector<std::unique_ptr<Guest>> noise;
    for (int i = 0; i < 4; ++i) {
      noise.push_back(guest->Clone());
      ASSERT_NE(noise.back(), nullptr);
      noise.back()->handler = [](GuestThread& thread, const Event&) {
        thread.regs().rip = At(code_jump);
        thread.regs().rdi = thread.address_space().end() + thread.regs().r15 % 0xf000;
        thread.regs().r15 = thread.regs().r15 * 25214903917 + 11;
        thread.regs().rsp = kStackTop - 64;
        thread.regs().eflags = arch::kFlagsAlwaysSet;
        return Verdict::kResume;
      };
      noise.back()->regs().r15 = static_cast<uint64_t>(i);
      noise.back()->thread->Resume();
    }
    for (uint64_t i = 0; i < 500; ++i) {
      EXPECT_TRUE(guest->Apply(MapAnonymous(0x70000000, (1 + i % 5) * kPageSize)).ok());
      EXPECT_TRUE(guest->Poke(0x70000000, i));
      auto found = guest->space().CompareExchange(0x70000000, static_cast<uint32_t>(i), 1, guest->thread.get());
      EXPECT_TRUE(found.ok() && *found == i);
      noise[i % 4]->thread->Interrupt();
    }
    guest->GoCall();
  });
}

#define RINGWALL_CONFORMANCE_HOSTILE                                                                                                 \
  PrivilegedInstructionsFault, ThirtyTwoBitGatesNeverReachTheHost, LargeAndStrangeCallNumbersArrive, VsyscallPageGivesACallOrAFault, \
      PagesAboveEndAreHarmless, ReachableStubHarmsOnlyItsOwnGuest, RemoteWorkBesideRunningThreads

}  // namespace ringwall::platform::conformance
