#!/usr/bin/python3
"""The example game (docs/examples/README.md) as its players see it, whoever wrote it.

    rooms_test.py COMMAND...    starts a server with it; {port} stands for the TCP port it must listen on, on 127.0.0.1

The server lets players into its session "demo" with tokens dev-demo-NAME, and must end cleanly on SIGTERM. Each test has rooms of its own,
because a coin stays where it is.
"""

import asyncio
import contextlib
import itertools
import signal
import socket
import subprocess
import sys
import time
import unittest

from child import tied
from player import Player, Refused
from realtime import EVERYONE, GROUP_MEMBERSHIP_UPDATE, JOIN_GROUP, LEAVE_GROUP, SERVER

ENTER, STEP, STATE, WON, REFUSED, CHAT = 10, 11, 20, 21, 22, 30
START_SECONDS = 60
LAST_ROOM = 9  # nobody else's: a tick tells the rooms in their order, this one last

server = None
command = []  # that starts it
names = (f"p{i}" for i in itertools.count())


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, command):
        self.tcp_port = free_port()
        self.process = subprocess.Popen(tied([part.replace("{port}", str(self.tcp_port)) for part in command]))
        until = time.monotonic() + START_SECONDS
        while not self.is_listening():
            if self.process.poll() is not None or time.monotonic() > until:
                self.process.kill()
                raise AssertionError(f"the server did not start: {command}")
            time.sleep(0.02)

    def is_listening(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.tcp_port)):
            return True
        return False

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(START_SECONDS) != 0:
            raise AssertionError(f"the server ended with {self.process.returncode}")


