// Prepare and Load on a fake address space: real host binaries, scripts, and files that ask for the impossible.
#include "sentry/loader/loader.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "abi/auxvec.h"
#include "abi/elf.h"
#include "sentry/cred/credentials.h"
#include "sentry/loader/elf.h"
#include "sentry/mm/fake_address_space.h"
#include "sentry/mm/page.h"

namespace ringwall::loader {
namespace {

class NoContext final : public Context {
 public:
  const cred::Credentials& creds() const override { std::abort(); }
  mm::UserMemory& memory() override { return memory_; }
  abi::Timespec Now() const override { return {}; }
  bool SignalPending() const override { return false; }
  int32_t tgid() const override { return 0; }
  uint64_t FileSizeLimit() const override { return ~uint64_t{0}; }

 private:
  mm::UserMemory memory_{nullptr, nullptr};
};

class Bytes final : public mm::Mappable {
 public:
  explicit Bytes(const std::string& bytes) : fd_(*mm::CreateMemoryFile("test", bytes.size())) {
    EXPECT_TRUE(mm::WriteMemoryFile(*fd_, 0, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(bytes.data()), bytes.size())).ok());
  }
  Result<Ref<SharedFd>> HostFile(bool) override { return fd_; }
  Identity identity() const override { return {}; }
  std::string Name() const override { return "/test"; }

 private:
  Ref<SharedFd> fd_;
};

class TestFile final : public vfs::File {
 public:
  TestFile(std::string bytes, uint32_t mode) : File(vfs::FileKind::kRegular, vfs::Path{}, 0), bytes_(std::move(bytes)), mode_(mode) {}
  Result<size_t> PRead(Context&, mm::IoSink& sink, uint64_t offset) override {
    if (offset >= bytes_.size()) return size_t{0};
    // In small parts, as a file system may.
    const size_t n = std::min<size_t>(bytes_.size() - offset, 100);
    return sink.Put(absl::MakeConstSpan(reinterpret_cast<const std::byte*>(bytes_.data()) + offset, n));
  }
  Result<Ref<mm::Mappable>> Mmap(Context&) override { return Ref<mm::Mappable>(MakeRef<Bytes>(bytes_)); }
  Result<vfs::Attributes> GetAttributes(Context&) override { return vfs::Attributes{.mode = mode_, .uid = 7, .gid = 8}; }

 private:
  const std::string bytes_;
  const uint32_t mode_;
};

class FakeThread final : public platform::GuestThread {
 public:
  explicit FakeThread(Ref<mm::FakeAddressSpace> space) : space_(std::move(space)) {}
  arch::Registers& regs() override { return regs_; }
  platform::AddressSpace& address_space() override { return *space_; }
  Result<void> GetFpState(arch::FpState&) override { return {}; }
  Result<void> SetFpState(const arch::FpState&) override { return {}; }
  void Resume() override {}
  void Post() override {}
  void Interrupt() override {}
  uint64_t CpuTimeNs() const override { return 0; }
  int32_t host_tid() const override { return 0; }

 private:
  Ref<mm::FakeAddressSpace> space_;
  arch::Registers regs_{};
};

class Files final : public ProgramOpener {
 public:
  Ref<vfs::File> Add(const std::string& path, std::string bytes, uint32_t mode = 0100755) {
    const Ref<vfs::File> file = MakeRef<TestFile>(std::move(bytes), mode);
    files_.insert_or_assign(path, file);
    return file;
  }
  Result<Ref<vfs::File>> OpenExecutable(std::string_view path) override {
    const auto it = files_.find(std::string(path));
    if (it == files_.end()) return Errno::kENOENT;
    return it->second;
  }

