// The sentry's end of the control socket: one thread, a listening socket bound before lock-down, few connections.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd/unique_fd.h"
#include "base/sync/mutex.h"
#include "sentry/control/target.h"

namespace ringwall::control {

struct ServerOptions {
  UniqueFd listener;  // AF_UNIX SEQPACKET, listening; invalid = only the owner can talk
  UniqueFd owner;     // the stand-in's end: when it closes, the container must die
  // Peers of the listener must have one of these user ids, as this process's user namespace shows them.
  std::vector<uint32_t> allowed_uids;
  // The stand-in was killed. Runs on the server thread; must not return to a running container. Null = end this process at once, which
  // takes the pid namespace and with it every stub along.
  std::function<void()> owner_gone;
};

class Server {
 public:
  // Starts the thread. EMFILE/ENOMEM when the host refuses.
  static Result<std::unique_ptr<Server>> Create(ServerOptions options, ControlTarget& target);
  // Ends the thread; waiters that were told to wait and not answered see their connection close.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The container's first process has exited. Any thread, once. Everybody who waits is told.
  void ContainerExited(ExitBody status);
  // Returns when the news of ContainerExited have been handed to the host (so that the process may end).
  void Flush();

  static constexpr size_t kMaxConnections = 16;

 private:
  struct Connection {
    UniqueFd fd;
    bool owner = false;
    bool waits = false;
    uint32_t wait_sequence = 0;
  };

  Server(ServerOptions options, ControlTarget& target, UniqueFd wake);
  void Loop();
  void Accept();
  // False: drop the connection.
  bool Serve(Connection& connection);
  bool Handle(Connection& connection, const MessageHeader& header, const uint8_t* body, size_t body_size);
  bool TellExit(Connection& connection, const ExitBody& status);
  bool SendText(Connection& connection, uint32_t sequence, const std::string& text);
  void Wake();

  ServerOptions options_;  // server thread only after Create
  ControlTarget& target_;
  const UniqueFd wake_;                  // eventfd
  std::vector<Connection> connections_;  // server thread only
  std::array<uint8_t, 512> packet_;      // server thread only; larger than any request

  Mutex<LockRank::kControl> mutex_;
  std::optional<ExitBody> exit_ ABSL_GUARDED_BY(mutex_);
  bool told_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;

  std::thread thread_;
};

}  // namespace ringwall::control
