// Handlers of the time family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "abi/signal.h"
#include "abi/time.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

Result<void> SysClockGettime(Task& task, int32_t clock, UserOut<abi::Timespec> ts);
Result<void> SysClockSettime(Task& task, int32_t clock, UserIn<abi::Timespec> ts);
Result<void> SysClockGetres(Task& task, int32_t clock, UserOut<abi::Timespec> ts);
Result<void> SysNanosleep(Task& task, UserIn<abi::Timespec> request, UserOut<abi::Timespec> remaining);
Result<void> SysClockNanosleep(Task& task, int32_t clock, int32_t flags, UserIn<abi::Timespec> request, UserOut<abi::Timespec> remaining);
Result<void> SysGettimeofday(Task& task, UserOut<abi::Timeval> tv, UserOut<abi::Timezone> tz);
Result<int64_t> SysTime(Task& task, UserOut<int64_t> out);
Result<void> SysGetitimer(Task& task, int32_t which, UserOut<abi::Itimerval> value);
Result<void> SysSetitimer(Task& task, int32_t which, UserIn<abi::Itimerval> value, UserOut<abi::Itimerval> old_value);
Result<uint32_t> SysAlarm(Task& task, uint32_t seconds);
Result<void> SysTimerCreate(Task& task, int32_t clock, UserIn<abi::Sigevent> event, UserOut<int32_t> id);
Result<void> SysTimerSettime(Task& task, int32_t id, int32_t flags, UserIn<abi::Itimerspec> value, UserOut<abi::Itimerspec> old_value);
Result<void> SysTimerGettime(Task& task, int32_t id, UserOut<abi::Itimerspec> value);
Result<int32_t> SysTimerGetoverrun(Task& task, int32_t id);
Result<void> SysTimerDelete(Task& task, int32_t id);
Result<Fd> SysTimerfdCreate(Task& task, int32_t clock, RawFlags flags);
Result<void> SysTimerfdSettime(Task& task, Fd fd, RawFlags flags, UserIn<abi::Itimerspec> value, UserOut<abi::Itimerspec> old_value);
Result<void> SysTimerfdGettime(Task& task, Fd fd, UserOut<abi::Itimerspec> value);
Result<int32_t> SysAdjtimex(Task& task, UserInOut<abi::Timex> values);
Result<int32_t> SysClockAdjtime(Task& task, int32_t clock, UserInOut<abi::Timex> values);

}  // namespace ringwall::syscalls
