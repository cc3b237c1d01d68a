#!/usr/bin/python3
"""One session on two shards, over real sockets: what is different from a pinned one, and what must not be. (relay_test.py plays all of its own on spread sessions too.)"""

import asyncio
import contextlib
import json
import os
import subprocess
import unittest

from daemon import AdminError, Daemon
from player import Player, until
from realtime import COMMAND_LOGIN, EVERYONE, GROUP_MEMBERSHIP_UPDATE, JOIN_GROUP, LOGIN, SERVER, Packet, decode, field

CROWD, MESSAGES, STORM = 24, 120, 300
MAY_MERGE, MERGE_BYTES = 19, 20  # fields of the login and of its result

daemon = None


def setUpModule():
    global daemon
    daemon = Daemon("--shards", "2", sessions__spread="auto", limits__spread_players_min=8, limits__membership_bytes_per_second=200000)


def tearDownModule():
    daemon.stop()


class SpreadTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.players = contextlib.AsyncExitStack()
        self.session = daemon.create_session(players_max=100, shard=0)

    async def asyncTearDown(self):
        await self.players.aclose()
        with contextlib.suppress(AdminError):
            daemon.end_session(self.session)

    async def join(self, session=None, **options):
        player = await Player.join(daemon, session or self.session, **options)
        self.players.push_async_callback(player.leave)
        return player

    def limbs(self, session=None):
        return {limb["shard"]: limb["player_count"] for limb in daemon.session(session or self.session).get("limbs", [])}

    async def crowd(self, **options):
        players = [await self.join(**options) for _ in range(CROWD)]
        limbs = self.limbs()
        self.assertEqual(sum(limbs.values()), CROWD)
        self.assertEqual(set(limbs), {0, 1}, "the kernel gave all connections to one shard")
        return players

    async def test_everybody_gets_everything_in_one_order(self):
        players = await self.crowd()
        await asyncio.gather(*(player.send(10, b"%d" % i, group=EVERYONE) for i, player in enumerate(players)))
        orders = [[(await player.receive()).payload for _ in players] for player in players]
        self.assertEqual(sorted(orders[0]), sorted(b"%d" % i for i in range(CROWD)))
        for order in orders:
            self.assertEqual(order, orders[0])

    async def test_fast_messages_come_by_udp_from_the_players_own_shard(self):
        players = await self.crowd(udp=True)
        for sender in players[:4]:
            sender.send_fast(11, b"fast", group=EVERYONE)
            for player in players:
                await player.expect(11, b"fast", sender.peer_id, "udp")

    async def test_groups_while_messages_fly(self):
        players = await self.crowd()
        for player in players[::2]:
            await player.group_request(JOIN_GROUP, 5)
        members = [player.peer_id for player in players[::2]]
        for player in players[::2]:
            while True:
                packet = await player.receive()
                if packet.opcode == -13 and len(members) == self.count(packet):
                    break
        for sender in players[::2]:
            await sender.send(12, b"to the group", group=5)
        for player in players[::2]:
            for _ in members:
                self.assertEqual((await player.receive()).payload, b"to the group")
        for player in players[1::2]:
            await player.expect_nothing()

    @staticmethod
    def count(packet):
        from realtime import membership
        return len(membership(packet)[1])

    async def test_one_who_does_not_read_costs_others_nothing(self):
        players = await self.crowd()
        deaf, sender = players[0], players[1]
        deaf.websocket.transport.pause_reading()
        for i in range(MESSAGES):
            await sender.send(13, b"%04d" % i + bytes(3000), group=EVERYONE)
            if i % 20 == 19:
                await asyncio.sleep(0.05)
        for player in players[1:]:
            for i in range(MESSAGES):
                packet = await player.receive()
                self.assertEqual(packet.payload[:4], b"%04d" % i)
        self.assertEqual(daemon.drops("letters_full"), 0)
        deaf.websocket.transport.resume_reading()

    async def test_kick_and_end_reach_every_shard(self):
        players = await self.crowd()
        for player in players[:6]:
            daemon.kick(self.session, player.peer_id, "enough")
            self.assertEqual(await player.expect_close(3503), "enough")
        await until(lambda: sum(self.limbs().values()) == CROWD - 6)
        self.assertEqual(len(daemon.players(self.session)), CROWD - 6)
        daemon.end_session(self.session)
        for player in players[6:]:
            await player.expect_close(3502)
        gone = [one for one in daemon.request("GET", "/v1/disconnects")["recent"] if one["session_id"] == self.session]
        self.assertEqual(sorted((one["reason"], one["is_by_api"]) for one in gone), [("kicked", True)] * 6 + [("session_ended", True)] * (CROWD - 6))
        await until(lambda: daemon.gauge("players") == 0)

    async def test_who_leaves_is_gone_at_home(self):
        players = await self.crowd()
        for player in players:
            await player.leave()
        await until(lambda: daemon.session(self.session)["player_count"] == 0)
        self.assertEqual(self.limbs(), {})
        again = await self.join()
        self.assertEqual(again.peer_id, CROWD + 1)

    async def test_a_session_that_says_no_is_pinned(self):
        for options in ({"players_max": 7}, {"players_max": 100, "spread": "never"}):
            session = daemon.create_session(shard=1, **options)
            players = [await self.join(session) for _ in range(6)]
            self.assertFalse(daemon.session(session)["spread"])
            await players[0].send(14, b"all here", group=EVERYONE)
            for player in players:
                await player.expect(14, b"all here")
            daemon.end_session(session)
        self.assertTrue(daemon.session(daemon.create_session(players_max=2, spread="always"))["spread"])
        with self.assertRaises(AdminError) as caught:
            daemon.create_session(spread="sometimes")
        self.assertEqual(caught.exception.status, 400)

    async def test_lists_say_of_everybody_what_its_shard_knows(self):
        players = await self.crowd(udp=True)
        before = {one["peer_id"]: one for one in daemon.players(self.session)}
        for player in players:
            await player.send(10, b"to all", group=EVERYONE)
        for player in players:
            for _ in players:
                await player.receive()
        listed = {one["peer_id"]: one for one in daemon.players(self.session)}
        for player in players:
            one = listed[player.peer_id]
            host, port = player.websocket.local_address[:2]
            self.assertEqual((one["address"], one["is_fast"], one["state"], one["outq_bytes"]), (f"{host}:{port}", True, "active", 0))
            grown = {name: one[name] - before[player.peer_id][name] for name in
                     ("messages_received", "messages_sent", "bytes_received", "bytes_sent", "drops")}
            self.assertEqual(grown, {"messages_received": 1, "messages_sent": CROWD, "bytes_received": 6, "bytes_sent": 6 * CROWD, "drops": 0})
        shards = [one["shard"] for one in listed.values()]
        self.assertEqual({shard: shards.count(shard) for shard in set(shards)}, self.limbs())
        rows = self.cli("player", "list", self.session).splitlines()
        self.assertEqual(len(rows), CROWD + 1)
        self.assertIn("SHARD", rows[0])

    async def test_in_a_storm_everybody_learns_who_is_in(self):
        """Three hundred join one group: more than are told at once of each change, and each knows all of them in the end."""
        session = daemon.create_session(players_max=STORM, shard=0)
        players = [await self.join(session) for _ in range(STORM)]
        before = daemon.metrics()
        for player in players:
            await player.group_request(JOIN_GROUP, 7)
        for player in players:
            count = 0
            while count != STORM:
                packet = await player.receive()
                count = self.count(packet) if packet.opcode == GROUP_MEMBERSHIP_UPDATE else count
        after = daemon.metrics()
        spent = {name: after[f"ringcast_membership_{name}_total"] - before[f"ringcast_membership_{name}_total"] for name in ("lists", "list_bytes", "lists_merged")}
        self.assertGreater(spent["lists_merged"], 10)
        self.assertLess(spent["lists"], STORM)
        daemon.end_session(session)

    async def test_a_player_on_any_shard_is_sent_several_packets_in_a_datagram(self):
        for _ in range(12):
            player = await Player.connect(daemon)
            self.players.push_async_callback(player.leave)
            await player.websocket.send(Packet(LOGIN, target_player=SERVER, reliable=True, command=COMMAND_LOGIN,
                                               body=field(1, daemon.reserve(self.session).encode()) + field(2, 2) + field(MAY_MERGE, 1)).encode())
            result = decode(await player.websocket.recv(), "ws").body_fields()
            self.assertEqual(result.get(MERGE_BYTES), 1200)
        self.assertEqual(set(self.limbs()), {0, 1}, "the kernel gave all connections to one shard")

    def cli(self, *arguments):
        done = subprocess.run([os.environ["RINGCAST"], *arguments, "--admin", f"http://127.0.0.1:{daemon.admin_port}"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    async def test_the_command_line_says_where_its_players_are(self):
        await self.crowd()
        counts = self.limbs()
        self.assertIn(", ".join(f"{counts[shard]} on shard {shard}" for shard in sorted(counts)), self.cli("session", "show", self.session))
        self.assertEqual(json.loads(self.cli("session", "show", self.session, "-o", "json"))["limbs"],
                         [{"shard": shard, "player_count": counts[shard]} for shard in sorted(counts)])
        pinned = json.loads(self.cli("session", "create", "pinned", "--players-max", "100", "--spread", "never", "-o", "json"))["id"]
        self.addCleanup(daemon.end_session, pinned)
        rows = {line.split()[0]: line for line in self.cli("session", "list").splitlines()}
        at = rows["ID"].index("SPREAD")
        self.assertEqual([rows[name][at:].split()[0] for name in (self.session, pinned)], ["yes", "no"])
        picture = self.cli("top", "--once").splitlines()
        shards = {session: next(line for line in picture if session in line).split(session)[1].split()[1] for session in (self.session, pinned)}
        self.assertEqual(shards, {self.session: "2", pinned: "1"})


if __name__ == "__main__":
    unittest.main()
