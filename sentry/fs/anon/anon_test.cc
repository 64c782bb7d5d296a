// eventfd, signalfd, timerfd, pidfd and memfd.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <thread>

#include "abi/eventfd.h"
#include "abi/fcntl.h"
#include "abi/memfd.h"
#include "abi/poll.h"
#include "abi/timerfd.h"
#include "sentry/fs/anon/eventfd.h"
#include "sentry/fs/anon/memfd.h"
#include "sentry/fs/anon/pidfd.h"
#include "sentry/fs/anon/signalfd.h"
#include "sentry/fs/anon/timerfd.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::anon {
namespace {

class AnonTest : public testing::Test {
 protected:
  Result<uint64_t> Read8(vfs::File& file) {
    uint64_t value = 0;
    mm::KernelSink sink({reinterpret_cast<std::byte*>(&value), 8});
    TRY(file.Read(ctx_, sink));
    return value;
  }
  Result<size_t> Write8(vfs::File& file, uint64_t value) {
    mm::KernelSource source({reinterpret_cast<const std::byte*>(&value), 8});
    return file.Write(ctx_, source);
  }
  Result<size_t> PWrite(vfs::File& file, std::string_view text, uint64_t offset) {
    mm::KernelSource source({reinterpret_cast<const std::byte*>(text.data()), text.size()});
    return file.PWrite(ctx_, source, offset);
  }
  vfs::TestContext ctx_;
};

TEST_F(AnonTest, EventfdCountsAndSaturates) {
  const Ref<vfs::File> file = *MakeEventfd(ctx_, 3, 0);
  EXPECT_EQ(*Read8(*file), 3u);
  EXPECT_TRUE(Read8(*file) == Errno::kEAGAIN);
  EXPECT_EQ(*Write8(*file, abi::kEVENTFD_MAX), 8u);
  EXPECT_EQ(file->Readiness(abi::kPOLLIN | abi::kPOLLOUT), abi::kPOLLIN);
  EXPECT_TRUE(Write8(*file, 1) == Errno::kEAGAIN);
  EXPECT_TRUE(Write8(*file, ~uint64_t{0}) == Errno::kEINVAL);
  EXPECT_EQ(*Read8(*file), abi::kEVENTFD_MAX);
  uint32_t small;
  mm::KernelSink sink({reinterpret_cast<std::byte*>(&small), 4});
  EXPECT_TRUE(file->Read(ctx_, sink) == Errno::kEINVAL);
  EXPECT_TRUE(MakeEventfd(ctx_, 0, 0x100) == Errno::kEINVAL);
}

TEST_F(AnonTest, EventfdSemaphoreGivesOnes) {
  const Ref<vfs::File> file = *MakeEventfd(ctx_, 2, abi::kEFD_SEMAPHORE);
  EXPECT_EQ(*Read8(*file), 1u);
  EXPECT_EQ(*Read8(*file), 1u);
  EXPECT_TRUE(Read8(*file) == Errno::kEAGAIN);
}

TEST_F(AnonTest, TimerfdCountsExpirations) {
  time::TimerQueue timers;
  timers.Start();
  {
    const Ref<vfs::File> file = *MakeTimerfd(ctx_, timers, abi::kCLOCK_MONOTONIC, 0);
    auto& timer = *file->As<TimerfdFile>();
    EXPECT_TRUE(Read8(*file) == Errno::kEAGAIN);
    abi::Itimerspec spec;
    spec.it_value = {0, 5'000'000};
    spec.it_interval = {0, 10'000'000};
    ASSERT_TRUE(timer.SetTime(0, spec).ok());
    EXPECT_EQ(timer.GetTime().it_interval.tv_nsec, 10'000'000);
    std::this_thread::sleep_for(std::chrono::milliseconds(40));
    EXPECT_EQ(file->Readiness(abi::kPOLLIN), abi::kPOLLIN);
    const auto ticks = Read8(*file);
    ASSERT_TRUE(ticks.ok());
    EXPECT_GE(*ticks, 3u);
    EXPECT_TRUE(timer.SetTime(0, {}).ok());
    EXPECT_TRUE(Read8(*file) == Errno::kEAGAIN);
    spec.it_value.tv_nsec = 1'000'000'000;
    EXPECT_TRUE(timer.SetTime(0, spec) == Errno::kEINVAL);
    EXPECT_TRUE(timer.SetTime(8, {}) == Errno::kEINVAL);
    // A time in the past is over at once.
    spec = {};
    spec.it_value = {0, 1};
    ASSERT_TRUE(timer.SetTime(abi::kTFD_TIMER_ABSTIME, spec).ok());
    EXPECT_EQ(*Read8(*file), 1u);
  }
  EXPECT_TRUE(MakeTimerfd(ctx_, timers, 99, 0) == Errno::kEINVAL);
  timers.Stop();
}

class FakeSignals final : public SignalSource {
 public:
  abi::SigInfo Take(Context&, abi::SigSet set) override {
    abi::SigInfo out;
    if ((pending & set) == 0) return out;
    out.si_signo = __builtin_ctzll(pending & set) + 1;
    out.si_code = abi::kSI_USER;
    out.Set(abi::SigInfo::Kill{.pid = 7, .uid = 8});
    pending &= ~abi::SigMask(out.si_signo);
    return out;
  }
  abi::SigSet Pending() override { return pending; }
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool) override { queue.Add(waiter, mask); }
  void RemoveWaiter(wait::Waiter& waiter) override { queue.Remove(waiter); }
  abi::SigSet pending = 0;
  wait::WaitQueue queue;
};

