"""What a run is judged by: the goals per row, the geometric mean, and no row slower than gVisor's. Pure functions over a run's record."""
import math

MET, MISSED = "met", "missed"
NOISE = 1.05        # two medians of one run closer than this count as equal
REFERENCE = "runsc"

# Row -> most that its median may be: as a ratio to the native one of the same run ("x"), or itself, in the row's unit.
GOALS = {
    "getppid": ("x", 6), "getppid_busy": ("x", 45),
    "fork_exit_wait": ("x", 2), "vfork_exec_wait": ("x", 2),
    "page_fault_4k": ("x", 1.1), "mmap_touch_munmap_64k": ("x", 1.5),
    "make_j2": ("x", 1.2), "configure": ("x", 1.2),
    "spawn": ("x", 2), "subshells": ("x", 2), "python_subprocesses": ("x", 2),
    "small_files": ("x", 3), "git_add_commit": ("x", 3), "find_usr": ("x", 3), "tar_usr_share": ("x", 3),
    "start_to_exit": ("s", 0.025), "idle_memory": ("KiB", 8 * 1024),
    "idle_cpu": ("s", 0.03),  # "no CPU": a thousandth of one over 30 s
}
GEOMETRIC_MEAN_GOAL = 2.5


def geometric_mean(values):
    values = list(values)
    if not values or any(v <= 0 for v in values):
        return None
    return math.exp(sum(math.log(v) for v in values) / len(values))


def median_of(row, engine):
    return row["engines"].get(engine, {}).get("median")


def ratio_of(row, engine):
    ours, native = median_of(row, engine), median_of(row, "native")
    return ours / native if ours is not None and native else None


def judge(row, engine):
    """{"goal": met/missed/None, "reference": met/missed/None}: None where there is no goal, or nothing to compare."""
    verdict = {"goal": None, "reference": None}
    ours = median_of(row, engine)
    if ours is None:
        if row["engines"].get(engine, {}).get("error"):  # a row that fails misses what it is measured by
            verdict["goal"] = MISSED if row["name"] in GOALS else None
            verdict["reference"] = MISSED if median_of(row, REFERENCE) is not None else None
        return verdict
    if row["name"] in GOALS:
        unit, limit = GOALS[row["name"]]
        value = ratio_of(row, engine) if unit == "x" else ours
        if value is not None:
            verdict["goal"] = MET if value <= limit else MISSED
    reference = median_of(row, REFERENCE)
    if reference is not None:
        verdict["reference"] = MET if ours <= reference * NOISE else MISSED
    return verdict


def geometric_means(rows, engines):
    """Engine -> {"ratio", "rows"}: over the operations that the engine and native both have."""
    means = {}
    for engine in engines:
        ratios = [r for r in (ratio_of(row, engine) for row in rows if row["group"] == "operation") if r]
        if ratios and engine != "native":
            means[engine] = {"ratio": round(geometric_mean(ratios), 3), "rows": len(ratios)}
    return means


def annotate(record):
    """Adds ratios, goals, verdicts and geometric means to a record of bench/run.py."""
    names = [e["name"] for e in record["engines"]]
    subjects = [n for n in names if n.startswith("ringwall")]
    for row in record["rows"]:
        for engine in names:
            ratio = ratio_of(row, engine)
            if ratio is not None:
                row["engines"][engine]["ratio"] = round(ratio, 3)
        if row["name"] in GOALS:
            row["goal"] = dict(zip(("unit", "most"), GOALS[row["name"]]))
        row["verdicts"] = {engine: judge(row, engine) for engine in subjects}
    record["geometric_mean"] = {"goal": GEOMETRIC_MEAN_GOAL, "engines": geometric_means(record["rows"], names)}
    return record
