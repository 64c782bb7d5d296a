// The host's side of a Console.
#include "sentry/fs/host/console_link.h"

#include <unistd.h>

#include <utility>

#include "abi/fcntl.h"
#include "abi/poll.h"
#include "sentry/fs/host/host_descriptor.h"

namespace ringwall::hostfs {

namespace {

class HostConsoleLink final : public tty::ConsoleLink {
 public:
  explicit HostConsoleLink(Ref<HostDescriptor> host) : host_(std::move(host)) {}
  Result<size_t> Read(absl::Span<std::byte> to) override { return host_->Read(to); }
  Result<size_t> Write(absl::Span<const std::byte> from) override { return host_->Write(from); }
  void WaitFor(bool readable, bool writable) override { host_->Arm((readable ? abi::kPOLLIN : 0) | (writable ? abi::kPOLLOUT : 0)); }
  void SetObserver(RefPtr<tty::MasterObserver> observer) override { host_->SetCallback(&Ready, observer); }

 private:
  static void Ready(RefCounted& observer) { static_cast<tty::MasterObserver&>(observer).OnMasterReady(); }
  const Ref<HostDescriptor> host_;
};

}  // namespace

Ref<tty::ConsoleLink> MakeConsoleLink(HostPoller& poller, UniqueFd fd) {
  const HostKind kind = ::isatty(fd.get()) == 1 ? HostKind::kTty : HostKind::kOther;
  return MakeRef<HostConsoleLink>(MakeRef<HostDescriptor>(poller, std::move(fd), kind, abi::kO_RDWR));
}

}  // namespace ringwall::hostfs
