// msgget(2), msgsnd(2), msgrcv(2), msgctl(2).
#include <limits.h>
#include <string.h>

#include "tests/syscall/ipc/ipc.h"

namespace {

using namespace tests;

constexpr int kMsgCopy = 040000;

TEST(Msgget, KeyFindsTheQueueAgain) {
  const key_t key = FreshKey();
  EXPECT_THAT(Call(SYS_msgget, key, 0600), FailsWith(ENOENT));
  const Messages queue(0600, key);
  EXPECT_THAT(Call(SYS_msgget, key, 0), SucceedsWith(queue.get()));
  EXPECT_THAT(Call(SYS_msgget, key, IPC_CREAT | IPC_EXCL | 0600), FailsWith(EEXIST));
}

TEST(Msgget, PermissionsAreCheckedAgainstTheMode) {
  SKIP_UNLESS_ROOT();
  const key_t key = FreshKey();
  const Messages queue(0604, key);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_msgget, key, 0444), SucceedsWith(queue.get()));
    EXPECT_THAT(Call(SYS_msgget, key, 0222), FailsWith(EACCES));
  });
}

// ---- msgsnd, msgrcv ---------------------------------------------------------------------------------------------------------

TEST(Msgrcv, FirstInFirstOut) {
  Messages queue;
  EXPECT_THAT(queue.Send(1, "one"), SucceedsWith(0));
  EXPECT_THAT(queue.Send(2, "two"), SucceedsWith(0));
  EXPECT_EQ(queue.Receive(), "one");
  EXPECT_EQ(queue.last_type, 1);
  EXPECT_EQ(queue.Receive(), "two");
  EXPECT_EQ(queue.last_type, 2);
  EXPECT_EQ(queue.Receive(), "error " + std::to_string(ENOMSG));
}

TEST(Msgrcv, PositiveTypeSelects) {
  Messages queue;
  queue.Send(1, "one");
  queue.Send(2, "two");
  queue.Send(1, "uno");
  EXPECT_EQ(queue.Receive(2), "two");
  EXPECT_EQ(queue.Receive(2), "error " + std::to_string(ENOMSG));
  EXPECT_EQ(queue.Receive(1), "one");
  EXPECT_EQ(queue.Receive(1), "uno");
}

TEST(Msgrcv, NegativeTypeTakesTheLowest) {
  Messages queue;
  queue.Send(5, "five");
  queue.Send(3, "three");
  queue.Send(4, "four");
  queue.Send(3, "tres");
  EXPECT_EQ(queue.Receive(-4), "three");
  EXPECT_EQ(queue.Receive(-4), "tres");
  EXPECT_EQ(queue.Receive(-4), "four");
  EXPECT_EQ(queue.Receive(-4), "error " + std::to_string(ENOMSG));
  EXPECT_EQ(queue.Receive(LONG_MIN), "five");
}

TEST(Msgrcv, ExceptTakesTheFirstOfAnotherType) {
  Messages queue;
  queue.Send(1, "one");
  queue.Send(2, "two");
  EXPECT_EQ(queue.Receive(1, IPC_NOWAIT | MSG_EXCEPT), "two");
  EXPECT_EQ(queue.Receive(1, IPC_NOWAIT | MSG_EXCEPT), "error " + std::to_string(ENOMSG));
}

TEST(Msgrcv, TooLongIsAnErrorOrIsCut) {
  Messages queue;
  queue.Send(1, "12345");
  EXPECT_EQ(queue.Receive(0, IPC_NOWAIT, 4), "error " + std::to_string(E2BIG));
  EXPECT_EQ(queue.Stat().msg_qnum, 1u) << "it stays";
  EXPECT_EQ(queue.Receive(0, IPC_NOWAIT | MSG_NOERROR, 4), "1234");
  EXPECT_EQ(queue.Stat().msg_qnum, 0u);
}

