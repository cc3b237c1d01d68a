#!/usr/bin/python3
"""Egress by AF_XDP: a daemon in one network namespace, players in another, and what leaves read by tshark. Each reason to fall back is brought about."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import websockets

import netns
import secure
from daemon import Daemon
from player import Player, until, _Datagrams

SKIP = 77
AF_XDP = 44
OPCODE = 7


def problem():
    if os.environ.get("RINGCAST_HAS_XDP") != "1":
        return "built without libxdp"
    if os.geteuid() != 0:
        return "needs root: network namespaces and AF_XDP"
    try:
        socket.socket(AF_XDP, socket.SOCK_RAW, 0).close()
    except OSError as error:
        return f"no AF_XDP: {error}"
    return netns.problem()


class FarPlayer(Player):
    """Its sockets are opened in another namespace than the test's own thread lives in."""

    place = None

    @classmethod
    async def connect(cls, daemon, host="10.77.1.1", **options):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with cls.place.entered():
            stream = socket.socket(family, socket.SOCK_STREAM)
            stream.connect((host, daemon.tcp_port))
        stream.setblocking(False)
        websocket = await websockets.connect(f"ws://ringcast:{daemon.tcp_port}/websocket", sock=stream, ping_interval=None, max_size=None, **options)
        return cls(websocket, host)

    async def bind_udp(self, local=None):
        with self.place.entered():
            datagrams = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
            datagrams.connect((self.host, self.fast_port))
        datagrams.setblocking(False)
        self.udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Datagrams(self), sock=datagrams)


class Capture:
    """What comes in on a device over there, until it is read."""

    def __init__(self, place, device):
        self.file = tempfile.NamedTemporaryFile(suffix=".pcap")
        self.process = subprocess.Popen(place.command("tcpdump", "-i", device, "--immediate-mode", "-U", "-Q", "in", "-w", self.file.name, "udp"), stderr=subprocess.PIPE, text=True)
        while "listening on" not in (line := self.process.stderr.readline()):
            if not line:
                raise AssertionError("tcpdump did not start")

    def read(self, condition, *fields):
        """Rows of tshark's fields, once condition is true of them."""
        until_s = time.monotonic() + 30
        command = ["tshark", "-r", self.file.name, "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-Y", condition, "-T", "fields"]
        for field in fields:
            command += ["-e", field]
        while True:
            # While it is written the file may end within a packet, which tshark tells by its status.
            rows = [row.split("\t") for row in subprocess.run(command, capture_output=True, text=True).stdout.splitlines()]
            if rows or time.monotonic() > until_s:
                return rows
            time.sleep(0.1)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)


class Places(unittest.IsolatedAsyncioTestCase):
    """The test's thread lives where the daemon does."""

    @classmethod
    def setUpClass(cls):
        cls.here, cls.there = netns.Namespace("here"), netns.Namespace("there")
        cls.devices = {number: netns.join(cls.here, cls.there, number) for number in (1, 2)}
        for number, (near, _) in cls.devices.items():
            # Else what the kernel sends has no sum yet when tshark reads it: that is left to a hardware which is not there.
            cls.here.run("ethtool", "-K", near, "tx", "off")
            for setting in (f"{name}.rp_filter=0" for name in ("all", cls.devices[number][1])):
                cls.there.run("sysctl", "-qw", f"net.ipv4.conf.{setting}")
        FarPlayer.place = cls.there
        cls.home = cls.here.entered()
        cls.home.__enter__()
        cls.addClassCleanup(cls.leave)
        cls.start()

    @classmethod
    def start(cls):
        cls.daemon = cls.make()
        cls.addClassCleanup(cls.daemon.stop)

    @classmethod
    def make(cls, **settings):
        return Daemon("--shards", "2", "--set", "listen.address=0.0.0.0", "--set", "listen.address_second=::", egress="xdp", **settings)

    @classmethod
    def leave(cls):
        cls.home.__exit__(None, None, None)
        cls.here.close()
        cls.there.close()

    def fallbacks(self, reason):
        return self.daemon.metrics()[f'ringcast_egress_fallbacks_total{{reason="{reason}"}}']

    def sent(self):
        return self.daemon.counter("egress_xdp")

    async def pair(self, host="10.77.1.1", other=None):
        session = self.daemon.create_session(players_max=4)
        alice = await FarPlayer.join(self.daemon, session, udp=True, host=host)
        bob = await (Player if other == "127.0.0.1" else FarPlayer).join(self.daemon, session, udp=True, host=other or host)
        for player in (alice, bob):
            self.addAsyncCleanup(player.leave)
        return alice, bob

    async def talk(self, alice, bob, payload=b"x" * 100, count=20):
        """Bob gets each of alice's messages as a datagram, in order: the player looks at their numbers."""
        for number in range(count):
            alice.send_fast(OPCODE, b"%4d" % number + payload, player=bob.peer_id)
            while True:
                packet = await bob.receive()
                if packet.opcode == OPCODE:
                    break
            self.assertEqual((packet.payload, packet.channel), (b"%4d" % number + payload, "udp"))

    async def talk_until(self, alice, bob, condition, **how):
        end = time.monotonic() + 30
        while not condition():
            self.assertLess(time.monotonic(), end, f"it did not come about: {self.daemon.metrics()}")
            await self.talk(alice, bob, count=5, **how)

    async def shout_until(self, alice, bob, reason):
        """Bob is not to hear it."""
        before, end = self.fallbacks(reason), time.monotonic() + 30
        while self.fallbacks(reason) == before:
            self.assertLess(time.monotonic(), end, f"no {reason}: {self.daemon.metrics()}")
            alice.send_fast(OPCODE + 1, b"lost", player=bob.peer_id)
            await asyncio.sleep(0.02)

    async def hear(self, alice, bob):
        """Until bob hears datagrams again, and has taken in what came before."""
        while True:
            alice.send_fast(OPCODE + 2, b"again", player=bob.peer_id)
            try:
                packet = await bob.receive(0.2)
            except asyncio.TimeoutError:
                continue
            if packet.opcode == OPCODE + 2 and packet.channel == "udp":
                return

    async def on_xdp(self, alice, bob):
        before = self.sent()
        await self.talk_until(alice, bob, lambda: self.sent() > before)


