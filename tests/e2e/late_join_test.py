#!/usr/bin/python3
"""Who joins late, with real clients: what a group retains and what the script's snapshot says, in Lua and in JavaScript, on one shard and spread over two."""

import shutil
import unittest

import scripts
from daemon import Daemon
from player import Player
from realtime import GROUP_MEMBERSHIP_UPDATE, JOIN_GROUP, SERVER
from script_case import Case

RETAIN, COUNT, RETAINED, COUNTED, SNAPSHOT = 10, 11, 20, 21, 22
LUA = {"main.lua": """
local s
local count = 0
local function say(op, text) return s:newTextGameMessage(op, -1, text) end
return {
  init = function(rt) s = rt end,
  onMessage = function(m)
    if m.opCode == 10 then s:retainMessage(say(20, m.payload), 7, 1) s:retainMessage(say(20, "all " .. m.payload), -1, 1) return end
    count = count + 1
    s:sendReliableGroupMessage(say(21, tostring(count)), 7)
  end,
  onSnapshot = function(group, peer) return {say(22, group .. ":" .. count)} end,
}
"""}
JS = {"index.js": """
let s;
let count = 0;
const say = (op, text) => s.newTextGameMessage(op, -1, text);
exports.ssExports = {
  init(rt) { s = rt; },
  onMessage(m) {
    if (m.opCode === 10) {
      s.retainMessage(say(20, m.getPayloadAsText()), 7, 1);
      s.retainMessage(say(20, `all ${m.getPayloadAsText()}`), -1, 1);
      return;
    }
    count++;
    s.sendReliableGroupMessage(say(21, String(count)), 7);
  },
  async onSnapshot(group, peer) {
    await new Promise((resolve) => { setTimeout(resolve, 20); });
    return say(22, `${group}:${count}`);
  },
};
"""}


async def heard(player, count):
    """Op codes and texts of what the player hears next; lists of members have the word list."""
    said = []
    while len(said) < count:
        packet = await player.receive()
        said.append("list" if packet.opcode == GROUP_MEMBERSHIP_UPDATE else f"{packet.opcode} {packet.payload.decode()}")
    return said


class LateJoin:
    async def test_who_joins_is_told_how_it_stands(self):
        scripts.push(self.daemon, "game", self.files)
        session = self.daemon.create_session(script="game")
        one = await Player.join(self.daemon, session)
        self.assertEqual(await heard(one, 1), ["22 -1:0"])
        await one.send(RETAIN, b"red", player=SERVER)
        self.assertEqual(await heard(one, 1), ["20 all red"])
        await one.group_request(JOIN_GROUP, 7)
        self.assertEqual(await heard(one, 3), ["list", "20 red", "22 7:0"])
        await one.send(COUNT, player=SERVER)
        self.assertEqual(await heard(one, 1), ["21 1"])
        two = await Player.join(self.daemon, session)
        self.assertEqual(await heard(two, 2), ["20 all red", "22 -1:1"])
        await two.group_request(JOIN_GROUP, 7)
        self.assertEqual(await heard(two, 3), ["list", "20 red", "22 7:1"])
        await one.leave()
        await two.leave()

    async def test_behind_a_snapshot_nothing_is_lost_and_nothing_doubled(self):
        scripts.push(self.daemon, "game", self.files)
        session = self.daemon.create_session(script="game")
        one = await Player.join(self.daemon, session)
        joiners = []
        for i in range(60):
            await one.send(COUNT, player=SERVER)
            if i % 5 == 0:
                joiner = await Player.join(self.daemon, session)
                await joiner.group_request(JOIN_GROUP, 7)
                joiners.append(joiner)
        for joiner in joiners:
            await self.follow(joiner, 60)
            await joiner.leave()
        await one.leave()

    async def follow(self, player, last):
        """From its snapshot on, each number once, up to the last."""
        said = []
        while not said or said[-1] != last:
            packet = await player.receive()
            text = packet.payload.decode()
            if packet.opcode == SNAPSHOT and text.startswith("7:"):
                self.assertEqual(said, [])
                said.append(int(text[2:]))
            elif packet.opcode == COUNTED:
                said.append(int(text))
        self.assertEqual(said, list(range(said[0], last + 1)))

    async def test_the_admin_api_counts_what_is_retained(self):
        scripts.push(self.daemon, "game", self.files)
        session = self.daemon.create_session(script="game")
        one = await Player.join(self.daemon, session)
        await one.expect(SNAPSHOT)
        await one.send(RETAIN, b"red", player=SERVER)
        await one.expect(RETAINED)
        shown = self.daemon.request("GET", f"/v1/sessions/{session}")
        self.assertEqual(shown["retained_count"], 2)
        self.assertGreater(shown["retained_bytes"], 0)
        self.assertEqual(self.daemon.metrics()["ringcast_retained_messages"], 2)
        await one.leave()


class LuaTest(LateJoin, Case):
    files = LUA


class SpreadLuaTest(LateJoin, Case):
    files = LUA
    flags = ("--shards", "2")
    settings = {"sessions__spread": "always"}


@unittest.skipUnless(shutil.which("node"), "there is no node")
class JavaScriptTest(LateJoin, Case):
    files = JS
    settings = {"scripts__answer_timeout": "60s"}  # on a busy machine Node's start takes its time, and the default would be the answer


if __name__ == "__main__":
    unittest.main()
