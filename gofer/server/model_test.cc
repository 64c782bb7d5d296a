// Model test: random operations through the gofer on one tree and as direct host calls on another give the same errnos and trees.
#include <dirent.h>
#include <errno.h>

#include <map>
#include <random>

#include "gofer/server/test_world.h"

namespace ringwall::gofer {
namespace {

Errno ErrorOf(int result) { return result < 0 ? ErrnoFromHost(errno) : Errno{}; }
template <typename T>
Errno ErrorOf(const Result<T>& r) {
  return r.ok() ? Errno{} : r.error();
}

// name -> "mode nlink size content/target"
std::map<std::string, std::string> Describe(const std::string& root) {
  std::map<std::string, std::string> out;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    struct stat st;
    if (lstat(entry.path().c_str(), &st) != 0) continue;
    std::string text = std::to_string(st.st_mode) + " " + std::to_string(st.st_nlink);
    if (S_ISREG(st.st_mode)) text += " " + std::to_string(st.st_size);
    if (S_ISLNK(st.st_mode)) text += " " + std::filesystem::read_symlink(entry.path()).string();
    out[entry.path().lexically_relative(root).string()] = text;
  }
  return out;
}

TEST(GoferModel, RandomOperationsAgreeWithTheHost) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  World w;
  TempTree model;
  const char* names[] = {"a", "b", "c", "d"};
  const char* dirs[] = {"", "a", "b", "a/c"};
  for (int i = 0; i < 3000; i++) {
    // The same directory in both; skipped when it is none (the walk's own errors are tested elsewhere).
    auto pick_dir = [&](std::string* path, RefPtr<GoferNode>* node) {
      const std::string dir = dirs[random() % 4];
      *path = model / dir;
      *node = w.root;
      for (size_t at = 0; at < dir.size(); at += 2) {
        auto walk = WalkTo(node->ToRef(), {std::string_view(dir).substr(at, 1)});
        if (!walk.ok() || walk->stop != WalkStop::kDone || !walk->nodes[0].node->directory()) return false;
        *node = walk->nodes[0].node;
      }
      return true;
    };
    std::string path1, path2;
    RefPtr<GoferNode> node1, node2;
    if (!pick_dir(&path1, &node1) || !pick_dir(&path2, &node2)) continue;
    const std::string name1 = names[random() % 4], name2 = names[random() % 4];
    const std::string full1 = path1 + "/" + name1, full2 = path2 + "/" + name2;
    const uint32_t mode = random() % 01000;
    auto& c = *w.client.get();
    Errno expected{}, got{};
    const int op = static_cast<int>(random() % 9);
    switch (op) {
      case 0:
        got = ErrorOf(c.Mkdir(*node1, name1, Mine(mode)));
        expected = ErrorOf(mkdir(full1.c_str(), mode));
        if (expected == Errno{}) (void)chmod(full1.c_str(), mode);
        break;
      case 1: {
        got = ErrorOf(c.Create(*node1, name1, Mine(mode), OpenFlag::kWrite));
        UniqueFd fd(open(full1.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode));
        expected = ErrorOf(fd.get());
        if (fd.valid()) (void)fchmod(fd.get(), mode);
        break;
      }
      case 2:
        got = ErrorOf(c.Symlink(*node1, name1, Mine(0), name2));
        expected = ErrorOf(symlink(name2.c_str(), full1.c_str()));
        break;
      case 3:
        got = ErrorOf(c.Unlink(*node1, name1, UnlinkKind::kFile));
        expected = ErrorOf(unlink(full1.c_str()));
        break;
      case 4:
        got = ErrorOf(c.Unlink(*node1, name1, UnlinkKind::kDirectory));
        expected = ErrorOf(rmdir(full1.c_str()));
        break;
      case 5: {
        const unsigned flags = random() % 4 == 0 ? RENAME_EXCHANGE : random() % 2;
        Mask<RenameFlag> mask;
        mask.bits = flags;
        got = ErrorOf(c.Rename(*node1, name1, *node2, name2, mask));
        expected = ErrorOf(renameat2(AT_FDCWD, full1.c_str(), AT_FDCWD, full2.c_str(), flags));
        break;
      }
      case 6: {
        auto walk = WalkTo(node1.ToRef(), {name1});
        ASSERT_TRUE(walk.ok());
        got = walk->stop == WalkStop::kMissing ? Errno::kENOENT : ErrorOf(c.Link(*walk->nodes[0].node.get(), *node2, name2));
        expected = ErrorOf(link(full1.c_str(), full2.c_str()));
        break;
      }
      case 7: {
        auto walk = WalkTo(node1.ToRef(), {name1});
        ASSERT_TRUE(walk.ok());
        struct stat st;
        if (lstat(full1.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) continue;
        const uint64_t size = random() % 10000;
        got = ErrorOf(
            c.SetAttr(*walk->nodes.at(0).node.get(), {.fields = SetAttrField::kSize | SetAttrField::kMode, .mode = mode, .size = size}));
        expected = ErrorOf(truncate(full1.c_str(), static_cast<off_t>(size)));
        (void)chmod(full1.c_str(), mode);
        break;
      }
      case 8:
        got = ErrorOf(c.Mknod(*node1, name1, Mine(mode), kTypeFifo));
        expected = ErrorOf(mkfifo(full1.c_str(), mode));
        if (expected == Errno{}) (void)chmod(full1.c_str(), mode);
        break;
    }
    ASSERT_EQ(got, expected) << "step " << i << " operation " << op << " " << full1 << " " << full2 << ": " << ErrnoName(got) << " / "
                             << ErrnoName(expected);
    if (i % 100 == 0) {
      ASSERT_EQ(Describe(w.tree.path()), Describe(model.path())) << "step " << i;
    }
  }
  EXPECT_EQ(Describe(w.tree.path()), Describe(model.path()));
}

}  // namespace
}  // namespace ringwall::gofer
