#!/usr/bin/env python3
"""What a session costs on one shard, and spread over several: processor time per delivery, both taking turns, and how much of it is letters.

    bench/spread.py --build build                  1x1000 and 1x5000, WebSocket and UDP, one shard beside two
    bench/spread.py --build build --only ws --shards 2,4 --rounds 5
    bench/spread.py --build build --results bench/results      keep it for docs/benchmarks.md

The WebSocket rows are of loads at which the daemon sleeps part of the time: processor time per delivery says nothing of one that is busy anyway. "most" offers more than is carried.
CPU time of the whole daemon, so that a busy machine changes little; the generator is another process and not in it. All shards share CPU 1 unless --free.
"""
import argparse
import json
import statistics
import urllib.request

import marks
import results

WORKLOADS = [
    ("ws 1x1000", "--tcp --sessions 1 --players 1000 --senders 10 --rate 6"),
    ("udp 1x1000", "--reliable 0 --sessions 1 --players 1000 --senders 10 --rate 12"),
    ("ws 1x5000", "--tcp --sessions 1 --players 5000 --senders 10 --rate 1.2"),
    ("udp 1x5000", "--reliable 0 --sessions 1 --players 5000 --senders 10 --rate 2.4"),
    ("most by ws 1x1000", "--tcp --sessions 1 --players 1000 --senders 10 --rate 600"),  # more than one shard carries: what arrives is the figure
]


class Daemon(marks.Ringcastd):
    def __init__(self, build, shards):
        super().__init__(build, shards, ["--set", "sessions.spread=" + ("always" if shards > 1 else "never")])
        self.admin = self.target[1]

    def limbs(self):
        sessions = json.load(urllib.request.urlopen(self.admin + "/v1/sessions"))["sessions"]
        return [limb["player_count"] for session in sessions for limb in session.get("limbs", [])]


def once(build, options, shards):
    with Daemon(build, shards) as daemon:
        report = marks.load(build, options, daemon.target)
        return {"ns": report["server"]["cpu_ns_per_delivery"], "per_second": report["deliveries_per_second"], "lost": report["counts"]["lost_reliable"],
                "letters": daemon.counter("letters_sent"), "bells": daemon.counter("letter_bells"), "waited": daemon.counter("letters_waited"),
                "late_ratio": marks.late_ratio(report)}


def rows_of(name, found):
    """A row for each number of shards: what the runs with it say, and how its cost stands to that of one shard."""
    base = statistics.median(run["ns"] for run in found[1])
    for count, runs in found.items():
        ns = [run["ns"] for run in runs]
        yield {"workload": name, "shards": count, "cpu_ns_per_delivery": round(statistics.median(ns), 1), "cpu_ns_least": round(min(ns), 1), "cpu_ns_greatest": round(max(ns), 1),
               "beside_one": round(statistics.median(ns) / base, 3), "deliveries_per_second": round(statistics.median(run["per_second"] for run in runs)),
               "letters": runs[-1]["letters"], "bells": runs[-1]["bells"], "waited": runs[-1]["waited"], "lost_reliable": sum(run["lost"] for run in runs),
               "late_ratio": max(run["late_ratio"] for run in runs)}


def show(row):
    print(f"| {row['workload']} | {row['shards']} | {row['cpu_ns_per_delivery']:,.0f} ({row['cpu_ns_least']:,.0f} to {row['cpu_ns_greatest']:,.0f}) | {row['beside_one']:.2f} "
          f"| {row['deliveries_per_second'] / 1e3:,.0f} k | {row['letters']:,.0f} | {row['bells']:,.0f} | {row['waited']:,.0f} | {row['lost_reliable']} "
          f"| {'no' if results.refusal(row) else 'yes'} |", flush=True)


def measure(build, options, counts, rounds):
    found = {count: [] for count in counts}
    for _ in range(rounds):
        for count in counts:
            found[count].append(once(build, options, count))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="a release build (default: build)")
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--shards", default="2", help="numbers of shards to compare with one, such as 2,4")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--results", metavar="DIR", help="write a result file there")
    parser.add_argument("--free", action="store_true", help="do not pin the daemon to CPU 1")
    arguments = parser.parse_args()
    if arguments.free:
        marks.ringcastd = lambda *given, plain=marks.ringcastd: ["taskset", "-c", "0-1023", *plain(*given)]
    counts = [1, *(int(count) for count in arguments.shards.split(","))]
    print("| workload | shards | CPU ns per delivery, median (least to most) | beside one shard | deliveries/s | letters | bells | waited | lost reliable | generator kept up |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    rows = []
    for name, options in WORKLOADS:
        if arguments.only in name:
            for row in rows_of(name, measure(arguments.build, options, counts, arguments.rounds)):
                show(row)
                rows.append(row)
    if arguments.results:
        results.write(arguments.results, "spread", {"rows": rows, "rounds": arguments.rounds})


if __name__ == "__main__":
    main()
