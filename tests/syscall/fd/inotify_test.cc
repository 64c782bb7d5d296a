// inotify(7), inotify_init(2), inotify_add_watch(2), inotify_rm_watch(2).
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <vector>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

struct Event {
  int wd;
  uint32_t mask;
  uint32_t cookie;
  std::string name;
  friend bool operator==(const Event& a, const Event& b) { return a.wd == b.wd && a.mask == b.mask && a.name == b.name; }
};

std::ostream& operator<<(std::ostream& out, const Event& event) {
  return out << "{wd " << event.wd << " mask 0x" << std::hex << event.mask << std::dec << " \"" << event.name << "\"}";
}

// An instance and what it has to say.
class Inotify {
 public:
  Inotify() : fd_(Call(SYS_inotify_init1, IN_NONBLOCK | IN_CLOEXEC)) { EXPECT_TRUE(fd_.valid()); }
  int get() const { return fd_.get(); }
  int Watch(const std::string& path, uint32_t mask) const {
    const long wd = Call(SYS_inotify_add_watch, fd_.get(), path, mask);
    EXPECT_GE(wd, 1) << strerror(static_cast<int>(-wd));
    return static_cast<int>(wd);
  }
  std::vector<Event> Events() const {
    std::vector<Event> events;
    alignas(inotify_event) static char buffer[65536];
    for (;;) {
      const long n = Call(SYS_read, fd_.get(), buffer, sizeof(buffer));
      if (n <= 0) break;
      for (long at = 0; at < n;) {
        const auto* event = reinterpret_cast<const inotify_event*>(buffer + at);
        events.push_back({event->wd, event->mask, event->cookie, event->len != 0 ? std::string(event->name) : ""});
        at += static_cast<long>(sizeof(inotify_event) + event->len);
      }
    }
    return events;
  }
  void Close() { fd_.Reset(); }

 private:
  ScopedFd fd_;
};

using Events = std::vector<Event>;

ScopedFd OpenFile(const std::string& path, int flags = O_RDWR) { return ScopedFd(Call(SYS_open, path, flags, 0644)); }

class InotifyTest : public testing::Test {
 protected:
  InotifyTest() { WriteFile(file, "hello"); }
  TempDir dir;
  const std::string file = dir / "file";
  Inotify in;
};

// ---- calls and their errors -------------------------------------------------------------------------------------------------

TEST(InotifyInit, UnknownFlagIsInvalid) { EXPECT_THAT(Call(SYS_inotify_init1, 1), FailsWith(EINVAL)); }

TEST(InotifyInit, FlagsSetCloseOnExecAndNonblock) {
  const ScopedFd plain(Call(SYS_inotify_init));
  const ScopedFd flagged(Call(SYS_inotify_init1, IN_NONBLOCK | IN_CLOEXEC));
  EXPECT_EQ(fcntl(plain.get(), F_GETFD), 0);
  EXPECT_EQ(fcntl(plain.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(fcntl(flagged.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_NE(fcntl(flagged.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(InotifyTest, AddWatchNeedsAnInotifyDescriptor) {
  const ScopedFd other = TempFile();
  EXPECT_THAT(Call(SYS_inotify_add_watch, other, file, IN_ACCESS), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_inotify_add_watch, 9999, file, IN_ACCESS), FailsWith(EBADF));
}

TEST_F(InotifyTest, AddWatchWithoutEventsIsInvalid) { EXPECT_THAT(Call(SYS_inotify_add_watch, in, file, 0), FailsWith(EINVAL)); }

TEST_F(InotifyTest, MaskAddAndMaskCreateExcludeEachOther) {
  EXPECT_THAT(Call(SYS_inotify_add_watch, in, file, IN_ACCESS | IN_MASK_ADD | IN_MASK_CREATE), FailsWith(EINVAL));
}

TEST_F(InotifyTest, AddWatchFindsThePath) {
  EXPECT_THAT(Call(SYS_inotify_add_watch, in, dir / "none", IN_ACCESS), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_inotify_add_watch, in, file + "/x", IN_ACCESS), FailsWith(ENOTDIR));
  EXPECT_THAT(Call(SYS_inotify_add_watch, in, "", IN_ACCESS), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_inotify_add_watch, in, BadAddress(), IN_ACCESS), FailsWith(EFAULT));
}

TEST_F(InotifyTest, OnlyDirRefusesFiles) {
  EXPECT_THAT(Call(SYS_inotify_add_watch, in, file, IN_ACCESS | IN_ONLYDIR), FailsWith(ENOTDIR));
  EXPECT_THAT(Call(SYS_inotify_add_watch, in, dir.path(), IN_ACCESS | IN_ONLYDIR), Succeeds());
}

TEST_F(InotifyTest, AddWatchNeedsReadPermission) {
  SKIP_UNLESS_ROOT();
  chmod(dir.path().c_str(), 0755);
  chmod(file.c_str(), 0200);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_inotify_add_watch, in, file, IN_ACCESS), FailsWith(EACCES));
  });
}

