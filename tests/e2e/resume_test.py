#!/usr/bin/python3
"""Players who come back, on real sockets: our clients while their connections are torn, and a client that shares no code with them, byte by byte.

RESUME_DROPS: how many connections are torn in each storm (300 in clear with the C client and byte by byte, 120 in each other one). tests/e2e/resume_test.py Storm with
10000, and EncryptedStorm, JavascriptStorm and CsharpStorm with 2000, are the long runs.
"""

import json
import os
import random
import select
import socket
import struct
import tempfile
import threading
import time
import unittest

import raw
import realtime
import scripts
import secure
import storms
from daemon import Daemon
from realtime import EVERYONE, SERVER, Packet, field

SPREAD = os.environ.get("E2E_SPREAD", "never")  # always: the same, with each session's players on both shards
DROPS = int(os.environ.get("RESUME_DROPS", "300"))
FEWER_DROPS = int(os.environ.get("RESUME_DROPS", "120"))
SAY = 9
PING_RESULT = -3
COMMAND_PING_RESULT = 33
WINDOW = 32  # messages of one sender that its slowest listener has not heard
LIMITS = {
    "limits__resume_window_ms": 60000,
    "limits__resume_bytes": 262144,
    "limits__handshakes_per_second_per_address": 1000000,
    "limits__messages_per_second": 1000000,
    "limits__bytes_per_second": 1000000000,
    "limits__fanout_bytes_per_second": 0,
    "limits__session_fanout_bytes_per_second": 0,
    "limits__resume_memory_bytes": 33554432,
    "sessions__spread": SPREAD,
}

daemon = None


def setUpModule():
    global daemon
    daemon = Daemon("--listen", "127.0.0.1", "--shards", "2", **LIMITS)


def tearDownModule():
    daemon.stop()

TRY_AGAIN = 3013


class Refused(Exception):
    pass


class Torn(Exception):
    pass


