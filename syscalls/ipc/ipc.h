// Handlers of the ipc family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "abi/ipc.h"
#include "abi/mqueue.h"
#include "abi/signal.h"
#include "abi/time.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

// shmget(2), shmop(2), shmctl(2)
Result<int32_t> SysShmget(Task& task, int32_t key, uint64_t size, int32_t flags);
Result<UserAddr> SysShmat(Task& task, int32_t id, UserAddr address, int32_t flags);
Result<void> SysShmdt(Task& task, UserAddr address);
Result<int32_t> SysShmctl(Task& task, int32_t id, int32_t command, UserAddr argument);
// semget(2), semop(2), semctl(2)
Result<int32_t> SysSemget(Task& task, int32_t key, int32_t count, int32_t flags);
Result<void> SysSemop(Task& task, int32_t id, UserArray<abi::Sembuf> operations, uint32_t count);
Result<void> SysSemtimedop(Task& task, int32_t id, UserArray<abi::Sembuf> operations, uint32_t count, UserIn<abi::Timespec> timeout);
Result<int32_t> SysSemctl(Task& task, int32_t id, int32_t number, int32_t command, uint64_t argument);
// msgget(2), msgop(2), msgctl(2)
Result<int32_t> SysMsgget(Task& task, int32_t key, int32_t flags);
Result<void> SysMsgsnd(Task& task, int32_t id, UserAddr message, uint64_t size, int32_t flags);
Result<int64_t> SysMsgrcv(Task& task, int32_t id, UserAddr message, uint64_t size, int64_t type, int32_t flags);
Result<int32_t> SysMsgctl(Task& task, int32_t id, int32_t command, UserAddr argument);
// mq_open(2), mq_send(3), mq_receive(3), mq_notify(2), mq_getsetattr(2)
Result<Fd> SysMqOpen(Task& task, UserPath name, RawFlags flags, Mode mode, UserIn<abi::MqAttr> attributes);
Result<void> SysMqUnlink(Task& task, UserPath name);
Result<void> SysMqTimedsend(Task& task, Fd queue, UserBuffer message, uint64_t size, uint32_t priority, UserIn<abi::Timespec> timeout);
Result<int64_t> SysMqTimedreceive(Task& task, Fd queue, UserBuffer message, uint64_t size, UserOut<uint32_t> priority,
                                  UserIn<abi::Timespec> timeout);
Result<void> SysMqNotify(Task& task, Fd queue, UserIn<abi::Sigevent> notification);
Result<void> SysMqGetsetattr(Task& task, Fd queue, UserIn<abi::MqAttr> attributes, UserOut<abi::MqAttr> old_attributes);

}  // namespace ringwall::syscalls
