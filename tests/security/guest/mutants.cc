// Programs, scripts and paths that are almost right.
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "tests/security/guest/guest.h"

namespace ringwall::hostile {
namespace {

// A whole static program: exit(0).
std::string TinyElf() {
  constexpr unsigned char kCode[] = {0x31, 0xff, 0xb8, 0x3c, 0, 0, 0, 0x0f, 0x05};
  constexpr uint64_t kBase = 0x400000;
  Elf64_Ehdr head{};
  std::memcpy(head.e_ident, ELFMAG, SELFMAG);
  head.e_ident[EI_CLASS] = ELFCLASS64;
  head.e_ident[EI_DATA] = ELFDATA2LSB;
  head.e_ident[EI_VERSION] = EV_CURRENT;
  head.e_type = ET_EXEC;
  head.e_machine = EM_X86_64;
  head.e_version = EV_CURRENT;
  head.e_entry = kBase + sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr);
  head.e_phoff = sizeof(Elf64_Ehdr);
  head.e_ehsize = sizeof(Elf64_Ehdr);
  head.e_phentsize = sizeof(Elf64_Phdr);
  head.e_phnum = 2;
  Elf64_Phdr load{}, stack{};
  load.p_type = PT_LOAD;
  load.p_flags = PF_R | PF_X;
  load.p_vaddr = load.p_paddr = kBase;
  load.p_filesz = load.p_memsz = sizeof(head) + 2 * sizeof(load) + sizeof(kCode);
  load.p_align = 4096;
  stack.p_type = PT_GNU_STACK;
  stack.p_flags = PF_R | PF_W;
  std::string text;
  text.append(reinterpret_cast<const char*>(&head), sizeof(head));
  text.append(reinterpret_cast<const char*>(&load), sizeof(load));
  text.append(reinterpret_cast<const char*>(&stack), sizeof(stack));
  text.append(reinterpret_cast<const char*>(kCode), sizeof(kCode));
  return text;
}

void WriteProgram(const char* path, const std::string& text) {
  unlink(path);
  const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0755);
  HOSTILE_REQUIRE(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "%s: %s", path,
                  std::strerror(errno));
  close(fd);
}
void Execute(void* path) {
  const char* name = static_cast<const char*>(path);
  execl(name, name, "argument", nullptr);
  _exit(100);
}

const Mode elf_mutants("elf-mutants", [](int argc, char** argv) {
  const int mutants = argc > 0 ? std::atoi(argv[0]) : 500;
  char path[] = "/tmp/mutant";
  const std::string whole = TinyElf();
  WriteProgram(path, whole);
  HOSTILE_REQUIRE(Sacrifice(Execute, path, 5) == 0, "the unchanged program does not run");
  Random random(1);
  for (int i = 0; i < mutants; ++i) {
    std::string mutant = whole;
    for (uint64_t flips = 1 + random.Below(3); flips != 0; --flips)
      mutant[random.Below(mutant.size())] ^= static_cast<char>(1 << random.Below(8));
    if (random.Below(8) == 0) mutant.resize(random.Below(mutant.size()));
    if (random.Below(8) == 0) {
      // A whole 64-bit field at a border.
      const uint64_t value = random.Below(2) ? ~uint64_t{0} << random.Below(64) : ~uint64_t{0} >> random.Below(64);
      const uint64_t at = 16 + 8 * random.Below(20);
      if (at + 8 <= mutant.size()) std::memcpy(mutant.data() + at, &value, 8);
    }
    WriteProgram(path, mutant);
    Sacrifice(Execute, path, 1);
    if (i % 100 == 0) Canary();
  }
  unlink(path);
  Canary();
  return 0;
});

