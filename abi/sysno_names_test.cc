// SyscallName and SyscallNumber: inverse of each other over the whole table, quiet on everything else.
#include "abi/sysno_names.h"

#include "abi/sysno_x86_64.h"
#include "gtest/gtest.h"

namespace ringwall::abi {
namespace {

TEST(SyscallNames, EveryRowIsFoundBothWays) {
  int rows = 0;
  for (const SyscallNameRow* row = SyscallNamesBegin(); row != SyscallNamesEnd(); ++row, ++rows) {
    EXPECT_EQ(SyscallName(row->number), row->name);
    EXPECT_EQ(SyscallNumber(row->name), row->number) << row->name;
  }
  EXPECT_GT(rows, 380);
}

TEST(SyscallNames, KnownEndsOfTheTable) {
  EXPECT_EQ(SyscallName(0), "read");
  EXPECT_EQ(SyscallName(335), "uretprobe");
  EXPECT_EQ(SyscallNumber("statx"), 332);
  EXPECT_EQ(SyscallNumber("rseq_slice_yield"), kMaxSyscall);
}

TEST(SyscallNames, NothingForHolesAndHostileNumbers) {
  EXPECT_EQ(SyscallName(337), "");
  EXPECT_EQ(SyscallName(423), "");
  EXPECT_EQ(SyscallName(kMaxSyscall + 1), "");
  EXPECT_EQ(SyscallName(-1), "");
  EXPECT_EQ(SyscallName(INT64_MIN), "");
  EXPECT_EQ(SyscallNumber(""), -1);
  EXPECT_EQ(SyscallNumber("rea"), -1);
  EXPECT_EQ(SyscallNumber("zzz"), -1);
}

}  // namespace
}  // namespace ringwall::abi
