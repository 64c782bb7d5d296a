// The kit: snapshots, dynamic names, magic links, refusal of changes.
#include "sentry/fs/kit/kit.h"

#include <gtest/gtest.h>

#include <set>

#include "abi/fcntl.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::kit {
namespace {

using vfs::TestContext;

std::string Read(Context& ctx, vfs::File& file, size_t length) {
  std::string out(length, '\0');
  mm::KernelSink sink(absl::Span<std::byte>(reinterpret_cast<std::byte*>(out.data()), out.size()));
  out.resize(file.Read(ctx, sink).value_or(0));
  return out;
}

struct Names final : public vfs::DirSink {
  explicit Names(size_t room) : left(room) {}
  bool Add(std::string_view name, uint64_t, uint8_t, int64_t) override {
    if (left == 0) return false;
    --left;
    names.emplace_back(name);
    return true;
  }
  size_t left;
  std::vector<std::string> names;
};

class KitTest : public testing::Test {
 protected:
  static constexpr uint64_t kMagic = 0x9fa0;
  TestContext ctx;
  Ref<KitFs> fs = KitFs::Create("proc", kMagic, ctx.now);
  std::set<int> alive{3, 14, 15};
  int counter = 0;
  std::string setting = "1\n";
  Ref<Directory> root = MakeRef<Directory>(
      *fs, NodeOptions{.mode = 0555},
      Directory::Dynamic{.lookup = [this](Context&, std::string_view name) -> Result<Ref<vfs::Inode>> {
                           const int n = std::atoi(std::string(name).c_str());
                           if (!alive.contains(n)) return Errno::kENOENT;
                           NodeOptions options{.mode = 0555, .still_valid = [this, n](Context&) { return alive.contains(n); }};
                           return Ref<vfs::Inode>(MakeRef<Directory>(*fs, options));
                         },
                         .list =
                             [this](Context&, int64_t from) {
                               std::vector<Directory::Listed> out;
                               for (auto it = alive.lower_bound(static_cast<int>(from)); it != alive.end(); ++it) {
                                 out.push_back({std::to_string(*it), 100u + static_cast<uint64_t>(*it), 4, *it});
                               }
                               return out;
                             }});
  std::optional<vfs::TestTree> tree;

  void SetUp() override {
    root->Add("counter",
              MakeRef<DynamicFile>(*fs, NodeOptions{}, [this](Context&) { return Result<std::string>("n" + std::to_string(counter++)); }));
    root->AddPath("sys/kernel/x", MakeRef<DynamicFile>(
                                      *fs, NodeOptions{.mode = 0644}, [this](Context&) { return Result<std::string>(setting); },
                                      [this](Context&, std::string_view data, uint64_t) -> Result<size_t> {
                                        setting = std::string(data);
                                        return data.size();
                                      }));
    root->Add("magic", MakeRef<MagicLink>(
                           *fs, NodeOptions{.mode = 0777}, [this](Context&) -> Result<vfs::Path> { return tree->root; },
                           [](Context&) { return Result<std::string>("/nowhere"); }));
    fs->SetRoot(root);
    tree.emplace(Ref<vfs::FileSystem>(fs));
  }
  Result<Ref<vfs::File>> Open(std::string_view path, uint32_t flags = 0) {
    return vfs::Open(ctx, tree->start(), path, {.flags = flags}, 0);
  }
};

TEST_F(KitTest, OneSnapshotPerPassOverTheFile) {
  Ref<vfs::File> file = Open("/counter").value();
  EXPECT_EQ(Read(ctx, *file, 1), "n");
  EXPECT_EQ(Read(ctx, *file, 9), "0");
  EXPECT_EQ(Read(ctx, *file, 9), "");
  EXPECT_EQ(file->Seek(ctx, 0, 0).value_or(-1), 0);
  EXPECT_EQ(Read(ctx, *file, 9), "n1");
}

TEST_F(KitTest, SettingsAreWrittenWhole) {
  Ref<vfs::File> file = Open("/sys/kernel/x", abi::kO_WRONLY | abi::kO_TRUNC).value();
  mm::KernelSource source(absl::Span<const std::byte>(reinterpret_cast<const std::byte*>("42\n"), 3));
  EXPECT_EQ(file->Write(ctx, source).value_or(0), 3u);
  EXPECT_EQ(setting, "42\n");
  EXPECT_TRUE(Open("/counter", abi::kO_WRONLY).ok());
  ctx.SetCreds(TestContext::User(1, 1));
  EXPECT_TRUE(Open("/sys/kernel/x", abi::kO_WRONLY) == Errno::kEACCES);
}

TEST_F(KitTest, DynamicNamesComeAndGo) {
  EXPECT_TRUE(Open("/14").ok());
  alive.erase(14);
  EXPECT_TRUE(Open("/14") == Errno::kENOENT);
  Ref<vfs::File> dir = Open("/").value();
  std::vector<std::string> all;
  for (;;) {
    Names names(1);
    ASSERT_TRUE(dir->ReadDir(ctx, names).ok());
    if (names.names.empty()) break;
    all.insert(all.end(), names.names.begin(), names.names.end());
    alive.insert(20);
    alive.erase(15);
  }
  EXPECT_EQ(all, (std::vector<std::string>{".", "..", "counter", "sys", "magic", "3", "20"}));
}

TEST_F(KitTest, MagicLinksJumpAndReadAsText) {
  const vfs::Path link = vfs::Walk(ctx, tree->start(), "/magic", {.last = vfs::LastSymlink::kKeep}).value();
  EXPECT_EQ(vfs::ReadLink(ctx, link).value(), "/nowhere");
  EXPECT_TRUE(vfs::Walk(ctx, tree->start(), "/magic/sys/..", {}).value() == tree->root);
  EXPECT_TRUE(vfs::Walk(ctx, tree->start(), "/magic", {.no_magiclinks = true}) == Errno::kELOOP);
}

TEST_F(KitTest, NamesCannotBeMadeOrRemoved) {
  EXPECT_TRUE(vfs::Mkdir(ctx, tree->start(), "/new", 0777, 0) == Errno::kENOENT);
  EXPECT_TRUE(vfs::Mkdir(ctx, tree->start(), "/sys/new", 0777, 0) == Errno::kEPERM);
  EXPECT_TRUE(vfs::Mkdir(ctx, tree->start(), "/sys", 0777, 0) == Errno::kEEXIST);
  EXPECT_TRUE(Open("/sys/new", abi::kO_CREAT | abi::kO_WRONLY) == Errno::kEACCES);
  EXPECT_TRUE(vfs::Unlink(ctx, tree->start(), "/counter") == Errno::kEPERM);
  EXPECT_TRUE(vfs::Rmdir(ctx, tree->start(), "/sys") == Errno::kEPERM);
  EXPECT_TRUE(vfs::Rename(ctx, tree->start(), "/counter", tree->start(), "/c", 0) == Errno::kEPERM);
  EXPECT_EQ(vfs::GetAttributes(ctx, tree->root)->nlink, 3u);
  EXPECT_EQ(tree->root.inode().StatFs(ctx)->type, kMagic);
}

}  // namespace
}  // namespace ringwall::kit
