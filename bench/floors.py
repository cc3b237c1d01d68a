#!/usr/bin/env python3
"""What a relay's UDP sends cost beside the least they can cost to receivers that are alive: one interleaved run, medians, one ratio.

    bench/floors.py --build build                            the ratio: the goal is 1.10 or less
    bench/floors.py --build build --peers                    and the WebSocket beside the best other relay at each workload: 1.3 or more, p99 below its
    bench/floors.py --build build --results bench/results    keep it for docs/benchmarks.md

Each round measures ringcastd (50 sessions of 8 over UDP, 64 B, the relay on CPU 1 and its players on CPU 0) and the floor (micro-udp-live: 400 peers, 78 B as
on the wire, the same two CPUs), one after the other. The floor's row is sendmmsg with 64 a call to receivers that are read by a polling loop.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import marks  # noqa: E402
import results  # noqa: E402

FLOOR = "live, polling: sendmmsg, 64 per call"
RELAY = "--reliable 0 --sessions 50 --players 8 --rate {rate}"
AHEAD = ["nice", "-n", "-15"] if os.geteuid() == 0 else []


def floors(build, seconds):
    command = ["taskset", "-c", "1", *AHEAD, f"{build}/bench/micro-udp-live", "--peers", "400", "--size", "78", "--duration", str(seconds), "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def relay(build, rate):
    with marks.Ringcastd(build) as server:
        if AHEAD:
            for task in os.listdir(f"/proc/{server.process.pid}/task"):
                os.setpriority(os.PRIO_PROCESS, int(task), -15)
        report = marks.load_once(build, RELAY.format(rate=rate) + " --duration 2", server.target, AHEAD)
    return report["server"]["cpu_ns_per_delivery"], report["deliveries_per_second"]


def medians(rounds):
    """The floor's rows, each with the median of its rounds."""
    rows = [dict(row) for row in rounds[0]]
    for i, row in enumerate(rows):
        row["cpu_ns_per_message"] = round(statistics.median(taken[i]["cpu_ns_per_message"] for taken in rounds), 1)
        del row["messages"]
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="a release build (default: build)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3, help="CPU time of each row of the floor")
    parser.add_argument("--rate", type=float, default=110, help="messages a second of each player: 110 are 352 k deliveries")
    parser.add_argument("--results", metavar="DIR", help="write result files there")
    parser.add_argument("--peers", action="store_true", help="bench/peers/run afterwards, as many rounds")
    arguments = parser.parse_args()
    taken, costs = [], []
    for _ in range(arguments.rounds):
        taken.append(floors(arguments.build, arguments.seconds))
        costs.append(relay(arguments.build, arguments.rate))
    rows = medians(taken)
    floor = next(row["cpu_ns_per_message"] for row in rows if row["name"] == FLOOR)
    cost = statistics.median(cost for cost, _ in costs)
    ratios = sorted(cost / next(row["cpu_ns_per_message"] for row in one if row["name"] == FLOOR) for (cost, _), one in zip(costs, taken))
    for row in rows:
        print(f"{row['name']:40} {row['cpu_ns_per_message']:8,.0f} ns")
    print(f"{'relay, udp 50x8':40} {cost:8,.0f} ns at {statistics.median(rate for _, rate in costs) / 1e3:,.0f} k deliveries/s")
    print(f"UDP relay : live batched floor = {cost / floor:.2f} (pairs {ratios[0]:.2f} to {ratios[-1]:.2f}; goal: at most 1.10)")
    if arguments.results:
        results.write(arguments.results, "live-floor", {"rows": rows, "relay": {
            "cpu_ns_per_delivery": round(cost, 1), "deliveries_per_second": round(statistics.median(rate for _, rate in costs)), "ratio": round(cost / floor, 3),
            "pairs": [round(ratio, 3) for ratio in ratios], "rounds": arguments.rounds}})
    if arguments.peers:
        keep = ["--results", arguments.results] if arguments.results else []
        run = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers", "run")
        subprocess.run([run, "--build", arguments.build, "--rounds", str(arguments.rounds), *keep], check=True)


if __name__ == "__main__":
    main()
