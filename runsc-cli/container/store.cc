// Container directories: creation, locking, atomic state, removal.
#include "runsc-cli/container/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "runsc-cli/container/record_json.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::container {
namespace {

constexpr char kStateFile[] = "state.json";
constexpr char kStateTemp[] = "state.json.new";
constexpr char kLockFile[] = "lock";

absl::Status MakeDirectories(const std::string& path) {
  for (size_t at = 1; at <= path.size(); ++at) {
    if (at != path.size() && path[at] != '/') continue;
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return HostSentence(errno, Cat("cannot make the state directory ", part));
  }
  return {};
}

// The lock may be taken on a directory that its owner has just removed: then it guards nothing and the open starts again.
bool StillThere(int root, const std::string& id, int dir) {
  struct stat by_name {
  }, by_fd{};
  return ::fstatat(root, id.c_str(), &by_name, AT_SYMLINK_NOFOLLOW) == 0 && ::fstat(dir, &by_fd) == 0 && by_name.st_ino == by_fd.st_ino &&
         by_name.st_dev == by_fd.st_dev;
}

UniqueFd TakeLock(int dir, int flags = 0) {
  UniqueFd lock(::openat(dir, kLockFile, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock.valid()) return lock;
  while (::flock(lock.get(), LOCK_EX | flags) != 0) {
    if (errno != EINTR) return UniqueFd();
  }
  return lock;
}

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    text.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

}  // namespace

const char* StatusName(Status status) {
  switch (status) {
    case Status::kCreating: return "creating";
    case Status::kCreated: return "created";
    case Status::kRunning: return "running";
    case Status::kStopped: return "stopped";
  }
  return "stopped";
}

Status StatusOf(const Record& record) {
  // Callers hold the lock, which `create` keeps until the container is complete: "creating" seen here means that create has died.
  if (!IsAlive(record.stand_in)) return Status::kStopped;
  switch (record.phase) {
    case Phase::kCreating: return Status::kCreating;
    case Phase::kCreated: return Status::kCreated;
    case Phase::kRunning: return Status::kRunning;
  }
  return Status::kStopped;
}

bool IsAbandoned(const Record& record) { return StatusOf(record) == Status::kStopped && (record.ephemeral || record.created.empty()); }

oci::StateDocument DocumentOf(const Record& record) {
  const Status status = StatusOf(record);
  return {.version = record.version,
          .id = record.id,
          .status = StatusName(status),
          .pid = status == Status::kStopped ? 0 : record.stand_in.pid,
          .bundle = record.bundle,
          .rootfs = record.rootfs,
          .created = record.created,
          .owner = record.owner,
          .annotations = record.annotations};
}

absl::Status CheckId(std::string_view id) {
  if (id.empty()) return absl::InvalidArgumentError("container id: empty string; give the container a name");
  if (id.size() > 255) return absl::InvalidArgumentError(Cat("container id: ", id.size(), " bytes; at most 255 fit into a file name"));
  for (const char c : id) {
    const bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' || c == '.';
    if (!good) return absl::InvalidArgumentError(OneLine(Cat("container id: found \"", id, "\", wanted only letters, digits and _ + - .")));
  }
  if (id == "." || id == "..") return absl::InvalidArgumentError(Cat("container id: \"", id, "\" names a directory; give another name"));
  return {};
}

std::string DefaultRoot() {
  const char* runtime_dir = std::getenv("XDG_RUNTIME_DIR");
  if (::geteuid() != 0 && runtime_dir != nullptr && runtime_dir[0] == '/') return Cat(runtime_dir, "/ringwall");
  if (::geteuid() != 0) return Cat("/tmp/ringwall-", ::geteuid());
  return "/run/ringwall";
}

absl::StatusOr<Record> Handle::Load() const {
  const UniqueFd file(::openat(dir_.get(), kStateFile, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file.valid()) {
    // Killed between mkdir and the first record: there is nothing to know but the name.
    if (errno == ENOENT) return Record{.id = id_};
    return HostSentence(errno, Cat("container ", id_, ": state.json"));
  }
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return HostSentence(errno, Cat("container ", id_, ": state.json"));
    if (got == 0 || text.size() > oci::kMaxConfigBytes) break;
    text.append(buffer, static_cast<size_t>(got));
  }
  return ParseRecord(text, id_);
}

absl::Status Handle::Save(const Record& record) const {
  const std::string text = FormatRecord(record);
  const UniqueFd file(::openat(dir_.get(), kStateTemp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) return HostSentence(errno, Cat("container ", id_, ": state.json"));
  // The state of `do` never outlives the machine's memory: no need to wait for a disk.
  if (!WriteAll(file.get(), text) || (!record.ephemeral && ::fsync(file.get()) != 0) ||
      ::renameat(dir_.get(), kStateTemp, dir_.get(), kStateFile) != 0) {
    return HostSentence(errno, Cat("container ", id_, ": writing state.json"));
  }
  return {};
}

absl::Status Handle::Remove() {
  // Again, when another command put a lock file of its own where ours was: it will find that what it locked is gone.
  for (int attempt = 0; attempt < 100; ++attempt) {
    UniqueFd listing(::openat(dir_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (DIR* entries = listing.valid() ? ::fdopendir(listing.get()) : nullptr) {
      (void)listing.release();
      while (const dirent* entry = ::readdir(entries)) ::unlinkat(dir_.get(), entry->d_name, 0);  // "." and ".." fail
      ::closedir(entries);
    }
    if (!StillThere(root_.get(), id_, dir_.get())) return {};
    if (::unlinkat(root_.get(), id_.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return {};
    if (errno != ENOTEMPTY && errno != EEXIST) break;
  }
  return HostSentence(errno, Cat("container ", id_, ": cannot remove its state directory"));
}

absl::StatusOr<Handle> Store::Create(const std::string& id) const {
  RETURN_IF_ERROR(CheckId(id));
  RETURN_IF_ERROR(MakeDirectories(root_));
  UniqueFd root(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return HostSentence(errno, Cat("state directory ", root_));
  struct stat info {};
  if (::fstat(root.get(), &info) != 0) return HostSentence(errno, Cat("state directory ", root_));
  if (info.st_uid != ::geteuid() || (info.st_mode & 022) != 0) {
    return absl::PermissionDeniedError(
        Cat("state directory ", root_, ": belongs to another user or others may write to it; fix its owner and mode or use --root"));
  }
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (::mkdirat(root.get(), id.c_str(), 0700) != 0) {
      if (errno == EEXIST) return absl::AlreadyExistsError(Cat("container with given ID already exists: ", id));
      return HostSentence(errno, Cat("state directory ", root_, "/", id));
    }
    UniqueFd dir(::openat(root.get(), id.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    UniqueFd lock = dir.valid() ? TakeLock(dir.get()) : UniqueFd();
    if (lock.valid() && StillThere(root.get(), id, dir.get())) return Handle(id, std::move(root), std::move(dir), std::move(lock));
    // Until it is locked it looks abandoned: another command may have cleared it away.
    if (!lock.valid() && errno != ENOENT) {
      const int error = errno;
      ::unlinkat(root.get(), id.c_str(), AT_REMOVEDIR);
      return HostSentence(error, Cat("state directory ", root_, "/", id));
    }
  }
  return absl::UnavailableError(Cat("state directory ", root_, "/", id, ": is removed as fast as it is made"));
}

absl::StatusOr<Handle> Store::Open(const std::string& id, Locked when_locked) const {
  RETURN_IF_ERROR(CheckId(id));
  const absl::Status missing = absl::NotFoundError(Cat("container does not exist: ", id));
  UniqueFd root(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return errno == ENOENT ? missing : HostSentence(errno, Cat("state directory ", root_));
  for (int attempt = 0; attempt < 100; ++attempt) {
    UniqueFd dir(::openat(root.get(), id.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
    if (!dir.valid()) return errno == ENOENT ? missing : HostSentence(errno, Cat("state directory ", root_, "/", id));
    UniqueFd lock = TakeLock(dir.get(), when_locked == Locked::kGiveUp ? LOCK_NB : 0);
    if (!lock.valid()) {
      if (errno == ENOENT) continue;
      if (errno == EWOULDBLOCK) return absl::UnavailableError(Cat("container ", id, ": another command works on it"));
      return HostSentence(errno, Cat("container ", id, ": its lock"));
    }
    if (StillThere(root.get(), id, dir.get())) return Handle(id, std::move(root), std::move(dir), std::move(lock));
  }
  return missing;
}

std::vector<std::string> Store::List() const {
  std::vector<std::string> ids;
  DIR* entries = ::opendir(root_.c_str());
  if (entries == nullptr) return ids;
  while (const dirent* entry = ::readdir(entries)) {
    if (CheckId(entry->d_name).ok()) ids.emplace_back(entry->d_name);
  }
  ::closedir(entries);
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace ringwall::container