TEST(Msgrcv, CopyLeavesTheMessage) {
  Messages queue;
  queue.Send(1, "one");
  queue.Send(2, "two");
  const std::string second = queue.Receive(1, IPC_NOWAIT | kMsgCopy);
  if (second == "error " + std::to_string(ENOSYS)) GTEST_SKIP() << "MSG_COPY is not in this kernel";
  EXPECT_EQ(second, "two");
  EXPECT_EQ(queue.Receive(2, IPC_NOWAIT | kMsgCopy), "error " + std::to_string(ENOMSG));
  EXPECT_EQ(queue.Receive(0, kMsgCopy), "error " + std::to_string(EINVAL));
  EXPECT_EQ(queue.Receive(0, IPC_NOWAIT | MSG_EXCEPT | kMsgCopy), "error " + std::to_string(EINVAL));
  EXPECT_EQ(queue.Stat().msg_qnum, 2u);
}

TEST(Msgsnd, TypeMustBePositive) {
  const Messages queue;
  EXPECT_THAT(queue.Send(0, "x"), FailsWith(EINVAL));
  EXPECT_THAT(queue.Send(-1, "x"), FailsWith(EINVAL));
}

TEST(Msgsnd, SizeIsLimited) {
  const Messages queue;
  Messages::Buffer buffer{1, {}};
  EXPECT_THAT(Call(SYS_msgsnd, queue.get(), &buffer, 8192, IPC_NOWAIT), SucceedsWith(0));
  EXPECT_THAT(Call(SYS_msgsnd, queue.get(), &buffer, 8193, IPC_NOWAIT), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_msgsnd, queue.get(), &buffer, -1L, IPC_NOWAIT), FailsWith(EINVAL));
}

TEST(Msgsnd, EmptyMessagesAreMessages) {
  Messages queue;
  EXPECT_THAT(queue.Send(7, ""), SucceedsWith(0));
  EXPECT_EQ(queue.Stat().msg_qnum, 1u);
  EXPECT_EQ(queue.Receive(), "");
  EXPECT_EQ(queue.last_type, 7);
}

TEST(Msgsnd, FullQueueWouldBlock) {
  const Messages queue;
  const std::string big(8192, 'x');
  EXPECT_THAT(queue.Send(1, big), SucceedsWith(0));
  EXPECT_THAT(queue.Send(1, big), SucceedsWith(0));
  EXPECT_THAT(queue.Send(1, "x"), FailsWith(EAGAIN));
  EXPECT_EQ(queue.Stat().__msg_cbytes, 16384u);
  EXPECT_THAT(queue.Send(1, ""), SucceedsWith(0)) << "no bytes, no room needed";
}

TEST(Msgsnd, FaultsAreReported) {
  const Messages queue;
  EXPECT_THAT(Call(SYS_msgsnd, queue.get(), BadAddress(), 1, 0), FailsWith(EFAULT));
  PageBorder border;
  char* at = border.At(9);
  const long type = 1;
  memcpy(at, &type, sizeof(type));
  EXPECT_THAT(Call(SYS_msgsnd, queue.get(), at, 2, 0), FailsWith(EFAULT));
  EXPECT_EQ(queue.Stat().msg_qnum, 0u);
  EXPECT_THAT(Call(SYS_msgsnd, queue.get(), at, 1, 0), SucceedsWith(0));
}

TEST(Msgsnd, BadIdentifier) {
  Messages::Buffer buffer{1, {}};
  EXPECT_THAT(Call(SYS_msgsnd, -1, &buffer, 1, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_msgrcv, -1, &buffer, 1, 0, IPC_NOWAIT), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_msgrcv, 0x7fff7ffe, &buffer, 1, 0, IPC_NOWAIT), FailsWithEither(EINVAL, EIDRM));
}

TEST(Msgop, PermissionsOfTheMode) {
  SKIP_UNLESS_ROOT();
  Messages readable(0604), writable(0602);
  readable.Send(1, "x");
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(readable.Send(1, "y"), FailsWith(EACCES));
    EXPECT_EQ(readable.Receive(), "x");
    EXPECT_THAT(writable.Send(1, "y"), SucceedsWith(0));
    EXPECT_EQ(writable.Receive(), "error " + std::to_string(EACCES));
  });
}

