// The process's log: levels per room, text or JSON lines, one write(2) per line.
#include "base/log/log.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "base/sync/mutex.h"

// spdlog and fmt as headers of this file only: no shared object, and nobody else pays for parsing them.
#define FMT_HEADER_ONLY 1
#define FMT_EXCEPTIONS 0
#define SPDLOG_HEADER_ONLY 1
#define SPDLOG_NO_EXCEPTIONS 1
#define SPDLOG_NO_TLS 1
#define SPDLOG_NO_ATOMIC_LEVELS 1
#undef SPDLOG_COMPILED_LIB
#undef SPDLOG_SHARED_LIB
#include <spdlog/details/null_mutex.h>
#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

namespace ringwall {
namespace {

constexpr int kLevelCount = 6;
constexpr std::string_view kLevelNames[kLevelCount] = {"trace", "debug", "info", "warning", "error", "off"};

std::atomic<int> g_fd{2};
std::atomic<bool> g_json{false};

void WriteAll(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(fd, data, size);
    if (n < 0) {
      if (errno == EINTR) continue;
      return;  // a log that cannot be written (full pipe, closed peer) must not stop the sandbox
    }
    data += n;
    size -= static_cast<size_t>(n);
  }
}

// ---- time ---------------------------------------------------------------------------------------------------------------
// gmtime_r(3) reads the zone file on its first use in glibc, which the locked-down processes may not; so dates are computed here.

struct UtcTime {
  int64_t year;
  unsigned month, day, hour, minute, second;
};

UtcTime ToUtc(int64_t seconds) {
  const int64_t days = seconds >= 0 ? seconds / 86400 : -((-seconds + 86399) / 86400);
  const unsigned rest = static_cast<unsigned>(seconds - days * 86400);
  // Proleptic Gregorian calendar; years start in March so that the leap day is the last day of one.
  const int64_t shifted = days + 719468;
  const int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const unsigned day_of_era = static_cast<unsigned>(shifted - era * 146097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned march_month = (5 * day_of_year + 2) / 153;
  const unsigned day = day_of_year - (153 * march_month + 2) / 5 + 1;
  const unsigned month = march_month < 10 ? march_month + 3 : march_month - 9;
  return {static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month, day, rest / 3600, rest / 60 % 60, rest % 60};
}

void AppendTime(spdlog::memory_buf_t& out, spdlog::log_clock::time_point at, bool with_fraction) {
  const int64_t us = std::chrono::duration_cast<std::chrono::microseconds>(at.time_since_epoch()).count();
  const UtcTime t = ToUtc(us / 1000000);
  fmt::format_to(fmt::appender(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", t.year, t.month, t.day, t.hour, t.minute, t.second);
  if (with_fraction) fmt::format_to(fmt::appender(out), ".{:06}", us % 1000000);
  out.push_back('Z');
}

// ---- escaping -----------------------------------------------------------------------------------------------------------
// Log text may hold a guest's strings: no line break, control byte or broken UTF-8 of theirs reaches a terminal or a JSON parser.

// Length of the valid UTF-8 sequence at `s`, 0 when there is none (RFC 3629: no overlong forms, no surrogates).
size_t Utf8Length(std::string_view s) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(s[i]); };
  const auto tail = [&](size_t i) { return i < s.size() && (at(i) & 0xc0) == 0x80; };
  const uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return tail(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    if (!tail(1) || !tail(2)) return 0;
    if (lead == 0xe0 && at(1) < 0xa0) return 0;
    if (lead == 0xed && at(1) > 0x9f) return 0;
    return 3;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (lead == 0xf0 && at(1) < 0x90) return 0;
    if (lead == 0xf4 && at(1) > 0x8f) return 0;
    return 4;
  }
  return 0;
}

void AppendEscaped(spdlog::memory_buf_t& out, std::string_view text, bool json) {
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    const uint8_t c = static_cast<uint8_t>(text[0]);
    if (length == 0) {
      if (json) {
        fmt::format_to(fmt::appender(out), "\\ufffd");
      } else {
        fmt::format_to(fmt::appender(out), "\\x{:02x}", c);
      }
    } else if (length > 1) {
      out.append(text.data(), text.data() + length);
    } else if (c == '\n') {
      fmt::format_to(fmt::appender(out), "\\n");
    } else if (c == '\t' && !json) {
      out.push_back('\t');
    } else if (c < 0x20 || c == 0x7f) {
      if (json) {
        fmt::format_to(fmt::appender(out), "\\u{:04x}", c);
      } else {
        fmt::format_to(fmt::appender(out), "\\x{:02x}", c);
      }
    } else {
      if (json && (c == '"' || c == '\\')) out.push_back('\\');
      out.push_back(static_cast<char>(c));
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
}

std::string_view View(spdlog::string_view_t v) { return {v.data(), v.size()}; }

LogLevel FromSpdlog(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::trace: return LogLevel::kTrace;
    case spdlog::level::debug: return LogLevel::kDebug;
    case spdlog::level::info: return LogLevel::kInfo;
    case spdlog::level::warn: return LogLevel::kWarning;
    default: return LogLevel::kError;
  }
}

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace: return spdlog::level::trace;
    case LogLevel::kDebug: return spdlog::level::debug;
    case LogLevel::kInfo: return spdlog::level::info;
    case LogLevel::kWarning: return spdlog::level::warn;
    default: return spdlog::level::err;
  }
}

