// execve(2), execveat(2).
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "abi/fcntl.h"
#include "sentry/task/exec.h"
#include "sentry/task/path_start.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/task/task.h"

namespace ringwall::syscalls {
namespace {

// MAX_ARG_STRLEN (32 pages) per string and, over all of them, 6 MiB whatever the stack limit says (execve(2)).
constexpr size_t kMaxArgString = 32 * 4096;
constexpr size_t kMaxArgBytes = 6u << 20;

// The caller's memory a page at a time: pointers, and most strings, lie close together.
class PageReader {
 public:
  explicit PageReader(mm::UserMemory& memory) : memory_(memory) {}

  // What is behind `address` in its page: at least one byte, or EFAULT.
  Result<std::string_view> From(uint64_t address) {
    const uint64_t page = address & ~(sizeof(bytes_) - 1);
    if (page != page_ || have_ == 0) {
      page_ = page;
      have_ = memory_.ReadSome(page, absl::MakeSpan(reinterpret_cast<std::byte*>(bytes_), sizeof(bytes_)));
    }
    if (address - page >= have_) return Errno::kEFAULT;
    return std::string_view(bytes_ + (address - page), have_ - (address - page));
  }

  Result<uint64_t> Pointer(uint64_t address) {
    const std::string_view bytes = TRY(From(address));
    if (bytes.size() < sizeof(uint64_t)) return memory_.ReadValue<uint64_t>(address);
    uint64_t value;
    std::memcpy(&value, bytes.data(), sizeof(value));
    return value;
  }

  Result<std::string> String(uint64_t address) {
    std::string text;
    for (;;) {
      const std::string_view bytes = TRY(From(address));
      const size_t end = bytes.find('\0');
      text.append(bytes.substr(0, end));
      if (text.size() >= kMaxArgString) return Errno::kE2BIG;
      if (end != std::string_view::npos) return text;
      address += bytes.size();
    }
  }

 private:
  mm::UserMemory& memory_;
  uint64_t page_ = 0;
  size_t have_ = 0;
  char bytes_[4096];
};

Result<std::vector<std::string>> ReadStrings(Task& task, UserStringArray array, size_t& budget) {
  std::vector<std::string> strings;
  if (array.address == 0) return strings;  // Linux takes a null pointer as an empty list
  PageReader pointers(task.memory()), text_pages(task.memory());
  for (uint64_t at = array.address;; at += sizeof(uint64_t)) {
    const uint64_t pointer = TRY(pointers.Pointer(at));
    if (pointer == 0) return strings;
    std::string text = TRY(text_pages.String(pointer));
    const size_t cost = text.size() + 1 + sizeof(uint64_t);
    if (cost > budget) return Errno::kE2BIG;
    budget -= cost;
    strings.push_back(std::move(text));
  }
}

Result<KeepRegisters> ExecAt(Task& task, Fd dirfd, UserPath user_path, UserStringArray argv, UserStringArray envp,
                             const vfs::WalkOptions& walk) {
  std::string path = TRY(user_path.Read(task.memory()));
  const auto start = TRY(task.StartOf(dirfd, path));
  Ref<vfs::File> file = TRY(task::OpenForExec(task, start->start, path, walk));
  size_t budget = kMaxArgBytes;
  std::vector<std::string> arguments = TRY(ReadStrings(task, argv, budget));
  std::vector<std::string> environment = TRY(ReadStrings(task, envp, budget));
  // An empty argv becomes {""}: programs may rely on argv[0] (Linux 5.18).
  if (arguments.empty()) arguments.emplace_back();
  if (dirfd != abi::kAtFdCwd && !path.starts_with('/')) {
    // What a script's interpreter is told to open (execveat(2), NOTES).
    path = "/dev/fd/" + std::to_string(abi::Raw(dirfd)) + (path.empty() ? "" : "/" + path);
  }
  TRY(task::Exec(task, {std::move(file), std::move(path), std::move(arguments), std::move(environment)}));
  return KeepRegisters{};
}

}  // namespace

Result<KeepRegisters> SysExecve(Task& task, UserPath path, UserStringArray argv, UserStringArray envp) {
  return ExecAt(task, abi::kAtFdCwd, path, argv, envp, {});
}

Result<KeepRegisters> SysExecveat(Task& task, Fd dirfd, UserPath path, UserStringArray argv, UserStringArray envp, RawFlags flags) {
  if ((flags.value & ~(abi::kAT_EMPTY_PATH | abi::kAT_SYMLINK_NOFOLLOW)) != 0) return Errno::kEINVAL;
  vfs::WalkOptions walk;
  walk.empty_path = (flags.value & abi::kAT_EMPTY_PATH) != 0;
  if ((flags.value & abi::kAT_SYMLINK_NOFOLLOW) != 0) walk.last = vfs::LastSymlink::kKeep;
  return ExecAt(task, dirfd, path, argv, envp, walk);
}

}  // namespace ringwall::syscalls
