// --log: one line per message, JSON as engines parse it ({"level":"error","msg":"...","time":"..."}) or text.
#pragma once

#include <string>
#include <string_view>

namespace ringwall::container {

// "2026-01-31T12:00:00.123456789Z"
std::string NowRfc3339();

class ErrorLog {
 public:
  ErrorLog() = default;
  // Appends to `fd` (borrowed; -1 = nowhere).
  ErrorLog(int fd, bool json) : fd_(fd), json_(json) {}
  void Error(std::string_view message) const { Write("error", message); }
  void Warning(std::string_view message) const { Write("warning", message); }
  int fd() const { return fd_; }
  bool json() const { return json_; }

 private:
  void Write(std::string_view level, std::string_view message) const;

  int fd_ = -1;
  bool json_ = false;
};

}  // namespace ringwall::container
