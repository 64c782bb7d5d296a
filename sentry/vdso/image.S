// The bytes of the vDSO, built from guest/.
    .section .rodata
    .balign 16
    .globl ringwall_vdso_begin, ringwall_vdso_end
    .hidden ringwall_vdso_begin, ringwall_vdso_end
ringwall_vdso_begin:
    .incbin "vdso.so"
ringwall_vdso_end:
    .section .note.GNU-stack,"",@progbits
