#!/usr/bin/python3
"""The relay as its players see it: real sockets, a daemon of two shards, a WebSocket library that is not ours."""

import asyncio
import contextlib
import os
import signal
import unittest
import urllib.parse

import realtime
from daemon import AdminError, Daemon
from player import Player, Refused, until
from realtime import EVERYONE, GROUP_MEMBERSHIP_UPDATE, JOIN_GROUP, LEAVE_GROUP, REQUEST_GROUP_MEMBERSHIP, SERVER, Packet

SPREAD = os.environ.get("E2E_SPREAD", "never")  # always: the same, with each session's players on both shards
daemon = None


def setUpModule():
    global daemon
    daemon = Daemon("--listen", "127.0.0.1", "--shards", "2", listen__address_second="::1", listen__udp_ports_per_shard=4, sessions__spread=SPREAD)


def tearDownModule():
    daemon.stop()


class RelayTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.session = daemon.create_session()
        self.players = contextlib.AsyncExitStack()

    async def asyncTearDown(self):
        await self.players.aclose()
        with contextlib.suppress(AdminError):
            daemon.end_session(self.session)

    async def join(self, **options):
        player = await Player.join(daemon, options.pop("session", self.session), **options)
        self.players.push_async_callback(player.leave)
        return player

    def shard_of(self, player):
        return next(one["shard"] for one in daemon.players(self.session) if one["peer_id"] == player.peer_id)

    async def join_beside(self, other, **options):
        """On the same shard, also where the kernel says which one takes a connection and its players stay there."""
        for _ in range(30):
            player = await self.join(**options)
            if self.shard_of(player) == self.shard_of(other):
                return player
            await player.leave()
        self.fail("thirty connections, and all to another shard")

    async def refusal(self, token, **options):
        with self.assertRaises(Refused) as caught:
            await self.join(token=token, **options)
        return caught.exception


