// Errno: the error half of every Result. Numbers are Linux's (asm-generic/errno*.h); 512 and up never reach a guest.
#pragma once

#include <cstdint>

namespace ringwall {

// A dense table, and clang-format 14 stumbles over the attribute.
// clang-format off
enum class [[nodiscard]] Errno : int32_t {
  kEPERM = 1, kENOENT = 2, kESRCH = 3, kEINTR = 4, kEIO = 5, kENXIO = 6, kE2BIG = 7, kENOEXEC = 8, kEBADF = 9, kECHILD = 10,
  kEAGAIN = 11, kENOMEM = 12, kEACCES = 13, kEFAULT = 14, kENOTBLK = 15, kEBUSY = 16, kEEXIST = 17, kEXDEV = 18, kENODEV = 19,
  kENOTDIR = 20, kEISDIR = 21, kEINVAL = 22, kENFILE = 23, kEMFILE = 24, kENOTTY = 25, kETXTBSY = 26, kEFBIG = 27, kENOSPC = 28,
  kESPIPE = 29, kEROFS = 30, kEMLINK = 31, kEPIPE = 32, kEDOM = 33, kERANGE = 34, kEDEADLK = 35, kENAMETOOLONG = 36, kENOLCK = 37,
  kENOSYS = 38, kENOTEMPTY = 39, kELOOP = 40, kENOMSG = 42, kEIDRM = 43, kENODATA = 61, kETIME = 62, kENOLINK = 67, kEPROTO = 71,
  kEBADMSG = 74, kEOVERFLOW = 75, kELIBACC = 79, kELIBBAD = 80, kEILSEQ = 84, kEUSERS = 87, kENOTSOCK = 88, kEDESTADDRREQ = 89, kEMSGSIZE = 90, kEPROTOTYPE = 91,
  kENOPROTOOPT = 92, kEPROTONOSUPPORT = 93, kESOCKTNOSUPPORT = 94, kEOPNOTSUPP = 95, kEPFNOSUPPORT = 96, kEAFNOSUPPORT = 97,
  kEADDRINUSE = 98, kEADDRNOTAVAIL = 99, kENETDOWN = 100, kENETUNREACH = 101, kECONNABORTED = 103, kECONNRESET = 104, kENOBUFS = 105,
  kEISCONN = 106, kENOTCONN = 107, kESHUTDOWN = 108, kETOOMANYREFS = 109, kETIMEDOUT = 110, kECONNREFUSED = 111, kEHOSTDOWN = 112,
  kEHOSTUNREACH = 113, kEALREADY = 114, kEINPROGRESS = 115, kESTALE = 116, kEUCLEAN = 117, kEDQUOT = 122, kENOMEDIUM = 123,
  kECANCELED = 125, kENOKEY = 126, kEOWNERDEAD = 130, kENOTRECOVERABLE = 131, kERFKILL = 132, kEHWPOISON = 133,

  // Private to the kernel. The run loop, and only it, turns the restart codes into EINTR or a restart (signal(7)).
  kRestartSys = 512,            // restart if the handler has SA_RESTART, else EINTR
  kRestartNoIntr = 513,         // always restart
  kRestartNoHand = 514,         // restart only if no handler runs
  kRestartBlock = 516,          // restart through restart_syscall(2) if no handler runs
  // Outcome codes of our own: the call is not finished.
  kParked = 600,                // Task::Park recorded what the call waits on; it is run again when that fires
  kRunOnWorker = 601,           // the handler would block in the host: run it again on a thread that may
};
// clang-format on

// True for Linux's restart codes, false for errors and for the two outcome codes.
constexpr bool IsRestartCode(Errno e) { return static_cast<int32_t>(e) >= 512 && static_cast<int32_t>(e) < 600; }
// True for any code that must not reach a guest.
constexpr bool IsPrivate(Errno e) { return static_cast<int32_t>(e) >= 512; }

// From a host errno value (1..133). Host and guest numbers agree on every architecture we run on.
constexpr Errno ErrnoFromHost(int host_errno) { return static_cast<Errno>(host_errno); }

// "ENOENT"; "E<number>" never: unknown values give "EUNKNOWN".
const char* ErrnoName(Errno e);

}  // namespace ringwall
