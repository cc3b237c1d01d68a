#!/usr/bin/python3
"""Whoever leaves a match is replaced because the game asks for it: a game server by the Server SDK's protocol, the example in C, and scripts."""

import asyncio
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import unittest

from agent_test import Client
from daemon import Daemon
from player import Player, until
from server_sdk import GameServer, SdkError
from service_match_test import PAIR, QueueCase, player


class BackfillCase(QueueCase):
    async def pair(self, *names):
        """Tickets of two who play, and their session."""
        tickets = [self.begin("pair", player(name, 7)) for name in names]
        done = [await self.becomes(ticket, "COMPLETED") for ticket in tickets]
        return done, self.session(done[0])["GameSessionId"]

    async def replaced(self, name, arn):
        """Another one is matched into the session. Returns his place."""
        third = await self.becomes(self.begin("pair", player(name, 8)), "COMPLETED")
        self.assertEqual(third["GameSessionConnectionInfo"]["GameSessionArn"], arn)
        return third

    @staticmethod
    def place(ticket):
        return ticket["GameSessionConnectionInfo"]["MatchedPlayerSessions"][0]["PlayerSessionId"]


class GameServerTest(BackfillCase):
    """Custom game servers, on a machine of the studio's own."""

    def begin_fleet(self):
        self.start()
        self.fleet = self.gamelift.create_fleet(Name="custom", ComputeType="ANYWHERE")["FleetAttributes"]
        compute = self.gamelift.register_compute(FleetId=self.fleet["FleetId"], ComputeName="laptop", IpAddress="127.0.0.1")["Compute"]
        token = self.gamelift.get_compute_auth_token(FleetId=self.fleet["FleetId"], ComputeName="laptop")["AuthToken"]
        self.login = (compute["GameLiftServiceSdkEndpoint"], token, self.fleet["FleetId"], "laptop")
        self.rules("pair", PAIR)
        self.configure("pair", **self.queue("main", self.fleet["FleetArn"]))

    async def serve(self):
        """A game server that plays the next match."""
        server = await GameServer.connect(*self.login)
        await server.ready(4000)
        tickets = [self.begin("pair", player(name, 7)) for name in ("ann", "bob")]
        start = await server.push("CreateGameSession")
        await server.ask("ActivateGameSession", GameSessionId=start["GameSessionId"])
        done = [await self.becomes(ticket, "COMPLETED") for ticket in tickets]
        for ticket in done:
            await server.ask("AcceptPlayerSession", GameSessionId=start["GameSessionId"], PlayerSessionId=self.place(ticket))
        return server, start, done

    @staticmethod
    def about(start):
        return {"GameSessionArn": start["GameSessionId"], "MatchmakingConfigurationArn": json.loads(start["MatchmakerData"])["matchmakingConfigurationArn"]}

    async def refused(self, server, status, action, **members):
        with self.assertRaises(SdkError) as caught:
            await server.ask(action, **members)
        self.assertEqual(caught.exception.status, status, caught.exception)

    async def test_a_leaver_is_replaced(self):
        self.begin_fleet()
        server, start, (ann, bob) = await self.serve()
        arn, about = start["GameSessionId"], self.about(start)
        await server.ask("RemovePlayerSession", GameSessionId=arn, PlayerSessionId=self.place(bob))
        stays = {"PlayerId": "ann", "Team": ann["Players"][0]["Team"], "PlayerAttributes": {"skill": {"AttrType": "DOUBLE", "N": 7}}, "LatencyInMs": {}}
        asked = await server.ask("StartMatchBackfill", TicketId="fill", Players=[stays], **about)
        self.assertEqual(asked["TicketId"], "fill")
        await self.refused(server, 409, "StartMatchBackfill", Players=[stays], **about)
        third = await self.replaced("cat", arn)
        self.assertEqual(third["Players"][0]["Team"], bob["Players"][0]["Team"])
        update = await server.push("UpdateGameSession")
        self.assertEqual((update["UpdateReason"], update["BackfillTicketId"], update["GameSession"]["GameSessionId"]), ("MATCHMAKING_DATA_UPDATED", "fill", arn))
        data = update["GameSession"]["MatchmakerData"]
        teams = {team["name"]: [p["playerId"] for p in team["players"]] for team in json.loads(data)["teams"]}
        self.assertEqual(teams, {ann["Players"][0]["Team"]: ["ann"], third["Players"][0]["Team"]: ["cat"]})
        self.assertEqual(self.session(ann)["MatchmakerData"], data)
        await server.ask("AcceptPlayerSession", GameSessionId=arn, PlayerSessionId=self.place(third))
        await server.close()

    async def test_a_search_is_stopped_and_begun_anew(self):
        self.begin_fleet()
        server, start, (_, bob) = await self.serve()
        about = self.about(start)
        await server.ask("RemovePlayerSession", GameSessionId=start["GameSessionId"], PlayerSessionId=self.place(bob))
        await server.ask("StartMatchBackfill", TicketId="one", **about)
        self.assertEqual([p["PlayerId"] for p in self.ticket("one")["Players"]], ["ann"])
        await server.ask("StopMatchBackfill", TicketId="one", **about)
        update = await server.push("UpdateGameSession")
        self.assertEqual((update["UpdateReason"], update["BackfillTicketId"]), ("BACKFILL_CANCELLED", "one"))
        other = self.begin("pair", player("cat", 7))
        await self.refused(server, 404, "StopMatchBackfill", TicketId=other, **about)
        await server.ask("StartMatchBackfill", TicketId="two", **about)
        await self.becomes("two", "COMPLETED")
        await self.becomes(other, "COMPLETED")
        await server.close()

    async def test_what_is_wrong_is_refused(self):
        self.begin_fleet()
        server, start, _ = await self.serve()
        about = self.about(start)
        await self.refused(server, 404, "StartMatchBackfill", **{**about, "GameSessionArn": "arn:aws:gamelift:local::gamesession/other"})
        await self.refused(server, 404, "StartMatchBackfill", **{**about, "MatchmakingConfigurationArn": "none"})
        await self.refused(server, 400, "StartMatchBackfill", Players=[{"PlayerId": "x", "Team": "green"}], **about)
        await self.refused(server, 400, "StartMatchBackfill", Players=[{"PlayerId": "x", "PlayerAttributes": {"skill": {"AttrType": "STRING", "S": "good"}}}], **about)
        await self.refused(server, 404, "StopMatchBackfill", TicketId="none", **about)
        await server.close()

    async def test_a_flood_of_questions_hurts_nobody(self):
        self.begin_fleet()
        server, start, (_, bob) = await self.serve()
        about = self.about(start)
        await server.ask("RemovePlayerSession", GameSessionId=start["GameSessionId"], PlayerSessionId=self.place(bob))
        answers = await asyncio.gather(*(server.ask("StartMatchBackfill", **about) for _ in range(500)), return_exceptions=True)
        self.assertEqual({getattr(answer, "status", 200) for answer in answers}, {200, 409, 429})
        self.assertEqual(sum(not isinstance(answer, SdkError) for answer in answers), 1)
        await self.replaced("cat", start["GameSessionId"])
        metrics = self.daemon.metrics()
        refused = metrics["ringcast_service_server_process_questions_refused_total"]
        self.assertEqual(refused + metrics["ringcast_service_server_process_questions_total"], 500)
        self.assertGreater(refused, 0)
        await server.close()

    async def test_the_example_in_c_asks(self):
        self.begin_fleet()
        environment = dict(zip(("GAMELIFT_SDK_WEBSOCKET_URL", "GAMELIFT_SDK_AUTH_TOKEN", "GAMELIFT_SDK_FLEET_ID", "GAMELIFT_SDK_HOST_ID"), self.login))
        log = tempfile.NamedTemporaryFile("w+", dir=self.folder)
        port = free_port()
        program = subprocess.Popen([os.environ["CUSTOM_SERVER"], str(port)], env={**os.environ, **environment, "GAMELIFT_SDK_PROCESS_ID": "p-1"}, stdout=log)
        self.addCleanup(end, program)
        said = lambda: pathlib.Path(log.name).read_text(encoding="utf-8")
        await until(lambda: "ready" in said())
        (ann, bob), arn = await self.pair("ann", "bob")
        address = {"IpAddress": "127.0.0.1", "Port": port}
        stays, leaves = Client(address, self.place(ann)), Client(address, self.place(bob))
        self.assertEqual((stays.hear(), leaves.hear()), ("welcome\n",) * 2)
        leaves.leave()
        await until(lambda: "looking for players: " in said())
        third = await self.replaced("cat", arn)
        ticket = re.search(r"looking for players: (\S+)", said())[1]
        await until(lambda: f"update: MATCHMAKING_DATA_UPDATED {ticket}\n" in said())
        joins = Client(address, self.place(third))
        self.assertEqual(joins.hear(), "welcome\n")
        joins.say("hello")
        self.assertEqual(stays.hear(), "hello\n")
        joins.leave()
        stays.leave()


