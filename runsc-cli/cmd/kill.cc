// ringwall kill: a signal to the container's first process, or to all.
#include <signal.h>

#include "runsc-cli/cmd/command.h"
#include "runsc-cli/cmd/signal_name.h"
#include "runsc-cli/container/control_client.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::cmd {

int Kill(const Context& context) {
  const Invocation& in = context.in();
  const int signo = SignalNumber(in.signal);
  if (signo == 0)
    return context.Fail(
        absl::InvalidArgumentError(Cat("kill: unknown signal \"", in.signal, "\"; give a name such as SIGTERM or 1 to 64")));
  auto handle = context.store().Open(in.id);
  if (!handle.ok()) return context.Fail(handle.status());
  auto record = handle->Load();
  if (!record.ok()) return context.Fail(record.status());
  // Engines match this text.
  const absl::Status not_running = absl::FailedPreconditionError("container not running");
  if (container::StatusOf(*record) == container::Status::kStopped) {
    // With --all the engine wants nothing left, and nothing is.
    return in.all ? 0 : context.Fail(not_running);
  }
  auto client = container::ControlClient::Connect(handle->dir(), in.id);
  absl::Status sent =
      client.ok() ? client->Signal(signo, in.all ? control::SignalScope::kAll : control::SignalScope::kInit) : client.status();
  if (absl::IsNotFound(sent)) sent = in.all ? absl::Status() : not_running;  // ESRCH
  if (!sent.ok() && !container::IsAlive(record->stand_in)) sent = in.all ? absl::Status() : not_running;
  if (!sent.ok() && signo == SIGKILL) {
    // A sentry that does not answer can still be ended: its pid namespace dies with it.
    container::SignalProcess(record->sentry, SIGKILL);
    container::SignalProcess(record->stand_in, SIGKILL);
    sent = absl::Status();
  }
  return sent.ok() ? 0 : context.Fail(sent);
}

}  // namespace ringwall::cmd
