// The #! line of a script (execve(2), "Interpreter scripts").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/error/result.h"

namespace ringwall::loader {

// Linux reads this much of a file to see what it is.
inline constexpr size_t kHeadBytes = 256;
// Scripts whose interpreter is a script ...: ELOOP beyond.
inline constexpr int kMaxScriptLevels = 5;

struct ScriptLine {
  std::string interpreter;
  std::optional<std::string> argument;  // everything behind the interpreter, as one argument
};

// True when the file is a script at all.
inline bool IsScript(std::string_view head) { return head.starts_with("#!"); }

// `head`: the first kHeadBytes of the file, fewer if it is shorter. ENOEXEC when no interpreter is named or its name is cut off.
Result<ScriptLine> ParseScriptLine(std::string_view head);

}  // namespace ringwall::loader
