// The sentry's handle of one guest thread: FPU state and CPU time.
#include "platform/systrap/guest_thread.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "platform/systrap/frame.h"

namespace ringwall::platform::systrap {
namespace {

// SDM vol. 1, 13.4: FXSAVE area, then the XSAVE header. The last 48 bytes of the FXSAVE area are software's: the host's own notes about the
// frame (struct _fpx_sw_bytes), which it reads when the thread goes on.
constexpr size_t kLegacyBytes = 512;
constexpr size_t kHeaderBytes = 64;
constexpr size_t kNotesOffset = 464;
constexpr size_t kMxcsrOffset = 24;
constexpr size_t kMxcsrMaskOffset = 28;

// A century: what a thread says about itself must not overflow sums.
constexpr uint64_t kMaxCpuUs = uint64_t{100} * 366 * 86'400 * 1'000'000;

template <typename T>
T Load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

}  // namespace

SystrapGuestThread::SystrapGuestThread(Ref<StubThread> thread, Ref<SystrapAddressSpace> space, EventSink& sink)
    : space_(std::move(space)), thread_(std::move(thread)) {
  space_->core()->CountGuestThread(1);
  MutexLock lock(thread_->listener->mu());
  thread_->sink = &sink;
  thread_->facade = this;
}

SystrapGuestThread::~SystrapGuestThread() {
  thread_->listener->EndThread(*thread_);
  space_->core()->CountGuestThread(-1);
}

void SystrapGuestThread::Remember(uint32_t number, int64_t result) {
  const uint8_t answer = number < kCallShapes ? space_->core()->answer_indices()[number] : 0;
  if (answer == 0) return;
  // The context of a dead process may be somebody else's.
  MutexLock lock(thread_->listener->mu());
  if (thread_->died) return;
  thread_->context->answers[answer - 1] = result;
  if (const StubThread* first = space_->first())
    thread_->context->waiters_address = ContextAddress(first->slot) + offsetof(Context, waiters);
  __atomic_fetch_or(&thread_->context->answers_known, 1u << (answer - 1), __ATOMIC_SEQ_CST);
}

std::byte* SystrapGuestThread::FpArea(size_t bytes) const {
  thread_->listener->SaveFp(*thread_);
  return FpAreaOf(*thread_, bytes);
}

Result<void> SystrapGuestThread::GetFpState(arch::FpState& out) {
  const uint32_t size = std::min<uint32_t>(arch::FpStateSize(), static_cast<uint32_t>(out.area.size()));
  const std::byte* area = FpArea(size);
  if (area == nullptr) return Errno::kESRCH;
  std::memcpy(out.area.data(), area, size);
  std::memset(out.area.data() + kNotesOffset, 0, kLegacyBytes - kNotesOffset);
  out.size = size;
  return {};
}

Result<void> SystrapGuestThread::SetFpState(const arch::FpState& state) {
  if (state.size > state.area.size() || (state.size != 0 && state.size < kLegacyBytes + kHeaderBytes)) return Errno::kEINVAL;
  const uint32_t size = arch::FpStateSize();
  std::byte* area = FpArea(size);
  if (area == nullptr) return Errno::kESRCH;
  const arch::FpState fresh = state.size == 0 ? arch::InitialFpState() : state;
  const uint64_t features = Load<uint64_t>(fresh.area.data() + kLegacyBytes);
  const uint64_t compacted = Load<uint64_t>(fresh.area.data() + kLegacyBytes + 8);
  const uint32_t mxcsr = Load<uint32_t>(fresh.area.data() + kMxcsrOffset);
  uint32_t allowed = Load<uint32_t>(arch::InitialFpState().area.data() + kMxcsrMaskOffset);
  if (allowed == 0) allowed = 0xffbf;
  if ((features & ~arch::FpStateFeatures()) != 0 || compacted != 0 || (mxcsr & ~allowed) != 0) return Errno::kEINVAL;
  // Components that the area has no room for can't be meant.
  if (fresh.size == kLegacyBytes + kHeaderBytes && (features & ~uint64_t{3}) != 0) return Errno::kEINVAL;
  for (size_t i = 16; i < kHeaderBytes; ++i) {
    if (fresh.area[kLegacyBytes + i] != std::byte{0}) return Errno::kEINVAL;
  }
  std::memcpy(area, fresh.area.data(), kNotesOffset);
  const size_t copied = std::min<size_t>(fresh.size, size);
  std::memcpy(area + kLegacyBytes, fresh.area.data() + kLegacyBytes, copied - kLegacyBytes);
  std::memset(area + copied, 0, size - copied);
  return {};
}

uint64_t SystrapGuestThread::CpuTimeNs() const {
  if (space_->dead()) return 0;
  if (thread_->leader && space_->single_threaded()) {
    // The process's clock is the thread's, and much cheaper than a file of proc.
    const clockid_t clock = static_cast<clockid_t>((~static_cast<uint32_t>(thread_->tid) << 3) | 2);
    timespec now;
    if (clock_gettime(clock, &now) == 0) return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  }
  {
    MutexLock lock(thread_->listener->mu());
    if (thread_->told_usage()) return std::min(__atomic_load_n(&thread_->context->cpu_us, __ATOMIC_RELAXED), kMaxCpuUs) * 1000;
  }
  const int proc_fd = space_->core()->proc_fd();
  if (proc_fd >= 0) {
    // First number: nanoseconds on a CPU. The CPU clock of another process's thread is not readable (clock_getcpuclockid(3)).
    char text[64];
    std::snprintf(text, sizeof(text), "%d/schedstat", thread_->tid);
    const UniqueFd file(openat(proc_fd, text, O_RDONLY | O_CLOEXEC));
    if (file.valid()) {
      const ssize_t n = read(file.get(), text, sizeof(text) - 1);
      unsigned long long ns = 0;
      if (n > 0) {
        text[n] = '\0';
        if (std::sscanf(text, "%llu", &ns) == 1) return ns;
      }
    }
  }
  return 0;
}

}  // namespace ringwall::platform::systrap
