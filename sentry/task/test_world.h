// A world for the unit tests of the task ring: a platform without guest code. The test is the guest: it makes calls on behalf of threads
// and looks at their registers. One thread drives everything; only the timer queue has a thread of its own.
#pragma once

#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "abi/clone.h"
#include "abi/wait.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "sentry/context/context.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/tmpfs/tmpfs.h"
#include "sentry/futex/futex.h"
#include "sentry/kernel/kernel.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/task/clone.h"
#include "sentry/task/pid_table.h"
#include "sentry/task/signals.h"
#include "sentry/task/task.h"
#include "sentry/task/task_builder.h"
#include "sentry/task/wait.h"
#include "sentry/vfs/fd_table.h"
#include "sentry/vfs/path_walk.h"
#include "sentry/vfs/test_context.h"

namespace ringwall::task::test {

class FakeSpace final : public platform::AddressSpace {
 public:
  uint64_t end() const override { return uint64_t{1} << 40; }
  Result<void> Apply(absl::Span<const platform::MemoryOp> ops, platform::GuestThread*) override {
    std::lock_guard lock(mu_);
    for (const auto& op : ops) {
      for (uint64_t at = op.address; at < op.address + op.length; at += platform::kPageSize) {
        if (op.kind == platform::MemoryOp::Kind::kMap) pages_[at] = {};
        if (op.kind == platform::MemoryOp::Kind::kUnmap) pages_.erase(at);
      }
    }
    return {};
  }
  size_t Read(uint64_t address, absl::Span<std::byte> to) override {
    std::lock_guard lock(mu_);
    size_t n = 0;
    for (; n < to.size(); ++n) {
      std::byte* b = At(address + n);
      if (b == nullptr) break;
      to[n] = *b;
    }
    return n;
  }
  size_t Write(uint64_t address, absl::Span<const std::byte> from) override {
    std::lock_guard lock(mu_);
    size_t n = 0;
    for (; n < from.size(); ++n) {
      std::byte* b = At(address + n);
      if (b == nullptr) break;
      *b = from[n];
    }
    return n;
  }
  Result<uint32_t> CompareExchange(uint64_t address, uint32_t expected, uint32_t desired, platform::GuestThread*) override {
    std::lock_guard lock(mu_);
    std::byte* b = At(address);
    if (b == nullptr) return Errno::kEFAULT;
    uint32_t found;
    memcpy(&found, b, 4);
    if (found == expected) memcpy(b, &desired, 4);
    return found;
  }
  Result<void> Resident(uint64_t, absl::Span<uint8_t>, platform::GuestThread*) override { return {}; }
  uint64_t ResidentBytes() const override { return 4096; }
  Ref<FakeSpace> Copy() {
    auto copy = MakeRef<FakeSpace>();
    std::lock_guard lock(mu_);
    copy->pages_ = pages_;
    return copy;
  }

 private:
  std::byte* At(uint64_t address) {
    auto it = pages_.find(address & ~(platform::kPageSize - 1));
    return it == pages_.end() ? nullptr : &it->second[address % platform::kPageSize];
  }
  std::mutex mu_;
  std::map<uint64_t, std::array<std::byte, platform::kPageSize>> pages_;
};

class FakePlatform;

class FakeThread final : public platform::GuestThread {
 public:
  enum class State { kParked, kGuest, kInEvent };
  FakeThread(FakePlatform& platform, platform::EventSink& sink, Ref<FakeSpace> space);
  ~FakeThread() override;
  arch::Registers& regs() override { return regs_; }
  platform::AddressSpace& address_space() override { return *space_; }
  Result<void> GetFpState(arch::FpState& out) override {
    out = fp_;
    return {};
  }
  Result<void> SetFpState(const arch::FpState& state) override {
    fp_ = state;
    return {};
  }
  void Resume() override { state = State::kGuest; }
  void Post() override;
  void Interrupt() override;
  uint64_t CpuTimeNs() const override { return cpu_ns; }
  int32_t host_tid() const override { return 0; }

  std::atomic<State> state{State::kParked};
  std::atomic<uint64_t> cpu_ns{0};
  platform::EventSink& sink;
  Ref<FakeSpace> space() { return space_; }

