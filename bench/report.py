"""The table of a run, from its record (see README.md): medians, ratios to native, goals, and what is not there and why."""
import goals


def shown(value, unit):
    """A figure with three digits and the unit that fits it."""
    if unit == "KiB":
        return f"{value / 1024:.1f} MiB"
    ns = value * 1e9 if unit == "s" else value
    for limit, scale, suffix in ((1e3, 1, "ns"), (1e6, 1e3, "us"), (1e9, 1e6, "ms")):
        if ns < limit:
            return f"{ns / scale:.3g} {suffix}" if ns / scale < 100 else f"{ns / scale:.0f} {suffix}"
    return f"{ns / 1e9:.2f} s"


def times(ratio):
    return f"{ratio:.3g}x" if ratio < 100 else f"{ratio:.0f}x"


def subject_of(record):
    """The engine that the verdict column is about: systrap where it ran, else another ringwall that did."""
    ran = [e["name"] for e in record["engines"] if not e["missing"] and e["name"].startswith("ringwall")]
    return next((n for n in ran if n.endswith("systrap")), ran[0] if ran else None)


def goal_text(row):
    if "goal" not in row:
        return ""
    unit, most = row["goal"]["unit"], row["goal"]["most"]
    return f"<= {times(most)}" if unit == "x" else f"<= {shown(most, unit)}"


def verdict_text(row, subject):
    return row["verdicts"].get(subject, {}).get("goal") or ""


def reference_text(row, subject):
    """The subject's median beside gVisor's, and whether it loses."""
    verdict = row["verdicts"].get(subject, {}).get("reference")
    ours, reference = goals.median_of(row, subject), goals.median_of(row, goals.REFERENCE)
    if not verdict:
        return ""
    if ours is None:
        return "runs there only"
    return (times(ours / reference) if reference else "") + (" slower" if verdict == goals.MISSED else "")


def cell(row, engine):
    entry = row["engines"].get(engine, {})
    if entry.get("median") is None:
        return "failed" if entry.get("error") else "-"
    text = shown(entry["median"], row["unit"])
    return text if engine == "native" or "ratio" not in entry else f"{text} ({times(entry['ratio'])})"


def align(lines):
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    figures = range(1, len(widths) - 2)  # the last two columns are words
    return ["  ".join(c.rjust(w) if i in figures else c.ljust(w) for i, (c, w) in enumerate(zip(line, widths))).rstrip() for line in lines]


def count_verdicts(record, subject):
    texts = []
    for kind, label in (("goal", "goals"), ("reference", "rows against gVisor (no slower)")):
        all_of = [row["verdicts"][subject][kind] for row in record["rows"] if row["verdicts"].get(subject, {}).get(kind)]
        if all_of:
            texts.append(f"{label}: {all_of.count(goals.MET)} of {len(all_of)} met")
    return f"{subject}: " + ", ".join(texts) if texts else ""


def notes(record):
    lines = []
    machine = record["machine"]
    lines.append(f"{machine['cpu']}, {machine['cpus']} CPUs, Linux {machine['kernel']}; load {machine['load_before']:.2f} before the run; "
                 f"{record['seconds']:.0f} s" + ("; --quick: smaller jobs, fewer rounds" if record["quick"] else ""))
    if machine["load_before"] > 0.5 * machine["cpus"]:
        lines.append("The machine was busy with other things: figures of this run are not fit for a verdict.")
    for engine in record["engines"]:
        lines.append(f"{engine['name']}: " + (f"not there: {engine['missing']}" if engine["missing"] else engine["version"]))
    for row in record["rows"]:
        if row.get("missing"):
            lines.append(f"{row['name']}: not there: {row['missing']}")
        for name, entry in row["engines"].items():
            if entry.get("error"):
                lines.append(f"{row['name']}: {name} failed: {entry['error']}")
    return lines


def table(record):
    """The whole report as text."""
    names = [e["name"] for e in record["engines"] if not e["missing"]]
    subject = subject_of(record)
    lines = [["", *names, "goal", subject or "", "vs gVisor" if subject and goals.REFERENCE in names else ""]]
    for row in record["rows"]:
        lines.append([row["name"], *(cell(row, n) for n in names), goal_text(row), verdict_text(row, subject), reference_text(row, subject)])
    means = record["geometric_mean"]["engines"]
    if means:
        most = record["geometric_mean"]["goal"]
        met = versus = ""
        if subject in means:
            met = goals.MET if means[subject]["ratio"] <= most else goals.MISSED
            if goals.REFERENCE in means:
                ratio = means[subject]["ratio"] / means[goals.REFERENCE]["ratio"]
                versus = times(ratio) + (" slower" if ratio > goals.NOISE else "")
        cells = [f"{times(means[n]['ratio'])} of {means[n]['rows']}" if n in means else "" for n in names]
        lines.append(["geometric mean of operations", *cells, f"<= {times(most)}", met, versus])
    text = align(lines) + [""] + notes(record)
    if subject and count_verdicts(record, subject):
        text.append(count_verdicts(record, subject))
    return "\n".join(text)
