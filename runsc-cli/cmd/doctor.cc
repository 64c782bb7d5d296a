// ringwall doctor: what works on this machine, which platform `auto` takes, and what would have to change for more.
#include "runsc-cli/cmd/command.h"
#include "runsc-cli/doctor/findings.h"
#include "runsc-cli/doctor/trial.h"

namespace ringwall::cmd {

int Doctor(const Context& context, std::vector<doctor::PlatformState> platforms) {
  for (doctor::PlatformState& platform : platforms) {
    if (platform.available) doctor::TryToStart(&platform);
  }
  const doctor::Report report = doctor::MakeReport(doctor::Probe(), std::move(platforms));
  Print(context.in().format == "json" ? doctor::FormatJson(report) : doctor::FormatText(report));
  return report.choice.platform.empty() ? kFailed : 0;
}

}  // namespace ringwall::cmd
