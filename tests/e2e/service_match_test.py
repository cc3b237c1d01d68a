#!/usr/bin/python3
"""Matchmaking as a studio's backend sees it: botocore, unmodified, against ringcastd."""

import json
import os
import tempfile
import unittest

from botocore.exceptions import ClientError

from daemon import Daemon
from gamelift import client, service_port
from player import until
from webhook_test import Receiver

GALLERY = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "examples", "matchmaking")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT")


class MatchCase(unittest.IsolatedAsyncioTestCase):
    """A daemon with a store and a webhook; names of rule sets are those of the gallery's files."""

    def start(self, webhook=False, **settings):
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
        self.daemon = Daemon("--dev", service__store=os.path.join(self.folder, "store.db"), service__match_round="20ms", **settings)
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


if __name__ == "__main__":
    unittest.main()