const Mode script_mutants("script-mutants", [](int, char**) {
  char path[] = "/tmp/script";
  const std::string lines[] = {
      "#!",
      "#!\n",
      "#! \t \n",
      "#!/tmp/script\n",
      "#!/\n",
      "#!/tmp\n",
      "#!/no/such/file\n",
      "#!relative\n",
      "#!/proc/self/exe\n",
      "#!/proc/self/exe canary\n",
      "#!/proc/self/exe canary and more words\n",
      "#!/proc/self/exe" + std::string(300, 'a') + "\n",
      "#!" + std::string(5000, '/') + "\n",
      "#!/dev/zero\n",
      "#!/dev/null\n",
      "#!/proc/self/mem\n",
      "#!/proc/1/root"
      "/proc/self/exe canary\n",
      std::string("#!/proc/self\0/exe\n", 18),
      "#!/proc/self/fd/0\n",
      "#!" + std::string(254, ' ') + "/x\n",
      "#!\xff\xfe\n",
      "",
      std::string(4096, '\0'),
      "\x7f"
      "ELF",
  };
  for (const std::string& line : lines) {
    WriteProgram(path, line);
    Sacrifice(Execute, path, 5);
  }
  // A chain that is deeper than Linux follows.
  for (int i = 0; i < 12; ++i) {
    const std::string name = "/tmp/chain" + std::to_string(i);
    WriteProgram(name.c_str(), i == 0 ? "#!/proc/self/exe canary\n" : "#!/tmp/chain" + std::to_string(i - 1) + "\n");
  }
  char last[] = "/tmp/chain11";
  HOSTILE_REQUIRE(Sacrifice(Execute, last, 5) == 100 << 8, "twelve nested scripts were executed");
  Canary();
  return 0;
});

std::string Repeat(const std::string& part, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += part;
  return all;
}

const Mode path_mutants("path-mutants", [](int, char**) {
  unlink("/tmp/loop");
  unlink("/tmp/hop");
  HOSTILE_REQUIRE(symlink("/tmp/loop", "/tmp/loop") == 0 && symlink("hop/hop/hop/hop", "/tmp/hop") == 0, "symlink: %s",
                  std::strerror(errno));
  const std::string paths[] = {
      std::string(4095, '/'),
      std::string(4096, '/'),
      std::string(100'000, 'a'),
      "/" + std::string(255, 'n'),
      "/" + std::string(256, 'n'),
      Repeat("/tmp/..", 580),
      Repeat("./", 2000),
      Repeat("../", 1300) + "tmp",
      "/tmp/loop",
      "/tmp/loop/x",
      "/tmp/hop",
      "/tmp/hop/hop",
      "/proc/self/root"
      "/proc/self/root"
      "/tmp/loop",
      Repeat("/proc/self/cwd/../proc/self/root", 100),
      "/proc/self/fd/-1",
      "/proc/self/fd/99999999999999999999",
      "/proc/self/task/../../self/exe/x",
      "\xff\xfe/\x01",
      "/tmp/\n\t\x7f",
      "",
      "/.",
      "/..",
      "//////..//..//tmp/////",
      "/dev/fd/0/x",
      "/proc/self/map_files/0-0",
      "/proc/4294967297/stat",
      "/proc/-1/stat",
      "/proc/0/stat",
  };
  for (const std::string& path : paths) {
    struct stat st;
    const char* p = path.c_str();
    (void)stat(p, &st), (void)lstat(p, &st);
    const int fd = open(p, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    char buffer[256];
    if (fd >= 0) (void)!read(fd, buffer, sizeof(buffer)), close(fd);
    (void)!readlink(p, buffer, sizeof(buffer));
    (void)!readlink(p, buffer, 0);
    (void)access(p, R_OK), (void)truncate(p, -1), (void)mkdir((path + "/new").c_str(), 0), (void)rename(p, "/tmp/loop"),
        (void)link(p, "/tmp/linked"), (void)unlink("/tmp/linked");
    execl(p, p, nullptr);
  }
  // Deeper than PATH_MAX, step by step.
  HOSTILE_REQUIRE(chdir("/tmp") == 0, "chdir");
  int depth = 0;
  const std::string name(200, 'd');
  while (depth < 300 && mkdir(name.c_str(), 0700) == 0 && chdir(name.c_str()) == 0) ++depth;
  char cwd[PATH_MAX];
  HOSTILE_REQUIRE(depth == 300, "only %d directories deep: %s", depth, std::strerror(errno));
  HOSTILE_REQUIRE(getcwd(cwd, sizeof(cwd)) == nullptr, "a working directory of 60,000 bytes fits into PATH_MAX");
  while (depth-- > 0 && chdir("..") == 0) rmdir(name.c_str());
  unlink("/tmp/loop");
  unlink("/tmp/hop");
  Canary();
  return 0;
});

}  // namespace
}  // namespace ringwall::hostile
