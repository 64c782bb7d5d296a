// The systrap platform: processes and threads of guests.
#include "platform/systrap/systrap_platform.h"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <vector>

#include "platform/systrap/filter.h"
#include "platform/systrap/frame.h"
#include "platform/systrap/guest_thread.h"

namespace ringwall::platform::systrap {
namespace {

// Keeps a stub thread, and the child that it makes meanwhile, on the calling thread's CPU.
class OnThisCpu {
 public:
  OnThisCpu(const cpu_set_t& all, int32_t tid) : all_(all), tid_(tid) {
    const int cpu = sched_getcpu();
    if (cpu < 0) return;
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(static_cast<size_t>(cpu), &here);
    (void)sched_setaffinity(tid_, sizeof(here), &here);
  }
  ~OnThisCpu() { Free(tid_); }
  OnThisCpu(const OnThisCpu&) = delete;
  OnThisCpu& operator=(const OnThisCpu&) = delete;
  void Free(int32_t tid) const {
    if (tid != 0) (void)sched_setaffinity(tid, sizeof(all_), &all_);
  }

 private:
  const cpu_set_t& all_;
  const int32_t tid_;
};

class SystrapPlatform final : public Platform {
 public:
  explicit SystrapPlatform(Ref<Core> core) : core_(std::move(core)) {}
  ~SystrapPlatform() override { core_->Close(); }

  const char* name() const override { return "systrap"; }

  Result<std::unique_ptr<GuestThread>> NewProcess(EventSink& sink, const arch::Registers& initial) override {
    BlankStub blank = TRY(core_->zygote().TakeBlank());
    const Ref<Listener> listener = MakeRef<Listener>(*core_, std::move(blank.listener));
    const Ref<SystrapAddressSpace> space = MakeRef<SystrapAddressSpace>(core_, listener, blank.pid);
    const Ref<StubThread> thread = NewStubThread(listener, *space, blank.slot, /*leader=*/true);
    thread->tid = thread->pid = blank.pid;
    thread->regs = initial;
    listener->Add(thread);
    if (!core_->AddProcess(blank.pid, listener, blank.slot)) {
      listener->ProcessDied(blank.pid);
      core_->contexts().Free(blank.slot);
      return Errno::kEAGAIN;
    }
    if (!listener->WaitBorn(*thread)) return Errno::kEAGAIN;
    auto made = std::make_unique<SystrapGuestThread>(thread, space, sink);
    // The zygote's vector registers are the sentry's, as they were when it was forked.
    TRY(made->SetFpState(arch::FpState{}));
    return std::unique_ptr<GuestThread>(std::move(made));
  }

  Result<std::unique_ptr<GuestThread>> NewThread(GuestThread& creator, EventSink& sink) override {
    auto& from = static_cast<SystrapGuestThread&>(creator);
    const Ref<SystrapAddressSpace>& space = from.space();
    space->Flush();
    space->set_had_threads();
    const Core::ThreadSlot place = TRY(core_->SlotForThread(space->pid()));
    const uint32_t slot = place.slot;
    const Ref<StubThread> child = NewStubThread(space->listener(), *space, slot, /*leader=*/false);
    child->pid = space->pid();
    from.thread()->listener->SaveFp(*from.thread());
    CopyFrame(*from.thread(), *child);
    const uint64_t context = ContextAddress(slot);
    const Op ops[] = {
        {SYS_mmap, {context, kContextBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, kZygoteMemory, slot * kContextBytes}, 0},
        {SYS_madvise, {context, kContextBytes, kDontFork}, 0},
        {kOpClone, {kThreadCloneFlags, context, 0, 0}, 0},
    };
    OnThisCpu here(core_->cpus(), from.thread()->tid);
    Listener::OpsResult result;
    const bool born = space->listener()->RunBirth(*from.thread(), absl::MakeConstSpan(ops).subspan(place.mapped ? 2 : 0), child, &result);
    here.Free(child->tid);
    if (!born) return Errno::kEAGAIN;
    return std::unique_ptr<GuestThread>(std::make_unique<SystrapGuestThread>(child, space, sink));
  }

  Result<std::unique_ptr<GuestThread>> Fork(GuestThread& creator, EventSink& sink) override {
    auto& from = static_cast<SystrapGuestThread&>(creator);
    const Ref<Listener>& listener = from.space()->listener();
    from.space()->Flush();
    const uint32_t slot = TRY(core_->contexts().Allocate());
    const Ref<SystrapAddressSpace> space = MakeRef<SystrapAddressSpace>(core_, listener, 0);
    const Ref<StubThread> child = NewStubThread(listener, *space, slot, /*leader=*/true);
    listener->SaveFp(*from.thread());
    CopyFrame(*from.thread(), *child);
    space->CopyStacks(*from.space());
    // The host runs them in this order, or not at all: it asks us about each.
    std::vector<Op> ops;
    const RefPtr<StubThread> open = listener->Unsealed(*from.space());
    if (open) ops.push_back({SYS_madvise, {ContextAddress(open->slot), kContextBytes, kDontFork}, 0});
    ops.push_back({kOpClone, {kProcessCloneFlags, ContextAddress(slot), kZygoteMemory, slot * kContextBytes}, 0});
    // A child that starts on another CPU costs a wake-up there, for a parent that will most likely wait: it may move when it has something
    // to do.
    OnThisCpu here(core_->cpus(), from.thread()->tid);
    Listener::OpsResult result;
    const bool born = listener->RunBirth(*from.thread(), ops, child, &result);
    if (open && result.done > 0) listener->Sealed(*open);
    here.Free(child->tid);
    if (!born) {
      // A child that came so far is killed with its space, and its slot is free when it is reaped.
      if (child->pid == 0) core_->contexts().Free(slot);
      return Errno::kEAGAIN;
    }
    return std::unique_ptr<GuestThread>(std::make_unique<SystrapGuestThread>(child, space, sink));
  }

  void RunOnWorker(std::function<void()> work) override { core_->RunSoon(std::move(work)); }
  bool OnWorker() const override { return Core::OnWorker(); }
  void Run() override { core_->Run(); }
  void Shutdown() override { core_->Shutdown(); }

 private:
  Ref<StubThread> NewStubThread(Listener& listener, SystrapAddressSpace& space, uint32_t slot, bool leader) {
    Ref<StubThread> thread = MakeRef<StubThread>(listener, slot, core_->contexts().At(slot));
    thread->space = &space;
    thread->leader = leader;
    if (leader) space.set_first(thread);
    return thread;
  }

  const Ref<Core> core_;
};

}  // namespace

Result<std::unique_ptr<Platform>> CreatePlatform(Options options, std::string* why) {
  // Ignored, SIGCHLD would make the host reap our stubs before we hear of their death (wait(2)).
  struct sigaction action;
  if (sigaction(SIGCHLD, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, nullptr);
  }
  Ref<Core> core = MakeRef<Core>(std::move(options.proc_fd), options.rewrite_calls);
  const Result<void> started = core->Start(options.shapes, why);
  if (!started.ok()) {
    core->Close();
    return started.error();
  }
  return std::unique_ptr<Platform>(std::make_unique<SystrapPlatform>(std::move(core)));
}

}  // namespace ringwall::platform::systrap
