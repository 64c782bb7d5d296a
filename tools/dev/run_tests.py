#!/usr/bin/python3
"""Runs every kind of test and adds up their summaries: the engine of ./dev test.

Each section is a runner of its own that ends with the line `N passed, N failed, N skipped`. This program runs those whose
folder exists, shows their output as it comes, and ends with one such line for the sum. A runner that fails without saying
so counts as one failure; a run in which nothing ran at all is a failure.
"""
import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import findings  # noqa: E402

SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped\s*$")
SECTIONS = ("tools", "unit", "syscall", "oci", "app", "cpython", "security", "random", "stress")
PLATFORMS = ("systrap", "ptrace", "kvm")  # what the behaviours run on after Linux itself, where `ringwall doctor` says that it is there
# What runs on the platforms that `auto` does not take; on that one the sections run whole.
SHORT = {"oci": ("states_follow_the_specification", "run_passes_the_exit_status"), "app": ("exit_status", "text_pipelines"), "cpython": ("test_os",),
         "random": ("random",),
         "security": ("guest_processes", "jumping_into", "storms_of", "two_hundred")}
RANDOM_CALLS = (6_000, 200_000)  # of tests/random in a usual run, and with --full
KILL_ROUNDS = 12         # of tests/oci in a usual run; --full: its own default


