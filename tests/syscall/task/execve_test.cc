// execve(2), execveat(2), #! scripts and auxv.
#include <elf.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/lib/guest.h"

namespace tests {

static long Exec(const std::string& path, std::vector<const char*> argv = {"x"}, std::vector<const char*> envp = {}) {
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  return Call(SYS_execve, path, argv.data(), envp.data());
}

ROLE(print_args) {
  for (int i = 0; i < argc; ++i) printf("[%s]", argv[i]);
  for (int i = 0; envp[i] != nullptr; ++i) printf("{%s}", envp[i]);
  return 0;
}
ROLE(exit_with) { return atoi(argv[0]); }
ROLE(is_open) { return fcntl(atoi(argv[0]), F_GETFD) >= 0 ? 1 : 0; }
ROLE(signal_state) {
  struct sigaction action;
  sigaction(SIGUSR1, nullptr, &action);
  const bool handler_reset = action.sa_handler == SIG_DFL;
  sigaction(SIGUSR2, nullptr, &action);
  const bool ignore_kept = action.sa_handler == SIG_IGN;
  return (handler_reset ? 1 : 0) + (ignore_kept ? 2 : 0);
}
ROLE(pending_usr1) { return IsPending(SIGUSR1) ? 1 : 0; }
ROLE(auxv_sane) {
  const auto* program = reinterpret_cast<const Elf64_Phdr*>(getauxval(AT_PHDR));
  const bool good = getauxval(AT_PAGESZ) == 4096 && program != nullptr && getauxval(AT_PHNUM) > 0 && getauxval(AT_ENTRY) != 0 &&
                    getauxval(AT_RANDOM) != 0 && getauxval(AT_UID) == getuid() && getauxval(AT_CLKTCK) == 100 &&
                    getauxval(AT_EXECFN) != 0 && getauxval(AT_SECURE) == 0;
  return good ? 0 : 1;
}
ROLE(tid_is_pid) { return gettid() == getpid() && getpid() == atoi(argv[0]) ? 0 : 1; }

// What the child writes to its standard output.
template <class Body>
static std::string OutputOf(const Body& body) {
  Pipe pipe;
  const pid_t child = StartChild([&] {
    dup2(pipe.writer.get(), 1);
    pipe.writer.Reset();
    body();
  });
  pipe.writer.Reset();
  std::string all;
  char bytes[4096];
  long got;
  while ((got = Call(SYS_read, pipe.reader, bytes, sizeof bytes)) > 0) all.append(bytes, got);
  EXPECT_THAT(StatusOf(child), Exited(0));
  return all;
}

TEST(Execve, PassesArgumentsAndEnvironment) {
  EXPECT_EQ(OutputOf([] { ExecRole("print_args", {"a", "", "b c"}, {"K=V", "E="}); }), "[a][][b c]{K=V}{E=}");
}
TEST(Execve, ExitStatusIsTheNewProgramsAndThePidStays) {
  EXPECT_THAT(ChildStatus([] { ExecRole("exit_with", {"33"}); }), Exited(33));
  EXPECT_THAT(ChildStatus([] { ExecRole("tid_is_pid", {std::to_string(getpid())}); }), Exited(0));
}
TEST(Execve, ClosesCloexecDescriptorsOnly) {
  const ScopedFd keep(Call(SYS_dup3, 1, 240, 0)), drop(Call(SYS_dup3, 1, 241, O_CLOEXEC));
  EXPECT_THAT(ChildStatus([] { ExecRole("is_open", {"240"}); }), Exited(1));
  EXPECT_THAT(ChildStatus([] { ExecRole("is_open", {"241"}); }), Exited(0));
}
TEST(Execve, ResetsHandlersAndKeepsIgnoredSignals) {
  EXPECT_THAT(ChildStatus([] {
                signal(SIGUSR1, [](int) {});
                signal(SIGUSR2, SIG_IGN);
                ExecRole("signal_state");
              }),
              Exited(3));
}
TEST(Execve, KeepsPendingSignals) {
  EXPECT_THAT(ChildStatus([] {
                // The role runs before main() unblocks anything.
                sigset_t set = SetOf(SIGUSR1);
                sigprocmask(SIG_BLOCK, &set, nullptr);
                raise(SIGUSR1);
                ExecRole("pending_usr1");
              }),
              Exited(1));
}
TEST(Execve, AuxiliaryVectorDescribesTheProgram) {
  EXPECT_THAT(ChildStatus([] { ExecRole("auxv_sane"); }), Exited(0));
}
TEST(Execve, FromAThreadEndsTheOthersAndTakesTheLeadersTid) {
  EXPECT_THAT(ChildStatus([] {
                const std::string pid = std::to_string(getpid());
                ScopedThread thread([&] { ExecRole("tid_is_pid", {pid}); });
                while (true) Call(SYS_pause);
              }),
              Exited(0));
}
TEST(Execve, PathErrors) {
  const TempDir dir;
  EXPECT_THAT(Exec(dir / "none"), FailsWith(ENOENT));
  EXPECT_THAT(Exec(""), FailsWith(ENOENT));
  EXPECT_THAT(Exec("/dev/null/x"), FailsWith(ENOTDIR));
  EXPECT_THAT(Exec(dir.path()), FailsWith(EACCES));
  EXPECT_THAT(Call(SYS_execve, BadAddress(), nullptr, nullptr), FailsWith(EFAULT));
}
TEST(Execve, FileWithoutExecutePermissionIsEacces) {
  const TempDir dir;
  WriteFile(dir / "f", "#!/bin/true\n", 0644);
  EXPECT_THAT(Exec(dir / "f"), FailsWith(EACCES));
}
TEST(Execve, UnknownFormatIsEnoexec) {
  const TempDir dir;
  WriteFile(dir / "text", "just text\n", 0755);
  WriteFile(dir / "empty", "", 0755);
  WriteFile(dir / "short", "\177ELF", 0755);
  EXPECT_THAT(Exec(dir / "text"), FailsWith(ENOEXEC));
  EXPECT_THAT(Exec(dir / "empty"), FailsWith(ENOEXEC));
  EXPECT_THAT(Exec(dir / "short"), FailsWith(ENOEXEC));
}
TEST(Execve, FileOpenForWritingIsEtxtbsy) {
  const TempDir dir;
  WriteFile(dir / "f", "#!/bin/true\n", 0755);
  const ScopedFd fd(open((dir / "f").c_str(), O_WRONLY | O_CLOEXEC));
  EXPECT_THAT(Exec(dir / "f"), FailsWith(ETXTBSY));
}
TEST(Execve, ScriptRunsItsInterpreterWithOneArgument) {
  const TempDir dir;
  WriteFile(dir / "script", "#!" + SelfPath() + " --role=print_args\nignored\n", 0755);
  EXPECT_EQ(OutputOf([&] { Exec(dir / "script", {"argv0", "one"}, {"K=V"}); }), "[" + (dir / "script") + "][one]{K=V}");
}
TEST(Execve, ScriptInterpreterLineAllowsSpacesAndKeepsTheRestAsOneArgument) {
  const TempDir dir;
  const TempDir bin;
  ASSERT_EQ(symlink(SelfPath().c_str(), (bin / "self").c_str()), 0);
  WriteFile(dir / "inner", "#!" + (bin / "self") + " --role=print_args\n", 0755);
  WriteFile(dir / "outer", "#! \t" + (dir / "inner") + "  a b  \n", 0755);
  EXPECT_EQ(OutputOf([&] { Exec(dir / "outer"); }), "[" + (dir / "inner") + "][a b][" + (dir / "outer") + "]");
}
TEST(Execve, ScriptWithAMissingInterpreterIsEnoent) {
  const TempDir dir;
  WriteFile(dir / "f", "#!/no/such/interpreter\n", 0755);
  EXPECT_THAT(Exec(dir / "f"), FailsWith(ENOENT));
}
TEST(Execve, ScriptThatNamesItselfIsEloop) {
  const TempDir dir;
  WriteFile(dir / "f", "#!" + (dir / "f") + "\n", 0755);
  EXPECT_THAT(Exec(dir / "f"), FailsWith(ELOOP));
}
TEST(Execve, ScriptWithAnEmptyInterpreterIsEnoexec) {
  const TempDir dir;
  WriteFile(dir / "f", "#!\n", 0755);
  EXPECT_THAT(Exec(dir / "f"), FailsWith(ENOEXEC));
}
TEST(Execve, OneStringOf128KiBIsE2big) {
  // MAX_ARG_STRLEN counts the terminator.
  EXPECT_THAT(Exec("/proc/self/exe", {"x", std::string(131072, 'a').c_str()}), FailsWith(E2BIG));
  const std::string fits(131071, 'a');
  EXPECT_THAT(ChildStatus([&] { ExecRole("exit_with", {"4", fits}); }), Exited(4));
}
TEST(Execve, AllStringsAreBoundedByAQuarterOfTheStackLimit) {
  InChild([] {
    const rlimit limit{1 << 20, 1 << 20};
    EXPECT_EQ(setrlimit(RLIMIT_STACK, &limit), 0);
    const std::string big(100'000, 'a');
    EXPECT_THAT(Exec("/proc/self/exe", {"x", big.c_str(), big.c_str(), big.c_str()}), FailsWith(E2BIG));
  });
}
TEST(Execve, BadVectorsFault) {
  const char* bad[] = {"x", BadAddress(), nullptr};
  EXPECT_THAT(Call(SYS_execve, "/proc/self/exe", bad, nullptr), FailsWith(EFAULT));
  EXPECT_THAT(Call(SYS_execve, "/proc/self/exe", BadAddress(), nullptr), FailsWith(EFAULT));
}
TEST(Execve, FailureLeavesTheProcessAsItWas) {
  const ScopedFd fd(Call(SYS_dup3, 1, 241, O_CLOEXEC));
  SignalRecorder recorder(SIGUSR1);
  EXPECT_THAT(Exec("/no/such/file"), FailsWith(ENOENT));
  EXPECT_THAT(Call(SYS_fcntl, 241, F_GETFD), Succeeds());
  raise(SIGUSR1);
  EXPECT_EQ(recorder.count(), 1);
}
TEST(Execve, OfTwoThreadsAtOnceOneWins) {
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(ChildStatus([] {
                  std::atomic<int> ready{0};
                  const auto both = [&] {
                    ready.fetch_add(1);
                    while (ready.load() < 2) {
                    }
                    ExecRole("exit_with", {"21"});
                  };
                  ScopedThread one(both), two(both);
                  for (;;) pause();
                }),
                Exited(21));
  }
}
TEST(Execve, EndsThreadsThatMakeThreads) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(ChildStatus([] {
                  ScopedThread maker([] {
                    // Until exec ends it; by then pthread_create may fail.
                    for (pthread_t thread;;) {
                      if (pthread_create(
                              &thread, nullptr, [](void*) -> void* { return nullptr; }, nullptr) == 0)
                        pthread_join(thread, nullptr);
                    }
                  });
                  usleep(500);
                  ExecRole("exit_with", {"22"});
                }),
                Exited(22));
  }
}
TEST(Execveat, EmptyPathRunsTheDescriptor) {
  EXPECT_THAT(ChildStatus([] {
                const ScopedFd fd(open("/proc/self/exe", O_PATH));
                const char* argv[] = {"x", "--role=exit_with", "21", nullptr};
                Call(SYS_execveat, fd, "", argv, nullptr, AT_EMPTY_PATH);
              }),
              Exited(21));
}
TEST(Execveat, Errors) {
  const char* argv[] = {"x", nullptr};
  const TempDir dir;
  ASSERT_EQ(symlink("/proc/self/exe", (dir / "l").c_str()), 0);
  EXPECT_THAT(Call(SYS_execveat, AT_FDCWD, dir / "l", argv, nullptr, AT_SYMLINK_NOFOLLOW), FailsWith(ELOOP));
  EXPECT_THAT(Call(SYS_execveat, 9999, "x", argv, nullptr, 0), FailsWith(EBADF));
  EXPECT_THAT(Call(SYS_execveat, AT_FDCWD, "x", argv, nullptr, 1 << 20), FailsWith(EINVAL));
}
TEST(Execve, CommandNameIsTheFilesName) {
  const TempDir dir;
  WriteFile(dir / "my-script-with-long-name", "#!/bin/sh\nread line </proc/self/comm\necho $line\n", 0755);
  if (!Exists("/bin/sh")) GTEST_SKIP() << "no /bin/sh";
  EXPECT_EQ(OutputOf([&] { Exec(dir / "my-script-with-long-name"); }), "my-script-with-\n");
}

}  // namespace tests
