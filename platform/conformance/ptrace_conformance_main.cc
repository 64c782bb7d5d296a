// The conformance suite on the ptrace platform.
#include <fcntl.h>

#include "platform/conformance/suite.h"
#include "platform/ptrace/ptrace_platform.h"

namespace ringwall::platform::conformance {
namespace {

struct PtraceFactory {
  static std::unique_ptr<Platform> Create() {
    std::string why;
    auto platform = ptrace::CreatePlatform({.proc_fd = UniqueFd(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC))}, &why);
    EXPECT_TRUE(platform.ok()) << why;
    return platform.ok() ? std::move(*platform) : nullptr;
  }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Ptrace, Conformance, PtraceFactory);

}  // namespace ringwall::platform::conformance
