// syscall_bench [--ms N] [NAME...]: prints {"name": nanoseconds per operation, ...}, the median of several batches each.
// syscall_bench --list; --exit is what the exec benchmarks run; --sleepers N FILE sleeps in N threads and makes FILE when all do;
// --spin keeps a CPU busy; --handoff N threads|processes steady|bursty prints {"handoff": nanoseconds per call of N workers}.
#include <time.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <vector>

#include "bench/syscall/bench.h"

namespace ringwall::bench {
namespace {

double NowNs() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<double>(ts.tv_sec) * 1e9 + static_cast<double>(ts.tv_nsec);
}

double TimeOf(const Benchmark& benchmark, uint64_t count) {
  const double start = NowNs();
  benchmark.run(count);
  return NowNs() - start;
}

// Batches long enough that the clock does not matter; the median forgives a batch that lost its CPU.
double Measure(const Benchmark& benchmark, double budget_ns) {
  constexpr int kBatches = 7;
  benchmark.set_up();
  benchmark.run(1);
  const double batch_ns = budget_ns / kBatches;
  uint64_t count = 1;
  double taken = TimeOf(benchmark, count);
  while (taken < batch_ns / 4 && count < (uint64_t{1} << 28)) {
    count *= 2;
    taken = TimeOf(benchmark, count);
  }
  count = std::max<uint64_t>(1, static_cast<uint64_t>(static_cast<double>(count) * batch_ns / std::max(taken, 1.0)));
  std::vector<double> results;
  results.reserve(kBatches);
  for (int i = 0; i < kBatches; ++i) results.push_back(TimeOf(benchmark, count) / static_cast<double>(count));
  benchmark.clean_up();
  std::sort(results.begin(), results.end());
  return results[kBatches / 2];
}

int Main(int argc, char** argv) {
  double budget_ms = 140;
  std::vector<std::string_view> wanted;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--exit") return 0;
    if (argument == "--spin") Spin();
    if (argument == "--sleepers" && i + 2 < argc) Sleep(std::atoi(argv[i + 1]), argv[i + 2]);
    if (argument == "--handoff" && i + 3 < argc) {
      const bool processes = std::strcmp(argv[i + 2], "processes") == 0, bursty = std::strcmp(argv[i + 3], "bursty") == 0;
      std::printf("{\"handoff\": %.1f}\n", Handoff(std::atoi(argv[i + 1]), processes, bursty, budget_ms * 1e6));
      return 0;
    }
    if (argument == "--ms" && i + 1 < argc) {
      budget_ms = std::atof(argv[++i]);
    } else if (argument == "--list") {
      for (const Benchmark* b = Register::head(); b != nullptr; b = b->next) std::puts(b->name);
      return 0;
    } else {
      wanted.push_back(argument);
    }
  }
  std::vector<const Benchmark*> chosen;
  for (const Benchmark* b = Register::head(); b != nullptr; b = b->next) {
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), b->name) != wanted.end()) chosen.push_back(b);
  }
  std::sort(chosen.begin(), chosen.end(), [](const Benchmark* a, const Benchmark* b) { return std::strcmp(a->name, b->name) < 0; });
  const char* separator = "{";
  for (const Benchmark* b : chosen) {
    std::printf("%s\"%s\": %.1f", separator, b->name, Measure(*b, budget_ms * 1e6));
    std::fflush(stdout);
    separator = ", ";
  }
  std::puts(chosen.empty() ? "{}" : "}");
  return 0;
}

}  // namespace
}  // namespace ringwall::bench

int main(int argc, char** argv) { return ringwall::bench::Main(argc, argv); }
