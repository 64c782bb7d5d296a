// Children, threads and re-executed copies of the test binary.
#include "tests/lib/process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

namespace tests {

int FailedParts() {
  const testing::TestInfo* info = testing::UnitTest::GetInstance()->current_test_info();
  if (info == nullptr) return 0;
  const testing::TestResult* result = info->result();
  int failed = 0;
  for (int i = 0; i < result->total_part_count(); ++i) failed += result->GetTestPartResult(i).failed();
  return failed;
}

pid_t ForkChild() {
  fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (child < 0) ADD_FAILURE() << "fork: " << strerror(errno);
  return child;
}

void ExitChild(int failed_before) {
  const int code = FailedParts() != failed_before ? 99 : 0;
  fflush(nullptr);
  _exit(code);
}

int StatusOf(pid_t child) {
  int status = 0;
  long got;
  do {
    got = Call(SYS_wait4, child, &status, 0, nullptr);
  } while (got == -EINTR);
  EXPECT_EQ(got, child) << "wait4: " << ResultText(got);
  return status;
}

void WaitUntilAsleep(pid_t tid) {
  const std::string path = "/proc/" + std::to_string(tid) + "/stat";
  int asleep = 0;
  for (int i = 0; i < 500; ++i) {
    char text[256] = {};
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (got <= 0) {
      usleep(50'000);
      return;
    }
    const char* end = strrchr(text, ')');
    // Asleep once may be on the way to the call under test: believe it the third time in a row.
    const bool sleeps = end != nullptr && (end[2] == 'S' || end[2] == 'T' || end[2] == 'Z');
    asleep = sleeps ? asleep + 1 : 0;
    if (asleep == 3) return;
    usleep(2'000);
  }
}

static RoleEntry* first_role = nullptr;

RoleEntry::RoleEntry(const char* role_name, RoleMain role_main) : name(role_name), main(role_main), next(first_role) { first_role = this; }

RoleMain FindRole(const std::string& name) {
  for (const RoleEntry* entry = first_role; entry != nullptr; entry = entry->next) {
    if (name == entry->name) return entry->main;
  }
  return nullptr;
}

std::string SelfPath() {
  char path[4096];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof path);
  return length > 0 ? std::string(path, length) : std::string();
}

long ExecRole(const std::string& role, const std::vector<std::string>& args, const std::vector<std::string>& env, const std::string& path) {
  const std::string file = path.empty() ? SelfPath() : path;
  const std::string flag = "--role=" + role;
  std::vector<const char*> argv{"guest", flag.c_str()};
  for (const std::string& arg : args) argv.push_back(arg.c_str());
  argv.push_back(nullptr);
  std::vector<const char*> envp;
  for (const std::string& entry : env) envp.push_back(entry.c_str());
  envp.push_back(nullptr);
  fflush(nullptr);
  return Call(SYS_execve, file, argv.data(), envp.data());
}

bool HasCapability(int capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return false;
  return (data[capability / 32].effective >> (capability % 32)) & 1;
}

void DropToNobody() {
  EXPECT_EQ(setgroups(0, nullptr), 0);
  EXPECT_EQ(setresgid(65534, 65534, 65534), 0);
  EXPECT_EQ(setresuid(65534, 65534, 65534), 0);
}

}  // namespace tests
