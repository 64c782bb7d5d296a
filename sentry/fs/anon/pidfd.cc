// pidfd_open(2).
#include "sentry/fs/anon/pidfd.h"

#include <utility>

#include "abi/clone.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "absl/strings/str_format.h"
#include "sentry/fs/anon/anon_inode.h"

namespace ringwall::anon {

PidfdFile::PidfdFile(Context& ctx, Ref<RefCounted> process, wait::Waitable& exited, int32_t pid, uint32_t pidfd_flags)
    : File(kKind, AnonPath(ctx), abi::kO_RDWR | (pidfd_flags & abi::kPIDFD_NONBLOCK)),
      process_(std::move(process)),
      exited_(exited),
      pid_(pid) {}

Result<size_t> PidfdFile::Read(Context&, mm::IoSink&) { return Errno::kEINVAL; }
Result<size_t> PidfdFile::Write(Context&, mm::IoSource&) { return Errno::kEINVAL; }

wait::EventMask PidfdFile::Readiness(wait::EventMask mask) {
  if (exited_.Readiness(abi::kPOLLIN) == 0) return 0;
  return mask & (abi::kPOLLIN | abi::kPOLLRDNORM);
}

std::string PidfdFile::FdInfo() const {
  // Once the process is reaped Linux shows -1.
  return absl::StrFormat("Pid:\t%d\nNSpid:\t%d\n", pid_, pid_);
}

Result<Ref<vfs::File>> MakePidfd(Context& ctx, Ref<RefCounted> process, wait::Waitable& exited, int32_t pid, uint32_t flags) {
  if ((flags & ~abi::kPIDFD_NONBLOCK) != 0) return Errno::kEINVAL;
  return Ref<vfs::File>(MakeRef<PidfdFile>(ctx, std::move(process), exited, pid, flags));
}

Result<int32_t> PidOfPidfd(vfs::File& file) {
  auto* pidfd = file.As<PidfdFile>();
  if (pidfd == nullptr) return Errno::kEBADF;
  return pidfd->pid();
}

}  // namespace ringwall::anon