 private:
  FakePlatform& platform_;
  Ref<FakeSpace> space_;
  arch::Registers regs_ = arch::InitialRegisters(0x11000, 0x1f000);
  arch::FpState fp_ = arch::InitialFpState();
};

class FakePlatform final : public platform::Platform {
 public:
  const char* name() const override { return "fake"; }
  Result<std::unique_ptr<platform::GuestThread>> NewProcess(platform::EventSink& sink, const arch::Registers& initial) override {
    auto space = MakeRef<FakeSpace>();
    auto thread = std::make_unique<FakeThread>(*this, sink, space);
    thread->regs() = initial;
    return std::unique_ptr<platform::GuestThread>(std::move(thread));
  }
  Result<std::unique_ptr<platform::GuestThread>> NewThread(platform::GuestThread& creator, platform::EventSink& sink) override {
    return std::unique_ptr<platform::GuestThread>(std::make_unique<FakeThread>(*this, sink, static_cast<FakeThread&>(creator).space()));
  }
  Result<std::unique_ptr<platform::GuestThread>> Fork(platform::GuestThread& creator, platform::EventSink& sink) override {
    return std::unique_ptr<platform::GuestThread>(
        std::make_unique<FakeThread>(*this, sink, static_cast<FakeThread&>(creator).space()->Copy()));
  }
  void RunOnWorker(std::function<void()> work) override { work(); }
  bool OnWorker() const override { return true; }
  void Run() override {}
  void Shutdown() override { shut_down = true; }

  // Delivers one event on the calling thread, as a worker would.
  void Deliver(FakeThread* thread, platform::EventKind kind, int32_t signo = 0) {
    thread->state = FakeThread::State::kInEvent;
    platform::Event event{
        .kind = kind, .signo = signo, .si_code = signo != 0 ? abi::kSEGV_MAPERR : 0, .fault_address = signo != 0 ? 0xdead0u : 0};
    const platform::Verdict verdict = thread->sink.OnEvent(*thread, event);
    if (!Alive(thread)) return;
    if (verdict == platform::Verdict::kResume) thread->state = FakeThread::State::kGuest;
    if (verdict == platform::Verdict::kPark && thread->state == FakeThread::State::kInEvent) thread->state = FakeThread::State::kParked;
  }
  // Everything that was posted or interrupted, until nothing is left.
  bool Pump() {
    bool any = false;
    for (;;) {
      FakeThread* thread = nullptr;
      bool ready = false;
      {
        std::lock_guard lock(mu_);
        if (!posted_.empty()) {
          thread = posted_.front();
          posted_.pop_front();
          ready = true;
        } else if (!interrupted_.empty()) {
          thread = interrupted_.front();
          interrupted_.pop_front();
        }
      }
      if (thread == nullptr) return any;
      any = true;
      if (ready) {
        Deliver(thread, platform::EventKind::kReady);
      } else if (thread->state == FakeThread::State::kGuest) {
        Deliver(thread, platform::EventKind::kInterrupt);
      }
    }
  }
  bool Alive(FakeThread* thread) {
    std::lock_guard lock(mu_);
    return threads_.contains(thread);
  }
  bool shut_down = false;

