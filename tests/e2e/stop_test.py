#!/usr/bin/python3
"""A daemon is told to stop while everything is going on at once: players on all wires come and go, scripts answer, admin and service are asked, limits and
certificates change. It ends, says nothing of sanitizers, and leaves no process behind. Only the end is looked at; what players get is other tests' matter."""

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import unittest

import scripts
import secure
from player import Player
from questions import Admin
from secure import Certificates, SecureDaemon, program

SHARDS, LOADS = 3, (("--secure",), ("--tcp",), ("--secure", "--tcp"), ())
ENOUGH = 2000  # deliveries before the end: everything is under way


class Asking(threading.Thread):
    """Asks until the daemon is gone; how often it was answered."""

    def __init__(self, ask):
        super().__init__()
        self.ask, self.count, self.error = ask, 0, None
        self.start()

    def run(self):
        try:
            while True:
                self.ask(self.count)
                self.count += 1
        except Exception as error:  # it is gone, or says that it is stopping: good when it was told to
            self.error = error


class StopTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.certificates = Certificates()
        self.context = self.certificates.context()
        self.folder = os.path.join(self.certificates.directory, "scripts")
        self.daemon = SecureDaemon(self.certificates, "--dev", "--shards", str(SHARDS), tls__mode="optional", scripts__directory=self.folder,
                                   limits__connections_per_address_max=2000, limits__handshakes_per_second_per_address=2000)
        self.admin = f"http://127.0.0.1:{self.daemon.admin_port}"
        self.service_port = int(re.search(rb'"service":"127.0.0.1:(\d+)"', self.daemon.log_text())[1])

    def load(self, *options):
        command = [program("E2E_LOAD"), "--admin", self.admin, "--sessions", "6", "--players", "4", "--rate", "10", "--duration", "120", "--churn", "5"]
        command += [*options, *(("--ca", self.certificates.path("ca.pem"), "--host-name", secure.HOST_NAME) if "--secure" in options else ())]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def push(self, number):
        if os.environ.get("RINGCAST_HAS_LUA"):
            self.daemon.send("POST", "/v1/scripts/lua", "application/zip", scripts.make_zip(scripts.lua(f"version {number}")))
        if os.environ.get("RINGCAST_HAS_NODE"):
            self.daemon.send("POST", "/v1/scripts/js", "application/zip", scripts.make_zip(scripts.js(f"version {number}")))

    async def scripted(self):
        players = []
        for language in ("lua", "js"):
            if os.environ.get({"lua": "RINGCAST_HAS_LUA", "js": "RINGCAST_HAS_NODE"}[language]):
                for shard in range(SHARDS):
                    players.append(await Player.join(self.daemon, self.daemon.create_session(script=language, shard=shard)))
        return players

    async def talk(self, player):
        """To the script, which answers each message."""
        with contextlib.suppress(Exception):  # the daemon stops
            while True:
                await player.send(10, b"hello", player=-1)
                await player.receive()

    def change(self, number):
        self.certificates.make("server", f"{secure.HOST_NAME},127.0.0.1")
        self.daemon.request("POST", "/v1/reload", {})
        self.push(number + 1)

    def look(self, _):
        with Admin(self.daemon.admin_port) as admin:
            admin.metrics()
            for page in admin.pages():
                for session in page["sessions"][:3]:
                    with contextlib.suppress(AssertionError):  # it has ended meanwhile
                        admin.ask("GET", f"/v1/sessions/{session['id']}/players")

    def serve(self, number):
        def ask(operation, **body):
            connection = http.client.HTTPSConnection("127.0.0.1", self.service_port, timeout=60, context=self.context)
            with contextlib.closing(connection):
                connection.request("POST", "/", json.dumps(body), {"X-Amz-Target": f"GameLift.{operation}", "Content-Type": "application/x-amz-json-1.1"})
                return json.loads(connection.getresponse().read())

        session = ask("CreateGameSession", FleetId="fleet-1", MaximumPlayerSessionCount=4)["GameSession"]["GameSessionId"]
        ask("CreatePlayerSession", GameSessionId=session, PlayerId=f"p{number}")
        ask("DescribePlayerSessions", GameSessionId=session)
        if number % 2:
            ask("TerminateGameSession", GameSessionId=session, TerminationMode="FORCE_TERMINATE")

    async def test_under_load(self):
        self.push(0)
        players = await self.scripted()
        talks = [asyncio.create_task(self.talk(player)) for player in players]
        loads = [self.load(*options) for options in LOADS]
        asking = [Asking(ask) for ask in (self.look, self.change, self.serve)]
        try:
            while self.daemon.process.poll() is None:
                metrics = await asyncio.to_thread(self.daemon.metrics)
                under_way = [metrics[f"ringcast_deliveries_{kind}_total"] >= ENOUGH for kind in ("fast", "reliable")]
                if all(under_way) and all(thread.count > 2 or not thread.is_alive() for thread in asking):
                    break
                self.assertEqual([load.poll() for load in loads], [None] * len(loads), "a generator ended before the daemon")
                await asyncio.sleep(0.05)
            self.assertEqual([thread.error for thread in asking], [None] * len(asking), "an answer was no good before the end")
            await asyncio.to_thread(self.daemon.stop)
        finally:
            if self.daemon.process.poll() is None:
                self.daemon.process.kill()
            for load in loads:
                load.send_signal(signal.SIGKILL)
                load.wait()
            for thread in asking:
                thread.join()
            for talk in talks:
                talk.cancel()


if __name__ == "__main__":
    if not program("E2E_LOAD") or not program("E2E_CLI"):
        sys.exit(secure.SKIP)
    unittest.main(verbosity=2)
