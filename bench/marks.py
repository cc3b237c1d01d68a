#!/usr/bin/env python3
"""Runs the workloads of docs/benchmarks.md against one build, one after the other, and prints the table as Markdown.

    bench/marks.py --build build                   every workload, about three minutes
    bench/marks.py --build build --only udp        those whose name contains "udp"
    bench/marks.py --build build --results bench/results      keep them for the page

The server is pinned to CPU 1 and the generator to CPU 0, where it polls without sleeping. A run that the generator calls invalid is
repeated, at most twice; what stays invalid is printed as such. Ports are the system's own choice.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import results  # noqa: E402

# name, generator's options, and how many deliveries a second are offered (for the reader)
WORKLOADS = [
    ("ws 50x8 light", "--tcp --sessions 50 --players 8 --rate 6.25"),
    ("ws 50x8 1M/s", "--tcp --sessions 50 --players 8 --rate 312.5"),
    ("ws 10x32 1.8M/s", "--tcp --sessions 10 --players 32 --rate 176"),
    ("ws 1x1000 2.4M/s", "--tcp --sessions 1 --players 1000 --senders 10 --rate 240"),
    ("ws 1x1000 3.84M/s", "--tcp --sessions 1 --players 1000 --senders 10 --rate 384"),
    ("udp 50x8 light", "--reliable 0 --sessions 50 --players 8 --rate 6.25"),
    ("udp 50x8 350k/s", "--reliable 0 --sessions 50 --players 8 --rate 110"),
    ("udp 50x8 960k/s", "--reliable 0 --sessions 50 --players 8 --rate 300"),
    ("udp 1x128 100k/s, 128 B", "--reliable 0 --sessions 1 --players 128 --rate 6.1 --size 128"),
    ("udp 1x128 256k/s, 128 B", "--reliable 0 --sessions 1 --players 128 --rate 15.6 --size 128"),
    ("udp 1x1000 350k/s", "--reliable 0 --sessions 1 --players 1000 --senders 10 --rate 35"),
    # clients that take several messages in a datagram
    ("merged udp 50x8 350k/s", "--merge --reliable 0 --sessions 50 --players 8 --rate 110"),
    ("merged udp 50x8 960k/s", "--merge --reliable 0 --sessions 50 --players 8 --rate 300"),
    ("merged udp 10x32 960k/s", "--merge --reliable 0 --sessions 10 --players 32 --rate 94"),
    ("merged udp 1x1000 350k/s", "--merge --reliable 0 --sessions 1 --players 1000 --senders 10 --rate 35"),
    ("udp 10x32 960k/s", "--reliable 0 --sessions 10 --players 32 --rate 94"),
    ("mixed 200x8", "--reliable 10 --sessions 200 --players 8 --rate 20"),
    # what encryption costs: the same work in clear and sealed
    ("secure 50x8 64k/s: ws", "--tcp --sessions 50 --players 8 --rate 20"),
    ("secure 50x8 64k/s: wss", "--secure --tcp --sessions 50 --players 8 --rate 20"),
    ("secure 50x8 64k/s: udp", "--reliable 0 --sessions 50 --players 8 --rate 20"),
    ("secure 50x8 64k/s: dtls", "--secure --reliable 0 --sessions 50 --players 8 --rate 20"),
    ("secure 1x128 49k/s: ws", "--tcp --sessions 1 --players 128 --rate 3"),
    ("secure 1x128 49k/s: wss", "--secure --tcp --sessions 1 --players 128 --rate 3"),
    ("secure 1x128 49k/s: udp", "--reliable 0 --sessions 1 --players 128 --rate 3"),
    ("secure 1x128 49k/s: dtls", "--secure --reliable 0 --sessions 1 --players 128 --rate 3"),
]
RUNS_MAX = 3


class Server:
    """A process pinned to CPU 1 that ends with the block."""

    def __init__(self, command, ready):
        self.process = subprocess.Popen(["taskset", "-c", "1", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if ready in line:
                self.ready_line = line
                threading.Thread(target=self.process.stdout.read, daemon=True).start()  # a full pipe would hold its logs back
                return
        sys.exit("the server did not start:\n" + "".join(lines))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


class Ringcastd(Server):
    def __init__(self, build, shards=1, more=()):
        super().__init__(ringcastd(build, shards, more), ": ready ")
        self.find_target()

    def find_target(self):
        self.target = ["--admin", "http://" + re.search(r'admin="([^"]+)"', self.ready_line).group(1)]

    def counter(self, name):
        """The sum over its shards."""
        with urllib.request.urlopen(self.target[1] + "/metrics") as answer:
            text = answer.read().decode()
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.split("{")[0].split(" ")[0] == f"ringcast_{name}_total")


def ringcastd(build, shards=1, more=()):
    limits = {"messages_per_second": "1000000", "bytes_per_second": "1GiB", "fanout_bytes_per_second": "0",
              "session_fanout_bytes_per_second": "0", "players_max": "12000", "connections_max": "12000",
              "connections_per_address_max": "12000", "handshakes_per_second_per_address": "100000"}
    settings = [part for name, value in limits.items() for part in ("--set", f"limits.{name}={value}")]
    return [f"{build}/engine/ringcastd", "--dev", "--service", "off", "--shards", str(shards), "--tcp-port", "0", "--udp-port", "0",
            "--admin", "127.0.0.1:0", *settings, *more]


def load_once(build, options, target, ahead=()):
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [*ahead, f"{build}/bench/ringcast-load", *target, "--pin", "0", "--spin", "--size", "64", "--warmup", "1", "--duration", "5",
                   "--json", report.name, *options.split()]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        text = report.read()
        if not text:
            sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return json.loads(text)


def first_valid(run, is_valid=lambda report: report["valid"]):
    """The first of up to RUNS_MAX runs that is valid, else the last; None of them is repeated too."""
    for _ in range(RUNS_MAX):
        report = run()
        if report and is_valid(report):
            break
    return report


def load(build, options, target):
    return first_valid(lambda: load_once(build, options, target))


def late_ratio(report):
    sends = report["send_lateness"]["count"]
    return round(report["counts"]["late"] / sends, 4) if sends else 0


def percentile_ms(latency, name):
    """None when nothing came."""
    return results.milliseconds(latency[name] if latency["count"] else None, 6)


def row(name, report, kept=None):
    latency = report["latency"]["udp" if "udp" in name or "dtls" in name else "tcp"]
    p50_ms, p99_ms = (percentile_ms(latency, key) for key in ("p50_ns", "p99_ns"))
    counts, server = report["counts"], report["server"]
    per_cpu = 1e9 / server["cpu_ns_per_delivery"]
    wrong = counts["leaks"] + counts["damaged"] + counts["misattributed"] + counts["foreign"]
    if kept is not None:
        kept.append({"workload": name, "deliveries_per_second": round(report["deliveries_per_second"]), "lost_fast": counts["lost_fast"],
                     "lost_reliable": counts["lost_reliable"], "wrong": wrong, "cpu_ns_per_delivery": round(server["cpu_ns_per_delivery"]),
                     "deliveries_per_cpu_second": round(per_cpu), "p50_ms": p50_ms, "p99_ms": p99_ms, "valid": report["valid"],
                     "late_ratio": late_ratio(report)})
    print(f"| {name} | {report['deliveries_per_second'] / 1e3:,.0f} k | {counts['lost_fast']} / {counts['lost_reliable']} | {wrong} "
          f"| {server['cpu_ns_per_delivery']:,.0f} | {per_cpu / 1e3:,.0f} k | {results.times(p50_ms, p99_ms)} "
          f"| {'yes' if report['valid'] else 'no'} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="a release build (default: build)")
    parser.add_argument("--only", default="", help="workloads whose name contains this")
    parser.add_argument("--shards", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the server, such as limits.gather_us=1000")
    parser.add_argument("--results", metavar="DIR", help="write result files there")
    arguments = parser.parse_args()
    kept = []
    settings = [part for setting in arguments.set for part in ("--set", setting)]
    print("| workload | deliveries/s | lost fast / reliable | leaked or wrong | server CPU ns per delivery | deliveries per CPU s | p50 / p99 ms | generator kept up |")
    print("|---|---|---|---|---|---|---|---|")
    for name, options in WORKLOADS:
        if arguments.only in name:
            with Ringcastd(arguments.build, arguments.shards, settings) as server:
                row(name, load(arguments.build, options, server.target), kept)
    if arguments.results:
        results.write(arguments.results, "marks", {"rows": kept})


if __name__ == "__main__":
    main()
