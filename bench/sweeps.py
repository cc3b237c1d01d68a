#!/usr/bin/env python3
"""One thing varied, all else the same: server CPU per delivery over the size of a group, latency over load, deliveries per CPU second over shards.

    bench/sweeps.py --build build                                all three, two minutes
    bench/sweeps.py --build build --only groups --results bench/results

The server is pinned to CPU 1, its shards too, and the generator to CPU 0. 64 B, one delivery for
each member of a group, the sender included. A run that the generator calls invalid is repeated, at most twice; what stays so is left out of a row's
medians, and a row of nothing else says "valid": false, which no page shows as a measurement.
"""
import argparse
import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import marks  # noqa: E402
import results  # noqa: E402

AHEAD = ["nice", "-n", "-15"] if os.geteuid() == 0 else []
TRANSPORTS = (("WebSocket", "--tcp"), ("UDP", "--reliable 0"))
MEMBERS = (2, 8, 32, 128, 512, 1000)
RATES = (2, 6, 20, 60, 180)


def run(build, options, shards=1, seconds=1.5):
    return marks.first_valid(lambda: run_once(build, options, shards, seconds))


def run_once(build, options, shards, seconds):
    with marks.Ringcastd(build, shards) as server:
        if AHEAD:
            for task in os.listdir(f"/proc/{server.process.pid}/task"):
                os.setpriority(os.PRIO_PROCESS, int(task), -15)
        return marks.load_once(build, f"{options} --warmup 0.5 --duration {seconds}", server.target, AHEAD)


def row(transport, reports):
    udp = transport == "UDP"
    count, is_valid = len(reports), any(report["valid"] for report in reports)
    reports = [report for report in reports if report["valid"]] or reports
    middle = sorted(reports, key=lambda report: report["server"]["cpu_ns_per_delivery"])[len(reports) // 2]
    latency = middle["latency"]["udp" if udp else "tcp"]
    cost = statistics.median(report["server"]["cpu_ns_per_delivery"] for report in reports)
    return {"transport": transport, "cpu_ns_per_delivery": round(cost, 1), "deliveries_per_second": round(middle["deliveries_per_second"]),
            "deliveries_per_cpu_second": round(1e9 / cost), "p50_ms": marks.percentile_ms(latency, "p50_ns"),
            "p99_ms": marks.percentile_ms(latency, "p99_ns"),
            "loss_ratio": middle["loss_ratio"], "late_ratio": statistics.median(marks.late_ratio(report) for report in reports),
            "valid": is_valid, "runs": len(reports), "runs_left_out": count - len(reports)}


def groups(build, rounds, deliveries):
    for members in MEMBERS:
        sessions, senders = max(1, 400 // members), min(members, 10)
        rate = deliveries / sessions / senders / members
        for transport, option in TRANSPORTS:
            reports = [run(build, f"{option} --sessions {sessions} --players {members} --senders {senders} --rate {rate:.4f}") for _ in range(rounds)]
            yield {"members": members, "sessions": sessions, "senders": senders, **row(transport, reports)}


def load(build, rounds, _):
    for rate in RATES:
        for transport, option in TRANSPORTS:
            yield {"rate": rate, **row(transport, [run(build, f"{option} --sessions 50 --players 8 --rate {rate}") for _ in range(rounds)])}


def shards(build, rounds, _):
    for count in (1, 2, 4):
        for transport, option in TRANSPORTS:
            reports = [run(build, f"{option} --sessions 50 --players 8 --rate 30", count) for _ in range(rounds)]
            yield {"shards": count, **row(transport, reports)}


SWEEPS = {"groups": groups, "load": load, "shards": shards}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="a release build (default: build)")
    parser.add_argument("--only", default="", choices=["", *SWEEPS])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--deliveries", type=float, default=100000, help="offered per second, of groups")
    parser.add_argument("--results", metavar="DIR", help="write result files there")
    arguments = parser.parse_args()
    for name, sweep in SWEEPS.items():
        if arguments.only not in ("", name):
            continue
        rows = []
        for entry in sweep(arguments.build, arguments.rounds, arguments.deliveries):
            rows.append(entry)
            print(name, entry, flush=True)
        if arguments.results:
            results.write(arguments.results, name, {"rows": rows, "rounds": arguments.rounds})


if __name__ == "__main__":
    main()
