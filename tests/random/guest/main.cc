// random_guest FIRST COUNT CALLS: episodes FIRST..FIRST+COUNT-1 of CALLS calls each, in namespaces of their own. Harmless where it runs:
// the processes under test have a user namespace whose ids are nobody's outside, and a tmpfs for a root directory.
#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/random/guest/guest.h"

namespace ringwall::random_calls {

Random random;
Shared* shared;

void Say(const char* format, ...) {
  char line[512];
  va_list list;
  va_start(list, format);
  int n = vsnprintf(line, sizeof line, format, list);
  va_end(list);
  n = std::min<int>(n, sizeof line - 1);
  const uint32_t at = shared->length.load();
  if (at + static_cast<uint32_t>(n) > sizeof shared->text) return;
  std::memcpy(shared->text + at, line, static_cast<size_t>(n));
  shared->length.store(at + static_cast<uint32_t>(n));
}

namespace {

// Covered by a tmpfs in a mount namespace of our own.
constexpr char kRoot[] = "/tmp";

[[noreturn]] void Die(const char* what) {
  std::fprintf(stderr, "random_guest: %s: %s\n", what, std::strerror(errno));
  std::exit(3);
}
void WriteText(const std::string& path, const char* text) {
  const int fd = open(path.c_str(), O_WRONLY);
  if (fd < 0 || write(fd, text, std::strlen(text)) < 0) Die(path.c_str());
  close(fd);
}

uint32_t Digest(const char* path) {
  uint32_t hash = 2166136261u;
  const int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return 0;
  char bytes[4096];
  size_t total = 0;
  for (ssize_t n; total < (1 << 20) && (n = read(fd, bytes, sizeof bytes)) > 0; total += static_cast<size_t>(n)) {
    for (ssize_t i = 0; i < n; ++i) hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 16777619u;
  }
  close(fd);
  return hash;
}

// What is in the tree afterwards, in the order of names.
void SayTree(const std::string& path, const std::string& shown, int depth) {
  std::vector<std::string> names;
  DIR* dir = opendir(path.c_str());
  if (dir == nullptr) return;
  while (const dirent* entry = readdir(dir)) {
    if (std::strcmp(entry->d_name, ".") != 0 && std::strcmp(entry->d_name, "..") != 0) names.emplace_back(entry->d_name);
  }
  closedir(dir);
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::string full = path + "/" + name;
    struct stat info;
    if (lstat(full.c_str(), &info) != 0) continue;
    const bool file = S_ISREG(info.st_mode);
    const std::string brief = name.size() > 20 ? name.substr(0, 20) + "..." : name;
    Say("tree %s%s mode=%o links=%lu owner=%u:%u size=%ld sum=%x\n", shown.c_str(), brief.c_str(), info.st_mode,
        static_cast<unsigned long>(info.st_nlink), info.st_uid, info.st_gid, S_ISDIR(info.st_mode) ? 0L : static_cast<long>(info.st_size),
        file ? Digest(full.c_str()) : 0);
    if (S_ISDIR(info.st_mode) && depth < 6) SayTree(full, shown + brief + "/", depth + 1);
  }
}

void FreshRoot() {
  static bool mounted = false;
  if (mounted) umount2(kRoot, MNT_DETACH);
  mounted = true;
  if (mount("none", kRoot, "tmpfs", 0, "mode=755") != 0) Die("mount of a tmpfs");
}

// System V objects outlive processes.
void DropIpc() {
  shmid_ds segment;
  for (int i = shmctl(0, SHM_INFO, reinterpret_cast<shmid_ds*>(&segment)); i >= 0; --i) {
    const int id = shmctl(i, SHM_STAT, &segment);
    if (id >= 0) shmctl(id, IPC_RMID, nullptr);
  }
  semid_ds sems;
  seminfo info;
  for (int i = semctl(0, 0, SEM_INFO, &info); i >= 0; --i) {
    const int id = semctl(i, 0, SEM_STAT, &sems);
    if (id >= 0) semctl(id, 0, IPC_RMID);
  }
  msqid_ds queue;
  msginfo queues;
  for (int i = msgctl(0, MSG_INFO, reinterpret_cast<msqid_ds*>(&queues)); i >= 0; --i) {
    const int id = msgctl(i, MSG_STAT, &queue);
    if (id >= 0) msgctl(id, IPC_RMID, nullptr);
  }
}

// Waits for the end; a process that does not move gets SIGALRM, and in the end SIGKILL.
void Watch(pid_t child) {
  uint32_t seen = 0;
  int idle = 0;
  bool hung = false;
  for (;;) {
    int status = 0;
    const pid_t got = waitpid(child, &status, WNOHANG);
    if (got == child) {
      if (hung)
        Say("end hung\n");
      else if (WIFSIGNALED(status))
        Say("end killed by %d\n", WTERMSIG(status));
      else
        Say("end exit %d\n", WEXITSTATUS(status));
      break;
    }
    const uint32_t now = shared->progress.load();
    idle = now == seen ? idle + 1 : 0;
    seen = now;
    if (idle >= 40 && idle % 20 == 0 && !hung) kill(child, SIGALRM);
    if (idle == 400) hung = true, kill(child, SIGKILL), kill(child, SIGCONT);
    usleep(idle == 0 ? 500 : 5000);
  }
  // Whatever it left behind: everything here but us.
  kill(-1, SIGKILL);
  while (waitpid(-1, nullptr, 0) > 0) {
  }
}

void Supervise(uint64_t first, uint64_t count, unsigned calls) {
  shared = static_cast<Shared*>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (shared == MAP_FAILED) Die("mmap");
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) Die("private mounts");
  // Loopback, which a new network namespace has switched off.
  const int control = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq lo{};
  std::strcpy(lo.ifr_name, "lo");
  lo.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(control, SIOCSIFFLAGS, &lo) != 0 && (ioctl(control, SIOCGIFFLAGS, &lo) != 0 || (lo.ifr_flags & IFF_UP) == 0)) Die("lo");
  close(control);
  sethostname("random", 6);
  setdomainname("random", 6);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    FreshRoot();
    shared->length = 0;
    shared->progress = 0;
    const pid_t child = fork();
    if (child < 0) Die("fork");
    if (child == 0) {
      setsid();
      if (chroot(kRoot) != 0 || chdir("/") != 0) Die("chroot");
      RunEpisode(seed, calls);
      _exit(0);
    }
    Watch(child);
    SayTree(kRoot, "/", 0);
    DropIpc();
    std::printf("episode %lu\n", static_cast<unsigned long>(seed));
    std::fwrite(shared->text, 1, shared->length, stdout);
    std::fflush(stdout);
  }
}

}  // namespace
}  // namespace ringwall::random_calls

