"""A part of a large session's players in a process of its own: sockets, and of the protocol what it takes to check each message of thousands of players.

Everybody hears all senders, and those in its own area of interest. A message carries its sender's number, its place among that sender's messages of that kind, and when it was sent.
Each player holds them together: one after the other without a gap, from the first that was sent after it knew that it was in to the last."""

import bisect
import collections
import os
import random
import resource
import selectors
import socket
import struct
import time

import realtime

BODY = struct.Struct("<IIq")  # sender, place, sent_ns
TO_ALL, TO_AREA = 10, 11
HEAD = {opcode: bytes([8, 2 * opcode]) for opcode in (TO_ALL, TO_AREA)}
BUCKETS_PER_OCTAVE = 16
UPGRADE = (b"GET /websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n")


def frame(opcode, payload):
    """A client's frame; its mask is zero."""
    size = len(payload)
    head = bytes([0x80 | opcode, 0x80 | size]) if size < 126 else bytes([0x80 | opcode, 0xFE]) + size.to_bytes(2, "big")
    return head + bytes(4) + payload


class Sender:
    """What one player has sent to all, or to one area: when each was sent."""
    def __init__(self):
        self.sent_ns = []

    def next(self, number):
        now = time.monotonic_ns()
        self.sent_ns.append(now)
        return BODY.pack(number, len(self.sent_ns) - 1, now)


class Run:
    """The messages that one player has got of one sender: from the first on without a gap."""
    __slots__ = ("first", "last")

    def __init__(self, place):
        self.first = self.last = place


class Player:
    def __init__(self, part, token, area, is_deaf):
        self.part, self.area, self.is_deaf = part, area, is_deaf
        self.data = b""
        self.peer_id = self.in_ns = self.area_ns = self.left_ns = 0
        self.is_upgraded = self.is_gone = False
        self.runs = {}
        self.pending = b""
        self.socket = socket.create_connection(("127.0.0.1", part.port))
        self.socket.setblocking(False)
        self.write(UPGRADE + frame(2, realtime.login(token).encode()))

    def write(self, data):
        self.pending += data
        try:
            self.pending = self.pending[self.socket.send(self.pending):]
        except BlockingIOError:
            pass
        except OSError as error:
            self.fail(f"its connection broke: {error}")

    def say(self, opcode, body, group):
        self.write(frame(2, realtime.Packet(opcode, body, target_group=group, reliable=True).encode()))

    def fail(self, what):
        if not self.is_gone and not self.is_deaf:
            self.part.problems.append(f"player {self.peer_id}: {what}")
        self.leave()

    def leave(self):
        if self.is_gone:
            return
        self.is_gone = True
        self.left_ns = time.monotonic_ns()
        if not self.is_deaf or self.peer_id == 0:
            self.part.selector.unregister(self.socket)
        self.socket.close()

    def read(self):
        try:
            more = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError as error:
            self.fail(f"its connection broke: {error}")
            return
        if not more:
            self.fail("its connection was closed")
            return
        self.take(self.data + more)

    def take(self, data):
        at = 0
        if not self.is_upgraded:
            at = data.find(b"\r\n\r\n") + 4
            if at < 4:
                self.data = data
                return
            self.is_upgraded = True
        while (end := self.frame_end(data, at)) is not None and not self.is_gone:
            self.take_frame(data[at], data[end[0]:end[1]])
            at = end[1]
        self.data = data[at:]

    @staticmethod
    def frame_end(data, at):
        """Where the payload begins and ends; None: it is not all there."""
        if len(data) < at + 4:
            return None if len(data) < at + 2 or data[at + 1] > 0 else (at + 2, at + 2)
        size, begin = data[at + 1], at + 2
        if size == 126:
            size, begin = int.from_bytes(data[at + 2:at + 4], "big"), at + 4
        return (begin, begin + size) if len(data) >= begin + size else None

    def take_frame(self, head, payload):
        if head == 0x82 and payload[1:3] == HEAD[TO_ALL] and len(payload) < 126:
            self.hear(TO_ALL, payload)
        elif head == 0x82 and payload[1:3] == HEAD[TO_AREA] and len(payload) < 126:
            self.hear(TO_AREA, payload)
        elif head == 0x82:
            self.take_packet(payload)
        elif head == 0x89:
            self.write(frame(10, payload))
        elif head == 0x88:
            self.fail(f"it was sent away: {int.from_bytes(payload[:2], 'big')} {payload[2:]!r}")

    def take_packet(self, payload):
        packet = realtime.decode(payload, "ws")
        if packet.opcode == realtime.LOGIN_RESPONSE:
            result = realtime.login_result(packet)
            if not result.success:
                self.fail("its login was refused")
                return
            self.peer_id, self.in_ns = result.peer_id, time.monotonic_ns()
            self.part.joined(self)
        elif packet.opcode == realtime.GROUP_MEMBERSHIP_UPDATE:
            group, members = realtime.membership(packet)
            if group == self.area and self.peer_id in members and self.area_ns == 0:
                self.area_ns = time.monotonic_ns()

    def hear(self, opcode, payload):
        sender, place, sent_ns = BODY.unpack_from(payload, len(payload) - BODY.size)
        key = sender if opcode == TO_ALL else ~sender
        run = self.runs.get(key)
        if run is None:
            self.runs[key] = Run(place)
        elif place == run.last + 1:
            run.last = place
        else:
            self.part.problems.append(f"player {self.peer_id}: of sender {sender}, opcode {opcode}, came {place} after {run.last}")
            run.last = place
        self.part.count(time.monotonic_ns() - sent_ns)

    def check(self, key, sent_ns):
        """Against all that this sender has sent; a list of what is wrong."""
        since = self.in_ns if key >= 0 else self.area_ns
        run = self.runs.get(key)
        first, count = bisect.bisect_right(sent_ns, since), len(sent_ns)
        if not since or first == count or self.is_gone:  # of one that has left, that there was no gap is all that can be said
            return []
        if run is None:
            return [f"player {self.peer_id}: nothing of sender {key}, of {count - first} messages"]
        found = []
        if run.first > first:
            found.append(f"player {self.peer_id}: of sender {key} the first was {run.first}, though {first} was sent when it was in")
        if run.last != count - 1:
            found.append(f"player {self.peer_id}: of sender {key} the last was {run.last}, of {count - 1}")
        return found


