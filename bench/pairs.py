#!/usr/bin/env python3
"""The workloads of docs/benchmarks.md by two builds, turn and turn about in one run: what a change costs or saves, whatever the machine does meanwhile.

    bench/pairs.py --before ../old/build --after build                     three rounds of each workload, about ten minutes
    bench/pairs.py --before ../old/build --after build --only 'ws;350k' --rounds 9
    bench/pairs.py --before ../old/build --after build --results bench/results

One generator loads both, that of --after. A build that knows a setting not yet is started without it. A row whose generator was late in a run is shown as refused: it has measured the generator.
Who is first changes from round to round. The servers are pinned to CPU 1, the generator to CPU 0, as in bench/marks.py.
"""
import argparse
import statistics
import subprocess

import marks
import results

WORKLOADS = [name for name, _ in marks.WORKLOADS if not name.startswith(("merged", "secure"))]


def knows(build, words):
    """Whether a build's daemon takes these words of its command line."""
    return subprocess.run([f"{build}/engine/ringcastd", "--dev", *words, "--check-config"], capture_output=True, check=False).returncode == 0


def command(build):
    """As marks starts it, less what this build does not know yet."""
    program, *words = marks.ringcastd(build)
    kept, i = [], 0
    while i < len(words):
        taken = words[i:i + 2] if words[i] != "--dev" else words[i:i + 1]
        i += len(taken)
        if taken[0] not in ("--set", "--service") or knows(build, taken):
            kept += taken
    return [program, *kept]


class Daemon(marks.Ringcastd):
    def __init__(self, words):
        marks.Server.__init__(self, words, ": ready ")
        self.find_target()


def once(words, load, options):
    with Daemon(words) as daemon:
        report = marks.load(load, options, daemon.target)
    return {"ns": report["server"]["cpu_ns_per_delivery"], "per_second": report["deliveries_per_second"], "late_ratio": marks.late_ratio(report)}


def side(runs):
    ns = [run["ns"] for run in runs]
    return {"cpu_ns_per_delivery": round(statistics.median(ns), 1), "cpu_ns_least": round(min(ns), 1), "cpu_ns_greatest": round(max(ns), 1)}


def row_of(name, before, after):
    """Ratios are of the runs that were beside each other: what the machine did to one it did to the other."""
    ratios = sorted(new["ns"] / old["ns"] for old, new in zip(before, after))
    return {"workload": name, "before": side(before), "after": side(after), "ratio": round(statistics.median(ratios), 3), "ratio_least": round(ratios[0], 3),
            "ratio_greatest": round(ratios[-1], 3), "deliveries_per_second": round(statistics.median(run["per_second"] for run in after)),
            "late_ratio": max(run["late_ratio"] for run in before + after)}


def measure(commands, load, options, rounds):
    """Runs of before and of after."""
    found = {name: [] for name in commands}
    for turn in range(rounds):
        for name in (list(commands) if turn % 2 == 0 else reversed(list(commands))):
            found[name].append(once(commands[name], load, options))
    return found["before"], found["after"]


def show(row):
    sides = " | ".join(f"{side['cpu_ns_per_delivery']:,.0f} ({side['cpu_ns_least']:,.0f} to {side['cpu_ns_greatest']:,.0f})" for side in (row["before"], row["after"]))
    print(f"| {row['workload']} | {row['deliveries_per_second'] / 1e3:,.0f} k | {sides} | {row['ratio']:.2f} ({row['ratio_least']:.2f} to {row['ratio_greatest']:.2f}) "
          f"| {results.refusal(row) or 'yes'} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True, help="a release build of the older version")
    parser.add_argument("--after", default="build", help="a release build (default: build)")
    parser.add_argument("--name", default="before", help="what the older one is called in the results, such as its commit")
    parser.add_argument("--only", default="", help="workloads whose name contains this, or one of several between semicolons")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", metavar="DIR", help="write a result file there")
    arguments = parser.parse_args()
    commands = {"before": command(arguments.before), "after": command(arguments.after)}
    print("| workload | deliveries/s | CPU ns per delivery before, median (least to most) | after | after / before, median of the pairs (least to most) | generator kept up |\n|---|---|---|---|---|---|")
    rows = []
    for name, options in marks.WORKLOADS:
        if name in WORKLOADS and any(part in name for part in arguments.only.split(";")):
            rows.append(row_of(name, *measure(commands, arguments.after, options, arguments.rounds)))
            show(rows[-1])
    if arguments.results:
        results.write(arguments.results, "pairs", {"rows": rows, "rounds": arguments.rounds, "before": arguments.name})


if __name__ == "__main__":
    main()
