// Conformance: threads, many of everything, death.
#pragma once

#include <signal.h>

#include "platform/conformance/fixture.h"

namespace ringwall::platform::conformance {

TYPED_TEST_P(Conformance, ThreadsShareMemoryAndCopyRegisters) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    guest->regs().r12 = 99;
    guest->regs().fs_base = 0x1000;
    auto thread = guest->Clone();
    ASSERT_NE(thread, nullptr);
    EXPECT_EQ(thread->regs().r12, 99u);
    EXPECT_EQ(&thread->space(), &guest->space());
    thread->regs().fs_base = 0x2000;
    EXPECT_EQ(thread->Run(code_store, kData, 5).kind, EventKind::kSyscall);
    EXPECT_EQ(guest->Run(code_load, kData).kind, EventKind::kSyscall);
    EXPECT_EQ(guest->regs().rbx, 5u);
    EXPECT_EQ(guest->regs().fs_base, 0x1000u);
    EXPECT_EQ(thread->regs().fs_base, 0x2000u);
    // The first thread ends, the second goes on and can do everything.
    guest.reset();
    thread->GoCall();
    EXPECT_TRUE(thread->Apply(MapAnonymous(0xa00000, kPageSize)).ok());
    EXPECT_EQ(thread->Run(code_store, 0xa00000, 6).kind, EventKind::kSyscall);
    EXPECT_EQ(thread->Peek(0xa00000), 6u);
    auto third = thread->Clone();
    ASSERT_NE(third, nullptr);
    EXPECT_EQ(third->Run(code_load, 0xa00000).kind, EventKind::kSyscall);
    EXPECT_EQ(third->regs().rbx, 6u);
    auto child = third->Fork();
    ASSERT_NE(child, nullptr);
    EXPECT_EQ(child->Run(code_load, 0xa00000).kind, EventKind::kSyscall);
  });
}

TYPED_TEST_P(Conformance, MemoryOutlivesItsThreadsWhileReferenced) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    EXPECT_TRUE(guest->Poke(kData, 3));
    const Ref<AddressSpace> space(guest->space());
    guest.reset();
    uint64_t value = 0;
    EXPECT_EQ(space->Read(kData, absl::MakeSpan(reinterpret_cast<std::byte*>(&value), 8)), 8u);
    EXPECT_EQ(value, 3u);
    const MemoryOp op = MapAnonymous(kData, kPageSize);
    EXPECT_TRUE(space->Apply(absl::MakeConstSpan(&op, 1), nullptr).ok());
  });
}

TYPED_TEST_P(Conformance, RunningThreadCanBeDestroyed) {
  this->Drive([this] {
    for (int i = 0; i < 20; ++i) {
      auto guest = this->NewGuest();
      auto thread = guest->Clone();
      ASSERT_NE(thread, nullptr);
      thread->regs().rip = guest->regs().rip = At(code_spin);
      thread->thread->Resume();
      guest->thread->Resume();
      if (i % 2 == 0) thread.reset();
      guest.reset();
    }
  });
}

TYPED_TEST_P(Conformance, FiveHundredThreads) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    std::vector<std::unique_ptr<Guest>> threads;
    for (int i = 0; i < 500; ++i) {
      threads.push_back(guest->Clone());
      ASSERT_NE(threads.back(), nullptr);
      threads.back()->regs().rip = At(code_add_many);
      threads.back()->regs().rdi = kData;
      threads.back()->regs().rsi = 1000;
    }
    for (auto& thread : threads) thread->thread->Resume();
    for (auto& thread : threads) EXPECT_EQ(thread->Next().kind, EventKind::kSyscall);
    EXPECT_EQ(guest->Peek(kData), 500'000u);
  });
}

TYPED_TEST_P(Conformance, TwoThousandForksThreadsAndProcesses) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    for (int i = 0; i < 2000; ++i) {
      std::unique_ptr<Guest> other = i % 3 == 0 ? guest->Fork() : i % 3 == 1 ? guest->Clone() : this->NewGuest();
      ASSERT_NE(other, nullptr) << i;
      if (i % 2 == 0) other->GoCall();
    }
    guest->GoCall();
  });
}

TYPED_TEST_P(Conformance, ForkChain) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    for (int i = 0; i < 100; ++i) {
      guest = guest->Fork();
      ASSERT_NE(guest, nullptr);
      EXPECT_EQ(guest->Run(code_add_many, kData, 1).kind, EventKind::kSyscall);
    }
    EXPECT_EQ(guest->Peek(kData), 100u);
  });
}

