#!/usr/bin/python3
"""The C# client against ringcastd: login, messages both ways, UDP and the way back from it, TLS, ends; against a server that lies; and the examples of its documents.

CSHARP_DRIVER: the driver of tests/conformance, which knows a few keys more for this. CSHARP_CLIENT: the assembly. Run by Mono.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "conformance"))

import realtime  # noqa: E402
import secure  # noqa: E402
from daemon import Daemon  # noqa: E402
from driver import Driver  # noqa: E402
from secure import Certificates, SecureDaemon  # noqa: E402
from server import Server  # noqa: E402

SOURCE = HERE.parents[1]
WAIT_SECONDS = 60  # only to end a test that has failed
QUIET = {"host": "127.0.0.1", "payload": "", "fast": False, "connect_timeout_ms": 60_000, "close_timeout_ms": 60_000, "ping_interval_ms": 600_000}


def trusting_home(ca):
    """A home directory in which Mono trusts this CA, as a player's system trusts public ones."""
    home = tempfile.mkdtemp(prefix="ringcast-mono-")
    store = Path(home, ".config/.mono/new-certs/Trust")
    store.mkdir(parents=True)
    name = secure.run("openssl", "x509", "-in", ca, "-noout", "-subject_hash").stdout.strip()
    shutil.copy(ca, store / f"{name}.0")
    return home


class Player(Driver):
    """A driver with words for what the tests ask."""

    def __init__(self, home=None):
        environment = dict(os.environ, **({"HOME": home, "XDG_CONFIG_HOME": home + "/.config"} if home else {}))
        wrapper = ["env"] + [f"{key}={value}" for key, value in environment.items() if key in ("HOME", "XDG_CONFIG_HOME")]
        super().__init__(wrapper + ["mono", "--debug", os.environ["CSHARP_DRIVER"]])

    def do(self, what, **arguments):
        found = self.command(what, **arguments)
        if found["result"] != "ok":
            raise AssertionError(f"{what}: {found}")
        return found

    def stats(self):
        return self.do("stats")["stats"]

    def say(self, opcode, text, player=0, group=0, fast=False):
        self.do("send", opcode=opcode, player=player, group=group, fast=fast, payload=text.encode().hex())

    def expect(self, event, **fields):
        found = self.event()
        seen = {key: found.get(key) for key in fields}
        if found["event"] != event or seen != fields:
            raise AssertionError(f"{event} {fields} expected, got {found}")
        return found

    def expect_text(self, text, **fields):
        return self.expect("message", payload=text.encode().hex(), **fields)


class Case(unittest.TestCase):
    def player(self, home=None):
        player = Player(home)
        self.addCleanup(self.end, player)
        return player

    def end(self, player):
        if player.process.poll() is None:
            player.kill()
        for stream in (player.process.stdin, player.process.stdout):
            stream.close()

    def join(self, daemon, session, home=None, **options):
        player = self.player(home)
        player.token = options.pop("token", None) or daemon.reserve(session)
        player.do("connect", **{**QUIET, "port": daemon.tcp_port, "token": player.token, **options})
        player.peer = player.expect("connected")["peer"]
        if options.get("fast"):
            player.expect("fast_ready")
        return player


