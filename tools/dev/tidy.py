#!/usr/bin/python3
"""clang-tidy over as many files as --seconds allow, the most telling first: what is not committed, what the last commits changed,
then all others in an order that every commit shuffles anew. So a run always checks something, and some runs check everything.

A whole-tree run takes the better part of an hour on two cores; `--all` does it. Results are kept by the content of file,
its own header and the configuration, so that an unchanged file costs nothing.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

CACHE = pathlib.Path("build/tidy")
RECENT_COMMITS = 10


def git(*arguments):
    return subprocess.run(["git", *arguments], capture_output=True, text=True).stdout.split()


def checked(path):
    """Tests, measurements, constants and what runs inside a guest's address space (g++'s own flags and attributes) are left out."""
    return path.endswith(".cc") and not path.endswith(("_test.cc", "_bench.cc")) and not path.startswith(("tests/", "bench/", "abi/")) and "/guest/" not in path


def candidates(known):
    """The files in the order of their turn. A changed header stands for the file beside it."""
    changed = git("diff", "--name-only", "HEAD") + git("ls-files", "--others", "--exclude-standard")
    changed += git("log", f"-{RECENT_COMMITS}", "--name-only", "--format=")
    changed = [os.path.splitext(name)[0] + ".cc" for name in changed if name.endswith((".cc", ".h"))]
    seed = "".join(git("rev-parse", "HEAD"))
    others = sorted(known, key=lambda name: hashlib.sha256((seed + name).encode()).digest())
    return [name for name in dict.fromkeys(changed + others) if name in known and checked(name)]


def key(path):
    digest = hashlib.sha256()
    for name in (".clang-tidy", path, os.path.splitext(path)[0] + ".h"):
        if os.path.exists(name):
            digest.update(pathlib.Path(name).read_bytes())
    return digest.hexdigest()


def tidy(path, database, deadline):
    """(path, exit code or None when there was no time left, output)"""
    stamp = CACHE / key(path)
    if stamp.exists():
        return path, 0, ""
    if time.monotonic() > deadline:
        return path, None, ""
    process = subprocess.run(["clang-tidy-14", "-p", database, "--quiet", path], capture_output=True, text=True)
    if process.returncode == 0:
        stamp.touch()
    return path, process.returncode, process.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="build/debug")
    parser.add_argument("--seconds", type=int, default=150, help="no file is begun after that")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(os.path.join(args.database, "compile_commands.json"), encoding="utf-8") as file:
        commands = json.load(file)
    # clang cannot read g++'s precompiled headers: the files include what they need.
    for command in commands:
        command["command"] = re.sub(r" -Winvalid-pch| -include \S*cmake_pch\.hxx", "", command["command"])
    (CACHE / "compile_commands.json").write_text(json.dumps(commands))
    known = {os.path.relpath(os.path.join(c["directory"], c["file"])) for c in commands}
    known = {name for name in known if os.path.exists(name)}
    files = args.files or candidates(known)
    unknown = [name for name in files if name not in known]
    if unknown or not files:
        print(f"clang-tidy: not in {args.database}/compile_commands.json: {' '.join(unknown) or 'any file to check'}", file=sys.stderr)
        return 1
    deadline = float("inf") if args.all or args.files else time.monotonic() + args.seconds
    failed = done = 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for path, code, text in pool.map(lambda f: tidy(f, str(CACHE), deadline), files):
            done += code is not None
            if code:
                failed += 1
                print(text.rstrip() or f"{path}: clang-tidy exit code {code}", flush=True)
    print(f"clang-tidy: {done} of {len(files)} files checked, {failed} with findings", file=sys.stderr, flush=True)
    if done == 0:
        print("clang-tidy: nothing was checked", file=sys.stderr)
    return 1 if failed or done == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
