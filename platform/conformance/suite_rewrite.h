// Conformance: rewritten calls, for platforms that have a call_entry().
#pragma once

#include <algorithm>
#include <cstring>

#include "platform/conformance/fixture.h"

namespace ringwall::platform::conformance {

// A guest at a program that calls through the entry; null: not on this platform.
inline std::unique_ptr<Guest> Rewritten(std::unique_ptr<Guest> guest, const std::byte* program) {
  if (guest->space().call_entry() == 0) return nullptr;
  guest->regs().r15 = guest->space().call_entry();
  guest->regs().rip = At(program);
  return guest;
}
#define RINGWALL_REWRITTEN(program)                         \
  auto guest = Rewritten(this->NewGuest(), code_##program); \
  if (guest == nullptr) GTEST_SKIP() << "calls are not rewritten here"

TYPED_TEST_P(Conformance, RewrittenCallLooksLikeATrappedOne) {
  this->Drive([this] {
    RINGWALL_REWRITTEN(rewritten_loop);
    auto& r = guest->regs();
    r.rbx = 0x1111111111111111, r.rbp = 0x2222, r.r12 = 7, r.r13 = 0x4444, r.r14 = 0x5555;
    r.rdi = 1, r.rsi = 2, r.rdx = 3, r.r10 = 4, r.r8 = 5, r.r9 = 6;
    r.fs_base = 0x12345000;
    for (uint64_t i = 8; i < 12; ++i) {
      const Event event = guest->Go();
      EXPECT_EQ(event.kind, EventKind::kSyscall);
      EXPECT_FALSE(event.trapped);
      EXPECT_EQ(r.syscall_number(), 110u);
      EXPECT_EQ(static_cast<int64_t>(r.rax), -38);
      for (int a = 0; a < 6; ++a) EXPECT_EQ(r.argument(a), static_cast<uint64_t>(a + 1));
      EXPECT_EQ(r.rcx, r.rip);
      EXPECT_EQ(r.r11, r.eflags);
      EXPECT_EQ(r.r12, i);
      EXPECT_EQ(r.rbx, 0x1111111111111111u);
      EXPECT_EQ(r.rbp, 0x2222u);
      EXPECT_EQ(r.rsp, kStackTop - 64);
      EXPECT_EQ(r.r13, 0x4444u);
      EXPECT_EQ(r.r14, 0x5555u);
      EXPECT_EQ(r.fs_base, 0x12345000u);
      EXPECT_EQ(r.gs_base, 0u);
    }
    // Anywhere else, with any registers.
    guest->Run(code_call_loop, 99);
    EXPECT_EQ(r.rip, At(code_call_loop) + 2);
    EXPECT_EQ(r.rdi, 99u);
  });
}

TYPED_TEST_P(Conformance, RewrittenCallKeepsVectorRegistersAndFlags) {
  this->Drive([this] {
    RINGWALL_REWRITTEN(rewritten_avx);
    for (int round = 0; round < 4; ++round) {
      for (uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(guest->Poke(kData + 8 * i, 0x1000 + i));
      EXPECT_EQ(guest->Run(code_rewritten_avx, kData).kind, EventKind::kSyscall);
      uint64_t factor = 2;
      if (round == 1) {
        auto seen = std::make_unique<arch::FpState>();
        EXPECT_TRUE(guest->thread->GetFpState(*seen).ok());
      } else if (round == 2) {
        EXPECT_TRUE(guest->thread->SetFpState(arch::FpState{}).ok());
        factor = 0;
      } else if (round == 3) {
        // A child has them, too; only the child goes on.
        auto child = guest->Fork();
        EXPECT_EQ(child->Go().kind, EventKind::kSyscall);
        EXPECT_EQ(child->regs().rsi, ~uint64_t{0});
        for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(child->Peek(kData + 8 * i), 2 * (0x1000 + i));
        auto thread = guest->Clone();
        thread->regs().rdi = kData + 64;
        EXPECT_EQ(thread->Go().kind, EventKind::kSyscall);
        for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(guest->Peek(kData + 64 + 8 * i), 2 * (0x1000 + i));
      }
      guest->GoCall();
      EXPECT_EQ(guest->regs().rsi, ~uint64_t{0}) << "the carry";
      for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(guest->Peek(kData + 8 * i), factor * (0x1000 + i)) << round;
    }
  });
}

TYPED_TEST_P(Conformance, RewrittenCallsAndInterruptsDoNotMeet) {
  this->Drive([this] {
    RINGWALL_REWRITTEN(rewritten_loop);
    const uint64_t entry = guest->space().call_entry();
    std::atomic<uint64_t> calls{0}, interrupts{0};
    std::atomic<bool> stop{false}, parked{false};
    guest->regs().r12 = 0;
    guest->regs().rbx = 0xabcdef;
    guest->handler = [&](GuestThread& thread, const Event& event) {
      arch::Registers& r = thread.regs();
      if (event.kind == EventKind::kCallEntry) {
        // What the sentry does with a RewriteTable.
        uint64_t back = 0;
        EXPECT_EQ(thread.address_space().Read(r.rip, absl::MakeSpan(reinterpret_cast<std::byte*>(&back), 8)), 8u);
        r.rip = r.rcx = back;
      }
      if (event.kind == EventKind::kSyscall || event.kind == EventKind::kCallEntry) {
        EXPECT_EQ(r.r12, ++calls);
      } else {
        EXPECT_EQ(event.kind, EventKind::kInterrupt);
        ++interrupts;
      }
      EXPECT_EQ(r.rbx, 0xabcdefu);
      EXPECT_EQ(r.r15, entry);
      EXPECT_EQ(r.rsp, kStackTop - 64);
      EXPECT_GE(r.rip, At(code_rewritten_loop));
      EXPECT_LT(r.rip, At(code_rewritten_loop) + 64);
      if (stop || testing::Test::HasFailure()) {
        parked = true;
        parked.notify_all();
        return Verdict::kPark;
      }
      return Verdict::kResume;
    };
    guest->thread->Resume();
    // In every place: soon after one another, and with time to get further.
    for (int i = 0; i < 200'000 && calls < 10'000 && !parked; ++i) {
      guest->thread->Interrupt();
      for (int spin = 0; spin < i % 64 * 64; ++spin) __builtin_ia32_pause();
    }
    stop = true;
    parked.wait(false);
    EXPECT_GT(calls, 100u);
    EXPECT_GT(interrupts, 0u);
  });
}

TYPED_TEST_P(Conformance, RewrittenCallOfAGuestWithItsOwnGs) {
  this->Drive([this] {
    RINGWALL_REWRITTEN(rewritten_loop);
    auto& r = guest->regs();
    for (const uint64_t base : {kData, uint64_t{0x10000000}}) {  // readable, and not mapped
      r.gs_base = base;
      r.rip = At(code_rewritten_loop);
      EXPECT_EQ(guest->Go().kind, EventKind::kCallEntry);
      EXPECT_EQ(r.gs_base, base);
      EXPECT_EQ(r.rax, 110u);
      EXPECT_EQ(guest->Peek(r.rip), r.rip + 16) << "a record: the address behind it";
    }
    r.gs_base = 0;
    r.rip = At(code_rewritten_loop);
    EXPECT_EQ(guest->Go().kind, EventKind::kSyscall);
  });
}

TYPED_TEST_P(Conformance, CodeIsWrittenWordByWord) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    if (guest->space().call_entry() == 0) GTEST_SKIP() << "calls are not rewritten here";
    using CodeWrite = AddressSpace::CodeWrite;
    auto write = [&](CodeWrite one, bool alone = true) {
      return guest->space().WriteCode(absl::MakeConstSpan(&one, 1), alone, guest->thread.get());
    };
    // The first loop's `syscall; jmp`: 0f 05 eb fc.
    const uint64_t word = At(code_call_loop) & ~uint64_t{7};
    const uint64_t before = guest->Peek(word);
    EXPECT_TRUE(write({word, 0xff, before & 0xff, 0x90}).ok());
    EXPECT_EQ(guest->Peek(word), (before & ~uint64_t{0xff}) | 0x90);
    EXPECT_EQ(write({word, 0xff, before & 0xff, 0xcc}), Errno::kEAGAIN);
    EXPECT_TRUE(write({word, 0xff, 0x90, before & 0xff}).ok());
    EXPECT_EQ(guest->Peek(word), before);
    EXPECT_EQ(write({0x10000, 1, 0, 1}), Errno::kEAGAIN) << "nothing is mapped: the host refuses to open the page";
    EXPECT_EQ(write({word + 1, 1, 0, 1}), Errno::kEINVAL);
    // Still not writable for the guest.
    EXPECT_EQ(guest->Run(code_store, word, 1).kind, EventKind::kFault);
    auto second = guest->Clone();
    EXPECT_EQ(write({word, 0xff, before & 0xff, 0x90}), Errno::kEBUSY);
    EXPECT_TRUE(write({word, 0xff, before & 0xff, 0x90}, false).ok());
    EXPECT_TRUE(write({word, 0xff, 0x90, before & 0xff}, false).ok());
  });
}
#undef RINGWALL_REWRITTEN

#define RINGWALL_CONFORMANCE_REWRITE                                                                                  \
  RewrittenCallLooksLikeATrappedOne, RewrittenCallKeepsVectorRegistersAndFlags, RewrittenCallsAndInterruptsDoNotMeet, \
      RewrittenCallOfAGuestWithItsOwnGs, CodeIsWrittenWordByWord

}  // namespace ringwall::platform::conformance