TEST_F(InotifyTest, DontFollowWatchesTheLink) {
  const std::string link = dir / "link";
  ASSERT_EQ(symlink("file", link.c_str()), 0);
  const int wd_file = in.Watch(file, IN_ATTRIB);
  EXPECT_EQ(in.Watch(link, IN_ATTRIB), wd_file);
  EXPECT_NE(in.Watch(link, IN_ATTRIB | IN_DONT_FOLLOW), wd_file);
}

TEST_F(InotifyTest, WatchDescriptorsCountUpAndAreNotReused) {
  const int first = in.Watch(file, IN_ACCESS);
  EXPECT_EQ(first, 1);
  EXPECT_THAT(Call(SYS_inotify_rm_watch, in, first), Succeeds());
  EXPECT_EQ(in.Watch(file, IN_ACCESS), 2);
}

TEST_F(InotifyTest, SecondWatchOfTheSameFileReplacesTheMask) {
  const int wd = in.Watch(file, IN_ACCESS);
  EXPECT_EQ(in.Watch(file, IN_ATTRIB), wd);
  (void)ReadFile(file);
  EXPECT_EQ(in.Events(), Events{});
  chmod(file.c_str(), 0600);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}}));
}

TEST_F(InotifyTest, MaskAddKeepsTheOldEvents) {
  const int wd = in.Watch(file, IN_ACCESS);
  EXPECT_EQ(in.Watch(file, IN_ATTRIB | IN_MASK_ADD), wd);
  (void)ReadFile(file);
  chmod(file.c_str(), 0600);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ACCESS}, {wd, IN_ATTRIB}}));
}

TEST_F(InotifyTest, MaskCreateRefusesAnExistingWatch) {
  EXPECT_THAT(Call(SYS_inotify_add_watch, in, file, IN_ACCESS | IN_MASK_CREATE), SucceedsWith(1));
  EXPECT_THAT(Call(SYS_inotify_add_watch, in, file, IN_ACCESS | IN_MASK_CREATE), FailsWith(EEXIST));
}

TEST_F(InotifyTest, RemoveWatchGivesIgnored) {
  const int wd = in.Watch(file, IN_ACCESS);
  EXPECT_THAT(Call(SYS_inotify_rm_watch, in, wd), Succeeds());
  EXPECT_EQ(in.Events(), (Events{{wd, IN_IGNORED}}));
  (void)ReadFile(file);
  EXPECT_EQ(in.Events(), Events{});
}

TEST_F(InotifyTest, RemoveWatchErrors) {
  const ScopedFd other = TempFile();
  EXPECT_THAT(Call(SYS_inotify_rm_watch, in, 77), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_inotify_rm_watch, other, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_inotify_rm_watch, 9999, 1), FailsWith(EBADF));
}

// ---- reading ----------------------------------------------------------------------------------------------------------------

TEST_F(InotifyTest, ReadWithoutEventsWouldBlock) {
  char buffer[64];
  EXPECT_THAT(Call(SYS_read, in, buffer, sizeof(buffer)), FailsWith(EAGAIN));
}

TEST_F(InotifyTest, ReadNeedsRoomForTheFirstEvent) {
  in.Watch(dir.path(), IN_CREATE);
  WriteFile(dir / "a", "");
  char buffer[64];
  EXPECT_THAT(Call(SYS_read, in, buffer, sizeof(inotify_event)), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_read, in, buffer, sizeof(inotify_event) + 16), SucceedsWith(sizeof(inotify_event) + 16));
}

TEST_F(InotifyTest, NamesArePaddedToMultiplesOfTheHead) {
  in.Watch(dir.path(), IN_CREATE);
  WriteFile(dir / "123456789012345", "");   // 15 and the NUL fit into 16
  WriteFile(dir / "1234567890123456", "");  // 16 do not
  char buffer[256] = {};
  EXPECT_THAT(Call(SYS_read, in, buffer, sizeof(buffer)), SucceedsWith(16 + 16 + 16 + 32));
  EXPECT_EQ(reinterpret_cast<inotify_event*>(buffer)->len, 16u);
  EXPECT_EQ(reinterpret_cast<inotify_event*>(buffer + 32)->len, 32u);
}

