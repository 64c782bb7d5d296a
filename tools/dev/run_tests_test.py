"""Which command lines `./dev test` runs on a machine with these and those platforms."""
import argparse
import unittest

import run_tests


def report(available, default):
    return {"platforms": [{"name": name, "available": name in available, "reason": "" if name in available else "no luck"} for name in run_tests.PLATFORMS],
            "auto": {"platform": default}}


def lines(section, available=("systrap", "ptrace"), default="systrap", platform=None, names=(), full=False, only=None):
    args = argparse.Namespace(build_dir="build/debug", platform=platform, names=list(names), full=full, only=only)
    return run_tests.commands(section, args, run_tests.Here(report(available, default)))


def option(command, flag):
    return command[command.index(flag) + 1] if flag in command else None


class Commands(unittest.TestCase):
    def test_behaviours_run_natively_and_on_every_platform_that_is_there(self):
        self.assertEqual(option(lines("syscall")[0], "--platform"), "native,systrap,ptrace")
        self.assertEqual(option(lines("syscall", available=["ptrace"], default="ptrace")[0], "--platform"), "native,ptrace")

    def test_a_named_platform_is_not_dropped(self):
        self.assertEqual(option(lines("syscall", platform="kvm")[0], "--platform"), "native,kvm")
        self.assertEqual(option(lines("oci", platform="native,ptrace")[0], "--platform"), "ptrace")
        self.assertEqual(lines("oci", platform="native"), [])

    def test_long_sections_run_whole_on_the_default_platform_and_briefly_on_the_others(self):
        for section in ("oci", "app", "cpython", "security"):
            whole, *short = lines(section)
            self.assertIsNone(option(whole, "--platform"))
            self.assertEqual([(option(command, "--platform"), command[-1]) for command in short], [("ptrace", name) for name in run_tests.SHORT[section]])

    def test_a_name_means_the_default_platform(self):
        self.assertEqual([command[-1] for command in lines("app", names=["git", "perl"])], ["git", "perl"])

    def test_stressors_run_only_when_asked_for(self):
        self.assertEqual(lines("stress"), [])
        whole, short = lines("stress", full=True)
        self.assertIsNone(option(whole, "--platform"))
        self.assertIn("--short", short)
        self.assertEqual(option(short, "--platform"), "ptrace")
        self.assertEqual(lines("stress", only="stress", names=["futex"], platform="native"), [])

    def test_what_is_missing_says_why(self):
        here = run_tests.Here(report(["ptrace"], "ptrace"))
        self.assertEqual(here.missing, {"systrap": "no luck", "kvm": "no luck"})


if __name__ == "__main__":
    unittest.main()