class XdpTest(Places):
    async def test_both_families_leave_right(self):
        for host, condition in (("10.77.1.1", "ip.src==10.77.1.1"), ("fd77:1::1", "ipv6.src==fd77:1::1")):
            with self.subTest(host):
                capture = Capture(self.there, self.devices[1][1])
                alice, bob = await self.pair(host)
                before = self.sent()
                for size in (0, 1, 2, 3, 100, 101, 1000, 1196):
                    await self.talk(alice, bob, b"y" * size, count=2)
                self.assertGreaterEqual(self.sent() - before, 10)
                port = bob.udp.get_extra_info("sockname")[1]
                rows = capture.read(f"{condition} && udp.dstport=={port} && udp.length > 1190", "udp.checksum.status", "udp.srcport", "udp.length", "frame.len")
                self.assertNotEqual(rows, [])
                rows = capture.read(f"{condition} && udp", "udp.checksum.status", "udp.srcport", "udp.length", "frame.len", "ip.checksum.status", "ip.ttl", "ipv6.hlim")
                capture.close()
                for sum_status, source, length, frame, ip_status, ttl, hops in rows:
                    self.assertEqual(sum_status, "1", "UDP's checksum is right")
                    self.assertEqual(int(source) in self.daemon.udp_ports, True)
                    self.assertEqual(int(frame), int(length) + (34 if ttl else 54))
                    self.assertEqual((ttl or hops), "64")
                    self.assertIn(ip_status, ("1", ""))

    async def test_the_neighbour_is_gone(self):
        alice, bob = await self.pair()
        await self.on_xdp(alice, bob)
        before = self.fallbacks("neighbour")
        self.here.ip("neigh", "flush", "dev", self.devices[1][0])
        await self.talk_until(alice, bob, lambda: self.fallbacks("neighbour") > before)
        await self.on_xdp(alice, bob)

    async def test_the_neighbour_has_another_address(self):
        alice, bob = await self.pair()
        await self.on_xdp(alice, bob)
        near, far = self.devices[1]
        self.there.ip("link", "set", far, "address", "02:00:00:00:77:02")
        try:
            self.here.ip("neigh", "replace", "10.77.1.2", "lladdr", "02:00:00:00:77:02", "nud", "reachable", "dev", near)
            capture = Capture(self.there, far)
            await self.on_xdp(alice, bob)
            self.assertNotEqual(capture.read("eth.dst==02:00:00:00:77:02 && udp", "frame.len"), [])
            capture.close()
        finally:
            self.here.ip("neigh", "flush", "dev", near)

    async def test_the_route_changes_to_another_device(self):
        alice, bob = await self.pair()
        await self.on_xdp(alice, bob)
        self.here.ip("route", "add", "10.77.1.2/32", "via", "10.77.2.2", "dev", self.devices[2][0], "src", "10.77.1.1")
        try:
            capture = Capture(self.there, self.devices[2][1])
            await self.talk(alice, bob)
            await self.on_xdp(alice, bob)
            self.assertNotEqual(capture.read("ip.src==10.77.1.1 && ip.dst==10.77.1.2 && udp", "frame.len"), [])
            capture.close()
        finally:
            self.here.ip("route", "del", "10.77.1.2/32")
        await self.on_xdp(alice, bob)

    async def test_the_mtu_shrinks(self):
        alice, bob = await self.pair("10.77.1.1", "10.77.2.1")
        await self.on_xdp(alice, bob)
        before = self.fallbacks("too_large")
        self.here.ip("link", "set", self.devices[2][0], "mtu", "1000")
        try:
            await self.talk_until(alice, bob, lambda: self.fallbacks("too_large") > before, payload=b"z" * 1190)
            await self.on_xdp(alice, bob)
        finally:
            self.here.ip("link", "set", self.devices[2][0], "mtu", "1500")
            self.here.ip("addr", "add", "fd77:2::1/64", "dev", self.devices[2][0], "nodad")

    async def test_the_link_goes_down_and_comes_up(self):
        near, far = self.devices[2]
        alice, bob = await self.pair("10.77.1.1", "10.77.2.1")
        await self.on_xdp(alice, bob)
        self.there.ip("link", "set", far, "down")
        await self.shout_until(alice, bob, "link_down")
        self.there.ip("link", "set", far, "up")
        await self.hear(alice, bob)
        await self.on_xdp(alice, bob)

    async def test_a_receiver_on_this_machine(self):
        alice, bob = await self.pair(other="127.0.0.1")
        before = self.fallbacks("local")
        await self.talk(alice, bob)
        self.assertGreaterEqual(self.fallbacks("local") - before, 20)

    async def test_policy_routing(self):
        alice, bob = await self.pair()
        await self.on_xdp(alice, bob)
        before = self.fallbacks("policy")
        self.here.ip("rule", "add", "fwmark", "7", "table", "100")
        try:
            await self.talk_until(alice, bob, lambda: self.fallbacks("policy") > before)
        finally:
            self.here.ip("rule", "del", "fwmark", "7", "table", "100")
        await self.on_xdp(alice, bob)

    async def test_a_device_of_another_kind(self):
        alice, bob = await self.pair("10.77.1.1", "10.77.2.1")
        await self.on_xdp(alice, bob)
        self.here.ip("tuntap", "add", "dev", "rctap", "mode", "tap")
        try:
            self.here.ip("link", "set", "rctap", "up")
            self.here.ip("route", "add", "10.77.2.2/32", "dev", "rctap")
            await self.shout_until(alice, bob, "device")
        finally:
            self.here.ip("link", "del", "rctap")
        await self.hear(alice, bob)
        await self.on_xdp(alice, bob)

    async def test_the_queue_is_taken(self):
        await self.on_xdp(*await self.pair())
        first, second = self.daemon, self.make()
        try:
            type(self).daemon = second
            alice, bob = await self.pair()
            await self.talk(alice, bob)
            self.assertGreater(self.fallbacks("queue"), 0)
            self.assertEqual(self.sent(), 0)
            self.assertIn(b"datagrams leave by the socket", second.log_text())
        finally:
            type(self).daemon = first
            second.stop()


