// The command line, by CLI11. The one file of the tree that is compiled with exceptions: they start and end here.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstring>
#include <functional>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "runsc-cli/cmd/invocation.h"
#include "runsc-cli/cmd/version.h"

namespace ringwall::cmd {
namespace {

// Flags that may stand alone although they can have a value: the value is made explicit before the parser sees them.
const char* LoneValue(const std::string& flag) {
  if (flag == "--strace") return "all";
  if (flag == "--rootless") return "true";
  return nullptr;
}

struct Split {
  std::vector<std::string> front;    // for the parser, without the program's name
  std::vector<std::string> command;  // behind "--" or the first operand of `do`
  std::string word;                  // the sub-command: the first word that is neither option nor value
  bool is_do = false;
};

// Engines write -flag, --flag value and --flag=value. What follows `--`, or the first operand of `do`, is the workload's.
Split SplitArguments(int argc, char** argv) {
  static const std::set<std::string> kWithValue = {
      "--root", "--log", "--log-format", "--debug-log", "--platform", "--overlay",  "--network",        "--rw",   "--volume",       "-v",
      "--cwd",  "--env", "-e",           "--user",      "-u",         "--hostname", "--cgroup-manager", "--criu", "--rewrite-calls"};
  Split out;
  bool in_do = false;
  for (int i = 1; i < argc; ++i) {
    std::string arg = argv[i];
    if (arg == "--") {
      out.command.assign(argv + i + 1, argv + argc);
      return out;
    }
    if (in_do && (arg.empty() || arg[0] != '-')) {
      out.command.assign(argv + i, argv + argc);
      return out;
    }
    if (arg.size() > 2 && arg[0] == '-' && arg[1] != '-' && std::isalpha(static_cast<unsigned char>(arg[1])) != 0 && arg[2] != '=')
      arg = "-" + arg;
    if (out.word.empty() && !arg.empty() && arg[0] != '-') {
      out.word = arg;
      in_do = out.is_do = arg == "do";
    }
    const bool takes_next = kWithValue.count(arg) != 0;
    if (const char* value = LoneValue(arg)) arg += std::string("=") + value;
    out.front.push_back(arg);
    if (takes_next && i + 1 < argc) out.front.emplace_back(argv[++i]);
  }
  return out;
}

ParseOutcome Parse(int argc, char** argv) {
  ParseOutcome out;
  Invocation& in = out.invocation;
  CLI::App app{"An OCI runtime with a Linux kernel of its own between the workload and the host.", "ringwall"};
  app.require_subcommand(0, 1);
  app.set_help_flag("-h,--help", "This text, or the help of a sub-command");
  bool version = false, ignored_flag = false;
  std::string ignored;
  std::string strace;
  app.add_flag("-v,--version", version, "Print the version");
  app.add_option("--root", in.root, "Directory of container states (default: /run/ringwall, or $XDG_RUNTIME_DIR/ringwall)");
  app.add_option("--log", in.log, "Append errors and logs to this file");
  app.add_option("--log-format", in.log_format, "text or json")->check(CLI::IsMember({"text", "json"}));
  app.add_flag("--debug", in.debug, "Log more, and print unimplemented calls at exit");
  app.add_option("--debug-log", in.debug_log, "Log levels by room: mm:debug,vfs:info, or one level for all");
  app.add_option("--platform", in.platform, "How guest code runs: auto, systrap, ptrace or kvm; `ringwall doctor` tells which work here");
  app.add_option("--rewrite-calls", in.rewrite_calls, "off: system calls are never rewritten to save their traps (systrap)")
      ->check(CLI::IsMember({"on", "off"}));
  app.add_option("--strace", strace, "Log the guest's system calls: all, or a list such as openat,read");
  app.add_option("--overlay", in.overlay, "Where changes of the root file system go: root:memory, or none (into the bundle)");
  app.add_option("--network", in.network, "none: a loopback interface only");
  app.add_flag("--systemd-cgroup", ignored_flag, "Accepted, without effect");
  app.add_option("--rootless", ignored, "Accepted, without effect: ordinary users are recognised");
  app.add_option("--cgroup-manager", ignored, "Accepted, without effect");
  app.add_option("--criu", ignored, "Accepted, without effect");

  const auto add_command = [&](const char* name, const char* text) {
    CLI::App* sub = app.add_subcommand(name, text);
    sub->fallthrough();
    sub->set_help_flag("-h,--help", "This text");
    return sub;
  };
  const auto add_id = [&](CLI::App* sub) { sub->add_option("ID", in.id, "Container id")->required(); };
  const auto add_create = [&](CLI::App* sub) {
    add_id(sub);
    sub->add_option("-b,--bundle", in.bundle, "Directory with config.json (default: the current one)");
    sub->add_option("--pid-file", in.pid_file, "Write the pid of the container's stand-in process here");
    sub->add_option("--console-socket", in.console_socket, "Send the terminal's master to this socket");
    sub->add_option("--pidfd-socket", ignored, "Accepted, without effect");
    sub->add_option("--preserve-fds", in.preserve_fds, "Further descriptors to pass on");
    sub->add_flag("--no-pivot", ignored_flag, "Accepted, without effect");
    sub->add_flag("--no-new-keyring", ignored_flag, "Accepted, without effect");
    sub->add_flag("--no-subreaper", ignored_flag, "Accepted, without effect");
  };

  bool tty = false, no_tty = false;
  std::string topic;
  struct Command {
    const char* name;
    const char* text;
    std::function<void(CLI::App*)> declare;
  };
  const Command commands[] = {
      {"create", "Create a container from a bundle; its program waits for start", add_create},
      {"run", "Create and start a container, and wait for its end",
       [&](CLI::App* sub) {
         add_create(sub);
         sub->add_flag("-d,--detach", in.detach, "Do not wait");
         sub->add_flag("--keep", in.keep, "Keep the container's state after its end");
       }},
      {"start", "Start a created container", add_id},
      {"state", "Print a container's state as JSON", add_id},
      {"kill", "Send a signal to a container",
       [&](CLI::App* sub) {
         add_id(sub);
         sub->add_option("SIGNAL", in.signal, "Name or number (default: SIGTERM)");
         sub->add_flag("-a,--all", in.all, "To all of its processes");
       }},
      {"delete", "Remove a stopped container",
       [&](CLI::App* sub) {
         add_id(sub);
         sub->add_flag("-f,--force", in.force, "Kill it first; no error when there is none");
       }},
      {"list", "List containers",
       [&](CLI::App* sub) {
         sub->add_option("-f,--format", in.format, "table or json")->check(CLI::IsMember({"table", "json"}));
         sub->add_flag("-q,--quiet", in.quiet, "Ids only");
       }},
      {"spec", "Write a config.json to start from",
       [&](CLI::App* sub) {
         sub->add_option("-b,--bundle", in.bundle, "Directory to write it to (default: the current one)");
         sub->add_flag("--rootless", in.rootless_spec, "For an ordinary user");
       }},
      {"do", "Run a command over the host's root file system, read-only below a throw-away overlay",
       [&](CLI::App* sub) {
         sub->add_option("--rw", in.writable, "Directory that the command may really change (repeatable)")->take_all()->expected(1);
         sub->add_option("-v,--volume", in.volumes, "SRC:DST[:ro], a host path to show elsewhere (repeatable)")->take_all()->expected(1);
         sub->add_option("--cwd", in.cwd, "Working directory (default: the current one)");
         sub->add_option("-e,--env", in.env, "NAME=value, or NAME to take it over (repeatable; the environment is passed on anyway)")
             ->take_all()
             ->expected(1);
         sub->add_option("-u,--user", in.user, "UID[:GID] (default: the caller's)");
         sub->add_option("--hostname", in.hostname, "Host name inside");
         sub->add_flag("-t,--tty", tty, "With a terminal (default: when stdin and stdout are one)");
         sub->add_flag("--no-tty", no_tty, "Without a terminal");
         sub->footer("The command follows behind --, or from the first word that is no option.");
       }},
      {"debug", "Look into a running container",
       [&](CLI::App* sub) {
         add_id(sub);
         sub->add_flag("--unimplemented", in.unimplemented, "Calls and flags that the guest wanted and the kernel has not");
         sub->add_flag("--tasks", in.tasks, "Every task: its state, its last call, what it waits on");
       }},
      {"doctor", "What works on this machine, which platform auto takes, and how to get a better one",
       [&](CLI::App* sub) {
         sub->add_option("-f,--format", in.format, "text or json")->check(CLI::IsMember({"text", "json"}));
       }},
      {"help", "Help on a sub-command", [&](CLI::App* sub) { sub->add_option("COMMAND", topic, "Sub-command"); }},
  };
  // Declaring an option costs microseconds, and engines start us often: the sub-command that was typed is enough, but for help and
  // mistakes.
  Split split = SplitArguments(argc, argv);
  const auto typed = std::find_if(std::begin(commands), std::end(commands), [&](const Command& c) { return split.word == c.name; });
  const bool all = typed == std::end(commands) || split.word == "help";
  for (const Command& command : commands) {
    if (all || &command == typed) command.declare(add_command(command.name, command.text));
  }
  std::vector<std::string> reversed(split.front.rbegin(), split.front.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    // The help of the sub-command whose flag it was.
    const auto subs = app.get_subcommands();
    out.text = subs.empty() ? app.help() : subs.front()->help("ringwall");
    return out;
  } catch (const CLI::ParseError& error) {
    out.status = 1;
    if (split.is_do) in.command = "do";  // decides the exit status of wrong usage
    out.text = std::string(error.what()) + "; see ringwall help";
    return out;
  }
  if (version) {
    out.text = VersionText();
    return out;
  }
  const auto subs = app.get_subcommands();
  if (subs.empty() || subs.front()->get_name() == "help") {
    out.text = app.help();
    if (!topic.empty()) {
      const CLI::App* found = nullptr;
      for (const CLI::App* sub : app.get_subcommands(nullptr)) {
        if (sub->get_name() == topic) found = sub;
      }
      out.status = found == nullptr ? 1 : 0;
      out.text = found == nullptr ? "help: no sub-command \"" + topic + "\"; see ringwall help" : found->help("ringwall");
    } else if (subs.empty() && argc > 1) {
      out.status = 1;
      out.text = "no sub-command given; see ringwall help";
    }
    return out;
  }
  in.command = subs.front()->get_name();
  if (!strace.empty()) in.strace = strace;
  if (tty) in.tty = true;
  if (no_tty) in.tty = false;
  in.args = std::move(split.command);
  if (in.command != "do" && !in.args.empty()) {
    out.status = 1;
    out.text = in.command + ": unexpected operand \"" + in.args[0] + "\" behind --; see ringwall help";
    return out;
  }
  out.run = true;
  return out;
}

}  // namespace

ParseOutcome ParseCommandLine(int argc, char** argv) {
  try {
    return Parse(argc, argv);
  } catch (const std::exception& error) {
    // A mistake in the option declarations above: a bug of ours, but never a core dump for the operator.
    return {.run = false, .status = 1, .text = std::string("internal error in the command line parser: ") + error.what()};
  }
}

}  // namespace ringwall::cmd