// ---- lines --------------------------------------------------------------------------------------------------------------

// "2026-01-02T03:04:05.678901Z warning sentry[1234] mm/fault.cc:12: text"
class TextFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
    AppendTime(out, msg.time, true);
    std::string_view file = msg.source.filename;
    size_t slash = file.rfind('/');
    if (slash != std::string_view::npos && slash > 0) slash = file.rfind('/', slash - 1);
    if (slash != std::string_view::npos) file.remove_prefix(slash + 1);
    fmt::format_to(fmt::appender(out), " {} {}[{}] {}:{}: ", kLevelNames[static_cast<int>(FromSpdlog(msg.level))], View(msg.logger_name),
                   ::getpid(), file, msg.source.line);
    AppendEscaped(out, View(msg.payload), false);
    out.push_back('\n');
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<TextFormatter>(); }
};

// {"level":"error","msg":"...","time":"2026-01-02T03:04:05Z"}: what engines parse from `--log-format json` of runc.
class JsonFormatter : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& msg, spdlog::memory_buf_t& out) override {
    fmt::format_to(fmt::appender(out), "{{\"level\":\"{}\",\"msg\":\"", kLevelNames[static_cast<int>(FromSpdlog(msg.level))]);
    AppendEscaped(out, View(msg.payload), true);
    fmt::format_to(fmt::appender(out), "\",\"time\":\"");
    AppendTime(out, msg.time, false);
    fmt::format_to(fmt::appender(out), "\"}}\n");
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

class FdSink : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& msg) override {
    spdlog::memory_buf_t line;
    formatter_->format(msg, line);
    WriteAll(g_fd.load(std::memory_order_relaxed), line.data(), line.size());
  }
  void flush_() override {}
};

// ---- levels -------------------------------------------------------------------------------------------------------------

struct LevelRule {
  std::string room;
  LogLevel level;
};
struct LevelTable {
  LogLevel fallback = LogLevel::kWarning;
  std::vector<LevelRule> rules;
  const LevelTable* replaced = nullptr;  // keeps it reachable: it is not leaked
};

// Replaced as a whole and never freed: LogEnabled reads it without a lock. It changes a handful of times in a process's life.
std::atomic<const LevelTable*> g_levels{nullptr};
// The lowest level that any room writes, so that a switched-off line costs one load.
std::atomic<uint8_t> g_lowest{static_cast<uint8_t>(LogLevel::kWarning)};
std::atomic<uint8_t> g_default{static_cast<uint8_t>(LogLevel::kWarning)};

void Publish(const LevelTable& table) {
  uint8_t lowest = static_cast<uint8_t>(table.fallback);
  for (const LevelRule& rule : table.rules) lowest = std::min(lowest, static_cast<uint8_t>(rule.level));
  auto* fresh = new LevelTable(table);
  fresh->replaced = g_levels.load(std::memory_order_relaxed);
  g_levels.store(fresh, std::memory_order_release);
  g_lowest.store(lowest, std::memory_order_release);
}

std::string_view RoomOf(std::string_view file) {
  const size_t slash = file.rfind('/');
  if (slash == std::string_view::npos) return {};
  file = file.substr(0, slash);
  const size_t parent = file.rfind('/');
  return parent == std::string_view::npos ? file : file.substr(parent + 1);
}

bool ParseLevel(std::string_view name, LogLevel* level) {
  for (int i = 0; i < kLevelCount; ++i) {
    if (name == kLevelNames[i]) {
      *level = static_cast<LogLevel>(i);
      return true;
    }
  }
  if (name == "warn") {
    *level = LogLevel::kWarning;
    return true;
  }
  return false;
}

