// semget(2), semop(2), semtimedop(2), semctl(2).
#include <string.h>

#include "tests/syscall/ipc/ipc.h"

namespace {

using namespace tests;

// ---- semget -----------------------------------------------------------------------------------------------------------------

TEST(Semget, KeyFindsTheSetAgain) {
  const key_t key = FreshKey();
  EXPECT_THAT(Call(SYS_semget, key, 1, 0600), FailsWith(ENOENT));
  const Semaphores set(3, 0600, key);
  EXPECT_THAT(Call(SYS_semget, key, 0, 0), SucceedsWith(set.get()));
  EXPECT_THAT(Call(SYS_semget, key, 3, 0600), SucceedsWith(set.get()));
  EXPECT_THAT(Call(SYS_semget, key, 4, 0600), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_semget, key, 3, IPC_CREAT | IPC_EXCL | 0600), FailsWith(EEXIST));
}

TEST(Semget, CountMustBeWithinLimits) {
  EXPECT_THAT(Call(SYS_semget, IPC_PRIVATE, 0, IPC_CREAT | 0600), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_semget, IPC_PRIVATE, -1, IPC_CREAT | 0600), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_semget, IPC_PRIVATE, 32001, IPC_CREAT | 0600), FailsWith(EINVAL));
}

TEST(Semget, LargestSetWorks) {
  const Semaphores set(32000);
  set.Set(7, 31999);
  EXPECT_EQ(set.Value(31999), 7);
}

TEST(Semget, NewSemaphoresAreZero) {
  const Semaphores set(3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(set.Value(i), 0);
  EXPECT_EQ(semctl(set.get(), 0, GETPID), 0);
}

TEST(Semget, PermissionsAreCheckedAgainstTheMode) {
  SKIP_UNLESS_ROOT();
  const key_t key = FreshKey();
  const Semaphores set(1, 0604, key);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_semget, key, 1, 0444), SucceedsWith(set.get()));
    EXPECT_THAT(Call(SYS_semget, key, 1, 0222), FailsWith(EACCES));
  });
}

// ---- semop ------------------------------------------------------------------------------------------------------------------

TEST(Semop, AddsAndSubtracts) {
  const Semaphores set;
  EXPECT_THAT(set.Operate(5), Succeeds());
  EXPECT_THAT(set.Operate(-2), Succeeds());
  EXPECT_EQ(set.Value(), 3);
  EXPECT_EQ(semctl(set.get(), 0, GETPID), getpid());
}

TEST(Semop, NowaitFailsInsteadOfWaiting) {
  const Semaphores set;
  EXPECT_THAT(set.Operate(-1, IPC_NOWAIT), FailsWith(EAGAIN));
  set.Set(1);
  EXPECT_THAT(set.Operate(0, IPC_NOWAIT), FailsWith(EAGAIN));
  EXPECT_THAT(set.Operate(-1, IPC_NOWAIT), Succeeds());
  EXPECT_THAT(set.Operate(0, IPC_NOWAIT), Succeeds());
}

TEST(Semop, AllOrNothing) {
  const Semaphores set(2);
  set.Set(3, 0);
  sembuf ops[] = {{0, -2, 0}, {1, -1, IPC_NOWAIT}};
  EXPECT_THAT(Call(SYS_semop, set.get(), ops, 2), FailsWith(EAGAIN));
  EXPECT_EQ(set.Value(0), 3);
}

TEST(Semop, OperationsApplyInOrder) {
  const Semaphores set;
  sembuf up_down[] = {{0, 2, 0}, {0, -2, IPC_NOWAIT}};
  EXPECT_THAT(Call(SYS_semop, set.get(), up_down, 2), Succeeds());
  sembuf down_up[] = {{0, -2, IPC_NOWAIT}, {0, 2, 0}};
  EXPECT_THAT(Call(SYS_semop, set.get(), down_up, 2), FailsWith(EAGAIN));
}

TEST(Semop, ValueMayNotExceedItsMaximum) {
  const Semaphores set;
  set.Set(32767);
  EXPECT_THAT(set.Operate(1), FailsWith(ERANGE));
  EXPECT_EQ(set.Value(), 32767);
}

