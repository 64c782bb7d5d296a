"""Tests of the table and of the picture."""
import unittest
import xml.etree.ElementTree

import goals
import plot
import report
from goals_test import record, row


def cells(line):
    return [c.strip() for c in line.split("  ") if c.strip()]


class Figures(unittest.TestCase):
    def test_units(self):
        for value, unit, text in ((0, "s", "0 ns"), (31.42, "ns", "31.4 ns"), (999, "ns", "999 ns"), (1500, "ns", "1.5 us"), (357e3, "ns", "357 us"),
                                  (0.0123, "s", "12.3 ms"), (12.345, "s", "12.35 s"), (8192, "KiB", "8.0 MiB")):
            self.assertEqual(report.shown(value, unit), text)

    def test_ratios(self):
        self.assertEqual([report.times(r) for r in (0.5, 1.1, 33.33, 129.4)], ["0.5x", "1.1x", "33.3x", "129x"])


class Table(unittest.TestCase):
    def lines(self, *rows, **more):
        return report.table(goals.annotate(record(*rows, **more))).splitlines()

    def test_a_row(self):
        lines = self.lines(row(native=100, runsc=3300, ringwall_systrap=700))
        self.assertEqual(cells(lines[0]), ["native", "runsc", "ringwall-systrap", "goal", "ringwall-systrap", "vs gVisor"])
        self.assertEqual(cells(lines[1]), ["getppid", "100 ns", "3.3 us (33x)", "700 ns (7x)", "<= 6x", "missed", "0.212x"])
        self.assertEqual(cells(lines[2]), ["geometric mean of operations", "33x of 1", "7x of 1", "<= 2.5x", "missed", "0.212x"])

    def test_slower_than_gvisor_is_said(self):
        self.assertTrue(self.lines(row("stat_hit", native=1, runsc=2, ringwall_systrap=4))[1].endswith("2x slower"))

    def test_a_failure_is_named_with_its_reason(self):
        lines = self.lines(row(native=100, runsc=200, errors=["ringwall-systrap"]))
        self.assertIn("failed", lines[1])
        self.assertIn("runs there only", lines[1])
        self.assertIn("getppid: ringwall-systrap failed: exit status 1", lines)

    def test_an_engine_that_is_not_there_has_no_column(self):
        made = record(row(native=100, ringwall_ptrace=200), engines=("native", "runsc", "ringwall-systrap", "ringwall-ptrace"))
        made["engines"][1]["missing"] = "no network"
        made["engines"][2]["missing"] = "not in this version"
        text = report.table(goals.annotate(made))
        self.assertEqual(cells(text.splitlines()[0]), ["native", "ringwall-ptrace", "goal", "ringwall-ptrace"])
        self.assertIn("runsc: not there: no network", text)
        self.assertIn("ringwall-systrap: not there: not in this version", text)

    def test_a_busy_machine_is_no_base_for_a_verdict(self):
        made = record(row(native=1))
        self.assertNotIn("busy", report.table(goals.annotate(made)))
        made["machine"]["load_before"] = 3.0
        self.assertIn("not fit for a verdict", report.table(goals.annotate(made)))

    def test_nothing_measured(self):
        self.assertTrue(self.lines())


class Subject(unittest.TestCase):
    def test_systrap_first_then_what_ran(self):
        made = record(engines=("native", "ringwall-ptrace", "ringwall-systrap"))
        self.assertEqual(report.subject_of(made), "ringwall-systrap")
        made["engines"][2]["missing"] = "no"
        self.assertEqual(report.subject_of(made), "ringwall-ptrace")
        self.assertIsNone(report.subject_of(record(engines=("native", "crun"))))


class Picture(unittest.TestCase):
    def parse(self, *rows, **more):
        return xml.etree.ElementTree.fromstring(plot.svg(goals.annotate(record(*rows, **more))))

    def circles(self, picture):
        return [float(c.get("cx")) for c in picture.iter("{http://www.w3.org/2000/svg}circle") if list(c)]

    def test_is_well_formed_also_with_odd_names_and_without_rows(self):
        self.parse()
        self.parse(row('<&">', native=1, runsc=2), engines=("native", "runsc", "a<b"))

    def test_the_axis_is_logarithmic_and_inside_the_picture(self):
        picture = self.parse(row(native=1, runsc=10, ringwall_systrap=1), row("stat_hit", native=1, runsc=100))
        ten, one, hundred = self.circles(picture)
        self.assertAlmostEqual(ten - one, hundred - ten, delta=0.2)
        for x in (ten, one, hundred):
            self.assertTrue(plot.LEFT < x < plot.WIDTH - plot.RIGHT)

    def test_zero_and_missing_figures_have_no_mark(self):
        self.assertEqual(self.circles(self.parse(row(native=1, runsc=0), row("stat_hit", runsc=5))), [])

    def test_an_absolute_goal_lies_at_its_ratio(self):
        self.assertAlmostEqual(plot.goal_ratio(goals.annotate(record(row("start_to_exit", "start", "s", native=0.005)))["rows"][0]), 5)

    def test_ticks(self):
        self.assertEqual(plot.ticks(0.8, 25), [1, 2, 5, 10, 20])


if __name__ == "__main__":
    unittest.main()
