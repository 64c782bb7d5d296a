"""The rows of a run: what each measures, in which order, how often."""
import json
import os
import statistics
import subprocess
import time

import engines
import jobs

OPERATIONS = {
    "getppid": "getppid", "clock_gettime": "clock_gettime(CLOCK_MONOTONIC)", "read_zero_1": "read of 1 byte of /dev/zero",
    "pread_4k": "pread of 4 KiB of a file", "pwrite_4k": "pwrite of 4 KiB", "pread_1m": "pread of 1 MiB", "pwrite_1m": "pwrite of 1 MiB",
    "open_close": "open and close of a file", "stat_hit": "stat of a file", "stat_miss": "stat of a name that is not there",
    "create_unlink": "create, close and unlink", "mmap_touch_munmap_64k": "mmap of 64 KiB, a write to each page, munmap",
    "page_fault_4k": "first write to a page", "signal_self": "kill of itself, with a handler", "epoll_ready": "epoll_wait that finds an event",
    "futex_wake": "futex wake without a waiter", "fork_exit_wait": "fork, exit, wait", "vfork_exec_wait": "vfork, exec, exit, wait",
    "fork_exec_wait": "fork, exec, exit, wait", "pthread_create_join": "pthread_create and join",
    "pipe_round_trip_threads": "one byte to a thread and back", "pipe_round_trip_processes": "one byte to a process and back",
    "unix_round_trip_processes": "one byte to a process and back by a unix socket", "pipe_stream_64k": "64 KiB through a pipe to a process",
}
SLEEPING_THREADS, IDLE_SECONDS = 200, 30
HANDOFF_WORKERS = (1, 2, 4, 16)
HANDOFF_MS, HANDOFF_RUNS = 60, 5  # at most


