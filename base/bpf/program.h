// Classic BPF programs (bpf(4) of BSD, seccomp(2), SO_ATTACH_FILTER of socket(7)): checked once, then safe to run.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/error/result.h"

namespace ringwall::bpf {

// struct sock_filter.
struct Instruction {
  uint16_t code;
  uint8_t jump_true;
  uint8_t jump_false;
  uint32_t k;
};
static_assert(sizeof(Instruction) == 8);

inline constexpr size_t kMaxInstructions = 4096;
inline constexpr uint32_t kSeccompDataBytes = 64;  // struct seccomp_data: nr, arch, instruction pointer, six arguments

enum class Dialect : uint8_t {
  kSeccomp,  // loads are aligned 32-bit words of struct seccomp_data in native byte order
  kSocket,   // loads are bytes, half words and words of a packet in network byte order
};

class Program {
 public:
  // EINVAL for an empty or too long program, an unknown instruction, a jump out of range, a division by a constant zero, a shift of 32 and
  // more, a read of scratch memory that was not written before, or an end that is not a return.
  // Differs from Linux: ancillary loads of socket filters (SKF_AD_OFF) are refused with EINVAL.
  static Result<Program> Create(std::span<const Instruction> code, Dialect dialect);

  std::span<const Instruction> code() const { return code_; }
  Dialect dialect() const { return dialect_; }

 private:
  Program(std::vector<Instruction> code, Dialect dialect) : code_(std::move(code)), dialect_(dialect) {}
  std::vector<Instruction> code_;
  Dialect dialect_;
};

}  // namespace ringwall::bpf
