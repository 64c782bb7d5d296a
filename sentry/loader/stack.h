// The stack a program starts with: argc, argv, envp, auxiliary vector, and the strings they point to (psABI, "Process Initialization").
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error/result.h"

namespace ringwall::loader {

struct StackInput {
  uint64_t top = 0;  // first address above the stack
  const std::vector<std::string>* argv = nullptr;
  const std::vector<std::string>* envp = nullptr;
  std::string exec_path;                            // AT_EXECFN
  std::vector<std::pair<uint64_t, uint64_t>> auxv;  // without AT_NULL and without the entries that point into the stack
  uint8_t random[16] = {};                          // AT_RANDOM
  uint64_t jitter = 0;                              // bytes left out below the strings (ASLR), < 8192
};

struct StackImage {
  uint64_t address = 0;  // of bytes[0]; the initial stack pointer, 16-byte aligned
  std::string bytes;     // up to top
  uint64_t arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
  std::vector<uint64_t> auxv;  // as on the stack, AT_NULL included
};

StackImage BuildStack(const StackInput& input);

}  // namespace ringwall::loader
