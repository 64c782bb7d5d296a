// ELF parsing. Every field is hostile: all sums are checked, all counts bounded, nothing is trusted because another field fits it.
#include "sentry/loader/elf.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "abi/elf.h"
#include "abi/limits.h"
#include "sentry/mm/page.h"

namespace ringwall::loader {
namespace {

// execve(2)'s own bound on the table: 64 KiB.
constexpr size_t kMaxPhdrs = 65536 / sizeof(abi::Elf64Phdr);

template <typename T>
absl::Span<std::byte> BytesOf(T& value) {
  return absl::MakeSpan(reinterpret_cast<std::byte*>(&value), sizeof(T));
}

Result<void> ReadAll(ReadAt read, uint64_t offset, absl::Span<std::byte> to) {
  if (offset > uint64_t{INT64_MAX} - to.size()) return Errno::kENOEXEC;
  const size_t n = TRY(read(offset, to));
  if (n < to.size()) return Errno::kENOEXEC;
  return {};
}

Result<void> CheckHeader(const abi::Elf64Ehdr& h) {
  const bool good = std::memcmp(h.e_ident, abi::kELFMAG, sizeof(abi::kELFMAG)) == 0 && h.e_ident[abi::kEI_CLASS] == abi::kELFCLASS64 &&
                    h.e_ident[abi::kEI_DATA] == abi::kELFDATA2LSB && (h.e_type == abi::kET_EXEC || h.e_type == abi::kET_DYN) &&
                    h.e_machine == abi::kEM_X86_64 && h.e_phentsize == sizeof(abi::Elf64Phdr) && h.e_phnum >= 1 && h.e_phnum <= kMaxPhdrs;
  if (!good) return Errno::kENOEXEC;
  return {};
}

Result<Segment> CheckLoad(const abi::Elf64Phdr& p) {
  if (p.p_filesz > p.p_memsz) return Errno::kENOEXEC;
  if (p.p_vaddr >= kMaxAddress || p.p_memsz > kMaxAddress - p.p_vaddr) return Errno::kENOEXEC;
  if (p.p_offset > uint64_t{INT64_MAX} - mm::kPageSize || p.p_filesz > uint64_t{INT64_MAX} - mm::kPageSize - p.p_offset)
    return Errno::kENOEXEC;
  // Pages of the file are mapped, not copied.
  if (p.p_filesz != 0 && (p.p_vaddr - p.p_offset) % mm::kPageSize != 0) return Errno::kENOEXEC;
  Segment s{.address = p.p_vaddr, .memory_size = p.p_memsz, .offset = p.p_offset, .file_size = p.p_filesz};
  s.read = (p.p_flags & abi::kPF_R) != 0;
  s.write = (p.p_flags & abi::kPF_W) != 0;
  s.exec = (p.p_flags & abi::kPF_X) != 0;
  return s;
}

// The name without its NUL. Linux: 2 to PATH_MAX bytes, the last one NUL.
Result<std::string> ReadInterpreter(ReadAt read, const abi::Elf64Phdr& p) {
  if (p.p_filesz < 2 || p.p_filesz > abi::kPATH_MAX) return Errno::kENOEXEC;
  std::string name(p.p_filesz, '\0');
  TRY(ReadAll(read, p.p_offset, absl::MakeSpan(reinterpret_cast<std::byte*>(name.data()), name.size())));
  if (name.back() != '\0') return Errno::kENOEXEC;
  name.resize(std::strlen(name.c_str()));
  return name;
}

}  // namespace

Result<Elf> ParseElf(ReadAt read) {
  abi::Elf64Ehdr header;
  TRY(ReadAll(read, 0, BytesOf(header)));
  TRY(CheckHeader(header));
  std::vector<abi::Elf64Phdr> phdrs(header.e_phnum);
  TRY(ReadAll(read, header.e_phoff, absl::MakeSpan(reinterpret_cast<std::byte*>(phdrs.data()), phdrs.size() * sizeof(abi::Elf64Phdr))));

  Elf elf;
  elf.position_independent = header.e_type == abi::kET_DYN;
  elf.entry = header.e_entry;
  elf.phdr_count = header.e_phnum;
  elf.alignment = mm::kPageSize;
  bool has_interpreter = false;
  uint64_t last_end = 0;
  for (const abi::Elf64Phdr& p : phdrs) {
    switch (p.p_type) {
      case abi::kPT_LOAD: {
        const Segment s = TRY(CheckLoad(p));
        if (s.memory_size == 0) break;
        // elf(5): PT_LOAD entries ascend. Two may share a page (the later one wins there), not bytes.
        if (!elf.segments.empty() && s.address < last_end) return Errno::kENOEXEC;
        last_end = s.address + s.memory_size;
        if (std::has_single_bit(p.p_align) && p.p_align <= kMaxAlignment) elf.alignment = std::max(elf.alignment, p.p_align);
        if (header.e_phoff >= s.offset && header.e_phoff - s.offset < s.file_size)
          elf.phdr_address = s.address + (header.e_phoff - s.offset);
        elf.segments.push_back(s);
        break;
      }
      case abi::kPT_INTERP:
        if (has_interpreter) break;  // the first one counts
        has_interpreter = true;
        elf.interpreter = TRY(ReadInterpreter(read, p));
        break;
      case abi::kPT_GNU_STACK: elf.stack = (p.p_flags & abi::kPF_X) != 0 ? StackProt::kExec : StackProt::kNoExec; break;
      default: break;
    }
  }
  if (elf.segments.empty()) return Errno::kENOEXEC;
  if (has_interpreter && elf.interpreter.empty()) return Errno::kENOENT;
  elf.low = mm::PageDown(elf.segments.front().address);
  elf.high = mm::PageUp(last_end);
  return elf;
}

}  // namespace ringwall::loader
