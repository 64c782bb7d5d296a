// From what was seen to what an operator should know and do.
#pragma once

#include <string>
#include <vector>

#include "runsc-cli/doctor/facts.h"
#include "runsc-cli/doctor/platform_state.h"

namespace ringwall::doctor {

enum class Grade : uint8_t { kOk, kWarn, kFail };
const char* GradeName(Grade grade);

// One line of the report. `cause` and `fix` are empty when all is well.
struct Finding {
  std::string check;
  Grade grade = Grade::kOk;
  std::string evidence;
  std::string cause;
  std::string fix;
};

// No host calls: every machine can be judged anywhere.
std::vector<Finding> Judge(const Facts& facts);

// What --platform=auto takes: the first available one.
struct Choice {
  std::string platform;  // empty: none works
  std::string why;
};
Choice Choose(const std::vector<PlatformState>& platforms);

struct Report {
  std::vector<Finding> findings;
  std::vector<PlatformState> platforms;
  Choice choice;
};
Report MakeReport(const Facts& facts, std::vector<PlatformState> platforms);

std::string FormatText(const Report& report);
std::string FormatJson(const Report& report);

}  // namespace ringwall::doctor
