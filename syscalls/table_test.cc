// The table is whole: every Linux number has its row under its Linux name, and every row that is not Full says why.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "abi/sysno_names.h"
#include "abi/sysno_x86_64.h"
#include "syscalls/core/table_builder.h"
#include "syscalls/core/thunk.h"

namespace ringwall::syscalls {
namespace {

using task::SupportLevel;
using task::SyscallRow;

// Numbers after Linux 6.18 that abi/ knows already.
bool AfterOurLinux(int64_t number) { return number > 469; }

TEST(Table, EveryLinuxNumberHasItsRow) {
  for (auto it = abi::SyscallNamesBegin(); it != abi::SyscallNamesEnd(); ++it) {
    if (AfterOurLinux(it->number)) continue;
    ASSERT_LT(static_cast<size_t>(it->number), kTableX86_64.rows.size());
    EXPECT_EQ(kTableX86_64.rows[static_cast<size_t>(it->number)].name, it->name) << it->number;
  }
}

TEST(Table, NoRowHasANumberThatLinuxHasNot) {
  for (size_t number = 0; number < kTableX86_64.rows.size(); ++number) {
    const SyscallRow& row = kTableX86_64.rows[number];
    if (row.name.empty()) continue;
    EXPECT_EQ(abi::SyscallName(static_cast<int64_t>(number)), row.name);
  }
}

TEST(Table, NamesAreUnique) {
  std::set<std::string_view> seen;
  for (const SyscallRow& row : kTableX86_64.rows) {
    if (row.name.empty()) continue;
    EXPECT_TRUE(seen.insert(row.name).second) << row.name;
  }
}

TEST(Table, LevelsAreHonest) {
  for (const SyscallRow& row : kTableX86_64.rows) {
    if (row.name.empty()) continue;
    switch (row.level) {
      case SupportLevel::kFull:
        EXPECT_NE(row.invoke, nullptr) << row.name;
        EXPECT_TRUE(row.note.empty()) << row.name;
        break;
      case SupportLevel::kPartial:
        EXPECT_NE(row.invoke, nullptr) << row.name;
        EXPECT_GT(row.note.size(), 8u) << row.name << " must say what is missing";
        break;
      case SupportLevel::kTodo: EXPECT_EQ(row.invoke, nullptr) << row.name; break;
      case SupportLevel::kRefuse:
        EXPECT_EQ(row.invoke, nullptr) << row.name;
        EXPECT_GT(row.refusal, 0) << row.name;
        EXPECT_GT(row.note.size(), 8u) << row.name << " must say why";
        break;
    }
    EXPECT_LE(row.arity, 6) << row.name;
    EXPECT_EQ(row.invoke == nullptr, row.describe == nullptr) << row.name;
  }
}

// What the registers look like when a program left rubbish in their upper halves.
constexpr uint64_t kDirty = 0xdeadbeef'00000005;

TEST(Codec, NarrowsOnce) {
  EXPECT_EQ(ArgCodec<int32_t>::Decode(kDirty), 5);
  EXPECT_EQ(abi::Raw(ArgCodec<Fd>::Decode(0x1'ffffff9c)), -100);
  EXPECT_EQ(ArgCodec<Mode>::Decode(0x1ffff).value, 0xffffu);
  EXPECT_EQ(ArgCodec<RawFlags>::Decode(kDirty).value, 5u);
  EXPECT_EQ(ArgCodec<UserAddr>::Decode(kDirty).value, kDirty);
}

Result<int64_t> Sum(Task&, int32_t a, uint64_t b, Fd) { return a + static_cast<int64_t>(b); }
Result<void> Nothing(Task&) { return {}; }
Result<KeepRegisters> Gone(Task&) { return KeepRegisters{}; }
Result<void> Refuses(Task&) { return Errno::kENOTTY; }

TEST(Thunk, ArityComesFromTheSignature) {
  EXPECT_EQ(Thunk<&Sum>::kArity, 3);
  EXPECT_EQ(Thunk<&Nothing>::kArity, 0);
}

TEST(Thunk, EncodesResults) {
  // The handlers above do not look at their task. Volatile, so that the compiler does not reason about what can't be there.
  alignas(16) static std::byte storage[16];
  Task* volatile opaque = reinterpret_cast<Task*>(storage);
  Task& no_task = *opaque;
  const RawArgs args{{kDirty, 7, 0, 0, 0, 0}};
  EXPECT_EQ(Thunk<&Sum>::Invoke(no_task, args).value, 12);
  EXPECT_EQ(Thunk<&Nothing>::Invoke(no_task, args).value, 0);
  EXPECT_TRUE(Thunk<&Gone>::Invoke(no_task, args).keep_registers);
  EXPECT_EQ(Thunk<&Refuses>::Invoke(no_task, args).value, -25);
}

}  // namespace
}  // namespace ringwall::syscalls
