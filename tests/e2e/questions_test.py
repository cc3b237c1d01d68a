#!/usr/bin/python3
"""Thousands of sessions, and somebody who asks about all of them: the answers are whole, the shards give them in short turns, and players lose nothing.

Counted is what is the same on every machine: turns, sessions, messages. How long the turns are is bench/questions.py's to say.
"""

import os
import pathlib
import tempfile
import threading
import unittest

import scripts
from daemon import Daemon
from player import Player
from questions import Admin, Turns

SESSIONS, SHARDS, ITEMS_PER_TURN_MAX = 4096, 2, 64
MESSAGES = 400


class QuestionsTest(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.config = pathlib.Path(cls.folder.name, "config.yaml")
        cls.config.write_text("limits:\n  messages_per_second: 999\n")
        cls.daemon = Daemon("--config", str(cls.config), "--shards", str(SHARDS), limits__sessions_max=SESSIONS // SHARDS + 64,
                            scripts__directory=os.path.join(cls.folder.name, "scripts"))
        cls.admin = Admin(cls.daemon.admin_port)
        cls.ids = set(cls.admin.create(SESSIONS))

    @classmethod
    def tearDownClass(cls):
        cls.admin.connection.close()
        cls.daemon.stop()
        cls.folder.cleanup()

    def assert_whole(self, pages):
        found = [session["id"] for page in pages for session in page["sessions"]]
        self.assertEqual(found, sorted(set(found)))
        self.assertEqual(self.ids - set(found), set())
        return found

    def test_all_are_listed_once(self):
        pages = list(self.admin.pages())
        self.assert_whole(pages)
        for page in pages:
            self.assertEqual(page["total"], self.admin.metrics()["ringcast_sessions"])

    def test_a_list_is_made_in_turns(self):
        """Not one more than a turn may have: each page takes every shard as many turns as its sessions need."""
        before = self.admin.metrics()
        page = next(self.admin.pages())
        after = self.admin.metrics()
        for shard in range(SHARDS):
            turns = Turns(after).count_since(Turns(before), shard)
            self.assertGreaterEqual(turns, page["total"] // SHARDS // ITEMS_PER_TURN_MAX, f"shard {shard}")

    def ask_until(self, is_ending, counts, errors):
        try:
            with Admin(self.daemon.admin_port) as admin:
                while not is_ending.is_set() or counts["lists"] == 0:
                    self.assert_whole(admin.pages())
                    counts["lists"] += 1
        except BaseException as error:  # the test's thread raises it
            errors.append(error)

    def change_until(self, is_ending, counts, errors):
        try:
            with Admin(self.daemon.admin_port) as admin:
                while not is_ending.is_set() or counts["changes"] == 0:
                    number = counts["changes"]
                    self.config.write_text(f"limits:\n  messages_per_second: {1000 + number}\n")
                    self.assertEqual(admin.ask_json("POST", "/v1/reload", {})["changed"], ["limits.messages_per_second"])
                    if os.environ.get("RINGCAST_HAS_LUA"):
                        admin.ask("POST", "/v1/scripts/arena", scripts.make_zip(scripts.lua(f"version {number}")), "application/zip")
                    counts["changes"] += 1
        except BaseException as error:
            errors.append(error)

    async def test_players_lose_nothing_meanwhile(self):
        is_ending, counts, errors = threading.Event(), {"lists": 0, "changes": 0}, []
        threads = [threading.Thread(target=work, args=(is_ending, counts, errors)) for work in (self.ask_until, self.change_until)]
        players = [await Player.join(self.daemon, session) for session in sorted(self.ids)[:2] for _ in range(2)]
        drops_before = {name: value for name, value in self.admin.metrics().items() if name.startswith("ringcast_drops_total")}
        for thread in threads:
            thread.start()
        try:
            for number in range(MESSAGES):
                for speaker, listener in ((0, 1), (2, 3)):
                    await players[speaker].send(10, b"%d" % number, player=players[listener].peer_id)
                    await players[listener].expect(10, b"%d" % number, players[speaker].peer_id)
        finally:
            is_ending.set()
            for thread in threads:
                thread.join()
        self.assertEqual(errors, [])
        self.assertEqual({name: value for name, value in self.admin.metrics().items() if name.startswith("ringcast_drops_total")}, drops_before)
        for player in players:
            await player.expect_nothing()
            await player.leave()


if __name__ == "__main__":
    unittest.main(verbosity=2)
