// epoll(7): triggers, one-shots, nesting, files that end.
#include "sentry/fs/anon/epoll.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "abi/eventfd.h"
#include "abi/poll.h"
#include "sentry/fs/anon/eventfd.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::anon {
namespace {

struct CountingWaiter final : wait::Waiter {
  void OnEvent(wait::EventMask) override { ++count; }
  std::atomic<int> count{0};
};

class EpollTest : public testing::Test {
 protected:
  Ref<EpollFile> NewEpoll() { return MakeRef<EpollFile>(ctx_); }
  Ref<vfs::File> NewEvent(uint32_t initial = 0) { return *MakeEventfd(ctx_, initial, 0); }
  void Signal(vfs::File& file, uint64_t value = 1) {
    mm::KernelSource source({reinterpret_cast<const std::byte*>(&value), 8});
    ASSERT_TRUE(file.Write(ctx_, source).ok());
  }
  void Drain(vfs::File& file) {
    uint64_t value;
    mm::KernelSink sink({reinterpret_cast<std::byte*>(&value), 8});
    ASSERT_TRUE(file.Read(ctx_, sink).ok());
  }
  Result<void> Ctl(EpollFile& epoll, int op, const Ref<vfs::File>& file, uint32_t events, uint64_t data = 0, int fd = 5) {
    abi::EpollEvent event;
    event.events = events;
    event.data = data;
    return epoll.Control(op, abi::Fd{fd}, file, event);
  }
  vfs::TestContext ctx_;
};

constexpr int kAdd = abi::kEPOLL_CTL_ADD, kMod = abi::kEPOLL_CTL_MOD, kDel = abi::kEPOLL_CTL_DEL;

TEST_F(EpollTest, LevelTriggeredReportsUntilDrained) {
  const auto epoll = NewEpoll();
  const auto event = NewEvent();
  ASSERT_TRUE(Ctl(*epoll, kAdd, event, abi::kEPOLLIN, 42).ok());
  EXPECT_TRUE(epoll->Wait(8).empty());
  Signal(*event);
  EXPECT_EQ(epoll->Readiness(abi::kPOLLIN), abi::kPOLLIN);
  for (int i = 0; i < 2; ++i) {
    auto got = epoll->Wait(8);
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(uint64_t{got[0].data}, 42u);
    EXPECT_EQ(uint32_t{got[0].events}, abi::kEPOLLIN);
  }
  Drain(*event);
  EXPECT_TRUE(epoll->Wait(8).empty());
  EXPECT_EQ(epoll->Readiness(abi::kPOLLIN), 0u);
}

TEST_F(EpollTest, EdgeTriggeredReportsEachEventOnce) {
  const auto epoll = NewEpoll();
  const auto event = NewEvent(1);
  ASSERT_TRUE(Ctl(*epoll, kAdd, event, abi::kEPOLLIN | abi::kEPOLLET).ok());
  EXPECT_EQ(epoll->Wait(8).size(), 1u);
  EXPECT_TRUE(epoll->Wait(8).empty());
  Signal(*event);
  EXPECT_EQ(epoll->Wait(8).size(), 1u);
  EXPECT_TRUE(epoll->Wait(8).empty());
  ASSERT_TRUE(Ctl(*epoll, kMod, event, abi::kEPOLLIN | abi::kEPOLLET).ok());
  EXPECT_EQ(epoll->Wait(8).size(), 1u);
}

TEST_F(EpollTest, OneShotNeedsRearming) {
  const auto epoll = NewEpoll();
  const auto event = NewEvent(1);
  ASSERT_TRUE(Ctl(*epoll, kAdd, event, abi::kEPOLLIN | abi::kEPOLLONESHOT).ok());
  EXPECT_EQ(epoll->Wait(8).size(), 1u);
  Signal(*event);
  EXPECT_TRUE(epoll->Wait(8).empty());
  ASSERT_TRUE(Ctl(*epoll, kMod, event, abi::kEPOLLIN | abi::kEPOLLONESHOT).ok());
  EXPECT_EQ(epoll->Wait(8).size(), 1u);
}

TEST_F(EpollTest, ControlErrors) {
  const auto epoll = NewEpoll();
  const auto event = NewEvent();
  EXPECT_TRUE(Ctl(*epoll, kDel, event, 0) == Errno::kENOENT);
  EXPECT_TRUE(Ctl(*epoll, kMod, event, abi::kEPOLLIN) == Errno::kENOENT);
  EXPECT_TRUE(Ctl(*epoll, kAdd, event, abi::kEPOLLIN).ok());
  EXPECT_TRUE(Ctl(*epoll, kAdd, event, abi::kEPOLLIN) == Errno::kEEXIST);
  EXPECT_TRUE(Ctl(*epoll, kAdd, event, abi::kEPOLLIN, 0, 6).ok());  // the same file under another number
  EXPECT_TRUE(Ctl(*epoll, kAdd, epoll, abi::kEPOLLIN) == Errno::kEINVAL);
  EXPECT_TRUE(Ctl(*epoll, 77, event, abi::kEPOLLIN) == Errno::kEINVAL);
  EXPECT_TRUE(Ctl(*epoll, kMod, event, abi::kEPOLLIN | abi::kEPOLLEXCLUSIVE) == Errno::kEINVAL);
  const auto other = NewEvent();
  EXPECT_TRUE(Ctl(*epoll, kAdd, other, abi::kEPOLLIN | abi::kEPOLLEXCLUSIVE | abi::kEPOLLONESHOT) == Errno::kEINVAL);
  EXPECT_TRUE(Ctl(*epoll, kAdd, other, abi::kEPOLLIN | abi::kEPOLLEXCLUSIVE).ok());
  EXPECT_TRUE(Ctl(*epoll, kMod, other, abi::kEPOLLIN) == Errno::kEINVAL);
  EXPECT_TRUE(Ctl(*epoll, kDel, event, 0).ok());
}

TEST_F(EpollTest, AFileThatEndsLeavesTheList) {
  const auto epoll = NewEpoll();
  {
    const auto event = NewEvent(1);
    ASSERT_TRUE(Ctl(*epoll, kAdd, event, abi::kEPOLLIN).ok());
    EXPECT_EQ(epoll->Wait(8).size(), 1u);
  }
  EXPECT_TRUE(epoll->Wait(8).empty());
  EXPECT_EQ(epoll->FdInfo(), "");
}

TEST_F(EpollTest, EpollEndsBeforeItsFiles) {
  const auto event = NewEvent(1);
  {
    const auto epoll = NewEpoll();
    ASSERT_TRUE(Ctl(*epoll, kAdd, event, abi::kEPOLLIN).ok());
  }
  Signal(*event);
}

TEST_F(EpollTest, NestedInstancesPassEventsUp) {
  const auto outer = NewEpoll();
  const auto inner = NewEpoll();
  const auto event = NewEvent();
  ASSERT_TRUE(Ctl(*outer, kAdd, inner, abi::kEPOLLIN, 1).ok());
  ASSERT_TRUE(Ctl(*inner, kAdd, event, abi::kEPOLLIN, 2).ok());
  CountingWaiter waiter;
  outer->AddWaiter(waiter, abi::kPOLLIN);
  EXPECT_TRUE(outer->Wait(8).empty());
  Signal(*event);
  EXPECT_GE(waiter.count.load(), 1);
  EXPECT_EQ(outer->Wait(8).size(), 1u);
  Drain(*event);
  EXPECT_TRUE(outer->Wait(8).empty());
  outer->RemoveWaiter(waiter);
}

TEST_F(EpollTest, LoopsAndDeepNestingAreRefused) {
  const auto a = NewEpoll(), b = NewEpoll();
  ASSERT_TRUE(Ctl(*a, kAdd, b, abi::kEPOLLIN).ok());
  EXPECT_TRUE(Ctl(*b, kAdd, a, abi::kEPOLLIN) == Errno::kELOOP);
  std::vector<Ref<EpollFile>> chain;
  for (int i = 0; i < 6; ++i) chain.push_back(NewEpoll());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(Ctl(*chain[i], kAdd, chain[i + 1], abi::kEPOLLIN).ok()) << i;
  EXPECT_TRUE(Ctl(*chain[4], kAdd, chain[5], abi::kEPOLLIN) == Errno::kELOOP);
}

TEST_F(EpollTest, SurvivesRacesOfControlWaitAndEvents) {
  const auto epoll = NewEpoll();
  std::atomic<bool> stop{false};
  const auto steady = NewEvent();
  std::thread waiter([&] {
    while (!stop.load()) (void)epoll->Wait(4);
  });
  std::thread signaller([&] {
    vfs::TestContext ctx;
    while (!stop.load()) {
      uint64_t one = 1;
      mm::KernelSource source({reinterpret_cast<const std::byte*>(&one), 8});
      (void)steady->Write(ctx, source).ok();
    }
  });
  std::thread modifier([&] {
    while (!stop.load()) (void)Ctl(*epoll, kMod, steady, abi::kEPOLLIN | abi::kEPOLLET).ok();
  });
  for (int i = 0; i < 3000; ++i) {
    (void)Ctl(*epoll, kAdd, steady, abi::kEPOLLIN).ok();
    const auto event = NewEvent(1);
    ASSERT_TRUE(Ctl(*epoll, kAdd, event, abi::kEPOLLIN, 0, 9).ok());
    if (i % 2 == 0) (void)Ctl(*epoll, kDel, steady, 0).ok();
  }
  stop = true;
  waiter.join(), signaller.join(), modifier.join();
}

}  // namespace
}  // namespace ringwall::anon