TEST_F(InotifyTest, ReadTakesAsManyEventsAsFit) {
  in.Watch(dir.path(), IN_CREATE);
  for (const char* name : {"a", "b", "c"}) WriteFile(dir / name, "");
  char buffer[256];
  EXPECT_THAT(Call(SYS_read, in, buffer, 2 * 32 + 31), SucceedsWith(64));
  EXPECT_THAT(Call(SYS_read, in, buffer, 2 * 32 + 31), SucceedsWith(32));
}

TEST_F(InotifyTest, FionreadCountsTheBytes) {
  in.Watch(dir.path(), IN_CREATE);
  int bytes = -1;
  EXPECT_EQ(ioctl(in.get(), FIONREAD, &bytes), 0);
  EXPECT_EQ(bytes, 0);
  WriteFile(dir / "a", "");
  WriteFile(dir / "b", "");
  EXPECT_EQ(ioctl(in.get(), FIONREAD, &bytes), 0);
  EXPECT_EQ(bytes, 64);
}

TEST_F(InotifyTest, WriteIsRefused) { EXPECT_THAT(Call(SYS_write, in, "x", 1), FailsWith(EBADF)); }

TEST_F(InotifyTest, PollAndEpollTellOfEvents) {
  in.Watch(file, IN_ATTRIB);
  pollfd poll_fd{in.get(), POLLIN, 0};
  EXPECT_EQ(poll(&poll_fd, 1, 0), 0);
  const ScopedFd epoll(epoll_create1(0));
  epoll_event event{EPOLLIN | EPOLLET, {}};
  ASSERT_EQ(epoll_ctl(epoll.get(), EPOLL_CTL_ADD, in.get(), &event), 0);
  chmod(file.c_str(), 0600);
  EXPECT_EQ(poll(&poll_fd, 1, 0), 1);
  EXPECT_EQ(epoll_wait(epoll.get(), &event, 1, 0), 1);
  EXPECT_EQ(epoll_wait(epoll.get(), &event, 1, 0), 0);
}

TEST_F(InotifyTest, BlockingReadIsWokenByAnEvent) {
  const ScopedFd blocking(Call(SYS_inotify_init1, 0));
  ASSERT_THAT(Call(SYS_inotify_add_watch, blocking, file, IN_ATTRIB), Succeeds());
  inotify_event event{};
  ScopedThread reader([&] { EXPECT_THAT(Call(SYS_read, blocking, &event, sizeof(event)), SucceedsWith(sizeof(event))); });
  WaitUntilAsleep(reader.tid());
  chmod(file.c_str(), 0600);
  reader.Join();
  EXPECT_EQ(event.mask, static_cast<uint32_t>(IN_ATTRIB));
}

TEST_F(InotifyTest, FdinfoListsTheWatches) {
  const int wd = in.Watch(file, IN_ACCESS);
  const std::string text = ReadFile("/proc/self/fdinfo/" + std::to_string(in.get()));
  EXPECT_NE(text.find("inotify wd:" + std::to_string(wd) + " ino:"), std::string::npos) << text;
  EXPECT_NE(text.find("mask:1 "), std::string::npos) << text;
}

// ---- events of one file -----------------------------------------------------------------------------------------------------

TEST_F(InotifyTest, OpenReadWriteClose) {
  const int wd = in.Watch(file, IN_ALL_EVENTS);
  {
    const ScopedFd fd = OpenFile(file);
    char byte;
    Call(SYS_read, fd, &byte, 1);
    Call(SYS_write, fd, "x", 1);
  }
  EXPECT_EQ(in.Events(), (Events{{wd, IN_OPEN}, {wd, IN_ACCESS}, {wd, IN_MODIFY}, {wd, IN_CLOSE_WRITE}}));
}

TEST_F(InotifyTest, ReadOnlyCloseIsNowrite) {
  const int wd = in.Watch(file, IN_CLOSE);
  OpenFile(file, O_RDONLY);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_CLOSE_NOWRITE}}));
}

TEST_F(InotifyTest, CloseIsTheLastClose) {
  const int wd = in.Watch(file, IN_CLOSE);
  ScopedFd fd = OpenFile(file);
  ScopedFd copy(dup(fd.get()));
  fd.Reset();
  EXPECT_EQ(in.Events(), Events{});
  copy.Reset();
  EXPECT_EQ(in.Events(), (Events{{wd, IN_CLOSE_WRITE}}));
}