TEST(Semop, ArgumentErrors) {
  const Semaphores set(2);
  sembuf op{2, 1, 0};
  EXPECT_THAT(Call(SYS_semop, set.get(), &op, 1), FailsWith(EFBIG));
  EXPECT_THAT(Call(SYS_semop, set.get(), &op, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_semop, set.get(), &op, 501), FailsWith(E2BIG));
  EXPECT_THAT(Call(SYS_semop, set.get(), BadAddress(), 1), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_semop, -1, &op, 1), FailsWith(EINVAL));
}

TEST(Semop, PermissionsReadForZeroAlterForTheRest) {
  SKIP_UNLESS_ROOT();
  const Semaphores set(1, 0604);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(set.Operate(0), Succeeds());
    EXPECT_THAT(set.Operate(1), FailsWith(EACCES));
  });
}

TEST(Semop, WaiterIsServedByTheIncrement) {
  const Semaphores set;
  const pid_t child = StartChild([&] { EXPECT_THAT(set.Operate(-1), Succeeds()); });
  WaitUntilAsleep(child);
  while (semctl(set.get(), 0, GETNCNT) == 0) SleepMs(1);
  EXPECT_THAT(set.Operate(1), Succeeds());
  // Whoever raises the value carries out what waits for it: there is no moment in which it can be seen.
  EXPECT_EQ(set.Value(), 0);
  EXPECT_EQ(semctl(set.get(), 0, GETNCNT), 0);
  EXPECT_THAT(StatusOf(child), Exited(0));
  EXPECT_EQ(semctl(set.get(), 0, GETPID), child);
}

TEST(Semop, WaitForZero) {
  const Semaphores set;
  set.Set(1);
  const pid_t child = StartChild([&] { EXPECT_THAT(set.Operate(0), Succeeds()); });
  while (semctl(set.get(), 0, GETZCNT) == 0) SleepMs(1);
  EXPECT_EQ(semctl(set.get(), 0, GETNCNT), 0);
  EXPECT_THAT(set.Operate(-1), Succeeds());
  EXPECT_THAT(StatusOf(child), Exited(0));
}

TEST(Semop, WaitersAreServedInOrder) {
  const Semaphores set(2);
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    children.push_back(StartChild([&] {
      EXPECT_THAT(set.Operate(-1), Succeeds());
      EXPECT_THAT(set.Operate(1, 0, 1), Succeeds());
    }));
    while (semctl(set.get(), 0, GETNCNT) != i + 1) SleepMs(1);
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(set.Operate(1), Succeeds());
    EXPECT_EQ(semctl(set.get(), 0, GETPID), children[static_cast<size_t>(i)]);
    EXPECT_THAT(set.Operate(-1, 0, 1), Succeeds());
  }
  for (const pid_t child : children) EXPECT_THAT(StatusOf(child), Exited(0));
}

TEST(Semop, BigRequestDoesNotStopSmallOnesBehindIt) {
  const Semaphores set;
  const pid_t big = StartChild([&] { EXPECT_THAT(set.Operate(-5), Succeeds()); });
  while (semctl(set.get(), 0, GETNCNT) != 1) SleepMs(1);
  const pid_t small = StartChild([&] { EXPECT_THAT(set.Operate(-1), Succeeds()); });
  while (semctl(set.get(), 0, GETNCNT) != 2) SleepMs(1);
  EXPECT_THAT(set.Operate(1), Succeeds());
  EXPECT_THAT(StatusOf(small), Exited(0));
  EXPECT_THAT(set.Operate(5), Succeeds());
  EXPECT_THAT(StatusOf(big), Exited(0));
}

TEST(Semop, RemovalWakesWithEidrm) {
  Semaphores set;
  const int id = set.get();
  const pid_t child = StartChild([&] {
    sembuf op{0, -1, 0};
    EXPECT_THAT(Call(SYS_semop, id, &op, 1), FailsWith(EIDRM));
  });
  while (semctl(id, 0, GETNCNT) == 0) SleepMs(1);
  set.Remove();
  EXPECT_THAT(StatusOf(child), Exited(0));
}

