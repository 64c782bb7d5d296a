// The report as a table for people and as JSON for programs.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "runsc-cli/doctor/findings.h"
#include "runsc-cli/oci/reader.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::doctor {
namespace {

std::string Padded(std::string text, size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

}  // namespace

std::string FormatText(const Report& report) {
  size_t width = 0;
  for (const Finding& finding : report.findings) width = std::max(width, finding.check.size());
  const std::string indent(width + 8, ' ');
  std::string out;
  for (const Finding& finding : report.findings) {
    out += Cat(Padded(GradeName(finding.grade), 6), Padded(finding.check, width + 2), OneLine(finding.evidence), "\n");
    if (!finding.cause.empty()) out += Cat(indent, "cause: ", OneLine(finding.cause), "\n");
    if (!finding.fix.empty()) out += Cat(indent, "fix:   ", OneLine(finding.fix), "\n");
  }
  out += "\n";
  for (const PlatformState& platform : report.platforms) {
    out += Cat("platform ", Padded(platform.name, 9));
    if (!platform.available) {
      out += OneLine(platform.reason);
    } else if (platform.start == PlatformState::Start::kFailed) {
      out += Cat("its probe works, but a sandbox does not start: ", OneLine(platform.reason));
    } else {
      char took[96];
      std::snprintf(took, sizeof took, "works (probe %.1f ms", platform.milliseconds);
      out += took;
      if (platform.start == PlatformState::Start::kWorked) {
        std::snprintf(took, sizeof took, ", true(1) in a sandbox %.0f ms", platform.start_milliseconds);
        out += took;
      }
      out += ")";
    }
    out += "\n";
  }
  out += report.choice.platform.empty() ? Cat("--platform=auto fails: ", OneLine(report.choice.why), "\n")
                                        : Cat("--platform=auto takes ", report.choice.platform, ": ", OneLine(report.choice.why), "\n");
  return out;
}

std::string FormatJson(const Report& report) {
  using oci::Json;
  Json checks = Json::array();
  for (const Finding& finding : report.findings) {
    checks.push_back(Json{{"check", finding.check},
                          {"state", GradeName(finding.grade)},
                          {"evidence", finding.evidence},
                          {"cause", finding.cause},
                          {"fix", finding.fix}});
  }
  Json platforms = Json::array();
  for (const PlatformState& platform : report.platforms) {
    platforms.push_back(Json{{"name", platform.name},
                             {"available", platform.available},
                             {"works", platform.Works()},
                             {"reason", platform.reason},
                             {"milliseconds", std::round(platform.milliseconds * 10) / 10},
                             {"start_milliseconds", std::round(platform.start_milliseconds * 10) / 10}});
  }
  const Json document{{"checks", std::move(checks)},
                      {"platforms", std::move(platforms)},
                      {"auto", {{"platform", report.choice.platform}, {"why", report.choice.why}}}};
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ringwall::doctor
