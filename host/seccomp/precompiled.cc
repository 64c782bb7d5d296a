// Fingerprints (FNV-1a) and the search in the table.
#include "host/seccomp/precompiled.h"

#include <string_view>

namespace ringwall::host {
namespace {

class Hash {
 public:
  void Number(uint64_t value) {
    for (int i = 0; i < 8; ++i) Byte(static_cast<uint8_t>(value >> (8 * i)));
  }
  void Text(std::string_view text) {
    Number(text.size());
    for (const char c : text) Byte(static_cast<uint8_t>(c));
  }
  uint64_t value() const { return value_; }

 private:
  void Byte(uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3; }
  uint64_t value_ = 0xcbf29ce484222325;
};

}  // namespace

uint64_t Fingerprint(const Policy& policy) {
  Hash hash;
  hash.Number(static_cast<uint64_t>(policy.default_action()));
  for (const Rule& rule : policy.rules()) {
    hash.Text(rule.call);
    hash.Number(static_cast<uint64_t>(rule.action));
    hash.Number(static_cast<uint64_t>(rule.error));
    hash.Number(rule.args.size());
    for (const ArgConstraint& c : rule.args) {
      hash.Number(static_cast<uint64_t>(c.index));
      hash.Number(static_cast<uint64_t>(c.kind));
      hash.Number(c.mask);
      hash.Number(c.values.size());
      for (const uint64_t value : c.values) hash.Number(value);
    }
  }
  return hash.value();
}

std::optional<Filter> FindPrecompiled(const Policy& policy) {
  const PrecompiledTable table = GetPrecompiledTable();
  if (table.filters.empty()) return std::nullopt;
  const uint64_t wanted = Fingerprint(policy);
  for (const PrecompiledFilter& entry : table.filters) {
    if (entry.fingerprint != wanted) continue;
    Result<bpf::Program> program = bpf::Program::Create(table.code.subspan(entry.first, entry.count), bpf::Dialect::kSeccomp);
    if (program.ok()) return Filter(std::move(program).value());
  }
  return std::nullopt;
}

Result<Filter> CompileOrFind(const Policy& policy, std::string* error) {
  if (std::optional<Filter> found = FindPrecompiled(policy)) return *std::move(found);
  return Compile(policy, error);
}

}  // namespace ringwall::host