 private:
  friend class FakeThread;
  std::mutex mu_;
  std::set<FakeThread*> threads_;
  std::deque<FakeThread*> posted_, interrupted_;
};

inline FakeThread::FakeThread(FakePlatform& platform, platform::EventSink& sink_in, Ref<FakeSpace> space)
    : sink(sink_in), platform_(platform), space_(std::move(space)) {
  std::lock_guard lock(platform_.mu_);
  platform_.threads_.insert(this);
}
inline FakeThread::~FakeThread() {
  std::lock_guard lock(platform_.mu_);
  platform_.threads_.erase(this);
  std::erase(platform_.posted_, this);
  std::erase(platform_.interrupted_, this);
}
inline void FakeThread::Post() {
  std::lock_guard lock(platform_.mu_);
  platform_.posted_.push_back(this);
}
inline void FakeThread::Interrupt() {
  std::lock_guard lock(platform_.mu_);
  platform_.interrupted_.push_back(this);
}

// Calls that the tests' guests make.
enum TestCall : uint64_t {
  kNop,
  kPause,
  kExit,
  kExitGroup,
  kClone,
  kWait,
  kRead,
  kFutexWait,
  kFutexWake,
  kFutexRequeue,
  kFutexLock,
  kFutexUnlock,
  kSuspend,
  kSigReturn,
  kSigWait,
  kKill,
  kRestartSyscall = 219,
};

namespace detail {
inline CallOutcome Done(Result<int64_t> r) { return {.value = r.ok() ? *r : -static_cast<int64_t>(r.error()), .keep_registers = false}; }
inline WaitResult& LastWait() {
  static WaitResult last;
  return last;
}
}  // namespace detail

inline const SyscallTable& TestTable() {
  using detail::Done;
  static const SyscallTable table = [] {
    SyscallTable t;
    auto put = [&t](uint64_t number, CallOutcome (*fn)(Task&, const RawArgs&)) {
      t.rows[number].name = "test";
      t.rows[number].level = SupportLevel::kFull;
      t.rows[number].invoke = fn;
    };
    put(kNop, [](Task&, const RawArgs&) { return Done(0); });
    put(kPause, [](Task& t, const RawArgs&) { return Done(t.ParkUntilWoken(time::kNever, Errno::kRestartNoHand)); });
    put(kRead, [](Task& t, const RawArgs&) { return Done(t.ParkUntilWoken(time::kNever, Errno::kRestartSys)); });
    put(kExit, [](Task& t, const RawArgs& a) {
      t.RequestExit(abi::ExitStatus(static_cast<int32_t>(a.value[0])));
      return CallOutcome{.value = 0, .keep_registers = true};
    });
    put(kExitGroup, [](Task& t, const RawArgs& a) {
      t.thread_group().RequestGroupExit(abi::ExitStatus(static_cast<int32_t>(a.value[0])));
      return CallOutcome{.value = 0, .keep_registers = true};
    });
    put(kClone, [](Task& t, const RawArgs& a) {
      const auto tid = Clone(t, {.flags = a.value[0], .exit_signal = static_cast<int32_t>(a.value[1]), .child_tid = a.value[2]});
      return Done(tid.ok() ? Result<int64_t>(*tid) : Result<int64_t>(tid.error()));
    });
    put(kWait, [](Task& t, const RawArgs& a) {
      const auto r = Wait(t, {.id_type = abi::kP_ALL, .id = 0, .options = static_cast<uint32_t>(a.value[0])});
      if (!r.ok()) return Done(r.error());
      detail::LastWait() = *r;
      return Done(r->pid);
    });
    put(kFutexWait, [](Task& t, const RawArgs& a) {
      const int64_t deadline = a.value[2] == 0 ? time::kNever : t.DeadlineAfter(static_cast<int64_t>(a.value[2]));
      const auto bits = a.value[3] == 0 ? ~0u : static_cast<uint32_t>(a.value[3]);
      return Done(futex::FutexWait(t, a.value[0], true, static_cast<uint32_t>(a.value[1]), bits, deadline));
    });
    put(kFutexWake, [](Task& t, const RawArgs& a) {
      return Done(futex::FutexWake(t, a.value[0], true, static_cast<int32_t>(a.value[1]),
                                   a.value[2] == 0 ? ~0u : static_cast<uint32_t>(a.value[2])));
    });
    put(kFutexRequeue, [](Task& t, const RawArgs& a) {
      const auto expected = static_cast<uint32_t>(a.value[4]);
      return Done(futex::FutexRequeue(t, a.value[0], a.value[1], true, static_cast<int32_t>(a.value[2]), static_cast<int32_t>(a.value[3]),
                                      &expected));
    });
    put(kFutexLock, [](Task& t, const RawArgs& a) {
      const int64_t deadline = a.value[2] == 0 ? time::kNever : t.DeadlineAfter(static_cast<int64_t>(a.value[2]));
      return Done(futex::FutexLockPi(t, a.value[0], true, a.value[1] != 0, deadline));
    });
    put(kFutexUnlock, [](Task& t, const RawArgs& a) { return Done(futex::FutexUnlockPi(t, a.value[0], true)); });
    put(kSuspend, [](Task& t, const RawArgs& a) {
      t.SetTemporaryMask(a.value[0]);
      return Done(t.ParkUntilWoken(time::kNever, Errno::kRestartNoHand));
    });
    put(kSigReturn, [](Task& t, const RawArgs&) {
      (void)t.SignalReturn().ok();
      return CallOutcome{.value = 0, .keep_registers = true};
    });
    put(kSigWait, [](Task& t, const RawArgs& a) {
      const auto info = WaitForSignal(t, a.value[0], a.value[1] == 0 ? time::kNever : t.DeadlineAfter(static_cast<int64_t>(a.value[1])));
      return Done(info.ok() ? Result<int64_t>(info->si_signo) : Result<int64_t>(info.error()));
    });
    put(kKill, [](Task& t, const RawArgs& a) {
      const auto r = Kill(t, static_cast<int32_t>(a.value[0]), InfoFrom(t, static_cast<int>(a.value[1]), abi::kSI_USER));
      return Done(r.ok() ? Result<int64_t>(0) : Result<int64_t>(r.error()));
    });
    put(kRestartSyscall,
        [](Task& t, const RawArgs&) { return Done(t.restart_fn() != nullptr ? t.restart_fn()(t) : Result<int64_t>(Errno::kEINTR)); });
    return t;
  }();
  return table;
}

class World : public ::testing::Test {
 protected:
  static constexpr uint64_t kWord = 0x12000, kWord2 = 0x12100, kHandler = 0x13000, kRestorer = 0x13100;