class Stream(RelayTest):
    async def test_peer_ids_count_from_one(self):
        self.assertEqual([(await self.join()).peer_id for _ in range(3)], [1, 2, 3])

    async def test_direct(self):
        alice, bob, carol = await self.join(), await self.join(), await self.join()
        await alice.send(10, b"for bob", player=bob.peer_id)
        packet = await bob.expect(10, b"for bob", alice.peer_id, "ws")
        self.assertTrue(packet.reliable)
        self.assertEqual(packet.target_player, bob.peer_id)
        await alice.expect_nothing()
        await carol.expect_nothing()

    async def test_group_of_all_echoes_to_the_sender(self):
        players = [await self.join() for _ in range(3)]
        await players[1].send(11, b"hello", group=EVERYONE)
        for player in players:
            await player.expect(11, b"hello", players[1].peer_id, "ws")

    async def test_order_is_kept(self):
        alice, bob = await self.join(), await self.join()
        for i in range(500):
            await alice.send(12, b"%d" % i, player=bob.peer_id)
        for i in range(500):
            await bob.expect(12, b"%d" % i)

    async def test_message_without_target_goes_nowhere(self):
        alice, bob = await self.join(), await self.join()
        before = daemon.drops("no_target")
        await alice.send(10, b"nobody")
        await alice.send(10, b"a stranger", player=77)
        await alice.expect_nothing()
        await bob.expect_nothing()
        self.assertEqual(daemon.drops("no_target"), before + 2)

    async def test_message_to_the_server_without_a_script_is_no_error(self):
        alice = await self.join()
        await alice.send(10, b"server", player=SERVER)
        await alice.expect_nothing()
        self.assertEqual(daemon.players(self.session)[0]["drops"], 0)

    async def test_both_targets_get_the_message_once(self):
        alice, bob, carol = await self.join(), await self.join(), await self.join()
        await alice.group_request(JOIN_GROUP, 5)
        await alice.expect_membership(5, [1])
        await bob.group_request(JOIN_GROUP, 5)
        await alice.expect_membership(5, [1, 2])
        await bob.expect_membership(5, [1, 2])
        await alice.send(10, b"both", player=carol.peer_id, group=5)
        for player in (alice, bob, carol):
            await player.expect(10, b"both", alice.peer_id)
            await player.expect_nothing()

    async def test_sender_is_overwritten(self):
        alice, bob = await self.join(), await self.join()
        await alice.send(10, b"I am bob", player=bob.peer_id, sender=bob.peer_id)
        await bob.expect(10, b"I am bob", alice.peer_id)
        await alice.send(10, b"I am the server", player=bob.peer_id, sender=SERVER)
        await bob.expect(10, b"I am the server", alice.peer_id)

    async def test_undefined_negative_opcodes_are_game_messages(self):
        alice = await self.join()
        for opcode in (-500, -501, -2, 2**31 - 1, -(2**31)):
            await alice.send(opcode, b"x", player=alice.peer_id)
            await alice.expect(opcode, b"x", alice.peer_id)

    async def test_server_opcodes_from_a_client_are_dropped(self):
        alice, bob = await self.join(), await self.join()
        before = daemon.drops("bad_state")
        for opcode in (realtime.LOGIN_RESPONSE, realtime.GROUP_MEMBERSHIP_UPDATE, -101, -103, -1000):
            await alice.send(opcode, b"forged", player=bob.peer_id)
        await alice.websocket.send(realtime.login("again").encode())
        await alice.expect_nothing()
        await bob.expect_nothing()
        self.assertEqual(daemon.drops("bad_state"), before + 6)

    async def test_payload_sizes(self):
        alice, bob = await self.join(), await self.join()
        for size in (0, 1, 127, 128, 1200, 1201, 4095, 4096):
            payload = bytes(i % 251 for i in range(size))
            await alice.send(10, payload, player=bob.peer_id)
            await bob.expect(10, payload)

    async def test_any_path_is_accepted(self):
        for path in ("/", "/websocket", "/a/b?c=d"):
            player = await self.join(path=path)
            await player.send(10, path.encode(), player=player.peer_id)
            await player.expect(10, path.encode())

    async def test_fragmented_message_and_ping_between(self):
        alice, bob = await self.join(), await self.join()
        whole = Packet(10, b"in pieces", target_player=bob.peer_id).encode()
        pong = await alice.websocket.ping(b"now")

        async def pieces():
            for at in range(0, len(whole), 3):
                yield whole[at : at + 3]

        await alice.websocket.send(pieces())
        await bob.expect(10, b"in pieces", alice.peer_id)
        await asyncio.wait_for(pong, 30)

    async def test_one_message_in_one_frame(self):
        """Clients read only the first packet of a frame: merging writes must not merge frames."""
        alice, bob = await self.join(), await self.join()
        packets = [Packet(10, b"%d" % i, target_player=bob.peer_id).encode() for i in range(64)]
        for packet in packets:  # one segment, most likely
            await alice.websocket.send(packet)
        for i in range(64):
            await bob.expect(10, b"%d" % i)

    async def test_client_close_is_answered(self):
        alice, bob = await self.join(), await self.join()
        await alice.websocket.close(1000)
        self.assertEqual(alice.websocket.close_code, 1000)
        await until(lambda: daemon.session(self.session)["player_count"] == 1)
        await bob.send(10, b"gone", player=alice.peer_id)
        await bob.expect_nothing()


