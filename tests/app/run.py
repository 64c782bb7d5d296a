#!/usr/bin/python3
"""Application tests: a script runs natively, then in the sandbox over the host's root, and both must say the same.

A case is a file of this folder. `x.sh` runs under bash in an empty writable folder (the same path both times); its standard
output and exit status are compared. `x_case.py` drives the sandbox itself: it gets the command prefix as its arguments (none for the native
run) and fails by its exit status. Comment lines at the top of a case set: `# timeout: SECONDS` (for the sandbox run, 120 by
default), `# needs: PROGRAM...` (skipped visibly where one is missing; a path may hold `*`), `# long: REASON` (only with --full or by name).
"""
import argparse
import difflib
import glob
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

HERE = pathlib.Path(__file__).resolve().parent
NATIVE_TIMEOUT = 120
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root" if os.getuid() == 0 else os.environ.get("HOME", "/"),
               "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "TERM": "dumb", "TZ": "UTC"}


class Case:
    def __init__(self, path):
        self.path, self.name = path, path.stem.removesuffix("_case")
        self.driver = path.suffix == ".py"
        head = path.read_text(encoding="utf-8").splitlines()[:15]
        options = dict(m.groups() for m in (re.match(r"#\s*(timeout|needs|long):\s*(.+)", line) for line in head) if m)
        self.timeout = int(options.get("timeout", 120))
        self.needs = options.get("needs", "").split()
        self.long = options.get("long", "")

    def missing(self):
        return [p for p in self.needs if not (glob.glob(p) if p.startswith("/") else shutil.which(p, path=ENVIRONMENT["PATH"]))]


def execute(command, timeout, cwd):
    """(exit status or None on a timeout, stdout, stderr, seconds); a timeout kills the case's own process group only."""
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, env=dict(ENVIRONMENT, WORK=cwd), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)
    try:
        out, err = process.communicate(timeout=timeout)
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            out, err = process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
        code = None
    return code, out, err, time.monotonic() - started


def run_once(case, prefix_of, timeout):
    """One run in a fresh folder of the same name as every other run's."""
    work = os.path.join(tempfile.gettempdir(), f"ringwall-app.{os.getpid()}")
    os.mkdir(work, 0o755)
    try:
        prefix = prefix_of(work)
        command = ["/usr/bin/python3", str(case.path)] + prefix if case.driver else prefix + ["/bin/bash", str(case.path)]
        return execute(command, timeout, work)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def difference(native, sandbox):
    lines = difflib.unified_diff(native.splitlines(), sandbox.splitlines(), "native", "sandbox", lineterm="", n=1)
    return "\n".join(list(lines)[:40])


def judge(case, native, sandbox):
    """None, or what went wrong."""
    code, out, err, _ = sandbox
    if code is None:
        return f"no end after {case.timeout} s; stderr: {err[-1500:]}\nlast output: {out[-500:]}"
    if code != native[0]:
        return f"exit status {code}, natively {native[0]}\n{difference(native[1], out)}\nstderr: {err[-2000:]}"
    if not case.driver and out != native[1]:
        return f"output differs\n{difference(native[1], out)}\nstderr: {err[-1000:]}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ringwall", default=os.environ.get("RINGWALL", "build/debug/ringwall"))
    parser.add_argument("--platform", default="auto", help="comma separated; `native` checks the cases themselves")
    parser.add_argument("--full", action="store_true", help="the long cases, too")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("pattern", nargs="?", default="")
    args = parser.parse_args()
    ringwall = os.path.abspath(args.ringwall)
    platforms = [p for p in args.platform.split(",") if p != "native"]
    if platforms and not os.access(ringwall, os.X_OK):
        print(f"tests/app: {args.ringwall} does not exist: ./dev build first", file=sys.stderr)
        return 1

    rows = []
    for path in sorted(p for p in HERE.iterdir() if p.suffix == ".sh" or p.name.endswith("_case.py")):
        case = Case(path)
        if args.pattern.lower() not in case.name.lower():
            continue
        missing = case.missing()
        why = f"needs {' '.join(missing)}" if missing else f"{case.long}: with --full" if case.long and not args.full and not args.pattern else ""
        if why:
            rows.append({"case": case.name, "platform": "native", "result": "skipped", "reason": why})
            print(f"  skip {case.name}: {why}", file=sys.stderr, flush=True)
            continue
        native = run_once(case, lambda work: [], NATIVE_TIMEOUT)
        if native[0] != 0:
            reason = f"fails natively (exit status {native[0]}): a test must hold on Linux first\n{native[1][-1500:]}{native[2][-1500:]}"
            rows.append({"case": case.name, "platform": "native", "result": "failed", "reason": reason})
            print(f"  FAIL {case.name}: {reason}", flush=True)
            continue
        if not platforms:
            rows.append({"case": case.name, "platform": "native", "result": "passed", "seconds": round(native[3], 2)})
            print(f"  ok   {case.name}: native {native[3]:.1f} s", file=sys.stderr, flush=True)
        for platform in platforms:
            sandbox = run_once(case, lambda work, p=platform: [ringwall, f"--platform={p}", "do", "--rw", work, "--cwd", work, "--"], case.timeout)
            wrong = judge(case, native, sandbox)
            rows.append({"case": case.name, "platform": platform, "result": "failed" if wrong else "passed", "reason": wrong or "",
                         "seconds": round(sandbox[3], 2), "native_seconds": round(native[3], 2)})
            ratio = f"native {native[3]:.1f} s, sandbox {sandbox[3]:.1f} s"
            if wrong:
                print(f"  FAIL {case.name} ({platform}): {ratio}: {wrong}", flush=True)
            else:
                print(f"  ok   {case.name} ({platform}): {ratio}", file=sys.stderr, flush=True)

    count = {r: sum(row["result"] == r for row in rows) for r in ("passed", "failed", "skipped")}
    if args.format == "json":
        print(json.dumps({"cases": rows, **count}))
    else:
        print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
