// io_setup(2), io_destroy(2), io_submit(2), io_getevents(2), io_cancel(2).
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>

#include "tests/lib/guest.h"

namespace {

using namespace tests;

class Context {
 public:
  explicit Context(unsigned requests = 8) { EXPECT_THAT(Call(SYS_io_setup, requests, &id_), Succeeds()); }
  ~Context() { Call(SYS_io_destroy, id_); }
  Context(const Context&) = delete;
  aio_context_t get() const { return id_; }
  long Submit(iocb& request) const {
    iocb* list[] = {&request};
    return Call(SYS_io_submit, id_, 1, list);
  }
  // The one result that waits.
  io_event One() const {
    io_event event{};
    EXPECT_THAT(Call(SYS_io_getevents, id_, 1, 1, &event, nullptr), SucceedsWith(1));
    return event;
  }

 private:
  aio_context_t id_ = 0;
};

iocb Request(int opcode, int fd, void* buffer, size_t size, long offset) {
  iocb request{};
  request.aio_lio_opcode = static_cast<uint16_t>(opcode);
  request.aio_fildes = static_cast<uint32_t>(fd);
  request.aio_buf = reinterpret_cast<uint64_t>(buffer);
  request.aio_nbytes = size;
  request.aio_offset = offset;
  request.aio_data = 77;
  return request;
}

TEST(IoSetup, Errors) {
  aio_context_t used = 1, id = 0;
  EXPECT_THAT(Call(SYS_io_setup, 8, &used), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_io_setup, 0, &id), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_io_setup, 8, BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_io_setup, 0x7fffffff, &id), FailsWithEither(EINVAL, EAGAIN));
}

TEST(IoDestroy, ContextIsGone) {
  aio_context_t id = 0;
  ASSERT_THAT(Call(SYS_io_setup, 8, &id), Succeeds());
  EXPECT_THAT(Call(SYS_io_destroy, id), Succeeds());
  EXPECT_THAT(Call(SYS_io_destroy, id), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_io_submit, id, 0, nullptr), FailsWith(EINVAL));
}

TEST(IoSubmit, ReadsAndWritesAtOffsets) {
  const Context context;
  const ScopedFd file = TempFile("hello world");
  char buffer[8] = {};
  iocb read = Request(IOCB_CMD_PREAD, file.get(), buffer, 5, 6);
  EXPECT_THAT(context.Submit(read), SucceedsWith(1));
  const io_event event = context.One();
  EXPECT_EQ(event.res, 5);
  EXPECT_EQ(event.data, 77u);
  EXPECT_EQ(event.obj, reinterpret_cast<uint64_t>(&read));
  EXPECT_STREQ(buffer, "world");
  char text[] = "HELLO";
  iocb write = Request(IOCB_CMD_PWRITE, file.get(), text, 5, 0);
  EXPECT_THAT(context.Submit(write), SucceedsWith(1));
  EXPECT_EQ(context.One().res, 5);
  EXPECT_THAT(Call(SYS_pread64, file, buffer, 5, 0), SucceedsWith(5));
  EXPECT_EQ(memcmp(buffer, "HELLO", 5), 0);
  EXPECT_EQ(Offset(file.get()), 0);
}

TEST(IoSubmit, VectorsAndSync) {
  const Context context;
  const ScopedFd file = TempFile();
  char one[] = "one", two[] = "two";
  iovec iov[] = {{one, 3}, {two, 3}};
  iocb write = Request(IOCB_CMD_PWRITEV, file.get(), iov, 2, 0);
  iocb sync = Request(IOCB_CMD_FSYNC, file.get(), nullptr, 0, 0);
  iocb* list[] = {&write, &sync};
  EXPECT_THAT(Call(SYS_io_submit, context.get(), 2, list), SucceedsWith(2));
  io_event events[4] = {};
  EXPECT_THAT(Call(SYS_io_getevents, context.get(), 2, 4, events, nullptr), SucceedsWith(2));
  char buffer[8] = {};
  Call(SYS_pread64, file, buffer, 6, 0);
  EXPECT_STREQ(buffer, "onetwo");
}

TEST(IoSubmit, EndOfFileIsZero) {
  const Context context;
  const ScopedFd file = TempFile("x");
  char byte;
  iocb read = Request(IOCB_CMD_PREAD, file.get(), &byte, 1, 100);
  EXPECT_THAT(context.Submit(read), SucceedsWith(1));
  EXPECT_EQ(context.One().res, 0);
}

TEST(IoSubmit, ErrorsOfTheRequest) {
  const Context context;
  const ScopedFd file = TempFile("x");
  const ScopedFd reader(Call(SYS_open, "/dev/null", O_RDONLY));
  char byte = 0;
  iocb bad_fd = Request(IOCB_CMD_PREAD, 9999, &byte, 1, 0);
  EXPECT_THAT(context.Submit(bad_fd), FailsWith(EBADF));
  iocb read_only = Request(IOCB_CMD_PWRITE, reader.get(), &byte, 1, 0);
  EXPECT_THAT(context.Submit(read_only), FailsWith(EBADF));
  iocb unknown = Request(99, file.get(), &byte, 1, 0);
  EXPECT_THAT(context.Submit(unknown), FailsWith(EINVAL));
  iocb reserved = Request(IOCB_CMD_PREAD, file.get(), &byte, 1, 0);
  reserved.aio_reserved2 = 1;
  EXPECT_THAT(context.Submit(reserved), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_io_submit, context.get(), -1, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_io_submit, context.get(), 1, BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_io_submit, context.get(), 0, nullptr), SucceedsWith(0));
}