TEST(Msgrcv, BlockedReceiverGetsTheMessageDirectly) {
  Messages queue;
  const pid_t child = StartChild([&] { EXPECT_EQ(queue.Receive(3, 0), "for you"); });
  WaitUntilAsleep(child);
  SleepMs(20);
  EXPECT_THAT(queue.Send(2, "not yours"), SucceedsWith(0));
  EXPECT_THAT(queue.Send(3, "for you"), SucceedsWith(0));
  EXPECT_EQ(queue.Stat().msg_qnum, 1u) << "it never went into the queue";
  EXPECT_THAT(StatusOf(child), Exited(0));
  EXPECT_EQ(queue.Stat().msg_lrpid, child);
}

TEST(Msgrcv, BlockedReceiverWithTooLittleRoomFails) {
  Messages queue;
  const pid_t child = StartChild([&] { EXPECT_EQ(queue.Receive(0, 0, 2), "error " + std::to_string(E2BIG)); });
  WaitUntilAsleep(child);
  SleepMs(20);
  EXPECT_THAT(queue.Send(1, "long"), SucceedsWith(0));
  EXPECT_THAT(StatusOf(child), Exited(0));
  EXPECT_EQ(queue.Receive(), "long") << "the message stays for others";
}

TEST(Msgsnd, BlockedSenderGoesOnWhenThereIsRoom) {
  Messages queue;
  const std::string big(8192, 'x');
  queue.Send(1, big);
  queue.Send(1, big);
  const pid_t child = StartChild([&] { EXPECT_THAT(queue.Send(2, "late", 0), SucceedsWith(0)); });
  WaitUntilAsleep(child);
  SleepMs(20);
  EXPECT_EQ(queue.Receive().size(), 8192u);
  EXPECT_THAT(StatusOf(child), Exited(0));
  EXPECT_EQ(queue.Receive(2), "late");
}

TEST(Msgop, RemovalWakesBothWithEidrm) {
  Messages empty, full;
  const std::string big(8192, 'x');
  full.Send(1, big);
  full.Send(1, big);
  const pid_t receiver = StartChild([&] { EXPECT_EQ(empty.Receive(0, 0), "error " + std::to_string(EIDRM)); });
  const pid_t sender = StartChild([&] { EXPECT_THAT(full.Send(1, "x", 0), FailsWith(EIDRM)); });
  WaitUntilAsleep(receiver);
  WaitUntilAsleep(sender);
  SleepMs(20);
  empty.Remove();
  full.Remove();
  EXPECT_THAT(StatusOf(receiver), Exited(0));
  EXPECT_THAT(StatusOf(sender), Exited(0));
}

TEST(Msgop, SignalInterruptsEvenWithRestart) {
  Messages queue;
  const pid_t child = StartChild([&] {
    SignalRecorder recorder(SIGUSR1, SA_RESTART);
    EXPECT_EQ(queue.Receive(0, 0), "error " + std::to_string(EINTR));
    EXPECT_EQ(recorder.count(), 1);
  });
  WaitUntilAsleep(child);
  SleepMs(20);
  kill(child, SIGUSR1);
  EXPECT_THAT(StatusOf(child), Exited(0));
  EXPECT_THAT(queue.Send(1, "x"), SucceedsWith(0));
  EXPECT_EQ(queue.Stat().msg_qnum, 1u) << "nobody waits any more";
}

// ---- msgctl -----------------------------------------------------------------------------------------------------------------

TEST(Msgctl, StatDescribesTheQueue) {
  const key_t key = FreshKey();
  const time_t before = time(nullptr);
  Messages queue(0640, key);
  msqid_ds ds = queue.Stat();
  EXPECT_EQ(ds.msg_perm.mode, 0640);
  EXPECT_EQ(ds.msg_perm.__key, key);
  EXPECT_EQ(ds.msg_qbytes, 16384u);
  EXPECT_EQ(ds.msg_qnum, 0u);
  EXPECT_EQ(ds.msg_stime, 0);
  EXPECT_EQ(ds.msg_rtime, 0);
  EXPECT_EQ(ds.msg_lspid, 0);
  queue.Send(1, "123");
  ds = queue.Stat();
  EXPECT_EQ(ds.msg_qnum, 1u);
  EXPECT_EQ(ds.__msg_cbytes, 3u);
  EXPECT_EQ(ds.msg_lspid, getpid());
  EXPECT_GE(ds.msg_stime, before - 1);
  queue.Receive();
  ds = queue.Stat();
  EXPECT_EQ(ds.msg_lrpid, getpid());
  EXPECT_GE(ds.msg_rtime, before - 1);
}

