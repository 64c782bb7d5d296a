// Containers on the host: ROOT/<id>/ with a lock, state.json and the control socket. Every command takes the container's lock.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/fd/unique_fd.h"
#include "runsc-cli/container/process.h"
#include "runsc-cli/oci/json.h"

namespace ringwall::container {

// Life of a container as state.json records it. Whether it still runs is asked of the stand-in process, not of the file.
enum class Phase : uint8_t { kCreating, kCreated, kRunning };
enum class Status : uint8_t { kCreating, kCreated, kRunning, kStopped };
const char* StatusName(Status status);

struct Record {
  std::string id;
  std::string version = "1.0.2";  // ociVersion of the bundle
  std::string bundle;
  std::string rootfs;
  std::string created;  // RFC 3339, UTC
  std::string owner;
  std::map<std::string, std::string> annotations;
  Phase phase = Phase::kCreating;
  bool ephemeral = false;  // made by `do`: goes away with its command
  ProcessId stand_in;
  ProcessId sentry;
  ProcessId gofer;
  std::vector<oci::Hook> poststart;
  std::vector<oci::Hook> poststop;
};

// The status that operators see: what the file says, unless the stand-in is gone.
Status StatusOf(const Record& record);
// Nobody will come back for it: the remains of a `do` whose processes were all killed, or of a creation that was killed before its first
// record. For callers that hold the lock.
bool IsAbandoned(const Record& record);
oci::StateDocument DocumentOf(const Record& record);

// Letters, digits and _ + - . as runc; not "." or ".."; at most one file name long.
absl::Status CheckId(std::string_view id);
// --root, or XDG_RUNTIME_DIR/ringwall for ordinary users, or /run/ringwall.
std::string DefaultRoot();

// One container's directory, open and (unless it vanished) locked until destruction.
class Handle {
 public:
  Handle(Handle&&) = default;
  Handle& operator=(Handle&&) = default;

  const std::string& id() const { return id_; }
  // Descriptor of the container's directory; sockets are reached through /proc/self/fd/N/control.sock, free of path length limits.
  int dir() const { return dir_.get(); }
  absl::StatusOr<Record> Load() const;
  // Atomic: temporary file, fsync, rename. A crash leaves the old or the new record.
  absl::Status Save(const Record& record) const;
  // Empties and removes the directory. The handle is of no use afterwards.
  absl::Status Remove();

 private:
  friend class Store;
  Handle(std::string id, UniqueFd root, UniqueFd dir, UniqueFd lock)
      : id_(std::move(id)), root_(std::move(root)), dir_(std::move(dir)), lock_(std::move(lock)) {}

  std::string id_;
  UniqueFd root_;
  UniqueFd dir_;
  UniqueFd lock_;
};

class Store {
 public:
  explicit Store(std::string root) : root_(std::move(root)) {}
  const std::string& root() const { return root_; }

  // Makes the directory; AlreadyExists "container with id exists: ID". On failure nothing is left.
  absl::StatusOr<Handle> Create(const std::string& id) const;
  // Opens and locks; NotFound "container does not exist: ID".
  enum class Locked : uint8_t { kWait, kGiveUp };  // kGiveUp: Unavailable when another command works on it
  absl::StatusOr<Handle> Open(const std::string& id, Locked when_locked = Locked::kWait) const;
  // Ids in the root, sorted; a missing root is empty.
  std::vector<std::string> List() const;

 private:
  std::string root_;
};

}  // namespace ringwall::container
