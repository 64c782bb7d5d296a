#!/usr/bin/python3
"""Runs the *_test.py files below a folder and ends with the summary line that every runner of this tree ends with."""
import importlib.util
import pathlib
import sys
import unittest


def load(path):
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return unittest.defaultTestLoader.loadTestsFromModule(module)


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def main():
    root, names = pathlib.Path(sys.argv[1]), [n.lower() for n in sys.argv[2:]]
    chosen = unittest.TestSuite()
    for path in sorted(root.rglob("*_test.py")):
        for test in flatten(load(path)):
            if not names or any(n in test.id().lower() for n in names):
                chosen.addTest(test)
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=1).run(chosen)
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    skipped = len(result.skipped)
    print(f"{result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
