// Handlers of the system family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "abi/sysinfo.h"
#include "abi/utsname.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

Result<void> SysUname(Task& task, UserOut<abi::Utsname> buffer);
Result<void> SysSethostname(Task& task, UserBuffer name, int32_t length);
Result<void> SysSetdomainname(Task& task, UserBuffer name, int32_t length);
Result<void> SysSysinfo(Task& task, UserOut<abi::Sysinfo> info);
Result<int64_t> SysGetrandom(Task& task, UserBuffer buffer, ByteCount count, RawFlags flags);
Result<int64_t> SysSyslog(Task& task, int32_t action, UserBuffer buffer, int32_t length);

}  // namespace ringwall::syscalls
