#!/usr/bin/env python3
"""Measures Ringwall beside native runs, crun and gVisor: interleaved, medians, ratios, goals.

  bench/run.py --ringwall build/release/ringwall [--quick] [--only NAME,...] [--json FILE] [--svg FILE] [--format json]
  bench/run.py --from FILE [--svg FILE]        the table and picture of an earlier run

--only takes parts of row names; density, idle_cpu and handoff are measured only when it names them. A row that fails in one engine says why and the
run goes on. Exit status: 0, or 1 when a row failed in ringwall or nothing was measured. Progress is on standard error.
"""
import argparse
import datetime
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import engines  # noqa: E402
import goals  # noqa: E402
import packages  # noqa: E402
import plot  # noqa: E402
import report  # noqa: E402
import rows as all_about_rows  # noqa: E402

# What --quick changes: rounds, milliseconds of an operation, seconds an engine may use in a row, of one job, of the whole run.
USUAL = {"runs": 5, "ms": 140, "cap": 7, "timeout": 120, "budget": 660}
QUICK = {"runs": 2, "ms": 40, "cap": 2, "timeout": 30, "budget": 150}


def say(text):
    print(text, file=sys.stderr, flush=True)


def guest_program(given, ringwall):
    """The static guest program: built by CMake beside the ringwall binary, else compiled here. (path, folder to remove)."""
    for path in (given, os.path.join(os.path.dirname(ringwall), "bench", "syscall_bench") if ringwall else None):
        if path and os.access(path, os.X_OK):
            return path, None
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        sys.exit("bench/run.py: no syscall_bench and no compiler to build it with: build the target bench_programs")
    folder = tempfile.mkdtemp(prefix="ringwall-bench-build-")
    path = os.path.join(folder, "syscall_bench")
    sources = [os.path.join(HERE, "syscall", n) for n in sorted(os.listdir(os.path.join(HERE, "syscall"))) if n.endswith(".cc")]
    done = subprocess.run([compiler, "-std=gnu++20", "-O2", "-static", "-pthread", "-fno-exceptions", "-fno-rtti", "-D_GNU_SOURCE",
                           "-I", os.path.dirname(HERE), *sources, "-o", path], capture_output=True, text=True)
    if done.returncode != 0:
        shutil.rmtree(folder)
        sys.exit(f"bench/run.py: cannot build syscall_bench: {done.stderr[-500:]}")
    return path, folder


def machine():
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cpus": len(os.sched_getaffinity(0)), "kernel": platform.release(), "memory_kib": engines.available_kib(),
            "load_before": os.getloadavg()[0]}


def measure(options):
    """The record of a run; what was measured so far when it is interrupted."""
    ringwall = os.path.abspath(options.ringwall) if options.ringwall else ""
    started = time.monotonic()
    record = {"schema": 1, "started": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "quick": options.quick,
              "rounds": options.runs, "interrupted": False, "machine": machine(), "engines": [], "rows": []}
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    engines.adopt_orphans()
    engines.hide_mixed_cgroups()
    program, built = guest_program(options.program, ringwall)
    world = engines.World(program)
    fetch = packages.Packages(options.packages, say, options.offline)
    try:
        platforms = [p for p in options.platform.split(",") if p] if ringwall else []
        chosen = engines.all_engines(world, ringwall, platforms, [n for n in options.engines.split(",") if n], fetch)
        for engine in chosen:
            say(f"{engine.name}: " + (f"NOT THERE: {engine.missing}" if engine.missing else engine.version))
        record["engines"] = [{"name": e.name, "version": e.version, "missing": e.missing} for e in chosen]
        rows = all_about_rows.all_rows(world, program, options, fetch)
        for number, row in enumerate(rows, 1):
            passed = time.monotonic() - started
            say(f"[{number}/{len(rows)} {passed:.0f}s] {row.name}" + (f": NOT THERE: {row.missing}" if row.missing else ""))
            if not row.missing:
                row.collect(chosen, world, options.cap, started + options.budget)
            for name, error in row.errors.items():
                say(f"    {name} failed: {error}")
            record["rows"].append(row.record())
    except KeyboardInterrupt:
        record["interrupted"] = True
        say("interrupted: the report has what was measured so far")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        world.close()
        if built:
            shutil.rmtree(built, ignore_errors=True)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    record["machine"]["load_after"] = os.getloadavg()[0]
    record["seconds"] = round(time.monotonic() - started, 1)
    return goals.annotate(record)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ringwall", default="", help="the binary to measure")
    parser.add_argument("--platform", default="systrap,ptrace", help="comma separated (default: %(default)s)")
    parser.add_argument("--program", default="", help="the built syscall_bench")
    parser.add_argument("--engines", default="", help="comma separated: native (always), crun, runsc, ringwall, runc (only when named)")
    parser.add_argument("--only", default="", help="parts of row names, comma separated")
    parser.add_argument("--quick", action="store_true", help="three minutes: smaller jobs, fewer rounds")
    for name, what in (("runs", "rounds"), ("ms", "milliseconds of one operation's measurement"), ("timeout", "seconds for one job"),
                       ("cap", "seconds after which an engine gets no further round of a row"),
                       ("budget", "seconds after which every row gets one round only")):
        parser.add_argument(f"--{name}", type=int, help=f"{what} (default: {USUAL[name]}; --quick: {QUICK[name]})")
    parser.add_argument("--density", type=int, default=20, choices=range(1, 101), metavar="N", help="idle sandboxes of the density rows")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--json", default="", metavar="FILE", help="write the record there too")
    parser.add_argument("--svg", default="", metavar="FILE", help="draw the ratios")
    parser.add_argument("--from", dest="earlier", default="", metavar="FILE", help="measure nothing: report on an earlier --json")
    parser.add_argument("--packages", default=os.path.join(os.path.dirname(HERE), "build", "bench-packages"),
                        help="where downloaded packages are kept")
    parser.add_argument("--offline", action="store_true", help="download nothing")
    options = parser.parse_args()
    for name, value in (QUICK if options.quick else USUAL).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be positive")
    if options.ringwall and not os.access(options.ringwall, os.X_OK):
        parser.error(f"{options.ringwall} does not exist")
    return options


def main():
    options = parse()
    if options.earlier:
        with open(options.earlier) as file:
            record = goals.annotate(json.load(file))
    else:
        record = measure(options)
    if options.json:
        write(options.json, json.dumps(record, indent=1) + "\n")
    if options.svg:
        write(options.svg, plot.svg(record))
    print(json.dumps(record, indent=1) if options.format == "json" else report.table(record))
    if record.get("interrupted"):
        return 130
    failed = any(cell.get("error") for row in record["rows"] for name, cell in row["engines"].items() if name.startswith("ringwall"))
    return 1 if failed or not any(row["engines"] for row in record["rows"]) else 0


if __name__ == "__main__":
    sys.exit(main())
