// Contexts of asynchronous I/O (io_setup(2)).
#include "sentry/fs/anon/aio.h"

#include <algorithm>
#include <utility>

#include "abi/poll.h"
#include "sentry/mm/memory_file.h"

namespace ringwall::anon {

namespace {
// How many requests all contexts may have under way: /proc/sys/fs/aio-nr.
std::atomic<int64_t> g_requests{0};
}  // namespace

const void* AioContext::Tag() {
  static const char tag = 0;
  return &tag;
}

Result<Ref<AioContext>> AioContext::Create(uint32_t requests) {
  // A context costs at least this much, however few it asks for, so that there are not too many of them.
  const int64_t charged = std::max<int64_t>(requests, 16);
  if (g_requests.fetch_add(charged, std::memory_order_relaxed) + charged > kMaxRequests) {
    g_requests.fetch_sub(charged, std::memory_order_relaxed);
    return Errno::kEAGAIN;
  }
  return MakeRef<AioContext>(requests);
}

AioContext::~AioContext() {
  if (limit_ != 0) g_requests.fetch_sub(std::max<int64_t>(limit_, 16), std::memory_order_relaxed);
}

bool AioContext::Reserve() {
  MutexLock lock(mu_);
  if (used_ >= limit_) return false;
  ++used_;
  return true;
}

void AioContext::Unreserve() {
  MutexLock lock(mu_);
  --used_;
}

void AioContext::Complete(const abi::IoEvent& event) {
  {
    MutexLock lock(mu_);
    events_.push_back(event);
    completions_.fetch_add(1);
  }
  queue_.Notify(abi::kPOLLIN);
}

std::vector<abi::IoEvent> AioContext::Take(size_t max) {
  std::vector<abi::IoEvent> taken;
  MutexLock lock(mu_);
  const size_t n = std::min(max, events_.size());
  taken.assign(events_.begin(), events_.begin() + static_cast<ptrdiff_t>(n));
  events_.erase(events_.begin(), events_.begin() + static_cast<ptrdiff_t>(n));
  used_ -= static_cast<uint32_t>(n);
  return taken;
}

size_t AioContext::waiting() const {
  MutexLock lock(mu_);
  return events_.size();
}

void AioContext::Destroy() {
  destroyed_.store(true);
  queue_.Notify(abi::kPOLLIN);
}

// One page for all: it is mapped privately, so nobody sees what another writes.
Result<Ref<SharedFd>> AioContext::HostFile(bool) {
  static Mutex<LockRank::kMemoryFile> mu;
  static RefPtr<SharedFd> page ABSL_GUARDED_BY(mu);
  {
    MutexLock lock(mu);
    if (page) return page.ToRef();
  }
  Ref<SharedFd> fresh = TRY(mm::CreateMemoryFile("[aio]", 4096));
  MutexLock lock(mu);
  if (!page) page = std::move(fresh);
  return page.ToRef();
}

RefPtr<mm::Mappable> AioContext::ForChild() {
  Ref<AioContext> none = MakeRef<AioContext>(0u);
  none->destroyed_.store(true);
  return none;
}

}  // namespace ringwall::anon
