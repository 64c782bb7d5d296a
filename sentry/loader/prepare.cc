// execve(2) before the point of no return: what is this file, who interprets it, may it run?
#include <algorithm>
#include <array>
#include <utility>

#include "abi/limits.h"
#include "abi/stat.h"
#include "sentry/cred/credentials.h"
#include "sentry/loader/headers.h"
#include "sentry/loader/loader.h"
#include "sentry/loader/script.h"
#include "sentry/vfs/mount.h"

namespace ringwall::loader {
namespace {

// One argument or variable, with its NUL (execve(2): MAX_ARG_STRLEN), and the bounds of all together.
constexpr uint64_t kMaxString = 131072;
constexpr uint64_t kMinTotal = 131072;
constexpr uint64_t kMaxTotal = 6u << 20;
constexpr size_t kCommBytes = 15;

Result<size_t> ReadFile(Context& ctx, vfs::File& file, uint64_t offset, absl::Span<std::byte> to) {
  mm::KernelSink sink(to);
  while (sink.remaining() != 0) {
    const size_t n = TRY(file.PRead(ctx, sink, offset + sink.done()));
    if (n == 0) break;
  }
  return sink.done();
}

Result<Elf> ParseFile(Context& ctx, vfs::File& file) {
  return ParseElf([&](uint64_t offset, absl::Span<std::byte> to) { return ReadFile(ctx, file, offset, to); });
}

// The owner of a set-user-ID or set-group-ID program; ignored on nosuid mounts (mount(8)). Scripts don't count: `file` is the interpreter
// then.
Result<void> FindSetIds(Context& ctx, vfs::File& file, Program& program) {
  if (file.path() && file.path().mount->flags().no_suid) return {};
  // Nor of mounts that somebody made in a user namespace that the caller is not in (user_namespaces(7)).
  if (file.path() && !file.path().mount->fs().owner_ns().Contains(*ctx.creds().user_ns)) return {};
  const vfs::Attributes attributes = TRY(file.GetAttributes(ctx));
  if ((attributes.mode & abi::kS_ISUID) != 0) program.set_uid = attributes.uid;
  // Without group execute permission the bit means mandatory locking.
  constexpr uint32_t kSetGid = abi::kS_ISGID | abi::kS_IXGRP;
  if ((attributes.mode & kSetGid) == kSetGid) program.set_gid = attributes.gid;
  return {};
}

}  // namespace

Result<void> CheckArgumentSize(const std::vector<std::string>& argv, const std::vector<std::string>& envp, uint64_t stack_limit) {
  const uint64_t limit = std::clamp(stack_limit / 4, kMinTotal, kMaxTotal);
  // The pointers count too.
  uint64_t total = (argv.size() + envp.size()) * sizeof(uint64_t);
  for (const std::vector<std::string>* strings : {&argv, &envp}) {
    for (const std::string& s : *strings) {
      if (s.size() + 1 > kMaxString) return Errno::kE2BIG;
      total += s.size() + 1;
      if (total > limit) return Errno::kE2BIG;
    }
  }
  if (total > limit) return Errno::kE2BIG;
  return {};
}

Result<Program> Prepare(Context& ctx, ProgramOpener& opener, Ref<vfs::File> file, std::string path, std::vector<std::string> argv) {
  Program program;
  program.exec_path = path;
  // An empty argv becomes one empty string (Linux 5.18: programs that trust argv[0]).
  if (argv.empty()) argv.emplace_back();
  const size_t slash = path.rfind('/');
  program.comm = (slash == std::string::npos ? path : path.substr(slash + 1)).substr(0, kCommBytes);

  for (int level = 0;; ++level) {
    std::array<std::byte, kHeadBytes> bytes;
    const size_t n = TRY(ReadFile(ctx, *file, 0, absl::MakeSpan(bytes)));
    const std::string_view head(reinterpret_cast<const char*>(bytes.data()), n);
    if (!IsScript(head)) break;
    if (level == kMaxScriptLevels) return Errno::kELOOP;
    ScriptLine line = TRY(ParseScriptLine(head));
    // argv[0] gives way to: interpreter, its argument, the script's path.
    argv[0] = std::move(path);
    if (line.argument) argv.insert(argv.begin(), *std::move(line.argument));
    argv.insert(argv.begin(), line.interpreter);
    path = std::move(line.interpreter);
    file = TRY(opener.OpenExecutable(path));
  }

  auto headers = std::make_shared<Program::Headers>();
  headers->program = TRY(ParseFile(ctx, *file));
  if (!headers->program.interpreter.empty()) {
    Ref<vfs::File> interpreter = TRY(opener.OpenExecutable(headers->program.interpreter));
    Result<Elf> parsed = ParseFile(ctx, *interpreter);
    // A broken dynamic linker is told apart from a broken program (execve(2), ELIBBAD).
    if (!parsed.ok()) return parsed.error() == Errno::kENOEXEC || parsed.error() == Errno::kENOENT ? Errno::kELIBBAD : parsed.error();
    headers->interpreter = std::move(parsed).value();
    program.interpreter = std::move(interpreter);
  }
  TRY(FindSetIds(ctx, *file, program));
  program.file = std::move(file);
  program.argv = std::move(argv);
  program.headers = std::move(headers);
  return program;
}

}  // namespace ringwall::loader
