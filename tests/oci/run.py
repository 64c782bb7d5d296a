#!/usr/bin/env python3
"""OCI lifecycle checks: states, exit codes, errors, hostile configurations, processes killed at random.

  tests/oci/run.py --ringwall build/debug/ringwall [--double build/debug/tests/oci/ringwall_double] [--platform P,Q] [PATTERN]

--platform runs everything with that platform (auto by default); cases that choose one themselves are about the choice. With
--double, the cases that need no guest code run against the double of the kernel too (see double/double.cc).
Ends with one line: N passed, N failed, N skipped.
"""
import argparse
import os
import sys
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cases  # noqa: E402
import platform_cases  # noqa: E402
from world import Skip, World  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ringwall", default="build/debug/ringwall")
    parser.add_argument("--double", default="")
    parser.add_argument("--rounds", type=int, default=100, help="kill -9 rounds")
    parser.add_argument("--platform", default="auto", help="comma separated")
    parser.add_argument("pattern", nargs="?", default="")
    options = parser.parse_args()

    platforms = options.platform.split(",")
    programs = []
    if options.ringwall and os.access(options.ringwall, os.X_OK):
        programs += [("ringwall", os.path.abspath(options.ringwall), platform) for platform in platforms]
    if options.double and os.access(options.double, os.X_OK):
        programs.append(("double", os.path.abspath(options.double), "auto"))
    passed = failed = skipped = 0
    for kind, path, platform in programs:
        for name, case in [*cases.all_cases(kind), *platform_cases.all_cases(kind)]:
            title = f"{kind}:{name}" if platform == "auto" else f"{kind}:{name} ({platform})"
            if options.pattern and options.pattern not in title:
                continue
            started = time.monotonic()
            world = World(path, kind, options.rounds, platform)
            try:
                case(world)
                left = world.leftovers()
                assert not left, f"left behind: {left}"
                passed += 1
                verdict = "ok"
            except Skip as reason:
                skipped += 1
                verdict = f"skipped: {reason}"
            except Exception as error:  # a test reports, it does not stop the others
                failed += 1
                where = traceback.extract_tb(error.__traceback__)[-1]
                verdict = f"FAILED: {error} ({os.path.basename(where.filename)}:{where.lineno})"
            finally:
                world.close()
            print(f"{title}: {verdict} [{time.monotonic() - started:.2f} s]", file=sys.stderr, flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
