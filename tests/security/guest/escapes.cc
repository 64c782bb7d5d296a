// Ways out: what of the host can be seen or reached from inside. $SECRET is the text of a host file that is not in the sandbox.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "tests/security/guest/guest.h"

namespace ringwall::hostile {
namespace {

// Links of proc to the root of a process.
const std::string kFirstRoot = "/proc/1/root", kOwnRoot = "/proc/self/root";

std::string ReadSome(int fd) {
  char text[256];
  const ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
  if (fd >= 0) close(fd);
  return n > 0 ? std::string(text, static_cast<size_t>(n)) : std::string();
}
bool HasSecret(int fd) {
  const char* secret = std::getenv("SECRET");
  HOSTILE_REQUIRE(secret != nullptr, "SECRET is not set");
  return ReadSome(fd).find(secret) != std::string::npos;
}
void MustNotOpen(const std::string& path) {
  for (const int flags : {O_RDONLY, O_RDONLY | O_NOFOLLOW, O_RDWR}) {
    HOSTILE_REQUIRE(!HasSecret(open(path.c_str(), flags | O_NONBLOCK)), "read the host's file through %s", path.c_str());
  }
}

const Mode root("root-stays-root", [](int, char**) {
  struct stat own, other;
  HOSTILE_REQUIRE(stat("/", &own) == 0, "stat /");
  for (const std::string& path : {std::string("/.."), std::string("/../../../../.."), kFirstRoot, kFirstRoot + "/..", kOwnRoot + "/../..",
                                  std::string("/proc/1/cwd/../../../../../..")}) {
    if (stat(path.c_str(), &other) != 0) continue;
    HOSTILE_REQUIRE(own.st_ino == other.st_ino && own.st_dev == other.st_dev, "%s is not /", path.c_str());
  }
  // chroot and a descriptor from before: the old way out of a chroot ends at our root, not the host's.
  const int before = open("/", O_RDONLY | O_DIRECTORY);
  mkdir("/tmp/jail", 0755);
  if (chroot("/tmp/jail") == 0 && fchdir(before) == 0) {
    for (int i = 0; i < 64; ++i) (void)!chdir("..");
    HOSTILE_REQUIRE(stat(".", &other) == 0 && own.st_ino == other.st_ino && own.st_dev == other.st_dev,
                    "climbed over the root after chroot");
  }
  return 0;
});

const Mode exe("exe-is-ours", [](int, char**) {
  char text[4096];
  for (const char* path : {"/proc/self/exe", "/proc/1/exe"}) {
    const ssize_t n = readlink(path, text, sizeof(text));
    if (n < 0) continue;
    const std::string name(text, static_cast<size_t>(n));
    HOSTILE_REQUIRE(name == "/guest", "%s is %s", path, name.c_str());
    HOSTILE_REQUIRE(open(path, O_WRONLY) < 0, "%s can be opened for writing", path);
  }
  return 0;
});

const Mode links("volume-links", [](int argc, char** argv) {
  HOSTILE_REQUIRE(argc == 1, "volume-links SECRET-PATH");
  const std::string secret = argv[0];
  for (const char* name : {"absolute", "relative", "proc"}) MustNotOpen(std::string("/data/") + name);
  // Links that the guest makes itself.
  int serial = 0;
  for (const std::string& target : {secret, std::string("../../../../../../../../../..") + secret, "/proc/1/root" + secret,
                                    kOwnRoot + "/.." + secret, "/proc/self/fd/0/.." + secret}) {
    const std::string link = "/data/made" + std::to_string(serial++);
    unlink(link.c_str());
    HOSTILE_REQUIRE(symlink(target.c_str(), link.c_str()) == 0, "symlink in the volume: %s", std::strerror(errno));
    MustNotOpen(link);
    MustNotOpen(link + "/.");
    (void)::link(link.c_str(), "/data/hard");
    MustNotOpen("/data/hard");
    unlink("/data/hard");
  }
  MustNotOpen("/data/.." + secret);
  MustNotOpen("/data/../../../../../../.." + secret);
  return 0;
});

volatile bool g_stop;
void* Swap(void*) {
  while (!g_stop) syscall(SYS_renameat2, AT_FDCWD, "/data/swap", AT_FDCWD, "/data/swap-link", 2 /* RENAME_EXCHANGE */);
  return nullptr;
}
void* SwapSlowly(void*) {
  while (!g_stop) {
    (void)rename("/data/swap", "/data/swap-away");
    (void)rename("/data/swap-link", "/data/swap");
    (void)rename("/data/swap", "/data/swap-link");
    (void)rename("/data/swap-away", "/data/swap");
  }
  return nullptr;
}
// A directory and a symlink to a host directory change places while paths go through them.
const Mode race("volume-race", [](int argc, char** argv) {
  HOSTILE_REQUIRE(argc == 1, "volume-race SECRET-PATH");
  const std::string secret = argv[0];
  const size_t slash = secret.rfind('/');
  const std::string folder = secret.substr(0, slash), name = secret.substr(slash + 1);
  HOSTILE_REQUIRE(mkdir("/data/swap", 0755) == 0 && symlink(folder.c_str(), "/data/swap-link") == 0, "preparing the race: %s",
                  std::strerror(errno));
  const std::string inside = "/data/swap/" + name;
  close(open(inside.c_str(), O_WRONLY | O_CREAT, 0644));
  const bool exchange = syscall(SYS_renameat2, AT_FDCWD, "/data/swap", AT_FDCWD, "/data/swap-link", 2) == 0;
  pthread_t thread;
  HOSTILE_REQUIRE(pthread_create(&thread, nullptr, exchange ? Swap : SwapSlowly, nullptr) == 0, "pthread_create");
  timespec start, now;
  clock_gettime(CLOCK_MONOTONIC, &start);
  do {
    for (int i = 0; i < 50; ++i) {
      HOSTILE_REQUIRE(!HasSecret(open(inside.c_str(), O_RDONLY)), "the race was won: a host file was read");
      const int made = open(("/data/swap/planted." + std::to_string(i)).c_str(), O_WRONLY | O_CREAT, 0644);
      if (made >= 0) close(made);
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
  } while (now.tv_sec - start.tv_sec < 3);
  g_stop = true;
  pthread_join(thread, nullptr);
  return 0;
});

const Mode devices("devices", [](int, char**) {
  for (const char* path : {"/dev/mem", "/dev/kmem", "/dev/port", "/dev/kvm", "/dev/vda", "/dev/sda", "/dev/fuse", "/dev/loop0",
                           "/dev/loop-control", "/proc/kcore", "/proc/kmem"}) {
    HOSTILE_REQUIRE(open(path, O_RDONLY | O_NONBLOCK) < 0, "%s can be opened", path);
  }
  for (const char* folder : {"/tmp", "/data", "/"}) {
    const std::string name = std::string(folder) + "/node";
    for (const mode_t type : {S_IFCHR, S_IFBLK}) {
      for (const dev_t device : {makedev(1, 1), makedev(254, 0), makedev(8, 0), makedev(10, 232), makedev(7, 0)}) {
        unlink(name.c_str());
        if (mknod(name.c_str(), type | 0666, device) != 0) continue;
        HOSTILE_REQUIRE(open(name.c_str(), O_RDONLY | O_NONBLOCK) < 0, "a device node made in %s can be opened", folder);
      }
    }
    unlink(name.c_str());
  }
  for (const char* path : {"/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/sys/kernel/uevent_helper",
                           "/proc/sys/vm/drop_caches"}) {
    const int fd = open(path, O_WRONLY);
    if (fd >= 0) (void)!write(fd, "|/x", 3), close(fd);
  }
  return 0;
});

const Mode privileged("privileged-calls", [](int, char**) {
  // What would touch the host's kernel must fail or be the sandbox's own.
  for (const long number :
       {long{SYS_init_module}, long{SYS_finit_module}, long{SYS_delete_module}, long{SYS_kexec_load}, long{SYS_kexec_file_load},
        long{SYS_bpf}, long{SYS_perf_event_open}, long{SYS_iopl}, long{SYS_ioperm}, long{SYS_swapon}, long{SYS_swapoff}, long{SYS_quotactl},
        long{SYS_open_by_handle_at}, long{SYS_acct}, long{SYS_syslog}, long{SYS_userfaultfd}}) {
    const long got = syscall(number, 3, 0, 0, 0, 0, 0);
    HOSTILE_REQUIRE(got < 0 || number == SYS_syslog || number == SYS_userfaultfd, "call %ld succeeded", number);
  }
  HOSTILE_REQUIRE(mount("/dev/vda", "/tmp", "ext4", 0, nullptr) != 0, "a host device was mounted");
  return 0;
});

}  // namespace
}  // namespace ringwall::hostile
