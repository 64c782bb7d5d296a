// shmget(2), shmat(2), shmdt(2), shmctl(2).
#include <string.h>
#include <sys/mman.h>

#include "tests/syscall/ipc/ipc.h"

namespace {

using namespace tests;

// ---- shmget -----------------------------------------------------------------------------------------------------------------

TEST(Shmget, PrivateKeyAlwaysMakesANewSegment) {
  const SharedMemory a, b;
  EXPECT_NE(a.get(), b.get());
}

TEST(Shmget, KeyFindsTheSegmentAgain) {
  const key_t key = FreshKey();
  EXPECT_THAT(Call(SYS_shmget, key, 4096, 0600), FailsWith(ENOENT));
  const SharedMemory memory(4096, 0600, key);
  EXPECT_THAT(Call(SYS_shmget, key, 0, 0), SucceedsWith(memory.get()));
  EXPECT_THAT(Call(SYS_shmget, key, 4096, IPC_CREAT | 0600), SucceedsWith(memory.get()));
  EXPECT_THAT(Call(SYS_shmget, key, 4096, IPC_CREAT | IPC_EXCL | 0600), FailsWith(EEXIST));
}

TEST(Shmget, SizeZeroCannotBeMade) { EXPECT_THAT(Call(SYS_shmget, IPC_PRIVATE, 0, IPC_CREAT | 0600), FailsWith(EINVAL)); }

TEST(Shmget, ExistingSegmentMustBeLargeEnough) {
  const key_t key = FreshKey();
  const SharedMemory memory(5000, 0600, key);
  EXPECT_THAT(Call(SYS_shmget, key, 5000, 0600), SucceedsWith(memory.get()));
  EXPECT_THAT(Call(SYS_shmget, key, 5001, 0600), FailsWith(EINVAL));
}

TEST(Shmget, HugeSizesAreRefused) {
  EXPECT_THAT(Call(SYS_shmget, IPC_PRIVATE, ~0UL, IPC_CREAT | 0600), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_shmget, IPC_PRIVATE, 1UL << 60, IPC_CREAT | 0600), FailsWithEither(ENOMEM, EINVAL));
}

TEST(Shmget, PermissionsAreCheckedAgainstTheMode) {
  SKIP_UNLESS_ROOT();
  const key_t key = FreshKey();
  const SharedMemory memory(4096, 0604, key);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_shmget, key, 0, 0), SucceedsWith(memory.get()));
    EXPECT_THAT(Call(SYS_shmget, key, 0, 0444), SucceedsWith(memory.get()));
    EXPECT_THAT(Call(SYS_shmget, key, 0, 0222), FailsWith(EACCES));
  });
}

TEST(Shmget, RemovedIdentifierStaysInvalid) {
  int old;
  {
    const SharedMemory memory;
    old = memory.get();
  }
  const SharedMemory next;
  EXPECT_NE(next.get(), old);
  shmid_ds ds;
  EXPECT_THAT(Call(SYS_shmctl, old, IPC_STAT, &ds), FailsWithEither(EINVAL, EIDRM));
}

// ---- shmat, shmdt -----------------------------------------------------------------------------------------------------------

TEST(Shmat, MemoryIsZeroAndShared) {
  const SharedMemory memory(10000);
  char* one = memory.Attach();
  char* two = memory.Attach();
  ASSERT_NE(one, MAP_FAILED);
  ASSERT_NE(two, MAP_FAILED);
  EXPECT_NE(one, two);
  EXPECT_EQ(one[9999], 0);
  strcpy(one, "shared");
  EXPECT_STREQ(two, "shared");
  EXPECT_EQ(shmdt(one), 0);
  EXPECT_STREQ(two, "shared");
  EXPECT_EQ(shmdt(two), 0);
}

TEST(Shmat, ChildInheritsTheAttachment) {
  const SharedMemory memory;
  char* at = memory.Attach();
  InChild([&] {
    strcpy(at, "from the child");
    EXPECT_EQ(memory.Stat().shm_nattch, 2u);
  });
  EXPECT_STREQ(at, "from the child");
  EXPECT_EQ(memory.Stat().shm_nattch, 1u);
  shmdt(at);
}

TEST(Shmat, AttachmentsAreCounted) {
  const SharedMemory memory;
  EXPECT_EQ(memory.Stat().shm_nattch, 0u);
  char* one = memory.Attach();
  char* two = memory.Attach();
  EXPECT_EQ(memory.Stat().shm_nattch, 2u);
  shmdt(one);
  EXPECT_EQ(memory.Stat().shm_nattch, 1u);
  EXPECT_EQ(munmap(two, 4096), 0);
  EXPECT_EQ(memory.Stat().shm_nattch, 0u);
}

