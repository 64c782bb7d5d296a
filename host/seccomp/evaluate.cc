// struct seccomp_data through the classic BPF interpreter.
#include "host/seccomp/evaluate.h"

#include <linux/seccomp.h>

#include <span>

#include "base/bpf/interpreter.h"

namespace ringwall::host {

uint32_t Evaluate(const Filter& filter, const HostCall& call) {
  seccomp_data data = {};
  static_assert(sizeof(data) == bpf::kSeccompDataBytes);
  data.nr = call.number;
  data.arch = call.arch;
  data.instruction_pointer = call.instruction_pointer;
  for (size_t i = 0; i < call.args.size(); ++i) data.args[i] = call.args[i];
  return bpf::Run(filter.program(), std::as_bytes(std::span(&data, 1)));
}

bool Allows(const Filter& filter, std::string_view name, std::array<uint64_t, 6> args) {
  const std::optional<int> number = HostCallNumber(name);
  return number && Evaluate(filter, {.number = *number, .args = args}) == SECCOMP_RET_ALLOW;
}

}  // namespace ringwall::host
