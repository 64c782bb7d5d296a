// SECCOMP_RET_USER_NOTIF (seccomp_unotify(2)): calls wait as questions until whoever holds the listener's descriptor answers.
#pragma once

#include <cstdint>
#include <list>

#include "abi/seccomp.h"
#include "absl/base/thread_annotations.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "base/sync/mutex.h"
#include "sentry/wait/wait_queue.h"

namespace ringwall::task {
class Task;
}

namespace ringwall::seccomp {

class Listener;

// One call that waits for an answer. Its fields are guarded by the listener's lock.
class Question final : public RefCounted {
 public:
  enum class State : uint8_t { kNew, kSent, kAnswered };
  Question(Ref<task::Task> asker, Ref<Listener> listener, uint64_t id, const abi::SeccompData& data);
  const Ref<task::Task> asker;
  const Ref<Listener> listener;
  const uint64_t id;
  const abi::SeccompData data;
  State state = State::kNew;
  int64_t value = 0;
  int32_t error = 0;      // 0 or -errno
  bool carry_on = false;  // SECCOMP_USER_NOTIF_FLAG_CONTINUE

 private:
  ~Question() override;
};

class Listener final : public RefCounted, public wait::Waitable {
 public:
  // ---- the asker's side ----
  // ENOSYS once nobody holds the descriptor any more.
  Result<Ref<Question>> Ask(task::Task& asker, const abi::SeccompData& data);
  // True when the answer is there: it is in `question` then, which has left the list.
  bool TakeAnswer(Question& question);
  // A signal came: true when the asker may give up. With `killable`, a question that was received stays until it is answered.
  bool Withdraw(Question& question, bool killable);

  // ---- the supervisor's side ----
  // The oldest new question, received. EAGAIN when there is none.
  Result<Ref<Question>> Receive();
  // What Receive() did undone: the copy to the supervisor failed.
  void Unreceive(Question& question);
  // ENOENT: no such question; EINPROGRESS: not received yet, or answered.
  Result<Ref<Question>> Find(uint64_t id);
  Result<void> Answer(uint64_t id, int64_t value, int32_t error, bool carry_on);
  bool IsValid(uint64_t id);

  // The last descriptor is gone: all that wait go on with ENOSYS.
  void Close();
  // A task has this filter / has lost it: POLLHUP when nobody is left.
  void AddUser();
  void DropUser();

  wait::EventMask Readiness(wait::EventMask mask) override;
  void AddWaiter(wait::Waiter& waiter, wait::EventMask mask, bool exclusive = false) override { queue_.Add(waiter, mask, exclusive); }
  void RemoveWaiter(wait::Waiter& waiter) override { queue_.Remove(waiter); }

 private:
  Mutex<LockRank::kSeccompListener> mu_;
  std::list<Ref<Question>> questions_ ABSL_GUARDED_BY(mu_);
  uint64_t next_id_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  int64_t users_ ABSL_GUARDED_BY(mu_) = 0;
  wait::WaitQueue queue_;
};

}  // namespace ringwall::seccomp
