// Call-site rewriting: a `syscall` instruction that trapped is replaced by a jump, so that the next call needs no signal. This is the
// analysis: bytes in, plan out. Nothing here touches guest memory, and nothing that the guest put there is trusted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "arch/x86_64/registers.h"

// A near jump has 5 bytes, `syscall` has 2. There are two forms:
//
//   kBefore      mov $nr,%eax        jmp trampoline      the trampoline loads the number, enters the sentry's code and goes on at S+2
//             S: syscall          S: syscall
//   kAfter    S: syscall          S: jmp trampoline      the trampoline enters, runs the displaced instructions and goes on behind them
//                cmp $-4095,%rax     (tail of cmp)
//
// Why the patched program is the same program. Let S be the site and P the five patched bytes.
//  1. Boundaries. The trap proves that S is an instruction and that S+2 is where it goes on; the instructions from there on are known up to
//     the first that does not go on. kAfter displaces only these, so its boundaries need no assumption. kBefore displaces the instruction
//     in front of S, which no trap has proved. It is taken only if (a) every decoding that starts at any of 15 consecutive offsets, up to
//     192 bytes before S, comes to the MOV as one instruction, where also the 16-aligned addresses behind a jump or return count as starts
//     (one of 15 consecutive offsets is a true start, as no instruction is longer, unless all of it is data), and (b) the trapped number is
//     the immediate. kAfter also asks for (a) as far as S: no such decoding runs across it.
//  2. Entering P at its first byte does what the old bytes did: the trampoline holds relocated copies.
//  3. Entering P behind its first byte. kBefore: S itself is not in P, so jumping to it, or restarting a call there, still traps. The other
//     bytes of P were the inside of one MOV, and no direct branch goes there. kAfter: every displaced instruction that began inside P (S+2
//     for one) begins with a byte of the jump's displacement that is chosen, by choosing where the trampoline is, from kInvalidOpcodes.
//     Entering it raises #UD with no effect at all, the handler finds (RewriteTable::Resolve) that rip is a displaced instruction, and
//     goes on at its copy. The same holds for bytes in P behind a `ret` or `jmp`, of which nothing is known: there the handler takes the
//     patch back and tries again. Thus indirect jumps, signal frames and saved contexts that name S+2 keep working; they are slow once.
//     Sites to which a direct branch in sight jumps are refused: they would be slow each time.
//  4. Threads that are inside P while it is written. P lies in one aligned 8-byte word and is written by one store, or in two and is
//     written in three steps (RewriteSteps), each a single store: first its first byte becomes an invalid opcode, last the jump. The CPU
//     sees either instruction whole (AMD APM volume 2, "Cross-Modifying Code"). Between the steps all CPUs of the address space are
//     serialised (membarrier(2), SYNC_CORE). A thread that takes #UD at the first byte meanwhile goes on at the trampoline. Intel promises
//     cross-modifying code only with other CPUs serialised (SDM volume 3, 9.1.3): stop the other threads around a store where that matters.
//  5. What the trampoline changes: rcx, which the call is about to overwrite. It touches no flags, no stack and no red zone.
//
// Not the same program: one that reads or copies its own text, or executes the same bytes as parts of two different instructions other than
// by a direct branch that the snapshot shows. It damages itself only.
namespace ringwall::arch {

inline constexpr size_t kRewritePatchBytes = 5;
inline constexpr size_t kMaxTrampolineBytes = 96;
inline constexpr size_t kTrampolineAlign = 16;

// A copy of executable guest memory around a site. Both ends lie on 8 bytes. Each end is either at least kRewriteContext bytes from the
// site or where the executable mapping ends (its neighbours are not executable). More bytes find more far branches. Patches of other
// sites are to be hidden (RewriteTable::HidePatches).
inline constexpr size_t kRewriteContext = 256;
struct CodeSnapshot {
  uint64_t base = 0;
  std::span<const uint8_t> bytes;
};

enum class RewriteForm : uint8_t { kNone, kBefore, kAfter };

enum class RewriteRefusal : uint8_t {
  kNone,
  kNotASite,      // no `syscall` there, or too little of the snapshot
  kAmbiguous,     // some decoding runs across the site
  kUnmovable,     // no number is loaded in front, and what follows cannot be moved (a call, another syscall, unknown)
  kBranchTarget,  // a direct branch goes into what would be patched
  kPageBorder,    // the patch would lie in two pages
};
const char* RewriteRefusalName(RewriteRefusal refusal);

struct RewriteSite {
  RewriteForm form = RewriteForm::kNone;
  RewriteRefusal refusal = RewriteRefusal::kNone;  // why not; set with kNone only
  uint64_t site = 0;                               // of the `syscall`
  uint64_t first = 0;                              // of the patch
  uint64_t displaced_end = 0;                      // kAfter: behind the last displaced instruction; kBefore: behind the site
  std::array<uint8_t, kRewritePatchBytes> original = {};
  // Bit i: byte i of the jump's displacement must be an invalid opcode.
  uint8_t invalid_mask = 0;
  uint8_t displaced_size = 0;
  std::array<uint8_t, 32> displaced = {};
  bool single_word() const { return (first & 7) + kRewritePatchBytes <= 8; }
};

// Can the site be rewritten, and how? `number` is rax at the trap. kBefore is preferred: it leaves `syscall` and S+2 in place. `only`
// restricts the answer to one form.
RewriteSite AnalyseSite(const CodeSnapshot& code, uint64_t site, uint64_t number, RewriteForm only = RewriteForm::kNone);

// The first address in [from, end - kMaxTrampolineBytes] at which a trampoline for the site may stand. Linear in nothing that a guest
// controls: at most some hundred steps.
std::optional<uint64_t> FindTrampolineSlot(const RewriteSite& site, uint64_t from, uint64_t end);

// Where a trampoline's instructions are and what a thread that stands there looks like to the guest.
struct TrampolinePoint {
  enum class State : uint8_t {
    kOutside,   // registers are the guest's; rip is guest_rip
    kEntering,  // rcx is gone: the call has begun (BeginCall)
  };
  uint8_t offset = 0;
  State state = State::kOutside;
  uint64_t guest_rip = 0;
};

// What the trampoline hands to the entry code, in rcx. Lies in the trampoline: guest memory.
struct TrampolineRecord {
  uint64_t return_address;  // S+2: rcx and the guest's rip after the call
  uint64_t resume_address;  // where to jump when the call returns to S+2
};

// The entry code is jumped to with rcx = &record and every other register and flag as at the call: rax the number, r11 free to clobber,
// the guest's stack not to be touched. It makes the call, sets rcx = return_address and r11 = the flags, and jumps to resume_address.
struct RewritePlan {
  RewriteSite site;
  std::array<uint8_t, kRewritePatchBytes> patched = {};
  uint64_t trampoline = 0;
  uint64_t resume = 0;  // record.resume_address
  uint8_t code_size = 0;
  uint8_t point_count = 0;
  std::array<uint8_t, kMaxTrampolineBytes> code = {};
  std::array<TrampolinePoint, 9> points = {};  // the last: the record, where a thread is said to stand whom the entry code has stopped
};

// nullopt when something is out of a 32-bit displacement's reach: try another slot.
std::optional<RewritePlan> BuildRewrite(const RewriteSite& site, uint64_t trampoline, uint64_t entry);

// Stores that put the patch in place or take it back, in order. Each replaces the bytes of `mask` in the aligned 8-byte word, atomically,
// if they are `expected` (a compare-and-exchange loop over the rest). Serialise the CPUs of the address space between any two. The
// trampoline is in place, and the plan in the table, before the first. An unexpected word before the first store: forget the plan; later:
// the guest wrote over its own code.
struct WordWrite {
  uint64_t address = 0;
  uint64_t mask = 0;
  uint64_t expected = 0;
  uint64_t desired = 0;
};
struct RewriteSteps {
  uint8_t count = 0;
  std::array<WordWrite, 3> writes = {};
};
RewriteSteps PatchSteps(const RewritePlan& plan);
RewriteSteps UndoSteps(const RewritePlan& plan);

// Turns the registers of a thread that stands inside a trampoline's entry (State::kEntering) into those of one whose `syscall` has just
// trapped: rip behind it, orig_rax the number, rax -ENOSYS, rcx and r11 as the instruction leaves them. Where a signal hits this point,
// the call has been made first; the guest cannot tell.
void BeginCall(Registers& regs, uint64_t site);

}  // namespace ringwall::arch
