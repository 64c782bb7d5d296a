// The zygote as the sentry sees it.
#include "platform/systrap/zygote.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <span>

#include "absl/strings/str_cat.h"
#include "base/log/log.h"
#include "host/calls/socket_fds.h"
#include "platform/systrap/filter.h"
#include "platform/systrap/seccomp_abi.h"
#include "platform/systrap/stub_blob.h"
#include "platform/systrap/zygote_child.h"

namespace ringwall::platform::systrap {
namespace {

// An address that nothing of ours uses; only the zygote's birth needs it.
#ifdef RINGWALL_SANITIZED
constexpr uint64_t kTemporary = 0x567000000000;  // above every program; lower, sanitizers keep their shadow
#else
constexpr uint64_t kTemporary = uint64_t{1} << 40;
#endif
constexpr uint64_t kTemporaryStack = 0x8000;
constexpr int kSpareBlanks = 2;
constexpr int kStay = 64;  // blanks that are made here after one was late

template <typename T>
std::span<const std::byte> BytesOf(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace

Result<void> Zygote::Create(absl::Span<const CallShape> shapes, std::string* why) {
  const std::vector<sock_filter> filter = BuildStubFilter();
  const std::vector<std::byte> blob = BuildBlob(filter, shapes);
  if (blob.empty()) {
    *why = "systrap: the stub's code does not fit its pages (a build of ours that is broken)";
    return Errno::kENOEXEC;
  }
  auto pair = host::SocketPair(SOCK_SEQPACKET);
  if (!pair.ok()) {
    *why = absl::StrCat("systrap: socketpair: ", ErrnoName(pair.error()));
    return pair.error();
  }
  socket_ = std::move(pair->first);
  const ZygoteStart start{static_cast<int32_t>(getpid()), pair->second.get(), contexts_.fd()};

  void* where = mmap(reinterpret_cast<void*>(kTemporary), kBlobBytes + kTemporaryStack, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (where == MAP_FAILED) {
    const int error = errno;
    *why = absl::StrCat("systrap: no memory for the stub's code: ", strerror(error));
    return ErrnoFromHost(error);
  }
  std::memcpy(where, blob.data(), blob.size());
  if (mprotect(where, kBlobBytes, PROT_READ | PROT_EXEC) != 0) {
    const int error = errno;
    munmap(where, kBlobBytes + kTemporaryStack);
    *why = absl::StrCat("systrap: executable memory is refused: ", strerror(error));
    return ErrnoFromHost(error);
  }
  // No exit signal: stubs, all made with CLONE_PARENT, must not send SIGCHLD to the sentry.
  const long pid = syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) ZygoteMain(start, reinterpret_cast<uint64_t>(where), BlobEntry(), kBlobBytes + kTemporaryStack);
  const int fork_error = errno;
  pair->second.reset();
  munmap(where, kBlobBytes + kTemporaryStack);
  if (pid < 0) {
    *why = absl::StrCat("systrap: cannot fork the zygote: ", strerror(fork_error));
    return ErrnoFromHost(fork_error);
  }
  pid_ = static_cast<int32_t>(pid);
  ZygoteReply reply{};
  auto hello = host::RecvWithFds(socket_.get(), std::as_writable_bytes(std::span(&reply, 1)));
  if (hello.ok() && hello->bytes == sizeof(reply) && reply.value == 0) {
    MutexLock lock(mu_);
    for (int i = 0; i < kSpareBlanks; ++i) {
      if (const Result<void> ordered = OrderBlank(); !ordered.ok()) {
        *why = absl::StrCat("systrap: no blank stub: ", ErrnoName(ordered.error()));
        return ordered.error();
      }
    }
    // The first tells whether seccomp lets us; later ones come while we work.
    const Result<int32_t> first = ReadReplies(false);
    if (first.ok()) return {};
    *why = "systrap: a stub could not install its filter (is a seccomp listener already above us, or seccomp refused?)";
    return first.error();
  }
  int raw = 0;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, &raw, __WALL) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  *why = absl::StrCat("systrap: the zygote failed: ",
                      WIFEXITED(raw) ? ZygoteStepName(WEXITSTATUS(raw)) : "clearing its memory (a sealed vdso?)");
  return Errno::kEPERM;
}

Result<void> Zygote::OrderBlank() {
  const uint32_t slot = TRY(contexts_.Allocate());
  const ZygoteCommand command{ZygoteCommand::kBlank, slot};
  // On another CPU it makes the next blank while we use the last one. Where that is busy, the blank is late: then it works here, in front
  // of us, as the host would have it. Children start where it may run.
  if (stay_ > 0) {
    --stay_;
    CallBack();
  } else {
    cpus_.SendAway(pid_);
    away_ = true;
  }
  const auto sent = host::SendWithFds(socket_.get(), BytesOf(command));
  if (!sent.ok()) {
    contexts_.Free(slot);
    return sent.error();
  }
  ++ordered_;
  return {};
}

void Zygote::CallBack() {
  if (away_) cpus_.Release(pid_);
  away_ = false;
}

Result<int32_t> Zygote::ReadReplies(bool install) {
  for (;;) {
    ZygoteReply reply{};
    host::ReceivedMessage message = TRY(host::RecvWithFds(socket_.get(), std::as_writable_bytes(std::span(&reply, 1))));
    if (message.bytes != sizeof(reply)) return Errno::kESRCH;
    if (reply.kind == ZygoteCommand::kInstall) {
      if (install) return reply.value;
      continue;
    }
    --ordered_;
    if (reply.value < 0 || message.fds.size() != 1) {
      contexts_.Free(reply.argument);
      if (!install) return reply.value < 0 ? ErrnoFromHost(-reply.value) : Errno::kENFILE;
      continue;
    }
    // Without it a wake-up costs tens of microseconds, but everything works (before Linux 6.6).
    (void)ioctl(message.fds[0].get(), kNotifSetFlags, kNotifSyncWakeUp);
    blanks_.push_back(BlankStub{reply.value, reply.argument, std::move(message.fds[0])});
    if (!install) return 0;
  }
}

Result<BlankStub> Zygote::TakeBlank() {
  MutexLock lock(mu_);
  if (blanks_.empty()) {
    pollfd ready{socket_.get(), POLLIN, 0};
    if (poll(&ready, 1, 0) <= 0) stay_ = kStay;
    if (ordered_ == 0) TRY(OrderBlank());
    TRY(ReadReplies(false));
  }
  BlankStub blank = std::move(blanks_.front());
  blanks_.pop_front();
  cpus_.Release(blank.pid);
  // The zygote would work in front of us. While there is one more, that can wait for somebody else.
  if (ordered_ == 0 && blanks_.empty()) (void)OrderBlank().ok();
  return blank;
}

void Zygote::Replenish() {
  MutexLock lock(mu_);
  while (pid_ != 0 && !closed_ && ordered_ + static_cast<int>(blanks_.size()) < kSpareBlanks) {
    if (!OrderBlank().ok()) return;
  }
}

void Zygote::Close() {
  MutexLock lock(mu_);
  if (pid_ == 0) return;
  closed_ = true;
  // What is on its way must arrive to be killed.
  while (ordered_ > 0 && ReadReplies(false).ok()) {
  }
  for (const BlankStub& blank : blanks_) (void)kill(blank.pid, SIGKILL);
  blanks_.clear();
  (void)kill(pid_, SIGKILL);
}

Result<int> Zygote::AcquireNumber(SharedFd& file) {
  MutexLock lock(mu_);
  auto found = by_id_.find(file.id());
  if (found != by_id_.end()) {
    File& known = files_[found->second];
    known.users.fetch_add(1, std::memory_order_relaxed);
    known.last_use = ++uses_;
    return kFirstFile + found->second;
  }
  CloseUnused();
  int index = -1;
  for (int i = 0; i < kMaxFiles; ++i) {
    if (!files_[i].file) {
      index = i;
      break;
    }
    if (files_[i].users.load(std::memory_order_acquire) == 0 && (index < 0 || files_[i].last_use < files_[index].last_use)) index = i;
  }
  if (index < 0) return Errno::kENFILE;
  const ZygoteCommand command{ZygoteCommand::kInstall, static_cast<uint32_t>(kFirstFile + index)};
  const int fds[] = {file.get()};
  CallBack();
  TRY(host::SendWithFds(socket_.get(), BytesOf(command), fds));
  const int32_t placed = TRY(ReadReplies(true));
  if (placed < 0) return ErrnoFromHost(-placed);
  if (files_[index].file) by_id_.erase(files_[index].file->id());
  File& fresh = files_[index];
  fresh.file = RefPtr<SharedFd>::Share(&file);
  fresh.last_use = ++uses_;
  fresh.mapped.store(false, std::memory_order_relaxed);
  fresh.mapped_exec.store(false, std::memory_order_relaxed);
  fresh.users.store(1, std::memory_order_relaxed);
  by_id_[file.id()] = index;
  return kFirstFile + index;
}

void Zygote::NoteMapped(int number, bool exec) {
  File& file = files_[number - kFirstFile];
  if (!file.mapped.load(std::memory_order_relaxed)) file.mapped.store(true, std::memory_order_relaxed);
  if (exec && !file.mapped_exec.load(std::memory_order_relaxed)) file.mapped_exec.store(true, std::memory_order_relaxed);
}

bool Zygote::MapsForSure(int number, bool exec) const {
  const File& file = files_[number - kFirstFile];
  return exec ? file.mapped_exec.load(std::memory_order_relaxed) : file.mapped.load(std::memory_order_relaxed);
}

// Files that only this table keeps open.
void Zygote::CloseUnused() {
  for (int i = 0; i < kMaxFiles; ++i) {
    File& file = files_[i];
    // Nobody can take a further reference when ours is the only one.
    if (!file.file || file.users.load(std::memory_order_acquire) != 0 || file.file->ref_count() > 1) continue;
    const ZygoteCommand command{ZygoteCommand::kClose, static_cast<uint32_t>(kFirstFile + i)};
    if (!host::SendWithFds(socket_.get(), BytesOf(command)).ok()) return;
    by_id_.erase(file.file->id());
    file.file.reset();
  }
}

}  // namespace ringwall::platform::systrap
