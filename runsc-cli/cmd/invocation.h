// What the operator typed, after parsing. The parser (args.cc) is the only file that knows the option library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringwall::cmd {

struct Invocation {
  std::string command;  // "run", "create", ...

  // Global flags.
  std::string root;  // empty = default
  std::string log;   // file, appended to
  std::string log_format = "text";
  bool debug = false;
  std::string debug_log;  // "mm:debug,vfs:info"
  std::string platform = "auto";
  std::string rewrite_calls = "on";   // or "off"
  std::optional<std::string> strace;  // "all" or a list of calls
  std::string overlay = "root:memory";
  std::string network = "none";

  // create, run
  std::string bundle;
  std::string pid_file;
  std::string console_socket;
  int preserve_fds = 0;
  bool detach = false;
  bool keep = false;

  // Container id: create, run, start, state, kill, delete, debug.
  std::string id;
  // kill
  std::string signal = "SIGTERM";
  bool all = false;
  // delete
  bool force = false;
  // list, doctor
  std::string format = "table";
  bool quiet = false;
  // spec
  bool rootless_spec = false;
  // do
  std::vector<std::string> writable;  // --rw
  std::vector<std::string> volumes;
  std::string cwd;
  std::vector<std::string> env;
  std::string user;
  std::string hostname;
  std::optional<bool> tty;
  std::vector<std::string> args;
  // debug
  bool unimplemented = false;
  bool tasks = false;
};

struct ParseOutcome {
  bool run = false;  // false: print `text` and exit with `status`
  int status = 0;
  std::string text;  // help or version (status 0), or one sentence (status 1)
  Invocation invocation;
};

ParseOutcome ParseCommandLine(int argc, char** argv);

}  // namespace ringwall::cmd
