// Conformance: address spaces.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "platform/conformance/fixture.h"

namespace ringwall::platform::conformance {

TYPED_TEST_P(Conformance, ReadAndWriteStopAtTheFirstBadPage) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    std::vector<std::byte> buffer(kDataBytes + 3 * kPageSize, std::byte{0x5a});
    EXPECT_EQ(guest->space().Write(kData, buffer), kDataBytes);
    EXPECT_EQ(guest->space().Write(kData + kDataBytes - 10, buffer), 10u);
    std::fill(buffer.begin(), buffer.end(), std::byte{0});
    EXPECT_EQ(guest->space().Read(kData + 100, absl::MakeSpan(buffer)), kDataBytes - 100);
    EXPECT_EQ(buffer[0], std::byte{0x5a});
    EXPECT_EQ(buffer[kDataBytes - 101], std::byte{0x5a});
    EXPECT_EQ(buffer[kDataBytes - 100], std::byte{0});
    EXPECT_EQ(guest->space().Read(kData + kDataBytes, absl::MakeSpan(buffer)), 0u);
    EXPECT_EQ(guest->space().Read(guest->space().end(), absl::MakeSpan(buffer)), 0u);
    EXPECT_EQ(guest->space().Read(~uint64_t{0} - 5, absl::MakeSpan(buffer)), 0u);
    EXPECT_EQ(guest->space().Read(0, absl::MakeSpan(buffer)), 0u);
    EXPECT_EQ(guest->space().Read(kData, absl::Span<std::byte>()), 0u);
    std::byte byte{1};
    EXPECT_EQ(guest->space().Write(kCodeBase, absl::MakeConstSpan(&byte, 1)), 0u);
  });
}

TYPED_TEST_P(Conformance, ProtectionsHoldForGuestAndSentry) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    EXPECT_TRUE(guest->Poke(kData, 7));
    auto protect = [&](Prot prot) {
      return guest->Apply(MemoryOp{.kind = MemoryOp::Kind::kProtect, .address = kData, .length = kPageSize, .prot = prot});
    };
    EXPECT_TRUE(protect({.read = true}).ok());
    EXPECT_FALSE(guest->Poke(kData, 8));
    EXPECT_EQ(guest->Peek(kData), 7u);
    EXPECT_EQ(guest->Run(code_store, kData, 9).kind, EventKind::kFault);
    EXPECT_TRUE(protect({}).ok());
    std::byte byte;
    EXPECT_EQ(guest->space().Read(kData, absl::MakeSpan(&byte, 1)), 0u);
    EXPECT_EQ(guest->Run(code_load, kData).kind, EventKind::kFault);
    EXPECT_TRUE(protect({.read = true, .write = true}).ok());
    EXPECT_EQ(guest->Run(code_store, kData, 9).kind, EventKind::kSyscall);
    EXPECT_EQ(guest->Peek(kData), 9u);
    EXPECT_EQ(guest->Apply(MemoryOp{.kind = MemoryOp::Kind::kProtect, .address = 0xb00000, .length = kPageSize}), Errno::kENOMEM);
  });
}

TYPED_TEST_P(Conformance, UnmapMoveAndAdvise) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    EXPECT_TRUE(guest->Poke(kData, 11));
    EXPECT_TRUE(
        guest
            ->Apply(MemoryOp{
                .kind = MemoryOp::Kind::kMove, .address = 0xc00000, .length = 4 * kPageSize, .from = kData, .from_length = 2 * kPageSize})
            .ok());
    EXPECT_EQ(guest->Peek(0xc00000), 11u);
    EXPECT_TRUE(guest->Poke(0xc00000 + 3 * kPageSize, 1));
    std::byte byte;
    EXPECT_EQ(guest->space().Read(kData, absl::MakeSpan(&byte, 1)), 0u);
    // In place.
    EXPECT_TRUE(guest
                    ->Apply(MemoryOp{.kind = MemoryOp::Kind::kMove,
                                     .address = 0xc00000,
                                     .length = 8 * kPageSize,
                                     .from = 0xc00000,
                                     .from_length = 4 * kPageSize})
                    .ok());
    EXPECT_TRUE(guest->Poke(0xc00000 + 7 * kPageSize, 1));
    EXPECT_TRUE(
        guest->Apply(MemoryOp{.kind = MemoryOp::Kind::kAdvise, .address = 0xc00000, .length = kPageSize, .advice = MADV_DONTNEED}).ok());
    EXPECT_EQ(guest->Peek(0xc00000), 0u);
    EXPECT_EQ(guest->Apply(MemoryOp{.kind = MemoryOp::Kind::kAdvise, .address = 0xc00000, .length = kPageSize, .advice = 9999}),
              Errno::kEINVAL);
    EXPECT_TRUE(guest->Apply(MemoryOp{.kind = MemoryOp::Kind::kUnmap, .address = 0xc00000, .length = 8 * kPageSize}).ok());
    EXPECT_EQ(guest->space().Read(0xc00000, absl::MakeSpan(&byte, 1)), 0u);
    EXPECT_EQ(guest->Run(code_load, 0xc00000).kind, EventKind::kFault);
  });
}

