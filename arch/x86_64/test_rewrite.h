// Program text around one system call, and the plan for it: shared by the tests of call-site rewriting.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "arch/x86_64/rewrite.h"
#include "arch/x86_64/rewrite_table.h"

namespace ringwall::arch {

using Code = std::vector<uint8_t>;

inline constexpr uint64_t kBase = 0x7f12'3450'0000;
inline constexpr uint64_t kArea = kBase + (64 << 20);
inline constexpr uint64_t kAreaEnd = kArea + (512 << 20);
inline constexpr uint64_t kEntry = kBase + (700 << 20);

// NOPs, `before`, a syscall, `behind`, NOPs.
struct Text {
  Code bytes;
  uint64_t site = 0;

  Text(const Code& before, const Code& behind, uint64_t offset = 512) : bytes(offset - before.size(), 0x90) {
    bytes.insert(bytes.end(), before.begin(), before.end());
    site = kBase + bytes.size();
    bytes.insert(bytes.end(), {0x0f, 0x05});
    bytes.insert(bytes.end(), behind.begin(), behind.end());
    bytes.resize(((bytes.size() + 511) & ~size_t{7}), 0x90);
  }
  RewriteSite Analyse(uint64_t number, RewriteForm only = RewriteForm::kNone) const {
    return AnalyseSite({kBase, bytes}, site, number, only);
  }
  RewritePlan Plan(uint64_t number, RewriteForm only = RewriteForm::kNone) const {
    const auto plan = RewriteTable().Place(Analyse(number, only), kArea, kAreaEnd, kEntry);
    EXPECT_TRUE(plan.has_value());
    return plan.value_or(RewritePlan{});
  }
  // A branch with a 32-bit displacement, at an offset from the front.
  void PutBranch(size_t at, Code opcode, uint64_t target) {
    std::copy(opcode.begin(), opcode.end(), bytes.begin() + static_cast<ptrdiff_t>(at));
    const int32_t displacement = static_cast<int32_t>(target - (kBase + at + opcode.size() + 4));
    std::memcpy(&bytes[at + opcode.size()], &displacement, 4);
  }
};

inline const Code kMovGetpid = {0xb8, 0x27, 0, 0, 0};                // mov $39,%eax
inline const Code kCmpError = {0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff};  // cmp $-4095,%rax
inline const Code kCmpJump = {0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, 0x73, 0x01, 0xc3};

}  // namespace ringwall::arch
