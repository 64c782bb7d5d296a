// shutdown(2) of both directions.
#include "host/calls/socket_shutdown.h"

#include <sys/socket.h>

namespace ringwall::host {

// ENOTCONN means that it is over already.
void ShutdownSocket(int socket) { (void)::shutdown(socket, SHUT_RDWR); }

}  // namespace ringwall::host
