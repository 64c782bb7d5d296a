// Handlers of the security family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "abi/capability.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

Result<Lasting<uint32_t>> SysGetuid(Task& task);
Result<Lasting<uint32_t>> SysGeteuid(Task& task);
Result<Lasting<uint32_t>> SysGetgid(Task& task);
Result<Lasting<uint32_t>> SysGetegid(Task& task);
Result<void> SysSetuid(Task& task, uint32_t uid);
Result<void> SysSetgid(Task& task, uint32_t gid);
Result<void> SysSetreuid(Task& task, uint32_t ruid, uint32_t euid);
Result<void> SysSetregid(Task& task, uint32_t rgid, uint32_t egid);
Result<void> SysSetresuid(Task& task, uint32_t ruid, uint32_t euid, uint32_t suid);
Result<void> SysSetresgid(Task& task, uint32_t rgid, uint32_t egid, uint32_t sgid);
Result<void> SysGetresuid(Task& task, UserOut<uint32_t> ruid, UserOut<uint32_t> euid, UserOut<uint32_t> suid);
Result<void> SysGetresgid(Task& task, UserOut<uint32_t> rgid, UserOut<uint32_t> egid, UserOut<uint32_t> sgid);
Result<uint32_t> SysSetfsuid(Task& task, uint32_t uid);
Result<uint32_t> SysSetfsgid(Task& task, uint32_t gid);
Result<int32_t> SysGetgroups(Task& task, int32_t count, UserArray<uint32_t> list);
Result<void> SysSetgroups(Task& task, int32_t count, UserArray<uint32_t> list);
// seccomp(2); prctl(PR_SET_SECCOMP)
Result<int64_t> SysSeccomp(Task& task, uint32_t operation, uint32_t flags, UserAddr args);
Result<int64_t> PrctlSetSeccomp(Task& task, uint64_t mode, uint64_t address);
Result<void> SysCapget(Task& task, UserInOut<abi::CapUserHeader> header, UserArray<abi::CapUserData> data);
Result<void> SysCapset(Task& task, UserInOut<abi::CapUserHeader> header, UserArray<abi::CapUserData> data);

}  // namespace ringwall::syscalls