class Plain(Case):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("--listen", "127.0.0.1", "--shards", "2", listen__udp_ports_per_shard=8)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def setUp(self):
        self.session = self.daemon.create_session(players_max=3)

    def test_messages_go_both_ways_on_both_channels(self):
        alice, bob = (self.join(self.daemon, self.session, fast=True) for _ in range(2))
        self.assertEqual((alice.peer, bob.peer), (1, 2))
        alice.say(10, "by the stream", player=2)
        bob.expect_text("by the stream", opcode=10, sender=1, fast=False, player=2, group=0)
        bob.say(11, "by udp", player=1, fast=True)
        alice.expect_text("by udp", opcode=11, sender=2, fast=True, player=1)
        bob.do("send", opcode=12, player=1, group=0, fast=True, payload="", bytes=1201)
        alice.expect("message", opcode=12, fast=False, payload=b"x".hex() * 1201)
        self.assertEqual((bob.stats()["sent_fast"], bob.stats()["fast_fallback"]), (1, 1))
        alice.quit()
        bob.quit()

    def test_groups(self):
        alice, bob = (self.join(self.daemon, self.session) for _ in range(2))
        alice.do("join", group=5)
        alice.expect("membership", group=5, peers=[1])
        bob.do("join", group=5)
        for player in (alice, bob):
            self.assertEqual(sorted(player.expect("membership", group=5)["peers"]), [1, 2])
        self.assertTrue(bob.stats()["is_in_group_5"])
        bob.say(20, "to the group", group=5)
        for player in (alice, bob):
            player.expect_text("to the group", sender=2, group=5)
        bob.do("leave", group=5)
        for player in (alice, bob):
            player.expect("membership", group=5, peers=[1])
        self.assertFalse(bob.stats()["is_in_group_5"])
        bob.do("members", group=5)
        bob.expect("membership", group=5, peers=[1])
        alice.quit()
        bob.quit()

    def test_order_is_kept_while_the_queue_is_full_now_and_then(self):
        alice, bob = self.join(self.daemon, self.session), self.join(self.daemon, self.session)
        for i in range(300):
            alice.say(10, str(i), player=2)
        for i in range(300):
            bob.expect_text(str(i))
        alice.quit()
        bob.quit()

    def ends_with(self, player, code, **fields):
        player.expect("disconnected", code=code, **fields)
        self.assertEqual(player.stats()["state"], "idle")
        player.quit()

    def test_a_kick_is_told_with_its_reason(self):
        alice = self.join(self.daemon, self.session)
        self.daemon.kick(self.session, 1, "rude")
        self.ends_with(alice, 3503, reason="rude")

    def test_the_end_of_the_session_is_told(self):
        alice = self.join(self.daemon, self.session, fast=True)
        self.daemon.end_session(self.session)
        self.ends_with(alice, 3502)

    def refused(self, token, code):
        player = self.player()
        player.do("connect", **{**QUIET, "port": self.daemon.tcp_port, "token": token})
        self.ends_with(player, code)

    def test_a_player_session_id_that_nobody_has_is_refused(self):
        self.refused("psess-nobody", 3500)

    def test_nobody_comes_back_with_the_same_player_session_id(self):
        alice = self.join(self.daemon, self.session)
        alice.do("disconnect")
        alice.expect("disconnected", code=1000)
        alice.do("connect", **{**QUIET, "port": self.daemon.tcp_port, "token": alice.token})
        alice.expect("disconnected", code=3500)
        alice.do("connect", **{**QUIET, "port": self.daemon.tcp_port, "token": self.daemon.reserve(self.session)})
        self.assertNotEqual(alice.expect("connected")["peer"], alice.peer)
        alice.quit()

    def test_a_name_is_looked_up_and_its_addresses_tried(self):
        for host in ("localhost", f"ws://127.0.0.1:{self.daemon.tcp_port}/websocket"):
            self.join(self.daemon, self.session, host=host, fast=True).quit()

    def test_who_connects_while_closing_is_told_the_end_before(self):
        alice = self.join(self.daemon, self.session)
        alice.do("hold", on=False)
        alice.do("disconnect")
        self.assertEqual(alice.stats()["state"], "closing")
        self.assertEqual(alice.command("disconnect")["result"], "state")
        alice.do("connect", **{**QUIET, "port": self.daemon.tcp_port, "token": self.daemon.reserve(self.session)})
        alice.expect("disconnected", code=1000)
        alice.do("hold", on=True)
        self.assertNotEqual(alice.expect("connected")["peer"], alice.peer)
        self.assertEqual(alice.command("connect", **{**QUIET, "port": self.daemon.tcp_port, "token": "psess-1"})["result"], "state")
        alice.quit()

    def test_goodbye_is_said_at_once(self):
        alice = self.join(self.daemon, self.session)
        before = self.daemon.closes("client")
        alice.do("disconnect")
        alice.expect("disconnected", code=1000)
        self.assertEqual(self.daemon.closes("client"), before + 1)
        alice.quit()


