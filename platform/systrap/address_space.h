// A guest address space: the memory of one stub process. Changes are operations in one of its stopped threads, copies are
// process_vm_readv(2) and process_vm_writev(2).
#pragma once

#include <atomic>
#include <vector>

#include "platform/systrap/core.h"

namespace ringwall::platform::systrap {

class SystrapAddressSpace final : public AddressSpace {
 public:
  SystrapAddressSpace(Ref<Core> core, Ref<Listener> listener, int32_t pid)
      : core_(std::move(core)), listener_(std::move(listener)), pid_(pid) {}

  uint64_t end() const override;
  Result<void> Apply(absl::Span<const MemoryOp> ops, GuestThread* via) override;
  size_t Read(uint64_t address, absl::Span<std::byte> to) override;
  size_t Write(uint64_t address, absl::Span<const std::byte> from) override;
  Result<uint32_t> CompareExchange(uint64_t address, uint32_t expected, uint32_t desired, GuestThread* via) override;
  Result<void> Resident(uint64_t address, absl::Span<uint8_t> pages, GuestThread* via) override;
  uint64_t ResidentBytes() const override;
  size_t MoveFile(SharedFd& file, uint64_t offset, uint64_t address, size_t length, bool to_file, GuestThread* via) override;
  bool WriteOnReturn(uint64_t address, absl::Span<const std::byte> from, GuestThread* via) override;
  size_t ReadBrought(uint64_t address, absl::Span<std::byte> to, GuestThread* via) override;
  void DropBrought(GuestThread* via) override;
  void CountWaiter(uint64_t address, int change) override;
  uint64_t call_entry() const override;
  Result<void> WriteCode(absl::Span<const CodeWrite> writes, bool alone, GuestThread* via) override;

  const Ref<Core>& core() const { return core_; }
  const Ref<Listener>& listener() const { return listener_; }
  int32_t pid() const { return pid_.load(std::memory_order_relaxed); }
  // Once, when a forked child has registered.
  void set_pid(int32_t pid) { pid_.store(pid, std::memory_order_relaxed); }
  bool dead() const { return dead_.load(std::memory_order_acquire); }
  void set_dead() { dead_.store(true, std::memory_order_release); }

  // Live host threads, the leader first. Guarded by the listener's lock.
  std::vector<StubThread*>& threads() { return threads_; }
  // How many threads have operations that were left for later. Changed under the listener's lock.
  void CountDeferring(int change) { deferring_.fetch_add(change, std::memory_order_relaxed); }
  void Flush() {
    if (deferring_.load(std::memory_order_relaxed) != 0) listener_->Flush(*this);
  }
  // The first thread, in whose context waiters are counted. Once, before anything runs.
  void set_first(Ref<StubThread> first) { first_ = std::move(first); }
  const StubThread* first() const { return first_.get(); }
  // Never had a second thread.
  bool single_threaded() const { return !had_threads_.load(std::memory_order_relaxed); }
  void set_had_threads() { had_threads_.store(true, std::memory_order_relaxed); }
  void CopyStacks(SystrapAddressSpace& from);

 private:
  ~SystrapAddressSpace() override = default;
  void OnLastRef() const override;
  // True when the operation was left for later.
  bool Defer(absl::Span<const MemoryOp> ops, GuestThread* via);
  // True if the host grew a stack down to `address`, so that trying again helps.
  bool GrowStack(uint64_t address);
  template <typename Copy>
  size_t Transfer(uint64_t address, size_t size, Copy copy);

  const Ref<Core> core_;
  const Ref<Listener> listener_;
  std::atomic<int32_t> pid_;
  std::atomic<bool> dead_{false};
  std::atomic<int> deferring_{0};
  std::atomic<bool> had_threads_{false};
  std::vector<StubThread*> threads_;
  RefPtr<StubThread> first_;
  Mutex<LockRank::kPlatform> stack_mu_;
  std::vector<uint64_t> stacks_ ABSL_GUARDED_BY(stack_mu_);  // where growing stacks began, see GrowStack
};

}  // namespace ringwall::platform::systrap
