// Rewritten code run for real: registers, flags and the red zone as after the instruction, entries into the middle of a patch, every
// instruction of a trampoline interrupted, and threads that run through a patch while it is put in place and taken back.
#include <gtest/gtest.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "arch/x86_64/rewrite.h"
#include "arch/x86_64/rewrite_decode.h"
#include "arch/x86_64/rewrite_table.h"

namespace ringwall::arch {
namespace {

using Code = std::vector<uint8_t>;
using Kind = RewriteTable::Resolution::Kind;

// What guest code starts with and ends with.
struct State {
  uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, flags;
};

}  // namespace
}  // namespace ringwall::arch

extern "C" {
// The entry code's and the runner's private words: code under test may touch no register that is not its own.
constinit thread_local uint64_t rewrite_test_record = 0;
constinit thread_local uint64_t rewrite_test_resume = 0;
constinit thread_local uint64_t rewrite_test_entries = 0;
constinit thread_local uint64_t rewrite_test_host_sp = 0;
constinit thread_local uint64_t rewrite_test_guest_sp = 0;
constinit thread_local uint64_t rewrite_test_guest_rax = 0;
constinit thread_local void* rewrite_test_state = nullptr;
constinit thread_local uint64_t rewrite_test_target = 0;
void RewriteTestEntry();
void RewriteTestRun(void* state, uint64_t code);
void RewriteTestExit();
}

asm(R"(
.pushsection .text
.globl RewriteTestEntry
RewriteTestEntry:
  mov %rcx, %fs:rewrite_test_record@tpoff
  mov %fs:rewrite_test_entries@tpoff, %r11
  lea 1(%r11), %r11
  mov %r11, %fs:rewrite_test_entries@tpoff
  syscall
  mov %fs:rewrite_test_record@tpoff, %rcx
  mov 8(%rcx), %rcx
  mov %rcx, %fs:rewrite_test_resume@tpoff
  mov %fs:rewrite_test_record@tpoff, %rcx
  mov (%rcx), %rcx
  jmp *%fs:rewrite_test_resume@tpoff

.globl RewriteTestRun
RewriteTestRun:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  pushfq
  mov %rdi, %fs:rewrite_test_state@tpoff
  mov %rsi, %fs:rewrite_test_target@tpoff
  mov %rsp, %fs:rewrite_test_host_sp@tpoff
  mov 8(%rdi), %rbx
  mov 16(%rdi), %rcx
  mov 24(%rdi), %rdx
  mov 32(%rdi), %rsi
  mov 48(%rdi), %rbp
  mov 64(%rdi), %r8
  mov 72(%rdi), %r9
  mov 80(%rdi), %r10
  mov 88(%rdi), %r11
  mov 96(%rdi), %r12
  mov 104(%rdi), %r13
  mov 112(%rdi), %r14
  mov 120(%rdi), %r15
  mov 56(%rdi), %rax
  mov %rax, %fs:rewrite_test_guest_sp@tpoff
  mov 0(%rdi), %rax
  pushq 128(%rdi)
  mov 40(%rdi), %rdi
  popfq
  mov %fs:rewrite_test_guest_sp@tpoff, %rsp
  jmp *%fs:rewrite_test_target@tpoff

.globl RewriteTestExit
RewriteTestExit:
  mov %rax, %fs:rewrite_test_guest_rax@tpoff
  mov %fs:rewrite_test_state@tpoff, %rax
  mov %rbx, 8(%rax)
  mov %rcx, 16(%rax)
  mov %rdx, 24(%rax)
  mov %rsi, 32(%rax)
  mov %rdi, 40(%rax)
  mov %rbp, 48(%rax)
  mov %rsp, 56(%rax)
  mov %r8, 64(%rax)
  mov %r9, 72(%rax)
  mov %r10, 80(%rax)
  mov %r11, 88(%rax)
  mov %r12, 96(%rax)
  mov %r13, 104(%rax)
  mov %r14, 112(%rax)
  mov %r15, 120(%rax)
  mov %fs:rewrite_test_guest_rax@tpoff, %rbx
  mov %rbx, 0(%rax)
  mov %fs:rewrite_test_host_sp@tpoff, %rsp
  pushfq
  popq 128(%rax)
  popfq
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret
.popsection
)");