class Datagrams(RelayTest):
    async def test_handshake_and_both_ways(self):
        alice, bob = await self.join(udp=True), await self.join(udp=True)
        self.assertIn(alice.fast_port, daemon.udp_ports)
        alice.send_fast(20, b"fast", player=bob.peer_id)
        packet = await bob.expect(20, b"fast", alice.peer_id, "udp")
        self.assertFalse(packet.reliable)
        bob.send_fast(21, b"back", group=EVERYONE)
        await alice.expect(21, b"back", bob.peer_id, "udp")
        await bob.expect(21, b"back", bob.peer_id, "udp")
        self.assertTrue(all(player["is_fast"] for player in daemon.players(self.session)))

    async def test_hello_again_is_answered_again_with_a_fresh_number(self):
        alice = await self.join()
        first = await alice.open_udp()
        alice.send_udp(Packet(realtime.UDP_CONNECT, command=realtime.COMMAND_UDP_CONNECT, target_player=SERVER))
        second = await alice.expect(realtime.UDP_CONNECT_SERVER_ACK, sender=SERVER, channel="udp")
        self.assertEqual(first.target_player, alice.peer_id)
        self.assertGreater(second.sequence, first.sequence)

    async def test_stream_until_the_ack_is_known(self):
        alice, bob = await self.join(udp=True), await self.join()
        alice.send_fast(20, b"no hello yet", player=bob.peer_id)
        await bob.expect(20, b"no hello yet", alice.peer_id, "ws")
        await bob.open_udp()
        alice.send_fast(20, b"no ack yet", player=bob.peer_id)
        await bob.expect(20, b"no ack yet", alice.peer_id, "ws")
        await bob.finish_udp()
        alice.send_fast(20, b"now", player=bob.peer_id)
        await bob.expect(20, b"now", alice.peer_id, "udp")

    async def test_any_later_datagram_counts_as_the_ack(self):
        """The client sends its ack once; when that is lost, its first message must do."""
        alice, bob = await self.join(udp=True), await self.join()
        await bob.open_udp()
        bob.send_fast(22, b"no ack was sent", player=alice.peer_id)
        await alice.expect(22, b"no ack was sent", bob.peer_id)
        alice.send_fast(20, b"fast", player=bob.peer_id)
        await bob.expect(20, b"fast", alice.peer_id, "udp")

    async def test_reliable_stays_on_the_stream(self):
        alice, bob = await self.join(udp=True), await self.join(udp=True)
        await alice.send(20, b"reliable", player=bob.peer_id)
        packet = await bob.expect(20, b"reliable", alice.peer_id, "ws")
        self.assertTrue(packet.reliable)

    async def test_fast_payload_limit(self):
        alice, bob = await self.join(udp=True), await self.join(udp=True)
        before = daemon.drops("oversize")
        alice.send_fast(20, bytes(1201), player=bob.peer_id)
        alice.send_fast(20, bytes(1200), player=bob.peer_id)
        await bob.expect(20, bytes(1200), alice.peer_id, "udp")
        self.assertEqual(daemon.drops("oversize"), before + 1)
        await alice.send(20, bytes(1201), player=bob.peer_id)  # what clients do instead
        await bob.expect(20, bytes(1201), alice.peer_id, "ws")

    async def test_old_datagrams_are_dropped(self):
        alice, bob = await self.join(udp=True), await self.join(udp=True)
        before = daemon.drops("stale_sequence")
        alice.send_udp(Packet(20, b"jump", target_player=bob.peer_id), sequence=500)
        alice.send_udp(Packet(20, b"repeated", target_player=bob.peer_id), sequence=500)
        alice.send_udp(Packet(20, b"old", target_player=bob.peer_id), sequence=499)
        alice.send_udp(Packet(20, b"new", target_player=bob.peer_id), sequence=501)
        await bob.expect(20, b"jump")
        await bob.expect(20, b"new")
        self.assertEqual(daemon.drops("stale_sequence"), before + 2)

    async def test_spoofed_sender_is_dropped(self):
        alice = await self.join(udp=True)
        bob = await self.join_beside(alice, udp=True) # its small number is not known elsewhere
        before = daemon.metrics()
        # As bob, from alice's socket: the address is not the one that bob's hello bound.
        alice.send_udp(Packet(20, b"I am bob", target_player=alice.peer_id), sequence=10**6, sender=bob.peer_id)
        alice.send_udp(Packet(20, b"I am nobody", target_player=alice.peer_id), sender=4711)
        alice.send_fast(20, b"fence", player=alice.peer_id)
        await alice.expect(20, b"fence", alice.peer_id)
        after = daemon.metrics()
        for reason in ("wrong_address", "unknown_peer"):
            name = f'ringcast_drops_total{{reason="{reason}"}}'
            self.assertEqual(after[name], before[name] + 1, reason)
        bob.send_fast(20, b"still here", player=alice.peer_id)
        await alice.expect(20, b"still here", bob.peer_id)

    async def test_the_loop_of_each_shard_is_measured(self):
        alice = await self.join()
        shard, before = self.shard_of(alice), daemon.metrics()
        await alice.send(20, b"to myself", player=alice.peer_id)
        await alice.expect(20, b"to myself", alice.peer_id)
        after = daemon.metrics()
        for name in ("ringcast_tick_seconds", "ringcast_queue_age_seconds"):
            buckets = [(key, value) for key, value in after.items() if key.startswith(f'{name}_bucket{{shard="{shard}"')]
            counts = [value for _, value in buckets]
            self.assertGreater(len(counts), 40)
            self.assertEqual(counts, sorted(counts), "cumulative")
            self.assertIn('le="+Inf"', buckets[-1][0])
            self.assertEqual(counts[-1], after[f'{name}_count{{shard="{shard}"}}'])
            self.assertGreater(after[f'{name}_count{{shard="{shard}"}}'], before[f'{name}_count{{shard="{shard}"}}'], name)
        self.assertGreaterEqual(after[f'ringcast_stall_seconds{{shard="{shard}"}}'], 0)

    async def test_group_requests_over_udp(self):
        """Clients send everything fast once they can, group requests too."""
        alice = await self.join(udp=True)
        alice.send_udp(realtime.group_request(JOIN_GROUP, 7))
        await alice.expect_membership(7, [1])
        alice.send_fast(20, b"members", group=7)
        await alice.expect(20, b"members", alice.peer_id, "udp")

    async def test_sessions_with_the_same_peer_ids_stay_apart(self):
        other_session = daemon.create_session()
        try:
            alice, bob = await self.join(udp=True), await self.join(session=other_session, udp=True)
            self.assertEqual((alice.peer_id, bob.peer_id), (1, 1))
            alice.send_fast(20, b"ours", group=EVERYONE)
            bob.send_fast(20, b"theirs", group=EVERYONE)
            await alice.expect(20, b"ours", channel="udp")
            await bob.expect(20, b"theirs", channel="udp")
            await alice.expect_nothing()
            await bob.expect_nothing()
        finally:
            daemon.end_session(other_session)

    async def test_a_burst_arrives_whole_and_in_order(self):
        """Many messages for one receiver in one tick: merged into bursts, each still a datagram of its own."""
        alice, bob = await self.join(), await self.join(udp=True)
        before = daemon.metrics()
        for i in range(100):
            await alice.send(20, b"%03d" % i * 30, player=bob.peer_id)
        for i in range(100):
            bob.send_fast(21, b"%03d" % i * 30, player=bob.peer_id)
        seen = {20: [], 21: []}
        for _ in range(200):
            packet = await bob.receive()
            seen[packet.opcode].append(packet.payload)
        for payloads in seen.values():
            self.assertEqual(payloads, [b"%03d" % i * 30 for i in range(100)])
        after = daemon.metrics()
        self.assertEqual(after["ringcast_deliveries_fast_total"] - before["ringcast_deliveries_fast_total"], 100)


