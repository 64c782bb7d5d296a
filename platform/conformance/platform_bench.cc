// Microbenchmarks of a platform: what one event, one memory change, one fork cost. Prints medians of 5 rounds; run it on a quiet machine.
#include <fcntl.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "platform/conformance/world.h"
#include "platform/ptrace/ptrace_platform.h"

namespace ringwall::platform::conformance {
namespace {

double NowUs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Runs `work` on a worker and waits.
void OnWorker(World& world, const std::function<void()>& work) {
  std::atomic<bool> done{false};
  world.platform().RunOnWorker([&] {
    work();
    done = true;
    done.notify_all();
  });
  done.wait(false);
}

void Report(const char* what, World& world, int count, const std::function<void()>& once) {
  std::vector<double> rounds;
  for (int round = 0; round < 5; ++round) {
    OnWorker(world, [&] {
      const double start = NowUs();
      for (int i = 0; i < count; ++i) once();
      rounds.push_back((NowUs() - start) / count);
    });
  }
  std::printf("%-44s %9.2f us\n", what, Median(rounds));
}

// `guests` threads make `calls` calls each.
double Calls(std::vector<std::unique_ptr<Guest>>& guests, int calls) {
  std::atomic<int> left{static_cast<int>(guests.size())};
  for (auto& guest : guests) {
    guest->regs().rip = At(code_getppid_loop);
    guest->handler = [&left, calls, n = 0](GuestThread& thread, const Event&) mutable {
      thread.regs().set_result(1);
      if (++n < calls) return Verdict::kResume;
      if (--left == 0) left.notify_all();
      return Verdict::kPark;
    };
  }
  const double start = NowUs();
  for (auto& guest : guests) guest->thread->Resume();
  for (int seen = left; seen > 0; seen = left) left.wait(seen);
  for (auto& guest : guests) guest->handler = nullptr;
  return (NowUs() - start) / calls;
}

// `guests` threads alternate `rounds` of arithmetic and a call, `calls` times. Wall time.
double Mixed(std::vector<std::unique_ptr<Guest>>& guests, uint64_t rounds, int calls) {
  std::atomic<int> left{static_cast<int>(guests.size())};
  for (auto& guest : guests) {
    guest->regs().rip = At(code_compute);
    guest->regs().rdi = rounds;
    guest->handler = [&left, calls, rounds, n = 0](GuestThread& thread, const Event&) mutable {
      thread.regs().rip = At(code_compute);
      thread.regs().rdi = rounds;
      if (++n < calls) return Verdict::kResume;
      if (--left == 0) left.notify_all();
      return Verdict::kPark;
    };
  }
  const double start = NowUs();
  for (auto& guest : guests) guest->thread->Resume();
  for (int seen = left; seen > 0; seen = left) left.wait(seen);
  for (auto& guest : guests) guest->handler = nullptr;
  return NowUs() - start;
}

double Compute(std::vector<std::unique_ptr<Guest>>& guests, uint64_t rounds) {
  const double start = NowUs();
  for (auto& guest : guests) {
    guest->regs().rip = At(code_compute);
    guest->regs().rdi = rounds;
    guest->thread->Resume();
  }
  for (auto& guest : guests) guest->Next();
  return NowUs() - start;
}

int Main() {
  std::string why;
  auto platform = ptrace::CreatePlatform({.proc_fd = UniqueFd(open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC))}, &why);
  if (!platform.ok()) {
    std::fprintf(stderr, "%s\n", why.c_str());
    return 1;
  }
  World world(std::move(*platform));
  world.Drive([&] {
    std::vector<std::unique_ptr<Guest>> guests;
    guests.push_back(world.NewGuest());
    std::vector<double> rounds;
    for (int i = 0; i < 5; ++i) rounds.push_back(Calls(guests, 20000));
    std::printf("%-44s %9.2f us\n", "system call, one guest", Median(rounds));
    Guest& guest = *guests[0];
    const MemoryOp map = MapAnonymous(0xa00000, 4 * kPageSize);
    const MemoryOp unmap{.kind = MemoryOp::Kind::kUnmap, .address = 0xa00000, .length = 4 * kPageSize};
    Report("mmap + munmap, two Apply", world, 2000, [&] {
      (void)guest.Apply(map);
      (void)guest.Apply(unmap);
    });
    const MemoryOp both[] = {map, unmap};
    Report("mmap + munmap, one Apply", world, 2000, [&] { (void)guest.space().Apply(both, guest.thread.get()); });
    Report("compare-and-exchange", world, 2000, [&] { (void)guest.space().CompareExchange(kData, 0, 0, guest.thread.get()); });
    uint64_t word = 0;
    Report("read 8 bytes", world, 20000, [&] { (void)guest.space().Read(kData, absl::MakeSpan(reinterpret_cast<std::byte*>(&word), 8)); });
    Report("Fork and destroy", world, 300, [&] { (void)guest.Fork(); });
    Report("NewThread and destroy", world, 300, [&] { (void)guest.Clone(); });
    Report("NewProcess, three mappings, destroy", world, 300, [&] { (void)world.NewGuest(); });
    constexpr uint64_t kRounds = 200'000'000;
    const double one = Compute(guests, kRounds);
    guests.push_back(world.NewGuest());
    const double two = Compute(guests, kRounds);
    std::printf("%-44s %9.2f (1.0 = perfect)\n", "two computing guests against one, wall time", two / one);
    for (const uint64_t mix : {100'000, 1'000'000, 10'000'000}) {
      const int calls = static_cast<int>(1'000'000'000 / mix);
      const double pair = Mixed(guests, mix, calls);
      std::vector<std::unique_ptr<Guest>> alone;
      alone.push_back(std::move(guests.back()));
      guests.pop_back();
      const double single = Mixed(alone, mix, calls);
      guests.push_back(std::move(alone.back()));
      std::printf("two guests, a call every %8.0f us, against one %9.2f (1.0 = perfect)\n", single / calls, pair / single);
    }
    rounds.clear();
    for (int i = 0; i < 5; ++i) rounds.push_back(Calls(guests, 20000) / 2);
    std::printf("%-44s %9.2f us\n", "system call, two guests, each", Median(rounds));
    guests.pop_back();
    rounds.clear();
    for (int i = 0; i < 5; ++i) rounds.push_back(Calls(guests, 20000));
    std::printf("%-44s %9.2f us\n", "system call again, one guest", Median(rounds));
    guests.clear();
  });
  return 0;
}

}  // namespace
}  // namespace ringwall::platform::conformance

int main() { return ringwall::platform::conformance::Main(); }
