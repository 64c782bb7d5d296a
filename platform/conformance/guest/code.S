// Guest programs of the platform tests. The whole section is mapped at kCodeBase; each program is position-independent and ends in `syscall`.
  .section .conformance_guest, "ax", @progbits
  .balign 4096
  .globl conformance_code_begin
conformance_code_begin:

.macro program name
  .balign 16
  .globl code_\name
code_\name:
.endm

program call_loop          // an endless row of system calls, registers as the sentry sets them
1: syscall
  jmp 1b

program getppid_loop       // the same with a fixed number
1: mov $110, %eax
  syscall
  jmp 1b

// Rewritten calls (arch/x86_64/rewrite.h): what a trampoline does, with the entry's address in r15.
.macro rewritten
  lea 8f(%rip), %rcx
  jmp *%r15
  .balign 8
8: .quad 0x400000 + (9f - conformance_code_begin), 0x400000 + (9f - conformance_code_begin)
9:
.endm

program rewritten_loop       // r12 counts the calls; rbx, rbp, r13, r14 and ymm3 are the same in each
1: mov $110, %eax
  inc %r12
  rewritten
  jmp 1b

program rewritten_avx        // ymm3 += ymm3 after a call in between, and a carry goes through it
  vmovdqu (%rdi), %ymm3
  stc
  rewritten
  sbb %rsi, %rsi
  vpaddq %ymm3, %ymm3, %ymm3
  vmovdqu %ymm3, (%rdi)
  syscall
  jmp code_call_loop

program spin
1: pause
  jmp 1b

program count              // increments (%rdi) for ever
1: lock incq (%rdi)
  jmp 1b

program compute            // rdi rounds of arithmetic, then a call
1: dec %rdi
  jnz 1b
  syscall
  jmp code_call_loop

program store              // *rdi = rsi
  mov %rsi, (%rdi)
  syscall
  jmp code_call_loop

program load               // rbx = *rdi
  mov (%rdi), %rbx
  syscall
  jmp code_call_loop

program add_many           // rsi times: lock add 1 to (%rdi)
1: lock incq (%rdi)
  dec %rsi
  jnz 1b
  syscall
  jmp code_call_loop

program grow               // touches rdi pages below the stack pointer, downwards
1: sub $4096, %rsp
  movq $7, (%rsp)
  dec %rdi
  jnz 1b
  syscall
  jmp code_call_loop

program jump               // to rdi
  jmp *%rdi

program call_vsyscall      // time(rdi) through the legacy page, then a call
  mov $0xffffffffff600400, %rax
  call *%rax
  mov %rax, %rbx
  syscall
  jmp code_call_loop

program avx                // ymm3 += ymm3 after a call in between
  vmovdqu (%rdi), %ymm3
  syscall
  vpaddq %ymm3, %ymm3, %ymm3
  vmovdqu %ymm3, (%rdi)
  syscall
  jmp code_call_loop

program store_avx          // (%rdi) = ymm3
  vmovdqu %ymm3, (%rdi)
  syscall
  jmp code_call_loop

program int3
  int3
  syscall
  jmp code_call_loop
program ud2
  ud2
program hlt
  hlt
program in
  in $0x60, %al
program out
  out %al, $0x60
program cli
  cli
program divide
  xor %ecx, %ecx
  xor %edx, %edx
  div %ecx
program int80
  mov $20, %eax
  int $0x80
  syscall
program int1
  .byte 0xcd, 0x01
program sysenter
  mov $20, %eax
  mov %rsp, %rbp
  sysenter
program trap_flag          // single-steps itself
  pushfq
  orq $0x100, (%rsp)
  popfq
  nop
  syscall
  jmp code_call_loop
program bad_stack          // a push to a non-canonical address
  mov $0x8000000000000000, %rsp
  push %rax
program misaligned_ss      // loads a bad selector
  mov $0x1234, %eax
  mov %eax, %ds
program int80_forged       // pretends to be `syscall`
  mov $39, %eax
  lea 1f(%rip), %rcx
  int $0x80
1: syscall
  jmp code_call_loop

  .balign 4096
  .globl conformance_code_end
conformance_code_end:
  .section .note.GNU-stack, "", @progbits