  World() {
    auto platform = std::make_unique<FakePlatform>();
    platform_ = platform.get();
    kernel::KernelOptions options;
    options.syscalls = &TestTable();
    kernel_ = std::make_unique<kernel::Kernel>(std::move(options), std::move(platform));
    init_ = NewProcess();
  }
  ~World() override {
    kernel_->Shutdown();
    platform_->Pump();
    init_.reset();
  }

  // A process of its own: the first is pid 1, further ones are not related to it.
  RefPtr<Task> NewProcess() {
    auto pid = kernel_->pids().Allocate();
    auto group = MakeRef<ThreadGroup>(kernel_->pids(), signal::SignalHandlers::Create());
    TaskBuilder::SetPid(*group, *pid);
    const Ref<Task> task = MakeRef<Task>(*kernel_, group, *pid);
    task->SetCreds(Ref<const cred::Credentials>(cred::Credentials::Root()));
    task->SetFds(vfs::FdTable::Create());
    vfs::TestContext boot;
    vfs::TestTree tree(tmpfs::TmpFs::Create(boot, {}));
    task->SetFs(MakeRef<vfs::FsContext>(tree.ns, tree.root, tree.cwd, 022));
    auto thread = platform_->NewProcess(*task, arch::InitialRegisters(0x11000, 0x1f000));
    auto mm = mm::MemoryManager::Create(Ref<platform::AddressSpace>((*thread)->address_space()), 0);
    const mm::MmapRequest request{.address = 0x10000, .length = 0x10000, .prot = {.read = true, .write = true}, .fixed = true};
    EXPECT_TRUE(mm->Mmap(request, {}, thread->get()).ok());
    TaskBuilder::SetThread(*task, std::move(*thread));
    task->SetMm(RefPtr<mm::MemoryManager>(mm));
    task->exit_signal = abi::kSIGCHLD;
    auto session = MakeRef<Session>(*pid);
    EXPECT_TRUE(TaskBuilder::Publish(*task, nullptr, MakeRef<ProcessGroup>(*pid, std::move(session))).ok());
    task->Start();
    platform_->Pump();
    return task;
  }

  FakeThread* ThreadOf(Task& task) { return static_cast<FakeThread*>(&task.thread()); }
  bool Parked(Task& task) { return task.StateLetter() == 'S'; }
  bool Stopped(Task& task) { return task.StateLetter() == 'T'; }
  bool Dead(Task& task) { return task.StateLetter() == 'Z'; }
  bool InGuest(Task& task) { return !Dead(task) && ThreadOf(task)->state == FakeThread::State::kGuest; }
  int64_t ResultOf(Task& task) { return static_cast<int64_t>(task.regs().result()); }

