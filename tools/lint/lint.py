#!/usr/bin/python3
"""Checks the rules of the house that a compiler cannot: see docs/guidelines/README.md for what each is good for.

Exit code 0: clean (warnings allowed), 1: findings, 2: wrong use.
"""
import argparse
import json
import os
import pathlib
import subprocess
import sys
import tomllib

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import check_code  # noqa: E402
import check_files  # noqa: E402
import check_headers  # noqa: E402
import check_layers  # noqa: E402
from source import Source  # noqa: E402

SUFFIXES = (".h", ".cc", ".S", ".py", ".sh", ".toml", ".cmake", ".md", ".txt", ".json")
GROUPS = ("layers", "files", "code", "headers", "generated")


def tree(root):
    """The text files of the tree: what git tracks or would track; a plain walk where there is no git."""
    listed = subprocess.run(["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "-z"], capture_output=True, text=True)
    if listed.returncode == 0 and listed.stdout:
        names = listed.stdout.split("\0")
    else:
        names = [str(p.relative_to(root)) for p in pathlib.Path(root).rglob("*") if "build" not in p.relative_to(root).parts[:1]]
    return [Source(root, n) for n in sorted(set(names)) if n.endswith(SUFFIXES) and (pathlib.Path(root) / n).is_file()]


def findings(root, groups, all_headers=False):
    sources = tree(root)
    with open(os.path.join(root, "tools/lint/layers.toml"), "rb") as file:
        layers = check_layers.Layers(tomllib.load(file))
    allow_path = pathlib.Path(root) / check_files.ALLOW_LIST
    allow = check_files.read_allow_list(allow_path.read_text()) if allow_path.exists() else {}
    found = []
    if "layers" in groups:
        found += check_layers.check(sources, layers)
    if "files" in groups:
        found += check_files.check(sources, root, allow)
    if "code" in groups:
        found += check_code.check(sources)
    if "headers" in groups:
        found += check_headers.check(sources, root, all_headers)
    if "generated" in groups:
        found += check_headers.check_compatibility(root)
    return sorted(set(found))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default=os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    parser.add_argument("--only", help="comma separated: " + " ".join(GROUPS))
    parser.add_argument("--skip", default="", help="comma separated")
    parser.add_argument("--all-headers", action="store_true", help="compile also the headers that the build proves")
    parser.add_argument("--quiet", action="store_true", help="no warnings")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    args = parser.parse_args()
    named = (args.only.split(",") if args.only else []) + [s for s in args.skip.split(",") if s]
    unknown = [g for g in named if g not in GROUPS]
    if unknown:
        parser.error(f"there is no check {unknown[0]!r}; there are {' '.join(GROUPS)}")
    groups = [g for g in (args.only.split(",") if args.only else GROUPS) if g not in args.skip.split(",")]
    found = findings(args.root, groups, args.all_headers)
    errors = [f for f in found if not f.warning]
    if args.format == "json":
        print(json.dumps([vars(f) for f in found], indent=1))
    else:
        for finding in found:
            if not (finding.warning and args.quiet):
                print(finding.text())
        print(f"lint.py: {len(errors)} errors, {len(found) - len(errors)} warnings", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
