#!/usr/bin/env python3
"""Runs the guest tests natively and then in a sandbox per platform, and compares with the expectations.

A test is judged on a platform when it passed natively. Its result must be a pass, or a failure (or skip) that
tests/expectations/<platform>.txt names ("Suite.Case  # reason"); a listed test that passes fails the run, so that
the lists only shrink. The last line is "N passed, N failed, N skipped".
"""
import argparse
import concurrent.futures
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml
from dataclasses import dataclass, field

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import coverage  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MARK = re.compile(r"\[( RUN      |       OK |  FAILED  |  SKIPPED )\] (\w+\.\w+)")
CALLS = re.compile(r"^@calls((?: \d+)+)$")  # tests/lib/guest_main.cc
NOISE = re.compile(r"^\[[ =\-A-Z]{10}\]|^Note: Google Test filter|^Running main|^\s*\d* ?FAILED TESTS?$|^$")
MAX_RESTARTS = 12  # sandboxes per binary after crashes and hangs


@dataclass
class Result:
    platform: str
    binary: str
    test: str
    outcome: str  # pass, fail, skip
    seconds: float = 0.0
    lines: list = field(default_factory=list)  # what the test printed
    calls: list = field(default_factory=list)  # numbers of the calls it made and no test of the binary before it
    verdict: str = ""  # pass, fail, skip, known-failure, unexpected-pass


def read_expectations(platform):
    known = {}
    path = os.path.join(ROOT, "tests", "expectations", platform + ".txt")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                name, _, reason = (part.strip() for part in line.partition("#"))
                if not name:
                    continue
                if not reason:
                    sys.exit(f"{path}:{number}: {name} has no reason")
                known[name] = reason
    return known


def list_tests(binary):
    names, suite = [], ""
    text = subprocess.run([binary, "--gtest_list_tests"], capture_output=True, text=True, timeout=20, check=True).stdout
    for line in text.splitlines():
        word = line.split("#")[0].rstrip()
        if not word or word.startswith("Running main"):
            continue
        if word.startswith("  "):
            names.append(suite + word.strip())
        else:
            suite = word
    return [name for name in names if ".DISABLED_" not in name]


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


class Runner:
    def __init__(self, options):
        self.options = options

    def command(self, platform, binary, directory, tests):
        guest = [binary, "--gtest_color=no", "--tmpdir=" + directory, "--gtest_filter=" + ":".join(tests)]
        if platform == "native":
            return guest
        return [self.options.ringwall, *self.options.ringwall_flag, "do", "--platform=" + platform, "--rw", directory, "--", *guest]

    def run_binary(self, platform, binary, tests):
        """All results of one binary on one platform, restarting after a test that hung or took the process down."""
        deadline = time.monotonic() + self.options.timeout
        remaining, results = list(tests), []
        for _ in range(MAX_RESTARTS):
            if not remaining:
                break
            directory = tempfile.mkdtemp(prefix="guest-run-", dir=self.options.tmpdir)
            os.chmod(directory, 0o755)
            if self.options.as_user is not None:
                os.chown(directory, self.options.as_user, self.options.as_user)
            try:
                done, tail, why = self.run_once(platform, binary, directory, remaining, deadline)
            finally:
                shutil.rmtree(directory, ignore_errors=True)
            results += done
            finished = {result.test for result in done}
            remaining = [test for test in remaining if test not in finished]
            if remaining and (not done or time.monotonic() >= deadline):
                lines = [why] + tail[-15:]
                return results + [Result(platform, binary, test, "fail", 0, lines if i == 0 else ["not run: " + why])
                                  for i, test in enumerate(remaining)]
        return results + [Result(platform, binary, test, "fail", 0, ["not run: the process died too often"]) for test in remaining]

    def run_once(self, platform, binary, directory, tests, deadline):
        user = {}
        if self.options.as_user is not None and platform == "native":
            user = {"user": self.options.as_user, "group": self.options.as_user, "extra_groups": []}
        process = subprocess.Popen(self.command(platform, binary, directory, tests), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, cwd=directory, **user)
        done, lines, calls, current, started = [], [], [], None, time.monotonic()
        pending, why = b"", ""
        os.set_blocking(process.stdout.fileno(), False)
        selector = selectors.DefaultSelector()
        selector.register(process.stdout, selectors.EVENT_READ)
        open_end = True
        while open_end:
            now = time.monotonic()
            limit = min(deadline, started + self.options.test_timeout)
            if now >= limit:
                why = f"timed out after {now - started:.0f} s"
                break
            # A left-over grandchild may hold the pipe open: the end of the process itself is the end of the run.
            ready = selector.select(min(limit - now, 0.5))
            ended = process.poll() is not None
            if ready:
                chunk = os.read(process.stdout.fileno(), 65536)
                open_end = bool(chunk)
                pending += chunk
            elif ended:
                open_end = False
            *whole, pending = pending.split(b"\n")
            for raw in whole:
                line = raw.decode("utf-8", "replace")
                mark = MARK.search(line)
                kind = mark.group(1).strip() if mark else ""
                if kind == "RUN":
                    current, lines, calls, started = mark.group(2), [], [], time.monotonic()
                elif kind and current == mark.group(2):
                    outcome = {"OK": "pass", "FAILED": "fail", "SKIPPED": "skip"}[kind]
                    if mark.start() > 0:
                        lines.append(line[:mark.start()])
                    done.append(Result(platform, binary, current, outcome, time.monotonic() - started, lines, calls))
                    current, lines, started = None, [], time.monotonic()
                elif made := CALLS.match(line):
                    calls += [int(number) for number in made.group(1).split()]
                elif not kind and not NOISE.match(line):
                    lines.append(line)
        if why:
            kill_group(process)
        try:
            code = process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            kill_group(process)
            code = process.wait()
        kill_group(process)  # what the tests left behind
        process.stdout.close()
        selector.close()
        if pending:
            lines.append(pending.decode("utf-8", "replace"))
        if not why:
            why = f"killed by signal {-code}" if code < 0 else f"exited with {code}"
        if current is not None:
            done.append(Result(platform, binary, current, "fail", time.monotonic() - started, lines + ["the test process " + why]))
        return done, lines, "the test process " + why


