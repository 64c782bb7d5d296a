// Maps a prepared program into a blank address space: segments, bss, stack, vDSO; then the registers of its first instruction.
#include "sentry/loader/loader.h"

#include <algorithm>
#include <utility>

#include "abi/auxvec.h"
#include "arch/x86_64/cpu_features.h"
#include "arch/x86_64/fpstate.h"
#include "sentry/context/random.h"
#include "sentry/loader/headers.h"
#include "sentry/loader/stack.h"
#include "sentry/mm/page.h"
#include "sentry/vdso/vdso.h"

namespace ringwall::loader {
namespace {

using mm::kPageSize;
using mm::PageDown;
using mm::PageUp;

constexpr uint64_t kClockTicks = 100;                    // USER_HZ
constexpr uint64_t kPieRandomPages = uint64_t{1} << 28;  // Linux's mmap entropy
constexpr uint64_t kBrkRandomBytes = uint64_t{32} << 20;
constexpr uint64_t kStackSlack = uint64_t{128} << 10;  // room below the arguments, whatever RLIMIT_STACK says
// Signal frame besides the FPU state: siginfo, ucontext, red zone, alignment (getauxval(3), AT_MINSIGSTKSZ).
constexpr uint64_t kSignalFrameBytes = 1024;

struct Range {
  uint64_t start = 0, end = 0;
  bool Overlaps(const Range& o) const { return start < o.end && o.start < end; }
};

// The part of a page behind a segment's file bytes: zero, not what the file has there.
struct Partial {
  uint64_t start = 0, end = 0;
};

// Everything that goes into the one batch, and what must not overlap.
struct Plan {
  std::vector<mm::MmapRequest> requests;
  std::vector<Partial> partials;
  std::vector<Range> taken;
  uint64_t space_end = 0;
  uint64_t cursor = 0;  // mmap area: next free address, downwards

