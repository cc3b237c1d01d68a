#!/usr/bin/python3
"""One daemon, attacked in every way that has once broken it, one after the other, while players of other sessions play.

After each attack: the daemon lives, none of those players was closed, all their reliable messages arrived, none waited for more than 100 ms of the shard's
processor time, and what was dropped was counted under its name. A table says what was seen.

    ATTACK_ROUNDS=20 meson test -C build-test attack --verbose -t 10      each attack twenty times (see docs/testing.md)
"""

import concurrent.futures
import contextlib
import glob
import os
import random
import shutil
import socket
import sys
import tempfile
import time
import unittest

import realtime
import scripts
import secure
from attackers import Association, Honest, SecurePlayer, captured_hello, identity, until, with_cookie
from daemon import AdminError
from honest import Player as PlainPlayer
from raw import BINARY, SECONDS, RawConnection, frame
from realtime import EVERYONE, SERVER, Packet
from secure import Certificates, SecureDaemon

ROUNDS = int(os.environ.get("ATTACK_ROUNDS", "1"))
SHARD_MS_MAX = 100
SANITIZED_FACTOR = 2  # AddressSanitizer unwinds the deep stacks of a recursion slowly
ATTACKER = "127.0.0.66"
HAS_NODE = shutil.which("node") is not None

SETTINGS = {
    "shards__count": 1,
    "listen__udp_ports_per_shard": 8,  # for players of several sessions behind one address
    "tls__mode": "optional",
    "admin__memory_max": "16MiB",
    "limits__handshake_timeout_ms": 2000,
    "limits__flood_seconds_max": 2,
    "limits__hellos_per_second": 500,
    "limits__half_open_per_address_max": 64,
    "limits__half_open_max": 64,
    "limits__buffer_memory_bytes": "8MiB",
    "limits__outq_reliable_bytes": 262144,
    "limits__send_buffer_bytes": 65536,
    "scripts__memory_max": "8MiB",
    "scripts__errors_max": 3,
    "scripts__package_max": "8MiB",
    "scripts__process_memory_max": "1GiB",
}

LUA = """
local s
return {
	init = function(session) s = session end,
	onMessage = function(msg)
		local run, why = load(msg.payload)
		if not run then error(why) end
		run()
		s:sendReliableMessage(s:newTextGameMessage(20, -1, "done"), msg.sender)
	end,
}
"""

LUA_OUT_OF_MEMORY = """
for i = 1, 1e4 do local name = 'n' .. i end
local text, all = ('x'):rep(1e6), {}
for i = 1, 1e3 do all[i] = text .. i end
"""
LUA_OUT_OF_MEMORY_AT_ONCE = "local text = ('x'):rep(1e6) local all = text:rep(1e3)"

LUA_METATABLES = [
    "local m = require('string.buffer').new().__index m.__gc = nil local all = {} while true do all[#all + 1] = {} end",
    "local b = require('string.buffer').new() local m = getmetatable(b) m.__gc = function() while true do end end error('owned')",
    "local m = debug and debug.getmetatable(io.stdout) m.__gc = nil",
]

LUA_RECURSION = [
    "local function f() while true do pcall(f) end end f()",
    "local function f() while true do xpcall(f, f) end end f()",
    "local function f() while true do local c = coroutine.wrap(f) pcall(c) end end f()",
]

LUA_FUNCTIONS = [
    "local s = ('%c'):rep(1e5) while true do os.date(s) end",
    "local s = ('x'):rep(1e6) while true do s:gsub('', '') end",
    "local s = 'return ' .. ('1+'):rep(1e5) .. '1' while true do load(s) end",
    "local s = ('b'):rep(1e6) while true do string.packsize(s) end",
    "local s = ('b'):rep(1e4) while true do string.pack(s) end",
    "local t = {} for i = 1, 1e5 do t[i] = i % 97 end while true do pcall(table.sort, t, rawequal) end",
    "local s = '0x' .. ('f'):rep(1e6) while true do tonumber(s) end",
    "local s = ('a'):rep(1e6) local n = ('a'):rep(1e3) .. 'b' while true do s:find(n, 1, true) end",
    "local s = ('a'):rep(2e3) while true do s:find(('a*'):rep(20) .. 'b') end",
    "local j, s = require('json'), ('['):rep(1e5) while true do j.decode(s) end",
    "local j, t = require('json'), {} for i = 1, 1e5 do t[i] = i end while true do j.encode(t) end",
    "local t = {} for i = 1, 1e5 do t[i] = 'x' end while true do table.concat(t) end",
    "local s = ('x'):rep(1e6) while true do s:reverse() s:upper() s:byte(1, 100) end",
    "while true do ('x'):rep(1e6) end",
    "while true do string.format('%99d%99s', 1, 'x') end",
    "local t = {} for i = 1, 1e5 do t[i] = i end while true do pcall(unpack, t) end",
    "local t = {} while true do table.insert(t, 1, 1) end",
    "local t = {} for i = 1, 1e6 do t[i] = 1 end while true do next(t, 1e6) #t end",
    "while true do print(('x'):rep(1e5)) end",
]

