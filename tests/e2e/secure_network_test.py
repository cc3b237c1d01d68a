#!/usr/bin/python3
"""DTLS over networks that lose and reorder datagrams, and clients that come back from the same address and port without a goodbye."""

import asyncio
import re
import socket
import subprocess
import sys
import unittest

import secure
from daemon import Daemon
from player import until
from secure import HOST_NAME, Certificates, SecureDaemon, program
from udp_proxy import Proxy

CLIENTS = 200
SECONDS = 120  # a lost flight is repeated after 1, 2, 4, ... s; this ends a test that has failed
PROXY_ADDRESS = "127.0.0.2"


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Network(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def tokens(self, count, udp_port=0):
        session = self.daemon.create_session(name="network", players_max=count)
        return "".join(f"{self.daemon.reserve(session)} {udp_port}\n" for _ in range(count))

    async def crowd(self, lines, *options, address="127.0.0.1", host_name=HOST_NAME):
        arguments = [address, str(self.daemon.tcp_port), self.certificates.path("ca.pem"), host_name, str(SECONDS), *options]
        process = await asyncio.create_subprocess_exec(program("E2E_CROWD"), *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdin.write(lines.encode())
        process.stdin.close()
        return process

    async def last_line(self, process):
        """What a crowd that holds says when all are up."""
        while not (line := (await process.stdout.readline()).decode()).startswith("done"):
            self.assertNotEqual(line, "", "the client ended")
        return line.strip()

    async def change_ports(self, host_name):
        """An address translator forgets its entries; each client tells when its messages go fast again."""
        proxy = await Proxy(PROXY_ADDRESS).open(self.daemon.tcp_port, self.daemon.udp_ports)
        try:
            process = await self.crowd(self.tokens(5), "hold", "300", address=PROXY_ADDRESS, host_name=host_name)
            self.assertEqual(await self.last_line(process), "done 5 of 5, 0 retries")
            proxy.rebind()
            again = set()
            while len(again) < 5:
                line = (await asyncio.wait_for(process.stdout.readline(), SECONDS)).decode()
                self.assertRegex(line, r"^again \d+\n$")
                again.add(line)
            self.assertEqual(self.daemon.gauge("players"), 5)
            process.kill()
            await process.wait()
        finally:
            proxy.close()
        await until(lambda: self.daemon.gauge("players") == 0)


class NetworkTest(Network):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.daemon = SecureDaemon(cls.certificates, "--shards", "2", limits__connections_per_address_max=2 * CLIENTS)

    async def crowd_through(self, count, **faults):
        proxy = await Proxy(PROXY_ADDRESS, **faults).open(self.daemon.tcp_port, self.daemon.udp_ports)
        try:
            process = await self.crowd(self.tokens(count), address=PROXY_ADDRESS)
            output = (await process.stdout.read()).decode()
            code = await process.wait()
        finally:
            proxy.close()
        times = sorted(int(match) for match in re.findall(r"^up \d+ (\d+)$", output, re.M))
        summary = output.splitlines()[-1]
        print(f"\n{faults}: {summary}; {proxy.lost} of {proxy.passed} datagrams lost, {proxy.reordered} reordered; "
              f"median {times[len(times) // 2] if times else 0} ms, slowest {times[-1] if times else 0} ms", file=sys.stderr)
        self.assertEqual(len(times), count)
        self.assertEqual(code, 0)
        return proxy

    async def test_no_faults(self):
        proxy = await self.crowd_through(20)
        self.assertEqual(proxy.lost + proxy.reordered, 0)

    async def test_loss(self):
        proxy = await self.crowd_through(CLIENTS, loss=0.10, seed=1)
        self.assertGreater(proxy.lost, CLIENTS / 2)

    async def test_reordering(self):
        proxy = await self.crowd_through(CLIENTS, reorder=0.30, seed=2)
        self.assertGreater(proxy.reordered, CLIENTS)

    async def test_loss_and_reordering(self):
        await self.crowd_through(CLIENTS, loss=0.10, reorder=0.30, seed=3)

    async def test_repeated_datagrams(self):
        """Each comes a second time, up to a second later: hellos with their cookies, flights, records. Nobody may be thrown out or hear twice."""
        proxy = await Proxy(PROXY_ADDRESS, repeat=1.0, seed=4).open(self.daemon.tcp_port, self.daemon.udp_ports)
        try:
            await asyncio.to_thread(self.play, f"{PROXY_ADDRESS}:{self.daemon.tcp_port}")
        finally:
            proxy.close()
        self.assertGreater(proxy.repeated, 500)

    def play(self, server):
        # few: a proxy in Python on a busy machine must not be what loses something
        with secure.players_meanwhile(self.daemon, 5, server=server, sessions=2, players=4, rate=5):
            pass

    async def test_clients_notice_that_they_have_another_port(self):
        """Associations are bound to the old ports: each client makes another."""
        await self.change_ports(HOST_NAME)

    async def test_same_address_and_port_again(self):
        """kill -9, and a new process on the same UDP port: the server must not hold the old association against it."""
        port = free_udp_port()
        for _ in range(3):
            process = await self.crowd(self.tokens(1, port), "hold")
            self.assertEqual(await self.last_line(process), "done 1 of 1, 0 retries")
            process.kill()
            await process.wait()
            await until(lambda: self.daemon.gauge("players") == 0)

    async def test_same_address_and_port_while_the_old_player_still_seems_to_be_there(self):
        """The network hides that the first client is gone: to the server, a known address says hello again, and only the cookie tells why."""
        port = free_udp_port()
        proxy = await Proxy(PROXY_ADDRESS, hides_ends=True).open(self.daemon.tcp_port, self.daemon.udp_ports)
        try:
            for number in range(3):
                process = await self.crowd(self.tokens(1, port), "hold", address=PROXY_ADDRESS)
                self.assertEqual(await self.last_line(process), "done 1 of 1, 0 retries")
                self.assertEqual(self.daemon.gauge("players"), number + 1)
                process.kill()
                await process.wait()
        finally:
            proxy.close()
        await until(lambda: self.daemon.gauge("players") == 0)


class PlainTest(Network):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.daemon = Daemon("--set", "listen.address=127.0.0.1", "--shards", "2")

    async def test_clients_notice_that_they_have_another_port(self):
        """In clear the server takes the new port once the old one has been silent for a while: hellos go on until then."""
        await self.change_ports("-")


if __name__ == "__main__":
    secure.main(needs_programs=["E2E_CLI", "E2E_CROWD", "E2E_LOAD"])
