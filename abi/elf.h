// elf(5), 64-bit: what the loader, the vDSO and core files need.
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

struct Elf64Ehdr {
  uint8_t e_ident[16] = {};
  uint16_t e_type = 0, e_machine = 0;
  uint32_t e_version = 0;
  uint64_t e_entry = 0, e_phoff = 0, e_shoff = 0;
  uint32_t e_flags = 0;
  uint16_t e_ehsize = 0, e_phentsize = 0, e_phnum = 0, e_shentsize = 0, e_shnum = 0, e_shstrndx = 0;
};
static_assert(sizeof(Elf64Ehdr) == 64 && NoPadding<Elf64Ehdr>);

struct Elf64Phdr {
  uint32_t p_type = 0, p_flags = 0;
  uint64_t p_offset = 0, p_vaddr = 0, p_paddr = 0, p_filesz = 0, p_memsz = 0, p_align = 0;
};
static_assert(sizeof(Elf64Phdr) == 56 && NoPadding<Elf64Phdr>);

struct Elf64Shdr {
  uint32_t sh_name = 0, sh_type = 0;
  uint64_t sh_flags = 0, sh_addr = 0, sh_offset = 0, sh_size = 0;
  uint32_t sh_link = 0, sh_info = 0;
  uint64_t sh_addralign = 0, sh_entsize = 0;
};
static_assert(sizeof(Elf64Shdr) == 64 && NoPadding<Elf64Shdr>);

struct Elf64Dyn {
  int64_t d_tag = 0;
  uint64_t d_val = 0;
};
struct Elf64Sym {
  uint32_t st_name = 0;
  uint8_t st_info = 0, st_other = 0;
  uint16_t st_shndx = 0;
  uint64_t st_value = 0, st_size = 0;
};
struct Elf64Rela {
  uint64_t r_offset = 0, r_info = 0;
  int64_t r_addend = 0;
};
struct Elf64Nhdr {
  uint32_t n_namesz = 0, n_descsz = 0, n_type = 0;
};
static_assert(sizeof(Elf64Dyn) == 16 && sizeof(Elf64Sym) == 24 && sizeof(Elf64Rela) == 24 && sizeof(Elf64Nhdr) == 12);
static_assert(NoPadding<Elf64Dyn> && NoPadding<Elf64Sym> && NoPadding<Elf64Rela> && NoPadding<Elf64Nhdr>);

inline constexpr uint8_t kELFMAG[4] = {0x7f, 'E', 'L', 'F'};
inline constexpr int32_t kEI_CLASS = 4, kEI_DATA = 5, kEI_VERSION = 6, kEI_OSABI = 7, kEI_NIDENT = 16;
inline constexpr uint8_t kELFCLASS32 = 1, kELFCLASS64 = 2, kELFDATA2LSB = 1, kELFDATA2MSB = 2, kEV_CURRENT = 1,
    kELFOSABI_NONE = 0;
inline constexpr uint16_t kET_NONE = 0, kET_REL = 1, kET_EXEC = 2, kET_DYN = 3, kET_CORE = 4, kEM_386 = 3, kEM_X86_64 = 0x3e,
    kEM_AARCH64 = 0xb7, kPN_XNUM = 0xffff;
inline constexpr uint32_t kPT_NULL = 0, kPT_LOAD = 1, kPT_DYNAMIC = 2, kPT_INTERP = 3, kPT_NOTE = 4, kPT_SHLIB = 5,
    kPT_PHDR = 6, kPT_TLS = 7, kPT_GNU_EH_FRAME = 0x6474e550, kPT_GNU_STACK = 0x6474e551, kPT_GNU_RELRO = 0x6474e552,
    kPT_GNU_PROPERTY = 0x6474e553, kPF_X = 1, kPF_W = 2, kPF_R = 4;
inline constexpr int64_t kDT_NULL = 0, kDT_NEEDED = 1, kDT_HASH = 4, kDT_STRTAB = 5, kDT_SYMTAB = 6, kDT_RELA = 7,
    kDT_STRSZ = 0xa, kDT_SONAME = 0xe, kDT_GNU_HASH = 0x6ffffef5, kDT_VERSYM = 0x6ffffff0, kDT_VERDEF = 0x6ffffffc,
    kDT_VERDEFNUM = 0x6ffffffd;
inline constexpr uint32_t kSHT_NULL = 0, kSHT_PROGBITS = 1, kSHT_SYMTAB = 2, kSHT_STRTAB = 3, kSHT_RELA = 4, kSHT_DYNAMIC = 6,
    kSHT_NOTE = 7, kSHT_NOBITS = 8, kSHT_DYNSYM = 0xb;
inline constexpr uint32_t kNT_PRSTATUS = 1, kNT_PRFPREG = 2, kNT_PRPSINFO = 3, kNT_TASKSTRUCT = 4, kNT_AUXV = 6,
    kNT_SIGINFO = 0x53494749, kNT_FILE = 0x46494c45, kNT_X86_XSTATE = 0x202;

}  // namespace ringwall::abi
