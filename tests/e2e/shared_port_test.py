#!/usr/bin/python3
"""One UDP port for all shards: players are heard wherever their datagrams come first, are steered to their shard, move, and share addresses. Plain, with DTLS, and both on one port."""

import asyncio
import os
import socket
import subprocess
import sys
import unittest

import secure
import secure_network_test
from daemon import Daemon
from player import Player, until, _Datagrams
import realtime
from realtime import Packet

SKIP = 77
OPCODE = 7
SHARDS = 2


class PlacedPlayer(Player):
    """At an address of its own on loopback, for TCP and UDP alike."""

    place = None

    @classmethod
    async def arrive(cls, daemon, session, place):
        player = await cls.connect(daemon, local_addr=(place, 0))
        player.place = place
        await player.login(daemon.reserve(session))
        if player.fast_port != 0:
            await player.open_udp((place, 0))
            await player.finish_udp()
        return player

    async def move(self):
        """Another port of ours, as when a translator has forgotten the old one."""
        self.udp.close()
        loop = asyncio.get_running_loop()
        self.udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), local_addr=(self.place, 0), remote_addr=(self.host, self.fast_port))


def start(*flags, ports=1, **settings):
    return Daemon("--shards", str(SHARDS), *flags, listen__udp_shared="true", listen__udp_ports_per_shard=str(ports), **settings)


class Shared(unittest.IsolatedAsyncioTestCase):
    ports = 1

    @classmethod
    def setUpClass(cls):
        cls.daemon = start(ports=cls.ports)
        cls.addClassCleanup(cls.daemon.stop)

    def sessions(self, count):
        """On both shards, in turns, as the engine places them."""
        return [self.daemon.create_session(players_max=8) for _ in range(count)]

    async def players(self, sessions, places):
        """One in each session at each place."""
        players = []
        for number, session in enumerate(sessions):
            for place in places(number):
                players.append(await PlacedPlayer.arrive(self.daemon, session, place))
                self.addAsyncCleanup(players[-1].leave)
        return players

    async def hear_oneself(self, player, count=10):
        for number in range(count):
            player.send_udp(Packet(OPCODE, b"%d" % number, target_player=player.peer_id))
            while (packet := await player.receive()).opcode != OPCODE:
                pass
            self.assertEqual((packet.payload, packet.channel), (b"%d" % number, "udp"))


class OnePortTest(Shared):
    async def test_all_shards_have_the_same_port(self):
        self.assertEqual(len(self.daemon.udp_ports), SHARDS)
        self.assertEqual(len(set(self.daemon.udp_ports)), 1)

    async def test_players_of_both_shards_are_heard_and_steered(self):
        sessions = self.sessions(8)
        players = await self.players(sessions, lambda number: [f"127.0.1.{10 * number + i}" for i in range(1, 5)])
        self.assertEqual({player.fast_port for player in players}, set(self.daemon.udp_ports))
        before = self.daemon.counter("strays_out")
        self.assertGreater(before, 0, "of so many, chance brings some to the other shard first")
        await asyncio.gather(*(self.hear_oneself(player) for player in players))
        self.assertEqual(self.daemon.counter("strays_out"), before, "and none after that")
        self.assertEqual(self.daemon.counter("steering_full"), 0)
        await until(lambda: self.daemon.counter("strays_in") == before)

    async def test_a_player_moves_and_is_heard_again(self):
        players = await self.players(self.sessions(6), lambda number: [f"127.0.2.{10 * number + i}" for i in range(1, 4)])
        before, moved = self.daemon.counter("strays_out"), self.daemon.counter("fast_moved")

        async def move_and_be_heard(player):
            await player.move()
            while True:
                player.send_udp(Packet(OPCODE + 1, b"here", target_player=player.peer_id))
                try:
                    packet = await player.receive(0.3)
                except asyncio.TimeoutError:
                    continue
                if packet.opcode == OPCODE + 1 and packet.channel == "udp":
                    break
            while not player.queue.empty():
                player.queue.get_nowait()
            await asyncio.sleep(0.5)
            while not player.queue.empty():
                player.queue.get_nowait()
            await self.hear_oneself(player)

        await asyncio.gather(*(move_and_be_heard(player) for player in players))
        self.assertGreaterEqual(self.daemon.counter("fast_moved") - moved, len(players))
        self.assertGreater(self.daemon.counter("strays_out"), before)
        settled = self.daemon.counter("strays_out")
        await asyncio.gather(*(self.hear_oneself(player) for player in players))
        self.assertEqual(self.daemon.counter("strays_out"), settled)

    async def test_strangers_are_dropped_where_they_come(self):
        before, strays = self.daemon.drops("unknown_peer"), self.daemon.counter("strays_out")
        packet = Packet(OPCODE, b"who", target_player=1)
        packet.sender, packet.sequence = 77, 1
        for number in range(20):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind((f"127.0.9.{number + 1}", 0))
                stranger.sendto(packet.encode(), ("127.0.0.1", self.daemon.udp_ports[0]))
        await until(lambda: self.daemon.drops("unknown_peer") - before == 20)
        self.assertEqual(self.daemon.counter("strays_out"), strays)


