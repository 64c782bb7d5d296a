// The stub's code as bytes.
#include "platform/systrap/stub_blob.h"

#include <linux/filter.h>

#include <cstring>

#include "platform/systrap/guest/layout.h"

// The linker names the ends of the two sections of guest/ (ld(1), orphan sections).
extern const std::byte systrap_code[] asm("__start_ringwall_systrap");
extern const std::byte systrap_code_end[] asm("__stop_ringwall_systrap");
extern const std::byte systrap_first[] asm("__start_ringwall_systrap_first");
extern const std::byte systrap_first_end[] asm("__stop_ringwall_systrap_first");
extern "C" {
extern const std::byte ringwall_systrap_enter[];
extern const std::byte ringwall_systrap_call[];
extern const std::byte ringwall_systrap_call_switched[];
extern const std::byte ringwall_systrap_call_leave[];
}

namespace ringwall::platform::systrap {

AnswerIndices IndexAnswers(absl::Span<const CallShape> shapes) {
  AnswerIndices answers{};
  uint8_t used = 0;
  for (size_t i = 0; i < shapes.size() && used < kMaxAnswers; ++i) {
    if (shapes[i].lasting) answers[i] = ++used;
  }
  return answers;
}

std::vector<std::byte> BuildBlob(const std::vector<sock_filter>& filter, absl::Span<const CallShape> shapes) {
  const size_t code = static_cast<size_t>(systrap_code_end - systrap_code);
  const size_t first = static_cast<size_t>(systrap_first_end - systrap_first);
  const size_t filter_bytes = filter.size() * sizeof(sock_filter);
  constexpr uint64_t kProgramOffset = kFilterOffset + sizeof(sock_fprog);
  static_assert(kShapesOffset + kCallShapes * sizeof(StubShape) <= kFilterOffset);
  if (code > kShapesOffset || shapes.size() > kCallShapes || kProgramOffset + filter_bytes > kCodeBytes || first > 0x1000) return {};
  std::vector<std::byte> blob(kBlobBytes, std::byte{0xf4} /*hlt*/);
  std::memcpy(blob.data(), systrap_code, code);
  std::array<StubShape, kCallShapes> stub_shapes{};
  const AnswerIndices answers = IndexAnswers(shapes);
  for (size_t i = 0; i < shapes.size(); ++i)
    stub_shapes[i] = {shapes[i].strings, shapes[i].structure, shapes[i].structure_bytes, answers[i], 0};
  std::memcpy(blob.data() + kShapesOffset, stub_shapes.data(), sizeof(stub_shapes));
  sock_fprog program{};
  program.len = static_cast<uint16_t>(filter.size());
  program.filter = reinterpret_cast<sock_filter*>(kCodeAddress + kProgramOffset);
  std::memcpy(blob.data() + kFilterOffset, &program, sizeof(program));
  std::memcpy(blob.data() + kProgramOffset, filter.data(), filter_bytes);
  std::memcpy(blob.data() + kCodeBytes, systrap_first, first);
  return blob;
}

uint64_t BlobEntry() { return static_cast<uint64_t>(ringwall_systrap_enter - systrap_code); }

CallAddresses CallCode() {
  const auto at = [](const std::byte* label) { return kCodeAddress + static_cast<uint64_t>(label - systrap_code); };
  return {at(ringwall_systrap_call), at(ringwall_systrap_call_switched), at(ringwall_systrap_call_leave)};
}

}  // namespace ringwall::platform::systrap