class Groups(RelayTest):
    async def test_join_is_pushed_to_members(self):
        alice, bob = await self.join(), await self.join()
        await alice.group_request(JOIN_GROUP, 7)
        await alice.expect_membership(7, [1])
        await bob.group_request(JOIN_GROUP, 7)
        await bob.expect_membership(7, [1, 2])
        await alice.expect_membership(7, [1, 2])

    async def test_only_members_get_and_send(self):
        alice, bob, carol = await self.join(), await self.join(), await self.join()
        for player, members in ((alice, [1]), (bob, [1, 2])):
            await player.group_request(JOIN_GROUP, 7)
            await player.expect_membership(7, members)
        await alice.expect_membership(7, [1, 2])
        await alice.send(30, b"team", group=7)
        await alice.expect(30, b"team", 1)
        await bob.expect(30, b"team", 1)
        before = daemon.drops("not_member")
        await carol.send(30, b"let me in", group=7)
        await carol.expect_nothing()
        await alice.expect_nothing()
        self.assertEqual(daemon.drops("not_member"), before + 1)

    async def test_leave_is_told_to_all(self):
        alice, bob = await self.join(), await self.join()
        await alice.group_request(JOIN_GROUP, 7)
        await alice.expect_membership(7, [1])
        await bob.group_request(JOIN_GROUP, 7)
        await bob.expect_membership(7, [1, 2])
        await alice.expect_membership(7, [1, 2])
        await bob.group_request(LEAVE_GROUP, 7)
        await alice.expect_membership(7, [1])
        await bob.expect_membership(7, [1])
        await alice.send(30, b"alone", group=7)
        await alice.expect(30, b"alone")
        await bob.expect_nothing()

    async def test_request_is_answered_to_anyone(self):
        alice, bob = await self.join(), await self.join()
        await alice.group_request(JOIN_GROUP, 9)
        await alice.expect_membership(9, [1])
        await bob.group_request(REQUEST_GROUP_MEMBERSHIP, 9)
        await bob.expect_membership(9, [1])
        await bob.group_request(REQUEST_GROUP_MEMBERSHIP, EVERYONE)
        await bob.expect_membership(EVERYONE, [1, 2])
        await bob.group_request(REQUEST_GROUP_MEMBERSHIP, 1234)
        await bob.expect_membership(1234, [])

    async def test_disconnect_leaves_groups(self):
        alice, bob = await self.join(), await self.join()
        await bob.group_request(JOIN_GROUP, 7)
        await bob.expect_membership(7, [2])
        await alice.group_request(JOIN_GROUP, 7)
        await bob.expect_membership(7, [1, 2])
        await alice.websocket.close()
        await bob.expect_membership(7, [2])
        self.assertEqual(daemon.session(self.session)["group_count"], 1)

    async def test_bad_groups_are_counted(self):
        alice = await self.join()
        before = daemon.drops("group_limit")
        for group in (0, -1, -5):
            await alice.group_request(JOIN_GROUP, group)
        await alice.expect_nothing()
        self.assertEqual(daemon.drops("group_limit"), before + 3)
        await alice.group_request(LEAVE_GROUP, 7)
        await alice.expect_nothing()

    async def test_groups_per_player(self):
        alice = await self.join()
        for group in range(1, 65):
            await alice.group_request(JOIN_GROUP, group)
            await alice.expect_membership(group, [1])
        await alice.group_request(JOIN_GROUP, 65)
        await alice.expect_nothing()


