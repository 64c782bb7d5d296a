"""A run as an SVG picture: one line per row, one mark per engine on a logarithmic axis of ratios to native, a bar at the goal."""
import math
from xml.sax.saxutils import escape

import report

COLORS = {"crun": "#777777", "runc": "#b0a070", "runsc": "#d95f02", "ringwall-systrap": "#1b6ca8", "ringwall-ptrace": "#8fbbe0"}
MORE_COLORS = ("#7570b3", "#66a61e", "#e7298a")
LEFT, RIGHT, TOP, STEP, WIDTH = 210, 150, 64, 19, 1000


def ticks(low, high):
    """The marks of a logarithmic axis: 1, 2, 5 of each decade between its ends."""
    found = []
    for decade in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1):
        found += [m * 10.0 ** decade for m in (1, 2, 5) if low <= m * 10.0 ** decade <= high]
    return found


def goal_ratio(row):
    """Where the goal is on the axis: absolute ones by the native figure."""
    goal = row.get("goal")
    if not goal:
        return None
    if goal["unit"] == "x":
        return goal["most"]
    native = row["engines"].get("native", {}).get("median")
    return goal["most"] / native if native else None


def svg(record):
    names = [e["name"] for e in record["engines"] if not e["missing"] and e["name"] != "native"]
    rows = [row for row in record["rows"] if any(row["engines"].get(n, {}).get("ratio") for n in names)]
    spare = iter(MORE_COLORS * 4)
    color = {n: COLORS.get(n) or next(spare) for n in names}
    ratios = [row["engines"][n]["ratio"] for row in rows for n in names if row["engines"].get(n, {}).get("ratio")]
    marks = ratios + [g for g in map(goal_ratio, rows) if g]
    low, high = min([0.8, *marks]) / 1.1, max([2.0, *marks]) * 1.2
    bottom = TOP + STEP * max(len(rows), 1)
    height = bottom + 40

    def x(ratio):
        return LEFT + (WIDTH - LEFT - RIGHT) * math.log(ratio / low) / math.log(high / low)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
           'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           f'<text x="10" y="20" font-size="15">Time (memory) as a multiple of native; lower is better; the bar is the goal</text>']
    for i, name in enumerate(names):
        out.append(f'<circle cx="{LEFT + 165 * i}" cy="40" r="5" fill="{color[name]}"/><text x="{LEFT + 165 * i + 10}" y="44">{escape(name)}</text>')
    for tick in ticks(low, high):
        stroke = "#888888" if tick == 1 else "#e4e4e4"
        out.append(f'<line x1="{x(tick):.1f}" y1="{TOP - 8}" x2="{x(tick):.1f}" y2="{bottom}" stroke="{stroke}"/>'
                   f'<text x="{x(tick):.1f}" y="{bottom + 16}" text-anchor="middle" fill="#444444">{tick:g}x</text>')
    for i, row in enumerate(rows):
        y = TOP + STEP * i + STEP / 2
        out.append(f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end">{escape(row["name"])}</text>')
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#f2f2f2"/>')
        goal = goal_ratio(row)
        if goal:
            out.append(f'<rect x="{x(goal) - 1.5:.1f}" y="{y - 8:.1f}" width="3" height="16" fill="#2c9b4b"><title>goal {goal:.3g}x</title></rect>')
        for name in names:
            entry = row["engines"].get(name, {})
            if entry.get("ratio"):
                title = escape(f"{row['name']}, {name}: {report.shown(entry['median'], row['unit'])}, {entry['ratio']:.3g}x")
                out.append(f'<circle cx="{x(entry["ratio"]):.1f}" cy="{y:.1f}" r="5" fill="{color[name]}" fill-opacity="0.85"><title>{title}</title></circle>')
        native = row["engines"].get("native", {}).get("median")
        if native is not None:
            out.append(f'<text x="{WIDTH - 10}" y="{y + 4:.1f}" text-anchor="end" fill="#444444">native {report.shown(native, row["unit"])}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"