TYPED_TEST_P(Conformance, ApplyStopsAtTheFirstRefusal) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    Ref<SharedFd> file = World::MemoryFile(kPageSize);
    Ref<SharedFd> readonly = MakeRef<SharedFd>(UniqueFd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)));
    const MemoryOp ops[] = {
        MapAnonymous(0xd00000, kPageSize),
        MapFile(0xd01000, kPageSize, *readonly, 0, true),  // a writable shared mapping of a read-only descriptor
        MapAnonymous(0xd02000, kPageSize),
    };
    EXPECT_EQ(guest->space().Apply(ops, guest->thread.get()), Errno::kEACCES);
    EXPECT_TRUE(guest->Poke(0xd00000, 1));
    EXPECT_FALSE(guest->Poke(0xd02000, 1));
    EXPECT_EQ(guest->Apply(MapAnonymous(guest->space().end(), kPageSize)), Errno::kEINVAL);
    EXPECT_EQ(guest->Apply(MapAnonymous(guest->space().end() - kPageSize, 2 * kPageSize)), Errno::kEINVAL);
    EXPECT_TRUE(guest->Apply(MapAnonymous(guest->space().end() - kPageSize, kPageSize)).ok());
    EXPECT_TRUE(guest->Poke(guest->space().end() - 8, 1));
    EXPECT_TRUE(guest->Apply(MapAnonymous(AddressSpace::kMinAddress, kPageSize)).ok());
    EXPECT_TRUE(guest->Poke(AddressSpace::kMinAddress, 1));
  });
}

TYPED_TEST_P(Conformance, LongBatchesAndNoVia) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    std::vector<MemoryOp> ops;
    for (uint64_t i = 0; i < 300; ++i)
      ops.push_back(MapAnonymous(0x10000000 + i * 2 * kPageSize, kPageSize, {.read = true, .write = i % 2 == 0}));
    EXPECT_TRUE(guest->space().Apply(ops, nullptr).ok());
    EXPECT_TRUE(guest->Poke(0x10000000 + 298 * 2 * kPageSize, 1));
    EXPECT_FALSE(guest->Poke(0x10000000 + 299 * 2 * kPageSize, 1));
    // While its only thread runs guest code.
    guest->regs().rip = At(code_count);
    guest->regs().rdi = kData;
    guest->thread->Resume();
    EXPECT_TRUE(guest->space().Apply(absl::MakeConstSpan(ops).first(1), nullptr).ok());
    const uint64_t before = guest->Peek(kData);
    while (guest->Peek(kData) == before) std::this_thread::yield();
    guest->thread->Interrupt();
    EXPECT_EQ(guest->Next().kind, EventKind::kInterrupt);
    EXPECT_EQ(guest->regs().rdi, kData);
  });
}

TYPED_TEST_P(Conformance, FileMappings) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    Ref<SharedFd> file = World::MemoryFile(4 * kPageSize);
    void* mine = mmap(nullptr, 4 * kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, file->get(), 0);
    auto* words = static_cast<volatile uint64_t*>(mine);
    words[2 * kPageSize / 8] = 21;
    EXPECT_TRUE(guest->Apply(MapFile(0xe00000, kPageSize, *file, 2 * kPageSize, true)).ok());
    EXPECT_TRUE(guest->Apply(MapFile(0xe10000, kPageSize, *file, 2 * kPageSize, false)).ok());
    EXPECT_EQ(guest->Peek(0xe00000), 21u);
    EXPECT_EQ(guest->Run(code_store, 0xe00000, 22).kind, EventKind::kSyscall);
    EXPECT_EQ(words[2 * kPageSize / 8], 22u);
    EXPECT_EQ(guest->Peek(0xe10000), 22u);
    EXPECT_TRUE(guest->Poke(0xe10000, 23));  // private: a copy
    EXPECT_EQ(words[2 * kPageSize / 8], 22u);
    words[2 * kPageSize / 8] = 24;
    EXPECT_EQ(guest->Peek(0xe00000), 24u);
    EXPECT_EQ(guest->Peek(0xe10000), 23u);
    munmap(mine, 4 * kPageSize);
    // A regular file, read-only.
    Ref<SharedFd> exe = MakeRef<SharedFd>(UniqueFd(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)));
    EXPECT_TRUE(guest->Apply(MapFile(0xe20000, kPageSize, *exe, 0, false, {.read = true})).ok());
    EXPECT_EQ(guest->Peek(0xe20000) & 0xffffffff, 0x464c457fu);
  });
}

