// The filters of seccomp(2): their chain, and what they say together.
#include "sentry/seccomp/filter.h"

#include <cstddef>
#include <utility>

#include "base/bpf/interpreter.h"
#include "base/bpf/opcode.h"
#include "sentry/seccomp/listener.h"

namespace ringwall::seccomp {
namespace {

constexpr uint32_t kCostOfAFilter = 4;
// Linux counts the instructions of the program that it translates a filter to: this many at its start,
constexpr uint32_t kPrologue = 3;

// and these for each of ours.
uint32_t Cost(const bpf::Instruction& in) {
  switch (in.code & 7) {
    case bpf::kRet: return (in.code & 0x18) == bpf::kRetA ? 1 : 2;
    case bpf::kAlu: return (in.code & 0xf8) == (bpf::kDiv | bpf::kX) ? 5 : 1;
    case bpf::kJmp: {
      if ((in.code & 0xf0) == bpf::kJa) return 1;
      const uint32_t constant = (in.code & bpf::kX) == 0 && static_cast<int32_t>(in.k) < 0 ? 1 : 0;
      const bool invertible = in.jump_true == 0 && (in.code & 0xf0) != bpf::kJset;
      return constant + (in.jump_false == 0 || invertible ? 1 : 2);
    }
    default: return 1;
  }
}

uint32_t CostOf(const bpf::Program& program) {
  uint32_t sum = kPrologue;
  for (const bpf::Instruction& in : program.code()) sum += Cost(in);
  return sum;
}

// Actions by strength (seccomp(2), "Return value"): smaller as a signed number wins. Values that Linux does not know kill the process.
int32_t Strength(uint32_t value) { return static_cast<int32_t>(value & abi::kSECCOMP_RET_ACTION_FULL); }

}  // namespace

Filter::Filter(bpf::Program program, RefPtr<Filter> older, uint32_t flags, uint32_t depth, uint32_t instructions)
    : program_(std::move(program)), older_(std::move(older)), flags_(flags), depth_(depth), instructions_(instructions) {}

Filter::~Filter() {
  // A chain of thousands must not be destroyed by recursion.
  RefPtr<Filter> next = std::move(older_);
  while (next && next->ref_count() == 1) {
    RefPtr<Filter> after = std::move(next->older_);
    next = std::move(after);
  }
}

Result<Ref<Filter>> Filter::Create(bpf::Program program, RefPtr<Filter> older, uint32_t flags) {
  const uint32_t own = CostOf(program);
  const uint32_t before = older ? older->instructions_ + kCostOfAFilter : 0;
  if (before + own > kMostInstructions) return Errno::kENOMEM;
  const uint32_t depth = older ? older->depth_ + 1 : 1;
  return MakeRef<Filter>(std::move(program), std::move(older), flags, depth, before + own);
}

void Filter::SetListener(Ref<Listener> listener) { listener_ = RefPtr<Listener>(std::move(listener)); }

bool Filter::StandsOn(const Filter* other) const {
  for (const Filter* f = this; f != nullptr; f = f->older_.get()) {
    if (f == other) return true;
  }
  return other == nullptr;
}

bool Filter::HasListener() const {
  for (const Filter* f = this; f != nullptr; f = f->older_.get()) {
    if (f->listener_) return true;
  }
  return false;
}

Verdict Evaluate(const Filter* newest, const abi::SeccompData& data) {
  Verdict verdict;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(&data), sizeof(data));
  // All of them run, the newest first; the first of equally strong actions counts, with its data.
  for (const Filter* f = newest; f != nullptr; f = f->older()) {
    const uint32_t value = bpf::Run(f->program(), bytes);
    if (verdict.from == nullptr || Strength(value) < Strength(verdict.value)) verdict = {.value = value, .from = f};
  }
  return verdict;
}

}  // namespace ringwall::seccomp
