#!/usr/bin/python3
"""The exit status of a command is the sandbox's: values, signals, what cannot be started; standard streams pass through whole."""
import os
import subprocess
import sys


def run(prefix, command, **options):
    return subprocess.run(prefix + command, capture_output=True, timeout=90, **options)


def main():
    prefix, wrong = sys.argv[1:], []

    def check(what, got, want):
        if got != want and not (isinstance(want, set) and got in want):
            wrong.append(f"{what}: got {got!r}, want {want!r}")

    for value in (0, 1, 7, 126, 127, 255):
        check(f"exit {value}", run(prefix, ["sh", "-c", f"exit {value}"]).returncode, value)
    # A shell reports 128+n; a direct child of ours dies by the signal itself, which Popen shows as -n.
    for name, number in (("TERM", 15), ("KILL", 9), ("SEGV", 11), ("ABRT", 6)):
        check(f"SIG{name}", run(prefix, ["sh", "-c", f"ulimit -c 0; kill -{name} $$"]).returncode, {128 + number, -number})
    check("exit_group from a thread", run(prefix, ["python3", "-c", "import os, threading, time; threading.Thread(target=lambda: os._exit(33)).start(); time.sleep(20)"]).returncode, 33)
    if prefix:
        check("not found", run(prefix, ["/nonexistent"]).returncode, 127)
        check("not executable", run(prefix, ["/etc/passwd"]).returncode, 126)

    blob = os.urandom(3 << 20)
    done = run(prefix, ["cat"], input=blob)
    check("3 MiB through standard input and output", done.stdout == blob, True)
    done = run(prefix, ["sh", "-c", "echo out; echo err >&2"])
    check("both streams", (done.stdout, done.stderr), (b"out\n", b"err\n"))
    check("a reader that goes away", run(prefix, ["sh", "-c", "yes | head -1"]).stdout, b"y\n")

    process = subprocess.Popen(prefix + ["sh", "-c", "trap 'exit 12' TERM; echo ready; while :; do sleep 0.05; done"], stdout=subprocess.PIPE)
    process.stdout.readline()
    process.terminate()
    check("SIGTERM is forwarded", process.wait(timeout=60), 12)
    process.stdout.close()
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
