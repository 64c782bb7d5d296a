// A guest address space: one stub process, whose memory the host kernel manages.
#pragma once

#include <atomic>
#include <vector>

#include "platform/platform.h"
#include "platform/ptrace/tracee.h"

namespace ringwall::platform::ptrace {

class Tracer;

class PtraceAddressSpace final : public AddressSpace {
 public:
  PtraceAddressSpace(Ref<Tracer> tracer, int32_t pid);

  uint64_t end() const override;
  Result<void> Apply(absl::Span<const MemoryOp> ops, GuestThread* via) override;
  size_t Read(uint64_t address, absl::Span<std::byte> to) override;
  size_t Write(uint64_t address, absl::Span<const std::byte> from) override;
  Result<uint32_t> CompareExchange(uint64_t address, uint32_t expected, uint32_t desired, GuestThread* via) override;
  Result<void> Resident(uint64_t address, absl::Span<uint8_t> pages, GuestThread* via) override;
  uint64_t ResidentBytes() const override;

  int32_t pid() const { return pid_; }
  bool dead() const { return dead_.load(std::memory_order_acquire); }
  void set_dead() { dead_.store(true, std::memory_order_release); }
  // Single-threaded as the host sees it.
  size_t thread_count() const { return threads_.size(); }

  // Tracer thread.
  std::vector<Tracee*>& threads() { return threads_; }
  void CopyStacks(const PtraceAddressSpace& from) { stacks_ = from.stacks_; }

 private:
  ~PtraceAddressSpace() override = default;
  void OnLastRef() const override;

  Tracee* TraceeOf(GuestThread* via) const;
  Result<void> ApplyNow(absl::Span<const MemoryOp> ops, Tracee* via);
  Result<uint32_t> CompareExchangeNow(uint64_t address, uint32_t expected, uint32_t desired, Tracee* via);
  Result<void> ResidentNow(uint64_t address, absl::Span<uint8_t> pages, Tracee* via);
  // True if the host grew a stack down to `address`, so that trying again helps.
  bool GrowStack(uint64_t address);
  template <typename Copy>
  size_t Transfer(uint64_t address, size_t size, Copy copy);

  const Ref<Tracer> tracer_;
  const int32_t pid_;
  std::atomic<bool> dead_{false};
  std::vector<Tracee*> threads_;  // tracer thread; live host threads, the leader first
  std::vector<uint64_t> stacks_;  // tracer thread; where growing stacks began, see GrowStack
  uint64_t last_grown_ = 0;       // tracer thread
};

}  // namespace ringwall::platform::ptrace