TEST_F(AnonTest, SignalfdReadsRecordsOfItsSet) {
  const Ref<FakeSignals> source = MakeRef<FakeSignals>();
  const Ref<vfs::File> file = *MakeSignalfd(ctx_, source, abi::SigMask(10) | abi::SigMask(abi::kSIGKILL), 0);
  abi::SignalfdSiginfo records[2];
  mm::KernelSink empty({reinterpret_cast<std::byte*>(records), sizeof(records)});
  source->pending = abi::SigMask(12) | abi::SigMask(abi::kSIGKILL);
  EXPECT_TRUE(file->Read(ctx_, empty) == Errno::kEAGAIN);
  EXPECT_EQ(file->Readiness(abi::kPOLLIN), 0u);
  source->pending = abi::SigMask(10) | abi::SigMask(12);
  EXPECT_EQ(file->Readiness(abi::kPOLLIN), abi::kPOLLIN);
  EXPECT_EQ(*file->Read(ctx_, empty), sizeof(records[0]));
  EXPECT_EQ(records[0].ssi_signo, 10u);
  EXPECT_EQ(records[0].ssi_pid, 7u);
  EXPECT_EQ(records[0].ssi_uid, 8u);
}

TEST_F(AnonTest, PidfdNamesItsProcess) {
  const Ref<vfs::File> event = *MakeEventfd(ctx_, 0, 0);
  const Ref<vfs::File> file = *MakePidfd(ctx_, event, *event, 33, 0);
  EXPECT_EQ(*PidOfPidfd(*file), 33);
  EXPECT_TRUE(PidOfPidfd(*event) == Errno::kEBADF);
  EXPECT_EQ(file->Readiness(abi::kPOLLIN), 0u);
  EXPECT_EQ(*Write8(*event, 1), 8u);
  EXPECT_EQ(file->Readiness(abi::kPOLLIN), abi::kPOLLIN);
}

TEST_F(AnonTest, MemfdSealsHold) {
  const Ref<tmpfs::TmpFs> fs = tmpfs::TmpFs::Create(ctx_, {});
  auto made = MakeMemfd(ctx_, *fs, "x", abi::kMFD_ALLOW_SEALING);
  ASSERT_TRUE(made.ok());
  const Ref<vfs::File> file = *made;
  EXPECT_EQ(*GetSeals(*file), 0);
  EXPECT_EQ(file->DisplayName(), "memfd:x");
  EXPECT_EQ(*PWrite(*file, "hello", 0), 5u);
  ASSERT_TRUE(AddSeals(*file, abi::kF_SEAL_GROW | abi::kF_SEAL_SHRINK).ok());
  EXPECT_EQ(*PWrite(*file, "J", 0), 1u);
  EXPECT_TRUE(PWrite(*file, "!", 5) == Errno::kEPERM);
  EXPECT_EQ(*PWrite(*file, "ab", 4), 1u);
  EXPECT_TRUE(vfs::TruncateFile(ctx_, *file, 3) == Errno::kEPERM);
  EXPECT_TRUE(vfs::TruncateFile(ctx_, *file, 9) == Errno::kEPERM);
  ASSERT_TRUE(AddSeals(*file, abi::kF_SEAL_WRITE | abi::kF_SEAL_SEAL).ok());
  EXPECT_TRUE(PWrite(*file, "x", 0) == Errno::kEPERM);
  EXPECT_TRUE(AddSeals(*file, abi::kF_SEAL_GROW) == Errno::kEPERM);
  auto mappable = file->Mmap(ctx_);
  ASSERT_TRUE(mappable.ok());
  EXPECT_TRUE((*mappable)->HostFile(true) == Errno::kEPERM);
  EXPECT_TRUE((*mappable)->HostFile(false).ok());
}

TEST_F(AnonTest, MemfdWithoutSealingIsSealed) {
  const Ref<tmpfs::TmpFs> fs = tmpfs::TmpFs::Create(ctx_, {});
  const Ref<vfs::File> file = *MakeMemfd(ctx_, *fs, "", 0);
  EXPECT_EQ(*GetSeals(*file), abi::kF_SEAL_SEAL);
  EXPECT_TRUE(AddSeals(*file, abi::kF_SEAL_WRITE) == Errno::kEPERM);
  EXPECT_TRUE(MakeMemfd(ctx_, *fs, "", 0x100) == Errno::kEINVAL);
  EXPECT_TRUE(MakeMemfd(ctx_, *fs, std::string(250, 'n'), 0) == Errno::kEINVAL);
}

TEST_F(AnonTest, MemfdWriteSealNeedsNoWritableMapping) {
  const Ref<tmpfs::TmpFs> fs = tmpfs::TmpFs::Create(ctx_, {});
  const Ref<vfs::File> file = *MakeMemfd(ctx_, *fs, "m", abi::kMFD_ALLOW_SEALING);
  EXPECT_EQ(*PWrite(*file, "hello", 0), 5u);
  auto mappable = file->Mmap(ctx_);
  ASSERT_TRUE(mappable.ok());
  (*mappable)->SharedWritableChanged(1);
  EXPECT_TRUE(AddSeals(*file, abi::kF_SEAL_WRITE) == Errno::kEBUSY);
  (*mappable)->SharedWritableChanged(-1);
  EXPECT_TRUE(AddSeals(*file, abi::kF_SEAL_WRITE).ok());
}

}  // namespace
}  // namespace ringwall::anon