TEST(Msgctl, SetChangesTheLimit) {
  Messages queue;
  msqid_ds ds = queue.Stat();
  ds.msg_qbytes = 4;
  ASSERT_EQ(msgctl(queue.get(), IPC_SET, &ds), 0);
  EXPECT_THAT(queue.Send(1, "12345"), FailsWith(EAGAIN));
  EXPECT_THAT(queue.Send(1, "1234"), SucceedsWith(0));
}

TEST(Msgctl, LimitAboveTheDefaultIsPrivileged) {
  SKIP_UNLESS_ROOT();
  InChild([&] {
    DropToNobody();
    const Messages queue;
    msqid_ds ds = queue.Stat();
    ds.msg_qbytes = 16385;
    EXPECT_THAT(Call(SYS_msgctl, queue.get(), IPC_SET, &ds), FailsWith(EPERM));
    ds.msg_qbytes = 16384;
    EXPECT_THAT(Call(SYS_msgctl, queue.get(), IPC_SET, &ds), Succeeds());
  });
}

TEST(Msgctl, ControlIsForOwnerAndCreator) {
  SKIP_UNLESS_ROOT();
  const Messages queue(0666);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_msgctl, queue.get(), IPC_RMID, nullptr), FailsWith(EPERM));
  });
}

TEST(Msgctl, InfoTellsLimitsAndUse) {
  Messages queue;
  queue.Send(1, "12345");
  msginfo info{};
  EXPECT_THAT(Call(SYS_msgctl, 0, IPC_INFO, &info), Succeeds());
  EXPECT_EQ(std::to_string(info.msgmax) + "\n", ReadFile("/proc/sys/kernel/msgmax"));
  EXPECT_EQ(std::to_string(info.msgmnb) + "\n", ReadFile("/proc/sys/kernel/msgmnb"));
  EXPECT_EQ(std::to_string(info.msgmni) + "\n", ReadFile("/proc/sys/kernel/msgmni"));
  EXPECT_THAT(Call(SYS_msgctl, 0, 12 /* MSG_INFO */, &info), Succeeds());
  EXPECT_GE(info.msgpool, 1);
  EXPECT_GE(info.msgmap, 1);
  EXPECT_GE(info.msgtql, 5);
  msqid_ds ds{};
  EXPECT_THAT(Call(SYS_msgctl, queue.get() % 32768, 11 /* MSG_STAT */, &ds), SucceedsWith(queue.get()));
  EXPECT_EQ(ds.msg_qnum, 1u);
}

TEST(Msgctl, BadCommandAndBadAddress) {
  const Messages queue;
  EXPECT_THAT(Call(SYS_msgctl, queue.get(), 999, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_msgctl, queue.get(), IPC_STAT, BadAddress()), FailsWith(EFAULT));
}

TEST(Msg, ProcListsTheQueue) {
  Messages queue(0640);
  queue.Send(1, "12345");
  const std::string text = ReadFile("/proc/sysvipc/msg");
  char row[80];
  snprintf(row, sizeof(row), "%10d %10d  %4o  %10d %10d", 0, queue.get(), 0640, 5, 1);
  EXPECT_NE(text.find(row), std::string::npos) << text;
}

TEST(Msg, ManyMessagesBetweenProcesses) {
  Messages queue;
  const pid_t child = StartChild([&] {
    for (int i = 0; i < 500; ++i) ASSERT_THAT(queue.Send(1 + i % 3, std::to_string(i) + std::string(200, '.'), 0), SucceedsWith(0));
  });
  int next[3] = {0, 1, 2};
  for (int i = 0; i < 500; ++i) {
    const std::string text = queue.Receive(0, 0);
    const int number = atoi(text.c_str());
    EXPECT_EQ(number, next[number % 3]);
    next[number % 3] += 3;
  }
  EXPECT_THAT(StatusOf(child), Exited(0));
}

}  // namespace
