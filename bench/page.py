#!/usr/bin/env python3
"""Writes docs/benchmarks.md and its charts from bench/page/benchmarks.md.in and the result files in bench/results.

    bench/page.py             write them
    bench/page.py --check     exit 1 when they are not what would be written

A line "@name@" of the template becomes the table or chart of that name, each with the date, the machine and the command of the result that it shows:
the newest of its kind. The prose around is written by hand.
"""
import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import plot  # noqa: E402
import results  # noqa: E402

ROOT = os.path.dirname(HERE)
KEPT = os.path.join(HERE, "results")


def source(result):
    machine = result["machine"]
    load = machine.get("load_average")
    where = f"{machine['cpu']}, {machine['cpus']} CPUs, Linux {machine['kernel']}" + (f", load average {load.split()[0] if '/' in load else load}" if load else "")
    return f"*{result['date']}, {where}; `{result['command']}`*"


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in rows)])


def thousands(value):
    return f"{value / 1e3:,.0f} k"


def marks(result):
    head = ("workload", "deliveries/s", "lost fast / reliable", "leaked or wrong", "server CPU ns per delivery", "deliveries per CPU s", "p50 / p99 ms",
            "generator kept up")
    return table(head, [(row["workload"], thousands(row["deliveries_per_second"]), f"{row['lost_fast']} / {row['lost_reliable']}", str(row["wrong"]),
                         f"{row['cpu_ns_per_delivery']:,.0f}", thousands(row["deliveries_per_cpu_second"]), f"{row['p50_ms']:.2f} / {row['p99_ms']:.2f}",
                         "yes" if row["valid"] else "no") for row in result["rows"]])


def floor(result):
    return table(("floor of UDP sending", "CPU ns per datagram"),
                 [(f"{row['peers']} peers of {row['size']} B: {row['name']}", f"{row['cpu_ns_per_message']:,.0f}") for row in result["rows"]])


def live_floor(result):
    ways = list(dict.fromkeys(row["name"].split(": ")[1] for row in result["rows"]))
    receivers = list(dict.fromkeys(row["name"].split(": ")[0] for row in result["rows"]))
    cost = {row["name"]: row["cpu_ns_per_message"] for row in result["rows"]}
    return table((f"CPU ns per datagram, {result['rows'][0]['peers']} peers of {result['rows'][0]['size']} B", *(f"receivers {name}" for name in receivers)),
                 [(way, *(f"{cost[f'{name}: {way}']:,.0f}" for name in receivers)) for way in ways])


def ratio(result):
    relay = result["relay"]
    return (f"The relay beside it, UDP 50x8 at {thousands(relay['deliveries_per_second'])} deliveries/s: {relay['cpu_ns_per_delivery']:,.0f} ns per delivery, "
            f"**{relay['ratio']:.2f} of the live batched floor** (single pairs {relay['pairs'][0]:.2f} to {relay['pairs'][-1]:.2f}; the goal is at most 1.10).")


def peers(result):
    head = ("workload", "relay", "CPU ns per delivery", "range", "deliveries/s", "of what was offered", "p50 / p99 ms")
    text = table(head, [(row["workload"], row["relay"], f"{row['cpu_ns_per_delivery']:,.0f}", f"{row['cpu_ns_least']:,.0f} to {row['cpu_ns_greatest']:,.0f}",
                         thousands(row["deliveries_per_second"]), f"{row['arrived_ratio']:.0%}", f"{row['p50_ns'] / 1e6:.2f} / {row['p99_ns'] / 1e6:.2f}")
                        for row in result["rows"]])
    ratios = [f"* {row['workload']}: {row['ratio']:.2f} times the deliveries per CPU second of {row['best']}, the best WebSocket relay there; our p99 is {row['p99_ratio']} of its."
              for row in result["ratios"]]
    return "\n".join([text, "", *ratios]) if ratios else text


def groups(result):
    lines = {}
    for row in result["rows"]:
        lines.setdefault(row["transport"], []).append((row["members"], row["cpu_ns_per_delivery"]))
    return plot.line_chart("Server CPU per delivery over the size of a group", "members of the group", "ns per delivery", lines)


def groups_table(result):
    members = sorted({row["members"] for row in result["rows"]})
    cost = {(row["transport"], row["members"]): row for row in result["rows"]}
    transports = list(dict.fromkeys(row["transport"] for row in result["rows"]))
    return table(("members", *(f"{name}: ns per delivery (deliveries/s)" for name in transports)),
                 [(str(count), *(f"{cost[name, count]['cpu_ns_per_delivery']:,.0f} ({thousands(cost[name, count]['deliveries_per_second'])})"
                                 if (name, count) in cost else "" for name in transports)) for count in members])


def load(result):
    lines = {}
    for row in result["rows"]:
        lines.setdefault(f"{row['transport']} p50", []).append((row["deliveries_per_second"], row["p50_ms"]))
        lines.setdefault(f"{row['transport']} p99", []).append((row["deliveries_per_second"], row["p99_ms"]))
    return plot.line_chart("Latency over load, 50 sessions of 8", "deliveries per second", "ms", lines, is_y_log=True)


def shards(result):
    lines = {}
    for row in result["rows"]:
        lines.setdefault(row["transport"], []).append((row["shards"], row["deliveries_per_cpu_second"]))
    return plot.line_chart("Deliveries per CPU second over shards", "shards", "deliveries per CPU second", lines, is_x_log=False)


TABLES = {"marks": ("marks", marks), "floor": ("floor", floor), "live_floor": ("live-floor", live_floor), "peers": ("peers", peers), "ratio": ("live-floor", ratio),
          "groups": ("groups", groups_table)}
CHARTS = {"groups_chart": ("groups", groups, "group-size.svg"), "load_chart": ("load", load, "latency-over-load.svg"), "shards_chart": ("shards", shards, "shards.svg")}


def render(name, files):
    """What stands in place of @name@."""
    kind = (TABLES.get(name) or CHARTS.get(name) or sys.exit(f"benchmarks.md.in: nobody knows @{name}@"))[0]
    result = results.latest(KEPT, kind)
    if not result:
        sys.exit(f"benchmarks.md.in: @{name}@ needs a result of kind {kind} in {KEPT}")
    if name in TABLES:
        return f"{source(result)}\n\n{TABLES[name][1](result)}"
    _, draw, file = CHARTS[name]
    files[os.path.join("docs", "plots", file)] = draw(result)
    return f"![{file.removesuffix('.svg').replace('-', ' ')}](plots/{file})"


def fill(template, files):
    with open(os.path.join(HERE, "page", template)) as file:
        lines = file.read().splitlines()
    made = [render(line[1:-1], files) if len(line) > 2 and line[0] == line[-1] == "@" else line for line in lines]
    return "\n".join([made[0], "", f"<!-- made by bench/page.py: edit bench/page/{template} -->", *made[1:]]) + "\n"


def make():
    """{path: text} of all that is written."""
    files = {}
    for template in sorted(os.listdir(os.path.join(HERE, "page"))):
        files[os.path.join("docs", template.removesuffix(".in"))] = fill(template, files)
    return files


def read(path):
    try:
        with open(os.path.join(ROOT, path)) as file:
            return file.read()
    except OSError:
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    stale = [path for path, text in make().items() if read(path) != text]
    if arguments.check:
        for path in stale:
            print(f"{path} is not what bench/page.py makes of the template and the results", file=sys.stderr)
        return 1 if stale else 0
    files = make()
    os.makedirs(os.path.join(ROOT, "docs", "plots"), exist_ok=True)
    for path in stale:
        with open(os.path.join(ROOT, path), "w") as file:
            file.write(files[path])
        print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
