#!/usr/bin/python3
"""Clients that misbehave in every way we know: after each, others are still served, drops have a reason, memory stays within the bill."""

import asyncio
import contextlib
import random
import re
import socket
import struct
import subprocess
import sys
import unittest
import os

import raw
import realtime
from daemon import Daemon
from player import Player, until
from raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawConnection, frame, upgrade_request
from realtime import EVERYONE, Packet

ATTACKER = "127.0.0.66"
CLIENT = """
import sys
from daemon import Daemon
from raw import RawConnection, SECONDS
class Target:
    tcp_port = int(sys.argv[1])
connection = RawConnection(Target).upgrade()
print(connection.login(sys.argv[2]), flush=True)
sys.stdin.read()
"""
CROWD = """
import sys
from daemon import Daemon
from raw import BINARY, RawConnection, frame
from realtime import Packet
class Target:
    tcp_port = int(sys.argv[1])
crowd = [RawConnection(Target).upgrade() for _ in sys.argv[2:]]
for connection, token in zip(crowd, sys.argv[2:]):
    connection.login(token)
print(len(crowd), flush=True)
while True:
    for connection in crowd:
        connection.send(frame(BINARY, Packet(10, bytes(500), target_player=1).encode()))
"""


def bill_bytes(*flags):
    """What --check-config says that the daemon may take."""
    text = subprocess.run([os.environ["RINGCASTD"], "--check-config", "--set", "tls.mode=off", *flags], check=True, capture_output=True, text=True).stdout
    number, unit = re.search(r"sum\s+([\d.]+) (\wiB)", text).groups()
    return float(number) * {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit]


def is_sanitized(daemon):
    with open(f"/proc/{daemon.process.pid}/maps") as maps:
        return "libasan" in maps.read()


class HostileTest(unittest.IsolatedAsyncioTestCase):
    """Each class has a daemon of its own settings, and two well-behaved players on it."""

    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.flags = ["--shards", "2", "--set", "listen.udp_ports_per_shard=4"]
        for key, value in cls.settings.items():
            cls.flags += ["--set", f"{key.replace('__', '.')}={value}"]
        cls.daemon = Daemon(*cls.flags)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    async def asyncSetUp(self):
        self.session = self.daemon.create_session(players_max=1000)
        self.alice = await Player.join(self.daemon, self.session, udp=True)
        self.bob = await Player.join(self.daemon, self.session, udp=True)
        self.before = self.daemon.metrics()

    async def asyncTearDown(self):
        await self.assert_served()
        await self.alice.leave()
        await self.bob.leave()
        self.daemon.end_session(self.session)
        await until(lambda: self.daemon.gauge("connections") == 0)
        if not is_sanitized(self.daemon):
            self.assertLess(self.daemon.rss_bytes(), bill_bytes(*self.flags) + (32 << 20))  # code, libraries, admin API

    async def assert_served(self):
        for i in range(20):
            await self.alice.send(50, b"%d" % i, player=self.bob.peer_id)
            await self.bob.expect(50, b"%d" % i, self.alice.peer_id, "ws")
            self.bob.send_fast(51, b"%d" % i, player=self.alice.peer_id)
            await self.alice.expect(51, b"%d" % i, self.bob.peer_id, "udp")

    def grown(self, name):
        return self.daemon.metrics()[name] - self.before[name]

    def dropped(self, reason):
        return self.grown(f'ringcast_drops_total{{reason="{reason}"}}')

    def closed(self, reason):
        return self.grown(f'ringcast_closes_total{{reason="{reason}"}}')

    def raw(self, source=ATTACKER, **options):
        connection = RawConnection(self.daemon, source, **options)
        self.addCleanup(connection.socket.close)
        return connection

    def attack(self, session=None, **options):
        """A logged-in connection to do harm with."""
        connection = self.raw(**options).upgrade()
        connection.peer_id = connection.login(self.daemon.reserve(session or self.session))
        return connection

    async def ends_with(self, connection, code):
        self.assertEqual(await asyncio.to_thread(connection.read_close), code)


