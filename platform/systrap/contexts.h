// Contexts: the memfd whose slots are the per-thread windows between stubs and the sentry (guest/layout.h), mapped whole in the sentry.
//
// Locks: mu_ (LockRank::kPlatform) is the innermost of the platform's: taken under the zygote's, nothing is taken under it.
#pragma once

#include <cstdint>
#include <vector>

#include "base/error/result.h"
#include "base/fd/unique_fd.h"
#include "base/sync/mutex.h"
#include "host/memory/mapping.h"
#include "platform/systrap/guest/layout.h"

namespace ringwall::platform::systrap {

class Contexts {
 public:
  // One gigabyte of address space; memory only for the pages in use.
  Result<void> Create();
  int fd() const { return fd_.get(); }

  // A zeroed slot; EAGAIN when kMaxContexts threads exist.
  Result<uint32_t> Allocate();
  // Zeroes what a thread leaves in it.
  void Clear(uint32_t slot);
  // No process has it mapped any more.
  void Free(uint32_t slot);

  Context* At(uint32_t slot) const { return reinterpret_cast<Context*>(mapping_.data() + slot * kContextBytes); }
  std::byte* Bytes(uint32_t slot) const { return mapping_.data() + slot * kContextBytes; }

 private:
  UniqueFd fd_;
  host::Mapping mapping_;
  Mutex<LockRank::kPlatform> mu_;
  uint32_t used_ ABSL_GUARDED_BY(mu_) = 0;  // slots below have been handed out
  std::vector<uint32_t> free_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ringwall::platform::systrap
