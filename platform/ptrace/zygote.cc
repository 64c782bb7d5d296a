// The zygote: making it, cloning it, passing descriptors to it.
#include "platform/ptrace/zygote.h"

#include <errno.h>
#include <linux/filter.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/log/check.h"
#include "platform/ptrace/filter.h"
#include "platform/ptrace/placement.h"
#include "platform/ptrace/wait_status.h"
#include "platform/ptrace/zygote_child.h"

namespace ringwall::platform::ptrace {
namespace {

constexpr uint64_t kPage = 4096;
constexpr size_t kDoorbellOp = 0;
constexpr size_t kTickerOp = 1;
constexpr size_t kTickerTime = 2;  // a timespec in the slot of an Op
// EXITKILL: stubs never outlive the tracer. TRACESYSGOOD: system-call stops can't be mistaken for a SIGTRAP.
constexpr long kOptions = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD;
// In the zygote's receive page: msghdr, iovec, one byte, control buffer.
constexpr uint64_t kReceiveIovec = kReceiveAddress + 64;
constexpr uint64_t kReceiveByte = kReceiveAddress + 96;
constexpr uint64_t kReceiveControl = kReceiveAddress + 128;

int Wait(int32_t tid, int* raw) {
  pid_t got;
  do {
    got = waitpid(tid, raw, __WALL);
  } while (got < 0 && errno == EINTR);
  return got;
}

// Two copies of the blob and the op pages, anywhere: the zygote's first home.
Result<uint8_t*> MapTemporary(const StubMemory& memory) {
  void* where = mmap(nullptr, 4 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (where == MAP_FAILED) return ErrnoFromHost(errno);
  uint8_t* base = static_cast<uint8_t*>(where);
  const absl::Span<const std::byte> blob = StubBlob();
  CHECK(blob.size() <= kPage);
  std::memcpy(base, blob.data(), blob.size());
  std::memcpy(base + kPage, blob.data(), blob.size());
  if (mprotect(base, 2 * kPage, PROT_READ | PROT_EXEC) != 0 ||
      mmap(base + 2 * kPage, 2 * kPage, PROT_READ, MAP_SHARED | MAP_FIXED, memory.fd(), 0) == MAP_FAILED) {
    const int error = errno;
    munmap(base, 4 * kPage);
    return ErrnoFromHost(error);
  }
  return base;
}

}  // namespace

Result<void> WaitForBirth(int32_t tid) {
  for (;;) {
    int raw = 0;
    if (Wait(tid, &raw) < 0) return Errno::kESRCH;
    const WaitStatus status(raw);
    if (status.gone()) return Errno::kESRCH;
    if (status.event() == PTRACE_EVENT_STOP) return {};
    // A signal came first; the birth stop is still pending.
    ::ptrace(PTRACE_CONT, tid, nullptr, nullptr);
  }
}

Result<void> Zygote::Create(std::string* why) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return ErrnoFromHost(errno);
  socket_.reset(pair[0]);
  UniqueFd theirs(pair[1]);

  const std::vector<sock_filter> filter = BuildStubFilter();
  const Result<uint8_t*> temporary = MapTemporary(memory_);
  if (!temporary.ok()) {
    *why = absl::StrCat("cannot map the stub's code: ", ErrnoName(temporary.error()));
    return temporary.error();
  }
  const sock_fprog program{static_cast<uint16_t>(filter.size()), const_cast<sock_filter*>(filter.data())};
  const ZygoteStart start{static_cast<int32_t>(getpid()), theirs.get(), memory_.fd(),
                          reinterpret_cast<uint64_t>(*temporary) + kParkRoutine.start, &program};
  // No exit signal: stubs, all made with CLONE_PARENT, must not send SIGCHLD to the sentry.
  const long pid = syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) ZygoteMain(start);
  const int fork_error = errno;
  theirs.reset();

