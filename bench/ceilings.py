#!/usr/bin/env python3
"""How much each WebSocket relay carries on one CPU: the highest load at which everything arrives, and in time. What a server that is always busy costs per delivery is found here and nowhere else.

    bench/ceilings.py --build build                          Ringcast, Bun and libwebsockets, some minutes
    bench/ceilings.py --build build --only 1x1000 --slo-ms 20
    bench/ceilings.py --build build --results bench/results  keep it

From a load that all carry, the rate grows by a tenth a step until less than 99 % of the deliveries arrive, or the 99th percentile exceeds --slo-ms, twice in a row. Where the generator, which has one CPU too, is late before that, the
ceiling is at least what it says, and is marked. Relays take turns, and the median of the rounds counts. Servers and generator as in bench/peers/run.
"""
import argparse
import importlib.machinery
import importlib.util
import os
import statistics
import sys
import tempfile

import results

HERE = os.path.dirname(os.path.abspath(__file__))
# name, groups, members, senders, messages a second of each sender at first
SHAPES = [("50x8", 50, 8, 8, 71.4), ("10x32", 10, 32, 32, 100.8), ("1x1000", 1, 1000, 10, 150)]
RELAYS = ("ringcast", "ringcast, no echo", "bun", "lws")
STEP, STEPS_MAX, ARRIVED_MIN, TRIES = 1.1, 40, 0.99, 2


def peers_run():
    """bench/peers/run as a module: it has no .py."""
    loader = importlib.machinery.SourceFileLoader("peers_run", os.path.join(HERE, "peers", "run"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("peers_run", loader))
    loader.exec_module(module)
    return module


def verdict(run, slo_ms, is_late):
    if run is not None and is_late(run):
        return "late"
    is_carried = run is not None and run["arrived_ratio"] >= ARRIVED_MIN and run["p99_ns"] is not None and run["p99_ns"] <= slo_ms * 1e6
    return "carried" if is_carried else "lost"


def try_load(measure, rate, slo_ms, is_late):
    """The first of TRIES runs that is carried, or the last, and what it says: one stall of the machine is nobody's end."""
    for _ in range(TRIES):
        run = measure(rate)
        said = verdict(run, slo_ms, is_late)
        if said == "carried":
            break
    return run, said


def climb(measure, rate, slo_ms, is_late):
    """The last run that was carried, None if not even the first; whether the generator ended the search."""
    last = None
    for _ in range(STEPS_MAX):
        run, said = try_load(measure, rate, slo_ms, is_late)
        if said != "carried":
            return last, said == "late"
        last, rate = run, rate * STEP
    return last, True


def row_of(shape, relay, found):
    """Of the rounds' ceilings."""
    carried = [(run, is_generators) for run, is_generators in found if run is not None]
    if not carried:
        return {"workload": shape, "relay": relay, "deliveries_per_second": 0, "is_at_least": False, "p50_ns": None, "p99_ns": None, "server_cpu": None, "late_ratio": 0.0}
    middle, is_generators = sorted(carried, key=lambda entry: entry[0]["deliveries_per_second"])[len(carried) // 2]
    return {"workload": shape, "relay": relay, "deliveries_per_second": round(statistics.median(run["deliveries_per_second"] for run, _ in carried)), "is_at_least": is_generators,
            "p50_ns": round(middle["p50_ns"]), "p99_ns": round(middle["p99_ns"]), "server_cpu": middle["server_cpu"], "late_ratio": middle["late_ratio"]}


def show(row):
    print(f"| {row['workload']} | {row['relay']} | {'at least ' if row['is_at_least'] else ''}{row['deliveries_per_second'] / 1e3:,.0f} k "
          f"| {results.times(results.milliseconds(row['p50_ns']), results.milliseconds(row['p99_ns']))} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="a release build (default: build)")
    parser.add_argument("--only", default="", help="shapes and relays whose name contains this")
    parser.add_argument("--slo-ms", type=float, default=50, help="the 99th percentile that still counts (default: 50)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each step")
    parser.add_argument("--results", metavar="DIR", help="write a result file there")
    arguments = parser.parse_args()
    run, build, rows = peers_run(), os.path.abspath(arguments.build), []
    print(f"| shape | relay | carried deliveries/s, p99 below {arguments.slo_ms:g} ms | p50 / p99 ms |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        found = run.relays(build, folder)
        names = [name for name in RELAYS if name in found]
        names = [name for name in names if arguments.only in name] or names
        for name, groups, members, senders, rate in [shape for shape in SHAPES if arguments.only in shape[0]] or SHAPES:
            ceilings = {relay: [] for relay in names}
            for turn in range(arguments.rounds):
                for relay in names if turn % 2 == 0 else reversed(names):
                    measure = lambda per_second, relay=relay: run.measure_once(build, found[relay], (name, groups, members, senders, round(per_second, 2)), arguments.seconds)
                    ceilings[relay].append(climb(measure, rate, arguments.slo_ms, lambda one: not run.is_punctual(one)))
            for relay, kept in ceilings.items():
                rows.append(row_of(name, relay, kept))
                show(rows[-1])
    if arguments.results:
        results.write(arguments.results, "ceilings", {"rows": rows, "rounds": arguments.rounds, "slo_ms": arguments.slo_ms})


if __name__ == "__main__":
    sys.exit(main())
