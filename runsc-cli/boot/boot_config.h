// BootConfig: all that the command line tells a sentry (and a gofer) about its container. Travels as JSON in an inherited memfd.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace ringwall::boot {

struct ProcessConfig {
  std::vector<std::string> args;  // args[0] without '/' is looked up in env's PATH, inside the container
  std::vector<std::string> env;
  std::string cwd = "/";
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t umask = 022;
  std::vector<uint32_t> additional_gids;
  uint64_t cap_bounding = 0;  // bit N = Linux capability N
  uint64_t cap_effective = 0;
  uint64_t cap_inheritable = 0;
  uint64_t cap_permitted = 0;
  uint64_t cap_ambient = 0;
  bool no_new_privileges = false;
  bool ordinary = false;  // signals end it as any process, though it is pid 1
  struct Limit {
    int resource = 0;  // Linux's number
    uint64_t soft = 0;
    uint64_t hard = 0;
  };
  std::vector<Limit> limits;
  bool terminal = false;
  uint16_t rows = 0;  // 0 = unknown
  uint16_t columns = 0;
};

enum class MountKind : uint8_t { kGofer, kTmpfs, kProc, kSysfs, kDevpts, kMqueue, kCgroup };

struct MountConfig {
  std::string destination;  // absolute; made by the kernel when it is missing
  MountKind kind = MountKind::kGofer;
  bool read_only = false;
  bool no_exec = false;
  bool no_suid = false;
  bool no_dev = false;
  bool overlay = false;      // kGofer: changes go to memory, the host's tree stays as it is
  bool exclusive = false;    // kGofer: nobody else changes it, caches need no revalidation
  bool single_file = false;  // kGofer: the root is a file
  uint32_t gofer_index = 0;  // kGofer: index of the gofer's mount roots
  std::string data;          // the rest of the options, "mode=755,size=65536k"
};

struct BootConfig {
  std::string container_id;
  std::string hostname = "ringwall";
  std::string domainname;
  ProcessConfig process;
  std::vector<MountConfig> mounts;  // in mounting order; the first is the root, at "/"
  std::vector<std::string> masked_paths;
  std::vector<std::string> readonly_paths;
  std::map<std::string, std::string> sysctl;
  std::string platform = "auto";
  bool rewrite_calls = true;  // platform::AddressSpace::call_entry
  std::string network = "none";
  bool strace = false;
  std::vector<std::string> strace_calls;  // empty = all
  bool debug = false;
  std::string debug_log;  // "mm:debug,vfs:info"
  bool log_json = false;
  bool has_log = false;      // descriptor kLogFd is open
  bool has_console = false;  // descriptor kConsoleFd is open: the terminal's bytes, both ways
  int cpu = -1;              // where a platform that keeps to one CPU shall stay; the gofer is there, too
  // How this process gives up its host identity; see startup.h.
  enum class Identity : uint8_t { kOwnUserNamespace, kAlreadyInUserNamespace, kNobodyOnly };
  Identity identity = Identity::kOwnUserNamespace;
  std::vector<uint32_t> control_uids;  // who may use the control socket, as the sentry's user namespace shows them
};

// One host tree that the gofer serves. Opened by the gofer in its own mount namespace, before it gives up its view of the host.
struct GoferMount {
  std::string source;
  bool recursive = true;  // with the mounts below it
  bool read_only = false;
  bool exclusive = false;
  bool cross_mounts = true;
};

struct GoferConfig {
  std::string container_id;
  std::vector<GoferMount> mounts;
  bool debug = false;
  std::string debug_log;
  bool log_json = false;
  bool has_log = false;
  int cpu = -1;  // the one it shall stay on
};

std::string FormatBootConfig(const BootConfig& config);
absl::StatusOr<BootConfig> ParseBootConfig(std::string_view text);
std::string FormatGoferConfig(const GoferConfig& config);
absl::StatusOr<GoferConfig> ParseGoferConfig(std::string_view text);

}  // namespace ringwall::boot
