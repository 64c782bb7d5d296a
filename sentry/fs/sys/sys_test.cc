// The tree of sysfs as programs read it.
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "sentry/context/machine.h"
#include "sentry/fs/sys/sys.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::sys {
namespace {

class SysTest : public ::testing::Test {
 protected:
  SysTest() : tree_(*Create(ctx_)) {}
  std::string Read(const std::string& path) {
    auto file = vfs::Open(ctx_, tree_.start(), path, {}, 0);
    if (!file.ok()) return "no " + path;
    std::string text(4096, '\0');
    mm::KernelSink sink(absl::Span<std::byte>(reinterpret_cast<std::byte*>(text.data()), text.size()));
    auto n = (*file)->Read(ctx_, sink);
    text.resize(n.ok() ? *n : 0);
    return text;
  }
  vfs::TestContext ctx_;
  vfs::TestTree tree_;
};

TEST_F(SysTest, CpusAreAsManyAsTheMachineHas) {
  const uint32_t n = machine::CpuCount();
  const std::string range = n == 1 ? "0\n" : "0-" + std::to_string(n - 1) + "\n";
  EXPECT_EQ(Read("/devices/system/cpu/online"), range);
  EXPECT_EQ(Read("/devices/system/cpu/possible"), range);
  EXPECT_EQ(Read("/devices/system/node/node0/cpulist"), range);
  EXPECT_EQ(Read("/devices/system/cpu/cpu0/topology/core_id"), "0\n");
  EXPECT_EQ(Read("/devices/system/cpu/cpu" + std::to_string(n) + "/topology/core_id").substr(0, 2), "no");
}
TEST_F(SysTest, LinksLeadToTheNode) { EXPECT_NE(Read("/devices/system/cpu/cpu0/node0/meminfo").find("MemTotal:"), std::string::npos); }
TEST_F(SysTest, HugePageSettingMarksTheChoice) {
  EXPECT_NE(Read("/kernel/mm/transparent_hugepage/enabled").find("[madvise]"), std::string::npos);
}
TEST_F(SysTest, NothingCanBeMadeOrRemoved) {
  EXPECT_TRUE(vfs::Mkdir(ctx_, tree_.start(), "/class/new", 0755, 0) == Errno::kEPERM);
  EXPECT_TRUE(vfs::Unlink(ctx_, tree_.start(), "/devices/system/cpu/online") == Errno::kEPERM);
}

}  // namespace
}  // namespace ringwall::sys