TEST_F(InotifyTest, ReadAtEndAndEmptyWriteAreNoEvents) {
  const ScopedFd fd = OpenFile(file);
  lseek(fd.get(), 0, SEEK_END);
  in.Watch(file, IN_ACCESS | IN_MODIFY);
  char byte;
  EXPECT_THAT(Call(SYS_read, fd, &byte, 1), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_write, fd, "", 0), SucceedsWith(0));
  EXPECT_EQ(in.Events(), Events{});
}

TEST_F(InotifyTest, PositionedAndVectoredTransfersCount) {
  const ScopedFd fd = OpenFile(file);
  const int wd = in.Watch(file, IN_ACCESS | IN_MODIFY);
  char byte;
  Call(SYS_pread64, fd, &byte, 1, 0);
  Call(SYS_pwrite64, fd, "x", 1, 0);
  iovec iov{&byte, 1};
  Call(SYS_readv, fd, &iov, 1);
  Call(SYS_writev, fd, &iov, 1);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ACCESS}, {wd, IN_MODIFY}, {wd, IN_ACCESS}, {wd, IN_MODIFY}}));
}

TEST_F(InotifyTest, SendfileReadsOneAndWritesTheOther) {
  const ScopedFd from = OpenFile(file, O_RDONLY);
  const ScopedFd to = OpenFile(dir / "to", O_CREAT | O_WRONLY);
  const int wd_from = in.Watch(file, IN_ALL_EVENTS);
  const int wd_to = in.Watch(dir / "to", IN_ALL_EVENTS);
  EXPECT_EQ(sendfile(to.get(), from.get(), nullptr, 5), 5);
  const Events events = in.Events();
  EXPECT_NE(std::find(events.begin(), events.end(), Event{wd_from, IN_ACCESS}), events.end());
  EXPECT_NE(std::find(events.begin(), events.end(), Event{wd_to, IN_MODIFY}), events.end());
}

TEST_F(InotifyTest, TruncationModifies) {
  const int wd = in.Watch(file, IN_ALL_EVENTS);
  truncate(file.c_str(), 3);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_MODIFY}}));
  ScopedFd fd = OpenFile(file, O_WRONLY | O_TRUNC);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_OPEN}, {wd, IN_MODIFY}}));
  ftruncate(fd.get(), 10);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_MODIFY}}));
  EXPECT_EQ(fallocate(fd.get(), 0, 0, 100), 0);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_MODIFY}}));
}

TEST_F(InotifyTest, ModeOwnerAndXattrAreAttributes) {
  const int wd = in.Watch(file, IN_ALL_EVENTS);
  chmod(file.c_str(), 0600);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}}));
  chown(file.c_str(), getuid(), getgid());
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}}));
  if (setxattr(file.c_str(), "user.x", "1", 1, 0) == 0) {
    EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}}));
    removexattr(file.c_str(), "user.x");
    EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}}));
  }
}

TEST_F(InotifyTest, SettingTimesLooksLikeWhatMovesThem) {
  const int wd = in.Watch(file, IN_ALL_EVENTS);
  timespec both[2] = {{100, 0}, {100, 0}};
  EXPECT_EQ(utimensat(AT_FDCWD, file.c_str(), both, 0), 0);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}}));
  timespec access[2] = {{200, 0}, {0, UTIME_OMIT}};
  EXPECT_EQ(utimensat(AT_FDCWD, file.c_str(), access, 0), 0);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ACCESS}}));
  timespec modify[2] = {{0, UTIME_OMIT}, {200, 0}};
  EXPECT_EQ(utimensat(AT_FDCWD, file.c_str(), modify, 0), 0);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_MODIFY}}));
}

TEST_F(InotifyTest, PathDescriptorsAreSilent) {
  in.Watch(file, IN_ALL_EVENTS);
  ScopedFd(Call(SYS_open, file, O_PATH));
  EXPECT_EQ(in.Events(), Events{});
}

TEST_F(InotifyTest, StatAndAccessAreSilent) {
  in.Watch(file, IN_ALL_EVENTS);
  struct stat info;
  stat(file.c_str(), &info);
  access(file.c_str(), R_OK);
  EXPECT_EQ(in.Events(), Events{});
}

TEST_F(InotifyTest, EqualEventsInARowAreOne) {
  const ScopedFd fd = OpenFile(file);
  const int wd = in.Watch(file, IN_ACCESS | IN_MODIFY);
  char byte;
  for (int i = 0; i < 3; ++i) Call(SYS_pread64, fd, &byte, 1, 0);
  Call(SYS_pwrite64, fd, "x", 1, 0);
  for (int i = 0; i < 3; ++i) Call(SYS_pread64, fd, &byte, 1, 0);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ACCESS}, {wd, IN_MODIFY}, {wd, IN_ACCESS}}));
}