LUA = """
local session
local function said(...)
	local parts = {...}
	for i = 1, select("#", ...) do parts[i] = tostring(parts[i]) end
	session:getLogger().info("answer: " .. table.concat(parts, " ", 1, select("#", ...)))
end
local function over(...) session:getLogger().info("over: " .. table.concat({...}, " ")) end
local game = {}
function game.init(given) session = given end
function game.onPlayerDisconnect() said("asked", session:startMatchBackfill(said, over)) end
function game.onServiceMessage(msg)
	if msg.payload == "stop" then session:stopMatchBackfill(said) return end
	local is_asked, why = session:startMatchBackfill(require("json").decode(msg.payload), said, over)
	if not is_asked then said(is_asked, why) end
end
return game
"""

JS = """
let session;
const said = (error, ticket) => session.getLogger().info(`answer: ${ticket} ${error ? error.name : undefined} ${error ? error.message : undefined}`);
const over = (...words) => session.getLogger().info(`over: ${words.join(' ')}`);
exports.ssExports = {
	init(given) { session = given; },
	onPlayerDisconnect() { session.startMatchBackfill(said, over); },
	async onServiceMessage(msg) {
		const text = msg.getPayloadAsText();
		if (text === 'stop')
			return session.stopMatchBackfill(said);
		try {
			said(null, await session.startMatchBackfill(JSON.parse(text), null, over));
		} catch (error) {
			said(error);
		}
	},
};
"""


