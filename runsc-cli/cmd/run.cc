// ringwall run: create, start and (unless --detach) wait; the exit status is the workload's.
#include <unistd.h>

#include "runsc-cli/cmd/lifecycle.h"
#include "runsc-cli/oci/text.h"
#include "runsc-cli/sandbox/console.h"

namespace ringwall::cmd {

int Run(const Context& context) {
  const Invocation& in = context.in();
  auto bundle = LoadBundleOf(context);
  if (!bundle.ok()) return context.Fail(bundle.status());
  auto request = RequestFor(context, *bundle);
  if (!request.ok()) return context.Fail(request.status());
  const oci::Process& process = *bundle->spec.process;
  UniqueFd relay;
  if (process.terminal) {
    if (!in.console_socket.empty()) {
      auto console = sandbox::OpenConsole(in.console_socket, process.console_rows, process.console_columns);
      if (!console.ok()) return context.Fail(console.status());
      request->console = *std::move(console);
    } else if (in.detach) {
      return context.Fail(absl::InvalidArgumentError(
          "config.json: process.terminal: true, but a detached run has no terminal to give; pass --console-socket, or set it to false"));
    } else {
      auto pair = sandbox::MakeRelay();
      if (!pair.ok()) return context.Fail(pair.status());
      request->console = std::move(pair->sandbox);
      relay = std::move(pair->ours);
      uint16_t rows = 0, columns = 0;
      if (sandbox::WindowSize(0, &rows, &columns)) {
        request->plan.boot.process.rows = rows;
        request->plan.boot.process.columns = columns;
      }
    }
  }
  request->foreground = !in.detach;
  if (!in.detach) sandbox::BlockSignals();
  sandbox::StartFailure failure;
  auto created = CreateContainer(context, *std::move(request), &failure);
  if (!created.ok()) return context.Fail(created.status(), StatusOfStartFailure(failure, kFailed));
  absl::Status status = WritePidFile(in.pid_file, created->record.stand_in.pid);
  if (status.ok()) status = sandbox::Commit(created->sandbox);
  if (status.ok()) status = StartContainer(context, *created->handle, created->record);
  if (!status.ok()) {
    created->sandbox.caller.reset();
    (void)Destroy(*created->handle, created->record);
    return context.Fail(status);
  }
  if (in.detach) return 0;

  // Others may want to kill, look at or delete the container meanwhile.
  created->handle.reset();
  const int exit_status = sandbox::WaitForeground(created->sandbox, std::move(relay));
  if (in.keep) return exit_status;
  auto handle = context.store().Open(in.id);
  if (!handle.ok()) return exit_status;  // somebody has deleted it already
  auto record = handle->Load();
  if (!record.ok()) return context.Fail(record.status());
  if (record->stand_in.pid != created->record.stand_in.pid || record->stand_in.start_time != created->record.stand_in.start_time)
    return exit_status;
  if (absl::Status gone = Destroy(*handle, *record); !gone.ok()) return context.Fail(gone);
  return exit_status;
}

}  // namespace ringwall::cmd
