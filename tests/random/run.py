#!/usr/bin/env python3
"""Calls with typed random arguments, natively and in the sandbox: the same program, the same seeds, the same traces.

  tests/random/run.py --ringwall build/debug/ringwall                     a small, fixed set
  tests/random/run.py --ringwall ... --calls 200000 --first 1000          more, from other seeds
  tests/random/run.py --ringwall ... --episode 17 -v                      one episode, both traces side by side

An episode is one process with files, descriptors of every kind and a child, and some sixty calls; what it leaves behind (descriptors, limits,
ids, memory, the tree) is compared as well. Where both fail, but differently, the episode goes on; after any other
difference it says nothing more, and the rest of it is not counted. A difference that tests/random/explained.txt does not name fails the run.
Ends with one line: N passed, N failed, N skipped; a pass is an episode.
"""
import argparse
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CALLS = 60      # of an episode
BATCH = 40      # episodes of one sandbox
LINE = re.compile(r"^(?:call|try) (\w+)\((.*)\)(?: = (.*))?$")


USED = set()  # lines of explained.txt that explained something


def read_explained(path):
    """Patterns "call native sandbox [arguments]  # reason"; results and arguments are regular expressions, * stands for anything."""
    rules = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            text, _, reason = (part.strip() for part in line.partition("  # "))
            if not text or text.startswith("#"):
                continue
            words = text.split(None, 3)
            if len(words) < 3 or not reason:
                sys.exit(f"{path}:{number}: want: call native sandbox [arguments]  # reason")
            words = [".*" if word == "*" else word for word in words]
            rules.append(([re.compile(word) for word in words], number))
    return rules


def episodes(text):
    """{seed: lines} of a trace."""
    found, lines = {}, None
    for line in text.splitlines():
        if line.startswith("episode "):
            lines = found[int(line.split()[1])] = []
        elif lines is not None:
            lines.append(line)
    # An announcement counts only when its call did not come back.
    return {seed: [line for i, line in enumerate(lines) if not (line.startswith("try ") and i + 1 < len(lines) and lines[i + 1].startswith("call "))]
            for seed, lines in found.items()}


def run(command, timeout):
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=timeout)
    except subprocess.TimeoutExpired as late:
        return (late.stdout or b"").decode("utf-8", "replace"), "timed out"
    return done.stdout, "" if done.returncode == 0 else f"exit code {done.returncode}: {done.stderr.strip()[-300:]}"


class Difference:
    def __init__(self, seed, index, native, sandbox):
        self.seed, self.index, self.native, self.sandbox = seed, index, native, sandbox
        ours, theirs = LINE.match(sandbox or ""), LINE.match(native or "")
        both = ours and theirs and ours.group(1, 2) == theirs.group(1, 2)
        self.call = theirs.group(1) if both else (native or sandbox or "").split(" ")[0]
        self.arguments = theirs.group(2) if both else native or ""
        self.results = (theirs.group(3) or "none", ours.group(3) or "none") if both else (native or "none", sandbox or "none")
        short = [result.split(" wrote")[0] + (" and other bytes" if both and self.results[0].split(" wrote")[0] == self.results[1].split(" wrote")[0] else "")
                 for result in self.results]
        self.kind = (self.call, *short) if both else (" ".join((native or sandbox).split(" ")[:2]), "state", "differs")
        # Both failed, so nothing has changed: what follows can be compared.
        self.harmless = both and all(result.startswith("-") for result in short)

    def explained(self, rules):
        for patterns, number in rules:
            parts = (self.call, *self.results, self.arguments)
            if all(pattern.fullmatch(part) if i < 3 else pattern.search(part) for i, (pattern, part) in enumerate(zip(patterns, parts))):
                USED.add(number)
                return True
        return False


def compare(seed, native, sandbox, rules):
    """(calls that agree, differences)."""
    calls, found = 0, []
    split = [next((i for i, line in enumerate(lines) if not line.startswith(("call ", "try ", "world "))), len(lines)) for lines in (native, sandbox)]
    for i in range(max(split)):
        ours = sandbox[i] if i < split[1] else None
        theirs = native[i] if i < split[0] else None
        if ours == theirs:
            calls += (theirs or "").startswith("call ")
            continue
        difference = Difference(seed, i, theirs, ours)
        found.append((difference, difference.explained(rules)))
        if not difference.harmless:
            return calls, found
    # The state at the end: what is only in one of them, by its first two words.
    theirs, ours = ({" ".join(line.split(" ")[:2]): line for line in lines[at:]} for lines, at in zip((native, sandbox), split))
    for key in sorted(theirs.keys() | ours.keys()):
        if theirs.get(key) != ours.get(key):
            difference = Difference(seed, 0, theirs.get(key), ours.get(key))
            found.append((difference, difference.explained(rules)))
    return calls, found


