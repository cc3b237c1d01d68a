#!/usr/bin/python3
"""Matchmaking as a studio's backend sees it: botocore, unmodified, against ringcastd."""

import json
import os
import subprocess
import tempfile
import unittest

from botocore.exceptions import ClientError

from daemon import AdminError, Daemon
from gamelift import client, raw, service_port
from player import Player, until
from webhook_test import Receiver

GALLERY = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "examples", "matchmaking")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT")


class MatchCase(unittest.IsolatedAsyncioTestCase):
    """A daemon with a store and a webhook; names of rule sets are those of the gallery's files."""

    def start(self, webhook=False, flags=(), **settings):
        if not hasattr(self, "folder"):
            folder = tempfile.TemporaryDirectory()
            self.addCleanup(folder.cleanup)
            self.folder = folder.name
        if webhook:
            self.receiver = Receiver()
            self.addCleanup(self.receiver.close)
            path = os.path.join(self.folder, "webhooks")
            with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
                file.write(f"sns {self.receiver.url} webhook-secret-0123456789\n")
            settings["service__webhooks"] = path
        settings.setdefault("service__match_round", "20ms")
        self.daemon = Daemon("--dev", *flags, service__store=os.path.join(self.folder, "store.db"), **settings)
        self.gamelift = client(service_port(self.daemon))

    def tearDown(self):
        self.daemon.stop()

    def rules(self, name, body=None):
        if body is None:
            with open(os.path.join(GALLERY, f"{name}.json"), encoding="utf-8") as file:
                body = file.read()
        self.gamelift.create_matchmaking_rule_set(Name=name, RuleSetBody=body if isinstance(body, str) else json.dumps(body))

    def configure(self, name, **options):
        options = {"RequestTimeoutSeconds": 60, "AcceptanceRequired": False, "FlexMatchMode": "STANDALONE", **options}
        return self.gamelift.create_matchmaking_configuration(Name=name, RuleSetName=name, **options)["Configuration"]

    def begin(self, name, *players, **options):
        return self.gamelift.start_matchmaking(ConfigurationName=name, Players=list(players), **options)["MatchmakingTicket"]["TicketId"]

    def ticket(self, ticket_id):
        return self.gamelift.describe_matchmaking(TicketIds=[ticket_id])["TicketList"][0]

    def status(self, ticket_id):
        return self.ticket(ticket_id)["Status"]

    async def becomes(self, ticket_id, status):
        await until(lambda: self.status(ticket_id) in (status, *ENDED))
        self.assertEqual(self.status(ticket_id), status)
        return self.ticket(ticket_id)

    def fault(self, operation, **options):
        with self.assertRaises(ClientError) as caught:
            getattr(self.gamelift, operation)(**options)
        return caught.exception.response["Error"]["Code"]

    def told(self):
        """(type, detail) of each event of matchmaking, as it came."""
        events = [json.loads(json.loads(body)["Message"]) for _, body in self.receiver.posts]
        return [(event["detail"]["type"], event) for event in events if "matchmakingconfiguration" in event["resources"][0]]

    def types(self):
        return [kind for kind, _ in self.told()]


def player(name, skill=None, **latencies):
    attributes = {} if skill is None else {"skill": {"N": skill}}
    return {"PlayerId": name, "PlayerAttributes": attributes, **({"LatencyInMs": latencies} if latencies else {})}


