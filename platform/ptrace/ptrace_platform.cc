// The ptrace platform: processes and threads of guests.
#include "platform/ptrace/ptrace_platform.h"

#include <signal.h>

#include "platform/ptrace/guest_thread.h"
#include "platform/ptrace/tracer.h"

namespace ringwall::platform::ptrace {
namespace {

class PtracePlatform final : public Platform {
 public:
  explicit PtracePlatform(Ref<Tracer> tracer) : tracer_(std::move(tracer)) {}
  ~PtracePlatform() override { tracer_->Close(); }

  const char* name() const override { return "ptrace"; }

  Result<std::unique_ptr<GuestThread>> NewProcess(EventSink& sink, const arch::Registers& initial) override {
    return Make([&]() -> Result<std::unique_ptr<GuestThread>> {
      RefPtr<PtraceAddressSpace> space;
      Ref<Tracee> tracee = TRY(tracer_->NewProcess(&space));
      tracee->regs = initial;
      return std::unique_ptr<GuestThread>(new PtraceGuestThread(tracer_, std::move(tracee), std::move(space).ToRef(), sink));
    });
  }

  Result<std::unique_ptr<GuestThread>> NewThread(GuestThread& creator, EventSink& sink) override {
    return Make([&]() -> Result<std::unique_ptr<GuestThread>> {
      auto& from = static_cast<PtraceGuestThread&>(creator);
      Ref<Tracee> tracee = TRY(tracer_->NewThread(*from.tracee()));
      return std::unique_ptr<GuestThread>(new PtraceGuestThread(tracer_, std::move(tracee), from.space(), sink));
    });
  }

  Result<std::unique_ptr<GuestThread>> Fork(GuestThread& creator, EventSink& sink) override {
    return Make([&]() -> Result<std::unique_ptr<GuestThread>> {
      RefPtr<PtraceAddressSpace> space;
      Ref<Tracee> tracee = TRY(tracer_->Fork(*static_cast<PtraceGuestThread&>(creator).tracee(), &space));
      return std::unique_ptr<GuestThread>(new PtraceGuestThread(tracer_, std::move(tracee), std::move(space).ToRef(), sink));
    });
  }

  void RunOnWorker(std::function<void()> work) override { (void)tracer_->RunSoon(std::move(work)); }
  bool OnWorker() const override { return tracer_->OnTracer(); }
  void Run() override { tracer_->Run(); }
  void Shutdown() override { tracer_->Shutdown(); }

 private:
  template <typename F>
  Result<std::unique_ptr<GuestThread>> Make(F&& make) {
    Result<std::unique_ptr<GuestThread>> result = Errno::kESRCH;
    tracer_->RunAndWait([&] { result = make(); });
    return result;
  }

  const Ref<Tracer> tracer_;
};

}  // namespace

Result<std::unique_ptr<Platform>> CreatePlatform(Options options, std::string* why) {
  // Ignored, SIGCHLD would make the host reap our stubs before we hear of their death (wait(2)).
  struct sigaction action;
  if (sigaction(SIGCHLD, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, nullptr);
  }
  Ref<Tracer> tracer = MakeRef<Tracer>(std::move(options.proc_fd), options.cpu);
  const Result<void> started = tracer->Start(why);
  if (!started.ok()) {
    tracer->Close();
    return started.error();
  }
  return std::unique_ptr<Platform>(std::make_unique<PtracePlatform>(std::move(tracer)));
}

}  // namespace ringwall::platform::ptrace
