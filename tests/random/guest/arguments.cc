// Descriptors, paths, buffers, sizes, signals, processes: arguments that are no structures.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstring>

#include "tests/random/guest/makers.h"

namespace ringwall::random_calls {
namespace {

using ulong = unsigned long;

uint64_t g_struct_bytes;

uint64_t Number(uint64_t value) {
  if (value < 100000)
    Note("%lu", static_cast<ulong>(value));
  else
    Note("%#lx", static_cast<ulong>(value));
  return value;
}

const char* Text(const char* text) {
  const size_t length = std::strlen(text) + 1;
  char* room = static_cast<char*>(NewStruct(length));
  std::memcpy(room, text, length);
  return room;
}
uint64_t TextPointer(const char* text) {
  if (random.Chance(94)) {
    const size_t length = std::strlen(text);
    Note("\"%.20s%s\"", text, length > 20 ? "..." : "");
    return reinterpret_cast<uint64_t>(Text(text));
  }
  return MaybeBad(const_cast<char*>(Text(text)), std::strlen(text) + 1);
}

template <size_t N>
const char* Among(const char* const (&names)[N]) {
  return names[random.Below(N)];
}

}  // namespace

// The area of structures is filled from its start in each call. Size 0 starts anew.
void* NewStruct(size_t size) {
  if (size == 0) return g_struct_bytes = 0, nullptr;
  const uint64_t at = kStructs + g_struct_bytes;
  g_struct_bytes = (g_struct_bytes + size + 15) & ~uint64_t{15};
  if (g_struct_bytes > kStructBytes) return reinterpret_cast<void*>(kStructs);
  return reinterpret_cast<void*>(at);
}

uint64_t MaybeBad(void* good, size_t size, bool written) {
  const auto at = reinterpret_cast<uint64_t>(good);
  const uint64_t dice = random.Below(100);
  if (dice < 90) {
    Note("struct+%lx", static_cast<ulong>(at - kStructs));
    return at;
  }
  if (dice < 93) return Note("NULL"), 0;
  if (dice < 95) return Note("bad"), 0x1000;
  if (dice < 96) return Note("kernel"), 0xffff'8880'0000'0000;
  if (dice < 97) return Note("noncanonical"), 0x8000'0000'0000'0000;
  if (dice < 98 && written) return Note("readonly"), kReadOnly;
  // Its second half cannot be touched.
  const uint64_t room = (size / 2 + 7) & ~uint64_t{7};
  const uint64_t border = kStructs + kStructBytes - room;
  std::memcpy(reinterpret_cast<void*>(border), good, room < size ? room : size);
  Note("border-%lu", static_cast<ulong>(room));
  return border;
}

uint64_t OpenFlags() {
  uint64_t flags = random.Below(3) | O_NONBLOCK;
  for (const int one : {O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_DIRECTORY, O_NOFOLLOW, O_CLOEXEC, O_PATH, O_NOCTTY, O_DSYNC, O_SYNC}) {
    if (random.Chance(12)) flags |= static_cast<uint64_t>(one);
  }
  if (random.Chance(20)) flags |= O_CREAT;
  if (random.Chance(2)) flags |= uint64_t{1} << (24 + random.Below(8));
  Note("%#lo", static_cast<ulong>(flags));
  return flags;
}

uint64_t Fd() {
  if (random.Chance(90)) return Number(3 + random.Below(31));
  if (random.Chance(60)) return Number(kFirstFreeFd + random.Below(6));
  static const int kOdd[] = {-1, 9999, 255, 256, -100, 0x7fffffff};
  const int odd = kOdd[random.Below(6)];
  Note("%d", odd);
  return static_cast<uint64_t>(static_cast<int64_t>(odd));
}
uint64_t NewFd() {
  if (random.Chance(80)) return Number(40 + random.Below(8));
  return Fd();
}
uint64_t DirFd() {
  static const int kDirs[] = {AT_FDCWD, AT_FDCWD, AT_FDCWD, AT_FDCWD, 6, 6, 22};
  if (random.Chance(8)) return Fd();
  const int fd = kDirs[random.Below(7)];
  Note("%d", fd);
  return static_cast<uint64_t>(static_cast<int64_t>(fd));
}

uint64_t Path() {
  static const char* const kPaths[] = {"a",         "b",         "dir",       "dir/c",     "dir/sub",  "link",         "loop",
                                       "dirlink/c", "dangling",  "fifo",      "own",       "suid",     "open/e",       "closed/d",
                                       "new",       "dir/new",   "open/new",  "dir/sub/x", "mnt",      "mnt/x",        "missing/x",
                                       "a/x",       ".",         "..",        "/",         "dir/..",   "dir/../a",     "a/",
                                       "dir/",      "new/",      "sock",      "/../a",     "./b",      "dir//c",       "open",
                                       "closed",    "dangling/", "link/",     "dirlink",   "dirlink/", "dir/sub/../c", "new2",
                                       "new3",      "open/new2", "dir/sub/.", "dir/sub/.."};
  if (random.Chance(1)) return TextPointer("");
  if (random.Chance(2)) {
    static char name[300];
    std::memset(name, 'n', sizeof name);
    name[random.Chance(50) ? 255 : 256] = 0;
    const uint64_t at = TextPointer(name);
    name[255] = 'n';
    return at;
  }
  return TextPointer(Among(kPaths));
}
uint64_t AttributeName() {
  static const char* const kNames[] = {
      "user.a", "user.b", "user.", "trusted.a", "security.x", "nothing", "user.long.name", "system.posix_acl_access", ""};
  return TextPointer(Among(kNames));
}
uint64_t QueueName() {
  static const char* const kNames[] = {"queue", "queue", "other", "third", "", "a/b", "."};
  return TextPointer(Among(kNames));
}

uint64_t Out() {
  if (random.Chance(94)) return Note("buffer"), kBuffers;
  if (random.Chance(40)) return Note("buffer-end-8"), kBuffers + kBufferBytes - 8;
  if (random.Chance(30)) return Note("readonly"), kReadOnly;
  if (random.Chance(50)) return Note("NULL"), 0;
  return Note("bad"), 0x1000;
}
uint64_t In() {
  if (random.Chance(94)) return Note("buffer"), kBuffers;
  if (random.Chance(40)) return Note("buffer-end-8"), kBuffers + kBufferBytes - 8;
  if (random.Chance(50)) return Note("NULL"), 0;
  return Note("bad"), 0x1000;
}
uint64_t Size() {
  static const uint64_t kSizes[] = {0, 1, 4, 8, 8, 16, 20, 64, 64, 100, 128, 128, 1000, 4096, 4096, 5000, 10000, 65536};
  if (random.Chance(97)) return Number(kSizes[random.Below(18)]);
  static const uint64_t kOdd[] = {0x7fffffff, 0x80000000, ~uint64_t{0}, uint64_t{1} << 63, 0xffffffff};
  return Number(kOdd[random.Below(5)]);
}
uint64_t Small() {
  if (random.Chance(92)) return Number(random.Below(4));
  static const uint64_t kOdd[] = {1024, 1025, 0x7fffffff, ~uint64_t{0}, 5, 16};
  return Number(kOdd[random.Below(6)]);
}
uint64_t Offset() {
  static const int64_t kOffsets[] = {0, 0, 0, 1, 5, 10, 100, 4096, 4999, 5000, 5001, 10000, 100000, -1, -5};
  static const int64_t kBig[] = {0x7fffffffffffffff, INT64_MIN, 0x7fffffff, 0x100000000, 1 << 20, (1 << 20) + 1};
  const int64_t value = random.Chance(95) ? kOffsets[random.Below(15)] : kBig[random.Below(6)];
  Note("%ld", static_cast<long>(value));
  return static_cast<uint64_t>(value);
}
uint64_t Int() {
  static const int64_t kNumbers[] = {0, 1, 2, 3, 4, 7, 8, 16, 100, -1, -2, 0x7fffffff, INT32_MIN, 1000, 65536};
  const int64_t value = kNumbers[random.Below(15)];
  Note("%ld", static_cast<long>(value));
  return static_cast<uint64_t>(value);
}
uint64_t Null() { return Note("NULL"), 0; }

// Neither SIGKILL nor SIGSTOP as a rule, and not the alarm of the supervisor.
uint64_t Signal() {
  static const int kSignals[] = {0, SIGUSR1, SIGUSR1, SIGUSR2, SIGCHLD, SIGURG, SIGTERM, SIGWINCH, 34, 40, 64, SIGPIPE, SIGCONT};
  static const int kOdd[] = {65, -1, 1000, SIGHUP};
  const int value = random.Chance(95) ? kSignals[random.Below(13)] : kOdd[random.Below(4)];
  Note("%d", value);
  return static_cast<uint64_t>(static_cast<int64_t>(value));
}

uint64_t Process() {
  switch (random.Below(10)) {
    case 0:
    case 1: return Note("0"), 0;
    case 2:
    case 3:
    case 4: return Note("self"), static_cast<uint64_t>(world.self);
    case 5:
    case 6:
    case 7: return Note("child"), static_cast<uint64_t>(world.child);
    case 8: return Note("nobody"), 0x3fffff;
    default: return Note("-1000000"), static_cast<uint64_t>(int64_t{-1000000});
  }
}
uint64_t Thread() {
  switch (random.Below(6)) {
    case 0:
    case 1:
    case 2: return Note("self"), static_cast<uint64_t>(world.self);
    case 3: return Note("child"), static_cast<uint64_t>(world.child);
    case 4: return Note("nobody"), 0x3fffff;
    default: return Note("0"), 0;
  }
}
uint64_t Id() {
  static const int64_t kIds[] = {0, 0, 1000, 1000, 1000, 100, 5, 65534, -1, -1, 70000, 65535};
  const int64_t value = kIds[random.Below(12)];
  Note("%ld", static_cast<long>(value));
  return static_cast<uint64_t>(value);
}
uint64_t PermissionBits() {
  static const uint64_t kModes[] = {0644, 0600, 0755, 0777, 0, 0400, 0200, 02755, 04755, 01777, 0111, 010644, 0xffff};
  const uint64_t value = kModes[random.Below(13)];
  Note("%#lo", static_cast<ulong>(value));
  return value;
}
uint64_t FileType() {
  static const uint64_t kTypes[] = {S_IFREG, S_IFIFO, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, S_IFDIR, 0, S_IFLNK, S_IFMT};
  const uint64_t value = kTypes[random.Below(10)] | (random.Chance(50) ? 0644 : 0600);
  Note("%#lo", static_cast<ulong>(value));
  return value;
}

uint64_t Pages() {
  if (random.Chance(3)) return Note("NULL"), 0;
  if (random.Chance(2)) return Note("kernel"), 0xffff'8880'0000'0000;
  uint64_t at = kPlayground + random.Below(kPlaygroundPages) * kPage;
  if (random.Chance(4)) at += 1 + random.Below(4095);
  Note("page+%lx", static_cast<ulong>(at - kPlayground));
  return at;
}
uint64_t PageBytes() {
  if (random.Chance(92)) return Number((1 + random.Below(12)) * kPage);
  static const uint64_t kOdd[] = {
      0, 1, 4095, 5000, uint64_t{1} << 20, uint64_t{1} << 40, ~uint64_t{0}, ~uint64_t{0} - 4095, uint64_t{1} << 47};
  return Number(kOdd[random.Below(9)]);
}
uint64_t Break() {
  static const int64_t kSteps[] = {0, 1, 4096, 8192, 100000, 65536};
  if (random.Chance(20)) return Note("0"), 0;
  const int64_t step = kSteps[random.Below(6)];
  Note("brk+%ld", static_cast<long>(step));
  return world.brk + static_cast<uint64_t>(step);
}

namespace {
uint64_t LastOr(int32_t last, const char* what) {
  if (random.Chance(90)) return Note("%s", last < 0 ? "none" : what), static_cast<uint64_t>(static_cast<int64_t>(last));
  return Number(0x7fffff00);
}
}  // namespace
uint64_t ShmId() { return LastOr(world.shm, "shm"); }
uint64_t SemId() { return LastOr(world.sem, "sem"); }
uint64_t MsgId() { return LastOr(world.msg, "msg"); }
uint64_t Key() {
  static const uint64_t kKeys[] = {0, 0, 77, 77, 78, 79};
  return Number(kKeys[random.Below(6)]);
}
uint64_t WatchId() { return random.Chance(80) ? Number(static_cast<uint64_t>(world.watch)) : Number(random.Below(4)); }
uint64_t TimerId() { return Number(random.Below(4)); }
uint64_t Futex() {
  if (random.Chance(90)) return Note("word"), kBuffers;  // holds 0x64636261
  if (random.Chance(40)) return Note("shared"), kPlayground + 16 * kPage;
  if (random.Chance(50)) return Note("word+1"), kBuffers + 1;
  return Note("bad"), 0x1000;
}

}  // namespace ringwall::random_calls
