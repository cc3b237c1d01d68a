#!/usr/bin/python3
"""A Lua script that stays within the budget of each callback and would hold its shard all the same, by their number; and a game beside it, on the same shard."""

import asyncio
import tempfile
import unittest

import scripts
from daemon import Daemon
from player import Player
from realtime import SERVER

BURN, SAY, ANSWER = 11, 10, 20
SCRIPT_SHARE = 3510
BURN_MS = 15

SCRIPT = """
local s
return {
	init = function(session) s = session end,
	onMessage = function(msg)
		if msg.opCode == 11 then
			local start = os.clock()
			while os.clock() - start < 0.015 do end
		else
			s:sendReliableMessage(s:newTextGameMessage(20, -1, msg.payload), msg.sender)
		end
	end,
}
"""


class Share(unittest.IsolatedAsyncioTestCase):
    def start(self, **settings):
        store = tempfile.TemporaryDirectory(prefix="ringcast-lua-")
        self.addCleanup(store.cleanup)
        self.daemon = Daemon(scripts__directory=store.name, scripts__budget_us=1000000, shards__count=1, **settings)
        self.addCleanup(self.stop)
        scripts.push(self.daemon, "hog", {"main.lua": SCRIPT})

    def stop(self):
        if self.daemon.process.poll() is None:
            self.daemon.stop()

    def open(self):
        return self.daemon.create_session(script="hog")

    async def flood(self, player, count):
        """As fast as it is read: what the script does not get to is dropped, not kept."""
        for _ in range(count):
            await player.send(BURN, b"", player=SERVER)

    async def test_others_are_answered_beside_a_hog(self):
        self.start()
        hog, honest = await Player.join(self.daemon, self.open()), await Player.join(self.daemon, self.open())
        first = await Player.join(self.daemon, plain := self.daemon.create_session())
        second = await Player.join(self.daemon, plain)
        spent = self.daemon.counter("script_seconds")
        for i in range(40):
            await self.flood(hog, 25)
            text = f"number {i}".encode()
            await honest.send(SAY, text, player=SERVER)
            await honest.expect(ANSWER, text)
            await first.send(SAY, text, player=2)
            await second.expect(SAY, text)
        dropped = self.daemon.drops("script_share")
        self.assertGreater(dropped, 0)
        handled = 40 * 25 - dropped
        self.assertGreater(handled, 0)
        # What was measured is what the callbacks took.
        self.assertGreaterEqual(self.daemon.counter("script_seconds") - spent, handled * BURN_MS / 1000 * 0.9)
        self.assertGreaterEqual(self.daemon.counter("script_over_share"), dropped)
        self.assertIn(b"out of its share of processor time", self.daemon.log_text())
        await self.ask(hog)  # held back, not ended

    async def ask(self, player):
        """Until the script has time again."""
        for _ in range(30):
            await player.send(SAY, b"again", player=SERVER)
            if await player.skip_to_fence(ANSWER) > 0:
                return
            await asyncio.sleep(0.1)
        self.fail("the script was never called again")

    async def test_a_hog_is_ended_where_that_is_wanted(self):
        self.start(scripts__share_seconds_max=2, scripts__share_percent=10)
        hog, honest = await Player.join(self.daemon, self.open()), await Player.join(self.daemon, self.open())
        flood = asyncio.create_task(self.keep_on(hog))
        await hog.expect_close(SCRIPT_SHARE)
        flood.cancel()
        self.assertEqual(self.daemon.closes("script_share"), 1)
        self.assertIn(b"for too long", self.daemon.log_text())
        await honest.send(SAY, b"still", player=SERVER)
        await honest.expect(ANSWER, b"still")

    async def keep_on(self, player):
        while True:
            await self.flood(player, 10)
            await asyncio.sleep(0.05)

    async def test_without_a_bound_nothing_is_dropped(self):
        self.start(scripts__share_percent=0, scripts__shard_percent=0)
        hog = await Player.join(self.daemon, self.open())
        await self.flood(hog, 20)
        await hog.send(SAY, b"done", player=SERVER)
        await hog.expect(ANSWER, b"done")
        self.assertEqual(self.daemon.drops("script_share"), 0)


if __name__ == "__main__":
    unittest.main()
