// ELF and #! parsing, and the initial stack's layout.
#include "sentry/loader/elf.h"

#include <gtest/gtest.h>

#include <cstring>

#include "abi/auxvec.h"
#include "abi/elf.h"
#include "sentry/loader/loader.h"
#include "sentry/loader/script.h"
#include "sentry/loader/stack.h"

namespace ringwall::loader {
namespace {

struct File {
  abi::Elf64Ehdr header;
  std::vector<abi::Elf64Phdr> phdrs;
  std::string tail;

  File() {
    std::memcpy(header.e_ident, abi::kELFMAG, 4);
    header.e_ident[abi::kEI_CLASS] = abi::kELFCLASS64;
    header.e_ident[abi::kEI_DATA] = abi::kELFDATA2LSB;
    header.e_type = abi::kET_DYN;
    header.e_machine = abi::kEM_X86_64;
    header.e_phentsize = sizeof(abi::Elf64Phdr);
    header.e_phoff = sizeof(header);
    Load(0, 0, 0x1000, 0x1000, abi::kPF_R | abi::kPF_X);
    Load(0x1000, 0x2000, 0x10, 0x3000, abi::kPF_R | abi::kPF_W);
  }
  abi::Elf64Phdr& Load(uint64_t offset, uint64_t address, uint64_t file_size, uint64_t memory_size, uint32_t flags) {
    abi::Elf64Phdr p;
    p.p_type = abi::kPT_LOAD;
    p.p_offset = offset;
    p.p_vaddr = address;
    p.p_filesz = file_size;
    p.p_memsz = memory_size;
    p.p_flags = flags;
    p.p_align = 0x1000;
    phdrs.push_back(p);
    return phdrs.back();
  }
  Result<Elf> Parse() {
    header.e_phnum = static_cast<uint16_t>(phdrs.size());
    return ParseWithCount();
  }
  Result<Elf> ParseWithCount() {
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof(header));
    bytes.append(reinterpret_cast<const char*>(phdrs.data()), phdrs.size() * sizeof(abi::Elf64Phdr));
    bytes.resize(0x1000);
    bytes += tail;
    return ParseElf([&](uint64_t offset, absl::Span<std::byte> to) -> Result<size_t> {
      if (offset >= bytes.size()) return size_t{0};
      const size_t n = std::min<uint64_t>(to.size(), bytes.size() - offset);
      std::memcpy(to.data(), bytes.data() + offset, n);
      return n;
    });
  }
  void Interp(std::string name) {
    tail = std::move(name);
    abi::Elf64Phdr p;
    p.p_type = abi::kPT_INTERP;
    p.p_offset = 0x1000;
    p.p_filesz = tail.size();
    phdrs.push_back(p);
  }
};

TEST(Elf, ParsesAProgram) {
  File file;
  file.Interp(std::string("/lib/ld.so\0", 11));
  const Result<Elf> elf = file.Parse();
  ASSERT_TRUE(elf.ok());
  EXPECT_TRUE(elf->position_independent);
  EXPECT_EQ(elf->segments.size(), 2u);
  EXPECT_EQ(elf->low, 0u);
  EXPECT_EQ(elf->high, 0x5000u);
  EXPECT_EQ(elf->phdr_address, 64u);
  EXPECT_EQ(elf->interpreter, "/lib/ld.so");
}

TEST(Elf, RefusesBrokenHeaders) {
  const auto broken = [](auto change) {
    File file;
    change(file);
    const Result<Elf> elf = file.Parse();
    return !elf.ok() && elf.error() == Errno::kENOEXEC;
  };
  EXPECT_TRUE(broken([](File& f) { f.header.e_ident[0] = 0; }));
  EXPECT_TRUE(broken([](File& f) { f.header.e_ident[abi::kEI_CLASS] = abi::kELFCLASS32; }));
  EXPECT_TRUE(broken([](File& f) { f.header.e_machine = abi::kEM_386; }));
  EXPECT_TRUE(broken([](File& f) { f.header.e_type = abi::kET_REL; }));
  EXPECT_TRUE(broken([](File& f) { f.header.e_phentsize = 55; }));
  EXPECT_TRUE(broken([](File& f) { f.header.e_phoff = ~uint64_t{0} - 8; }));
  EXPECT_TRUE(broken([](File& f) { f.header.e_phoff = 0xfff; }));
  EXPECT_TRUE(broken([](File& f) { f.phdrs[1].p_filesz = f.phdrs[1].p_memsz + 1; }));
  EXPECT_TRUE(broken([](File& f) { f.phdrs[1].p_vaddr = ~uint64_t{0} - 0xfff; }));
  EXPECT_TRUE(broken([](File& f) { f.phdrs[1].p_memsz = ~uint64_t{0}; }));
  EXPECT_TRUE(broken([](File& f) { f.phdrs[1].p_offset = ~uint64_t{0} - 0xfff; }));
  EXPECT_TRUE(broken([](File& f) { f.phdrs[1].p_offset += 1; }));
  EXPECT_TRUE(broken([](File& f) { f.phdrs[1].p_vaddr = 0; }));  // overlaps the first
  EXPECT_TRUE(broken([](File& f) { f.phdrs.clear(); }));
  EXPECT_TRUE(broken([](File& f) { f.Interp("/lib/ld.so"); }));  // no NUL
  EXPECT_TRUE(broken([](File& f) { f.Interp(std::string(5000, '\0')); }));
  EXPECT_TRUE(broken([](File& f) { f.phdrs[0].p_type = f.phdrs[1].p_type = abi::kPT_NOTE; }));
}

TEST(Script, Lines) {
  const auto parse = [](std::string head) { return ParseScriptLine(head); };
  EXPECT_EQ(parse("#!/bin/sh\necho")->interpreter, "/bin/sh");
  EXPECT_FALSE(parse("#!/bin/sh\n")->argument.has_value());
  EXPECT_EQ(parse("#! \t /bin/sh  -e  -x \t\n")->interpreter, "/bin/sh");
  EXPECT_EQ(*parse("#! \t /bin/sh  -e  -x \t\n")->argument, "-e  -x");
  EXPECT_EQ(parse("#!/bin/sh")->interpreter, "/bin/sh");
  EXPECT_EQ(parse("#!\n"), Errno::kENOEXEC);
  EXPECT_EQ(parse("#! \t \n"), Errno::kENOEXEC);
  EXPECT_EQ(parse("#!"), Errno::kENOEXEC);
  EXPECT_EQ(parse("#!" + std::string(254, 'x')), Errno::kENOEXEC);
  EXPECT_EQ(parse("#!" + std::string(250, 'x') + " abc")->argument.value_or(""), "abc");
  EXPECT_EQ(parse("#!" + std::string(253, 'x') + "\n")->interpreter.size(), 253u);
}

TEST(Stack, LayoutIsWhatProgramsExpect) {
  const std::vector<std::string> argv{"prog", "", "arg two"}, envp{"A=1", "B=22"};
  StackInput in{.top = 0x7fff0000, .argv = &argv, .envp = &envp, .exec_path = "/bin/prog", .auxv = {{abi::kAT_PAGESZ, 4096}}};
  in.jitter = 777;
  const StackImage image = BuildStack(in);
  EXPECT_EQ(image.address % 16, 0u);
  EXPECT_EQ(image.address + image.bytes.size(), in.top);
  const auto word = [&](size_t i) {
    uint64_t v;
    std::memcpy(&v, image.bytes.data() + i * 8, 8);
    return v;
  };
  const auto text = [&](uint64_t address) { return std::string(image.bytes.c_str() + (address - image.address)); };
  EXPECT_EQ(word(0), 3u);
  EXPECT_EQ(text(word(1)), "prog");
  EXPECT_EQ(text(word(2)), "");
  EXPECT_EQ(text(word(3)), "arg two");
  EXPECT_EQ(word(4), 0u);
  EXPECT_EQ(text(word(5)), "A=1");
  EXPECT_EQ(text(word(6)), "B=22");
  EXPECT_EQ(word(7), 0u);
  EXPECT_EQ(word(8), abi::kAT_PAGESZ);
  EXPECT_EQ(image.arg_start, word(1));
  EXPECT_EQ(image.arg_end, image.env_start);
  bool saw_path = false;
  for (size_t i = 8; word(i) != abi::kAT_NULL; i += 2) {
    if (word(i) == abi::kAT_EXECFN) saw_path = text(word(i + 1)) == "/bin/prog";
    if (word(i) == abi::kAT_PLATFORM) {
      EXPECT_EQ(text(word(i + 1)), "x86_64");
    }
    if (word(i) == abi::kAT_RANDOM) {
      EXPECT_EQ(word(i + 1) % 16, 0u);
    }
  }
  EXPECT_TRUE(saw_path);
}

TEST(Arguments, Limits) {
  EXPECT_TRUE(CheckArgumentSize({"a"}, {}, 0).ok());
  EXPECT_EQ(CheckArgumentSize({std::string(131072, 'x')}, {}, ~uint64_t{0}), Errno::kE2BIG);
  EXPECT_TRUE(CheckArgumentSize({std::string(131071, 'x')}, {}, 8 << 20).ok());
  EXPECT_EQ(CheckArgumentSize({}, std::vector<std::string>(300000, "x"), 8 << 20), Errno::kE2BIG);
  EXPECT_EQ(CheckArgumentSize({}, std::vector<std::string>(700, std::string(10000, 'x')), ~uint64_t{0}), Errno::kE2BIG);
}

}  // namespace
}  // namespace ringwall::loader
