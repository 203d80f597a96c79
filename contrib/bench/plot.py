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


def legend(names, first=0):
    for n, name in enumerate(names):
        x = LEFT + 150 * n
        yield f'<rect x="{x}" y="{HEIGHT + 38}" width="12" height="12" fill="{COLOURS[n + first]}"/>'
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
    """Answers a second by the number of clients, and runs a second; each kind of work to its own scale."""
    api = lambda measure, clients: lambda measures: measures["api"][-1][measure][clients]
    groups = [
        *((f"GET, {clients}", "GET", api("GET one of 10,000", clients)) for clients in ("1", "8", "64")),
        *((f"create, {clients}", "create", api("create", clients)) for clients in ("1", "8", "64")),
        ("runs", "runs", lambda measures: measures["burst"][-1]["runs_per_s"]),
    ]
    servers = {name: measures for name, measures in results["servers"].items() if {"burst", "api"} <= measures.keys()}
    room = (WIDTH - 20) / len(groups)
    bar = room * 0.8 / max(1, len(servers))
    most = {"runs": max(results["machine"]["spawns_per_s"].values())}
    for _, kind, figure in groups:
        most[kind] = max([most.get(kind, 0), *map(figure, servers.values())])
    up = lambda kind, value: HEIGHT - (HEIGHT - TOP - 20) * value / most[kind]
    parts = []
    for g, (label, kind, figure) in enumerate(groups):
        left = 10 + g * room
        for n, measures in enumerate(servers.values()):
            value, x = figure(measures), left + n * bar
            y = up(kind, value)
            parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar - 3:.1f}" height="{HEIGHT - y:.1f}" fill="{COLOURS[n + 1]}"/>')
            parts.append(text(x + bar / 2, y - 4, f"{value:,.0f}", "", "middle"))
        parts.append(text(left + room * 0.4, HEIGHT + 18, label, "", "middle"))
    limit = max(results["machine"]["spawns_per_s"].values())
    y, left = up("runs", limit), 10 + (len(groups) - 1) * room
    parts.append(f'<line x1="{left:.1f}" x2="{left + room * 0.8:.1f}" y1="{y:.1f}" y2="{y:.1f}" stroke-dasharray="4"/>')
    parts.append(text(left + room * 0.4, y - 4, f"machine {limit:,.0f}", "", "middle"))
    return svg("A second's work: reads and creates by 1, 8 and 64 clients, and runs", [*parts, *legend(list(servers), 1)])


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    results = json.loads(pathlib.Path(sys.argv[1]).read_text())
    directory = pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else ".")
    (directory / "lateness.svg").write_text(lateness(results))
    (directory / "throughput.svg").write_text(throughput(results))


if __name__ == "__main__":
    main()
