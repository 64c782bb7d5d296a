"""Tests of the rounds of a row, and of the jobs' texts."""
import subprocess
import time
import types
import unittest

import engines
import jobs
import rows


class FakeEngine:
    def __init__(self, name, missing=None):
        self.name, self.missing = name, missing


def collect(row, names, cap=100, seconds=100):
    world = types.SimpleNamespace(empty_work=lambda: None)
    row.collect([FakeEngine(n, "gone" if n == "gone" else None) for n in names], world, cap, time.monotonic() + seconds)
    return row.record()["engines"]


class Rounds(unittest.TestCase):
    def setUp(self):
        self.order = []

    def row(self, group="start", runs=3, fail=(), value=lambda turn: turn):
        def measure(engine):
            self.order.append(engine.name)
            if engine.name in fail:
                raise engines.Failure("exit status 7")
            return value(self.order.count(engine.name))
        return rows.Row("r", group, "s", "", measure, runs)

    def test_interleaved_with_another_first_each_time(self):
        collect(self.row(), ["native", "a"])
        self.assertEqual(self.order, ["native", "a", "a", "native", "native", "a"])

    def test_median(self):
        self.assertEqual(collect(self.row(), ["native"])["native"], {"median": 2, "samples": [1, 2, 3]})

    def test_operations_measure_native_twice_a_round(self):
        collect(self.row("operation", 1), ["native", "a", "b"])
        self.assertEqual(sorted(self.order), ["a", "b", "native", "native"])

    def test_a_job_warms_the_page_cache_first(self):
        self.assertEqual(collect(self.row("job", 1), ["native", "a"])["native"]["samples"], [2])

    def test_a_failure_stops_its_engine_only(self):
        cells = collect(self.row(fail=["a"]), ["native", "a"])
        self.assertEqual(cells["a"], {"median": None, "samples": [], "error": "exit status 7"})
        self.assertEqual((len(cells["native"]["samples"]), self.order.count("a")), (3, 1))

    def test_engines_that_are_not_there_are_left_out(self):
        self.assertEqual(list(collect(self.row(), ["native", "gone"])), ["native"])

    def test_a_slow_engine_gets_no_further_round(self):
        slow = self.row(value=lambda turn: time.sleep(0.02))
        self.assertEqual(len(collect(slow, ["native"], cap=0.01)["native"]["samples"]), 1)

    def test_after_the_deadline_one_round_each(self):
        collect(self.row(), ["native", "a"], seconds=-1)
        self.assertEqual(self.order, ["native", "a"])


class Jobs(unittest.TestCase):
    def test_bash_can_parse_every_script(self):
        for job in jobs.JOBS:
            for quick in (False, True):
                done = subprocess.run(["bash", "-n", "-c", job.text(quick)], capture_output=True, text=True)
                self.assertEqual((done.returncode, done.stderr), (0, ""), job.name)
                self.assertNotIn("{n}", job.text(quick) + job.described(quick))

    def test_names_are_unique(self):
        names = [job.name for job in jobs.JOBS]
        self.assertEqual(len(names), len(set(names)))


if __name__ == "__main__":
    unittest.main()
