#!/usr/bin/python3
"""A store that cannot be used is one clear line at the start; a disk that fills up refuses changes, and sessions and players notice nothing."""

import http.client
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from daemon import Daemon
from player import Player
from service_test import service_port

NAME_BYTES = 1000


def ask(port, operation, **arguments):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", "/", json.dumps(arguments), {"X-Amz-Target": f"GameLift.{operation}", "Content-Type": "application/x-amz-json-1.1"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


class RefusedStoreTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "store.db")

    def tearDown(self):
        self.folder.cleanup()

    def refusal(self, path=None):
        command = [os.environ["RINGCASTD"], "--dev", "--tcp-port", "0", "--udp-port", "0", "--admin", "off", "--service", "127.0.0.1:0",
                   "--set", f"service.store={path or self.path}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.assertGreater(done.returncode, 0, done.stderr)
        return done.stderr

    def make(self):
        daemon = Daemon("--dev", service__store=self.path)
        for i in range(50):
            self.assertEqual(ask(service_port(daemon), "CreateLocation", LocationName=f"custom-{i}")[0], 200)
        daemon.stop()

    def test_damaged(self):
        self.make()
        with open(self.path, "r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 8000)
        self.assertIn("damaged", self.refusal())

    def test_newer(self):
        self.make()
        with sqlite3.connect(self.path) as database:
            database.execute("PRAGMA user_version = 999")
        database.close()
        self.assertIn("written by a newer version", self.refusal())

    def test_of_another_program(self):
        with sqlite3.connect(self.path) as database:
            database.execute("CREATE TABLE mine (x)")
        database.close()
        self.assertIn("database of another program", self.refusal())

    def test_folder_that_cannot_be_written_to(self):
        self.assertIn("cannot be", self.refusal("/proc/ringcast-store.db"))


def has_mounts():
    return os.geteuid() == 0 and shutil.which("unshare") is not None and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


class FullDiskTest(unittest.IsolatedAsyncioTestCase):
    @unittest.skipUnless(has_mounts(), "mounting a small disk needs root and unshare")
    async def test_a_full_disk_refuses_changes_only(self):
        with tempfile.TemporaryDirectory() as folder:
            script = os.path.join(folder, "small-disk.sh")
            disk = os.path.join(folder, "disk")
            os.mkdir(disk)
            with open(script, "w", encoding="ascii") as file:
                file.write(f'mount -t tmpfs -o size=400k none {disk} && exec "$@"\n')
            os.environ["RINGCAST_WRAPPER"] = f"unshare --mount sh {script}"
            try:
                daemon = Daemon("--dev", service__store=os.path.join(disk, "store.db"))
            finally:
                del os.environ["RINGCAST_WRAPPER"]
            await self.fill(daemon)
            daemon.stop()

    async def fill(self, daemon):
        port = service_port(daemon)
        session = ask(port, "CreateGameSession", FleetId="fleet-1", MaximumPlayerSessionCount=9)[1]["GameSession"]["GameSessionId"]
        alice, bob = [await self.join(daemon, port, session, name) for name in ("alice", "bob")]
        accepted, status = 0, 200
        while status == 200 and accepted < 2000:
            status, answer = ask(port, "CreateAlias", Name=f"{accepted:0{NAME_BYTES}}", RoutingStrategy={"Type": "TERMINAL", "Message": "m"})
            accepted += status == 200
        self.assertEqual((status, answer["__type"]), (500, "InternalServiceException"))
        self.assertIn("full", answer["Message"])
        self.assertEqual(len(ask(port, "ListAliases", Limit=1000)[1]["Aliases"]), accepted)
        self.assertGreater(daemon.metrics()["ringcast_service_store_log_pages"], 0)
        await alice.send(10, b"hello", player=bob.peer_id)
        await bob.expect(10, b"hello", alice.peer_id)
        carol = await self.join(daemon, port, session, "carol")
        for player in (alice, bob, carol):
            await player.leave()

    async def join(self, daemon, port, session, name):
        status, answer = ask(port, "CreatePlayerSession", GameSessionId=session, PlayerId=name)
        self.assertEqual(status, 200, answer)
        return await Player.join(daemon, token=answer["PlayerSession"]["PlayerSessionId"])


if __name__ == "__main__":
    unittest.main()
