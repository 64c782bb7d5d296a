// ringwall: the operator's command, and (as `boot` and `gofer`, internal) the processes of a sandbox.
#include <cstring>
#include <map>
#include <string_view>

#include "base/log/log.h"
#include "base/sanitizer/sanitizer.h"
#include "runsc-cli/boot/boot.h"
#include "runsc-cli/cmd/command.h"
#include "runsc-cli/cmd/invocation.h"
#include "runsc-cli/oci/text.h"
#include "runsc-cli/sandbox/gofer_main.h"

int main(int argc, char** argv) {
  using namespace ringwall;
  // Started by sandbox/spawn.cc, with descriptors in place and an empty environment: no option parsing, nothing of the host's.
  const bool is_boot = argc == 3 && std::strcmp(argv[1], "boot") == 0;
  const bool is_gofer = argc == 3 && std::strcmp(argv[1], "gofer") == 0;
  sanitizer::Start(is_boot ? "sentry" : is_gofer ? "gofer" : "ringwall");
  if (is_boot) return boot::BootMain(boot::RunSentry);
  if (is_gofer) return sandbox::GoferMain();

  const cmd::ParseOutcome parsed = cmd::ParseCommandLine(argc, argv);
  if (!parsed.run && parsed.status == 0) {
    cmd::Print(parsed.text);
    return 0;
  }
  cmd::Context context(parsed.invocation);
  const bool is_do = parsed.invocation.command == "do";
  const int failed = is_do ? cmd::kInternalFailure : cmd::kFailed;
  const absl::Status opened = context.Open();
  if (!parsed.run) return context.Fail(absl::InvalidArgumentError(OneLine(parsed.text)), failed);
  if (!opened.ok()) return context.Fail(opened, failed);
  if (parsed.invocation.command == "doctor") return cmd::Doctor(context, boot::ProbePlatforms());
  static const std::map<std::string_view, int (*)(const cmd::Context&)> kCommands = {
      {"create", cmd::Create}, {"run", cmd::Run},   {"start", cmd::Start}, {"state", cmd::State}, {"kill", cmd::Kill},
      {"delete", cmd::Delete}, {"list", cmd::List}, {"spec", cmd::Spec},   {"do", cmd::Do},       {"debug", cmd::Debug}};
  const auto command = kCommands.find(parsed.invocation.command);
  if (command == kCommands.end()) return context.Fail(absl::InvalidArgumentError("no such sub-command; see ringwall help"), failed);
  return command->second(context);
}
