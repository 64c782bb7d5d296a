// The tree of proc(5), read by tasks of a world without guest code.
#include "sentry/fs/proc/proc.h"

#include <cstdio>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sentry/fs/proc/subject.h"
#include "sentry/task/test_world.h"
#include "sentry/vfs/operations.h"

namespace ringwall::proc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class ProcTest : public task::test::World {
 protected:
  ProcTest() : tree_(*Create(boot_, *kernel_)) {}

  Result<std::string> TryRead(Context& ctx, const std::string& path) {
    auto file = vfs::Open(ctx, tree_.start(), path, {}, 0);
    if (!file.ok()) return file.error();
    std::string all;
    for (;;) {
      char piece[4096];
      mm::KernelSink sink(absl::Span<std::byte>(reinterpret_cast<std::byte*>(piece), sizeof piece));
      const size_t n = TRY((*file)->Read(ctx, sink));
      if (n == 0) return all;
      all.append(piece, n);
    }
  }
  std::string Read(const std::string& path) {
    auto text = TryRead(*init_, path);
    return text.ok() ? *text : "error " + std::to_string(static_cast<int>(text.error()));
  }
  Result<size_t> Write(Context& ctx, const std::string& path, std::string_view text) {
    Ref<vfs::File> file = TRY(vfs::Open(ctx, tree_.start(), path, {.flags = abi::kO_WRONLY}, 0));
    mm::KernelSource source(absl::Span<const std::byte>(reinterpret_cast<const std::byte*>(text.data()), text.size()));
    return file->Write(ctx, source);
  }
  Result<std::string> ReadLink(Context& ctx, const std::string& path) {
    const vfs::Path place = TRY(vfs::Walk(ctx, tree_.start(), path, {.last = vfs::LastSymlink::kKeep}));
    return vfs::ReadLink(ctx, place);
  }
  std::set<std::string> List(const std::string& path) {
    struct Names final : vfs::DirSink {
      bool Add(std::string_view name, uint64_t, uint8_t, int64_t) override {
        names.emplace(name);
        return true;
      }
      std::set<std::string> names;
    } names;
    auto directory = vfs::Open(*init_, tree_.start(), path, {}, 0);
    EXPECT_TRUE(directory.ok());
    if (directory.ok()) {
      EXPECT_TRUE((*directory)->ReadDir(*init_, names).ok());
    }
    return std::move(names.names);
  }

  vfs::TestContext boot_;
  vfs::TestTree tree_;
};

TEST_F(ProcTest, SelfIsTheReader) {
  EXPECT_EQ(*ReadLink(*init_, "/self"), "1");
  EXPECT_EQ(*ReadLink(*init_, "/thread-self"), "1/task/1");
  const RefPtr<task::Task> child = Fork(*init_);
  EXPECT_EQ(*ReadLink(*child, "/self"), std::to_string(child->tid()));
  EXPECT_TRUE(ReadLink(boot_, "/self") == Errno::kENOENT);
}

TEST_F(ProcTest, ProcessesAreListedAndVanish) {
  const RefPtr<task::Task> child = Fork(*init_);
  const std::string name = std::to_string(child->tid());
  EXPECT_EQ(List("/").count(name), 1u);
  EXPECT_THAT(Read("/" + name + "/stat"), HasSubstr(") "));
  child->thread_group().RequestGroupExit(0);
  EXPECT_TRUE(PumpUntil([&] { return Dead(*child); }));
  EXPECT_THAT(Read("/" + name + "/stat"), HasSubstr(") Z 1 "));
  EXPECT_EQ(Read("/" + name + "/cmdline"), "");
  EXPECT_THAT(Read("/" + name + "/status"), HasSubstr("State:\tZ (zombie)\n"));
  ASSERT_EQ(Call(*init_, task::test::kWait, abi::kWEXITED), child->tid());
  EXPECT_TRUE(TryRead(*init_, "/" + name + "/stat") == Errno::kENOENT);
  EXPECT_EQ(List("/").count(name), 0u);
}