// What a call changes is there when it returns, and before that for the sentry; also when the platform does it on the way.
TYPED_TEST_P(Conformance, ChangesFromWithinAnEventHoldWhenTheGuestGoesOn) {
  this->Drive([this] {
    constexpr uint64_t kPages = 8, kTurns = 400, kAt = 0x40000000;
    auto guest = this->NewGuest();
    Ref<SharedFd> file = World::MemoryFile(kPages * kPageSize);
    for (uint64_t i = 0; i < kPages; ++i) EXPECT_EQ(pwrite(file->get(), &i, sizeof(i), static_cast<off_t>(i * kPageSize)), 8);
    uint64_t turn = 0;
    std::atomic<bool> done{false};
    auto at = [](uint64_t i) { return kAt + i % 16 * kPageSize; };
    auto end = [&] {
      done = true;
      done.notify_all();
      return Verdict::kPark;
    };
    guest->handler = [&](GuestThread& thread, const Event& event) {
      // A third of the turns end in a fault: those of pages that were taken away again.
      if (turn != 0 && turn % 3 == 2) {
        EXPECT_EQ(event.kind, EventKind::kFault) << turn;
        EXPECT_EQ(event.fault_address, at(turn)) << turn;
      } else if (turn != 0) {
        EXPECT_EQ(event.kind, EventKind::kSyscall) << turn;
        EXPECT_EQ(thread.regs().rbx, turn % kPages) << turn;
      }
      if (++turn == kTurns || ::testing::Test::HasFailure()) return end();
      const MemoryOp map = MapFile(at(turn), kPageSize, *file, turn % kPages * kPageSize, false);
      EXPECT_TRUE(guest->Apply(map).ok());
      if (turn % 3 == 2) {
        MemoryOp take{.kind = turn % 2 == 0 ? MemoryOp::Kind::kUnmap : MemoryOp::Kind::kProtect, .address = at(turn), .length = kPageSize};
        EXPECT_TRUE(guest->Apply(take).ok());
      }
      if (turn % 5 == 1 && turn % 3 != 2) {
        EXPECT_EQ(guest->Peek(at(turn)), turn % kPages);
      }
      thread.regs().rip = At(code_load);
      thread.regs().rdi = at(turn);
      return Verdict::kResume;
    };
    guest->regs().rip = At(code_call_loop);
    guest->thread->Resume();
    done.wait(false);
    EXPECT_EQ(turn, kTurns);
  });
}

// As execve(2) maps a program: neighbours in the file and in memory, with rights of their own.
TYPED_TEST_P(Conformance, SegmentsOfOneFileKeepTheirRights) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    Ref<SharedFd> file = World::MemoryFile(5 * kPageSize);
    const uint16_t call = 0x050f;  // syscall
    for (uint64_t i = 0; i < 5; ++i) EXPECT_EQ(pwrite(file->get(), &call, sizeof(call), static_cast<off_t>(i * kPageSize)), 2);
    constexpr uint64_t kAt = 0x50000000;
    const Prot read{.read = true}, exec{.read = true, .exec = true}, write{.read = true, .write = true};
    const MemoryOp image[] = {
        MapFile(kAt, kPageSize, *file, 0, false, read),
        MapFile(kAt + kPageSize, kPageSize, *file, kPageSize, false, exec),
        MapFile(kAt + 2 * kPageSize, kPageSize, *file, 2 * kPageSize, false, read),
        MapFile(kAt + 3 * kPageSize, kPageSize, *file, 2 * kPageSize, false, write),  // a page twice
        MapAnonymous(kAt + 4 * kPageSize, kPageSize),
        MapFile(kAt + 5 * kPageSize, kPageSize, *file, 4 * kPageSize, false, {}),
    };
    EXPECT_TRUE(guest->space().Apply(image, guest->thread.get()).ok());
    for (uint64_t i = 0; i < 6; ++i) {
      const uint64_t page = kAt + i * kPageSize;
      const bool readable = i != 5, writable = i == 3 || i == 4;
      EXPECT_EQ(guest->Run(code_load, page).kind, readable ? EventKind::kSyscall : EventKind::kFault) << i;
      if (readable) {
        EXPECT_EQ(guest->regs().rbx, i == 4 ? 0U : call) << i;
      }
      EXPECT_EQ(guest->Run(code_store, page + 8, 1).kind, writable ? EventKind::kSyscall : EventKind::kFault) << i;
      EXPECT_EQ(guest->Run(code_jump, page).kind, i == 1 ? EventKind::kSyscall : EventKind::kFault) << i;
    }
    uint64_t word = 1;
    EXPECT_EQ(pread(file->get(), &word, sizeof(word), 2 * kPageSize + 8), 8);
    EXPECT_EQ(word, 0U);
  });
}

