#!/usr/bin/python3
"""A session of many players on two shards: a login storm; promotion, which is that it is made large while messages fly; senders to all and to areas of interest; players who come and go all
the while; and one who does not read. Nothing reliable may be lost, and the one who does not read costs the others nothing.

  multitude_test.py                                600 players, a few seconds: part of every test run
  RINGCASTD=build/engine/ringcastd tests/e2e/multitude_test.py --players 5000 --senders 100 --rate 20 --seconds 60

--rate: messages per second of all senders together. Each is one to every player, so at 5 000 players and 20 messages they hear 100 000 a second, which is what two processes in Python on two
cores can check beside the daemon; ringcast-load delivers millions, and checks less (docs/large-sessions.md). Delays are printed, and not judged."""

import argparse
import http.client
import json
import multiprocessing
import re
import sys
import time

import multitude
from daemon import Daemon

PINNED_PART = 0.1  # of the players: those who are in before the session is made large
AREAS_OF = 50      # players


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--players", type=int, default=600)
    parser.add_argument("--senders", type=int, default=20)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--churn", type=float, default=5, help="players who leave, and others who come, per second")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


class Parts:
    """The processes, asked all at once."""
    def __init__(self, options, port):
        plan = {"areas": max(2, options.players // AREAS_OF), "rate": options.rate / options.processes, "churn": options.churn / options.processes, "to_area": 0.3,
                "patience": 300, "silence": 30}
        context = multiprocessing.get_context("fork")
        self.pipes, self.processes = [], []
        for i in range(options.processes):
            ours, theirs = context.Pipe()
            process = context.Process(target=multitude.work, args=(theirs, port, {**plan, "seed": options.seed + i}), daemon=True)
            process.start()
            theirs.close()
            self.pipes.append(ours)
            self.processes.append(process)

    def ask(self, order, *each):
        """each: arguments, a list of one for each process."""
        for i, pipe in enumerate(self.pipes):
            pipe.send((order, *(argument[i] for argument in each)))
        return [pipe.recv() for pipe in self.pipes]

    def deal(self, items):
        return [items[i::len(self.pipes)] for i in range(len(self.pipes))]

    def same(self, value):
        return [value] * len(self.pipes)

    def end(self):
        for pipe in self.pipes:
            pipe.close()
        for process in self.processes:
            process.join(10)


class Session:
    """By the service, which can make it larger; its tokens by the admin API."""
    def __init__(self, daemon, players_max):
        self.daemon = daemon
        self.connection = http.client.HTTPConnection("127.0.0.1", int(re.search(rb'"service":"127.0.0.1:(\d+)"', daemon.log_text())[1]), timeout=60)
        self.arn = self.call("CreateGameSession", FleetId="fleet-123", MaximumPlayerSessionCount=players_max)["GameSession"]["GameSessionId"]
        self.id = next(s["id"] for s in daemon.request("GET", "/v1/sessions")["sessions"] if s["players_max"] == players_max)

    def call(self, operation, **fields):
        self.connection.request("POST", "/", json.dumps(fields), {"X-Amz-Target": f"GameLift.{operation}", "Content-Type": "application/x-amz-json-1.1"})
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)

    def tokens(self, count):
        return [self.daemon.reserve(self.id) for _ in range(count)]

    def limbs(self):
        return {limb["shard"]: limb["player_count"] for limb in self.daemon.session(self.id).get("limbs", [])}


def start(options):
    count = options.players
    return Daemon("--dev", "--shards", str(options.shards), sessions__spread="auto", limits__spread_players_min=count // 2, limits__players_per_session_max=2 * count,
                  limits__players_max=2 * count, limits__connections_max=2 * count, limits__connections_per_address_max=2 * count,
                  limits__handshakes_per_second_per_address=1000000, limits__reservation_timeout_ms=3600000, limits__ping_interval_ms=10000)


def play(options, daemon, parts):
    """A list of what is wrong."""
    first = max(options.senders, int(options.players * PINNED_PART))
    session = Session(daemon, first)
    deaf = [1] + [0] * (options.processes - 1)
    parts.ask("storm", parts.deal(session.tokens(first)), parts.same(0))
    problems = ["the session was spread before it was large"] if session.limbs() else []
    parts.ask("appoint", parts.same(-(-options.senders // options.processes)))
    parts.ask("play", parts.same(1))
    session.call("UpdateGameSession", GameSessionId=session.arn, MaximumPlayerSessionCount=2 * options.players)
    storm = session.tokens(options.players - first)
    parts.ask("tokens", parts.deal(session.tokens(int(options.churn * options.seconds) + options.processes)))
    begin = time.monotonic()
    parts.ask("storm_while_speaking", parts.deal(storm), deaf)
    print(f"{len(storm)} players came in {time.monotonic() - begin:.1f} s, while messages flew; they are on shards {session.limbs()}")
    if sum(count > 0 for count in session.limbs().values()) < min(2, options.shards):
        problems.append(f"the session is not spread: {session.limbs()}")
    said = sum(parts.ask("play", parts.same(options.seconds)))
    sent = {number: log for part in parts.ask("sent") for number, log in part.items()}
    parts.ask("settle", parts.same(sent))
    return problems, said, sent


def main():
    options = arguments()
    daemon = start(options)
    parts = Parts(options, daemon.tcp_port)
    problems, said, sent = play(options, daemon, parts)
    reports = parts.ask("report", parts.same(sent))
    metrics = daemon.metrics()
    parts.end()
    daemon.stop()
    buckets = sum((multitude.collections.Counter(report["buckets"]) for report in reports), multitude.collections.Counter())
    problems += [problem for report in reports for problem in report["problems"]]
    lost = metrics.get('ringcast_drops_total{reason="letters_full"}', 0)
    if lost:
        problems.append(f"{lost:.0f} letters were lost")
    print(f"{sum(report['players'] for report in reports)} players heard {sum(report['heard'] for report in reports)} messages, {said} of {options.senders} senders in {options.seconds:.0f} s at last; "
          f"p50 {multitude.quantile_ms(buckets, 0.5):.1f} ms, p99 {multitude.quantile_ms(buckets, 0.99):.1f} ms (with the players' own processes on the same cores)")
    print(f"letters {metrics['ringcast_letters_sent_total']:.0f}, waited {metrics['ringcast_letters_waited_total']:.0f}, senders paused {metrics['ringcast_senders_paused_total']:.0f}")
    print("\n".join(problems[:20]) or "nothing reliable was lost")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
