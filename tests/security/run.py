#!/usr/bin/env python3
"""Hostile guests, ways out, and what the sandbox's own processes may do.

  tests/security/run.py --ringwall build/debug/ringwall [--platform auto] [PATTERN]
  tests/security/run.py --runtime crun [PATTERN]     the attacks themselves, against another OCI runtime

Ends with one line: N passed, N failed, N skipped.
"""
import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import world as worlds  # noqa: E402
from world import Skip, World, cpu_seconds, descriptors, is_directory, status_of, threads  # noqa: E402

NO_CAPABILITIES = 0
# What the gofer keeps to act on files for the guest's users.
GOFER_CAPABILITIES = {0: "CHOWN", 1: "DAC_OVERRIDE", 3: "FOWNER", 4: "FSETID"}


# ---- hostile guests ---------------------------------------------------------------------------------------------------
def a_plain_guest_survives(world):
    world.attack("canary")


def jumping_into_the_top_of_the_address_space_reaches_no_host_call(world):
    world.attack("stub-jump", timeout=400)


def overwriting_the_top_of_the_address_space_hurts_only_the_writer(world):
    world.attack("stub-write", timeout=300)


def forged_calls_at_every_instruction_of_the_handler_are_refused(world):
    world.attack("handler-calls", timeout=400)


def contexts_that_change_under_the_handlers_hands_hurt_only_their_owner(world):
    world.attack("handler-contexts", "40" if world.full else "1", timeout=900)


def frames_that_no_signal_made_hurt_only_the_forger(world):
    world.attack("handler-frames", "2000" if world.full else "100", timeout=2400)


def overwriting_the_handler_its_contexts_and_trampolines_hurts_only_the_writer(world):
    world.attack("handler-write", timeout=400)


def other_kernel_entries_do_not_reach_the_host(world):
    world.attack("odd-entries")


def tracing_and_reading_foreign_processes_is_harmless(world):
    world.attack("ptrace-tricks")


def huge_overlapping_and_wrapping_mappings_are_survived(world):
    world.attack("mmaps")


def ten_thousand_calls_with_random_arguments_are_survived(world):
    world.attack("random-calls", "10000", timeout=600)


def a_fork_bomb_ends_at_the_task_limit(world):
    world.attack("fork-bomb")


def a_descriptor_bomb_ends_at_its_limit(world):
    world.attack("fd-bomb")


def a_memory_bomb_ends_at_its_limit(world):
    world.attack("memory-bomb")


def twenty_thousand_fast_timers_do_not_stop_the_sandbox(world):
    world.attack("timer-bomb")


def random_futex_operations_do_not_stop_the_sandbox(world):
    world.attack("futex-bomb")


def nested_and_queued_signals_have_an_end(world):
    world.attack("signal-storm")


def five_hundred_broken_programs_are_refused_or_die(world):
    world.attack("elf-mutants", "500", timeout=600)


def broken_scripts_are_refused(world):
    world.attack("script-mutants")


def strange_paths_are_survived(world):
    world.attack("path-mutants")


# ---- ways out ---------------------------------------------------------------------------------------------------------
def no_path_climbs_over_the_root(world):
    world.attack("root-stays-root")


def proc_exe_is_the_guests_program(world):
    world.attack("exe-is-ours")


def links_in_a_volume_do_not_lead_outside(world):
    world.attack("volume-links", world.secret)


def swapping_directories_in_a_volume_does_not_lead_outside(world):
    world.attack("volume-race", world.secret)
    planted = [n for n in os.listdir(os.path.dirname(world.secret)) if n.startswith("planted")]
    assert not planted, f"files were made outside the volume: {planted}"


def host_devices_cannot_be_opened(world):
    world.attack("devices")


def calls_for_the_hosts_kernel_are_refused(world):
    world.attack("privileged-calls")


# ---- the sandbox's own processes --------------------------------------------------------------------------------------
def only(found, name):
    pids = found.get(name, [])
    assert pids, f"no process {name}; there are {', '.join(f'{n} ({len(p)})' for n, p in found.items())}"
    return pids


