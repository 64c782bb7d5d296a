// keyctl(2): the commands that runtimes and login programs use.
#pragma once

#include <cstdint>

namespace ringwall::abi {

inline constexpr int32_t kKEYCTL_GET_KEYRING_ID = 0, kKEYCTL_JOIN_SESSION_KEYRING = 1, kKEYCTL_UPDATE = 2, kKEYCTL_REVOKE = 3,
    kKEYCTL_CHOWN = 4, kKEYCTL_SETPERM = 5, kKEYCTL_DESCRIBE = 6, kKEYCTL_CLEAR = 7, kKEYCTL_LINK = 8, kKEYCTL_UNLINK = 9,
    kKEYCTL_SEARCH = 10, kKEYCTL_READ = 11, kKEYCTL_SET_TIMEOUT = 15, kKEYCTL_SESSION_TO_PARENT = 18, kKEYCTL_INVALIDATE = 21;
inline constexpr int32_t kKEY_SPEC_THREAD_KEYRING = -1, kKEY_SPEC_PROCESS_KEYRING = -2, kKEY_SPEC_SESSION_KEYRING = -3,
    kKEY_SPEC_USER_KEYRING = -4, kKEY_SPEC_USER_SESSION_KEYRING = -5;

}  // namespace ringwall::abi
