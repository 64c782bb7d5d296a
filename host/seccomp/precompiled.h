// Filters compiled when the program was built: libseccomp takes half a millisecond for a policy, which every start would pay.
//
// A program that has such a table links the file that tools/gen/gen_filters.cc writes; others get empty answers. Which entry belongs to a
// policy is decided by a fingerprint of all that the compiler looks at, so a policy that has changed since is never served by an old
// filter.
#pragma once

#include <cstdint>
#include <span>

#include "base/bpf/program.h"
#include "host/seccomp/compile.h"

namespace ringwall::host {

struct PrecompiledFilter {
  uint64_t fingerprint;
  uint32_t first, count;  // instructions of PrecompiledTable::code
};

struct PrecompiledTable {
  std::span<const PrecompiledFilter> filters;
  std::span<const bpf::Instruction> code;
  // names_text + names_offsets[n] is the name of host call n; offset 0 is the empty string: no such call.
  const char* names_text = nullptr;
  std::span<const uint16_t> names_offsets;
};

// Empty unless the program links the generated table.
PrecompiledTable GetPrecompiledTable();

// Of rules, constraints, actions and the default; not of reasons.
uint64_t Fingerprint(const Policy& policy);

// The table's filter for this policy, or nothing.
std::optional<Filter> FindPrecompiled(const Policy& policy);
// The table's filter, else Compile()'s.
Result<Filter> CompileOrFind(const Policy& policy, std::string* error);

}  // namespace ringwall::host
