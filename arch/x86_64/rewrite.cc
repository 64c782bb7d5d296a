// The analysis of a system call's site: which bytes are instructions, who may jump there, which of the two forms fits.
#include "arch/x86_64/rewrite.h"

#include <algorithm>
#include <bitset>
#include <cstring>

#include "arch/x86_64/decode.h"
#include "arch/x86_64/rewrite_decode.h"

namespace ringwall::arch {
namespace {

constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kBytesBefore = 192;
constexpr uint64_t kBytesBehind = 160;  // a short branch reaches 128 bytes back
constexpr size_t kWindow = kBytesBefore + kBytesBehind;
constexpr uint64_t kSyscallBytes = 2;
// Branch targets are remembered from this far before the site.
constexpr uint64_t kNear = 8;

uint32_t Load32(const uint8_t* from) {
  uint32_t value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

bool SamePage(uint64_t first, uint64_t last) { return first / kPageBytes == last / kPageBytes; }

class Analysis {
 public:
  Analysis(const CodeSnapshot& code, uint64_t site) : code_(code), site_(site), end_(code.base + code.bytes.size()) {}

  RewriteSite Run(uint64_t number, RewriteForm only) {
    if (!IsSite()) return Refuse(RewriteRefusal::kNotASite);
    FindStarts();
    FindFarBranches();
    RewriteRefusal why = RewriteRefusal::kUnmovable;
    if (only != RewriteForm::kAfter) why = TryBefore(number);
    if (why != RewriteRefusal::kNone && only != RewriteForm::kBefore) why = TryAfter();
    if (why != RewriteRefusal::kNone) return Refuse(why);
    std::memcpy(out_.original.data(), At(out_.first), kRewritePatchBytes);
    return out_;
  }

 private:
  bool IsSite() const {
    const uint64_t size = code_.bytes.size();
    if (code_.base % 8 != 0 || size % 8 != 0 || size > (uint64_t{1} << 31) || code_.base > UINT64_MAX - size) return false;
    if (site_ < code_.base || size < kNear + kSyscallBytes || site_ - code_.base > size - kSyscallBytes) return false;
    return At(site_)[0] == 0x0f && At(site_)[1] == 0x05;
  }
  const uint8_t* At(uint64_t address) const { return code_.bytes.data() + (address - code_.base); }
  Instruction Decode(uint64_t address) const { return DecodeInstruction(code_.bytes.subspan(address - code_.base)); }

  RewriteSite Refuse(RewriteRefusal why) const { return {.refusal = why, .site = site_}; }

  // ---- boundaries

  void Mark(uint64_t address) {
    if (address < low_ || address >= high_) return;
    starts_.set(address - low_);
    last_mark_ = std::max(last_mark_, address);
  }
  bool IsStart(uint64_t address) const { return address >= low_ && address < high_ && starts_.test(address - low_); }

  // Every place where an instruction may begin: all decodings from 15 consecutive offsets, one of which is a true start.
  void FindStarts() {
    low_ = site_ - code_.base > kBytesBefore ? site_ - kBytesBefore : code_.base;
    high_ = std::min(end_, site_ + kBytesBehind);
    for (uint64_t address = low_; address < low_ + kMaxInstructionBytes; ++address) Mark(address);
    Mark(site_);
    Mark(site_ + kSyscallBytes);
    // The marks at the site were not reached by decoding.
    last_mark_ = low_ + kMaxInstructionBytes - 1;
    for (uint64_t address = low_; address < high_; ++address) {
      if (!IsStart(address)) continue;
      const Instruction instruction = Decode(address);
      if (instruction.length == 0) {
        // No decoding is left: an unknown instruction or data. Any of the next offsets may be the next start.
        if (last_mark_ <= address)
          for (uint64_t next = address + 1; next <= address + kMaxInstructionBytes; ++next) Mark(next);
        continue;
      }
      const uint64_t next = address + instruction.length;
      Mark(next);
      // Functions begin at multiples of 16; the filler in front of them need not be code.
      if (instruction.ends()) Mark((next + 15) & ~uint64_t{15});
      if (address < site_ && next > site_) crosses_site_ = true;
      if (instruction.relative) NoteTarget(next + static_cast<uint64_t>(static_cast<int64_t>(instruction.displacement)));
    }
  }

  // ---- branches

  void NoteTarget(uint64_t target) {
    const uint64_t offset = target - (site_ - kNear);
    if (offset < 32) targets_ |= uint32_t{1} << offset;
  }

  // CALL, JMP and Jcc with 32-bit displacements at every offset of the snapshot, whether or not it is an instruction.
  void FindFarBranches() {
    const uint8_t* bytes = code_.bytes.data();
    const size_t size = code_.bytes.size();
    // An operand at offset i goes to i + 4 + displacement; wanted: within 16 bytes from site - 8.
    const uint32_t wanted = static_cast<uint32_t>(site_ - kNear - code_.base - 4);
    for (size_t i = 1; i + 4 <= size; ++i) {
      if (Load32(bytes + i) + static_cast<uint32_t>(i) - wanted >= 16) continue;
      const bool jump = (bytes[i - 1] & 0xfe) == 0xe8;
      const bool branch = i >= 2 && bytes[i - 2] == 0x0f && (bytes[i - 1] & 0xf0) == 0x80;
      if (jump || branch)
        NoteTarget(code_.base + i + 4 + static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(Load32(bytes + i)))));
    }
  }

