#!/usr/bin/python3
"""Players who play all the while, in a process of their own: pairs who send each other numbered messages and wait for each.

What a message waited for is counted in the processor time of the shard's thread, between its sending and its arrival, less the time in which this process
waited for a processor itself: however busy the machine is, the number is what the shard did first.

Run by attack_test.py. stdin: a configuration as one line of JSON, then "mark" as often as one likes, answered with a line of JSON each.
"""

import collections
import json
import select
import socket
import ssl
import sys
import time
import types

import realtime
from raw import BINARY, CLOSE, PING, PONG, RawConnection, frame
from realtime import Packet

RELIABLE, FAST = 50, 51
ROUND_SECONDS = 0.01
WINDOW = 256  # of fast messages that may be late


class SecureConnection(RawConnection):
    def __init__(self, daemon, authority):
        super().__init__(daemon)
        context = ssl.create_default_context(cafile=authority)
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")


class Player:
    def __init__(self, target, token, authority=None):
        self.connection = SecureConnection(target, authority) if authority else RawConnection(target)
        self.connection.upgrade().send(frame(BINARY, realtime.login(token).encode()))
        result = realtime.login_result(realtime.decode(self.connection.read_message()))
        self.peer_id, self.fast_port = result.peer_id, result.fast_port
        self.udp, self.sequence = None, 0
        self.packets = collections.deque()

    def open_udp(self):
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.connect(("127.0.0.1", self.fast_port))
        self.udp.settimeout(1)
        while True:
            self.send_udp(realtime.UDP_CONNECT, command=realtime.COMMAND_UDP_CONNECT, target_player=realtime.SERVER)
            try:
                if realtime.decode(self.udp.recv(2048)).opcode == realtime.UDP_CONNECT_SERVER_ACK:
                    break
            except socket.timeout:
                pass
        self.send_udp(realtime.UDP_CONNECT_CLIENT_ACK, command=realtime.COMMAND_UDP_CONNECT, target_player=realtime.SERVER)
        self.udp.setblocking(False)

    def send_udp(self, opcode, payload=b"", **fields):
        self.udp.send(Packet(opcode, payload, sender=self.peer_id, sequence=self.sequence, **fields).encode())
        self.sequence += 1

    def send(self, opcode, payload, to):
        self.connection.send(frame(BINARY, Packet(opcode, payload, target_player=to, sender=self.peer_id, reliable=True).encode()))

    def read(self):
        """The next packet of the stream; pings are answered."""
        while True:
            opcode, payload = self.connection.read_frame()
            if opcode == PING:
                self.connection.send(frame(PONG, payload))
            elif opcode == CLOSE:
                raise EOFError(f"closed with {int.from_bytes(payload[:2], 'big')} {payload[2:].decode()}")
            elif opcode == BINARY:
                return realtime.decode(payload)

    def read_udp(self):
        while self.udp:
            try:
                yield realtime.decode(self.udp.recv(2048))
            except BlockingIOError:
                return


def thread_ns(path):
    """(processor time, time spent waiting for a processor) of a thread."""
    with open(path) as file:
        cpu, waited, _ = file.read().split()
    return int(cpu), int(waited)


class Pair:
    def __init__(self, target, tokens, authority):
        self.players = [Player(target, token, authority) for token in tokens]
        if not authority:
            for player in self.players:
                player.open_udp()
        self.number, self.fast_number, self.fast_late = 0, 0, set()
        self.fast_received = 0

    def take_fast(self, packet):
        number = int(packet.payload)
        if number <= self.fast_number - WINDOW:
            return  # too late to tell
        if number not in self.fast_late:
            raise AssertionError(f"fast message {number} came twice, or was never sent")
        self.fast_late.remove(number)
        self.fast_received += 1

    def play(self, shard):
        """One reliable message there and waited for, one fast message there; the shard's time in between in ns."""
        sender, receiver = self.players[self.number % 2], self.players[1 - self.number % 2]
        if sender.udp:
            self.fast_late = {number for number in self.fast_late if number > self.fast_number - WINDOW} | {self.fast_number}
            sender.send_udp(FAST, b"%d" % self.fast_number, target_player=receiver.peer_id)
            self.fast_number += 1
        own = "/proc/thread-self/schedstat"
        _, own_before = thread_ns(own)
        before, _ = thread_ns(shard)
        sender.send(RELIABLE, b"%d" % self.number, receiver.peer_id)
        while (packet := receiver.read()).opcode == FAST:  # by the stream while its way by UDP is in doubt
            self.take_fast(packet)
        after, _ = thread_ns(shard)
        _, own_after = thread_ns(own)
        if (packet.opcode, packet.payload, packet.sender) != (RELIABLE, b"%d" % self.number, sender.peer_id):
            raise AssertionError(f"wanted message {self.number}, came {packet}")
        self.number += 1
        for player in self.players:
            for packet in player.read_udp():
                self.take_fast(packet)
        return max(0, after - before - (own_after - own_before))


def main():
    options = json.loads(sys.stdin.readline())
    target = types.SimpleNamespace(tcp_port=options["tcp_port"])
    pairs = [Pair(target, pair["tokens"], pair["authority"]) for pair in options["pairs"]]
    print(json.dumps([[(player.peer_id, player.fast_port) for player in pair.players] for pair in pairs]), flush=True)
    count, worst_ns, worst_seconds = 0, 0, 0.0
    fast = [(pair.fast_number, pair.fast_received) for pair in pairs]
    while True:
        if select.select([sys.stdin], [], [], ROUND_SECONDS)[0]:
            if not sys.stdin.readline():
                return
            now = [(pair.fast_number, pair.fast_received) for pair in pairs]
            sent, received = (sum(b[i] - a[i] for a, b in zip(fast, now)) for i in (0, 1))
            fast = now
            print(json.dumps({"messages": count, "shard_ms": worst_ns / 1e6, "wall_ms": worst_seconds * 1e3, "fast_sent": sent, "fast_received": received}),
                  flush=True)
            count, worst_ns, worst_seconds = 0, 0, 0.0
        for pair in pairs:
            start = time.monotonic()
            worst_ns = max(worst_ns, pair.play(options["shard"]))
            worst_seconds = max(worst_seconds, time.monotonic() - start)
            count += 1


if __name__ == "__main__":
    main()
