// Handlers of the fd family: one declaration per call; the definitions are in the file named after their man page.
#pragma once

#include "abi/aio.h"
#include "abi/cachestat.h"
#include "abi/fcntl.h"
#include "abi/signal.h"
#include "abi/time.h"
#include "syscalls/core/args.h"

namespace ringwall::syscalls {

struct FdPair {
  int32_t first;
  int32_t second;
};

// read(2), write(2), readv(2), pread(2)
Result<int64_t> SysRead(Task& task, Fd fd, UserBuffer buffer, ByteCount count);
Result<int64_t> SysWrite(Task& task, Fd fd, UserBuffer buffer, ByteCount count);
Result<int64_t> SysPread64(Task& task, Fd fd, UserBuffer buffer, ByteCount count, int64_t offset);
Result<int64_t> SysPwrite64(Task& task, Fd fd, UserBuffer buffer, ByteCount count, int64_t offset);
Result<int64_t> SysReadv(Task& task, Fd fd, UserIovecs iov, int64_t count);
Result<int64_t> SysWritev(Task& task, Fd fd, UserIovecs iov, int64_t count);
Result<int64_t> SysPreadv(Task& task, Fd fd, UserIovecs iov, int64_t count, int64_t offset);
Result<int64_t> SysPwritev(Task& task, Fd fd, UserIovecs iov, int64_t count, int64_t offset);
Result<int64_t> SysPreadv2(Task& task, Fd fd, UserIovecs iov, int64_t count, int64_t offset, uint64_t offset_high, RawFlags flags);
Result<int64_t> SysPwritev2(Task& task, Fd fd, UserIovecs iov, int64_t count, int64_t offset, uint64_t offset_high, RawFlags flags);
Result<int64_t> SysLseek(Task& task, Fd fd, int64_t offset, int32_t whence);
// close(2), close_range(2), dup(2)
Result<void> SysClose(Task& task, Fd fd);
Result<void> SysCloseRange(Task& task, uint32_t first, uint32_t last, RawFlags flags);
Result<Fd> SysDup(Task& task, Fd fd);
Result<Fd> SysDup2(Task& task, Fd old_fd, Fd new_fd);
Result<Fd> SysDup3(Task& task, Fd old_fd, Fd new_fd, RawFlags flags);
// fcntl(2), flock(2), ioctl(2)
Result<int64_t> SysFcntl(Task& task, Fd fd, int32_t command, uint64_t argument);
Result<void> SysFlock(Task& task, Fd fd, int32_t operation);
Result<int64_t> SysIoctl(Task& task, Fd fd, uint32_t command, uint64_t argument);
// pipe(2)
Result<void> SysPipe(Task& task, UserOut<FdPair> fds);
Result<void> SysPipe2(Task& task, UserOut<FdPair> fds, RawFlags flags);
// sendfile(2), copy_file_range(2), splice(2), tee(2)
Result<int64_t> SysSendfile(Task& task, Fd out_fd, Fd in_fd, UserInOut<int64_t> offset, ByteCount count);
Result<int64_t> SysCopyFileRange(Task& task, Fd in_fd, UserInOut<int64_t> in_offset, Fd out_fd, UserInOut<int64_t> out_offset,
                                 ByteCount count, RawFlags flags);
Result<int64_t> SysSplice(Task& task, Fd in_fd, UserInOut<int64_t> in_offset, Fd out_fd, UserInOut<int64_t> out_offset, ByteCount count,
                          RawFlags flags);
Result<int64_t> SysTee(Task& task, Fd in_fd, Fd out_fd, ByteCount count, RawFlags flags);
Result<int64_t> SysVmsplice(Task& task, Fd fd, UserIovecs iov, uint64_t count, RawFlags flags);
// eventfd(2), signalfd(2), memfd_create(2)
Result<Fd> SysEventfd(Task& task, uint32_t initial);
Result<Fd> SysEventfd2(Task& task, uint32_t initial, RawFlags flags);
Result<Fd> SysSignalfd(Task& task, Fd fd, UserIn<abi::SigSet> mask, uint64_t set_size);
Result<Fd> SysSignalfd4(Task& task, Fd fd, UserIn<abi::SigSet> mask, uint64_t set_size, RawFlags flags);
Result<Fd> SysMemfdCreate(Task& task, UserString name, RawFlags flags);
// inotify_init(2), inotify_add_watch(2), inotify_rm_watch(2)
Result<Fd> SysInotifyInit(Task& task);
Result<Fd> SysInotifyInit1(Task& task, RawFlags flags);
Result<int32_t> SysInotifyAddWatch(Task& task, Fd fd, UserPath path, RawFlags mask);
Result<void> SysInotifyRmWatch(Task& task, Fd fd, int32_t wd);
// io_setup(2), io_destroy(2), io_submit(2), io_getevents(2), io_cancel(2)
Result<void> SysIoSetup(Task& task, uint32_t requests, UserInOut<uint64_t> id);
Result<void> SysIoDestroy(Task& task, UserAddr id);
Result<int64_t> SysIoSubmit(Task& task, UserAddr id, int64_t count, UserArray<uint64_t> requests);
Result<int64_t> SysIoGetevents(Task& task, UserAddr id, int64_t min, int64_t max, UserArray<abi::IoEvent> events,
                               UserIn<abi::Timespec> timeout);
Result<int64_t> SysIoPgetevents(Task& task, UserAddr id, int64_t min, int64_t max, UserArray<abi::IoEvent> events,
                                UserIn<abi::Timespec> timeout, UserIn<abi::AioSigset> sigset);
Result<void> SysIoCancel(Task& task, UserAddr id, UserIn<abi::Iocb> request, UserAddr result);
// fsync(2), sync(2), sync_file_range(2)
Result<void> SysFsync(Task& task, Fd fd);
Result<void> SysFdatasync(Task& task, Fd fd);
Result<void> SysSync(Task& task);
Result<void> SysSyncfs(Task& task, Fd fd);
Result<void> SysSyncFileRange(Task& task, Fd fd, int64_t offset, int64_t bytes, RawFlags flags);
// truncate(2), fallocate(2), posix_fadvise(2), readahead(2)
Result<void> SysFtruncate(Task& task, Fd fd, int64_t length);
Result<void> SysFallocate(Task& task, Fd fd, int32_t mode, int64_t offset, int64_t length);
Result<void> SysFadvise64(Task& task, Fd fd, int64_t offset, int64_t length, int32_t advice);
Result<void> SysReadahead(Task& task, Fd fd, int64_t offset, ByteCount count);
Result<void> SysCachestat(Task& task, Fd fd, UserIn<abi::CachestatRange> range, UserOut<abi::Cachestat> stat, uint32_t flags);

}  // namespace ringwall::syscalls