  // The guest executes `syscall`. Its result, or what the register holds while it is parked.
  int64_t Call(Task& task, uint64_t number, uint64_t a0 = 0, uint64_t a1 = 0, uint64_t a2 = 0, uint64_t a3 = 0, uint64_t a4 = 0) {
    EXPECT_TRUE(InGuest(task)) << "call " << number << " by a thread that does not run";
    arch::Registers& r = task.regs();
    r.rip += 2;
    r.orig_rax = number;
    r.rax = static_cast<uint64_t>(-static_cast<int64_t>(Errno::kENOSYS));
    r.rdi = a0, r.rsi = a1, r.rdx = a2, r.r10 = a3, r.r8 = a4;
    platform_->Deliver(ThreadOf(task), platform::EventKind::kSyscall);
    platform_->Pump();
    return Dead(task) ? 0 : ResultOf(task);
  }
  // The restarted instruction: what a CPU does after RewindSyscall.
  int64_t CallAgain(Task& task) {
    arch::Registers& r = task.regs();
    return Call(task, r.rax, r.rdi, r.rsi, r.rdx, r.r10, r.r8);
  }
  void Fault(Task& task, int32_t signo) {
    task.regs().orig_rax = ~uint64_t{0};
    platform_->Deliver(ThreadOf(task), platform::EventKind::kFault, signo);
    platform_->Pump();
  }
  RefPtr<Task> Fork(Task& parent, uint64_t flags = 0) {
    const int64_t tid = Call(parent, kClone, flags, abi::kSIGCHLD);
    EXPECT_GT(tid, 0);
    return kernel_->pids().FindTask(static_cast<int32_t>(tid));
  }
  RefPtr<Task> NewThread(Task& parent) {
    return Fork(parent, abi::kCLONE_VM | abi::kCLONE_SIGHAND | abi::kCLONE_THREAD | abi::kCLONE_FS | abi::kCLONE_FILES);
  }

  void Catch(Task& task, int signo, uint64_t flags = 0, abi::SigSet mask = 0) {
    const abi::SigAction action{.handler = kHandler, .flags = flags | abi::kSA_RESTORER, .restorer = kRestorer, .mask = mask};
    EXPECT_TRUE(ChangeAction(task, signo, &action).ok());
  }
  void SetAction(Task& task, int signo, uint64_t handler) {
    const abi::SigAction action{.handler = handler};
    EXPECT_TRUE(ChangeAction(task, signo, &action).ok());
  }
  static abi::SigInfo Info(int signo, int32_t from_pid = 77, int32_t code = abi::kSI_USER, uint64_t value = 0) {
    abi::SigInfo info{};
    info.si_signo = signo;
    info.si_code = code;
    info.Set(abi::SigInfo::Rt{.pid = from_pid, .uid = 0, .value = value});
    return info;
  }
  void Send(Task& task, int signo) {
    EXPECT_TRUE(task.thread_group().SendSignal(Info(signo)).ok());
    platform_->Pump();
  }
  bool InHandler(Task& task) { return InGuest(task) && task.regs().rip == kHandler; }
  // The handler returns.
  void ReturnFromHandler(Task& task) {
    task.regs().rsp += 8;
    task.regs().rip = kRestorer;
    Call(task, kSigReturn);
  }
  void Poke(Task& task, uint64_t address, uint32_t value) { EXPECT_TRUE(task.memory().WriteValue(address, value).ok()); }
  uint32_t Peek(Task& task, uint64_t address) { return *task.memory().ReadValue<uint32_t>(address); }
  template <typename Condition>
  bool PumpUntil(Condition condition) {
    const int64_t give_up = time::MonotonicNs() + 5 * time::kNsPerSecond;
    while (!condition()) {
      if (!platform_->Pump()) absl::SleepFor(absl::Milliseconds(1));
      if (time::MonotonicNs() > give_up) return false;
    }
    return true;
  }

  FakePlatform* platform_;
  std::unique_ptr<kernel::Kernel> kernel_;
  RefPtr<Task> init_;
};

}  // namespace ringwall::task::test