def batch(args, first, count):
    guest = [args.guest, str(first), str(count), str(CALLS)]
    native, why_native = run(guest, args.timeout)
    platform = [f"--platform={args.platform}"] if args.platform else []
    sandbox, why_sandbox = run([args.ringwall, *platform, "do", "--", *guest], args.timeout)
    return first, count, episodes(native), episodes(sandbox), why_native, why_sandbox


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ringwall", required=True)
    parser.add_argument("--guest", help="default: guest/random_guest beside ringwall")
    parser.add_argument("--platform", default="", help="one platform, or several, comma separated")
    parser.add_argument("--calls", type=int, default=6000)
    parser.add_argument("--first", type=int, default=1, help="seed of the first episode")
    parser.add_argument("--episode", type=int)
    parser.add_argument("--explained", default=os.path.join(HERE, "explained.txt"))
    parser.add_argument("--timeout", type=float, default=300, help="seconds per batch")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--examples", type=int, default=3, help="of each kind of difference")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("pattern", nargs="?", default="")
    args = parser.parse_args()
    args.ringwall = os.path.abspath(args.ringwall)
    args.guest = os.path.abspath(args.guest or os.path.join(os.path.dirname(args.ringwall), "guest", "random_guest"))
    if args.pattern and args.pattern not in "random calls":
        print("0 passed, 0 failed, 0 skipped")
        return 0
    if not os.access(args.guest, os.X_OK):
        sys.exit(f"{args.guest}: build random_guest first")
    passed = failed = skipped = 0
    for platform in args.platform.split(","):
        args.platform = platform
        counts = one_platform(args)
        passed, failed, skipped = passed + counts[0], failed + counts[1], skipped + counts[2]
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


def one_platform(args):
    rules, started = read_explained(args.explained), time.monotonic()
    if args.episode is not None:
        work = [(args.episode, 1)]
    else:
        total = -(-args.calls // CALLS)
        work = [(args.first + at, min(BATCH, total - at)) for at in range(0, total, BATCH)]
    calls = passed = failed = explained_count = no_native = 0
    unknown, broken = [], []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for first, count, native, sandbox, why_native, why_sandbox in pool.map(lambda one: batch(args, *one), work):
            for seed in range(first, first + count):
                if seed not in native:
                    no_native += 1
                    continue
                if seed not in sandbox:
                    broken.append((seed, why_sandbox or "no trace"))
                    continue
                agreed, differences = compare(seed, native[seed], sandbox[seed], rules)
                calls += agreed
                if args.verbose:
                    show_both(native[seed], sandbox[seed])
                news = [difference for difference, explained in differences if not explained]
                unknown += news
                explained_count += len(differences) - len(news)
                passed += not news
                failed += bool(news)
            if why_native and not native:
                print(f"SKIP random calls: natively: {why_native}")
    by_kind = collections.defaultdict(list)
    for difference in unknown:
        by_kind[difference.kind].append(difference)
    for kind, members in sorted(by_kind.items(), key=lambda item: -len(item[1])):
        print(f"FAIL random calls: {len(members)} x {' | '.join(kind)}")
        for one in members[:args.examples]:
            print(f"    episode {one.seed}, line {one.index}\n      native  {one.native}\n      sandbox {one.sandbox}")
    for seed, why in broken[:5]:
        print(f"FAIL random calls: episode {seed} has no trace in the sandbox: {why}")
    print(f"random calls{' on ' + args.platform if args.platform else ''}: {calls} calls agree, {explained_count} explained differences, "
          f"{len(unknown)} unexplained, {time.monotonic() - started:.0f} s")
    return passed, failed + len(broken), no_native


def show_both(native, sandbox):
    for i in range(max(len(native), len(sandbox))):
        theirs, ours = native[i] if i < len(native) else "", sandbox[i] if i < len(sandbox) else ""
        print(f"  {theirs}" if ours == theirs else f"- {theirs}\n+ {ours}")


if __name__ == "__main__":
    sys.exit(main())
