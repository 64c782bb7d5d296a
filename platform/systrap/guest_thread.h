// The sentry's handle of one guest thread.
#pragma once

#include "platform/systrap/address_space.h"

namespace ringwall::platform::systrap {

class SystrapGuestThread final : public GuestThread {
 public:
  SystrapGuestThread(Ref<StubThread> thread, Ref<SystrapAddressSpace> space, EventSink& sink);
  ~SystrapGuestThread() override;

  arch::Registers& regs() override { return thread_->regs; }
  AddressSpace& address_space() override { return *space_; }
  Result<void> GetFpState(arch::FpState& out) override;
  Result<void> SetFpState(const arch::FpState& state) override;
  void Resume() override { thread_->listener->Resume(*thread_); }
  void Post() override { thread_->listener->Post(*thread_); }
  void Remember(uint32_t number, int64_t result) override;
  void ForgetAnswers() override { __atomic_store_n(&thread_->context->answers_known, 0, __ATOMIC_SEQ_CST); }
  void Interrupt() override {
    if (thread_->listener->Interrupt(*thread_)) thread_->listener->Unheard(*thread_, CpuTimeNs());
  }
  uint64_t CpuTimeNs() const override;
  int32_t host_tid() const override { return thread_->tid; }

  StubThread* thread() const { return thread_.get(); }
  const Ref<SystrapAddressSpace>& space() const { return space_; }

 private:
  // The XSAVE area in the frame, as far as the context reaches; null when the stub's claim is nonsense.
  std::byte* FpArea(size_t bytes) const;

  const Ref<SystrapAddressSpace> space_;  // first: it keeps the listener alive
  const Ref<StubThread> thread_;
};

}  // namespace ringwall::platform::systrap
