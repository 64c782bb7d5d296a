// A traced child for tests of ptrace(2).
#pragma once

#include <elf.h>
#include <linux/ptrace.h>
#include <stddef.h>
#include <sys/uio.h>
#include <sys/user.h>

#include "tests/lib/guest.h"

// The C library's header and the kernel's do not go together: the kernel's numbers here.
inline constexpr int kTraceMe = 0, kPeekText = 1, kPeekData = 2, kPeekUser = 3, kPokeText = 4, kPokeData = 5, kPokeUser = 6, kCont = 7,
                     kKill = 8, kStep = 9, kGetRegs = 12, kSetRegs = 13, kGetFpRegs = 14, kSetFpRegs = 15, kAttach = 16, kDetach = 17,
                     kToSyscall = 24, kSysEmu = 31;

namespace tests {

inline long Trace(int request, pid_t pid, const volatile void* address = nullptr, const volatile void* data = nullptr) {
  return Call(SYS_ptrace, request, pid, reinterpret_cast<long>(address), reinterpret_cast<long>(data));
}
inline const void* Value(unsigned long value) { return reinterpret_cast<const void*>(value); }

inline int StopOf(int signal, int event = 0) { return (signal | event << 8) << 8 | 0x7f; }

struct StoppedBy {
  int wanted;
  explicit StoppedBy(int signal, int event = 0) : wanted(StopOf(signal, event)) {}
  testing::AssertionResult operator()(const char* text, int status) const {
    if (status == wanted) return testing::AssertionSuccess();
    return testing::AssertionFailure() << text << " is " << std::hex << status << ", not the stop " << wanted;
  }
};

// The status of the next report of `pid`.
inline int Wait(pid_t pid, int options = __WALL) {
  int status = -1;
  const long got = Call(SYS_wait4, pid, &status, options, nullptr);
  if (got != pid) {
    ADD_FAILURE() << "wait4(" << pid << ") gave " << got;
    return -1;
  }
  return status;
}

// A child that asks to be traced, stops itself, and then runs `body`. Killed at the end of the scope if it still lives.
class Tracee {
 public:
  template <class Body>
  explicit Tracee(Body body, long options = 0) {
    pid_ = StartChild([&] {
      Call(SYS_ptrace, kTraceMe, 0, 0, 0);
      raise(SIGSTOP);
      body();
    });
    EXPECT_THAT(Wait(pid_), StoppedBy(SIGSTOP));
    if (options != 0) {
      EXPECT_THAT(Trace(PTRACE_SETOPTIONS, pid_, nullptr, Value(static_cast<unsigned long>(options))), SucceedsWith(0));
    }
  }
  ~Tracee() {
    if (done_) return;
    kill(pid_, SIGKILL);
    Trace(kCont, pid_);  // PTRACE_EVENT_EXIT holds it even so
    int status;
    while (waitpid(pid_, &status, __WALL) == pid_ && !WIFEXITED(status) && !WIFSIGNALED(status)) Trace(kCont, pid_);
  }
  pid_t pid() const { return pid_; }
  long Go(int request = kCont, int signal = 0) const { return Trace(request, pid_, nullptr, Value(static_cast<unsigned long>(signal))); }
  // Goes on and tells what happened next.
  int Next(int request = kCont, int signal = 0) {
    EXPECT_THAT(Go(request, signal), SucceedsWith(0));
    const int status = Wait(pid_);
    if (WIFEXITED(status) || WIFSIGNALED(status)) done_ = true;
    return status;
  }
  void Gone() { done_ = true; }
  user_regs_struct Regs() const {
    user_regs_struct regs{};
    EXPECT_THAT(Trace(kGetRegs, pid_, nullptr, &regs), SucceedsWith(0));
    return regs;
  }
  void SetRegs(const user_regs_struct& regs) const { EXPECT_THAT(Trace(kSetRegs, pid_, nullptr, &regs), SucceedsWith(0)); }
  long Peek(const volatile void* address) const {
    long word = 0;
    EXPECT_THAT(Trace(kPeekData, pid_, address, &word), SucceedsWith(0));
    return word;
  }
  unsigned long Message() const {
    unsigned long message = ~0ul;
    EXPECT_THAT(Trace(PTRACE_GETEVENTMSG, pid_, nullptr, &message), SucceedsWith(0));
    return message;
  }
  siginfo_t Info() const {
    siginfo_t info{};
    EXPECT_THAT(Trace(PTRACE_GETSIGINFO, pid_, nullptr, &info), SucceedsWith(0));
    return info;
  }

 private:
  pid_t pid_;
  bool done_ = false;
};

}  // namespace tests
