#!/usr/bin/python3
"""clang-tidy over a bounded set of files: those that changed since the last commit, or in it, and never more than --limit.

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

CACHE = pathlib.Path("build/tidy")


def git(*arguments):
    return subprocess.run(["git", *arguments], capture_output=True, text=True).stdout.split()


def candidates():
    names = git("diff", "--name-only", "HEAD") + git("ls-files", "--others", "--exclude-standard")
    if not names:
        names = git("diff", "--name-only", "HEAD~1", "HEAD") or git("ls-files")
    return [n for n in dict.fromkeys(names) if n.endswith(".cc") and not n.endswith("_test.cc") and not n.startswith(("tests/", "abi/"))]


def key(path):
    digest = hashlib.sha256()
    for name in (".clang-tidy", path, os.path.splitext(path)[0] + ".h"):
        if os.path.exists(name):
            digest.update(pathlib.Path(name).read_bytes())
    return digest.hexdigest()


def tidy(path, database):
    stamp = CACHE / key(path)
    if stamp.exists():
        return path, 0, ""
    process = subprocess.run(["clang-tidy-14", "-p", database, "--quiet", path], capture_output=True, text=True)
    if process.returncode == 0:
        stamp.touch()
    return path, process.returncode, process.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", default="build/debug")
    parser.add_argument("--limit", type=int, default=16)
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
    files = args.files or (sorted(known) if args.all else candidates())
    files = [f for f in files if f in known]
    chosen = files if args.all or args.files else files[: args.limit]
    print(f"clang-tidy: {len(chosen)} of {len(files)} candidate files", file=sys.stderr, flush=True)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for path, code, text in pool.map(lambda f: tidy(f, str(CACHE)), chosen):
            if code != 0:
                failed += 1
                print(text.rstrip() or f"{path}: clang-tidy exit code {code}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
