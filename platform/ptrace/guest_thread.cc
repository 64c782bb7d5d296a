// The sentry's handle of one guest thread: FPU state and CPU time.
#include "platform/ptrace/guest_thread.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace ringwall::platform::ptrace {
namespace {

// The host's area may be larger than a guest's (AMX tiles, which guests never get); PTRACE_SETREGSET wants the host's size exactly.
constexpr size_t kHostXsaveMax = 16384;
struct HostXsave {
  alignas(64) std::byte area[kHostXsaveMax];
  size_t size;
};
constexpr size_t kLegacySize = 512;  // FXSAVE area; the XSAVE header follows (SDM vol. 1, 13.4.2)
constexpr size_t kHeaderSize = 64;
constexpr uint64_t kTileFeatures = uint64_t{3} << 17;

Result<void> GetHostState(int32_t tid, HostXsave& out) {
  iovec vec{out.area, sizeof(out.area)};
  if (::ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &vec) != 0) return ErrnoFromHost(errno);
  out.size = vec.iov_len;
  return {};
}

}  // namespace

PtraceGuestThread::PtraceGuestThread(Ref<Tracer> tracer, Ref<Tracee> tracee, Ref<PtraceAddressSpace> space, EventSink& sink)
    : tracer_(std::move(tracer)), tracee_(std::move(tracee)), space_(std::move(space)) {
  tracee_->sink = &sink;
  tracee_->facade = this;
  tracer_->CountGuestThread(1);
}

PtraceGuestThread::~PtraceGuestThread() {
  tracer_->RunAndWait([this] {
    tracer_->EndThread(*tracee_);
    tracer_->CountGuestThread(-1);
  });
}

Result<void> PtraceGuestThread::GetFpState(arch::FpState& out) {
  Result<void> result = Errno::kESRCH;
  tracer_->RunAndWait([&] {
    HostXsave host;
    result = GetHostState(tracee_->tid, host);
    if (!result.ok()) return;
    out.size = static_cast<uint32_t>(std::min(host.size, out.area.size()));
    std::memcpy(out.area.data(), host.area, out.size);
    uint64_t features;
    std::memcpy(&features, out.area.data() + kLegacySize, sizeof(features));
    features &= ~kTileFeatures;
    std::memcpy(out.area.data() + kLegacySize, &features, sizeof(features));
  });
  return result;
}

Result<void> PtraceGuestThread::SetFpState(const arch::FpState& state) {
  if (state.size > state.area.size() || (state.size != 0 && state.size < kLegacySize + kHeaderSize)) return Errno::kEINVAL;
  Result<void> result = Errno::kESRCH;
  tracer_->RunAndWait([&] {
    HostXsave host;
    result = GetHostState(tracee_->tid, host);
    if (!result.ok()) return;
    std::memset(host.area, 0, host.size);
    if (state.size == 0) {
      // fninit and MXCSR's reset value; no feature bits: every component is initial.
      const uint16_t control = 0x37f;
      const uint32_t mxcsr = 0x1f80;
      std::memcpy(host.area, &control, sizeof(control));
      std::memcpy(host.area + 24, &mxcsr, sizeof(mxcsr));
    } else {
      const size_t size = std::min<size_t>(state.size, host.size);
      std::memcpy(host.area, state.area.data(), size);
      // Components that the area has no room for can't be meant.
      uint64_t features;
      std::memcpy(&features, host.area + kLegacySize, sizeof(features));
      if ((features & kTileFeatures) != 0 || (state.size == kLegacySize + kHeaderSize && (features & ~uint64_t{3}) != 0)) {
        result = Errno::kEINVAL;
        return;
      }
    }
    iovec vec{host.area, host.size};
    if (::ptrace(PTRACE_SETREGSET, tracee_->tid, NT_X86_XSTATE, &vec) != 0) {
      result = errno == ESRCH ? Errno::kESRCH : Errno::kEINVAL;
    }
  });
  return result;
}

uint64_t PtraceGuestThread::CpuTimeNs() const {
  if (tracer_->proc_fd() >= 0) {
    // First number: nanoseconds on a CPU. The CPU clock of another process's thread is not readable (clock_getcpuclockid(3)).
    char text[64];
    std::snprintf(text, sizeof(text), "%d/schedstat", tracee_->tid);
    const UniqueFd file(openat(tracer_->proc_fd(), text, O_RDONLY | O_CLOEXEC));
    if (file.valid()) {
      const ssize_t n = read(file.get(), text, sizeof(text) - 1);
      unsigned long long ns = 0;
      if (n > 0) {
        text[n] = '\0';
        if (std::sscanf(text, "%llu", &ns) == 1) return ns;
      }
    }
  }
  if (space_->dead() || !tracee_->leader()) return 0;
  // The process's clock: right for single-threaded guests.
  const clockid_t clock = static_cast<clockid_t>((~static_cast<uint32_t>(tracee_->tid) << 3) | 2);
  timespec now;
  if (clock_gettime(clock, &now) != 0) return 0;
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

}  // namespace ringwall::platform::ptrace
