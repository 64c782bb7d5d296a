// Path calls against the kernel that runs the test: the same random list of mkdir, open, link, symlink, rename, unlink, rmdir, chmod, stat
// is done below a chroot on the host and in a tmpfs of ours, and every result and errno must agree. The seed is printed; RINGWALL_SEED
// replays it.
#include <gtest/gtest.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "abi/fcntl.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/vfs/operations.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::tmpfs {
namespace {

enum class Op { kMkdir, kOpen, kUnlink, kRmdir, kRename, kLink, kSymlink, kStat, kLstat, kReadlink, kChmod, kTruncate };

struct Step {
  Op op;
  std::string a, b;
  uint32_t flags = 0;
};

std::string RandomPath(std::mt19937_64& random) {
  static const char* const kNames[] = {"a", "b", "c", "d", ".", ".."};
  std::string path = random() % 3 == 0 ? "/" : "";
  const int parts = 1 + static_cast<int>(random() % 4);
  for (int i = 0; i < parts; ++i) {
    if (i != 0) path += random() % 10 == 0 ? "//" : "/";
    path += kNames[random() % 20 < 17 ? random() % 4 : 4 + random() % 2];
  }
  if (random() % 8 == 0) path += "/";
  if (random() % 200 == 0) path = "";
  if (random() % 200 == 0) path = "a/" + std::string(256, 'x');
  return path;
}

std::vector<Step> RandomSteps(std::mt19937_64& random, size_t count) {
  static const uint32_t kOpenFlags[] = {O_CREAT, O_CREAT | O_EXCL,     O_EXCL, O_NOFOLLOW, O_DIRECTORY,
                                        O_TRUNC, O_CREAT | O_NOFOLLOW, 0,      O_PATH,     O_PATH | O_NOFOLLOW};
  static const uint32_t kModes[] = {0777, 0777, 0777, 0700, 0500, 0600, 0300, 01777, 0};
  std::vector<Step> steps;
  for (size_t i = 0; i < count; ++i) {
    Step s{static_cast<Op>(random() % 12), RandomPath(random), RandomPath(random)};
    switch (s.op) {
      case Op::kOpen: s.flags = kOpenFlags[random() % 10] | static_cast<uint32_t>(random() % 3); break;
      case Op::kRename: s.flags = random() % 2 == 0 ? 0 : static_cast<uint32_t>(random() % 3); break;
      case Op::kChmod: s.flags = kModes[random() % 9]; break;
      case Op::kTruncate: s.flags = static_cast<uint32_t>(random() % 10000); break;
      default: break;
    }
    steps.push_back(std::move(s));
  }
  return steps;
}

// What a call gave: -errno, or for stats a digest of what both kernels must agree on.
int64_t Digest(uint32_t mode, uint64_t nlink, uint64_t size) {
  return static_cast<int64_t>(mode) << 40 | static_cast<int64_t>(nlink) << 24 | static_cast<int64_t>(S_ISDIR(mode) ? 0 : size);
}

int64_t OnHost(const Step& s) {
  struct stat st;
  const auto result = [](int64_t r) { return r < 0 ? -int64_t{errno} : r; };
  switch (s.op) {
    case Op::kMkdir: return result(mkdir(s.a.c_str(), 0777));
    case Op::kOpen: {
      const int fd = open(s.a.c_str(), static_cast<int>(s.flags), 0666);
      if (fd < 0) return -errno;
      if (fstat(fd, &st) != 0) return -errno;
      close(fd);
      return Digest(st.st_mode, st.st_nlink, static_cast<uint64_t>(st.st_size));
    }
    case Op::kUnlink: return result(unlink(s.a.c_str()));
    case Op::kRmdir: return result(rmdir(s.a.c_str()));
    case Op::kRename: return result(syscall(SYS_renameat2, AT_FDCWD, s.a.c_str(), AT_FDCWD, s.b.c_str(), s.flags));
    case Op::kLink: return result(link(s.a.c_str(), s.b.c_str()));
    case Op::kSymlink: return result(symlink(s.a.c_str(), s.b.c_str()));
    case Op::kStat: return stat(s.a.c_str(), &st) != 0 ? -errno : Digest(st.st_mode, st.st_nlink, static_cast<uint64_t>(st.st_size));
    case Op::kLstat: return lstat(s.a.c_str(), &st) != 0 ? -errno : Digest(st.st_mode, st.st_nlink, static_cast<uint64_t>(st.st_size));
    case Op::kReadlink: {
      char text[4096];
      return result(readlink(s.a.c_str(), text, sizeof(text)));
    }
    case Op::kChmod: return result(chmod(s.a.c_str(), s.flags));
    case Op::kTruncate: return result(truncate(s.a.c_str(), s.flags));
  }
  return 0;
}

template <typename T>
int64_t Code(const Result<T>& r) {
  return r.ok() ? 0 : -static_cast<int64_t>(r.error());
}

int64_t OnOurs(Context& ctx, const vfs::WalkStart& at, const Step& s) {
  const auto digest = [](const vfs::Attributes& a) { return Digest(a.mode, a.nlink, a.size); };
  const auto find = [&](const std::string& path, vfs::LastSymlink last) { return vfs::Walk(ctx, at, path, {.last = last}); };
  switch (s.op) {
    case Op::kMkdir: return Code(vfs::Mkdir(ctx, at, s.a, 0777, 022));
    case Op::kOpen: {
      const Result<Ref<vfs::File>> file = vfs::Open(ctx, at, s.a, {.flags = s.flags, .mode = 0666}, 022);
      if (!file.ok()) return Code(file);
      return digest(file.value()->GetAttributes(ctx).value());
    }
    case Op::kUnlink: return Code(vfs::Unlink(ctx, at, s.a));
    case Op::kRmdir: return Code(vfs::Rmdir(ctx, at, s.a));
    case Op::kRename: return Code(vfs::Rename(ctx, at, s.a, at, s.b, s.flags));
    case Op::kLink: {
      const Result<vfs::Path> old = find(s.a, vfs::LastSymlink::kKeep);
      return old.ok() ? Code(vfs::Link(ctx, old.value(), at, s.b)) : Code(old);
    }
    case Op::kSymlink: return Code(vfs::Symlink(ctx, s.a, at, s.b));
    case Op::kStat:
    case Op::kLstat: {
      const Result<vfs::Path> place = find(s.a, s.op == Op::kStat ? vfs::LastSymlink::kFollow : vfs::LastSymlink::kKeep);
      return place.ok() ? digest(vfs::GetAttributes(ctx, place.value()).value()) : Code(place);
    }
    case Op::kReadlink: {
      const Result<vfs::Path> place = find(s.a, vfs::LastSymlink::kKeep);
      if (!place.ok()) return Code(place);
      const Result<std::string> text = vfs::ReadLink(ctx, place.value());
      return text.ok() ? static_cast<int64_t>(text->size()) : Code(text);
    }
    case Op::kChmod: {
      const Result<vfs::Path> place = find(s.a, vfs::LastSymlink::kFollow);
      return place.ok() ? Code(vfs::Chmod(ctx, place.value(), s.flags)) : Code(place);
    }
    case Op::kTruncate: {
      const Result<vfs::Path> place = find(s.a, vfs::LastSymlink::kFollow);
      return place.ok() ? Code(vfs::Truncate(ctx, place.value(), s.flags)) : Code(place);
    }
  }
  return 0;
}

int RemoveOne(const char* path, const struct stat*, int, struct FTW*) { return remove(path); }

// Runs the steps in a child that is chrooted into a directory of the host's tmpfs. Empty when the host does not let us.
std::vector<int64_t> RunOnHost(const std::vector<Step>& steps, uint32_t user) {
  char directory[] = "/dev/shm/ringwall-vfs-XXXXXX";
  if (mkdtemp(directory) == nullptr) return {};
  // Owned by the user, so that the host's fs.protected_* settings have nothing to say.
  chmod(directory, 0777);
  if (chown(directory, user, user) != 0) return {};
  int pipe_fds[2];
  if (pipe(pipe_fds) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    umask(022);
    if (chroot(directory) != 0 || chdir("/") != 0) _exit(1);
    if (user != 0 && (setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0)) _exit(1);
    for (const Step& s : steps) {
      const int64_t result = OnHost(s);
      if (write(pipe_fds[1], &result, sizeof(result)) != sizeof(result)) _exit(1);
    }
    _exit(0);
  }
  close(pipe_fds[1]);
  std::vector<int64_t> results;
  int64_t value;
  while (read(pipe_fds[0], &value, sizeof(value)) == sizeof(value)) results.push_back(value);
  close(pipe_fds[0]);
  waitpid(child, nullptr, 0);
  nftw(directory, RemoveOne, 16, FTW_DEPTH | FTW_PHYS);
  return results;
}

void Compare(uint32_t user) {
  const char* wanted = getenv("RINGWALL_SEED");
  const uint64_t seed = wanted != nullptr ? strtoull(wanted, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE(testing::Message() << "RINGWALL_SEED=" << seed);
  std::mt19937_64 random(seed);
  const std::vector<Step> steps = RandomSteps(random, 12'000);
  const std::vector<int64_t> expected = RunOnHost(steps, user);
  if (expected.empty()) GTEST_SKIP() << "needs chroot(2) and /dev/shm";
  ASSERT_EQ(expected.size(), steps.size());

  vfs::TestContext ctx;
  vfs::TestTree tree{Ref<vfs::FileSystem>(TmpFs::Create(ctx, {.mode = 0777, .uid = user, .gid = user}))};
  if (user != 0) ctx.SetCreds(vfs::TestContext::User(user, user));
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step& s = steps[i];
    ASSERT_EQ(OnOurs(ctx, tree.start(), s), expected[i])
        << "step " << i << ": op " << static_cast<int>(s.op) << " '" << s.a << "' '" << s.b << "' " << std::oct << s.flags;
  }
}

TEST(AgainstLinux, RandomPathCallsOfRoot) { Compare(0); }
TEST(AgainstLinux, RandomPathCallsOfAUser) { Compare(1000); }

}  // namespace
}  // namespace ringwall::tmpfs
