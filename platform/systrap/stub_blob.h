// The stub's code as bytes, ready to be copied into a zygote.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

struct sock_filter;

namespace ringwall::platform::systrap {

// kBlobBytes: the code, the sock_fprog and `filter` at kFilterOffset, the page of the first call. Empty when a part does not fit.
std::vector<std::byte> BuildBlob(const std::vector<sock_filter>& filter);

// Where in the blob the zygote begins.
uint64_t BlobEntry();

}  // namespace ringwall::platform::systrap