class Resumer:
    """One player with a blocking socket. Whatever it does may raise Torn; then come_back() is for the caller to call."""

    def __init__(self, token, server=None, context=None):
        """server: a daemon other than the one of the tests; context: for TLS."""
        self.server, self.context = server, context
        self.received = self.told = self.first = 0
        self.kept = []
        self.said = 0
        self.resumes = self.resent = self.lost = 0
        self.token = None
        self.connect()
        result = self.log_in(field(1, token.encode()) + field(2, 2) + field(16, 1))
        self.peer_id = result[3]

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", (self.server or daemon).tcp_port), timeout=20)
        if self.context:
            self.socket = self.context.wrap_socket(self.socket, server_hostname=secure.HOST_NAME)
        self.unread = b""
        self.write(raw.upgrade_request())
        while b"\r\n\r\n" not in self.unread:
            self.read()
        head, self.unread = self.unread.split(b"\r\n\r\n", 1)
        if b" 101 " not in head:
            raise AssertionError(head)

    def log_in(self, body):
        self.send_packet(Packet(realtime.LOGIN, target_player=SERVER, reliable=True, command=realtime.COMMAND_LOGIN, body=body))
        packet = self.packet()
        if packet.opcode != realtime.LOGIN_RESPONSE:
            raise AssertionError(f"{packet} before the login result")
        result = packet.body_fields()
        if not result.get(1):
            opcode, body = self.frame()
            if opcode != raw.CLOSE or struct.unpack(">H", body[:2])[0] != TRY_AGAIN:
                raise AssertionError(f"refused: {body}")
            raise Refused()
        self.token = result[2]
        return result

    def come_back(self):
        while True:
            try:
                self.socket.close()
                self.connect()
                result = self.log_in(field(2, 2) + field(16, 1) + field(17, self.token) + field(18, self.received))
                break
            except Torn:
                continue
            except Refused: # for the moment: it has come back too often
                time.sleep(0.1)
        if not result.get(16) or result[3] != self.peer_id:
            raise AssertionError(f"not resumed: {result}")
        self.resumes += 1
        self.lost += result.get(19, 0)
        self.forget(result.get(18, 0))
        for data in self.kept:
            self.resent += 1
            self.write(raw.frame(raw.BINARY, data))

    def forget(self, received):
        count = received - self.first
        if not 0 <= count <= len(self.kept):
            raise AssertionError(f"the server has read {received}, sent were {self.first} and {len(self.kept)} more")
        del self.kept[:count]
        self.first = received

    def write(self, data):
        try:
            self.socket.sendall(data)
        except TimeoutError:
            raise AssertionError("the server does not read") from None
        except OSError:
            raise Torn() from None

    def read(self):
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            raise AssertionError("the server is silent") from None
        except OSError:
            raise Torn() from None
        if not data:
            raise Torn()
        self.unread += data

    def send_packet(self, packet):
        self.write(raw.frame(raw.BINARY, packet.encode()))

    def say(self, payload):
        data = Packet(SAY, payload, target_group=EVERYONE, reliable=True).encode()
        self.kept.append(data)
        self.said += 1
        self.write(raw.frame(raw.BINARY, data))

    def frame(self):
        while True:
            if len(self.unread) >= 2:
                size, at = self.unread[1] & 0x7F, 2
                if size == 126 and len(self.unread) >= 4:
                    size, at = struct.unpack(">H", self.unread[2:4])[0], 4
                if size < 126 or at == 4:
                    if len(self.unread) >= at + size:
                        opcode, body = self.unread[0] & 15, self.unread[at : at + size]
                        self.unread = self.unread[at + size :]
                        return opcode, body
            self.read()

    def packet(self):
        """Of the next frame; None: it was a ping."""
        opcode, body = self.frame()
        if opcode == raw.CLOSE:
            raise AssertionError(f"closed: {body}")
        if opcode == raw.PING:
            self.write(raw.frame(raw.PONG, body))
        return realtime.decode(body) if opcode == raw.BINARY else None

    def hear(self):
        """The next message of somebody, counted in the moment in which it is known. None: what came was no message."""
        packet = self.packet()
        if packet and packet.opcode == PING_RESULT:
            self.forget(packet.body_fields().get(1, 0))
            return None
        self.received += packet is not None
        return packet

    def acknowledge(self):
        if self.received - self.told >= 16:
            self.told = self.received
            self.send_packet(Packet(PING_RESULT, reliable=True, command=COMMAND_PING_RESULT, body=field(1, self.received)))

    def is_readable(self):
        """Is there a message, or at least the beginning of something? Then hear() has not to wait for long."""
        is_decrypted = self.context and self.socket.pending() > 0
        return bool(self.unread) or bool(is_decrypted) or bool(select.select([self.socket], [], [], 0.001)[0])

    def tear(self, is_reset):
        if is_reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.socket.close()
        else:
            self.socket.shutdown(socket.SHUT_RDWR)

    def leave(self):
        self.write(raw.frame(raw.CLOSE, b"\x03\xe8"))
        self.socket.close()


