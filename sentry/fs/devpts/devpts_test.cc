// devpts: names come and go with their masters.
#include "sentry/fs/devpts/devpts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "abi/device.h"
#include "abi/fcntl.h"
#include "sentry/tty/tty.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::devpts {
namespace {

class Names final : public vfs::DirSink {
 public:
  bool Add(std::string_view name, uint64_t, uint8_t, int64_t) override {
    names.insert(std::string(name));
    return true;
  }
  std::set<std::string> names;
};

TEST(Devpts, OptionsAreParsed) {
  auto options = ParseOptions("newinstance,ptmxmode=0666,mode=0620,gid=5");
  ASSERT_TRUE(options.ok());
  EXPECT_EQ(options->gid, 5u);
  EXPECT_EQ(options->mode, 0620u);
  EXPECT_EQ(options->ptmx_mode, 0666u);
  EXPECT_TRUE(ParseOptions("mode=99") == Errno::kEINVAL);
  EXPECT_TRUE(ParseOptions("what=1") == Errno::kEINVAL);
}

TEST(Devpts, PtmxMakesPairsAndNames) {
  vfs::TestContext ctx;
  vfs::TestTree tree(Create(ctx, {.gid = 5, .mode = 0620, .ptmx_mode = 0666}));
  auto open = [&](std::string_view path, uint32_t flags = abi::kO_RDWR) {
    return vfs::Open(ctx, tree.start(), path, {.flags = flags}, 022);
  };
  EXPECT_TRUE(open("/0") == Errno::kENOENT);
  {
    auto first = open("/ptmx");
    auto second = open("/ptmx");
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_TRUE(open("/1") == Errno::kEIO);  // still locked
    (*second)->As<tty::TtyFile>()->terminal().SetLocked(false);
    auto slave = open("/1");
    ASSERT_TRUE(slave.ok());
    auto attributes = (*slave)->GetAttributes(ctx);
    EXPECT_EQ(attributes->mode, abi::kS_IFCHR | 0620);
    EXPECT_EQ(attributes->gid, 5u);
    EXPECT_EQ(attributes->rdev, abi::MakeDev(136, 1));
    auto peer = OpenPeer(ctx, **second, abi::kO_RDWR | abi::kO_NOCTTY);
    ASSERT_TRUE(peer.ok());
    EXPECT_EQ((*peer)->path().dentry->name(), "1");
    auto directory = open("/", abi::kO_RDONLY | abi::kO_DIRECTORY);
    ASSERT_TRUE(directory.ok());
    Names names;
    ASSERT_TRUE((*directory)->ReadDir(ctx, names).ok());
    EXPECT_THAT(names.names, testing::IsSupersetOf({"ptmx", "0", "1"}));
  }
  EXPECT_TRUE(open("/1") == Errno::kENOENT);
  auto again = open("/ptmx");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->As<tty::TtyFile>()->terminal().index(), 0);
}

}  // namespace
}  // namespace ringwall::devpts
