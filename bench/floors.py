#!/usr/bin/env python3
"""What a relay's UDP sends cost beside the least they can cost to receivers that are alive: one interleaved run, medians, ratios.

    bench/floors.py --build build                            the ratio: the goal is 1.10 or less
    bench/floors.py --build build --peers                    and the WebSocket beside the best other relay at each workload: 1.3 or more, p99 below its
    bench/floors.py --build build --results bench/results    keep it for docs/benchmarks.md

Each round measures ringcastd (50 sessions of 8 over UDP, 64 B, the relay on CPU 1 and its players on CPU 0) and the floor (micro-udp-live: 400 peers, 78 B as
on the wire, the same two CPUs), one after the other. The floor that counts sends as the relay does: one datagram in each send (sendmmsg, 64 a call), or as
many as the relay's sends held on average, merged by UDP_SEGMENT. Both ratios are shown. A relay whose generator was late, three times in a row, has none.
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

FLOORS = {"single": "live, polling: sendmmsg, 64 per call", "merged": "live, polling: merged (UDP_SEGMENT)"}
MERGED_FROM = 1.5  # datagrams in a send
RELAY = "--reliable 0 --sessions 50 --players 8 --rate {rate}"
AHEAD = ["nice", "-n", "-15"] if os.geteuid() == 0 else []


def floors(build, seconds, merge):
    command = ["taskset", "-c", "1", *AHEAD, f"{build}/bench/micro-udp-live", "--peers", "400", "--size", "78", "--merge", str(merge), "--duration", str(seconds), "--json"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def relay_once(build, rate):
    with marks.Ringcastd(build) as server:
        if AHEAD:
            for task in os.listdir(f"/proc/{server.process.pid}/task"):
                os.setpriority(os.PRIO_PROCESS, int(task), -15)
        report = marks.load_once(build, RELAY.format(rate=rate) + " --duration 2", server.target, AHEAD)
        sends = server.counter("datagram_writes")
        return {"cost": report["server"]["cpu_ns_per_delivery"], "deliveries_per_second": report["deliveries_per_second"], "valid": report["valid"],
                "late_ratio": marks.late_ratio(report), "messages_per_send": server.counter("deliveries_fast") / sends if sends else 1}


def relay(build, rate):
    return marks.first_valid(lambda: relay_once(build, rate))


def merge_of(messages_per_send):
    return max(2, round(messages_per_send))


def cost_of(rows, kind):
    return next(row["cpu_ns_per_message"] for row in rows if row["name"] == FLOORS[kind])


def beside(runs, taken):
    """The relay's runs beside the floors of the same rounds, each kind apart; the kind that sends as the relay does is named."""
    per_send = statistics.median(run["messages_per_send"] for run in runs)
    pairs = {kind: sorted(round(run["cost"] / cost_of(rows, kind), 3) for run, rows in zip(runs, taken)) for kind in FLOORS}
    return {"cpu_ns_per_delivery": round(statistics.median(run["cost"] for run in runs), 1),
            "deliveries_per_second": round(statistics.median(run["deliveries_per_second"] for run in runs)), "rounds": len(runs),
            "messages_per_send": round(per_send, 2), "kind": "merged" if per_send >= MERGED_FROM else "single", "pairs": pairs,
            "ratios": {kind: round(statistics.median(found), 3) for kind, found in pairs.items()},
            "late_ratio": max(run["late_ratio"] for run in runs), "valid": all(run["valid"] for run in runs)}


def medians(rounds):
    """The floor's rows, each with the median of its rounds."""
    rows = [dict(row) for row in rounds[0]]
    for i, row in enumerate(rows):
        row["cpu_ns_per_message"] = round(statistics.median(taken[i]["cpu_ns_per_message"] for taken in rounds), 1)
        del row["messages"]
    return rows


def show(rows, found):
    for row in rows:
        print(f"{row['name']:40} {row['cpu_ns_per_message']:8,.0f} ns")
    print(f"{'relay, udp 50x8':40} {found['cpu_ns_per_delivery']:8,.0f} ns at {found['deliveries_per_second'] / 1e3:,.0f} k deliveries/s, "
          f"{found['messages_per_send']:.1f} in a send, {found['late_ratio']:.1%} of the sends late")
    if results.refusal(found):
        print(f"UDP relay beside the floors: refused, {results.refusal(found)}")
        return
    for kind, ratio in found["ratios"].items():
        pairs = found["pairs"][kind]
        goal = "; sends as the relay does, goal: at most 1.10" if kind == found["kind"] else ""
        print(f"UDP relay : live floor, {kind} = {ratio:.2f} (pairs {pairs[0]:.2f} to {pairs[-1]:.2f}{goal})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="a release build (default: build)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3, help="CPU time of each row of the floor")
    parser.add_argument("--rate", type=float, default=110, help="messages a second of each player: 110 are 352 k deliveries")
    parser.add_argument("--results", metavar="DIR", help="write result files there")
    parser.add_argument("--peers", action="store_true", help="bench/peers/run afterwards, as many rounds")
    arguments = parser.parse_args()
    taken, runs = [], []
    for _ in range(arguments.rounds):
        runs.append(relay(arguments.build, arguments.rate))
        taken.append(floors(arguments.build, arguments.seconds, merge_of(runs[0]["messages_per_send"])))
    rows, found = medians(taken), {"rate": arguments.rate, **beside(runs, taken)}
    show(rows, found)
    if arguments.results:
        results.write(arguments.results, "live-floor", {"rows": rows, "relay": found})
    if arguments.peers:
        keep = ["--results", arguments.results] if arguments.results else []
        run = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers", "run")
        subprocess.run([run, "--build", arguments.build, "--rounds", str(arguments.rounds), *keep], check=True)


if __name__ == "__main__":
    main()