class Here:
    """The platforms of this machine, as `ringwall doctor` sees them."""

    def __init__(self, report):
        found = {p["name"]: p for p in report["platforms"]}
        self.available = [p for p in PLATFORMS if found.get(p, {}).get("available")]
        self.missing = {p: found.get(p, {}).get("reason") or "this build does not know it" for p in PLATFORMS if p not in self.available}
        self.default = report["auto"]["platform"]

    @staticmethod
    def ask(ringwall):
        """None when the answer is none: then the runners say what is wrong with the program."""
        try:
            done = subprocess.run([ringwall, "doctor", "--format", "json"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
            return Here(json.loads(done.stdout))
        except (OSError, subprocess.TimeoutExpired, ValueError, KeyError, TypeError) as error:
            print(f"{ringwall} doctor: {error}; taking ptrace alone", file=sys.stderr, flush=True)
            return Here({"platforms": [{"name": "ptrace", "available": True}], "auto": {"platform": "ptrace"}})


def commands(section, args, here):
    """The command lines of a section; none when it does not exist yet or does not apply."""
    python, ringwall = "/usr/bin/python3", os.path.join(args.build_dir, "ringwall")
    patterns = list(args.names)
    if section == "tools":
        return [[python, "tools/dev/run_unittests.py", room] + patterns for room in ("tools", "bench", "tests")]
    if section == "unit":
        command = [python, "tools/dev/unit_tests.py", "--build-dir", args.build_dir]
        return [command + (["--platform", args.platform] if args.platform else []) + patterns]
    if section == "syscall":
        if not os.path.exists("tests/run.py"):
            return []
        command = [python, "tests/run.py", "--build-dir", args.build_dir, "--ringwall", ringwall]
        # A behaviour is judged against Linux, so native always runs.
        chosen = args.platform.split(",") if args.platform else here.available
        command += ["--platform", ",".join(["native"] + [p for p in chosen if p != "native"])]
        return [command + [p] for p in patterns] or [command]
    runner = f"tests/{section}/run.py"
    if not os.path.exists(runner):
        return []
    command = [python, runner, "--ringwall", ringwall]
    if section == "stress" and not args.full and args.only is None:
        return []
    if section == "stress":
        command += patterns
        if args.platform:
            chosen = [p for p in args.platform.split(",") if p != "native"]
            return [command + ["--platform", ",".join(chosen)]] if chosen else []
        others = [p for p in here.available if p != here.default]
        return [command] + [command + ["--short", "--platform", other] for other in others]
    if section == "oci" and not args.full:
        command += ["--rounds", str(KILL_ROUNDS)]
    if section == "random":
        command += ["--calls", str(RANDOM_CALLS[args.full])]
    if section in ("cpython", "security", "app") and args.full:
        command += ["--full"]
    if args.platform:
        chosen = [p for p in args.platform.split(",") if p != "native" or section in ("app", "cpython")]
        if not chosen:
            return []
        command += ["--platform", ",".join(chosen)]
        return [command + [p] for p in patterns] or [command]
    if patterns:
        return [command + [p] for p in patterns]
    others = [p for p in here.available if p != here.default]
    return [command] + [command + ["--platform", other, short] for other in others for short in SHORT[section]]


def run(command):
    """(passed, failed, skipped, exit code) of one runner, its output shown as it comes."""
    counts = None
    environment = dict(os.environ, RINGWALL=os.path.abspath(command[command.index("--ringwall") + 1])) if "--ringwall" in command else None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace", env=environment) as process:
        for line in process.stdout:
            found = SUMMARY.match(line)
            if found:
                counts = tuple(int(n) for n in found.groups())
            else:
                sys.stdout.write(line)
                sys.stdout.flush()
        code = process.wait()
    passed, failed, skipped = counts or (0, 0, 0)
    return passed, failed, skipped, code


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", default="build/debug")
    parser.add_argument("--platform", help="only these platforms, comma separated; native always runs")
    parser.add_argument("--only", help="only these sections, comma separated: " + " ".join(SECTIONS))
    parser.add_argument("--full", action="store_true", help="long sub-sets whole: a hundred rounds of kill -9, 10,000 of storms")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("names", nargs="*", help="leaf or test names; empty: everything")
    args = parser.parse_args()
    # Not yet without differences that nobody has explained: tests/README.md.
    sections = args.only.split(",") if args.only else [s for s in SECTIONS if s != "random"]
    unknown = [s for s in sections if s not in SECTIONS]
    if unknown:
        parser.error(f"--only: there is no section {unknown[0]!r}; there are {' '.join(SECTIONS)}")

    # A shell without job control, or nohup(1), ignores these for what it starts, and an ignored signal stays ignored: tests of default
    # actions and of Ctrl-C would then fail natively.
    for ignored in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        if signal.getsignal(ignored) == signal.SIG_IGN:
            signal.signal(ignored, signal.SIG_DFL)

    here = Here.ask(os.path.join(args.build_dir, "ringwall")) if set(sections) - {"tools", "unit"} else None
    rows = []
    findings.clear(args.build_dir)
    for section in sections:
        started = time.monotonic()
        row = {"section": section, "passed": 0, "failed": 0, "skipped": 0}
        lines = commands(section, args, here)
        if section == "syscall" and lines and not args.platform:
            for platform, reason in here.missing.items():
                print(f"SKIP platform {platform}: {reason}", flush=True)
                row["skipped"] += 1
        for command in lines:
            print(f"== {time.strftime('%H:%M:%S')} {section}: {' '.join(command[1:])}", file=sys.stderr, flush=True)
            passed, failed, skipped, code = run(command)
            # With a name, a section in which nothing matches is no failure; the sum of all sections decides.
            nothing = passed + failed + skipped == 0
            if code != 0 and failed == 0 and not (nothing and args.names):
                print(f"{section}: exit code {code} without a failed test: counted as one failure", flush=True)
                failed = 1
            row["passed"] += passed
            row["failed"] += failed
            row["skipped"] += skipped
        # A sanitizer's reports from inside sandboxes: each place is a failed test of its own.
        for count, role, report in findings.collect(args.build_dir):
            print(f"FAIL {section}: a sanitizer's finding in {role}, {count} times\n" + "\n".join(report[:60]), flush=True)
            row["failed"] += 1
        findings.clear(args.build_dir)
        row["seconds"] = round(time.monotonic() - started, 1)
        if lines:
            rows.append(row)

    total = {key: sum(row[key] for row in rows) for key in ("passed", "failed", "skipped")}
    if args.format == "json":
        print(json.dumps({"sections": rows, **total}))
    else:
        print(f"\n{'section':10} {'passed':>7} {'failed':>7} {'skipped':>8} {'seconds':>8}")
        for row in rows:
            print(f"{row['section']:10} {row['passed']:7} {row['failed']:7} {row['skipped']:8} {row['seconds']:8}")
        print(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    if total["passed"] + total["failed"] == 0:
        print("dev test: nothing ran" + (f" that matches {' '.join(args.names)}" if args.names else ""), file=sys.stderr)
        return 1
    return 1 if total["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
