#!/usr/bin/env python3
"""What the service costs, and what the relay beside it: the tables of docs/benchmarks.md, as Markdown, from one run.

    bench/service.py --build build-rel [--seconds 4] [--pairs 5] [--clients 3]

First service-bench. Then a daemon relays while nobody asks its service, and while clients do, in turns: sessions that are created, filled with players and ended, over HTTP,
as fast as the clients can. The shard's processor time per delivery is its thread's, as the kernel counts it, less what as many operations take on the same shard while nobody
plays. service-bench and the shard run with real-time priority where that is allowed."""

import argparse
import http.client
import json
import multiprocessing
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "bench"))
from marks import Server, ringcastd  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[1]
PLAYERS = 100
LOADS = [("ws 50x8, 300 k/s", "--tcp --sessions 50 --players 8 --rate 93.75"), ("udp 50x8, 100 k/s", "--reliable 0 --sessions 50 --players 8 --rate 31.25")]


def put_first(task=0):
    """What waits for others' work on a shared machine is not what is measured."""
    try:
        os.sched_setscheduler(task, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("(not allowed to run with real-time priority)")


def keep_up():
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    except PermissionError:
        pass


def bench(options):
    environment = {**os.environ, "RINGCAST_LUA_CHECK": str(options.build / "engine/ringcast-lua-check")}
    done = subprocess.run([options.build / "bench/service-bench", "--script", TOP / "docs/examples/lua/rooms"], env=environment, capture_output=True, text=True, check=True, preexec_fn=put_first)
    print("| what | measured | aim |\n|---|---|---|")
    for line in done.stdout.splitlines():
        what, value, unit, aim = re.match(r"(.*?) {2,}([\d.]+) (.*?) +aim: (.*)", line).groups()
        print(f"| {what.strip()} | {float(value):,.2f} {unit} | {aim} |")


class Daemon(Server):
    def __init__(self, build):
        command = [part if part != "off" else "127.0.0.1:0" for part in ringcastd(build)]
        super().__init__([*command, "--set", "service.reads_per_second=0", "--set", "service.plays_per_second=0"], ": ready ")
        self.admin = re.search(r'admin="([^"]+)"', self.ready_line)[1]
        self.service_port = int(re.search(r'service="127.0.0.1:(\d+)"', self.ready_line)[1])
        os.sched_setaffinity(self.process.pid, range(os.cpu_count()))

        tasks = sorted(pathlib.Path(f"/proc/{self.process.pid}/task").iterdir(), key=lambda task: int(task.name))
        self.shard = next(task for task in tasks if (task / "comm").read_text().strip() == "shard 0")  # threads that it starts bear its name too
        put_first(int(self.shard.name))

    def shard_ns(self):
        return int((self.shard / "schedstat").read_text().split()[0])

    def deliveries(self):
        connection = http.client.HTTPConnection(*self.admin.split(":"), timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return sum(float(value) for value in re.findall(r"^ringcast_deliveries_(?:reliable|fast)_total(?:\{.*?\})? ([\d.e+]+)$", text, re.M))


def ask_on(port, count, is_over):
    """Until it is over; counts operations that were done."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(operation, **arguments):
        connection.request("POST", "/", json.dumps(arguments), {"X-Amz-Target": f"GameLift.{operation}", "Content-Type": "application/x-amz-json-1.1"})
        response = connection.getresponse()
        body = response.read()
        assert response.status == 200, body
        count.value += 1
        return body
    while not is_over.value:
        session = json.loads(ask("CreateGameSession", FleetId="fleet-1", MaximumPlayerSessionCount=PLAYERS))["GameSession"]["GameSessionId"]
        for i in range(PLAYERS):
            ask("CreatePlayerSession", GameSessionId=session, PlayerId=f"p{i}")
        ask("DescribeGameSessions", FleetId="fleet-1")
        ask("TerminateGameSession", GameSessionId=session, TerminationMode="FORCE_TERMINATE")


class Clients:
    def __init__(self, port, count):
        self.counts = [multiprocessing.Value("L", 0) for _ in range(count)]
        self.is_over = multiprocessing.Value("b", 0)
        self.processes = [multiprocessing.Process(target=ask_on, args=(port, each, self.is_over)) for each in self.counts]
        for process in self.processes:
            process.start()

    def done(self):
        return sum(each.value for each in self.counts)

    def end(self):
        self.is_over.value = 1
        for process in self.processes:
            process.join()
            assert process.exitcode == 0


def measure(daemon, seconds, client_count):
    clients = Clients(daemon.service_port, client_count) if client_count else None
    time.sleep(0.5)
    count, cpu, before, start = clients.done() if clients else 0, daemon.shard_ns(), daemon.deliveries(), time.monotonic()
    time.sleep(seconds)
    cpu, deliveries, seconds = daemon.shard_ns() - cpu, daemon.deliveries() - before, time.monotonic() - start
    if clients:
        count = clients.done() - count
        clients.end()
    return {"cpu_ns": cpu, "deliveries": deliveries, "operations": count, "seconds": seconds}


def cost(run, operation_ns=0):
    return (run["cpu_ns"] - run["operations"] * operation_ns) / run["deliveries"]


def beside(options, name, load):
    quiet, busy = [], []
    with Daemon(options.build) as daemon:
        alone = measure(daemon, options.seconds, options.clients)
        operation_ns = alone["cpu_ns"] / alone["operations"]
        duration = options.pairs * 2 * (options.seconds + 2) + 10
        command = [f"{options.build}/bench/ringcast-load", "--admin", f"http://{daemon.admin}", "--size", "64", "--warmup", "1", "--duration", str(duration), *load.split()]
        generator = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=keep_up)
        try:
            time.sleep(3)  # its players log in
            for _ in range(options.pairs):
                quiet.append(measure(daemon, options.seconds, 0))
                busy.append(measure(daemon, options.seconds, options.clients))
        finally:
            generator.terminate()
            generator.wait()

    def spread(costs):
        costs = sorted(costs)
        return f"{statistics.median(costs):,.0f} ({costs[0]:,.0f}-{costs[-1]:,.0f})"
    def rate(runs, what):
        return statistics.median(run[what] / run["seconds"] for run in runs)
    change = statistics.median(cost(b, operation_ns) / cost(q) for q, b in zip(quiet, busy)) - 1
    print(f"| {name} | {spread(map(cost, quiet))} | {spread(cost(run, operation_ns) for run in busy)} | {change:+.1%} | {operation_ns / 1e3:,.1f} us "
          f"| {rate(quiet, 'deliveries') / 1e3:,.0f} k, {rate(busy, 'deliveries') / 1e3:,.0f} k | {rate(busy, 'operations'):,.0f} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--clients", type=int, default=3)
    parser.add_argument("--only-relay", action="store_true", help="leave service-bench out")
    options = parser.parse_args()
    print(f"Load average at the beginning: {os.getloadavg()[0]:.1f}\n", flush=True)
    if not options.only_relay:
        bench(options)
    print("\n| relay | ns per delivery, nobody asks | the service is busy | median of the pairs | an operation, on the shard | deliveries/s | operations/s |\n|---|---|---|---|---|---|---|", flush=True)
    for name, load in LOADS:
        beside(options, name, load)
    print(f"\nLoad average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
