// eventfd(2): a counter to wait for.
#include "sentry/fs/anon/eventfd.h"

#include <cstring>

#include "abi/eventfd.h"
#include "abi/fcntl.h"
#include "abi/poll.h"
#include "absl/strings/str_format.h"
#include "sentry/fs/anon/anon_inode.h"

namespace ringwall::anon {

namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN, kOut = abi::kPOLLOUT;  // without the bands of streams
std::atomic<uint64_t> g_next_number{0};

}  // namespace

EventfdFile::EventfdFile(Context& ctx, uint64_t initial, uint32_t efd_flags)
    : File(kKind, AnonPath(ctx), abi::kO_RDWR | (efd_flags & abi::kEFD_NONBLOCK)),
      semaphore_((efd_flags & abi::kEFD_SEMAPHORE) != 0),
      number_(g_next_number.fetch_add(1, std::memory_order_relaxed)),
      count_(initial) {}

Result<size_t> EventfdFile::Read(Context&, mm::IoSink& sink) {
  if (sink.remaining() < sizeof(uint64_t)) return Errno::kEINVAL;
  uint64_t value;
  {
    MutexLock lock(mu_);
    if (count_ == 0) return Errno::kEAGAIN;
    value = semaphore_ ? 1 : count_;
    count_ -= value;
  }
  queue_.Notify(kOut);
  // As in Linux, the value is gone when the buffer is bad.
  const size_t n = TRY(sink.Put({reinterpret_cast<const std::byte*>(&value), sizeof(value)}));
  if (n < sizeof(value)) return Errno::kEFAULT;
  return n;
}

Result<size_t> EventfdFile::Write(Context&, mm::IoSource& source) {
  if (source.remaining() != sizeof(uint64_t)) return Errno::kEINVAL;
  uint64_t value;
  const size_t n = TRY(source.Peek({reinterpret_cast<std::byte*>(&value), sizeof(value)}));
  if (n < sizeof(value)) return Errno::kEFAULT;
  if (value == ~uint64_t{0}) return Errno::kEINVAL;
  {
    MutexLock lock(mu_);
    if (value > abi::kEVENTFD_MAX - count_) return Errno::kEAGAIN;
    count_ += value;
  }
  source.Skip(sizeof(value));
  queue_.Notify(kIn);
  return sizeof(value);
}

void EventfdFile::Signal(uint64_t value) {
  {
    MutexLock lock(mu_);
    count_ = value > ~uint64_t{0} - count_ ? ~uint64_t{0} : count_ + value;
  }
  queue_.Notify(kIn);
}

wait::EventMask EventfdFile::Readiness(wait::EventMask mask) {
  MutexLock lock(mu_);
  wait::EventMask ready = 0;
  if (count_ > 0) ready |= kIn;
  if (count_ < abi::kEVENTFD_MAX) ready |= kOut;
  // eventfd(2): only an overflow from within the kernel gets here.
  if (count_ == ~uint64_t{0}) ready |= abi::kPOLLERR;
  return ready & (mask | abi::kPOLLERR);
}

std::string EventfdFile::FdInfo() const {
  MutexLock lock(mu_);
  return absl::StrFormat("eventfd-count: %16x\neventfd-id: %d\neventfd-semaphore: %d\n", count_, number_, semaphore_);
}

Result<Ref<vfs::File>> MakeEventfd(Context& ctx, uint32_t initial, uint32_t flags) {
  if ((flags & ~(abi::kEFD_SEMAPHORE | abi::kEFD_CLOEXEC | abi::kEFD_NONBLOCK)) != 0) return Errno::kEINVAL;
  return Ref<vfs::File>(MakeRef<EventfdFile>(ctx, initial, flags));
}

}  // namespace ringwall::anon