class Admission(RelayTest):
    async def test_token_works_once(self):
        token = daemon.reserve(self.session)
        await self.join(token=token)
        refused = await self.refusal(token)
        self.assertEqual(refused.code, 3500)

    async def test_wrong_tokens(self):
        token = daemon.reserve(self.session)
        flipped = token[:-1] + ("0" if token[-1] != "0" else "1")
        for wrong in ("", "psess-1234", "x" * 4000, flipped, token[:-1], self.session, "dev-demo-alice", "psess-" + "f" * 32):
            refused = await self.refusal(wrong)
            self.assertEqual((wrong, refused.code), (wrong, 3500))
        await self.join(token=token)

    async def test_token_of_an_ended_session(self):
        session = daemon.create_session()
        token = daemon.reserve(session)
        daemon.end_session(session)
        self.assertEqual((await self.refusal(token)).code, 3500)

    async def test_token_of_a_player_who_left(self):
        token = daemon.reserve(self.session)
        player = await self.join(token=token)
        await player.websocket.close()
        await until(lambda: daemon.session(self.session)["player_count"] == 0)
        self.assertEqual((await self.refusal(token)).code, 3500)
        self.assertEqual((await self.join()).peer_id, 2)  # peer ids are never reused

    async def test_session_full(self):
        session = daemon.create_session(players_max=2)
        await self.join(session=session)
        daemon.reserve(session)
        with self.assertRaises(AdminError) as caught:
            daemon.reserve(session)
        self.assertEqual(caught.exception.status, 409)
        daemon.end_session(session)

    async def test_default_is_32_players(self):
        self.assertEqual(daemon.session(self.session)["players_max"], 32)

    async def test_player_id_holds_one_place(self):
        daemon.reserve(self.session, player_id="alice")
        with self.assertRaises(AdminError) as caught:
            daemon.reserve(self.session, player_id="alice")
        self.assertEqual(caught.exception.status, 409)

    async def test_messages_before_login_are_dropped(self):
        player = await Player.connect(daemon)
        self.players.push_async_callback(player.leave)
        before = daemon.drops("bad_state")
        await player.send(10, b"too early", group=EVERYONE)
        await player.login(daemon.reserve(self.session))
        await player.expect_nothing()
        self.assertEqual(daemon.drops("bad_state"), before + 1)

    async def test_login_as_the_javascript_client_sends_it(self):
        player = await Player.connect(daemon, path="/")
        self.players.push_async_callback(player.leave)
        await player.login(daemon.reserve(self.session), target_group=EVERYONE)
        await player.send(10, b"hi", group=EVERYONE)
        await player.expect(10, b"hi", player.peer_id)

    async def test_list_shows_players_and_reservations(self):
        await self.join(token=daemon.reserve(self.session, player_id="alice"))
        daemon.reserve(self.session, player_id="bob")
        listed = {player["player_id"]: player for player in daemon.players(self.session)}
        self.assertEqual((listed["alice"]["state"], listed["alice"]["peer_id"]), ("active", 1))
        self.assertEqual((listed["bob"]["state"], listed["bob"]["peer_id"]), ("reserved", 0))
        self.assertEqual(listed["alice"]["address"].split(":")[0], "127.0.0.1")


