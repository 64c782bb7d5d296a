// The parts of the stub that no compiler can write: leaving the handler, making threads whose stack is another context, accesses that may
// fault. Everything is position-independent; see guest/stub.cc for the rest of the section.
#include "platform/systrap/guest/layout.h"

  .section ringwall_systrap, "ax", @progbits

// SA_RESTORER: the handler returned, rsp is at the frame's ucontext.
  .globl ringwall_systrap_restore
  .hidden ringwall_systrap_restore
ringwall_systrap_restore:
  mov $15, %eax
  syscall
  hlt

// rdi = context, rsi = address of a frame's ucontext: what a thread that never entered the handler does instead of returning.
  .globl ringwall_systrap_leave
  .hidden ringwall_systrap_leave
ringwall_systrap_leave:
  mov %rdi, %rbx
  mov %rsi, %rsp
  xor %eax, %eax
  jmp ringwall_systrap_call_leaving

// int64 clone(rdi flags, rsi context of the child, rdx memfd or -1, rcx offset): the creator returns the child's id or an error. The child has
// no stack until it has mapped its context, so everything is in registers that clone(2) keeps.
  .globl ringwall_systrap_clone
  .hidden ringwall_systrap_clone
ringwall_systrap_clone:
  push %rbx
  push %r12
  push %r13
  push %r14
  mov %rsi, %rbx
  mov %rdx, %r12
  mov %rcx, %r13
  mov $56, %eax          // clone(flags, stack 0 = the creator's, which the child never touches)
  xor %esi, %esi
  test $0x100, %edi      // CLONE_VM: the child's context is mapped already
  jz 1f
  lea RINGWALL_SYSTRAP_CONTEXT_BYTES - 0x2000(%rbx), %rsi
1:
  mov %rdi, %r14
  xor %edx, %edx
  xor %r10d, %r10d
  xor %r8d, %r8d
  xor %r9d, %r9d
  syscall
  test %rax, %rax
  jz 2f
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  ret
2:
  test $0x100, %r14d
  jnz 3f
  mov $9, %eax           // mmap(context, bytes, READ|WRITE, SHARED|FIXED, memfd, offset): also the child's registration
  mov %rbx, %rdi
  mov $RINGWALL_SYSTRAP_CONTEXT_BYTES, %esi
  mov $3, %edx
  mov $0x11, %r10d
  mov %r12, %r8
  mov %r13, %r9
  syscall
  cmp %rbx, %rax
  jne 4f
  // A forked child has its creator's alternate stack, whose context it lacks: no signal may come before it returns to the guest, which
  // gives it its own. The creator may have made a rewritten call, with nothing blocked; a return from a signal that blocks
  // everything needs no further system call. The copied frame (Context::frame) has selectors and stack that are right.
  mov 16(%rbx), %rsi
  lea -2048(%rsi), %rdi
  and $-64, %rdi
  mov 0(%rsi), %rax      // SignalFrame::flags, without saved floating point
  and $-2, %rax
  mov %rax, 0(%rdi)
  movq $0, 8(%rdi)
  mov 16(%rsi), %rax     // the alternate stack
  mov %rax, 16(%rdi)
  mov 24(%rsi), %rax
  mov %rax, 24(%rdi)
  mov 32(%rsi), %rax
  mov %rax, 32(%rdi)
  mov %rbx, 128(%rdi)
  mov %rdi, 160(%rdi)    // rsp
  lea 3f(%rip), %rax
  mov %rax, 168(%rdi)    // rip
  movq $0x202, 176(%rdi)
  mov 184(%rsi), %rax    // selectors
  mov %rax, 184(%rdi)
  movq $0, 224(%rdi)     // fp_state
  movq $-1, 296(%rdi)    // mask
  mov %rdi, %rsp
  mov $15, %eax
  syscall
  hlt
3:
  // Below the copy of the creator's frame.
  mov 16(%rbx), %rsp     // Context::frame
  sub $1024, %rsp
  and $-64, %rsp
  mov %rbx, %rdi
  xor %ebp, %ebp
  call ringwall_systrap_born
4:
  mov $231, %eax
  mov $1, %edi
  syscall
  hlt

