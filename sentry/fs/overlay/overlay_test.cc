// Overlays against a plain map that does the same operations, and the rules one by one.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "abi/device.h"
#include "abi/fcntl.h"
#include "sentry/fs/overlay/overlay_fs.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::overlay {
namespace {

Result<size_t> WriteAll(vfs::TestContext& ctx, const vfs::TestTree& tree, std::string_view path, std::string_view text, uint32_t flags) {
  const Ref<vfs::File> file = TRY(vfs::Open(ctx, tree.start(), path, {.flags = flags, .mode = 0644}, 0));
  mm::KernelSource source(absl::MakeConstSpan(reinterpret_cast<const std::byte*>(text.data()), text.size()));
  return file->Write(ctx, source);
}

constexpr uint32_t kReplace = abi::kO_WRONLY | abi::kO_CREAT | abi::kO_TRUNC;

std::string ReadFile(vfs::TestContext& ctx, vfs::File& file) {
  std::string text(4096, 0);
  mm::KernelSink sink(absl::MakeSpan(reinterpret_cast<std::byte*>(text.data()), text.size()));
  EXPECT_TRUE(file.PRead(ctx, sink, 0).ok());
  text.resize(sink.done());
  return text;
}

Result<std::string> ReadAll(vfs::TestContext& ctx, const vfs::TestTree& tree, std::string_view path) {
  const Ref<vfs::File> file = TRY(vfs::Open(ctx, tree.start(), path, {.flags = abi::kO_RDONLY}, 0));
  if (file->kind() == vfs::FileKind::kDirectory) return std::string("dir");
  return ReadFile(ctx, *file);
}

class Names final : public vfs::DirSink {
 public:
  bool Add(std::string_view name, uint64_t ino, uint8_t, int64_t) override {
    if (room-- == 0) return false;
    if (name != "." && name != "..") entries.emplace_back(std::string(name), ino);
    return true;
  }
  std::vector<std::pair<std::string, uint64_t>> entries;
  int room = -1;
};

struct Overlay {
  explicit Overlay(void (*fill)(vfs::TestContext&, const vfs::TestTree&) = nullptr) : lower(tmpfs::TmpFs::Create(ctx, {.mode = 0755})) {
    if (fill != nullptr) fill(ctx, lower);
    Ref<vfs::FileSystem> upper = tmpfs::TmpFs::Create(ctx, {});
    fs = OverlayFs::Create(ctx, Ref<vfs::FileSystem>(lower.root.mount->fs()), std::move(upper)).value();
    tree = std::make_unique<vfs::TestTree>(fs.ToRef());
  }
  vfs::WalkStart start() const { return tree->start(); }
  Result<vfs::Attributes> Stat(std::string_view path) {
    const vfs::Path place = TRY(vfs::Walk(ctx, start(), path, {.last = vfs::LastSymlink::kKeep}));
    return vfs::GetAttributes(ctx, place);
  }
  Result<std::string> Read(std::string_view path) { return ReadAll(ctx, *tree, path); }
  Result<size_t> Write(std::string_view path, std::string_view text) { return WriteAll(ctx, *tree, path, text, kReplace); }
  std::vector<std::string> List(std::string_view path) {
    Names names;
    const Ref<vfs::File> dir = vfs::Open(ctx, start(), path, {.flags = abi::kO_RDONLY | abi::kO_DIRECTORY}, 0).value();
    for (;;) {
      const size_t before = names.entries.size();
      names.room = 3;
      EXPECT_TRUE(dir->ReadDir(ctx, names).ok());
      if (names.entries.size() == before && names.room >= 0) break;
    }
    std::vector<std::string> out;
    for (const auto& [name, ino] : names.entries) {
      out.push_back(name);
      EXPECT_EQ(Stat(std::string(path) + "/" + name)->ino, ino) << path << "/" << name;
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  vfs::TestContext ctx;
  vfs::TestTree lower;
  RefPtr<vfs::FileSystem> fs;
  std::unique_ptr<vfs::TestTree> tree;
};

void FillBasic(vfs::TestContext& ctx, const vfs::TestTree& tree) {
  (void)vfs::Mkdir(ctx, tree.start(), "/d", 0755, 0).ok();
  (void)vfs::Mkdir(ctx, tree.start(), "/d/e", 0750, 0).ok();
  (void)WriteAll(ctx, tree, "/d/e/f", "lower", kReplace).ok();
  (void)WriteAll(ctx, tree, "/a", "aaa", kReplace).ok();
  (void)vfs::Link(ctx, vfs::Walk(ctx, tree.start(), "/a", {}).value(), tree.start(), "/a2").ok();
  (void)vfs::Symlink(ctx, "d/e/f", tree.start(), "/l").ok();
}

using Strings = std::vector<std::string>;

TEST(Overlay, ShowsTheLowerTree) {
  Overlay t(FillBasic);
  EXPECT_EQ(t.Read("/d/e/f").value(), "lower");
  EXPECT_EQ(t.Read("/l").value(), "lower");
  EXPECT_EQ(t.List("/"), (Strings{"a", "a2", "d", "l"}));
  EXPECT_EQ(t.List("/d"), (Strings{"e"}));
}

TEST(Overlay, CopiesUpOnWriteAndKeepsTheNumber) {
  Overlay t(FillBasic);
  const vfs::Attributes before = t.Stat("/d/e/f").value();
  const Ref<vfs::File> reader = vfs::Open(t.ctx, t.start(), "/d/e/f", {.flags = abi::kO_RDONLY}, 0).value();
  EXPECT_EQ(ReadFile(t.ctx, *reader), "lower");
  t.ctx.now.tv_sec += 5;
  EXPECT_TRUE(WriteAll(t.ctx, *t.tree, "/d/e/f", "UP", abi::kO_WRONLY).ok());
  EXPECT_EQ(t.Read("/d/e/f").value(), "UPwer");
  EXPECT_EQ(ReadFile(t.ctx, *reader), "UPwer");  // as on one file system
  EXPECT_EQ(t.Stat("/d/e/f")->ino, before.ino);
  EXPECT_EQ(t.Stat("/d/e/f")->dev, before.dev);
  EXPECT_EQ(t.Stat("/d/e")->mode & 0777, 0750u);
  EXPECT_EQ(ReadAll(t.ctx, t.lower, "/d/e/f").value(), "lower");
  t.fs->dentry_cache().Clear();
  EXPECT_EQ(t.Stat("/d/e/f")->ino, before.ino);
  EXPECT_EQ(t.List("/d/e"), (Strings{"f"}));
}

TEST(Overlay, MetadataChangesCopyUpToo) {
  Overlay t(FillBasic);
  const vfs::Attributes before = t.Stat("/d/e/f").value();
  t.ctx.now.tv_sec += 100;
  EXPECT_TRUE(vfs::Chmod(t.ctx, vfs::Walk(t.ctx, t.start(), "/d/e/f", {}).value(), 0600).ok());
  EXPECT_EQ(t.Stat("/d/e/f")->mode & 0777, 0600u);
  EXPECT_EQ(t.Stat("/d/e/f")->mtime.tv_sec, before.mtime.tv_sec);
  EXPECT_EQ(t.Read("/d/e/f").value(), "lower");
}

TEST(Overlay, RemovedNamesStayRemoved) {
  Overlay t(FillBasic);
  EXPECT_TRUE(vfs::Unlink(t.ctx, t.start(), "/d/e/f").ok());
  t.fs->dentry_cache().Clear();
  EXPECT_TRUE(t.Stat("/d/e/f") == Errno::kENOENT);
  EXPECT_EQ(t.List("/d/e"), Strings{});
  EXPECT_TRUE(vfs::Rmdir(t.ctx, t.start(), "/d/e").ok());
  EXPECT_TRUE(t.Stat("/d/e") == Errno::kENOENT);
  EXPECT_TRUE(vfs::Mkdir(t.ctx, t.start(), "/d/e", 0700, 0).ok());
  EXPECT_EQ(t.List("/d/e"), Strings{});  // opaque
  t.fs->dentry_cache().Clear();
  EXPECT_TRUE(t.Stat("/d/e/f") == Errno::kENOENT);
}

TEST(Overlay, OpenFilesOutliveTheirName) {
  Overlay t(FillBasic);
  const Ref<vfs::File> file = vfs::Open(t.ctx, t.start(), "/d/e/f", {.flags = abi::kO_RDONLY}, 0).value();
  EXPECT_TRUE(vfs::Unlink(t.ctx, t.start(), "/d/e/f").ok());
  EXPECT_EQ(ReadFile(t.ctx, *file), "lower");
  EXPECT_EQ(file->GetAttributes(t.ctx)->nlink, 0u);
  EXPECT_TRUE(file->SetAttributes(t.ctx, {.mask = vfs::AttributeChange::kMode, .mode = 0}).ok());
  EXPECT_TRUE(t.Stat("/d/e/f") == Errno::kENOENT);
  EXPECT_EQ(ReadFile(t.ctx, *file), "lower");
}

TEST(Overlay, DirectoriesMoveWithTheirContents) {
  Overlay t(FillBasic);
  EXPECT_TRUE(vfs::Rename(t.ctx, t.start(), "/d", t.start(), "/x", 0).ok());
  t.fs->dentry_cache().Clear();
  EXPECT_EQ(t.Read("/x/e/f").value(), "lower");
  EXPECT_TRUE(t.Stat("/d") == Errno::kENOENT);
  EXPECT_TRUE(vfs::Mkdir(t.ctx, t.start(), "/d", 0700, 0).ok());
  EXPECT_EQ(t.List("/d"), Strings{});
  EXPECT_TRUE(t.Write("/x/e/g", "new").ok());
  EXPECT_EQ(t.List("/x/e"), (Strings{"f", "g"}));
  EXPECT_TRUE(vfs::Rename(t.ctx, t.start(), "/x/e", t.start(), "/d/e", 0).ok());
  EXPECT_EQ(t.Read("/d/e/f").value(), "lower");
  EXPECT_TRUE(vfs::Rmdir(t.ctx, t.start(), "/x").ok());
}

TEST(Overlay, LowerHardLinksStayOneFile) {
  Overlay t(FillBasic);
  EXPECT_EQ(t.Stat("/a")->nlink, 2u);
  EXPECT_TRUE(WriteAll(t.ctx, *t.tree, "/a", "bbb", abi::kO_WRONLY).ok());
  EXPECT_EQ(t.Read("/a2").value(), "bbb");
  t.fs->dentry_cache().Clear();
  EXPECT_EQ(t.Read("/a2").value(), "bbb");
  EXPECT_EQ(t.Stat("/a2")->ino, t.Stat("/a")->ino);
  EXPECT_TRUE(vfs::Link(t.ctx, vfs::Walk(t.ctx, t.start(), "/a", {}).value(), t.start(), "/a3").ok());
  EXPECT_EQ(t.Stat("/a2")->nlink, 3u);
  EXPECT_TRUE(vfs::Unlink(t.ctx, t.start(), "/a").ok());
  EXPECT_TRUE(vfs::Rename(t.ctx, t.start(), "/a2", t.start(), "/d/moved", 0).ok());
  t.fs->dentry_cache().Clear();
  EXPECT_EQ(t.Read("/a3").value(), "bbb");
  EXPECT_EQ(t.Read("/d/moved").value(), "bbb");
  EXPECT_EQ(t.Stat("/a3")->nlink, 2u);
  EXPECT_TRUE(t.Stat("/a2") == Errno::kENOENT);
}

TEST(Overlay, WhiteoutsAreNotForGuests) {
  Overlay t(FillBasic);
  EXPECT_TRUE(vfs::Mknod(t.ctx, t.start(), "/w", abi::kS_IFCHR | 0600, 0, 0) == Errno::kEPERM);
  const vfs::Path a = vfs::Walk(t.ctx, t.start(), "/d", {}).value();
  EXPECT_TRUE(vfs::SetXattr(t.ctx, a, "trusted.overlay.opaque", "y", 0) == Errno::kEPERM);
  EXPECT_TRUE(vfs::SetXattr(t.ctx, a, "user.x", "y", 0).ok());
  EXPECT_EQ(vfs::ListXattr(t.ctx, a).value(), Strings{"user.x"});
}

TEST(Overlay, SpecialFilesKeepTheirState) {
  Overlay t(FillBasic);
  const vfs::Inode* inode;
  {
    const vfs::Path socket = vfs::Mknod(t.ctx, t.start(), "/d/s", abi::kS_IFSOCK | 0600, 0, 0).value();
    inode = &socket.inode();
  }
  t.fs->dentry_cache().Clear();
  EXPECT_EQ(&vfs::Walk(t.ctx, t.start(), "/d/s", {}).value().inode(), inode);
  EXPECT_TRUE(vfs::Unlink(t.ctx, t.start(), "/d/s").ok());
}

// ---- the model: paths to contents; "" = directory ----
struct Model {
  std::map<std::string, std::string> nodes = {{"", "dir"}};
  static std::string Parent(const std::string& p) { return p.substr(0, p.rfind('/')); }
  bool IsDir(const std::string& p) const { return nodes.contains(p) && nodes.at(p) == "dir"; }
  bool IsFile(const std::string& p) const { return nodes.contains(p) && nodes.at(p) != "dir"; }
  bool Empty(const std::string& p) const {
    const auto it = nodes.lower_bound(p + "/");
    return it == nodes.end() || !it->first.starts_with(p + "/");
  }
};

TEST(Overlay, DoesWhatAPlainTreeDoes) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 12; ++round) {
    Model model;
    Overlay* t = nullptr;
    std::unique_ptr<Overlay> owner;
    vfs::TestContext fill_ctx;
    static const char* kNames[] = {"p", "q", "r", "s"};
    const auto pick = [&] {
      std::string path;
      for (unsigned depth = 1 + random() % 3; depth > 0; --depth) path += std::string("/") + kNames[random() % 4];
      return path;
    };
    int counter = 0;
    const auto step = [&](vfs::TestContext& ctx, const vfs::TestTree& tree) {
      const std::string a = pick(), b = pick();
      const std::string text = "t" + std::to_string(counter++);
      switch (random() % 6) {
        case 0: {
          const bool ok = WriteAll(ctx, tree, a, text, kReplace).ok();
          EXPECT_EQ(ok, model.IsDir(Model::Parent(a)) && !model.IsDir(a)) << "write " << a;
          if (ok) model.nodes[a] = text;
          break;
        }
        case 1: {
          const bool ok = vfs::Mkdir(ctx, tree.start(), a, 0755, 0).ok();
          EXPECT_EQ(ok, model.IsDir(Model::Parent(a)) && !model.nodes.contains(a)) << "mkdir " << a;
          if (ok) model.nodes[a] = "dir";
          break;
        }
        case 2: {
          const bool ok = vfs::Unlink(ctx, tree.start(), a).ok();
          EXPECT_EQ(ok, model.IsFile(a)) << "unlink " << a;
          if (ok) model.nodes.erase(a);
          break;
        }
        case 3: {
          const bool ok = vfs::Rmdir(ctx, tree.start(), a).ok();
          EXPECT_EQ(ok, model.IsDir(a) && model.Empty(a)) << "rmdir " << a;
          if (ok) model.nodes.erase(a);
          break;
        }
        case 4: {
          const bool ok = vfs::Rename(ctx, tree.start(), a, tree.start(), b, 0).ok();
          bool expected = model.nodes.contains(a) && model.IsDir(Model::Parent(b)) && !b.starts_with(a + "/");
          if (expected && a != b && model.nodes.contains(b)) {
            expected = model.IsDir(a) ? model.IsDir(b) && model.Empty(b) : model.IsFile(b);
            if (a.starts_with(b + "/")) expected = false;
          }
          EXPECT_EQ(ok, expected) << "rename " << a << " " << b;
          if (ok && a != b) {
            std::map<std::string, std::string> moved;
            for (auto it = model.nodes.begin(); it != model.nodes.end();) {
              if (it->first == a || it->first.starts_with(a + "/")) {
                moved[b + it->first.substr(a.size())] = it->second;
                it = model.nodes.erase(it);
              } else {
                ++it;
              }
            }
            model.nodes.erase(b);
            model.nodes.merge(moved);
          }
          break;
        }
        default: {
          const Result<std::string> text_there = ReadAll(ctx, tree, a);
          EXPECT_EQ(text_there.ok(), model.nodes.contains(a)) << "read " << a;
          if (model.IsFile(a) && text_there.ok()) {
            EXPECT_EQ(*text_there, model.nodes[a]) << a;
          }
        }
      }
    };
    // The lower tree is random, too.
    owner = std::make_unique<Overlay>();
    {
      vfs::TestTree lower(tmpfs::TmpFs::Create(fill_ctx, {.mode = 0755}));
      for (int i = 0; i < 80; ++i) {
        const std::string a = pick();
        if (!model.IsDir(Model::Parent(a)) || model.nodes.contains(a)) continue;
        if (random() % 2 == 0) {
          ASSERT_TRUE(vfs::Mkdir(fill_ctx, lower.start(), a, 0755, 0).ok());
          model.nodes[a] = "dir";
        } else {
          ASSERT_TRUE(WriteAll(fill_ctx, lower, a, "low" + a, kReplace).ok());
          model.nodes[a] = "low" + a;
        }
      }
      t = owner.get();
      t->fs = OverlayFs::Create(t->ctx, Ref<vfs::FileSystem>(lower.root.mount->fs()), tmpfs::TmpFs::Create(t->ctx, {})).value();
      t->tree = std::make_unique<vfs::TestTree>(t->fs.ToRef());
    }
    for (int i = 0; i < 400; ++i) {
      step(t->ctx, *t->tree);
      if (random() % 16 == 0) t->fs->dentry_cache().Clear();
      if (HasFailure()) FAIL() << "step " << i << " of round " << round;
    }
    t->fs->dentry_cache().Clear();
    for (const auto& [path, text] : model.nodes) {
      if (text == "dir") {
        Strings expected;
        for (const auto& [other, _] : model.nodes) {
          if (!other.empty() && Model::Parent(other) == path) expected.push_back(other.substr(path.size() + 1));
        }
        EXPECT_EQ(t->List(path.empty() ? "/" : path), expected) << path;
      } else {
        EXPECT_EQ(t->Read(path).value_or("?"), text) << path;
      }
    }
  }
}

}  // namespace
}  // namespace ringwall::overlay
