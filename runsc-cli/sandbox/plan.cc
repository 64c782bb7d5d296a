// Mounts and process of a container, as the sentry and the gofer need them.
#include "runsc-cli/sandbox/plan.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>

#include "runsc-cli/oci/json.h"
#include "runsc-cli/oci/text.h"

namespace ringwall::sandbox {
namespace {

using boot::GoferMount;
using boot::MountConfig;
using boot::MountKind;

uint64_t CapabilityMask(const std::vector<std::string>& names) {
  uint64_t mask = 0;
  for (const std::string& name : names) {
    const int number = oci::CapabilityNumber(name);
    if (number >= 0) mask |= uint64_t{1} << number;
  }
  return mask;
}

// Options that every kind of mount understands; the rest is for the file system.
void ApplyOptions(const std::vector<std::string>& options, MountConfig* mount, bool* recursive) {
  static const std::set<std::string> kWithoutMeaning = {
      "rw",       "suid",      "dev",         "exec",         "async",      "sync",        "dirsync",       "atime",
      "noatime",  "diratime",  "nodiratime",  "relatime",     "norelatime", "strictatime", "nostrictatime", "private",
      "rprivate", "shared",    "rshared",     "slave",        "rslave",     "unbindable",  "runbindable",   "defaults",
      "remount",  "mand",      "nomand",      "silent",       "loud",       "iversion",    "noiversion",    "lazytime",
      "bind",     "tmpcopyup", "nosymfollow", "copy-symlink", "z",          "Z",           "newinstance"};
  for (const std::string& option : options) {
    if (option == "ro" || option == "rro") {
      mount->read_only = true;
    } else if (option == "noexec" || option == "rnoexec") {
      mount->no_exec = true;
    } else if (option == "nosuid" || option == "rnosuid") {
      mount->no_suid = true;
    } else if (option == "nodev" || option == "rnodev") {
      mount->no_dev = true;
    } else if (option == "rbind") {
      *recursive = true;
    } else if (option == "rw") {
      mount->read_only = false;
    } else if (kWithoutMeaning.count(option) == 0) {
      if (!mount->data.empty()) mount->data += ',';
      mount->data += option;
    }
  }
}

absl::Status PlanMount(const oci::Mount& in, size_t index, const std::string& bundle, Plan* plan) {
  MountConfig mount{.destination = in.destination};
  bool recursive = false;
  ApplyOptions(in.options, &mount, &recursive);
  bool bind = in.type == "bind" || recursive;
  for (const std::string& option : in.options) bind = bind || option == "bind";
  std::string type = in.type;
  // A bind of the host's /proc or /sys would show the host's processes and devices: the container gets ours instead.
  if (bind && (in.source == "/sys" || in.source == "/proc")) {
    type = in.source == "/sys" ? "sysfs" : "proc";
    bind = false;
  }
  if (bind) {
    const std::string source = in.source[0] == '/' ? in.source : Cat(bundle, "/", in.source);
    struct stat info {};
    if (::stat(source.c_str(), &info) != 0) {
      return absl::InvalidArgumentError(OneLine(
          Cat("config.json: mounts[", index, "].source: \"", source, "\": ", std::strerror(errno), "; give an existing host path")));
    }
    mount.kind = MountKind::kGofer;
    mount.single_file = !S_ISDIR(info.st_mode);
    mount.gofer_index = static_cast<uint32_t>(plan->gofer.mounts.size());
    plan->gofer.mounts.push_back(GoferMount{.source = source, .recursive = recursive, .read_only = mount.read_only});
  } else if (type == "proc") {
    mount.kind = MountKind::kProc;
  } else if (type == "sysfs") {
    mount.kind = MountKind::kSysfs;
  } else if (type == "devpts") {
    mount.kind = MountKind::kDevpts;
  } else if (type == "mqueue") {
    mount.kind = MountKind::kMqueue;
  } else if (type == "cgroup" || type == "cgroup2") {
    mount.kind = MountKind::kCgroup;
  } else {
    mount.kind = MountKind::kTmpfs;  // tmpfs, and devtmpfs: the kernel fills /dev itself
  }
  plan->boot.mounts.push_back(std::move(mount));
  return {};
}

void AddIfMissing(const char* destination, MountKind kind, const char* data, boot::BootConfig* boot) {
  for (const MountConfig& mount : boot->mounts) {
    if (mount.destination == destination) return;
  }
  boot->mounts.push_back(MountConfig{.destination = destination, .kind = kind, .no_suid = true, .data = data});
}

// /proc/self/mountinfo escapes blanks, tabs, newlines and backslashes as three octal digits.
std::string Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Mount points of real file systems that can be seen (not covered by a later mount), parents first.
std::vector<std::string> RealMountPoints() {
  static const std::set<std::string, std::less<>> kNotFiles = {
      "proc",    "sysfs",    "cgroup", "cgroup2",   "devpts", "devtmpfs",    "mqueue", "debugfs",    "tracefs",  "securityfs", "bpf",
      "fusectl", "configfs", "pstore", "hugetlbfs", "autofs", "binfmt_misc", "nsfs",   "rpc_pipefs", "efivarfs", "selinuxfs"};
  struct Entry {
    std::string path;
    bool files;
  };
  std::vector<Entry> entries;
  FILE* file = std::fopen("/proc/self/mountinfo", "re");
  if (file == nullptr) return {};
  char* line = nullptr;
  size_t capacity = 0;
  while (::getline(&line, &capacity, file) > 0) {
    std::vector<std::string_view> fields;
    std::string_view rest(line);
    while (!rest.empty()) {
      const size_t blank = rest.find_first_of(" \n");
      fields.push_back(rest.substr(0, blank));
      rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
    }
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 7 || dash == fields.end() || dash + 1 == fields.end()) continue;
    std::string path = Unescape(fields[4]);
    // A later mount on the same or a higher point hides what was there.
    entries.erase(std::remove_if(entries.begin(), entries.end(),
                                 [&](const Entry& e) { return e.path == path || e.path.rfind(path == "/" ? path : path + "/", 0) == 0; }),
                  entries.end());
    entries.push_back({.path = std::move(path), .files = kNotFiles.count(*(dash + 1)) == 0});
  }
  std::free(line);
  std::fclose(file);
  std::vector<std::string> out;
  for (Entry& entry : entries) {
    const bool ours = entry.path == "/" || entry.path == "/dev" || entry.path == "/proc" || entry.path == "/sys" ||
                      entry.path.rfind("/dev/", 0) == 0 || entry.path.rfind("/proc/", 0) == 0 || entry.path.rfind("/sys/", 0) == 0;
    if (entry.files && !ours && ::access(entry.path.c_str(), F_OK) == 0) out.push_back(std::move(entry.path));
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

absl::StatusOr<Plan> PlanBundle(const oci::Spec& spec, const std::string& bundle, Overlay overlay) {
  Plan plan;
  boot::BootConfig& boot = plan.boot;
  const oci::Process& process = *spec.process;
  if (!spec.hostname.empty()) boot.hostname = spec.hostname;
  boot.domainname = spec.domainname;
  boot.process.args = process.args;
  boot.process.env = process.env;
  boot.process.cwd = process.cwd;
  boot.process.uid = process.user.uid;
  boot.process.gid = process.user.gid;
  boot.process.umask = process.user.umask.value_or(022);
  boot.process.additional_gids = process.user.additional_gids;
  if (process.capabilities.has_value()) {
    boot.process.cap_bounding = CapabilityMask(process.capabilities->bounding);
    boot.process.cap_effective = CapabilityMask(process.capabilities->effective);
    boot.process.cap_inheritable = CapabilityMask(process.capabilities->inheritable);
    boot.process.cap_permitted = CapabilityMask(process.capabilities->permitted);
    boot.process.cap_ambient = CapabilityMask(process.capabilities->ambient);
  }
  boot.process.no_new_privileges = process.no_new_privileges;
  for (const oci::Rlimit& limit : process.rlimits) {
    boot.process.limits.push_back({.resource = oci::RlimitNumber(limit.type), .soft = limit.soft, .hard = limit.hard});
  }
  boot.process.terminal = process.terminal;
  boot.process.rows = process.console_rows;
  boot.process.columns = process.console_columns;
  boot.masked_paths = spec.linux_.masked_paths;
  boot.readonly_paths = spec.linux_.readonly_paths;
  boot.sysctl = spec.linux_.sysctl;

  boot.mounts.push_back(MountConfig{.destination = "/",
                                    .kind = MountKind::kGofer,
                                    .read_only = spec.root.readonly,
                                    .overlay = overlay == Overlay::kRootMemory,
                                    .exclusive = true});
  // With the overlay nothing below is ever written: the gofer refuses it too.
  plan.gofer.mounts.push_back(GoferMount{
      .source = spec.root.path, .recursive = true, .read_only = overlay == Overlay::kRootMemory || spec.root.readonly, .exclusive = true});
  for (size_t i = 0; i < spec.mounts.size(); ++i) RETURN_IF_ERROR(PlanMount(spec.mounts[i], i, bundle, &plan));
  return plan;
}

absl::StatusOr<Plan> PlanDo(const DoRequest& request) {
  Plan plan;
  boot::BootConfig& boot = plan.boot;
  boot.hostname = request.hostname;
  boot.process.args = request.args;
  boot.process.env = request.env;
  boot.process.cwd = request.cwd;
  boot.process.uid = request.uid;
  boot.process.gid = request.gid;
  boot.process.additional_gids = request.additional_gids;
  boot.process.terminal = request.terminal;
  boot.process.ordinary = true;
  const mode_t mask = ::umask(0);
  ::umask(mask);
  boot.process.umask = mask;
  if (request.uid == 0) {
    // Root of the sandbox, over a throw-away copy of the file system: everything, as a login of root would have.
    const uint64_t all = (uint64_t{1} << (oci::CapabilityNumber("CAP_CHECKPOINT_RESTORE") + 1)) - 1;
    boot.process.cap_bounding = boot.process.cap_permitted = boot.process.cap_effective = all;
  }
  static constexpr int kPassedLimits[] = {RLIMIT_NOFILE, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_FSIZE};
  for (const int resource : kPassedLimits) {
    rlimit limit{};
    if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) == 0) {
      boot.process.limits.push_back({.resource = resource, .soft = limit.rlim_cur, .hard = limit.rlim_max});
    }
  }

