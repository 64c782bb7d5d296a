// Terminals as files: both sides, hang-up, job control, the console's pump.
#include "sentry/tty/tty.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "abi/signal.h"
#include "sentry/tty/console.h"
#include "sentry/tty/job_control.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::tty {
namespace {

class FakeJobs final : public JobControl {
 public:
  FakeJobs() { SetJobControl(this); }
  ~FakeJobs() override { SetJobControl(nullptr); }
  int32_t CallerPgrp(Context&) override { return pgrp; }
  int32_t CallerSid(Context&) override { return sid; }
  bool CallerIsSessionLeader(Context&) override { return leader; }
  bool CallerIsOrphaned(Context&) override { return orphaned; }
  bool IsIgnoredOrBlocked(Context&, int32_t) override { return ignored; }
  GroupState FindGroup(int32_t, int32_t) override { return GroupState::kInSession; }
  void SignalGroup(int32_t pgid, int32_t signo) override { sent.emplace_back(pgid, signo); }
  void SignalSessionLeader(int32_t s, int32_t signo) override { sent.emplace_back(-s, signo); }
  RefPtr<Terminal> ControllingTerminal(Context&) override { return terminal; }
  void SetControllingTerminal(int32_t, RefPtr<Terminal> t) override { terminal = std::move(t); }
  int32_t pgrp = 10, sid = 10;
  bool leader = true, orphaned = false, ignored = false;
  RefPtr<Terminal> terminal;
  std::vector<std::pair<int32_t, int32_t>> sent;
};

class TtyTest : public testing::Test {
 protected:
  Result<size_t> Write(vfs::File& file, std::string_view text) {
    mm::KernelSource source({reinterpret_cast<const std::byte*>(text.data()), text.size()});
    return file.Write(ctx_, source);
  }
  Result<std::string> Read(vfs::File& file, size_t max = 1000) {
    std::string out(max, '?');
    mm::KernelSink sink({reinterpret_cast<std::byte*>(out.data()), out.size()});
    const size_t n = TRY(file.Read(ctx_, sink));
    out.resize(n);
    return out;
  }
  void Make() {
    terminal_ = MakeRef<Terminal>(0);
    master_ = MakeRef<TtyFile>(terminal_.ToRef(), TtyFile::End::kMaster, vfs::Path{}, abi::kO_RDWR | abi::kO_NOCTTY);
    slave_ = *OpenSlave(ctx_, terminal_.ToRef(), {}, abi::kO_RDWR);
  }
  FakeJobs jobs_;
  vfs::TestContext ctx_;
  RefPtr<Terminal> terminal_;
  RefPtr<vfs::File> master_, slave_;
};

TEST_F(TtyTest, BytesGoBothWays) {
  Make();
  EXPECT_EQ(*Write(*slave_, "out\n"), 4u);
  EXPECT_EQ(master_->Readiness(abi::kPOLLIN), abi::kPOLLIN);
  EXPECT_EQ(*Read(*master_), "out\r\n");
  EXPECT_TRUE(Read(*master_) == Errno::kEAGAIN);
  EXPECT_EQ(*Write(*master_, "in\r"), 3u);
  EXPECT_EQ(slave_->Readiness(abi::kPOLLIN), abi::kPOLLIN);
  EXPECT_EQ(*Read(*slave_), "in\n");
  EXPECT_EQ(*Read(*master_), "in\r\n");
}

TEST_F(TtyTest, SessionLeaderGetsTheTerminalAndItsSignals) {
  Make();
  EXPECT_EQ(terminal_->session(), 10);
  EXPECT_EQ(terminal_->foreground_group(), 10);
  EXPECT_EQ(*Write(*master_, "\x03"), 1u);
  EXPECT_THAT(jobs_.sent, testing::ElementsAre(testing::Pair(10, abi::kSIGINT)));
  jobs_.sent.clear();
  terminal_->SetWindowSize({.ws_row = 5, .ws_col = 6});
  terminal_->SetWindowSize({.ws_row = 5, .ws_col = 6});
  EXPECT_THAT(jobs_.sent, testing::ElementsAre(testing::Pair(10, abi::kSIGWINCH)));
}

TEST_F(TtyTest, BackgroundReadersAreStopped) {
  Make();
  jobs_.pgrp = 20;
  EXPECT_TRUE(Read(*slave_) == Errno::kRestartSys);
  EXPECT_THAT(jobs_.sent, testing::ElementsAre(testing::Pair(20, abi::kSIGTTIN)));
  jobs_.orphaned = true;
  EXPECT_TRUE(Read(*slave_) == Errno::kEIO);
  jobs_.orphaned = false;
  jobs_.ignored = true;
  EXPECT_TRUE(Read(*slave_) == Errno::kEIO);
  EXPECT_EQ(*Write(*slave_, "x"), 1u);
}

TEST_F(TtyTest, MasterCloseHangsUp) {
  Make();
  EXPECT_EQ(*Write(*slave_, "lost"), 4u);
  master_.reset();
  EXPECT_THAT(jobs_.sent, testing::ElementsAre(testing::Pair(-10, abi::kSIGHUP), testing::Pair(-10, abi::kSIGCONT),
                                               testing::Pair(10, abi::kSIGHUP), testing::Pair(10, abi::kSIGCONT)));
  EXPECT_FALSE(jobs_.terminal);
  EXPECT_EQ(*Read(*slave_), "");
  EXPECT_TRUE(Write(*slave_, "x") == Errno::kEIO);
  EXPECT_NE(slave_->Readiness(abi::kPOLLIN) & abi::kPOLLHUP, 0u);
  EXPECT_TRUE(OpenSlave(ctx_, terminal_.ToRef(), {}, abi::kO_RDWR) == Errno::kEIO);
}

TEST_F(TtyTest, SlaveCloseEndsTheMastersReads) {
  Make();
  EXPECT_EQ(*Write(*slave_, "last"), 4u);
  slave_.reset();
  EXPECT_NE(master_->Readiness(abi::kPOLLIN) & abi::kPOLLHUP, 0u);
  EXPECT_EQ(*Read(*master_), "last");
  EXPECT_TRUE(Read(*master_) == Errno::kEIO);
}

TEST_F(TtyTest, LockedSlavesCannotBeOpened) {
  Make();
  terminal_->SetLocked(true);
  EXPECT_TRUE(OpenSlave(ctx_, terminal_.ToRef(), {}, abi::kO_RDWR) == Errno::kEIO);
}

class FakeLink final : public ConsoleLink {
 public:
  Result<size_t> Read(absl::Span<std::byte> to) override {
    if (input.empty()) return Errno::kEAGAIN;
    const size_t n = std::min(to.size(), input.size());
    std::memcpy(to.data(), input.data(), n);
    input.erase(0, n);
    return n;
  }
  Result<size_t> Write(absl::Span<const std::byte> from) override {
    const size_t n = std::min(from.size(), room);
    if (n == 0) return Errno::kEAGAIN;
    output.append(reinterpret_cast<const char*>(from.data()), n);
    room -= n;
    return n;
  }
  void WaitFor(bool readable, bool writable) override { want_read = readable, want_write = writable; }
  void SetObserver(RefPtr<MasterObserver> o) override { observer = std::move(o); }
  std::string input, output;
  size_t room = 1 << 20;
  bool want_read = false, want_write = false;
  RefPtr<MasterObserver> observer;
};

TEST_F(TtyTest, ConsolePumpsBothWays) {
  const Ref<FakeLink> link = MakeRef<FakeLink>();
  const Ref<Console> console = Console::Create(link);
  const Ref<vfs::File> file = console->OpenFile(ctx_, abi::kO_RDWR);
  EXPECT_TRUE(link->want_read);
  EXPECT_EQ(*Write(*file, "hi\n"), 3u);
  EXPECT_EQ(link->output, "hi\r\n");
  link->input = "cmd\r";
  link->observer->OnMasterReady();
  EXPECT_EQ(*Read(*file), "cmd\n");
  EXPECT_EQ(link->output, "hi\r\ncmd\r\n");
  // A terminal that takes nothing holds the output back, in order.
  link->room = 2;
  EXPECT_EQ(*Write(*file, "12345"), 5u);
  EXPECT_TRUE(link->want_write);
  link->room = 100;
  link->observer->OnMasterReady();
  EXPECT_EQ(link->output, "hi\r\ncmd\r\n12345");
  console->Close();
  EXPECT_EQ(*Read(*file), "");
}

}  // namespace
}  // namespace ringwall::tty
