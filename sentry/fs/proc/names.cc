// Subjects: who they are, who may look at them. Names and numbers as proc writes and reads them.
#include <utility>

#include "abi/capability.h"
#include "abi/prctl.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "sentry/cred/credentials.h"
#include "sentry/fs/proc/subject.h"

namespace ringwall::proc {

bool Subject::Exists() const {
  if (!is_thread()) return kernel_->pids().FindGroup(group_->pid()).get() == group_.get();
  return Task().ok();
}

Result<Ref<task::Task>> Subject::Task() const {
  RefPtr<task::Task> task = kernel_->pids().FindTask(id());
  if (!task || &task->thread_group() != group_.get()) return Errno::kESRCH;
  return std::move(task).ToRef();
}

Result<Ref<mm::MemoryManager>> Subject::Memory() const {
  const Ref<task::Task> task = TRY(Task());
  RefPtr<mm::MemoryManager> mm = task->ShareMm();
  if (!mm) return Errno::kENOENT;
  return std::move(mm).ToRef();
}

Result<Ref<vfs::FdTable>> Subject::Fds() const {
  const Ref<task::Task> task = TRY(Task());
  RefPtr<vfs::FdTable> fds = task->ShareFds();
  if (!fds) return Errno::kENOENT;
  return std::move(fds).ToRef();
}

Result<Ref<vfs::FsContext>> Subject::Fs() const {
  const Ref<task::Task> task = TRY(Task());
  RefPtr<vfs::FsContext> fs = task->ShareFs();
  if (!fs) return Errno::kENOENT;
  return std::move(fs).ToRef();
}

Result<void> Subject::CheckReadable(Context& ctx) const {
  if (IsSameProcess(ctx)) return {};
  const Ref<task::Task> task = TRY(Task());
  const cred::Credentials& caller = ctx.creds();
  const RefPtr<const cred::Credentials> target = task->ShareCreds();
  if (!target) return caller.Has(abi::kCAP_SYS_PTRACE) ? Result<void>() : Errno::kEACCES;
  if (caller.HasIn(*target->user_ns, abi::kCAP_SYS_PTRACE)) return {};
  const bool same_user = caller.fsuid == target->uid && caller.fsuid == target->euid && caller.fsuid == target->suid;
  const bool same_group = caller.fsgid == target->gid && caller.fsgid == target->egid && caller.fsgid == target->sgid;
  if (!same_user || !same_group) return Errno::kEACCES;
  if (const RefPtr<mm::MemoryManager> mm = task->ShareMm(); mm && mm->dumpable.load() != abi::kSUID_DUMP_USER) return Errno::kEACCES;
  // A caller without the target's capabilities could gain them by looking.
  if (target->user_ns.get() != caller.user_ns.get() || (target->permitted & ~caller.effective) != 0) return Errno::kEACCES;
  return {};
}

kit::Owner Subject::Owner() const {
  auto task = Task();
  if (!task.ok()) return {};
  const RefPtr<mm::MemoryManager> mm = (*task)->ShareMm();
  if (mm && mm->dumpable.load() != abi::kSUID_DUMP_USER) return {};
  const RefPtr<const cred::Credentials> creds = (*task)->ShareCreds();
  if (!creds) return {};
  return {creds->euid, creds->egid};
}

kit::NodeOptions Subject::Options(uint32_t mode, uint32_t number) const {
  kit::NodeOptions options;
  options.mode = mode;
  options.owner = [self = *this](Context&) { return self.Owner(); };
  options.still_valid = [self = *this](Context&) { return self.Exists(); };
  options.ino = Ino(number);
  options.fixed = true;
  return options;
}

std::string PlaceName(Context& ctx, const vfs::Path& place) {
  task::Task* reader = ctx.AsTask();
  if (reader == nullptr) return vfs::NameFromTop(place);
  constexpr std::string_view kUnreachable = "(unreachable)";
  const vfs::FsContext& fs = reader->fs();
  std::string name = vfs::AbsoluteName(fs.mount_ns(), fs.root(), place);
  // Only getcwd(2) says so; proc shows the name from the top.
  if (name.starts_with(kUnreachable)) name.erase(0, kUnreachable.size());
  return name;
}

std::string FileName(Context& ctx, const vfs::File& file) {
  return file.path() && file.path().mount ? PlaceName(ctx, file.path()) : file.DisplayName();
}

std::string Escape(std::string_view text, std::string_view also) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (also.find(c) == std::string_view::npos) {
      out += c;
    } else {
      absl::StrAppendFormat(&out, "\\%03o", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
  }
  return out;
}

int32_t ParseNumber(std::string_view name) {
  if (name.empty() || name.size() > 9 || (name.front() == '0' && name.size() > 1)) return -1;
  int32_t value = 0;
  for (const char c : name) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

Result<int64_t> ParseSetting(std::string_view text) {
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) text = text.substr(0, nul);
  const absl::string_view digits = absl::StripAsciiWhitespace(absl::string_view(text.data(), text.size()));
  int64_t value = 0;
  if (absl::SimpleAtoi(digits, &value)) return value;
  if (digits.size() > 2 && digits[0] == '0' && (digits[1] | 0x20) == 'x' && absl::SimpleHexAtoi(digits, &value)) return value;
  return Errno::kEINVAL;
}

}  // namespace ringwall::proc