TEST(IoSubmit, StopsAtTheFirstBadOne) {
  const Context context;
  const ScopedFd file = TempFile("x");
  char byte;
  iocb good = Request(IOCB_CMD_PREAD, file.get(), &byte, 1, 0), bad = Request(IOCB_CMD_PREAD, 9999, &byte, 1, 0);
  iocb* list[] = {&good, &bad, &good};
  EXPECT_THAT(Call(SYS_io_submit, context.get(), 3, list), SucceedsWith(1));
  EXPECT_EQ(context.One().res, 1);
}

TEST(IoSubmit, EventfdIsTold) {
  const Context context;
  const ScopedFd file = TempFile("x");
  const ScopedFd counter(eventfd(0, 0));
  char byte;
  iocb read = Request(IOCB_CMD_PREAD, file.get(), &byte, 1, 0);
  read.aio_flags = IOCB_FLAG_RESFD;
  read.aio_resfd = static_cast<uint32_t>(counter.get());
  EXPECT_THAT(context.Submit(read), SucceedsWith(1));
  uint64_t count = 0;
  EXPECT_THAT(Call(SYS_read, counter, &count, sizeof(count)), SucceedsWith(8));
  EXPECT_EQ(count, 1u);
  read.aio_resfd = static_cast<uint32_t>(file.get());
  EXPECT_THAT(context.Submit(read), FailsWith(EINVAL));
}

TEST(IoGetevents, TimesOut) {
  const Context context;
  io_event event;
  const timespec timeout = Ms(20), none{0, 0};
  const Stopwatch watch;
  EXPECT_THAT(Call(SYS_io_getevents, context.get(), 1, 1, &event, &timeout), SucceedsWith(0));
  EXPECT_GE(watch.ms(), 19);
  EXPECT_THAT(Call(SYS_io_getevents, context.get(), 1, 1, &event, &none), SucceedsWith(0));
}

TEST(IoGetevents, WaitsForAnotherThreadsRequest) {
  const Context context;
  const ScopedFd file = TempFile("x");
  char byte;
  iocb read = Request(IOCB_CMD_PREAD, file.get(), &byte, 1, 0);
  ScopedThread waiter([&] { EXPECT_EQ(context.One().res, 1); });
  WaitUntilAsleep(waiter.tid());
  SleepMs(10);
  EXPECT_THAT(context.Submit(read), SucceedsWith(1));
}

TEST(IoGetevents, Errors) {
  const Context context;
  io_event event;
  EXPECT_THAT(Call(SYS_io_getevents, context.get(), 2, 1, &event, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_io_getevents, context.get(), -1, 1, &event, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_io_getevents, 0x123000, 0, 1, &event, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_io_getevents, context.get(), 0, 1, &event, BadAddress()), FailsWith(EFAULT));
}

TEST(IoGetevents, SignalInterrupts) {
  const Context context;
  io_event event;
  const pid_t self = getpid();
  SignalRecorder recorder(SIGUSR1);
  const pid_t child = StartChild([&] {
    SleepMs(50);
    kill(self, SIGUSR1);
  });
  EXPECT_THAT(Call(SYS_io_getevents, context.get(), 1, 1, &event, nullptr), FailsWith(EINTR));
  StatusOf(child);
}

TEST(IoPgetevents, MaskHoldsForTheCall) {
  const Context context;
  io_event event;
  SignalRecorder recorder(SIGUSR1);
  const BlockedSignals blocked(SIGUSR1);
  raise(SIGUSR1);
  const timespec timeout = Ms(2000);
  sigset_t none = SetOf();
  struct {
    const sigset_t* mask;
    size_t size;
  } sigset{&none, kSetSize};
  EXPECT_THAT(Call(SYS_io_pgetevents, context.get(), 1, 1, &event, &timeout, &sigset), FailsWith(EINTR));
  EXPECT_EQ(recorder.count(), 1);
  sigset.size = 4;
  EXPECT_THAT(Call(SYS_io_pgetevents, context.get(), 1, 1, &event, &timeout, &sigset), FailsWith(EINVAL));
  const timespec soon = Ms(10);
  EXPECT_THAT(Call(SYS_io_pgetevents, context.get(), 1, 1, &event, &soon, nullptr), SucceedsWith(0));
}

TEST(IoCancel, NothingIsUnderWay) {
  const Context context;
  const ScopedFd file = TempFile("x");
  char byte;
  iocb read = Request(IOCB_CMD_PREAD, file.get(), &byte, 1, 0);
  context.Submit(read);
  io_event event;
  EXPECT_THAT(Call(SYS_io_cancel, context.get(), &read, &event), FailsWith(EINVAL));
}

TEST(IoSetup, ChildrenHaveNoContexts) {
  const Context context;
  InChild([&] {
    io_event event;
    const timespec none{0, 0};
    EXPECT_THAT(Call(SYS_io_getevents, context.get(), 0, 1, &event, &none), FailsWith(EINVAL));
  });
}

}  // namespace
