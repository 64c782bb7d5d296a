// The conformance suite on the systrap platform.
#include <fcntl.h>

#include "platform/conformance/suite.h"
#include "platform/systrap/guest/layout.h"
#include "platform/systrap/systrap_platform.h"

namespace ringwall::platform::conformance {
namespace {

struct SystrapFactory {
  // Guest code can reach the stub's code and the thread's context.
  static constexpr bool kStubIsReachable = true;
  static constexpr uint64_t kStubCode = systrap::kCodeAddress;
  static std::vector<uint64_t> ReachablePages() {
    std::vector<uint64_t> pages = {systrap::kEnd, systrap::kContextsAddress - kPageSize, systrap::kZygoteAddress};
    // Where the guests' contexts are, and their neighbours'.
    for (uint64_t page = 0; page < 4 * systrap::kContextBytes; page += kPageSize) pages.push_back(systrap::kContextsAddress + page);
    for (uint64_t page = 0; page < systrap::kBlobBytes; page += kPageSize) pages.push_back(systrap::kCodeAddress + page);
    pages.push_back(systrap::kCodeAddress + systrap::kBlobBytes);
    return pages;
  }
  static std::unique_ptr<Platform> Create() {
    std::string why;
    auto platform = systrap::CreatePlatform({.proc_fd = UniqueFd(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC))}, &why);
    EXPECT_TRUE(platform.ok()) << why;
    return platform.ok() ? std::move(*platform) : nullptr;
  }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Systrap, Conformance, SystrapFactory);

}  // namespace ringwall::platform::conformance