class EpollTest(Places):
    @classmethod
    def make(cls, **settings):
        return super().make(io="epoll", **settings)

    async def test_epoll_too(self):
        for host in ("10.77.1.1", "fd77:1::1"):
            alice, bob = await self.pair(host)
            await self.on_xdp(alice, bob)
            before = self.fallbacks("too_large")
            self.assertEqual(before, 0)


class DtlsTest(Places):
    @classmethod
    def make(cls):
        cls.certificates = secure.Certificates("localhost,10.77.1.1")
        return secure.SecureDaemon(cls.certificates, "--shards", "2", "--set", "listen.address=0.0.0.0", egress="xdp")

    def test_records_leave_so_too(self):
        session = self.daemon.create_session(players_max=20)
        lines = "".join(f"{self.daemon.reserve(session)} 0\n" for _ in range(20))
        command = self.there.command(secure.program("E2E_CROWD"), "10.77.1.1", str(self.daemon.tcp_port), self.certificates.path("ca.pem"), "localhost", "120")
        result = subprocess.run(command, input=lines, capture_output=True, text=True, timeout=200)
        self.assertIn("done 20 of 20", result.stdout, result.stderr)
        self.assertGreater(self.sent(), 20)


class RefusalTest(unittest.TestCase):
    def test_without_the_capability(self):
        command = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", os.environ["RINGCASTD"], "--dev", "--set", "egress=xdp", "--tcp-port", "0", "--udp-port", "0",
                   "--admin", "off", "--service", "off"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, "CAP_NET_RAW")

    def test_a_word_that_is_none(self):
        result = subprocess.run([os.environ["RINGCASTD"], "--dev", "--set", "egress=dpdk"], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(result.returncode, 0)
        self.assertRegex(result.stderr, "egress.*socket")


if __name__ == "__main__":
    if reason := problem():
        print(f"skipped: {reason}")
        sys.exit(SKIP)
    secure.main(needs_tools=["tshark", "tcpdump", "ethtool", "setpriv"], needs_programs=["RINGCASTD"])
