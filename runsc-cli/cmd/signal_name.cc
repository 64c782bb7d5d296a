// signal(7): names, RTMIN+n, RTMAX-n, numbers.
#include "runsc-cli/cmd/signal_name.h"

#include <cctype>
#include <string>

namespace ringwall::cmd {
namespace {

int Number(std::string_view text) {
  if (text.empty() || text.size() > 3) return -1;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

int SignalNumber(std::string_view text) {
  static constexpr std::string_view kNames[] = {"",     "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
                                                "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
                                                "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS"};
  if (const int number = Number(text); number >= 0) return number <= 64 ? number : 0;
  std::string name;
  for (const char c : text) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (name.rfind("SIG", 0) == 0) name.erase(0, 3);
  if (name == "IOT") name = "ABRT";
  if (name == "POLL") name = "IO";
  if (name == "CLD") name = "CHLD";
  for (int i = 1; i < 32; ++i) {
    if (kNames[i] == name) return i;
  }
  // As glibc counts: RTMIN is 34, the two below are its own.
  if (name == "RTMIN") return 34;
  if (name == "RTMAX") return 64;
  if (name.rfind("RTMIN+", 0) == 0) {
    const int offset = Number(std::string_view(name).substr(6));
    return offset >= 0 && offset <= 30 ? 34 + offset : 0;
  }
  if (name.rfind("RTMAX-", 0) == 0) {
    const int offset = Number(std::string_view(name).substr(6));
    return offset >= 0 && offset <= 30 ? 64 - offset : 0;
  }
  return 0;
}

}  // namespace ringwall::cmd
