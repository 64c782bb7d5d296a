// systrap is the fast one; ptrace works nearly everywhere. A platform that was named is taken or refused, never replaced.
#include "runsc-cli/boot/platform.h"

#include <array>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log/log.h"
#include "platform/ptrace/filter.h"
#include "platform/ptrace/ptrace_platform.h"
#ifdef RINGWALL_HAVE_SYSTRAP
#include "platform/systrap/filter.h"
#include "platform/systrap/systrap_platform.h"
#endif
#include "runsc-cli/boot/boot.h"
#include "runsc-cli/boot/platform_name.h"
#include "runsc-cli/doctor/in_child.h"
#include "syscalls/core/table_builder.h"

namespace ringwall::boot {
namespace {

Result<ChosenPlatform> MakePtrace(PlatformRequest request, std::string* why) {
  const int proc = request.proc_fd.get();
  auto made = platform::ptrace::CreatePlatform({.proc_fd = std::move(request.proc_fd), .cpu = request.cpu}, why);
  if (!made.ok()) return made.error();
  return ChosenPlatform{.platform = std::move(*made), .rules = platform::ptrace::TracerRules(proc)};
}

#ifdef RINGWALL_HAVE_SYSTRAP
bool ProbeSystrap(std::string* why) { return platform::systrap::Probe(why); }

Result<ChosenPlatform> MakeSystrap(PlatformRequest request, std::string* why) {
  const int proc = request.proc_fd.get();
  std::array<platform::CallShape, platform::kCallShapes> shapes{};
  for (size_t i = 0; i < shapes.size(); ++i) shapes[i] = syscalls::kTableX86_64.rows[i].shape;
  auto made = platform::systrap::CreatePlatform(
      {.proc_fd = std::move(request.proc_fd), .rewrite_calls = request.rewrite_calls, .shapes = shapes}, why);
  if (!made.ok()) {
    // The probe knows the usual causes by name.
    if (std::string cause; !platform::systrap::Probe(&cause)) *why = cause;
    return made.error();
  }
  return ChosenPlatform{.platform = std::move(*made), .rules = platform::systrap::SentryRules(proc)};
}
#else
constexpr char kNotBuilt[] = "systrap is not part of this build";

bool ProbeSystrap(std::string* why) {
  *why = kNotBuilt;
  return false;
}

Result<ChosenPlatform> MakeSystrap(PlatformRequest, std::string* why) {
  *why = absl::StrCat("--platform: ", kNotBuilt, "; use auto or ptrace");
  return Errno::kENOSYS;
}
#endif

Result<ChosenPlatform> MakeBest(PlatformRequest request, std::string* why) {
  std::string no_systrap;
  // The descriptor goes to the platform that is tried: the second needs one, too.
  UniqueFd proc_copy = request.proc_fd.Duplicate();
  if (ProbeSystrap(&no_systrap)) {
    auto made = MakeSystrap(
        {.name = request.name, .proc_fd = std::move(request.proc_fd), .cpu = request.cpu, .rewrite_calls = request.rewrite_calls},
        &no_systrap);
    if (made.ok()) {
      LOG(kInfo) << "platform: systrap";
      return made;
    }
    request.proc_fd = std::move(proc_copy);
  }
  LOG(kInfo) << "platform: ptrace, which is slower, because: " << no_systrap;
  auto made = MakePtrace(std::move(request), why);
  if (!made.ok()) *why = absl::StrCat("no platform works here: ", *why, "; and systrap: ", no_systrap, "; see `ringwall doctor`");
  return made;
}

// What a child found out about the ptrace platform.
struct PtraceProbe {
  bool works = false;
  std::array<char, 480> why{};
};

PtraceProbe TryPtrace() {
  PtraceProbe result;
  std::string why;
  auto made = platform::ptrace::CreatePlatform({}, &why);
  result.works = made.ok();
  why.copy(result.why.data(), result.why.size() - 1);
  return result;
}

template <typename F>
doctor::PlatformState Timed(const char* name, F probe) {
  doctor::PlatformState state{.name = name};
  const auto start = std::chrono::steady_clock::now();
  state.available = probe(&state.reason);
  state.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (state.available) state.reason.clear();
  return state;
}

}  // namespace

Result<ChosenPlatform> MakePlatform(PlatformRequest request, std::string* why) {
  if (request.name == "ptrace") return MakePtrace(std::move(request), why);
  if (request.name == "systrap") return MakeSystrap(std::move(request), why);
  if (request.name == kAutoPlatform) return MakeBest(std::move(request), why);
  *why = std::string(CheckPlatformName("--platform", request.name).message());
  return Errno::kEINVAL;
}

std::vector<doctor::PlatformState> ProbePlatforms() {
  std::vector<doctor::PlatformState> states;
  states.push_back(Timed("systrap", ProbeSystrap));
  states.push_back(Timed("ptrace", [](std::string* why) {
    const auto found = doctor::InChild<PtraceProbe>(TryPtrace);
    *why = found.has_value() ? found->why.data() : "the process that tried it did not come back";
    return found.has_value() && found->works;
  }));
  states.push_back(Timed("kvm", [](std::string* why) {
    *why = "not part of this version";
    return false;
  }));
  return states;
}

}  // namespace ringwall::boot
