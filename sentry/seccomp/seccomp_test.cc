// Chains of filters: precedence, limits, long chains. What tasks see is in tests/syscall/security.
#include <gtest/gtest.h>

#include <vector>

#include "base/bpf/opcode.h"
#include "base/bpf/program.h"
#include "sentry/seccomp/filter.h"
#include "sentry/seccomp/listener.h"

namespace ringwall::seccomp {
namespace {

bpf::Program Returning(uint32_t value, size_t length = 1) {
  std::vector<bpf::Instruction> code(length, {bpf::kRet, 0, 0, value});
  return *bpf::Program::Create(code, bpf::Dialect::kSeccomp);
}

RefPtr<Filter> Chain(const std::vector<uint32_t>& values) {
  RefPtr<Filter> newest;
  for (const uint32_t value : values) newest = *Filter::Create(Returning(value), newest, 0);
  return newest;
}

uint32_t Says(const std::vector<uint32_t>& values) { return Evaluate(Chain(values).get(), {}).value; }

TEST(SeccompFilter, StrongestActionWins) {
  // From strong to weak (seccomp(2)).
  const uint32_t actions[] = {abi::kSECCOMP_RET_KILL_PROCESS, abi::kSECCOMP_RET_KILL_THREAD, abi::kSECCOMP_RET_TRAP,
                              abi::kSECCOMP_RET_ERRNO,        abi::kSECCOMP_RET_USER_NOTIF,  abi::kSECCOMP_RET_TRACE,
                              abi::kSECCOMP_RET_LOG,          abi::kSECCOMP_RET_ALLOW};
  for (size_t strong = 0; strong < std::size(actions); ++strong) {
    for (size_t weak = strong; weak < std::size(actions); ++weak) {
      EXPECT_EQ(Says({actions[strong], actions[weak]}), actions[strong]);
      EXPECT_EQ(Says({actions[weak], actions[strong]}), actions[strong]);
    }
  }
}

TEST(SeccompFilter, NewestOfEqualsCounts) {
  EXPECT_EQ(Says({abi::kSECCOMP_RET_ERRNO | 1, abi::kSECCOMP_RET_ERRNO | 2}), abi::kSECCOMP_RET_ERRNO | 2);
  EXPECT_EQ(Says({abi::kSECCOMP_RET_ERRNO | 9, abi::kSECCOMP_RET_ERRNO | 2}), abi::kSECCOMP_RET_ERRNO | 2);
}

TEST(SeccompFilter, NoFilterAllows) { EXPECT_EQ(Evaluate(nullptr, {}).action(), abi::kSECCOMP_RET_ALLOW); }

TEST(SeccompFilter, ChainsHaveALimitAndAreFreedWithoutRecursion) {
  RefPtr<Filter> newest;
  uint32_t count = 0;
  for (;;) {
    auto next = Filter::Create(Returning(abi::kSECCOMP_RET_ALLOW), newest, 0);
    if (!next.ok()) {
      EXPECT_EQ(next.error(), Errno::kENOMEM);
      break;
    }
    newest = *next;
    ++count;
  }
  EXPECT_EQ(newest->depth(), count);
  EXPECT_GT(count, 3000u);
  EXPECT_LT(count, 6000u);
  newest.reset();
}

TEST(SeccompFilter, StandsOnItsAncestors) {
  const RefPtr<Filter> first = Chain({0});
  const Ref<Filter> second = *Filter::Create(Returning(0), first, 0);
  const RefPtr<Filter> other = Chain({0});
  EXPECT_TRUE(second->StandsOn(first.get()));
  EXPECT_TRUE(second->StandsOn(second.get()));
  EXPECT_TRUE(second->StandsOn(nullptr));
  EXPECT_FALSE(first->StandsOn(second.get()));
  EXPECT_FALSE(second->StandsOn(other.get()));
}

}  // namespace
}  // namespace ringwall::seccomp
