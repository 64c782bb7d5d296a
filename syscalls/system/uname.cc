// uname(2), sethostname(2), setdomainname(2).
#include <algorithm>
#include <cstring>
#include <string>

#include "abi/capability.h"
#include "sentry/cred/credentials.h"
#include "sentry/kernel/kernel.h"
#include "sentry/ns/namespaces.h"
#include "syscalls/system/system.h"

namespace ringwall::syscalls {
namespace {

constexpr int32_t kNameMax = 64;  // __NEW_UTS_LEN

template <size_t N>
void Put(char (&field)[N], const std::string& text) {
  std::memset(field, 0, N);
  std::memcpy(field, text.data(), std::min(text.size(), N - 1));
}

Result<std::string> ReadName(Task& task, UserBuffer name, int32_t length) {
  if (!task.creds().HasIn(*task.namespaces().uts->owner(), abi::kCAP_SYS_ADMIN)) return Errno::kEPERM;
  if (length < 0 || length > kNameMax) return Errno::kEINVAL;
  std::string text(static_cast<size_t>(length), '\0');
  TRY(task.memory().Read(name.address, absl::Span<std::byte>(reinterpret_cast<std::byte*>(text.data()), text.size())));
  return text;
}

}  // namespace

Result<void> SysUname(Task& task, UserOut<abi::Utsname> buffer) {
  const kernel::UtsName uts = task.namespaces().uts->names();
  abi::Utsname name{};
  Put(name.sysname, "Linux");
  Put(name.nodename, uts.hostname);
  Put(name.release, task.kernel().options().release);
  Put(name.version, task.kernel().options().version);
  Put(name.machine, "x86_64");
  Put(name.domainname, uts.domainname);
  return buffer.Write(task.memory(), name);
}

Result<void> SysSethostname(Task& task, UserBuffer name, int32_t length) {
  kernel::UtsName uts = task.namespaces().uts->names();
  uts.hostname = TRY(ReadName(task, name, length));
  task.namespaces().uts->SetNames(std::move(uts));
  return {};
}

Result<void> SysSetdomainname(Task& task, UserBuffer name, int32_t length) {
  kernel::UtsName uts = task.namespaces().uts->names();
  uts.domainname = TRY(ReadName(task, name, length));
  task.namespaces().uts->SetNames(std::move(uts));
  return {};
}

}  // namespace ringwall::syscalls
