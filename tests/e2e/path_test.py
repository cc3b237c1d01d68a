#!/usr/bin/python3
"""The way from the daemon to a player, in network namespaces: a small MTU, a machine with several addresses, and a NAT that changes its mind.

Needs root and namespaces; skipped (77) where they are not to be had.
"""

import asyncio
import ctypes
import os
import socket
import shutil
import subprocess
import sys
import unittest

import realtime
from daemon import Daemon
from player import Player, _Datagrams, until
from realtime import Packet

MTU = 1200
SERVER = [("10.77.0.1", "10.77.0.2"), ("fd77::1", "fd77::2")]
CLIENT = ["10.77.0.9", "fd77::9"]
NAMES = [f"ringcast-{os.getpid()}-{side}" for side in ("server", "client")]
CLONE_NEWNET = 0x40000000


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def enter(name):
    with open(f"/run/netns/{name}") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class client_side:
    """What is opened here is the client's: a socket stays in the namespace that it was made in."""

    def __enter__(self):
        enter(NAMES[1])

    def __exit__(self, *_):
        enter(NAMES[0])


def make_network():
    for name in NAMES:
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
    run("ip", "link", "add", "veth0", "netns", NAMES[0], "type", "veth", "peer", "name", "veth0", "netns", NAMES[1])
    for name, addresses in ((NAMES[0], [a for family in SERVER for a in family]), (NAMES[1], CLIENT)):
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.veth0.accept_dad=0")
        # Below 1280 there is no IPv6 on a link: the small MTU is the route's.
        run("ip", "-n", name, "link", "set", "veth0", "up", "mtu", "1500")
        for address in addresses:
            run("ip", "-n", name, "address", "add", f"{address}/{64 if ':' in address else 24}", "dev", "veth0",
                *(["nodad"] if ":" in address else []))
        run("ip", "-n", name, "route", "change", "10.77.0.0/24", "dev", "veth0", "mtu", str(MTU), "src", addresses[0])


def remove_network():
    if shutil.which("ip") is None:
        return
    for name in NAMES:
        subprocess.run(["ip", "netns", "delete", name], check=False, stderr=subprocess.DEVNULL)


def link_local(name):
    text = subprocess.run(["ip", "-n", name, "-o", "-6", "address", "show", "dev", "veth0", "scope", "link"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return text.split()[3].split("/")[0]


class FarPlayer(Player):
    """A player on the other side of the cable."""

    def __init__(self, websocket, host):
        super().__init__(websocket, host)
        self.address = host

    @classmethod
    async def arrive(cls, daemon, session, host):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with client_side():
            stream = socket.socket(family)
            name = socket.getaddrinfo(host, daemon.tcp_port, family)[0][4] if "%" in host else (host, daemon.tcp_port)
        stream.connect(name)
        stream.setblocking(False)
        plain = host.split("%")[0]
        player = await cls.connect(daemon, host=plain, sock=stream)
        player.name = name
        await player.login(daemon.reserve(session))
        return player

    async def bind_udp(self, local=None):
        """Connected: what does not come from the address that was asked is not heard."""
        with client_side():
            udp = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET, socket.SOCK_DGRAM)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        udp.connect((self.name[0], self.fast_port, *self.name[2:]))
        udp.setblocking(False)
        if self.udp:
            self.udp.close()
        self.udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: _Datagrams(self), sock=udp)

    async def up(self):
        await self.open_udp()
        await self.finish_udp()
        return self


class PathTest(unittest.IsolatedAsyncioTestCase):
    def start(self, backend, **settings):
        daemon = Daemon("--listen", "0.0.0.0", "--shards", "1", io=backend, listen__address_second="::", **settings)
        self.addCleanup(daemon.stop)
        return daemon, daemon.create_session(name="path", players_max=4)

    async def bursts(self, backend):
        """Many large messages for one receiver in one tick are one segmented send, which the route's MTU makes the kernel refuse."""
        daemon, session = self.start(backend)
        player = await (await FarPlayer.arrive(daemon, session, SERVER[0][0])).up()
        for burst in range(3):
            for number in range(30):
                player.send_fast(40, bytes([burst, number]).ljust(1190, b"x"), player=player.peer_id)
            seen = set()
            while len(seen) < 30:
                packet = await player.receive()
                self.assertEqual((packet.opcode, packet.channel), (40, "udp"))
                seen.add(packet.payload[:2])
        self.assertEqual(daemon.drops("send_error"), 0)
        await player.leave()

    async def test_bursts_on_io_uring(self):
        await self.bursts("uring")

    async def test_bursts_on_epoll(self):
        await self.bursts("epoll")

    async def addresses(self, backend):
        daemon, session = self.start(backend)
        for host in (*SERVER[0], *SERVER[1], f"{link_local(NAMES[0])}%veth0"):
            with self.subTest(host=host):
                player = await (await FarPlayer.arrive(daemon, session, host)).up()
                player.send_fast(41, b"hear me", player=player.peer_id)
                await player.expect(41, b"hear me", channel="udp")
                await player.leave()

    async def test_every_address_answers_on_io_uring(self):
        await self.addresses("uring")

    async def test_every_address_answers_on_epoll(self):
        await self.addresses("epoll")

    async def test_a_new_port_for_the_same_player(self):
        """As after a NAT's rebinding: the client goes on, from another port, and says no hello."""
        daemon, session = self.start("auto")
        player = await (await FarPlayer.arrive(daemon, session, SERVER[0][0])).up()
        other = await (await FarPlayer.arrive(daemon, session, SERVER[0][0])).up()
        await player.bind_udp()
        player.send_fast(42, b"from elsewhere", player=other.peer_id)
        await until(lambda: daemon.counter("fast_lost") == 1)
        other.send_fast(43, b"the sure way", player=player.peer_id)
        await player.expect(43, b"the sure way", channel="ws")
        while daemon.counter("fast_moved") == 0:
            player.send_fast(42, b"from elsewhere", player=other.peer_id)
            await asyncio.sleep(0.05)
        other.send_fast(44, b"fast again", player=player.peer_id)
        await player.expect(44, b"fast again", channel="udp")
        await player.leave()
        await other.leave()


if __name__ == "__main__":
    try:
        make_network()
        enter(NAMES[0])
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"skipped: no network namespaces here: {error} {getattr(error, 'stderr', b'')}")
        remove_network()
        sys.exit(77)
    try:
        unittest.main()
    finally:
        remove_network()
