// Test bench for platforms: a driver thread runs the test body line by line while the thread that made the platform works in Run(). Guests
// park at every event until the body lets them go on, unless they have a handler of their own.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "platform/platform.h"

namespace ringwall::platform::conformance {

inline constexpr uint64_t kCodeBase = 0x400000;
inline constexpr uint64_t kData = 0x600000;
inline constexpr uint64_t kDataBytes = 16 * kPageSize;
inline constexpr uint64_t kStackTop = 0x800000;
inline constexpr uint64_t kStackBytes = 4 * kPageSize;

// Address in the guest of a program of guest/code.S.
uint64_t At(const std::byte* program);

class World;

class Guest : public EventSink {
 public:
  using Handler = std::function<Verdict(GuestThread&, const Event&)>;
  explicit Guest(World& world) : world_(world) {}
  ~Guest() override;

  Verdict OnEvent(GuestThread& thread, const Event& event) override;
  // Waits for the next event, after which the guest is parked. kExited with signo -1 after 30 seconds.
  Event Next();
  // Nothing when none comes in time.
  std::optional<Event> NextWithin(std::chrono::milliseconds limit);
  // Resume() and Next().
  Event Go();
  // Go() that must end in a system call.
  void GoCall();
  // Starts at a program with two arguments in rdi and rsi.
  Event Run(const std::byte* program, uint64_t rdi = 0, uint64_t rsi = 0);
  std::unique_ptr<Guest> Fork();
  std::unique_ptr<Guest> Clone();

  arch::Registers& regs() { return thread->regs(); }
  AddressSpace& space() { return thread->address_space(); }
  Result<void> Apply(const MemoryOp& op) { return space().Apply(absl::MakeConstSpan(&op, 1), thread.get()); }
  uint64_t Peek(uint64_t address);
  bool Poke(uint64_t address, uint64_t value);

  std::unique_ptr<GuestThread> thread;
  Handler handler;  // set while parked

 private:
  World& world_;
  std::mutex mu_;
  std::condition_variable changed_;
  bool has_event_ = false;
  Event event_{};
};

class World {
 public:
  explicit World(std::unique_ptr<Platform> platform) : platform_(std::move(platform)) {}
  Platform& platform() { return *platform_; }
  // Runs the body on a thread of its own; returns when it is done and all guests are gone.
  void Drive(const std::function<void()>& body);
  // A process with code, data and stack mapped.
  std::unique_ptr<Guest> NewGuest();
  // A memfd with this many bytes.
  static Ref<SharedFd> MemoryFile(size_t bytes);

 private:
  std::unique_ptr<Platform> platform_;
  RefPtr<SharedFd> code_;
};

MemoryOp MapAnonymous(uint64_t address, uint64_t length, Prot prot = {.read = true, .write = true});
MemoryOp MapFile(uint64_t address, uint64_t length, SharedFd& file, uint64_t offset, bool shared,
                 Prot prot = {.read = true, .write = true});

#define CONFORMANCE_PROGRAM(name) extern "C" const std::byte code_##name[];
// clang-format off
#define CONFORMANCE_PROGRAMS(X) \
  X(call_loop) X(getppid_loop) X(rewritten_loop) X(rewritten_avx) X(spin) X(count) X(compute) X(store) X(load) X(add_many) X(grow) X(jump) X(call_vsyscall) X(avx) X(store_avx) X(int3) X(ud2) \
  X(hlt) X(in) X(out) X(cli) X(divide) X(int80) X(int1) X(sysenter) X(trap_flag) X(bad_stack) X(misaligned_ss) X(int80_forged)
// clang-format on

}  // namespace ringwall::platform::conformance
CONFORMANCE_PROGRAMS(CONFORMANCE_PROGRAM)
