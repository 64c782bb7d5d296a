// Log lines, levels per room, escaping.
#include "base/log/log.h"

#include <stdlib.h>
#include <unistd.h>

#include <string>

#include "base/fd/unique_fd.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ringwall {
namespace {

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    int fds[2];
    ASSERT_EQ(pipe(fds), 0);
    reader_.reset(fds[0]);
    writer_.reset(fds[1]);
  }
  void TearDown() override { InitLog({}); }

  void Init(LogFormat format, LogLevel level = LogLevel::kWarning) {
    InitLog({.fd = writer_.get(), .format = format, .level = level, .process = "sentry"});
  }
  std::string Written() {
    InitLog({});
    writer_.reset();
    std::string all;
    char buffer[4096];
    ssize_t n;
    while ((n = read(reader_.get(), buffer, sizeof(buffer))) > 0) all.append(buffer, static_cast<size_t>(n));
    return all;
  }

  UniqueFd reader_, writer_;
};

TEST_F(LogTest, TextLineNamesProcessRoomAndPlace) {
  Init(LogFormat::kText);
  LOG(kWarning) << "value " << 7;
  EXPECT_THAT(Written(), testing::MatchesRegex("....-..-..T..:..:..\\.[0-9]+Z warning sentry.[0-9]+. log/log_test.cc:[0-9]+: value 7\n"));
}

TEST_F(LogTest, JsonLineHasRuncsShape) {
  Init(LogFormat::kJson);
  LOG(kError) << "a \"quoted\" \\ line\nwith\x01"
              << "\xff";
  EXPECT_THAT(Written(), testing::MatchesRegex(".\"level\":\"error\",\"msg\":\"a \\\\\"quoted\\\\\" \\\\\\\\ "
                                               "line\\\\nwith\\\\u0001\\\\ufffd\",\"time\":\"20..-..-..T..:..:..Z\".\n"));
}

TEST_F(LogTest, TextEscapesWhatCouldForgeALine) {
  Init(LogFormat::kText);
  LOG(kError) << "one\n2026 two \x1b[31m gr\xc3\xbc\xc3\x9f";
  const std::string line = Written();
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_NE(line.find("gr\xc3\xbc\xc3\x9f"), std::string::npos);
}

TEST_F(LogTest, LevelsPerRoom) {
  Init(LogFormat::kText);
  std::string error;
  ASSERT_TRUE(SetLogLevels("mm:debug,vfs:off,info", &error));
  EXPECT_TRUE(LogEnabled(LogLevel::kDebug, "sentry/mm/fault.cc"));
  EXPECT_FALSE(LogEnabled(LogLevel::kTrace, "sentry/mm/fault.cc"));
  EXPECT_FALSE(LogEnabled(LogLevel::kError, "sentry/vfs/mount.cc"));
  EXPECT_FALSE(LogEnabled(LogLevel::kDebug, "sentry/task/clone.cc"));
  EXPECT_TRUE(LogEnabled(LogLevel::kInfo, "sentry/task/clone.cc"));
  EXPECT_FALSE(SetLogLevels("mm:loud", &error));
  EXPECT_THAT(error, testing::HasSubstr("\"loud\""));
}

TEST_F(LogTest, SwitchedOffLineIsNotEvaluated) {
  Init(LogFormat::kText);
  int calls = 0;
  LOG(kDebug) << ++calls;
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(Written(), "");
}

TEST_F(LogTest, RawLogWritesTextAndNewline) {
  Init(LogFormat::kText);
  RawLog("plain \"text\"");
  EXPECT_EQ(Written(), "plain \"text\"\n");
}

TEST_F(LogTest, RawLogIsJsonForAJsonLog) {
  Init(LogFormat::kJson);
  RawLog("check \"x\\y\"\n");
  EXPECT_EQ(Written(), "{\"level\":\"error\",\"msg\":\"check \\\"x\\\\y\\\"?\"}\n");
}

}  // namespace
}  // namespace ringwall
