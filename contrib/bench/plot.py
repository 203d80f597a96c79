#!/usr/bin/env python3
"""Draws lateness.svg and throughput.svg from what measure.py has written: plot.py results.json [DIRECTORY]"""
import json, math, pathlib, statistics, sys

WIDTH, HEIGHT, LEFT, TOP = 640, 280, 60, 40
COLOURS = ["#8a8f98", "#2f6fde", "#d9822b", "#3a9a5b"]
STYLE = "text{font:12px sans-serif;fill:#555}.title{font-size:14px;font-weight:bold}line,path{stroke:#ccc;fill:none}"


def svg(title, parts):
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + 60}" role="img" aria-label="{title}">'
    return "\n".join([head, f"<style>{STYLE}</style>", text(LEFT, 22, title, "title"), *parts, "</svg>", ""])


def text(x, y, words, kind="", anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{kind}" text-anchor="{anchor}">{words}</text>'


def legend(names):
    for n, name in enumerate(names):
        x = LEFT + 150 * n
        yield f'<rect x="{x}" y="{HEIGHT + 38}" width="12" height="12" fill="{COLOURS[n]}"/>'
        yield text(x + 18, HEIGHT + 48, name)


def lateness(results):
    """How late each of 1,000 jobs 10 ms apart started, from the earliest to the latest, on a logarithmic scale."""
    case = "1,000 jobs 10 ms apart"
    least, most = 0.03, 30
    y = lambda ms: TOP + (HEIGHT - TOP) * (1 - math.log(min(max(ms, least), most) / least) / math.log(most / least))
    parts = []
    for tick in (0.1, 1, 10):
        parts += [f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>', text(LEFT - 6, y(tick) + 4, f"{tick} ms", "", "end")]
    spawn = results["machine"]["spawn_ms"]["p50"]
    parts += [f'<line x1="{LEFT}" x2="{WIDTH - 10}" y1="{y(spawn):.1f}" y2="{y(spawn):.1f}" stroke-dasharray="4"/>', text(WIDTH - 10, y(spawn) - 4, "one process of this machine", "", "end")]
    names = [name for name, measures in results["servers"].items() if "lateness" in measures]
    for n, name in enumerate(names):
        late = results["servers"][name]["lateness"][-1][case]["all_ms"]
        x = lambda place: LEFT + (WIDTH - LEFT - 10) * place / max(1, len(late) - 1)
        points = " L".join(f"{x(place):.1f},{y(ms):.1f}" for place, ms in enumerate(late))
        parts.append(f'<path d="M{points}" style="stroke:{COLOURS[n]};stroke-width:2"/>')
    parts += [text(LEFT, HEIGHT + 18, "earliest"), text(WIDTH - 10, HEIGHT + 18, "latest of 1,000", "", "end"), *legend(names)]
    return svg(f"How late jobs start: {case}", parts)


def throughput(results):
    """Runs of a burst and requests a second, each as bars beside one another, as shares of the highest."""
    groups = [
        ("burst, runs/s", lambda m: m["burst"][-1]["runs_per_s"]),
        ("GET one, 64", lambda m: m["api"][-1]["GET one of 10,000"]["64"]),
        ("GET stats, 64", lambda m: m["api"][-1]["GET stats of 10,000"]["64"]),
        ("GET list, 8", lambda m: m["api"][-1]["GET list of 10,000"]["8"]),
        ("create, 64", lambda m: m["api"][-1]["create"]["64"]),
    ]
    names = [name for name, measures in results["servers"].items() if {"burst", "api"} <= measures.keys()]
    room = (WIDTH - LEFT - 10) / len(groups)
    bar = room * 0.8 / max(1, len(names))
    parts = []
    for g, (label, figure) in enumerate(groups):
        values = [figure(results["servers"][name]) for name in names]
        for n, value in enumerate(values):
            height = (HEIGHT - TOP - 20) * value / max(values)
            x = LEFT + g * room + n * bar
            parts.append(f'<rect x="{x:.1f}" y="{HEIGHT - height:.1f}" width="{bar - 3:.1f}" height="{height:.1f}" fill="{COLOURS[n]}"/>')
            parts.append(text(x + bar / 2, HEIGHT - height - 4, f"{value:,.0f}", "", "middle"))
        parts.append(text(LEFT + g * room + room * 0.4, HEIGHT + 18, label, "", "middle"))
    return svg("A second's work: each group to its own scale", [*parts, *legend(names)])


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    results = json.loads(pathlib.Path(sys.argv[1]).read_text())
    directory = pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else ".")
    (directory / "lateness.svg").write_text(lateness(results))
    (directory / "throughput.svg").write_text(throughput(results))


if __name__ == "__main__":
    main()
