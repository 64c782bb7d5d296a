// ringwall create: a container whose program is loaded and waits for `start`.
#include <cerrno>

#include "runsc-cli/cmd/lifecycle.h"
#include "runsc-cli/oci/text.h"
#include "runsc-cli/sandbox/console.h"

namespace ringwall::cmd {

int Create(const Context& context) {
  const Invocation& in = context.in();
  auto bundle = LoadBundleOf(context);
  if (!bundle.ok()) return context.Fail(bundle.status());
  auto request = RequestFor(context, *bundle);
  if (!request.ok()) return context.Fail(request.status());
  const oci::Process& process = *bundle->spec.process;
  if (process.terminal && in.console_socket.empty()) {
    return context.Fail(absl::InvalidArgumentError(
        "config.json: process.terminal: true, but create has no terminal to give; pass --console-socket, or set it to false"));
  }
  if (!process.terminal && !in.console_socket.empty()) {
    return context.Fail(
        absl::InvalidArgumentError("--console-socket: process.terminal is false in config.json; leave the flag out or set it to true"));
  }
  if (process.terminal) {
    auto console = sandbox::OpenConsole(in.console_socket, process.console_rows, process.console_columns);
    if (!console.ok()) return context.Fail(console.status());
    request->console = *std::move(console);
  }
  sandbox::StartFailure failure;
  auto created = CreateContainer(context, *std::move(request), &failure);
  if (!created.ok()) return context.Fail(created.status());
  absl::Status status = WritePidFile(in.pid_file, created->record.stand_in.pid);
  if (status.ok()) status = sandbox::Commit(created->sandbox);
  if (!status.ok()) {
    created->sandbox.caller.reset();
    (void)Destroy(*created->handle, created->record);
    return context.Fail(status);
  }
  return 0;
}

}  // namespace ringwall::cmd