// The logger is not destroyed at exit: other threads may still log.
Mutex<LockRank::kLog> g_mutex;
spdlog::logger* g_logger ABSL_GUARDED_BY(g_mutex) = nullptr;

spdlog::logger* MakeLogger(const LogOptions& options) {
  auto sink = std::make_shared<FdSink>();
  if (options.format == LogFormat::kJson) {
    sink->set_formatter(std::make_unique<JsonFormatter>());
  } else {
    sink->set_formatter(std::make_unique<TextFormatter>());
  }
  auto* logger = new spdlog::logger(std::string(options.process), std::move(sink));
  logger->set_level(spdlog::level::trace);
  return logger;
}

}  // namespace

void InitLog(const LogOptions& options) {
  spdlog::logger* fresh = MakeLogger(options);
  g_default.store(static_cast<uint8_t>(options.level));
  LevelTable table;
  table.fallback = options.level;
  Publish(table);
  spdlog::logger* old = nullptr;
  {
    MutexLock lock(g_mutex);
    g_fd.store(options.fd);
    g_json.store(options.format == LogFormat::kJson);
    old = std::exchange(g_logger, fresh);
  }
  delete old;
}

bool SetLogLevels(std::string_view spec, std::string* error) {
  LevelTable table;
  table.fallback = static_cast<LogLevel>(g_default.load());
  while (!spec.empty()) {
    const size_t comma = spec.find(',');
    const std::string_view item = spec.substr(0, comma);
    spec = comma == std::string_view::npos ? std::string_view() : spec.substr(comma + 1);
    if (item.empty()) continue;
    const size_t colon = item.find(':');
    const std::string_view name = colon == std::string_view::npos ? item : item.substr(colon + 1);
    LogLevel level;
    if (!ParseLevel(name, &level)) {
      if (error != nullptr) {
        *error = "unknown log level \"" + std::string(name) + "\": use trace, debug, info, warning, error or off";
      }
      return false;
    }
    if (colon == std::string_view::npos) {
      table.fallback = level;
    } else {
      table.rules.push_back({std::string(item.substr(0, colon)), level});
    }
  }
  Publish(table);
  return true;
}

bool LogEnabled(LogLevel level, const char* file) {
  if (static_cast<uint8_t>(level) < g_lowest.load(std::memory_order_relaxed)) return false;
  const LevelTable* table = g_levels.load(std::memory_order_acquire);
  if (table == nullptr) return level >= LogLevel::kWarning;
  if (!table->rules.empty()) {
    const std::string_view room = RoomOf(file);
    // The last rule for a room wins, as with any repeated option.
    for (auto rule = table->rules.rbegin(); rule != table->rules.rend(); ++rule) {
      if (rule->room == room) return level >= rule->level;
    }
  }
  return level >= table->fallback;
}

void EmitLog(LogLevel level, const char* file, int line, std::string_view text) {
  const int saved_errno = errno;
  {
    MutexLock lock(g_mutex);
    if (g_logger == nullptr) g_logger = MakeLogger({});
    g_logger->log(spdlog::source_loc(file, line, ""), ToSpdlog(level), spdlog::string_view_t(text.data(), text.size()));
  }
  errno = saved_errno;
}

void RawLog(const char* text) {
  const int saved_errno = errno;
  // One write(2), so that the line stays whole and the filters need no other call.
  char line[1024];
  size_t used = 0;
  if (!g_json.load(std::memory_order_relaxed)) {
    used = std::min(strlen(text), sizeof(line) - 1);
    memcpy(line, text, used);
  } else {
    // Without the time, which may need a host call. What comes this way is fatal.
    constexpr std::string_view kHead = "{\"level\":\"error\",\"msg\":\"";
    constexpr std::string_view kTail = "\"}";
    memcpy(line, kHead.data(), kHead.size());
    used = kHead.size();
    for (; *text != '\0' && used + 2 + kTail.size() < sizeof(line); ++text) {
      const auto c = static_cast<uint8_t>(*text);
      if (c == '"' || c == '\\') line[used++] = '\\';
      line[used++] = c < 0x20 || c >= 0x7f ? '?' : static_cast<char>(c);
    }
    memcpy(line + used, kTail.data(), kTail.size());
    used += kTail.size();
  }
  line[used++] = '\n';
  WriteAll(g_fd.load(std::memory_order_relaxed), line, used);
  errno = saved_errno;
}

}  // namespace ringwall
