// The command line, by CLI11. The one file of the tree that is compiled with exceptions: they start and end here.
#include <CLI/CLI.hpp>
#include <cctype>
#include <cstring>
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
  bool is_do = false;
};

// Engines write -flag, --flag value and --flag=value. What follows `--`, or the first operand of `do`, is the workload's.
Split SplitArguments(int argc, char** argv) {
  static const std::set<std::string> kWithValue = {
      "--root", "--log", "--log-format", "--debug-log", "--platform", "--overlay",  "--network",        "--rw",  "--volume", "-v",
      "--cwd",  "--env", "-e",           "--user",      "-u",         "--hostname", "--cgroup-manager", "--criu"};
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
    if (arg == "do") in_do = out.is_do = true;
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
  app.add_option("--platform", in.platform, "How guest code runs: auto or ptrace");
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

  add_create(add_command("create", "Create a container from a bundle; its program waits for start"));
  CLI::App* run = add_command("run", "Create and start a container, and wait for its end");
  add_create(run);
  run->add_flag("-d,--detach", in.detach, "Do not wait");
  run->add_flag("--keep", in.keep, "Keep the container's state after its end");
  add_id(add_command("start", "Start a created container"));
  add_id(add_command("state", "Print a container's state as JSON"));
  CLI::App* kill = add_command("kill", "Send a signal to a container");
  add_id(kill);
  kill->add_option("SIGNAL", in.signal, "Name or number (default: SIGTERM)");
  kill->add_flag("-a,--all", in.all, "To all of its processes");
  CLI::App* remove = add_command("delete", "Remove a stopped container");
  add_id(remove);
  remove->add_flag("-f,--force", in.force, "Kill it first; no error when there is none");
  CLI::App* list = add_command("list", "List containers");
  list->add_option("-f,--format", in.format, "table or json")->check(CLI::IsMember({"table", "json"}));
  list->add_flag("-q,--quiet", in.quiet, "Ids only");
  CLI::App* spec = add_command("spec", "Write a config.json to start from");
  spec->add_option("-b,--bundle", in.bundle, "Directory to write it to (default: the current one)");
  spec->add_flag("--rootless", in.rootless_spec, "For an ordinary user");
  CLI::App* run_host = add_command("do", "Run a command over the host's root file system, read-only below a throw-away overlay");
  run_host->add_option("--rw", in.writable, "Directory that the command may really change (repeatable)")->take_all()->expected(1);
  run_host->add_option("-v,--volume", in.volumes, "SRC:DST[:ro], a host path to show elsewhere (repeatable)")->take_all()->expected(1);
  run_host->add_option("--cwd", in.cwd, "Working directory (default: the current one)");
  run_host->add_option("-e,--env", in.env, "NAME=value, or NAME to take it over (repeatable; the environment is passed on anyway)")
      ->take_all()
      ->expected(1);
  run_host->add_option("-u,--user", in.user, "UID[:GID] (default: the caller's)");
  run_host->add_option("--hostname", in.hostname, "Host name inside");
  bool tty = false, no_tty = false;
  run_host->add_flag("-t,--tty", tty, "With a terminal (default: when stdin and stdout are one)");
  run_host->add_flag("--no-tty", no_tty, "Without a terminal");
  run_host->footer("The command follows behind --, or from the first word that is no option.");
  CLI::App* debug = add_command("debug", "Look into a running container");
  add_id(debug);
  debug->add_flag("--unimplemented", in.unimplemented, "Calls and flags that the guest wanted and the kernel has not");
  debug->add_flag("--tasks", in.tasks, "Every task: its state, its last call, what it waits on");
  std::string topic;
  CLI::App* help = add_command("help", "Help on a sub-command");
  help->add_option("COMMAND", topic, "Sub-command");

  Split split = SplitArguments(argc, argv);
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
  if (subs.empty() || subs.front() == help) {
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