class StandaloneTest(MatchCase):
    """Matches without sessions: the result is the event, and what the tickets say."""

    async def test_a_duel_of_the_gallery(self):
        self.start(webhook=True)
        self.rules("duel")
        self.configure("duel", CustomEventData="mine")
        alice = self.begin("duel", {"PlayerId": "alice", "PlayerAttributes": {"rating": {"N": 1000}}})
        await self.becomes(alice, "SEARCHING")
        bob = self.begin("duel", {"PlayerId": "bob", "PlayerAttributes": {"rating": {"N": 1010}}})
        one, two = await self.becomes(alice, "COMPLETED"), await self.becomes(bob, "COMPLETED")
        self.assertEqual(len({one["Players"][0]["Team"], two["Players"][0]["Team"]}), 2)
        await until(lambda: "MatchmakingSucceeded" in self.types())
        self.assertEqual(self.types(), ["MatchmakingSearching", "MatchmakingSearching", "PotentialMatchCreated", "MatchmakingSucceeded"])
        event = self.told()[-1][1]
        self.assertEqual((event["source"], event["detail-type"]), ("aws.gamelift", "GameLift Matchmaking Event"))
        self.assertEqual({p["playerId"] for p in event["detail"]["gameSessionInfo"]["players"]}, {"alice", "bob"})
        self.assertEqual(event["detail"]["customEventData"], "mine")
        self.assertEqual({t["ticketId"] for t in event["detail"]["tickets"]}, {alice, bob})
        self.assertEqual(self.daemon.metrics()["ringcast_matchmaking_tickets_completed_total"], 2)

    async def test_an_expansion_lets_distant_players_meet(self):
        self.start()
        self.rules("widening", {"ruleLanguageVersion": "1.0", "playerAttributes": [{"name": "skill", "type": "number"}],
                                "teams": [{"name": "a", "minPlayers": 1, "maxPlayers": 1}, {"name": "b", "minPlayers": 1, "maxPlayers": 1}],
                                "rules": [{"name": "near", "type": "distance", "measurements": ["teams[a].players.attributes[skill]"],
                                           "referenceValue": "avg(teams[b].players.attributes[skill])", "maxDistance": 5}],
                                "expansions": [{"target": "rules[near].maxDistance", "steps": [{"waitTimeSeconds": 2, "value": 100}]}]})
        self.configure("widening")
        one, two = self.begin("widening", player("a", 10)), self.begin("widening", player("b", 60))
        started = self.ticket(two)["StartTime"]
        await until(lambda: self.status(one) == "COMPLETED")
        self.assertGreaterEqual((self.ticket(two)["EndTime"] - started).total_seconds(), 2)

    async def test_why_a_ticket_waits_is_told(self):
        self.start()
        self.rules("duel")
        self.configure("duel")
        alice = self.begin("duel", {"PlayerId": "alice", "PlayerAttributes": {"rating": {"N": 1000}}})
        self.begin("duel", {"PlayerId": "zoe", "PlayerAttributes": {"rating": {"N": 9000}}})
        await self.becomes(alice, "SEARCHING")
        told = self.daemon.request("GET", f"/v1/service/tickets/{alice}")
        self.assertEqual((told["ticket"], told["configuration"], told["state"]), (alice, "duel", "SEARCHING"))
        self.assertEqual([held["rule"] for held in told["heldBackBy"]], ["Even"])
        said = subprocess.run([os.environ["RINGCAST"], "match", "explain", alice, "--admin", f"127.0.0.1:{self.daemon.admin_port}"], check=True, capture_output=True, text=True)
        self.assertIn("Even", said.stdout)
        with self.assertRaises(AdminError) as caught:
            self.daemon.request("GET", "/v1/service/tickets/none")
        self.assertEqual(caught.exception.status, 404)

    async def test_tickets_outlive_a_restart(self):
        self.start()
        self.rules("duel")
        self.configure("duel")
        done = [self.begin("duel", {"PlayerId": name, "PlayerAttributes": {"rating": {"N": 1}}}) for name in ("x", "y")]
        for ticket in done:
            await self.becomes(ticket, "COMPLETED")
        alice = self.begin("duel", {"PlayerId": "alice", "PlayerAttributes": {"rating": {"N": 1000}}})
        await self.becomes(alice, "SEARCHING")
        before = self.ticket(alice)
        self.daemon.stop()
        self.start()
        self.assertEqual([self.status(ticket) for ticket in done], ["COMPLETED"] * 2)
        after = await self.becomes(alice, "SEARCHING")
        self.assertEqual((before["StartTime"], before["Players"]), (after["StartTime"], after["Players"]))
        bob = self.begin("duel", {"PlayerId": "bob", "PlayerAttributes": {"rating": {"N": 1001}}})
        await self.becomes(alice, "COMPLETED")
        await self.becomes(bob, "COMPLETED")

    async def test_what_is_wrong_is_refused(self):
        self.start()
        self.assertEqual(self.fault("validate_matchmaking_rule_set", RuleSetBody="{}"), "InvalidRequestException")
        self.rules("duel")
        with self.assertRaises(ClientError) as caught:
            self.gamelift.validate_matchmaking_rule_set(RuleSetBody='{\n"ruleLanguageVersion": "1.0",\n"team": []}')
        self.assertIn("line 3", caught.exception.response["Error"]["Message"])
        self.assertEqual(self.fault("create_matchmaking_rule_set", Name="duel", RuleSetBody="{}"), "InvalidRequestException")
        self.assertEqual(self.fault("start_matchmaking", ConfigurationName="duel", Players=[player("a")]), "NotFoundException")
        self.configure("duel")
        wrong = {"PlayerId": "a", "PlayerAttributes": {"rating": {"S": "good"}}}
        self.assertEqual(self.fault("start_matchmaking", ConfigurationName="duel", Players=[wrong]), "InvalidRequestException")
        self.assertEqual(self.fault("stop_matchmaking", TicketId="none"), "NotFoundException")
        self.assertEqual(self.fault("delete_matchmaking_rule_set", Name="duel"), "InvalidRequestException")
        self.gamelift.delete_matchmaking_configuration(Name="duel")
        self.gamelift.delete_matchmaking_rule_set(Name="duel")
        self.assertEqual(self.gamelift.describe_matchmaking_rule_sets()["RuleSets"], [])

    async def ask(self, *names):
        self.start(webhook=True)
        self.rules("pair", {"ruleLanguageVersion": "1.0", "teams": [{"name": "all", "minPlayers": 2, "maxPlayers": len(names)}]})
        self.configure("pair", AcceptanceRequired=True, AcceptanceTimeoutSeconds=2)
        tickets = [self.begin("pair", player(name)) for name in names]
        for ticket in tickets:
            await self.becomes(ticket, "REQUIRES_ACCEPTANCE")
        return tickets

    def answer(self, ticket, name, answer="ACCEPT"):
        self.gamelift.accept_match(TicketId=ticket, PlayerIds=[name], AcceptanceType=answer)

    async def test_all_accept(self):
        one, two = await self.ask("a", "b")
        self.answer(one, "a")
        self.assertEqual(self.status(one), "REQUIRES_ACCEPTANCE")
        self.answer(two, "b")
        await self.becomes(one, "COMPLETED")
        await self.becomes(two, "COMPLETED")
        await until(lambda: "MatchmakingSucceeded" in self.types())
        completed = [event["detail"]["acceptance"] for kind, event in self.told() if kind == "AcceptMatchCompleted"]
        self.assertEqual(completed, ["Accepted"])

    async def test_one_rejects_and_the_other_searches_on(self):
        one, two = await self.ask("a", "b")
        self.answer(one, "a")
        self.answer(two, "b", "REJECT")
        await self.becomes(two, "CANCELLED")
        await self.becomes(one, "SEARCHING")
        self.gamelift.stop_matchmaking(TicketId=one)
        await self.becomes(one, "CANCELLED")
        await until(lambda: self.types().count("MatchmakingCancelled") == 2)
        self.assertEqual([event["detail"]["acceptance"] for kind, event in self.told() if kind == "AcceptMatchCompleted"], ["Rejected"])

    async def test_some_accept_and_time_runs_out(self):
        one, two = await self.ask("a", "b")
        self.answer(one, "a")
        await self.becomes(two, "CANCELLED")
        await self.becomes(one, "SEARCHING")
        await until(lambda: "AcceptMatchCompleted" in self.types())
        self.assertEqual([event["detail"]["acceptance"] for kind, event in self.told() if kind == "AcceptMatchCompleted"], ["TimedOut"])

    async def test_a_ticket_times_out(self):
        self.start(webhook=True)
        self.rules("duel")
        self.configure("duel", RequestTimeoutSeconds=1)
        alone = self.begin("duel", {"PlayerId": "alone", "PlayerAttributes": {"rating": {"N": 1}}})
        await self.becomes(alone, "TIMED_OUT")
        await until(lambda: self.types() == ["MatchmakingSearching", "MatchmakingTimedOut"])
        self.assertEqual(self.told()[-1][1]["detail"]["reason"], "TimedOut")