class CrowdedAddressTest(Shared):
    ports = 2

    async def test_as_many_of_a_number_as_there_are_ports(self):
        """Each is the first of its session, all at one address: what tells them apart is the port."""
        sessions = self.sessions(4)
        before = self.daemon.counter("fast_port_exhausted")
        players = await self.players(sessions, lambda number: ["127.0.3.1"])
        self.assertEqual({player.peer_id for player in players}, {1})
        self.assertEqual([player.fast_port != 0 for player in players], [True, True, False, False])
        self.assertNotEqual(players[0].fast_port, players[1].fast_port)
        self.assertEqual(self.daemon.counter("fast_port_exhausted") - before, 2)
        await asyncio.gather(*(self.hear_oneself(player) for player in players[:2]))
        await players[0].leave()
        await until(lambda: self.daemon.session(sessions[0])["players"] == 0 if "players" in self.daemon.session(sessions[0]) else self.daemon.gauge("players") == 3)
        late = await PlacedPlayer.arrive(self.daemon, self.sessions(1)[0], "127.0.3.1")
        self.addAsyncCleanup(late.leave)
        self.assertEqual(late.fast_port, players[0].fast_port, "the place of who has left")
        await self.hear_oneself(late)

    async def test_many_of_one_session_behind_one_address(self):
        session = self.sessions(1)[0]
        players = [await PlacedPlayer.arrive(self.daemon, session, "127.0.4.1") for _ in range(8)]
        for player in players:
            self.addAsyncCleanup(player.leave)
        await asyncio.gather(*(self.hear_oneself(player) for player in players))


class ManyAddressesTest(unittest.IsolatedAsyncioTestCase):
    """Bound to all addresses: what chance has brought to the other shard is answered from the address that it was sent to."""

    async def test_the_answer_to_a_stray_comes_from_the_address_that_was_asked(self):
        daemon = start("--set", "listen.address=0.0.0.0")
        try:
            sessions = [daemon.create_session(players_max=8) for _ in range(12)]
            for number, session in enumerate(sessions):
                player = await Player.connect(daemon, host=f"127.0.5.{number + 1}")
                await player.login(daemon.reserve(session))
                await player.bind_udp()
                player.send_udp(Packet(realtime.UDP_CONNECT, command=realtime.COMMAND_UDP_CONNECT, target_player=realtime.SERVER))
                self.assertEqual((await player.receive()).opcode, realtime.UDP_CONNECT_SERVER_ACK, "the first hello is answered")
                await player.leave()
            self.assertGreater(daemon.counter("strays_out"), 0)
        finally:
            daemon.stop()


class SecureTest(secure_network_test.Network):
    """Handshakes come to any shard; the connect token says where the association belongs."""

    @classmethod
    def setUpClass(cls):
        cls.certificates = secure.Certificates()
        cls.daemon = secure.SecureDaemon(cls.certificates, "--shards", str(SHARDS), listen__udp_shared="true", limits__connections_per_address_max=200)

    def tokens(self, count, udp_port=0):
        """In sessions of both shards."""
        sessions = [self.daemon.create_session(players_max=count) for _ in range(SHARDS)]
        return "".join(f"{self.daemon.reserve(sessions[number % SHARDS])} {udp_port}\n" for number in range(count))

    async def up(self, count, *options, **where):
        process = await self.crowd(self.tokens(count), "hold", *options, **where)
        self.addCleanup(lambda: process.returncode is None and process.kill())
        self.assertEqual(await self.last_line(process), f"done {count} of {count}, 0 retries")
        return process

    async def gone(self, process):
        process.kill()
        await process.wait()
        await until(lambda: self.daemon.gauge("players") == 0)

    async def test_players_of_both_shards_are_heard(self):
        self.assertEqual(len(self.daemon.udp_ports), SHARDS)
        self.assertEqual(len(set(self.daemon.udp_ports)), 1)
        before = self.daemon.counter("associations_out")
        process = await self.up(40)
        moved = self.daemon.counter("associations_out") - before
        self.assertGreater(moved, 0, "of so many, chance brings some to the other shard")
        self.assertLess(moved, 40)
        await until(lambda: self.daemon.counter("associations_in") == self.daemon.counter("associations_out"))
        self.assertEqual((self.daemon.counter("associations_refused"), self.daemon.counter("steering_full")), (0, 0))
        await self.gone(process)

    async def test_none_is_handed_over_once_it_is_steered(self):
        before = self.daemon.counter("associations_out")
        await asyncio.to_thread(self.play)
        self.assertGreater(self.daemon.counter("associations_out"), before)
        self.assertLess(self.daemon.counter("strays_out"), 50, "of thousands")

    def play(self):
        with secure.players_meanwhile(self.daemon, 5, sessions=4, players=6, rate=10):
            pass

    async def test_clients_notice_that_they_have_another_port(self):
        """Where chance brings the new ones, they are taken to the players' shards again."""
        before = self.daemon.counter("dtls_handshakes_completed")
        await self.change_ports(secure.HOST_NAME)
        self.assertGreaterEqual(self.daemon.counter("dtls_handshakes_completed") - before, 10)

    async def test_same_address_and_port_again(self):
        """A new process on the same UDP port, in a session of either shard: the kernel steers there who has gone."""
        port = secure_network_test.free_udp_port()
        for number in range(4):
            session = self.daemon.create_session(players_max=2)
            process = await self.crowd(f"{self.daemon.reserve(session)} {port}\n", "hold")
            self.assertEqual(await self.last_line(process), "done 1 of 1, 0 retries", number)
            await self.gone(process)

    async def test_a_lossy_network(self):
        proxy = await secure_network_test.Proxy(secure_network_test.PROXY_ADDRESS, loss=0.10, reorder=0.30, seed=3).open(self.daemon.tcp_port, self.daemon.udp_ports)
        try:
            process = await self.crowd(self.tokens(60), address=secure_network_test.PROXY_ADDRESS)
            output = (await process.stdout.read()).decode()
            self.assertEqual(await process.wait(), 0, output)
        finally:
            proxy.close()
        await until(lambda: self.daemon.gauge("players") == 0)


