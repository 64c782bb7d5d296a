#!/usr/bin/env python3
"""clang's thread-safety analysis over every source of the product (tests and guest code apart).

Only the front end runs (-fsyntax-only): the analysis needs no object code, and a whole clang build takes three times as long.
The flags come from the compile commands of the debug preset. `./dev build tsa` is the full build with the same warnings.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

CLANG = "clang++-14"
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wthread-safety", "-Wno-gnu-statement-expression", "-Wno-missing-field-initializers"]
KEPT = re.compile(r"-(I|D|isystem|std=|f(no-)?exceptions|f(no-)?rtti)")


def flags_of(entry):
    words = shlex.split(entry["command"])
    flags = []
    for index, word in enumerate(words):
        if word == "-isystem":
            flags += [word, words[index + 1]]
        elif KEPT.match(word):
            flags.append(word)
    return flags


def wanted(path):
    name = str(path)
    return name.endswith(".cc") and not re.search(r"_(test|fuzz|bench)\.cc$|(^|/)guest/|^tests/|^bench/|^platform/conformance/|^build/", name)


def check(path, flags):
    process = subprocess.run([CLANG, "-fsyntax-only", *WARNINGS, *flags, str(path)], capture_output=True, text=True)
    return path, process.returncode, process.stderr


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", default="build/debug/compile_commands.json")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    root = pathlib.Path.cwd()
    files = {}
    for entry in json.loads(pathlib.Path(arguments.database).read_text()):
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if path.is_relative_to(root) and wanted(path.relative_to(root)):
            files[path.relative_to(root)] = flags_of(entry)
    if not files:
        sys.exit(f"thread_safety.py: no sources in {arguments.database}: build the debug preset first")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for done, (path, code, text) in enumerate(pool.map(lambda f: check(f, files[f]), sorted(files)), 1):
            if code != 0:
                failed += 1
                print(text.rstrip() or f"{path}: {CLANG} exit code {code}", flush=True)
            if done % 50 == 0:
                print(f"thread safety: {done} of {len(files)} files", file=sys.stderr, flush=True)
    print(f"thread safety: {len(files)} files, {failed} with errors")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
