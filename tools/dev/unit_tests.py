#!/usr/bin/python3
"""Runs the gtest binaries that CTest knows (unit tests, platform conformance), two at a time, and counts test cases.

CTest counts binaries; we want cases, and `./dev test pipe` wants the cases of pipe_test.cc only: gtest's JSON names the file
of every case. Binaries that are not gtest programs count as one case by their exit code.
"""
import argparse
import concurrent.futures
import json
import os
import re
import signal
import subprocess
import sys
import tempfile

PLATFORMS = ("ptrace", "systrap", "kvm")


def ctest_list(build_dir):
    out = subprocess.run(["ctest", "--test-dir", build_dir, "--show-only=json-v1"], check=True, capture_output=True, text=True).stdout
    tests = []
    for test in json.loads(out).get("tests", []):
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        # Guest behaviours have a runner of their own (tests/run.py).
        if "guest" in properties.get("LABELS", []):
            continue
        if "command" not in test:
            print(f"  {test['name']}: not built", file=sys.stderr)
        else:
            tests.append((test["name"], test["command"], float(properties.get("TIMEOUT", 120)), properties.get("WORKING_DIRECTORY", build_dir)))
    return tests


def matches(case, suite, file, names, platform):
    """True when one of the names is in the case's full name or in the leaf of its file, and the platform fits."""
    full = f"{suite}.{case}".lower()
    if platform:
        others = [p for p in PLATFORMS if p not in platform.split(",")]
        if any(p in full for p in others) and not any(p in full for p in platform.split(",")):
            return False
    leaf = re.sub(r"_test$", "", os.path.splitext(os.path.basename(file or ""))[0]).lower()
    return not names or any(n.lower() in full or n.lower() == leaf or n.lower() in leaf.split("_") for n in names)


def execute(command, timeout, cwd):
    """(exit code, output); the whole process group is killed on a timeout. Exit code None: timed out."""
    process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               text=True, errors="replace", start_new_session=True)
    try:
        out, _ = process.communicate(timeout=timeout)
        return process.returncode, out
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, _ = process.communicate()
        return None, out


def read_json(path):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def selected(command, cwd, names, platform, directory):
    """The gtest filter for the wanted cases: None when all, "" when none."""
    if not names and not platform:
        return None
    listing = os.path.join(directory, "list.json")
    execute(command + ["--gtest_list_tests", f"--gtest_output=json:{listing}"], 60, cwd)
    listed = read_json(listing)
    if listed is None:
        return None if not names else ""
    cases = [(s["name"], c["name"], c.get("file")) for s in listed.get("testsuites", []) for c in s.get("testsuite", [])]
    wanted = [f"{s}.{c}" for s, c, f in cases if matches(c, s, f, names, platform)]
    return None if len(wanted) == len(cases) else ":".join(wanted)


def run_binary(test, names, platform):
    """(name, passed, failed, skipped, text to show) of one binary."""
    name, command, timeout, cwd = test
    with tempfile.TemporaryDirectory(prefix="ringwall-unit.") as directory:
        gtest_filter = selected(command, cwd, names, platform, directory)
        if gtest_filter == "":
            return name, 0, 0, 0, ""
        report = os.path.join(directory, "report.json")
        arguments = [f"--gtest_output=json:{report}", "--gtest_brief=1"]
        if gtest_filter:
            arguments.append(f"--gtest_filter={gtest_filter}")
        code, out = execute(command + arguments, timeout, cwd)
        results = read_json(report)
    if code is None:
        return name, 0, 1, 0, f"{name}: no end after {timeout:.0f} s\n{out[-4000:]}"
    if results is None:
        return name, int(code == 0), int(code != 0), 0, "" if code == 0 else f"{name}: exit code {code}\n{out[-4000:]}"
    passed = failed = skipped = 0
    for suite in results.get("testsuites", []):
        for case in suite.get("testsuite", []):
            if case.get("status") != "RUN":
                skipped += case.get("result") == "SKIPPED"
            elif case.get("failures"):
                failed += 1
            elif case.get("result") == "SKIPPED":
                skipped += 1
            else:
                passed += 1
    if code != 0 and failed == 0:
        failed = 1
    return name, passed, failed, skipped, "" if failed == 0 else f"{name}:\n{out[-8000:]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", default="build/debug")
    parser.add_argument("--platform")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    sums = [0, 0, 0]
    try:
        tests = ctest_list(args.build_dir)
    except (OSError, subprocess.CalledProcessError, ValueError) as error:
        print(f"unit_tests: cannot list the tests of {args.build_dir}: {error}", file=sys.stderr)
        return 1
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        futures = [pool.submit(run_binary, test, args.names, args.platform) for test in tests]
        for done in concurrent.futures.as_completed(futures):
            name, passed, failed, skipped, text = done.result()
            for i, n in enumerate((passed, failed, skipped)):
                sums[i] += n
            if passed or failed or skipped:
                print(f"  {name}: {passed} passed" + (f", {failed} FAILED" if failed else "") + (f", {skipped} skipped" if skipped else ""),
                      file=sys.stderr, flush=True)
            if text:
                print(text, flush=True)
    print(f"{sums[0]} passed, {sums[1]} failed, {sums[2]} skipped")
    return 1 if sums[1] or sum(sums) == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
