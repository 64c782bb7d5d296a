// config.json to Spec: syntax and types only.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fd/unique_fd.h"
#include "runsc-cli/oci/json.h"
#include "runsc-cli/oci/reader.h"

namespace ringwall::oci {
namespace {

void ReadUser(const Reader& in, User* out) {
  in.Field("uid").Read(&out->uid);
  in.Field("gid").Read(&out->gid);
  in.Field("umask").Read(&out->umask);
  in.Field("additionalGids").Elements([out](const Reader& element) {
    element.Require();
    uint32_t gid = 0;
    element.Read(&gid);
    out->additional_gids.push_back(gid);
  });
}

void ReadProcess(const Reader& in, Process* out) {
  in.Field("terminal").Read(&out->terminal);
  const Reader size = in.Field("consoleSize");
  size.Field("height").Read(&out->console_rows);
  size.Field("width").Read(&out->console_columns);
  ReadUser(in.Field("user"), &out->user);
  in.Field("args").Read(&out->args);
  in.Field("env").Read(&out->env);
  in.Field("cwd").Require();
  in.Field("cwd").Read(&out->cwd);
  in.Field("noNewPrivileges").Read(&out->no_new_privileges);
  in.Field("oomScoreAdj").Read(&out->oom_score_adj);
  in.Field("rlimits").Elements([out](const Reader& element) {
    element.RequireObject();
    Rlimit limit;
    element.Field("type").Require();
    element.Field("type").Read(&limit.type);
    element.Field("soft").Require();
    element.Field("soft").Read(&limit.soft);
    element.Field("hard").Require();
    element.Field("hard").Read(&limit.hard);
    out->rlimits.push_back(std::move(limit));
  });
  const Reader caps = in.Field("capabilities");
  if (caps.present()) {
    Capabilities sets;
    caps.Field("bounding").Read(&sets.bounding);
    caps.Field("effective").Read(&sets.effective);
    caps.Field("inheritable").Read(&sets.inheritable);
    caps.Field("permitted").Read(&sets.permitted);
    caps.Field("ambient").Read(&sets.ambient);
    out->capabilities = std::move(sets);
  }
}

void ReadHooks(const Reader& in, std::vector<Hook>* out) {
  in.Elements([out](const Reader& element) {
    element.RequireObject();
    Hook hook;
    element.Field("path").Require();
    element.Field("path").Read(&hook.path);
    element.Field("args").Read(&hook.args);
    element.Field("env").Read(&hook.env);
    element.Field("timeout").Read(&hook.timeout_seconds);
    out->push_back(std::move(hook));
  });
}

void ReadMappings(const Reader& in, std::vector<IdMapping>* out) {
  in.Elements([out](const Reader& element) {
    element.RequireObject();
    IdMapping mapping;
    element.Field("containerID").Read(&mapping.container_id);
    element.Field("hostID").Read(&mapping.host_id);
    element.Field("size").Read(&mapping.size);
    out->push_back(mapping);
  });
}

void ReadLinux(const Reader& in, Linux* out) {
  in.Field("namespaces").Elements([out](const Reader& element) {
    element.RequireObject();
    Namespace ns;
    element.Field("type").Require();
    element.Field("type").Read(&ns.type);
    element.Field("path").Read(&ns.path);
    out->namespaces.push_back(std::move(ns));
  });
  ReadMappings(in.Field("uidMappings"), &out->uid_mappings);
  ReadMappings(in.Field("gidMappings"), &out->gid_mappings);
  in.Field("devices").Elements([out](const Reader& element) {
    element.RequireObject();
    Device device;
    element.Field("type").Require();
    element.Field("type").Read(&device.type);
    element.Field("path").Require();
    element.Field("path").Read(&device.path);
    element.Field("major").Read(&device.major);
    element.Field("minor").Read(&device.minor);
    element.Field("fileMode").Read(&device.mode);
    element.Field("uid").Read(&device.uid);
    element.Field("gid").Read(&device.gid);
    out->devices.push_back(std::move(device));
  });
  in.Field("cgroupsPath").Read(&out->cgroups_path);
  in.Field("rootfsPropagation").Read(&out->rootfs_propagation);
  in.Field("sysctl").Read(&out->sysctl);
  in.Field("maskedPaths").Read(&out->masked_paths);
  in.Field("readonlyPaths").Read(&out->readonly_paths);
  const Reader resources = in.Field("resources");
  resources.Field("memory");  // type check only: it must be an object
  out->has_resources = resources.present();
  const Reader seccomp = in.Field("seccomp");
  seccomp.Field("defaultAction");
  out->has_seccomp = seccomp.present();
}

}  // namespace

absl::StatusOr<Spec> ParseSpec(std::string_view text, std::string_view name) {
  ReadErrors errors(name);
  if (text.size() > kMaxConfigBytes) {
    errors.Fail("", Cat("larger than ", kMaxConfigBytes >> 20, " MiB; a bundle's configuration is a few kilobytes"));
    return errors.status();
  }
  Json document;
  if (!ParseDocument(text, errors, &document)) return errors.status();

  Spec spec;
  const Reader in(&document, "", errors);
  in.Field("ociVersion").Require();
  in.Field("ociVersion").Read(&spec.version);
  const Reader process = in.Field("process");
  if (process.present()) {
    process.RequireObject();
    Process parsed;
    ReadProcess(process, &parsed);
    spec.process = std::move(parsed);
  }
  const Reader root = in.Field("root");
  root.RequireObject();
  root.Field("path").Require();
  root.Field("path").Read(&spec.root.path);
  root.Field("readonly").Read(&spec.root.readonly);
  in.Field("hostname").Read(&spec.hostname);
  in.Field("domainname").Read(&spec.domainname);
  in.Field("mounts").Elements([&spec](const Reader& element) {
    element.RequireObject();
    Mount mount;
    element.Field("destination").Require();
    element.Field("destination").Read(&mount.destination);
    element.Field("type").Read(&mount.type);
    element.Field("source").Read(&mount.source);
    element.Field("options").Read(&mount.options);
    spec.mounts.push_back(std::move(mount));
  });
  const Reader hooks = in.Field("hooks");
  ReadHooks(hooks.Field("prestart"), &spec.hooks.prestart);
  ReadHooks(hooks.Field("createRuntime"), &spec.hooks.create_runtime);
  ReadHooks(hooks.Field("createContainer"), &spec.hooks.create_container);
  ReadHooks(hooks.Field("startContainer"), &spec.hooks.start_container);
  ReadHooks(hooks.Field("poststart"), &spec.hooks.poststart);
  ReadHooks(hooks.Field("poststop"), &spec.hooks.poststop);
  in.Field("annotations").Read(&spec.annotations);
  ReadLinux(in.Field("linux"), &spec.linux_);
  if (!errors.ok()) return errors.status();
  return spec;
}

absl::StatusOr<Spec> LoadBundle(const std::string& bundle, std::vector<std::string>* warnings) {
  const std::string path = Cat(bundle, "/config.json");
  // O_NONBLOCK: a fifo of this name must not hang the command.
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.valid()) return absl::NotFoundError(Cat(path, ": ", std::strerror(errno)));
  struct stat info {};
  if (::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError(Cat(path, ": not a regular file; put the container's configuration there"));
  }
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::UnavailableError(Cat(path, ": ", std::strerror(errno)));
    if (got == 0 || text.size() > kMaxConfigBytes) break;
    text.append(buffer, static_cast<size_t>(got));
  }
  auto spec = ParseSpec(text, "config.json");
  if (!spec.ok()) return spec.status();
  if (absl::Status status = ValidateSpec(*spec, "config.json", warnings); !status.ok()) return status;

  std::string root = spec->root.path;
  if (root.front() != '/') root = Cat(bundle, "/", root);
  if (::stat(root.c_str(), &info) != 0) {
    return absl::InvalidArgumentError(
        Cat("config.json: root.path: \"", root, "\": ", std::strerror(errno), "; give the directory of the container's root file system"));
  }
  if (!S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(Cat("config.json: root.path: \"", root, "\" is not a directory; give the container's root"));
  }
  spec->root.path = root;
  return spec;
}

}  // namespace ringwall::oci
