// main() of every guest test: gtest's flags, --tmpdir=DIR, and --role=NAME for re-executed copies.
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/lib/guest.h"

namespace tests {
namespace {

volatile unsigned char g_private_record[kCallNumbers];  // until main() has shared memory; in re-executed copies nobody looks

// Says after each test that passed which calls tests have made for the first time: "@calls 0 1 3".
class CallReporter : public testing::EmptyTestEventListener {
  void OnTestStart(const testing::TestInfo&) override {
    for (long i = 0; i < kCallNumbers; ++i) calls_made[i] = 0;
  }
  void OnTestEnd(const testing::TestInfo& info) override {
    if (!info.result()->Passed() || info.result()->Skipped()) return;
    std::string line;
    for (long i = 0; i < kCallNumbers; ++i) {
      if (calls_made[i] == 0 || reported_[i]) continue;
      reported_[i] = true;
      line += " " + std::to_string(i);
    }
    if (line.empty()) return;
    printf("\n@calls%s\n", line.c_str());
    fflush(stdout);
  }

  bool reported_[kCallNumbers] = {};
};

void ReportCalls() {
  void* shared = mmap(nullptr, kCallNumbers, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return;
  calls_made = static_cast<volatile unsigned char*>(shared);
  testing::UnitTest::GetInstance()->listeners().Append(new CallReporter);
}

}  // namespace

volatile unsigned char* calls_made = g_private_record;

}  // namespace tests

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
  tests::ReportCalls();
  return RUN_ALL_TESTS();
}
