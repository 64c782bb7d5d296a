// ringwall delete: removes a stopped (or never started) container; with --force any, also one whose creator was killed half-way.
#include <signal.h>

#include "runsc-cli/cmd/lifecycle.h"
#include "runsc-cli/oci/json.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::cmd {

absl::Status Destroy(container::Handle& handle, const container::Record& record) {
  // The stand-in first, or it would report the sentry's death as an accident. The sentry takes the stubs along.
  for (const container::ProcessId* process : {&record.stand_in, &record.sentry, &record.gofer}) {
    if (process->pid > 0) container::SignalProcess(*process, SIGKILL);
  }
  for (const container::ProcessId* process : {&record.sentry, &record.gofer, &record.stand_in}) {
    if (process->pid > 0 && !container::WaitGone(*process, 10000)) {
      return absl::UnavailableError(
          Cat("container ", handle.id(), ": process ", process->pid, " cannot be killed (is it stuck in the host kernel?)"));
    }
  }
  const bool was_created = record.phase != container::Phase::kCreating;
  if (absl::Status ran =
          RunHooks(was_created ? record.poststop : std::vector<oci::Hook>(), oci::FormatState(container::DocumentOf(record)), "poststop");
      !ran.ok()) {
    (void)handle.Remove();
    return ran;
  }
  return handle.Remove();
}

int Delete(const Context& context) {
  const Invocation& in = context.in();
  auto handle = context.store().Open(in.id);
  if (!handle.ok()) {
    if (in.force && absl::IsNotFound(handle.status())) return 0;
    return context.Fail(handle.status());
  }
  auto record = handle->Load();
  if (!record.ok()) {
    // An unreadable record names nobody to kill; only the operator's --force may drop it.
    if (!in.force) return context.Fail(record.status());
    context.log().Warning(std::string(record.status().message()));
    if (absl::Status removed = handle->Remove(); !removed.ok()) return context.Fail(removed);
    return 0;
  }
  const container::Status status = container::StatusOf(*record);
  if (!in.force && status == container::Status::kRunning) {
    return context.Fail(
        absl::FailedPreconditionError(Cat("cannot delete container ", in.id, " that is not stopped: ", container::StatusName(status))));
  }
  if (absl::Status gone = Destroy(*handle, *record); !gone.ok()) return context.Fail(gone);
  return 0;
}

}  // namespace ringwall::cmd
