// Transfers: parking on EAGAIN, progress of stream writes over parks, partial results.
#include "syscalls/core/io.h"

#include <algorithm>

#include "abi/fcntl.h"
#include "abi/signal.h"
#include "sentry/cred/credentials.h"
#include "sentry/socket/socket.h"
#include "sentry/task/call_state.h"
#include "sentry/tty/tty.h"
#include "sentry/vfs/notify.h"

namespace ringwall::syscalls {
namespace {

// Bytes a blocking stream write moved before it parked.
struct ProgressState : task::TypedCallState<ProgressState> {
  uint64_t moved = 0;
};

void SendOwnSignal(task::Task& task, int32_t signo) {
  abi::SigInfo info{};
  info.si_signo = signo;
  info.si_code = abi::kSI_USER;
  info.Set(
      abi::SigInfo::Kill{.pid = task.ToGuestPid(task.tgid()), .uid = task.creds().user_ns->Show(cred::IdKind::kUid, task.creds().uid)});
  // A full queue can't happen: standard signals hold one instance.
  (void)task.SendSignal(info).ok();
}

// Stream files move what fits and block for the rest (pipe(7), unix(7)); files with positions finish in one attempt.
bool BlocksUntilComplete(const vfs::File& file) {
  switch (file.kind()) {
    case vfs::FileKind::kPipe:
    case vfs::FileKind::kSocket:
    case vfs::FileKind::kTty:
    case vfs::FileKind::kHostStream: return true;
    default: return false;
  }
}

// A socket's SO_RCVTIMEO and SO_SNDTIMEO hold for read(2) and write(2) too, and make them end with EINTR for a signal (socket(7),
// signal(7)).
Errno ParkForTransfer(task::Task& task, vfs::File& file, wait::EventMask mask) {
  int64_t timeout_ns = -1;
  if (const auto* socket = file.As<socket::Socket>())
    timeout_ns = (mask & abi::kPOLLOUT) != 0 ? socket->send_timeout_ns() : socket->receive_timeout_ns();
  if (timeout_ns < 0) return task.ParkOnFile(file, mask);
  const int64_t deadline_ns = task.DeadlineAfter(timeout_ns);
  if (time::MonotonicNs() >= deadline_ns) return Errno::kEAGAIN;
  return task.ParkOnFile(file, mask, Errno::kEINTR, deadline_ns);
}

}  // namespace

bool IsEventFile(const vfs::File& file) {
  switch (file.kind()) {
    case vfs::FileKind::kEpoll:
    case vfs::FileKind::kEventfd:
    case vfs::FileKind::kSignalfd:
    case vfs::FileKind::kTimerfd:
    case vfs::FileKind::kInotify: return true;
    default: return false;
  }
}

Result<void> CheckHasPositions(const vfs::File& file) {
  switch (file.kind()) {
    case vfs::FileKind::kPipe:
    case vfs::FileKind::kSocket:
    case vfs::FileKind::kTty:
    case vfs::FileKind::kHostStream: return Errno::kESPIPE;
    default: return IsEventFile(file) ? Result<void>(Errno::kESPIPE) : Result<void>();
  }
}

uint64_t MovedSoFar(task::Task& task) {
  const auto* state = task.call_state<ProgressState>();
  return state != nullptr ? state->moved : 0;
}

void SignalFileSizeLimit(task::Task& task, Errno error) {
  // Without a limit it was the file system's largest offset, which is no reason for a signal.
  if (error == Errno::kEFBIG && task.FileSizeLimit() != UINT64_MAX) SendOwnSignal(task, abi::kSIGXFSZ);
}

Result<int64_t> FinishPartialIo(task::Task& task, uint64_t moved, Errno error, bool no_sigpipe) {
  if (error == Errno::kEPIPE && !no_sigpipe) SendOwnSignal(task, abi::kSIGPIPE);
  if (moved == 0) SignalFileSizeLimit(task, error);
  if (moved != 0) return static_cast<int64_t>(moved);
  return error;
}

Result<int64_t> ReadFile(task::Task& task, vfs::File& file, mm::IoSink& sink) {
  if (!file.readable()) return Errno::kEBADF;
  auto moved = file.Read(task, sink);
  if (moved.ok()) {
    if (*moved != 0) vfs::NotifyFile(file, abi::kIN_ACCESS);
    return static_cast<int64_t>(*moved);
  }
  if (moved.error() != Errno::kEAGAIN || file.nonblocking()) return moved.error();
  if (file.kind() == vfs::FileKind::kTty) {
    // VTIME of termios(3): the read ends with nothing when its time is over.
    const int64_t timeout_ns = tty::ReadTimeoutNs(file);
    if (timeout_ns >= 0) {
      const int64_t deadline = task.DeadlineAfter(timeout_ns);
      if (task.DeadlinePassed()) return 0;
      return task.ParkOnFile(file, abi::kPOLLIN, Errno::kRestartSys, deadline);
    }
  }
  const Errno parked = ParkForTransfer(task, file, abi::kPOLLIN | abi::kPOLLRDHUP);
  auto* socket = file.As<socket::Socket>();
  if (parked == Errno::kParked || socket == nullptr) return parked;
  // The wait is over, by time or by a signal: what is below SO_RCVLOWAT will do now (socket(7)).
  socket::ReceiveResult ignored;
  const auto rest = socket->ReceiveMsg(task, sink, abi::kMSG_DONTWAIT, ignored);
  if (!rest.ok()) return parked;
  return static_cast<int64_t>(*rest);
}

Result<int64_t> WriteFile(task::Task& task, vfs::File& file, mm::IoSource& source) {
  if (!file.writable()) return Errno::kEBADF;
  uint64_t moved = MovedSoFar(task);
  source.Skip(std::min<uint64_t>(moved, source.remaining()));
  for (;;) {
    auto n = file.Write(task, source);
    if (n.ok()) {
      moved += *n;
      if (*n != 0) vfs::NotifyFile(file, abi::kIN_MODIFY);
      if (source.remaining() == 0 || !BlocksUntilComplete(file)) return static_cast<int64_t>(moved);
      if (*n != 0 && !file.nonblocking()) continue;
      if (file.nonblocking()) return static_cast<int64_t>(moved);
    }
    if (!n.ok() && (n.error() != Errno::kEAGAIN || file.nonblocking())) return FinishPartialIo(task, moved, n.error());
    const Errno parked = ParkForTransfer(task, file, abi::kPOLLOUT);
    if (parked != Errno::kParked) return FinishPartialIo(task, moved, parked);
    if (moved != 0) {
      auto* state = task.call_state<ProgressState>();
      (state != nullptr ? *state : task.MakeCallState<ProgressState>()).moved = moved;
    }
    return parked;
  }
}

Result<int64_t> PReadFile(task::Task& task, vfs::File& file, mm::IoSink& sink, int64_t offset) {
  if (offset < 0) return Errno::kEINVAL;
  TRY(CheckHasPositions(file));
  if (!file.readable()) return Errno::kEBADF;
  const size_t moved = TRY(file.PRead(task, sink, static_cast<uint64_t>(offset)));
  if (moved != 0) vfs::NotifyFile(file, abi::kIN_ACCESS);
  return static_cast<int64_t>(moved);
}

Result<int64_t> PWriteFile(task::Task& task, vfs::File& file, mm::IoSource& source, int64_t offset) {
  if (offset < 0) return Errno::kEINVAL;
  TRY(CheckHasPositions(file));
  if (!file.writable()) return Errno::kEBADF;
  auto moved = file.PWrite(task, source, static_cast<uint64_t>(offset));
  if (!moved.ok()) return FinishPartialIo(task, 0, moved.error());
  if (*moved != 0) vfs::NotifyFile(file, abi::kIN_MODIFY);
  return static_cast<int64_t>(*moved);
}

}  // namespace ringwall::syscalls
