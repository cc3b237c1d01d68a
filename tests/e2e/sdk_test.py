#!/usr/bin/python3
"""@aws-sdk/client-gamelift, unmodified, over AWS JSON and over Smithy RPC v2 CBOR: fleet, alias, session, players who join and talk, pages, faults, end.

The package comes by npm into a folder that RINGCAST_NPM_CACHE names, or a new one; without npm, or where it reaches no registry, the test is skipped."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

from daemon import Daemon
from player import Player
from service_test import service_port

HERE = os.path.dirname(os.path.abspath(__file__))
SKIP = 77
INSTALL_SECONDS = 240


def install(folder):
    """"" when it is there, else why not."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return "there is no npm (Debian: nodejs, npm)"
    if os.path.isdir(os.path.join(folder, "node_modules/@aws-sdk/client-gamelift")):
        return ""
    with open(os.path.join(folder, "package.json"), "w", encoding="ascii") as file:
        json.dump({"name": "ringcast-test", "private": True}, file)
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries", "1", "@aws-sdk/client-gamelift@3"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"npm has not installed @aws-sdk/client-gamelift within {INSTALL_SECONDS} s"
    return "" if done.returncode == 0 else f"npm cannot install @aws-sdk/client-gamelift: {done.stderr.strip().splitlines()[-1:]}"


class SdkTest(unittest.IsolatedAsyncioTestCase):
    folder = None

    async def play(self, wire):
        daemon = Daemon("--dev", "--shards", "2")
        backend = subprocess.Popen(["node", os.path.join(HERE, "interop/gamelift.mjs"), wire, f"http://127.0.0.1:{service_port(daemon)}"],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=dict(os.environ, GAMELIFT_SDK=self.folder))
        try:
            line = await asyncio.to_thread(backend.stdout.readline)
            self.assertTrue(line, backend.stderr.read() if not line else "")
            given = json.loads(line)
            self.assertEqual((given["ip"], given["port"]), ("127.0.0.1", daemon.tcp_port))
            alice = await Player.join(daemon, token=given["tokens"][0], udp=True)
            bob = await Player.join(daemon, token=given["tokens"][1])
            await alice.send(10, b"hello", player=bob.peer_id)
            await bob.expect(10, b"hello", alice.peer_id)
            _, complaint = await asyncio.to_thread(backend.communicate, "played\n", 120)
            self.assertEqual(backend.returncode, 0, complaint)
        finally:
            if backend.poll() is None:
                backend.kill()
                backend.wait()
            daemon.stop()

    async def test_json(self):
        await self.play("json")

    async def test_cbor(self):
        await self.play("cbor")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        SdkTest.folder = os.environ.get("RINGCAST_NPM_CACHE") or temporary
        problem = install(SdkTest.folder)
        if problem:
            print(f"skipped: {problem}")
            sys.exit(SKIP)
        sys.exit(0 if unittest.main(verbosity=2, exit=False).result.wasSuccessful() else 1)
