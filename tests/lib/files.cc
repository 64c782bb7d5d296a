// Descriptors, pipes and temporary directories that clean up after themselves.
#include "tests/lib/files.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

namespace tests {

int LowestFreeFd() {
  const int fd = open("/", O_PATH | O_CLOEXEC);
  if (fd >= 0) close(fd);
  return fd;
}

Pipe::Pipe(int flags) {
  int fds[2] = {-1, -1};
  EXPECT_THAT(Call(SYS_pipe2, fds, flags), SucceedsWith(0));
  reader = ScopedFd(fds[0]);
  writer = ScopedFd(fds[1]);
}

static std::string& MutableTempRoot() {
  static std::string root = getenv("TMPDIR") != nullptr ? getenv("TMPDIR") : "/tmp";
  return root;
}
void SetTempRoot(const char* directory) { MutableTempRoot() = directory; }
const std::string& TempRoot() { return MutableTempRoot(); }

TempDir::TempDir() {
  std::string name = TempRoot() + "/guest-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "mkdtemp " << name << ": " << strerror(errno);
  path_ = name;
  // The umask must not decide what other users can reach in a test about permissions.
  chmod(path_.c_str(), 0755);
}

static void RemoveTree(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return;
  if (!S_ISDIR(info.st_mode)) {
    unlink(path.c_str());
    return;
  }
  chmod(path.c_str(), 0700);
  DIR* dir = opendir(path.c_str());
  if (dir != nullptr) {
    while (dirent* entry = readdir(dir)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") RemoveTree(path + "/" + name);
    }
    closedir(dir);
  }
  rmdir(path.c_str());
}

TempDir::~TempDir() { RemoveTree(path_); }

bool WriteFile(const std::string& path, const std::string& bytes, int mode) {
  const ScopedFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
  return fd.valid() && write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
}

std::string ReadFile(const std::string& path) {
  std::string all;
  const ScopedFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return all;
  char chunk[4096];
  ssize_t got;
  while ((got = read(fd.get(), chunk, sizeof chunk)) > 0) all.append(chunk, got);
  return all;
}

ScopedFd TempFile(const std::string& bytes, int flags) {
  std::string name = TempRoot() + "/guest-file-XXXXXX";
  ScopedFd fd(mkstemp(name.data()));
  EXPECT_TRUE(fd.valid()) << name << ": " << strerror(errno);
  EXPECT_EQ(write(fd.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  lseek(fd.get(), 0, SEEK_SET);
  if (flags != O_RDWR) fd = ScopedFd(open(name.c_str(), flags));
  unlink(name.c_str());
  return fd;
}

long Offset(int fd) { return Call(SYS_lseek, fd, 0, SEEK_CUR); }

long SizeOf(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 ? info.st_size : -1;
}

bool Exists(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0;
}

}  // namespace tests
