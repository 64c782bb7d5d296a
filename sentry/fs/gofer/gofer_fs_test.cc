// The gofer file system against a real gofer server on a temporary tree.
#include "sentry/fs/gofer/gofer_fs.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "abi/fcntl.h"
#include "gofer/server/test_world.h"
#include "sentry/fs/gofer/inode.h"
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

gofer::ServerOptions ImageOptions(const gofer::TempTree& tree, UniqueFd socket) {
  gofer::ServerOptions options = gofer::TestOptions(tree, std::move(socket));
  options.mounts[1].exclusive = true;
  for (int a = 0; a < 20; ++a) {
    const std::string dir = "d" + std::to_string(a);
    std::filesystem::create_directories(tree / (dir + "/sub/deep"));
    for (int f = 0; f < 30; ++f) tree.Write(dir + "/f" + std::to_string(f), dir + " " + std::to_string(f));
    tree.Write(dir + "/large", std::string(100'000, static_cast<char>('a' + a)));
    std::filesystem::create_symlink("f1", tree / (dir + "/link"));
  }
  return options;
}

std::vector<std::string> List(GoferTree& t, const std::string& path, int at_once = -1) {
  const Ref<vfs::File> file = t.Open(path, abi::kO_RDONLY | abi::kO_DIRECTORY).value();
  std::vector<std::string> all;
  for (;;) {
    Names names;
    names.full_at = at_once;
    EXPECT_TRUE(file->ReadDir(t.ctx, names).ok());
    if (names.names.empty()) return all;
    for (std::string& name : names.names) {
      if (name != "." && name != "..") all.push_back(std::move(name));
    }
  }
}

// Everything that a walker through the whole tree can see, as text.
void Describe(GoferTree& t, const std::string& path, std::string& out) {
  std::vector<std::string> names = List(t, path.empty() ? "/" : path);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string child = path + "/" + name;
    const vfs::Attributes a = t.Stat(child).value();
    out +=
        child + " " + std::to_string(a.mode) + " " + std::to_string(a.size) + " " + std::to_string(a.ino) + " " + std::to_string(a.nlink);
    const vfs::Path place = vfs::Walk(t.ctx, t.tree.start(), child, {.last = vfs::LastSymlink::kKeep}).value();
    if (place.inode().IsSymlink()) out += " -> " + place.inode().ReadLink(t.ctx).value();
    if (place.inode().IsRegular()) out += " " + t.Read(*t.Open(child, abi::kO_RDONLY).value());
    out += "\n";
    if (place.inode().IsDirectory()) Describe(t, child, out);
  }
}

TEST(GoferFs, PrefetchShowsTheSameTree) {
  GoferTree plain(ImageOptions, 0), ahead(ImageOptions, 1);
  ASSERT_TRUE(static_cast<GoferFs&>(ahead.tree.root.mount->fs()).prefetch()->lasting());
  ASSERT_FALSE(static_cast<GoferFs&>(plain.tree.root.mount->fs()).prefetch()->lasting());
  for (GoferTree* t : {&plain, &ahead}) {
    std::string text;
    Describe(*t, "", text);
    // Inode numbers are the two trees' own.
    std::string again;
    Describe(*t, "", again);
    EXPECT_EQ(text, again);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 20 * (1 + 2 + 30 + 1 + 1));
    for (int a = 0; a < 20; ++a) {
      const std::string dir = "d" + std::to_string(a);
      for (int f = 0; f < 30; ++f) EXPECT_NE(text.find(" " + dir + " " + std::to_string(f) + "\n"), std::string::npos);
      EXPECT_NE(text.find(" -> f1"), std::string::npos);
    }
  }
}

TEST(GoferFs, ListingsAreReadInPiecesAndFromAnyPosition) {
  GoferTree t(ImageOptions, 1);
  std::vector<std::string> all = List(t, "/d3");
  ASSERT_EQ(all.size(), 33u);
  EXPECT_EQ(List(t, "/d3", 1), all);
  EXPECT_EQ(List(t, "/d3", 7), all);
  const Ref<vfs::File> file = t.Open("/d3", abi::kO_RDONLY | abi::kO_DIRECTORY).value();
  Names first;
  first.full_at = 12;  // with "." and ".."
  ASSERT_TRUE(file->ReadDir(t.ctx, first).ok());
  const uint64_t position = file->position();
  Names rest;
  ASSERT_TRUE(file->ReadDir(t.ctx, rest).ok());
  const Ref<vfs::File> other = t.Open("/d3", abi::kO_RDONLY | abi::kO_DIRECTORY).value();
  other->SetPosition(position);
  Names resumed;
  ASSERT_TRUE(other->ReadDir(t.ctx, resumed).ok());
  EXPECT_EQ(resumed.names, rest.names);
}

TEST(GoferFs, AListedDirectoryKnowsWhatIsNotThere) {
  GoferTree t(ImageOptions, 1);
  List(t, "/d1");
  EXPECT_EQ(t.Stat("/d1/none").error(), Errno::kENOENT);
  EXPECT_EQ(t.Stat("/d1/none/below").error(), Errno::kENOENT);
  EXPECT_EQ(t.Stat("/d1/f3/below").error(), Errno::kENOTDIR);
  EXPECT_TRUE(t.Stat("/d1/sub/deep").ok());
  EXPECT_EQ(t.Stat("/d1/sub/none").error(), Errno::kENOENT);
  EXPECT_TRUE(t.Open("/d1/f1", abi::kO_WRONLY).error() == Errno::kEROFS);
}

