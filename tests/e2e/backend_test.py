#!/usr/bin/python3
"""docs/examples/backend: players ask it where to play, and play there. Left out where Node does not find @aws-sdk/client-gamelift (NODE_PATH says where)."""

import concurrent.futures
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

from daemon import Daemon
from player import Player

TOP = pathlib.Path(__file__).resolve().parents[2]
SKIPPED = 77
ENTER, STATE, NEWS = 10, 20, 23  # docs/examples/README.md


class BackendTest(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("--dev", "--script", TOP / "docs/examples/lua/rooms")
        port = re.search(rb'"service":"(127.0.0.1:\d+)"', cls.daemon.log_text())[1].decode()
        cls.backend = subprocess.Popen(["node", TOP / "docs/examples/backend/server.cjs"], stdout=subprocess.PIPE, text=True,
                                       env={**os.environ, "ENDPOINT": f"http://{port}", "PORT": "0", "PLAYERS_MAX": "2",
                                            "ADMIN": f"http://127.0.0.1:{cls.daemon.admin_port}"})
        cls.port = int(cls.backend.stdout.readline().split()[-1])

    @classmethod
    def tearDownClass(cls):
        cls.backend.terminate()
        cls.backend.wait()
        cls.backend.stdout.close()
        cls.daemon.stop()

    def post(self, body, path="/play"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", path, body)
        response = connection.getresponse()
        answer = response.status, json.loads(response.read())
        connection.close()
        return answer

    def play(self, player):
        status, place = self.post(json.dumps({"player": player}))
        self.assertEqual(status, 200, place)
        return place

    async def test_players_come_together_and_play(self):
        with concurrent.futures.ThreadPoolExecutor(5) as pool:
            places = list(pool.map(self.play, ["alice", "bob", "carol", "dave", "eve"]))
        by_session = {}
        for place in places:
            self.assertEqual((place["address"], place["port"]), ("127.0.0.1", self.daemon.tcp_port))
            by_session.setdefault(place["session"], []).append(place)
        self.assertEqual(sorted(len(group) for group in by_session.values()), [1, 2, 2])
        pair = next(group for group in by_session.values() if len(group) == 2)
        one, two = [await Player.join(self.daemon, token=place["token"]) for place in pair]
        await one.send(10, b"hello", player=two.peer_id)
        await two.expect(10, b"hello", one.peer_id)
        await one.leave()
        await two.leave()

    async def test_the_example_game_is_played_and_hears_the_backend(self):
        place = self.play("frank")
        player = await Player.join(self.daemon, token=place["token"], payload=b"rooms 1")
        await player.send(ENTER, b"1", player=-1)
        await player.expect_membership(1, [player.peer_id])
        state = (await player.expect(STATE)).payload
        self.assertTrue(state.endswith(f",{player.peer_id} 0 0".encode()), state)
        self.assertEqual(self.post(json.dumps({"session": place["session"], "text": "a round begins, ü"}), "/news"), (200, {"state": "sent"}))
        await player.expect(NEWS, "a round begins, ü".encode(), -1)
        await player.leave()

    def test_news_for_nobody(self):
        status, answer = self.post(json.dumps({"session": "arn:aws:gamelift:local::gamesession/fleet-dev/none", "text": "x"}), "/news")
        self.assertEqual(status, 404, answer)

    def test_what_is_wrong_is_the_client_s(self):
        for body in ("", "{", "{}", '{"player": 7}', '{"player": ""}', '{"player": "' + "x" * 2000 + '"}', "x" * 10000):
            status, answer = self.post(body)
            self.assertEqual(status, 400, body[:50])
            self.assertTrue(answer["error"])
        self.assertEqual(self.post("{}", "/other")[0], 400)


if __name__ == "__main__":
    if subprocess.run(["node", "-e", "require('@aws-sdk/client-gamelift')"], capture_output=True).returncode != 0:
        sys.exit(SKIPPED)
    unittest.main()
