// LOG(kDebug) << ...: the module is the folder of the file; levels per module are set by --debug-log=mm:debug,vfs:info.
// Never under a lock at info or above. RawLog is for stubs, fork children and fault paths.
#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>

namespace ringwall {

enum class LogLevel : uint8_t { kTrace, kDebug, kInfo, kWarning, kError, kOff };

enum class LogFormat : uint8_t { kText, kJson };

struct LogOptions {
  int fd = 2;  // borrowed; stays open for the life of the process
  LogFormat format = LogFormat::kText;
  LogLevel level = LogLevel::kWarning;    // for modules that the spec does not name
  std::string_view process = "ringwall";  // "sentry", "gofer", ...; part of each line
};

// Sets up the process's log. May be called again (tests).
void InitLog(const LogOptions& options);
// "room:level,room:level" or "level"; false and *error set for an unknown level. Rooms are folder names ("mm", "vfs").
bool SetLogLevels(std::string_view spec, std::string* error);
// True when a line of this level in the module of `file` would be written. A few nanoseconds when off.
bool LogEnabled(LogLevel level, const char* file);
void EmitLog(LogLevel level, const char* file, int line, std::string_view text);
// Writes "text\n" (cut at 1023 bytes), or a JSON line of level error, to the log's descriptor with one write(2). Async-signal-safe.
void RawLog(const char* text);

namespace log_internal {
class Line {
 public:
  Line(LogLevel level, const char* file, int line) : level_(level), file_(file), line_(line) {}
  ~Line() { EmitLog(level_, file_, line_, stream_.str()); }
  std::ostream& stream() { return stream_; }

 private:
  LogLevel level_;
  const char* file_;
  int line_;
  std::ostringstream stream_;
};
struct Voidify {
  void operator&(std::ostream&) {}
};
}  // namespace log_internal

}  // namespace ringwall

#define LOG(level)                                               \
  !::ringwall::LogEnabled(::ringwall::LogLevel::level, __FILE__) \
      ? (void)0                                                  \
      : ::ringwall::log_internal::Voidify() & ::ringwall::log_internal::Line(::ringwall::LogLevel::level, __FILE__, __LINE__).stream()