class Part:
    """One process's players. plan: what to do, from the test."""
    def __init__(self, port, plan):
        self.port, self.plan = port, plan
        self.selector = selectors.EpollSelector()
        self.players, self.problems = [], []
        self.senders = {}  # number -> (player, to all, to its area)
        self.buckets = collections.Counter()
        self.random = random.Random(plan["seed"])
        self.joined_count = self.heard = 0
        self.tokens = []

    def count(self, delay_ns):
        self.heard += 1
        self.buckets[int(max(delay_ns, 1)).bit_length() * BUCKETS_PER_OCTAVE + (delay_ns >> max(delay_ns.bit_length() - 5, 0) & 15)] += 1

    def joined(self, player):
        self.joined_count += 1
        player.write(frame(2, realtime.group_request(realtime.JOIN_GROUP, player.area, reliable=True).encode()))
        if player.is_deaf:
            self.selector.unregister(player.socket)

    def join(self, token, is_deaf=False):
        player = Player(self, token, 1 + self.random.randrange(self.plan["areas"]), is_deaf)
        self.players.append(player)
        self.selector.register(player.socket, selectors.EVENT_READ, player)
        return player

    def turn(self, seconds):
        for key, _ in self.selector.select(seconds):
            player = key.data
            if player is None:  # the test has another order
                continue
            if not player.is_gone:
                player.read()
            if player.pending and not player.is_gone:
                player.write(b"")

    def wait_for(self, pipe):
        """Until there is an order. Its players read on meanwhile: others may still speak to them, and who does not read is closed as slow; nor does who answers no ping stay."""
        while not pipe.poll():
            self.turn(1)

    def turn_until(self, condition, seconds, what):
        until = time.monotonic() + seconds
        while not condition():
            self.turn(0.05)
            if time.monotonic() > until:
                self.problems.append(f"it took longer than {seconds} s: {what}")
                return

    def storm(self, tokens, deaf_count):
        """All at once, as far as the listening queue takes them."""
        before = self.joined_count
        for i, token in enumerate(tokens):
            self.join(token, i < deaf_count)
            if i % 50 == 49:
                self.turn(0)
        self.turn_until(lambda: self.joined_count - before == len(tokens) or self.problems, self.plan["patience"], "logins")

    def storm_while_speaking(self, tokens, deaf_count):
        """The same, and its senders go on."""
        before, begin, said = self.joined_count, time.monotonic(), 0
        waiting = list(tokens)

        def step():
            nonlocal said
            for _ in range(min(20, len(waiting))):
                self.join(waiting.pop(), len(waiting) < deaf_count)
            while said < (time.monotonic() - begin) * self.plan["rate"]:
                self.say_something()
                said += 1
            return self.joined_count - before == len(tokens) or self.problems
        self.turn_until(step, self.plan["patience"], "logins")

    def appoint(self, count):
        free = [player for player in self.players if player.peer_id and not player.is_gone and not player.is_deaf and player.peer_id not in self.senders]
        for player in free[:count]:
            self.senders[player.peer_id] = (player, Sender(), Sender())

    def say_something(self):
        number = self.random.choice(list(self.senders))
        player, everybody, area = self.senders[number]
        if player.area_ns != 0 and self.random.random() < self.plan["to_area"]:
            player.say(TO_AREA, area.next(number), player.area)
        else:
            player.say(TO_ALL, everybody.next(number), realtime.EVERYONE)

    def come_and_go(self):
        """One leaves, without a word or with one, and another comes."""
        leavers = [player for player in self.players if player.peer_id and not player.is_gone and not player.is_deaf and player.peer_id not in self.senders]
        if not leavers or not self.tokens:
            return
        leaver = self.random.choice(leavers)
        if self.random.random() < 0.5:
            leaver.write(frame(8, b"\x03\xe8"))
        leaver.leave()
        self.players.remove(leaver)
        self.join(self.tokens.pop())

    def play(self, seconds):
        """At a given rate, whatever becomes of it."""
        said = changed = 0
        begin = time.monotonic()
        while (passed := time.monotonic() - begin) < seconds:
            while said < passed * self.plan["rate"]:
                self.say_something()
                said += 1
            while changed < passed * self.plan["churn"]:
                self.come_and_go()
                changed += 1
            self.turn(0.01)
        return said

    def sent(self):
        return {number: (everybody.sent_ns, area.sent_ns, player.area) for number, (player, everybody, area) in self.senders.items()}

    def settle(self, sent):
        """Until all that was sent has come, or nothing comes any more."""
        last_heard, since = -1, time.monotonic()
        while time.monotonic() - since < self.plan["silence"]:
            self.turn(0.1)
            if self.heard != last_heard:
                last_heard, since = self.heard, time.monotonic()
            if not any(self.missing(sent)):
                break

    def missing(self, sent):
        for player in self.players:
            if player.is_deaf or player.is_gone:
                continue
            for number, (everybody, area, group) in sent.items():
                yield from player.check(number, everybody)
                if group == player.area:
                    yield from player.check(~number, area)

    def report(self, sent):
        self.problems += list(self.missing(sent))
        return {"problems": self.problems[:20], "problem_count": len(self.problems), "heard": self.heard, "buckets": dict(self.buckets),
                "players": sum(not player.is_gone for player in self.players)}


def allow_files():
    """A socket for each player: as many as this process may have at most."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def work(pipe, port, plan):
    """The process: one order after the other, each with an answer."""
    allow_files()
    part = Part(port, plan)
    part.selector.register(pipe, selectors.EVENT_READ, None)
    try:
        while True:
            part.wait_for(pipe)
            order, *arguments = pipe.recv()
            if order == "tokens":
                part.tokens += arguments[0]
                pipe.send(None)
            else:
                pipe.send(getattr(part, order)(*arguments))
    except EOFError:
        os._exit(0)


def quantile_ms(buckets, part):
    """The delay that so large a part of all was within, to a thirtieth of it."""
    left = part * sum(buckets.values())
    for bucket in sorted(buckets):
        left -= buckets[bucket]
        if left <= 0:
            octave, step = divmod(bucket, BUCKETS_PER_OCTAVE)
            return (2 ** (octave - 1)) * (1 + (step + 1) / 16) / 1e6
    return 0.0