  // Top-down in the mmap area. 0 when it doesn't fit.
  uint64_t Place(uint64_t length, uint64_t alignment) {
    if (length == 0 || length > cursor) return 0;
    const uint64_t start = (cursor - length) & ~(alignment - 1);
    if (start < platform::AddressSpace::kMinAddress) return 0;
    cursor = start;
    return start;
  }
  // Claims a range. ENOMEM if it is outside or something else is there: an ET_EXEC file may ask for any address.
  Result<void> Take(const Range& range) {
    if (range.start < platform::AddressSpace::kMinAddress || range.end > space_end || range.start >= range.end) return Errno::kENOMEM;
    for (const Range& other : taken) {
      if (range.Overlaps(other)) return Errno::kENOMEM;
    }
    taken.push_back(range);
    return {};
  }
};

mm::MmapRequest Fixed(uint64_t start, uint64_t end, platform::Prot prot) {
  mm::MmapRequest r;
  r.address = start;
  r.length = end - start;
  r.prot = prot;
  r.fixed = true;
  return r;
}

// The bias that puts the image at or below `base`; 0 for ET_EXEC. A multiple of the alignment, so that p_align holds.
Result<uint64_t> PlaceImage(Plan& plan, const Elf& elf, uint64_t fixed_base) {
  if (!elf.position_independent) {
    TRY(plan.Take({elf.low, elf.high}));
    return uint64_t{0};
  }
  const uint64_t low = elf.low & ~(elf.alignment - 1);
  uint64_t base = fixed_base & ~(elf.alignment - 1);
  if (fixed_base == 0 || base > plan.space_end || elf.high - low > plan.space_end - base) base = plan.Place(elf.high - low, elf.alignment);
  if (base == 0) return Errno::kENOMEM;
  const uint64_t bias = base - low;
  TRY(plan.Take({elf.low + bias, elf.high + bias}));
  return bias;
}

void AddSegments(Plan& plan, const Elf& elf, uint64_t bias, const Ref<mm::Mappable>& file) {
  for (size_t i = 0; i < elf.segments.size(); ++i) {
    const Segment& s = elf.segments[i];
    const platform::Prot prot{.read = s.read, .write = s.write, .exec = s.exec};
    const uint64_t start = PageDown(s.address + bias), memory_end = s.address + bias + s.memory_size;
    uint64_t mapped_end = start;
    if (s.file_size != 0) {
      const uint64_t file_end = s.address + bias + s.file_size;
      mapped_end = PageUp(file_end);
      mm::MmapRequest r = Fixed(start, mapped_end, prot);
      r.file = file;
      r.offset = PageDown(s.offset);
      plan.requests.push_back(std::move(r));
      // A segment that can't be written keeps the file's bytes, as in Linux; so does a page that the next segment takes over.
      uint64_t clear_end = mapped_end;
      if (i + 1 < elf.segments.size()) clear_end = std::min(clear_end, PageDown(elf.segments[i + 1].address + bias));
      if (s.write && memory_end > file_end && clear_end > file_end) plan.partials.push_back({file_end, clear_end});
    }
    if (PageUp(memory_end) > mapped_end) plan.requests.push_back(Fixed(mapped_end, PageUp(memory_end), prot));
  }
}

// Where code and data lie, for /proc/PID/stat and RLIMIT_DATA.
void SetCodeAndData(const Elf& elf, uint64_t bias, mm::Layout& layout) {
  layout.start_code = ~uint64_t{0};
  for (const Segment& s : elf.segments) {
    const uint64_t start = s.address + bias, end = start + s.file_size;
    layout.start_code = std::min(layout.start_code, start);
    layout.start_data = std::max(layout.start_data, start);
    if (s.exec) layout.end_code = std::max(layout.end_code, end);
    layout.end_data = std::max(layout.end_data, end);
  }
}

uint64_t Random(const LoadOptions& options, uint64_t below) { return options.aslr_seed == 0 ? 0 : RandomU64() % below; }

}  // namespace

Result<LoadedImage> Load(Context& ctx, const Program& program, const std::vector<std::string>& envp, const LoadOptions& options,
                         platform::GuestThread& blank) {
  const Elf& elf = program.headers->program;
  const Ref<platform::AddressSpace> space(blank.address_space());
  const Ref<mm::MemoryManager> mm = mm::MemoryManager::Create(space, options.aslr_seed, options.stack_limit);
  Plan plan;
  plan.space_end = PageDown(space->end());
  plan.cursor = mm->mmap_base();

  // The vDSO and its data page in front of it.
  vdso::Vdso& vdso = vdso::Vdso::Get();
  uint64_t vdso_address = 0;
  if (vdso.available()) {
    const uint64_t at = plan.Place(vdso.image_bytes() + kPageSize, kPageSize);
    if (at == 0) return Errno::kENOMEM;
    TRY(plan.Take({at, at + kPageSize + vdso.image_bytes()}));
    vdso_address = at + kPageSize;
    mm::MmapRequest data = Fixed(at, vdso_address, {.read = true});
    data.max_prot = {.read = true};
    data.shared = true;
    data.file = vdso.data();
    data.name = "[vvar]";
    mm::MmapRequest code = Fixed(vdso_address, vdso_address + vdso.image_bytes(), {.read = true, .exec = true});
    code.file = vdso.image();
    code.name = "[vdso]";
    plan.requests.push_back(std::move(data));
    plan.requests.push_back(std::move(code));
  }

  // The stack's strings and vectors are laid out for good once the image is placed; its size is known before.
  uint64_t argument_bytes = program.exec_path.size() + 16384;
  for (const std::vector<std::string>* strings : {&program.argv, &envp}) {
    for (const std::string& s : *strings) argument_bytes += s.size() + 1 + sizeof(uint64_t);
  }
  const uint64_t stack_bytes =
      std::max(std::min(mm::PageUpOr(options.stack_limit, mm::kMaxStack), mm::kMaxStack), PageUp(argument_bytes + kStackSlack));
  const uint64_t stack_top = mm->stack_top();
  if (stack_bytes >= stack_top) return Errno::kENOMEM;
  TRY(plan.Take({stack_top - stack_bytes, stack_top}));
  mm::MmapRequest stack = Fixed(stack_top - stack_bytes, stack_top, {.read = true, .write = true, .exec = elf.stack == StackProt::kExec});
  stack.grows_down = true;
  stack.no_reserve = true;
  stack.name = "[stack]";
  plan.requests.push_back(std::move(stack));

  // A program with an interpreter lies two thirds up, far from both ends; one without (static-PIE) among the mappings, as in Linux.
  const uint64_t low_base = PageDown(plan.space_end / 3 * 2);
  uint64_t fixed_base = 0;
  if (program.interpreter) fixed_base = low_base + Random(options, std::min(kPieRandomPages, plan.space_end / 16 / kPageSize)) * kPageSize;
  const uint64_t bias = TRY(PlaceImage(plan, elf, fixed_base));
  const Ref<mm::Mappable> file = TRY(program.file->Mmap(ctx));
  AddSegments(plan, elf, bias, file);
  uint64_t entry = elf.entry + bias, interpreter_bias = 0;
  if (program.interpreter) {
    const Elf& interpreter = program.headers->interpreter;
    interpreter_bias = TRY(PlaceImage(plan, interpreter, 0));
    const Ref<mm::Mappable> interpreter_file = TRY(program.interpreter->Mmap(ctx));
    AddSegments(plan, interpreter, interpreter_bias, interpreter_file);
    entry = interpreter.entry + interpreter_bias;
  }
  if (entry >= plan.space_end) return Errno::kENOEXEC;

  mm::Layout layout;
  SetCodeAndData(elf, bias, layout);
  const bool among_mappings = elf.position_independent && !program.interpreter;
  layout.start_brk = (among_mappings ? low_base : elf.high + bias) + PageDown(Random(options, kBrkRandomBytes));
  layout.brk = layout.start_brk;
  layout.vdso = vdso_address;

  StackInput input{.top = stack_top, .argv = &program.argv, .envp = &envp, .exec_path = program.exec_path, .auxv = {}};
  RandomBytes(absl::MakeSpan(reinterpret_cast<std::byte*>(input.random), sizeof(input.random)));
  input.jitter = Random(options, 8192);
  auto& auxv = input.auxv;
  if (vdso_address != 0) auxv.emplace_back(abi::kAT_SYSINFO_EHDR, vdso_address);
  auxv.emplace_back(abi::kAT_MINSIGSTKSZ, arch::FpStateSize() + kSignalFrameBytes);
  auxv.emplace_back(abi::kAT_HWCAP, arch::HardwareCapabilities());
  auxv.emplace_back(abi::kAT_PAGESZ, kPageSize);
  auxv.emplace_back(abi::kAT_CLKTCK, kClockTicks);
  auxv.emplace_back(abi::kAT_PHDR, elf.phdr_address == 0 ? 0 : elf.phdr_address + bias);
  auxv.emplace_back(abi::kAT_PHENT, 56);
  auxv.emplace_back(abi::kAT_PHNUM, elf.phdr_count);
  auxv.emplace_back(abi::kAT_BASE, program.interpreter ? interpreter_bias : 0);
  auxv.emplace_back(abi::kAT_FLAGS, 0);
  auxv.emplace_back(abi::kAT_ENTRY, elf.entry + bias);
  auxv.emplace_back(abi::kAT_UID, options.uid);
  auxv.emplace_back(abi::kAT_EUID, options.euid);
  auxv.emplace_back(abi::kAT_GID, options.gid);
  auxv.emplace_back(abi::kAT_EGID, options.egid);
  auxv.emplace_back(abi::kAT_SECURE, options.secure ? 1 : 0);
  auxv.emplace_back(abi::kAT_HWCAP2, arch::HardwareCapabilities2());
  StackImage image = BuildStack(input);
  if (image.bytes.size() > stack_bytes - kStackSlack / 2) return Errno::kE2BIG;
  layout.start_stack = image.address;
  layout.arg_start = image.arg_start;
  layout.arg_end = image.arg_end;
  layout.env_start = image.env_start;
  layout.env_end = image.env_end;
  layout.auxv = std::move(image.auxv);

  // ---- one call for all mappings, then the few bytes that are not a file's ----
  TRY(mm->MapImage(plan.requests, &blank));
  mm->SetLayout(layout);
  mm::UserMemory memory(space.get(), &blank);
  for (const Partial& partial : plan.partials) TRY(memory.Clear(partial.start, partial.end - partial.start));
  TRY(memory.Write(image.address, absl::MakeConstSpan(reinterpret_cast<const std::byte*>(image.bytes.data()), image.bytes.size())));
  return LoadedImage{.mm = mm, .registers = arch::InitialRegisters(entry, image.address)};
}

}  // namespace ringwall::loader
