#!/usr/bin/env python3
"""What the relay spends per delivery by `egress: socket` and by `egress: xdp`, over a veth pair between two network namespaces. Needs root.

    bench/xdp.py --build build [--turns 3] [--rounds 4] [--players 1000] [--senders 10] [--rate 10]
    bench/xdp.py --build build --results bench/results      keep it for docs/benchmarks.md

On veth the sender's system call carries each datagram through the receiver's half of the kernel as well: socket look-up, queue, waking. No network card makes it do that. So each way is
measured twice, in turns, while the same traffic comes in: "delivered", over the veth to the players; and "own", with a route to them that ends in a device which throws away what it is given (ifb), as
a card whose driver costs nothing. The difference is the receiver's half. Processor time is that of all the relay's threads, as the kernel counts it.

Beside it, in every round, the floors: bursts of as many datagrams to the same device by nothing but a sendmmsg loop, and by nothing but an AF_XDP ring over frames that were written
beforehand (micro/xdp_floor.c). Relays of both kinds take turns."""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
import urllib.request

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOP / "bench"), str(TOP / "tests/e2e")]
import netns  # noqa: E402
import results  # noqa: E402
from marks import ringcastd  # noqa: E402

SETTLE_S = 3
HEAD_BYTES = 12  # of a packet, about
FLOORS = ("socket", "xdp")


class Relay:
    def __init__(self, options, egress):
        settings = ["--set", "listen.address=10.77.1.1", "--set", f"egress={egress}", "--set", "tls.mode=off", "--set", "limits.flush_budget_us=1", "--admin", "10.77.1.1:0", "--set", "admin.open=true"]
        self.process = subprocess.Popen(["taskset", "-c", "1", *ringcastd(options.build, 1, settings)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if match := re.search(r"listen=\S+ .*?tcp_port=(\d+).*admin=\"([^\"]+)\"", line):
                self.port, self.admin = match[1], match[2]
                break
        else:
            sys.exit("the relay did not start")
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stderr, stdout=subprocess.DEVNULL)

    def count(self):
        """Nanoseconds of all threads, deliveries, sends, datagrams past the socket."""
        spent = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            spent += int((task / "schedstat").read_text().split()[0])
        text = urllib.request.urlopen(f"http://{self.admin}/metrics").read().decode()
        return [spent] + [int(float(re.search(rf"^{name} (\S+)$", text, re.M)[1])) for name in
                          ("ringcast_deliveries_fast_total", "ringcast_datagram_writes_total", "ringcast_egress_xdp_total")]

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.drain.wait()


def measure(relay, seconds):
    before = relay.count()
    time.sleep(seconds)
    spent, deliveries, writes, past = (b - a for a, b in zip(before, relay.count()))
    return {"ns": spent / max(deliveries, 1), "deliveries": deliveries, "merged": deliveries / max(writes, 1), "past": past / max(deliveries, 1)}


def floors(options):
    """Nanoseconds a datagram into the device that throws away, by egress."""
    command = ["taskset", "-c", "1", options.build / "bench/micro-xdp-floor", "rcnull", "1", "10.77.1.1", "10.77.1.2", "--peers", str(options.players), "--size", str(128 + HEAD_BYTES), "--duration",
               str(options.seconds), "--json"]
    rows = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return dict(zip(FLOORS, (row["cpu_ns_per_message"] for row in rows)))


def run(here, there, options, egress):
    """Rounds of (delivered, own, floors)."""
    relay = Relay(options, egress)
    rounds = 2 * options.rounds + 2
    command = there.command(f"{options.build}/bench/ringcast-load", "--admin", f"http://{relay.admin}", "--i-own-this-host", "--pin", "0",
                            "--reliable", "0", "--sessions", "1", "--players", str(options.players), "--senders", str(options.senders), "--rate", str(options.rate), "--size", "128", "--warmup", "1",
                            "--duration", str(int(SETTLE_S + rounds * (2 * options.seconds + 1)) + 10))
    load = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    pairs = []
    try:
        time.sleep(SETTLE_S)
        if load.poll() is not None:
            sys.exit(load.stderr.read())
        for _ in range(options.rounds):
            pair = []
            pair.append(measure(relay, options.seconds))
            here.ip("route", "add", "10.77.1.2/32", "dev", "rcnull", "src", "10.77.1.1")
            time.sleep(0.2)
            pair.append(measure(relay, options.seconds))
            pair.append(floors(options))
            here.ip("route", "del", "10.77.1.2/32")
            time.sleep(0.5)
            pairs.append(pair)
    finally:
        load.terminate()
        load.wait()
        relay.stop()
    return pairs


def median(pairs, index, field):
    return statistics.median(pair[index][field] for pair in pairs)


def rows_of(table):
    """What the relay spent by each egress, and what the floor of that kind is."""
    rounds = [pair for pairs in table.values() for pair in pairs]
    return [{"name": egress, "delivered_ns": round(median(pairs, 0, "ns"), 1), "own_ns": round(median(pairs, 1, "ns"), 1), "floor_ns": round(median(rounds, 2, egress), 1),
             "messages_per_send": round(median(pairs, 1, "merged"), 2), "past_ratio": round(median(pairs, 1, "past"), 3), "deliveries_a_round": round(median(pairs, 1, "deliveries"))}
            for egress, pairs in table.items()]


def show(rows):
    print("| egress | ns per delivery, delivered | its own | the floor of its kind | receiver's half | messages per send | past the socket | deliveries a round |\n|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(f"| {row['name']} | {row['delivered_ns']:,.0f} | {row['own_ns']:,.0f} | {row['floor_ns']:,.0f} | {row['delivered_ns'] - row['own_ns']:,.0f} | {row['messages_per_send']:.2f} "
              f"| {row['past_ratio']:.0%} | {row['deliveries_a_round']:,.0f} |")
    socket, xdp = rows
    print(f"\nits own cost: xdp is {xdp['own_ns'] / socket['own_ns']:.2f} of socket, the floors' ratio is {xdp['floor_ns'] / socket['floor_ns']:.2f}, and the xdp floor is "
          f"{xdp['floor_ns'] / socket['own_ns']:.2f} of socket's own")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=4, help="in each turn")
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--players", type=int, default=1000)
    parser.add_argument("--senders", type=int, default=10)
    parser.add_argument("--rate", type=float, default=10)
    parser.add_argument("--results", metavar="DIR", help="write a result file there")
    options = parser.parse_args()
    options.build = options.build.resolve()
    if os.geteuid() != 0 or (reason := netns.problem()):
        sys.exit("needs root" if os.geteuid() != 0 else reason)
    here, there = netns.Namespace("here"), netns.Namespace("there")
    try:
        netns.join(here, there, 1)
        here.ip("link", "add", "rcnull", "numtxqueues", "2", "type", "ifb")
        here.ip("link", "set", "rcnull", "up")
        here.ip("neigh", "add", "10.77.1.2", "lladdr", "02:00:00:00:00:99", "nud", "permanent", "dev", "rcnull")
        with here.entered():
            table = {"socket": [], "xdp": []}
            for _ in range(options.turns):
                for egress, pairs in table.items():
                    pairs += run(here, there, options, egress)
    finally:
        here.close()
        there.close()
    rows = rows_of(table)
    show(rows)
    if options.results:
        results.write(options.results, "xdp", {"rows": rows, "turns": options.turns, "rounds": options.rounds})


if __name__ == "__main__":
    main()