// ---- rewritten calls ----
// A trampoline jumps here with rcx = its TrampolineRecord, r11 free, everything else the guest's (arch/x86_64/rewrite.h). No signal is
// blocked. Until `switched` the stack is the guest's: a signal makes an ordinary frame, and the sentry makes a call of it. From there on
// the registers go into the frame of the thread's last signal, which is not in use, and signals pile up below it: the handler only
// notes kInterruptSignal (`pending`), or starts the way back anew (`again`).
  .globl ringwall_systrap_call
  .hidden ringwall_systrap_call
ringwall_systrap_call:
  mov %rcx, %r11
  // Does %gs belong to us? A guest may have its own. Flags must live.
  .globl ringwall_systrap_call_check
  .hidden ringwall_systrap_call_check
ringwall_systrap_call_check:
  mov %gs:RINGWALL_SYSTRAP_CALL_MARK, %rcx
  lea -RINGWALL_SYSTRAP_MARK(%rcx), %rcx
  jrcxz 1f
  ud2
1:
  rdgsbase %rcx
  mov %rsp, RINGWALL_SYSTRAP_CALL_RSP(%rcx)
  mov RINGWALL_SYSTRAP_FRAME(%rcx), %rsp
  .globl ringwall_systrap_call_switched
  .hidden ringwall_systrap_call_switched
ringwall_systrap_call_switched:
  // SignalFrame::context begins at 40.
  mov %rax, 144(%rsp)
  mov %rbx, 128(%rsp)
  mov %rcx, %rbx
  mov %r8, 40(%rsp)
  mov %r9, 48(%rsp)
  mov %r10, 56(%rsp)
  mov %r12, 72(%rsp)
  mov %r13, 80(%rsp)
  mov %r14, 88(%rsp)
  mov %r15, 96(%rsp)
  mov %rdi, 104(%rsp)
  mov %rsi, 112(%rsp)
  mov %rbp, 120(%rsp)
  mov %rdx, 136(%rsp)
  pushfq
  pop %rax
  mov %rax, 64(%rsp)
  mov %rax, 176(%rsp)
  mov (%r11), %rax
  mov %rax, 152(%rsp)
  mov %rax, 168(%rsp)
  mov %rax, RINGWALL_SYSTRAP_CALL_RETURN(%rbx)
  mov 8(%r11), %rax
  mov %rax, RINGWALL_SYSTRAP_CALL_RESUME(%rbx)
  mov RINGWALL_SYSTRAP_CALL_RSP(%rbx), %rax
  mov %rax, 160(%rsp)
  cld
  mov %rsp, %rbp
  and $-64, %rsp
  mov %rbx, %rdi
  call ringwall_systrap_serve_call
  // eax: whether registers alone are enough.
2:
  mov %rbp, %rsp
  .globl ringwall_systrap_call_leaving
  .hidden ringwall_systrap_call_leaving
ringwall_systrap_call_leaving:
  cmpl $0, RINGWALL_SYSTRAP_CALL_PENDING(%rbx)
  jne ringwall_systrap_call_again
  test %eax, %eax
  jz 3f
  pushq 176(%rsp)
  popfq
  mov 40(%rsp), %r8
  mov 48(%rsp), %r9
  mov 56(%rsp), %r10
  mov 64(%rsp), %r11
  mov 72(%rsp), %r12
  mov 80(%rsp), %r13
  mov 88(%rsp), %r14
  mov 96(%rsp), %r15
  mov 104(%rsp), %rdi
  mov 112(%rsp), %rsi
  mov 120(%rsp), %rbp
  mov 128(%rsp), %rbx
  mov 136(%rsp), %rdx
  mov 144(%rsp), %rax
  mov 152(%rsp), %rcx
  mov 160(%rsp), %rsp
  .globl ringwall_systrap_call_leave
  .hidden ringwall_systrap_call_leave
ringwall_systrap_call_leave:
  // All registers are the guest's; the sentry knows where it was to go on.
  jmp *%gs:RINGWALL_SYSTRAP_CALL_TARGET