class Storm(unittest.TestCase):
    def counters(self):
        return {name: daemon.metrics()[f"ringcast_{name}_total"] for name in ("players_dropped", "resumes", "resume_gaps", "replayed_messages")}

    def test_players_of_a_spread_session_come_back_where_they_were(self):
        """Whichever shard takes the new connection: it is the same player, on the same shard, in its groups."""
        if SPREAD == "never":
            self.skipTest("one shard has all of them")
        session = daemon.create_session(players_max=16)
        players = [Resumer(daemon.reserve(session)) for _ in range(12)]
        [player.say(b"here") for player in players]
        shards = {one["peer_id"]: one["shard"] for one in daemon.players(session)}
        self.assertEqual(set(shards.values()), {0, 1}, "the kernel gave all connections to one shard")
        before = self.counters()
        for turn in range(4):
            for player in players:
                player.tear(turn % 2 == 0)
            for player in players:
                player.come_back()
        listed = daemon.players(session)
        self.assertEqual({one["peer_id"]: one["shard"] for one in listed}, shards)
        self.assertEqual({one["state"] for one in listed}, {"active"})
        self.assertEqual(self.counters()["resumes"] - before["resumes"], 48)
        self.assertEqual(sum(player.lost for player in players), 0)
        for player in players:
            heard = 0
            while heard < len(players):
                heard += player.hear() is not None
        daemon.end_session(session)

    def test_c_client(self):
        before = self.counters()
        figures = storm_of_c(self, daemon, DROPS)
        after = self.counters()
        self.assertGreaterEqual(after["resumes"] - before["resumes"], figures["resumed"])
        self.assertEqual(after["resume_gaps"], before["resume_gaps"])

    def test_a_client_that_shares_no_code(self):
        storm_of_crowd(self, daemon, DROPS)


def show(case, figures, faults):
    print(case.id(), json.dumps(figures), flush=True)
    case.assertEqual(faults, [])


