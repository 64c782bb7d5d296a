// uname(2), sethostname(2).
#pragma once

#include <cstdint>

#include "abi/layout.h"

namespace ringwall::abi {

inline constexpr int32_t kNEW_UTS_LEN = 64;  // without the NUL

struct Utsname {
  char sysname[65] = {}, nodename[65] = {}, release[65] = {}, version[65] = {}, machine[65] = {}, domainname[65] = {};
};
static_assert(sizeof(Utsname) == 390 && NoPadding<Utsname>);

}  // namespace ringwall::abi
