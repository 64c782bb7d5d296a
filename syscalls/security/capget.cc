// capget(2), capset(2).
#include <utility>

#include "sentry/cred/credentials.h"
#include "sentry/task/thread_group.h"
#include "syscalls/security/security.h"

namespace ringwall::syscalls {
namespace {

// How many 32-bit blocks the header's version has. An unknown version is answered with ours and EINVAL.
Result<size_t> Blocks(Task& task, UserInOut<abi::CapUserHeader> user_header, abi::CapUserHeader& header) {
  switch (header.version) {
    case abi::k_LINUX_CAPABILITY_VERSION_1: return 1;
    case abi::k_LINUX_CAPABILITY_VERSION_2:
    case abi::k_LINUX_CAPABILITY_VERSION_3: return 2;
    default:
      header.version = abi::k_LINUX_CAPABILITY_VERSION_3;
      TRY(user_header.Write(task.memory(), header));
      return Errno::kEINVAL;
  }
}

uint32_t Part(uint64_t set, size_t block) { return static_cast<uint32_t>(set >> (32 * block)); }

}  // namespace

Result<void> SysCapget(Task& task, UserInOut<abi::CapUserHeader> user_header, UserArray<abi::CapUserData> user_data) {
  abi::CapUserHeader header = TRY(user_header.Read(task.memory()));
  auto blocks = Blocks(task, user_header, header);
  // A null data pointer asks for the version only.
  if (!blocks.ok()) return user_data.is_null() && blocks.error() == Errno::kEINVAL ? Result<void>() : blocks.error();
  if (header.pid < 0) return Errno::kEINVAL;
  RefPtr<const cred::Credentials> creds = task.ShareCreds();
  if (header.pid != 0) {
    const RefPtr<Task> other = task.thread_group().pids().FindTask(task.ToKernelPid(header.pid));
    if (!other) return Errno::kESRCH;
    creds = other->ShareCreds();
    if (!creds) return Errno::kESRCH;
  }
  abi::CapUserData data[2];
  for (size_t i = 0; i < *blocks; ++i) {
    data[i] = {.effective = Part(creds->effective, i), .permitted = Part(creds->permitted, i), .inheritable = Part(creds->inheritable, i)};
  }
  return user_data.Write(task.memory(), absl::Span<const abi::CapUserData>(data, *blocks));
}

Result<void> SysCapset(Task& task, UserInOut<abi::CapUserHeader> user_header, UserArray<abi::CapUserData> user_data) {
  abi::CapUserHeader header = TRY(user_header.Read(task.memory()));
  const size_t blocks = TRY(Blocks(task, user_header, header));
  if (header.pid != 0 && header.pid != task.ToGuestPid(task.tid())) return Errno::kEPERM;
  abi::CapUserData data[2] = {};
  TRY(user_data.Read(task.memory(), absl::Span<abi::CapUserData>(data, blocks)));
  auto join = [&](auto field) { return (uint64_t{data[0].*field} | (uint64_t{data[1].*field} << 32)) & cred::kAllCapabilities; };
  Ref<cred::Credentials> creds = task.creds().Clone();
  TRY(creds->SetCapabilities(join(&abi::CapUserData::effective), join(&abi::CapUserData::permitted), join(&abi::CapUserData::inheritable)));
  task.SetCreds(Ref<const cred::Credentials>(std::move(creds)));
  return {};
}

}  // namespace ringwall::syscalls
