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

// rdi = address of a frame's ucontext: what a thread that never entered the handler does instead of returning.
  .globl ringwall_systrap_leave
  .hidden ringwall_systrap_leave
ringwall_systrap_leave:
  mov %rdi, %rsp
  mov $15, %eax
  syscall
  hlt

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
  mov $28, %eax          // madvise(context, bytes, DONTFORK): no child of this one shall have it
  mov %rbx, %rdi
  mov $RINGWALL_SYSTRAP_CONTEXT_BYTES, %esi
  mov $10, %edx
  syscall
  test %rax, %rax
  jnz 4f
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
