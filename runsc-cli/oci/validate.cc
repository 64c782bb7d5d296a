// Values of a config.json: what the OCI specification demands and what this runtime can do. No file is touched here.
#include <set>

#include "runsc-cli/oci/json.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::oci {
namespace {

class Validator {
 public:
  Validator(const Spec& spec, std::string_view name, std::vector<std::string>* warnings) : spec_(spec), name_(name), warnings_(warnings) {}

  absl::Status Run() {
    Version();
    CheckRoot();
    if (spec_.process.has_value()) CheckProcess(*spec_.process);
    if (!spec_.process.has_value()) Fail("process", "missing; say what to run");
    if (spec_.hostname.size() > 64) Fail("hostname", Cat(spec_.hostname.size(), " bytes; Linux allows 64"));
    if (spec_.domainname.size() > 64) Fail("domainname", Cat(spec_.domainname.size(), " bytes; Linux allows 64"));
    for (size_t i = 0; i < spec_.mounts.size(); ++i) CheckMount(spec_.mounts[i], Cat("mounts[", i, "]"));
    if (spec_.mounts.size() > 1000) Fail("mounts", Cat(spec_.mounts.size(), " entries; at most 1000 are supported"));
    CheckHooks(spec_.hooks.prestart, "hooks.prestart");
    CheckHooks(spec_.hooks.create_runtime, "hooks.createRuntime");
    CheckHooks(spec_.hooks.create_container, "hooks.createContainer");
    CheckHooks(spec_.hooks.start_container, "hooks.startContainer");
    CheckHooks(spec_.hooks.poststart, "hooks.poststart");
    CheckHooks(spec_.hooks.poststop, "hooks.poststop");
    if (!spec_.hooks.start_container.empty()) {
      Fail("hooks.startContainer", "hooks that run inside the container are not supported; use hooks.poststart or the image's entry point");
    }
    CheckLinux(spec_.linux_);
    return status_;
  }

 private:
  void Fail(std::string_view path, std::string_view what) {
    if (status_.ok()) status_ = absl::InvalidArgumentError(OneLine(Cat(name_, ": ", path, ": ", what)));
  }
  void Warn(std::string_view path, std::string_view what) {
    if (warnings_ != nullptr) warnings_->push_back(Cat(name_, ": ", path, ": ", what));
  }

  void Version() {
    const std::string& version = spec_.version;
    if (version.empty()) return Fail("ociVersion", "empty string; wanted a version such as \"1.0.2\"");
    if (version.size() > 64 || version.rfind("1.", 0) != 0) {
      Fail("ociVersion", Cat("found \"", version.substr(0, 64), "\", wanted 1.x: this runtime implements version 1 of the specification"));
    }
  }

  void CheckRoot() {
    if (spec_.root.path.empty()) Fail("root.path", "empty string; give the directory of the container's root file system");
  }

  void CheckProcess(const Process& process) {
    if (process.args.empty()) return Fail("process.args", "empty list; give the program to run");
    if (process.args[0].empty()) return Fail("process.args[0]", "empty string; give the program to run");
    for (size_t i = 0; i < process.env.size(); ++i) {
      const std::string& entry = process.env[i];
      if (entry.find('=') == std::string::npos || entry[0] == '=') {
        return Fail(Cat("process.env[", i, "]"), Cat("found \"", entry.substr(0, 64), "\", wanted NAME=value"));
      }
    }
    if (process.cwd.empty() || process.cwd[0] != '/') {
      return Fail("process.cwd", Cat("found \"", process.cwd, "\", wanted an absolute path"));
    }
    CheckId(process.user.uid, "process.user.uid");
    CheckId(process.user.gid, "process.user.gid");
    for (size_t i = 0; i < process.user.additional_gids.size(); ++i) {
      CheckId(process.user.additional_gids[i], Cat("process.user.additionalGids[", i, "]"));
    }
    if (process.user.additional_gids.size() > 65536) Fail("process.user.additionalGids", "more than 65536 groups; Linux allows no more");
    if (process.user.umask.has_value() && *process.user.umask > 0777) {
      Fail("process.user.umask", Cat("found ", *process.user.umask, ", wanted at most 511 (octal 0777)"));
    }
    if (process.oom_score_adj.has_value() && (*process.oom_score_adj < -1000 || *process.oom_score_adj > 1000)) {
      Fail("process.oomScoreAdj", Cat("found ", *process.oom_score_adj, ", wanted -1000 to 1000"));
    }
    std::set<std::string> seen;
    for (size_t i = 0; i < process.rlimits.size(); ++i) {
      const Rlimit& limit = process.rlimits[i];
      const std::string path = Cat("process.rlimits[", i, "]");
      if (RlimitNumber(limit.type) < 0) {
        return Fail(path + ".type", Cat("found \"", limit.type, "\", wanted one of Linux's limits such as RLIMIT_NOFILE"));
      }
      if (!seen.insert(limit.type).second) return Fail(path + ".type", Cat(limit.type, " is given twice; name each limit once"));
      if (limit.soft > limit.hard) return Fail(path + ".soft", Cat(limit.soft, " is above the hard limit ", limit.hard, "; lower it"));
    }
    if (process.capabilities.has_value()) {
      const Capabilities& caps = *process.capabilities;
      CheckCapabilities(caps.bounding, "process.capabilities.bounding");
      CheckCapabilities(caps.effective, "process.capabilities.effective");
      CheckCapabilities(caps.inheritable, "process.capabilities.inheritable");
      CheckCapabilities(caps.permitted, "process.capabilities.permitted");
      CheckCapabilities(caps.ambient, "process.capabilities.ambient");
    }
  }