int main(int argc, char** argv) {
  using namespace ringwall::random_calls;
  if (argc != 4) {
    std::fprintf(stderr, "usage: random_guest FIRST COUNT CALLS\n");
    return 2;
  }
  // The ids of the inner user namespace are written by us, who stays outside.
  int go[2], ready[2];
  if (pipe(go) != 0 || pipe(ready) != 0) Die("pipe");
  const pid_t maker = fork();
  if (maker == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0) Die("unshare");
    char byte = 1;
    if (write(ready[1], &byte, 1) != 1 || read(go[0], &byte, 1) != 1) Die("start");
    if (setresgid(0, 0, 0) != 0 || setresuid(0, 0, 0) != 0) Die("setresuid");
    const pid_t first = fork();
    if (first == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(go[0]), close(go[1]), close(ready[0]), close(ready[1]);
      Supervise(std::strtoull(argv[1], nullptr, 10), std::strtoull(argv[2], nullptr, 10), static_cast<unsigned>(std::atoi(argv[3])));
      std::exit(0);
    }
    int status = 0;
    waitpid(first, &status, 0);
    std::exit(WIFEXITED(status) ? WEXITSTATUS(status) : 4);
  }
  char byte = 0;
  if (read(ready[0], &byte, 1) != 1) return 3;
  const std::string proc = "/proc/" + std::to_string(maker);
  WriteText(proc + "/uid_map", "0 100000 65536\n");
  WriteText(proc + "/gid_map", "0 100000 65536\n");
  if (write(go[1], &byte, 1) != 1) return 3;
  int status = 0;
  waitpid(maker, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}