JS = """
const fs = require('fs');
const net = require('net');
const dgram = require('dgram');
const { execSync } = require('child_process');
let session;
const attempts = {
	read: (text) => fs.readFileSync(text, 'utf8').length,
	kill: () => process.kill(process.ppid, 'SIGKILL'),
	run: () => execSync('/bin/sh -c id', { stdio: 'pipe' }).toString(),
	memory: () => { const all = []; for (let i = 0; i < 256; i++) all.push(Buffer.alloc(64 << 20, 1)); return all.length; },
	log: () => fs.writeSync(1, 'forged line\\n'),
};
const say = (m, text) => session.sendReliableMessage(session.newTextGameMessage(20, -1, String(text)), m.sender);
exports.ssExports = {
	init(rtSession) { session = rtSession; },
	onMessage(m) {
		const [attempt, text] = m.payload.toString().split(' ');
		if (attempt === 'connect')
			return void net.connect(Number(text), '127.0.0.1', () => say(m, 'connected')).on('error', (error) => say(m, error.code));
		if (attempt === 'send') {
			const socket = dgram.createSocket('udp4').on('error', (error) => say(m, error.code));
			return void socket.send('x', Number(text), '127.0.0.1', (error) => say(m, error ? error.code : 'sent'));
		}
		try {
			say(m, `done ${attempts[attempt](text)}`);
		} catch (error) {
			say(m, error.code || error.message);
		}
	},
};
"""


def is_sanitized(daemon):
    with open(f"/proc/{daemon.process.pid}/maps") as maps:
        return "libasan" in maps.read()


class World:
    """The one daemon, its honest players, and the table."""

    def __init__(self):
        self.store = tempfile.mkdtemp(prefix="ringcast-attack-")
        self.daemon = SecureDaemon(Certificates(), scripts__directory=self.store, **SETTINGS)
        self.shard_ms_max = SHARD_MS_MAX * (SANITIZED_FACTOR if is_sanitized(self.daemon) else 1)
        self.rows = []
        self.honest = Honest(self.daemon)

    def stop(self):
        self.honest.stop()
        if self.daemon.process.poll() is None:
            self.daemon.stop()
        shutil.rmtree(self.store, True)
        print(f"\n{'attack':50} {'messages':>8} {'shard ms':>8} {'wall ms':>8} {'fast':>11}  counted", file=sys.stderr)
        print("\n".join(self.rows), file=sys.stderr)


def setUpModule():
    global world
    world = World()


def tearDownModule():
    world.stop()


