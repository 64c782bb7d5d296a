// Code that runs inside a stub when the tracer sends a thread there: no libc, no stack, no TLS, position-independent. Every routine
// ends in int3, and the tracer takes results from registers, never from memory that a guest can write. A guest that jumps here gains
// nothing: under PTRACE_SYSEMU each `syscall` below is an ordinary guest system call, each int3 an ordinary SIGTRAP.

  .section .ringwall_stub, "ax", @progbits
  .balign 4096
  .globl ringwall_stub_begin
ringwall_stub_begin:

// Where the zygote enters the platform's hands.
  .globl ringwall_stub_park
ringwall_stub_park:
  int3
  .globl ringwall_stub_parked
ringwall_stub_parked:
  hlt

// rbx = first Op, rbp = end. Runs them in order; stops at the end or at the first error with rbx = that Op, rax = last result.
  .globl ringwall_stub_run
ringwall_stub_run:
  cmp %rbp, %rbx
  je 1f
  mov (%rbx), %rax
  mov 8(%rbx), %rdi
  mov 16(%rbx), %rsi
  mov 24(%rbx), %rdx
  mov 32(%rbx), %r10
  mov 40(%rbx), %r8
  mov 48(%rbx), %r9
  syscall
  cmp $-4095, %rax
  jae 1f
  add $64, %rbx
  jmp ringwall_stub_run
1:
  int3
  .globl ringwall_stub_run_done
ringwall_stub_run_done:
  hlt

// rdi = address, eax = expected, edx = desired; found value in eax.
  .globl ringwall_stub_cmpxchg
ringwall_stub_cmpxchg:
  lock cmpxchg %edx, (%rdi)
  int3
  .globl ringwall_stub_cmpxchg_done
ringwall_stub_cmpxchg_done:
  hlt

// rdi = address: a read access, so that the host grows a stack down to it.
  .globl ringwall_stub_touch
ringwall_stub_touch:
  movzbl (%rdi), %eax
  int3
  .globl ringwall_stub_touch_done
ringwall_stub_touch_done:
  hlt

  .globl ringwall_stub_end
ringwall_stub_end:
  .section .note.GNU-stack, "", @progbits
