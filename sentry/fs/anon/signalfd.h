// signalfd(2).
#pragma once

#include <cstdint>
#include <string>

#include "abi/signal.h"
#include "abi/signalfd.h"
#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/vfs/file.h"

namespace ringwall::anon {

// Where the signals come from: implemented over a task by whoever makes the file.
class SignalSource : public RefCounted {
 public:
  // Takes a pending signal of `set` from the *caller* (signalfd(2), "fork(2) semantics"); si_signo 0 when there is none.
  virtual abi::SigInfo Take(Context& caller, abi::SigSet set) = 0;
  // Pending signals of the task the source was made for.
  virtual abi::SigSet Pending() = 0;
  // Told whenever a signal arrives there, with any mask.
  virtual void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive) = 0;
  virtual void RemoveWaiter(wait::Waiter& waiter) = 0;
};

class SignalfdFile final : public vfs::File {
 public:
  static constexpr vfs::FileKind kKind = vfs::FileKind::kSignalfd;
  SignalfdFile(Context& ctx, Ref<SignalSource> source, abi::SigSet set, uint32_t sfd_flags);

  // signalfd(2) with an existing descriptor: replaces the set (SIGKILL and SIGSTOP are dropped from it).
  void SetMask(abi::SigSet set);
  // One SignalfdSiginfo per pending signal; EINVAL when not even one fits.
  Result<size_t> Read(Context& ctx, mm::IoSink& sink) override;
  Result<size_t> Write(Context& ctx, mm::IoSource& source) override;
  std::string FdInfo() const override;
  std::string DisplayName() const override { return "anon_inode:[signalfd]"; }
  // Differs from Linux: readiness is that of the task that made the file; Linux asks the task that polls.
  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override {
    source_->AddWaiter(waiter, mask, exclusive);
  }
  void RemoveWaiter(wait::Waiter& waiter) override { source_->RemoveWaiter(waiter); }

 private:
  ~SignalfdFile() override = default;
  const Ref<SignalSource> source_;
  std::atomic<abi::SigSet> set_;
};

// signalfd4(2) with fd -1. `flags`: SFD_NONBLOCK, SFD_CLOEXEC; EINVAL for others.
Result<Ref<vfs::File>> MakeSignalfd(Context& ctx, Ref<SignalSource> source, abi::SigSet set, uint32_t flags);
// What read(2) shows of a signal.
abi::SignalfdSiginfo ToSignalfdSiginfo(const abi::SigInfo& info);

}  // namespace ringwall::anon
