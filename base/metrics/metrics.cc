// The process-wide list of metrics.
#include "base/metrics/metrics.h"

#include <algorithm>

namespace ringwall {

struct MetricsRegistry {
  // Constant-initialised: metrics of other files register themselves before main in any order.
  static constinit inline std::atomic<Metric*> head{nullptr};

  static void Add(Metric* metric) {
    metric->next_ = head.load(std::memory_order_relaxed);
    while (!head.compare_exchange_weak(metric->next_, metric, std::memory_order_release, std::memory_order_relaxed)) {
    }
  }
  static std::vector<MetricSample> Snapshot() {
    std::vector<MetricSample> samples;
    for (const Metric* m = head.load(std::memory_order_acquire); m != nullptr; m = m->next_) {
      samples.push_back({m->name_, m->help_, m->kind_, m->value()});
    }
    return samples;
  }
};

Metric::Metric(const char* name, const char* help, MetricKind kind) : name_(name), help_(help), kind_(kind) { MetricsRegistry::Add(this); }

std::vector<MetricSample> SnapshotMetrics() {
  std::vector<MetricSample> samples = MetricsRegistry::Snapshot();
  std::sort(samples.begin(), samples.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return samples;
}

}  // namespace ringwall