namespace ringwall::arch {
namespace {

constexpr uint64_t kTrapFlag = 0x100;
constexpr size_t kReserved = 256 << 20;
constexpr size_t kAreaAt = 96 << 20;  // the distances that a displacement with invalid opcodes in its high bytes needs
constexpr size_t kAreaSize = 32 << 20;
constexpr size_t kSiteAt = 8192 + 1024;  // stepped by 2048: no patch lies in two pages

// What the handlers of this file work on. One test at a time.
const RewriteTable* g_table = nullptr;
std::atomic<int> g_redirects{0};
std::atomic<int> g_undos{0};
// Single steps: at the step with this number the thread is moved to where the guest would be, and on from there.
std::vector<RewriteTable::Resolution>* g_steps = nullptr;
int g_transplant = -1;

uint64_t& Rip(void* context) { return reinterpret_cast<uint64_t&>(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]); }

void OnInvalidOpcode(int, siginfo_t*, void* context) {
  const auto resolution = g_table == nullptr ? RewriteTable::Resolution{} : g_table->Resolve(Rip(context));
  if (resolution.kind == Kind::kResume || resolution.kind == Kind::kRetry) {
    Rip(context) = resolution.rip;
    g_redirects.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  if (resolution.kind == Kind::kUndo) {
    std::memcpy(reinterpret_cast<void*>(resolution.plan->site.first), resolution.plan->site.original.data(), kRewritePatchBytes);
    g_undos.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  _exit(99);
}

void OnStep(int, siginfo_t*, void* context) {
  const auto resolution = g_table->Resolve(Rip(context));
  const bool inside = resolution.kind == Kind::kOutside || resolution.kind == Kind::kEntering;
  if (!inside) return;
  g_steps->push_back(resolution);
  if (static_cast<int>(g_steps->size()) - 1 != g_transplant) return;
  if (resolution.kind == Kind::kOutside) {
    Rip(context) = g_table->ResumeAddress(resolution.rip);
    return;
  }
  // The call has begun: make it, as the sentry would.
  auto& gregs = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  Registers regs{};
  regs.rax = static_cast<uint64_t>(gregs[REG_RAX]);
  regs.eflags = static_cast<uint64_t>(gregs[REG_EFL]);
  BeginCall(regs, resolution.rip);
  gregs[REG_RCX] = static_cast<int64_t>(regs.rcx);
  gregs[REG_R11] = static_cast<int64_t>(regs.r11);
  gregs[REG_RAX] = syscall(static_cast<long>(regs.orig_rax), gregs[REG_RDI], gregs[REG_RSI], gregs[REG_RDX]);
  Rip(context) = g_table->ResumeAddress(regs.rip);
}

class RewriteNative : public testing::Test {
 protected:
  void SetUp() override {
    void* memory = mmap(nullptr, kReserved, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    base_ = static_cast<uint8_t*>(memory);
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    action.sa_sigaction = OnInvalidOpcode;
    sigaction(SIGILL, &action, &old_ill_);
    action.sa_sigaction = OnStep;
    sigaction(SIGTRAP, &action, &old_trap_);
    UseSignalStack(signal_stack_);
    g_redirects = 0;
    g_undos = 0;
    g_transplant = -1;
    steps_.reserve(4096);  // the handler of single steps adds to it
    g_steps = &steps_;
    g_table = &table_;
  }
  void TearDown() override {
    g_table = nullptr;
    g_steps = nullptr;
    sigaction(SIGILL, &old_ill_, nullptr);
    sigaction(SIGTRAP, &old_trap_, nullptr);
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
    munmap(base_, kReserved);
  }
  static void UseSignalStack(std::vector<uint8_t>& stack) {
    stack.resize(256 << 10);
    stack_t alternate{};
    alternate.ss_sp = stack.data();
    alternate.ss_size = stack.size();
    ASSERT_EQ(sigaltstack(&alternate, nullptr), 0);
  }

  // NOPs, `before`, a syscall at `at`, `behind`, and a jump out.
  void Put(const Code& before, const Code& behind, size_t at = kSiteAt) {
    std::memset(base_ + at - 512, 0x90, 1536);
    std::copy(before.begin(), before.end(), base_ + at - before.size());
    uint8_t* to = base_ + at;
    *to++ = 0x0f;
    *to++ = 0x05;
    to = std::copy(behind.begin(), behind.end(), to) + 16;  // targets of short branches
    constexpr uint8_t kJumpOut[] = {0xff, 0x25, 0, 0, 0, 0};
    to = std::copy(std::begin(kJumpOut), std::end(kJumpOut), to);
    const auto exit = &RewriteTestExit;
    std::memcpy(to, &exit, 8);
    site_ = Address(at);
  }
  uint64_t Address(size_t offset) const { return reinterpret_cast<uint64_t>(base_) + offset; }

  RewritePlan Plan(uint64_t number, RewriteForm form) {
    const std::span<const uint8_t> window(base_ + (site_ - Address(0)) / 8 * 8 - 512, 1536);
    const CodeSnapshot code{reinterpret_cast<uint64_t>(window.data()), window};
    const auto plan = table_.Place(AnalyseSite(code, site_, number, form), Address(kAreaAt), Address(kAreaAt + kAreaSize),
                                   reinterpret_cast<uint64_t>(&RewriteTestEntry));
    EXPECT_TRUE(plan.has_value());
    if (!plan.has_value()) return {};
    EXPECT_TRUE(table_.Insert(*plan));
    std::memcpy(reinterpret_cast<void*>(plan->trampoline), plan->code.data(), plan->code_size);
    return *plan;
  }
  static void Apply(const RewriteSteps& steps, bool serialise = false) {
    for (size_t i = 0; i < steps.count; ++i) {
      const WordWrite& write = steps.writes[i];
      std::atomic_ref<uint64_t> word(*reinterpret_cast<uint64_t*>(write.address));
      uint64_t current = word.load();
      do {
        ASSERT_EQ(current & write.mask, write.expected);
      } while (!word.compare_exchange_weak(current, (current & ~write.mask) | write.desired));
      ASSERT_TRUE(!serialise || syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) == 0);
    }
  }

  State Run(uint64_t from, uint64_t number, uint64_t flags = 0) {
    std::vector<uint64_t> stack(512, 0x5555'5555'5555'5555);
    State state{.rax = 0xa1a1,
                .rbx = 1,
                .rcx = 2,
                .rdx = 3,
                .rsi = 0,
                .rdi = 0,
                .rbp = 4,
                .rsp = reinterpret_cast<uint64_t>(&stack[256]),
                .r8 = 5,
                .r9 = 6,
                .r10 = 7,
                .r11 = 8,
                .r12 = 9,
                .r13 = 10,
                .r14 = 11,
                .r15 = 12,
                .flags = 0x202 | flags};
    state.rdi = number == SYS_getpgid ? static_cast<uint64_t>(getpid()) : 0;
    state.rax = number;
    const uint64_t sp = state.rsp;
    RewriteTestRun(&state, from);
    for (const uint64_t word : stack) EXPECT_EQ(word, 0x5555'5555'5555'5555);
    EXPECT_EQ(state.rsp, sp);
    state.rsp = 0;
    return state;
  }
  static void ExpectSame(const State& a, const State& b) {
    const auto* left = reinterpret_cast<const uint64_t*>(&a);
    const auto* right = reinterpret_cast<const uint64_t*>(&b);
    for (size_t i = 0; i < sizeof(State) / 8; ++i) EXPECT_EQ(left[i], right[i]) << "register " << i;
  }

  uint8_t* base_ = nullptr;
  uint64_t site_ = 0;
  RewriteTable table_;
  std::vector<RewriteTable::Resolution> steps_;

 private:
  std::vector<uint8_t> signal_stack_;
  struct sigaction old_ill_ {};
  struct sigaction old_trap_ {};
};

struct Sample {
  const char* name;
  RewriteForm form;
  Code before;
  Code behind;
};

std::vector<Sample> Samples() {
  const Code mov = {0xb8, SYS_getpgid, 0, 0, 0};
  const Code mov_full = {0x48, 0xc7, 0xc0, SYS_getpgid, 0, 0, 0};
  const Code cmp = {0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff};
  return {{"glibc", RewriteForm::kBefore, mov, {0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff, 0x73, 0x01, 0x90}},
          {"go, full register", RewriteForm::kBefore, mov_full, cmp},
          {"go, comparison behind", RewriteForm::kAfter, {0x48, 0x89, 0xfb}, cmp},
          {"short instructions", RewriteForm::kAfter, {0x48, 0x89, 0xfb}, {0x89, 0xc2, 0x89, 0xd5, 0x48, 0xff, 0xc3}},
          {"branch taken", RewriteForm::kAfter, mov, {0x85, 0xc0, 0x79, 0x04, 0xff, 0xc3, 0xff, 0xc3}},
          {"branch not taken", RewriteForm::kAfter, mov, {0x85, 0xc0, 0x78, 0x04, 0xff, 0xc3, 0xff, 0xc3}},
          {"rip-relative load", RewriteForm::kAfter, mov, {0x48, 0x8b, 0x0d, 0x00, 0x01, 0x00, 0x00}},
          {"rip-relative comparison", RewriteForm::kAfter, mov, {0x81, 0x3d, 0x10, 0x01, 0x00, 0x00, 0x90, 0x90, 0x90, 0x90}},
          {"jump", RewriteForm::kAfter, mov, {0xeb, 0x03, 0xff, 0xc3, 0x90}}};
}

TEST_F(RewriteNative, RegistersFlagsAndRedZoneAreTheInstructions) {
  size_t at = kSiteAt;
  for (const Sample& sample : Samples()) {
    for (size_t alignment = 0; alignment < 8; ++alignment) {
      SCOPED_TRACE(sample.name);
      at += 2048;
      Put(sample.before, sample.behind, at + alignment);
      for (const uint64_t flags : {uint64_t{0}, uint64_t{0x8d5}}) {
        const State expected = Run(site_ - 16, SYS_getpgid, flags);
        const RewritePlan plan = flags == 0 ? Plan(SYS_getpgid, sample.form) : *table_.SiteAt(site_);
        ASSERT_EQ(plan.site.form, sample.form);
        Apply(PatchSteps(plan));
        const uint64_t before = rewrite_test_entries;
        const State actual = Run(site_ - 16, SYS_getpgid, flags);
        EXPECT_EQ(rewrite_test_entries, before + 1);
        ExpectSame(actual, expected);
        Apply(UndoSteps(plan));
        ExpectSame(Run(site_ - 16, SYS_getpgid, flags), expected);
        EXPECT_EQ(rewrite_test_entries, before + 1);
      }
    }
  }
  EXPECT_EQ(g_redirects, 0);
}

TEST_F(RewriteNative, EveryInvalidOpcodeFaultsWithoutEffect) {
  for (const uint8_t byte : kInvalidOpcodes) {
    Put({}, {});
    // A table that redirects from the byte to behind it: pretend that it is the second byte of a patch.
    (void)Plan(SYS_getpgid, RewriteForm::kAfter);
    base_[kSiteAt + 2] = byte;
    const int before = g_redirects;
    const State state = Run(site_ + 2, 77);
    EXPECT_EQ(g_redirects, before + 1) << int{byte};
    EXPECT_EQ(state.rax, 77u);
    EXPECT_EQ(state.rcx, 2u);
    EXPECT_EQ(state.r11, 8u);
    table_ = RewriteTable();
  }
}

TEST_F(RewriteNative, EntriesIntoThePatch) {
  size_t at = kSiteAt;
  for (const Sample& sample : Samples()) {
    SCOPED_TRACE(sample.name);
    at += 2048;
    Put(sample.before, sample.behind, at);
    // The site itself, what follows it, and for kAfter each displaced instruction: all without a call of their own, but the site.
    std::vector<uint64_t> entries = {site_ + 2};
    if (sample.form == RewriteForm::kBefore) entries.push_back(site_);
    for (size_t i = 0; sample.form == RewriteForm::kAfter && i < sample.behind.size();) {
      entries.push_back(site_ + 2 + i);
      const Instruction instruction = DecodeInstruction(std::span(sample.behind).subspan(i));
      if (instruction.ends()) break;
      i += instruction.length;
    }
    std::vector<State> expected;
    for (const uint64_t entry : entries) expected.push_back(Run(entry, SYS_getpgid));
    const RewritePlan plan = Plan(SYS_getpgid, sample.form);
    Apply(PatchSteps(plan));
    for (size_t i = 0; i < entries.size(); ++i) {
      const uint64_t calls = rewrite_test_entries;
      ExpectSame(Run(entries[i], SYS_getpgid), expected[i]);
      // And by the address that saves the fault.
      const int faults = g_redirects;
      ExpectSame(Run(table_.ResumeAddress(entries[i]), SYS_getpgid), expected[i]);
      EXPECT_EQ(g_redirects, faults);
      EXPECT_EQ(rewrite_test_entries, calls);
    }
    EXPECT_EQ(g_undos, 0);
  }
  EXPECT_GT(g_redirects, 0);
}

TEST_F(RewriteNative, UnknownBytesBehindAReturnTakeThePatchBack) {
  // jmp +0: what follows is unknown to the analysis, and is an instruction all the same.
  Put({0x89, 0xd0}, {0xeb, 0x10, 0xff, 0xc3, 0xff, 0xc3});
  const State expected = Run(site_ + 4, SYS_getpgid);
  const RewritePlan plan = Plan(SYS_getpgid, RewriteForm::kAfter);
  EXPECT_EQ(plan.site.invalid_mask, 0b1010);
  Apply(PatchSteps(plan));
  ExpectSame(Run(site_ + 4, SYS_getpgid), expected);
  EXPECT_EQ(g_undos, 1);
  EXPECT_EQ(std::memcmp(base_ + kSiteAt, plan.site.original.data(), kRewritePatchBytes), 0);
}

TEST_F(RewriteNative, EveryInstructionOfATrampolineCanBeInterrupted) {
  size_t at = kSiteAt;
  for (const Sample& sample : Samples()) {
    SCOPED_TRACE(sample.name);
    at += 2048;
    Put(sample.before, sample.behind, at);
    State expected = Run(site_ - 16, SYS_getpgid);
    const RewritePlan plan = Plan(SYS_getpgid, sample.form);
    Apply(PatchSteps(plan));
    g_transplant = -1;
    steps_.clear();
    (void)Run(site_ - 16, SYS_getpgid, kTrapFlag);
    const size_t count = steps_.size();
    EXPECT_GE(count, 2u);
    for (size_t i = 0; i < count; ++i) {
      steps_.clear();
      g_transplant = static_cast<int>(i);
      State actual = Run(site_ - 16, SYS_getpgid, kTrapFlag);
      // The guest that single-steps sees its own trap flag.
      actual.flags &= ~kTrapFlag;
      actual.r11 &= ~kTrapFlag;
      ExpectSame(actual, expected);
      ASSERT_GT(steps_.size(), i);
      EXPECT_EQ(steps_[i].plan->site.site, site_);
    }
  }
}

// Threads call through the site without pause while it is switched over and back.
TEST_F(RewriteNative, SwitchingUnderLoad) {
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) != 0) GTEST_SKIP() << "no membarrier(2) SYNC_CORE";
  const pid_t group = getpgid(0);
  size_t at = kSiteAt;
  for (const Sample& sample : Samples()) {
    for (const size_t alignment : {0, 4, 7}) {
      SCOPED_TRACE(sample.name);
      at += 2048;
      Put(sample.before, sample.behind, at + alignment);
      const State expected = Run(site_ - 16, SYS_getpgid);
      const RewritePlan plan = Plan(SYS_getpgid, sample.form);
      std::atomic<bool> stop{false};
      std::atomic<uint64_t> rounds{0};
      std::atomic<int> wrong{0};
      std::vector<std::thread> threads;
      for (int t = 0; t < 2; ++t) {
        threads.emplace_back([&] {
          std::vector<uint8_t> signal_stack;
          UseSignalStack(signal_stack);
          while (!stop.load(std::memory_order_relaxed)) {
            const State actual = Run(site_ - 16, SYS_getpgid);
            if (std::memcmp(&actual, &expected, sizeof actual) != 0 || static_cast<pid_t>(actual.rax) != group) ++wrong;
            rounds.fetch_add(1, std::memory_order_relaxed);
          }
          stack_t none{};
          none.ss_flags = SS_DISABLE;
          sigaltstack(&none, nullptr);
        });
      }
      for (int round = 0; round < 10; ++round) {
        Apply(PatchSteps(plan), true);
        const uint64_t seen = rounds;
        while (rounds < seen + 2) std::this_thread::yield();
        Apply(UndoSteps(plan), true);
      }
      stop = true;
      for (std::thread& thread : threads) thread.join();
      EXPECT_EQ(wrong, 0);
    }
  }
  EXPECT_EQ(g_undos, 0);
}

}  // namespace
}  // namespace ringwall::arch
