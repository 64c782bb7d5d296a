// getrandom(2), random(4).
#pragma once

#include <cstdint>

namespace ringwall::abi {

inline constexpr uint32_t kGRND_NONBLOCK = 1, kGRND_RANDOM = 2, kGRND_INSECURE = 4;
inline constexpr uint32_t kRNDGETENTCNT = 0x80045200, kRNDADDTOENTCNT = 0x40045201, kRNDADDENTROPY = 0x40085203,
    kRNDZAPENTCNT = 0x5204, kRNDCLEARPOOL = 0x5206, kRNDRESEEDCRNG = 0x5207;

}  // namespace ringwall::abi
