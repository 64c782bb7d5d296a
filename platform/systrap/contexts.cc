// Contexts: slots of shared memory.
#include "platform/systrap/contexts.h"

#include <errno.h>
#include <sys/mman.h>

#include <cstring>

#include "host/calls/memfd.h"

namespace ringwall::platform::systrap {
namespace {

// Freed slots beyond this give their memory back.
constexpr size_t kWarmSlots = 64;
// What the host and the handler write of a stack; the rest of a slot is only touched by operations, which clean up behind themselves.
constexpr uint64_t kStackInUse = 0x2000;

}  // namespace

Result<void> Contexts::Create() {
  constexpr uint64_t kBytes = uint64_t{kMaxContexts} * kContextBytes;
  fd_ = TRY(host::CreateMemfd("ringwall-contexts", kBytes));
  mapping_ = TRY(host::Mapping::Shared(fd_.get(), 0, kBytes, PROT_READ | PROT_WRITE));
  return {};
}

Result<uint32_t> Contexts::Allocate() {
  MutexLockNested lock(mu_);
  if (!free_.empty()) {
    const uint32_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  if (used_ >= kMaxContexts) return Errno::kEAGAIN;
  return used_++;
}

void Contexts::Clear(uint32_t slot) {
  std::memset(Bytes(slot), 0, sizeof(Context));
  std::memset(Bytes(slot) + kContextBytes - kStackInUse, 0, kStackInUse);
}

void Contexts::Free(uint32_t slot) {
  // A later owner may be another process: nothing of this one's registers may be there.
  bool cold;
  {
    MutexLockNested lock(mu_);
    cold = free_.size() >= kWarmSlots;
  }
  if (!cold || madvise(Bytes(slot), kContextBytes, MADV_REMOVE) != 0) Clear(slot);
  MutexLockNested lock(mu_);
  free_.push_back(slot);
}

}  // namespace ringwall::platform::systrap
