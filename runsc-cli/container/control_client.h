// The command line's end of a sentry's control socket.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd/unique_fd.h"
#include "sentry/control/messages.h"

namespace ringwall::container {

class ControlClient {
 public:
  // Connects to DIR/control.sock. Unavailable when nobody listens.
  static absl::StatusOr<ControlClient> Connect(int dir, const std::string& id);

  absl::Status Start();
  // NotFound when the process is gone.
  absl::Status Signal(int signo, control::SignalScope scope);
  absl::StatusOr<control::StateBody> State();
  absl::StatusOr<std::string> Unimplemented();
  absl::StatusOr<std::string> Tasks();

 private:
  ControlClient(UniqueFd fd, std::string id) : fd_(std::move(fd)), id_(std::move(id)) {}
  absl::Status Exchange(control::MessageType type, const void* body, size_t body_size, control::MessageType reply, void* reply_body,
                        size_t reply_size);
  absl::Status Command(control::MessageType type, const void* body, size_t body_size);
  absl::StatusOr<std::string> Text(control::MessageType type);
  absl::Status Lost() const;

  UniqueFd fd_;
  std::string id_;
  uint32_t sequence_ = 0;
};

// A listening socket DIR/control.sock (mode 0600 in a directory of mode 0700).
absl::StatusOr<UniqueFd> ListenControl(int dir);

// Low-level halves, also used by the stand-in: one packet out, without waiting for a reply.
bool SendControl(int fd, control::MessageType type, uint32_t sequence, const void* body, size_t body_size);

}  // namespace ringwall::container