TEST_F(ProcTest, StatHasAllFieldsOfProcPidStat) {
  init_->SetComm("a) (b");
  const std::string text = Read("/self/stat");
  EXPECT_THAT(text, StartsWith("1 (a) (b) "));
  EXPECT_EQ(text.back(), '\n');
  int fields = 1;
  for (size_t i = text.rfind(')'); i < text.size(); ++i) fields += text[i] == ' ' ? 1 : 0;
  EXPECT_EQ(fields, 51);
}

TEST_F(ProcTest, StatusShowsIdsThreadsAndSignals) {
  SetAction(*init_, abi::kSIGUSR1, abi::kSIG_IGN);
  Catch(*init_, abi::kSIGUSR2);
  const RefPtr<task::Task> thread = NewThread(*init_);
  const std::string text = Read("/self/status");
  EXPECT_THAT(text, HasSubstr("\nPid:\t1\n"));
  EXPECT_THAT(text, HasSubstr("\nThreads:\t2\n"));
  EXPECT_THAT(text, HasSubstr("\nUid:\t0\t0\t0\t0\n"));
  EXPECT_THAT(text, HasSubstr("\nSigIgn:\t0000000000000200\n"));
  EXPECT_THAT(text, HasSubstr("\nSigCgt:\t0000000000000800\n"));
  EXPECT_THAT(List("/self/task"), ::testing::IsSupersetOf({std::string("1"), std::to_string(thread->tid())}));
  EXPECT_THAT(Read("/self/task/" + std::to_string(thread->tid()) + "/status"),
              HasSubstr("\nPid:\t" + std::to_string(thread->tid()) + "\n"));
}

TEST_F(ProcTest, CommIsWrittenByTheProcessItself) {
  EXPECT_EQ(*Write(*init_, "/self/comm", "a-name-that-is-too-long\n"), 24u);
  EXPECT_EQ(Read("/self/comm"), "a-name-that-is-\n");
  const RefPtr<task::Task> child = Fork(*init_);
  EXPECT_TRUE(Write(*child, "/1/comm", "x") == Errno::kEINVAL);
}

TEST_F(ProcTest, OthersMemoryNeedsTheRightToTrace) {
  const RefPtr<task::Task> child = Fork(*init_);
  child->SetCreds(Ref<const cred::Credentials>(vfs::TestContext::User(1000, 1000)));
  EXPECT_TRUE(TryRead(*child, "/1/maps") == Errno::kEACCES);
  EXPECT_TRUE(TryRead(*child, "/1/environ") == Errno::kEACCES);
  EXPECT_TRUE(ReadLink(*child, "/1/cwd") == Errno::kEACCES);
  EXPECT_TRUE(TryRead(*child, "/1/stat").ok());
  EXPECT_TRUE(TryRead(*child, "/self/maps").ok());
  EXPECT_EQ(*ReadLink(*child, "/self/cwd"), "/");
}

TEST_F(ProcTest, MemIsTheMemory) {
  Poke(*init_, kWord, 0x64636261);
  auto file = vfs::Open(*init_, tree_.start(), "/self/mem", {.flags = abi::kO_RDWR}, 0);
  ASSERT_TRUE(file.ok());
  char bytes[4];
  const auto all = absl::Span<std::byte>(reinterpret_cast<std::byte*>(bytes), sizeof bytes);
  mm::KernelSink sink(all);
  EXPECT_EQ(*(*file)->PRead(*init_, sink, kWord), 4u);
  EXPECT_EQ(std::string(bytes, 4), "abcd");
  mm::KernelSource source(all);
  EXPECT_EQ(*(*file)->PWrite(*init_, source, kWord2), 4u);
  EXPECT_EQ(Peek(*init_, kWord2), 0x64636261u);
  mm::KernelSink nothing(all), above(all);
  EXPECT_TRUE((*file)->PRead(*init_, nothing, 0x10) == Errno::kEIO);
  EXPECT_TRUE((*file)->PRead(*init_, above, ~uint64_t{0} - 1) == Errno::kEIO);
}