TEST(Shmat, ExecDetaches) {
  const SharedMemory memory;
  char* at = memory.Attach();
  EXPECT_THAT(ChildStatus([&] { ExecRole("count_attachments", {std::to_string(memory.get())}); }), Exited(1));
  shmdt(at);
}

ROLE(count_attachments) {
  shmid_ds ds{};
  if (shmctl(atoi(argv[argc - 1]), IPC_STAT, &ds) != 0) return 99;
  return static_cast<int>(ds.shm_nattch);
}

TEST(Shmat, ReadOnlyAttachmentCannotBeWritten) {
  const SharedMemory memory;
  char* at = memory.Attach(SHM_RDONLY);
  ASSERT_NE(at, MAP_FAILED);
  EXPECT_EQ(at[0], 0);
  EXPECT_LT(mprotect(at, 4096, PROT_READ | PROT_WRITE), 0);
  EXPECT_EQ(errno, EACCES);
  EXPECT_THAT(ChildStatus([&] { *static_cast<volatile char*>(at) = 1; }), KilledBy(SIGSEGV));
  shmdt(at);
}

TEST(Shmat, GivenAddressIsUsed) {
  const SharedMemory memory;
  Mapping place(4 * kPage);
  char* wanted = place + kPage;
  munmap(wanted, 4096);
  EXPECT_EQ(shmat(memory.get(), wanted, 0), wanted);
  EXPECT_EQ(shmdt(wanted), 0);
}

TEST(Shmat, AddressMustBeAlignedOrRounded) {
  const SharedMemory memory;
  Mapping place(4 * kPage);
  char* wanted = place + kPage;
  munmap(wanted, 4096);
  EXPECT_THAT(Call(SYS_shmat, memory.get(), wanted + 123, 0), FailsWith(EINVAL));
  EXPECT_EQ(shmat(memory.get(), wanted + 123, SHM_RND), wanted);
  EXPECT_EQ(shmdt(wanted), 0);
}

TEST(Shmat, MappedAddressNeedsRemap) {
  const SharedMemory memory;
  Mapping place(4 * kPage);
  char* wanted = place + kPage;
  EXPECT_THAT(Call(SYS_shmat, memory.get(), wanted, 0), FailsWith(EINVAL));
  EXPECT_EQ(shmat(memory.get(), wanted, SHM_REMAP), wanted);
  EXPECT_EQ(shmdt(wanted), 0);
  EXPECT_FALSE(IsMapped(wanted));
  EXPECT_TRUE(IsMapped(place.get()));
}

TEST(Shmat, RemapNeedsAnAddress) {
  const SharedMemory memory;
  EXPECT_THAT(Call(SYS_shmat, memory.get(), nullptr, SHM_REMAP), FailsWith(EINVAL));
}

TEST(Shmat, ExecFlagMapsExecutable) {
  const SharedMemory memory(4096, 0700);
  char* at = memory.Attach(SHM_EXEC);
  ASSERT_NE(at, MAP_FAILED);
  at[0] = '\xc3';  // ret
  reinterpret_cast<void (*)()>(at)();
  shmdt(at);
}

TEST(Shmat, UnknownIdentifierIsInvalid) {
  EXPECT_THAT(Call(SYS_shmat, -1, nullptr, 0), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_shmat, 0x7fff0000 | 0x7ffe, nullptr, 0), FailsWithEither(EINVAL, EIDRM));
}

TEST(Shmat, PermissionsOfTheMode) {
  SKIP_UNLESS_ROOT();
  const SharedMemory readable(4096, 0604);
  const SharedMemory closed(4096, 0600);
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_shmat, readable.get(), nullptr, 0), FailsWith(EACCES));
    EXPECT_NE(readable.Attach(SHM_RDONLY), MAP_FAILED);
    EXPECT_THAT(Call(SYS_shmat, closed.get(), nullptr, SHM_RDONLY), FailsWith(EACCES));
  });
}

TEST(Shmdt, OnlyTheStartOfAnAttachment) {
  const SharedMemory memory(8192);
  char* at = memory.Attach();
  EXPECT_THAT(Call(SYS_shmdt, at + 4096), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_shmdt, at + 1), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_shmdt, at), Succeeds());
  EXPECT_THAT(Call(SYS_shmdt, at), FailsWith(EINVAL));
}

TEST(Shmdt, OrdinaryMappingsAreInvalid) {
  Mapping place(kPage);
  EXPECT_THAT(Call(SYS_shmdt, place.get()), FailsWith(EINVAL));
}