class Row:
    """One thing to measure: `measure(engine)` gives a number in `unit` ("ns", "s" or "KiB")."""

    def __init__(self, name, group, unit, what, measure, runs):
        self.name, self.group, self.unit, self.what, self.measure, self.runs = name, group, unit, what, measure, runs
        self.missing = ""  # why it can't be measured at all
        self.samples, self.errors = {}, {}

    def collect(self, all_engines, world, cap, deadline):
        """Rounds over all engines. An engine gets no further round once it has used `cap` seconds, and nobody after the deadline."""
        present = [e for e in all_engines if not e.missing]
        spent = {e.name: 0.0 for e in present}
        if self.group == "job":
            self.sample(present[0], world)  # the host's page cache must not favour who comes second
            self.samples.clear()
        order = list(present)
        if self.group == "operation":  # every ratio rests on the native figure, and it costs the least
            order.insert(len(order) // 2 + 1, present[0])
        for turn in range(self.runs):
            for offset in range(len(order)):  # another engine goes first each time
                engine = order[(turn + offset) % len(order)]
                over = spent[engine.name] > cap or (turn > 0 and time.monotonic() > deadline)
                if engine.name not in self.errors and not over:
                    started = time.monotonic()
                    self.sample(engine, world)
                    spent[engine.name] += time.monotonic() - started

    def sample(self, engine, world):
        try:
            self.samples.setdefault(engine.name, []).append(self.measure(engine))
        except (engines.Failure, ValueError, KeyError, OSError, subprocess.SubprocessError) as error:
            self.errors[engine.name] = f"{error}" if isinstance(error, engines.Failure) else f"{type(error).__name__}: {error}"
        world.empty_work()  # also what a failed one left

    def record(self):
        cells = {}
        for name in {**self.samples, **self.errors}:
            samples = self.samples.get(name, [])
            cells[name] = {"median": statistics.median(samples) if samples and name not in self.errors else None, "samples": samples}
            if name in self.errors:
                cells[name]["error"] = self.errors[name]
        row = {"name": self.name, "group": self.group, "unit": self.unit, "what": self.what, "engines": cells}
        if self.missing:
            row["missing"] = self.missing
        return row


def operation(name, budget_ms):
    def measure(engine):
        return json.loads(engine.run(["{tools}/syscall_bench", "--ms", str(budget_ms), name], timeout=60)[1])[name]
    return measure


def whole_job(job, quick, timeout):
    words = ["/bin/bash", "-c", job.text(quick)]

    def measure(engine):
        job.lay_out(engine.world)
        return engine.run(words, timeout=timeout)[0]
    return measure


def busy_operation(world, name, budget_ms):
    def measure(engine):
        with engines.BusyCpus(world):
            return operation(name, budget_ms)(engine)
    return measure


def idle_memory(engine):
    """PSS of every process that a sandbox with one sleeping program needs, the program included."""
    sandbox = engine.start_idle(["/bin/sleep", "1000"])[1]
    try:
        time.sleep(1)
        return sum(engines.pss_kib(pid) for pid in engine.world.processes())
    finally:
        engine.stop_idle([sandbox])


def idle_cpu(engine):
    """CPU seconds that all processes of a sandbox use while its threads sleep."""
    ready = os.path.join(engine.world.work, "ready")
    sandbox = engine.start_idle(["{tools}/syscall_bench", "--sleepers", str(SLEEPING_THREADS), "{work}/ready"])[1]
    try:
        limit = time.monotonic() + 60
        while not os.path.exists(ready):
            if time.monotonic() > limit:
                raise engines.Failure("the threads were not there after 60 s")
            time.sleep(0.1)
        time.sleep(2)
        before = {pid: engines.cpu_seconds(pid) for pid in engine.world.processes()}
        if not any(before.values()):
            raise engines.Failure("no process of the sandbox shows its CPU time (/proc/PID/task/TID/schedstat)")
        time.sleep(IDLE_SECONDS)
        return sum(engines.cpu_seconds(pid) - before.get(pid, 0.0) for pid in engine.world.processes())
    finally:
        engine.stop_idle([sandbox])


def handoff(world, workers, kind, load, budget_ms):
    words = ["{tools}/syscall_bench", "--ms", str(budget_ms), "--handoff", str(workers), kind, "bursty" if load == "bursty" else "steady"]

    def measure(engine):
        if load != "busy":
            return json.loads(engine.run(words, timeout=60)[1])["handoff"]
        with engines.BusyCpus(world):
            return json.loads(engine.run(words, timeout=60)[1])["handoff"]
    return measure


def handoff_rows(world, options):
    """What a call costs when 1 to 16 threads or processes make them: nothing else running, a program on every CPU, and a few calls at a time."""
    budget_ms, runs = min(options.ms, HANDOFF_MS), min(options.runs, HANDOFF_RUNS)
    return [Row(f"handoff_{load}_{kind}_{workers}", "handoff", "ns", f"getpgid by each of {workers} {kind}, {load}",
                handoff(world, workers, kind, load, budget_ms), runs)
            for load in ("quiet", "busy", "bursty") for kind in ("threads", "processes") for workers in HANDOFF_WORKERS]


class Density:
    """Many idle sandboxes at once: three rows of one measurement."""

    def __init__(self, count):
        self.count, self.results = count, {}

    def measure(self, engine):
        sandboxes, starts = [], []
        before = engines.available_kib()
        try:
            for _ in range(self.count):
                taken, sandbox = engine.start_idle(["/bin/sleep", "1000"])
                sandboxes.append(sandbox)
                starts.append(taken)
            time.sleep(2)
            pss = sum(engines.pss_kib(pid) for pid in engine.world.processes())
            lost = max(before - engines.available_kib(), 0)
            return {"density_memory": pss / self.count, "density_host_memory": lost / self.count, "density_start": statistics.median(starts)}
        except engines.Failure as error:
            raise engines.Failure(f"with {len(sandboxes)} sandboxes running: {error}") from error
        finally:
            engine.stop_idle(sandboxes)

    def row(self, name, unit, what):
        def measure(engine):
            if engine.name not in self.results:
                try:
                    self.results[engine.name] = self.measure(engine)
                except (engines.Failure, OSError, subprocess.SubprocessError) as error:
                    self.results[engine.name] = engines.Failure(str(error))
            if isinstance(self.results[engine.name], engines.Failure):
                raise self.results[engine.name]
            return self.results[engine.name][name]
        return Row(name, "density", unit, what, measure, 1)


def optional_rows(world, options):
    density = Density(options.density)
    return [
        Row("idle_cpu", "idle", "s", f"CPU time of a sandbox with {SLEEPING_THREADS} sleeping threads in {IDLE_SECONDS} s", idle_cpu, 1),
        density.row("density_memory", "KiB", f"PSS per sandbox, {options.density} idle ones at once"),
        density.row("density_host_memory", "KiB", f"memory that the host has less, per sandbox, {options.density} idle ones at once"),
        density.row("density_start", "s", f"start of one of {options.density} idle sandboxes"),
    ] + handoff_rows(world, options)


def all_rows(world, program, options, fetch):
    """The usual rows, or those whose names contain a part of --only; the optional ones only when they are asked for."""
    wanted = [w for w in options.only.split(",") if w]
    names = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    ordered = [n for n in OPERATIONS if n in names] + sorted(n for n in names if n not in OPERATIONS)
    rows = [Row(n, "operation", "ns", OPERATIONS.get(n, n), operation(n, options.ms), options.runs) for n in ordered]
    rows.insert(1, Row("getppid_busy", "busy", "ns", "getppid while a program outside keeps every CPU busy",
                       busy_operation(world, "getppid", options.ms), options.runs))
    for job in jobs.JOBS:
        rows.append(Row(job.name, "job", "s", job.described(options.quick), whole_job(job, options.quick, options.timeout),
                        1 if options.quick else options.runs))
    rows += [Row("start_to_exit", "start", "s", "from run to the end of /bin/true", lambda engine: engine.run(["/bin/true"])[0], options.runs * 2),
             Row("idle_memory", "idle", "KiB", "PSS of all processes of a sandbox that sleeps", idle_memory, min(options.runs, 3))]
    rows = [r for r in rows if not wanted or any(w in r.name for w in wanted)]
    rows += [r for r in optional_rows(world, options) if any(w in r.name for w in wanted)]
    if any(r.group == "job" for r in rows):
        missing = jobs.prepare(world, fetch, options.quick, {r.name for r in rows})
        for row in rows:
            row.missing = missing.get(row.name, "")
    return rows