3:
  mov $15, %eax
  .globl ringwall_systrap_call_sigreturn
  .hidden ringwall_systrap_call_sigreturn
ringwall_systrap_call_sigreturn:
  syscall
  hlt
  .globl ringwall_systrap_call_again
  .hidden ringwall_systrap_call_again
ringwall_systrap_call_again:
  mov %rsp, %rbx
  and $-RINGWALL_SYSTRAP_CONTEXT_BYTES, %rbx
  mov RINGWALL_SYSTRAP_FRAME(%rbx), %rbp
  mov %rbp, %rsp
  and $-64, %rsp
  mov %rbx, %rdi
  call ringwall_systrap_serve_interrupt
  jmp 2b

// rdi: an XSAVE area, rsi: the components.
  .globl ringwall_systrap_save_fp
  .hidden ringwall_systrap_save_fp
ringwall_systrap_save_fp:
  mov %esi, %eax
  mov %rsi, %rdx
  shr $32, %rdx
  xsave64 (%rdi)
  ret

// Accesses to the guest's memory. A fault at the labelled instruction makes the handler go on at the next label with rax = -EFAULT.
// rax cmpxchg(rdi address, esi expected, edx desired)
  .globl ringwall_systrap_cmpxchg
  .hidden ringwall_systrap_cmpxchg
ringwall_systrap_cmpxchg:
  mov %esi, %eax
  .globl ringwall_systrap_cmpxchg_access
  .hidden ringwall_systrap_cmpxchg_access
ringwall_systrap_cmpxchg_access:
  lock cmpxchg %edx, (%rdi)
  mov %eax, %eax
  ret

// rax exchange(rdi address of 8 bytes, rsi mask, rdx expected, rcx desired): 0, or -EAGAIN when the masked bytes are not the expected ones
  .globl ringwall_systrap_exchange
  .hidden ringwall_systrap_exchange
ringwall_systrap_exchange:
  .globl ringwall_systrap_exchange_load
  .hidden ringwall_systrap_exchange_load
ringwall_systrap_exchange_load:
  mov (%rdi), %rax
1:
  mov %rax, %r8
  and %rsi, %r8
  cmp %rdx, %r8
  jne 2f
  mov %rsi, %r9
  not %r9
  and %rax, %r9
  or %rcx, %r9
  .globl ringwall_systrap_exchange_store
  .hidden ringwall_systrap_exchange_store
ringwall_systrap_exchange_store:
  lock cmpxchg %r9, (%rdi)
  jne 1b
  xor %eax, %eax
  ret
2:
  mov $-11, %rax
  ret

// rax copy(rdi to, rsi from, rdx bytes): 0; one of the two is the guest's
  .globl ringwall_systrap_copy
  .hidden ringwall_systrap_copy
ringwall_systrap_copy:
  mov %rdx, %rcx
  .globl ringwall_systrap_copy_access
  .hidden ringwall_systrap_copy_access
ringwall_systrap_copy_access:
  rep movsb
  xor %eax, %eax
  ret

// rax touch(rdi address)
  .globl ringwall_systrap_touch
  .hidden ringwall_systrap_touch
ringwall_systrap_touch:
  xor %eax, %eax
  .globl ringwall_systrap_touch_access
  .hidden ringwall_systrap_touch_access
ringwall_systrap_touch_access:
  movb (%rdi), %sil
  ret

  .globl ringwall_systrap_faulted
  .hidden ringwall_systrap_faulted
ringwall_systrap_faulted:
  mov $-14, %rax
  ret

// Calls rsi(rdi) on the stack that ends at rdx; does not return.
  .globl ringwall_systrap_switch
  .hidden ringwall_systrap_switch
ringwall_systrap_switch:
  mov %rdx, %rsp
  xor %ebp, %ebp
  call *%rsi
  hlt

// A page of its own behind the code: a system call of a blank stub, as if of a guest.
  .section ringwall_systrap_first, "ax", @progbits
  .globl ringwall_systrap_first_call
  .hidden ringwall_systrap_first_call
ringwall_systrap_first_call:
  mov $39, %eax
  syscall
  hlt

  .section .note.GNU-stack, "", @progbits
