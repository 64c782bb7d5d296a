// Names of system calls, for strace lines, seccomp profiles and reports.
#pragma once

#include <cstdint>
#include <string_view>

namespace ringwall::abi {

// Empty when Linux has no call of that number.
std::string_view SyscallName(int64_t number);

// -1 when no call has that name.
int32_t SyscallNumber(std::string_view name);

struct SyscallNameRow {
  int32_t number;
  std::string_view name;
};

// Every call, by rising number.
const SyscallNameRow* SyscallNamesBegin();
const SyscallNameRow* SyscallNamesEnd();

}  // namespace ringwall::abi