def judge(results, native, known):
    for result in results:
        if native is None and result.outcome == "skip":
            result.verdict = "skip"
        elif native is not None and native.get((result.binary, result.test)) != "pass":
            result.verdict = "skip"
        elif result.test in known:
            result.verdict = "unexpected-pass" if result.outcome == "pass" else "known-failure"
        elif result.outcome == "skip":
            # What this machine can do natively the sandbox has to do, too: a skip there hides a gap.
            result.verdict = "fail"
            result.lines = ["skipped here, though it passes natively; write it into tests/expectations if it is a gap"] + result.lines
        else:
            result.verdict = result.outcome
        if result.verdict == "skip" and result.outcome != "skip":
            result.lines = ["not judged: it did not pass natively"]


def leaf(binary):
    return os.path.basename(binary)


def show(results, options):
    for result in results:
        name = f"{result.platform} {leaf(result.binary)} {result.test}"
        if result.verdict == "fail":
            print(f"FAIL {name}")
            for line in result.lines[:options.lines]:
                print("    " + line)
            if len(result.lines) > options.lines:
                print(f"    ... {len(result.lines) - options.lines} more lines")
        elif result.verdict == "unexpected-pass":
            print(f"FAIL {name}\n    passes, but is listed in tests/expectations/{result.platform}.txt: remove the line")
        elif result.verdict == "skip" and (options.verbose or options.show_skips):
            reason = next((line for line in result.lines if line.strip() and "Skipped" not in line), "")
            print(f"SKIP {name}: {reason.strip()}")
        elif options.verbose:
            print(f"{result.verdict.upper()} {name} ({result.seconds:.2f} s)")


def write_junit(path, results):
    suites = xml.Element("testsuites")
    groups = {}
    for result in results:
        groups.setdefault((result.platform, leaf(result.binary)), []).append(result)
    for (platform, binary), members in groups.items():
        bad = [r for r in members if r.verdict in ("fail", "unexpected-pass")]
        skipped = [r for r in members if r.verdict in ("skip", "known-failure")]
        suite = xml.SubElement(suites, "testsuite", name=f"{platform}.{binary}", tests=str(len(members)), failures=str(len(bad)),
                               skipped=str(len(skipped)), time=f"{sum(r.seconds for r in members):.3f}")
        for result in members:
            case = xml.SubElement(suite, "testcase", classname=f"{platform}.{binary}", name=result.test, time=f"{result.seconds:.3f}")
            text = re.sub(r"[^\t\n\x20-\ud7ff]", "?", "\n".join(result.lines))
            if result in bad:
                xml.SubElement(case, "failure", message=result.verdict).text = text
            elif result in skipped:
                xml.SubElement(case, "skipped", message=result.verdict if result.verdict != "skip" else text[:500])
    xml.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pattern", nargs="?", default="", metavar="PATTERN",
                        help="a part of a binary's name (pipe, fd_pipe), or a test as Suite.Case with * allowed")
    parser.add_argument("--build-dir", default=os.path.join(ROOT, "build", "debug"))
    parser.add_argument("--platform", default="native", help="comma-separated: native, ptrace, systrap, kvm (native always runs first)")
    parser.add_argument("--ringwall", help="the ringwall binary (default: found in the build directory)")
    parser.add_argument("--ringwall-flag", action="append", default=[], help="a global flag for ringwall, before `do`")
    parser.add_argument("--tmpdir", default=os.environ.get("TMPDIR", "/tmp"), help="where the tests' directories are made")
    parser.add_argument("--as-user", type=int, metavar="UID", help="run the native tests as this user")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--timeout", type=float, default=60, help="seconds per binary")
    parser.add_argument("--test-timeout", type=float, default=10, help="seconds per test")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    parser.add_argument("--junit", metavar="FILE")
    parser.add_argument("--lines", type=int, default=12, help="lines of output shown per failed test")
    parser.add_argument("--show-skips", action="store_true")
    parser.add_argument("-v", "--verbose", action="store_true")
    return parser.parse_args()


