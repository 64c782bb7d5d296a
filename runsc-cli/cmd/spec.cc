// ringwall spec: a config.json to start from.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "runsc-cli/cmd/command.h"
#include "runsc-cli/oci/json.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::cmd {

int Spec(const Context& context) {
  const std::string path = Cat(context.in().bundle.empty() ? "." : context.in().bundle.c_str(), "/config.json");
  const std::string text = oci::GenerateSpec(context.in().rootless_spec);
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file.valid()) {
    if (errno == EEXIST) return context.Fail(absl::AlreadyExistsError(Cat("file ", path, " exists. Remove it first")));
    return context.Fail(HostSentence(errno, path));
  }
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) return context.Fail(HostSentence(errno, path));
  return 0;
}

}  // namespace ringwall::cmd