TEST(Semop, SignalInterruptsEvenWithRestart) {
  const Semaphores set;
  const pid_t child = StartChild([&] {
    SignalRecorder recorder(SIGUSR1, SA_RESTART);
    EXPECT_THAT(set.Operate(-1), FailsWith(EINTR));
    EXPECT_EQ(recorder.count(), 1);
  });
  while (semctl(set.get(), 0, GETNCNT) == 0) SleepMs(1);
  kill(child, SIGUSR1);
  EXPECT_THAT(StatusOf(child), Exited(0));
  EXPECT_EQ(semctl(set.get(), 0, GETNCNT), 0);
}

TEST(Semop, KilledWaiterIsForgotten) {
  const Semaphores set;
  const pid_t child = StartChild([&] { set.Operate(-1); });
  while (semctl(set.get(), 0, GETNCNT) == 0) SleepMs(1);
  kill(child, SIGKILL);
  EXPECT_THAT(StatusOf(child), KilledBy(SIGKILL));
  EXPECT_EQ(semctl(set.get(), 0, GETNCNT), 0);
  EXPECT_THAT(set.Operate(1), Succeeds());
  EXPECT_EQ(set.Value(), 1);
}

// ---- semtimedop -------------------------------------------------------------------------------------------------------------

TEST(Semtimedop, TimesOutWithEagain) {
  const Semaphores set;
  sembuf op{0, -1, 0};
  const timespec timeout = Ms(30);
  const Stopwatch watch;
  EXPECT_THAT(Call(SYS_semtimedop, set.get(), &op, 1, &timeout), FailsWith(EAGAIN));
  EXPECT_GE(watch.ms(), 29);
  EXPECT_EQ(semctl(set.get(), 0, GETNCNT), 0);
}

TEST(Semtimedop, ZeroTimeoutDoesNotWait) {
  const Semaphores set;
  sembuf op{0, -1, 0};
  const timespec none{0, 0};
  EXPECT_THAT(Call(SYS_semtimedop, set.get(), &op, 1, &none), FailsWith(EAGAIN));
  set.Set(1);
  EXPECT_THAT(Call(SYS_semtimedop, set.get(), &op, 1, &none), Succeeds());
}

TEST(Semtimedop, TimeoutIsValidated) {
  const Semaphores set;
  sembuf op{0, 1, 0};
  const timespec negative{-1, 0}, too_many{0, 1000000000};
  EXPECT_THAT(Call(SYS_semtimedop, set.get(), &op, 1, &negative), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_semtimedop, set.get(), &op, 1, &too_many), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_semtimedop, set.get(), &op, 1, BadAddress()), FailsWith(EFAULT));
}

// ---- SEM_UNDO ---------------------------------------------------------------------------------------------------------------

TEST(SemUndo, ExitUndoesWhatTheProcessDid) {
  const Semaphores set;
  set.Set(5);
  InChild([&] {
    EXPECT_THAT(set.Operate(-2, SEM_UNDO), Succeeds());
    EXPECT_THAT(set.Operate(-1), Succeeds());
    EXPECT_EQ(set.Value(), 2);
  });
  EXPECT_EQ(set.Value(), 4);
}

TEST(SemUndo, KillUndoesAsWell) {
  const Semaphores set;
  const pid_t child = StartChild([&] {
    EXPECT_THAT(set.Operate(3, SEM_UNDO), Succeeds());
    pause();
  });
  while (set.Value() != 3) SleepMs(1);
  kill(child, SIGKILL);
  StatusOf(child);
  EXPECT_EQ(set.Value(), 0);
}

TEST(SemUndo, UndoWakesWaiters) {
  const Semaphores set;
  set.Set(1);
  InChild([&] {
    EXPECT_THAT(set.Operate(-1, SEM_UNDO), Succeeds());
    const pid_t waiter = StartChild([&] { EXPECT_THAT(set.Operate(-1), Succeeds()); });
    (void)waiter;
    while (semctl(set.get(), 0, GETNCNT) == 0) SleepMs(1);
  });
  for (int i = 0; i < 2000 && semctl(set.get(), 0, GETNCNT) != 0; ++i) SleepMs(1);
  EXPECT_EQ(semctl(set.get(), 0, GETNCNT), 0);
}