 private:
  std::map<std::string, Ref<vfs::File>> files_;
};

std::string HostFile(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream out;
  out << in.rdbuf();
  return out.str();
}

// One segment that is header, code and everything; `extra` more page-aligned bytes of bss.
std::string TinyElf(uint16_t type, uint64_t address, uint64_t file_size, uint64_t memory_size,
                    uint32_t flags = abi::kPF_R | abi::kPF_W | abi::kPF_X) {
  abi::Elf64Ehdr h;
  std::memcpy(h.e_ident, abi::kELFMAG, 4);
  h.e_ident[abi::kEI_CLASS] = abi::kELFCLASS64;
  h.e_ident[abi::kEI_DATA] = abi::kELFDATA2LSB;
  h.e_type = type;
  h.e_machine = abi::kEM_X86_64;
  h.e_phentsize = sizeof(abi::Elf64Phdr);
  h.e_phnum = 1;
  h.e_phoff = sizeof(h);
  h.e_entry = address + 120;
  abi::Elf64Phdr p;
  p.p_type = abi::kPT_LOAD;
  p.p_flags = flags;
  p.p_vaddr = address;
  p.p_filesz = file_size;
  p.p_memsz = memory_size;
  p.p_align = 0x200000;
  std::string bytes(reinterpret_cast<const char*>(&h), sizeof(h));
  bytes.append(reinterpret_cast<const char*>(&p), sizeof(p));
  bytes.resize(8192, 'x');
  return bytes;
}

class LoaderTest : public testing::Test {
 protected:
  Result<Program> Prepare(Ref<vfs::File> file, std::string path, std::vector<std::string> argv) {
    return loader::Prepare(ctx_, files_, std::move(file), std::move(path), std::move(argv));
  }
  Result<LoadedImage> Load(const Program& program, LoadOptions options = {}) {
    return loader::Load(ctx_, program, {"HOME=/"}, options, thread_);
  }
  uint64_t Aux(const mm::MemoryManager& mm, uint64_t key) {
    const mm::Layout layout = mm.layout();
    for (size_t i = 0; i + 1 < layout.auxv.size(); i += 2) {
      if (layout.auxv[i] == key) return layout.auxv[i + 1];
    }
    return ~uint64_t{0};
  }
  NoContext ctx_;
  Files files_;
  Ref<mm::FakeAddressSpace> space_ = MakeRef<mm::FakeAddressSpace>();
  FakeThread thread_{space_};
};

TEST_F(LoaderTest, LoadsAHostProgramWithItsInterpreter) {
  const std::string bytes = HostFile("/bin/true");
  const Result<Elf> elf = ParseElf([&](uint64_t offset, absl::Span<std::byte> to) -> Result<size_t> {
    const size_t n = offset >= bytes.size() ? 0 : std::min<uint64_t>(to.size(), bytes.size() - offset);
    if (n != 0) std::memcpy(to.data(), bytes.data() + offset, n);
    return n;
  });
  ASSERT_TRUE(elf.ok());
  if (elf->interpreter.empty()) GTEST_SKIP() << "a static /bin/true";
  files_.Add(elf->interpreter, HostFile(elf->interpreter.c_str()));
  for (const uint64_t seed : {0, 1}) {
    space_->pages.clear();
    space_->batches = 0;
    const Result<Program> program = Prepare(files_.Add("/bin/true", bytes), "/bin/true", {"true", "x"});
    ASSERT_TRUE(program.ok());
    EXPECT_EQ(program->comm, "true");
    EXPECT_EQ(program->set_uid, ~0u);
    const Result<LoadedImage> image = Load(*program, {.aslr_seed = seed});
    ASSERT_TRUE(image.ok()) << ErrnoName(image.error());
    EXPECT_EQ(space_->batches, 1);
    const mm::MemoryManager& mm = *image->mm;
    const uint64_t base = Aux(mm, abi::kAT_BASE);
    EXPECT_EQ(base % 4096, 0u);
    EXPECT_GT(image->registers.rip, base);
    EXPECT_EQ(image->registers.rsp % 16, 0u);
    EXPECT_TRUE(mm.FindVma(image->registers.rip)->prot.exec);
    EXPECT_EQ(mm.FindVma(image->registers.rsp)->name, "[stack]");
    EXPECT_TRUE(mm.FindVma(Aux(mm, abi::kAT_ENTRY))->prot.exec);
    EXPECT_EQ(mm.FindVma(Aux(mm, abi::kAT_SYSINFO_EHDR))->name, "[vdso]");
    mm::UserMemory memory(space_.get(), nullptr);
    EXPECT_EQ(*memory.ReadValue<uint32_t>(Aux(mm, abi::kAT_SYSINFO_EHDR)), 0x464c457fu);
    EXPECT_EQ(*memory.ReadValue<uint64_t>(image->registers.rsp), 2u);
    EXPECT_EQ(*memory.ReadString(mm.layout().arg_start, 10, Errno::kE2BIG), "true");
    EXPECT_EQ(*memory.ReadString(mm.layout().env_start, 10, Errno::kE2BIG), "HOME=/");
    abi::Elf64Phdr first;
    ASSERT_TRUE(memory.Read(Aux(mm, abi::kAT_PHDR), absl::MakeSpan(reinterpret_cast<std::byte*>(&first), sizeof(first))).ok());
    EXPECT_EQ(first.p_type, abi::kPT_PHDR);
    const uint64_t brk = mm.layout().start_brk;
    EXPECT_EQ(image->mm->Brk(brk + 8192, {}, nullptr), brk + 8192);
  }
}

TEST_F(LoaderTest, BssIsZeroedAndAlignmentHonoured) {
  const Result<Program> program = Prepare(files_.Add("/p", TinyElf(abi::kET_DYN, 0, 300, 10000)), "/p", {"p"});
  ASSERT_TRUE(program.ok());
  const Result<LoadedImage> image = Load(*program, {.aslr_seed = 1});
  ASSERT_TRUE(image.ok());
  const uint64_t base = image->registers.rip - 120;
  EXPECT_EQ(base % 0x200000, 0u);
  mm::UserMemory memory(space_.get(), nullptr);
  EXPECT_EQ(*memory.ReadValue<uint8_t>(base + 299), 'x');
  EXPECT_EQ(*memory.ReadValue<uint8_t>(base + 300), 0);
  EXPECT_EQ(*memory.ReadValue<uint8_t>(base + 4095), 0);
  EXPECT_EQ(*memory.ReadValue<uint8_t>(base + 9999), 0);
  EXPECT_EQ(memory.ReadValue<uint8_t>(base + 12288), Errno::kEFAULT);
}

TEST_F(LoaderTest, HostileAddresses) {
  const auto load = [&](uint64_t address, uint64_t memory_size) -> Errno {
    const Result<Program> program = Prepare(files_.Add("/p", TinyElf(abi::kET_EXEC, address, 300, memory_size)), "/p", {"p"});
    if (!program.ok()) return program.error();
    const Result<LoadedImage> image = Load(*program);
    return image.ok() ? static_cast<Errno>(0) : image.error();
  };
  EXPECT_EQ(load(0x400000, 4096), static_cast<Errno>(0));
  EXPECT_EQ(load(0, 4096), Errno::kENOMEM);
  EXPECT_EQ(load(0x7ffffffef000, 4096), Errno::kENOMEM);                      // the stack
  EXPECT_EQ(load(0x400000, (uint64_t{1} << 47) - 0x800000), Errno::kENOMEM);  // up to it
  EXPECT_EQ(load(0x400000, ~uint64_t{0}), Errno::kENOEXEC);
  EXPECT_EQ(load((uint64_t{1} << 47) - 4096, 4096), Errno::kENOMEM);
}

TEST_F(LoaderTest, StackSizeAndProtection) {
  const Result<Program> program = Prepare(files_.Add("/p", TinyElf(abi::kET_EXEC, 0x400000, 300, 300)), "/p", {});
  ASSERT_TRUE(program.ok());
  EXPECT_EQ(program->argv.size(), 1u);
  Result<LoadedImage> image = Load(*program, {.stack_limit = 1 << 20});
  ASSERT_TRUE(image.ok());
  const uint64_t at = image->registers.rsp;
  EXPECT_EQ(image->mm->FindVma(at)->length(), 1u << 20);
  EXPECT_FALSE(image->mm->FindVma(at)->prot.exec);
  EXPECT_TRUE(image->mm->RaiseStackLimit(2 << 20, nullptr).ok());
  EXPECT_EQ(image->mm->FindVma(at)->length(), 2u << 20);
  EXPECT_TRUE(image->mm->RaiseStackLimit(~uint64_t{0}, nullptr).ok());
  EXPECT_LE(image->mm->FindVma(at)->length(), uint64_t{1} << 30);
  space_->pages.clear();
  image = Load(*program, {.stack_limit = ~uint64_t{0}});
  ASSERT_TRUE(image.ok());
  EXPECT_EQ(image->mm->FindVma(image->registers.rsp)->length(), uint64_t{1} << 30);
}

TEST_F(LoaderTest, Scripts) {
  files_.Add("/elf", TinyElf(abi::kET_EXEC, 0x400000, 300, 300), 0106755);
  const Ref<vfs::File> script = files_.Add("/s0", "#!/elf -x y\nbody", 0106755);
  const Result<Program> program = Prepare(script, "/dir/averyverylongname", {"zero", "one"});
  ASSERT_TRUE(program.ok());
  EXPECT_EQ(program->argv, (std::vector<std::string>{"/elf", "-x y", "/dir/averyverylongname", "one"}));
  EXPECT_EQ(program->exec_path, "/dir/averyverylongname");
  EXPECT_EQ(program->comm, "averyverylongna");
  EXPECT_EQ(program->set_uid, 7u);  // the interpreter's bits, not the script's
  EXPECT_EQ(program->set_gid, 8u);
  for (int i = 1; i <= 6; ++i) files_.Add("/s" + std::to_string(i), "#!/s" + std::to_string(i - 1) + "\n");
  EXPECT_TRUE(Prepare(*files_.OpenExecutable("/s4"), "/s4", {"a"}).ok());
  EXPECT_EQ(Prepare(*files_.OpenExecutable("/s5"), "/s5", {"a"}).error(), Errno::kELOOP);
  EXPECT_EQ(Prepare(files_.Add("/x", "#!/nowhere\n"), "/x", {"a"}).error(), Errno::kENOENT);
  EXPECT_EQ(Prepare(files_.Add("/x", "plain text"), "/x", {"a"}).error(), Errno::kENOEXEC);
  EXPECT_EQ(Prepare(files_.Add("/x", ""), "/x", {"a"}).error(), Errno::kENOEXEC);
}

}  // namespace
}  // namespace ringwall::loader
