# Precompiled headers of g++ builds: the foreign headers that nearly every file reads cost two thirds of its compile time on their own.
#
#   ringwall_precompile(TARGET [TEST])   with TEST: gtest and gmock too
# Nothing of this tree is in them, so they never go stale. The clang presets compile without: a forgotten #include fails there.

option(RINGWALL_PCH "Precompile the foreign headers that nearly every file includes (g++)" OFF)
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  set(RINGWALL_PCH OFF)
endif()

set(RINGWALL_PCH_HEADERS
  <algorithm> <array> <atomic> <cstdint> <cstring> <functional> <map> <memory> <optional> <string> <string_view> <utility> <vector>
  <absl/base/thread_annotations.h> <absl/container/flat_hash_map.h> <absl/container/inlined_vector.h> <absl/strings/str_cat.h>
  <absl/strings/str_format.h> <absl/synchronization/mutex.h> <absl/types/span.h>)

if(RINGWALL_PCH)
  # ccache: the headers' own times and defines are in the hash of the precompiled file.
  if(RINGWALL_CCACHE AND CMAKE_CXX_COMPILER_LAUNCHER STREQUAL RINGWALL_CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_SLOPPINESS=pch_defines,time_macros "${RINGWALL_CCACHE}")
  endif()
  file(WRITE "${CMAKE_BINARY_DIR}/precompiled.cc" "")
  add_library(ringwall_pch STATIC "${CMAKE_BINARY_DIR}/precompiled.cc")
  target_link_libraries(ringwall_pch PRIVATE ringwall_flags absl::synchronization absl::flat_hash_map absl::inlined_vector absl::str_format absl::span)
  target_precompile_headers(ringwall_pch PRIVATE ${RINGWALL_PCH_HEADERS})
  add_library(ringwall_test_pch STATIC EXCLUDE_FROM_ALL "${CMAKE_BINARY_DIR}/precompiled.cc")
  target_link_libraries(ringwall_test_pch PRIVATE ringwall_flags absl::synchronization absl::flat_hash_map absl::inlined_vector absl::str_format absl::span GTest::gmock)
  target_precompile_headers(ringwall_test_pch PRIVATE ${RINGWALL_PCH_HEADERS} <gtest/gtest.h> <gmock/gmock.h>)
endif()

function(ringwall_precompile TARGET)
  if(NOT RINGWALL_PCH)
    return()
  endif()
  if("TEST" IN_LIST ARGN)
    target_precompile_headers(${TARGET} REUSE_FROM ringwall_test_pch)
  else()
    target_precompile_headers(${TARGET} REUSE_FROM ringwall_pch)
  endif()
endfunction()
