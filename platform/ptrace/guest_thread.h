// The sentry's handle of one guest thread.
#pragma once

#include "platform/platform.h"
#include "platform/ptrace/address_space.h"
#include "platform/ptrace/tracer.h"

namespace ringwall::platform::ptrace {

class PtraceGuestThread final : public GuestThread {
 public:
  // Tracer thread.
  PtraceGuestThread(Ref<Tracer> tracer, Ref<Tracee> tracee, Ref<PtraceAddressSpace> space, EventSink& sink);
  ~PtraceGuestThread() override;

  arch::Registers& regs() override { return tracee_->regs; }
  AddressSpace& address_space() override { return *space_; }
  Result<void> GetFpState(arch::FpState& out) override;
  Result<void> SetFpState(const arch::FpState& state) override;
  void Resume() override { tracer_->Resume(*tracee_); }
  void Post() override { tracer_->Post(*tracee_); }
  void Interrupt() override { tracer_->Interrupt(*tracee_); }
  uint64_t CpuTimeNs() const override;
  int32_t host_tid() const override { return tracee_->tid; }

  Tracee* tracee() const { return tracee_.get(); }
  const Ref<PtraceAddressSpace>& space() const { return space_; }

 private:
  const Ref<Tracer> tracer_;
  const Ref<Tracee> tracee_;
  const Ref<PtraceAddressSpace> space_;
};

}  // namespace ringwall::platform::ptrace
