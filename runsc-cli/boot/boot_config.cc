// BootConfig and GoferConfig as JSON: the writer and the reader side by side, one field list each.
#include "runsc-cli/boot/boot_config.h"

#include "runsc-cli/oci/reader.h"

namespace ringwall::boot {
namespace {

using oci::Json;
using oci::Reader;

// Arguments, environment and paths are bytes, JSON strings are Unicode: each byte travels as the code point of its number (Latin-1).
std::string Widen(const std::string& bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | (byte >> 6));
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return out;
}

void Narrow(std::string* text) {
  std::string out;
  out.reserve(text->size());
  for (size_t i = 0; i < text->size(); ++i) {
    const auto byte = static_cast<unsigned char>((*text)[i]);
    if (byte >= 0x80 && i + 1 < text->size()) {
      out += static_cast<char>((byte << 6) | (static_cast<unsigned char>((*text)[++i]) & 0x3f));
    } else {
      out += static_cast<char>(byte);
    }
  }
  *text = std::move(out);
}

// One function names the fields; a Writer puts them into a document, a Loader takes them out.
class Writer {
 public:
  template <typename T>
  void operator()(const char* key, const T& value) {
    if constexpr (std::is_enum_v<T>) {
      out[key] = static_cast<int>(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      out[key] = Widen(value);
    } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
      Json list = Json::array();
      for (const std::string& one : value) list.push_back(Widen(one));
      out[key] = std::move(list);
    } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
      Json map = Json::object();
      for (const auto& [name, text] : value) map[Widen(name)] = Widen(text);
      out[key] = std::move(map);
    } else {
      out[key] = value;
    }
  }
  template <typename T, typename Fields>
  void List(const char* key, const std::vector<T>& values, Fields fields) {
    Json list = Json::array();
    for (const T& value : values) {
      Writer one;
      fields(one, value);
      list.push_back(std::move(one.out));
    }
    out[key] = std::move(list);
  }
  template <typename T, typename Fields>
  void Part(const char* key, const T& value, Fields fields) {
    Writer one;
    fields(one, value);
    out[key] = std::move(one.out);
  }
  Json out = Json::object();
};

class Loader {
 public:
  explicit Loader(Reader in) : in_(std::move(in)) {}
  template <typename T>
  void operator()(const char* key, const T& value) {
    T& out = const_cast<T&>(value);
    if constexpr (std::is_enum_v<T>) {
      uint8_t number = 0;
      in_.Field(key).Read(&number);
      out = static_cast<T>(number);
    } else if constexpr (std::is_same_v<T, std::vector<uint32_t>>) {
      in_.Field(key).Elements([&out](const Reader& element) {
        uint32_t id = 0;
        element.Read(&id);
        out.push_back(id);
      });
    } else {
      if constexpr (!std::is_arithmetic_v<T>) out = T();
      in_.Field(key).Read(&out);
      if constexpr (std::is_same_v<T, std::string>) Narrow(&out);
      if constexpr (std::is_same_v<T, std::vector<std::string>>) {
        for (std::string& one : out) Narrow(&one);
      }
      if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
        T narrow;
        for (const auto& entry : out) {
          std::string name = entry.first;
          std::string text = entry.second;
          Narrow(&name);
          Narrow(&text);
          narrow[std::move(name)] = std::move(text);
        }
        out = std::move(narrow);
      }
    }
  }
  template <typename T, typename Fields>
  void List(const char* key, const std::vector<T>& values, Fields fields) {
    auto& out = const_cast<std::vector<T>&>(values);
    in_.Field(key).Elements([&](const Reader& element) {
      Loader one(element);
      T value;
      fields(one, value);
      out.push_back(std::move(value));
    });
  }
  template <typename T, typename Fields>
  void Part(const char* key, const T& value, Fields fields) {
    Loader one(in_.Field(key));
    fields(one, value);
  }

 private:
  Reader in_;
};

constexpr auto kLimitFields = [](auto& f, const ProcessConfig::Limit& limit) {
  f("resource", limit.resource);
  f("soft", limit.soft);
  f("hard", limit.hard);
};