TEST_F(ProcTest, DescriptorsHaveLinksAndInfo) {
  auto file = vfs::Open(*init_, tree_.start(), "/version", {}, 0);
  ASSERT_TRUE(file.ok());
  auto fd = init_->fds().Add(*file, {.cloexec = true}, 64, 5);
  ASSERT_TRUE(fd.ok());
  EXPECT_EQ(List("/self/fd").count("5"), 1u);
  EXPECT_THAT(*ReadLink(*init_, "/self/fd/5"), HasSubstr("/version"));
  EXPECT_THAT(Read("/self/fdinfo/5"), StartsWith("pos:\t0\nflags:\t02100000\nmnt_id:\t"));
  EXPECT_THAT(Read("/self/fd/5"), StartsWith("Linux version "));
  ASSERT_TRUE(init_->fds().Remove(*fd).ok());
  EXPECT_TRUE(ReadLink(*init_, "/self/fd/5") == Errno::kENOENT);
  EXPECT_TRUE(ReadLink(*init_, "/self/fd/05") == Errno::kENOENT);
}

TEST_F(ProcTest, SettingsCheckWhatTheyAreGiven) {
  EXPECT_EQ(Read("/self/oom_score_adj"), "0\n");
  EXPECT_TRUE(Write(*init_, "/self/oom_score_adj", "-500\n").ok());
  EXPECT_EQ(Read("/self/oom_score_adj"), "-500\n");
  EXPECT_TRUE(Write(*init_, "/self/oom_score_adj", "1001") == Errno::kEINVAL);
  EXPECT_TRUE(Write(*init_, "/self/oom_score_adj", "much") == Errno::kEINVAL);
  EXPECT_TRUE(Write(*init_, "/sys/kernel/hostname", "box\n").ok());
  EXPECT_EQ(Read("/sys/kernel/hostname"), "box\n");
  EXPECT_EQ(kernel_->uts().hostname, "box");
  EXPECT_NE(Read("/sys/kernel/random/uuid"), Read("/sys/kernel/random/uuid"));
  EXPECT_EQ(Read("/sys/kernel/random/boot_id"), Read("/sys/kernel/random/boot_id"));
}

TEST_F(ProcTest, MachineFilesHaveTheirShape) {
  EXPECT_THAT(Read("/meminfo"), StartsWith("MemTotal:  "));
  EXPECT_THAT(Read("/cpuinfo"), StartsWith("processor\t: 0\nvendor_id\t: "));
  EXPECT_THAT(Read("/cpuinfo"), HasSubstr(" sse2 "));
  EXPECT_THAT(Read("/stat"), StartsWith("cpu  "));
  double one, five, fifteen;
  int running, total, last;
  EXPECT_EQ(std::sscanf(Read("/loadavg").c_str(), "%lf %lf %lf %d/%d %d", &one, &five, &fifteen, &running, &total, &last), 6);
  EXPECT_EQ(total, 1);
  EXPECT_THAT(Read("/self/mountinfo"), HasSubstr(" / / rw,relatime - tmpfs none rw"));
  EXPECT_THAT(Read("/self/limits"), HasSubstr("Max open files            "));
  EXPECT_THAT(Read("/self/maps"), Not(HasSubstr("error")));
}

TEST(ProcNames, NumbersAndEscapes) {
  EXPECT_EQ(ParseNumber("123"), 123);
  EXPECT_EQ(ParseNumber("0"), 0);
  for (const char* bad : {"", "01", "-1", "+1", "1x", "12345678901", " 1"}) EXPECT_EQ(ParseNumber(bad), -1) << bad;
  EXPECT_EQ(Escape("a b\tc\\"), "a\\040b\\011c\\134");
  EXPECT_EQ(*ParseSetting(" 0x1f\n"), 31);
  EXPECT_EQ(*ParseSetting("-7\n"), -7);
}

}  // namespace
}  // namespace ringwall::proc