  void CheckId(uint32_t id, std::string_view path) {
    if (id == UINT32_MAX) Fail(path, "found 4294967295, which Linux reserves for \"no id\"; wanted a smaller number");
  }

  // Engines that are newer than the runtime send names that it does not know yet: those are left out, not refused.
  void CheckCapabilities(const std::vector<std::string>& names, std::string_view path) {
    for (size_t i = 0; i < names.size(); ++i) {
      if (CapabilityNumber(names[i]) < 0)
        Warn(Cat(path, "[", i, "]"), Cat("unknown capability \"", names[i].substr(0, 64), "\" is ignored"));
    }
  }

  void CheckMount(const Mount& mount, const std::string& path) {
    if (mount.destination.empty() || mount.destination[0] != '/') {
      return Fail(path + ".destination", Cat("found \"", mount.destination.substr(0, 256), "\", wanted an absolute path"));
    }
    if (mount.destination.size() > 4095) return Fail(path + ".destination", "longer than 4095 bytes; Linux allows no longer path");
    // The destination is walked by the guest kernel inside the container: ".." cannot leave it, but it is never what is meant.
    if (Cat(mount.destination, "/").find("/../") != std::string::npos) {
      return Fail(path + ".destination", Cat("found \"", mount.destination.substr(0, 256), "\", wanted a path without \"..\""));
    }
    bool bind = mount.type == "bind";
    for (const std::string& option : mount.options) bind = bind || option == "bind" || option == "rbind";
    static const std::set<std::string> kTypes = {"bind",   "tmpfs",   "proc",     "sysfs", "devpts", "mqueue",
                                                 "cgroup", "cgroup2", "devtmpfs", "none",  ""};
    if (!bind && kTypes.count(mount.type) == 0) {
      return Fail(path + ".type",
                  Cat("found \"", mount.type.substr(0, 64),
                      "\", wanted bind, tmpfs, proc, sysfs, devpts, mqueue or cgroup: these are what the sandbox can mount"));
    }
    if (bind && mount.source.empty()) return Fail(path + ".source", "missing; a bind mount needs the host path to show");
    if (!bind && (mount.type.empty() || mount.type == "none"))
      return Fail(path + ".type", "missing; say what to mount, or add the option \"bind\"");
  }

  void CheckHooks(const std::vector<Hook>& hooks, std::string_view path) {
    for (size_t i = 0; i < hooks.size(); ++i) {
      if (hooks[i].path.empty() || hooks[i].path[0] != '/') {
        return Fail(Cat(path, "[", i, "].path"), Cat("found \"", hooks[i].path.substr(0, 256), "\", wanted an absolute path"));
      }
      if (hooks[i].timeout_seconds.has_value() && *hooks[i].timeout_seconds <= 0) {
        return Fail(Cat(path, "[", i, "].timeout"), Cat("found ", *hooks[i].timeout_seconds, ", wanted more than 0 seconds"));
      }
    }
  }

