"""Which calls of COMPATIBILITY.md no test has proved.

A call counts as proved on a platform when a guest test made it with its own number, through Call() of tests/lib/call.h, and passed
there. What the C library does on its own (fork() is clone(2) to it, stat() newfstatat(2)) proves nothing, nor does a test that was
skipped, failed, or is listed as a known failure.
"""
import os
import re
import subprocess

ROW = re.compile(r"^\| (\d+) \| (\w+) \| (\w+) \|")
LEVELS = ("full", "partial")  # levels that promise something
# A guest cannot make these calls as a call of its own and return.
EXEMPT = {
    "restart_syscall": "the kernel makes the process call it; tests/syscall/signal/restart_test.cc proves it by what it restarts",
    "rt_sigreturn": "the frame of a signal handler's return; every test with a handler proves it",
}


def table(root):
    """(number, name, level) of every row."""
    with open(os.path.join(root, "COMPATIBILITY.md"), encoding="utf-8") as file:
        rows = [ROW.match(line) for line in file]
    return [(int(row[1]), row[2], row[3]) for row in rows if row]


def can_be_judged():
    """Whether this machine lets tests have privileges and namespaces; where it does not, too many of them skip."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


def uncovered(root, results, platform):
    """The rows that promise something and that no passing test of the platform made."""
    made = {number for result in results if result.platform == platform and result.verdict == "pass" for number in result.calls}
    return [row for row in table(root) if row[2] in LEVELS and row[0] not in made and row[1] not in EXEMPT]