TEST(SemUndo, ForkedChildStartsWithNone) {
  const Semaphores set;
  set.Set(5);
  InChild([&] {
    EXPECT_THAT(set.Operate(-1, SEM_UNDO), Succeeds());
    InChild([] {});
    EXPECT_EQ(set.Value(), 4);
  });
  EXPECT_EQ(set.Value(), 5);
}

TEST(SemUndo, ExecKeepsTheAdjustments) {
  const Semaphores set;
  set.Set(5);
  EXPECT_THAT(ChildStatus([&] {
                set.Operate(-1, SEM_UNDO);
                ExecRole("semaphore_value", {std::to_string(set.get())});
              }),
              Exited(4));
  EXPECT_EQ(set.Value(), 5);
}

ROLE(semaphore_value) { return semctl(atoi(argv[argc - 1]), 0, GETVAL); }

TEST(SemUndo, ThreadsShareTheirs) {
  const Semaphores set;
  set.Set(5);
  InChild([&] {
    ScopedThread thread([&] { EXPECT_THAT(set.Operate(-1, SEM_UNDO), Succeeds()); });
    thread.Join();
    EXPECT_EQ(set.Value(), 4) << "the end of one thread undoes nothing";
  });
  EXPECT_EQ(set.Value(), 5);
}

TEST(SemUndo, SetvalClearsTheAdjustment) {
  const Semaphores set;
  set.Set(5);
  InChild([&] {
    EXPECT_THAT(set.Operate(-1, SEM_UNDO), Succeeds());
    set.Set(10);
  });
  EXPECT_EQ(set.Value(), 10);
}

TEST(SemUndo, UndoStopsAtZero) {
  const Semaphores set;
  InChild([&] {
    EXPECT_THAT(set.Operate(5, SEM_UNDO), Succeeds());
    EXPECT_THAT(set.Operate(-3), Succeeds());
  });
  EXPECT_EQ(set.Value(), 0);
}

TEST(SemUndo, AdjustmentHasARange) {
  const Semaphores set;
  InChild([&] {
    // At most SEMAEM either way.
    EXPECT_THAT(set.Operate(32767, SEM_UNDO), Succeeds());
    EXPECT_THAT(set.Operate(-32767), Succeeds());
    EXPECT_THAT(set.Operate(2, SEM_UNDO), FailsWith(ERANGE));
    EXPECT_EQ(set.Value(), 0);
  });
}

// ---- semctl -----------------------------------------------------------------------------------------------------------------

TEST(Semctl, SetvalChecksItsArguments) {
  const Semaphores set(2);
  EXPECT_THAT(Call(SYS_semctl, set.get(), 0, SETVAL, 32768), FailsWith(ERANGE));
  EXPECT_THAT(Call(SYS_semctl, set.get(), 0, SETVAL, -1), FailsWith(ERANGE));
  EXPECT_THAT(Call(SYS_semctl, set.get(), 2, SETVAL, 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_semctl, set.get(), -1, GETVAL, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_semctl, set.get(), 0, 999, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_semctl, -1, 0, GETVAL, 0), FailsWith(EINVAL));
}

TEST(Semctl, SetvalWakesWaiters) {
  const Semaphores set;
  const pid_t child = StartChild([&] { EXPECT_THAT(set.Operate(-3), Succeeds()); });
  while (semctl(set.get(), 0, GETNCNT) == 0) SleepMs(1);
  set.Set(4);
  EXPECT_EQ(set.Value(), 1);
  EXPECT_THAT(StatusOf(child), Exited(0));
}

