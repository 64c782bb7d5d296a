// seccomp(2).
#include "abi/seccomp.h"

#include <utility>
#include <vector>

#include "abi/bpf.h"
#include "abi/capability.h"
#include "abi/resource.h"
#include "base/bpf/program.h"
#include "sentry/cred/credentials.h"
#include "sentry/seccomp/install.h"
#include "sentry/seccomp/task_seccomp.h"
#include "sentry/vfs/fd_table.h"
#include "syscalls/security/seccomp_unotify.h"
#include "syscalls/security/security.h"

namespace ringwall::syscalls {
namespace {

Result<bpf::Program> ReadProgram(Task& task, uint64_t address) {
  const auto header = TRY(task.memory().ReadValue<abi::SockFprog>(address));
  if (header.len == 0 || header.len > bpf::kMaxInstructions) return Errno::kEINVAL;
  std::vector<bpf::Instruction> code(header.len);
  TRY(task.memory().ReadArray<bpf::Instruction>(header.filter, absl::MakeSpan(code)));
  return bpf::Program::Create(code, bpf::Dialect::kSeccomp);
}

Result<int64_t> SetFilter(Task& task, uint32_t flags, uint64_t address) {
  constexpr uint32_t kKnown = abi::kSECCOMP_FILTER_FLAG_TSYNC | abi::kSECCOMP_FILTER_FLAG_LOG | abi::kSECCOMP_FILTER_FLAG_SPEC_ALLOW |
                              abi::kSECCOMP_FILTER_FLAG_NEW_LISTENER | abi::kSECCOMP_FILTER_FLAG_TSYNC_ESRCH |
                              abi::kSECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  if ((flags & ~kKnown) != 0) return Errno::kEINVAL;
  const bool new_listener = (flags & abi::kSECCOMP_FILTER_FLAG_NEW_LISTENER) != 0;
  // The result can't be both a descriptor and a thread.
  if ((flags & abi::kSECCOMP_FILTER_FLAG_TSYNC) != 0 && new_listener && (flags & abi::kSECCOMP_FILTER_FLAG_TSYNC_ESRCH) == 0)
    return Errno::kEINVAL;
  if ((flags & abi::kSECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV) != 0 && !new_listener) return Errno::kEINVAL;
  bpf::Program program = TRY(ReadProgram(task, address));
  // A filter could make a privileged program misbehave.
  if (!task.creds().no_new_privs && !task.creds().Has(abi::kCAP_SYS_ADMIN)) return Errno::kEACCES;
  if (!new_listener) {
    const int32_t result = TRY(seccomp::InstallFilter(task, std::move(program), flags, nullptr));
    return result;
  }

  auto slot = TRY(task.fds().Reserve(task.Limit(abi::kRLIMIT_NOFILE)));
  const Fd fd = slot.fd();
  const Ref<seccomp::Listener> listener = MakeRef<seccomp::Listener>();
  const Ref<vfs::File> file = MakeListenerFile(task, listener);
  TRY(seccomp::InstallFilter(task, std::move(program), flags, listener));
  std::move(slot).Install(file, {.cloexec = true});
  return static_cast<int64_t>(abi::Raw(fd));
}

Result<int64_t> ActionAvailable(Task& task, uint64_t address) {
  const auto action = TRY(task.memory().ReadValue<uint32_t>(address));
  switch (action) {
    case abi::kSECCOMP_RET_KILL_PROCESS:
    case abi::kSECCOMP_RET_KILL_THREAD:
    case abi::kSECCOMP_RET_TRAP:
    case abi::kSECCOMP_RET_ERRNO:
    case abi::kSECCOMP_RET_USER_NOTIF:
    case abi::kSECCOMP_RET_TRACE:
    case abi::kSECCOMP_RET_LOG:
    case abi::kSECCOMP_RET_ALLOW: return 0;
    default: return Errno::kEOPNOTSUPP;
  }
}

}  // namespace

Result<int64_t> SysSeccomp(Task& task, uint32_t operation, uint32_t flags, UserAddr args) {
  switch (operation) {
    case abi::kSECCOMP_SET_MODE_STRICT:
      if (flags != 0 || !args.is_null()) return Errno::kEINVAL;
      TRY(seccomp::SetStrict(task));
      return 0;
    case abi::kSECCOMP_SET_MODE_FILTER: return SetFilter(task, flags, args.value);
    case abi::kSECCOMP_GET_ACTION_AVAIL:
      if (flags != 0) return Errno::kEINVAL;
      return ActionAvailable(task, args.value);
    case abi::kSECCOMP_GET_NOTIF_SIZES: {
      if (flags != 0) return Errno::kEINVAL;
      const abi::SeccompNotifSizes sizes{.seccomp_notif = sizeof(abi::SeccompNotif),
                                         .seccomp_notif_resp = sizeof(abi::SeccompNotifResp),
                                         .seccomp_data = sizeof(abi::SeccompData)};
      TRY(task.memory().WriteValue(args.value, sizes));
      return 0;
    }
    default: return Errno::kEINVAL;
  }
}

Result<int64_t> PrctlSetSeccomp(Task& task, uint64_t mode, uint64_t address) {
  switch (mode) {
    case abi::kSECCOMP_MODE_STRICT: TRY(seccomp::SetStrict(task)); return 0;
    case abi::kSECCOMP_MODE_FILTER: return SetFilter(task, 0, address);
    default: return Errno::kEINVAL;
  }
}

}  // namespace ringwall::syscalls
