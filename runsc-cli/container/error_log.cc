// The operator's log: whole lines by one write(2) each, so that several processes may append.
#include "runsc-cli/container/error_log.h"

#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "runsc-cli/oci/text.h"

namespace ringwall::container {
namespace {

std::string JsonString(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte >= 0x7f) {
      // Bytes of unknown encoding: valid JSON matters more than their looks.
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

std::string NowRfc3339() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  tm parts{};
  ::gmtime_r(&now.tv_sec, &parts);
  char text[64];
  const size_t used = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + used, sizeof text - used, ".%09ldZ", now.tv_nsec);
  return text;
}

void ErrorLog::Write(std::string_view level, std::string_view message) const {
  if (fd_ < 0) return;
  const std::string line = json_ ? Cat("{\"level\":\"", level, "\",\"msg\":", JsonString(message), ",\"time\":\"", NowRfc3339(), "\"}\n")
                                 : Cat("time=\"", NowRfc3339(), "\" level=", level, " msg=", JsonString(message), "\n");
  (void)!::write(fd_, line.data(), line.size());
}

}  // namespace ringwall::container
