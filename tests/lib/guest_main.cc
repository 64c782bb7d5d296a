// main() of every guest test: gtest's flags, --tmpdir=DIR, and --role=NAME for re-executed copies.
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/guest.h"

int main(int argc, char** argv, char** envp) {
  if (argc > 1 && strncmp(argv[1], "--role=", 7) == 0) {
    const tests::RoleMain role = tests::FindRole(argv[1] + 7);
    if (role == nullptr) {
      fprintf(stderr, "unknown role %s\n", argv[1] + 7);
      return 125;
    }
    return role(argc - 2, argv + 2, envp);
  }
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (strncmp(argv[i], "--tmpdir=", 9) == 0) {
      tests::SetTempRoot(argv[i] + 9);
    } else {
      fprintf(stderr, "unknown argument %s\n", argv[i]);
      return 2;
    }
  }
  // What the parent blocked or ignored is no part of any claim here.
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGCHLD, SIG_DFL);
  return RUN_ALL_TESTS();
}
