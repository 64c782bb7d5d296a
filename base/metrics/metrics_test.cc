// Metrics: registration and counting from several threads.
#include "base/metrics/metrics.h"

#include <thread>

#include "gtest/gtest.h"

namespace ringwall {
namespace {

Metric g_second("test_b_total", "second");
Metric g_first("test_a", "first", MetricKind::kGauge);

TEST(Metrics, SnapshotIsSortedAndComplete) {
  std::thread other([] {
    for (int i = 0; i < 1000; ++i) g_second.Add();
  });
  for (int i = 0; i < 1000; ++i) g_second.Add();
  other.join();
  g_first.Set(5);
  g_first.Add(-2);
  const auto samples = SnapshotMetrics();
  ASSERT_EQ(samples.size(), 2u);
  EXPECT_EQ(samples[0].name, "test_a");
  EXPECT_EQ(samples[0].value, 3);
  EXPECT_EQ(samples[1].name, "test_b_total");
  EXPECT_EQ(samples[1].value, 2000);
}

}  // namespace
}  // namespace ringwall