TEST(GoferFs, SmallFilesCanBeMappedAndSeekedAlthoughTheirBytesCameAhead) {
  GoferTree t(ImageOptions, 1);
  auto& fs = static_cast<GoferFs&>(t.tree.root.mount->fs());
  List(t, "/d2");
  for (int f = 0; f < 8; ++f) EXPECT_EQ(t.Read(*t.Open("/d2/f" + std::to_string(f), abi::kO_RDONLY).value()), "d2 " + std::to_string(f));
  // By now bytes come with the names.
  List(t, "/d4");
  const Ref<vfs::File> file = t.Open("/d4/f5", abi::kO_RDONLY).value();
  EXPECT_NE(fs.prefetch()->FindContents(static_cast<GoferInode*>(&file->path().inode())), nullptr);
  EXPECT_EQ(t.Read(*file), "d4 5");
  EXPECT_EQ(t.Read(*file, 3), "5");
  EXPECT_EQ(t.Read(*file, 100), "");
  EXPECT_EQ(file->Seek(t.ctx, 0, abi::kSEEK_END).value(), 4);
  EXPECT_EQ(file->Seek(t.ctx, 0, abi::kSEEK_HOLE).value(), 4);
  EXPECT_TRUE(file->Sync(t.ctx, false).ok());
  const Ref<mm::Mappable> mapped = file->Mmap(t.ctx).value();
  const Ref<SharedFd> fd = mapped->HostFile(false).value();
  char text[5] = {};
  EXPECT_EQ(pread(fd->get(), text, 4, 0), 4);
  EXPECT_STREQ(text, "d4 5");
}

gofer::ServerOptions VolumeOptions(const gofer::TempTree& tree, UniqueFd socket) {
  gofer::ServerOptions options = ImageOptions(tree, std::move(socket));
  options.mounts[0].exclusive = false;
  return options;
}

TEST(GoferFs, WhatCameAheadIsOnlyBelievedForAMoment) {
  GoferTree t(VolumeOptions);
  for (int f = 0; f < 3; ++f) {
    List(t, "/d" + std::to_string(f));
    EXPECT_TRUE(t.Stat("/d" + std::to_string(f) + "/f0").ok());
  }
  List(t, "/d5");
  EXPECT_EQ(t.Stat("/d5/f1")->size, 4u);
  // The host changes everything; what was fetched with f1 must not be believed for longer than attributes are.
  for (int f = 0; f < 30; ++f) t.world.tree.Write("d5/f" + std::to_string(f), "longer text");
  std::filesystem::remove(t.world.tree / "d5/f20");
  t.ctx.now.tv_sec += 1;
  for (int f = 0; f < 30; ++f) {
    if (f == 20) continue;
    EXPECT_EQ(t.Stat("/d5/f" + std::to_string(f))->size, 11u);
  }
  EXPECT_EQ(t.Stat("/d5/f20").error(), Errno::kENOENT);
  t.world.tree.Write("d5/fresh", "x");
  EXPECT_TRUE(t.Stat("/d5/fresh").ok());
  EXPECT_EQ(List(t, "/d5").size(), 33u);
}

TEST(GoferFs, OurOwnChangesAreSeenAtOnceWhateverCameAhead) {
  GoferTree t(VolumeOptions);
  for (int a = 0; a < 12; ++a) {
    const std::string dir = "/d" + std::to_string(a);
    const std::vector<std::string> before = List(t, dir);
    EXPECT_TRUE(t.Stat(dir + "/f0").ok());  // and siblings
    EXPECT_TRUE(vfs::Rename(t.ctx, t.tree.start(), dir + "/f3", t.tree.start(), dir + "/f4", 0).ok());
    EXPECT_EQ(t.Stat(dir + "/f3").error(), Errno::kENOENT);
    EXPECT_EQ(t.Read(*t.Open(dir + "/f4", abi::kO_RDONLY).value()), dir.substr(1) + " 3");
    EXPECT_TRUE(vfs::Unlink(t.ctx, t.tree.start(), dir + "/f5").ok());
    EXPECT_EQ(t.Stat(dir + "/f5").error(), Errno::kENOENT);
    EXPECT_EQ(t.Write(*t.Open(dir + "/f5", abi::kO_WRONLY | abi::kO_CREAT | abi::kO_EXCL).value(), "123456").value(), 6u);
    EXPECT_EQ(t.Stat(dir + "/f5")->size, 6u);
    EXPECT_EQ(t.Write(*t.Open(dir + "/f6", abi::kO_WRONLY | abi::kO_APPEND).value(), " more").value(), 5u);
    EXPECT_EQ(t.Stat(dir + "/f6")->size, dir.size() - 1 + 2 + 5);
    EXPECT_EQ(t.Open(dir + "/f7", abi::kO_WRONLY | abi::kO_CREAT | abi::kO_EXCL).error(), Errno::kEEXIST);
    EXPECT_EQ(vfs::Mkdir(t.ctx, t.tree.start(), dir + "/f8", 0755, 0).error(), Errno::kEEXIST);
    EXPECT_EQ(vfs::Symlink(t.ctx, "x", t.tree.start(), dir + "/f8").error(), Errno::kEEXIST);
    const vfs::Path f9 = vfs::Walk(t.ctx, t.tree.start(), dir + "/f9", {}).value();
    EXPECT_EQ(vfs::Link(t.ctx, f9, t.tree.start(), dir + "/f10").error(), Errno::kEEXIST);
    EXPECT_TRUE(vfs::Mkdir(t.ctx, t.tree.start(), dir + "/made", 0755, 0).ok());
    std::vector<std::string> after = List(t, dir);
    EXPECT_EQ(after.size(), before.size());  // one less, one more
    EXPECT_EQ(std::count(after.begin(), after.end(), "made"), 1);
    EXPECT_EQ(std::count(after.begin(), after.end(), "f3"), 0);
  }
}

}  // namespace
}  // namespace ringwall::goferfs
