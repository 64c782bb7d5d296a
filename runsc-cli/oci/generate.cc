// Documents that the runtime writes: `ringwall spec`'s config.json and the state documents.
#include <unistd.h>

#include "runsc-cli/oci/json.h"
#include "runsc-cli/oci/reader.h"

namespace ringwall::oci {
namespace {

using Ordered = nlohmann::ordered_json;

Ordered StateObject(const StateDocument& state) {
  Ordered out;
  out["ociVersion"] = state.version;
  out["id"] = state.id;
  out["pid"] = state.pid;
  out["status"] = state.status;
  out["bundle"] = state.bundle;
  out["rootfs"] = state.rootfs;
  out["created"] = state.created;
  if (!state.annotations.empty()) out["annotations"] = state.annotations;
  out["owner"] = state.owner;
  return out;
}

Ordered MountObject(const char* destination, const char* type, const char* source, const std::vector<std::string>& options) {
  Ordered out;
  out["destination"] = destination;
  out["type"] = type;
  out["source"] = source;
  if (!options.empty()) out["options"] = options;
  return out;
}

// Paths and ids come from the operator and need not be UTF-8: never abort over them.
std::string Dump(const Ordered& document, int indent) { return document.dump(indent, ' ', false, Ordered::error_handler_t::replace); }

}  // namespace

std::string FormatState(const StateDocument& state) { return Dump(StateObject(state), 2) + "\n"; }

std::string FormatStateList(const std::vector<StateDocument>& states) {
  Ordered out = Ordered::array();
  for (const StateDocument& state : states) out.push_back(StateObject(state));
  return Dump(out, -1) + "\n";
}

std::string GenerateSpec(bool rootless) {
  Ordered process;
  process["terminal"] = true;
  process["user"]["uid"] = 0;
  process["user"]["gid"] = 0;
  process["args"] = {"sh"};
  process["env"] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"};
  process["cwd"] = "/";
  const std::vector<std::string> caps = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"};
  process["capabilities"]["bounding"] = caps;
  process["capabilities"]["effective"] = caps;
  process["capabilities"]["permitted"] = caps;
  process["capabilities"]["ambient"] = caps;
  Ordered nofile;
  nofile["type"] = "RLIMIT_NOFILE";
  nofile["hard"] = 1024;
  nofile["soft"] = 1024;
  process["rlimits"] = Ordered::array({nofile});
  process["noNewPrivileges"] = true;

  Ordered mounts = Ordered::array();
  mounts.push_back(MountObject("/proc", "proc", "proc", {}));
  mounts.push_back(MountObject("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
  std::vector<std::string> pts = {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"};
  if (!rootless) pts.push_back("gid=5");
  mounts.push_back(MountObject("/dev/pts", "devpts", "devpts", pts));
  mounts.push_back(MountObject("/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}));
  mounts.push_back(MountObject("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}));
  if (rootless) {
    mounts.push_back(MountObject("/sys", "none", "/sys", {"rbind", "nosuid", "noexec", "nodev", "ro"}));
  } else {
    mounts.push_back(MountObject("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}));
    mounts.push_back(MountObject("/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}));
  }

  Ordered linux_;
  if (rootless) {
    Ordered uid, gid;
    uid["containerID"] = 0;
    uid["hostID"] = ::geteuid();
    uid["size"] = 1;
    gid["containerID"] = 0;
    gid["hostID"] = ::getegid();
    gid["size"] = 1;
    linux_["uidMappings"] = Ordered::array({uid});
    linux_["gidMappings"] = Ordered::array({gid});
  } else {
    Ordered rule;
    rule["allow"] = false;
    rule["access"] = "rwm";
    linux_["resources"]["devices"] = Ordered::array({rule});
  }
  Ordered namespaces = Ordered::array();
  std::vector<const char*> types = {"pid"};
  if (!rootless) types.push_back("network");
  for (const char* type : {"ipc", "uts", "mount", "cgroup"}) types.push_back(type);
  if (rootless) types.push_back("user");
  for (const char* type : types) {
    Ordered ns;
    ns["type"] = type;
    namespaces.push_back(ns);
  }
  linux_["namespaces"] = namespaces;
  linux_["maskedPaths"] = {"/proc/acpi",       "/proc/asound",      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
                           "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"};
  linux_["readonlyPaths"] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};

  Ordered spec;
  spec["ociVersion"] = "1.0.2";
  spec["process"] = process;
  spec["root"]["path"] = "rootfs";
  spec["root"]["readonly"] = true;
  spec["hostname"] = "ringwall";
  spec["mounts"] = mounts;
  spec["linux"] = linux_;
  std::string text = spec.dump(1, '\t', false, Ordered::error_handler_t::replace);
  return text + "\n";
}

}  // namespace ringwall::oci
