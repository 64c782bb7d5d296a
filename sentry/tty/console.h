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
  // The observer is called once, on the poller's thread, when one of the directions asked for may go on.
  virtual void WaitFor(bool readable, bool writable) = 0;
  // Null takes it back; a call that has begun may still be running then.
  virtual void SetObserver(RefPtr<MasterObserver> observer) = 0;
};

class Console final : public RefCounted {
 public:
  static Ref<Console> Create(Ref<ConsoleLink> link);
  Terminal& terminal() const { return *terminal_; }
  // The slave as an open file, for descriptors 0, 1, 2 of the container's process.
  Ref<vfs::File> OpenFile(Context& ctx, uint32_t flags);
  // The same by the name of a device node: what isatty(3) and ttyname(3) look for.
  Ref<vfs::File> OpenAt(const vfs::Path& path, uint32_t flags);
  // The window of the host terminal changed.
  void Resize(const abi::Winsize& size);
  // The host side is gone: hangs up.
  void Close();

 private:
  class Pump;
  template <typename T, typename... Args>
  friend Ref<T> ringwall::MakeRef(Args&&... args);
  Console(Ref<Terminal> terminal, Ref<ConsoleLink> link);
  ~Console() override;

  const Ref<Terminal> terminal_;
  const Ref<Pump> pump_;
  const Ref<ConsoleLink> link_;
};

}  // namespace ringwall::tty
