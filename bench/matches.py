#!/usr/bin/env python3
"""What matches and placements cost through the real endpoint: StartMatchmaking to COMPLETED, StartGameSessionPlacement to FULFILLED, per second of processor time.

    bench/matches.py --build build [--tickets 4000] [--placements 2000] [--clients 4]

A daemon with one shard and a store on this disk. Clients ask over HTTP as fast as they are answered; when the daemon's counters say that all of it has ended, the processor time of all
its threads (HTTP, the service, the store, the engine) is taken, and then each ticket and placement is asked for: all must be COMPLETED or FULFILLED. Writes into the current folder."""

import argparse
import http.client
import json
import multiprocessing
import os
import pathlib
import re
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from marks import Server, ringcastd  # noqa: E402

TEAMS = 2  # of one player each
RULES = {"ruleLanguageVersion": "1.0", "playerAttributes": [{"name": "skill", "type": "number", "default": 10}],
         "teams": [{"name": "side", "minPlayers": 1, "maxPlayers": 1, "quantity": TEAMS}],
         "rules": [{"name": "near", "type": "batchDistance", "batchAttribute": "skill", "maxDistance": 50}]}
TIMEOUT_S = 300


class Asker:
    """One connection that is kept."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def ask(self, operation, **arguments):
        self.connection.request("POST", "/", json.dumps(arguments), {"X-Amz-Target": f"GameLift.{operation}", "Content-Type": "application/x-amz-json-1.1"})
        response = self.connection.getresponse()
        body = json.loads(response.read())
        if response.status != 200:
            sys.exit(f"{operation}: {body}")
        return body


class Daemon(Server):
    def __init__(self, build, folder, session_count):
        command = [part if part != "off" else "127.0.0.1:0" for part in ringcastd(build)]
        settings = {"service.store": f"{folder}/store.db", "service.reads_per_second": 0, "service.plays_per_second": 0, "limits.sessions_max": session_count,
                    "service.match_ended_tickets_kept": 1000000}
        super().__init__([*command, *(part for name, value in settings.items() for part in ("--set", f"{name}={value}"))], ": ready ")
        self.admin = re.search(r'admin="([^"]+)"', self.ready_line)[1]
        self.service_port = int(re.search(r'service="127.0.0.1:(\d+)"', self.ready_line)[1])
        os.sched_setaffinity(self.process.pid, range(os.cpu_count()))
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), range(os.cpu_count()))

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def counter(self, pattern):
        connection = http.client.HTTPConnection(*self.admin.split(":"), timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return sum(float(value) for value in re.findall(rf"^{pattern} ([\d.e+]+)$", text, re.M))


def start_ticket(asker, i):
    asker.ask("StartMatchmaking", ConfigurationName="duel", TicketId=f"t-{i}", Players=[{"PlayerId": f"p-{i}", "PlayerAttributes": {"skill": {"N": i % 100}}}])


def start_placement(asker, i):
    asker.ask("StartGameSessionPlacement", PlacementId=f"p-{i}", GameSessionQueueName="main", MaximumPlayerSessionCount=4,
              DesiredPlayerSessions=[{"PlayerId": f"a-{i}"}, {"PlayerId": f"b-{i}"}])


def start_all(start, port, first, count, step):
    asker = Asker(port)
    for i in range(first, count, step):
        start(asker, i)


def run(daemon, start, count, client_count, pattern):
    """Processor and other seconds until the counter says that all have ended well."""
    clients = [multiprocessing.Process(target=start_all, args=(start, daemon.service_port, i, count, client_count)) for i in range(client_count)]
    cpu_s, began_s = daemon.cpu_s(), time.monotonic()
    for client in clients:
        client.start()
    while daemon.counter(pattern) < count:
        if time.monotonic() - began_s > TIMEOUT_S:
            sys.exit(f"{daemon.counter(pattern):.0f} of {count} after {TIMEOUT_S} s")
        time.sleep(0.1)
    cpu_s, seconds = daemon.cpu_s() - cpu_s, time.monotonic() - began_s
    for client in clients:
        client.join()
        assert client.exitcode == 0
    return cpu_s, seconds


def check(port, count, placement_count):
    asker = Asker(port)
    for i in range(0, count, 10):
        tickets = asker.ask("DescribeMatchmaking", TicketIds=[f"t-{k}" for k in range(i, min(i + 10, count))])["TicketList"]
        assert len(tickets) == min(10, count - i) and all(ticket["Status"] == "COMPLETED" and ticket["GameSessionConnectionInfo"]["MatchedPlayerSessions"] for ticket in tickets)
    for i in range(placement_count):
        placement = asker.ask("DescribeGameSessionPlacement", PlacementId=f"p-{i}")["GameSessionPlacement"]
        assert placement["Status"] == "FULFILLED" and len(placement["PlacedPlayerSessions"]) == 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(), required=True)
    parser.add_argument("--tickets", type=int, default=4000)
    parser.add_argument("--placements", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=4)
    options = parser.parse_args()
    count = options.tickets // TEAMS * TEAMS
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="matches-", dir=".") as folder, Daemon(options.build, os.path.abspath(folder), count // TEAMS + options.placements + 100) as daemon:
        asker = Asker(daemon.service_port)
        asker.ask("CreateGameSessionQueue", Name="main", Destinations=[{"DestinationArn": "arn:aws:gamelift:local::fleet/fleet-1"}])
        asker.ask("CreateMatchmakingRuleSet", Name="duel", RuleSetBody=json.dumps(RULES))
        asker.ask("CreateMatchmakingConfiguration", Name="duel", RuleSetName="duel", RequestTimeoutSeconds=TIMEOUT_S, AcceptanceRequired=False,
                  GameSessionQueueArns=["arn:aws:gamelift:local::gamesessionqueue/main"])
        placed = run(daemon, start_placement, options.placements, options.clients, r'ringcast_service_placements_total\{result="FULFILLED"\}')
        matched = run(daemon, start_ticket, count, options.clients, "ringcast_matchmaking_tickets_completed_total")
        check(daemon.service_port, count, options.placements)
    print(f"Load average at the beginning: {load:.1f}, at the end: {os.getloadavg()[0]:.1f}\n")
    print("| what | per second of processor time | per second |\n|---|---|---|")
    print(f"| StartGameSessionPlacement to FULFILLED, two players each ({options.placements:,}) | {options.placements / placed[0]:,.0f} | {options.placements / placed[1]:,.0f} |")
    print(f"| StartMatchmaking to COMPLETED, tickets of duels ({count:,}), each with a session | {count / matched[0]:,.0f} | {count / matched[1]:,.0f} |")


if __name__ == "__main__":
    main()