TEST_F(InotifyTest, OneshotEndsAfterItsEvent) {
  const int wd = in.Watch(file, IN_ATTRIB | IN_ONESHOT);
  chmod(file.c_str(), 0600);
  chmod(file.c_str(), 0644);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}, {wd, IN_IGNORED}}));
  EXPECT_THAT(Call(SYS_inotify_rm_watch, in, wd), FailsWith(EINVAL));
}

TEST_F(InotifyTest, EveryInstanceHearsForItself) {
  Inotify other;
  const int mine = in.Watch(file, IN_ATTRIB);
  const int theirs = other.Watch(file, IN_ATTRIB | IN_ACCESS);
  chmod(file.c_str(), 0600);
  (void)ReadFile(file);
  EXPECT_EQ(in.Events(), (Events{{mine, IN_ATTRIB}}));
  EXPECT_EQ(other.Events(), (Events{{theirs, IN_ATTRIB}, {theirs, IN_ACCESS}}));
}

TEST_F(InotifyTest, ForkedChildrensActsAreSeen) {
  const int wd = in.Watch(file, IN_MODIFY);
  InChild([&] { EXPECT_TRUE(WriteFile(file, "child")); });
  EXPECT_EQ(in.Events(), (Events{{wd, IN_MODIFY}}));
}

TEST_F(InotifyTest, ExecutionOpensAndReads) {
  const std::string program = dir / "program";
  {
    const ScopedFd from(Call(SYS_open, SelfPath(), O_RDONLY));
    const ScopedFd to(Call(SYS_open, program, O_CREAT | O_WRONLY, 0755));
    struct stat info;
    fstat(from.get(), &info);
    for (off_t left = info.st_size; left > 0;) {
      const ssize_t n = sendfile(to.get(), from.get(), nullptr, static_cast<size_t>(left));
      ASSERT_GT(n, 0);
      left -= n;
    }
  }
  const int wd = in.Watch(program, IN_OPEN | IN_ACCESS | IN_CLOSE);
  EXPECT_THAT(ChildStatus([&] { ExecRole("inotify_true", {}, {}, program); }), Exited(0));
  const Events events = in.Events();
  ASSERT_GE(events.size(), 3u);
  EXPECT_EQ(events.front(), (Event{wd, IN_OPEN}));
  EXPECT_EQ(events[1], (Event{wd, IN_ACCESS}));
  EXPECT_EQ(events.back(), (Event{wd, IN_CLOSE_NOWRITE}));
}

ROLE(inotify_true) { return 0; }

// ---- events of a directory --------------------------------------------------------------------------------------------------

TEST_F(InotifyTest, CreationOfEveryKind) {
  const int wd = in.Watch(dir.path(), IN_CREATE);
  WriteFile(dir / "regular", "");
  mkdir((dir / "directory").c_str(), 0755);
  EXPECT_EQ(symlink("x", (dir / "symlink").c_str()), 0);
  EXPECT_EQ(link(file.c_str(), (dir / "link").c_str()), 0);
  EXPECT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_CREATE, 0, "regular"},
                                 {wd, IN_CREATE | IN_ISDIR, 0, "directory"},
                                 {wd, IN_CREATE, 0, "symlink"},
                                 {wd, IN_CREATE, 0, "link"},
                                 {wd, IN_CREATE, 0, "fifo"}}));
}

TEST_F(InotifyTest, CreatingOpenIsCreateThenOpen) {
  const int wd = in.Watch(dir.path(), IN_ALL_EVENTS);
  WriteFile(dir / "new", "x");
  EXPECT_EQ(in.Events(),
            (Events{{wd, IN_CREATE, 0, "new"}, {wd, IN_OPEN, 0, "new"}, {wd, IN_MODIFY, 0, "new"}, {wd, IN_CLOSE_WRITE, 0, "new"}}));
}

TEST_F(InotifyTest, FailedCreationIsSilent) {
  in.Watch(dir.path(), IN_ALL_EVENTS);
  EXPECT_LT(mkdir(file.c_str(), 0755), 0);
  EXPECT_LT(open(file.c_str(), O_CREAT | O_EXCL | O_RDWR, 0600), 0);
  EXPECT_LT(unlink((dir / "none").c_str()), 0);
  EXPECT_EQ(in.Events(), Events{});
}