  const bool privileged = ::geteuid() == 0;
  const auto add_host = [&](const std::string& path) {
    boot.mounts.push_back(MountConfig{
        .destination = path, .kind = MountKind::kGofer, .overlay = true, .gofer_index = static_cast<uint32_t>(plan.gofer.mounts.size())});
    // Exclusive as the lower layer of an overlay: changes of the host's during the run may or may not be seen (as with Linux's overlayfs).
    // An ordinary user's namespace may only copy whole trees (the hidden parts of a mount stay hidden): then the gofer stays on the
    // file system it was given, so that the host's /proc and /sys cannot be reached even where the guest unmounts its own.
    plan.gofer.mounts.push_back(
        GoferMount{.source = path, .recursive = !privileged, .read_only = true, .exclusive = true, .cross_mounts = false});
  };
  add_host("/");
  for (const std::string& path : RealMountPoints()) {
    const bool below_volume =
        std::any_of(request.volumes.begin(), request.volumes.end(), [&](const HostVolume& volume) { return volume.destination == path; });
    if (!below_volume) add_host(path);
  }
  AddIfMissing("/proc", MountKind::kProc, "", &boot);
  AddIfMissing("/sys", MountKind::kSysfs, "", &boot);
  AddIfMissing("/dev", MountKind::kTmpfs, "mode=755", &boot);
  AddIfMissing("/dev/pts", MountKind::kDevpts, "ptmxmode=0666,mode=0620,gid=5", &boot);
  AddIfMissing("/dev/shm", MountKind::kTmpfs, "mode=1777", &boot);
  AddIfMissing("/dev/mqueue", MountKind::kMqueue, "", &boot);
  for (const HostVolume& volume : request.volumes) {
    struct stat info {};
    if (::stat(volume.source.c_str(), &info) != 0) {
      return absl::InvalidArgumentError(
          OneLine(Cat("do: volume \"", volume.source, "\": ", std::strerror(errno), "; give an existing host path")));
    }
    boot.mounts.push_back(MountConfig{.destination = volume.destination,
                                      .kind = MountKind::kGofer,
                                      .read_only = volume.read_only,
                                      .single_file = !S_ISDIR(info.st_mode),
                                      .gofer_index = static_cast<uint32_t>(plan.gofer.mounts.size())});
    plan.gofer.mounts.push_back(GoferMount{.source = volume.source, .recursive = true, .read_only = volume.read_only});
  }
  return plan;
}

}  // namespace ringwall::sandbox