class Attacks(unittest.TestCase):
    @property
    def daemon(self):
        return world.daemon

    def setUp(self):
        self.assertIsNone(self.daemon.process.poll(), "the attack before this one ended the daemon")
        self.seen = {"messages": 0, "shard_ms": 0, "wall_ms": 0, "fast_sent": 0, "fast_received": 0}
        world.honest.mark()
        self.before = self.daemon.metrics()
        self.open = contextlib.ExitStack()
        self.addCleanup(self.open.close)

    def grown(self, name):
        return self.daemon.metrics().get(name, 0) - self.before.get(name, 0)

    def assert_counted(self, *names):
        """Each has grown since the attack began; drops and closes by their reason alone."""
        counted = []
        for name in names:
            until(lambda: self.grown(name) > 0, f"{name} grows")
            counted.append(f"{name.replace('ringcast_', '').replace('_total', '')} {self.grown(name):.0f}")
        self.assert_served(counted)

    def assert_served(self, counted=()):
        self.assertIsNone(self.daemon.process.poll(), self.daemon.log_text().decode())
        until(lambda: self.look()["messages"] >= 12, "they go on playing")
        name = self._testMethodName.removeprefix("test_").replace("_", " ")
        seen = self.seen
        fast = f"{seen['fast_received']}/{seen['fast_sent']}"
        world.rows.append(f"{name:50} {seen['messages']:8} {seen['shard_ms']:8.1f} {seen['wall_ms']:8.0f} {fast:>11}  {', '.join(counted)}")
        self.assertLessEqual(seen["shard_ms"], world.shard_ms_max)
        self.assertGreater(seen["fast_received"], 0)

    def look(self):
        """All that the honest players saw during this attack."""
        mark = world.honest.mark()
        for name, value in mark.items():
            self.seen[name] = max(self.seen[name], value) if name.endswith("_ms") else self.seen[name] + value
        return self.seen

    def run(self, result=None):
        """Each attack as often as asked for."""
        for _ in range(ROUNDS):
            super().run(result)

    def raw(self, **options):
        return self.open.enter_context(RawConnection(self.daemon, ATTACKER, **options))

    def login(self, session, **options):
        connection = self.raw(**options).upgrade()
        connection.peer_id = connection.login(self.daemon.reserve(session))
        return connection

    def session(self, **options):
        session = self.daemon.create_session(**options)
        self.open.callback(self.end, session)
        return session

    def end(self, session):
        with contextlib.suppress(AdminError, ConnectionError):
            self.daemon.end_session(session)

    def secure_player(self, session):
        player = SecurePlayer(self.daemon, self.daemon.reserve(session))
        self.open.callback(player.connection.socket.close)
        return player

    def association(self, player):
        association = Association(player.fast_port)
        self.open.callback(association.close)
        return association


def drop(reason):
    return f'ringcast_drops_total{{reason="{reason}"}}'


def close(reason):
    return f'ringcast_closes_total{{reason="{reason}"}}'


