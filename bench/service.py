#!/usr/bin/env python3
"""What the service costs, and what the relay beside it: the tables of docs/benchmarks.md, as Markdown, from one run.

    bench/service.py --build build-rel [--seconds 1] [--rounds 20] [--rate 1500]

First service-bench. Then a daemon relays, in turns: while nobody asks anything; while clients ask another daemon, which has no players; and while they ask its own service the same,
at the same rate: sessions that are created, filled with players and ended, over HTTP. The second turn takes as much of the machine as the third and touches nothing of the relay,
so what it adds is contention, and what the third adds to that is an operation's work on the shard, and what it spoils there. Processor time is the shard's thread's, as the kernel counts it.
Turns, writes and switches are counts, which a busy machine changes less. service-bench and the shard run with real-time priority where that is allowed."""

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
CLIENTS = 3
SETTLE_S = 0.3
ASKED = ["nobody", "another daemon", "its own service"]
LOADS = [("ws 50x8, 100 k/s", "--tcp --sessions 50 --players 8 --rate 31.25"), ("udp 50x8, 100 k/s", "--reliable 0 --sessions 50 --players 8 --rate 31.25")]


def put_first(task=0):
    """What waits for others' work on a shared machine is not what is measured."""
    try:
        os.sched_setscheduler(task, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        print("(not allowed to run with real-time priority)")


def keep_up(task=0):
    try:
        os.setpriority(os.PRIO_PROCESS, task, -15)
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
        for task in tasks:
            keep_up(int(task.name))
        put_first(int(self.shard.name))

    def counts(self):
        """What only grows."""
        status = (self.shard / "status").read_text()
        connection = http.client.HTTPConnection(*self.admin.split(":"), timeout=60)
        cpu_ns = int((self.shard / "schedstat").read_text().split()[0])
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()

        def total(*names):
            return sum(float(value) for value in re.findall(rf"^ringcast_(?:{'|'.join(names)})_total(?:\{{.*?\}})? ([\d.e+]+)$", text, re.M))
        return {"cpu_ns": cpu_ns, "deliveries": total("deliveries_reliable", "deliveries_fast"), "ticks": total("ticks"),
                "writes": total("stream_writes", "datagram_writes"), "switches": sum(map(int, re.findall(r"ctxt_switches:\s+(\d+)", status))), "seconds": time.monotonic()}


def ask_on(port, rate, count, is_asking, is_over):
    """At a rate, as long as that is kept up with, until it is over; counts operations that were done."""
    keep_up()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    due = time.monotonic()

    def ask(operation, **arguments):
        nonlocal due
        while not is_asking.value and not is_over.value:
            time.sleep(0.01)
        due = max(due + 1 / rate, time.monotonic() - 0.05)  # who is late does not catch up for ever
        time.sleep(max(0, due - time.monotonic()))
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
    """They ask between resume and pause; the block's end ends them."""

    def __init__(self, port, rate):
        self.counts = [multiprocessing.Value("L", 0) for _ in range(CLIENTS)]
        self.is_asking, self.is_over = multiprocessing.Value("b", 0), multiprocessing.Value("b", 0)
        self.processes = [multiprocessing.Process(target=ask_on, args=(port, rate / CLIENTS, each, self.is_asking, self.is_over)) for each in self.counts]

    def __enter__(self):
        for process in self.processes:
            process.start()
        return self

    def resume(self):
        self.is_asking.value = 1

    def pause(self):
        self.is_asking.value = 0

    def done(self):
        return sum(each.value for each in self.counts)

    def __exit__(self, *_):
        self.is_over.value = 1
        for process in self.processes:
            process.join()
            assert process.exitcode == 0


def measure(daemon, clients, seconds):
    """clients: who asks meanwhile; None: nobody."""
    if clients:
        clients.resume()
    time.sleep(SETTLE_S)
    operations, before = clients.done() if clients else 0, daemon.counts()
    time.sleep(seconds)
    run = {name: value - before[name] for name, value in daemon.counts().items()}
    run["operations"] = clients.done() - operations if clients else 0
    if clients:
        clients.pause()
    return run


def spread(values, digits=0):
    """The median, and what half of the values lie between."""
    quarters = statistics.quantiles(values, n=4, method="inclusive")
    return f"{quarters[1]:,.{digits}f} ({quarters[0]:,.{digits}f} to {quarters[2]:,.{digits}f})"


def per_delivery(run):
    return run["cpu_ns"] / run["deliveries"]


def per_operation_us(own, other):
    """What an operation adds to the shard to what the same operation of another daemon costs it."""
    return (own["cpu_ns"] - per_delivery(other) * own["deliveries"]) / own["operations"] / 1e3


def take_turns(options, daemon, clients, load):
    """clients: who asks in whose turn."""
    runs = {asked: [] for asked in ASKED}
    duration = options.rounds * len(ASKED) * (options.seconds + SETTLE_S + 1) + 10
    command = [f"{options.build}/bench/ringcast-load", "--admin", f"http://{daemon.admin}", "--size", "64", "--warmup", "1", "--duration", str(duration), *load.split()]
    generator = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=keep_up)
    try:
        time.sleep(3)  # its players log in
        for i in range(options.rounds):
            for asked in ASKED[i % len(ASKED):] + ASKED[:i % len(ASKED)]:
                runs[asked].append(measure(daemon, clients[asked], options.seconds))
    finally:
        generator.terminate()
        generator.wait()
    return runs


