// The real client against the real server on a temporary tree: what every request does, and every way out that must be shut.
#include "gofer/server/server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/statfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <atomic>
#include <set>

#include "gofer/server/test_world.h"

namespace ringwall::gofer {
namespace {

std::string ReadAll(int fd) {
  char buffer[4096];
  const ssize_t n = pread(fd, buffer, sizeof buffer, 0);
  return n < 0 ? "" : std::string(buffer, static_cast<size_t>(n));
}

TEST(Gofer, HandshakeTellsTheMounts) {
  World w;
  EXPECT_EQ(w.client->mount_count(), 2u);
  EXPECT_TRUE(w.client->mount_flags(0).Has(MountFlag::kExclusive));
  EXPECT_TRUE(w.client->mount_flags(1).Has(MountFlag::kReadOnly));
  EXPECT_EQ(w.client->Attach(2).error(), Errno::kENOENT);
}

TEST(Gofer, WalkResolvesSeveralComponentsAndStopsWhereItMust) {
  World w;
  std::filesystem::create_directories(w.tree / "a/b");
  w.tree.Write("a/b/file", "hello");
  std::filesystem::create_symlink("../b", w.tree / "a/link");

  auto all = WalkTo(w.root, {"a", "b", "file"}, WalkFlag::kOpenRead);
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->nodes.size(), 3u);
  EXPECT_EQ(all->stop, WalkStop::kDone);
  EXPECT_EQ(ReadAll(all->file.get()), "hello");
  struct stat st;
  ASSERT_EQ(stat((w.tree / "a/b/file").c_str(), &st), 0);
  EXPECT_EQ(all->nodes[2].attributes.ino, st.st_ino);
  EXPECT_EQ(all->nodes[2].attributes.mode, st.st_mode);
  EXPECT_EQ(all->nodes[2].attributes.size, 5u);
  EXPECT_EQ(all->nodes[2].attributes.mtime.seconds, st.st_mtim.tv_sec);

