// Counters with a name, for `ringwall events` and debugging. Incrementing is one relaxed atomic add and takes no lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>
#include <vector>

namespace ringwall {

enum class MetricKind : uint8_t {
  kCounter,  // only grows
  kGauge,    // a current amount
};

// An object of static storage: registers itself for the life of the process.
//   Metric g_forks("ringwall_forks_total", "guest processes made by clone and fork");
class Metric {
 public:
  // Both strings must be literals. The name follows Prometheus' rules: [a-z0-9_]+, counters end in _total.
  Metric(const char* name, const char* help, MetricKind kind = MetricKind::kCounter);
  Metric(const Metric&) = delete;
  Metric& operator=(const Metric&) = delete;

  void Add(int64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  void Set(int64_t n) { value_.store(n, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  friend struct MetricsRegistry;

  const char* const name_;
  const char* const help_;
  const MetricKind kind_;
  std::atomic<int64_t> value_{0};
  Metric* next_ = nullptr;
};

struct MetricSample {
  std::string_view name;
  std::string_view help;
  MetricKind kind;
  int64_t value;
};
// All metrics, by name. Each value is read once; there is no instant at which all of them held together.
std::vector<MetricSample> SnapshotMetrics();

}  // namespace ringwall
