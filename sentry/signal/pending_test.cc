// PendingSet against a naive model, with random operations and a printed seed.
#include "sentry/signal/pending.h"

#include <algorithm>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "sentry/signal/timer_entry.h"

namespace ringwall::signal {
namespace {

abi::SigInfo Info(int signo, int32_t code, uint64_t value) {
  abi::SigInfo info{};
  info.si_signo = signo;
  info.si_code = code;
  info.Set(abi::SigInfo::Rt{.pid = 1, .uid = 2, .value = value});
  return info;
}

TEST(PendingSet, StandardSignalsKeepTheFirstInstance) {
  PendingSet set;
  EXPECT_TRUE(set.Add(Info(abi::kSIGUSR1, abi::kSI_QUEUE, 1), 100).ok());
  EXPECT_TRUE(set.Add(Info(abi::kSIGUSR1, abi::kSI_QUEUE, 2), 100).ok());
  EXPECT_EQ(set.Take(~abi::SigSet{0}).rt().value, 1u);
  EXPECT_EQ(set.Take(~abi::SigSet{0}).si_signo, 0);
}

TEST(PendingSet, RealTimeSignalsQueueInOrder) {
  PendingSet set;
  for (uint64_t i = 0; i < 3; ++i) EXPECT_TRUE(set.Add(Info(40, abi::kSI_QUEUE, i), 100).ok());
  for (uint64_t i = 0; i < 3; ++i) EXPECT_EQ(set.Take(Bit(40)).rt().value, i);
  EXPECT_EQ(set.set(), 0u);
}

TEST(PendingSet, FaultsComeFirstThenLowNumbers) {
  PendingSet set;
  for (const int signo : {abi::kSIGTERM, abi::kSIGHUP, abi::kSIGSEGV, 40}) EXPECT_TRUE(set.Add(Info(signo, abi::kSI_USER, 0), 100).ok());
  for (const int signo : {abi::kSIGSEGV, abi::kSIGHUP, abi::kSIGTERM, 40}) EXPECT_EQ(set.Take(~abi::SigSet{0}).si_signo, signo);
}

TEST(PendingSet, FullQueueRefusesQueuedSignalsAndKeepsOthersWithoutInformation) {
  PendingSet set;
  EXPECT_TRUE(set.Add(Info(40, abi::kSI_QUEUE, 1), 1).ok());
  EXPECT_TRUE(set.Add(Info(41, abi::kSI_QUEUE, 1), 1) == Errno::kEAGAIN);
  EXPECT_TRUE(set.Add(Info(42, abi::kSI_USER, 7), 1).ok());
  const abi::SigInfo lost = set.Take(Bit(42));
  EXPECT_EQ(lost.si_signo, 42);
  EXPECT_EQ(lost.rt().value, 0u);
  EXPECT_TRUE(set.Add(Info(abi::kSIGTERM, abi::kSI_USER, 7), 1).ok());
  EXPECT_EQ(set.Take(Bit(abi::kSIGTERM)).rt().value, 7u);
}

TEST(PendingSet, TimersHaveAnEntryEach) {
  PendingSet set;
  auto timer = [](int32_t id) {
    abi::SigInfo info{};
    info.si_signo = abi::kSIGALRM;
    info.si_code = abi::kSI_TIMER;
    info.pad0_ = kTimerEntryMark;
    info.Set(abi::SigInfo::Timer{.timerid = id, .overrun = 0, .value = 0});
    return info;
  };
  for (const int32_t id : {1, 2, 1}) EXPECT_TRUE(set.Add(timer(id), 100).ok());
  EXPECT_EQ(set.queued(), 2u);
  EXPECT_EQ(set.Take(~abi::SigSet{0}).timer().timerid, 1);
  EXPECT_NE(set.set(), 0u);
  EXPECT_EQ(set.Take(~abi::SigSet{0}).timer().timerid, 2);
  EXPECT_EQ(set.set(), 0u);
}

TEST(PendingSet, MadeUpTimerSignalsAreOrdinary) {
  PendingSet set;
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(set.Add(Info(40, abi::kSI_TIMER, 7), 100).ok());
  EXPECT_EQ(set.queued(), 2u);
}

TEST(PendingSet, AgreesWithANaiveQueue) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  PendingSet set;
  std::vector<abi::SigInfo> model;
  for (int step = 0; step < 20000; ++step) {
    const int signo = static_cast<int>(random() % 64) + 1;
    const uint32_t kind = random() % 10;
    if (kind < 5) {
      const abi::SigInfo info = Info(signo, abi::kSI_QUEUE, random());
      const bool duplicate =
          signo < abi::kSIGRTMIN && std::any_of(model.begin(), model.end(), [&](const auto& m) { return m.si_signo == signo; });
      ASSERT_TRUE(set.Add(info, 1u << 20).ok());
      if (!duplicate) model.push_back(info);
    } else if (kind < 9) {
      const abi::SigSet wanted = (abi::SigSet{random()} << 32) | random();
      const abi::SigInfo* best = nullptr;
      auto before = [](const abi::SigInfo& a, const abi::SigInfo& b) {
        const bool sync_a = (Bit(a.si_signo) & kSynchronous) != 0, sync_b = (Bit(b.si_signo) & kSynchronous) != 0;
        return sync_a != sync_b ? sync_a : a.si_signo < b.si_signo;
      };
      for (const abi::SigInfo& m : model) {
        if ((Bit(m.si_signo) & wanted) != 0 && (best == nullptr || before(m, *best))) best = &m;
      }
      const abi::SigInfo got = set.Take(wanted);
      if (best == nullptr) {
        ASSERT_EQ(got.si_signo, 0);
      } else {
        ASSERT_EQ(got.si_signo, best->si_signo);
        ASSERT_EQ(got.rt().value, best->rt().value);
        model.erase(model.begin() + (best - model.data()));
      }
    } else {
      set.Discard(Bit(signo));
      std::erase_if(model, [&](const auto& m) { return m.si_signo == signo; });
    }
    abi::SigSet expected = 0;
    for (const abi::SigInfo& m : model) expected |= Bit(m.si_signo);
    ASSERT_EQ(set.set(), expected);
  }
}

}  // namespace
}  // namespace ringwall::signal
