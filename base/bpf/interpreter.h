// Runs checked classic BPF programs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bpf/program.h"

namespace ringwall::bpf {

// The program's return value. A load outside `data`, like a division by an X of zero, ends a program with 0. For kSeccomp, `data` is a
// struct seccomp_data of kSeccompDataBytes.
uint32_t Run(const Program& program, std::span<const std::byte> data);

}  // namespace ringwall::bpf
