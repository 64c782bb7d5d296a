#!/usr/bin/python3
"""What sanitizers found in the processes of sandboxes: reads build/<preset>/findings, looks symbols up, prints each finding once.

  tools/dev/findings.py BUILD_DIR [--clear]

A sandbox's processes have no files to read symbols from, so their reports hold "module+offset" only (base/sanitizer/). --clear removes the files first
and prints nothing. The last line is "N findings"; the exit status is 1 when there are some.
"""
import argparse
import os
import re
import subprocess
import sys

FRAME = re.compile(r"(?P<before>.*?)\(?(?P<module>/?[\w./+-]+)\+(?P<offset>0x[0-9a-f]+)\)?(?P<after>.*)")
START = re.compile(r"WARNING: ThreadSanitizer|ERROR: \w+Sanitizer|runtime error:")


def files_of(build_dir):
    folder = os.path.join(build_dir, "findings")
    return sorted(os.path.join(folder, name) for name in os.listdir(folder)) if os.path.isdir(folder) else []


def clear(build_dir):
    for path in files_of(build_dir):
        os.unlink(path)


def looked_up(line, program, cache):
    """The line with function and place for an address in our program; other modules keep theirs."""
    found = FRAME.match(line)
    if not found or os.path.basename(found["module"]) != os.path.basename(program):
        return line
    offset = found["offset"]
    if offset not in cache:
        done = subprocess.run(["addr2line", "-C", "-f", "-s", "-e", program, offset], capture_output=True, text=True)
        names = done.stdout.split("\n")
        cache[offset] = f"{names[0]} {names[1]}" if len(names) > 1 else offset
    return f"{line.rstrip()}  {cache[offset]}"


def reports(text):
    """The findings of one process: from a start line to the next."""
    current = []
    for line in text.splitlines():
        if START.search(line) and current:
            yield current
            current = []
        if START.search(line) or current:
            current.append(line)
    if current:
        yield current


def collect(build_dir):
    """Different findings as texts, with how often each came."""
    program, cache, seen = os.path.join(build_dir, "ringwall"), {}, {}
    for path in files_of(build_dir):
        with open(path, errors="replace") as file:
            for report in reports(file.read()):
                # The same places are the same finding, whatever the addresses of its data.
                key = tuple(re.findall(r"\+0x[0-9a-f]+\)", "\n".join(report))[:4]) or tuple(report[:1])
                count, role, _ = seen.get(key, (0, os.path.basename(path).split(".")[0], None))
                seen[key] = (count + 1, role, report)
    return [(count, role, [looked_up(line, program, cache) for line in report]) for count, role, report in seen.values()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build_dir")
    parser.add_argument("--clear", action="store_true")
    args = parser.parse_args()
    if args.clear:
        clear(args.build_dir)
        return 0
    found = collect(args.build_dir)
    for count, role, lines in found:
        print(f"---- {role}, {count} times")
        print("\n".join(lines[:60]))
    print(f"{len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
