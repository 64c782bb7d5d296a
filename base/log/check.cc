// What happens when an invariant of ours does not hold: one line, the crash hooks, abort(3).
#include "base/log/check.h"

#include <stdlib.h>
#include <string.h>

#include <atomic>

#include "base/log/log.h"

namespace ringwall {
namespace {

constexpr int kMaxHooks = 4;
std::atomic<void (*)()> g_hooks[kMaxHooks];
std::atomic<bool> g_crashing{false};

// A message in a fixed buffer: a crash may happen with the allocator's lock held.
class Message {
 public:
  Message& operator<<(const char* text) {
    while (*text != '\0' && used_ + 1 < sizeof(buffer_)) buffer_[used_++] = *text++;
    return *this;
  }
  Message& operator<<(int value) {
    char digits[16];
    int n = 0;
    unsigned v = value < 0 ? 0u - static_cast<unsigned>(value) : static_cast<unsigned>(value);
    do digits[n++] = static_cast<char>('0' + v % 10);
    while ((v /= 10) != 0);
    if (value < 0) digits[n++] = '-';
    while (n > 0 && used_ + 1 < sizeof(buffer_)) buffer_[used_++] = digits[--n];
    return *this;
  }
  const char* text() const { return buffer_; }

 private:
  char buffer_[512] = {};
  size_t used_ = 0;
};

[[noreturn]] void Crash(const Message& message) {
  RawLog(message.text());
  // A hook that fails, or a second thread that fails meanwhile, must not run the hooks again.
  if (!g_crashing.exchange(true)) {
    for (auto& hook : g_hooks) {
      if (auto* run = hook.load()) run();
    }
  }
  abort();
}

}  // namespace

void CheckFailed(const char* file, int line, const char* what) {
  Message message;
  message << file << ":" << line << ": check failed: " << what;
  Crash(message);
}

void HostFatal(const char* host_call, int host_errno) {
  Message message;
  message << "host call failed: " << host_call << ": " << ErrnoName(ErrnoFromHost(host_errno)) << " (" << host_errno << ")";
  Crash(message);
}

void AddCrashHook(void (*hook)()) {
  for (auto& slot : g_hooks) {
    void (*empty)() = nullptr;
    if (slot.compare_exchange_strong(empty, hook)) return;
  }
  CHECK(!"more than 4 crash hooks");
}

}  // namespace ringwall