TEST_F(InotifyTest, WhatHappensToAChildHasItsName) {
  const int wd = in.Watch(dir.path(), IN_ALL_EVENTS);
  chmod(file.c_str(), 0600);
  (void)ReadFile(file);
  EXPECT_EQ(in.Events(),
            (Events{{wd, IN_ATTRIB, 0, "file"}, {wd, IN_OPEN, 0, "file"}, {wd, IN_ACCESS, 0, "file"}, {wd, IN_CLOSE_NOWRITE, 0, "file"}}));
}

TEST_F(InotifyTest, DirectoryHearsBeforeTheFile) {
  const int wd_file = in.Watch(file, IN_ATTRIB);
  const int wd_dir = in.Watch(dir.path(), IN_ATTRIB);
  chmod(file.c_str(), 0600);
  EXPECT_EQ(in.Events(), (Events{{wd_dir, IN_ATTRIB, 0, "file"}, {wd_file, IN_ATTRIB}}));
}

TEST_F(InotifyTest, ReadingTheDirectoryItself) {
  const int wd = in.Watch(dir.path(), IN_ALL_EVENTS);
  {
    const ScopedFd fd(Call(SYS_open, dir.path(), O_RDONLY | O_DIRECTORY));
    char buffer[1024];
    EXPECT_THAT(Call(SYS_getdents64, fd, buffer, sizeof(buffer)), Succeeds());
  }
  EXPECT_EQ(in.Events(), (Events{{wd, IN_OPEN | IN_ISDIR}, {wd, IN_ACCESS | IN_ISDIR}, {wd, IN_CLOSE_NOWRITE | IN_ISDIR}}));
}

TEST_F(InotifyTest, GrandchildrenAreNotWatched) {
  mkdir((dir / "sub").c_str(), 0755);
  in.Watch(dir.path(), IN_ALL_EVENTS);
  WriteFile(dir / "sub/deep", "x");
  EXPECT_EQ(in.Events(), Events{});
}

TEST_F(InotifyTest, AttributesOfASubdirectoryAreMarkedAsDirectorys) {
  mkdir((dir / "sub").c_str(), 0755);
  const int wd = in.Watch(dir.path(), IN_ATTRIB);
  const int wd_sub = in.Watch(dir / "sub", IN_ATTRIB);
  chmod((dir / "sub").c_str(), 0700);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB | IN_ISDIR, 0, "sub"}, {wd_sub, IN_ATTRIB | IN_ISDIR}}));
}

// ---- removal ----------------------------------------------------------------------------------------------------------------

TEST_F(InotifyTest, UnlinkEndsTheWatch) {
  const int wd_dir = in.Watch(dir.path(), IN_ALL_EVENTS);
  const int wd = in.Watch(file, IN_ALL_EVENTS);
  unlink(file.c_str());
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}, {wd, IN_DELETE_SELF}, {wd, IN_IGNORED}, {wd_dir, IN_DELETE, 0, "file"}}));
  EXPECT_THAT(Call(SYS_inotify_rm_watch, in, wd), FailsWith(EINVAL));
}

TEST_F(InotifyTest, UnlinkedOpenFileEndsWithItsLastClose) {
  const int wd = in.Watch(file, IN_ALL_EVENTS);
  ScopedFd fd = OpenFile(file);
  unlink(file.c_str());
  EXPECT_EQ(in.Events(), (Events{{wd, IN_OPEN}, {wd, IN_ATTRIB}}));
  Call(SYS_write, fd, "x", 1);
  fd.Reset();
  EXPECT_EQ(in.Events(), (Events{{wd, IN_MODIFY}, {wd, IN_CLOSE_WRITE}, {wd, IN_DELETE_SELF}, {wd, IN_IGNORED}}));
}

TEST_F(InotifyTest, OtherNamesKeepTheWatchAlive) {
  const std::string other = dir / "other";
  ASSERT_EQ(link(file.c_str(), other.c_str()), 0);
  const int wd = in.Watch(file, IN_ALL_EVENTS);
  unlink(file.c_str());
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}}));
  chmod(other.c_str(), 0600);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}}));
  unlink(other.c_str());
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}, {wd, IN_DELETE_SELF}, {wd, IN_IGNORED}}));
}

TEST_F(InotifyTest, LinkingChangesTheLinkCount) {
  const int wd = in.Watch(file, IN_ALL_EVENTS);
  ASSERT_EQ(link(file.c_str(), (dir / "other").c_str()), 0);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}}));
}

