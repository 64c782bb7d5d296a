#!/usr/bin/python3
"""stress-ng's stressors with --verify, natively and in the sandbox: both must come to the same verdict.

Each stressor runs alone for a few seconds as an ordinary user, natively first, then in a sandbox over the host's root. Its verdict is
passed, failed, skipped (it said why it can't run), no resource, or hang. Bogo-ops are not compared. What differs for a reason is in
differences.txt; a listed stressor that agrees with Linux fails the run, so the list only shrinks.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
NOBODY = 65534
PATIENCE = 60  # seconds beyond the stressor's own time: some need as long natively to clean up
# Two workers where the point is that they meet.
TWO = {"futex", "pipe", "fork", "flock", "lockf", "locka", "lockofd", "sem", "sem-sysv", "msg", "mq", "shm-sysv", "unshare", "sock"}
NAMES = """access affinity aio aiol alarm atomic bad-altstack bigheap branch brk bsearch cache cacheline cap chattr chdir chmod chown clone close
context copy-file cpu crypt daemon dekker dentry dev-shm dir dirdeep dirmany dnotify dup dynlib enosys env epoll eventfd exec exit-group
fallocate fault fcntl fiemap fifo file-ioctl filename flock flushcache fork forkheavy fp fp-error fpunch fsize fstat full funccall funcret futex
get getdent getrandom goto handle hash hdd heapsort hrtimers hsearch icache inode-flags inotify io iomix ioprio io-uring itimer judy kcmp key
kill l1cache landlock lease link list llc-affinity locka lockbus lockf lockofd longjmp lsearch madvise malloc matrix matrix-3d
mcontend membarrier memcpy memfd memrate memthrash mergesort mincore misaligned mknod mlock mmap mmapaddr mmapfixed mmapfork mmaphuge mmapmany
mprotect mq mremap msg msync msyncmany munmap mutex nanosleep netdev nice nop null opcode open pagemove personality peterson pidfd pipe
pipeherd pkey poll prctl prefetch priv-instr procfs pthread ptrace pty qsort race-sched radixsort randlist readahead regs remap rename
resched resources revio ring-pipe rlimit rmap rotate rseq schedpolicy seal secretmem seek sem sem-sysv sendfile session set shellsort shm
shm-sysv sigabrt sigchld sigfd sigfpe sigio signal signest sigpending sigpipe sigq sigrt sigsegv sigsuspend sigtrap skiplist sleep sock
sockabuse sockdiag sockfd sockmany sockpair spawn sparsematrix splice stack stackmmap str stream switch symlink sync-file syncload syscall
sysinfo tee timer timerfd tlb-shootdown touch tree tsearch udp udp-flood unshare urandom utime vdso vecfp vecmath vecshuf vecwide vfork
vforkmany vm vm-addr vm-rw vm-segv vm-splice wait wcs x86cpuid xattr yield zero zlib zombie""".split()
# A few of every subsystem, for a look at the platforms that `auto` does not take.
SHORT = "clone epoll fault fork futex itimer mmap mremap pipe pthread ptrace sigq sigsegv signal sock vm-splice".split()


def explained():
    """{stressor: (platforms or None, verdict in the sandbox, reason)}"""
    found = {}
    for line in (HERE / "differences.txt").read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = re.match(r"(\S+)\s+(passed|failed|skipped|no resource|any)\s+#\s*(\S.*)$", text)
        if not match:
            raise SystemExit(f"tests/stress/differences.txt: not `STRESSOR VERDICT  # reason`: {text}")
        found[match.group(1)] = (match.group(2), match.group(3))
    return found


def verdict_of(code, out, finished):
    if not finished:
        return "hang"
    if code == 3:
        return "no resource"
    if code == 4:
        return "skipped"
    if code != 0:
        return "failed"
    if re.search(r"stressor will be skipped|skipping stress|not implemented|No stress workers invoked|finished prematurely", out):
        return "skipped"
    return "passed"


def run(name, seconds, prefix_of):
    """(verdict, output, seconds it took)."""
    work = tempfile.mkdtemp(prefix="ringwall-stress.")
    os.chmod(work, 0o777)
    command = prefix_of(work) + ["stress-ng", f"--{name}", "2" if name in TWO else "1", "-t", str(seconds), "--verify", "--oomable", "--temp-path", work]
    started = time.monotonic()
    try:
        process = subprocess.Popen(command, cwd=work, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                   errors="replace", start_new_session=True)
        out = None
        # In steps: time in which this program does not run either (a frozen machine) does not count.
        for _ in range(seconds + PATIENCE):
            try:
                out, _ = process.communicate(timeout=1)
                break
            except subprocess.TimeoutExpired:
                continue
        finished = out is not None
        if not finished:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                out, _ = process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out, _ = process.communicate()
        return verdict_of(process.returncode, out, finished), out, time.monotonic() - started
    finally:
        shutil.rmtree(work, ignore_errors=True)


def tell(out):
    """The lines of a run that say why."""
    lines = [line.split("] ", 1)[-1] for line in out.splitlines() if not re.search(r"info:.*(setting to|dispatching hogs|successful run|Working dir)", line)]
    return "\n".join("    " + line for line in lines[:6])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ringwall", default=os.environ.get("RINGWALL", "build/debug/ringwall"))
    parser.add_argument("--platform", default="auto", help="comma separated; `native` alone shows what Linux says here")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--short", action="store_true", help="a few of every subsystem")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("pattern", nargs="*", help="stressors by name; empty: all")
    args = parser.parse_args()
    ringwall = os.path.abspath(args.ringwall)
    if shutil.which("stress-ng") is None:
        print("SKIP stress: there is no stress-ng (Debian: stress-ng)", flush=True)
        print("0 passed, 0 failed, 1 skipped")
        return 0
    known = set(subprocess.run(["stress-ng", "--stressors"], capture_output=True, text=True, check=True).stdout.split())
    names = [n for n in args.pattern or (SHORT if args.short else NAMES) if n in known]
    differences = explained()
    platforms = [p for p in args.platform.split(",") if p != "native"]
    root = os.getuid() == 0
    native_prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if root else []

    rows = []
    for name in names:
        native, native_out, _ = run(name, args.seconds, lambda work: native_prefix)
        if not platforms:
            rows.append({"stressor": name, "platform": "native", "result": "passed" if native == "passed" else "skipped", "native": native})
            print(f"  {name}: {native}\n{tell(native_out)}".rstrip(), flush=True)
            continue
        for platform in platforms:
            got, out, took = run(name, args.seconds, lambda work, p=platform: [ringwall, f"--platform={p}", "do"] +
                                 (["-u", f"{NOBODY}:{NOBODY}"] if root else []) + ["--cwd", work, "--"])
            row = {"stressor": name, "platform": platform, "native": native, "sandbox": got, "seconds": round(took, 1), "result": "passed", "reason": ""}
            wanted, reason = differences.get(name, (None, ""))
            if wanted in (got, "any") and got != native:
                row.update(result="skipped", reason=f"{got}, natively {native}: {reason}")
            elif native in ("failed", "hang", "no resource") and got != "hang":
                row.update(result="skipped", reason=f"{native} natively")
            elif got != native:
                row.update(result="failed", reason=f"{got}, natively {native}\n{tell(out)}")
            elif wanted not in (None, "any"):
                row.update(result="failed", reason=f"{got} as natively: take it out of differences.txt")
            elif got == "skipped":
                row.update(result="skipped", reason="skipped, as natively")
            rows.append(row)
            if row["result"] == "failed":
                print(f"  FAIL {name} ({platform}): {row['reason']}", flush=True)
            else:
                print(f"  {'ok  ' if row['result'] == 'passed' else 'skip'} {name} ({platform}): {took:.1f} s {row['reason']}", file=sys.stderr, flush=True)

    count = {r: sum(row["result"] == r for row in rows) for r in ("passed", "failed", "skipped")}
    if args.format == "json":
        print(json.dumps({"stressors": rows, **count}))
    else:
        print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
