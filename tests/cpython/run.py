#!/usr/bin/python3
"""CPython's own tests (Debian's libpython3.11-testsuite) on Linux and in the sandbox, verdict by verdict.

Every module runs as `python3 -m test -v -u RESOURCES MODULE` over the host's root, first natively, then on each platform. A case that passes
natively must pass in the sandbox; failed, skipped or missing there it is a failure, unless `differences.txt` names it with the
reason. A case of that list that passes in the sandbox fails the run too: the list can only get shorter. What fails natively is not judged.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
# Nothing from outside this machine, nothing that fills its disk or only burns its CPUs.
RESOURCES = "all,-network,-urlfetch,-gui,-audio,-largefile,-extralargefile,-cpu"
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root" if os.getuid() == 0 else os.environ.get("HOME", "/"),
               "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "dumb", "TZ": "UTC"}

MORE_RESOURCES = {"test_socketserver": ",network"}  # which means loopback there

# The usual run: seconds each. The others (--full) sleep, or run for minutes even natively.
QUICK = ("test_os test_posix test_posixpath test_select test_epoll test_fcntl test_mmap test_pty test_openpty test_resource "
         "test_tempfile test_pathlib test_shutil test_time test_thread test_file test_fileio test_getpass test_glob test_grp test_pipes "
         "test_popen test_pwd test_spwd test_stat test_syslog test_threading_local").split()
FULL = ("test_asyncio test_concurrent_futures test_eintr test_faulthandler test_fork1 test_io test_multiprocessing_fork "
        "test_multiprocessing_forkserver test_multiprocessing_main_handling test_multiprocessing_spawn test_queue test_selectors test_signal "
        "test_poll test_socket test_socketserver test_sqlite3 test_subprocess test_tarfile test_threading test_wait3 test_wait4 "
        "test_zipfile").split()
TIMEOUT = 1800             # of one module, native or not
QUIET = 300                # no test of the suite is silent for longer: that is a hang
ATTEMPTS_AFTER_A_HANG = 4  # each without the tests that hung before


class Run:
    """One `python3 -m test` of one module in a folder of its own, which a sandbox may really write to."""

    def __init__(self, python, prefix_of, module, only=(), without=()):
        self.work = tempfile.mkdtemp(prefix="ringwall-cpython.")
        self.report, self.log = os.path.join(self.work, "junit.xml"), os.path.join(self.work, "log")
        self.command = prefix_of(self.work) + [python, "-m", "test", "-v", "-u", RESOURCES + MORE_RESOURCES.get(module, ""), "--junit-xml", self.report]
        self.command += [word for case in only for word in ("-m", "*" + case)] + [word for case in without for word in ("-i", "*" + case)]
        self.command.append(module)

    def execute(self):
        """The exit status, or None when it had to be ended: only its own process group, and first so that a sandbox can go in order."""
        with open(self.log, "wb") as out:
            process = subprocess.Popen(self.command, cwd=self.work, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        # Seconds are counted, not read from a clock: time in which the machine, and so this program too, was stopped is nobody's hang.
        seconds, said, quiet_since = 0, 0, 0
        while True:
            try:
                return process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                seconds += 1
            size = os.stat(self.log).st_size
            if size != said:
                said, quiet_since = size, seconds
            if seconds - quiet_since < QUIET and seconds < TIMEOUT:
                continue
            for end in (signal.SIGTERM, signal.SIGKILL):
                os.killpg(process.pid, end)
                try:
                    process.wait(timeout=10)
                    return None
                except subprocess.TimeoutExpired:
                    pass

    def text(self):
        return pathlib.Path(self.log).read_text(errors="replace")

    def cases(self):
        """{case: (verdict, why)}, None without a report; a sub-test that fails makes its case fail."""
        if not os.path.exists(self.report) or not os.path.getsize(self.report):
            return None
        out = {}
        for case in xml.etree.ElementTree.parse(self.report).getroot().iter("testcase"):
            name = re.sub(r"\s*[\[(].*", "", case.get("name"), flags=re.DOTALL).removeprefix("test.")
            if out.get(name, ("passed",))[0] != "failed":
                out[name] = verdict(case)
        return out

    def last_started(self):
        """The test that was running when the output ended."""
        names = re.findall(r"^\w+ \((?:test\.)?([\w.]+)\)", self.text(), flags=re.MULTILINE)
        return names[-1] if names else None

    def remove(self):
        shutil.rmtree(self.work, ignore_errors=True)


def verdict(case):
    for kind in ("failure", "error"):
        if (found := case.find(kind)) is not None:
            return "failed", f"{found.get('message') or ''}\n{found.text or ''}".strip()
    if (found := case.find("skipped")) is not None:
        return "skipped", (found.text or found.get("message") or "").strip()
    return "passed", ""


def run_module(python, prefix_of, module, only=()):
    """{case: (verdict, why)}. A test that hangs, or takes the process down, fails alone: the others run again without it."""
    hung = {}
    for _ in range(ATTEMPTS_AFTER_A_HANG):
        run = Run(python, prefix_of, module, only, hung)
        try:
            code = run.execute()
            cases = run.cases()
            if cases is not None:
                return {**cases, **hung}
            last = "\n".join(run.text().splitlines()[-40:])
            what = "it hangs" if code is None else f"the interpreter ended with {code}"
            culprit = run.last_started()
            if culprit is None or culprit in hung:
                return {**hung, module: ("failed", f"{what}\n{last}")}
            hung[culprit] = ("failed", f"{what}\n{last}")
        finally:
            run.remove()
    return {**hung, module: ("failed", f"no report after {ATTEMPTS_AFTER_A_HANG} attempts")}


def read_differences():
    """{case: reason} of differences.txt."""
    out = {}
    for line in (HERE / "differences.txt").read_text(encoding="utf-8").splitlines():
        case, _, reason = line.partition("#")
        if case.strip():
            if not reason.strip():
                raise SystemExit(f"differences.txt: {case.strip()} has no reason")
            out[case.strip()] = reason.strip()
    return out


def judge(native, sandbox, listed):
    """[(case, what is wrong)], the listed ones left out, and how many of those there were."""
    wrong, explained = [], 0
    for case, (expected, _) in sorted(native.items()):
        if expected != "passed":
            continue
        got, why = sandbox.get(case, ("missing", "its module gave no verdict about it"))
        if case in listed:
            explained += got != "passed"
            if got == "passed":
                wrong.append((case, f"passes, but differences.txt lists it: {listed[case]}"))
        elif got != "passed":
            wrong.append((case, f"{got}, natively passed: {why}"))
    # What is about the whole module: it did not even get to its tests.
    wrong += [(case, why) for case, (got, why) in sandbox.items() if got == "failed" and "." not in case and case not in native]
    return wrong, explained


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ringwall", default=os.environ.get("RINGWALL", "build/debug/ringwall"))
    parser.add_argument("--platform", default="auto", help="comma separated; `native` alone shows what passes here")
    parser.add_argument("--full", action="store_true", help="every module, also those that take minutes")
    parser.add_argument("--python", default="/usr/bin/python3", help="another interpreter that has its tests (Debian leaves out sqlite3's)")
    parser.add_argument("--save", metavar="FOLDER", help="keeps every verdict as JSON, and takes the native ones from there when they are there")
    parser.add_argument("pattern", nargs="?", default="", help="modules whose name contains this, of all of them")
    args = parser.parse_args()
    ringwall = os.path.abspath(args.ringwall)
    platforms = [p for p in args.platform.split(",") if p != "native"]
    if platforms and not os.access(ringwall, os.X_OK):
        print(f"tests/cpython: {args.ringwall} does not exist: ./dev build first", file=sys.stderr)
        return 1
    if subprocess.run([args.python, "-c", "import test.test_os"], env=ENVIRONMENT, capture_output=True, check=False).returncode != 0:
        print("SKIP tests/cpython: CPython's tests are not installed (Debian: libpython3.11-testsuite)\n0 passed, 0 failed, 1 skipped")
        return 0
    modules = [m for m in QUICK + (FULL if args.full or args.pattern else []) if args.pattern.lower() in m]
    listed = read_differences()

    def prefix_of(platform):
        return lambda work: [] if platform == "native" else [ringwall, f"--platform={platform}", "do", "--rw", work, "--cwd", work, "--"]

    def verdicts(platform, module):
        kept = pathlib.Path(args.save, f"{module}.{platform}.json") if args.save else None
        if kept and platform == "native" and kept.exists():
            return json.loads(kept.read_text(encoding="utf-8")), 0.0
        started = time.monotonic()
        cases = run_module(args.python, prefix_of(platform), module)
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(cases, indent=1), encoding="utf-8")
        return cases, time.monotonic() - started

    count = {"passed": 0, "failed": 0, "skipped": 0}
    for module in modules:
        native, native_seconds = verdicts("native", module)
        good = sum(v == "passed" for v, _ in native.values())
        if good == 0:
            count["skipped"] += 1
            print(f"  SKIP {module}: no case of it passes natively", flush=True)
            continue
        if not platforms:
            print(f"  {module}: native {native_seconds:.1f} s, {good} of {len(native)} passed", file=sys.stderr, flush=True)
            count["passed"] += good
            for case, (_, why) in native.items():
                if native[case][0] == "failed":
                    print(f"  fails natively: {case}: {why}", flush=True)
        for platform in platforms:
            sandbox, seconds = verdicts(platform, module)
            wrong, explained = judge(native, sandbox, listed)
            again = [case for case, why in wrong if "." in case and "it hangs" not in why]
            if again:
                # Clocks and ports make some of these tests fail now and then, also natively: what fails twice is judged.
                wrong_again, _ = judge({c: native[c] for c in again}, run_module(args.python, prefix_of(platform), module, again), listed)
                for case in sorted(set(again) - {c for c, _ in wrong_again}):
                    print(f"  NOTE {case} ({platform}): passed the second time; first: {dict(wrong)[case][-1500:]}", flush=True)
                wrong = [w for w in wrong if w[0] not in again] + wrong_again
            for case, why in wrong:
                print(f"  FAIL {case} ({platform}): {why[-3000:]}", flush=True)
            print(f"  {'FAIL' if wrong else 'ok  '} {module} ({platform}): native {native_seconds:.1f} s, sandbox {seconds:.1f} s; "
                  f"{good} cases, {len(wrong)} worse, {explained} explained", file=sys.stderr, flush=True)
            count["failed"] += len(wrong)
            count["passed"] += max(0, good - len(wrong) - explained)
            count["skipped"] += explained
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not modules else 0


if __name__ == "__main__":
    sys.exit(main())
