// The line discipline against termios(3): editing, echo, signals, raw reads, output processing.
#include "sentry/tty/line_discipline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "abi/signal.h"

namespace ringwall::tty {
namespace {

class LineTest : public testing::Test {
 protected:
  void Type(std::string_view text) { EXPECT_EQ(line_.Input(text, effects_), text.size()); }
  std::string Echoed() { return line_.TakeOutput(1 << 20, effects_); }
  std::string Read(size_t max = 1000) {
    auto chunk = line_.TakeInput(max, false, effects_);
    return chunk.ready ? chunk.bytes : "<again>";
  }
  template <typename F>
  void Change(F change) {
    abi::Termios2 termios = line_.termios();
    change(termios);
    line_.SetTermios(termios, effects_);
  }
  void Raw(uint8_t min, uint8_t time) {
    Change([&](abi::Termios2& t) {
      t.c_iflag = t.c_oflag = 0;
      t.c_lflag = 0;
      t.c_cc[abi::kVMIN] = min;
      t.c_cc[abi::kVTIME] = time;
    });
  }
  LineDiscipline line_;
  Effects effects_;
};

TEST_F(LineTest, CanonicalReadsWholeLines) {
  Type("hel");
  EXPECT_EQ(Read(), "<again>");
  EXPECT_FALSE(line_.InputReadable());
  Type("lo\rnext\n");
  EXPECT_TRUE(effects_.input_ready);
  EXPECT_EQ(Read(2), "he");
  EXPECT_EQ(Read(), "llo\n");
  EXPECT_EQ(Read(), "next\n");
  EXPECT_EQ(Echoed(), "hello\r\nnext\r\n");
}

TEST_F(LineTest, EraseWordAndKill) {
  Type("abc\x7f");
  EXPECT_EQ(Echoed(), "abc\b \b");
  Type("\x15");
  EXPECT_EQ(Echoed(), "\b \b\b \b");
  Type("one two\x17three\n");
  EXPECT_EQ(Read(), "one three\n");
  Echoed();
  Type("\x01\x7fx\n");
  EXPECT_EQ(Read(), "x\n");
  EXPECT_EQ(Echoed(), "^A\b \b\b \bx\r\n");
}

TEST_F(LineTest, Utf8CharactersAreErasedWhole) {
  Change([](abi::Termios2& t) { t.c_iflag |= abi::kIUTF8; });
  Type("a\xc3\xa4\x7f\x62\n");
  EXPECT_EQ(Read(), "ab\n");
  EXPECT_EQ(Echoed(), "a\xc3\xa4\b \b\x62\r\n");
}

TEST_F(LineTest, EndOfFileCharacter) {
  Type("ab\x04");
  EXPECT_EQ(Read(), "ab");
  Type("\x04");
  auto chunk = line_.TakeInput(10, false, effects_);
  EXPECT_TRUE(chunk.ready);
  EXPECT_EQ(chunk.bytes, "");
  EXPECT_EQ(Read(), "<again>");
}

TEST_F(LineTest, LiteralNextTakesTheMeaningAway) {
  Type("\x16\x03\x16\x04\n");
  EXPECT_EQ(Read(), "\x03\x04\n");
  EXPECT_TRUE(effects_.signals.empty());
}

TEST_F(LineTest, SignalsFlushInput) {
  Type("abc\x03");
  EXPECT_THAT(effects_.signals, testing::ElementsAre(abi::kSIGINT));
  EXPECT_EQ(Echoed(), "^C");
  Type("\n");
  EXPECT_EQ(Read(), "\n");
  effects_.signals.clear();
  Type("\x1c\x1a");
  EXPECT_THAT(effects_.signals, testing::ElementsAre(abi::kSIGQUIT, abi::kSIGTSTP));
  Change([](abi::Termios2& t) { t.c_lflag &= ~abi::kISIG; });
  effects_.signals.clear();
  Type("\x03\n");
  EXPECT_TRUE(effects_.signals.empty());
  EXPECT_EQ(Read(), "\x03\n");
}

TEST_F(LineTest, FlowControlStopsOutput) {
  Type("\x13");
  EXPECT_TRUE(line_.stopped());
  EXPECT_EQ(line_.Output("x", effects_), 0u);
  Type("\x11");
  EXPECT_FALSE(line_.stopped());
  EXPECT_EQ(line_.Output("x", effects_), 1u);
  Change([](abi::Termios2& t) { t.c_iflag |= abi::kIXANY; });
  Type("\x13z");
  EXPECT_FALSE(line_.stopped());
}

TEST_F(LineTest, RawReadsFollowMinAndTime) {
  Raw(1, 0);
  Type("\x03\r");
  EXPECT_EQ(Read(), "\x03\r");
  EXPECT_EQ(Echoed(), "");
  EXPECT_EQ(Read(), "<again>");
  Raw(3, 0);
  Type("ab");
  EXPECT_FALSE(line_.InputReadable());
  EXPECT_EQ(Read(), "<again>");
  EXPECT_EQ(line_.TakeInput(9, true, effects_).bytes, "ab");
  Type("cde");
  EXPECT_EQ(Read(), "cde");
  Raw(0, 0);
  auto none = line_.TakeInput(9, false, effects_);
  EXPECT_TRUE(none.ready);
  EXPECT_EQ(none.bytes, "");
  Raw(0, 5);
  EXPECT_EQ(Read(), "<again>");
}

TEST_F(LineTest, ModeChangesKeepWhatWasTyped) {
  Type("partial");
  Raw(1, 0);
  EXPECT_EQ(Read(), "partial");
  Type("raw");
  Change([](abi::Termios2& t) { t.c_lflag |= abi::kICANON; });
  EXPECT_EQ(Read(), "raw");
}

TEST_F(LineTest, OutputProcessing) {
  EXPECT_EQ(line_.Output("a\nb", effects_), 3u);
  EXPECT_EQ(Echoed(), "a\r\nb");
  Change([](abi::Termios2& t) { t.c_oflag |= abi::kXTABS; });
  EXPECT_EQ(line_.Output("\tc", effects_), 2u);
  EXPECT_EQ(Echoed(), "       c");
  Change([](abi::Termios2& t) { t.c_oflag = abi::kOPOST | abi::kONOCR | abi::kOCRNL; });
  EXPECT_EQ(line_.Output("\r", effects_), 1u);
  EXPECT_EQ(Echoed(), "\n");
  Change([](abi::Termios2& t) { t.c_oflag = 0; });
  EXPECT_EQ(line_.Output("a\n\t", effects_), 3u);
  EXPECT_EQ(Echoed(), "a\n\t");
}

TEST_F(LineTest, QueuesAreBounded) {
  const std::string long_line(10000, 'x');
  EXPECT_EQ(line_.Input(long_line, effects_), long_line.size());
  Type("\n");
  EXPECT_EQ(Read(20000).size(), LineDiscipline::kMaxLine + 1);
  Raw(1, 0);
  EXPECT_EQ(line_.Input(std::string(100000, 'y'), effects_), LineDiscipline::kMaxInputQueue);
  EXPECT_EQ(line_.InputSpace(), 0u);
  Echoed();
  const std::string output(100000, 'o');
  EXPECT_EQ(line_.Output(output, effects_), LineDiscipline::kMaxOutput);
  effects_ = {};
  EXPECT_EQ(Echoed().size(), LineDiscipline::kMaxOutput);
  EXPECT_TRUE(effects_.output_space);
  line_.FlushInput(effects_);
  Change([](abi::Termios2& t) { t.c_lflag = abi::kECHO; });
  for (int i = 0; i < 50; ++i) {
    line_.Input(std::string(60000, 'e'), effects_);
    line_.FlushInput(effects_);
  }
  EXPECT_LT(line_.OutputPending(), 2 * LineDiscipline::kMaxOutput);
}

}  // namespace
}  // namespace ringwall::tty