  void CheckLinux(const Linux& linux_) {
    static const std::set<std::string> kTypes = {"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"};
    std::set<std::string> seen;
    for (size_t i = 0; i < linux_.namespaces.size(); ++i) {
      const Namespace& ns = linux_.namespaces[i];
      const std::string path = Cat("linux.namespaces[", i, "]");
      if (kTypes.count(ns.type) == 0) {
        return Fail(path + ".type",
                    Cat("found \"", ns.type.substr(0, 64), "\", wanted pid, network, mount, ipc, uts, user, cgroup or time"));
      }
      if (!seen.insert(ns.type).second) return Fail(path + ".type", Cat("\"", ns.type, "\" is given twice; name each namespace once"));
      if (!ns.path.empty() && ns.path[0] != '/')
        return Fail(path + ".path", Cat("found \"", ns.path.substr(0, 256), "\", wanted an absolute path"));
    }
    const auto check_mappings = [this](const std::vector<IdMapping>& mappings, std::string_view path) {
      for (size_t i = 0; i < mappings.size(); ++i) {
        const uint64_t size = mappings[i].size;
        if (size == 0) return Fail(Cat(path, "[", i, "].size"), "found 0, wanted at least 1");
        if (mappings[i].container_id + size > UINT32_MAX || mappings[i].host_id + size > UINT32_MAX) {
          return Fail(Cat(path, "[", i, "]"), "reaches beyond the largest user id 4294967294; make it smaller");
        }
      }
    };
    check_mappings(linux_.uid_mappings, "linux.uidMappings");
    check_mappings(linux_.gid_mappings, "linux.gidMappings");
    for (size_t i = 0; i < linux_.devices.size(); ++i) {
      const Device& device = linux_.devices[i];
      const std::string path = Cat("linux.devices[", i, "]");
      if (device.type != "c" && device.type != "b" && device.type != "u" && device.type != "p") {
        return Fail(path + ".type", Cat("found \"", device.type.substr(0, 64), "\", wanted c, b, u or p"));
      }
      if (device.path.empty() || device.path[0] != '/') {
        return Fail(path + ".path", Cat("found \"", device.path.substr(0, 256), "\", wanted an absolute path"));
      }
    }
    static const std::set<std::string> kPropagation = {"",      "private", "rprivate",   "shared",     "rshared",
                                                       "slave", "rslave",  "unbindable", "runbindable"};
    if (kPropagation.count(linux_.rootfs_propagation) == 0) {
      Fail("linux.rootfsPropagation",
           Cat("found \"", linux_.rootfs_propagation.substr(0, 64), "\", wanted private, shared, slave or unbindable"));
    }
    const auto check_paths = [this](const std::vector<std::string>& paths, std::string_view field) {
      for (size_t i = 0; i < paths.size(); ++i) {
        if (paths[i].empty() || paths[i][0] != '/') {
          return Fail(Cat(field, "[", i, "]"), Cat("found \"", paths[i].substr(0, 256), "\", wanted an absolute path"));
        }
      }
    };
    check_paths(linux_.masked_paths, "linux.maskedPaths");
    check_paths(linux_.readonly_paths, "linux.readonlyPaths");
    if (linux_.has_resources) Warn("linux.resources", "accepted, but limits are not enforced yet");
    if (linux_.has_seccomp) Warn("linux.seccomp", "accepted, but not applied: no call of the container reaches the host kernel");
  }

  const Spec& spec_;
  const std::string name_;
  std::vector<std::string>* const warnings_;
  absl::Status status_;
};

}  // namespace

absl::Status ValidateSpec(const Spec& spec, std::string_view name, std::vector<std::string>* warnings) {
  return Validator(spec, name, warnings).Run();
}

int CapabilityNumber(std::string_view name) {
  static constexpr std::string_view kNames[] = {"CHOWN",
                                                "DAC_OVERRIDE",
                                                "DAC_READ_SEARCH",
                                                "FOWNER",
                                                "FSETID",
                                                "KILL",
                                                "SETGID",
                                                "SETUID",
                                                "SETPCAP",
                                                "LINUX_IMMUTABLE",
                                                "NET_BIND_SERVICE",
                                                "NET_BROADCAST",
                                                "NET_ADMIN",
                                                "NET_RAW",
                                                "IPC_LOCK",
                                                "IPC_OWNER",
                                                "SYS_MODULE",
                                                "SYS_RAWIO",
                                                "SYS_CHROOT",
                                                "SYS_PTRACE",
                                                "SYS_PACCT",
                                                "SYS_ADMIN",
                                                "SYS_BOOT",
                                                "SYS_NICE",
                                                "SYS_RESOURCE",
                                                "SYS_TIME",
                                                "SYS_TTY_CONFIG",
                                                "MKNOD",
                                                "LEASE",
                                                "AUDIT_WRITE",
                                                "AUDIT_CONTROL",
                                                "SETFCAP",
                                                "MAC_OVERRIDE",
                                                "MAC_ADMIN",
                                                "SYSLOG",
                                                "WAKE_ALARM",
                                                "BLOCK_SUSPEND",
                                                "AUDIT_READ",
                                                "PERFMON",
                                                "BPF",
                                                "CHECKPOINT_RESTORE"};
  if (name.substr(0, 4) != "CAP_") return -1;
  name.remove_prefix(4);
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<int>(i);
  }
  return -1;
}

int RlimitNumber(std::string_view name) {
  static constexpr std::string_view kNames[] = {"CPU",     "FSIZE", "DATA",  "STACK",      "CORE",     "RSS",  "NPROC",  "NOFILE",
                                                "MEMLOCK", "AS",    "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};
  if (name.substr(0, 7) != "RLIMIT_") return -1;
  name.remove_prefix(7);
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<int>(i);
  }
  return -1;
}

}  // namespace ringwall::oci