TYPED_TEST_P(Conformance, MoreFilesThanThePlatformKeepsOpen) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    std::vector<Ref<SharedFd>> files;
    for (uint64_t i = 0; i < 400; ++i) {
      files.push_back(World::MemoryFile(kPageSize));
      EXPECT_EQ(pwrite(files.back()->get(), &i, sizeof(i), 0), 8);
      ASSERT_TRUE(guest->Apply(MapFile(0x20000000 + i * kPageSize, kPageSize, *files.back(), 0, true)).ok()) << i;
    }
    for (uint64_t i = 0; i < 400; ++i) EXPECT_EQ(guest->Peek(0x20000000 + i * kPageSize), i);
    for (uint64_t i = 0; i < 400; i += 7) {
      ASSERT_TRUE(guest->Apply(MapFile(0x30000000, kPageSize, *files[i], 0, true)).ok());
      EXPECT_EQ(guest->Peek(0x30000000), i);
    }
  });
}

TYPED_TEST_P(Conformance, ForkCopiesPrivateAndKeepsSharedMemory) {
  this->Drive([this] {
    auto parent = this->NewGuest();
    Ref<SharedFd> file = World::MemoryFile(kPageSize);
    EXPECT_TRUE(parent->Apply(MapFile(0xf00000, kPageSize, *file, 0, true)).ok());
    EXPECT_TRUE(parent->Poke(kData, 1));
    EXPECT_TRUE(parent->Poke(0xf00000, 1));
    EXPECT_EQ(parent->Run(code_avx, kData).kind, EventKind::kSyscall);
    parent->regs().rbx = 77;
    auto child = parent->Fork();
    ASSERT_NE(child, nullptr);
    EXPECT_EQ(std::memcmp(&child->regs(), &parent->regs(), sizeof(arch::Registers)), 0);
    EXPECT_EQ(child->Peek(kData), 1u);
    EXPECT_EQ(child->Run(code_store, kData, 2).kind, EventKind::kSyscall);
    EXPECT_EQ(child->regs().rbx, 77u);
    EXPECT_EQ(child->Run(code_store, 0xf00000, 2).kind, EventKind::kSyscall);
    EXPECT_EQ(parent->Peek(kData), 1u);
    EXPECT_EQ(parent->Peek(0xf00000), 2u);
    EXPECT_EQ(child->Run(code_store_avx, kData).kind, EventKind::kSyscall);
    EXPECT_EQ(child->Peek(kData), 1u);  // ymm3 as the parent loaded it
    // The child outlives the parent.
    parent.reset();
    EXPECT_EQ(child->Run(code_load, 0xf00000).kind, EventKind::kSyscall);
    EXPECT_EQ(child->regs().rbx, 2u);
    EXPECT_TRUE(child->Apply(MapAnonymous(kData, kPageSize)).ok());
    EXPECT_EQ(child->Peek(kData), 0u);
  });
}

