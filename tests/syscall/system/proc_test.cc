// proc(5): what programs read about themselves and the machine.
#include <dirent.h>
#include <sys/stat.h>

#include <set>

#include "tests/lib/guest.h"

namespace tests {

static std::string LinkOf(const std::string& path) {
  char text[4096];
  const long length = Call(SYS_readlink, path, text, sizeof text);
  return length < 0 ? std::string() : std::string(text, length);
}
static bool Contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(ProcSelf, LeadsToThePid) {
  EXPECT_EQ(LinkOf("/proc/self"), std::to_string(getpid()));
  EXPECT_EQ(LinkOf("/proc/thread-self"), std::to_string(getpid()) + "/task/" + std::to_string(gettid()));
}
TEST(ProcSelf, ExeIsThisBinary) {
  struct stat link, file;
  ASSERT_EQ(stat("/proc/self/exe", &link), 0);
  ASSERT_EQ(stat(SelfPath().c_str(), &file), 0);
  EXPECT_EQ(link.st_ino, file.st_ino);
  EXPECT_EQ(ReadFile("/proc/self/exe").substr(0, 4), "\177ELF");
}
TEST(ProcSelf, CwdAndRootFollowTheProcess) {
  const TempDir dir;
  InChild([&] {
    EXPECT_EQ(chdir(dir.path().c_str()), 0);
    EXPECT_EQ(LinkOf("/proc/self/cwd"), dir.path());
    EXPECT_EQ(LinkOf("/proc/self/root"), "/");
  });
}
TEST(ProcSelf, FdListsTheOpenDescriptors) {
  const TempDir dir;
  WriteFile(dir / "f", "x");
  const ScopedFd file(open((dir / "f").c_str(), O_RDONLY));
  const Pipe pipe;
  EXPECT_EQ(LinkOf("/proc/self/fd/" + std::to_string(file.get())), dir / "f");
  struct stat info;
  ASSERT_EQ(fstat(pipe.reader.get(), &info), 0);
  EXPECT_EQ(LinkOf("/proc/self/fd/" + std::to_string(pipe.reader.get())), "pipe:[" + std::to_string(info.st_ino) + "]");
  ASSERT_EQ(unlink((dir / "f").c_str()), 0);
  EXPECT_EQ(LinkOf("/proc/self/fd/" + std::to_string(file.get())), (dir / "f") + " (deleted)");
  std::set<std::string> names;
  DIR* stream = opendir("/proc/self/fd");
  ASSERT_NE(stream, nullptr);
  while (const dirent* entry = readdir(stream)) names.insert(entry->d_name);
  closedir(stream);
  EXPECT_EQ(names.count(std::to_string(file.get())), 1u);
  EXPECT_EQ(names.count("9999"), 0u);
}
TEST(ProcSelf, FdReopensTheFileWithItsOwnOffset) {
  const ScopedFd file = TempFile("abc");
  EXPECT_THAT(Call(SYS_lseek, file, 2, SEEK_SET), SucceedsWith(2));
  const ScopedFd again(Call(SYS_open, "/proc/self/fd/" + std::to_string(file.get()), O_RDONLY));
  ASSERT_TRUE(again.valid());
  EXPECT_EQ(Offset(again.get()), 0);
}
TEST(ProcSelf, FdinfoTellsOffsetAndFlags) {
  const ScopedFd file = TempFile("abcdef");
  EXPECT_THAT(Call(SYS_lseek, file, 4, SEEK_SET), SucceedsWith(4));
  const std::string text = ReadFile("/proc/self/fdinfo/" + std::to_string(file.get()));
  EXPECT_TRUE(Contains(text, "pos:\t4\n")) << text;
  EXPECT_TRUE(Contains(text, "flags:\t0100002\n")) << text;
}
TEST(ProcSelf, CmdlineEndsEveryArgumentWithNul) {
  const std::string text = ReadFile("/proc/self/cmdline");
  ASSERT_FALSE(text.empty());
  EXPECT_EQ(text.back(), '\0');
  EXPECT_TRUE(Contains(text, "_test"));
}
ROLE(show_environ) {
  const std::string text = ReadFile("/proc/self/environ");
  return text == std::string("A=1\0B=2\0", 8) ? 0 : 1;
}
TEST(ProcSelf, EnvironIsTheInitialEnvironment) {
  EXPECT_THAT(ChildStatus([] { ExecRole("show_environ", {}, {"A=1", "B=2"}); }), Exited(0));
}
TEST(ProcSelf, StatHasPidNameStateAndParent) {
  const std::string text = ReadFile("/proc/self/stat");
  int pid = 0, parent = 0, group = 0, session = 0;
  char name[64] = {}, state = 0;
  ASSERT_EQ(sscanf(text.c_str(), "%d (%63[^)]) %c %d %d %d", &pid, name, &state, &parent, &group, &session), 6) << text;
  EXPECT_EQ(pid, getpid());
  EXPECT_EQ(state, 'R');
  EXPECT_EQ(parent, getppid());
  EXPECT_EQ(group, getpgrp());
  EXPECT_EQ(session, getsid(0));
  int fields = 1;
  for (const char* c = strrchr(text.c_str(), ')'); *c != 0; ++c) fields += *c == ' ';
  EXPECT_EQ(fields, 51);
}
TEST(ProcSelf, StatusHasTheUsualLines) {
  const std::string text = ReadFile("/proc/self/status");
  const std::string pid = std::to_string(getpid());
  for (const std::string& line :
       {std::string("Name:\t"), "Pid:\t" + pid + "\n", "Tgid:\t" + pid + "\n", "PPid:\t" + std::to_string(getppid()) + "\n",
        "Uid:\t" + std::to_string(getuid()) + "\t", std::string("Gid:\t"), std::string("Threads:\t1\n"), std::string("VmRSS:\t"),
        std::string("VmSize:\t"), std::string("SigBlk:\t0000000000000000\n"), std::string("CapEff:\t"),
        std::string("State:\tR (running)\n")}) {
    EXPECT_TRUE(Contains(text, line)) << "no " << line << " in\n" << text;
  }
}
TEST(ProcSelf, StatusCountsThreads) {
  std::atomic<bool> stop{false};
  ScopedThread thread([&] {
    while (!stop.load()) usleep(500);
  });
  const pid_t tid = thread.tid();
  EXPECT_TRUE(Contains(ReadFile("/proc/self/status"), "Threads:\t2\n"));
  EXPECT_TRUE(Exists("/proc/self/task/" + std::to_string(tid) + "/stat"));
  stop.store(true);
}
TEST(ProcSelf, MapsShowMappingsWithProtectionAndName) {
  const TempDir dir;
  WriteFile(dir / "mapped", std::string(kPage, 'x'));
  const ScopedFd fd(open((dir / "mapped").c_str(), O_RDONLY));
  const Mapping map(kPage, PROT_READ, MAP_SHARED, fd.get());
  const std::string text = ReadFile("/proc/self/maps");
  char range[64];
  snprintf(range, sizeof range, "%08lx-%08lx r--s 00000000 ", reinterpret_cast<long>(map.get()), reinterpret_cast<long>(map + kPage));
  const size_t at = text.find(range);
  ASSERT_NE(at, std::string::npos) << text;
  EXPECT_TRUE(Contains(text.substr(at, text.find('\n', at) - at), dir / "mapped"));
  EXPECT_TRUE(Contains(text, "[stack]"));
  EXPECT_TRUE(Contains(text, "[vdso]"));
  EXPECT_TRUE(Contains(text, "r-xp"));
}
TEST(ProcSelf, StatmCountsPages) {
  long size = 0, resident = 0;
  ASSERT_EQ(sscanf(ReadFile("/proc/self/statm").c_str(), "%ld %ld", &size, &resident), 2);
  EXPECT_GT(size, 0);
  EXPECT_GT(resident, 0);
  EXPECT_GE(size, resident);
}
TEST(ProcSelf, MountinfoHasARoot) {
  const std::string text = ReadFile("/proc/self/mountinfo");
  EXPECT_TRUE(Contains(text, " / / ")) << text;
  EXPECT_TRUE(Contains(text, " /proc ")) << text;
  EXPECT_TRUE(Contains(text, " - proc "));
  EXPECT_TRUE(Contains(ReadFile("/proc/mounts"), " /proc proc "));
}
TEST(ProcSelf, CommCanBeReadAndWritten) {
  InChild([] {
    EXPECT_TRUE(WriteFile("/proc/self/comm", "renamed"));
    EXPECT_EQ(ReadFile("/proc/self/comm"), "renamed\n");
  });
}
TEST(ProcSelf, LimitsAndIoAndOomExist) {
  EXPECT_TRUE(Contains(ReadFile("/proc/self/limits"), "Max open files"));
  EXPECT_TRUE(Contains(ReadFile("/proc/self/cgroup"), ":"));
  EXPECT_FALSE(ReadFile("/proc/self/oom_score_adj").empty());
  EXPECT_FALSE(ReadFile("/proc/self/uid_map").empty());
}
TEST(ProcSelf, MemReadsAnotherWayToTheMemory) {
  static const char text[] = "through proc";
  const ScopedFd fd(open("/proc/self/mem", O_RDONLY));
  ASSERT_TRUE(fd.valid());
  char bytes[sizeof text];
  EXPECT_THAT(Call(SYS_pread64, fd, bytes, sizeof bytes, text), SucceedsWith(sizeof text));
  EXPECT_STREQ(bytes, text);
  EXPECT_THAT(Call(SYS_pread64, fd, bytes, 1, BadAddress()), FailsWith(EIO));
}
TEST(ProcPid, VanishesWithTheProcess) {
  const pid_t child = ForkChild();
  if (child == 0) _exit(0);
  siginfo_t info;
  EXPECT_THAT(Call(SYS_waitid, P_PID, child, &info, WEXITED | WNOWAIT, nullptr), SucceedsWith(0));
  const std::string path = "/proc/" + std::to_string(child);
  EXPECT_TRUE(Contains(ReadFile(path + "/stat"), ") Z "));
  EXPECT_THAT(StatusOf(child), Exited(0));
  EXPECT_FALSE(Exists(path));
}
TEST(ProcPid, ListsProcesses) {
  std::set<std::string> names;
  DIR* stream = opendir("/proc");
  ASSERT_NE(stream, nullptr);
  while (const dirent* entry = readdir(stream)) names.insert(entry->d_name);
  closedir(stream);
  for (const char* name : {"self", "meminfo", "cpuinfo", "stat", "uptime", "loadavg", "version", "filesystems", "mounts", "sys"}) {
    EXPECT_EQ(names.count(name), 1u) << name;
  }
  EXPECT_EQ(names.count(std::to_string(getpid())), 1u);
}
TEST(ProcMachine, FilesHaveTheirUsualShape) {
  EXPECT_TRUE(Contains(ReadFile("/proc/meminfo"), "MemTotal:"));
  EXPECT_TRUE(Contains(ReadFile("/proc/meminfo"), "MemAvailable:"));
  EXPECT_TRUE(Contains(ReadFile("/proc/cpuinfo"), "processor\t: 0\n"));
  EXPECT_TRUE(Contains(ReadFile("/proc/cpuinfo"), "flags\t\t: "));
  double up = 0, idle = 0, one = 0, five = 0, fifteen = 0;
  EXPECT_EQ(sscanf(ReadFile("/proc/uptime").c_str(), "%lf %lf", &up, &idle), 2);
  EXPECT_GT(up, 0);
  EXPECT_EQ(sscanf(ReadFile("/proc/loadavg").c_str(), "%lf %lf %lf", &one, &five, &fifteen), 3);
  EXPECT_EQ(ReadFile("/proc/stat").substr(0, 5), "cpu  ");
  EXPECT_TRUE(Contains(ReadFile("/proc/stat"), "\nbtime "));
  EXPECT_EQ(ReadFile("/proc/version").substr(0, 14), "Linux version ");
  EXPECT_TRUE(Contains(ReadFile("/proc/filesystems"), "nodev\tproc\n"));
}
TEST(ProcSys, KernelAndVmSettings) {
  EXPECT_EQ(ReadFile("/proc/sys/kernel/ostype"), "Linux\n");
  EXPECT_FALSE(ReadFile("/proc/sys/kernel/osrelease").empty());
  EXPECT_FALSE(ReadFile("/proc/sys/kernel/hostname").empty());
  EXPECT_GE(atoi(ReadFile("/proc/sys/kernel/pid_max").c_str()), 300);
  EXPECT_FALSE(ReadFile("/proc/sys/vm/overcommit_memory").empty());
  EXPECT_EQ(ReadFile("/proc/sys/kernel/random/uuid").size(), 37u);
}
TEST(Proc, CannotBeWrittenOrCreatedIn) {
  EXPECT_THAT(Call(SYS_open, "/proc/newfile", O_CREAT | O_WRONLY, 0600), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_mkdir, "/proc/newdir", 0700), FailsWith(ENOENT));
  // The directory is not writable for an ordinary user, and has no unlink for root.
  EXPECT_THAT(Call(SYS_unlink, "/proc/version"), FailsWith(IsRoot() ? EPERM : EACCES));
}

}  // namespace tests
