// Call-site analysis of arbitrary bytes: whatever is planned lies inside the snapshot, and is undone by its own steps.
#include <cstdlib>
#include <cstring>
#include <vector>

#include "arch/x86_64/rewrite.h"
#include "arch/x86_64/rewrite_decode.h"
#include "arch/x86_64/rewrite_table.h"

namespace ringwall::arch {
namespace {

constexpr uint64_t kBase = 0x7f00'0000'0000;
constexpr uint64_t kArea = kBase + (96 << 20);

void Require(bool condition) {
  if (!condition) std::abort();
}

void Store(std::vector<uint8_t>& bytes, const RewriteSteps& steps) {
  for (size_t i = 0; i < steps.count; ++i) {
    const WordWrite& write = steps.writes[i];
    Require(write.address >= kBase && write.address - kBase + 8 <= bytes.size());
    uint64_t word;
    std::memcpy(&word, &bytes[write.address - kBase], sizeof word);
    Require((word & write.mask) == write.expected);
    word = (word & ~write.mask) | write.desired;
    std::memcpy(&bytes[write.address - kBase], &word, sizeof word);
  }
}

void Check(std::vector<uint8_t> bytes, uint64_t site, uint64_t number, RewriteForm form) {
  const RewriteSite found = AnalyseSite({kBase, bytes}, site, number, form);
  if (found.form == RewriteForm::kNone) return;
  Require(found.first >= kBase && found.first + kRewritePatchBytes <= kBase + bytes.size() && found.displaced_end <= kBase + bytes.size());
  RewriteTable table;
  const auto plan = table.Place(found, kArea, kArea + (64 << 20), kBase + (300 << 20));
  if (!plan.has_value()) return;
  Require(table.Insert(*plan));
  const std::vector<uint8_t> before = bytes;
  Store(bytes, PatchSteps(*plan));
  std::vector<uint8_t> hidden = bytes;
  table.HidePatches(kBase, hidden);
  Require(hidden == before);
  for (uint64_t rip = found.first; rip < found.first + kRewritePatchBytes; ++rip)
    Require(table.Resolve(rip).kind != RewriteTable::Resolution::Kind::kNone);
  Store(bytes, UndoSteps(*plan));
  Require(bytes == before);
}

}  // namespace
}  // namespace ringwall::arch

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ringwall::arch;
  if (size < 4) return 0;
  const size_t at = static_cast<size_t>(data[0] | (data[1] & 3) << 8);
  const uint64_t number = data[2];
  const RewriteForm form = data[1] & 0x80 ? RewriteForm::kAfter : data[1] & 0x40 ? RewriteForm::kBefore : RewriteForm::kNone;
  std::vector<uint8_t> bytes(data + 3, data + size);
  bytes.resize((bytes.size() + 7) & ~size_t{7}, 0x90);
  if (at + 2 <= bytes.size()) {
    bytes[at] = 0x0f;
    bytes[at + 1] = 0x05;
  }
  Check(std::move(bytes), kBase + at, number, form);
  return 0;
}