class ScriptCase(BackfillCase):
    """Sessions of the engine, with a script that asks when somebody leaves, or a backend says so, and logs what it is answered."""
    main = source = None

    def write_script(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        pathlib.Path(folder.name, self.main).write_text(self.source, encoding="utf-8")
        return folder.name

    def begin_game(self):
        self.start(flags=["--script", self.write_script()])
        self.rules("pair", PAIR)
        self.configure("pair", **self.queue())

    def answers(self):
        return [line.split() for line in re.findall(r"answer: ([^\"]*)", self.daemon.log_text().decode())]

    async def is_over(self, *words):
        """The script was told at last how its search ended."""
        endings = lambda: [line.split() for line in re.findall(r"over: ([^\"]*)", self.daemon.log_text().decode())]  # noqa: E731
        try:
            await until(lambda: endings() and endings()[-1] == list(words))
        except AssertionError:
            self.fail(f"not over {words}: {endings()}")

    def say(self, text):
        session = max(self.daemon.request("GET", "/v1/sessions")["sessions"], key=lambda one: one["player_count"] + one["reserved_count"])["id"]
        self.daemon.request("POST", f"/v1/sessions/{session}/messages", {"payload": text})

    async def answered(self, *words):
        """The newest answer that the script was given begins with these words."""
        try:
            await until(lambda: self.answers() and tuple(self.answers()[-1][:len(words)]) == words)
        except AssertionError:
            self.fail(f"no answer {words}: {self.answers()}")

    async def test_a_leaver_is_replaced(self):
        self.begin_game()
        done, arn = await self.pair("ann", "bob")
        stays, leaves = *await self.enter(done[0]), *await self.enter(done[1])
        await leaves.leave()
        await until(lambda: any(answer[0] not in ("asked", "nil", "undefined") for answer in self.answers()))
        ticket = next(answer[0] for answer in self.answers() if answer[0] != "asked")
        self.assertEqual([p["PlayerId"] for p in self.ticket(ticket)["Players"]], ["ann"])
        third = await self.replaced("cat", arn)
        await self.becomes(ticket, "COMPLETED")
        await self.is_over(ticket, "COMPLETED")
        self.assertEqual(third["Players"][0]["Team"], done[1]["Players"][0]["Team"])
        joined = (await self.enter(third))[0]
        await joined.send(10, b"here", player=stays.peer_id)
        await stays.expect(10, b"here", joined.peer_id)
        await joined.leave()
        await stays.leave()

    async def test_a_script_names_its_players_is_refused_and_stops(self):
        self.begin_game()
        done, _ = await self.pair("ann", "bob")
        self.say('{"ConfigurationName": "none"}')
        await self.answered(self.nothing, "NotFoundException")
        self.say(json.dumps({"TicketId": "mine", "Players": [{"PlayerId": "ann", "Team": done[0]["Players"][0]["Team"]}]}))
        await self.answered("mine")
        self.say("{}")
        await self.answered(self.nothing, "ConflictException")
        self.say("stop")
        await self.becomes("mine", "CANCELLED")
        await self.is_over("mine", "CANCELLED")
        self.say("stop")
        await self.answered(self.nothing, "NotFoundException")

    async def test_without_a_service_nobody_answers(self):
        self.daemon = Daemon("--dev", "--script", self.write_script(), "--service", "off")
        alice = await Player.join(self.daemon, token="dev-demo-alice")
        self.say("{}")
        await self.nobody_answers()
        await alice.leave()


@unittest.skipUnless(os.environ.get("RINGCAST_HAS_LUA"), "no Lua")
class LuaTest(ScriptCase):
    main, source, nothing = "main.lua", LUA, "nil"

    async def nobody_answers(self):
        await self.answered("false", "event_unheard")


@unittest.skipUnless(os.environ.get("RINGCAST_HAS_NODE"), "no Node.js")
class JavaScriptTest(ScriptCase):
    main, source, nothing = "index.js", JS, "undefined"

    async def nobody_answers(self):
        await self.answered("undefined", "event_unheard")


del ScriptCase


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def end(program):
    program.terminate()
    program.wait(60)


if __name__ == "__main__":
    unittest.main()
