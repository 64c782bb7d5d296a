// ringwall start: lets a created container's program run.
#include "runsc-cli/cmd/lifecycle.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::cmd {

int Start(const Context& context) {
  auto handle = context.store().Open(context.in().id);
  if (!handle.ok()) return context.Fail(handle.status());
  auto record = handle->Load();
  if (!record.ok()) return context.Fail(record.status());
  switch (container::StatusOf(*record)) {
    case container::Status::kCreated: break;
    case container::Status::kRunning: return context.Fail(absl::FailedPreconditionError("cannot start an already running container"));
    case container::Status::kStopped: return context.Fail(absl::FailedPreconditionError("cannot start a container that has stopped"));
    case container::Status::kCreating:
      return context.Fail(absl::FailedPreconditionError("cannot start a container that is not created yet"));
  }
  if (absl::Status started = StartContainer(context, *handle, *record); !started.ok()) return context.Fail(started);
  return 0;
}

}  // namespace ringwall::cmd