  // Whether a direct branch goes behind the first byte of a patch at `first`.
  bool BranchInto(uint64_t first) const {
    const uint64_t shift = first + 1 - (site_ - kNear);
    return ((targets_ >> shift) & 0xf) != 0;
  }

  // ---- forms

  RewriteRefusal TryBefore(uint64_t number) {
    const uint64_t before = site_ - code_.base;
    uint64_t first = 0;
    if (before >= 5 && At(site_ - 5)[0] == 0xb8) {
      first = site_ - 5;
      if (number != Load32(At(first + 1))) return RewriteRefusal::kAmbiguous;
    } else if (before >= 7 && At(site_ - 7)[0] == 0x48 && At(site_ - 7)[1] == 0xc7 && At(site_ - 7)[2] == 0xc0) {
      first = site_ - 7;
      if (number != static_cast<uint64_t>(static_cast<int64_t>(static_cast<int32_t>(Load32(At(first + 3))))))
        return RewriteRefusal::kAmbiguous;
    } else {
      return RewriteRefusal::kUnmovable;
    }
    if (!IsStart(first) || crosses_site_) return RewriteRefusal::kAmbiguous;
    for (uint64_t address = first + 1; address < site_; ++address)
      if (IsStart(address)) return RewriteRefusal::kAmbiguous;
    const uint64_t reach = std::min<uint64_t>(kMaxInstructionBytes - 1, first - low_);
    for (uint64_t address = first - reach; address < first; ++address)
      if (IsStart(address) && address + Decode(address).length > first) return RewriteRefusal::kAmbiguous;
    if (BranchInto(first)) return RewriteRefusal::kBranchTarget;
    if (!SamePage(first, first + kRewritePatchBytes - 1)) return RewriteRefusal::kPageBorder;
    out_ = {.form = RewriteForm::kBefore, .site = site_, .first = first, .displaced_end = site_ + kSyscallBytes};
    Displace(first, site_ - first);
    return RewriteRefusal::kNone;
  }

  RewriteRefusal TryAfter() {
    if (crosses_site_) return RewriteRefusal::kAmbiguous;
    const uint64_t patch_end = site_ + kRewritePatchBytes;
    if (patch_end > end_) return RewriteRefusal::kUnmovable;
    if (!SamePage(site_, patch_end - 1)) return RewriteRefusal::kPageBorder;
    out_ = {.form = RewriteForm::kAfter, .site = site_, .first = site_};
    uint64_t address = site_ + kSyscallBytes;
    while (address < patch_end) {
      const Instruction instruction = Decode(address);
      if (!instruction.movable()) return RewriteRefusal::kUnmovable;
      out_.invalid_mask |= static_cast<uint8_t>(1 << (address - site_ - 1));
      Displace(address, instruction.length);
      address += instruction.length;
      if (instruction.ends()) break;
    }
    // Bytes behind an instruction that does not go on are somebody else's.
    out_.displaced_end = address;
    for (; address < patch_end; ++address) out_.invalid_mask |= static_cast<uint8_t>(1 << (address - site_ - 1));
    if (BranchInto(site_)) return RewriteRefusal::kBranchTarget;
    return RewriteRefusal::kNone;
  }

  void Displace(uint64_t address, uint64_t size) {
    std::memcpy(out_.displaced.data() + out_.displaced_size, At(address), size);
    out_.displaced_size = static_cast<uint8_t>(out_.displaced_size + size);
  }

  const CodeSnapshot code_;
  const uint64_t site_;
  const uint64_t end_;
  uint64_t low_ = 0;
  uint64_t high_ = 0;
  uint64_t last_mark_ = 0;
  std::bitset<kWindow> starts_;
  bool crosses_site_ = false;
  uint32_t targets_ = 0;  // bit i: a direct branch goes to site - kNear + i
  RewriteSite out_;
};

}  // namespace

RewriteSite AnalyseSite(const CodeSnapshot& code, uint64_t site, uint64_t number, RewriteForm only) {
  return Analysis(code, site).Run(number, only);
}

const char* RewriteRefusalName(RewriteRefusal refusal) {
  switch (refusal) {
    case RewriteRefusal::kNone: return "none";
    case RewriteRefusal::kNotASite: return "not a site";
    case RewriteRefusal::kAmbiguous: return "ambiguous";
    case RewriteRefusal::kUnmovable: return "unmovable";
    case RewriteRefusal::kBranchTarget: return "branch target";
    case RewriteRefusal::kPageBorder: return "page border";
  }
  return "?";
}

}  // namespace ringwall::arch