def capability_sets(status):
    return {kind: int(status[kind], 16) for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb")}


def confined(pid, allowed):
    for thread in threads(pid):
        status = status_of(thread)
        for kind, value in capability_sets(status).items():
            assert value & ~allowed == 0, f"process {pid} has {kind} {value:x}"
        assert status["NoNewPrivs"] == "1", f"process {pid} may gain privileges"
        assert status["Seccomp"] == "2", f"thread {thread} of process {pid} has no filter"


def the_sentry_has_no_capabilities_and_a_filter(world):
    for pid in only(world.sleeping(), "ringwall-sentry"):
        confined(pid, NO_CAPABILITIES)


def the_sentry_sees_no_files(world):
    for pid in only(world.sleeping(), "ringwall-sentry"):
        assert os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt"), "the sentry is in the host's mount namespace"
        with open(f"/proc/{pid}/mountinfo") as file:
            mounts = file.read().splitlines()
        assert len(mounts) <= 1, f"the sentry sees {len(mounts)} mounts: {mounts[:3]}"
        entries = os.listdir(f"/proc/{pid}/root/")
        assert not entries, f"the sentry's root holds {entries[:5]}"


def the_sentry_is_in_namespaces_of_its_own(world):
    for pid in only(world.sleeping(), "ringwall-sentry"):
        for kind in ("pid", "ipc", "uts", "user", "net"):
            assert os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}"), f"the sentry shares the host's {kind} namespace"


def own_processes_only(path):
    """The detached proc file system (subset=pid) from which the ptrace platform reads what its stubs use: no other file of the host's."""
    return all(name.isdigit() or name in ("self", "thread-self") for name in os.listdir(path)) and os.path.exists(f"{path}/1/stat")


def the_sentry_holds_no_directory_of_the_host(world):
    for pid in only(world.sleeping(), "ringwall-sentry"):
        held = [f"{n} -> {target}" for n, target, mode in descriptors(pid) if is_directory(mode) and not own_processes_only(f"/proc/{pid}/fd/{n}")]
        assert not held, f"descriptors of directories: {held}"


def the_gofer_has_only_its_file_capabilities_and_a_filter(world):
    allowed = sum(1 << bit for bit in GOFER_CAPABILITIES)
    for pid in only(world.sleeping(), "ringwall-gofer"):
        confined(pid, allowed)


def the_gofer_sees_only_the_containers_files(world):
    for pid in only(world.sleeping(), "ringwall-gofer"):
        assert not os.path.exists(f"/proc/{pid}/root{world.secret}"), "the gofer can reach the host's files"
        assert not os.path.exists(f"/proc/{pid}/root/usr/bin"), "the gofer sees the host's /usr"


def guest_processes_hold_nothing_of_the_host(world):
    found = world.sleeping()
    ours = {p for name, pids in found.items() if name.startswith("ringwall") and name != "ringwall-stub" for p in pids}
    sentries = only(found, "ringwall-sentry")
    stubs = [p for s in sentries for p in worlds.descendants(s) if p not in ours]
    channels = set()
    if not stubs:
        raise Skip("the platform keeps guest code inside the sentry's process")
    for pid in stubs:
        for kind, value in capability_sets(status_of(pid)).items():
            assert value == 0, f"guest process {pid} has {kind} {value:x}"
        held = [f"{n} -> {target}" for n, target, mode in descriptors(pid) if is_directory(mode)]
        assert not held, f"guest process {pid} holds {held}"
        channels |= {target for _, target, _ in descriptors(pid) if target.startswith("socket:")}
    # One for all stubs of a sandbox: what brings the files that its own guests map.
    assert len(channels) <= len(sentries), f"guest processes hold the sockets {channels}"


