// The stub's code as bytes, ready to be copied into a zygote.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "platform/platform.h"

struct sock_filter;

namespace ringwall::platform::systrap {

// Of each call: 1 + index in Context::answers, 0 for those that are always asked. The first kMaxAnswers lasting ones have one.
using AnswerIndices = std::array<uint8_t, kCallShapes>;
AnswerIndices IndexAnswers(absl::Span<const CallShape> shapes);

// kBlobBytes: the code, `shapes` (at most kCallShapes), the sock_fprog and `filter` at kFilterOffset, the page of the first call. Empty
// when a part does not fit.
std::vector<std::byte> BuildBlob(const std::vector<sock_filter>& filter, absl::Span<const CallShape> shapes);

// Guest addresses in the way of a rewritten call (entry.S): where trampolines jump, from where on the stack is the context's, the last
// jump back.
struct CallAddresses {
  uint64_t entry, switched, leave;
};
CallAddresses CallCode();

// Where in the blob the zygote begins.
uint64_t BlobEntry();

}  // namespace ringwall::platform::systrap
