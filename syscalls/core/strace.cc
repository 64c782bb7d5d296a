// How arguments look in strace lines. Names and order of arguments come from the handlers' signatures.
#include <algorithm>
#include <cstdio>
#include <string>

#include "syscalls/core/args.h"

namespace ringwall::syscalls {
namespace {

constexpr size_t kShownBytes = 32;

void AppendEscaped(std::string& out, const char* data, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    const unsigned char c = static_cast<unsigned char>(data[i]);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c >= 0x20 && c < 0x7f) {
      out += static_cast<char>(c);
    } else {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", c);
      out += hex;
    }
  }
}

}  // namespace

void AppendHex(std::string& out, uint64_t value) {
  if (value == 0) {
    out += "0";
    return;
  }
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  out += text;
}

void AppendQuoted(std::string& out, Task& task, uint64_t address, size_t max_bytes) {
  if (address == 0) {
    out += "NULL";
    return;
  }
  auto text = task.memory().ReadString(address, max_bytes, Errno::kENAMETOOLONG);
  if (!text.ok()) return AppendHex(out, address);
  out += '"';
  AppendEscaped(out, text->data(), text->size());
  out += '"';
}

void AppendBytes(std::string& out, Task& task, uint64_t address, size_t size) {
  if (address == 0) {
    out += "NULL";
    return;
  }
  std::byte bytes[kShownBytes];
  const size_t n = task.memory().ReadSome(address, absl::Span<std::byte>(bytes, std::min(size, kShownBytes)));
  if (n == 0) return AppendHex(out, address);
  out += '{';
  for (size_t i = 0; i < n; ++i) {
    char hex[4];
    std::snprintf(hex, sizeof hex, "%02x", static_cast<unsigned>(bytes[i]));
    if (i != 0 && i % 4 == 0) out += ' ';
    out += hex;
  }
  out += n < size ? "...}" : "}";
}

void ArgCodec<UserBuffer>::Describe(TraceArg t, UserBuffer value) {
  // The length is another argument: shows the start of what is there, for calls that give bytes and calls that have received them.
  if (value.is_null()) {
    t.out += "NULL";
    return;
  }
  if (t.phase == TracePhase::kEnter || t.result < 0) return AppendHex(t.out, value.address);
  char bytes[kShownBytes];
  const size_t want = std::min<size_t>(kShownBytes, static_cast<size_t>(t.result));
  const size_t n = t.task.memory().ReadSome(value.address, absl::Span<std::byte>(reinterpret_cast<std::byte*>(bytes), want));
  t.out += '"';
  AppendEscaped(t.out, bytes, n);
  t.out += static_cast<size_t>(t.result) > n ? "\"..." : "\"";
}

void ArgCodec<UserStringArray>::Describe(TraceArg t, UserStringArray value) {
  t.out += '[';
  for (int i = 0; i < 8; ++i) {
    auto pointer = t.task.memory().ReadValue<uint64_t>(value.address + static_cast<uint64_t>(i) * 8);
    if (!pointer.ok() || *pointer == 0) break;
    if (i != 0) t.out += ", ";
    AppendQuoted(t.out, t.task, *pointer, 256);
  }
  t.out += ']';
}

void ArgCodec<Mode>::Describe(TraceArg t, Mode value) {
  char text[16];
  std::snprintf(text, sizeof text, "0%o", value.value);
  t.out += text;
}

}  // namespace ringwall::syscalls
