// KernelContext: the Context of work that no guest task asked for: boot, helper threads. All rights, no guest memory.
#pragma once

#include "sentry/context/context.h"
#include "sentry/cred/credentials.h"
#include "sentry/mm/user_memory.h"
#include "sentry/time/clock.h"

namespace ringwall::kernel {

class KernelContext final : public Context {
 public:
  KernelContext() : creds_(cred::Credentials::Root()), memory_(nullptr, nullptr) {}
  const cred::Credentials& creds() const override { return *creds_; }
  mm::UserMemory& memory() override { return memory_; }
  abi::Timespec Now() const override { return time::ToTimespec(time::RealtimeNs()); }
  bool SignalPending() const override { return false; }
  int32_t tgid() const override { return 0; }
  uint64_t FileSizeLimit() const override { return ~uint64_t{0}; }

 private:
  const Ref<const cred::Credentials> creds_;
  mm::UserMemory memory_;
};

}  // namespace ringwall::kernel