PAIR = {"ruleLanguageVersion": "1.0", "playerAttributes": [{"name": "skill", "type": "number", "default": 7}],
        "teams": [{"name": "red", "minPlayers": 1, "maxPlayers": 1}, {"name": "blue", "minPlayers": 1, "maxPlayers": 1}]}


class QueueCase(MatchCase):
    """Matches that get a session through a queue."""

    def queue(self, name="main", *fleets, **options):
        arns = fleets or ["arn:aws:gamelift:local::fleet/fleet-123"]
        options = {"TimeoutInSeconds": 60, **options}
        self.gamelift.create_game_session_queue(Name=name, Destinations=[{"DestinationArn": arn} for arn in arns], **options)
        return {"FlexMatchMode": "WITH_QUEUE", "GameSessionQueueArns": [f"arn:aws:gamelift:local::gamesessionqueue/{name}"]}

    def session(self, ticket):
        arn = ticket["GameSessionConnectionInfo"]["GameSessionArn"]
        return self.gamelift.describe_game_sessions(GameSessionId=arn)["GameSessions"][0]

    async def enter(self, ticket):
        """All players of a completed ticket, in the session."""
        info = ticket["GameSessionConnectionInfo"]
        self.assertEqual((info["IpAddress"], info["Port"]), ("127.0.0.1", self.daemon.tcp_port))
        return [await Player.join(self.daemon, token=place["PlayerSessionId"]) for place in info["MatchedPlayerSessions"]]


