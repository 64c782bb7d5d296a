// #! parsing: one line, blanks around the words don't count, the rest of the line is one argument.
#include "sentry/loader/script.h"

#include <algorithm>

namespace ringwall::loader {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kEnds("\0 \t", 3);

}  // namespace

Result<ScriptLine> ParseScriptLine(std::string_view head) {
  std::string_view line = head.substr(2, kHeadBytes - 2);
  const size_t newline = line.find('\n');
  if (newline != std::string_view::npos) {
    line = line.substr(0, newline);
  } else if (head.size() >= kHeadBytes) {
    // A line cut off by the limit: the interpreter must be whole, the argument may be short (execve(2), NOTES).
    const size_t name = line.find_first_not_of(kBlanks);
    if (name == std::string_view::npos || line.find_first_of(kEnds, name) == std::string_view::npos) return Errno::kENOEXEC;
  }
  const size_t last = line.find_last_not_of(kBlanks);
  const size_t first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return Errno::kENOEXEC;
  line = line.substr(first, last - first + 1);

  const size_t end = std::min(line.find_first_of(kEnds), line.size());
  ScriptLine result{.interpreter = std::string(line.substr(0, end)), .argument = std::nullopt};
  // "#!\0": nothing is named.
  if (result.interpreter.empty()) return Errno::kENOEXEC;
  if (end < line.size() && line[end] != '\0') {
    const size_t argument = line.find_first_not_of(kBlanks, end);
    // A NUL ends the line: everything becomes a C string.
    std::string_view text = line.substr(argument);
    text = text.substr(0, text.find('\0'));
    if (!text.empty()) result.argument = std::string(text);
  }
  return result;
}

}  // namespace ringwall::loader