def find_ringwall(options):
    for candidate in ("ringwall", "runsc-cli/ringwall", "bin/ringwall"):
        path = os.path.join(options.build_dir, candidate)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    sys.exit(f"run.py: no ringwall binary below {options.build_dir}; name it with --ringwall")


def choose(options):
    """The binaries and their tests that the pattern means."""
    folder = os.path.join(options.build_dir, "guest")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    binaries = [os.path.join(folder, name) for name in names if name.endswith("_test")]
    pattern = options.pattern.replace("/", "_")
    chosen = []
    for binary in binaries:
        if "." not in pattern and pattern not in leaf(binary):
            continue
        tests = list_tests(binary)
        if "." in pattern:
            wanted = re.compile(re.escape(pattern).replace(r"\*", ".*") + "$")
            tests = [test for test in tests if wanted.match(test)]
        if tests:
            chosen.append((binary, tests))
    return chosen


def main():
    options = parse_arguments()
    options.build_dir = os.path.abspath(options.build_dir)
    platforms = [name for name in dict.fromkeys(options.platform.split(",")) if name and name != "native"]
    if platforms:
        options.ringwall = os.path.abspath(options.ringwall) if options.ringwall else find_ringwall(options)
    runner, chosen = Runner(options), choose(options)
    everything, native, started = [], {}, time.monotonic()
    for platform in ["native", *platforms]:
        known = read_expectations(platform)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            jobs = {pool.submit(runner.run_binary, platform, binary, tests): binary for binary, tests in chosen}
            for count, job in enumerate(concurrent.futures.as_completed(jobs), 1):
                results = job.result()
                judge(results, None if platform == "native" else native, known)
                if platform == "native":
                    native.update({(result.binary, result.test): result.outcome for result in results})
                bad = sum(result.verdict in ("fail", "unexpected-pass") for result in results)
                print(f"[{platform} {count}/{len(jobs)}] {leaf(jobs[job])}: {len(results)} tests" + (f", {bad} failed" if bad else ""),
                      file=sys.stderr, flush=True)
                everything += results
    everything.sort(key=lambda result: (result.platform != "native", result.platform, result.binary))
    counts = {"pass": 0, "fail": 0, "skip": 0}
    known_failures = 0
    for result in everything:
        if result.verdict == "known-failure":
            known_failures += 1
        counts[{"unexpected-pass": "fail", "known-failure": "skip"}.get(result.verdict, result.verdict)] += 1
    if options.junit:
        write_junit(options.junit, everything)
    bare, judged = [], True
    if not options.pattern:
        bare = [(platform, *row) for platform in platforms for row in coverage.uncovered(ROOT, everything, platform)]
        # Where many tests must skip, the rows that only they prove cannot be judged.
        judged = coverage.can_be_judged()
        counts["fail" if judged else "skip"] += len(bare)
    if options.format == "json":
        report = {"passed": counts["pass"], "failed": counts["fail"], "skipped": counts["skip"], "known_failures": known_failures,
                  "uncovered": [{"platform": platform, "number": number, "call": name} for platform, number, name, _ in bare], "seconds": round(time.monotonic() - started, 3),
                  "tests": [{"platform": r.platform, "binary": leaf(r.binary), "test": r.test, "verdict": r.verdict,
                             "seconds": round(r.seconds, 3), "output": r.lines if r.verdict != "pass" else []} for r in everything]}
        json.dump(report, sys.stdout, indent=1)
        print()
    else:
        show(everything, options)
        for platform, number, name, level in bare:
            print(f"{'FAIL' if judged else 'SKIP'} {platform} coverage {name}({number}): COMPATIBILITY.md says {level}, but no test that passed made this call")
        if known_failures:
            print(f"{known_failures} known failures (tests/expectations) are counted as skipped")
        if not everything:
            print("nothing ran: " + ("no test matches the pattern" if options.pattern else "build guest_tests first"))
        print(f"{counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped")
    return 1 if counts["fail"] or not counts["pass"] else 0


if __name__ == "__main__":
    sys.exit(main())
