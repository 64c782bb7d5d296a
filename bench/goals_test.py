"""Tests of what a run is judged by."""
import unittest

import goals


def row(name="getppid", group="operation", unit="ns", errors=(), **medians):
    cells = {k.replace("_", "-"): {"median": v, "samples": [v]} for k, v in medians.items()}
    for name_of in errors:
        cells[name_of] = {"median": None, "samples": [], "error": "exit status 1"}
    return {"name": name, "group": group, "unit": unit, "what": "", "engines": cells}


def record(*rows, engines=("native", "runsc", "ringwall-systrap")):
    return {"schema": 1, "started": "", "quick": False, "seconds": 1.0,
            "machine": {"cpu": "test", "cpus": 2, "kernel": "6", "memory_kib": 1, "load_before": 0.0},
            "engines": [{"name": n, "version": "1", "missing": None} for n in engines], "rows": list(rows)}


class Means(unittest.TestCase):
    def test_geometric(self):
        self.assertAlmostEqual(goals.geometric_mean([1, 4]), 2)
        self.assertAlmostEqual(goals.geometric_mean(iter([2, 2, 2])), 2)

    def test_geometric_of_nothing_or_zero(self):
        self.assertIsNone(goals.geometric_mean([]))
        self.assertIsNone(goals.geometric_mean([1, 0]))

    def test_only_operations_that_both_have_count(self):
        rows = [row(native=100, runsc=400), row("stat_hit", native=100), row("spawn", "job", "s", native=1, runsc=50)]
        self.assertEqual(goals.geometric_means(rows, ["native", "runsc"]), {"runsc": {"ratio": 4.0, "rows": 1}})


class Verdicts(unittest.TestCase):
    def test_a_ratio(self):
        self.assertEqual(goals.judge(row(native=100, ringwall_systrap=600), "ringwall-systrap")["goal"], goals.MET)
        self.assertEqual(goals.judge(row(native=100, ringwall_systrap=601), "ringwall-systrap")["goal"], goals.MISSED)

    def test_an_absolute_goal_needs_no_native_figure(self):
        self.assertEqual(goals.judge(row("start_to_exit", "start", "s", ringwall_systrap=0.024), "ringwall-systrap")["goal"], goals.MET)
        self.assertEqual(goals.judge(row("idle_memory", "idle", "KiB", ringwall_systrap=9000), "ringwall-systrap")["goal"], goals.MISSED)

    def test_a_ratio_without_native_is_no_verdict(self):
        self.assertIsNone(goals.judge(row(ringwall_systrap=600), "ringwall-systrap")["goal"])

    def test_no_goal_for_the_row(self):
        self.assertIsNone(goals.judge(row("stat_hit", native=1, ringwall_systrap=900), "ringwall-systrap")["goal"])

    def test_gvisor_within_noise_is_no_loss(self):
        self.assertEqual(goals.judge(row(runsc=100, ringwall_systrap=104), "ringwall-systrap")["reference"], goals.MET)
        self.assertEqual(goals.judge(row(runsc=100, ringwall_systrap=106), "ringwall-systrap")["reference"], goals.MISSED)

    def test_a_row_that_fails_misses(self):
        failed = row(native=1, runsc=5, errors=["ringwall-systrap"])
        self.assertEqual(goals.judge(failed, "ringwall-systrap"), {"goal": goals.MISSED, "reference": goals.MISSED})

    def test_an_engine_that_is_not_there_is_not_judged(self):
        self.assertEqual(goals.judge(row(native=1, runsc=5), "ringwall-systrap"), {"goal": None, "reference": None})

    def test_zero_is_a_figure(self):
        self.assertEqual(goals.judge(row("idle_cpu", "idle", "s", native=0.0, ringwall_systrap=0.0), "ringwall-systrap")["goal"], goals.MET)


class Annotate(unittest.TestCase):
    def test_adds_ratios_goals_and_verdicts_and_may_be_repeated(self):
        once = goals.annotate(record(row(native=100, runsc=3300, ringwall_systrap=500)))
        self.assertEqual(once["rows"][0]["engines"]["runsc"]["ratio"], 33.0)
        self.assertEqual(once["rows"][0]["goal"], {"unit": "x", "most": 6})
        self.assertEqual(list(once["rows"][0]["verdicts"]), ["ringwall-systrap"])
        self.assertEqual(once["geometric_mean"]["engines"]["ringwall-systrap"], {"ratio": 5.0, "rows": 1})
        self.assertEqual(goals.annotate(once), once)

    def test_every_goal_names_a_row(self):
        import rows
        import jobs
        known = {"getppid_busy", "start_to_exit", "idle_memory", "idle_cpu", *rows.OPERATIONS, *(j.name for j in jobs.JOBS)}
        self.assertEqual(set(goals.GOALS) - known, set())


if __name__ == "__main__":
    unittest.main()
