// The tests that every platform passes. A platform's test binary defines a factory and instantiates the suite:
//   struct MyFactory { static std::unique_ptr<Platform> Create(); };   // on the calling thread, which then calls Run()
//   INSTANTIATE_TYPED_TEST_SUITE_P(mine, Conformance, MyFactory);
#pragma once

#include "platform/conformance/fixture.h"
#include "platform/conformance/suite_calls.h"
#include "platform/conformance/suite_hostile.h"
#include "platform/conformance/suite_memory.h"
#include "platform/conformance/suite_rewrite.h"
#include "platform/conformance/suite_threads.h"

namespace ringwall::platform::conformance {
// One more expansion: gtest makes strings of its arguments.
#define RINGWALL_REGISTER(...) REGISTER_TYPED_TEST_SUITE_P(__VA_ARGS__)
RINGWALL_REGISTER(Conformance, RINGWALL_CONFORMANCE_CALLS, RINGWALL_CONFORMANCE_MEMORY, RINGWALL_CONFORMANCE_HOSTILE,
                  RINGWALL_CONFORMANCE_REWRITE, RINGWALL_CONFORMANCE_THREADS);
#undef RINGWALL_REGISTER
}  // namespace ringwall::platform::conformance
