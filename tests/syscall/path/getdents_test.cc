// getdents64(2).
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include <set>

#include "tests/lib/guest.h"

namespace tests {

struct Entry {
  unsigned long ino;
  long off;
  unsigned short reclen;
  unsigned char type;
  char name[];
};

static std::multiset<std::string> Names(int fd, size_t room) {
  std::multiset<std::string> names;
  std::string buffer(room, '\0');
  long got;
  while ((got = Call(SYS_getdents64, fd, buffer.data(), room)) > 0) {
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const Entry*>(buffer.data() + at);
      names.insert(entry->name);
      at += entry->reclen;
    }
  }
  EXPECT_THAT(got, SucceedsWith(0));
  return names;
}

TEST(Getdents, ListsEverythingOnceWithDots) {
  const TempDir dir;
  std::multiset<std::string> wanted{".", ".."};
  for (int i = 0; i < 200; ++i) {
    const std::string name = "file-" + std::to_string(i);
    WriteFile(dir / name, "");
    wanted.insert(name);
  }
  const ScopedFd fd(open(dir.path().c_str(), O_RDONLY | O_DIRECTORY));
  EXPECT_EQ(Names(fd.get(), 512), wanted);
  EXPECT_THAT(Call(SYS_lseek, fd, 0, SEEK_SET), SucceedsWith(0));
  EXPECT_EQ(Names(fd.get(), 65536), wanted);
}
TEST(Getdents, TellsTheType) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  ASSERT_EQ(symlink("x", (dir / "l").c_str()), 0);
  WriteFile(dir / "f", "");
  DIR* stream = opendir(dir.path().c_str());
  ASSERT_NE(stream, nullptr);
  while (const dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (entry->d_type == DT_UNKNOWN) continue;
    if (name == "d") {
      EXPECT_EQ(entry->d_type, DT_DIR);
    }
    if (name == "l") {
      EXPECT_EQ(entry->d_type, DT_LNK);
    }
    if (name == "f") {
      EXPECT_EQ(entry->d_type, DT_REG);
    }
  }
  closedir(stream);
}
TEST(Getdents, InodeNumbersAgreeWithStat) {
  const TempDir dir;
  WriteFile(dir / "f", "");
  struct stat info;
  ASSERT_EQ(stat((dir / "f").c_str(), &info), 0);
  DIR* stream = opendir(dir.path().c_str());
  bool found = false;
  while (const dirent* entry = readdir(stream)) {
    if (std::string(entry->d_name) == "f") found = entry->d_ino == info.st_ino;
  }
  closedir(stream);
  EXPECT_TRUE(found);
}
TEST(Getdents, TooSmallABufferIsInvalid) {
  const ScopedFd fd(open("/", O_RDONLY | O_DIRECTORY));
  char bytes[8];
  EXPECT_THAT(Call(SYS_getdents64, fd, bytes, 8), FailsWith(EINVAL));
}
TEST(Getdents, NotADirectoryBadDescriptorAndBadBuffer) {
  const ScopedFd file = TempFile("x");
  const ScopedFd fd(open("/", O_RDONLY | O_DIRECTORY));
  char bytes[500];
  EXPECT_THAT(Call(SYS_getdents64, file, bytes, 500), FailsWith(ENOTDIR));
  EXPECT_THAT(Call(SYS_getdents64, 9999, bytes, 500), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_getdents64, fd, BadAddress(), 500), FailsWith(EFAULT));
}
TEST(Getdents, RemovedDirectoryIsEnoent) {
  const TempDir dir;
  ASSERT_EQ(mkdir((dir / "d").c_str(), 0700), 0);
  const ScopedFd fd(open((dir / "d").c_str(), O_RDONLY | O_DIRECTORY));
  ASSERT_EQ(rmdir((dir / "d").c_str()), 0);
  char bytes[500];
  EXPECT_THAT(Call(SYS_getdents64, fd, bytes, 500), FailsWith(ENOENT));
}

}  // namespace tests
