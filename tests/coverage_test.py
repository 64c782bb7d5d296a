"""coverage.py: what counts as proved."""
import os
import tempfile
import types
import unittest

import coverage


def result(calls, platform="systrap", verdict="pass"):
    return types.SimpleNamespace(platform=platform, verdict=verdict, calls=calls)


class Uncovered(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.TemporaryDirectory()
        with open(os.path.join(self.root.name, "COMPATIBILITY.md"), "w", encoding="utf-8") as file:
            file.write("| number | name | level | note |\n|--:|---|---|---|\n| 0 | read | full |  |\n| 1 | write | partial | half |\n"
                       "| 2 | open | todo |  |\n| 3 | close | refused | never |\n| 15 | rt_sigreturn | full |  |\n")
        self.addCleanup(self.root.cleanup)

    def names(self, results, platform="systrap"):
        return [row[1] for row in coverage.uncovered(self.root.name, results, platform)]

    def test_what_promises_something_must_have_been_made(self):
        self.assertEqual(self.names([]), ["read", "write"])
        self.assertEqual(self.names([result([0])]), ["write"])
        self.assertEqual(self.names([result([0]), result([1, 2])]), [])

    def test_only_passing_tests_of_the_platform_count(self):
        self.assertEqual(self.names([result([0], verdict="skip"), result([1], verdict="fail"), result([0, 1], "ptrace")]), ["read", "write"])
        self.assertEqual(self.names([result([0, 1], "ptrace")], "ptrace"), [])

    def test_every_exemption_is_a_row_with_a_reason(self):
        rows = {row[1] for row in coverage.table(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))}
        for name, reason in coverage.EXEMPT.items():
            self.assertIn(name, rows)
            self.assertTrue(reason)


if __name__ == "__main__":
    unittest.main()
