// execve(2)'s loader: ELF (static, static-PIE, dynamic) and #! scripts, initial stack, auxiliary vector, vDSO.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arch/x86_64/registers.h"
#include "base/error/result.h"
#include "base/ref/ref.h"
#include "platform/platform.h"
#include "sentry/context/context.h"
#include "sentry/mm/memory_manager.h"
#include "sentry/vfs/file.h"

namespace ringwall::loader {

// What to run, found and checked, nothing changed yet.
struct Program {
  RefPtr<vfs::File>
      file;  // the ELF file (the interpreter of a script), execute permission checked, open for reading; writers are denied while held
  RefPtr<vfs::File> interpreter;          // PT_INTERP's file, or null
  std::vector<std::string> argv;          // after #! expansion
  std::string exec_path;                  // AT_EXECFN: the path as given to execve (script path for scripts)
  std::string comm;                       // base name of what was asked for, <= 15 bytes
  uint32_t set_uid = ~0u, set_gid = ~0u;  // owner of a set-ID file on a suid mount, else ~0
  // Parsed, validated headers; private to the loader.
  struct Headers;
  std::shared_ptr<const Headers> headers;
};

// Opens files for the loader: follows symlinks as execve does. Implemented by the task room over vfs.
class ProgramOpener {
 public:
  virtual ~ProgramOpener() = default;
  // Regular file, execute permission, not noexec (EACCES), ETXTBSY when open for writing.
  virtual Result<Ref<vfs::File>> OpenExecutable(std::string_view path) = 0;
};

// All that can fail with an errno for the caller: ENOENT, EACCES, ENOEXEC, ELIBBAD, ELOOP (more than 5 #! levels), E2BIG, ETXTBSY.
// `file` is what execve(2) named; `path` its name for #! and AT_EXECFN.
Result<Program> Prepare(Context& ctx, ProgramOpener& opener, Ref<vfs::File> file, std::string path, std::vector<std::string> argv);

// Bytes of argv+envp (with NULs and pointers) may use a quarter of the stack limit, at most 6 MiB, and 128 KiB per string: E2BIG.
Result<void> CheckArgumentSize(const std::vector<std::string>& argv, const std::vector<std::string>& envp, uint64_t stack_limit);

struct LoadOptions {
  uint32_t uid = 0, euid = 0, gid = 0, egid = 0;
  bool secure = false;              // AT_SECURE
  uint64_t stack_limit = 8u << 20;  // RLIMIT_STACK
  uint64_t aslr_seed = 0;           // 0: fixed addresses
};

struct LoadedImage {
  Ref<mm::MemoryManager> mm;
  arch::Registers registers;  // first instruction
};

// Maps the program into a blank address space (the thread of platform.NewProcess). Errors leave nothing behind but the blank space.
Result<LoadedImage> Load(Context& ctx, const Program& program, const std::vector<std::string>& envp, const LoadOptions& options,
                         platform::GuestThread& blank);

}  // namespace ringwall::loader
