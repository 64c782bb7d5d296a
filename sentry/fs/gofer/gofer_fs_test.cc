// The gofer file system against a real gofer server on a temporary tree.
#include "sentry/fs/gofer/gofer_fs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "abi/fcntl.h"
#include "gofer/server/test_world.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::goferfs {
namespace {

gofer::ServerOptions SharedOptions(const gofer::TempTree& tree, UniqueFd socket) {
  gofer::ServerOptions options = gofer::TestOptions(tree, std::move(socket));
  options.mounts[0].exclusive = false;
  return options;
}

struct GoferTree {
  explicit GoferTree(gofer::ServerOptions (*options)(const gofer::TempTree&, UniqueFd) = gofer::TestOptions, uint32_t mount = 0)
      : world(options), tree(GoferFs::Create(world.client, mount).value()) {
    Ref<cred::Credentials> me = cred::Credentials::Root();
    me->fsuid = me->uid = getuid();
    me->fsgid = me->gid = getgid();
    ctx.SetCreds(me);
    ctx.now.tv_sec = 2'000'000'000;
  }
  Result<Ref<vfs::File>> Open(std::string_view path, uint32_t flags, uint32_t mode = 0644) {
    return vfs::Open(ctx, tree.start(), path, {.flags = flags, .mode = mode}, 022);
  }
  Result<vfs::Attributes> Stat(std::string_view path) {
    const vfs::Path place = TRY(vfs::Walk(ctx, tree.start(), path, {.last = vfs::LastSymlink::kKeep}));
    return vfs::GetAttributes(ctx, place);
  }
  std::string Read(vfs::File& file, uint64_t offset = 0) {
    std::string text(1 << 20, 0);
    mm::KernelSink sink(absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), text.size()));
    EXPECT_TRUE(file.PRead(ctx, sink, offset).ok());
    text.resize(sink.done());
    return text;
  }
  Result<size_t> Write(vfs::File& file, std::string_view text) {
    mm::KernelSource source(absl::MakeConstSpan(reinterpret_cast<const std::byte*>(text.data()), text.size()));
    return file.Write(ctx, source);
  }

  gofer::World world;
  vfs::TestContext ctx;
  vfs::TestTree tree;
};

class Names final : public vfs::DirSink {
 public:
  bool Add(std::string_view name, uint64_t, uint8_t, int64_t) override {
    if (full_at-- == 0) return false;
    names.emplace_back(name);
    return true;
  }
  std::vector<std::string> names;
  int full_at = -1;
};

TEST(GoferFs, ReadsWhatTheHostHas) {
  GoferTree t;
  t.world.tree.Write("a", "hello");
  const Ref<vfs::File> file = t.Open("/a", abi::kO_RDONLY).value();
  EXPECT_EQ(t.Read(*file), "hello");
  EXPECT_EQ(t.Read(*file, 3), "lo");
  EXPECT_TRUE(t.Write(*file, "x") == Errno::kEBADF);
  EXPECT_EQ(t.Stat("/a")->size, 5u);
  EXPECT_EQ(t.Stat("/a")->dev, t.tree.root.mount->fs().dev());
}

TEST(GoferFs, WritesAreSeenByStatAndByTheHost) {
  GoferTree t;
  const Ref<vfs::File> file = t.Open("/new", abi::kO_RDWR | abi::kO_CREAT | abi::kO_EXCL, 0640).value();
  EXPECT_EQ(t.Write(*file, "12345").value(), 5u);
  EXPECT_EQ(t.Stat("/new")->size, 5u);
  EXPECT_EQ(t.Stat("/new")->mode, uint32_t{abi::kS_IFREG | 0640});
  std::ifstream in(t.world.tree / "new");
  std::string text;
  in >> text;
  EXPECT_EQ(text, "12345");
  const Ref<vfs::File> end = t.Open("/new", abi::kO_WRONLY | abi::kO_APPEND).value();
  EXPECT_EQ(t.Write(*end, "67").value(), 2u);
  EXPECT_EQ(end->position(), 7u);
  EXPECT_EQ(t.Read(*file), "1234567");
  EXPECT_TRUE(vfs::TruncateFile(t.ctx, *file, 3).ok());
  EXPECT_EQ(t.Stat("/new")->size, 3u);
}