  auto miss = WalkTo(w.root, {"a", "none", "file"});
  EXPECT_EQ(miss->stop, WalkStop::kMissing);
  EXPECT_EQ(miss->nodes.size(), 1u);
  EXPECT_EQ(WalkTo(w.root, {"a", "b", "file", "x"})->stop, WalkStop::kNotDirectory);
  auto link = WalkTo(w.root, {"a", "link", "file"}, WalkFlag::kReadLink);
  EXPECT_EQ(link->stop, WalkStop::kSymlink);
  EXPECT_EQ(link->nodes.size(), 2u);
  EXPECT_EQ(link->target, "../b");
  EXPECT_EQ(w.client->ReadLink(*link->nodes[1].node.get()).value(), "../b");
  EXPECT_EQ(WalkTo(NodeAt(w.root, {"a", "b", "file"}), {"x"}).error(), Errno::kENOTDIR);
}

TEST(Gofer, NamesThatCouldLeaveTheTreeAreRefused) {
  World w;
  for (std::string_view name : {"..", ".", "a/b", "/", ""}) {
    EXPECT_FALSE(WalkTo(w.root, {name}).ok()) << name;
    EXPECT_FALSE(w.client->Mkdir(*w.root.get(), name, Mine(0755)).ok()) << name;
    EXPECT_FALSE(w.client->Unlink(*w.root.get(), name, UnlinkKind::kFile).ok()) << name;
  }
  EXPECT_EQ(WalkTo(w.root, {std::string(256, 'x')}).error(), Errno::kENAMETOOLONG);
  EXPECT_EQ(WalkTo(w.root, {std::string_view("a\0b", 3)}).error(), Errno::kEINVAL);
}

TEST(Gofer, SymlinksOutOfTheTreeAreNeverFollowed) {
  World w;
  TempTree outside;
  outside.Write("secret", "secret");
  std::filesystem::create_symlink(outside.path(), w.tree / "abs");
  std::filesystem::create_symlink("/proc/self/root", w.tree / "magic");
  for (std::string_view name : {"abs", "magic"}) {
    auto walk = WalkTo(w.root, {name, "secret"});
    EXPECT_EQ(walk->stop, WalkStop::kSymlink);
    EXPECT_EQ(walk->nodes.back().attributes.type(), kTypeSymlink);
    EXPECT_EQ(w.client->Open(*walk->nodes[0].node.get(), OpenFlag::kRead).error(), Errno::kELOOP);
    EXPECT_EQ(w.client->Create(*w.root.get(), name, Mine(0600), OpenFlag::kWrite).error(), Errno::kEEXIST);
  }
}

TEST(Gofer, WalksThatRaceWithARenameNeverLeaveTheTree) {
  World w;
  TempTree outside;
  outside.Write("secret", "secret");
  std::filesystem::create_directory(w.tree / "dir");
  w.tree.Write("dir/secret", "inside");
  std::filesystem::create_symlink(outside.path(), w.tree / "link");
  std::atomic<bool> stop{false};
  std::thread racer([&] {
    while (!stop) (void)renameat2(AT_FDCWD, (w.tree / "dir").c_str(), AT_FDCWD, (w.tree / "link").c_str(), RENAME_EXCHANGE);
  });
  int inside = 0;
  for (int i = 0; i < 3000; i++) {
    auto walk = WalkTo(w.root, {"dir", "secret"}, WalkFlag::kOpenRead);
    ASSERT_TRUE(walk.ok());
    if (walk->stop != WalkStop::kDone) continue;
    inside++;
    ASSERT_TRUE(walk->file.valid());
    ASSERT_EQ(ReadAll(walk->file.get()), "inside");
  }
  stop = true;
  racer.join();
  EXPECT_GT(inside, 0);
}

TEST(Gofer, DonatedDescriptorsHaveExactlyTheAccessAskedFor) {
  World w;
  w.tree.Write("f", "0123456789");
  auto node = NodeAt(w.root, {"f"});
  auto reader = w.client->Open(*node.get(), OpenFlag::kRead);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(fcntl(reader->file.get(), F_GETFL) & O_ACCMODE, O_RDONLY);
  EXPECT_NE(fcntl(reader->file.get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(write(reader->file.get(), "x", 1), -1);
  auto writer = w.client->Open(*node.get(), OpenFlag::kWrite | OpenFlag::kTruncate);
  ASSERT_TRUE(writer.ok());
  EXPECT_EQ(writer->attributes.size, 0u);
  EXPECT_EQ(fcntl(writer->file.get(), F_GETFL) & O_ACCMODE, O_WRONLY);
  EXPECT_EQ(w.client->Open(*node.get(), {}).error(), Errno::kEINVAL);
  EXPECT_EQ(w.client->Open(*w.root.get(), OpenFlag::kRead).error(), Errno::kEISDIR);
}

TEST(Gofer, AFileCanBeReopenedAfterItsNameIsGone) {
  World w;
  w.tree.Write("f", "still here");
  auto node = NodeAt(w.root, {"f"});
  w.tree.Write("g", "another");
  ASSERT_TRUE(w.client->Rename(*w.root.get(), "g", *w.root.get(), "f").ok());
  auto file = w.client->Open(*node.get(), OpenFlag::kRead);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(ReadAll(file->file.get()), "still here");
  EXPECT_EQ(file->attributes.nlink, 0u);
}

TEST(Gofer, NewFilesGetTheirOwnerAndModeWhateverUmaskSays) {
  World w;
  const NewFileOwner owner{04755, getuid() == 0 ? 1234 : getuid(), getuid() == 0 ? 4321 : getgid()};
  auto file = w.client->Create(*w.root.get(), "f", owner, OpenFlag::kRead | OpenFlag::kWrite);
  ASSERT_TRUE(file.ok()) << ErrnoName(file.error());
  EXPECT_EQ(file->attributes.mode, kTypeRegular | 04755);
  EXPECT_EQ(file->attributes.uid, owner.uid);
  EXPECT_EQ(file->attributes.gid, owner.gid);
  ASSERT_EQ(write(file->file.get(), "abc", 3), 3);
  EXPECT_EQ(w.client->GetAttr(*file->node.get())->size, 3u);
  EXPECT_EQ(w.client->Create(*w.root.get(), "f", owner, OpenFlag::kWrite).error(), Errno::kEEXIST);

  auto dir = w.client->Mkdir(*w.root.get(), "d", {02777, owner.uid, owner.gid});
  ASSERT_TRUE(dir.ok()) << ErrnoName(dir.error());
  EXPECT_EQ(dir->attributes.mode, kTypeDirectory | 02777);
  EXPECT_EQ(dir->directory.nlink, 3u);
  auto link = w.client->Symlink(*dir->node.get(), "l", owner, "/etc/passwd");
  ASSERT_TRUE(link.ok());
  EXPECT_EQ(link->attributes.uid, owner.uid);
  EXPECT_EQ(w.client->ReadLink(*link->node.get()).value(), "/etc/passwd");
  EXPECT_EQ(w.client->Mknod(*w.root.get(), "p", owner, kTypeFifo)->attributes.type(), kTypeFifo);
  EXPECT_EQ(w.client->Mknod(*w.root.get(), "s", owner, kTypeSocket)->attributes.type(), kTypeSocket);
  EXPECT_EQ(w.client->Mknod(*w.root.get(), "r", owner, kTypeRegular)->attributes.mode, kTypeRegular | 04755);
  EXPECT_EQ(w.client->Mknod(*w.root.get(), "c", owner, kTypeCharDevice).error(), Errno::kEPERM);
  EXPECT_FALSE(std::filesystem::exists(w.tree / "c"));
  EXPECT_EQ(w.client->Open(*NodeAt(w.root, {"p"}).get(), OpenFlag::kRead).error(), Errno::kEACCES);
  EXPECT_EQ(w.client->Open(*NodeAt(w.root, {"s"}).get(), OpenFlag::kRead).error(), Errno::kENXIO);
  EXPECT_EQ(w.client->ConnectUnix(*NodeAt(w.root, {"s"}).get(), SocketKind::kStream).error(), Errno::kECONNREFUSED);
}

TEST(Gofer, ReadOnlyMountsAnswerErofsToEveryChange) {
  World w;
  w.tree.Write("f", "x");
  std::filesystem::create_directory(w.tree / "d");
  auto root = w.client->Attach(1).value().node;
  auto file = NodeAt(root, {"f"});
  GoferNode& r = *root.get();
  EXPECT_EQ(w.client->Create(r, "n", Mine(0600), OpenFlag::kWrite).error(), Errno::kEROFS);
  EXPECT_EQ(w.client->Mkdir(r, "n", Mine(0700)).error(), Errno::kEROFS);
  EXPECT_EQ(w.client->Symlink(r, "n", Mine(0), "t").error(), Errno::kEROFS);
  EXPECT_EQ(w.client->Mknod(r, "n", Mine(0600), kTypeFifo).error(), Errno::kEROFS);
  EXPECT_EQ(w.client->Link(*file.get(), r, "n").error(), Errno::kEROFS);
  EXPECT_EQ(w.client->Unlink(r, "f", UnlinkKind::kFile).error(), Errno::kEROFS);
  EXPECT_EQ(w.client->Rename(r, "f", r, "n").error(), Errno::kEROFS);
  EXPECT_EQ(w.client->Open(*file.get(), OpenFlag::kWrite).error(), Errno::kEROFS);
  EXPECT_EQ(w.client->Open(*file.get(), OpenFlag::kRead | OpenFlag::kTruncate).error(), Errno::kEROFS);
  EXPECT_EQ(w.client->SetAttr(*file.get(), {.fields = SetAttrField::kMode, .mode = 0}).error(), Errno::kEROFS);
  EXPECT_EQ(w.client->SetXattr(*file.get(), "user.a", "b").error(), Errno::kEROFS);
  EXPECT_EQ(w.client->RemoveXattr(*file.get(), "user.a").error(), Errno::kEROFS);
  EXPECT_TRUE(w.client->Open(*file.get(), OpenFlag::kRead).ok());
}

TEST(Gofer, SetAttrChangesWhatTheMaskNames) {
  World w;
  w.tree.Write("f", "0123456789");
  auto node = NodeAt(w.root, {"f"});
  AttributeChange change;
  change.fields = SetAttrField::kMode | SetAttrField::kSize | SetAttrField::kAtime | SetAttrField::kMtime;
  change.mode = 0640;
  change.size = 4;
  change.atime = {100, 5};
  change.mtime = {-1, 999'999'999};
  auto after = w.client->SetAttr(*node.get(), change);
  ASSERT_TRUE(after.ok()) << ErrnoName(after.error());
  EXPECT_EQ(after->mode, kTypeRegular | 0640);
  EXPECT_EQ(after->size, 4u);
  EXPECT_EQ(after->atime, (Timestamp{100, 5}));
  EXPECT_EQ(after->mtime.nanoseconds, 999'999'999u);
  after = w.client->SetAttr(*node.get(), {.fields = SetAttrField::kMtimeNow});
  EXPECT_GT(after->mtime.seconds, 1'000'000'000);
  EXPECT_EQ(after->atime, (Timestamp{100, 5}));
  EXPECT_EQ(w.client->SetAttr(*w.root.get(), {.fields = SetAttrField::kSize, .size = 1}).error(), Errno::kEISDIR);
  EXPECT_EQ(w.client->SetAttr(*node.get(), {.fields = SetAttrField::kSize, .size = UINT64_MAX}).error(), Errno::kEINVAL);
  EXPECT_EQ(w.client->SetAttr(*node.get(), {.fields = SetAttrField::kMode, .mode = 0170000}).error(), Errno::kEINVAL);
}

TEST(Gofer, SetAttrOnASymlinkTouchesTheLinkAndNotItsTarget) {
  World w;
  w.tree.Write("target", "x");
  std::filesystem::create_symlink("target", w.tree / "l");
  auto node = NodeAt(w.root, {"l"});
  auto after = w.client->SetAttr(*node.get(), {.fields = SetAttrField::kMtime, .mtime = {77, 0}});
  ASSERT_TRUE(after.ok()) << ErrnoName(after.error());
  EXPECT_EQ(after->mtime.seconds, 77);
  EXPECT_NE(WalkTo(w.root, {"target"})->nodes[0].attributes.mtime.seconds, 77);
  EXPECT_EQ(w.client->SetAttr(*node.get(), {.fields = SetAttrField::kMode, .mode = 0}).error(), Errno::kEOPNOTSUPP);
}

TEST(Gofer, ReadDirListsEverythingOnceAndContinuesFromAnyCookie) {
  World w;
  std::filesystem::create_directory(w.tree / "d");
  std::set<std::string> expected;
  for (int i = 0; i < 3000; i++) {
    const std::string name = "file-with-a-name-" + std::to_string(i);
    w.tree.Write("d/" + name, "");
    expected.insert(name);
  }
  auto dir = NodeAt(w.root, {"d"});
  std::set<std::string> seen;
  std::vector<ListedEntry> order;
  for (uint64_t cookie = 0;;) {
    auto batch = w.client->ReadDir(*dir.get(), cookie);
    ASSERT_TRUE(batch.ok());
    for (auto& e : batch->entries) {
      EXPECT_TRUE(seen.insert(e.name).second) << e.name;
      order.push_back(e);
    }
    if (batch->end) break;
    cookie = batch->next;
  }
  EXPECT_EQ(seen, expected);
  auto middle = w.client->ReadDir(*dir.get(), order[1500].next);
  ASSERT_TRUE(middle.ok());
  EXPECT_EQ(middle->entries.front().name, order[1501].name);
  EXPECT_EQ(w.client->ReadDir(*NodeAt(dir, {order[0].name}).get(), 0).error(), Errno::kENOTDIR);
}

TEST(Gofer, ASmallDirectoryIsOneRequest) {
  World w;
  std::filesystem::create_directory(w.tree / "d");
  for (const char* name : {"a", "b", "c"}) w.tree.Write(std::string("d/") + name, "");
  auto dir = NodeAt(w.root, {"d"});
  auto batch = w.client->ReadDir(*dir.get(), 0);
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->entries.size(), 3u);
  EXPECT_TRUE(batch->end);
  EXPECT_EQ(batch->entries.back().next, batch->next);
  // Reading on from the end, and again from the start.
  auto past = w.client->ReadDir(*dir.get(), batch->next);
  ASSERT_TRUE(past.ok());
  EXPECT_TRUE(past->end);
  EXPECT_TRUE(past->entries.empty());
  auto again = w.client->ReadDir(*dir.get(), 0);
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->entries.size(), 3u);
}

TEST(Gofer, LookTellsAllAboutSeveralNames) {
  World w;
  std::filesystem::create_directories(w.tree / "d/sub/deep");
  w.tree.Write("d/f", "hello");
  w.tree.Write("d/empty", "");
  w.tree.Write("d/big", std::string(kMaxLookContents + 1, 'x'));
  std::filesystem::create_symlink("/etc/passwd", w.tree / "d/l");
  ASSERT_EQ(mkfifo((w.tree / "d/fifo").c_str(), 0600), 0);
  const Ref<GoferNode> d = NodeAt(w.root, {"d"});
  const std::string_view names[] = {"f", "empty", "big", "l", "none", "sub", "fifo"};
  const auto found = w.client->Look(*d.get(), names, LookFlag::kReadLink | LookFlag::kList | LookFlag::kContents).value();
  ASSERT_EQ(found.size(), 7u);
  EXPECT_TRUE(found[0].has_contents);
  EXPECT_EQ(found[0].contents, "hello");
  EXPECT_EQ(found[0].attributes.size, 5u);
  EXPECT_TRUE(found[1].has_contents);
  EXPECT_FALSE(found[2].has_contents);
  EXPECT_EQ(found[3].target, "/etc/passwd");
  EXPECT_EQ(found[4].error, Errno::kENOENT);
  EXPECT_FALSE(found[4].node);
  ASSERT_TRUE(found[5].listed);
  ASSERT_EQ(found[5].entries.size(), 1u);
  EXPECT_EQ(found[5].entries[0].name, "deep");
  EXPECT_EQ(found[6].attributes.type(), kTypeFifo);
  // The nodes are as good as those of a Walk, also the listed directory's.
  EXPECT_EQ(NodeAt(found[5].node.ToRef(), {"deep"})->type(), kTypeDirectory);
  EXPECT_EQ(w.client->ReadDir(*found[5].node, 0)->entries.size(), 1u);
  EXPECT_EQ(w.client->Open(*found[2].node, OpenFlag::kRead)->attributes.size, kMaxLookContents + 1);
  // Only what was asked for.
  const auto bare = w.client->Look(*d.get(), names, {}).value();
  EXPECT_FALSE(bare[0].has_contents);
  EXPECT_TRUE(bare[3].target.empty());
  EXPECT_FALSE(bare[5].listed);
  const std::string_view bad[] = {"f", ".."};
  EXPECT_EQ(w.client->Look(*d.get(), bad, {}).error(), Errno::kEINVAL);
  EXPECT_EQ(w.client->Look(*found[0].node, names, {}).error(), Errno::kENOTDIR);
}

TEST(Gofer, LookDescendsWhileThereIsRoom) {
  World w;
  for (int a = 0; a < 3; ++a) {
    for (int b = 0; b < 4; ++b) std::filesystem::create_directories(w.tree / ("t/" + std::to_string(a) + "/" + std::to_string(b) + "/end"));
  }
  const Ref<GoferNode> t = NodeAt(w.root, {"t"});
  const std::string_view names[] = {"0", "1", "2"};
  const auto found = w.client->Look(*t.get(), names, LookFlag::kList | LookFlag::kDescend).value();
  ASSERT_EQ(found.size(), 3u + 12u + 12u);
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_TRUE(found[i].listed);
    EXPECT_EQ(found[i].parent == 0, i % 9 == 0);
    EXPECT_EQ(found[i].entries.size(), i % 9 == 0 ? 4u : found[i].name == "end" ? 0u : 1u);
    EXPECT_EQ(found[i].name == "end", i % 9 != 0 && i % 9 % 2 == 0);
  }
  w.tree.Write("t/1/f", "text");
  size_t texts = 0;
  const auto all = w.client->Look(*t.get(), names, LookFlag::kList | LookFlag::kDescend | LookFlag::kFiles | LookFlag::kContents).value();
  for (const LookedUp& found_file : all) texts += found_file.contents == "text" && found_file.name == "f" && found_file.parent != 0;
  EXPECT_EQ(texts, 1u);
  // A wide and a heavy tree: bounded replies, and the first name always has its answer.
  for (int i = 0; i < 300; ++i) std::filesystem::create_directories(w.tree / ("t/0/0/" + std::to_string(i)));
  for (int i = 0; i < 60; ++i) w.tree.Write("t/1/f" + std::to_string(i), std::string(kMaxLookContents, 'y'));
  const auto wide = w.client->Look(*t.get(), names, LookFlag::kList | LookFlag::kDescend).value();
  EXPECT_LE(wide.size(), kMaxLookResults);
  const Ref<GoferNode> one = NodeAt(t, {"1"});
  std::vector<std::string> files;
  for (int i = 0; i < 60; ++i) files.push_back("f" + std::to_string(i));
  const std::vector<std::string_view> views(files.begin(), files.end());
  const auto heavy = w.client->Look(*one.get(), views, LookFlag::kContents).value();
  EXPECT_GE(heavy.size(), 3u);
  EXPECT_LT(heavy.size(), 60u);
  for (const LookedUp& file : heavy) EXPECT_EQ(file.contents.size(), kMaxLookContents);
}

TEST(Gofer, LookNeverLeavesTheTree) {
  World w;
  w.tree.Write("f", "x");
  std::filesystem::create_symlink("/", w.tree / "root");
  std::filesystem::create_symlink("/etc/passwd", w.tree / "file");
  const std::string_view names[] = {"root", "file"};
  for (Mask<LookFlag> flags : {Mask<LookFlag>(), LookFlag::kList | LookFlag::kDescend | LookFlag::kContents}) {
    for (const LookedUp& link : w.client->Look(*w.root.get(), names, flags).value()) {
      EXPECT_EQ(link.attributes.type(), kTypeSymlink);
      EXPECT_FALSE(link.listed || link.has_contents);
    }
  }
}

TEST(Gofer, LinkRenameAndUnlinkWorkOnNames) {
  World w;
  w.tree.Write("f", "x");
  std::filesystem::create_directory(w.tree / "d");
  auto file = NodeAt(w.root, {"f"});
  auto dir = NodeAt(w.root, {"d"});
  auto linked = w.client->Link(*file.get(), *dir.get(), "g");
  ASSERT_TRUE(linked.ok()) << ErrnoName(linked.error());
  EXPECT_EQ(linked->file.nlink, 2u);
  EXPECT_EQ(w.client->Link(*dir.get(), *w.root.get(), "h").error(), Errno::kEPERM);
  EXPECT_EQ(w.client->Rename(*w.root.get(), "f", *dir.get(), "g", RenameFlag::kNoReplace).error(), Errno::kEEXIST);
  ASSERT_TRUE(w.client->Rename(*dir.get(), "g", *dir.get(), "h").ok());
  ASSERT_TRUE(w.client->Rename(*w.root.get(), "f", *dir.get(), "h", RenameFlag::kExchange).ok());
  EXPECT_EQ(w.client->Rename(*w.root.get(), "d", *dir.get(), "inside").error(), Errno::kEINVAL);
  EXPECT_EQ(w.client->Unlink(*w.root.get(), "d", UnlinkKind::kFile).error(), Errno::kEISDIR);
  EXPECT_EQ(w.client->Unlink(*w.root.get(), "d", UnlinkKind::kDirectory).error(), Errno::kENOTEMPTY);
  ASSERT_TRUE(w.client->Unlink(*dir.get(), "h", UnlinkKind::kFile).ok());
  auto root = w.client->Unlink(*w.root.get(), "d", UnlinkKind::kDirectory);
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->nlink, 2u);
  EXPECT_EQ(w.client->GetAttr(*dir.get())->nlink, 0u);
}

