// Questions and answers of seccomp_unotify(2).
#include "sentry/seccomp/listener.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "abi/poll.h"
#include "sentry/context/random.h"
#include "sentry/task/task.h"

namespace ringwall::seccomp {
namespace {

constexpr wait::EventMask kIn = abi::kPOLLIN | abi::kPOLLRDNORM, kOut = abi::kPOLLOUT | abi::kPOLLWRNORM;

}  // namespace

Question::Question(Ref<task::Task> asker, Ref<Listener> listener, uint64_t id, const abi::SeccompData& data)
    : asker(std::move(asker)), listener(std::move(listener)), id(id), data(data) {}

Question::~Question() = default;

Result<Ref<Question>> Listener::Ask(task::Task& asker, const abi::SeccompData& data) {
  RefPtr<Question> question;
  {
    MutexLock lock(mu_);
    if (closed_) return Errno::kENOSYS;
    if (next_id_ == 0) next_id_ = RandomU64();  // ids are not to be guessed
    question = MakeRef<Question>(Ref<task::Task>(asker), Ref<Listener>(*this), next_id_++, data);
    questions_.push_back(question.ToRef());
  }
  queue_.Notify(kIn);
  return question.ToRef();
}

bool Listener::TakeAnswer(Question& question) {
  RefPtr<Question> gone;
  MutexLock lock(mu_);
  if (question.state != Question::State::kAnswered) return false;
  const auto it = std::find_if(questions_.begin(), questions_.end(), [&](const Ref<Question>& q) { return q.get() == &question; });
  if (it != questions_.end()) {
    gone = *it;
    questions_.erase(it);
  }
  return true;
}

bool Listener::Withdraw(Question& question, bool killable) {
  RefPtr<Question> gone;
  {
    MutexLock lock(mu_);
    if (question.state == Question::State::kAnswered) return false;
    if (killable && question.state == Question::State::kSent) return false;
    const auto it = std::find_if(questions_.begin(), questions_.end(), [&](const Ref<Question>& q) { return q.get() == &question; });
    if (it != questions_.end()) {
      gone = *it;
      questions_.erase(it);
    }
  }
  return true;
}

Result<Ref<Question>> Listener::Receive() {
  RefPtr<Question> found;
  {
    MutexLock lock(mu_);
    for (const Ref<Question>& q : questions_) {
      if (q->state != Question::State::kNew) continue;
      q->state = Question::State::kSent;
      found = q;
      break;
    }
  }
  if (!found) return Errno::kEAGAIN;
  queue_.Notify(kOut);
  return found.ToRef();
}

void Listener::Unreceive(Question& question) {
  {
    MutexLock lock(mu_);
    if (question.state == Question::State::kSent) question.state = Question::State::kNew;
  }
  queue_.Notify(kIn);
}

Result<Ref<Question>> Listener::Find(uint64_t id) {
  MutexLock lock(mu_);
  for (const Ref<Question>& q : questions_) {
    if (q->id != id) continue;
    if (q->state != Question::State::kSent) return Errno::kEINPROGRESS;
    return q;
  }
  return Errno::kENOENT;
}

Result<void> Listener::Answer(uint64_t id, int64_t value, int32_t error, bool carry_on) {
  RefPtr<Question> found;
  {
    MutexLock lock(mu_);
    for (const Ref<Question>& q : questions_) {
      if (q->id == id) found = q;
    }
    if (!found) return Errno::kENOENT;
    if (found->state != Question::State::kSent) return Errno::kEINPROGRESS;
    found->state = Question::State::kAnswered;
    found->value = value;
    found->error = error;
    found->carry_on = carry_on;
  }
  found->asker->Wake();
  return {};
}

bool Listener::IsValid(uint64_t id) {
  MutexLock lock(mu_);
  for (const Ref<Question>& q : questions_) {
    if (q->id == id) return q->state == Question::State::kSent;
  }
  return false;
}

void Listener::Close() {
  std::vector<Ref<Question>> left;
  {
    MutexLock lock(mu_);
    closed_ = true;
    for (const Ref<Question>& q : questions_) {
      if (q->state == Question::State::kAnswered) continue;
      q->state = Question::State::kAnswered;
      q->value = 0;
      q->error = -static_cast<int32_t>(Errno::kENOSYS);
      q->carry_on = false;
      left.push_back(q);
    }
  }
  for (const Ref<Question>& q : left) q->asker->Wake();
}

void Listener::AddUser() {
  MutexLock lock(mu_);
  ++users_;
}

void Listener::DropUser() {
  {
    MutexLock lock(mu_);
    if (--users_ > 0) return;
  }
  queue_.Notify(abi::kPOLLHUP);
}

wait::EventMask Listener::Readiness(wait::EventMask mask) {
  MutexLock lock(mu_);
  wait::EventMask ready = 0;
  for (const Ref<Question>& q : questions_) {
    if (q->state == Question::State::kNew) ready |= kIn;
    if (q->state == Question::State::kSent) ready |= kOut;
  }
  if (users_ <= 0) ready |= abi::kPOLLHUP;
  return ready & (mask | abi::kPOLLHUP);
}

}  // namespace ringwall::seccomp
