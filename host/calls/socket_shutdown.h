// shutdown(2): ends both directions of a connection and wakes whoever blocks in it.
#pragma once

namespace ringwall::host {

void ShutdownSocket(int socket);

}  // namespace ringwall::host
