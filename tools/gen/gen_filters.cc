// Writes the table of precompiled host filters (host/seccomp/precompiled.h) to standard output, as C++: every filter that a sandbox
// installs in its usual shape, and the names of host calls for the report of a forbidden one. Part of the build of `ringwall`.
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "host/seccomp/compile.h"
#include "host/seccomp/precompiled.h"
#include "runsc-cli/boot/usual_policies.h"

namespace ringwall {
namespace {

constexpr int kCallNames = 512;

int Generate() {
  std::string entries, code;
  size_t first = 0;
  for (const host::Policy& policy : boot::UsualPolicies()) {
    std::string error;
    const Result<host::Filter> filter = host::Compile(policy, &error);
    if (!filter.ok()) {
      std::fprintf(stderr, "gen_filters: %s\n", error.c_str());
      return 1;
    }
    const auto instructions = filter->program().code();
    char line[96];
    std::snprintf(line, sizeof line, "    {0x%016llx, %zu, %zu},  // ", static_cast<unsigned long long>(host::Fingerprint(policy)), first,
                  instructions.size());
    entries += line + policy.name() + "\n";
    for (const bpf::Instruction& i : instructions) {
      std::snprintf(line, sizeof line, "    {0x%02x, %u, %u, 0x%08x},\n", i.code, i.jump_true, i.jump_false, i.k);
      code += line;
    }
    first += instructions.size();
  }
  host::PrepareHostCallNames();
  std::string text, offsets;
  size_t end = 1;
  for (int number = 0; number < kCallNames; ++number) {
    const char* name = host::HostCallName(number);
    offsets += std::to_string(name == nullptr ? 0 : end) + ",";
    if (number % 16 == 15) offsets += "\n    ";
    if (name == nullptr) continue;
    text += std::string("    \"") + name + "\\0\"\n";
    end += std::string(name).size() + 1;
  }
  std::printf(
      "// Made by gen_filters from the policies' filter.cc.\n"
      "#include \"host/seccomp/precompiled.h\"\n\n"
      "namespace ringwall::host {\n"
      "namespace {\n\n"
      "constexpr PrecompiledFilter kFilters[] = {\n%s};\n\n"
      "constexpr bpf::Instruction kCode[] = {\n%s};\n\n"
      "constexpr char kNames[] =\n    \"\\0\"\n%s    ;\n\n"
      "constexpr uint16_t kOffsets[] = {\n    %s};\n\n"
      "}  // namespace\n\n"
      "PrecompiledTable GetPrecompiledTable() { return {kFilters, kCode, kNames, kOffsets}; }\n\n"
      "}  // namespace ringwall::host\n",
      entries.c_str(), code.c_str(), text.c_str(), offsets.c_str());
  return 0;
}

}  // namespace
}  // namespace ringwall

int main() { return ringwall::Generate(); }