class Garbage(HostileTest):
    async def test_bytes_on_the_players_port(self):
        source = random.Random(1)
        for i in range(200):
            with RawConnection(self.daemon, ATTACKER) as connection:
                connection.try_send(source.randbytes(source.randrange(4, 4000)))
                answer = connection.read_to_end()
                self.assertTrue(answer == b"" or re.match(rb"HTTP/1.1 4\d\d ", answer), answer)
        self.assertEqual(self.dropped("malformed"), 200)

    async def test_other_protocols(self):
        hello = bytes.fromhex("16030100c8010000c40303") + bytes(194)  # TLS
        for greeting in (hello, b"SSH-2.0-x\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\r\n\r\n", b"*1\r\n$4\r\nPING\r\n"):
            with RawConnection(self.daemon, ATTACKER) as connection:
                connection.try_send(greeting)
                self.assertRegex(connection.read_to_end(), rb"^HTTP/1.1 4\d\d |^$")

    async def test_bad_upgrades(self):
        cases = [
            (b"POST / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
            (b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", 505),
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426),
            (b"GET /\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n: x\r\n\r\n", 400),
            (upgrade_request(Sec_WebSocket_Version="8"), 426),
            (upgrade_request(Sec_WebSocket_Key=None), 400),
            (upgrade_request(Sec_WebSocket_Key="short"), 400),
            (upgrade_request(Host=None), 400),
            (upgrade_request(Content_Length="5"), 413),
            (upgrade_request(Cookie="x" * 8192), 431),
            (b"GET /" + b"x" * 9000, 431),
        ]
        for request, status in cases:
            with RawConnection(self.daemon, ATTACKER) as connection:
                connection.try_send(request)
                answer = connection.read_to_end()
                self.assertEqual(answer[:13], b"HTTP/1.1 %d " % status, request[:60])
        self.assertEqual(self.dropped("malformed"), len(cases))

    async def test_broken_frames_close_that_connection(self):
        message = Packet(10, b"x", target_player=1).encode()
        cases = {
            "unmasked": (frame(BINARY, message, masked=False), 1002),
            "text": (frame(TEXT, b"{}"), 1003),
            "fragmented text": (frame(TEXT, b"{", final=False), 1003),
            "reserved bits": (frame(BINARY, message, reserved=4), 1002),
            "reserved op code": (frame(3, message), 1002),
            "reserved control": (frame(11, message), 1002),
            "long control": (frame(PING, bytes(126)), 1002),
            "fragmented control": (frame(PING, b"x", final=False), 1002),
            "continuation of nothing": (frame(CONTINUATION, message), 1002),
            "message in a message": (frame(BINARY, message, final=False) + frame(BINARY, message), 1002),
            "huge": (frame(BINARY, b"", size=1 << 62), 1009),
            "negative size": (frame(BINARY, b"", size=1 << 63), 1002),
            "above the limit": (frame(BINARY, b"", size=5000), 1009),
            "above the limit in pieces": (b"".join(frame(BINARY if i == 0 else CONTINUATION, bytes(900), final=False) for i in range(6)), 1009),
            "payload above 4096": (frame(BINARY, Packet(10, bytes(4097), target_player=1).encode()), 1009),
            "one-byte close": (frame(CLOSE, b"x"), 1002),
            "illegal close code": (frame(CLOSE, struct.pack(">H", 1005)), 1002),
            "close text not UTF-8": (frame(CLOSE, struct.pack(">H", 1000) + b"\xff"), 1007),
            "no packet": (frame(BINARY, b"\xff\xff\xff"), 1002),
            "empty message": (frame(BINARY, b""), 1002),
            "bytes behind the packet": (frame(BINARY, message + b"x"), 1002),
            "two packets": (frame(BINARY, message + message), 1002),
            "field beyond its packet": (frame(BINARY, b"\x03\x7a\x7f\x01"), 1002),
        }
        for name, (data, code) in cases.items():
            with self.subTest(name):
                connection = self.attack()
                connection.send(data)
                self.assertEqual(connection.read_close(), code)
                connection.socket.close()
        await until(lambda: self.daemon.session(self.session)["player_count"] == 2)

    async def test_the_same_before_login(self):
        for data, code in ((frame(BINARY, b"\xff"), 1002), (frame(TEXT, b"login"), 1003), (frame(BINARY, b"", size=1 << 40), 1009)):
            with RawConnection(self.daemon, ATTACKER) as connection:
                connection.upgrade().send(data)
                self.assertEqual(connection.read_close(), code)

    async def test_login_payload_above_the_limit(self):
        with RawConnection(self.daemon, ATTACKER) as connection:
            connection.upgrade().send(frame(BINARY, realtime.login(self.daemon.reserve(self.session), bytes(4097)).encode()))
            self.assertFalse(realtime.login_result(realtime.decode(connection.read_message())).success)

    async def test_random_frames(self):
        """Whatever it is, it ends in a close or is taken; the seed is fixed."""
        source = random.Random(2)
        for _ in range(60):
            connection = self.attack()
            for _ in range(source.randrange(1, 6)):
                payload = source.randbytes(source.randrange(0, 300))
                if not connection.try_send(frame(source.randrange(16), payload, source.random() < 0.8, source.random() < 0.9)):
                    break
            connection.try_send(frame(CLOSE, struct.pack(">H", 1000)))
            self.assertIn(connection.read_close(), (0, 1000, 1002, 1003, 1007, 1009))
            connection.socket.close()

    async def test_mutated_packets(self):
        """Valid packets with a few bytes changed, from a player: decoded or refused, never believed to be from somebody else."""
        source = random.Random(3)
        seeds = [
            Packet(10, b"hello", target_player=1, target_group=EVERYONE, sender=1).encode(),
            realtime.group_request(realtime.JOIN_GROUP, 7).encode(),
            realtime.login("psess-1").encode(),
        ]
        connection = self.attack()
        for _ in range(1500):
            data = bytearray(source.choice(seeds))
            for _ in range(source.randrange(1, 4)):
                data[source.randrange(len(data))] = source.randrange(256)
            if not connection.try_send(frame(BINARY, bytes(data))):
                connection.socket.close()
                connection = self.attack()
        connection.reset()
        await until(lambda: self.daemon.session(self.session)["player_count"] == 2)
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                packet = self.alice.queue.get_nowait()
                self.assertNotIn(packet.sender, (self.alice.peer_id, self.bob.peer_id))
        self.bob.queue = asyncio.Queue()

    async def test_datagrams(self):
        source = random.Random(4)
        hello = Packet(realtime.UDP_CONNECT, command=realtime.COMMAND_UDP_CONNECT, target_player=-1, sender=1).encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
            attacker.bind((ATTACKER, 0))
            for i in range(2000):
                kind, port = i % 4, source.choice(self.daemon.udp_ports)
                if kind == 0:
                    data = source.randbytes(source.randrange(0, 1400))
                elif kind == 1:
                    data = bytes(source.randrange(2049, 9000))
                elif kind == 2:
                    data = hello[: source.randrange(len(hello))]
                else:
                    data = hello
                attacker.sendto(data, ("127.0.0.1", port))
                if i % 100 == 99:
                    await self.assert_served()
            attacker.setblocking(False)
            with self.assertRaises(BlockingIOError):  # nothing is ever answered to a stranger
                attacker.recv(2048)
        for reason in ("malformed", "truncated", "unknown_peer"):
            self.assertGreater(self.dropped(reason), 400, reason)

    async def test_admin_port(self):
        """Requests that never end included: they stay open beside the honest ones."""
        source = random.Random(5)
        cases = [source.randbytes(source.randrange(1, 2000)) + end for _ in range(30) for end in (b"", b"\n", b"\r\n\r\n")]
        # Whole and legal: of stranger bytes the versions of the library think differently.
        wrong = [b"GET /v1/sessions/../%s HTTP/1.1\r\nHost: localhost\r\n\r\n" % source.randbytes(5).hex().encode() for _ in range(20)]
        cases += [b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n{" % 10**i for i in range(20)]
        with contextlib.ExitStack() as stack:
            for data in cases + wrong:
                connection = stack.enter_context(socket.create_connection(("127.0.0.1", self.daemon.admin_port), 30))
                with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                    connection.sendall(data)
                if data in wrong:  # whole, so it is answered, beside all that is not
                    self.assertRegex(await asyncio.to_thread(connection.recv, 100), rb"^HTTP/1.1 4\d\d ")
            await self.assert_served()
            self.assertEqual(self.daemon.request("GET", "/readyz")["status"], "ready")
        self.assertEqual(self.daemon.request_raw("POST", "/v1/sessions", {"players_max": -1})[0], 400)
        self.assertEqual(self.daemon.request("GET", "/readyz")["status"], "ready")


class Disappearing(HostileTest):
    settings = {"limits__login_timeout_ms": "2000", "limits__buffer_memory_bytes": "8MiB"}

    async def test_reset_at_every_stage(self):
        request, login = upgrade_request(), lambda: frame(BINARY, realtime.login(self.daemon.reserve(self.session)).encode())
        for stage in range(6):
            for _ in range(20):
                connection = self.raw()
                if stage >= 1:
                    connection.send(request[: len(request) // 2])
                if stage >= 2:
                    connection.send(request[len(request) // 2 :])
                if stage >= 3:
                    connection.send(login())
                if stage >= 4:
                    connection.send(frame(BINARY, Packet(10, bytes(3000), target_group=EVERYONE).encode())[: 3000 if stage == 4 else None])
                connection.reset()
        await until(lambda: self.daemon.session(self.session)["player_count"] == 2 and self.daemon.gauge("connections") == 2)
        for player in (self.alice, self.bob):
            await player.skip_to_fence(10)

    async def test_half_close(self):
        connection = self.attack()
        connection.send(frame(BINARY, Packet(10, b"last words", target_player=self.alice.peer_id).encode()))
        connection.socket.shutdown(socket.SHUT_WR)
        await self.alice.expect(10, b"last words", connection.peer_id)
        await until(lambda: self.daemon.session(self.session)["player_count"] == 2)
        self.assertEqual(self.closed("reset"), 1)

    async def test_killed_client(self):
        token = self.daemon.reserve(self.session)
        command = [sys.executable, "-c", CLIENT, str(self.daemon.tcp_port), token]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=os.path.dirname(__file__) or ".")
        peer_id = int(await asyncio.to_thread(process.stdout.readline))
        await self.alice.send(10, b"hello", player=peer_id)
        await self.alice.expect_nothing()
        process.kill()
        process.communicate()
        await until(lambda: self.daemon.session(self.session)["player_count"] == 2)
        self.assertEqual(self.closed("reset"), 1)

    async def test_many_clients_killed_at_once(self):
        """One process with a hundred players in it, all of them speaking, gone between two instructions."""
        tokens = [self.daemon.reserve(self.session) for _ in range(100)]
        command = [sys.executable, "-c", CROWD, str(self.daemon.tcp_port), *tokens]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=os.path.dirname(__file__) or ".")
        await asyncio.to_thread(process.stdout.readline)
        self.assertEqual(self.daemon.session(self.session)["player_count"], 102)
        process.kill()
        process.communicate()
        await until(lambda: self.daemon.session(self.session)["player_count"] == 2)
        self.assertEqual(self.closed("reset"), 100)
        await self.alice.skip_to_fence(10)

    async def test_slow_upgrades_time_out(self):
        """Now and then a byte, so that something always comes: the time for the login is counted from the accept."""
        connections = [self.raw() for _ in range(100)]
        request = upgrade_request()
        for i in range(len(request)):
            alive = [connection for connection in connections if connection.try_send(request[i : i + 1])]
            if not alive:
                break
            await self.alice.send(50, b"%d" % i, player=self.bob.peer_id)
            await self.bob.expect(50, b"%d" % i, self.alice.peer_id, "ws")
            await asyncio.sleep(0.05)
        await until(lambda: self.dropped("login_timeout") == 100)
        await until(lambda: self.daemon.gauge("connections") == 2)

    async def test_half_open_handshakes_time_out(self):
        connections = []
        for i in range(300):
            connection = self.raw()
            connections.append(connection)
            if i % 3 == 1:
                connection.send(upgrade_request()[:40])
            elif i % 3 == 2:
                connection.upgrade()
        await self.assert_served()
        for i, connection in enumerate(connections):
            if i % 3 == 2:
                await self.ends_with(connection, 3014)
            else:
                await asyncio.to_thread(connection.read_to_end)
            connection.socket.close()
        self.assertEqual(self.dropped("login_timeout"), 300)

    async def test_half_open_handshakes_do_not_eat_the_buffers(self):
        """As much unfinished input as the limits allow: what players say to each other still finds room."""
        connections = []
        half = upgrade_request(Cookie="x" * 7000)[:-4]
        for _ in range(1000):
            connection = self.raw()
            connections.append(connection)
            connection.try_send(half)
        await self.assert_served()
        for connection in connections:
            connection.socket.close()
        await until(lambda: self.daemon.gauge("connections") == 2)

    async def test_unfinished_messages_do_not_eat_the_buffers(self):
        connections = []
        for i in range(1000):
            connection = self.raw()
            connections.append(connection)
            connection.send(upgrade_request())
            connection.try_send(frame(BINARY, bytes(4000), final=False) if i % 2 else frame(BINARY, bytes(4000), size=4500))
        await self.assert_served()
        for connection in connections:
            connection.socket.close()
        await until(lambda: self.daemon.gauge("connections") == 2)

    async def test_no_pong(self):
        session = self.daemon.create_session(ping_interval_ms=50)
        connection = self.attack(session)
        await self.ends_with(connection, 3012)
        self.assertEqual(self.closed("no_pong"), 1)
        self.daemon.end_session(session)


class Slow(HostileTest):
    settings = {
        "limits__outq_reliable_bytes": "262144",
        "limits__messages_per_second": "1000000",
        "limits__bytes_per_second": "1073741824",
        "limits__fanout_bytes_per_second": "0",
        "limits__session_fanout_bytes_per_second": "0",
        "limits__buffer_memory_bytes": "8MiB",
    }

    async def flood(self, count, size):
        """From alice to everyone, never more on its way than a good reader has room for; she and bob get it all, in order."""
        window = 16
        for i in range(count + window):
            if i < count:
                await self.alice.send(60, b"%08d" % i + bytes(size), group=EVERYONE)
            if i >= window:
                for player in (self.alice, self.bob):
                    await player.expect(60, b"%08d" % (i - window) + bytes(size), self.alice.peer_id, "ws")

    async def test_one_who_never_reads(self):
        slow = [self.attack(receive_buffer=4096) for _ in range(3)]
        await self.flood(1500, 4000)
        await until(lambda: self.closed("slow") == 3)
        self.assertGreater(self.dropped("outq_full"), 0)
        await until(lambda: self.daemon.session(self.session)["player_count"] == 2)
        for connection in slow:
            connection.socket.close()

    async def test_one_who_reads_late_gets_the_reason(self):
        connection = self.attack(receive_buffer=4096)
        for i in range(3000):
            await self.alice.send(60, bytes(4000), player=connection.peer_id)
            if i % 50 == 0 and self.closed("slow"):
                break
        await self.ends_with(connection, 3008)
        connection.socket.close()

    async def test_many_who_never_read_do_not_eat_the_buffers(self):
        """Together they may hold far more than there are buffers: the others must not pay."""
        slow = [self.attack(receive_buffer=4096) for _ in range(400)]
        await self.flood(300, 4000)
        for connection in slow:
            connection.reset()
        await until(lambda: self.daemon.session(self.session)["player_count"] == 2)


class Fair(HostileTest):
    """Everybody's defaults but for the memory: what others do in their own session costs alice and bob nothing."""

    settings = {"limits__buffer_memory_bytes": "8MiB", "limits__flood_seconds_max": "2"}

    async def test_slow_readers_of_another_session(self):
        session = self.daemon.create_session(players_max=400)
        slow = [self.attack(session, receive_buffer=4096) for _ in range(300)]
        talker = self.attack(session)
        for i in range(3000):
            talker.send(frame(BINARY, Packet(10, bytes(64), target_group=EVERYONE).encode()))
            if i % 100 == 0:
                await self.assert_served()
        self.assertEqual(self.closed("no_resources"), 0)
        for connection in slow + [talker]:
            connection.reset()
        self.daemon.end_session(session)

    async def test_one_player_does_not_evict_the_others(self):
        """As fast as the socket takes it; the receivers read, but not that fast."""
        session = self.daemon.create_session(players_max=20)
        receivers = [self.attack(session, receive_buffer=65536) for _ in range(10)]
        talker = self.attack(session)
        message = frame(BINARY, Packet(10, bytes(4000), target_group=EVERYONE).encode())
        for connection in receivers + [talker]:
            connection.socket.setblocking(False)
        rest = b""
        for _ in range(300):
            with contextlib.suppress(BlockingIOError, ConnectionError):
                rest = rest or message * 20
                rest = rest[talker.socket.send(rest) :]
            for connection in receivers:
                with contextlib.suppress(BlockingIOError):
                    connection.socket.recv(20000)
            await asyncio.sleep(0.01)
        self.assertEqual(self.closed("slow"), 0)
        for connection in receivers + [talker]:
            connection.reset()
        self.daemon.end_session(session)

    async def test_who_floods_is_closed(self):
        connection = self.attack()
        packet = frame(BINARY, Packet(10, b"x", target_player=connection.peer_id + 1000).encode()) * 500
        while connection.try_send(packet) and not self.closed("rate_limit"):
            await asyncio.sleep(0.01)
        await until(lambda: self.closed("rate_limit") == 1)
        await until(lambda: self.daemon.session(self.session)["player_count"] == 2)


class Flood(HostileTest):
    settings = {
        "limits__connections_per_address_max": "50",
        "limits__messages_per_second": "500",
        "limits__bytes_per_second": "100000",
        "limits__handshakes_per_second_per_address": "1000000",
    }

    async def test_connections_from_one_address(self):
        """The limit is per shard, as each has its own listener."""
        connections = [self.raw() for _ in range(300)]
        await until(lambda: self.dropped("address_limit") >= 200)
        self.assertLessEqual(self.daemon.gauge("connections"), 2 + 2 * 50)
        await self.assert_served()
        for connection in connections:
            connection.socket.close()
        await until(lambda: self.daemon.gauge("connections") == 2)

    async def test_messages(self):
        connection = self.attack()
        for i in range(3000):
            connection.send(frame(BINARY, Packet(70, b"%d" % i, target_player=self.alice.peer_id).encode()))
        connection.send(frame(BINARY, Packet(70, b"x", target_player=self.alice.peer_id).encode()))
        await until(lambda: self.dropped("rate_messages") >= 1)
        await until(lambda: self.daemon.players(self.session)[2]["messages_received"] + self.dropped("rate_messages") == 3001)
        await self.alice.skip_to_fence(70)
        self.assertEqual(self.daemon.session(self.session)["player_count"], 3)  # told nothing, but not thrown out

    async def test_bytes(self):
        connection = self.attack()
        for _ in range(60):
            connection.send(frame(BINARY, Packet(71, bytes(4000), target_player=connection.peer_id).encode()))
        await until(lambda: self.dropped("rate_bytes") >= 1)

    async def test_datagrams(self):
        attacker = await Player.join(self.daemon, self.session, udp=True)
        for i in range(3000):
            attacker.send_fast(72, b"%d" % i, player=self.alice.peer_id)
            if i % 100 == 0:
                await asyncio.sleep(0.001)
        await until(lambda: self.dropped("rate_messages") >= 500)
        await attacker.leave()
        await self.alice.skip_to_fence(72)
        self.alice.send_fast(998, b"fence", player=self.alice.peer_id)
        while (await self.alice.receive()).opcode != 998:
            pass

    async def test_pings(self):
        connection = self.attack()
        for _ in range(3000):
            connection.send(frame(PING, b"x" * 125))
        await until(lambda: self.dropped("rate_messages") >= 1)
        connection.send(frame(CLOSE, struct.pack(">H", 1000)))
        await self.ends_with(connection, 1000)

    async def test_group_churn(self):
        """Each join and leave is told to all members: bounded by the sender's rate like anything else."""
        attackers = [self.attack() for _ in range(5)]
        for i in range(400):
            for connection in attackers:
                opcode = realtime.JOIN_GROUP if i % 2 == 0 else realtime.LEAVE_GROUP
                connection.send(frame(BINARY, realtime.group_request(opcode, 1 + i // 2 % 3).encode()))
        for connection in attackers:
            connection.send(frame(CLOSE, struct.pack(">H", 1000)))
            await self.ends_with(connection, 1000)


class Handshakes(HostileTest):
    settings = {"limits__handshakes_per_second_per_address": "20"}

    async def test_rate_per_address(self):
        for _ in range(200):
            with RawConnection(self.daemon, ATTACKER):
                pass
        await until(lambda: self.dropped("rate_handshakes") > 0)
        await (await Player.join(self.daemon, self.session)).leave()


class Full(HostileTest):
    settings = {"limits__connections_max": "20", "limits__sessions_max": "4", "limits__players_max": "30", "limits__players_per_session_max": "30"}

    async def asyncSetUp(self):
        self.session = self.daemon.create_session(players_max=30, shard=0)
        self.alice = await Player.join(self.daemon, self.session, udp=True)
        self.bob = await Player.join(self.daemon, self.session, udp=True)
        self.before = self.daemon.metrics()

    async def test_connections_in_total(self):
        connections = [self.raw(f"127.0.1.{i}") for i in range(100)]
        refused = lambda: self.dropped("connection_limit") + self.grown("ringcast_io_accept_errors_total")  # before or after it has a place in io
        await until(lambda: refused() + self.dropped("crowded") >= 62)  # on a slow machine the first ones make room for the last
        self.assertLessEqual(self.daemon.gauge("connections"), 40)
        for connection in connections:
            connection.socket.close()
        await until(lambda: self.daemon.gauge("connections") == 2)

    async def test_hand_off_to_a_full_shard(self):
        """Those who do not fit are closed, not forgotten."""
        tokens = [self.daemon.reserve(self.session) for _ in range(28)]
        connections = [self.raw(f"127.0.1.{i}") for i in range(28)]
        for connection in connections:
            connection.try_send(upgrade_request())
        for connection, token in zip(connections, tokens):
            connection.try_send(frame(BINARY, realtime.login(token).encode()))
        await until(lambda: self.daemon.session(self.session)["player_count"] >= 20 or self.dropped("connection_limit") > 0)
        for connection in connections:
            with contextlib.suppress(EOFError, ConnectionResetError):
                connection.read_head()
                connection.read_message()
        for connection in connections:
            connection.socket.close()
        await until(lambda: self.daemon.gauge("connections") == 2)

    async def test_sessions_in_total(self):
        sessions, status = [], 201
        while status == 201 and len(sessions) < 20:
            status, text = self.daemon.request_raw("POST", "/v1/sessions", {})
            if status == 201:
                sessions.append(realtime_id(text))
        self.assertEqual((status, len(sessions) <= 7), (409, True))
        for session in sessions:
            self.daemon.end_session(session)


def realtime_id(text):
    return re.search(r'"id":\s*"([^"]+)"', text)[1]


if __name__ == "__main__":
    unittest.main()
