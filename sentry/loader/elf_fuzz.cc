// Fuzz target: any bytes as a program. Whatever parses must keep the promises of elf.h.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/log/check.h"
#include "sentry/loader/elf.h"
#include "sentry/loader/script.h"
#include "sentry/mm/page.h"

using ringwall::Result;
namespace loader = ringwall::loader;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const Result<loader::Elf> elf = loader::ParseElf([&](uint64_t offset, absl::Span<std::byte> to) -> Result<size_t> {
    if (offset >= size) return size_t{0};
    const size_t n = std::min<uint64_t>(to.size(), size - offset);
    std::memcpy(to.data(), data + offset, n);
    return n;
  });
  if (elf.ok()) {
    CHECK(!elf->segments.empty() && elf->low < elf->high && elf->high <= loader::kMaxAddress);
    CHECK(elf->alignment >= ringwall::mm::kPageSize && (elf->alignment & (elf->alignment - 1)) == 0);
    uint64_t last = 0;
    for (const loader::Segment& s : elf->segments) {
      CHECK(s.memory_size != 0 && s.file_size <= s.memory_size && s.address >= last);
      last = s.address + s.memory_size;
      CHECK(last > s.address && last <= elf->high && s.address >= elf->low);
      CHECK(s.file_size == 0 || (s.address - s.offset) % ringwall::mm::kPageSize == 0);
    }
    CHECK(elf->interpreter.find('\0') == std::string::npos);
  }
  const std::string_view head(reinterpret_cast<const char*>(data), std::min(size, loader::kHeadBytes));
  if (loader::IsScript(head)) {
    const Result<loader::ScriptLine> line = loader::ParseScriptLine(head);
    if (line.ok()) CHECK(!line->interpreter.empty() && line->interpreter.size() < loader::kHeadBytes);
  }
  return 0;
}
