// The default devices, opened by name.
#include "sentry/fs/dev/dev.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "abi/device.h"
#include "abi/fcntl.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::devfs {
namespace {

struct Dev {
  explicit Dev(Options options = {}) : tree(Make(ctx, options)) {}
  static Ref<vfs::FileSystem> Make(vfs::TestContext& ctx, const Options& options) {
    RegisterDevices();
    return Create(ctx, options).value();
  }
  Ref<vfs::File> Open(std::string_view path) { return vfs::Open(ctx, tree.start(), path, {.flags = abi::kO_RDWR}, 0).value(); }
  Result<size_t> Read(vfs::File& file, std::string& text) {
    mm::KernelSink sink(absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), text.size()));
    return file.Read(ctx, sink);
  }
  Result<size_t> Write(vfs::File& file, std::string_view text) {
    mm::KernelSource source(absl::MakeConstSpan(reinterpret_cast<const std::byte*>(text.data()), text.size()));
    return file.Write(ctx, source);
  }
  vfs::TestContext ctx;
  vfs::TestTree tree;
};

TEST(Dev, NullZeroFull) {
  Dev t;
  std::string text(100'000, 'x');
  const Ref<vfs::File> null = t.Open("/null");
  EXPECT_EQ(t.Read(*null, text).value(), 0u);
  EXPECT_EQ(t.Write(*null, text).value(), text.size());
  const Ref<vfs::File> zero = t.Open("/zero");
  EXPECT_EQ(t.Read(*zero, text).value(), text.size());
  EXPECT_EQ(text, std::string(text.size(), '\0'));
  EXPECT_TRUE(zero->Mmap(t.ctx).ok());
  const Ref<vfs::File> full = t.Open("/full");
  EXPECT_TRUE(t.Write(*full, "x") == Errno::kENOSPC);
  EXPECT_EQ(t.Read(*full, text).value(), text.size());
  EXPECT_EQ(full->Seek(t.ctx, 5, 0).value(), 0);
}

TEST(Dev, RandomIsRandom) {
  Dev t;
  std::string a(4096, '\0'), b(4096, '\0');
  const Ref<vfs::File> file = t.Open("/urandom");
  EXPECT_EQ(t.Read(*file, a).value(), a.size());
  EXPECT_EQ(t.Read(*file, b).value(), b.size());
  EXPECT_NE(a, b);
  EXPECT_GT(std::count_if(a.begin(), a.end(), [](char c) { return c != 0; }), 3000);
}

TEST(Dev, ConsoleBelongsToItsNode) {
  Dev without;
  EXPECT_TRUE(vfs::Open(without.ctx, without.tree.start(), "/console", {.flags = abi::kO_RDWR}, 0) == Errno::kENOENT);
  EXPECT_TRUE(vfs::Mknod(without.ctx, without.tree.start(), "/console", abi::kS_IFCHR | 0600, abi::MakeDev(5, 1), 0).ok());
  EXPECT_TRUE(vfs::Open(without.ctx, without.tree.start(), "/console", {.flags = abi::kO_RDWR}, 0) == Errno::kENXIO);
  Dev with({.console = [](Context&, const vfs::Path&, uint32_t) -> Result<Ref<vfs::File>> { return Errno::kEIO; }});
  EXPECT_TRUE(vfs::Open(with.ctx, with.tree.start(), "/console", {.flags = abi::kO_RDWR}, 0) == Errno::kEIO);
}

TEST(Dev, NodesAreAddedWithTheirDirectories) {
  Dev t;
  EXPECT_TRUE(AddNode(t.ctx, t.tree.root.mount->fs(), "net/tun", abi::kS_IFCHR | 0640, abi::MakeDev(10, 200), 1, 2).ok());
  const vfs::Attributes a = vfs::GetAttributes(t.ctx, vfs::Walk(t.ctx, t.tree.start(), "/net/tun", {}).value()).value();
  EXPECT_EQ(a.mode, uint32_t{abi::kS_IFCHR | 0640});
  EXPECT_EQ(a.uid, 1u);
  EXPECT_EQ(a.gid, 2u);
  EXPECT_TRUE(AddNode(t.ctx, t.tree.root.mount->fs(), "../x", abi::kS_IFCHR, 0, 0, 0) == Errno::kEINVAL);
  EXPECT_TRUE(AddNode(t.ctx, t.tree.root.mount->fs(), "pts", abi::kS_IFCHR, 0, 0, 0) == Errno::kEISDIR);
}

}  // namespace
}  // namespace ringwall::devfs
