#!/usr/bin/python3
"""A backend and a session that runs: messages by the command line reach the script and the players, and what the script emits reaches webhooks."""

import json
import os
import subprocess
import tempfile
import unittest

import scripts
from daemon import Daemon
from gamelift import client, service_port
from player import Player, until
from webhook_test import Receiver

LUA = {"main.lua": """
local session
return {
  init = function(s) session = s s:emitEvent("opened", {by = "init"}) end,
  onServiceMessage = function(m) session:emitEvent("heard", {op = m.opCode, sender = m.sender, text = m.payload}) end,
  onMessage = function(m) local ok, why = session:emitEvent("two words", "{}") session:emitEvent("refused", {why = why}) end,
}
"""}
JS = {"index.js": """
let session;
exports.ssExports = {
  init(s) { session = s; s.emitEvent('opened', { by: 'init' }); },
  onServiceMessage(m) { session.emitEvent('heard', { op: m.opCode, sender: m.sender, text: m.getPayloadAsText() }); },
};
"""}
DEAF = {"main.lua": "return { init = function(s) end }"}


class MessageTest(unittest.IsolatedAsyncioTestCase):
    def start(self, files, form="cloudevents", **settings):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.receiver, hooks, script = Receiver(), os.path.join(folder.name, "webhooks"), os.path.join(folder.name, "game")
        self.addCleanup(self.receiver.close)
        with open(hooks, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(f"{form} {self.receiver.url} webhook-secret-0123456789\n")
        scripts.write_folder(script, files)
        self.daemon = Daemon("--dev", "--script", script, service__webhooks=hooks, **settings)
        self.gamelift = client(service_port(self.daemon))

    def create(self):
        """The session's ARN, and the engine's name for it."""
        arn = self.gamelift.create_game_session(FleetId="fleet-1", MaximumPlayerSessionCount=4, Name="arena")["GameSession"]["GameSessionId"]
        return arn, next(each["id"] for each in self.daemon.request("GET", "/v1/sessions")["sessions"] if each["name"] == "arena")

    def say(self, *arguments, code=0):
        result = subprocess.run([os.environ["RINGCAST"], "message", "send", "--admin", f"http://127.0.0.1:{self.daemon.admin_port}", *arguments],
                                capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout if code == 0 else result.stderr

    def events(self):
        """Of sessions that the service made; dev mode's own, demo, emits as well."""
        told = [json.loads(body) for _, body in self.receiver.posts]
        return [event["data"] for event in told if event["type"] == "ringcast.GameSessionEvent" and "gameSessionArn" in event["data"]]

    async def hear_and_emit(self, files):
        self.start(files)
        arn, session = self.create()
        await until(lambda: self.gamelift.describe_game_sessions(GameSessionId=arn)["GameSessions"][0]["Status"] == "ACTIVE")
        self.assertIn("sent", self.say("--session", session, "--op", "7", '{"wave": 3}'))
        self.say("--session", "arena", "plain ü")
        await until(lambda: len(self.events()) == 3)
        self.assertEqual([(each["eventName"], each["eventData"]) for each in self.events()],
                         [("opened", {"by": "init"}), ("heard", {"op": 7, "sender": -1, "text": '{"wave": 3}'}), ("heard", {"op": 0, "sender": -1, "text": "plain ü"})])
        for each in self.events():
            self.assertEqual((each["gameSessionArn"], each["fleetId"], each["sessionId"]), (arn, "fleet-1", session))

    async def test_a_lua_script_hears_and_emits(self):
        await self.hear_and_emit(LUA)
        self.daemon.stop()

    async def test_a_javascript_script_hears_and_emits(self):
        await self.hear_and_emit(JS)
        self.daemon.stop()

    async def test_a_player_gets_it_as_the_servers_own(self):
        self.start(LUA)
        arn, session = self.create()
        token = self.gamelift.create_player_session(GameSessionId=arn, PlayerId="alice")["PlayerSession"]["PlayerSessionId"]
        self.assertIn("not in it", self.say("--session", session, "--player", "alice", "--op", "9", "too early", code=3))
        player = await Player.join(self.daemon, token=token)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write("well done")
            file.flush()
            self.say("--session", session, "--player", "alice", "--op", "9", "--file", file.name)
        self.say("--session", session, "--peer", str(player.peer_id), "--op", "9", "again")
        packets = [await player.expect(9), await player.expect(9)]
        self.assertEqual([(packet.sender, packet.payload) for packet in packets], [(-1, b"well done"), (-1, b"again")])
        self.assertIn("opcode", self.say("--session", session, "--player", "alice", "no op code", code=1))
        self.assertEqual(self.events()[1:], [])
        await player.leave()
        self.daemon.stop()

    async def test_what_cannot_be_is_said_and_counted(self):
        self.start(DEAF, limits__service_messages_per_second="2")
        _, session = self.create()
        self.assertIn("onServiceMessage", self.say("--session", session, "x", code=1))
        self.assertEqual(self.daemon.drops("service_unheard"), 1)
        self.assertEqual(self.daemon.request_raw("POST", "/v1/sessions/gsess-none/messages", {"payload": "x"})[0], 404)
        statuses = [self.daemon.request_raw("POST", f"/v1/sessions/{session}/messages", {"payload": "x"})[0] for _ in range(40)]  # faster than two a second, on any machine
        self.assertEqual(set(statuses), {409, 429})
        self.assertEqual(self.daemon.drops("service_rate"), statuses.count(429))
        self.assertEqual(self.daemon.request_raw("POST", f"/v1/sessions/{session}/messages", {"payload": "x" * 4097})[0], 400)
        self.daemon.stop()

    async def test_an_event_that_is_none_is_answered_and_counted(self):
        self.start(LUA, form="sns")
        arn, session = self.create()
        player = await Player.join(self.daemon, session)
        await player.send(5, b"x", player=-1)
        await until(lambda: any(b"refused" in body for _, body in self.receiver.posts))
        event = next(json.loads(json.loads(body)["Message"]) for _, body in self.receiver.posts if b"refused" in body)
        self.assertEqual((event["detail"]["type"], event["detail"]["eventData"]), ("GameSessionEvent", {"why": "event_invalid"}))
        self.assertEqual(event["resources"], [arn])
        self.assertEqual(self.daemon.drops("event_invalid"), 1)
        await player.leave()
        self.daemon.stop()


if __name__ == "__main__":
    unittest.main()