TEST_F(InotifyTest, RmdirOfAWatchedDirectory) {
  const std::string sub = dir / "sub";
  mkdir(sub.c_str(), 0755);
  const int wd_dir = in.Watch(dir.path(), IN_ALL_EVENTS);
  const int wd = in.Watch(sub, IN_ALL_EVENTS);
  rmdir(sub.c_str());
  EXPECT_EQ(in.Events(), (Events{{wd, IN_DELETE_SELF}, {wd, IN_IGNORED}, {wd_dir, IN_DELETE | IN_ISDIR, 0, "sub"}}));
}

TEST_F(InotifyTest, RemovedChildStillReportsUnlessExcluded) {
  Inotify excluding;
  const int wd = in.Watch(dir.path(), IN_MODIFY);
  const int wd_excluding = excluding.Watch(dir.path(), IN_MODIFY | IN_EXCL_UNLINK);
  const ScopedFd fd = OpenFile(file);
  Call(SYS_write, fd, "x", 1);
  unlink(file.c_str());
  EXPECT_EQ(in.Events(), (Events{{wd, IN_MODIFY, 0, "file"}}));
  EXPECT_EQ(excluding.Events(), (Events{{wd_excluding, IN_MODIFY, 0, "file"}}));
  Call(SYS_write, fd, "x", 1);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_MODIFY, 0, "file"}}));
  EXPECT_EQ(excluding.Events(), Events{});
}

// ---- renames ----------------------------------------------------------------------------------------------------------------

TEST_F(InotifyTest, RenameIsAPairWithACookie) {
  const int wd_dir = in.Watch(dir.path(), IN_ALL_EVENTS);
  const int wd = in.Watch(file, IN_ALL_EVENTS);
  ASSERT_EQ(rename(file.c_str(), (dir / "new").c_str()), 0);
  const Events events = in.Events();
  EXPECT_EQ(events, (Events{{wd_dir, IN_MOVED_FROM, 0, "file"}, {wd_dir, IN_MOVED_TO, 0, "new"}, {wd, IN_MOVE_SELF}}));
  ASSERT_EQ(events.size(), 3u);
  EXPECT_NE(events[0].cookie, 0u);
  EXPECT_EQ(events[0].cookie, events[1].cookie);
  EXPECT_EQ(events[2].cookie, 0u);
}

TEST_F(InotifyTest, RenamesHaveDifferentCookies) {
  in.Watch(dir.path(), IN_MOVE);
  ASSERT_EQ(rename(file.c_str(), (dir / "new").c_str()), 0);
  ASSERT_EQ(rename((dir / "new").c_str(), file.c_str()), 0);
  const Events events = in.Events();
  ASSERT_EQ(events.size(), 4u);
  EXPECT_NE(events[0].cookie, events[2].cookie);
}

TEST_F(InotifyTest, RenameBetweenDirectories) {
  const std::string sub = dir / "sub";
  mkdir(sub.c_str(), 0755);
  const int from = in.Watch(dir.path(), IN_ALL_EVENTS);
  const int to = in.Watch(sub, IN_ALL_EVENTS);
  ASSERT_EQ(rename(file.c_str(), (sub + "/file").c_str()), 0);
  EXPECT_EQ(in.Events(), (Events{{from, IN_MOVED_FROM, 0, "file"}, {to, IN_MOVED_TO, 0, "file"}}));
}

TEST_F(InotifyTest, RenamedDirectoryKeepsItsWatch) {
  const std::string sub = dir / "sub", moved = dir / "moved";
  mkdir(sub.c_str(), 0755);
  const int wd = in.Watch(sub, IN_ALL_EVENTS);
  const int wd_dir = in.Watch(dir.path(), IN_MOVE);
  ASSERT_EQ(rename(sub.c_str(), moved.c_str()), 0);
  EXPECT_EQ(in.Events(),
            (Events{{wd_dir, IN_MOVED_FROM | IN_ISDIR, 0, "sub"}, {wd_dir, IN_MOVED_TO | IN_ISDIR, 0, "moved"}, {wd, IN_MOVE_SELF}}));
  WriteFile(moved + "/x", "");
  EXPECT_EQ(in.Events().front(), (Event{wd, IN_CREATE, 0, "x"}));
}

TEST_F(InotifyTest, ReplacedFileEnds) {
  const std::string other = dir / "other";
  WriteFile(other, "x");
  const int wd_dir = in.Watch(dir.path(), IN_ALL_EVENTS);
  const int wd = in.Watch(other, IN_ALL_EVENTS);
  ASSERT_EQ(rename(file.c_str(), other.c_str()), 0);
  EXPECT_EQ(
      in.Events(),
      (Events{
          {wd_dir, IN_MOVED_FROM, 0, "file"}, {wd_dir, IN_MOVED_TO, 0, "other"}, {wd, IN_ATTRIB}, {wd, IN_DELETE_SELF}, {wd, IN_IGNORED}}));
}

