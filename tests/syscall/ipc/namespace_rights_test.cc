// sysvipc(7) and user_namespaces(7): rights over objects are rights over the IPC namespace's owner.
#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "tests/lib/guest.h"
#include "tests/lib/namespaces.h"

namespace {

using namespace tests;

TEST(IpcRights, RootOfTheNamespaceMayAll) {
  SKIP_UNLESS_ROOT();
  SKIP_UNLESS_UNSHARE(CLONE_NEWUSER | CLONE_NEWIPC);
  InChild([] {
    int go[2], ready[2];
    ASSERT_EQ(pipe(go), 0);
    ASSERT_EQ(pipe(ready), 0);
    const pid_t inner = StartChild([&] {
      ASSERT_EQ(unshare(CLONE_NEWUSER | CLONE_NEWIPC), 0);
      char byte = 1;
      ASSERT_EQ(write(ready[1], &byte, 1), 1);
      ASSERT_EQ(read(go[0], &byte, 1), 1);
      ASSERT_THAT(Call(SYS_setresgid, 0, 0, 0), SucceedsWith(0));
      ASSERT_THAT(Call(SYS_setresuid, 0, 0, 0), SucceedsWith(0));
      long id = -1;
      int ids[2];
      ASSERT_EQ(pipe(ids), 0);
      InChild([&] {
        ASSERT_THAT(Call(SYS_setresuid, 1000, 1000, 1000), SucceedsWith(0));
        id = Call(SYS_msgget, IPC_PRIVATE, IPC_CREAT | 0600);
        ASSERT_THAT(id, Succeeds());
        ASSERT_EQ(write(ids[1], &id, sizeof id), static_cast<ssize_t>(sizeof id));
      });
      ASSERT_EQ(read(ids[0], &id, sizeof id), static_cast<ssize_t>(sizeof id));
      msqid_ds state;
      EXPECT_THAT(Call(SYS_msgctl, id, IPC_STAT, &state), SucceedsWith(0)) << "CAP_IPC_OWNER";
      EXPECT_THAT(Call(SYS_msgctl, id, IPC_RMID, nullptr), SucceedsWith(0)) << "CAP_SYS_ADMIN";
    });
    char byte;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    const std::string proc = "/proc/" + std::to_string(inner);
    EXPECT_TRUE(WriteFile(proc + "/uid_map", "0 100000 65536\n"));
    EXPECT_TRUE(WriteFile(proc + "/gid_map", "0 100000 65536\n"));
    ASSERT_EQ(write(go[1], &byte, 1), 1);
    EXPECT_THAT(StatusOf(inner), Exited(0));
  });
}

}  // namespace
