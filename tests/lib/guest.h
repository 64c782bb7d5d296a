// Everything a guest test needs.
#pragma once

#include "tests/lib/call.h"
#include "tests/lib/clock.h"
#include "tests/lib/files.h"
#include "tests/lib/memory.h"
#include "tests/lib/process.h"
#include "tests/lib/signals.h"
