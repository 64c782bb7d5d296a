// pread(2) until the end: parent and siblings share the file's offset.
#include "runsc-cli/sandbox/read_config.h"

#include <unistd.h>

#include <cerrno>

#include "runsc-cli/oci/text.h"

namespace ringwall::sandbox {

absl::StatusOr<std::string> ReadConfig(int fd) {
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::pread(fd, buffer, sizeof buffer, static_cast<off_t>(text.size()));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return HostSentence(errno, "sandbox configuration");
    if (got == 0) return text;
    text.append(buffer, static_cast<size_t>(got));
  }
}

}  // namespace ringwall::sandbox