def storm_of_c(case, server, drops, ca="-"):
    """Sixteen of our C client, which tears its connections itself."""
    session = server.create_session(players_max=20)
    tokens = [server.reserve(session) for _ in range(16)]
    program = storms.Program([os.environ["RESUME_STORM"], "127.0.0.1", str(server.tcp_port), str(drops), "7", ca, *tokens], len(tokens))
    figures, faults = program.finish(3600)
    show(case, figures, faults)
    case.assertGreaterEqual(figures["torn"], drops)
    case.assertGreaterEqual(figures["resumed"], drops // 4)
    server.end_session(session)
    return figures


def storm_of_crowd(case, server, drops, context=None):
    """Each of four says numbered messages to all while one connection after the other is torn."""
    session = server.create_session(players_max=8)
    crowd = Crowd([Resumer(server.reserve(session), server, context) for _ in range(4)], drops)
    figures, faults = crowd.run()
    show(case, figures, faults)
    case.assertEqual(figures["torn"], drops // 4 * 4)
    case.assertEqual(figures["resumed"], figures["torn"])
    server.end_session(session)


def storm_of(case, command, drops):
    """Eight of another of our clients, whose connections are torn on their way."""
    session = daemon.create_session(players_max=10)
    tokens = [daemon.reserve(session) for _ in range(8)]
    weather = storms.Weather(daemon.tcp_port)
    program = storms.Program([*command, str(weather.port), *tokens], len(tokens))
    try:
        program.rage(weather, drops)
    finally:
        figures, faults = program.finish()
        weather.close()
    show(case, figures, faults)
    case.assertEqual(figures["torn"], drops)
    case.assertGreaterEqual(figures["resumed"], drops // 4)
    daemon.end_session(session)


@unittest.skipIf(SPREAD != "never", "two storms are enough for spread sessions")
class EncryptedStorm(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = secure.Certificates()
        cls.server = secure.SecureDaemon(cls.certificates, "--shards", "2", **LIMITS)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_c_client(self):
        storm_of_c(self, self.server, FEWER_DROPS, self.certificates.path("ca.pem"))

    def test_a_client_that_shares_no_code(self):
        storm_of_crowd(self, self.server, FEWER_DROPS, self.certificates.context())


@unittest.skipIf(SPREAD != "never", "two storms are enough for spread sessions")
@unittest.skipIf("js" not in os.environ.get("RESUME_LANGUAGES", "").split(), "there is no Node")
class JavascriptStorm(unittest.TestCase):
    def test_javascript_client(self):
        storm_of(self, ["node", os.path.join(os.path.dirname(__file__), "resume/storm.mjs")], FEWER_DROPS)


@unittest.skipIf(SPREAD != "never", "two storms are enough for spread sessions")
@unittest.skipIf("RESUME_STORM_CSHARP" not in os.environ, "there is no mono")
class CsharpStorm(unittest.TestCase):
    def test_csharp_client(self):
        storm_of(self, ["mono", "--debug", os.environ["RESUME_STORM_CSHARP"]], FEWER_DROPS)


class Crowd:
    def __init__(self, players, drops):
        self.players, self.stop, self.ledger = players, threading.Event(), storms.Ledger()
        self.left = [drops // len(players) for _ in players]

    def is_settled(self):
        everybody = range(len(self.players))
        return not any(self.left) and all(self.ledger.next[me, sender] == self.players[sender].said for me in everybody for sender in everybody)

    def run(self):
        """Figures and faults."""
        threads = [threading.Thread(target=self.live, args=(me,)) for me in range(len(self.players))]
        [thread.start() for thread in threads]
        until = time.monotonic() + 60 + sum(self.left) / 10
        while time.monotonic() < until and not self.ledger.faults and not self.is_settled():
            time.sleep(0.02)
        self.stop.set()
        [thread.join() for thread in threads]
        [player.socket.close() for player in self.players]
        for me, player in enumerate(self.players):
            self.ledger.said[me] = player.said
            self.ledger.count("resent", player.resent)
        return self.ledger.judge(len(self.players))

    def live(self, me):
        draw, player, is_torn = random.Random(me), self.players[me], False
        try:
            while not self.stop.is_set():
                try:
                    if is_torn:
                        self.come_back(me)
                    is_torn = False
                    self.step(me, draw)
                except Torn:
                    is_torn = True
        except Exception as error:  # whatever it is, the test fails with it
            self.ledger.faults.append(repr(error))

    def come_back(self, me):
        player = self.players[me]
        resumes, lost = player.resumes, player.lost
        try:
            player.come_back()
        finally:
            if player.resumes > resumes:
                self.ledger.resumed(me, player.lost - lost)

    def step(self, me, draw):
        player = self.players[me]
        if self.left[me] > 0 and player.said - min(self.ledger.next[other, me] for other in range(len(self.players))) < WINDOW:
            player.say(struct.pack(">II", me, player.said) + bytes(draw.randrange(120)))
        if self.left[me] > 0 and draw.random() < 0.3:
            self.left[me] -= 1
            self.ledger.count("torn")
            player.tear(draw.random() < 0.5)
            raise Torn()
        while player.is_readable():
            packet = player.hear()
            if packet:
                self.ledger.heard(me, *struct.unpack(">II", packet.payload[:8]))
            player.acknowledge()


class Shown(unittest.TestCase):
    def test_the_admin_api_shows_who_is_dropped(self):
        session = daemon.create_session(players_max=4)
        player = Resumer(daemon.reserve(session))
        player.tear(True)
        until = time.monotonic() + 20
        while daemon.players(session)[0]["state"] != "dropped" and time.monotonic() < until:
            time.sleep(0.01)
        self.assertEqual(daemon.players(session)[0]["state"], "dropped")
        player.come_back()
        self.assertEqual(daemon.players(session)[0]["state"], "active")
        player.leave()
        daemon.end_session(session)

    def test_a_session_may_have_a_shorter_window_or_none(self):
        for window, expected in ((5000, 5000), (4294967295, None), (100000000, 60000), (0, 60000)):
            session = daemon.create_session(players_max=4, resume_window_ms=window)
            connection = Resumer.__new__(Resumer)
            connection.server = connection.context = None
            connection.connect()
            body = field(1, daemon.reserve(session).encode()) + field(2, 2) + field(16, 1)
            connection.send_packet(Packet(realtime.LOGIN, target_player=SERVER, reliable=True, command=realtime.COMMAND_LOGIN, body=body))
            self.assertEqual(connection.packet().body_fields().get(17), expected)
            connection.socket.close()
            daemon.end_session(session)


class Encrypted(unittest.TestCase):
    def hear(self, player):
        while (packet := player.hear()) is None:
            pass
        return packet.payload

    def test_a_player_comes_back_by_tls(self):
        certificates = secure.Certificates()
        server = secure.SecureDaemon(certificates, "--shards", "2", **LIMITS)
        self.addCleanup(server.stop)
        session = server.create_session(players_max=4)
        phone, other = (Resumer(server.reserve(session), server, certificates.context()) for _ in range(2))
        for turn, is_reset in enumerate((True, False, True)):
            phone.say(b"from the phone")
            phone.tear(is_reset)
            other.say(f"missed {turn}".encode())
            phone.come_back()
            self.assertEqual(phone.socket.version()[:4], "TLSv")
            self.assertEqual(sorted([self.hear(phone), self.hear(phone)]), [b"from the phone", f"missed {turn}".encode()])
            self.assertEqual(sorted([self.hear(other), self.hear(other)]), [b"from the phone", f"missed {turn}".encode()])
        self.assertEqual((phone.resumes, phone.lost), (3, 0))
        phone.leave()
        other.leave()


TOLD = {
    "lua": {"main.lua": """
local session
local function told(what)
	return function(peer)
		local is_there = session:getPlayers()[peer] ~= nil
		session:sendReliableMessage(session:newTextGameMessage(30, -1, what .. " " .. peer .. " " .. tostring(is_there)), 1)
	end
end
return { init = function(given) session = given end, onPlayerDropped = told("dropped"), onPlayerResumed = told("resumed"),
	onPlayerDisconnect = told("disconnected"),
	onMessage = function(msg)
		for peer = 1, 2 do session:sendReliableMessage(session:newTextGameMessage(30, -1, "heard " .. msg.payload), peer) end
	end }
"""},
    "js": {"index.js": """
let session;
const told = (what) => (peer) => session.sendReliableMessage(session.newTextGameMessage(30, -1, `${what} ${peer} ${session.getPlayers().has(peer)}`), 1);
exports.ssExports = { init(given) { session = given; }, onPlayerDropped: told('dropped'), onPlayerResumed: told('resumed'),
	onPlayerDisconnect: told('disconnected'),
	onMessage(msg) { [1, 2].forEach((peer) => session.sendReliableMessage(session.newTextGameMessage(30, -1, 'heard ' + msg.getPayloadAsText()), peer)); } };
"""},
}


class Scripts(unittest.TestCase):
    def hear(self, player):
        while (packet := player.hear()) is None:
            pass
        return packet.payload.decode()

    def play(self, language):
        """Player 1 hears what the script is told of player 2."""
        with tempfile.TemporaryDirectory() as store:
            server = Daemon("--listen", "127.0.0.1", "--shards", "2", scripts__directory=store, **LIMITS)
            try:
                scripts.push(server, "game", TOLD[language])
                session = server.create_session(script="game", players_max=4)
                watcher, phone = (Resumer(server.reserve(session), server) for _ in range(2))
                phone.tear(True)
                self.assertEqual(self.hear(watcher), "dropped 2 true")
                watcher.send_packet(Packet(5, b"a message of the script waits", target_player=SERVER, reliable=True))
                self.assertEqual(self.hear(watcher), "heard a message of the script waits")
                phone.come_back()
                self.assertEqual(self.hear(watcher), "resumed 2 true")
                self.assertEqual(self.hear(phone), "heard a message of the script waits")
                phone.tear(False)
                self.assertEqual(self.hear(watcher), "dropped 2 true")
                server.kick(session, 2)
                self.assertEqual(self.hear(watcher), "disconnected 2 true")
                watcher.leave()
                phone.socket.close()
            finally:
                server.stop()

    def test_lua(self):
        if "lua" not in os.environ.get("RESUME_LANGUAGES", "").split():
            self.skipTest("built without Lua")
        self.play("lua")

    def test_javascript(self):
        if "js" not in os.environ.get("RESUME_LANGUAGES", "").split():
            self.skipTest("there is no Node")
        self.play("js")


if __name__ == "__main__":
    unittest.main(verbosity=2)
