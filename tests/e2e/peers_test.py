#!/usr/bin/python3
"""peers-load, which measures other relays: what it counts of a relay that does right, and what it says of one that does not."""

import json
import os
import socket
import subprocess
import threading
import time
import unittest

from daemon import Daemon


def load(wire, port, groups, members, senders, rate, seconds, pid=0):
    command = [os.environ["PEERS_LOAD"], wire, str(port), str(pid), *map(str, (groups, members, senders, rate, seconds))]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


class Broker:
    """As much of Redis and NATS as publishing takes: one thread for each client; mix_groups sends everything to everybody, a hole nothing to anybody."""

    def __init__(self, wire, mix_groups=False, is_hole=False, hold_s=0):
        self.wire, self.mix_groups, self.is_hole = wire, mix_groups, is_hole
        self.hold_s, self.first = hold_s, threading.Event()
        self.groups, self.lock = {}, threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def join(self, client, group):
        with self.lock:
            self.groups.setdefault(group, set()).add(client)

    def relay(self, client, group, message):
        if self.is_hole:
            return
        if self.hold_s and not self.first.is_set():
            self.first.set()
            time.sleep(self.hold_s)
        with self.lock:
            to = set().union(*self.groups.values()) if self.mix_groups else set(self.groups.get(group, ()))
        for other in to:
            if other is not client or self.wire == "redis":  # Redis echoes
                try:
                    other.sendall(message)
                except OSError:
                    pass

    def serve(self, client):
        stream = client.makefile("rb")
        try:
            while line := stream.readline():
                (self.redis if self.wire == "redis" else self.nats)(client, stream, line)
        except OSError:
            pass

    def redis(self, client, stream, line):
        if line.startswith(b"HELLO"):
            client.sendall(b"%0\r\n")
            return
        words = []
        for _ in range(int(line[1:])):
            size = int(stream.readline()[1:])
            words.append(stream.read(size + 2)[:-2])
        if words[0] == b"SUBSCRIBE":
            self.join(client, words[1])
            client.sendall(b">3\r\n$9\r\nsubscribe\r\n$%d\r\n%s\r\n:1\r\n" % (len(words[1]), words[1]))
        else:
            self.relay(client, words[1], b">3\r\n$7\r\nmessage\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n" % (len(words[1]), words[1], len(words[2]), words[2]))

    def nats(self, client, stream, line):
        words = line.split()
        if words[0] == b"SUB":
            self.join(client, words[1])
        elif words[0] == b"PING":
            client.sendall(b"PONG\r\n")
        elif words[0] == b"PUB":
            self.relay(client, words[1], b"MSG %s 1 %s\r\n%s" % (words[1], words[2], stream.read(int(words[2]) + 2)))

    def close(self):
        self.listener.close()


class Peers(unittest.TestCase):
    def check(self, result, offered):
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual(report["offered_per_second"], offered)
        self.assertGreater(report["deliveries_per_second"], 0)
        self.assertEqual((report["strange"], report["refused"]), (0, 0))
        return report

    def test_our_own_wire(self):
        daemon = Daemon("--dev")
        try:
            for group in range(2):
                daemon.request("POST", "/v1/sessions", {"name": f"peers{group}", "players_max": 3})
            report = self.check(load("realtime", daemon.tcp_port, 2, 3, 2, 10, 1, daemon.process.pid), 80)
            self.assertGreater(report["echoed"], 0, "the Realtime protocol echoes, and its echo is no delivery")
            self.assertGreater(report["cpu_ns_per_delivery"], 0)
            report = self.check(load("quiet", daemon.tcp_port, 2, 3, 2, 10, 1, daemon.process.pid), 80)
            self.assertEqual(report["echoed"], 0, "its logins ask for none")
        finally:
            daemon.stop()

    def test_brokers(self):
        for wire, echoes in (("redis", True), ("nats", False)):
            broker = Broker(wire)
            self.addCleanup(broker.close)
            report = self.check(load(wire, broker.port, 2, 3, 3, 5, 1), 60)
            self.assertEqual(report["echoed"] > 0, echoes)

    def test_messages_of_another_group_are_noticed(self):
        broker = Broker("nats", mix_groups=True)
        self.addCleanup(broker.close)
        result = load("nats", broker.port, 2, 2, 2, 10, 1)
        self.assertEqual(result.returncode, 1)
        self.assertGreater(json.loads(result.stdout)["strange"], 0)

    def test_nothing_that_came_took_no_time(self):
        broker = Broker("nats", is_hole=True)
        self.addCleanup(broker.close)
        report = json.loads(load("nats", broker.port, 2, 3, 3, 5, 1).stdout)
        self.assertEqual((report["p50_ns"], report["p99_ns"], report["arrived_ratio"], report["deliveries_per_second"]), (None, None, 0, 0))

    def test_what_was_due_before_is_not_of_what_was_offered(self):
        """A broker that holds everything back until half a second after it began delivers a backlog in the measured time."""
        broker = Broker("nats", hold_s=0.7)
        self.addCleanup(broker.close)
        report = json.loads(load("nats", broker.port, 2, 3, 3, 50, 1).stdout)
        self.assertGreater(report["deliveries_per_second"], 0)
        self.assertLessEqual(report["arrived_ratio"], 1)

    def test_sends_that_did_not_happen_are_late(self):
        """More than one core can publish: most of it is not sent before the end."""
        broker = Broker("nats", is_hole=True)
        self.addCleanup(broker.close)
        report = json.loads(load("nats", broker.port, 1, 2, 2, 10000000, 0.2).stdout)
        self.assertGreater(report["late_ratio"], 0.9)

    def test_nobody_there_and_nonsense(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        self.assertEqual(load("redis", port, 1, 2, 1, 1, 1).returncode, 1)
        for bad in (("smoke", port, 1, 2, 1, 1, 1), ("redis", 0, 1, 2, 1, 1, 1), ("redis", port, 1, 1, 1, 1, 1), ("redis", port, 1, 2, 3, 1, 1), ("redis", port, 1, 2, 1, 0, 1)):
            result = load(*bad)
            self.assertEqual(result.returncode, 2, bad)
            self.assertIn("usage:", result.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