@unittest.skipIf(secure.missing("openssl"), "no openssl")
class Datagrams(Attacks):
    def test_two_identities_on_one_association(self):
        session = self.session()
        first, second = self.secure_player(session), self.secure_player(session)
        association = self.association(first)
        association.send(identity(first))
        association.receive()
        association.send(identity(second))
        self.assert_counted(drop("bad_identity"))

    def test_an_identity_shown_again_and_again(self):
        player = self.secure_player(self.session())
        association = self.association(player)
        for _ in range(60):
            association.send(identity(player))
        self.assert_counted(drop("rate_hellos"))

    def test_hellos_without_a_cookie(self):
        hello, source = bytearray(captured_hello()), random.Random(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
            attacker.bind((ATTACKER, 0))
            for i in range(4000):
                hello[27:59] = source.randbytes(32)  # the random of the ClientHello, behind three headers
                attacker.sendto(hello, ("127.0.0.1", self.daemon.udp_ports[0]))
                if i % 50 == 49:
                    time.sleep(0.001)
        self.assert_counted(drop("rate_hellos"))

    def newcomer(self):
        """A player gets in, and all the way to fast messages."""
        player = self.secure_player(self.session())
        association = self.association(player)
        association.send(identity(player))
        association.receive()

    def test_hellos_with_forged_cookies(self):
        """From addresses that need not be the attacker's, by thousands, with an answer that nobody gave."""
        hello, source, began = bytearray(captured_hello()), random.Random(2), time.monotonic()
        attackers = [self.open.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(40)]
        for i, attacker in enumerate(attackers):
            attacker.bind((f"127.66.{i}.1", 0))
        for i in range(8000):
            hello[27:59] = source.randbytes(32)
            forged = with_cookie(bytes(hello), bytes(27) + bytes([32]) + source.randbytes(32))
            attackers[i % 40].sendto(forged, ("127.0.0.1", self.daemon.udp_ports[0]))
            if i % 50 == 49:
                time.sleep(0.001)
            if i % 2000 == 1999:
                self.newcomer()
        self.assert_counted(drop("rate_hellos"))
        seconds = time.monotonic() - began + 2  # a burst of one before, and one for the counting
        own = SETTINGS["limits__hellos_per_second"] + 100  # of everybody, and of the one address with players
        self.assertLessEqual(self.grown("ringcast_dtls_hellos_answered_total"), seconds * own)
        self.assertEqual(self.grown(drop("handshake_queue")), 0)
        self.assertEqual(self.grown(drop("half_open_crowded")), 0)

    def test_half_open_dtls(self):
        """From their own address, with a cookie that is good, and then not a word. Whoever comes meanwhile gets in, in the place of one of them."""
        hello, source, seconds = bytearray(captured_hello()), random.Random(1), []
        for _ in range(90):
            attacker = self.open.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            attacker.bind((ATTACKER, 0))
            attacker.connect(("127.0.0.1", self.daemon.udp_ports[0]))
            attacker.settimeout(SECONDS)
            hello[27:59] = source.randbytes(32)
            attacker.send(hello)
            answer = attacker.recv(4096)
            self.assertLessEqual(len(answer), len(hello))
            seconds.append((attacker, with_cookie(bytes(hello), answer)))
        for attacker, second in seconds:
            attacker.send(second)
        self.newcomer()
        self.assert_counted("ringcast_dtls_handshakes_started_total", drop("half_open_limit"), drop("half_open_crowded"), drop("handshake_timeout"))

    def test_hellos_of_a_player(self):
        player = PlainPlayer(self.daemon, self.daemon.reserve(self.session()))
        self.open.callback(player.connection.socket.close)
        player.open_udp()
        for _ in range(500):
            player.send_udp(realtime.UDP_CONNECT, command=realtime.COMMAND_UDP_CONNECT, target_player=SERVER)
        self.assert_counted(drop("rate_hellos"))

    def test_taking_over_a_players_path_from_its_own_address(self):
        peer_id, port = world.honest.players[0][0]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
            attacker.bind(("127.0.0.1", 0))
            for sequence in (2**31 - 1, 2**31 - 2, 10**6, 10**5):
                packets = [Packet(51, b"forged", target_player=1, sender=peer_id, sequence=sequence)]
                packets.append(Packet(realtime.UDP_CONNECT, command=realtime.COMMAND_UDP_CONNECT, target_player=SERVER, sender=peer_id, sequence=sequence))
                for packet in packets:
                    attacker.sendto(packet.encode(), ("127.0.0.1", port))
            attacker.setblocking(False)
            self.assert_counted(drop("sequence_jump"))
            with self.assertRaises(BlockingIOError):
                attacker.recv(2048)

    def test_guessing_small_numbers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
            attacker.bind((ATTACKER, 0))
            for i in range(3000):
                packet = Packet(51, b"forged", target_player=1, sender=1 + i % 100, sequence=i)
                attacker.sendto(packet.encode(), ("127.0.0.1", self.daemon.udp_ports[0]))
                if i % 50 == 49:
                    time.sleep(0.001)
        self.assert_counted(drop("unknown_peer"))


class Streams(Attacks):
    def test_half_open_tls(self):
        hello = bytes.fromhex("16030102000100") + bytes(40)
        for _ in range(300):
            self.raw().send(hello)
        self.assert_counted(drop("handshake_timeout"))

    def test_readers_who_do_not_read(self):
        """300 of them, and a talker whose every message is for all of them."""
        session = self.session(players_max=400)
        for _ in range(300):
            self.login(session, receive_buffer=4096)
        talker = self.login(session)
        message = frame(BINARY, Packet(10, bytes(1000), target_group=EVERYONE).encode())
        end = time.monotonic() + SECONDS
        while not self.grown(close("slow")) and time.monotonic() < end and talker.try_send(message * 20):
            time.sleep(0.2)  # at the pace of what one sender may make others receive
        self.assert_counted(close("slow"))
        self.assertEqual(self.grown(close("no_resources")), 0)

    def test_one_sender_against_ten_receivers_on_thin_lines(self):
        session = self.session(players_max=20)
        receivers = [self.login(session, receive_buffer=65536) for _ in range(10)]
        talker = self.login(session)
        message = frame(BINARY, Packet(10, bytes(4000), target_group=EVERYONE).encode()) * 20
        for connection in [talker] + receivers:
            connection.socket.setblocking(False)
        rest = b""
        for _ in range(200):
            with contextlib.suppress(BlockingIOError, ConnectionError):
                rest = rest or message
                rest = rest[talker.socket.send(rest) :]
            for connection in receivers:
                with contextlib.suppress(BlockingIOError):
                    connection.socket.recv(20000)
            time.sleep(0.005)
        self.assert_counted(drop("rate_bytes"))

    def test_joining_and_hanging_up_again_and_again(self):
        """Every join and every end is a list for each member of each group."""
        session = self.session(players_max=1000)
        joins = b"".join(frame(BINARY, realtime.group_request(realtime.JOIN_GROUP, group).encode()) for group in range(1, 33))
        members = [self.login(session) for _ in range(20)]
        for member in members:
            member.send(joins)
            member.socket.setblocking(False)
        before = self.grown("ringcast_deliveries_reliable_total")
        for _ in range(60):
            restless = self.login(session)
            restless.send(joins)
            restless.reset()
            for member in members:
                with contextlib.suppress(BlockingIOError):
                    while member.socket.recv(65536):
                        pass
        self.assertGreater(self.grown("ringcast_deliveries_reliable_total"), before)
        self.assertEqual(self.grown(close("slow")), 0)
        self.assert_counted(close("reset"))

    def test_two_who_flood(self):
        session = self.session()
        flooders = [self.login(session) for _ in range(2)]
        packet = frame(BINARY, Packet(10, b"x", target_player=1000).encode()) * 500
        while flooders:
            flooders = [connection for connection in flooders if connection.try_send(packet)]
            time.sleep(0.002)
        self.assert_counted(drop("rate_messages"), close("rate_limit"))


class Lua(Attacks):
    def setUp(self):
        super().setUp()
        scripts.push(self.daemon, "worst", {"main.lua": LUA})

    def attack(self, codes):
        """Each in a session of its own: it is answered, or an error is counted, or its session ends."""
        for code in codes:
            errors = self.daemon.metrics()["ringcast_script_errors_total"]
            session = self.session(script="worst")
            connection = self.login(session)
            connection.send(frame(BINARY, Packet(11, code.encode(), target_player=SERVER, reliable=True).encode()))
            connection.socket.settimeout(0.02)
            until(lambda: self.daemon.metrics()["ringcast_script_errors_total"] > errors or self.is_answered(connection), code)
            self.end(session)

    def is_answered(self, connection):
        try:
            return bool(connection.read_message())
        except socket.timeout:
            return False
        except (EOFError, ConnectionError):
            return True

    def test_lua_out_of_memory(self):
        """Bit by bit, where on a busy machine the callback's time may be over first, and at once."""
        self.attack([LUA_OUT_OF_MEMORY, LUA_OUT_OF_MEMORY_AT_ONCE])
        self.assert_counted("ringcast_script_out_of_memory_total")

    def test_lua_metatables(self):
        self.attack(LUA_METATABLES)
        self.assert_counted("ringcast_script_errors_total")

    def test_lua_recursion_in_pcall(self):
        self.attack(LUA_RECURSION)
        self.assert_counted("ringcast_script_over_budget_total")

    def test_lua_functions_without_end(self):
        self.attack(LUA_FUNCTIONS)
        self.assert_counted("ringcast_script_over_budget_total", "ringcast_script_errors_total")

    def test_pushes_whose_trial_does_not_end(self):
        """Each is refused after its time; the admin API goes on."""
        def push(number):
            with self.assertRaises(AdminError) as caught:
                scripts.push(self.daemon, f"endless{number}", {"main.lua": "local function f() while true do pcall(f) end end f()"})
            return caught.exception.status

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            pushes = [pool.submit(push, number) for number in range(4)]
            for _ in range(20):
                self.assertEqual(self.daemon.request("GET", "/readyz")["status"], "ready")
                self.look()
            self.assertEqual([push.result() for push in pushes], [422] * 4)
        self.assert_served()

    def test_a_damaged_version(self):
        scripts.push(self.daemon, "damaged", {"main.lua": LUA + "-- damaged"})
        (path,) = glob.glob(f"{world.store}/damaged/**/main.lua", recursive=True)
        with open(path, "w") as file:
            file.write("damaged")
        scripts.push(self.daemon, "damaged", {"main.lua": LUA + "-- damaged"})
        with open(path) as file:
            self.assertEqual(file.read(), LUA + "-- damaged")
        session = self.session(script="damaged")
        connection = self.login(session)
        connection.send(frame(BINARY, Packet(11, b"return 1", target_player=SERVER, reliable=True).encode()))
        self.assertEqual(realtime.decode(connection.read_message()).payload, b"done")
        self.assert_served()


@unittest.skipUnless(HAS_NODE, "no node")
class JavaScript(Attacks):
    def ask(self, connection, text):
        connection.send(frame(BINARY, Packet(11, text.encode(), target_player=SERVER, reliable=True).encode()))
        return realtime.decode(connection.read_message()).payload.decode()

    def test_javascript_that_breaks_out(self):
        scripts.push(self.daemon, "out", {"index.js": JS})
        if b"files=confined tcp=confined udp=confined signals=confined" not in self.daemon.log_text():
            self.skipTest("this machine does not confine JavaScript")
        connection = self.login(self.session(script="out"))
        for attempt, refused in (
            (f"read {self.daemon.certificates.path('server.key')}", "EACCES"),
            (f"connect {self.daemon.admin_port}", "EACCES"),
            (f"send {self.daemon.udp_ports[0]}", "EACCES"),
            ("kill", "EPERM"),
            ("run", "EACCES"),
            ("log", "done 12"),
        ):
            self.assertEqual(self.ask(connection, attempt), refused, attempt)
        self.assertNotIn(b"forged line", self.daemon.log_text())
        with contextlib.suppress(EOFError):  # its session has ended
            self.assertEqual(self.ask(connection, "memory"), "Array buffer allocation failed")
        self.assert_served()


class Admin(Attacks):
    def connect(self):
        connection = self.open.enter_context(socket.create_connection(("127.0.0.1", self.daemon.admin_port), SECONDS))
        return connection

    def test_half_requests_to_the_admin_api(self):
        for i in range(300):
            self.connect().sendall(b"GET /healthz HTTP/1.1\r\nHost: lo"[: 10 + i % 20])
        self.assertEqual(self.daemon.request("GET", "/readyz")["status"], "ready")
        self.assert_counted('ringcast_admin_connections_cut_total{reason="crowd"}')

    def test_requests_that_two_would_read_differently(self):
        """A proxy before us and we: which Host, where does the body end, what is the path? None is asked, all are refused."""
        body = b"Content-Type: application/json\r\n"
        for request in (
            b"GET /v1/info HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
            b"POST /v1/drain HTTP/1.1\r\nHost: localhost\r\n" + body + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            b"POST /v1/drain HTTP/1.1\r\nHost: localhost\r\n" + body + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}",
            b"GET /v1/sessions?name=a%00b HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ):
            connection = self.connect()
            connection.sendall(request)
            self.assertRegex(connection.recv(4096), rb"^HTTP/1\.1 4\d\d ", request)
        self.assertEqual(self.daemon.request("GET", "/readyz")["status"], "ready")
        self.assert_served()

    def test_pushes_without_end(self):
        head = b"POST /v1/scripts/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/zip\r\nContent-Length: 5000000\r\n\r\n"
        for _ in range(24):
            with contextlib.suppress(OSError):  # it was the largest when another came
                connection = self.connect()
                connection.sendall(head + bytes(3000000))
        self.assert_counted('ringcast_admin_connections_cut_total{reason="memory"}')

    def test_answers_that_nobody_reads(self):
        session = self.session(players_max=1000)
        for i in range(900):  # more than the kernel takes of an answer
            self.daemon.reserve(session, player_id=f"{i:01000}")
        self.assertGreater(len(self.daemon.request_raw("GET", f"/v1/sessions/{session}/players")[1]), 900000)
        for _ in range(90):
            with contextlib.suppress(OSError):
                connection = self.connect()
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.sendall(f"GET /v1/sessions/{session}/players HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self.assert_counted('ringcast_admin_connections_cut_total{reason="memory"}')


if __name__ == "__main__":
    secure.main(needs_tools=["openssl"], needs_programs=["E2E_CLI"])