TYPED_TEST_P(Conformance, EventStorm) {
  this->Drive([this] {
    constexpr int kGuests = 20, kCalls = 2000;
    std::vector<std::unique_ptr<Guest>> guests;
    std::atomic<int> finished{0};
    std::vector<int> calls(kGuests, 0);
    for (int i = 0; i < kGuests; ++i) {
      guests.push_back(i % 2 == 0 || i == 0 ? this->NewGuest() : guests.back()->Clone());
      ASSERT_NE(guests.back(), nullptr);
      guests.back()->handler = [&, i](GuestThread&, const Event& event) {
        if (event.kind == EventKind::kInterrupt) return Verdict::kResume;
        EXPECT_EQ(event.kind, EventKind::kSyscall);
        if (++calls[static_cast<size_t>(i)] < kCalls) return Verdict::kResume;
        ++finished;
        return Verdict::kPark;
      };
      guests.back()->regs().rip = At(code_getppid_loop);
    }
    for (auto& guest : guests) guest->thread->Resume();
    for (uint32_t i = 0; finished < kGuests; ++i) {
      guests[i % kGuests]->thread->Interrupt();
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  });
}

TYPED_TEST_P(Conformance, PingPongBetweenParkedThreads) {
  this->Drive([this] {
    auto one = this->NewGuest();
    auto two = one->Fork();
    ASSERT_NE(two, nullptr);
    std::atomic<int> turns{0};
    auto pass = [&](Guest& to) {
      return [&](GuestThread&, const Event& event) {
        if (event.kind == EventKind::kReady) return Verdict::kResume;
        EXPECT_EQ(event.kind, EventKind::kSyscall);
        if (++turns >= 2000) {
          turns.notify_all();
          return Verdict::kPark;
        }
        to.thread->Post();
        return Verdict::kPark;
      };
    };
    one->handler = pass(*two);
    two->handler = pass(*one);
    one->thread->Resume();
    for (int seen = turns; seen < 2000; seen = turns) turns.wait(seen);
  });
}

TYPED_TEST_P(Conformance, ExitVerdictAndDestructionInTheSink) {
  this->Drive([this] {
    for (int i = 0; i < 50; ++i) {
      auto guest = this->NewGuest();
      auto thread = guest->Clone();
      ASSERT_NE(thread, nullptr);
      std::atomic<int> gone{0};
      guest->handler = [&](GuestThread&, const Event&) {
        ++gone;
        gone.notify_all();
        return Verdict::kExit;
      };
      thread->handler = [&](GuestThread&, const Event&) {
        thread->thread.reset();
        ++gone;
        gone.notify_all();
        return Verdict::kExit;
      };
      guest->thread->Resume();
      thread->thread->Resume();
      for (int seen = gone; seen < 2; seen = gone) gone.wait(seen);
    }
  });
}

TYPED_TEST_P(Conformance, KilledStubReportsExitOfAllItsThreads) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    if (guest->thread->host_tid() == 0) GTEST_SKIP() << "no host threads";
    auto running = guest->Clone();
    auto parked = guest->Clone();
    auto bystander = this->NewGuest();
    ASSERT_TRUE(running != nullptr && parked != nullptr && bystander != nullptr);
    running->regs().rip = At(code_spin);
    running->thread->Resume();
    kill(guest->thread->host_tid(), SIGKILL);
    EXPECT_EQ(running->Next().kind, EventKind::kExited);
    EXPECT_EQ(parked->Next().kind, EventKind::kExited);
    EXPECT_EQ(guest->Next().kind, EventKind::kExited);
    std::byte byte;
    EXPECT_EQ(guest->space().Read(kData, absl::MakeSpan(&byte, 1)), 0u);
    EXPECT_FALSE(guest->Apply(MapAnonymous(kData, kPageSize)).ok());
    EXPECT_EQ(guest->space().CompareExchange(kData, 0, 0, guest->thread.get()), Errno::kEFAULT);
    bystander->GoCall();
  });
}

TYPED_TEST_P(Conformance, SignalsOfTheHostMeanNothing) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    const int32_t tid = guest->thread->host_tid();
    if (tid == 0) GTEST_SKIP() << "no host threads";
    guest->regs().rip = At(code_count);
    guest->regs().rdi = kData;
    guest->thread->Resume();
    for (int signal : {SIGTERM, SIGSEGV, SIGTRAP, SIGSTOP, SIGCONT, SIGTSTP, SIGSYS, SIGUSR1, SIGHUP, SIGALRM}) {
      // Only a tracer can keep a process from being stopped.
      if (signal == SIGSTOP && StubIsReachable<TypeParam>()) continue;
      kill(tid, signal);
      const uint64_t before = guest->Peek(kData);
      while (guest->Peek(kData) == before) std::this_thread::yield();
    }
    guest->thread->Interrupt();
    EXPECT_EQ(guest->Next().kind, EventKind::kInterrupt);
    kill(tid, SIGTERM);
    kill(tid, SIGTRAP);
    EXPECT_TRUE(guest->Apply(MapAnonymous(0xa00000, kPageSize)).ok());
    EXPECT_EQ(guest->Run(code_store, 0xa00000, 6).kind, EventKind::kSyscall);
  });
}

#define RINGWALL_CONFORMANCE_THREADS                                                                                                \
  ThreadsShareMemoryAndCopyRegisters, MemoryOutlivesItsThreadsWhileReferenced, RunningThreadCanBeDestroyed, FiveHundredThreads,     \
      TwoThousandForksThreadsAndProcesses, ForkChain, EventStorm, PingPongBetweenParkedThreads, ExitVerdictAndDestructionInTheSink, \
      KilledStubReportsExitOfAllItsThreads, SignalsOfTheHostMeanNothing

}  // namespace ringwall::platform::conformance
