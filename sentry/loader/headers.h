// What Prepare has found out and Load needs.
#pragma once

#include "sentry/loader/elf.h"
#include "sentry/loader/loader.h"

namespace ringwall::loader {

struct Program::Headers {
  Elf program;
  Elf interpreter;  // only with Program::interpreter
};

}  // namespace ringwall::loader