  auto fail = [&](const char* what, int error) -> Errno {
    *why = absl::StrCat(what, ": ", strerror(error));
    if (pid > 0) {
      kill(static_cast<pid_t>(pid), SIGKILL);
      int raw;
      while (Wait(static_cast<int32_t>(pid), &raw) > 0 && !WaitStatus(raw).gone()) {
      }
    }
    pid_ = 0;
    munmap(*temporary, 4 * kPage);
    return ErrnoFromHost(error);
  };
  if (pid < 0) return fail("cannot fork the zygote", fork_error);
  pid_ = static_cast<int32_t>(pid);
  char go = 0;
  if (read(socket_.get(), &go, 1) != 1) return fail("the zygote did not start", EIO);
  if (::ptrace(PTRACE_SEIZE, pid_, nullptr, kOptions) != 0) {
    const int error = errno;
    return fail("PTRACE_SEIZE of our own child (Yama ptrace_scope 3, seccomp or an LSM?)", error);
  }
  if (write(socket_.get(), &go, 1) != 1) return fail("cannot start the zygote", EPIPE);
  for (;;) {
    int raw = 0;
    if (Wait(pid_, &raw) < 0) return fail("waitpid for the zygote", errno);
    const WaitStatus status(raw);
    if (status.gone()) {
      const Errno error = fail(status.exited() ? ZygoteStepName(status.exit_code()) : "the zygote was killed", EPERM);
      *why = absl::StrCat("the zygote failed: ", *why);
      return error;
    }
    if (status.signal() == SIGTRAP) break;
    if (::ptrace(PTRACE_CONT, pid_, nullptr, nullptr) != 0) return fail("PTRACE_CONT of the zygote", errno);
  }
  const Result<void> settled = Settle(reinterpret_cast<uint64_t>(*temporary));
  if (!settled.ok()) return fail("cannot lay out the zygote's memory (sealed vdso?)", static_cast<int>(settled.error()));
  munmap(*temporary, 4 * kPage);

  memory_.idle_ops()[kDoorbellOp] = Op{SYS_pause, {}, 0};
  const timespec tick{0, Placement::kTickNs};
  std::memcpy(&memory_.idle_ops()[kTickerTime], &tick, sizeof(tick));
  memory_.idle_ops()[kTickerOp] = Op{SYS_clock_nanosleep, {CLOCK_MONOTONIC, 0, kIdleAddress + kTickerTime * sizeof(Op), 0}, 0};
  memory_.idle_ops()[kExitOp] = Op{SYS_exit, {0}, 0};
  doorbell_ = TRY(CloneIdleThread());
  ticker_ = TRY(CloneIdleThread());
  RearmDoorbell();
  return {};
}

// From the temporary mapping to the final one, with everything else of the sentry's memory gone.
Result<void> Zygote::Settle(uint64_t temporary) {
  caller_.SetAddresses(temporary, temporary + 2 * kPage);
  const uint64_t after = temporary + 4 * kPage;
  const Op leave[] = {
      {SYS_munmap, {0, temporary}, 0},
      {SYS_munmap, {after, kTopOfUserSpace - after}, 0},
      {SYS_mmap, {kOpAddress, 2 * kPage, PROT_READ, MAP_SHARED | MAP_FIXED, static_cast<uint64_t>(kZygoteMemory), 0}, 0},
      {SYS_mremap, {temporary + kPage, kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, kCodeAddress}, 0},
  };
  const arch::Registers base{};
  const StubCaller::OpsResult left = caller_.RunOps(pid_, leave, base);
  caller_.SetAddresses(kCodeAddress, kOpAddress);
  if (left.done != std::size(leave)) return ErrnoFromHost(static_cast<int>(-static_cast<int64_t>(left.value)));
  const Op arrive[] = {
      {SYS_munmap, {temporary, 4 * kPage}, 0},
      {SYS_mmap, {kReceiveAddress, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, ~uint64_t{0}, 0}, 0},
      {SYS_madvise, {kReceiveAddress, kPage, MADV_DONTFORK}, 0},
  };
  const StubCaller::OpsResult arrived = caller_.RunOps(pid_, arrive, base);
  if (arrived.done != std::size(arrive)) return ErrnoFromHost(static_cast<int>(-static_cast<int64_t>(arrived.value)));
  return {};
}

Result<int32_t> Zygote::CloneBlank() {
  const uint64_t tid = TRY(caller_.RunOne(pid_, Op{SYS_clone, {kProcessCloneFlags}, 0}, arch::Registers{}));
  TRY(WaitForBirth(static_cast<int32_t>(tid)));
  return static_cast<int32_t>(tid);
}

Result<int32_t> Zygote::CloneIdleThread() {
  const uint64_t tid = TRY(caller_.RunOne(pid_, Op{SYS_clone, {kThreadCloneFlags}, 0}, arch::Registers{}));
  TRY(WaitForBirth(static_cast<int32_t>(tid)));
  return static_cast<int32_t>(tid);
}

