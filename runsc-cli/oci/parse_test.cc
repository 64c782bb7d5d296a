// config.json: what is read, and that each error is one sentence naming the field. tests/oci has the long list of hostile files.
#include <gtest/gtest.h>

#include "runsc-cli/oci/json.h"

namespace ringwall::oci {
namespace {

std::string ErrorOf(std::string_view text) {
  auto spec = ParseSpec(text, "config.json");
  const absl::Status status = spec.ok() ? ValidateSpec(*spec, "config.json", nullptr) : spec.status();
  return std::string(status.message());
}

TEST(ParseSpec, ReadsWhatSpecWrites) {
  for (const bool rootless : {false, true}) {
    auto spec = ParseSpec(GenerateSpec(rootless), "config.json");
    ASSERT_TRUE(spec.ok()) << spec.status().ToString();
    std::vector<std::string> warnings;
    EXPECT_TRUE(ValidateSpec(*spec, "config.json", &warnings).ok());
    EXPECT_EQ(spec->process->args, std::vector<std::string>{"sh"});
    EXPECT_TRUE(spec->root.readonly);
    EXPECT_EQ(spec->process->rlimits[0].hard, 1024u);
    EXPECT_EQ(spec->linux_.uid_mappings.size(), rootless ? 1u : 0u);
  }
}

TEST(ParseSpec, NamesTheFieldTheFindingAndTheWish) {
  EXPECT_EQ(ErrorOf(R"({"ociVersion":"1.0.2","root":{"path":"r"},"process":{"cwd":"/","args":["a",7]}})"),
            "config.json: process.args[1]: found a number, wanted a string");
  EXPECT_EQ(ErrorOf(R"({"ociVersion":"1.0.2","root":{"path":"r"},"process":{"cwd":"/","args":[""]}})"),
            "config.json: process.args[0]: empty string; give the program to run");
  EXPECT_EQ(ErrorOf(R"({"ociVersion":"1.0.2","root":{"path":"r"},"process":{"cwd":"/","args":["a"],"user":{"uid":4294967296}}})"),
            "config.json: process.user.uid: number out of range; wanted 0 to 4294967295");
}

TEST(ParseSpec, ErrorsStayOneLine) {
  EXPECT_EQ(ErrorOf(R"({"ociVersion":"1.0.2","root":{"path":"r"},"process":{"cwd":"a\nb","args":["a"]}})"),
            "config.json: process.cwd: found \"a?b\", wanted an absolute path");
}

TEST(ParseSpec, SaysWhereTheSyntaxBreaks) {
  EXPECT_EQ(ErrorOf("{\n  \"a\": 1,\n}").rfind("config.json: not JSON: line 3, column 1:", 0), 0u) << ErrorOf("{\n  \"a\": 1,\n}");
  EXPECT_EQ(ErrorOf(""), "config.json: empty file; wanted a JSON object");
}

TEST(ParseSpec, UnknownCapabilitiesAreWarnings) {
  auto spec = ParseSpec(
      R"({"ociVersion":"1.0.2","root":{"path":"r"},"process":{"cwd":"/","args":["a"],"capabilities":{"bounding":["CAP_NEW"]}}})", "c");
  ASSERT_TRUE(spec.ok());
  std::vector<std::string> warnings;
  EXPECT_TRUE(ValidateSpec(*spec, "c", &warnings).ok());
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0], "c: process.capabilities.bounding[0]: unknown capability \"CAP_NEW\" is ignored");
}

TEST(Names, MatchLinuxNumbers) {
  EXPECT_EQ(CapabilityNumber("CAP_CHOWN"), 0);
  EXPECT_EQ(CapabilityNumber("CAP_SYS_ADMIN"), 21);
  EXPECT_EQ(CapabilityNumber("CAP_CHECKPOINT_RESTORE"), 40);
  EXPECT_EQ(CapabilityNumber("SYS_ADMIN"), -1);
  EXPECT_EQ(RlimitNumber("RLIMIT_NOFILE"), 7);
  EXPECT_EQ(RlimitNumber("RLIMIT_RTTIME"), 15);
}

TEST(FormatState, HoldsBytesThatAreNotUtf8) {
  EXPECT_NE(FormatState({.version = "1.0.2", .id = "a", .status = "created", .bundle = "/\xff"}).find("\"status\": \"created\""),
            std::string::npos);
}

}  // namespace
}  // namespace ringwall::oci