TYPED_TEST_P(Conformance, CompareExchangeIsAtomicAndFaults) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    EXPECT_TRUE(guest->Poke(kData, 5));
    auto exchange = [&](uint64_t address, uint32_t expected, uint32_t desired) {
      return guest->space().CompareExchange(address, expected, desired, guest->thread.get());
    };
    auto found = exchange(kData, 5, 6);
    EXPECT_TRUE(found.ok() && *found == 5);
    found = exchange(kData, 5, 7);
    EXPECT_TRUE(found.ok() && *found == 6);
    EXPECT_EQ(guest->Peek(kData), 6u);
    EXPECT_EQ(exchange(0xb00000, 0, 0), Errno::kEFAULT);
    EXPECT_EQ(exchange(kCodeBase, 0, 0), Errno::kEFAULT);
    EXPECT_EQ(exchange(guest->space().end(), 0, 0), Errno::kEFAULT);
    EXPECT_EQ(guest->space().CompareExchange(kData, 6, 9, nullptr).value_or(0), 6u);
    guest->GoCall();  // registers of the guest are untouched
    // Against a thread that increments the same word.
    auto other = guest->Clone();
    ASSERT_NE(other, nullptr);
    other->regs().rip = At(code_add_many);
    other->regs().rdi = kData + 64;
    other->regs().rsi = 20000;
    other->thread->Resume();
    uint32_t value = 0;
    for (int done = 0; done < 200;) {
      found = exchange(kData + 64, value, value + 1);
      if (!found.ok()) {
        ADD_FAILURE();
        break;
      }
      if (*found == value) ++done;
      value = *found == value ? value + 1 : *found;
    }
    EXPECT_EQ(other->Next().kind, EventKind::kSyscall);
    EXPECT_EQ(guest->Peek(kData + 64), 20200u);
  });
}

TYPED_TEST_P(Conformance, StacksGrowDown) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    MemoryOp stack = MapAnonymous(0x50000000, 4 * kPageSize);
    stack.grows_down = true;
    EXPECT_TRUE(guest->Apply(stack).ok());
    guest->regs().rsp = 0x50000000 + 4 * kPageSize;
    EXPECT_EQ(guest->Run(code_grow, 200).kind, EventKind::kSyscall);
    EXPECT_EQ(guest->Peek(0x50000000 + 4 * kPageSize - 200 * kPageSize), 7u);
    // A system call may write to a part of the stack that nobody has touched yet.
    std::atomic<int> moved{-1};
    this->world().platform().RunOnWorker([&] {
      std::vector<std::byte> bytes(3 * kPageSize, std::byte{3});
      moved = static_cast<int>(guest->space().Write(0x50000000 - 400 * kPageSize, bytes));
      moved.notify_all();
    });
    moved.wait(-1);
    EXPECT_EQ(moved, static_cast<int>(3 * kPageSize));
    std::byte byte;
    EXPECT_EQ(guest->space().Read(0x4000, absl::MakeSpan(&byte, 1)), 0u);
  });
}

TYPED_TEST_P(Conformance, ResidencyIsVisible) {
  this->Drive([this] {
    auto guest = this->NewGuest();
    EXPECT_TRUE(guest->Apply(MapAnonymous(0x60000000, 5000 * kPageSize)).ok());
    EXPECT_TRUE(guest->Poke(0x60000000 + 3 * kPageSize, 1));
    EXPECT_TRUE(guest->Poke(0x60000000 + 4500 * kPageSize, 1));
    EXPECT_TRUE(
        guest
            ->Apply(MemoryOp{.kind = MemoryOp::Kind::kAdvise, .address = 0x60000000, .length = 5000 * kPageSize, .advice = MADV_NOHUGEPAGE})
            .ok());
    std::vector<uint8_t> pages(5000, 9);
    EXPECT_TRUE(guest->space().Resident(0x60000000, absl::MakeSpan(pages), guest->thread.get()).ok());
    EXPECT_EQ(pages[3] & 1, 1);
    EXPECT_EQ(pages[4500] & 1, 1);
    EXPECT_EQ(guest->space().Resident(0x60000000 + 4999 * kPageSize, absl::MakeSpan(pages).first(2), guest->thread.get()), Errno::kENOMEM);
    const uint64_t before = guest->space().ResidentBytes();
    std::vector<std::byte> bytes(1000 * kPageSize, std::byte{1});
    EXPECT_EQ(guest->space().Write(0x60000000, bytes), bytes.size());
    const uint64_t after = guest->space().ResidentBytes();
    EXPECT_GE(after, before + 900 * kPageSize);
    guest->GoCall();
  });
}

#define RINGWALL_CONFORMANCE_MEMORY                                                                                         \
  ReadAndWriteStopAtTheFirstBadPage, ProtectionsHoldForGuestAndSentry, UnmapMoveAndAdvise, ApplyStopsAtTheFirstRefusal,     \
      LongBatchesAndNoVia, FileMappings, MoreFilesThanThePlatformKeepsOpen, ForkCopiesPrivateAndKeepsSharedMemory,          \
      CompareExchangeIsAtomicAndFaults, StacksGrowDown, ResidencyIsVisible, ChangesFromWithinAnEventHoldWhenTheGuestGoesOn, \
      SegmentsOfOneFileKeepTheirRights

}  // namespace ringwall::platform::conformance