TEST(Shmdt, SplitAttachmentGoesWhole) {
  const SharedMemory memory(4 * 4096);
  char* at = memory.Attach();
  ASSERT_EQ(mprotect(at + 4096, 4096, PROT_READ), 0);
  ASSERT_EQ(munmap(at + 2 * 4096, 4096), 0);
  EXPECT_EQ(shmdt(at), 0);
  EXPECT_FALSE(IsMapped(at));
  EXPECT_FALSE(IsMapped(at + 4096));
  EXPECT_FALSE(IsMapped(at + 3 * 4096));
  EXPECT_EQ(memory.Stat().shm_nattch, 0u);
}

// ---- shmctl -----------------------------------------------------------------------------------------------------------------

TEST(Shmctl, StatDescribesTheSegment) {
  const key_t key = FreshKey();
  const time_t before = time(nullptr);
  const SharedMemory memory(5000, 0640, key);
  shmid_ds ds = memory.Stat();
  EXPECT_EQ(ds.shm_segsz, 5000u);
  EXPECT_EQ(ds.shm_perm.mode, 0640);
  EXPECT_EQ(ds.shm_perm.__key, key);
  EXPECT_EQ(ds.shm_perm.uid, geteuid());
  EXPECT_EQ(ds.shm_perm.cuid, geteuid());
  EXPECT_EQ(ds.shm_perm.gid, getegid());
  EXPECT_EQ(ds.shm_cpid, getpid());
  EXPECT_EQ(ds.shm_lpid, 0);
  EXPECT_EQ(ds.shm_atime, 0);
  EXPECT_EQ(ds.shm_dtime, 0);
  EXPECT_GE(ds.shm_ctime, before - 1);
  char* at = memory.Attach();
  ds = memory.Stat();
  EXPECT_EQ(ds.shm_lpid, getpid());
  EXPECT_GE(ds.shm_atime, before - 1);
  shmdt(at);
  EXPECT_GE(memory.Stat().shm_dtime, before - 1);
}

TEST(Shmctl, SetChangesOwnerAndMode) {
  const SharedMemory memory(4096, 0600);
  shmid_ds ds = memory.Stat();
  ds.shm_perm.mode = 0644 | 01000;
  EXPECT_EQ(shmctl(memory.get(), IPC_SET, &ds), 0);
  EXPECT_EQ(memory.Stat().shm_perm.mode, 0644);
}

TEST(Shmctl, ControlIsForOwnerAndCreator) {
  SKIP_UNLESS_ROOT();
  const SharedMemory memory(4096, 0666);
  shmid_ds ds = memory.Stat();
  InChild([&] {
    DropToNobody();
    EXPECT_THAT(Call(SYS_shmctl, memory.get(), IPC_SET, &ds), FailsWith(EPERM));
    EXPECT_THAT(Call(SYS_shmctl, memory.get(), IPC_RMID, nullptr), FailsWith(EPERM));
  });
}

TEST(Shmctl, RemovedSegmentLivesUntilItsLastDetach) {
  const key_t key = FreshKey();
  SharedMemory memory(4096, 0600, key);
  const int id = memory.get();
  char* at = memory.Attach();
  strcpy(at, "still here");
  ASSERT_EQ(shmctl(id, IPC_RMID, nullptr), 0);
  EXPECT_THAT(Call(SYS_shmget, key, 0, 0), FailsWith(ENOENT));
  shmid_ds ds{};
  ASSERT_EQ(shmctl(id, IPC_STAT, &ds), 0);
  EXPECT_NE(ds.shm_perm.mode & SHM_DEST, 0);
  EXPECT_EQ(ds.shm_perm.__key, IPC_PRIVATE);
  EXPECT_STREQ(at, "still here");
  EXPECT_NE(shmat(id, nullptr, 0), MAP_FAILED) << "attaching goes on by identifier";
  EXPECT_EQ(shmdt(at), 0);
  EXPECT_EQ(shmctl(id, IPC_STAT, &ds), 0);
  EXPECT_EQ(ds.shm_nattch, 1u);
}

TEST(Shmctl, RemovedSegmentGoesWithTheProcessThatHoldsIt) {
  int id = -1;
  Pipe pipe;
  InChild([&] {
    const int made = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    shmat(made, nullptr, 0);
    shmctl(made, IPC_RMID, nullptr);
    Call(SYS_write, pipe.writer, &made, sizeof(made));
  });
  ASSERT_THAT(Call(SYS_read, pipe.reader, &id, sizeof(id)), SucceedsWith(sizeof(id)));
  shmid_ds ds{};
  EXPECT_THAT(Call(SYS_shmctl, id, IPC_STAT, &ds), FailsWithEither(EINVAL, EIDRM));
}

