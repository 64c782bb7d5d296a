// MemoryManager on a fake address space: Linux's rules one by one, then random operations after which VMAs and pages must agree.
#include "sentry/mm/memory_manager.h"

#include <gtest/gtest.h>

#include <random>

#include "abi/mman.h"
#include "sentry/mm/fake_address_space.h"
#include "sentry/mm/page.h"

namespace ringwall::mm {
namespace {

constexpr platform::Prot kRw{.read = true, .write = true};
constexpr platform::Prot kRo{.read = true};

class CountingFile final : public Mappable {
 public:
  CountingFile() : fd_(*CreateMemoryFile("test", 1 << 20)) {}
  Result<Ref<SharedFd>> HostFile(bool) override { return fd_; }
  Identity identity() const override { return {7, 8}; }
  std::string Name() const override { return "/file"; }
  void SharedWritableChanged(int delta) override { writers += delta; }
  int writers = 0;

 private:
  Ref<SharedFd> fd_;
};

class MemoryManagerTest : public testing::Test {
 protected:
  uint64_t MustMap(uint64_t length, platform::Prot prot = kRw) {
    MmapRequest r;
    r.length = length;
    r.prot = prot;
    Result<uint64_t> at = mm_->Mmap(r, limits_, nullptr);
    EXPECT_TRUE(at.ok());
    return at.ok() ? *at : 0;
  }
  Result<uint64_t> MapAt(uint64_t address, uint64_t length, bool no_replace = false) {
    MmapRequest r;
    r.address = address;
    r.length = length;
    r.prot = kRw;
    r.fixed = true;
    r.fixed_no_replace = no_replace;
    return mm_->Mmap(r, limits_, nullptr);
  }
  // Every page that the VMAs know is in the page table with the same attributes, and no other.
  void ExpectAgreement() {
    uint64_t pages = 0;
    for (const Vma& vma : mm_->Vmas()) {
      for (uint64_t at = vma.start; at < vma.end; at += kPageSize, ++pages) {
        const auto it = space_->pages.find(at / kPageSize);
        ASSERT_NE(it, space_->pages.end()) << std::hex << at;
        ASSERT_EQ(it->second.prot, vma.prot) << std::hex << at;
        ASSERT_EQ(it->second.shared, vma.shared);
        ASSERT_EQ(bool(it->second.file), bool(vma.file));
        if (vma.file) {
          ASSERT_EQ(it->second.offset, vma.offset + (at - vma.start));
        }
      }
    }
    ASSERT_EQ(pages, space_->pages.size());
  }

