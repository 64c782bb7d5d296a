// The fixture of the conformance suite: a platform from a factory, and the bench around it.
#pragma once

#include <functional>
#include <memory>

#include "gtest/gtest.h"
#include "platform/conformance/world.h"

namespace ringwall::platform::conformance {

template <typename Factory>
class Conformance : public testing::Test {
 protected:
  void SetUp() override {
    auto platform = Factory::Create();
    ASSERT_NE(platform, nullptr);
    world_ = std::make_unique<World>(std::move(platform));
  }
  // The body of a test, on the driver thread.
  void Drive(const std::function<void()>& body) { world_->Drive(body); }
  World& world() { return *world_; }
  std::unique_ptr<Guest> NewGuest() { return world_->NewGuest(); }

 private:
  std::unique_ptr<World> world_;
};
TYPED_TEST_SUITE_P(Conformance);

// For platforms without a tracer, whose stub code and per-thread memory a guest can jump to and write to.
template <typename Factory>
constexpr bool StubIsReachable() {
  if constexpr (requires { Factory::kStubIsReachable; }) return Factory::kStubIsReachable;
  return false;
}

}  // namespace ringwall::platform::conformance