class Lifecycle(RelayTest):
    async def test_kick(self):
        alice, bob = await self.join(), await self.join()
        daemon.kick(self.session, alice.peer_id, "cheating")
        self.assertIn("cheating", await alice.expect_close(3503))
        await bob.send(10, b"gone", player=alice.peer_id)
        await bob.expect_nothing()
        with self.assertRaises(AdminError) as caught:
            daemon.kick(self.session, alice.peer_id)
        self.assertEqual(caught.exception.status, 404)

    async def test_session_end(self):
        alice, bob = await self.join(), await self.join(udp=True)
        daemon.end_session(self.session)
        await alice.expect_close(3502)
        await bob.expect_close(3502)
        with self.assertRaises(AdminError) as caught:
            daemon.session(self.session)
        self.assertEqual(caught.exception.status, 404)

    async def test_what_was_sent_before_the_end_arrives(self):
        alice, bob = await self.join(), await self.join()
        for i in range(100):
            await alice.send(10, b"%d" % i, player=bob.peer_id)
        await alice.expect_nothing()
        daemon.end_session(self.session)
        for i in range(100):
            await bob.expect(10, b"%d" % i)
        await bob.expect_close(3502)

    async def test_sessions_on_both_shards(self):
        """Whatever shard accepts, the player ends up with its session: some of these must have been handed over."""
        before = daemon.counter("handoffs_in")
        sessions = [daemon.create_session(shard=shard) for shard in range(daemon.shard_count)]
        try:
            for session in sessions:
                players = [await self.join(session=session) for _ in range(12)]
                await players[0].send(10, b"roll call", group=EVERYONE)
                for player in players:
                    await player.expect(10, b"roll call", players[0].peer_id)
            moved = daemon.counter("handoffs_in") - before
            self.assertEqual(moved > 0, SPREAD == "never", "players of spread sessions stay where they were accepted, the others do not")
            self.assertEqual(daemon.counter("handoffs_in"), daemon.counter("handoffs_out"))
        finally:
            for session in sessions:
                daemon.end_session(session)

    async def test_bytes_behind_the_login_move_along(self):
        """A client that does not wait for its login result: what it sent at once is not lost in a hand-off."""
        sessions = [daemon.create_session(shard=shard) for shard in range(daemon.shard_count)]
        try:
            for session in sessions:
                for attempt in range(8):
                    player = await Player.connect(daemon)
                    self.players.push_async_callback(player.leave)
                    frames = [realtime.login(daemon.reserve(session)).encode()]
                    frames += [Packet(10, b"%d" % i, target_group=EVERYONE).encode() for i in range(20)]
                    await asyncio.gather(*(player.websocket.send(frame) for frame in frames))
                    result = realtime.login_result(realtime.decode(await player.websocket.recv()))
                    self.assertTrue(result.success)
                    for i in range(20):
                        self.assertEqual(realtime.decode(await player.websocket.recv()).payload, b"%d" % i)
                    await player.websocket.close()
                    await until(lambda: daemon.session(session)["player_count"] == 0)
        finally:
            for session in sessions:
                daemon.end_session(session)

    async def test_ipv6(self):
        alice, bob = await self.join(host="::1", udp=True), await self.join(udp=True)
        alice.send_fast(20, b"six to four", player=bob.peer_id)
        await bob.expect(20, b"six to four", alice.peer_id, "udp")
        bob.send_fast(20, b"four to six", player=alice.peer_id)
        await alice.expect(20, b"four to six", bob.peer_id, "udp")
        await bob.send(20, b"stream", player=alice.peer_id)
        await alice.expect(20, b"stream", bob.peer_id, "ws")

    async def test_everything_is_given_back(self):
        """Connections, players and sessions that have gone leave nothing behind in the gauges."""
        session = daemon.create_session()
        players = [await Player.join(daemon, session) for _ in range(10)]
        for player in players[:5]:
            await player.leave()
        daemon.end_session(session)
        for player in players[5:]:
            await player.expect_close(3502)
        await until(lambda: daemon.gauge("connections") == 0)
        self.assertEqual(daemon.gauge("players"), 0)
        self.assertEqual(daemon.gauge("sessions"), 1)  # the one of this test's set-up
        self.assertEqual(daemon.counter("connections_accepted"), daemon.counter("connections_closed"))