  Ref<FakeAddressSpace> space_ = MakeRef<FakeAddressSpace>();
  Ref<MemoryManager> mm_ = MemoryManager::Create(space_, 0);
  MemoryLimits limits_;
};

TEST_F(MemoryManagerTest, MmapChecksItsArguments) {
  MmapRequest r;
  EXPECT_EQ(mm_->Mmap(r, limits_, nullptr), Errno::kEINVAL);
  r.length = ~uint64_t{0};
  EXPECT_EQ(mm_->Mmap(r, limits_, nullptr), Errno::kENOMEM);
  EXPECT_EQ(MapAt(0x10001, 4096), Errno::kEINVAL);
  EXPECT_EQ(MapAt(0x1000, 4096), Errno::kEPERM);
  EXPECT_EQ(MapAt(space_->end() - 4096, 8192), Errno::kENOMEM);
  EXPECT_TRUE(MapAt(0x10000, 4096).ok());
  EXPECT_EQ(MapAt(0x10000, 4096, true), Errno::kEEXIST);
  limits_.address_space = 8192;
  EXPECT_TRUE(MapAt(0x10000, 8192).ok());  // replaces a page: two in all
  EXPECT_EQ(MapAt(0x20000, 4096), Errno::kENOMEM);
  ExpectAgreement();
}

TEST_F(MemoryManagerTest, HintsAreTakenWhenFree) {
  MmapRequest r;
  r.address = 0x555000123;
  r.length = 100;
  EXPECT_EQ(*mm_->Mmap(r, limits_, nullptr), 0x555000000u);
  EXPECT_NE(*mm_->Mmap(r, limits_, nullptr), 0x555000000u);
  r.below_4g = true;
  EXPECT_EQ(*mm_->Mmap(r, limits_, nullptr), 0x40000000u);
}

TEST_F(MemoryManagerTest, MunmapTakesHolesAndSplits) {
  const uint64_t at = MustMap(10 * kPageSize);
  EXPECT_TRUE(mm_->Munmap(at + 2 * kPageSize, kPageSize, nullptr).ok());
  EXPECT_EQ(mm_->Vmas().size(), 2u);
  EXPECT_TRUE(mm_->Munmap(at, 10 * kPageSize, nullptr).ok());
  EXPECT_TRUE(mm_->Munmap(at, 10 * kPageSize, nullptr).ok());
  EXPECT_EQ(mm_->Munmap(at + 1, kPageSize, nullptr), Errno::kEINVAL);
  EXPECT_EQ(mm_->Munmap(at, 0, nullptr), Errno::kEINVAL);
  EXPECT_EQ(mm_->Munmap(at, ~uint64_t{0}, nullptr), Errno::kEINVAL);
  ExpectAgreement();
}

TEST_F(MemoryManagerTest, MprotectStopsAtAHoleAfterChangingWhatIsBefore) {
  const uint64_t at = MustMap(4 * kPageSize);
  ASSERT_TRUE(mm_->Munmap(at + 2 * kPageSize, kPageSize, nullptr).ok());
  EXPECT_EQ(mm_->Mprotect(at, 4 * kPageSize, kRo, false, limits_, nullptr), Errno::kENOMEM);
  EXPECT_EQ(mm_->FindVma(at)->prot, kRo);
  EXPECT_EQ(mm_->FindVma(at + 3 * kPageSize)->prot, kRw);
  EXPECT_EQ(mm_->Mprotect(at + 2 * kPageSize, kPageSize, kRo, false, limits_, nullptr), Errno::kENOMEM);
  EXPECT_EQ(mm_->Mprotect(at + 1, kPageSize, kRo, false, limits_, nullptr), Errno::kEINVAL);
  EXPECT_TRUE(mm_->Mprotect(at, 0, kRo, false, limits_, nullptr).ok());
  ExpectAgreement();
}

TEST_F(MemoryManagerTest, ReadOnlyFilesCantBecomeWritable) {
  const Ref<CountingFile> file = MakeRef<CountingFile>();
  MmapRequest r;
  r.length = 2 * kPageSize;
  r.prot = kRo;
  r.max_prot = {.read = true, .write = false, .exec = true};
  r.shared = true;
  r.file = file;
  const uint64_t at = *mm_->Mmap(r, limits_, nullptr);
  EXPECT_EQ(file->writers, 0);
  EXPECT_EQ(mm_->Mprotect(at, kPageSize, kRw, false, limits_, nullptr), Errno::kEACCES);
}

TEST_F(MemoryManagerTest, SharedWritersAreCountedOnceUntilTheLastPartGoes) {
  const Ref<CountingFile> file = MakeRef<CountingFile>();
  MmapRequest r;
  r.length = 3 * kPageSize;
  r.prot = kRw;
  r.shared = true;
  r.file = file;
  const uint64_t at = *mm_->Mmap(r, limits_, nullptr);
  EXPECT_EQ(file->writers, 1);
  ASSERT_TRUE(mm_->Munmap(at + kPageSize, kPageSize, nullptr).ok());
  EXPECT_EQ(file->writers, 1);
  ASSERT_TRUE(mm_->Munmap(at, 3 * kPageSize, nullptr).ok());
  EXPECT_EQ(file->writers, 0);
  space_->fail_after = 0;
  EXPECT_EQ(mm_->Mmap(r, limits_, nullptr), Errno::kENOMEM);
  EXPECT_EQ(file->writers, 0);
}

TEST_F(MemoryManagerTest, MremapMovesContentGrowsShrinksAndDuplicates) {
  const uint64_t at = MustMap(2 * kPageSize);
  UserMemory memory(space_.get(), nullptr);
  ASSERT_TRUE(memory.WriteValue<uint64_t>(at, 42).ok());
  // More than an address space has: Linux 6.17 and later refuse it as no length at all.
  EXPECT_EQ(mm_->Mremap(at, 2 * kPageSize, ~uint64_t{0} & ~uint64_t{4095}, 0, 0, limits_, nullptr), Errno::kEINVAL);
  MustMap(kPageSize);
  const uint64_t blocked = *MapAt(0x200000, kPageSize);
  ASSERT_TRUE(MapAt(0x201000, kPageSize).ok());
  EXPECT_EQ(mm_->Mremap(blocked + kPageSize, kPageSize, 3 * kPageSize, 0, 0, limits_, nullptr).value_or(0), blocked + kPageSize);
  EXPECT_EQ(mm_->Mremap(blocked, kPageSize, 3 * kPageSize, 0, 0, limits_, nullptr), Errno::kENOMEM);
  const uint64_t moved = *mm_->Mremap(at, 2 * kPageSize, 8 * kPageSize, abi::kMREMAP_MAYMOVE, 0, limits_, nullptr);
  EXPECT_EQ(*memory.ReadValue<uint64_t>(moved), 42u);
  const uint64_t fixed =
      *mm_->Mremap(moved, 8 * kPageSize, 4 * kPageSize, abi::kMREMAP_MAYMOVE | abi::kMREMAP_FIXED, 0x300000, limits_, nullptr);
  EXPECT_EQ(fixed, 0x300000u);
  EXPECT_EQ(*memory.ReadValue<uint64_t>(fixed), 42u);
  ExpectAgreement();
  const uint64_t left =
      *mm_->Mremap(fixed, 4 * kPageSize, 4 * kPageSize, abi::kMREMAP_MAYMOVE | abi::kMREMAP_DONTUNMAP, 0, limits_, nullptr);
  EXPECT_EQ(*memory.ReadValue<uint64_t>(left), 42u);
  EXPECT_EQ(*memory.ReadValue<uint64_t>(fixed), 0u);
  EXPECT_EQ(mm_->Mremap(fixed, 0, kPageSize, abi::kMREMAP_MAYMOVE, 0, limits_, nullptr), Errno::kEINVAL);
  MmapRequest r;
  r.length = kPageSize;
  r.prot = kRw;
  r.shared = true;
  const uint64_t shared = *mm_->Mmap(r, limits_, nullptr);
  const uint64_t twin = *mm_->Mremap(shared, 0, kPageSize, abi::kMREMAP_MAYMOVE, 0, limits_, nullptr);
  ASSERT_TRUE(memory.WriteValue<uint64_t>(shared, 7).ok());
  EXPECT_EQ(*memory.ReadValue<uint64_t>(twin), 7u);
  EXPECT_EQ(mm_->FindVma(twin)->file->Name(), "/dev/zero (deleted)");
  EXPECT_EQ(*mm_->KeyFor(shared + 8, false), *mm_->KeyFor(twin + 8, false));
  EXPECT_FALSE(*mm_->KeyFor(shared, true) == *mm_->KeyFor(shared, false));
  EXPECT_EQ(mm_->Mremap(0x900000000, kPageSize, kPageSize, 0, 0, limits_, nullptr), Errno::kEFAULT);
  EXPECT_EQ(mm_->Mremap(shared, kPageSize, 2 * kPageSize, 8, 0, limits_, nullptr), Errno::kEINVAL);
  ExpectAgreement();
}

TEST_F(MemoryManagerTest, BrkMovesWithinItsLimits) {
  Layout layout;
  layout.start_brk = layout.brk = 0x1000100;
  mm_->SetLayout(layout);
  EXPECT_EQ(mm_->Brk(0, limits_, nullptr), 0x1000100u);
  EXPECT_EQ(mm_->Brk(0x1005001, limits_, nullptr), 0x1005001u);
  EXPECT_EQ(mm_->FindVma(0x1002000)->name, "[heap]");
  EXPECT_EQ(mm_->Brk(0x1002000, limits_, nullptr), 0x1002000u);
  EXPECT_EQ(mm_->FindVma(0x1002000), nullptr);
  limits_.data = 0x3000;
  EXPECT_EQ(mm_->Brk(0x1009000, limits_, nullptr), 0x1002000u);
  limits_.data = ~uint64_t{0};
  ASSERT_TRUE(MapAt(0x1004000, kPageSize).ok());
  EXPECT_EQ(mm_->Brk(0x1004000, limits_, nullptr), 0x1002000u);
  EXPECT_EQ(mm_->Brk(0x1003000, limits_, nullptr), 0x1003000u);
  ExpectAgreement();
}

TEST_F(MemoryManagerTest, MadviseRules) {
  const uint64_t at = MustMap(4 * kPageSize);
  UserMemory memory(space_.get(), nullptr);
  ASSERT_TRUE(memory.WriteValue<uint64_t>(at, 1).ok());
  EXPECT_TRUE(mm_->Madvise(at, kPageSize, abi::kMADV_DONTNEED, nullptr).ok());
  EXPECT_EQ(*memory.ReadValue<uint64_t>(at), 0u);
  EXPECT_EQ(mm_->Madvise(at, kPageSize, 12345, nullptr), Errno::kEINVAL);
  EXPECT_EQ(mm_->Madvise(at + 1, kPageSize, abi::kMADV_DONTNEED, nullptr), Errno::kEINVAL);
  EXPECT_EQ(mm_->Madvise(at, kPageSize, abi::kMADV_REMOVE, nullptr), Errno::kEINVAL);
  ASSERT_TRUE(mm_->Munmap(at + kPageSize, kPageSize, nullptr).ok());
  EXPECT_EQ(mm_->Madvise(at, 4 * kPageSize, abi::kMADV_DONTFORK, nullptr), Errno::kENOMEM);
  EXPECT_TRUE(mm_->FindVma(at)->dont_fork);
  EXPECT_TRUE(mm_->FindVma(at + 3 * kPageSize)->dont_fork);
  limits_.locked = 2 * kPageSize;
  EXPECT_EQ(mm_->Mlock(at, 4 * kPageSize, false, limits_, nullptr), Errno::kENOMEM);
  EXPECT_TRUE(mm_->Mlock(at, kPageSize, false, limits_, nullptr).ok());
  EXPECT_EQ(mm_->Madvise(at, kPageSize, abi::kMADV_DONTNEED, nullptr), Errno::kEINVAL);
  EXPECT_EQ(mm_->Msync(at, kPageSize, abi::kMS_INVALIDATE, nullptr), Errno::kEBUSY);
  EXPECT_EQ(mm_->Msync(at, kPageSize, abi::kMS_SYNC | abi::kMS_ASYNC, nullptr), Errno::kEINVAL);
  EXPECT_EQ(mm_->Usage().locked_bytes, kPageSize);
}

TEST_F(MemoryManagerTest, ForkCopiesWhatItShould) {
  const uint64_t kept = MustMap(kPageSize), dropped = MustMap(kPageSize), wiped = MustMap(kPageSize);
  UserMemory memory(space_.get(), nullptr);
  ASSERT_TRUE(memory.WriteValue<uint64_t>(wiped, 5).ok());
  ASSERT_TRUE(mm_->Madvise(dropped, kPageSize, abi::kMADV_DONTFORK, nullptr).ok());
  ASSERT_TRUE(mm_->Madvise(wiped, kPageSize, abi::kMADV_WIPEONFORK, nullptr).ok());
  ASSERT_TRUE(mm_->Mlock(kept, kPageSize, true, limits_, nullptr).ok());
  const Ref<FakeAddressSpace> child_space = MakeRef<FakeAddressSpace>();
  child_space->pages = space_->pages;
  const Ref<MemoryManager> child = *mm_->Fork(child_space, nullptr);
  EXPECT_FALSE(child->FindVma(kept)->locked);
  EXPECT_EQ(child->FindVma(dropped), nullptr);
  EXPECT_EQ(child_space->pages.count(dropped / kPageSize), 0u);
  UserMemory child_memory(child_space.get(), nullptr);
  EXPECT_EQ(*child_memory.ReadValue<uint64_t>(wiped), 0u);
  EXPECT_EQ(*memory.ReadValue<uint64_t>(wiped), 5u);
}

TEST_F(MemoryManagerTest, MincoreWritesOneByteAPage) {
  const uint64_t at = MustMap(3 * kPageSize), vector = MustMap(kPageSize, kRw);
  UserMemory memory(space_.get(), nullptr);
  ASSERT_TRUE(memory.WriteValue<uint64_t>(at + kPageSize, 1).ok());
  EXPECT_TRUE(mm_->Mincore(at, 3 * kPageSize, vector, nullptr).ok());
  std::byte out[3];
  ASSERT_TRUE(memory.Read(vector, out).ok());
  EXPECT_EQ(out[0], std::byte{0});
  EXPECT_EQ(out[1], std::byte{1});
  EXPECT_EQ(mm_->Mincore(at, 3 * kPageSize, 0x5000, nullptr), Errno::kEFAULT);
  EXPECT_EQ(mm_->Mincore(0x7000000, kPageSize, vector, nullptr), Errno::kENOMEM);
}

TEST_F(MemoryManagerTest, RandomOperationsKeepVmasAndPagesEqual) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  const Ref<CountingFile> file = MakeRef<CountingFile>();
  const auto prot = [&] { return platform::Prot{.read = random() % 2 != 0, .write = random() % 2 != 0, .exec = random() % 4 == 0}; };
  const auto address = [&] { return (0x100 + random() % 400) * kPageSize; };
  const auto length = [&] { return (1 + random() % 24) * kPageSize - (random() % 2) * 17; };
  for (int round = 0; round < 5000; ++round) {
    // One operation in ten is refused by the "host" before it does anything.
    space_->fail_after = random() % 10 == 0 ? 0 : -1;
    switch (random() % 5) {
      case 0: {
        MmapRequest r;
        r.address = address();
        r.length = length();
        r.prot = prot();
        r.fixed = random() % 4 != 0;
        r.shared = random() % 3 == 0;
        if (random() % 3 == 0) {
          r.file = file;
          r.offset = random() % 64 * kPageSize;
        }
        (void)mm_->Mmap(r, limits_, nullptr).ok();
        break;
      }
      case 1: (void)mm_->Munmap(address(), length(), nullptr).ok(); break;
      case 2: (void)mm_->Mprotect(address(), length(), prot(), false, limits_, nullptr).ok(); break;
      case 3:
        (void)mm_->Mremap(address(), length(), length(), static_cast<uint32_t>(random() % 4), address(), limits_, nullptr).ok();
        break;
      default: {
        static constexpr int32_t kAdvice[] = {abi::kMADV_DONTFORK, abi::kMADV_DOFORK, abi::kMADV_DONTDUMP, abi::kMADV_NORMAL};
        (void)mm_->Madvise(address(), length(), kAdvice[random() % 4], nullptr).ok();
      }
    }
    space_->fail_after = -1;
    if (round % 10 == 0) ExpectAgreement();
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
  ASSERT_TRUE(mm_->Munmap(0x10000, space_->end() - 0x10000, nullptr).ok());
  EXPECT_EQ(file->writers, 0);
  EXPECT_TRUE(space_->pages.empty());
}

}  // namespace
}  // namespace ringwall::mm