class MixedTest(secure_network_test.Network):
    """In clear and encrypted on one port: told apart by the first byte, wherever it comes."""

    SECURE, PLAIN = 30, 24

    @classmethod
    def setUpClass(cls):
        cls.certificates = secure.Certificates()
        cls.daemon = secure.SecureDaemon(cls.certificates, "--shards", str(SHARDS), tls__mode="optional", listen__udp_shared="true", limits__connections_per_address_max=200)

    async def asyncSetUp(self):
        self.sessions = [self.daemon.create_session(players_max=self.SECURE + self.PLAIN) for _ in range(SHARDS)]

    def tokens(self, count, udp_port=0):
        return "".join(f"{self.daemon.reserve(self.sessions[number % SHARDS])} {udp_port}\n" for number in range(count))

    async def secure_players(self):
        """Each has had a message of its own back by DTLS."""
        process = await self.crowd(self.tokens(self.SECURE), "hold")
        self.addCleanup(lambda: process.returncode is None and process.kill())
        self.assertEqual(await self.last_line(process), f"done {self.SECURE} of {self.SECURE}, 0 retries")
        return process

    async def plain_players(self, place="127.0.7"):
        players = [await PlacedPlayer.arrive(self.daemon, self.sessions[number % SHARDS], f"{place}.{number + 1}") for number in range(self.PLAIN)]
        for player in players:
            self.addAsyncCleanup(player.leave)
        return players

    async def everybody(self):
        process, players = await self.secure_players(), await self.plain_players()
        self.addAsyncCleanup(self.gone, process)
        return players

    async def gone(self, process):
        process.kill()
        await process.wait()

    async def tell_each_other(self, players):
        for player in players:
            player.send_udp(Packet(OPCODE, b"hello", target_group=realtime.EVERYONE))
        for player in players:
            for _ in range(self.PLAIN // SHARDS):
                packet = await player.receive()
                self.assertEqual((packet.opcode, packet.payload, packet.channel), (OPCODE, b"hello", "udp"))

    async def test_both_kinds_are_heard_on_both_shards(self):
        before = {name: self.daemon.counter(name) for name in ("strays_out", "associations_out")}
        players = await self.everybody()
        self.assertEqual({player.fast_port for player in players}, set(self.daemon.udp_ports))
        for name, count in before.items():
            self.assertGreater(self.daemon.counter(name), count, f"of so many, chance brings some to the other shard: {name}")
        await until(lambda: self.daemon.counter("strays_in") == self.daemon.counter("strays_out"))
        await until(lambda: self.daemon.counter("associations_in") == self.daemon.counter("associations_out"))
        settled = self.daemon.counter("strays_out")
        await self.tell_each_other(players)
        self.assertEqual(self.daemon.counter("strays_out"), settled, "all are steered by now")
        self.assertEqual((self.daemon.counter("associations_refused"), self.daemon.counter("steering_full")), (0, 0))

    async def test_a_datagram_in_clear_is_never_a_secure_players(self):
        """From its address, by the number that it has: it is nobody's, and its owner goes on."""
        port = secure_network_test.free_udp_port()
        process = await self.crowd(f"{self.daemon.reserve(self.sessions[0])} {port}\n", "hold")
        self.addAsyncCleanup(self.gone, process)
        self.assertEqual(await self.last_line(process), "done 1 of 1, 0 retries")
        number = self.daemon.players(self.sessions[0])[0]["peer_id"]
        listener = await PlacedPlayer.arrive(self.daemon, self.sessions[0], "127.0.8.1")
        self.addAsyncCleanup(listener.leave)
        forged = Packet(OPCODE, b"forged", target_group=realtime.EVERYONE)
        forged.sender, forged.sequence = number, 1000
        before = self.daemon.drops("unknown_peer")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.1", 0))
            for _ in range(10):
                stranger.sendto(forged.encode(), ("127.0.0.1", self.daemon.udp_ports[0]))
        await until(lambda: self.daemon.drops("unknown_peer") - before == 10)
        await listener.expect_nothing()
        self.assertEqual(len(self.daemon.players(self.sessions[0])), 2)

    async def test_a_plain_player_takes_the_port_that_a_secure_one_had(self):
        """And the other way round, on one client port: what the kernel steers by is the address, whatever is spoken there."""
        port = secure_network_test.free_udp_port()
        for number in range(4):
            session = self.sessions[number % SHARDS]
            process = await self.crowd(f"{self.daemon.reserve(session)} {port}\n", "hold")
            self.assertEqual(await self.last_line(process), "done 1 of 1, 0 retries", number)
            await self.gone(process)
            await until(lambda: self.daemon.gauge("players") == 0)
            player = await Player.connect(self.daemon)
            await player.login(self.daemon.reserve(self.sessions[(number + 1) % SHARDS]))
            await player.open_udp(("127.0.0.1", port))
            await player.finish_udp()
            await player.leave()
            await until(lambda: self.daemon.gauge("players") == 0)

    async def test_secure_players_move_and_plain_ones_hear_nothing_of_it(self):
        players = await self.plain_players("127.0.6")
        moving = asyncio.create_task(self.moves())
        while not moving.done():
            await self.tell_each_other(players)
        await moving

    async def moves(self):
        proxy = await secure_network_test.Proxy(secure_network_test.PROXY_ADDRESS).open(self.daemon.tcp_port, self.daemon.udp_ports)
        try:
            process = await self.crowd(self.alone(5), "hold", "300", address=secure_network_test.PROXY_ADDRESS)
            self.addAsyncCleanup(self.gone, process)
            self.assertEqual(await self.last_line(process), "done 5 of 5, 0 retries")
            proxy.rebind()
            again = set()
            while len(again) < 5:
                again.add(await asyncio.wait_for(process.stdout.readline(), secure_network_test.SECONDS))
        finally:
            proxy.close()

    def alone(self, count):
        """In sessions of their own, of both shards: what they say is not heard by the others."""
        sessions = [self.daemon.create_session(players_max=count) for _ in range(SHARDS)]
        return "".join(f"{self.daemon.reserve(sessions[number % SHARDS])} 0\n" for number in range(count))


class FallbackTest(unittest.IsolatedAsyncioTestCase):
    def falls_back(self, daemon, reason):
        try:
            self.assertEqual(len(set(daemon.udp_ports)), SHARDS)
            self.assertRegex(daemon.log_text().decode(), f"each shard has UDP ports of its own.*{reason}")
        finally:
            daemon.stop()

    def test_without_the_capability(self):
        before = os.environ.get("RINGCAST_WRAPPER")
        os.environ["RINGCAST_WRAPPER"] = "setpriv --bounding-set=-bpf,-sys_admin --inh-caps=-bpf,-sys_admin"
        try:
            self.falls_back(start(), "CAP_BPF")
        finally:
            os.environ.pop("RINGCAST_WRAPPER") if before is None else os.environ.__setitem__("RINGCAST_WRAPPER", before)


class EpollTest(OnePortTest):
    @classmethod
    def setUpClass(cls):
        cls.daemon = start(io="epoll")
        cls.addClassCleanup(cls.daemon.stop)

    test_a_player_moves_and_is_heard_again = None  # the shard's doing, not io's


def problem():
    if os.environ.get("RINGCAST_HAS_XDP") != "1":
        return "built without libbpf"
    daemon = start()
    is_shared = len(set(daemon.udp_ports)) == 1
    text = daemon.log_text().decode()
    daemon.stop()
    return None if is_shared else f"ports cannot be shared here: {text[text.find('UDP ports of its own'):][:200]}"


if __name__ == "__main__":
    if reason := problem():
        print(f"skipped: {reason}")
        sys.exit(SKIP)
    secure.main(needs_tools=["setpriv"], needs_programs=["RINGCASTD", "E2E_CROWD", "E2E_LOAD", "E2E_CLI"])