class Drain(unittest.IsolatedAsyncioTestCase):
    async def test_drain_lets_players_finish(self):
        draining = Daemon("--shards", "2", drain_timeout="1h")
        session = draining.create_session()
        token = draining.reserve(session)
        alice = await Player.join(draining, session)
        draining.request("POST", "/v1/drain", {})
        self.assertEqual(draining.request_raw("GET", "/readyz")[0], 503)
        for refused in (lambda: draining.create_session(), lambda: draining.reserve(session)):
            with self.assertRaises(AdminError) as caught:
                refused()
            self.assertEqual(caught.exception.status, 409)
        with self.assertRaises(Refused) as caught:
            await Player.join(draining, token=token)
        self.assertEqual(caught.exception.code, 3016)
        await alice.send(10, b"still served", group=EVERYONE)
        await alice.expect(10, b"still served")
        draining.process.terminate()
        await alice.send(10, b"and now", group=EVERYONE)
        await alice.expect(10, b"and now")
        await alice.leave()
        await asyncio.get_running_loop().run_in_executor(None, draining.wait)

    async def test_a_drain_does_not_count_time_in_which_the_process_stood_still(self):
        draining = Daemon(drain_timeout="4s")
        alice = await Player.join(draining, draining.create_session())
        draining.process.terminate()
        while draining.request_raw("GET", "/readyz")[0] != 503:
            await asyncio.sleep(0.01)
        draining.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(6)
        draining.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.5)  # time enough to close her for one that counts it all
        await alice.send(10, b"still served", group=EVERYONE)
        await alice.expect(10, b"still served")
        await alice.leave()
        await asyncio.get_running_loop().run_in_executor(None, draining.wait)

    async def test_stop_tells_players(self):
        stopping = Daemon("--shards", "2")
        alice = await Player.join(stopping, stopping.create_session())
        stopping.process.terminate()
        await alice.expect_close(3001)
        await asyncio.get_running_loop().run_in_executor(None, stopping.wait)