class Encrypted(Case):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.daemon = SecureDaemon(cls.certificates)
        cls.home = trusting_home(cls.certificates.path("ca.pem"))

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()
        shutil.rmtree(cls.home)

    def setUp(self):
        self.session = self.daemon.create_session()

    def pin(self):
        said = secure.run("openssl", "x509", "-in", self.certificates.path("server.pem"), "-noout", "-fingerprint", "-sha1").stdout
        return said.strip().partition("=")[2].replace(":", "")

    def test_the_platforms_trust_and_what_is_said_of_dtls(self):
        before = self.daemon.closes("reset") + self.daemon.closes("tls")
        alice = self.join(self.daemon, self.session, home=self.home, secure=True, server_name="localhost")
        bob = self.join(self.daemon, self.session, secure=True, pin=self.pin())
        alice.say(10, "secret", player=bob.peer, fast=True)
        bob.expect_text("secret", fast=False)
        bob.do("send", opcode=12, player=alice.peer, group=0, fast=False, payload="", bytes=4096, count=20)
        for _ in range(20):
            alice.expect("message", opcode=12, payload=b"x".hex() * 4096)
        self.assertEqual(alice.stats()["fast_fallback"], 1)
        alice.do("disconnect")
        alice.expect("disconnected", code=1000)
        alice.quit()
        self.daemon.kick(self.session, bob.peer, "enough")
        bob.expect("disconnected", code=3503, reason="enough")
        bob.quit()
        self.assertEqual(self.daemon.closes("reset") + self.daemon.closes("tls"), before)

    def test_a_poll_takes_all_records_that_have_come(self):
        alice, bob = (self.join(self.daemon, self.session, secure=True, pin=self.pin()) for _ in range(2))
        alice.do("hold", on=False)
        for i in range(200):  # each waits for its echo, so each is a record of its own for alice, too
            bob.say(10, str(i), group=-1)
            bob.expect_text(str(i))
        alice.do("hold", on=True)
        for i in range(200):
            alice.expect_text(str(i))
        self.assertLess(alice.stats()["message_polls"], 100)  # those that brought any: how often it is polled in vain says nothing
        alice.quit()
        bob.quit()

    def test_dtls_is_not_there_and_that_is_said(self):
        alice = self.join(self.daemon, self.session, secure=True, pin=self.pin(), fast=False)
        self.assertEqual(alice.stats()["fast_refusal"], "")
        alice.quit()
        bob = self.player()
        bob.do("connect", **{**QUIET, "fast": True, "port": self.daemon.tcp_port, "token": self.daemon.reserve(self.session), "secure": True, "pin": self.pin()})
        bob.expect("connected")
        self.assertIn("DTLS", bob.stats()["fast_refusal"])
        bob.quit()

    def refused(self, **options):
        player = self.player(options.pop("home", None))
        player.do("connect", **{**QUIET, "port": self.daemon.tcp_port, "token": "psess-1", **options})
        self.assertIn("failed", player.expect("disconnected", code=1006)["reason"])
        player.quit()

    def test_a_certificate_that_the_platform_does_not_trust_is_refused(self):
        self.refused(secure=True, server_name="localhost")

    def test_a_certificate_for_another_name_is_refused(self):
        self.refused(secure=True, server_name="other.example", home=self.home)

    def test_a_pin_that_is_not_the_servers_is_refused(self):
        self.refused(secure=True, pin="00" * 20)

    def test_a_server_in_clear_is_no_tls_server(self):
        server = Server()
        player = self.player()
        player.do("connect", **{**QUIET, "port": server.port, "token": "psess-1", "secure": True, "pin": self.pin()})
        server.accept()
        server.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        player.expect("disconnected", code=1006)
        player.quit()
        server.close()


class Fast(Case):
    """A server whose UDP comes and goes."""

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(WAIT_SECONDS)
        self.addCleanup(self.udp.close)
        self.sequence = 0

    def connect(self, **options):
        player = self.player()
        player.do("connect", **{**QUIET, "port": self.server.port, "token": "token-1", "fast": True, **options})
        self.server.greet(peer=7, fast_port=self.udp.getsockname()[1])
        player.expect("connected", peer=7)
        return player

    def take(self, opcode):
        """The next datagram with this op code; its number is above that of the one before."""
        while True:
            data, self.client = self.udp.recvfrom(2048)
            packet = realtime.decode(data, "udp")
            if packet.opcode == opcode:
                return packet

    def put(self, opcode, payload=b"", command=None):
        packet = realtime.Packet(opcode, payload, 7, 0, -1, self.sequence, False)
        self.sequence += 1
        packet.command = command
        self.udp.sendto(packet.encode(), self.client)

    def test_silence_is_no_obstacle_and_an_answer_brings_it_up(self):
        player = self.connect()
        first, second = self.take(-5), self.take(-5)
        self.assertEqual((first.sequence, first.sender, second.sequence), (0, 7, 1))
        player.say(10, "meanwhile", player=-1, fast=True)
        self.server.receive(opcode=10, payload="meanwhile", reliable=True)
        self.put(-6)
        self.take(-7)
        player.expect("fast_ready")
        player.say(10, "fast", player=-1, fast=True)
        self.assertEqual(self.take(10).payload, b"fast")
        player.quit()

    def test_who_does_not_answer_any_more_is_left_for_the_stream_and_found_again(self):
        player = self.connect(fast_keepalive_ms=50)
        self.take(-5)
        self.put(-6)
        player.expect("fast_ready")
        player.expect("fast_failed")
        player.say(10, "by the stream", player=-1, fast=True)
        self.server.receive(opcode=10, payload="by the stream", reliable=True)
        self.take(-5)
        self.put(-6)
        player.expect("fast_ready")
        player.command("disconnect")

    def test_a_port_where_nobody_is_costs_nothing(self):
        self.udp.close()
        player = self.player()
        player.do("connect", **{**QUIET, "port": self.server.port, "token": "token-1", "fast": True})
        self.server.greet(peer=7, fast_port=1)
        player.expect("connected")
        for i in range(20):
            player.say(10, str(i), player=-1, fast=True)
            self.server.receive(opcode=10, payload=str(i))
        player.quit()

    def test_lies_by_udp_are_dropped(self):
        player = self.connect()
        self.take(-5)
        self.put(-6)
        player.expect("fast_ready")
        for data in (b"", b"\xff" * 2048, b"\x00", bytes(65000), b"\x02\x08\x01"):
            self.udp.sendto(data, self.client)
        self.put(10, b"two numbers on")
        self.sequence -= 1
        self.put(10, b"a copy")
        self.put(11, b"good")
        player.expect_text("two numbers on", opcode=10, fast=True)
        player.expect_text("good", opcode=11, fast=True)
        player.quit()