TEST(Shmctl, BadCommandAndBadAddress) {
  const SharedMemory memory;
  EXPECT_THAT(Call(SYS_shmctl, memory.get(), 999, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_shmctl, memory.get(), -1, nullptr), FailsWith(EINVAL));
  EXPECT_THAT(Call(SYS_shmctl, memory.get(), IPC_STAT, BadAddress()), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_shmctl, memory.get(), IPC_SET, BadAddress()), FailsWith(EFAULT));
}

TEST(Shmctl, StatNeedsReadPermissionAndAnyDoesNot) {
  SKIP_UNLESS_ROOT();
  const SharedMemory memory(4096, 0600);
  shmid_ds ds{};
  const int index = memory.get() % 32768;
  EXPECT_THAT(Call(SYS_shmctl, index, 13 /* SHM_STAT */, &ds), SucceedsWith(memory.get()));
  EXPECT_EQ(ds.shm_segsz, 4096u);
  InChild([&] {
    DropToNobody();
    shmid_ds mine{};
    EXPECT_THAT(Call(SYS_shmctl, memory.get(), IPC_STAT, &mine), FailsWith(EACCES));
    EXPECT_THAT(Call(SYS_shmctl, index, 13 /* SHM_STAT */, &mine), FailsWith(EACCES));
    EXPECT_THAT(Call(SYS_shmctl, index, 15 /* SHM_STAT_ANY */, &mine), SucceedsWith(memory.get()));
    EXPECT_EQ(mine.shm_segsz, 4096u);
  });
}

TEST(Shmctl, InfoTellsLimitsAndUse) {
  const SharedMemory memory(3 * 4096);
  shminfo limits{};
  const long highest = Call(SYS_shmctl, 0, IPC_INFO, &limits);
  EXPECT_THAT(highest, Succeeds());
  EXPECT_GE(highest, memory.get() % 32768);
  EXPECT_EQ(limits.shmmin, 1u);
  EXPECT_EQ(std::to_string(limits.shmmni) + "\n", ReadFile("/proc/sys/kernel/shmmni"));
  EXPECT_EQ(std::to_string(limits.shmmax) + "\n", ReadFile("/proc/sys/kernel/shmmax"));
  shm_info info{};
  EXPECT_THAT(Call(SYS_shmctl, 0, 14 /* SHM_INFO */, &info), Succeeds());
  EXPECT_GE(info.used_ids, 1);
  EXPECT_GE(info.shm_tot, 3u);
}

TEST(Shmctl, LockIsReported) {
  SKIP_UNLESS_CAPABLE(14 /* CAP_IPC_LOCK */);
  const SharedMemory memory;
  EXPECT_EQ(shmctl(memory.get(), SHM_LOCK, nullptr), 0);
  EXPECT_NE(memory.Stat().shm_perm.mode & SHM_LOCKED, 0);
  EXPECT_EQ(shmctl(memory.get(), SHM_UNLOCK, nullptr), 0);
  EXPECT_EQ(memory.Stat().shm_perm.mode & SHM_LOCKED, 0);
}

TEST(Shm, ProcListsTheSegment) {
  const SharedMemory memory(12345);
  const std::string text = ReadFile("/proc/sysvipc/shm");
  EXPECT_EQ(text.find("       key      shmid perms"), 0u) << text;
  char row[64];
  snprintf(row, sizeof(row), "%10d %10d  %4o %21d", 0, memory.get(), 0600, 12345);
  EXPECT_NE(text.find(row), std::string::npos) << text;
}

TEST(Shm, MapsNameTheSegment) {
  const key_t key = FreshKey();
  const SharedMemory memory(4096, 0600, key);
  char* at = memory.Attach();
  char name[32];
  snprintf(name, sizeof(name), "/SYSV%08x (deleted)", key);
  EXPECT_NE(ReadFile("/proc/self/maps").find(name), std::string::npos);
  shmdt(at);
}

TEST(Shm, FutexWorksBetweenProcesses) {
  const SharedMemory memory;
  int* word = reinterpret_cast<int*>(memory.Attach());
  const pid_t child = StartChild([&] { EXPECT_THAT(Call(SYS_futex, word, 0 /* FUTEX_WAIT */, 0, nullptr), Succeeds()); });
  WaitUntilAsleep(child);
  long woken = 0;
  for (int i = 0; i < 1000 && woken == 0; ++i, SleepMs(1)) woken = Call(SYS_futex, word, 1 /* FUTEX_WAKE */, 1);
  EXPECT_EQ(woken, 1);
  EXPECT_THAT(StatusOf(child), Exited(0));
  shmdt(word);
}

}  // namespace