class QueueTest(QueueCase):
    """And players who join it."""

    async def test_a_duel_is_played(self):
        self.start(webhook=True)
        self.rules("duel")
        self.configure("duel", GameProperties=[{"Key": "map", "Value": "dust"}], GameSessionData="data", **self.queue())
        tickets = [self.begin("duel", {"PlayerId": name, "PlayerAttributes": {"rating": {"N": rating}}}) for name, rating in (("ann", 1000), ("bob", 1003))]
        one, two = [await self.becomes(ticket, "COMPLETED") for ticket in tickets]
        self.assertEqual([place["PlayerId"] for place in one["GameSessionConnectionInfo"]["MatchedPlayerSessions"]], ["ann"])
        session = self.session(one)
        self.assertEqual((session["MaximumPlayerSessionCount"], session["GameSessionData"], session["GameProperties"]),
                         (2, "data", [{"Key": "map", "Value": "dust"}]))
        data = json.loads(session["MatchmakerData"])
        self.assertTrue(data["matchmakingConfigurationArn"].endswith(":matchmakingconfiguration/duel"))
        self.assertEqual({team["name"]: [(p["playerId"], p["attributes"]) for p in team["players"]] for team in data["teams"]},
                         {t["Players"][0]["Team"]: [(t["Players"][0]["PlayerId"], {"rating": {"attributeType": "DOUBLE", "valueAttribute": r}})]
                          for t, r in ((one, 1000), (two, 1003))})
        ann, bob = *await self.enter(one), *await self.enter(two)
        await ann.send(10, b"hello", player=bob.peer_id)
        await bob.expect(10, b"hello", ann.peer_id)
        await until(lambda: "MatchmakingSucceeded" in self.types())
        info = self.told()[-1][1]["detail"]["gameSessionInfo"]
        self.assertEqual((info["gameSessionArn"], info["port"]), (session["GameSessionId"], self.daemon.tcp_port))
        self.assertTrue(all(p["playerSessionId"] and p["team"] for p in info["players"]))
        await ann.leave()
        await bob.leave()

    async def test_two_hundred_play_in_one_session(self):
        self.start(service__match_round="6s")  # so that all are there when the second round is held
        self.rules("last-one-standing")
        self.configure("last-one-standing", **self.queue())
        tickets = [self.begin("last-one-standing", player(f"p{i}", i % 50, **{"local": 20})) for i in range(200)]
        await until(lambda: self.status(tickets[-1]) in ENDED)
        done = [await self.becomes(ticket, "COMPLETED") for ticket in tickets]
        self.assertEqual(len({ticket["GameSessionConnectionInfo"]["GameSessionArn"] for ticket in done}), 1)
        self.assertEqual(self.session(done[0])["CurrentPlayerSessionCount"], 200)
        players = [(await self.enter(ticket))[0] for ticket in done[::20]]
        for joined in players:
            await joined.leave()

    async def test_the_session_begins_where_the_players_are_near(self):
        self.start()
        for place in ("custom-far", "custom-near"):
            self.gamelift.create_location(LocationName=place)
        fleet = self.gamelift.create_fleet(Name="f", Locations=[{"Location": "custom-far"}, {"Location": "custom-near"}])["FleetAttributes"]
        self.rules("pair", PAIR)
        policy = [{"MaximumIndividualPlayerLatencyMilliseconds": 50, "PolicyDurationSeconds": 1}, {"MaximumIndividualPlayerLatencyMilliseconds": 300}]
        self.configure("pair", **self.queue("main", fleet["FleetArn"], PlayerLatencyPolicies=policy))
        near = {"custom-far": 200, "custom-near": 20}
        tickets = [self.begin("pair", player(name, **near)) for name in ("a", "b")]
        done = [await self.becomes(ticket, "COMPLETED") for ticket in tickets]
        self.assertEqual(self.session(done[0])["Location"], "custom-near")
        slow = [self.begin("pair", player(name, **{"custom-far": 120, "custom-near": 140})) for name in ("c", "d")]
        await self.becomes(slow[0], "PLACING")
        done = [await self.becomes(ticket, "COMPLETED") for ticket in slow]
        self.assertEqual(self.session(done[0])["Location"], "custom-far", "when the policy had relaxed")

    async def test_a_match_waits_for_room_and_cannot_be_stopped(self):
        self.start(limits__sessions_max=1)
        self.rules("pair", PAIR)
        self.configure("pair", **self.queue(TimeoutInSeconds=10))
        first = [self.begin("pair", player(name)) for name in ("a", "b")]
        done = await self.becomes(first[0], "COMPLETED")
        second = [self.begin("pair", player(name)) for name in ("c", "d")]
        await self.becomes(second[0], "PLACING")
        self.assertEqual(self.fault("stop_matchmaking", TicketId=second[0]), "InvalidRequestException")
        raw(service_port(self.daemon), "TerminateGameSession",
            json.dumps({"GameSessionId": self.session(done)["GameSessionId"], "TerminationMode": "FORCE_TERMINATE"}))
        for ticket in second:
            await self.becomes(ticket, "COMPLETED")

    async def test_a_match_that_no_queue_places_has_failed(self):
        self.start(webhook=True, limits__sessions_max=1)
        self.rules("pair", PAIR)
        self.configure("pair", **self.queue(TimeoutInSeconds=1))
        for names in (("a", "b"), ("c", "d")):
            tickets = [self.begin("pair", player(name)) for name in names]
            await until(lambda: all(self.status(ticket) in ENDED for ticket in tickets))
        self.assertEqual({self.status(ticket) for ticket in tickets}, {"FAILED"})
        await until(lambda: "MatchmakingFailed" in self.types())
        self.assertEqual(self.types().count("MatchmakingFailed"), 1)

    async def test_a_match_is_placed_after_a_restart(self):
        self.start(limits__sessions_max=1)
        self.rules("pair", PAIR)
        self.configure("pair", **self.queue(TimeoutInSeconds=60))
        for name in ("a", "b"):
            first = self.begin("pair", player(name))
        await self.becomes(first, "COMPLETED")
        second = [self.begin("pair", player(name)) for name in ("c", "d")]
        await self.becomes(second[0], "PLACING")
        self.daemon.stop()
        self.start(limits__sessions_max=1)
        done = [await self.becomes(ticket, "COMPLETED") for ticket in second]
        self.assertEqual({ticket["Players"][0]["Team"] for ticket in done}, {"red", "blue"})
        players = [*await self.enter(done[0]), *await self.enter(done[1])]
        for joined in players:
            await joined.leave()

    async def test_a_leaver_is_replaced(self):
        self.start()
        self.rules("pair", PAIR)
        self.configure("pair", BackfillMode="AUTOMATIC", **self.queue())
        tickets = [self.begin("pair", player(name)) for name in ("a", "b")]
        one, two = [await self.becomes(ticket, "COMPLETED") for ticket in tickets]
        automatic = json.loads(self.session(one)["MatchmakerData"])["autoBackfillTicketId"]
        stays, leaves = *await self.enter(one), *await self.enter(two)
        await leaves.leave()
        await until(lambda: self.gamelift.describe_matchmaking(TicketIds=[automatic])["TicketList"])
        third = await self.becomes(self.begin("pair", player("c")), "COMPLETED")
        await self.becomes(automatic, "COMPLETED")
        self.assertEqual(third["GameSessionConnectionInfo"]["GameSessionArn"], one["GameSessionConnectionInfo"]["GameSessionArn"])
        self.assertEqual(third["Players"][0]["Team"], two["Players"][0]["Team"])
        joined = (await self.enter(third))[0]
        await joined.send(10, b"here", player=stays.peer_id)
        await stays.expect(10, b"here", joined.peer_id)
        await joined.leave()
        await stays.leave()

    async def test_a_backend_asks_for_players_who_join(self):
        self.start()
        self.rules("pair", PAIR)
        self.configure("pair", **self.queue())
        tickets = [self.begin("pair", player(name)) for name in ("a", "b")]
        one, two = [await self.becomes(ticket, "COMPLETED") for ticket in tickets]
        session = self.session(one)["GameSessionId"]
        stays, leaves = *await self.enter(one), *await self.enter(two)
        await leaves.leave()
        self.assertEqual(self.fault("start_match_backfill", ConfigurationName="pair", Players=one["Players"]), "InvalidRequestException")
        self.gamelift.start_match_backfill(TicketId="fill", ConfigurationName="pair", GameSessionArn=session, Players=one["Players"])
        third = await self.becomes(self.begin("pair", player("c")), "COMPLETED")
        await self.becomes("fill", "COMPLETED")
        self.assertEqual(third["GameSessionConnectionInfo"]["GameSessionArn"], session)
        await (await self.enter(third))[0].leave()
        await stays.leave()

    def balanced(self, name, **options):
        """Two teams of thirty, or one of sixty, with their configuration."""
        teams = {"sides": [{"name": "side", "minPlayers": 30, "maxPlayers": 30, "quantity": 2}], "field": [{"name": "field", "minPlayers": 60, "maxPlayers": 60}]}[name]
        self.rules(name, {"ruleLanguageVersion": "1.0", "playerAttributes": [{"name": "skill", "type": "number"}],
                          "algorithm": {"strategy": "balanced", "balancedAttribute": "skill"}, "teams": teams})
        self.configure(name, **options, **self.queue())

    async def sixty(self, name):
        """Their tickets, completed; of the first and the second the players, in the session."""
        tickets = [self.begin(name, player(f"p{i}", i)) for i in range(60)]
        done = [await self.becomes(ticket, "COMPLETED") for ticket in tickets]
        return done, [(await self.enter(ticket))[0] for ticket in done[:2]]

    async def joins_instead(self, ticket, stays, session, team):
        """Whoever has this ticket is in the session and in the team, and can be talked to."""
        done = await self.becomes(ticket, "COMPLETED")
        self.assertEqual((done["GameSessionConnectionInfo"]["GameSessionArn"], done["Players"][0]["Team"]), (session["GameSessionId"], team))
        joined = (await self.enter(done))[0]
        await joined.send(10, b"here", player=stays.peer_id)
        await stays.expect(10, b"here", joined.peer_id)
        await joined.leave()
        await stays.leave()

    async def test_a_leaver_of_sixty_is_replaced(self):
        self.start()
        self.balanced("sides", BackfillMode="AUTOMATIC")
        done, (stays, leaves) = await self.sixty("sides")
        session = self.session(done[0])
        self.assertEqual(session["CurrentPlayerSessionCount"], 60)
        automatic = json.loads(session["MatchmakerData"])["autoBackfillTicketId"]
        await leaves.leave()
        await until(lambda: self.gamelift.describe_matchmaking(TicketIds=[automatic])["TicketList"])
        self.assertEqual(len(self.ticket(automatic)["Players"]), 59)
        await self.joins_instead(self.begin("sides", player("new", 30)), stays, session, done[1]["Players"][0]["Team"])
        await self.becomes(automatic, "COMPLETED")

    async def test_a_backend_asks_for_one_who_joins_fifty_nine(self):
        self.start()
        self.balanced("field")
        done, (stays, leaves) = await self.sixty("field")
        session = self.session(done[0])
        await leaves.leave()
        players = [ticket["Players"][0] for ticket in done]
        fill = {"ConfigurationName": "field", "GameSessionArn": session["GameSessionId"]}
        self.assertEqual(self.fault("start_match_backfill", Players=[*players, {**players[0], "PlayerId": "one-too-many"}], **fill), "InvalidRequestException")
        self.gamelift.start_match_backfill(TicketId="fill", Players=[one for one in players if one["PlayerId"] != "p1"], **fill)
        await self.joins_instead(self.begin("field", player("new", 30)), stays, session, "field")
        await self.becomes("fill", "COMPLETED")


if __name__ == "__main__":
    unittest.main()