TEST(Gofer, XattrsAreLimitedToWhatAGuestMayTouch) {
  World w;
  w.tree.Write("f", "x");
  auto file = NodeAt(w.root, {"f"});
  auto set = w.client->SetXattr(*file.get(), "user.a", "value");
  if (!set.ok()) GTEST_SKIP() << "no user xattrs here: " << ErrnoName(set.error());
  EXPECT_EQ(w.client->SetXattr(*file.get(), "user.a", "v", XattrFlag::kCreate).error(), Errno::kEEXIST);
  EXPECT_EQ(w.client->GetXattr(*file.get(), "user.a").value(), "value");
  EXPECT_EQ(w.client->GetXattr(*file.get(), "user.b").error(), Errno::kENODATA);
  (void)setxattr((w.tree / "f").c_str(), "trusted.secret", "s", 1, 0);
  EXPECT_THAT(w.client->ListXattr(*file.get()).value(), testing::ElementsAre("user.a"));
  EXPECT_EQ(w.client->SetXattr(*file.get(), "security.capability", "x").error(), Errno::kEPERM);
  EXPECT_EQ(w.client->GetXattr(*file.get(), "trusted.secret").error(), Errno::kENODATA);
  EXPECT_TRUE(w.client->RemoveXattr(*file.get(), "user.a").ok());
  EXPECT_TRUE(w.client->ListXattr(*file.get())->empty());
}

