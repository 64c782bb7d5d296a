#!/usr/bin/env python3
"""Measures Ringwall beside native runs and the runtimes that are installed (crun, runc, runsc), interleaved, medians.

  bench/run.py --ringwall build/release/ringwall [--platform ptrace,...] [--only NAME] [--runs N] [--engines native,crun] [--format json]

start_to_exit_of_true and the jobs are wall time; idle_memory is the PSS of all processes of a sandbox that runs `sleep`; the
other rows are one operation inside the sandbox (bench/syscall/). --only takes a part of a row's name.
"""
import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import engines  # noqa: E402
import jobs  # noqa: E402


class Row:
    """One thing to measure: `measure(engine)` gives a number in `unit` ("ns", "s" or "KiB")."""

    def __init__(self, name, unit, measure, runs):
        self.name, self.unit, self.measure, self.runs = name, unit, measure, runs
        self.samples, self.errors = {}, {}

    def collect(self, all_engines):
        if self.unit == "s":
            self.warm_up(all_engines[0])
        for turn in range(self.runs):
            for offset in range(len(all_engines)):  # another engine goes first each time
                engine = all_engines[(turn + offset) % len(all_engines)]
                if engine.name in self.errors:
                    continue
                try:
                    self.samples.setdefault(engine.name, []).append(self.measure(engine))
                except (engines.Failure, ValueError, OSError, subprocess.SubprocessError) as error:
                    self.errors[engine.name] = str(error) or type(error).__name__

    def warm_up(self, native):
        """The host's page cache must not favour who comes second."""
        try:
            self.measure(native)
        except (engines.Failure, OSError):
            pass

    def median(self, name):
        return statistics.median(self.samples[name]) if self.samples.get(name) and name not in self.errors else None

    def record(self, all_engines):
        native = self.median("native")
        cells = {}
        for engine in all_engines:
            value = self.median(engine.name)
            cells[engine.name] = {"median": value, "samples": self.samples.get(engine.name, [])}
            if value is not None and native:
                cells[engine.name]["ratio"] = round(value / native, 3)
            if engine.name in self.errors:
                cells[engine.name]["error"] = self.errors[engine.name]
        return {"name": self.name, "unit": self.unit, "engines": cells}


def shown(value, unit):
    if unit == "KiB":
        return f"{value / 1024:.1f} MiB"
    ns = value * 1e9 if unit == "s" else value
    for limit, scale, suffix in ((1e3, 1, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if ns < limit:
            return f"{ns / scale:.3g} {suffix}" if ns / scale < 100 else f"{ns / scale:.0f} {suffix}"
    return f"{ns / 1e9:.2f} s"


def table(rows, all_engines):
    lines = [["", *(e.name for e in all_engines)]]
    for row in rows:
        native = row.median("native")
        cells = [row.name]
        for engine in all_engines:
            value = row.median(engine.name)
            if value is None:
                cells.append("failed" if engine.name in row.errors else "-")
            elif engine.name == "native" or not native:
                cells.append(shown(value, row.unit))
            else:
                cells.append(f"{shown(value, row.unit)} ({value / native:.3g}x)")
        lines.append(cells)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))) for line in lines)


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


def operation(name, budget_ms):
    def measure(engine):
        out = engine.run(["{tools}/syscall_bench", "--ms", str(budget_ms), name])[1]
        return json.loads(out)[name]
    return measure


def all_rows(world, program, options):
    def job(script):
        return lambda engine: engine.run(["/bin/bash", "-c", script], timeout=options.timeout)[0]
    rows = [Row("start_to_exit_of_true", "s", lambda engine: engine.run(["/bin/true"])[0], options.runs * 2),
            Row("idle_memory", "KiB", lambda engine: engine.idle_memory_kib(), min(options.runs, 3))]
    names = subprocess.run([program, "--list"], capture_output=True, text=True, check=True).stdout.split()
    rows += [Row(name, "ns", operation(name, options.ms), options.runs) for name in sorted(names)]
    for name, script in jobs.JOBS.items():
        if all(shutil.which(p) for p in jobs.NEEDS.get(name, [])):
            rows.append(Row(name, "s", job(script), options.runs))
    wanted = [w for w in options.only.split(",") if w]
    return [r for r in rows if not wanted or any(w in r.name for w in wanted)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ringwall", default="", help="the binary to measure")
    parser.add_argument("--platform", default="auto", help="comma separated")
    parser.add_argument("--program", default="", help="the built syscall_bench")
    parser.add_argument("--engines", default="", help="comma separated: native (always), crun, runc, runsc, ringwall")
    parser.add_argument("--only", default="", help="parts of row names, comma separated")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--ms", type=int, default=140, help="time of one operation's measurement")
    parser.add_argument("--timeout", type=int, default=300, help="seconds for one job")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    options = parser.parse_args()
    if options.ringwall and not os.access(options.ringwall, os.X_OK):
        parser.error(f"{options.ringwall} does not exist")
    ringwall = os.path.abspath(options.ringwall) if options.ringwall else ""

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    engines.adopt_orphans()
    engines.hide_mixed_cgroups()
    program, built = guest_program(options.program, ringwall)
    world = engines.World(program)
    try:
        jobs.write_project(os.path.join(world.tools, "project"))
        platforms = options.platform.split(",") if ringwall else []
        chosen = engines.all_engines(world, ringwall, platforms, [n for n in options.engines.split(",") if n])
        rows = all_rows(world, program, options)
        for row in rows:
            print(f"  {row.name} ...", file=sys.stderr, flush=True)
            row.collect(chosen)
            for name, error in row.errors.items():
                print(f"    {name}: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    finally:
        world.close()
        if built:
            shutil.rmtree(built, ignore_errors=True)
    if options.format == "json":
        print(json.dumps({"runs": options.runs, "rows": [row.record(chosen) for row in rows]}, indent=1))
    else:
        print(table(rows, chosen))
    return 1 if any(row.errors for row in rows) or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