def print_row(name, asked, runs):
    def median(what, of):
        return statistics.median(run[what] / run[of] for run in runs[asked])
    pairs = [100 * (per_delivery(run) / per_delivery(quiet) - 1) for run, quiet in zip(runs[asked], runs["nobody"])]
    shown = spread(pairs) + " %" if asked != "nobody" else ""
    print(f"| {name} | {asked} | {spread(map(per_delivery, runs[asked]))} | {shown} | {median('deliveries', 'ticks'):,.1f} | {median('writes', 'deliveries'):.3f} "
          f"| {median('switches', 'deliveries') * 1000:,.1f} | {median('deliveries', 'seconds') / 1e3:,.0f} k | {median('operations', 'seconds'):,.0f} |", flush=True)


def beside(options, name, load):
    """Prints three rows of the relay, and returns the one of its operations."""
    with Daemon(options.build) as daemon, Daemon(options.build) as other:
        with Clients(daemon.service_port, options.rate) as its_own, Clients(other.service_port, options.rate) as others:
            alone = measure(daemon, its_own, 2)
            runs = take_turns(options, daemon, {"nobody": None, "another daemon": others, "its own service": its_own}, load)
    for asked in ASKED:
        print_row(name, asked, runs)
    turns = list(zip(runs["its own service"], runs["another daemon"]))
    pairs = [100 * (per_delivery(own) / per_delivery(control) - 1) for own, control in turns]
    adds_us = spread((per_operation_us(own, control) for own, control in turns), 1)
    return f"| {name} | {spread(pairs, 1)} % | {adds_us} | {alone['cpu_ns'] / alone['operations'] / 1e3:,.1f} | {alone['ticks'] / alone['operations']:.2f} |"


def print_relay(options):
    print("\n| relay | who is asked | ns per delivery | against nobody, pairs | deliveries a turn | writes a delivery | switches per 1 000 deliveries | deliveries/s | operations/s |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    operations = [beside(options, name, load) for name, load in LOADS]
    print("\n| relay | its own service against another's: per delivery, pairs | an operation adds to the shard, us, while players play | us, while nobody plays | turns |\n|---|---|---|---|---|")
    print("\n".join(operations))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--rate", type=float, default=1500, help="operations a second that the clients ask for together")
    parser.add_argument("--only-relay", action="store_true", help="leave service-bench out")
    options = parser.parse_args()
    print(f"Load average at the beginning: {os.getloadavg()[0]:.1f}\n", flush=True)
    if not options.only_relay:
        bench(options)
    print_relay(options)
    print(f"\nLoad average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
