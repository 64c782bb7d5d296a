// tmpfs: data against std::string, limits, positions in changing directories, link counts.
#include "sentry/fs/tmpfs/tmpfs.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "abi/fcntl.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::tmpfs {
namespace {

using vfs::File;
using vfs::TestContext;
using vfs::TestTree;

struct Tmp {
  explicit Tmp(Options options = {}) : fs(TmpFs::Create(ctx, options)), tree(Ref<vfs::FileSystem>(fs)) {}
  Ref<File> Open(std::string_view path, uint32_t flags, uint32_t mode = 0644) {
    Result<Ref<File>> file = vfs::Open(ctx, tree.start(), path, {.flags = flags, .mode = mode}, 0);
    EXPECT_TRUE(file.ok()) << path << " " << ErrnoName(file.error());
    return std::move(file).value();
  }
  vfs::Attributes Stat(std::string_view path) {
    Result<vfs::Path> place = vfs::Walk(ctx, tree.start(), path, {.last = vfs::LastSymlink::kKeep});
    EXPECT_TRUE(place.ok()) << path;
    return vfs::GetAttributes(ctx, place.value()).value();
  }
  TestContext ctx;
  Ref<TmpFs> fs;
  TestTree tree;
};

Result<size_t> WriteAt(Context& ctx, File& file, std::string_view text, uint64_t offset) {
  mm::KernelSource source(absl::Span<const std::byte>(reinterpret_cast<const std::byte*>(text.data()), text.size()));
  return file.PWrite(ctx, source, offset);
}

std::string ReadAll(Context& ctx, File& file, uint64_t offset, size_t length) {
  std::string out(length, '?');
  mm::KernelSink sink(absl::Span<std::byte>(reinterpret_cast<std::byte*>(out.data()), out.size()));
  const Result<size_t> n = file.PRead(ctx, sink, offset);
  EXPECT_TRUE(n.ok());
  out.resize(n.ok() ? n.value() : 0);
  return out;
}

void DataAgainstString(bool mapped_midway) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  Tmp t;
  Ref<File> file = t.Open("/f", abi::kO_CREAT | abi::kO_RDWR);
  std::string model;
  constexpr uint64_t kMax = 300'000;
  for (int step = 0; step < 1500; ++step) {
    const uint64_t at = random() % kMax;
    const uint64_t n = 1 + random() % (random() % 4 == 0 ? 150'000 : 6000);
    switch (random() % 6) {
      case 0:
      case 1: {
        const std::string text(n, static_cast<char>('a' + random() % 26));
        ASSERT_EQ(WriteAt(t.ctx, *file, text, at).value_or(0), n);
        if (model.size() < at + n) model.resize(at + n);
        model.replace(at, n, text);
        break;
      }
      case 2:
        ASSERT_TRUE(vfs::TruncateFile(t.ctx, *file, at).ok());
        model.resize(at);
        break;
      case 3:
        ASSERT_TRUE(file->Allocate(t.ctx, abi::kFALLOC_FL_PUNCH_HOLE | abi::kFALLOC_FL_KEEP_SIZE, at, n).ok());
        for (uint64_t i = at; i < std::min<uint64_t>(at + n, model.size()); ++i) model[i] = 0;
        break;
      case 4:
        ASSERT_TRUE(file->Allocate(t.ctx, 0, at, n).ok());
        if (model.size() < at + n) model.resize(at + n);
        break;
      case 5: ASSERT_EQ(ReadAll(t.ctx, *file, at, n), at < model.size() ? model.substr(at, n) : ""); break;
    }
    ASSERT_EQ(file->GetAttributes(t.ctx)->size, model.size());
    if (mapped_midway && step == 700) {
      Result<Ref<mm::Mappable>> mappable = file->Mmap(t.ctx);
      ASSERT_TRUE(mappable.ok());
      ASSERT_TRUE(mappable.value()->HostFile(true).ok());
      EXPECT_EQ(mappable.value()->Name(), "/f");
    }
  }
  ASSERT_EQ(ReadAll(t.ctx, *file, 0, kMax * 2), model);
  ASSERT_TRUE(vfs::TruncateFile(t.ctx, *file, 0).ok());
  EXPECT_EQ(t.fs->space().used(), 0u);
}

TEST(TmpfsData, AgreesWithAString) { DataAgainstString(false); }
TEST(TmpfsData, AgreesWithAStringAcrossTheMoveToAMemoryFile) { DataAgainstString(true); }

TEST(TmpfsData, FullFileSystemWritesShortThenFails) {
  Tmp t(Options{.size_bytes = 3 * 4096});
  Ref<File> file = t.Open("/f", abi::kO_CREAT | abi::kO_RDWR);
  EXPECT_EQ(WriteAt(t.ctx, *file, std::string(5 * 4096, 'x'), 100).value_or(0), 3u * 4096 - 100);
  EXPECT_TRUE(WriteAt(t.ctx, *file, "x", 3 * 4096) == Errno::kENOSPC);
  EXPECT_EQ(WriteAt(t.ctx, *file, "y", 0).value_or(0), 1u);
  EXPECT_TRUE(file->Allocate(t.ctx, 0, 0, 5 * 4096) == Errno::kENOSPC);
  ASSERT_TRUE(vfs::Unlink(t.ctx, t.tree.start(), "/f").ok());
  EXPECT_EQ(t.fs->space().used(), 3u);
  file = t.Open("/g", abi::kO_CREAT | abi::kO_RDWR);
  EXPECT_EQ(t.fs->space().used(), 0u);
}

TEST(TmpfsData, SparseFileSeeks) {
  Tmp t;
  Ref<File> file = t.Open("/f", abi::kO_CREAT | abi::kO_RDWR);
  ASSERT_TRUE(WriteAt(t.ctx, *file, "x", uint64_t{1} << 40).ok());
  EXPECT_EQ(file->GetAttributes(t.ctx)->blocks, 8u);
  EXPECT_EQ(file->Seek(t.ctx, 0, abi::kSEEK_DATA).value_or(-1), int64_t{1} << 40);
  EXPECT_EQ(file->Seek(t.ctx, 0, abi::kSEEK_HOLE).value_or(-1), 0);
  EXPECT_EQ(file->Seek(t.ctx, int64_t{1} << 40, abi::kSEEK_HOLE).value_or(-1), (int64_t{1} << 40) + 1);
  EXPECT_TRUE(file->Seek(t.ctx, (int64_t{1} << 40) + 1, abi::kSEEK_DATA) == Errno::kENXIO);
  EXPECT_TRUE(file->Seek(t.ctx, -1, abi::kSEEK_SET) == Errno::kEINVAL);
}

TEST(TmpfsData, AppendsGoToTheEndWhateverThePosition) {
  Tmp t;
  Ref<File> a = t.Open("/f", abi::kO_CREAT | abi::kO_WRONLY | abi::kO_APPEND);
  Ref<File> b = t.Open("/f", abi::kO_RDWR);
  ASSERT_TRUE(WriteAt(t.ctx, *b, "hello", 0).ok());
  ASSERT_TRUE(WriteAt(t.ctx, *a, " world", 0).ok());
  EXPECT_EQ(ReadAll(t.ctx, *b, 0, 100), "hello world");
}

TEST(TmpfsData, FileSizeLimitCutsThenRefuses) {
  Tmp t;
  t.ctx.file_size_limit = 10;
  Ref<File> file = t.Open("/f", abi::kO_CREAT | abi::kO_RDWR);
  EXPECT_EQ(WriteAt(t.ctx, *file, "0123456789abc", 0).value_or(0), 10u);
  EXPECT_TRUE(WriteAt(t.ctx, *file, "x", 10) == Errno::kEFBIG);
  EXPECT_TRUE(vfs::TruncateFile(t.ctx, *file, 11) == Errno::kEFBIG);
}

TEST(TmpfsData, AWriteClearsSetIdBitsUnlessPrivileged) {
  Tmp t;
  t.Open("/f", abi::kO_CREAT | abi::kO_RDWR, 06777);
  Ref<File> file = t.Open("/f", abi::kO_WRONLY);
  ASSERT_TRUE(WriteAt(t.ctx, *file, "x", 0).ok());
  EXPECT_EQ(t.Stat("/f").mode & 07777, 06777u);
  t.ctx.SetCreds(TestContext::User(1000, 1000));
  ASSERT_TRUE(WriteAt(t.ctx, *file, "x", 0).ok());
  EXPECT_EQ(t.Stat("/f").mode & 07777, 0777u);
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

TEST(TmpfsDirectory, PositionsSurviveChanges) {
  Tmp t;
  for (int i = 0; i < 200; ++i) t.Open("/f" + std::to_string(i), abi::kO_CREAT | abi::kO_WRONLY);
  Ref<File> dir = t.Open("/", abi::kO_RDONLY | abi::kO_DIRECTORY);
  std::multiset<std::string> seen;
  for (int round = 0;; ++round) {
    Names names(7);
    ASSERT_TRUE(dir->ReadDir(t.ctx, names).ok());
    if (names.names.empty()) break;
    for (const std::string& name : names.names) {
      seen.insert(name);
      // rm -r: removes what it has just read.
      if (name != "." && name != "..") {
        ASSERT_TRUE(vfs::Unlink(t.ctx, t.tree.start(), "/" + name).ok());
      }
    }
  }
  EXPECT_EQ(seen.size(), 202u);
  EXPECT_EQ(seen.count("f0"), 1u);
  EXPECT_EQ(t.Stat("/").size, 40u);
}

TEST(TmpfsLimits, NamesAndFilesCount) {
  Tmp t(Options{.max_inodes = 4});
  t.Open("/a", abi::kO_CREAT | abi::kO_WRONLY);
  t.Open("/b", abi::kO_CREAT | abi::kO_WRONLY);
  const vfs::Path a = vfs::Walk(t.ctx, t.tree.start(), "/a", {}).value();
  ASSERT_TRUE(vfs::Link(t.ctx, a, t.tree.start(), "/c").ok());
  EXPECT_EQ(t.Stat("/a").nlink, 2u);
  EXPECT_TRUE(vfs::Mkdir(t.ctx, t.tree.start(), "/d", 0755, 0) == Errno::kENOSPC);
  ASSERT_TRUE(vfs::Unlink(t.ctx, t.tree.start(), "/c").ok());
  ASSERT_TRUE(vfs::Mkdir(t.ctx, t.tree.start(), "/d", 0755, 0).ok());
  EXPECT_EQ(t.fs->Stats().files_free, 0u);
}

TEST(TmpfsTmpfile, CanBeLinkedOnceItHasANameOthersDoNot) {
  Tmp t;
  Ref<File> file = t.Open("/", abi::kO_TMPFILE | abi::kO_RDWR);
  EXPECT_EQ(file->GetAttributes(t.ctx)->nlink, 0u);
  ASSERT_TRUE(vfs::Link(t.ctx, file->path(), t.tree.start(), "/named").ok());
  EXPECT_EQ(t.Stat("/named").nlink, 1u);
  Ref<File> open = t.Open("/named", abi::kO_RDONLY);
  ASSERT_TRUE(vfs::Unlink(t.ctx, t.tree.start(), "/named").ok());
  EXPECT_TRUE(vfs::Link(t.ctx, open->path(), t.tree.start(), "/again") == Errno::kENOENT);
}

TEST(TmpfsOptions, Parse) {
  const Options o = ParseOptions("size=64m,nr_inodes=10k,mode=755,uid=1,gid=2", {}).value();
  EXPECT_EQ(o.size_bytes, 64u << 20);
  EXPECT_EQ(o.max_inodes, 10u << 10);
  EXPECT_EQ(o.mode, 0755u);
  EXPECT_EQ(o.uid, 1u);
  EXPECT_EQ(o.gid, 2u);
  for (const char* bad :
       {"size=x", "mode=9", "mode=77777", "size=101%", "what", "uid=-1", "size=99999999999999999999", "size=17179869184g"}) {
    EXPECT_TRUE(ParseOptions(bad, {}) == Errno::kEINVAL) << bad;
  }
}

TEST(TmpfsTree, ADeepTreeDiesWithoutRecursion) {
  Tmp t;
  vfs::Path at = t.tree.root;
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_TRUE(vfs::Mkdir(t.ctx, {t.tree.ns, t.tree.root, at}, "d", 0755, 0).ok());
    at = vfs::Walk(t.ctx, {t.tree.ns, t.tree.root, at}, "d", {}).value();
  }
}

}  // namespace
}  // namespace ringwall::tmpfs