TEST(Semctl, GetallAndSetall) {
  const Semaphores set(3);
  unsigned short values[3] = {1, 2, 3};
  EXPECT_THAT(Call(SYS_semctl, set.get(), 0, SETALL, values), Succeeds());
  unsigned short read[3] = {};
  EXPECT_THAT(Call(SYS_semctl, set.get(), 0, GETALL, read), Succeeds());
  EXPECT_EQ(memcmp(values, read, sizeof(values)), 0);
  values[1] = 32768;
  EXPECT_THAT(Call(SYS_semctl, set.get(), 0, SETALL, values), FailsWith(ERANGE));
  EXPECT_EQ(set.Value(0), 1);
  EXPECT_THAT(Call(SYS_semctl, set.get(), 0, GETALL, BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_semctl, set.get(), 0, SETALL, BadAddress()), FailsWith(EFAULT));
}

TEST(Semctl, StatDescribesTheSet) {
  const key_t key = FreshKey();
  const time_t before = time(nullptr);
  const Semaphores set(4, 0640, key);
  semid_ds ds = set.Stat();
  EXPECT_EQ(ds.sem_nsems, 4u);
  EXPECT_EQ(ds.sem_perm.mode, 0640);
  EXPECT_EQ(ds.sem_perm.__key, key);
  EXPECT_EQ(ds.sem_otime, 0);
  EXPECT_GE(ds.sem_ctime, before - 1);
  set.Operate(1);
  EXPECT_GE(set.Stat().sem_otime, before - 1);
  ds.sem_perm.mode = 0600;
  EXPECT_EQ(semctl(set.get(), 0, IPC_SET, &ds), 0);
  EXPECT_EQ(set.Stat().sem_perm.mode, 0600);
}

TEST(Semctl, InfoTellsLimitsAndUse) {
  const Semaphores set(9);
  seminfo info{};
  EXPECT_THAT(Call(SYS_semctl, 0, 0, IPC_INFO, &info), Succeeds());
  EXPECT_EQ(info.semvmx, 32767);
  EXPECT_EQ(info.semmsl, 32000);
  EXPECT_EQ(info.semopm, 500);
  const long highest = Call(SYS_semctl, 0, 0, 19 /* SEM_INFO */, &info);
  EXPECT_GE(highest, set.get() % 32768);
  EXPECT_GE(info.semusz, 1);
  EXPECT_GE(info.semaem, 9);
  semid_ds ds{};
  EXPECT_THAT(Call(SYS_semctl, set.get() % 32768, 0, 18 /* SEM_STAT */, &ds), SucceedsWith(set.get()));
  EXPECT_EQ(ds.sem_nsems, 9u);
}

TEST(Semctl, RemovalIsForOwners) {
  SKIP_UNLESS_ROOT();
  const Semaphores set(1, 0666);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_semctl, set.get(), 0, IPC_RMID, 0), FailsWith(EPERM));
  });
}

TEST(Semctl, RemovedSetIsGone) {
  Semaphores set;
  const int id = set.get();
  set.Remove();
  EXPECT_THAT(Call(SYS_semctl, id, 0, GETVAL, 0), FailsWithEither(EINVAL, EIDRM));
}

TEST(Sem, ProcListsTheSet) {
  const Semaphores set(6, 0640);
  const std::string text = ReadFile("/proc/sysvipc/sem");
  char row[64];
  snprintf(row, sizeof(row), "%10d %10d  %4o %10d", 0, set.get(), 0640, 6);
  EXPECT_NE(text.find(row), std::string::npos) << text;
}

TEST(Sem, MutexBetweenProcessesExcludes) {
  const Semaphores set;
  const SharedMemory memory;
  set.Set(1);
  auto* counter = reinterpret_cast<volatile int*>(memory.Attach());
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(StartChild([&] {
      for (int n = 0; n < 200; ++n) {
        ASSERT_THAT(set.Operate(-1, SEM_UNDO), Succeeds());
        const int seen = *counter;
        if (n % 16 == 0) Call(SYS_sched_yield);
        *counter = seen + 1;
        ASSERT_THAT(set.Operate(1, SEM_UNDO), Succeeds());
      }
    }));
  }
  for (const pid_t child : children) EXPECT_THAT(StatusOf(child), Exited(0));
  EXPECT_EQ(*counter, 800);
}

}  // namespace
