// ELF headers of a program, parsed from untrusted bytes and checked, so that what the loader does with them can't go wrong (elf(5)).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "base/error/result.h"

namespace ringwall::loader {

// One PT_LOAD. Checked: file_size <= memory_size, address and offset agree modulo the page, nothing wraps around.
struct Segment {
  uint64_t address = 0, memory_size = 0;  // as linked, before the load bias
  uint64_t offset = 0, file_size = 0;
  bool read = false, write = false, exec = false;
};

enum class StackProt : uint8_t { kDefault, kNoExec, kExec };  // PT_GNU_STACK: absent, without and with PF_X

struct Elf {
  bool position_independent = false;  // ET_DYN
  uint64_t entry = 0;
  uint64_t phdr_address = 0;  // where the program headers are once loaded, before the bias; 0 if no segment holds them
  uint16_t phdr_count = 0;
  uint64_t alignment = 0;  // the largest p_align of the segments, a power of two, at least a page
  StackProt stack = StackProt::kDefault;
  std::string interpreter;        // PT_INTERP, empty if none
  std::vector<Segment> segments;  // in file order; not empty; ascending addresses
  uint64_t low = 0, high = 0;     // page-rounded extent of all segments

  uint64_t extent() const { return high - low; }
};

// Fills the span from the file at `offset`; returns the bytes read, fewer at the end of the file.
using ReadAt = absl::FunctionRef<Result<size_t>(uint64_t offset, absl::Span<std::byte> to)>;

// Programs: ENOEXEC for whatever is not a loadable x86-64 ELF; EIO and the like from the reader pass through.
Result<Elf> ParseElf(ReadAt read);

// Above what any 47-bit address space can hold: segments must end below.
inline constexpr uint64_t kMaxAddress = uint64_t{1} << 47;
inline constexpr uint64_t kMaxAlignment = uint64_t{1} << 30;

}  // namespace ringwall::loader
