// From an analysed site to bytes: where the trampoline may stand, what is in it, and the stores that switch the site over.
#include <cstring>

#include "arch/x86_64/rewrite.h"
#include "arch/x86_64/rewrite_decode.h"

namespace ringwall::arch {
namespace {

constexpr uint64_t kSyscallBytes = 2;
constexpr uint8_t kTransition = 0x06;  // an invalid opcode: the first byte of a patch while the others are written
constexpr uint64_t kSlotMask = kTrampolineAlign - 1;
static_assert(kMaxTrampolineBytes % kTrampolineAlign == 0);

bool FitsInt32(int64_t value) { return value == static_cast<int32_t>(value); }

// `to` - `from` as signed, whatever the addresses.
int64_t Distance(uint64_t from, uint64_t to) { return static_cast<int64_t>(to - from); }

class Emitter {
 public:
  explicit Emitter(RewritePlan& plan) : plan_(plan) {}

  bool ok() const { return ok_; }
  uint64_t here() const { return plan_.trampoline + plan_.code_size; }
  void Bytes(std::initializer_list<uint8_t> bytes) {
    for (const uint8_t byte : bytes) Byte(byte);
  }
  void Copy(const uint8_t* from, size_t size) {
    for (size_t i = 0; i < size; ++i) Byte(from[i]);
  }
  void Word(uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) Byte(static_cast<uint8_t>(value >> shift));
  }
  // A displacement that counts from `end`, the end of its instruction.
  void Relative(uint64_t target, uint64_t end) {
    PutRelative(plan_.code_size, target, end);
    plan_.code_size = static_cast<uint8_t>(plan_.code_size + 4);
  }
  void Jump(uint64_t target) {
    Byte(0xe9);
    Relative(target, here() + 4);
  }
  void PutRelative(size_t at, uint64_t target, uint64_t end) {
    const int64_t distance = Distance(end, target);
    if (!FitsInt32(distance) || at + 4 > kMaxTrampolineBytes) {
      ok_ = false;
      return;
    }
    const int32_t value = static_cast<int32_t>(distance);
    std::memcpy(plan_.code.data() + at, &value, sizeof value);
  }
  void Align(size_t alignment) {
    while (plan_.code_size % alignment != 0) Byte(0xcc);
  }
  void Point(TrampolinePoint::State state, uint64_t guest_rip) {
    if (plan_.point_count == plan_.points.size()) {
      ok_ = false;
      return;
    }
    plan_.points[plan_.point_count++] = {.offset = plan_.code_size, .state = state, .guest_rip = guest_rip};
  }

 private:
  void Byte(uint8_t byte) {
    if (plan_.code_size >= kMaxTrampolineBytes - 4) {
      ok_ = false;
      return;
    }
    plan_.code[plan_.code_size++] = byte;
  }

  RewritePlan& plan_;
  bool ok_ = true;
};

// One displaced instruction, which began at `address`, at its new place.
void Relocate(Emitter& out, std::span<const uint8_t> bytes, const Instruction& instruction, uint64_t address) {
  const uint64_t old_end = address + instruction.length;
  const uint64_t target = old_end + static_cast<uint64_t>(static_cast<int64_t>(instruction.displacement));
  const uint8_t opcode = bytes[instruction.opcode_at];
  if (instruction.flow == Flow::kJump) {
    out.Jump(target);
  } else if (instruction.flow == Flow::kBranch) {
    const uint8_t condition = (opcode == 0x0f ? bytes[instruction.opcode_at + 1] : opcode) & 0xf;
    out.Bytes({0x0f, static_cast<uint8_t>(0x80 | condition)});
    out.Relative(target, out.here() + 4);
  } else if (instruction.rip_operand_at != 0) {
    int32_t displacement;
    std::memcpy(&displacement, bytes.data() + instruction.rip_operand_at, sizeof displacement);
    const uint64_t operand = old_end + static_cast<uint64_t>(static_cast<int64_t>(displacement));
    const uint64_t new_end = out.here() + instruction.length;
    out.Copy(bytes.data(), instruction.rip_operand_at);
    out.Relative(operand, new_end);
    const size_t rest = instruction.rip_operand_at + 4u;
    out.Copy(bytes.data() + rest, instruction.length - rest);
  } else {
    out.Copy(bytes.data(), instruction.length);
  }
}

// The displaced instructions in a row. False when the last one does not go on.
bool RelocateAll(Emitter& out, const RewriteSite& site, uint64_t address) {
  std::span<const uint8_t> left(site.displaced.data(), site.displaced_size);
  while (!left.empty()) {
    const Instruction instruction = DecodeInstruction(left);
    if (!instruction.movable()) return true;  // not from AnalyseSite
    out.Point(TrampolinePoint::State::kOutside, address);
    Relocate(out, left, instruction, address);
    if (instruction.ends()) return false;
    address += instruction.length;
    left = left.subspan(instruction.length);
  }
  return true;
}

uint64_t WordOf(uint64_t address) { return address & ~uint64_t{7}; }

// Builds stores into the one or two words of a patch.
class StepBuilder {
 public:
  explicit StepBuilder(uint64_t first) : first_(first) {}
  // Bytes [from, to) of the patch, all within one word.
  void Store(size_t from, size_t to, const uint8_t* expected, const uint8_t* desired) {
    WordWrite& write = steps_.writes[steps_.count++];
    write.address = WordOf(first_ + from);
    for (size_t i = from; i < to; ++i) {
      const uint64_t shift = (first_ + i - write.address) * 8;
      write.mask |= uint64_t{0xff} << shift;
      write.expected |= uint64_t{expected[i]} << shift;
      write.desired |= uint64_t{desired[i]} << shift;
    }
  }
  RewriteSteps Take() const { return steps_; }