class Words(unittest.IsolatedAsyncioTestCase):
    async def test_a_long_reason_is_cut_between_characters(self):
        session = daemon.create_session()
        player = await Player.join(daemon, session)
        daemon.kick(session, player.peer_id, urllib.parse.quote("x" + "\N{EURO SIGN}" * 41))
        self.assertEqual(await player.expect_close(3503), "x" + "\N{EURO SIGN}" * 40)  # 121 of 124 bytes; 123 fit
        daemon.end_session(session)


class Expiry(unittest.IsolatedAsyncioTestCase):
    async def test_reservation_times_out(self):
        short = Daemon(limits__reservation_timeout_ms="200ms")
        session = short.create_session()
        token = short.reserve(session)
        await until(lambda: short.counter("reservations_timedout") == 1)
        with self.assertRaises(Refused) as caught:
            await Player.join(short, token=token)
        self.assertEqual(caught.exception.code, 3500)
        self.assertEqual(short.session(session)["reserved_count"], 0)
        short.stop()

    async def test_empty_session_ends(self):
        short = Daemon()
        session = short.create_session(empty_timeout_ms=1500)  # longer than a slow machine needs to let the player in
        player = await Player.join(short, session)
        await player.leave()
        await until(lambda: session not in [found["id"] for found in short.request("GET", "/v1/sessions")["sessions"]])
        short.stop()

    async def test_pings_come_and_pongs_count(self):
        pinging = Daemon()
        session = pinging.create_session(ping_interval_ms=1000)  # times pong_missed_max is longer than a slow machine keeps the player from answering
        player = await Player.join(pinging, session)
        while await asyncio.to_thread(pinging.counter, "pings_sent") < 6:  # more than pong_missed_max
            self.assertEqual(await asyncio.to_thread(pinging.gauge, "players"), 1)
            await asyncio.sleep(0.1)
        await player.send(10, b"alive", group=EVERYONE)
        await player.expect(10, b"alive")
        await player.leave()
        pinging.stop()


class Open(unittest.IsolatedAsyncioTestCase):
    async def test_dev_mode_joins_by_name(self):
        dev = Daemon("--dev", "--shards", "2")
        alice, bob = await Player.join(dev, token="dev-demo-alice"), await Player.join(dev, token="dev-demo-bob", udp=True)
        await alice.send(10, b"hello", group=EVERYONE)
        await alice.expect(10, b"hello")
        await bob.expect(10, b"hello", alice.peer_id)
        with self.assertRaises(Refused):
            await Player.join(dev, token="dev-nowhere-alice")
        self.assertIn(b"remedy", dev.log_text())
        carol = await Player.join(dev, token="psess-1234")  # what a client's example says
        await carol.send(11, b"me too", group=EVERYONE)
        await alice.expect(11, b"me too", carol.peer_id)
        await carol.leave()
        await alice.leave()
        await bob.leave()
        dev.stop()


if __name__ == "__main__":
    unittest.main()
