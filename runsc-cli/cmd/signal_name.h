// "KILL", "SIGKILL", "sigkill" or "9" to the number; 0 when it is none.
#pragma once

#include <string_view>

namespace ringwall::cmd {

int SignalNumber(std::string_view text);

}  // namespace ringwall::cmd