TEST(Gofer, StatFsAndFsyncAnswer) {
  World w;
  struct statfs st;
  ASSERT_EQ(statfs(w.tree.path().c_str(), &st), 0);
  EXPECT_EQ(w.client->StatFs(*w.root.get())->blocks, st.f_blocks);
  EXPECT_TRUE(w.client->Fsync(*w.root.get()).ok());
}

TEST(Gofer, TheNodeTableIsBoundedAndForgetsFreeIt) {
  World w;
  w.tree.Write("f", "x");
  std::vector<Ref<GoferNode>> held;
  Errno error{};
  for (uint32_t i = 0; i < w.client->max_nodes() + 10; i++) {
    auto walk = WalkTo(w.root, {"f"});
    ASSERT_TRUE(walk.ok());
    if (walk->stop == WalkStop::kError) {
      error = walk->error;
      break;
    }
    held.push_back(walk->nodes[0].node);
  }
  EXPECT_EQ(error, Errno::kENFILE);
  EXPECT_EQ(held.size(), w.client->max_nodes() - 1);
  EXPECT_EQ(w.client->Mkdir(*w.root.get(), "d", Mine(0755)).error(), Errno::kENFILE);
  EXPECT_FALSE(std::filesystem::exists(w.tree / "d"));
  held.clear();
  EXPECT_TRUE(w.client->Mkdir(*w.root.get(), "d", Mine(0755)).ok());
  for (int i = 0; i < 2000; i++) ASSERT_EQ(WalkTo(w.root, {"f"})->stop, WalkStop::kDone);
}

