// Machines that are not this one, judged; and this one, probed: the probes leave nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "runsc-cli/doctor/facts.h"
#include "runsc-cli/doctor/findings.h"
#include "runsc-cli/doctor/in_child.h"
#include "runsc-cli/oci/reader.h"

namespace ringwall::doctor {
namespace {

using testing::HasSubstr;

// A machine on which everything works.
Facts Healthy() {
  Facts f;
  f.kernel.release = "6.6.0";
  f.cpu = {.fsgsbase = true, .xsave_bytes = 2440, .avx512 = true, .signal_frame_bytes = 3376};
  f.ptrace = {.yama_scope = 1, .caught = true};
  f.notification.answered = true;
  f.namespaces = {.root = true, .max_user = 1000};
  f.machine = {.kvm_api = 12, .cgroups = MachineFacts::Cgroups::kV2, .open_files = 1 << 20, .processes = ~uint64_t{0}, .map_count = 65530};
  return f;
}

Finding Of(const Facts& facts, const std::string& check) {
  for (Finding& finding : Judge(facts)) {
    if (finding.check == check) return finding;
  }
  ADD_FAILURE() << "no check " << check;
  return {};
}

TEST(Judge, NothingToSayAboutAHealthyMachine) {
  for (const Finding& finding : Judge(Healthy())) {
    EXPECT_EQ(finding.grade, Grade::kOk) << finding.check << ": " << finding.cause;
    EXPECT_FALSE(finding.evidence.empty()) << finding.check;
    EXPECT_TRUE(finding.cause.empty() && finding.fix.empty()) << finding.check;
  }
}

TEST(Judge, WhatIsNotWellHasACauseAndAFix) {
  Facts f = Healthy();
  f.kernel.missing = {"openat2"};
  f.cpu = {};
  f.ptrace = {.yama_scope = 3, .seize = EPERM, .read_memory = EPERM};
  f.seccomp = {.above = 2, .install = EPERM};
  f.notification = {.listener = EBUSY, .pidfd_getfd = EPERM};
  f.namespaces = {.root = false, .user = EPERM, .clone_switch_off = true};
  f.machine = {.kvm_open = ENOENT, .memfd = EPERM, .open_files = 256};
  for (const Finding& finding : Judge(f)) {
    EXPECT_NE(finding.grade, Grade::kOk) << finding.check;
    EXPECT_GT(finding.cause.size(), 10u) << finding.check;
    EXPECT_GT(finding.fix.size(), 3u) << finding.check;
    EXPECT_EQ(finding.evidence.find('\n'), std::string::npos);
  }
}

TEST(Judge, AListenerAboveUsIsNamed) {
  Facts f = Healthy();
  f.notification = {.listener = EBUSY};
  EXPECT_THAT(Of(f, "notification").cause, HasSubstr("above us already"));
  f.notification = {.sync_wake_up = EINVAL, .answered = true};
  EXPECT_THAT(Of(f, "notification").fix, HasSubstr("6.6"));
  f.notification = {.wait_killable = EINVAL, .answered = true};
  EXPECT_THAT(Of(f, "notification").fix, HasSubstr("5.19"));
}

TEST(Judge, RootNeedsNoUserNamespaceButOthersDo) {
  Facts f = Healthy();
  f.namespaces.user = EPERM;
  f.namespaces.max_user = 0;
  EXPECT_EQ(Of(f, "namespaces").grade, Grade::kWarn);
  EXPECT_THAT(Of(f, "namespaces").fix, HasSubstr("user.max_user_namespaces"));
  f.namespaces.root = false;
  EXPECT_EQ(Of(f, "namespaces").grade, Grade::kFail);
  f.namespaces = {.root = true, .proc = EPERM};  // an attempt in the sandbox, too
  EXPECT_EQ(Of(f, "namespaces").grade, Grade::kWarn);
}

TEST(Judge, YamaMattersOnlyWhereItBites) {
  Facts f = Healthy();
  f.ptrace.yama_scope = 2;  // an administrator may trace
  EXPECT_EQ(Of(f, "yama").grade, Grade::kOk);
  f.ptrace.seize = EPERM;
  EXPECT_EQ(Of(f, "yama").grade, Grade::kWarn);
  EXPECT_THAT(Of(f, "yama").fix, HasSubstr("ptrace_scope=1"));
}

TEST(Choose, TakesTheFirstThatWorksAndSaysWhyNotABetterOne) {
  const PlatformState fast{.name = "systrap", .available = true}, slow{.name = "ptrace", .available = true};
  const PlatformState broken{.name = "systrap", .reason = "no notifications"};
  EXPECT_EQ(Choose({fast, slow}).platform, "systrap");
  EXPECT_EQ(Choose({broken, slow}).platform, "ptrace");
  EXPECT_THAT(Choose({broken, slow}).why, HasSubstr("no notifications"));
  EXPECT_EQ(Choose({broken}).platform, "");
  const PlatformState dead{.name = "systrap", .available = true, .reason = "died", .start = PlatformState::Start::kFailed};
  EXPECT_EQ(Choose({dead, slow}).platform, "ptrace");
  EXPECT_THAT(Choose({dead, slow}).why, HasSubstr("systrap does not start: died"));
}

TEST(Format, JsonIsWholeAndTextNamesTheChoice) {
  const Report report = MakeReport(Healthy(), {{.name = "systrap", .reason = "a \"reason\"\n"}, {.name = "ptrace", .available = true}});
  oci::ReadErrors errors("report");
  oci::Json document;
  ASSERT_TRUE(oci::ParseDocument(FormatJson(report), errors, &document));
  EXPECT_EQ(document["auto"]["platform"], "ptrace");
  EXPECT_EQ(document["platforms"][0]["available"], false);
  EXPECT_EQ(document["checks"].size(), report.findings.size());
  EXPECT_THAT(FormatText(report), HasSubstr("--platform=auto takes ptrace: because systrap is not available: a \"reason\"?"));
}

TEST(InChild, ReturnsWhatTheChildSawOrThatItDied) {
  struct Number {
    int value;
  };
  EXPECT_EQ(InChild<Number>([] { return Number{42}; })->value, 42);
  EXPECT_FALSE(InChild<Number>([]() -> Number { ::_exit(3); }).has_value());
  EXPECT_FALSE(InChild<Number>(
                   []() -> Number {
                     for (;;) ::pause();
                   },
                   50)
                   .has_value());
}

TEST(Probe, LeavesNoChildBehindAndKnowsThisMachine) {
  const Facts facts = Probe();
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  EXPECT_FALSE(facts.kernel.release.empty());
  EXPECT_GT(facts.machine.open_files, 0u);
  EXPECT_GT(facts.cpu.xsave_bytes, 0u);
}

}  // namespace
}  // namespace ringwall::doctor
