// Calls with typed random arguments, made natively and in the sandbox by the same program from the same seed. What a kernel may choose
// (addresses, process ids, times, inode numbers) never reaches the trace, so that two traces differ where two kernels differ.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace ringwall::random_calls {

class Random {
 public:
  void Seed(uint64_t seed) { state_ = seed * 0x9e3779b97f4a7c15ull + 0x1234567; }
  uint64_t Next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dull;
  }
  uint64_t Below(uint64_t limit) { return (Next() >> 20) % limit; }
  bool Chance(unsigned percent) { return Below(100) < percent; }

 private:
  uint64_t state_ = 1;
};
extern Random random;

// What the supervisor and the process under test share: the trace, and a counter that says that the process is still moving.
struct Shared {
  std::atomic<uint32_t> progress;
  std::atomic<uint32_t> length;
  char text[1 << 20];
};
extern Shared* shared;
[[gnu::format(printf, 1, 2)]] void Say(const char* format, ...);

int64_t RawCall(uint64_t number, const uint64_t (&args)[6]);

// ---- the process under test (world.cc) ----
// Memory at one place in every run, far from all else: buffers, structures, and pages that memory calls may treat as they like.
inline constexpr uint64_t kPage = 4096;
inline constexpr uint64_t kBuffers = 0x2000'0000'0000, kBufferBytes = 16 * kPage;  // behind them a page that cannot be touched
inline constexpr uint64_t kReadOnly = kBuffers + 17 * kPage;
inline constexpr uint64_t kStructs = kBuffers + 18 * kPage, kStructBytes = 8 * kPage;  // then, again, a hole
inline constexpr uint64_t kPlayground = kBuffers + (1 << 20), kPlaygroundPages = 64;
inline constexpr int kFirstFreeFd = 34;

struct World {
  pid_t self = 0, child = 0;
  uint64_t brk = 0;
  int32_t shm = -1, sem = -1, msg = -1;  // last ids of System V objects
  int32_t watch = 1;
  uint32_t timer = 0;
};
extern World world;

// Runs one episode and says what it did; does not return when a call ends the process.
void RunEpisode(uint64_t seed, unsigned calls);
void BuildWorld(bool privileged);
void SayState();

// ---- arguments (arguments.cc, structures.cc): each returns a register and appends what it stands for to the call's text ----
using Maker = uint64_t (*)();
extern uint64_t made_args[6];  // those to the left of the one that is being made
void Note(const char* format, ...);
const char* Notes();
void ResetNotes();
// Room for one structure, zeroed.
void* NewStruct(size_t size);
// Sometimes not the address itself but one that faults: all, or from the middle on.
uint64_t MaybeBad(void* good, size_t size, bool written = false);

// ---- the calls (calls.cc) ----
enum class Kind : uint8_t { kNumber, kIgnored, kAddress, kPid, kShm, kSem, kMsg, kBirth };
struct CallRow {
  const char* name;
  uint64_t number;
  uint8_t weight;
  Kind kind;        // what a successful result is
  bool compare;     // what it wrote is the same everywhere
  Maker makers[6];  // null: the call has no such argument
};
extern const CallRow kCalls[];
extern const size_t kCallCount;

}  // namespace ringwall::random_calls