TEST_F(InotifyTest, ExchangeMovesBoth) {
  const std::string other = dir / "other";
  WriteFile(other, "x");
  const int wd = in.Watch(dir.path(), IN_MOVE);
  if (Call(SYS_renameat2, AT_FDCWD, file, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */) < 0) GTEST_SKIP() << "no RENAME_EXCHANGE here";
  const Events events = in.Events();
  EXPECT_EQ(
      events,
      (Events{
          {wd, IN_MOVED_FROM, 0, "file"}, {wd, IN_MOVED_TO, 0, "other"}, {wd, IN_MOVED_FROM, 0, "other"}, {wd, IN_MOVED_TO, 0, "file"}}));
}

TEST_F(InotifyTest, ReusedNameIsAnotherFile) {
  const int wd = in.Watch(file, IN_ALL_EVENTS);
  unlink(file.c_str());
  WriteFile(file, "again");
  const Events events = in.Events();
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back(), (Event{wd, IN_IGNORED}));
  EXPECT_NE(in.Watch(file, IN_ALL_EVENTS), wd);
}

// ---- queue and file systems -------------------------------------------------------------------------------------------------

TEST_F(InotifyTest, OverflowIsOneEvent) {
  const std::string limit = ReadFile("/proc/sys/fs/inotify/max_queued_events");
  const int max = atoi(limit.c_str());
  ASSERT_GT(max, 0);
  if (max > 100000) GTEST_SKIP() << "queue too long to fill";
  const ScopedFd fd = OpenFile(file);
  const int wd = in.Watch(file, IN_ACCESS | IN_MODIFY);
  char byte = 0;
  for (int i = 0; i < max + 10; ++i) Call(i % 2 != 0 ? SYS_pwrite64 : SYS_pread64, fd, &byte, 1, 0);
  const Events events = in.Events();
  ASSERT_EQ(events.size(), static_cast<size_t>(max) + 1);
  EXPECT_EQ(events.front(), (Event{wd, IN_ACCESS}));
  EXPECT_EQ(events.back(), (Event{-1, IN_Q_OVERFLOW}));
}

TEST_F(InotifyTest, UnmountEndsTheWatches) {
  SKIP_UNLESS_CAPABLE(21 /* CAP_SYS_ADMIN */);
  const std::string place = dir / "mnt";
  mkdir(place.c_str(), 0755);
  if (mount("none", place.c_str(), "tmpfs", 0, nullptr) != 0) GTEST_SKIP() << "cannot mount: " << strerror(errno);
  WriteFile(place + "/x", "");
  const int wd = in.Watch(place + "/x", IN_ACCESS);
  ASSERT_EQ(umount(place.c_str()), 0);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_UNMOUNT}, {wd, IN_IGNORED}}));
}

TEST_F(InotifyTest, InstancesAreLimitedPerUser) {
  const int max = atoi(ReadFile("/proc/sys/fs/inotify/max_user_instances").c_str());
  ASSERT_GT(max, 0);
  if (max > 1000) GTEST_SKIP() << "limit too high";
  std::vector<ScopedFd> instances;
  long result = 0;
  for (int i = 0; i <= max && result >= 0; ++i) {
    result = Call(SYS_inotify_init1, IN_CLOEXEC);
    if (result >= 0) instances.emplace_back(result);
  }
  EXPECT_THAT(result, FailsWith(EMFILE));
}

TEST_F(InotifyTest, WatchesSurviveManyOtherNames) {
  const int wd = in.Watch(file, IN_ATTRIB);
  // More names than a cache of directory entries holds.
  for (int i = 0; i < 10000; ++i) access((dir / ("none" + std::to_string(i))).c_str(), F_OK);
  chmod(file.c_str(), 0600);
  EXPECT_EQ(in.Events(), (Events{{wd, IN_ATTRIB}}));
}

TEST_F(InotifyTest, ClosingTheInstanceEndsItsWatches) {
  in.Watch(file, IN_ALL_EVENTS);
  in.Watch(dir.path(), IN_ALL_EVENTS);
  in.Close();
  EXPECT_TRUE(WriteFile(file, "still works"));
  EXPECT_EQ(unlink(file.c_str()), 0);
}

}  // namespace