constexpr auto kProcessFields = [](auto& f, const ProcessConfig& process) {
  f("args", process.args);
  f("env", process.env);
  f("cwd", process.cwd);
  f("uid", process.uid);
  f("gid", process.gid);
  f("umask", process.umask);
  f("additionalGids", process.additional_gids);
  f("capBounding", process.cap_bounding);
  f("capEffective", process.cap_effective);
  f("capInheritable", process.cap_inheritable);
  f("capPermitted", process.cap_permitted);
  f("capAmbient", process.cap_ambient);
  f("noNewPrivileges", process.no_new_privileges);
  f("ordinary", process.ordinary);
  f.List("limits", process.limits, kLimitFields);
  f("terminal", process.terminal);
  f("rows", process.rows);
  f("columns", process.columns);
};

constexpr auto kMountFields = [](auto& f, const MountConfig& mount) {
  f("destination", mount.destination);
  f("kind", mount.kind);
  f("readOnly", mount.read_only);
  f("noExec", mount.no_exec);
  f("noSuid", mount.no_suid);
  f("noDev", mount.no_dev);
  f("overlay", mount.overlay);
  f("exclusive", mount.exclusive);
  f("singleFile", mount.single_file);
  f("goferIndex", mount.gofer_index);
  f("data", mount.data);
};

constexpr auto kBootFields = [](auto& f, const BootConfig& config) {
  f("containerId", config.container_id);
  f("hostname", config.hostname);
  f("domainname", config.domainname);
  f.Part("process", config.process, kProcessFields);
  f.List("mounts", config.mounts, kMountFields);
  f("maskedPaths", config.masked_paths);
  f("readonlyPaths", config.readonly_paths);
  f("sysctl", config.sysctl);
  f("platform", config.platform);
  f("rewriteCalls", config.rewrite_calls);
  f("network", config.network);
  f("strace", config.strace);
  f("straceCalls", config.strace_calls);
  f("debug", config.debug);
  f("debugLog", config.debug_log);
  f("logJson", config.log_json);
  f("hasLog", config.has_log);
  f("hasConsole", config.has_console);
  f("cpu", config.cpu);
  f("identity", config.identity);
  f("controlUids", config.control_uids);
};

constexpr auto kGoferMountFields = [](auto& f, const GoferMount& mount) {
  f("source", mount.source);
  f("recursive", mount.recursive);
  f("readOnly", mount.read_only);
  f("exclusive", mount.exclusive);
  f("crossMounts", mount.cross_mounts);
};

constexpr auto kGoferFields = [](auto& f, const GoferConfig& config) {
  f("containerId", config.container_id);
  f.List("mounts", config.mounts, kGoferMountFields);
  f("debug", config.debug);
  f("debugLog", config.debug_log);
  f("logJson", config.log_json);
  f("hasLog", config.has_log);
  f("cpu", config.cpu);
};

template <typename T, typename Fields>
std::string Format(const T& config, Fields fields) {
  Writer out;
  fields(out, config);
  return out.out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <typename T, typename Fields>
absl::StatusOr<T> Parse(std::string_view text, std::string_view name, Fields fields) {
  oci::ReadErrors errors(name);
  Json document;
  T config;
  if (oci::ParseDocument(text, errors, &document)) {
    Loader in(Reader(&document, "", errors));
    fields(in, config);
  }
  if (!errors.ok()) return errors.status();
  return config;
}

}  // namespace

std::string FormatBootConfig(const BootConfig& config) { return Format(config, kBootFields); }
absl::StatusOr<BootConfig> ParseBootConfig(std::string_view text) { return Parse<BootConfig>(text, "boot configuration", kBootFields); }
std::string FormatGoferConfig(const GoferConfig& config) { return Format(config, kGoferFields); }
absl::StatusOr<GoferConfig> ParseGoferConfig(std::string_view text) {
  return Parse<GoferConfig>(text, "gofer configuration", kGoferFields);
}

}  // namespace ringwall::boot
