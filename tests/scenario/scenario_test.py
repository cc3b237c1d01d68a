#!/usr/bin/python3
"""Small stories, each played by every backend: scenario_test.py BACKEND... FILE.scn...

A line is one step; # begins a comment. Names are players (letters first). TARGET is a player, `server`, `everyone`, `group N`, or two of them with `and`.

    session [players N] [empty MS]       a new session; what follows happens in it
    NAME joins [udp]                     reserve, connect, log in, with `udp` until the server sends datagrams
    NAME is refused CODE                 the same, and the login is answered with no and this close code
    NAME sends OP "TEXT" to TARGET       on the stream
    NAME fast OP "TEXT" to TARGET        as a datagram
    NAME gets OP "TEXT" from NAME by tcp|udp
    NAME gets nothing
    NAME enters N / NAME quits N / NAME asks N       the group requests
    NAME sees N: NAME...                 a membership update, by players
    NAME leaves / NAME breaks            a close frame / a reset
    NAME is closed CODE
    kick NAME / end / drain              what an operator does
    players N                            becomes the session's player count
    dropped REASON N                     becomes the growth of that counter since the session was made
"""

import asyncio
import re
import shlex
import struct
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "e2e"))

import realtime  # noqa: E402
from daemon import Daemon  # noqa: E402
from player import Player, Refused, until  # noqa: E402

SKIP = 77
GROUP_REQUESTS = {"enters": realtime.JOIN_GROUP, "quits": realtime.LEAVE_GROUP, "asks": realtime.REQUEST_GROUP_MEMBERSHIP}


class Story:
    def __init__(self, daemon):
        self.daemon = daemon
        self.players = {}
        self.session = None

    def peer(self, name):
        return self.players[name].peer_id

    def target(self, words):
        """{"player": .., "group": ..} of the words behind `to`."""
        fields, words = {}, list(words)
        while words:
            word = words.pop(0)
            if word == "group":
                fields["group"] = int(words.pop(0))
            elif word == "everyone":
                fields["group"] = realtime.EVERYONE
            elif word != "and":
                fields["player"] = realtime.SERVER if word == "server" else self.peer(word)
        return fields

    def drops(self, reason):
        return self.daemon.drops(reason) - self.drops_before[f'ringcast_drops_total{{reason="{reason}"}}']

    async def operate(self, words):
        match words:
            case ["session", *options]:
                pairs = dict(zip(options[::2], map(int, options[1::2])))
                names = {"players": "players_max", "empty": "empty_timeout_ms"}
                self.session = self.daemon.create_session(**{names[key]: value for key, value in pairs.items()})
                self.drops_before = self.daemon.metrics()
            case ["kick", name]:
                self.daemon.kick(self.session, self.peer(name))
            case ["end"]:
                self.daemon.end_session(self.session)
            case ["drain"]:
                self.daemon.request("POST", "/v1/drain", {})
            case ["players", count]:
                await until(lambda: self.daemon.session(self.session)["player_count"] == int(count))
            case ["dropped", reason, count]:
                await until(lambda: self.drops(reason) == int(count))
            case _:
                return False
        return True

    async def play(self, name, words):
        player = self.players.get(name)
        match words:
            case ["joins", *options]:
                self.players[name] = await Player.join(self.daemon, self.session, udp="udp" in options)
            case ["is", "refused", code]:
                try:
                    await Player.join(self.daemon, self.session)
                except Refused as refused:
                    if refused.code != int(code):
                        raise AssertionError(f"refused with {refused.code}") from None
                else:
                    raise AssertionError("not refused")
            case ["sends", opcode, text, "to", *target]:
                await player.send(int(opcode), text.encode(), **self.target(target))
            case ["fast", opcode, text, "to", *target]:
                player.send_fast(int(opcode), text.encode(), **self.target(target))
            case ["gets", "nothing"]:
                await player.expect_nothing()
            case ["gets", opcode, text, "from", sender, "by", channel]:
                await player.expect(int(opcode), text.encode(), self.peer(sender), {"tcp": "ws", "udp": "udp"}[channel])
            case [("enters" | "quits" | "asks") as verb, group]:
                await player.group_request(GROUP_REQUESTS[verb], int(group))
            case ["sees", group, *names]:
                await player.expect_membership(int(group.rstrip(":")), [self.peer(other) for other in names])
            case ["leaves"]:
                await player.leave()
            case ["breaks"]:
                wire = player.websocket.transport.get_extra_info("socket")
                wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                player.websocket.transport.abort()
            case ["is", "closed", code]:
                await player.expect_close(int(code))
            case _:
                raise AssertionError("no such step")

    async def step(self, line):
        words = shlex.split(line, comments=True)
        if words and not await self.operate(words):
            await self.play(words[0], words[1:])


async def tell(path, daemon):
    story = Story(daemon)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            await story.step(line)
        except Exception as error:
            raise AssertionError(f"{path.name}:{number}: {line}: {type(error).__name__} {error}") from error
    for player in story.players.values():
        await player.leave()


def main():
    backends = [word for word in sys.argv[1:] if not word.endswith(".scn")]
    paths = [Path(word) for word in sys.argv[1:] if word.endswith(".scn")]
    failures = 0
    for backend in backends:
        for path in paths:
            try:
                daemon = Daemon("--io", backend, "--shards", "2", "--set", "listen.udp_ports_per_shard=2")
            except AssertionError as error:
                if backend == "uring" and "io_uring is not available" in str(error):
                    return SKIP
                raise
            try:
                if not re.fullmatch({"uring": "io_uring", "epoll": "epoll"}[backend], daemon.request("GET", "/v1/info")["io"]):
                    raise AssertionError(f"it does not run on {backend}")
                asyncio.run(tell(path, daemon))
                print(f"{backend:6} {path.name}: ok")
            except AssertionError as error:
                failures += 1
                print(f"{backend:6} {error}")
            daemon.stop()
    return 1 if failures or not paths or not backends else 0


if __name__ == "__main__":
    sys.exit(main())
