// Wrappers of host calls: descriptors over sockets, bounded opens, processes, other processes' memory.
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "gtest/gtest.h"
#include "host/calls/eventfd.h"
#include "host/calls/memfd.h"
#include "host/calls/openat2.h"
#include "host/calls/pidfd.h"
#include "host/calls/process_vm.h"
#include "host/calls/read_write.h"
#include "host/calls/socket_fds.h"
#include "host/memory/mapping.h"

namespace ringwall::host {
namespace {

std::span<const std::byte> Bytes(std::string_view s) { return std::as_bytes(std::span(s.data(), s.size())); }
int OpenFdCount() {
  int n = 0;
  for (int fd = 0; fd < 256; ++fd) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

TEST(SocketFds, CarriesBytesAndDescriptors) {
  for (const int type : {SOCK_SEQPACKET, SOCK_STREAM}) {
    auto pair = SocketPair(type);
    ASSERT_TRUE(pair.ok());
    auto file = CreateMemfd("x", 0);
    ASSERT_TRUE(WriteFull(file->get(), "hello").ok());
    std::vector<int> fds(kMaxMessageFds, file->get());
    ASSERT_EQ(*SendWithFds(pair->first.get(), Bytes("msg"), fds), 3u);
    std::byte buffer[16];
    auto received = RecvWithFds(pair->second.get(), buffer);
    ASSERT_TRUE(received.ok());
    EXPECT_EQ(received->bytes, 3u);
    ASSERT_EQ(received->fds.size(), kMaxMessageFds);
    EXPECT_EQ(fcntl(received->fds[0].get(), F_GETFD), FD_CLOEXEC);
    std::byte text[5];
    EXPECT_EQ(*PreadFull(received->fds[15].get(), text, 0), 5u);
    EXPECT_EQ(memcmp(text, "hello", 5), 0);
  }
}

TEST(SocketFds, RefusesTooManyAndTruncated) {
  auto pair = SocketPair(SOCK_SEQPACKET);
  std::vector<int> fds(kMaxMessageFds + 1, 0);
  EXPECT_TRUE(SendWithFds(pair->first.get(), Bytes("m"), fds) == Errno::kEINVAL);
  EXPECT_TRUE(SendWithFds(pair->first.get(), {}, {}) == Errno::kEINVAL);

  // A hostile peer that does not use our wrapper: 20 descriptors at once.
  const int before = OpenFdCount();
  int many[20];
  std::fill(std::begin(many), std::end(many), 0);
  char control[CMSG_SPACE(sizeof(many))] = {};
  char byte = 'x';
  iovec iov = {&byte, 1};
  msghdr message = {};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(many));
  memcpy(CMSG_DATA(header), many, sizeof(many));
  ASSERT_EQ(sendmsg(pair->first.get(), &message, 0), 1);
  std::byte buffer[4];
  EXPECT_TRUE(RecvWithFds(pair->second.get(), buffer) == Errno::kEPROTO);
  EXPECT_EQ(OpenFdCount(), before);

  ASSERT_TRUE(SendWithFds(pair->first.get(), Bytes("longer")).ok());
  EXPECT_TRUE(RecvWithFds(pair->second.get(), buffer) == Errno::kEMSGSIZE);
  EXPECT_TRUE(RecvWithFds(pair->second.get(), buffer, MSG_DONTWAIT) == Errno::kEAGAIN);
  pair->first.reset();
  EXPECT_EQ(RecvWithFds(pair->second.get(), buffer)->bytes, 0u);
  EXPECT_TRUE(SendWithFds(pair->second.get(), Bytes("x")) == Errno::kEPIPE);
  EXPECT_EQ(GetPeerCredentials(pair->second.get())->pid, getpid());
}

TEST(OpenAt2, NothingLeadsOut) {
  char dir[] = "/tmp/ringwall_openXXXXXX";
  ASSERT_NE(mkdtemp(dir), nullptr);
  UniqueFd root(open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
  ASSERT_TRUE(OpenBeneath(root.get(), "file", O_CREAT | O_RDWR, 0600).ok());
  ASSERT_EQ(symlinkat("/etc/passwd", root.get(), "out"), 0);
  ASSERT_EQ(symlinkat("file", root.get(), "in"), 0);
  EXPECT_TRUE(OpenBeneath(root.get(), "in", O_RDONLY, 0644).ok());
  EXPECT_TRUE(OpenBeneathNoSymlinks(root.get(), "in", O_RDONLY) == Errno::kELOOP);
  EXPECT_TRUE(OpenBeneath(root.get(), "out", O_RDONLY) == Errno::kEXDEV);
  EXPECT_TRUE(OpenBeneath(root.get(), "../x", O_RDONLY) == Errno::kEXDEV);
  EXPECT_TRUE(OpenBeneath(root.get(), "/etc/passwd", O_RDONLY) == Errno::kEXDEV);
  EXPECT_TRUE(OpenBeneath(root.get(), "missing", O_RDONLY) == Errno::kENOENT);
  for (const char* name : {"file", "out", "in"}) unlinkat(root.get(), name, 0);
  rmdir(dir);
}

TEST(Memfd, SealsHold) {
  auto fd = CreateSealableMemfd("sealed", 4096);
  ASSERT_TRUE(fd.ok());
  ASSERT_TRUE(AddSeals(fd->get(), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL).ok());
  EXPECT_EQ(ftruncate(fd->get(), 0), -1);
  auto plain = CreateMemfd("plain", 0);
  EXPECT_TRUE(AddSeals(plain->get(), F_SEAL_GROW) == Errno::kEPERM);
}

TEST(Pidfd, WaitsAndSignals) {
  const pid_t child = fork();
  if (child == 0) {
    for (;;) pause();
  }
  auto pidfd = OpenPidfd(child);
  ASSERT_TRUE(pidfd.ok());
  EXPECT_FALSE(PidfdTryWait(pidfd->get())->has_value());
  ASSERT_TRUE(PidfdSendSignal(pidfd->get(), SIGKILL).ok());
  const auto status = PidfdWait(pidfd->get());
  ASSERT_TRUE(status.ok());
  EXPECT_TRUE(status->signaled);
  EXPECT_EQ(status->ShellCode(), 137);
  EXPECT_TRUE(PidfdWait(pidfd->get()) == Errno::kECHILD);
}

TEST(ProcessVm, StopsAtTheBadPage) {
  auto map = Mapping::Anonymous(3 * 4096, PROT_READ | PROT_WRITE);
  ASSERT_TRUE(map.ok());
  memset(map->data(), 7, map->size());
  ASSERT_EQ(mprotect(map->data() + 2 * 4096, 4096, PROT_NONE), 0);
  std::vector<std::byte> to(3 * 4096);
  const uint64_t start = reinterpret_cast<uint64_t>(map->data());
  EXPECT_EQ(*ProcessRead(getpid(), start + 100, to), 2 * 4096u - 100);
  EXPECT_EQ(to[2 * 4096 - 101], std::byte{7});
  EXPECT_EQ(*ProcessWrite(getpid(), start + 4095, std::span(to).first(4)), 4u);
  EXPECT_EQ(*ProcessRead(getpid(), start + 2 * 4096, to), 0u);
  EXPECT_EQ(*ProcessRead(getpid(), ~uint64_t{0} - 4095, to), 0u);
  EXPECT_TRUE(ProcessRead(0x3fffffff, start, to) == Errno::kESRCH);
}

TEST(ReadWrite, WholeFilesAndLimits) {
  auto fd = CreateMemfd("f", 0);
  const std::string text(10000, 'x');
  ASSERT_TRUE(WriteFull(fd->get(), text).ok());
  lseek(fd->get(), 0, SEEK_SET);
  EXPECT_EQ(*ReadToEnd(fd->get(), 10000), text);
  lseek(fd->get(), 0, SEEK_SET);
  EXPECT_TRUE(ReadToEnd(fd->get(), 9999) == Errno::kEFBIG);
  EXPECT_TRUE(ReadFile("/proc/self/stat").ok());
  EXPECT_TRUE(ReadFile("/nonexistent") == Errno::kENOENT);
  EXPECT_TRUE(WriteFile("/proc/self/comm", "renamed").ok());
  EXPECT_EQ(*ReadFile("/proc/self/comm"), "renamed\n");
}

TEST(EventFd, SignalDrainWait) {
  auto e = EventFd::Create();
  ASSERT_TRUE(e.ok());
  EXPECT_FALSE(e->Drain());
  e->Signal();
  e->Signal();
  e->Wait();
  EXPECT_FALSE(e->Drain());
}

TEST(Mapping, OwnsItsRange) {
  EXPECT_TRUE(Mapping::Anonymous(0, PROT_READ) == Errno::kEINVAL);
  EXPECT_TRUE(Mapping::Anonymous(SIZE_MAX, PROT_READ) == Errno::kEINVAL);
  auto reserved = Mapping::Reserve(uint64_t{1} << 32);
  ASSERT_TRUE(reserved.ok());
  Mapping moved = std::move(*reserved);
  EXPECT_TRUE(moved);
  EXPECT_TRUE(moved.Protect(PROT_READ).ok());
  EXPECT_EQ(moved.data()[1 << 20], std::byte{0});
}

}  // namespace
}  // namespace ringwall::host