 private:
  const uint64_t first_;
  RewriteSteps steps_;
};

using PatchBytes = std::array<uint8_t, kRewritePatchBytes>;

// Between two words: close the first byte together with its word, write the other word, open the first byte.
RewriteSteps Switch(const RewriteSite& site, const PatchBytes& from, const PatchBytes& to, bool undo) {
  StepBuilder builder(site.first);
  if (site.single_word()) {
    builder.Store(0, kRewritePatchBytes, from.data(), to.data());
    return builder.Take();
  }
  const size_t split = 8 - (site.first & 7);
  // While the patch is taken back, the bytes behind the first stay invalid opcodes until the other word is whole: a displaced instruction
  // may lie in both.
  PatchBytes closed = undo ? from : to;
  closed[0] = kTransition;
  builder.Store(0, undo ? 1 : split, from.data(), closed.data());
  builder.Store(split, kRewritePatchBytes, from.data(), to.data());
  builder.Store(0, undo ? split : 1, closed.data(), to.data());
  return builder.Take();
}

}  // namespace

std::optional<uint64_t> FindTrampolineSlot(const RewriteSite& site, uint64_t from, uint64_t end) {
  if (site.form == RewriteForm::kNone || end < kMaxTrampolineBytes) return std::nullopt;
  const uint64_t behind = site.first + kRewritePatchBytes;
  // Leave a page at each end of the reach for what the trampoline itself refers to.
  const uint64_t lowest = behind > (uint64_t{1} << 31) ? behind - (uint64_t{1} << 31) + 4096 : 0;
  uint64_t slot = from < lowest ? lowest : from;
  const uint64_t last = end - kMaxTrampolineBytes;
  while (slot <= last) {
    const uint64_t aligned = (slot + kSlotMask) & ~kSlotMask;
    if (aligned < slot || aligned > last) return std::nullopt;
    slot = aligned;
    const int64_t distance = Distance(behind, slot);
    if (distance > INT32_MAX - 4096) return std::nullopt;
    int wrong = -1;  // the highest byte of the displacement that has to be another
    for (int byte = 3; byte >= 0 && wrong < 0; --byte)
      if ((site.invalid_mask >> byte & 1) && !IsInvalidOpcode(static_cast<uint8_t>(distance >> (8 * byte)))) wrong = byte;
    if (wrong < 0) return slot;
    const int shift = 8 * wrong;
    const int64_t next = ((distance >> shift) + 1) * (int64_t{1} << shift);
    slot = behind + static_cast<uint64_t>(next);
  }
  return std::nullopt;
}

std::optional<RewritePlan> BuildRewrite(const RewriteSite& site, uint64_t trampoline, uint64_t entry) {
  if (site.form == RewriteForm::kNone) return std::nullopt;
  RewritePlan plan{.site = site, .trampoline = trampoline};
  Emitter out(plan);
  const uint64_t return_address = site.site + kSyscallBytes;
  const bool before = site.form == RewriteForm::kBefore;
  if (before) RelocateAll(out, site, site.first);
  out.Point(TrampolinePoint::State::kOutside, site.site);
  out.Bytes({0x48, 0x8d, 0x0d, 0, 0, 0, 0});  // lea record(%rip),%rcx
  const size_t record_operand = plan.code_size - 4u;
  out.Point(TrampolinePoint::State::kEntering, site.site);
  const bool near_entry = FitsInt32(Distance(out.here() + 5, entry));
  size_t entry_operand = 0;
  if (near_entry) {
    out.Jump(entry);
  } else {
    out.Bytes({0xff, 0x25, 0, 0, 0, 0});  // jmp *literal(%rip)
    entry_operand = plan.code_size - 4u;
  }
  plan.resume = return_address;
  if (!before) {
    plan.resume = out.here();
    if (RelocateAll(out, site, return_address)) {
      out.Point(TrampolinePoint::State::kOutside, site.displaced_end);
      out.Jump(site.displaced_end);
    }
  }
  out.Align(8);
  out.Point(TrampolinePoint::State::kEntering, site.site);
  out.PutRelative(record_operand, out.here(), trampoline + record_operand + 4);
  out.Word(return_address);
  out.Word(plan.resume);
  if (!near_entry) {
    out.PutRelative(entry_operand, out.here(), trampoline + entry_operand + 4);
    out.Word(entry);
  }
  const int64_t distance = Distance(site.first + kRewritePatchBytes, trampoline);
  if (!out.ok() || !FitsInt32(distance)) return std::nullopt;
  const int32_t displacement = static_cast<int32_t>(distance);
  plan.patched[0] = 0xe9;
  std::memcpy(&plan.patched[1], &displacement, sizeof displacement);
  for (int byte = 0; byte < 4; ++byte)
    if ((site.invalid_mask >> byte & 1) && !IsInvalidOpcode(plan.patched[byte + 1])) return std::nullopt;
  return plan;
}

RewriteSteps PatchSteps(const RewritePlan& plan) { return Switch(plan.site, plan.site.original, plan.patched, false); }
RewriteSteps UndoSteps(const RewritePlan& plan) { return Switch(plan.site, plan.patched, plan.site.original, true); }

void BeginCall(Registers& regs, uint64_t site) {
  constexpr uint64_t kResumeFlag = 1 << 16;
  constexpr uint64_t kNoSuchCall = 38;  // ENOSYS
  regs.rip = site + kSyscallBytes;
  regs.rcx = regs.rip;
  regs.eflags &= ~kResumeFlag;
  regs.r11 = regs.eflags;
  regs.orig_rax = regs.rax;
  regs.rax = -kNoSuchCall;
}

}  // namespace ringwall::arch
