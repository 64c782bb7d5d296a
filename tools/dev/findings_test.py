"""Tests of how sanitizers' reports are told apart and counted."""
import os
import tempfile
import unittest

import findings

RACE = """==================
WARNING: ThreadSanitizer: data race (pid=1)
  Read of size 4 at 0x55e713 by thread T5:
    #0 <null> <null> (ringwall+0x177870)
    #1 <null> <null> (libstdc++.so.6+0xd44a2)
==================
"""
UNDEFINED = "a.cc:3:4: runtime error: shift exponent 64 is too large\n    #0 0x5 (ringwall+0x99)\n"


class Findings(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        os.mkdir(os.path.join(self.folder.name, "findings"))
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        with open(os.path.join(self.folder.name, "findings", name), "w") as file:
            file.write(text)

    def test_empty_files_are_no_findings(self):
        self.write("sentry.1.1", "")
        self.assertEqual(findings.collect(self.folder.name), [])

    def test_an_ordinary_build_has_none(self):
        self.assertEqual(findings.collect("/nonexistent"), [])

    def test_the_same_place_is_one_finding(self):
        self.write("sentry.1.1", RACE + RACE.replace("0x55e713", "0x55e799"))
        self.write("sentry.2.1", RACE)
        found = findings.collect(self.folder.name)
        self.assertEqual([(count, role) for count, role, _ in found], [(3, "sentry")])

    def test_different_places_are_different(self):
        self.write("sentry.1.1", RACE + RACE.replace("177870", "177999"))
        self.write("gofer.1.1", UNDEFINED)
        self.assertEqual(sorted(role for _, role, _ in findings.collect(self.folder.name)), ["gofer", "sentry", "sentry"])

    def test_clear_removes_the_files(self):
        self.write("sentry.1.1", RACE)
        findings.clear(self.folder.name)
        self.assertEqual(findings.files_of(self.folder.name), [])


if __name__ == "__main__":
    unittest.main()
