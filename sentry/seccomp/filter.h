// The filters of seccomp(2): a chain, newest first, shared by all who inherited it.
#pragma once

#include <cstdint>
#include <span>

#include "abi/seccomp.h"
#include "base/bpf/program.h"
#include "base/error/result.h"
#include "base/ref/ref.h"

namespace ringwall::seccomp {

class Listener;

class Filter final : public RefCounted {
 public:
  // Instructions of a task's filters together, with 4 more for each (seccomp(2), ENOMEM).
  static constexpr uint32_t kMostInstructions = 32768;

  // For Create().
  Filter(bpf::Program program, RefPtr<Filter> older, uint32_t flags, uint32_t depth, uint32_t instructions);
  // `older` may be null. ENOMEM when the chain gets too long.
  static Result<Ref<Filter>> Create(bpf::Program program, RefPtr<Filter> older, uint32_t flags);

  const bpf::Program& program() const { return program_; }
  const Filter* older() const { return older_.get(); }
  uint32_t flags() const { return flags_; }  // SECCOMP_FILTER_FLAG_*
  uint32_t depth() const { return depth_; }
  Listener* listener() const { return listener_.get(); }
  // Before the filter is published.
  void SetListener(Ref<Listener> listener);
  // This filter or one that it stands on.
  bool StandsOn(const Filter* other) const;
  // One of the chain has a listener.
  bool HasListener() const;

 private:
  ~Filter() override;

  const bpf::Program program_;
  RefPtr<Filter> older_;  // constant until the destructor
  const uint32_t flags_;
  const uint32_t depth_;
  const uint32_t instructions_;  // of the chain
  RefPtr<Listener> listener_;
};

// What the filters say: the value with the strongest action, and the filter that gave it (the newest of equals).
struct Verdict {
  uint32_t value = abi::kSECCOMP_RET_ALLOW;
  const Filter* from = nullptr;
  uint32_t action() const { return value & abi::kSECCOMP_RET_ACTION_FULL; }
  uint16_t data() const { return static_cast<uint16_t>(value & abi::kSECCOMP_RET_DATA); }
};
Verdict Evaluate(const Filter* newest, const abi::SeccompData& data);

}  // namespace ringwall::seccomp
