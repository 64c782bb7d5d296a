// Composition of the sentry: platform, kernel, file systems, control server, filter, and then the container's first process.
//
// The order that startup.h promises:
//   1. platform (its first stub is forked before the filter), kernel, control::Server (its thread too)
//   2. LockDown({gofer, listener, proc})
//   3. gofer connection, mounts, console, standard streams, Kernel::CreateProcess; report.Ready() or report.ExecError(errno, sentence)
//   4. Kernel::Run on this thread; the exit callback calls Server::ContainerExited; Server::Flush before returning
#include "runsc-cli/boot/boot.h"

namespace ringwall::boot {

int RunSentry(BootContext context) {
  context.report.InternalError("this build has no kernel yet");
  return 125;
}

}  // namespace ringwall::boot
