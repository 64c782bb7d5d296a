#!/usr/bin/python3
"""Runs the libFuzzer binaries of build/fuzz for a while each; crashes land in build/fuzz/artifacts.

Seeds come from tests/fuzz/<name>/ without its _fuzz (kept in git, only read) and build/fuzz/corpus/<name>/ (grows, not kept).
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

BUILD = pathlib.Path("build/fuzz")


def run(name, seconds):
    """(name, ok, one line about the run)"""
    corpus, artifacts, seeds = BUILD / "corpus" / name, BUILD / "artifacts", pathlib.Path("tests/fuzz") / name.removesuffix("_fuzz")
    corpus.mkdir(parents=True, exist_ok=True)
    artifacts.mkdir(parents=True, exist_ok=True)
    # Absolute: a target may change its working directory, as the gofer does.
    corpus, artifacts, seeds = corpus.resolve(), artifacts.resolve(), seeds.resolve()
    command = [str(BUILD / "fuzzers" / name), f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1",
               f"-artifact_prefix={artifacts}/{name}-", str(corpus)] + ([str(seeds)] if seeds.is_dir() else [])
    log = BUILD / f"{name}.log"
    try:
        # A pipe, not the log file itself: targets set limits on file sizes.
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=seconds + 120)
        code, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        code, output = None, late.stdout or b""
    log.write_bytes(output)
    if code is None:
        return name, False, f"did not stop within {seconds + 120} s; see {log}"
    text = output.decode(errors="replace")
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
    if code != 0:
        found = re.findall(r"^(?:==\d+==\s*)?ERROR: .*$|^SUMMARY: .*$|Test unit written to .*$", text, re.M)
        return name, False, f"exit code {code}: " + "; ".join(found[-3:]) + f"; see {log}"
    return name, True, f"{runs.group(1) if runs else '?'} runs in {seconds} s, nothing found"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--match", default="")
    args = parser.parse_args()
    names = [n for n in (BUILD / "fuzzers.txt").read_text().split() if args.match in n]
    if not names:
        print(f"fuzz: no target matches {args.match!r}", file=sys.stderr)
        return 1
    failed = 0
    print(f"fuzz: {len(names)} targets, {args.seconds} s each: {' '.join(names)}", file=sys.stderr, flush=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for name, ok, line in pool.map(lambda n: run(n, args.seconds), names):
            failed += not ok
            print(f"{'ok  ' if ok else 'FAIL'} {name}: {line}", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
