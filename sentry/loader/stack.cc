// Lays the first stack out as Linux does, from the top: 8 zero bytes, the path, envp's strings, argv's strings, platform, random bytes,
// vectors.
#include "sentry/loader/stack.h"

#include <algorithm>
#include <cstring>

#include "abi/auxvec.h"
#include "base/log/check.h"

namespace ringwall::loader {
namespace {

constexpr char kPlatform[] = "x86_64";

uint64_t BytesOf(const std::vector<std::string>& strings) {
  uint64_t n = 0;
  for (const std::string& s : strings) n += s.size() + 1;
  return n;
}

}  // namespace

StackImage BuildStack(const StackInput& in) {
  StackImage out;
  // Sizes first: CheckArgumentSize has bounded them to a few MiB.
  const uint64_t arg_bytes = BytesOf(*in.argv), env_bytes = BytesOf(*in.envp);
  const uint64_t path_at = in.top - 8 - (in.exec_path.size() + 1);
  out.env_end = path_at;
  out.env_start = out.env_end - env_bytes;
  out.arg_end = out.env_start;
  out.arg_start = out.arg_end - arg_bytes;
  const uint64_t platform_at = ((out.arg_start - in.jitter) & ~uint64_t{15}) - 16;
  const uint64_t random_at = platform_at - sizeof(in.random);

  for (const auto& [key, value] : in.auxv) {
    out.auxv.push_back(key);
    out.auxv.push_back(value);
  }
  const uint64_t own[] = {abi::kAT_RANDOM, random_at, abi::kAT_EXECFN, path_at, abi::kAT_PLATFORM, platform_at, abi::kAT_NULL, 0};
  out.auxv.insert(out.auxv.end(), std::begin(own), std::end(own));

  const uint64_t words = 1 + in.argv->size() + 1 + in.envp->size() + 1 + out.auxv.size();
  out.address = (random_at - words * 8) & ~uint64_t{15};
  out.bytes.assign(in.top - out.address, '\0');

  const auto put = [&](uint64_t address, const void* from, size_t n) {
    CHECK(address >= out.address && address - out.address + n <= out.bytes.size());
    std::memcpy(out.bytes.data() + (address - out.address), from, n);
  };
  uint64_t cursor = out.address;
  const auto word = [&](uint64_t value) {
    put(cursor, &value, 8);
    cursor += 8;
  };
  word(in.argv->size());
  uint64_t text = out.arg_start;
  for (const std::vector<std::string>* strings : {in.argv, in.envp}) {
    for (const std::string& s : *strings) {
      word(text);
      put(text, s.data(), s.size());
      text += s.size() + 1;
    }
    word(0);
  }
  for (const uint64_t value : out.auxv) word(value);
  put(random_at, in.random, sizeof(in.random));
  put(platform_at, kPlatform, sizeof(kPlatform));
  put(path_at, in.exec_path.data(), in.exec_path.size());
  return out;
}

}  // namespace ringwall::loader
