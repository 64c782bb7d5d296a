// signalfd(2): pending signals as records.
#include "sentry/fs/anon/signalfd.h"

#include <utility>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "absl/strings/str_format.h"
#include "sentry/fs/anon/anon_inode.h"

namespace ringwall::anon {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM;
// signalfd(2): SIGKILL and SIGSTOP are silently ignored.
constexpr abi::SigSet Allowed(abi::SigSet set) { return set & ~(abi::SigMask(abi::kSIGKILL) | abi::SigMask(abi::kSIGSTOP)); }

}  // namespace

SignalfdFile::SignalfdFile(Context& ctx, Ref<SignalSource> source, abi::SigSet set, uint32_t sfd_flags)
    : File(kKind, AnonPath(ctx), abi::kO_RDWR | (sfd_flags & abi::kSFD_NONBLOCK)), source_(std::move(source)), set_(Allowed(set)) {}

void SignalfdFile::SetMask(abi::SigSet set) { set_.store(Allowed(set), std::memory_order_release); }

abi::SignalfdSiginfo ToSignalfdSiginfo(const abi::SigInfo& info) {
  abi::SignalfdSiginfo out;
  out.ssi_signo = static_cast<uint32_t>(info.si_signo);
  out.ssi_errno = info.si_errno;
  out.ssi_code = info.si_code;
  switch (info.si_code) {
    case abi::kSI_TIMER: {
      const auto timer = info.timer();
      out.ssi_tid = static_cast<uint32_t>(timer.timerid);
      out.ssi_overrun = static_cast<uint32_t>(timer.overrun);
      out.ssi_ptr = timer.value;
      out.ssi_int = static_cast<int32_t>(timer.value);
      return out;
    }
    case abi::kSI_QUEUE:
    case abi::kSI_MESGQ: {
      const auto rt = info.rt();
      out.ssi_pid = static_cast<uint32_t>(rt.pid);
      out.ssi_uid = rt.uid;
      out.ssi_ptr = rt.value;
      out.ssi_int = static_cast<int32_t>(rt.value);
      return out;
    }
    case abi::kSI_USER:
    case abi::kSI_TKILL: break;
    default:
      switch (info.si_signo) {
        case abi::kSIGCHLD: {
          const auto child = info.chld();
          out.ssi_pid = static_cast<uint32_t>(child.pid);
          out.ssi_uid = child.uid;
          out.ssi_status = child.status;
          out.ssi_utime = static_cast<uint64_t>(child.utime);
          out.ssi_stime = static_cast<uint64_t>(child.stime);
          return out;
        }
        case abi::kSIGIO: {
          const auto poll = info.poll();
          out.ssi_band = static_cast<uint32_t>(poll.band);
          out.ssi_fd = poll.fd;
          return out;
        }
        case abi::kSIGILL:
        case abi::kSIGFPE:
        case abi::kSIGSEGV:
        case abi::kSIGBUS:
        case abi::kSIGTRAP: {
          if (info.si_code <= 0) break;
          const auto fault = info.fault();
          out.ssi_addr = fault.addr;
          out.ssi_addr_lsb = static_cast<uint16_t>(fault.addr_lsb);
          return out;
        }
        case abi::kSIGSYS: {
          const auto sys = info.sys();
          out.ssi_call_addr = sys.call_addr;
          out.ssi_syscall = sys.syscall;
          out.ssi_arch = sys.arch;
          return out;
        }
        default: break;
      }
  }
  const auto kill = info.kill();
  out.ssi_pid = static_cast<uint32_t>(kill.pid);
  out.ssi_uid = kill.uid;
  return out;
}

Result<size_t> SignalfdFile::Read(Context& ctx, mm::IoSink& sink) {
  if (sink.remaining() < sizeof(abi::SignalfdSiginfo)) return Errno::kEINVAL;
  const abi::SigSet set = set_.load(std::memory_order_acquire);
  size_t done = 0;
  while (sink.remaining() >= sizeof(abi::SignalfdSiginfo)) {
    const abi::SigInfo info = source_->Take(ctx, set);
    if (info.si_signo == 0) break;
    const abi::SignalfdSiginfo record = ToSignalfdSiginfo(info);
    // As in Linux, a signal that could not be stored is lost.
    const Result<size_t> put = sink.Put({reinterpret_cast<const std::byte*>(&record), sizeof(record)});
    if (!put.ok() || *put < sizeof(record)) {
      if (done == 0) return Errno::kEFAULT;
      return done;
    }
    done += sizeof(record);
  }
  if (done == 0) return Errno::kEAGAIN;
  return done;
}

Result<size_t> SignalfdFile::Write(Context&, mm::IoSource&) { return Errno::kEINVAL; }

wait::EventMask SignalfdFile::Readiness(wait::EventMask mask) {
  return (source_->Pending() & set_.load(std::memory_order_acquire)) != 0 ? mask & kIn : 0;
}

std::string SignalfdFile::FdInfo() const { return absl::StrFormat("sigmask:\t%016x\n", set_.load(std::memory_order_relaxed)); }

Result<Ref<vfs::File>> MakeSignalfd(Context& ctx, Ref<SignalSource> source, abi::SigSet set, uint32_t flags) {
  if ((flags & ~(abi::kSFD_CLOEXEC | abi::kSFD_NONBLOCK)) != 0) return Errno::kEINVAL;
  return Ref<vfs::File>(MakeRef<SignalfdFile>(ctx, std::move(source), set, flags));
}

}  // namespace ringwall::anon