class Hostile(Case):
    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.close)
        self.player = self.player()
        self.player.do("connect", **{**QUIET, "port": self.server.port, "token": "token-1"})
        self.server.greet()
        self.player.expect("connected")

    def test_a_flood_of_pings_holds_neither_the_frame_nor_memory(self):
        before = self.player.rss_bytes()
        self.server.flood("ping", megabytes=16, bytes=125)
        self.assertIn(self.player.stats()["state"], ("connected", "idle"))
        self.assertLess(self.player.rss_bytes() - before, 64 << 20)

    def test_a_reader_that_does_not_read_fills_the_queue_and_no_more(self):
        found = self.player.command("send", opcode=10, player=-1, group=0, fast=False, payload="", bytes=4096, count=100_000)
        self.assertEqual(found["result"], "full")
        self.assertLess(found["sent"], 100_000)
        self.assertLessEqual(self.player.stats()["outq_bytes"], 256 * 1024)


class Documents(Case):
    """What the documents show compiles against the assembly, and runs."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("--dev", "--listen", "127.0.0.1")

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def run_program(self, text, *arguments):
        with tempfile.TemporaryDirectory(prefix="ringcast-csharp-") as folder:
            source, program = Path(folder, "Game.cs"), Path(folder, "Game.exe")
            source.write_text(text)
            shutil.copy(os.environ["CSHARP_CLIENT"], folder)
            made = secure.run("mcs", "-langversion:6", "-warnaserror", f"-r:{folder}/Ringcast.Realtime.dll", f"-out:{program}", str(source))
            self.assertEqual(made.returncode, 0, made.stderr + made.stdout)
            said = secure.run("mono", "--debug", str(program), *arguments, timeout=WAIT_SECONDS)
            self.assertEqual(said.returncode, 0, said.stderr + said.stdout)
            return said.stdout

    def test_the_example_of_the_readme(self):
        text = (SOURCE / "proto/clients/csharp/README.md").read_text()
        example = re.search(r"(?:^    .*\n|^\n)+", text[text.index("    using System;") :], re.M).group()
        self.assertRegex(self.run_program(re.sub(r"^    ", "", example, flags=re.M), str(self.daemon.tcp_port)), r"\A\d+ says hello\n\Z")

    def test_a_game_on_the_sdk_moves_by_its_namespace_and_poll(self):
        text = (HERE / "csharp" / "SdkGame.cs").read_text()
        self.assertIn("Aws.GameLift.Realtime", text)
        self.assertNotIn("Ringcast", text)
        said = self.run_program(text.replace("Aws.GameLift.Realtime", "Ringcast.Realtime").replace("// poll", ""), str(self.daemon.tcp_port))
        self.assertEqual(said.splitlines(), ["open", "ready", "members 4: 1", "data 10 of 1: ping", "close", "DISCONNECTED_CLIENT_CALL"])


if __name__ == "__main__":
    secure.main(needs_tools=("mono", "mcs", "openssl"), needs_programs=("E2E_CLI",))
