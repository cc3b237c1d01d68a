#!/usr/bin/python3
"""Clients of several languages in one session: the example game (docs/examples/README.md), played by a page in headless Chromium, by Node, and by the C and the C# client.

Each is behind its conformance driver. Where there is no Chromium or no Mono, the others play."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from daemon import Daemon

TOP = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/conformance"))
from driver import Driver  # noqa: E402

ENTER, STEP, STATE, WON = 10, 11, 20, 21
ROOM, COINS = 1, (5, 9, 1, 7, 5, 9)
START_SECONDS = 60
DRIVERS = {
    "c": [os.environ.get("DRIVER_C", "")],
    "node": ["node", str(TOP / "tests/conformance/drivers/js/driver.mjs")],
    "csharp": ["mono", "--debug", os.environ.get("CSHARP_DRIVER", "")],
    "browser": [str(TOP / "tests/conformance/drivers/browser/driver.py")],
}
has_browser = any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
MISSING = ([] if has_browser else ["browser"]) + ([] if os.environ.get("CSHARP_DRIVER") else ["csharp"])


class Player:
    """A client in the game. heard: what the game has said to it since it was cleared, as (op code, text)."""

    def __init__(self, name, port):
        self.name, self.port, self.heard = name, port, []
        self.driver = Driver(DRIVERS[name])

    def join(self):
        """Again and again until the session is there: its script is tried out first."""
        until = time.monotonic() + START_SECONDS
        while True:
            self.do("connect", host="127.0.0.1", port=self.port, token=f"dev-demo-{self.name}", payload=b"rooms 1".hex(), fast="fast" in self.driver.can,
                    connect_timeout_ms=60_000, close_timeout_ms=60_000, ping_interval_ms=1000)
            event = self.driver.event()
            if event["event"] == "connected":
                self.peer = event["peer"]
                break
            if time.monotonic() > until:
                raise AssertionError(f"{self.name} may not join: {event}")
            time.sleep(0.05)
        if "fast" in self.driver.can:
            event = self.driver.event()
            assert event["event"] == "fast_ready", event

    def do(self, do, **arguments):
        found = self.driver.command(do, **arguments)
        assert found["result"] == "ok", f"{self.name}: {do}: {found}"

    def say(self, opcode, text):
        self.do("send", opcode=opcode, player=-1, group=0, fast=True, payload=text.encode().hex())

    def hear(self):
        """The next thing that the game says; updates of memberships are the engine's."""
        while (event := self.driver.event())["event"] == "membership":
            pass
        assert event["event"] == "message" and event["sender"] == -1, f"{self.name}: {event}"
        self.heard.append((event["opcode"], bytes.fromhex(event["payload"]).decode()))
        return self.heard[-1]

    def enter(self, room):
        self.say(ENTER, str(room))
        while f",{self.peer} 0 0" not in self.hear()[1]:
            pass

    def cell(self, text):
        return int(re.search(rf",{self.peer} (\d) ", text)[1])

    def walk(self, cell):
        """Step by step to a cell, each as far as the game has shown it."""
        while (now := self.cell(self.heard[-1][1])) != cell:
            self.say(STEP, "+" if cell > now else "-")
            while self.hear()[0] != STATE or self.cell(self.heard[-1][1]) == now:
                pass

    def leave(self):
        self.do("disconnect")
        while (event := self.driver.event())["event"] != "disconnected":
            pass
        assert event["code"] == 1000, event
        self.driver.quit()


class Game(unittest.TestCase):
    def test_one_session_all_clients(self):
        names = [name for name in DRIVERS if name not in MISSING]
        daemon = Daemon("--dev", "--script", str(TOP / "docs/examples" / os.environ["GAME"] / "rooms"))
        players = []
        try:
            for name in names:
                players.append(Player(name, daemon.tcp_port))
                players[-1].join()
            for player in players:
                player.enter(ROOM)
            self.play(players)
            for player in players:
                player.leave()
        finally:
            for player in players:
                if player.driver.process.poll() is None:
                    player.driver.kill()
            daemon.stop()

    def play(self, players):
        """The last takes three coins and wins, then each other takes one. All see the same, word for word."""
        everybody = [player.peer for player in players]
        for player in players:
            while not all(f",{peer} 0 0" in player.heard[-1][1] for peer in everybody):
                player.hear()
            player.heard = player.heard[-1:]
        coins = iter(COINS)
        *others, winner = players
        for player in [winner] * 3 + others:
            self.catch_up(players)
            player.walk(next(coins))
        self.catch_up(players)
        story = players[0].heard
        for player in players:
            self.assertEqual(player.heard, story, player.name)
        self.assertIn((WON, f"{winner.peer} {ROOM} {winner.name}"), story)
        self.assertEqual(story[-1][0], STATE)

    def catch_up(self, players):
        """All have heard as much as the one who has heard most."""
        most = max(len(player.heard) for player in players)
        for player in players:
            while len(player.heard) < most:
                player.hear()


@unittest.skipUnless(os.environ["GAME"] == "js", "once is enough")
class Readme(unittest.TestCase):
    def test_the_example_of_the_javascript_client(self):
        text = (TOP / "proto/clients/js/README.md").read_text()
        example = re.search(r"^```js\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]
        self.assertLessEqual(len([line for line in example.splitlines() if line.strip()]), 15)
        daemon = Daemon("--dev")
        try:
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / "node_modules").mkdir()
                (Path(folder) / "node_modules/ringcast-client").symlink_to(TOP / "proto/clients/js")
                (Path(folder) / "example.mjs").write_text(example.replace(":7777/", f":{daemon.tcp_port}/"))
                done = subprocess.run(["node", "example.mjs"], cwd=folder, capture_output=True, text=True, timeout=START_SECONDS)
            self.assertEqual((done.stdout.splitlines(), done.stderr), (["I am player 1", "op 1 of 1: hello, group", "the end: normal"], ""))
        finally:
            daemon.stop()


if __name__ == "__main__":
    print(json.dumps({"missing": MISSING, "game": os.environ["GAME"]}), flush=True)
    unittest.main(verbosity=2)
