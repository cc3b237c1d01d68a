#!/usr/bin/python3
"""A Lua script that does its worst, beside sessions on the same shard whose script is well: they are answered all the while."""

import asyncio
import tempfile
import unittest

import scripts
from daemon import Daemon
from player import Player, until
from realtime import SERVER

SAY, RUN, ANSWER = 10, 11, 20
SCRIPT_FAILED = 3508
SESSIONS_AT_ONCE = 500

SCRIPT = """
local s
return {
	init = function(session) s = session end,
	onMessage = function(msg)
		if msg.opCode == 11 then
			local run, why = load(msg.payload)
			if not run then error(why) end
			run()
		end
		s:sendReliableMessage(s:newTextGameMessage(20, -1, msg.payload), msg.sender)
	end,
}
"""

WORST = [
	"error('thrown')",
	"while true do end",
	"while true do pcall(function() while true do end end) end",
	"local function f() while true do pcall(f) end end f()",
	"local s = ('%c'):rep(1e4) while true do os.date(s) end",
	"local t = {} while true do t[#t + 1] = {} end",
	"return ('x'):rep(1e9)",
	"local function f() return f() + 1 end f()",
	"for i = 1, 1e3 do print(i) end",
	"load('\\27LJ')()",
	"os.execute('true')",
	"io.open('/etc/passwd')",
	"require('ffi').C.exit(1)",
]


class Faults(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.store = tempfile.TemporaryDirectory(prefix="ringcast-lua-")
        self.addCleanup(self.store.cleanup)
        self.daemon = Daemon(scripts__directory=self.store.name, scripts__lua_jit="false", scripts__memory_max="8MiB", scripts__errors_max=20,
                             scripts__budget_us=1000000, shards__count=1,
                             # each fault is to reach the script, though the one before took a second; lua_share_test.py is about shares
                             scripts__share_percent=0, scripts__shard_percent=0)
        self.addCleanup(self.stop)
        scripts.push(self.daemon, "worst", {"main.lua": SCRIPT})

    def stop(self):
        if self.daemon.process.poll() is None:
            self.daemon.stop()

    def open(self):
        return self.daemon.create_session(script="worst")

    async def ask(self, player, text="hi"):
        await player.send(SAY, text.encode(), player=SERVER)
        await player.expect(ANSWER, text.encode())

    async def test_others_are_answered_all_the_while(self):
        bad = await Player.join(self.daemon, self.open())
        others = [await Player.join(self.daemon, self.open()) for _ in range(4)]
        for lua in WORST:
            await bad.send(RUN, lua.encode(), player=SERVER)
            await asyncio.gather(*(self.ask(other, lua) for other in others))
        self.assertEqual(await bad.skip_to_fence(ANSWER), 1)  # only the script that logs too much came to its end
        await self.ask(bad, "still here")
        metrics = self.daemon.metrics()
        self.assertEqual(metrics["ringcast_script_errors_total"], len(WORST) - 1)
        self.assertEqual(metrics["ringcast_script_over_budget_total"], 4)
        self.assertEqual(metrics["ringcast_script_out_of_memory_total"], 2)

    async def test_at_last_only_the_bad_one_ends(self):
        bad, good = await Player.join(self.daemon, self.open()), await Player.join(self.daemon, self.open())
        for _ in range(20):
            await bad.send(RUN, b"error('again')", player=SERVER)
            await self.ask(good)
        await bad.expect_close(SCRIPT_FAILED)
        await self.ask(good)

    async def test_many_sessions_at_once(self):
        sessions = [self.open() for _ in range(SESSIONS_AT_ONCE)]
        players = [await Player.join(self.daemon, session) for session in sessions[::25]]
        await asyncio.gather(*(self.ask(player, f"number {i}") for i, player in enumerate(players)))
        for session in sessions:
            self.daemon.end_session(session)
        await until(lambda: self.daemon.metrics().get('ringcast_script_sessions{language="lua"}', 0) == 0)


if __name__ == "__main__":
    unittest.main()
