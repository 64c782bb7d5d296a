// Console: the terminal of a container. A terminal inside the sandbox whose master side is pumped from and to one host descriptor.
#pragma once

#include <cstdint>

#include "base/error/result.h"
#include "base/ref/ref.h"
#include "sentry/tty/tty.h"
#include "sentry/vfs/file.h"

namespace ringwall::tty {

// The host side of the pump (fs/host): bytes go both ways without blocking. All calls are made without locks.
class ConsoleLink : public RefCounted {
 public:
  // EAGAIN when it would block, 0 at end of file.
  virtual Result<size_t> Read(absl::Span<std::byte> to) = 0;
  virtual Result<size_t> Write(absl::Span<const std::byte> from) = 0;
  // `on_ready(cookie)` is called on the poller's thread, once, when one of the directions asked for may go on.
  virtual void WaitFor(bool readable, bool writable) = 0;
  virtual void SetReadyCallback(void (*on_ready)(void* cookie), void* cookie) = 0;
};

class Console final : public RefCounted {
 public:
  static Ref<Console> Create(Ref<ConsoleLink> link);
  Terminal& terminal() const { return *terminal_; }
  // The slave as an open file, for descriptors 0, 1, 2 of the container's process.
  Ref<vfs::File> OpenFile(Context& ctx, uint32_t flags);
  // The window of the host terminal changed.
  void Resize(const abi::Winsize& size);
  // The host side is gone: hangs up.
  void Close();

 private:
  class OutputWaiter;
  explicit Console(Ref<ConsoleLink> link);
  ~Console() override;
  void Pump();

  const Ref<Terminal> terminal_;
  const Ref<ConsoleLink> link_;
  std::unique_ptr<OutputWaiter> waiter_;
  std::atomic<bool> closed_{false};
  std::atomic<uint32_t> pumps_{0};       // > 0: some thread pumps; others only add to it
  std::string to_host_;                  // pump only: taken from the terminal, not yet written
  std::string from_host_;                // pump only: read from the host, not yet taken
};

}  // namespace ringwall::tty
