// What a filter would answer to a call, without installing it: for unit tests of policies.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "host/seccomp/compile.h"

namespace ringwall::host {

struct HostCall {
  int number;
  std::array<uint64_t, 6> args{};
  uint32_t arch = 0xc000003e;  // AUDIT_ARCH_X86_64
  uint64_t instruction_pointer = 0;
};

// SECCOMP_RET_* with its data.
uint32_t Evaluate(const Filter& filter, const HostCall& call);
// True when the call of that name and arguments is allowed; false too for a name that does not exist.
bool Allows(const Filter& filter, std::string_view name, std::array<uint64_t, 6> args = {});

}  // namespace ringwall::host
