// `ringwall debug --tasks`: every task, what it does and what it waits for.
#pragma once

#include <string>

namespace ringwall::kernel {
class Kernel;
}

namespace ringwall::observe {

// One line per task, sorted by process and thread: "pid tid state cpu comm call".
std::string DumpTasks(kernel::Kernel& kernel);

}  // namespace ringwall::observe
