// termios(3) as the kernel has it: struct termios (36 bytes), termios2, termio, winsize, and the mode bits.
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr int32_t kKernelNccs = 19;

struct Termios {
  uint32_t c_iflag = 0, c_oflag = 0, c_cflag = 0, c_lflag = 0;
  uint8_t c_line = 0, c_cc[kKernelNccs] = {};
};
static_assert(sizeof(Termios) == 36 && NoPadding<Termios>);

// ioctl_tty(2), locking the termios structure.
inline constexpr uint32_t kTIOCGLCKTRMIOS = 0x5456, kTIOCSLCKTRMIOS = 0x5457;

struct Termios2 {
  uint32_t c_iflag = 0, c_oflag = 0, c_cflag = 0, c_lflag = 0;
  uint8_t c_line = 0, c_cc[kKernelNccs] = {};
  uint32_t c_ispeed = 0, c_ospeed = 0;
};
static_assert(sizeof(Termios2) == 44 && NoPadding<Termios2>);

struct Termio {  // TCGETA
  uint16_t c_iflag = 0, c_oflag = 0, c_cflag = 0, c_lflag = 0;
  uint8_t c_line = 0, c_cc[8] = {}, pad0_ = 0;
};
static_assert(sizeof(Termio) == 18 && NoPadding<Termio>);

struct Winsize {
  uint16_t ws_row = 0, ws_col = 0, ws_xpixel = 0, ws_ypixel = 0;
};
static_assert(sizeof(Winsize) == 8 && NoPadding<Winsize>);

inline constexpr uint32_t kVINTR = 0, kVQUIT = 1, kVERASE = 2, kVKILL = 3, kVEOF = 4, kVTIME = 5, kVMIN = 6, kVSWTC = 7,
    kVSTART = 8, kVSTOP = 9, kVSUSP = 10, kVEOL = 11, kVREPRINT = 12, kVDISCARD = 13, kVWERASE = 14, kVLNEXT = 15, kVEOL2 = 16;
inline constexpr uint32_t kIGNBRK = 1, kBRKINT = 2, kIGNPAR = 4, kPARMRK = 010, kINPCK = 020, kISTRIP = 040, kINLCR = 0100,
    kIGNCR = 0200, kICRNL = 0400, kIUCLC = 01000, kIXON = 02000, kIXANY = 04000, kIXOFF = 010000, kIMAXBEL = 020000,
    kIUTF8 = 040000;
inline constexpr uint32_t kOPOST = 1, kOLCUC = 2, kONLCR = 4, kOCRNL = 010, kONOCR = 020, kONLRET = 040, kOFILL = 0100,
    kOFDEL = 0200, kNLDLY = 0400, kCRDLY = 03000, kTABDLY = 014000, kTAB0 = 0, kTAB1 = 04000, kTAB2 = 010000, kTAB3 = 014000,
    kXTABS = 014000, kBSDLY = 020000, kVTDLY = 040000, kFFDLY = 0100000;
inline constexpr uint32_t kCBAUD = 010017, kB0 = 0, kB50 = 1, kB75 = 2, kB110 = 3, kB134 = 4, kB150 = 5, kB200 = 6, kB300 = 7,
    kB600 = 010, kB1200 = 011, kB1800 = 012, kB2400 = 013, kB4800 = 014, kB9600 = 015, kB19200 = 016, kB38400 = 017,
    kCBAUDEX = 010000, kBOTHER = 010000, kB57600 = 010001, kB115200 = 010002, kB230400 = 010003, kCSIZE = 060, kCS5 = 0,
    kCS6 = 020, kCS7 = 040, kCS8 = 060, kCSTOPB = 0100, kCREAD = 0200, kPARENB = 0400, kPARODD = 01000, kHUPCL = 02000,
    kCLOCAL = 04000, kCIBAUD = 02003600000, kCMSPAR = 010000000000, kCRTSCTS = 020000000000;
inline constexpr uint32_t kISIG = 1, kICANON = 2, kXCASE = 4, kECHO = 010, kECHOE = 020, kECHOK = 040, kECHONL = 0100,
    kNOFLSH = 0200, kTOSTOP = 0400, kECHOCTL = 01000, kECHOPRT = 02000, kECHOKE = 04000, kFLUSHO = 010000, kPENDIN = 040000,
    kIEXTEN = 0100000, kEXTPROC = 0200000;
inline constexpr int32_t kTCOOFF = 0, kTCOON = 1, kTCIOFF = 2, kTCION = 3, kTCIFLUSH = 0, kTCOFLUSH = 1, kTCIOFLUSH = 2,
    kN_TTY = 0;
inline constexpr uint32_t kTIOCM_LE = 1, kTIOCM_DTR = 2, kTIOCM_RTS = 4, kTIOCM_CTS = 0x20, kTIOCM_CAR = 0x40,
    kTIOCM_RNG = 0x80, kTIOCM_DSR = 0x100;

}  // namespace ringwall::abi
