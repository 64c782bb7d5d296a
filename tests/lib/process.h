// Children, threads and re-executed copies of the test binary.
#pragma once

#include <pthread.h>
#include <stdio.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "tests/lib/call.h"

namespace tests {

// Assertions made so far in this process: a child is judged by what fails after its fork.
int FailedParts();
// fork() with flushed output; the child dies with its parent.
pid_t ForkChild();
[[noreturn]] void ExitChild(int failed_before);
// The wait status of a child.
int StatusOf(pid_t child);

// Starts `body` in a child; it exits with 0, or with 99 when an assertion failed in it.
template <class Body>
pid_t StartChild(const Body& body) {
  const int before = FailedParts();
  const pid_t child = ForkChild();
  if (child != 0) return child;
  body();
  ExitChild(before);
}

// Runs `body` in a child to its end. ChildStatus returns the wait status; InChild demands exit code 0, so that an
// assertion that fails in the child fails the test.
template <class Body>
int ChildStatus(const Body& body) {
  return StatusOf(StartChild(body));
}
template <class Body>
void InChild(const Body& body) {
  EXPECT_THAT(ChildStatus(body), Exited(0));
}

// A thread that is joined at the end of its scope.
class ScopedThread {
 public:
  template <class Body>
  explicit ScopedThread(Body body) {
    auto* start = new Start<Body>{std::move(body), this};
    if (pthread_create(&thread_, nullptr, &Run<Body>, start) != 0) {
      ADD_FAILURE() << "pthread_create failed";
      delete start;
      joined_ = true;
    }
  }
  ScopedThread(const ScopedThread&) = delete;
  ~ScopedThread() { Join(); }
  void Join() {
    if (!joined_) pthread_join(thread_, nullptr);
    joined_ = true;
  }
  // The Linux thread id; waits until the thread runs.
  pid_t tid() const {
    while (tid_.load() == 0) usleep(100);
    return tid_.load();
  }

 private:
  template <class Body>
  struct Start {
    Body body;
    ScopedThread* self;
  };
  template <class Body>
  static void* Run(void* raw) {
    std::unique_ptr<Start<Body>> start(static_cast<Start<Body>*>(raw));
    start->self->tid_.store(static_cast<pid_t>(Call(SYS_gettid)));
    start->body();
    return nullptr;
  }
  pthread_t thread_{};
  std::atomic<pid_t> tid_{0};
  bool joined_ = false;
};

// Waits until the thread sleeps in the kernel: by /proc where it tells, by a short nap where it does not.
void WaitUntilAsleep(pid_t tid);

// A role is a second main() of the test binary, for execve: ROLE(echo_args) { return argc; } runs when the binary is
// started with "--role=echo_args" as its argv[1].
using RoleMain = int (*)(int argc, char** argv, char** envp);
struct RoleEntry {
  RoleEntry(const char* role_name, RoleMain role_main);
  const char* name;
  RoleMain main;
  RoleEntry* next;
};
RoleMain FindRole(const std::string& name);
#define ROLE(name)                                                \
  static int Role_##name(int argc, char** argv, char** envp);     \
  static tests::RoleEntry role_entry_##name{#name, &Role_##name}; \
  static int Role_##name([[maybe_unused]] int argc, [[maybe_unused]] char** argv, [[maybe_unused]] char** envp)

// The absolute path of this binary.
std::string SelfPath();
// execve of a path with a role; returns only on failure (the negative errno).
long ExecRole(const std::string& role, const std::vector<std::string>& args = {}, const std::vector<std::string>& env = {},
              const std::string& path = "");

// Privileges: effective capability by its number (capabilities(7)).
bool HasCapability(int capability);
inline bool IsRoot() { return geteuid() == 0; }
// Becomes an ordinary user for good (uid and gid 65534). Only in a child.
void DropToNobody();

#define SKIP_UNLESS_CAPABLE(cap) \
  if (!HasCapability(cap)) GTEST_SKIP() << "needs " #cap
#define SKIP_UNLESS_ROOT() \
  if (!IsRoot()) GTEST_SKIP() << "needs root"

}  // namespace tests
