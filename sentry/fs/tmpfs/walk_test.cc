// The walk over a real tree: mounts, "..", RESOLVE_ limits, names, sticky directories, concurrency of lookups and changes.
#include <gtest/gtest.h>

#include <thread>

#include "abi/fcntl.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::tmpfs {
namespace {

using vfs::Path;
using vfs::TestContext;

class WalkTest : public testing::Test {
 protected:
  Ref<TmpFs> NewFs() { return TmpFs::Create(ctx, {}); }
  Result<Path> Find(std::string_view path, vfs::WalkOptions options = {}) { return vfs::Walk(ctx, tree.start(), path, options); }
  void Dir(std::string_view path) { ASSERT_TRUE(vfs::Mkdir(ctx, tree.start(), path, 0777, 0).ok()) << path; }
  void Touch(std::string_view path, uint32_t mode = 0666) {
    ASSERT_TRUE(vfs::Open(ctx, tree.start(), path, {.flags = abi::kO_CREAT | abi::kO_WRONLY, .mode = mode}, 0).ok()) << path;
  }
  void Link(std::string_view target, std::string_view path) { ASSERT_TRUE(vfs::Symlink(ctx, target, tree.start(), path).ok()) << path; }
  std::string Name(const Path& path) { return vfs::AbsoluteName(*tree.ns, tree.root, path); }
  TestContext ctx;
  vfs::TestTree tree{Ref<vfs::FileSystem>(TmpFs::Create(ctx, {}))};
};

TEST_F(WalkTest, CrossesMountsBothWays) {
  Dir("/m");
  Dir("/m/below");
  const Path covered = Find("/m").value();
  Ref<vfs::Mount> mount = vfs::Mount::OfFileSystem(NewFs(), {}, "tmpfs");
  ASSERT_TRUE(tree.ns->Attach(mount, covered).ok());
  EXPECT_TRUE(Find("/m/below") == Errno::kENOENT);
  Dir("/m/x");
  EXPECT_EQ(Name(Find("/m/x").value()), "/m/x");
  EXPECT_EQ(vfs::NameFromTop(Find("/m/x").value()), "/m/x");
  EXPECT_TRUE(Find("/m/x/../..").value() == tree.root);
  EXPECT_TRUE(Find("/m/..").value() == tree.root);
  EXPECT_TRUE(vfs::Rmdir(ctx, tree.start(), "/m") == Errno::kEBUSY);
  EXPECT_TRUE(vfs::Rename(ctx, tree.start(), "/m", tree.start(), "/n", 0) == Errno::kEBUSY);
  EXPECT_TRUE(vfs::Rename(ctx, tree.start(), "/m/x", tree.start(), "/n", 0) == Errno::kEXDEV);
  EXPECT_TRUE(Find("/m/x", {.no_xdev = true}) == Errno::kEXDEV);
  EXPECT_EQ(tree.ns->List().size(), 2u);
  mount->SetFlags({.read_only = true});
  EXPECT_TRUE(vfs::Mkdir(ctx, tree.start(), "/m/y", 0777, 0) == Errno::kEROFS);
  EXPECT_TRUE(vfs::Mkdir(ctx, tree.start(), "/m/x", 0777, 0) == Errno::kEEXIST);
  ASSERT_TRUE(tree.ns->Detach(*mount, false).ok());
  EXPECT_TRUE(Find("/m/below").ok());
}

TEST_F(WalkTest, DetachRefusesWhenMountsAreBelowAndTakesThemWhenLazy) {
  Dir("/m");
  Ref<vfs::Mount> outer = vfs::Mount::OfFileSystem(NewFs(), {}, "a");
  ASSERT_TRUE(tree.ns->Attach(outer, Find("/m").value()).ok());
  Dir("/m/n");
  ASSERT_TRUE(tree.ns->Attach(vfs::Mount::OfFileSystem(NewFs(), {}, "b"), Find("/m/n").value()).ok());
  EXPECT_TRUE(tree.ns->Detach(*outer, false) == Errno::kEBUSY);
  EXPECT_TRUE(tree.ns->Detach(*outer, true).ok());
  EXPECT_TRUE(tree.ns->Detach(*outer, true) == Errno::kEINVAL);
  EXPECT_EQ(tree.ns->List().size(), 1u);
}

TEST_F(WalkTest, ResolveLimitsHold) {
  Dir("/jail");
  Touch("/outside");
  Touch("/jail/file");
  Link("/outside", "/jail/absolute");
  Link("../outside", "/jail/relative");
  Link("file", "/jail/inner");
  const vfs::WalkStart jail{tree.ns, tree.root, Find("/jail").value()};
  const vfs::WalkOptions beneath{.beneath = true}, in_root{.in_root = true};
  for (const char* escape : {"..", "absolute", "relative", "/jail/file", "x/../.."}) {
    const Result<Path> r = vfs::Walk(ctx, jail, escape, beneath);
    EXPECT_FALSE(r.ok()) << escape;
    if (!r.ok() && escape[0] != 'x') {
      EXPECT_EQ(r.error(), Errno::kEXDEV) << escape;
    }
  }
  EXPECT_TRUE(vfs::Walk(ctx, jail, "inner", beneath).ok());
  EXPECT_TRUE(vfs::Walk(ctx, jail, "inner", {.no_symlinks = true}) == Errno::kELOOP);
  EXPECT_TRUE(vfs::Walk(ctx, jail, "/file", in_root).ok());
  EXPECT_TRUE(vfs::Walk(ctx, jail, "../../file", in_root).ok());
  EXPECT_TRUE(vfs::Walk(ctx, jail, "absolute", in_root) == Errno::kENOENT);
  Touch("/jail/outside");
  EXPECT_TRUE(vfs::Walk(ctx, jail, "relative", in_root).value() == Find("/jail/outside").value());
}

TEST_F(WalkTest, FortyLinksAreFollowedAndNoMore) {
  Touch("/l0");
  for (int i = 1; i <= 41; ++i) Link("l" + std::to_string(i - 1), "/l" + std::to_string(i));
  EXPECT_TRUE(Find("/l40").ok());
  EXPECT_TRUE(Find("/l41") == Errno::kELOOP);
  Link("loop", "/loop");
  EXPECT_TRUE(Find("/loop/x") == Errno::kELOOP);
}

TEST_F(WalkTest, NamesTellDeletedAndUnreachable) {
  Dir("/d");
  Dir("/d/e");
  const Path e = Find("/d/e").value();
  EXPECT_EQ(vfs::AbsoluteName(*tree.ns, e, Find("/d").value()), "(unreachable)/d");
  ASSERT_TRUE(vfs::Rmdir(ctx, tree.start(), "/d/e").ok());
  EXPECT_EQ(Name(e), "/d/e (deleted)");
  EXPECT_TRUE(vfs::Mkdir(ctx, {tree.ns, tree.root, e}, "x", 0777, 0) == Errno::kENOENT);
  EXPECT_TRUE(vfs::Walk(ctx, {tree.ns, tree.root, e}, "..", {}).value() == Find("/d").value());
}

TEST_F(WalkTest, StickyDirectoriesProtectOtherPeoplesFiles) {
  ASSERT_TRUE(vfs::Mkdir(ctx, tree.start(), "/tmp", 01777, 0).ok());
  ctx.SetCreds(TestContext::User(1, 1));
  Touch("/tmp/mine");
  ctx.SetCreds(TestContext::User(2, 2));
  EXPECT_TRUE(vfs::Unlink(ctx, tree.start(), "/tmp/mine") == Errno::kEPERM);
  EXPECT_TRUE(vfs::Rename(ctx, tree.start(), "/tmp/mine", tree.start(), "/tmp/yours", 0) == Errno::kEPERM);
  Touch("/tmp/yours");
  EXPECT_TRUE(vfs::Rename(ctx, tree.start(), "/tmp/yours", tree.start(), "/tmp/mine", 0) == Errno::kEPERM);
  ctx.SetCreds(TestContext::User(1, 1));
  EXPECT_TRUE(vfs::Unlink(ctx, tree.start(), "/tmp/mine").ok());
}

TEST_F(WalkTest, ExecutablesAreNotWritten) {
  Touch("/x", 0755);
  const Path x = Find("/x").value();
  {
    Result<Ref<vfs::File>> writer = vfs::OpenPath(ctx, x, abi::kO_WRONLY);
    EXPECT_TRUE(vfs::OpenForExec(ctx, x) == Errno::kETXTBSY);
    EXPECT_TRUE(vfs::DenyWrite::Take(Ref<vfs::Inode>(x.inode())) == Errno::kETXTBSY);
  }
  Result<Ref<RefCounted>> deny = vfs::DenyWrite::Take(Ref<vfs::Inode>(x.inode()));
  ASSERT_TRUE(deny.ok());
  EXPECT_TRUE(vfs::OpenForExec(ctx, x).ok());
  EXPECT_TRUE(vfs::OpenPath(ctx, x, abi::kO_RDWR) == Errno::kETXTBSY);
  EXPECT_TRUE(vfs::Truncate(ctx, x, 0) == Errno::kETXTBSY);
}

TEST_F(WalkTest, SetGroupIdDirectoriesHandTheirGroupDown) {
  ASSERT_TRUE(vfs::Mkdir(ctx, tree.start(), "/g", 0777, 0).ok());
  ASSERT_TRUE(vfs::Chown(ctx, Find("/g").value(), ~0u, 77).ok());
  ASSERT_TRUE(vfs::Chmod(ctx, Find("/g").value(), 02777).ok());
  ctx.SetCreds(TestContext::User(5, 5));
  Dir("/g/d");
  Touch("/g/f", 02770);
  const vfs::Attributes d = vfs::GetAttributes(ctx, Find("/g/d").value()).value();
  const vfs::Attributes f = vfs::GetAttributes(ctx, Find("/g/f").value()).value();
  EXPECT_EQ(d.gid, 77u);
  EXPECT_EQ(d.mode & 07777, 02777u);
  EXPECT_EQ(f.gid, 77u);
  EXPECT_EQ(f.mode & 07777, 0770u);
}

TEST_F(WalkTest, XattrRules) {
  Touch("/f");
  Link("f", "/l");
  const Path f = Find("/f").value();
  EXPECT_TRUE(vfs::SetXattr(ctx, f, "user.a", "1", 0).ok());
  EXPECT_TRUE(vfs::SetXattr(ctx, f, "user.a", "1", 1) == Errno::kEEXIST);
  EXPECT_TRUE(vfs::SetXattr(ctx, f, "user.b", "1", 2) == Errno::kENODATA);
  EXPECT_TRUE(vfs::SetXattr(ctx, f, "trusted.t", "2", 0).ok());
  EXPECT_TRUE(vfs::SetXattr(ctx, f, "system.posix_acl_access", "", 0) == Errno::kEOPNOTSUPP);
  EXPECT_TRUE(vfs::SetXattr(ctx, f, "user.", "", 0) == Errno::kEINVAL);
  EXPECT_TRUE(vfs::SetXattr(ctx, Find("/l", {.last = vfs::LastSymlink::kKeep}).value(), "user.a", "", 0) == Errno::kEPERM);
  EXPECT_EQ(vfs::ListXattr(ctx, f)->size(), 2u);
  ctx.SetCreds(TestContext::User(9, 9));
  EXPECT_EQ(vfs::ListXattr(ctx, f)->size(), 1u);
  EXPECT_TRUE(vfs::GetXattr(ctx, f, "trusted.t") == Errno::kENODATA);
  EXPECT_TRUE(vfs::RemoveXattr(ctx, f, "trusted.t") == Errno::kEPERM);
}

// Lookups run beside creations, removals and renames of the same names: whatever they see, an existing name is found at the end and a
// missing one is not, and nothing of a deleted file is kept.
TEST_F(WalkTest, LookupsAndChangesRace) {
  Dir("/d");
  Dir("/e");
  std::atomic<bool> stop{false};
  std::thread reader([&] {
    TestContext mine;
    while (!stop.load()) {
      for (const char* p : {"/d/x", "/d/y", "/e/x", "/e/y", "/d/s/x", "/e/s/y"}) (void)vfs::Walk(mine, tree.start(), p, {}).ok();
    }
  });
  for (int i = 0; i < 3000; ++i) {
    Touch("/d/x");
    Dir("/d/s");
    EXPECT_TRUE(vfs::Rename(ctx, tree.start(), "/d/x", tree.start(), "/e/y", 0).ok());
    EXPECT_TRUE(Find("/e/y").ok());
    EXPECT_TRUE(Find("/d/x") == Errno::kENOENT);
    EXPECT_TRUE(vfs::Rename(ctx, tree.start(), "/d/s", tree.start(), "/e/s", 0).ok());
    Touch("/e/s/y");
    EXPECT_TRUE(vfs::Unlink(ctx, tree.start(), "/e/s/y").ok());
    EXPECT_TRUE(Find("/e/s/y") == Errno::kENOENT);
    EXPECT_TRUE(vfs::Rmdir(ctx, tree.start(), "/e/s").ok());
    EXPECT_TRUE(vfs::Unlink(ctx, tree.start(), "/e/y").ok());
    if (HasFailure()) break;
  }
  stop = true;
  reader.join();
  TmpFs& fs = static_cast<TmpFs&>(tree.root.mount->fs());
  EXPECT_EQ(fs.Stats().files - fs.Stats().files_free, 3u);
}

}  // namespace
}  // namespace ringwall::tmpfs