async def wait_until_open():
    """A port is there before the session, which may have to wait until its script was tried out."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            player = await Player.join(server, token="dev-demo-first")
            return await player.leave()
        except Refused:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.05)


def setUpModule():
    global server
    server = Server(command)
    asyncio.run(wait_until_open())


def tearDownModule():
    server.stop()


class Rooms(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self):
        self.players = contextlib.AsyncExitStack()

    async def asyncTearDown(self):
        await self.players.aclose()

    async def join(self, **options):
        name = next(names)
        player = await Player.join(server, token=f"dev-demo-{name}", **options)
        player.name = name
        self.players.push_async_callback(player.leave)
        return player

    async def next_of(self, player):
        """The next thing that the game says; the engine's own membership updates are not the game's."""
        while (packet := await player.receive()).opcode == GROUP_MEMBERSHIP_UPDATE:
            pass
        return packet

    async def expect(self, player, opcode, text, group=0):
        packet = await self.next_of(player)
        found = (packet.opcode, packet.payload.decode(), packet.sender, packet.target_group, packet.channel)
        self.assertEqual(found, (opcode, text, SERVER, group, "ws"))

    async def expect_state(self, room, text, *players):
        for player in players:
            await self.expect(player, STATE, text, room)

    async def expect_nothing(self, *players):
        for player in players:
            await player.send(998, b"fence", player=player.peer_id)
            self.assertEqual((await self.next_of(player)).payload, b"fence")

    async def enter(self, player, room):
        await player.send(ENTER, str(room).encode(), player=SERVER)

    async def step(self, player, direction):
        await player.send(STEP, direction.encode(), player=SERVER)

    async def alone_in(self, room):
        player = await self.join()
        await self.enter(player, room)
        await self.expect_state(room, f"coin 5,{player.peer_id} 0 0", player)
        return player

    async def ticks_pass(self, player):
        """What was sent before has been dealt with, and several ticks have said all they had to say: the last room was told after all others, each time."""
        await self.expect_nothing(player)  # the server has all that it sent
        marker = await self.alone_in(LAST_ROOM)
        await self.walk(marker, LAST_ROOM, 5, [0, 1, 2, 1])

    async def walk(self, player, room, coin, cells, points=0):
        """From cell to cell, alone in the room, past no coin."""
        for before, cell in zip(cells, cells[1:]):
            await self.step(player, "+" if cell > before else "-")
            await self.expect_state(room, f"coin {coin},{player.peer_id} {cell} {points}", player)


class Login(Rooms):
    async def test_the_payload_names_the_game(self):
        await self.join(payload=b"rooms 1")
        for payload in (b"rooms 2", b"rooms 1\n", b"x"):
            with self.assertRaises(Refused) as caught:
                await self.join(payload=payload)
            self.assertEqual(caught.exception.code, 3507)


class Board(Rooms):
    async def test_who_enters_is_seen_by_all_in_the_room(self):
        alice = await self.alone_in(1)
        bob, outsider = await self.join(), await self.join()
        await self.enter(bob, 1)
        await self.expect_state(1, f"coin 5,{alice.peer_id} 0 0,{bob.peer_id} 0 0", alice, bob)
        await self.expect_nothing(outsider)
        await bob.leave()
        await self.expect_state(1, f"coin 5,{alice.peer_id} 0 0", alice)

    async def test_steps_move_and_walls_hold(self):
        alice = await self.alone_in(1)
        await self.walk(alice, 1, 5, [0, 1, 2, 1, 0])
        await self.step(alice, "-")
        await self.ticks_pass(alice)
        await self.expect_nothing(alice)

    async def test_the_last_step_before_a_tick_counts(self):
        alice = await self.alone_in(1)
        await self.step(alice, "-")
        await self.step(alice, "+")
        await self.expect_state(1, f"coin 5,{alice.peer_id} 1 0", alice)

    async def test_steps_come_by_datagram_too(self):
        alice = await self.join(udp=True)
        await self.enter(alice, 1)
        await self.expect(alice, STATE, f"coin 5,{alice.peer_id} 0 0", 1)
        alice.send_fast(STEP, b"+", player=SERVER)
        await self.expect_state(1, f"coin 5,{alice.peer_id} 1 0", alice)

    async def test_nothing_is_said_while_nothing_changes(self):
        alice = await self.alone_in(1)
        await self.ticks_pass(alice)
        await self.expect_nothing(alice)

    async def test_entering_again_begins_anew(self):
        alice = await self.alone_in(1)
        await self.walk(alice, 1, 5, [0, 1, 2])
        await self.enter(alice, 1)
        await self.expect_state(1, f"coin 5,{alice.peer_id} 0 0", alice)

    async def test_changing_rooms_is_seen_in_both(self):
        alice, bob = await self.alone_in(1), await self.alone_in(2)
        await self.enter(alice, 2)
        await self.expect_state(2, f"coin 5,{alice.peer_id} 0 0,{bob.peer_id} 0 0", alice, bob)
        carol = await self.alone_in(1)
        await self.enter(bob, 1)
        await self.expect_state(1, f"coin 5,{bob.peer_id} 0 0,{carol.peer_id} 0 0", bob, carol)
        await self.expect_state(2, f"coin 5,{alice.peer_id} 0 0", alice)


class Score(Rooms):
    async def test_three_coins_win(self):
        alice, witness = await self.alone_in(3), await self.join()
        await self.walk(alice, 3, 5, [0, 1, 2, 3, 4])
        await self.step(alice, "+")
        await self.expect_state(3, f"coin 9,{alice.peer_id} 5 1", alice)
        await self.walk(alice, 3, 9, [5, 6, 7, 8], points=1)
        await self.step(alice, "+")
        await self.expect_state(3, f"coin 1,{alice.peer_id} 9 2", alice)
        await self.walk(alice, 3, 1, [9, 8, 7, 6, 5, 4, 3, 2], points=2)
        await self.step(alice, "-")
        for player in (alice, witness):
            await self.expect(player, WON, f"{alice.peer_id} 3 {alice.name}", EVERYONE)
        await self.expect_state(3, f"coin 7,{alice.peer_id} 1 0", alice)
        await self.expect_nothing(witness)

    async def test_a_coin_is_taken_once(self):
        alice, bob = await self.alone_in(4), await self.join()
        await self.enter(bob, 4)
        await self.expect_state(4, f"coin 5,{alice.peer_id} 0 0,{bob.peer_id} 0 0", alice, bob)
        for cell in range(1, 6):
            for player in (alice, bob):
                await self.step(player, "+")
            await self.await_cells(alice, cell)
        self.assertEqual(self.last_state[0], "coin 9")
        self.assertEqual(sorted(entry.split()[2] for entry in self.last_state[1:]), ["0", "1"])

    async def await_cells(self, player, cell):
        """Two who step at once may be seen in one STATE or in two."""
        while True:
            self.last_state = (await self.next_of(player)).payload.decode().split(",")
            if all(entry.split()[1] == str(cell) for entry in self.last_state[1:]):
                return


class Refusals(Rooms):
    async def test_what_is_wrong_is_said_to_the_sender(self):
        alice, bob = await self.join(), await self.join()
        for room in (b"", b"0", b"11", b"a", b"-1", b"1 "):
            await alice.send(ENTER, room, player=SERVER)
            await self.expect(alice, REFUSED, "no such room")
        await alice.send(STEP, b"+", player=SERVER)
        await self.expect(alice, REFUSED, "enter a room first")
        await alice.send(STEP, b"x", player=SERVER)
        await self.expect(alice, REFUSED, "enter a room first")
        await self.enter(alice, 5)
        await self.expect_state(5, f"coin 5,{alice.peer_id} 0 0", alice)
        for step in (b"", b"x", b"++", b"0"):
            await alice.send(STEP, step, player=SERVER)
            await self.expect(alice, REFUSED, "no such step")
        await alice.send(77, b"what is this", player=SERVER)
        await self.expect_nothing(alice, bob)

    async def test_a_room_has_four_seats(self):
        inside = [await self.join() for _ in range(4)]
        for player in inside:
            await self.enter(player, 6)
        everybody = "".join(f",{player.peer_id} 0 0" for player in inside)
        for player in inside:
            while (await self.next_of(player)).payload.decode() != "coin 5" + everybody:
                pass
        late = await self.join()
        await self.enter(late, 6)
        await self.expect(late, REFUSED, "room is full")
        await self.enter(inside[0], 6)  # has a seat already
        await self.expect_state(6, "coin 5" + everybody, *inside)
        await inside[0].leave()
        await self.expect_state(6, "coin 5" + everybody.replace(f",{inside[0].peer_id} 0 0", ""), *inside[1:])
        await self.enter(late, 6)
        await self.expect_state(6, "coin 5" + everybody.replace(f",{inside[0].peer_id} 0 0", "") + f",{late.peer_id} 0 0", late)


class Chat(Rooms):
    async def test_short_words_reach_the_room(self):
        alice, outsider = await self.alone_in(7), await self.join()
        await alice.send(CHAT, b"x" * 32, group=7)
        packet = await self.next_of(alice)
        self.assertEqual((packet.opcode, packet.payload, packet.sender), (CHAT, b"x" * 32, alice.peer_id))
        await alice.send(CHAT, b"x" * 33, group=7)
        await self.expect_nothing(alice, outsider)

    async def test_only_the_game_moves_players(self):
        alice, outsider = await self.alone_in(8), await self.join()
        await outsider.group_request(JOIN_GROUP, 8)
        await alice.group_request(LEAVE_GROUP, 8)
        await self.expect_nothing(alice, outsider)
        await alice.send(CHAT, b"still here", group=8)
        self.assertEqual((await self.next_of(alice)).payload, b"still here")
        await self.expect_nothing(outsider)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    command, sys.argv[1:] = sys.argv[1:], []
    unittest.main()
