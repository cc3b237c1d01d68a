#!/usr/bin/env python3
"""Writes docs/benchmarks.md and its charts from bench/page/benchmarks.md.in and the result files in bench/results.

    bench/page.py             write them
    bench/page.py --check     exit 1 when they are not what would be written

A line "@name@" of the template becomes the table or chart of that name, each with the date, the machine and the command of the result that it shows:
the newest of its kind. The prose around is written by hand. Runs in which the generator was late say nothing about a relay: the table of workloads marks them,
and everything else leaves them out and says how many they were.
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


def kept(result):
    return [row for row in result["rows"] if not results.refusal(row)]


def refused(result, name):
    """How many rows are left out, and which; "" when there are none. name says what a row is of."""
    rows = [row for row in result["rows"] if results.refusal(row)]
    late = [row["late_ratio"] for row in rows if "late_ratio" in row]
    some = "" if len(rows) == len(result["rows"]) else ": " + ", ".join(name(row) for row in rows)
    how = f" ({min(late):.0%} to {max(late):.0%})" if late else ""
    return f"**Refused: {len(rows)} of {len(result['rows'])} rows**, of runs whose generator was late for more than 1 % of its sends{how}{some}." if rows else ""


def table_of_kept(head, result, line, name):
    """A table of what is valid, and what is not in it."""
    rows = [line(row) for row in kept(result)]
    return "\n\n".join(part for part in (table(head, rows) if rows else "", refused(result, name)) if part)


def marks(result):
    head = ("workload", "deliveries/s", "lost fast / reliable", "leaked or wrong", "server CPU ns per delivery", "deliveries per CPU s", "p50 / p99 ms",
            "generator kept up")
    return table(head, [(row["workload"], thousands(row["deliveries_per_second"]), f"{row['lost_fast']} / {row['lost_reliable']}", str(row["wrong"]),
                         f"{row['cpu_ns_per_delivery']:,.0f}", thousands(row["deliveries_per_cpu_second"]), results.times(row["p50_ms"], row["p99_ms"]),
                         "yes" if not results.refusal(row) else "no") for row in result["rows"]])


def live_floor(result):
    first = result["rows"][0]
    ways = list(dict.fromkeys(row["name"].split(": ")[1] for row in result["rows"]))
    receivers = list(dict.fromkeys(row["name"].split(": ")[0] for row in result["rows"]))
    cost = {row["name"]: row["cpu_ns_per_message"] for row in result["rows"]}
    more = {way: f", {first['merge']} datagrams a call" for way in ways if way.startswith("merged")}
    return table((f"CPU ns per datagram, {first['peers']} peers of {first['size']} B", *(f"receivers {name}" for name in receivers)),
                 [(way + more.get(way, ""), *(f"{cost[f'{name}: {way}']:,.0f}" for name in receivers)) for way in ways])


def planning(result):
    """What a delivery cost in the valid runs, and what light load costs of them: the dearest, since nothing waits that could be merged."""
    light = sorted(row["cpu_ns_per_delivery"] / 1e3 for row in kept(result) if row["workload"].endswith(" light"))
    advice = f"**Plan with {light[0]:.1f} to {light[-1]:.1f} us per delivery at light load**" if light else "No run at light load is valid"
    head = ("workload", "deliveries/s", "server CPU ns per delivery")
    text = table_of_kept(head, result, lambda row: (row["workload"], thousands(row["deliveries_per_second"]), f"{row['cpu_ns_per_delivery']:,.0f}"),
                         lambda row: row["workload"])
    return f"{text}\n\n{advice}, and measure your own mix:"


def ratio(result):
    relay = result["relay"]
    if results.refusal(relay):
        return f"The relay beside them is **refused**: {results.refusal(relay)}."
    kind, other = relay["kind"], next(name for name in relay["ratios"] if name != relay["kind"])
    return (f"The relay beside them, UDP 50x8 at {thousands(relay['deliveries_per_second'])} deliveries/s, {relay['messages_per_send']:.1f} in a send, "
            f"{relay['late_ratio']:.1%} of the generator's sends late: {relay['cpu_ns_per_delivery']:,.0f} ns per delivery, **{relay['ratios'][kind]:.2f} of the live floor that sends "
            f"as it does ({kind})** (pairs {relay['pairs'][kind][0]:.2f} to {relay['pairs'][kind][-1]:.2f}; the goal is at most 1.10), and {relay['ratios'][other]:.2f} of the {other} one.")


def peers(result):
    head = ("workload", "relay", "sends late", "CPU ns per delivery", "range", "deliveries/s", "of what was offered", "p50 / p99 ms")
    return table_of_kept(head, result, lambda row: (
        row["workload"], row["relay"], f"{row['late_ratio']:.1%}", f"{row['cpu_ns_per_delivery']:,.0f}", f"{row['cpu_ns_least']:,.0f} to {row['cpu_ns_greatest']:,.0f}",
        thousands(row["deliveries_per_second"]), f"{row['arrived_ratio']:.0%}", results.times(results.milliseconds(row["p50_ns"]), results.milliseconds(row["p99_ns"]))),
        lambda row: f"{row['workload']} by {row['relay']}")


def against_best(result):
    """The ratios to the best WebSocket relay that still say something: of rows of which neither is refused."""
    valid = {(row["workload"], row["relay"]) for row in kept(result)}
    return [{**row, "relay": row.get("relay", "ringcast")} for row in result["ratios"]  # results of before there were several of ours do not say
            if {(row["workload"], row.get("relay", "ringcast")), (row["workload"], row["best"])} <= valid]


def best_peer(result):
    return table(("workload", "ours", "the best WebSocket relay", "deliveries per CPU second, ours / its (goal 1.3)", "p99, ours / its (goal below 1)"),
                 [(row["workload"], row["relay"], row["best"], f"{row['ratio']:.2f}", "unknown" if row["p99_ratio"] is None else f"{row['p99_ratio']:.2f}")
                  for row in against_best(result)])


def ceilings(result):
    """What each carries, and ours beside the best of the others."""
    def carried(row):
        return ("at least " if row["is_at_least"] else "") + thousands(row["deliveries_per_second"])

    others = {}
    for row in kept(result):
        if not row["relay"].startswith("ringcast"):
            others[row["workload"]] = max(others.get(row["workload"], 0), row["deliveries_per_second"])
    return table_of_kept(("shape", "relay", f"deliveries/s carried on one CPU, p99 below {result['slo_ms']:g} ms", "beside the best of the others", "p50 / p99 ms"), result,
                         lambda row: (row["workload"], row["relay"], carried(row), f"{row['deliveries_per_second'] / others[row['workload']]:.2f}" if others.get(row["workload"]) else "",
                                      results.times(results.milliseconds(row["p50_ns"]), results.milliseconds(row["p99_ns"]))), lambda row: f"{row['workload']} by {row['relay']}")


def spread(result):
    return table_of_kept(("workload", "shards", "CPU ns per delivery, median (least to most)", "beside one shard", "deliveries/s", "letters", "lost reliable"), result,
                         lambda row: (row["workload"], str(row["shards"]), f"{row['cpu_ns_per_delivery']:,.0f} ({row['cpu_ns_least']:,.0f} to {row['cpu_ns_greatest']:,.0f})",
                                      f"{row['beside_one']:.2f}", thousands(row["deliveries_per_second"]), f"{row['letters']:,.0f}", str(row["lost_reliable"])),
                         lambda row: f"{row['workload']} on {row['shards']}")


def xdp(result):
    head = ("egress", "own CPU ns per datagram", "the floor of its kind", "with the receiver's half (veth)", "messages per send", "past the socket")
    socket, other = result["rows"]
    text = table(head, [(row["name"], f"{row['own_ns']:,.0f}", f"{row['floor_ns']:,.0f}", f"{row['delivered_ns']:,.0f}", f"{row['messages_per_send']:.2f}", f"{row['past_ratio']:.0%}")
                        for row in result["rows"]])
    return (f"{text}\n\nOf the relay's own cost by the socket, that by AF_XDP is **{other['own_ns'] / socket['own_ns']:.2f}**; of the floors, one is {other['floor_ns'] / socket['floor_ns']:.2f} "
            f"of the other.")


def pairs(result):
    def cost(side):
        return f"{side['cpu_ns_per_delivery']:,.0f} ({side['cpu_ns_least']:,.0f} to {side['cpu_ns_greatest']:,.0f})"

    return table_of_kept(("workload", "deliveries/s", f"CPU ns per delivery, {result['before']}", "now", "now / before, median of the pairs (least to most)"), result,
                         lambda row: (row["workload"], thousands(row["deliveries_per_second"]), cost(row["before"]), cost(row["after"]),
                                      f"{row['ratio']:.2f} ({row['ratio_least']:.2f} to {row['ratio_greatest']:.2f})"), lambda row: row["workload"])


def printed(result):
    """What a program printed, as it stands."""
    return "\n".join(f"    {row}".rstrip() for row in result["rows"])


def groups(result):
    lines = {}
    for row in kept(result):
        lines.setdefault(row["transport"], []).append((row["members"], row["cpu_ns_per_delivery"]))
    return lines and plot.line_chart("Server CPU per delivery over the size of a group", "members of the group", "ns per delivery", lines)


def groups_table(result):
    return table_of_kept(("members", "transport", "ns per delivery", "deliveries/s", "p50 / p99 ms"), result,
                         lambda row: (str(row["members"]), row["transport"], f"{row['cpu_ns_per_delivery']:,.0f}", thousands(row["deliveries_per_second"]),
                                      results.times(row["p50_ms"], row["p99_ms"])), lambda row: f"{row['transport']} {row['members']}")


def load(result):
    lines = {}
    for row in kept(result):
        for name in ("p50", "p99"):
            if row[f"{name}_ms"] is not None:
                lines.setdefault(f"{row['transport']} {name}", []).append((row["deliveries_per_second"], row[f"{name}_ms"]))
    return lines and plot.line_chart("Latency over load, 50 sessions of 8", "deliveries per second", "ms", lines, is_y_log=True)


def shards(result):
    lines = {}
    for row in kept(result):
        lines.setdefault(row["transport"], []).append((row["shards"], row["deliveries_per_cpu_second"]))
    return lines and plot.line_chart("Deliveries per CPU second over shards", "shards", "deliveries per CPU second", lines, is_x_log=False)


def shards_table(result):
    return table_of_kept(("shards", "transport", "deliveries per CPU s", "deliveries/s", "p50 / p99 ms"), result,
                         lambda row: (str(row["shards"]), row["transport"], thousands(row["deliveries_per_cpu_second"]), thousands(row["deliveries_per_second"]),
                                      results.times(row["p50_ms"], row["p99_ms"])), lambda row: f"{row['transport']} {row['shards']}")


PRINTED = ("hooks", "sidecar", "match", "place", "seal", "limbs", "login_floor")  # by bench/keep.py
TABLES = {"marks": ("marks", marks), "planning": ("marks", planning), "live_floor": ("live-floor", live_floor), "peers": ("peers", peers),
          "best_peer": ("peers", best_peer), "ceilings": ("ceilings", ceilings), "ratio": ("live-floor", ratio), "spread": ("spread", spread), "xdp": ("xdp", xdp), "pairs": ("pairs", pairs),
          "groups": ("groups", groups_table), "shards": ("shards", shards_table),
          **{name: (f"micro-{name.replace('_', '-')}", printed) for name in PRINTED}}
CHARTS = {"groups_chart": ("groups", groups, "group-size.svg"), "load_chart": ("load", load, "latency-over-load.svg"), "shards_chart": ("shards", shards, "shards.svg")}
PLOTS = os.path.join("docs", "plots")


def chart(name, result, files):
    _, draw, file = CHARTS[name]
    drawn = draw(result)
    if not drawn:
        return "No chart: no run of this is valid yet."
    files[os.path.join(PLOTS, file)] = drawn
    return f"![{file.removesuffix('.svg').replace('-', ' ')}](plots/{file})"


def render(name, files):
    """What stands in place of @name@."""
    kind = (TABLES.get(name) or CHARTS.get(name) or sys.exit(f"benchmarks.md.in: nobody knows @{name}@"))[0]
    result = results.latest(KEPT, kind)
    if not result:
        sys.exit(f"benchmarks.md.in: @{name}@ needs a result of kind {kind} in {KEPT}")
    return f"{source(result)}\n\n{TABLES[name][1](result) if name in TABLES else chart(name, result, files)}"


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


def left_over(files):
    """Charts of an earlier day that nothing draws any more."""
    folder = os.path.join(ROOT, PLOTS)
    there = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [path for path in (os.path.join(PLOTS, name) for name in there if name.endswith(".svg")) if path not in files]


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
    files = make()
    stale, old = [path for path, text in files.items() if read(path) != text], left_over(files)
    if arguments.check:
        for path in stale + old:
            print(f"{path} is not what bench/page.py makes of the template and the results", file=sys.stderr)
        return 1 if stale + old else 0
    os.makedirs(os.path.join(ROOT, PLOTS), exist_ok=True)
    for path in stale:
        with open(os.path.join(ROOT, path), "w") as file:
            file.write(files[path])
        print(f"wrote {path}")
    for path in old:
        os.remove(os.path.join(ROOT, path))
        print(f"removed {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