TEST(GoferFs, LargeTransfersGoInPieces) {
  GoferTree t;
  const Ref<vfs::File> file = t.Open("/big", abi::kO_RDWR | abi::kO_CREAT).value();
  std::string text(900'000, 0);
  for (size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 7 / 3);
  EXPECT_EQ(t.Write(*file, text).value(), text.size());
  EXPECT_EQ(t.Read(*file), text);
}

TEST(GoferFs, HardLinksShareAnInode) {
  GoferTree t;
  t.world.tree.Write("a", "1");
  ASSERT_EQ(link((t.world.tree / "a").c_str(), (t.world.tree / "b").c_str()), 0);
  const vfs::Path a = vfs::Walk(t.ctx, t.tree.start(), "/a", {}).value();
  const vfs::Path b = vfs::Walk(t.ctx, t.tree.start(), "/b", {}).value();
  EXPECT_EQ(&a.inode(), &b.inode());
  EXPECT_EQ(t.Stat("/a")->nlink, 2u);
  EXPECT_TRUE(vfs::Unlink(t.ctx, t.tree.start(), "/b").ok());
  EXPECT_EQ(t.Stat("/a")->nlink, 1u);
}

TEST(GoferFs, NamesAreMadeMovedAndRemoved) {
  GoferTree t;
  EXPECT_TRUE(vfs::Mkdir(t.ctx, t.tree.start(), "/d", 0755, 0).ok());
  EXPECT_TRUE(vfs::Symlink(t.ctx, "d/f", t.tree.start(), "/l").ok());
  EXPECT_TRUE(t.Open("/d/f", abi::kO_CREAT | abi::kO_RDWR).ok());
  EXPECT_TRUE(t.Open("/l", abi::kO_RDONLY).ok());
  EXPECT_TRUE(vfs::Rename(t.ctx, t.tree.start(), "/d/f", t.tree.start(), "/g", 0).ok());
  EXPECT_TRUE(t.Open("/l", abi::kO_RDONLY) == Errno::kENOENT);
  EXPECT_TRUE(t.Open("/g", abi::kO_RDONLY).ok());
  EXPECT_TRUE(vfs::Rmdir(t.ctx, t.tree.start(), "/d").ok());
  EXPECT_TRUE(t.Stat("/d") == Errno::kENOENT);
  struct stat st;
  EXPECT_NE(stat((t.world.tree / "d").c_str(), &st), 0);
  const vfs::Path fifo = vfs::Mknod(t.ctx, t.tree.start(), "/p", abi::kS_IFIFO | 0600, 0, 0).value();
  EXPECT_TRUE(fifo.inode().type() == abi::kS_IFIFO);
}

TEST(GoferFs, ListsInBatchesAndSeeks) {
  GoferTree t;
  std::vector<std::string> expected = {".", ".."};
  for (int i = 0; i < 1500; ++i) {
    const std::string name = "file-with-a-long-name-" + std::to_string(i);
    t.world.tree.Write(name, "");
    expected.push_back(name);
  }
  const Ref<vfs::File> dir = t.Open("/", abi::kO_RDONLY | abi::kO_DIRECTORY).value();
  Names names;
  for (;;) {
    const size_t before = names.names.size();
    names.full_at = 7;
    ASSERT_TRUE(dir->ReadDir(t.ctx, names).ok());
    if (names.names.size() == before) break;
  }
  std::sort(names.names.begin(), names.names.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(names.names, expected);
  ASSERT_TRUE(dir->Seek(t.ctx, 0, abi::kSEEK_SET).ok());
  Names again;
  ASSERT_TRUE(dir->ReadDir(t.ctx, again).ok());
  EXPECT_EQ(again.names.size(), expected.size());
}

TEST(GoferFs, ExclusiveTreesKeepWhatTheyKnow) {
  GoferTree t;
  EXPECT_TRUE(t.Stat("/late") == Errno::kENOENT);
  t.world.tree.Write("late", "x");
  EXPECT_TRUE(t.Stat("/late") == Errno::kENOENT);
}

TEST(GoferFs, SharedTreesSeeTheHostsChanges) {
  GoferTree t(SharedOptions);
  EXPECT_TRUE(t.Stat("/f") == Errno::kENOENT);
  t.world.tree.Write("f", "x");
  EXPECT_EQ(t.Stat("/f")->size, 1u);
  t.world.tree.Write("f", "xyz");
  t.ctx.now.tv_sec += 1;
  EXPECT_EQ(t.Stat("/f")->size, 3u);
  const uint64_t ino = t.Stat("/f")->ino;
  t.world.tree.Write("g", "new");
  std::filesystem::rename(t.world.tree / "g", t.world.tree / "f");
  t.ctx.now.tv_sec += 1;
  EXPECT_NE(t.Stat("/f")->ino, ino);
  std::filesystem::remove(t.world.tree / "f");
  t.ctx.now.tv_sec += 1;
  EXPECT_TRUE(t.Stat("/f") == Errno::kENOENT);
}

TEST(GoferFs, ReadOnlyMountsRefuse) {
  GoferTree t(gofer::TestOptions, 1);
  t.world.tree.Write("a", "1");
  EXPECT_TRUE(t.Open("/a", abi::kO_RDWR) == Errno::kEROFS);
  EXPECT_TRUE(vfs::Mkdir(t.ctx, t.tree.start(), "/d", 0755, 0) == Errno::kEROFS);
}

TEST(GoferFs, DescriptorsAreKeptForTheNextOpen) {
  GoferTree t;
  t.world.tree.Write("a", "abc");
  const Ref<vfs::File> one = t.Open("/a", abi::kO_RDONLY).value();
  const Ref<vfs::File> two = t.Open("/a", abi::kO_RDONLY).value();
  const Ref<mm::Mappable> map_one = one->Mmap(t.ctx).value();
  const Ref<mm::Mappable> map_two = two->Mmap(t.ctx).value();
  EXPECT_EQ(map_one->HostFile(false).value()->id(), map_two->HostFile(false).value()->id());
  EXPECT_TRUE(map_one->HostFile(true) == Errno::kEACCES);
  EXPECT_EQ(map_one->Name(), "/a");
}

TEST(DescriptorCache, DropsTheOneUsedLast) {
  DescriptorCache cache(2);
  const auto* a = reinterpret_cast<const GoferInode*>(8);
  const auto* b = reinterpret_cast<const GoferInode*>(16);
  const auto* c = reinterpret_cast<const GoferInode*>(24);
  cache.Insert(a, false, MakeRef<SharedFd>(UniqueFd()));
  cache.Insert(b, false, MakeRef<SharedFd>(UniqueFd()));
  EXPECT_TRUE(cache.Find(a, false));
  cache.Insert(c, true, MakeRef<SharedFd>(UniqueFd()));
  EXPECT_FALSE(cache.Find(b, false));
  EXPECT_TRUE(cache.FindAny(c));
  cache.Forget(a);
  EXPECT_EQ(cache.size(), 1u);
}

}  // namespace
}  // namespace ringwall::goferfs