TEST(Gofer, ConnectIsAPolicy) {
  World w(+[](const TempTree& tree, UniqueFd socket) {
    ServerOptions options = TestOptions(tree, std::move(socket));
    options.allow_connect = true;
    return options;
  });
  UniqueFd listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strcpy(address.sun_path, (w.tree / "s").c_str());
  ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  auto node = NodeAt(w.root, {"s"});
  EXPECT_EQ(w.client->ConnectUnix(*node.get(), SocketKind::kStream).error(), Errno::kECONNREFUSED);
  ASSERT_EQ(listen(listener.get(), 1), 0);
  auto fd = w.client->ConnectUnix(*node.get(), SocketKind::kStream);
  ASSERT_TRUE(fd.ok()) << ErrnoName(fd.error());
  EXPECT_EQ(w.client->ConnectUnix(*node.get(), SocketKind::kDatagram).error(), Errno::kEPROTOTYPE);
}

TEST(Gofer, ManyThreadsShareOneConnection) {
  World w;
  for (int i = 0; i < 8; i++) w.tree.Write("f" + std::to_string(i), std::string(static_cast<size_t>(i) + 1, 'x'));
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; t++) {
    threads.emplace_back([&w, t] {
      const std::string name = "f" + std::to_string(t);
      for (int i = 0; i < 400; i++) {
        auto walk = WalkTo(w.root, {name});
        ASSERT_TRUE(walk.ok());
        ASSERT_EQ(walk->nodes[0].attributes.size, static_cast<uint64_t>(t) + 1);
        auto file = w.client->Open(*walk->nodes[0].node.get(), OpenFlag::kRead);
        ASSERT_TRUE(file.ok());
        ASSERT_EQ(ReadAll(file->file.get()).size(), static_cast<size_t>(t) + 1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

TEST(Gofer, TheServerEndsWithItsClientAlsoWhenConfined) {
  TempTree tree;
  tree.Write("f", "confined");
  Sockets sockets;
  const pid_t child = fork();
  if (child == 0) {
    sockets.client.reset();
    ServerOptions options = TestOptions(tree, std::move(sockets.server));
    options.confine = true;
    RunGofer(std::move(options));
  }
  sockets.server.reset();
  {
    auto client = GoferClient::Connect(std::move(sockets.client)).value();
    auto root = client->Attach(0).value().node;
    auto file = NodeAt(root, {"f"});
    EXPECT_EQ(ReadAll(client->Open(*file.get(), OpenFlag::kRead)->file.get()), "confined");
    const NewFileOwner owner{0644, getuid() == 0 ? 55 : getuid(), getgid()};
    EXPECT_TRUE(client->Create(*root.get(), "n", owner, OpenFlag::kWrite).ok());
    auto dir = client->Mkdir(*root.get(), "d", owner);
    ASSERT_TRUE(dir.ok()) << ErrnoName(dir.error());
    EXPECT_TRUE(client->Mknod(*root.get(), "p", owner, kTypeFifo).ok());
    EXPECT_TRUE(client->Symlink(*root.get(), "l", owner, "f").ok());
    EXPECT_TRUE(client->Link(*file.get(), *dir->node.get(), "g").ok());
    EXPECT_TRUE(client->Rename(*dir->node.get(), "g", *root.get(), "h").ok());
    EXPECT_TRUE(client->Unlink(*root.get(), "h", UnlinkKind::kFile).ok());
    EXPECT_TRUE(client
                    ->SetAttr(*file.get(),
                              {.fields = SetAttrField::kMode | SetAttrField::kSize | SetAttrField::kMtimeNow, .mode = 04711, .size = 3})
                    .ok());
    EXPECT_TRUE(client->ReadDir(*root.get(), 0).ok());
    EXPECT_TRUE(client->StatFs(*root.get()).ok());
    EXPECT_TRUE(client->Fsync(*file.get()).ok());
    EXPECT_EQ(client->ReadLink(*NodeAt(root, {"l"}).get()).value(), "f");
    (void)client->SetXattr(*file.get(), "user.a", "b");
    (void)client->GetXattr(*file.get(), "user.a");
    (void)client->ListXattr(*file.get());
    (void)client->RemoveXattr(*file.get(), "user.a");
    EXPECT_FALSE(client->dead());
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Gofer, AKilledServerGivesEioFromThenOn) {
  TempTree tree;
  Sockets sockets;
  const pid_t child = fork();
  if (child == 0) {
    sockets.client.reset();
    RunGofer(TestOptions(tree, std::move(sockets.server)));
  }
  sockets.server.reset();
  auto client = GoferClient::Connect(std::move(sockets.client)).value();
  auto root = client->Attach(0).value().node;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  for (int i = 0; i < 3; i++) EXPECT_EQ(client->GetAttr(*root.get()).error(), Errno::kEIO);
  EXPECT_TRUE(client->dead());
}

}  // namespace
}  // namespace ringwall::gofer
