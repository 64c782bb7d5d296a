// ringwall do: a command over the host's root, which it sees but cannot change. No daemon, no image, nothing left behind.
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "runsc-cli/cmd/lifecycle.h"
#include "runsc-cli/oci/text.h"
#include "runsc-cli/sandbox/console.h"

extern char** environ;

namespace ringwall::cmd {
namespace {

absl::StatusOr<std::string> Absolute(const std::string& path, std::string_view flag) {
  char resolved[PATH_MAX];
  if (::realpath(path.c_str(), resolved) == nullptr) return HostSentence(errno, OneLine(Cat(flag, ": \"", path, "\"")));
  return std::string(resolved);
}

absl::StatusOr<sandbox::HostVolume> ParseVolume(const std::string& text) {
  sandbox::HostVolume volume;
  std::string rest = text;
  const auto ends_with = [&rest](std::string_view tail) {
    return rest.size() > tail.size() && rest.substr(rest.size() - tail.size()) == tail;
  };
  if (ends_with(":ro") || ends_with(":rw")) {
    volume.read_only = ends_with(":ro");
    rest.resize(rest.size() - 3);
  }
  const size_t colon = rest.find(':');
  if (colon == std::string::npos || colon == 0)
    return absl::InvalidArgumentError(OneLine(Cat("--volume: found \"", text, "\", wanted SRC:DST or SRC:DST:ro")));
  volume.destination = rest.substr(colon + 1);
  if (volume.destination.empty() || volume.destination[0] != '/' || Cat(volume.destination, "/").find("/../") != std::string::npos) {
    return absl::InvalidArgumentError(
        OneLine(Cat("--volume: destination \"", volume.destination, "\" must be an absolute path without \"..\"")));
  }
  auto source = Absolute(rest.substr(0, colon), "--volume");
  if (!source.ok()) return source.status();
  volume.source = *std::move(source);
  return volume;
}

bool ParseId(std::string_view text, uint32_t* out) {
  if (text.empty() || text.size() > 10) return false;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  if (value >= UINT32_MAX) return false;
  *out = static_cast<uint32_t>(value);
  return true;
}

// The environment as it is, then --env over it: NAME=value sets, NAME alone takes over (which it is anyway).
absl::StatusOr<std::vector<std::string>> Environment(const std::vector<std::string>& changes) {
  std::vector<std::string> env;
  for (char** entry = environ; *entry != nullptr; ++entry) env.emplace_back(*entry);
  for (const std::string& change : changes) {
    const size_t equals = change.find('=');
    if (equals == 0 || change.empty()) return absl::InvalidArgumentError(OneLine(Cat("--env: found \"", change, "\", wanted NAME=value")));
    if (equals == std::string::npos) continue;
    const std::string prefix = change.substr(0, equals + 1);
    bool replaced = false;
    for (std::string& entry : env) {
      if (entry.rfind(prefix, 0) != 0) continue;
      entry = change;
      replaced = true;
    }
    if (!replaced) env.push_back(change);
  }
  return env;
}

std::string FreshId() {
  uint32_t random = 0;
  (void)!::getrandom(&random, sizeof random, 0);
  char text[48];
  std::snprintf(text, sizeof text, "do-%d-%08x", static_cast<int>(::getpid()), random);
  return text;
}

absl::StatusOr<sandbox::DoRequest> RequestFrom(const Invocation& in) {
  sandbox::DoRequest request{.args = in.args};
  if (request.args.empty() || request.args[0].empty()) return absl::InvalidArgumentError("do: no command given; write it behind --");
  auto env = Environment(in.env);
  if (!env.ok()) return env.status();
  request.env = *std::move(env);
  if (in.cwd.empty()) {
    char current[PATH_MAX];
    if (::getcwd(current, sizeof current) == nullptr) return HostSentence(errno, "do: the current directory");
    request.cwd = current;
  } else if (in.cwd[0] != '/') {
    return absl::InvalidArgumentError(OneLine(Cat("--cwd: found \"", in.cwd, "\", wanted an absolute path")));
  } else {
    request.cwd = in.cwd;
  }
  request.uid = ::geteuid();
  request.gid = ::getegid();
  if (in.user.empty()) {
    gid_t groups[256];
    const int count = ::getgroups(256, groups);
    for (int i = 0; i < count; ++i) request.additional_gids.push_back(groups[i]);
  } else {
    const size_t colon = in.user.find(':');
    const std::string_view text(in.user);
    const bool good = ParseId(text.substr(0, colon), &request.uid) &&
                      (colon == std::string::npos ? (request.gid = request.uid, true) : ParseId(text.substr(colon + 1), &request.gid));
    if (!good) return absl::InvalidArgumentError(OneLine(Cat("--user: found \"", in.user, "\", wanted UID or UID:GID in numbers")));
  }
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  host[64] = 0;  // Linux allows 64 bytes
  request.hostname = in.hostname.empty() ? std::string(host) : in.hostname;
  if (request.hostname.size() > 64)
    return absl::InvalidArgumentError(Cat("--hostname: ", request.hostname.size(), " bytes; Linux allows 64"));
  for (const std::string& path : in.writable) {
    auto absolute = Absolute(path, "--rw");
    if (!absolute.ok()) return absolute.status();
    request.volumes.push_back({.source = *absolute, .destination = *absolute});
  }
  for (const std::string& text : in.volumes) {
    auto volume = ParseVolume(text);
    if (!volume.ok()) return volume.status();
    request.volumes.push_back(*std::move(volume));
  }
  request.terminal = in.tty.value_or(::isatty(0) == 1 && ::isatty(1) == 1);
  return request;
}

}  // namespace

int Do(const Context& context) {
  auto asked = RequestFrom(context.in());
  if (!asked.ok()) return context.Fail(asked.status(), kInternalFailure);
  auto plan = sandbox::PlanDo(*asked);
  if (!plan.ok()) return context.Fail(plan.status(), kInternalFailure);

  CreateRequest request{.id = FreshId(), .plan = *std::move(plan), .foreground = true, .ephemeral = true, .needs_state = false};
  request.record.bundle = asked->cwd;
  request.record.rootfs = "/";
  UniqueFd relay;
  if (asked->terminal) {
    auto pair = sandbox::MakeRelay();
    if (!pair.ok()) return context.Fail(pair.status(), kInternalFailure);
    request.console = std::move(pair->sandbox);
    relay = std::move(pair->ours);
    uint16_t rows = 0, columns = 0;
    if (sandbox::WindowSize(0, &rows, &columns)) {
      request.plan.boot.process.rows = rows;
      request.plan.boot.process.columns = columns;
    }
  }
  sandbox::BlockSignals();
  sandbox::StartFailure failure;
  auto created = CreateContainer(context, std::move(request), &failure);
  if (!created.ok()) return context.Fail(created.status(), StatusOfStartFailure(failure, kInternalFailure));
  absl::Status status = sandbox::Commit(created->sandbox);
  if (status.ok()) status = sandbox::SendStart(created->sandbox);
  created->record.phase = container::Phase::kRunning;
  if (status.ok() && created->handle.has_value()) status = created->handle->Save(created->record);
  if (!status.ok()) {
    created->sandbox.caller.reset();
    if (created->handle.has_value()) (void)Destroy(*created->handle, created->record);
    return context.Fail(status, kInternalFailure);
  }
  const bool has_state = created->handle.has_value();
  created->handle.reset();
  const int exit_status = sandbox::WaitForeground(created->sandbox, std::move(relay));
  if (has_state) {
    auto handle = context.store().Open(created->record.id);
    if (handle.ok()) {
      if (absl::Status gone = Destroy(*handle, created->record); !gone.ok()) return context.Fail(gone, kInternalFailure);
    }
  }
  return exit_status;
}

}  // namespace ringwall::cmd