void Zygote::StartIdle(int32_t tid, size_t idle_op) {
  arch::Registers regs = StubRegisters(arch::Registers{});
  regs.rip = kCodeAddress + kRunRoutine.start;
  regs.rbx = kIdleAddress + idle_op * sizeof(Op);
  regs.rbp = regs.rbx + sizeof(Op);
  if (::ptrace(PTRACE_SETREGS, tid, nullptr, &regs) != 0) HostFatal("PTRACE_SETREGS of the zygote", errno);
  if (::ptrace(PTRACE_CONT, tid, nullptr, nullptr) != 0) HostFatal("PTRACE_CONT of the zygote", errno);
}

void Zygote::RearmDoorbell() { StartIdle(doorbell_, kDoorbellOp); }
void Zygote::ArmTicker() { StartIdle(ticker_, kTickerOp); }

Result<int> Zygote::DescriptorFor(SharedFd& file) {
  auto found = files_.find(file.id());
  if (found != files_.end()) {
    found->second.last_use = ++uses_;
    return found->second.number;
  }
  DropUnusedFiles();
  if (files_.size() >= kMaxFiles) {
    auto oldest = files_.begin();
    for (auto it = files_.begin(); it != files_.end(); ++it) {
      if (it->second.last_use < oldest->second.last_use) oldest = it;
    }
    CloseNumber(oldest->second.number);
    files_.erase(oldest);
  }

  // Send first, receive by injection: the socket holds the descriptor in between.
  char byte = 0;
  iovec iov{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int number = file.get();
  std::memcpy(CMSG_DATA(header), &number, sizeof(number));
  ssize_t sent;
  do {
    sent = sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return ErrnoFromHost(errno);

  // The structures live in a page that only the zygote has.
  msghdr remote{};
  remote.msg_iov = reinterpret_cast<iovec*>(kReceiveIovec);
  remote.msg_iovlen = 1;
  remote.msg_control = reinterpret_cast<void*>(kReceiveControl);
  remote.msg_controllen = sizeof(control);
  iovec remote_iov{reinterpret_cast<void*>(kReceiveByte), 1};
  uint8_t page[192] = {};
  static_assert(sizeof(remote) <= kReceiveIovec - kReceiveAddress);
  std::memcpy(page, &remote, sizeof(remote));
  std::memcpy(page + (kReceiveIovec - kReceiveAddress), &remote_iov, sizeof(remote_iov));
  iovec local{page, sizeof(page)};
  iovec there{reinterpret_cast<void*>(kReceiveAddress), sizeof(page)};
  if (process_vm_writev(pid_, &local, 1, &there, 1, 0) != static_cast<ssize_t>(sizeof(page)))
    HostFatal("process_vm_writev to the zygote", errno);
  const Op receive{SYS_recvmsg, {static_cast<uint64_t>(kZygoteSocket), kReceiveAddress, static_cast<uint64_t>(MSG_CMSG_CLOEXEC)}, 0};
  const Result<uint64_t> received = caller_.RunOne(pid_, receive, arch::Registers{});
  // A message left in the socket would give the next file this one's descriptor.
  if (!received.ok() || *received != 1) HostFatal("recvmsg in the zygote", received.ok() ? EIO : static_cast<int>(received.error()));
  if (process_vm_readv(pid_, &local, 1, &there, 1, 0) != static_cast<ssize_t>(sizeof(page)))
    HostFatal("process_vm_readv from the zygote", errno);
  cmsghdr answer;
  std::memcpy(&answer, page + (kReceiveControl - kReceiveAddress), sizeof(answer));
  // The host drops a descriptor that the zygote's RLIMIT_NOFILE has no room for (MSG_CTRUNC).
  if (answer.cmsg_len != CMSG_LEN(sizeof(int)) || answer.cmsg_type != SCM_RIGHTS) return Errno::kENFILE;
  int theirs = -1;
  std::memcpy(&theirs, page + (kReceiveControl - kReceiveAddress) + CMSG_LEN(0), sizeof(theirs));
  files_.emplace(file.id(), CachedFile{RefPtr<SharedFd>::Share(&file), theirs, ++uses_});
  return theirs;
}

void Zygote::DropUnusedFiles() {
  for (auto it = files_.begin(); it != files_.end();) {
    // Nobody can take a further reference when ours is the only one.
    if (it->second.file.get()->ref_count() > 1) {
      ++it;
      continue;
    }
    CloseNumber(it->second.number);
    files_.erase(it++);
  }
}

void Zygote::CloseNumber(int number) {
  const Result<uint64_t> closed = caller_.RunOne(pid_, Op{SYS_close, {static_cast<uint64_t>(number)}, 0}, arch::Registers{});
  if (closed == Errno::kESRCH) HostFatal("the zygote died", ESRCH);
}

}  // namespace ringwall::platform::ptrace