def guest_processes_do_not_outlive_the_sentry(world):
    child = world.start("handler-deaf", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    line = world.line_of(child, 60)
    assert line == "ready", f"the guest did not start: {line!r}"
    found = world.own_processes()
    stubs = only(found, "ringwall-stub")
    for pid in only(found, "ringwall-sentry"):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(world.name_of(pid) == "ringwall-stub" and status_of(pid)["State"][0] not in "ZX" for pid in stubs):
        time.sleep(0.02)
    left = [pid for pid in stubs if world.name_of(pid) == "ringwall-stub" and status_of(pid)["State"][0] not in "ZX"]
    assert not left, f"{len(left)} of {len(stubs)} guest processes live on"


# ---- nothing is left, nothing runs ------------------------------------------------------------------------------------
# Storms of fork, exec, exit and signals: what the sandbox holds after some rounds it holds after ten times as many. --full: 1,000 and 10,000.
STORM, FULL_STORM = (140, 700), (1_000, 10_000)
# Caches grow to their bounds: threads that wait for work, spare stubs and their contexts, directory entries, the heap's own holes.
MORE_THREADS, MORE_DESCRIPTORS, MORE_STUBS, MORE_KIB = 8, 4, 4, 3072


def holdings(world):
    """What the processes of the sandbox hold: threads, descriptors and KiB of their own per kind of process, and how many stubs there are."""
    found = {}
    for name, pids in world.own_processes().items():
        for pid in pids:
            held = found.setdefault(name, {"processes": 0, "threads": 0, "descriptors": 0, "KiB": 0})
            try:
                status = status_of(pid)
                held["KiB"] += sum(int(status.get(kind, "0 kB").split()[0]) for kind in ("RssAnon", "RssShmem"))
                held["threads"] += int(status["Threads"])
                held["descriptors"] += len(os.listdir(f"/proc/{pid}/fd"))
                held["processes"] += 1
            except OSError:
                continue  # a stub on its way out
    return found


def settled(world):
    """Ends of processes are told after they are seen: the least of a few looks."""
    looks = []
    for _ in range(5):
        time.sleep(0.2)
        looks.append(holdings(world))
    return min(looks, key=lambda look: sum(held["processes"] for held in look.values()))


def storms_of_forks_execs_and_signals_leave_nothing_behind(world):
    rounds, more = FULL_STORM if world.full else STORM
    child = world.start("storm", str(rounds), str(more), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    seen = []
    for stop in (rounds, more):
        line = world.line_of(child, 120 + stop * 0.5)
        assert line == f"rounds {stop}", f"after the first {stop} rounds: {line!r}"
        seen.append(settled(world))
        child.stdin.write("x")
        child.stdin.flush()
    line = world.line_of(child, 60)
    assert line == "survived" and child.wait(60) == 0, f"the end: {line!r}"
    first, second = seen
    if world.verbose:
        print(f"    after {rounds}: {first}\n    after {more}: {second}", file=sys.stderr)
    for name, held in second.items():
        before = first.get(name, {"processes": 0, "threads": 0, "descriptors": 0, "KiB": 0})
        grown = {kind: held[kind] - before[kind] for kind in held}
        # Every stub has the same table of descriptors, and threads that come and go with stubs are counted there.
        stub = name == "ringwall-stub"
        assert grown["processes"] <= (MORE_STUBS if stub else 0), f"{name}: {before['processes']} processes, then {held['processes']}"
        assert grown["threads"] <= MORE_THREADS, f"{name}: {before['threads']} threads, then {held['threads']}"
        per_process = held["descriptors"] / max(held["processes"], 1) - before["descriptors"] / max(before["processes"], 1)
        assert per_process <= MORE_DESCRIPTORS, f"{name}: {before['descriptors']} descriptors, then {held['descriptors']}"
        assert world.sanitized or grown["KiB"] <= MORE_KIB, f"{name}: {before['KiB']} KiB, then {held['KiB']}"


SLEEPERS = 200
IDLE_SECONDS, FULL_IDLE_SECONDS = 4, 30


def two_hundred_sleeping_threads_use_no_cpu(world):
    seconds = FULL_IDLE_SECONDS if world.full else IDLE_SECONDS
    child = world.start("sleepers", str(SLEEPERS), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    line = world.line_of(child, 60)
    assert line == "ready", f"the guest did not start: {line!r}"
    time.sleep(1)

    def used():
        return {pid: cpu_seconds(pid) for pids in world.own_processes().values() for pid in pids}
    before = used()
    time.sleep(seconds)
    after = used()
    worked = {pid: spent - before.get(pid, 0) for pid, spent in after.items() if spent != before.get(pid, 0)}
    # A sanitizer's runtime has a thread of its own that looks around.
    assert sum(worked.values()) <= (0.02 if world.sanitized else 0.001), f"CPU seconds in {seconds} s: " + ", ".join(f"{world.name_of(p)} {s:.4f}" for p, s in worked.items())


CHECKS = [f for f in list(globals().values()) if callable(f) and getattr(f, "__module__", "") == __name__ and f.__code__.co_varnames[:1] == ("world",)]
OUTSIDE = ("the_sentry", "the_gofer", "guest_processes", "storms_of", "two_hundred")


def guest_program(given, ringwall):
    """(path, folder to remove): built by CMake (target security_guest), else compiled here."""
    beside = os.path.join(os.path.dirname(os.path.abspath(ringwall)), "guest", "security_guest") if ringwall else ""
    sources = [os.path.join(HERE, "guest", n) for n in sorted(os.listdir(os.path.join(HERE, "guest")))]
    newest = max(os.path.getmtime(s) for s in sources)
    for path in (given, beside):
        if path and os.access(path, os.X_OK) and (path == given or os.path.getmtime(path) >= newest):
            return path, None
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        sys.exit("tests/security: no security_guest and no compiler to build it with")
    folder = tempfile.mkdtemp(prefix="ringwall-security-build-")
    path = os.path.join(folder, "security_guest")
    done = subprocess.run([compiler, "-std=gnu++20", "-O1", "-static", "-pthread", "-fno-exceptions", "-fno-rtti", "-D_GNU_SOURCE", "-I", os.path.dirname(os.path.dirname(HERE)),
                           *[s for s in sources if s.endswith(".cc")], "-o", path], capture_output=True, text=True)
    if done.returncode != 0:
        shutil.rmtree(folder)
        sys.exit(f"tests/security: cannot build the guest: {done.stderr[-500:]}")
    return path, folder


def run_check(check, command, guest, options):
    """("passed" | "failed" | "skipped", reason)"""
    world = World(command, guest, options.full, options.verbose)
    try:
        check(world)
        return "passed", ""
    except Skip as reason:
        return "skipped", str(reason)
    except Exception as error:  # a test reports, it does not stop the others
        where = traceback.extract_tb(error.__traceback__)[-1]
        return "failed", f"{error} ({os.path.basename(where.filename)}:{where.lineno})"
    finally:
        world.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ringwall", default=os.environ.get("RINGWALL", "build/debug/ringwall"))
    parser.add_argument("--runtime", default="", help="another OCI runtime, to try the attacks themselves")
    parser.add_argument("--platform", default="auto", help="comma separated")
    parser.add_argument("--guest", default="", help="the built security_guest")
    parser.add_argument("--full", action="store_true", help="10,000 rounds of the storms, 30 idle seconds")
    parser.add_argument("-v", "--verbose", action="store_true", help="what was measured")
    parser.add_argument("pattern", nargs="?", default="")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.runtime:
        commands = {"other": [os.path.abspath(shutil.which(options.runtime) or options.runtime)]}
    else:
        commands = {p: [os.path.abspath(options.ringwall), f"--platform={p}", "--network=none"] for p in options.platform.split(",")}
    for command in commands.values():
        if not os.access(command[0], os.X_OK):
            print(f"tests/security: {command[0]} does not exist: ./dev build first", file=sys.stderr)
            return 1
    worlds.adopt_orphans()
    guest, built = guest_program(options.guest, "" if options.runtime else options.ringwall)
    count = {"passed": 0, "failed": 0, "skipped": 0}
    try:
        for platform, command in commands.items():
            for check in CHECKS:
                name = check.__name__
                if options.pattern.lower() not in name.lower() or (options.runtime and name.startswith(OUTSIDE)):
                    continue
                started = time.monotonic()
                verdict, reason = run_check(check, command, guest, options)
                count[verdict] += 1
                print(f"  {verdict:7} {platform}: {name.replace('_', ' ')} [{time.monotonic() - started:.1f} s]{': ' + reason if reason else ''}",
                      file=sys.stdout if verdict == "failed" else sys.stderr, flush=True)
    finally:
        if built:
            shutil.rmtree(built, ignore_errors=True)
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or count["passed"] == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
